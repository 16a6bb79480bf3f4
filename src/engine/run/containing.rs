//! Revocations of compromised keys, which wait for nothing but what fails in this very apply.

use crate::domain::announce::enumerated;
use crate::domain::emergency::Order;
use crate::domain::moves::Move;
use crate::domain::situation::Seen;
use crate::domain::slots::{Key, Slots};
use crate::engine::journal::{Deed, mark};
use crate::engine::managed::DeliveryRecord;
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};
use crate::issuers::Supply;

impl Run<'_> {
    /// The move that is being taken contains a compromised key, or makes room for the one that takes its place.
    pub(super) fn contains(&self) -> bool {
        self.acting == Move::Contain.word()
    }

    /// The move that is being taken is one that an emergency asks for. Whatever follows it in the same apply is none.
    pub fn answers_an_emergency(&self) -> bool {
        self.contains() || self.primary_is_compromised()
    }

    pub(super) fn primary_is_compromised(&self) -> bool {
        let slots = self.managed.slots.as_ref();
        slots.is_some_and(|slots| self.is_compromised(&slots.primary))
    }

    pub(super) fn is_compromised(&self, key: &Key) -> bool {
        self.emergency.as_ref().is_some_and(|it| it.has(key))
    }

    pub(super) fn is_compromised_id(&self, id: &str) -> bool {
        self.emergency.as_ref().is_some_and(|it| it.has_id(id))
    }

    /// It contains before anything takes the place of what is revoked: a person asked for that order.
    pub(super) fn contains_first(&self) -> bool {
        let emergency = self.emergency.as_ref();
        self.contains() && emergency.is_some_and(|it| it.order == Order::RevokeFirst)
    }

    /// The place was in order when this apply began.
    pub(super) fn began_to_fail(&self, name: &str) -> bool {
        self.trouble.began_to_fail.contains(name)
    }

    pub(super) fn is_failing(&self, name: &str) -> bool {
        let record = self.managed.deliveries.get(name);
        record.is_some_and(DeliveryRecord::is_failing)
    }

    /// The primary goes although nothing has taken its place: by the order that a person asked for, or because it is of no
    /// use to anybody.
    pub(super) async fn revoke_primary(&mut self) -> Result<()> {
        let Some(slots) = &self.managed.slots else {
            return Ok(());
        };
        let key = slots.primary.clone();
        let survivor = slots.secondary_key().map(|second| self.reference(second));
        let deed = Deed::to(mark(&key));
        let revoked = self.revoke_beside(self.reference(&key), survivor, deed);
        let doubt = revoked
            .await
            .map_err(|error| self.not_contained_first(&key, error))?;
        tracing::info!(key = %self.name, revoked = %key.label(), "revoked before anything takes its place");
        self.warn_of_doubt(&key, doubt);
        Ok(())
    }

    /// A compromised primary that its issuer does not list any more. What is gone leaves the slots, and a list may be wrong.
    pub(super) fn compromised_and_unseen(&self) -> Option<Key> {
        let primary = self.managed.slots.as_ref().map(|slots| &slots.primary);
        // Where nothing is listed, a key counts as gone because it was revoked.
        let able = self.connections.capabilities;
        let is_unseen = self.facts.primary == Seen::Gone
            && able.inspects()
            && able.supply == Supply::Minted
            && !self.progress.done.contains(&Move::RevokePrimary);
        let key = primary.filter(|key| is_unseen && key.key_id.is_some());
        key.filter(|key| self.is_compromised(key)).cloned()
    }

    /// It is revoked like one that is listed: an issuer that has no such key says so.
    pub(super) async fn end_unseen(&mut self, key: &Key) -> Result<()> {
        let slots = self.managed.slots.as_ref();
        let survivor = slots.map(|slots| self.reference(&slots.primary));
        let deed = Deed::to(mark(key));
        match self
            .revoke_beside(self.reference(key), survivor, deed)
            .await
        {
            Ok(doubt) => {
                self.warn_of_doubt(key, doubt);
                Ok(())
            }
            Err(error) => {
                self.managed.pending_revocations.extend(key.key_id.clone());
                Err(error)
            }
        }
    }

    /// Whoever has revoked first must know that nothing has taken the place of the key.
    pub(super) fn after_what_was_revoked(&self, error: Error) -> Error {
        let revoked = self.progress.done.contains(&Move::RevokePrimary);
        let slots = self.managed.slots.as_ref();
        match slots.filter(|_| revoked && self.facts.primary == Seen::Gone) {
            None => error,
            Some(slots) => Error {
                detail: format!(
                    "{} Before that, key {} was revoked, and nothing is delivered in its place yet: whoever reads it is \
                     refused. Mend this and apply again at once.",
                    error.detail,
                    slots.primary.label()
                ),
                ..error
            },
        }
    }

    /// Whoever reads an error of an emergency must know that it is not over.
    pub(super) fn with_what_still_works(&self, error: Error) -> Error {
        let slots = self.managed.slots.as_ref();
        let primary = slots.map(|slots| &slots.primary);
        let primary = primary.filter(|_| self.facts.primary != Seen::Gone);
        let secondary = slots.and_then(Slots::secondary_key);
        let held = primary.into_iter().chain(secondary);
        let held = held.filter(|key| self.is_compromised(key)).map(Key::label);
        let pending = self.managed.pending_revocations.iter();
        let pending = pending.filter(|id| self.is_compromised_id(id));
        let alive: Vec<&str> = held.chain(pending.map(String::as_str)).collect();
        if alive.is_empty() {
            return error;
        }
        let (verb, it) = match alive.len() {
            1 => ("is", "it"),
            _ => ("are", "them"),
        };
        Error {
            detail: format!(
                "{} {} {verb} compromised and NOT revoked. {} if you can do so sooner; every apply tries again.",
                error.detail,
                enumerated(&alive),
                self.end_by_hand(it)
            ),
            ..error
        }
    }

    /// What a person can do meanwhile: a key that exists in documents alone has no issuer that would end it.
    pub(super) fn end_by_hand(&self, it: &str) -> String {
        let able = self.connections.capabilities;
        match able.local && able.supply == Supply::Minted {
            true => {
                format!("Have whoever accepts {it} refuse {it}, or take {it} out of every place,")
            }
            false => format!("Revoke {it} by hand at the issuer"),
        }
    }

    /// A compromised key without an id is accepted wherever a document holds it.
    pub(super) fn is_accepted_where_it_stands(&self, key: &Key) -> bool {
        key.key_id.is_none() && self.is_compromised(key) && key.fingerprint.is_some()
    }

    /// Where such a key still stands, or may stand.
    pub(super) fn is_still_read(&self, key: &Key) -> Option<Error> {
        if !self.is_accepted_where_it_stands(key) {
            return None;
        }
        let mut former = self.managed.former.iter();
        if let Some(former) = former.find(|it| it.attempt.is_none()) {
            return Some(Error::new(
                Kind::Other,
                format!("{} may still hold it and is not emptied yet", former.place),
                "a delivery has left it. Whoever reads it there goes on accepting it. Mend what keeps it from being emptied and \
                 apply again, or empty it by hand and apply again. A delivery that was moved just now is better moved back until \
                 the emergency is over.",
            ));
        }
        let records = &self.managed.deliveries;
        let is_known_to_hold = |name: &str, record: &DeliveryRecord| {
            record.fingerprint == key.fingerprint || self.stands_in(name, key)
        };
        // A write may have come in although nobody heard so: what was not seen may hold anything.
        let may_hold = |name: &str, record: &DeliveryRecord| {
            record.is_failing()
                && (is_known_to_hold(name, record) || !self.is_seen_without(name, key))
        };
        if let Some((name, record)) = records.iter().find(|(name, record)| may_hold(name, record)) {
            let holds = match is_known_to_hold(name, record) {
                true => "still holds it",
                false => "may still hold it",
            };
            let (why, way) = match (record.is_for_a_person(), &record.reason) {
                (true, _) => (
                    "the change that takes it out awaits approval",
                    "Approve that",
                ),
                (false, None) => ("it could not be written", "Mend the delivery"),
                (false, Some(reason)) => (reason.as_str(), "Mend the delivery"),
            };
            let by_hand = match is_known_to_hold(name, record) {
                true => "or empty the place by hand",
                false => "so that somebody can look",
            };
            return Some(Error::new(
                Kind::Other,
                format!("Delivery {name:?} {holds}"),
                format!(
                    "{why}. Whoever reads it there goes on accepting it. {way} and apply again, {by_hand}."
                ),
            ));
        }
        let (name, record) = records.iter().find(|(_, record)| record.lingers())?;
        Some(Error::new(
            Kind::Other,
            format!("Delivery {name:?} may still give it out"),
            format!(
                "{}. Whoever reads it there goes on accepting it. Mend that and apply again, or take it away by hand.",
                record.reason.as_deref().unwrap_or_default()
            ),
        ))
    }

    fn not_contained_first(&self, key: &Key, error: Error) -> Error {
        let error = self.not_contained(key.label(), error);
        let first = self
            .emergency
            .as_ref()
            .filter(|it| it.order == Order::RevokeFirst);
        let way = first.map_or("", |_| {
            " Nothing else was done. To have another key delivered all the same, set order = \"replace_first\" under the same id."
        });
        Error {
            detail: error.detail.clone() + way,
            ..error
        }
    }

    /// Why a compromised key that retires has to live on for now.
    pub(super) fn has_no_successor_now(&self) -> Option<Error> {
        let slots = self.managed.slots.as_ref()?;
        let retiring = slots.retiring()?;
        if self.contains_first() || self.is_compromised(&slots.primary) {
            return None;
        }
        let why = match self.lost_its_successor_now(slots) {
            None if self.successor_works(slots) => return None,
            None => format!(
                "Its successor {} does not work, or no delivery is known to hold it, and this was not so when this was \
                 planned. Whoever still uses the old key would be without one. Plan again: the plan says what is done then.",
                slots.primary.label()
            ),
            Some(name) => format!(
                "{} leads with {}, but delivery {name:?}, which is required and was not failing when this was planned, \
                 could not be written. Whoever reads the old key there would stop working, and no plan has said so. Mend the \
                 delivery and apply again; or plan again: the next apply revokes {} whether or not {name:?} can be \
                 written, and its plan says so.",
                self.led_by_primary(slots),
                slots.primary.label(),
                retiring.label()
            ),
        };
        let summary = format!("{}: key {} is not revoked yet", self.name, retiring.label());
        Some(Error::new(Kind::Other, summary, why))
    }

    /// A required place that was in order cannot be written any more: no plan has said that its readers lose their key.
    fn lost_its_successor_now(&self, slots: &Slots) -> Option<&String> {
        let mut required = self
            .connections
            .deliveries
            .iter()
            .filter(|(_, delivery)| delivery.required);
        let lost = required.find(|(name, _)| {
            let record = self.managed.deliveries.get(*name);
            self.began_to_fail(name)
                && record.is_some_and(|record| record.fingerprint != slots.primary.fingerprint)
        });
        lost.map(|(name, _)| name)
    }

    fn successor_works(&self, slots: &Slots) -> bool {
        let successor = &slots.primary.fingerprint;
        let mut records = self.managed.deliveries.values();
        let is_known = self.secrets.secret_of(&slots.primary).is_some()
            || records.any(|record| record.fingerprint == *successor);
        self.facts.primary_is_usable() && is_known
    }

    fn led_by_primary(&self, slots: &Slots) -> String {
        let places: Vec<&str> = self.led_by(&mark(&slots.primary)).collect();
        match places[..] {
            [] => "No delivery".into(),
            [only] => format!("Delivery {only:?}"),
            _ => format!("Each of the deliveries {}", places.join(", ")),
        }
    }

    /// A compromised key that still works fails the apply.
    pub(super) fn not_contained(&self, label: &str, error: Error) -> Error {
        Error {
            summary: format!("{}: key {label} is NOT revoked", self.name),
            detail: error.to_string(),
            ..error
        }
    }
}
