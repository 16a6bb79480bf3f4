//! Deliveries: what is written where, and what follows if a store fails.
//!
//! A place that fails is written down and told, and the apply goes on as long as another is in order; what a required
//! one holds up, the rules know (see [`crate::domain::deliveries`]).

use crate::domain::situation::Seen;
use crate::domain::slots::{Key, Slots};
use crate::domain::steps::Content;
use crate::duration::Duration;
use crate::engine::connections::{Delivery, in_delivery, stale};
use crate::engine::deliver;
use crate::engine::journal::Deed;
use crate::engine::managed::{DeliveryRecord, DeliveryState};
use crate::engine::precondition::mark_of;
use crate::engine::run::{Run, approval};
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::{Effect, Outcome};
use crate::stores::Document;

impl Run<'_> {
    /// Before anything is minted: a first key needs every required place, any other key one that can be written.
    pub(super) async fn check_deliveries(&mut self) -> Result<()> {
        let connections = self.connections;
        let mut failures = Vec::new();
        let mut fit = connections.deliveries.is_empty();
        for (name, delivery) in &connections.deliveries {
            if self.trouble.failed.contains(name) {
                continue;
            }
            let seen = self.observed.get(name).and_then(|seen| seen.as_ref().ok());
            let fits = in_delivery(name, delivery.store.check(seen).await);
            match fits.and_then(|()| self.refuse_foreign_at(name, delivery)) {
                Ok(()) => fit = true,
                Err(error) if self.managed.slots.is_none() && delivery.required => {
                    return Err(error);
                }
                Err(error) => {
                    self.note_failure(name, &error);
                    failures.push(error);
                }
            }
        }
        if !fit {
            return Err(first(failures));
        }
        self.warnings.extend(failures);
        Ok(())
    }

    pub(super) async fn deliver(&mut self, content: Content) -> Result<()> {
        match content {
            Content::Swapped => self.refuse_incomplete()?,
            // Whoever reads the key that makes room goes on with the primary, compromised as it is, until another is made. And a
            // key that ends by being taken out of every document is taken out of those as well that the last write missed.
            Content::PrimaryAlone
                if self.leaves_readers_with_nothing()
                    || (self.primary_is_compromised() && self.second_may_stand_elsewhere()) => {}
            // What takes its place is written next, so nobody is given the compromised key once more.
            Content::PrimaryAlone | Content::Current if self.primary_is_compromised() => {
                return Ok(());
            }
            // A key that cannot be revoked yet stays where consumers look for it.
            Content::PrimaryAlone => {
                self.successor_is_missing().map_or(Ok(()), Err)?;
                // A document that only holds a revoked key is of no use; its successor is written next.
                if self.contains() && self.primary_is_dead() {
                    return Ok(());
                }
            }
            _ => {}
        }
        let connections = self.connections;
        if connections.deliveries.is_empty() {
            return self.settle(content, Vec::new(), false).await;
        }
        self.look_for_what_stays().await;
        let Some(document) = self.document(content) else {
            return self.without_document(content).await;
        };
        let mut failures = Vec::new();
        let mut awaited = false;
        for (name, delivery) in &connections.deliveries {
            if self.is_spared(name, content) {
                continue;
            }
            if content == Content::NewFirst {
                self.progress.led.insert(name.clone());
            }
            let waits = delivery.required && !self.is_excused(name);
            match self.deliver_to(name, delivery, &document).await {
                Ok(()) => awaited |= waits,
                Err(error) => {
                    self.note_failure(name, &error);
                    failures.push(error);
                }
            }
        }
        self.settle(content, failures, awaited).await
    }

    async fn deliver_to(
        &mut self,
        name: &str,
        delivery: &Delivery,
        document: &Document,
    ) -> Result<()> {
        let deed = Deed {
            key: Some(mark_of(&document.primary)),
            place: Some(delivery.place(name)),
            ..Deed::default()
        };
        self.write_down(name, delivery, document, deed).await
    }

    /// One write between its intent and its outcome, and the record of it.
    pub(super) async fn write_down(
        &mut self,
        name: &str,
        delivery: &Delivery,
        document: &Document,
        deed: Deed,
    ) -> Result<()> {
        let (journal, acting) = (self.journal, self.acting);
        let run = &mut *self;
        let written = journal.told(
            Effect::Deliver,
            acting,
            deed,
            move |_| run.write(name, delivery, document),
            |written| match &written.version {
                Some(version) => Outcome::Written(version.clone()),
                None => Outcome::Done(None),
            },
        );
        let written = written.await;
        if matches!(&written, Err(error) if error.kind != Kind::Awaiting) {
            return written.map(drop);
        }
        let former = self.managed.deliveries.remove(name).unwrap_or_default();
        let is_asked = written.is_err() || !former.asked.is_empty();
        let record = match is_asked {
            true => former.asking(document.asked()),
            false => former,
        };
        let (record, outcome) = match written {
            Ok(written) => {
                let asked = record.asked;
                let record = deliver::record(written, document, self.clock.now());
                (DeliveryRecord { asked, ..record }, Ok(()))
            }
            Err(error) => (record, Err(error)),
        };
        self.managed.deliveries.insert(name.to_owned(), record);
        outcome
    }

    /// What failed in this apply fails again, what holds the keys as it should needs no copy of them, and what awaits
    /// approval is not asked for twice.
    fn is_spared(&self, name: &str, content: Content) -> bool {
        let former = &self.connections.former;
        let has_moved = || former.iter().any(|place| place.former.name == name);
        let record = self.managed.deliveries.get(name);
        let is_settled = record.is_some_and(|record| {
            (record.is_in_order() && !record.lingers())
                || (record.is_for_a_person() && !has_moved())
        });
        self.trouble.failed.contains(name) || (content == Content::Current && is_settled)
    }

    /// A place still leads with the compromised key that makes room beside a compromised primary that works.
    fn leaves_readers_with_nothing(&self) -> bool {
        let slots = self.managed.slots.as_ref();
        let second = slots.and_then(Slots::secondary_key);
        self.primary_is_compromised()
            && self.facts.primary_is_usable()
            && second.is_some_and(|key| self.is_read_in(key).is_some())
    }

    /// The second key exists in documents alone, and a place that failed or that a delivery has left may hold it.
    fn second_may_stand_elsewhere(&self) -> bool {
        let slots = self.managed.slots.as_ref();
        let second = slots.and_then(Slots::secondary_key);
        let mut records = self.managed.deliveries.values();
        second.is_some_and(|key| self.is_accepted_where_it_stands(key))
            && (records.any(DeliveryRecord::is_failing) || !self.managed.former.is_empty())
    }

    /// From when on counts as failing what fails now: what begins to in the very apply of a request did not fail before it.
    pub(super) fn fails_from(&self) -> Instant {
        let slots = self.managed.slots.as_ref();
        let asked = slots.and_then(|slots| slots.requested_at);
        match self.clock.now() {
            now if asked == Some(now) => now + Duration::from_secs(1),
            now => now,
        }
    }

    pub(super) fn note_failure(&mut self, name: &str, error: &Error) {
        let record = self.managed.deliveries.remove(name).unwrap_or_default();
        if record.failing_since.is_none() {
            self.trouble.began_to_fail.insert(name.to_owned());
        }
        let now = self.fails_from();
        let state = match record.state {
            _ if error.kind == Kind::Awaiting => DeliveryState::AwaitingApproval,
            DeliveryState::Unreadable => DeliveryState::Unreadable,
            _ => DeliveryState::Failed,
        };
        let record = record.failing(state, name, error, now);
        self.managed.deliveries.insert(name.to_owned(), record);
        self.trouble.failed.insert(name.to_owned());
    }

    /// Nothing is read from a delivery or written to it in this apply.
    pub fn leave_alone(&mut self, name: &str, error: Error) {
        self.note_failure(name, &error);
        self.observed.insert(name.to_owned(), Err(error.clone()));
        self.warnings.push(error);
    }

    /// What was in order when the promotion began failed after it, so the revocation of the old primary waits for it.
    pub(super) fn note_what_missed_the_swap(&mut self, promoted_at: Instant) {
        let slots = self.managed.slots.as_ref();
        if slots.and_then(Slots::retiring).is_none() {
            return;
        }
        for name in &self.trouble.began_to_fail {
            if let Some(record) = self.managed.deliveries.get_mut(name) {
                record.failing_since = Some(promoted_at + Duration::from_secs(1));
            }
        }
    }

    /// It was failing before somebody asked for a rotation, or declared an emergency.
    fn is_excused(&self, name: &str) -> bool {
        if self.answers_an_emergency() {
            return !self.began_to_fail(name);
        }
        let asked = self
            .managed
            .slots
            .as_ref()
            .and_then(|slots| slots.requested_at);
        let record = self.managed.deliveries.get(name);
        let since = record.and_then(|record| record.failing_since);
        since
            .zip(asked)
            .is_some_and(|(since, asked)| since <= asked)
    }

    /// A required place that failed in this apply may lack the staged key.
    fn refuse_incomplete(&self) -> Result<()> {
        if self.facts.primary != Seen::Present || self.primary_is_lost() {
            return Ok(());
        }
        let lacks = |name: &&String| {
            let record = self.managed.deliveries.get(*name);
            record.is_some_and(DeliveryRecord::is_failing) && !self.is_excused(name)
        };
        let required = self
            .connections
            .deliveries
            .iter()
            .filter(|(_, delivery)| delivery.required);
        let lacking = required.map(|(name, _)| name).find(lacks);
        lacking.map_or(Ok(()), |name| {
            Err(Error::new(
                Kind::Other,
                format!("{}: the staged key is not promoted", self.name),
                format!(
                    "Delivery {name:?} is required and is not in order. The old primary stays in use, and the next \
                     apply tries again. To go on without this delivery, set required = false in it."
                ),
            ))
        })
    }

    /// A secret is not at hand.
    async fn without_document(&mut self, content: Content) -> Result<()> {
        let missing = self.managed.slots.as_ref().and_then(|slots| {
            let mut keys = [Some(&slots.primary), slots.secondary_key()]
                .into_iter()
                .flatten();
            keys.find(|key| self.is_missing(key))
                .map(|key| self.unread(key))
        });
        match content {
            // Nothing to copy: an imported key has no secret yet, and taking deliveries away needs none.
            Content::Current => {
                self.trouble.late = missing;
                self.note_unfilled();
                Ok(())
            }
            // The plan knew. The key that replaces the primary in this apply takes the place of both, so the places
            // that it needs are looked at before anything is revoked.
            Content::PrimaryAlone if self.primary_is_lost() => self.check_deliveries().await,
            // The plan knew as well. The documents go on naming a key that is refused.
            Content::PrimaryAlone if self.hold_has_ended() => {
                self.warnings.append(&mut self.trouble.unread);
                Ok(())
            }
            // Whatever follows relies on this delivery, so nothing may follow.
            _ => {
                let needed = || {
                    stale(format!(
                        "{}: no delivery holds a secret that this step needs",
                        self.name
                    ))
                };
                let cause = missing.unwrap_or_else(needed);
                Err(self.undo(cause).await)
            }
        }
    }

    /// A delivery that was to be filled and is not is a failed one, until a copy can be read again.
    fn note_unfilled(&mut self) {
        for name in self.connections.deliveries.keys() {
            let record = self.managed.deliveries.entry(name.clone()).or_default();
            if record.is_in_order() || record.reason.is_some() {
                continue;
            }
            let why = "no copy of the secret could be read to fill it with";
            record.reason = Some(why.to_owned());
            self.warnings.push(Error::new(
                Kind::Unavailable,
                format!("delivery {name:?} was not filled: {why}"),
                "The next apply tries again.",
            ));
        }
    }

    /// What follows from what was written. `awaited`: a place was written that a promotion waits for.
    async fn settle(
        &mut self,
        content: Content,
        mut failures: Vec<Error>,
        awaited: bool,
    ) -> Result<()> {
        let now = self.clock.now();
        if content == Content::PrimaryAlone
            && let Some(error) = self.keeps_the_retiring_key()
        {
            return Err(error);
        }
        let is_somewhere = self.managed.any_in_order();
        let led = match content {
            Content::NewFirst if !is_somewhere => self.led_in_place_of_a_bad_one().await,
            _ => None,
        };
        if let Some(place) = &led {
            let left = self.left_in_place(place, first(std::mem::take(&mut failures)));
            self.trouble.late = Some(left);
        }
        let is_somewhere = is_somewhere || led.is_some();
        if !is_somewhere && !self.is_kept_for_approval(content) {
            match content {
                Content::NewFirst if self.can_wait_as_staged() => {
                    return Err(self.wait_as_staged(first(failures)));
                }
                Content::NewFirst | Content::NewSecond => {
                    let undone = self.undo(first(failures)).await;
                    return Err(approval::to_be_rejected(undone));
                }
                Content::Swapped => return Err(first(failures)),
                Content::PrimaryAlone if !self.hold_has_ended() => return Err(first(failures)),
                // The other moves do not depend on it.
                Content::Current => {
                    self.trouble.late = Some(first(failures));
                    return Ok(());
                }
                Content::PrimaryAlone => {}
            }
        }
        self.warnings.extend(failures);
        if let Some(minted) = &mut self.minted
            && is_somewhere
        {
            minted.delivered_at = Some(now);
        }
        if let Some(slots) = &mut self.managed.slots
            && content == Content::Current
        {
            slots.primary.delivered_at.get_or_insert(now);
            if let Some(secondary) = &mut slots.secondary
                && self.secrets.secret_of(&secondary.key).is_some()
                && (awaited || secondary.key.delivered_at.is_none())
            {
                secondary.key.delivered_at = Some(now);
            }
        }
        if content == Content::NewSecond {
            self.stage();
        }
        Ok(())
    }

    pub(super) fn stage(&mut self) {
        if let (Some(slots), Some(key)) = (&mut self.managed.slots, self.minted.take()) {
            slots.stage(key);
        }
    }

    pub(super) fn document(&self, content: Content) -> Option<Document> {
        let slots = self.managed.slots.as_ref();
        let now = self.clock.now();
        let beside = self.beside.as_ref();
        let (generation, rotated_at) = match (slots, content) {
            (None, _) => beside.map_or((1, now), |there| (there.generation, there.rotated_at)),
            (Some(slots), Content::NewFirst | Content::Swapped) => (slots.generation + 1, now),
            (Some(slots), _) => (slots.generation, slots.last_rotated_at()),
        };
        let primary = slots.map(|slots| &slots.primary);
        let secondary = slots.and_then(Slots::secondary_key);
        let beside = beside.and_then(|there| Some(&there.secondary.as_ref()?.key));
        let (first, second) = match content {
            Content::Current => (primary?, secondary),
            Content::PrimaryAlone => (primary?, None),
            Content::NewSecond => (primary?, self.minted.as_ref()),
            Content::Swapped => (secondary?, primary.filter(|_| !self.primary_is_dead())),
            Content::NewFirst => (
                self.minted.as_ref()?,
                match self.primary_is_dead() {
                    true => secondary,
                    false => primary.or(beside),
                },
            ),
        };
        // A key whose secret is lost for certain is left out: consumers that still hold it are not disturbed.
        let at_hand = |key: &&Key| self.secrets.secret_of(key).is_some();
        let second = second.filter(|key| self.may_stand_beside(key));
        let second = second.filter(|key| at_hand(key) || self.is_missing(key));
        deliver::document(&self.secrets, first, second, generation, rotated_at)
    }
}

/// Several deliveries may fail for one reason; the first stands for all.
pub(super) fn first(failures: Vec<Error>) -> Error {
    let mut failures = failures.into_iter();
    let fallback = || {
        Error::new(
            Kind::Other,
            "No delivery is in order",
            "None could be written in this apply. Mend what is said of them, and apply again.",
        )
    };
    let mut error = failures.next().unwrap_or_else(fallback);
    for other in failures {
        error.detail = format!("{} Also: {other}", error.detail);
    }
    error
}
