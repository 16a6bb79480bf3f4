//! Revocations: of a retiring key, of those that failed earlier, and of a new key that is taken back.

use crate::domain::situation::Seen;
use crate::domain::slots::{Key, Slots};
use crate::domain::steps::Content;
use crate::engine::connections::{Delivery, stale};
use crate::engine::deliver;
use crate::engine::journal::{Deed, mark};
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};
use crate::issuers::{KeyRef, Supply};
use crate::ledger::guard::Guard;
use crate::ledger::{Effect, KeyMark};
use crate::stores::Document;

impl Run<'_> {
    /// A key that reached no store, or does not work, is taken back: first the documents, which may lead with it, then
    /// the key. Afterwards nothing has changed.
    pub(super) async fn undo(&mut self, cause: Error) -> Error {
        let Some(key) = self.minted.clone() else {
            return cause;
        };
        if self.journal.guard().is_some_and(Guard::is_lost) {
            // Whoever has the lock now finds the key in the journal.
            return cause;
        }
        let restored = self.restore(&key).await;
        self.minted = None;
        let label = key.label().to_owned();
        if self.brought.is_some() || (self.is_of_a_person() && restored.is_ok()) {
            let detail = format!("{} Existing key {label} is left as it was.", cause.detail);
            return Error { detail, ..cause };
        }
        let emptied = restored.as_ref().is_ok_and(|emptied| *emptied);
        if let Err(error) = restored {
            self.progress.left.extend(key.key_id.clone());
            self.managed.pending_revocations.extend(key.key_id);
            let detail = format!(
                "{} New key {label} may still stand first in a delivery ({}), so it was not revoked. It is kept in \
                 pending_revocations; the next apply puts the delivery in order before it revokes the key.",
                cause.detail, error.summary
            );
            return Error { detail, ..cause };
        }
        let deed = Deed {
            takes_back: true,
            ..Deed::to(mark(&key))
        };
        let undone = match self.revoke(self.reference(&key), deed).await {
            Ok(_) if emptied => {
                format!("New key {label} was taken out of the deliveries and revoked again.")
            }
            Ok(_) => format!("New key {label} was revoked again; nothing else has changed."),
            Err(error) => {
                self.managed.pending_revocations.extend(key.key_id);
                format!(
                    "New key {label} could not be revoked ({}); it is kept in pending_revocations \
                     and the next apply tries again.",
                    error.summary
                )
            }
        };
        Error {
            detail: format!("{} {undone}", cause.detail),
            ..cause
        }
    }

    /// The key before it is compromised or dead, so that readers are better off with the new one, which a part of a delivery has.
    pub(super) fn left_in_place(&self, place: &str, cause: Error) -> Error {
        let key = self.minted.as_ref().map(Key::label).unwrap_or_default();
        let detail = format!(
            "{} New key {key} stands first in delivery {place:?}, and the key before it is compromised or dead: the new one stays, \
             and the next apply goes on from there.",
            cause.detail
        );
        Error { detail, ..cause }
    }

    /// A place that leads with the new key although its write failed, where an undo would lead its readers back to a key that is
    /// compromised or dead.
    pub(super) async fn led_in_place_of_a_bad_one(&self) -> Option<String> {
        let is_bad = self.primary_is_compromised() || self.primary_is_dead();
        let key = self
            .minted
            .as_ref()
            .filter(|_| is_bad && self.brought.is_none())?;
        for name in &self.progress.led {
            let delivery = self.connections.deliveries.get(name);
            let Some(delivery) = delivery.filter(|delivery| delivery.readable) else {
                continue;
            };
            if let Ok(true) = deliver::is_led_by(name, delivery, key).await {
                return Some(name.clone());
            }
        }
        None
    }

    /// Puts the documents back that this key was written to in front of all others; `true` if there was none to put back,
    /// so that a place is empty now. Where nothing stood before the first key, nobody relies on what stands there.
    async fn restore(&mut self, key: &Key) -> Result<bool> {
        let connections = self.connections;
        let mut emptied = false;
        let mut failure = None;
        let former = match self.managed.slots {
            Some(_) => self.document(Content::Current),
            None => None,
        };
        for name in std::mem::take(&mut self.progress.led) {
            let Some(delivery) = connections.deliveries.get(&name) else {
                continue;
            };
            let before = self.progress.overwritten.remove(&name).flatten();
            let restored = match former.as_ref().or(before.as_ref()) {
                Some(document) => self.put_back(&name, delivery, document, key).await,
                None => {
                    self.observed.remove(&name);
                    let withdrawn = deliver::withdraw(&name, delivery, &[key]).await;
                    let record = self.managed.deliveries.get_mut(&name);
                    if let (Ok(()), Some(record), None) = (&withdrawn, record, &self.managed.slots)
                    {
                        // Nothing of ours is there, wherever the next attempt leads.
                        record.place = None;
                    }
                    withdrawn
                }
            };
            match restored {
                Err(error) if self.managed.slots.is_none() && before.is_none() => {
                    self.warnings.push(error);
                }
                restored => failure = failure.or(restored.err()),
            }
            emptied |= former.is_none() && self.managed.slots.is_some();
        }
        failure.map_or(Ok(emptied), Err)
    }

    async fn put_back(
        &mut self,
        name: &str,
        delivery: &Delivery,
        document: &Document,
        key: &Key,
    ) -> Result<()> {
        if delivery.readable && !deliver::is_led_by(name, delivery, key).await? {
            return Ok(());
        }
        let deed = Deed {
            takes_back: true,
            ..Deed::at(delivery.place(name))
        };
        let written = self.write_down(name, delivery, document, deed).await;
        written.inspect_err(|error| self.note_failure(name, error))
    }

    /// Its successor is in every store by now, or it was never in use itself. A failure leaves the key on the
    /// list of revocations to retry.
    pub(super) async fn revoke_secondary(&mut self) -> Result<()> {
        if let Some(why) = self.successor_is_missing() {
            return Err(why);
        }
        let Some(slots) = &self.managed.slots else {
            return Ok(());
        };
        let Some(secondary) = slots.secondary.clone() else {
            return Ok(());
        };
        let key = secondary.key;
        if let Some(place) = self.is_read_in(&key) {
            let (name, label) = (self.name, key.label());
            return Err(stale(format!(
                "{name}: delivery {place:?} leads with {label}, which was to be revoked"
            )));
        }
        if self.is_accepted_where_it_stands(&key) {
            Box::pin(self.withdraw()).await?;
        }
        if let Some(still_read) = self.is_still_read(&key) {
            return Err(self.not_contained(key.label(), still_read));
        }
        let unrevoked = match self.end(&key).await {
            Ok(doubt) => {
                tracing::info!(key = %self.name, revoked = %key.label(), "revoked");
                self.warn_of_doubt(&key, doubt);
                None
            }
            Err(error) => match key.key_id.clone() {
                Some(id) if error.kind != Kind::StillValid => Some((id, error)),
                // A slot alone remembers a key without an id, and a secret alone can show that a key is dead.
                _ => return Err(self.retire_again(&key, error).await),
            },
        };
        if let Some(slots) = &mut self.managed.slots {
            slots.secondary = None;
        }
        if let Some((id, error)) = unrevoked {
            self.note_unrevoked(&id, error);
            self.managed.pending_revocations.push(id);
        }
        Ok(())
    }

    /// The key keeps its slot, and its secret goes back to where it was taken out, so that the next apply can try again.
    async fn retire_again(&mut self, key: &Key, error: Error) -> Error {
        let connections = self.connections;
        let document = self.document(Content::Current);
        for (name, delivery) in &connections.deliveries {
            let Some(document) = document.as_ref().filter(|_| !self.is_failing(name)) else {
                continue;
            };
            let deed = Deed {
                takes_back: true,
                ..Deed::at(delivery.place(name))
            };
            if let Err(error) = self.write_down(name, delivery, document, deed).await {
                self.note_failure(name, &error);
                self.warnings.push(error);
            }
        }
        if self.is_compromised(key) {
            return self.not_contained(key.label(), error);
        }
        Error {
            summary: format!("{}: retiring key {} is not revoked", self.name, key.label()),
            detail: format!(
                "{error} It keeps the secondary slot, and every apply tries again. {} if you can.",
                self.end_by_hand("it")
            ),
            ..error
        }
    }

    /// Why the retiring key has to live on. Its successor must be in a delivery that is in order, and no required one may
    /// have lost it; at `max_grace_period` it is enough that it was written somewhere and that nobody saw it gone.
    pub(super) fn successor_is_missing(&self) -> Option<Error> {
        if self.contains() {
            return self.has_no_successor_now();
        }
        let slots = self.managed.slots.as_ref()?;
        let retired_at = slots.retiring()?.retired_at;
        let successor = &slots.primary.fingerprint;
        let records = &self.managed.deliveries;
        let mut required = self
            .connections
            .deliveries
            .iter()
            .filter(|(_, delivery)| delivery.required);
        let lagging = required.find(|(name, _)| {
            records.get(*name).is_some_and(|record| {
                record.is_failing()
                    && record.fingerprint != *successor
                    && record.failing_since > retired_at
            })
        });
        let known = records
            .values()
            .any(|record| record.fingerprint == *successor)
            || self.secrets.secret_of(&slots.primary).is_some();
        let served = self.managed.any_in_order() && lagging.is_none();
        if self.primary_is_lost() || served || (self.hold_has_ended() && known) {
            return None;
        }
        let why = match lagging {
            Some((name, _)) => {
                format!("delivery {name:?} lost its successor and cannot be written")
            }
            None => "no delivery is in order that holds its successor".into(),
        };
        Some(Error::new(
            Kind::Other,
            format!(
                "{}: retiring key {} is not revoked: {why}",
                self.name,
                slots.retiring()?.label()
            ),
            "It stays valid. Mend what is said of the deliveries; the next apply tries again, and from the end of \
             max_grace_period on it no longer waits.",
        ))
    }

    /// A delivery that leads with a key that is to be revoked, although another could stand there.
    pub(super) fn is_read_in(&self, key: &Key) -> Option<String> {
        let key = mark(key);
        let mut leading = self.led_by(&key);
        let place = leading.find(|place| !self.is_left_behind(place));
        place.filter(|_| !self.contains_first()).map(str::to_owned)
    }

    /// A delivery that cannot be written, and for which no revocation waits any longer.
    fn is_left_behind(&self, name: &str) -> bool {
        let record = self.managed.deliveries.get(name);
        let Some(record) = record.filter(|record| record.is_failing()) else {
            return false;
        };
        let wanted = self.connections.deliveries.get(name);
        let required = wanted.is_some_and(|delivery| delivery.required);
        if self.contains() {
            // What was in order until now, no plan has given up.
            return !(required && self.began_to_fail(name));
        }
        let slots = self.managed.slots.as_ref();
        let retired_at = slots
            .and_then(Slots::retiring)
            .and_then(|key| key.retired_at);
        !required || record.failing_since <= retired_at || self.hold_has_ended()
    }

    /// `max_grace_period` is over, or an emergency waits for no grace.
    pub(super) fn hold_has_ended(&self) -> bool {
        let slots = self.managed.slots.as_ref();
        let ends = slots.and_then(|slots| slots.hold_ends_at(self.policy));
        self.contains() || ends.is_some_and(|at| self.clock.now() >= at)
    }

    pub(super) async fn revoke_pending(&mut self) -> Result<()> {
        for id in std::mem::take(&mut self.managed.pending_revocations) {
            let key = KeyMark::new(Some(id.clone()), None);
            if self.is_in_a_slot(&id) {
                self.warnings.push(in_use(self.name, &id));
                continue;
            }
            let revoked = match self.may_lead(&key) {
                Some(leads) => Err(leads),
                None => self
                    .revoke(KeyRef::of_id(&id), Deed::to(key))
                    .await
                    .map(drop),
            };
            if let Err(error) = revoked {
                self.note_unrevoked(&id, error);
                self.managed.pending_revocations.push(id);
            }
        }
        Ok(())
    }

    /// A key that lives on is no more than a warning, unless it is compromised.
    fn note_unrevoked(&mut self, id: &str, error: Error) {
        match self.is_compromised_id(id) {
            true => self.trouble.late = Some(self.not_contained(id, error)),
            false => self.warn_pending(id.to_owned(), error),
        }
    }

    /// Why a key that awaits its revocation may still be read first somewhere.
    fn may_lead(&self, key: &KeyMark) -> Option<Error> {
        let is_compromised = key
            .key_id
            .as_ref()
            .is_some_and(|id| self.is_compromised_id(id));
        // A compromised key was never anywhere but where this resource wrote it, and waits for no place that fails.
        let waits = |place: &&str| !is_compromised || !self.is_failing(place);
        let unknown = self.unknown_place().filter(|_| !is_compromised);
        let why = match (self.led_by(key).find(waits), unknown) {
            (Some(place), _) => format!("delivery {place:?} leads with it"),
            (None, Some(place)) => {
                format!("delivery {place:?} could not be looked at and may lead with it")
            }
            (None, None) => return None,
        };
        let harm = "Applications that read it there would stop working.";
        Some(Error::new(Kind::Stale, why, harm))
    }

    pub(super) fn is_in_a_slot(&self, id: &str) -> bool {
        let slots = self.managed.slots.iter();
        slots
            .flat_map(|slots| [Some(&slots.primary), slots.secondary_key()])
            .flatten()
            .any(|key| key.key_id.as_deref() == Some(id))
    }

    pub(super) fn reference<'k>(&'k self, key: &'k Key) -> KeyRef<'k> {
        KeyRef {
            key_id: key.key_id.as_deref(),
            secret: self.secrets.secret_of(key),
        }
    }

    /// A key that a person has revoked already, as far as can be seen, has come to its end.
    async fn end(&self, key: &Key) -> Result<Option<Error>> {
        let by_hand = self.connections.capabilities.supply == Supply::Brought;
        let deed = Deed::to(mark(key));
        if by_hand && self.facts.secondary == Seen::Gone {
            let done = async |_| Ok(None);
            let (journal, acting) = (&self.journal, self.acting);
            return journal
                .effect(Effect::Revoke, acting, deed, done, |_| None)
                .await;
        }
        self.revoke(self.reference(key), deed).await
    }

    async fn revoke(&self, key: KeyRef<'_>, deed: Deed) -> Result<Option<Error>> {
        let slots = self.managed.slots.as_ref();
        let survivor = slots.map(|slots| self.reference(&slots.primary));
        self.revoke_beside(key, survivor, deed).await
    }

    /// "Deleted" is the issuer's word; whether the key still opens the door is a fact, and part of the effect. Gives back
    /// why nobody could find out.
    pub(super) async fn revoke_beside(
        &self,
        key: KeyRef<'_>,
        survivor: Option<KeyRef<'_>>,
        deed: Deed,
    ) -> Result<Option<Error>> {
        let connections = self.connections;
        // Boxed, as is the effect: with the proof it is the largest of all, and lies at the end of a deep call.
        let revoke = |_| {
            Box::pin(async move {
                connections.issuer.revoke(key, survivor).await?;
                connections.verify_revoked(key, self.stop).await
            })
        };
        let journal = &self.journal;
        let effect = journal.effect(Effect::Revoke, self.acting, deed, revoke, |_| None);
        Box::pin(effect).await
    }

    fn warn_pending(&mut self, label: String, error: Error) {
        self.warnings.push(Error {
            summary: format!("{}: key {label} could not be revoked", self.name),
            detail: format!(
                "{error} The key is kept in pending_revocations and the next apply tries again."
            ),
            ..error
        });
    }

    /// Whoever tried a revoked key and was refused has its end proved.
    pub(super) fn warn_of_doubt(&mut self, key: &Key, doubt: Option<Error>) {
        let is_tried = self.connections.to_try(self.reference(key)).is_some();
        if doubt.is_none() && is_tried {
            self.progress.proved.push(mark(key));
        }
        self.warnings.extend(doubt.map(|error| Error {
            summary: format!("{}: revoked key {} is not proved dead", self.name, key.label()),
            detail: format!(
                "The issuer says that it ended it, or that there is no such key. {error} Look whether it is still accepted \
                 before you rely on its end."
            ),
            ..error
        }));
    }
}

/// A list of revocations that names a key in use was edited by hand or comes from another state.
fn in_use(name: &str, id: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("{name}: key {id} is in use and was not revoked"),
        "It was listed in pending_revocations although it is in a slot of this very resource: the state was edited, or \
         belongs to another key. It was taken off the list, and the key lives on.",
    )
}
