//! Revocations of compromised keys, which wait for nothing but what fails in this very apply.

use crate::domain::moves::Move;
use crate::domain::slots::{Key, Slots};
use crate::engine::journal::{Deed, mark};
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};

impl Run<'_> {
    /// The move that is being taken contains a compromised key, or makes room for the one that takes its place.
    pub(super) fn contains(&self) -> bool {
        self.acting == Move::Contain.word()
    }

    /// The place was in order when this apply began.
    pub(super) fn began_to_fail(&self, name: &str) -> bool {
        self.trouble.began_to_fail.contains(name)
    }

    /// The one revocation that needs no successor: a person asked for that order.
    pub(super) async fn revoke_primary(&mut self) -> Result<()> {
        let Some(slots) = &self.managed.slots else {
            return Ok(());
        };
        let key = slots.primary.clone();
        let survivor = slots.secondary_key().map(|second| self.reference(second));
        let deed = Deed::to(mark(&key));
        let revoked = self.revoke_beside(self.reference(&key), survivor, deed);
        revoked
            .await
            .map_err(|error| self.not_contained(&key, error))?;
        tracing::info!(key = %self.name, revoked = %key.label(), "revoked before anything takes its place");
        self.verify_revoked(&key).await;
        Ok(())
    }

    /// A required place that was in order cannot be written any more: no plan has said that its readers lose their key.
    pub(super) fn lost_its_successor_now(&self) -> Option<Error> {
        let slots = self.managed.slots.as_ref()?;
        let retiring = slots.retiring()?;
        let mut required = self
            .connections
            .deliveries
            .iter()
            .filter(|(_, delivery)| delivery.required);
        let (name, _) = required.find(|(name, _)| {
            let record = self.managed.deliveries.get(*name);
            self.began_to_fail(name)
                && record.is_some_and(|record| record.fingerprint != slots.primary.fingerprint)
        })?;
        Some(Error::new(
            Kind::Other,
            format!("{}: key {} is not revoked yet", self.name, retiring.label()),
            format!(
                "{} leads with {}, but delivery {name:?}, which is required and was in order when this was planned, could \
                 not be written. Whoever reads the old key there would stop working, and no plan has said so. Mend the \
                 delivery and apply again; or plan again: the next apply revokes {} whether or not {name:?} can be \
                 written, and its plan says so.",
                self.led_by_primary(slots),
                slots.primary.label(),
                retiring.label()
            ),
        ))
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
    pub(super) fn not_contained(&self, key: &Key, error: Error) -> Error {
        let label = key.label();
        Error {
            summary: format!("{}: key {label} is NOT revoked", self.name),
            detail: format!(
                "{error} It still works. Revoke it by hand at the issuer if you can do so sooner; every apply tries again."
            ),
            ..error
        }
    }
}
