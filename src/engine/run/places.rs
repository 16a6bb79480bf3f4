//! What stands at the places of a key: looked at once under the lock, kept in step with what is written, and compared by
//! every write with what stands there then.

use crate::domain::moves::Move;
use crate::domain::situation::Seen;
use crate::domain::slots::{Key, Slots};
use crate::engine::catch_up::by_the_documents;
use crate::engine::collision::refuse_foreign;
use crate::engine::connections::{Delivery, in_delivery, stale};
use crate::engine::deliver::{self, Written};
use crate::engine::elsewhere::confirm_place;
use crate::engine::journal::mark;
use crate::engine::managed::{DeliveryRecord, said};
use crate::engine::precondition::{Ours, behind, is, mark_of, refuse_unread, refused, stranger};
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};
use crate::ledger::KeyMark;
use crate::stores::{Document, Found, Observation, Version};

impl Run<'_> {
    /// Looks at every place before anything is done. A place that cannot be looked at is found out by the step that
    /// needs it.
    pub async fn observe_places(&mut self) {
        for (name, delivery) in &self.connections.deliveries {
            let seen = delivery.look(name).await;
            if let (Ok(seen), Some(slots)) = (&seen, &self.managed.slots)
                && let Found::Document(document) = &seen.found
            {
                self.secrets.keep_matching(slots, document.duplicate());
            }
            self.observed.insert(name.clone(), seen);
        }
    }

    /// A document that leads again with the key whose end was planned: somebody went back to it since.
    pub fn refuse_rollback(&self, moves: &[Move]) -> Result<()> {
        let slots = self.managed.slots.as_ref();
        let Some(retiring) = slots.and_then(Slots::retiring) else {
            return Ok(());
        };
        let is_thought_in_order = |name: &&str| {
            let record = self.managed.deliveries.get(*name);
            record.is_some_and(DeliveryRecord::is_in_order)
        };
        let key = mark(retiring);
        match self.led_by(&key).find(is_thought_in_order) {
            Some(place) if moves.contains(&Move::Revoke) => Err(stale(format!(
                "{}: delivery {place:?} leads again with {}, which was to be revoked",
                self.name,
                retiring.label()
            ))),
            _ => Ok(()),
        }
    }

    /// What a document holds that the state has not heard of makes the plan stale.
    pub async fn refuse_newer(&self) -> Result<()> {
        for (name, delivery) in &self.connections.deliveries {
            if let Some(Ok(seen)) = self.observed.get(name) {
                self.refuse_stranger(name, delivery, seen).await?;
            }
        }
        self.refuse_unacknowledged()
    }

    /// A promotion that no state heard of is followed by a refresh, never undone by an older plan.
    fn refuse_unacknowledged(&self) -> Result<()> {
        // A promotion of a key that is gone by now is nothing to follow.
        if self.facts.secondary == Seen::Gone {
            return Ok(());
        }
        let documents = self.observed.values().filter_map(|seen| match seen {
            Ok(Observation {
                found: Found::Document(document),
                ..
            }) => Some(document),
            _ => None,
        });
        self.refuse_promoted(documents)
    }

    fn refuse_promoted<'a>(&self, documents: impl Iterator<Item = &'a Document>) -> Result<()> {
        let slots = self.managed.slots.as_ref();
        match slots.and_then(|slots| by_the_documents(slots, documents, self.clock.now())) {
            None => Ok(()),
            Some(slots) => Err(behind(format!(
                "{}: a newer document leads with {}",
                self.name,
                slots.primary.label()
            ))),
        }
    }

    async fn refuse_stranger(
        &self,
        name: &str,
        delivery: &Delivery,
        seen: &Observation,
    ) -> Result<()> {
        let Found::Document(document) = &seen.found else {
            let ledger = self.journal.ledger();
            return refuse_unread(name, delivery, seen, &self.managed, ledger).await;
        };
        let slots = self.managed.slots.as_ref();
        // Before the first key there is no state to be behind; whose document it is is another question.
        let Some(slots) = slots else { return Ok(()) };
        let ours = Ours {
            managed: &self.managed,
            minted: self.minted.as_ref(),
            left_behind: self.left_behind,
        };
        let found = stranger(document, &ours, self.connections, self.journal.ledger());
        match found.await? {
            None => Ok(()),
            Some(stranger) => {
                let place = delivery.store.place();
                in_delivery(
                    name,
                    Err(refused(
                        &place,
                        &stranger,
                        &self.managed.id,
                        slots.generation,
                    )),
                )
            }
        }
    }

    /// Writes one document over what was last seen there, and notes what stands there now.
    pub(super) async fn write(
        &mut self,
        name: &str,
        delivery: &Delivery,
        document: &Document,
    ) -> Result<Written> {
        let expected = self.expected(name, delivery).await?;
        self.keep_what_is_overwritten(name);
        self.refuse_to_ask_again(name, delivery, document).await?;
        let former = self.managed.deliveries.get(name).cloned();
        let former = former.as_ref();
        // Where nobody can tell it after the write, what it was before counts.
        let known = match former.and_then(|record| record.place.clone()) {
            None => named(delivery).await,
            known => known,
        };
        let id = &self.managed.id;
        let written = deliver::write(id, name, delivery, former, document, &expected).await;
        if let Err(error) = &written {
            self.note_unsure(name, delivery, error).await;
        }
        let (receipt, lingers) = written?;
        self.trouble.unsure.remove(name);
        let seen = Observation {
            found: Found::Document(document.duplicate()),
            version: receipt.content,
        };
        self.observed.insert(name.to_owned(), Ok(seen));
        // Nothing is taken away as long as the document holds two keys, so what was left before is left still.
        let left = former.filter(|record| record.lingers() && document.secondary.is_some());
        let left = left.and_then(|record| record.reason.clone());
        let lingers = lingers.map(|error| {
            let why = said(name, &error);
            self.warnings.push(error);
            why
        });
        Ok(Written {
            lingers: lingers.or(left),
            version: receipt.version,
            place: named(delivery).await.or(known),
        })
    }

    /// Nobody knows what stands there after a write that failed. Where it cannot be read back, what is there now is of this
    /// very write, unless it says that somebody else was faster.
    async fn note_unsure(&mut self, name: &str, delivery: &Delivery, error: &Error) {
        self.trouble.unsure.insert(name.to_owned());
        let may_have_arrived = matches!(error.kind, Kind::Unavailable | Kind::Uncertain);
        if may_have_arrived {
            let record = self.managed.deliveries.entry(name.to_owned()).or_default();
            if record.place.is_none() {
                record.place = delivery.store.identity().await.ok();
            }
        }
        let Some(record) = self.managed.deliveries.get_mut(name) else {
            return;
        };
        if error.kind == Kind::Awaiting {
            // What is asked for now has not been waiting before.
            record.failing_since = None;
        }
        if !delivery.readable && error.kind != Kind::Stale {
            record.version = match delivery.look(name).await.map(|seen| seen.version) {
                Ok(Version::Of(version)) => Some(version),
                _ => None,
            };
        }
    }

    /// A first key may take the place of one that somebody still uses, whose document no slot tells of.
    fn keep_what_is_overwritten(&mut self, name: &str) {
        if self.managed.slots.is_some() {
            return;
        }
        let document = match self.observed.get(name) {
            Some(Ok(Observation {
                found: Found::Document(document),
                ..
            })) => Some(document.duplicate()),
            _ => None,
        };
        let overwritten = &mut self.progress.overwritten;
        overwritten.entry(name.to_owned()).or_insert(document);
    }

    /// A place that could not be looked at in a hurry may hold the only copy of a key that is to stay beside the new one.
    pub(super) async fn look_for_what_stays(&mut self) {
        let connections = self.connections;
        let Some(slots) = self.managed.slots.clone() else {
            return;
        };
        for (name, delivery) in &connections.deliveries {
            let keys = [Some(&slots.primary), slots.secondary_key()];
            let mut keys = keys.into_iter().flatten();
            let lacks =
                keys.any(|key| self.secrets.secret_of(key).is_none() && self.is_to_stay(key));
            let is_unseen = matches!(self.observed.get(name), Some(Err(_)));
            if !lacks || !is_unseen || self.trouble.failed.contains(name) {
                continue;
            }
            let seen = delivery.look(name).await;
            if let Ok(Found::Document(document)) = seen.map(|seen| seen.found) {
                self.secrets.keep_matching(&slots, document);
            }
        }
    }

    fn is_to_stay(&self, key: &Key) -> bool {
        let primary = self.managed.slots.as_ref().map(|slots| &slots.primary);
        let seen = match primary == Some(key) {
            true => &self.facts.primary,
            false => &self.facts.secondary,
        };
        self.emergency.is_some() && !self.is_compromised(key) && *seen != Seen::Gone
    }

    /// What this provider did not write, as far as the place was looked at.
    pub(super) fn refuse_foreign_at(&self, name: &str, delivery: &Delivery) -> Result<()> {
        match self.observed.get(name) {
            Some(Ok(seen)) => refuse_foreign(name, delivery, &seen.found),
            _ => Ok(()),
        }
    }

    async fn expected(&mut self, name: &str, delivery: &Delivery) -> Result<Version> {
        let is_unsure = self.trouble.unsure.contains(name);
        if let Some(Ok(seen)) = self.observed.get(name)
            && !is_unsure
        {
            refuse_foreign(name, delivery, &seen.found)?;
            return Ok(seen.version.clone());
        }
        let seen = delivery.look(name).await?;
        refuse_foreign(name, delivery, &seen.found)?;
        self.refuse_stranger(name, delivery, &seen).await?;
        // What this apply may have written there itself is no news.
        if let (Found::Document(document), false) = (&seen.found, is_unsure) {
            self.refuse_promoted(std::iter::once(document))?;
        }
        Ok(seen.version)
    }

    /// The deliveries whose documents lead with this key, as far as they were seen or written. One whose last write failed
    /// may still hold what stood there before.
    pub(super) fn led_by(&self, key: &KeyMark) -> impl Iterator<Item = &str> {
        let leads = |seen: &Observation| match &seen.found {
            Found::Document(document) => mark_of(&document.primary).is(key),
            _ => false,
        };
        let observed = self.observed.iter();
        observed
            .filter(move |(_, seen)| seen.as_ref().is_ok_and(leads))
            .map(|(name, _)| name.as_str())
    }

    /// The document that was last seen there has this key in one of its slots.
    pub(super) fn stands_in(&self, name: &str, key: &Key) -> bool {
        let seen = self.observed.get(name).and_then(|seen| seen.as_ref().ok());
        seen.is_some_and(|seen| holds(&seen.found, key))
    }

    /// A compromised key in what was seen that is accepted wherever a document holds it.
    pub(super) fn accepted_in(&self, seen: &Observation) -> Option<&Key> {
        let slots = self.managed.slots.iter();
        let mut keys = slots
            .flat_map(|slots| [Some(&slots.primary), slots.secondary_key()])
            .flatten();
        keys.find(|key| self.is_accepted_where_it_stands(key) && holds(&seen.found, key))
    }

    /// What was last seen there is something else than a document with this key, and nothing was written since of which nobody
    /// knows how it ended.
    pub(super) fn is_seen_without(&self, name: &str, key: &Key) -> bool {
        match self.observed.get(name) {
            Some(Ok(_)) if self.trouble.unsure.contains(name) => false,
            Some(Ok(seen)) => !matches!(seen.found, Found::Opaque) && !self.stands_in(name, key),
            _ => false,
        }
    }

    /// A required place that could not be looked at and that this resource never wrote: it may lead with any key that an
    /// earlier apply left behind.
    pub(super) fn unknown_place(&self) -> Option<&str> {
        let was_written = |name: &str| {
            let record = self.managed.deliveries.get(name);
            record.is_some_and(DeliveryRecord::was_written)
        };
        let mut wanted = self.connections.deliveries.iter();
        wanted
            .find(|(name, delivery)| {
                let seen = matches!(self.observed.get(*name), Some(Ok(_)));
                delivery.required && delivery.readable && !seen && !was_written(name)
            })
            .map(|(name, _)| name.as_str())
    }
}

/// What a place is that was just written to. The write went well, so nothing but its record suffers if the place cannot be named
/// now, or not as well as before.
async fn named(delivery: &Delivery) -> Option<String> {
    confirm_place(delivery).await.ok()?;
    delivery.store.identity().await.ok()
}

/// The document has this key in one of its slots.
fn holds(found: &Found, key: &Key) -> bool {
    let Found::Document(document) = found else {
        return false;
    };
    let mut there = [Some(&document.primary), document.secondary.as_ref()]
        .into_iter()
        .flatten();
    there.any(|there| is(key, there))
}
