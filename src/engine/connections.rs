//! The issuer and the stores of one managed key, ready to be called.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use crate::domain::slots::Key;
use crate::engine::verification::Verification;
use crate::error::{Error, Kind, Result};
use crate::issuers::{Abilities, Issuer};
use crate::secret::Secret;
use crate::stores::Store;

/// Everything outside that one managed key uses.
pub struct Connections {
    /// Where its keys come from.
    pub issuer: Box<dyn Issuer>,
    /// What that issuer can do.
    pub abilities: Abilities,
    /// Where they are delivered, by the name of the delivery.
    pub deliveries: BTreeMap<String, Delivery>,
    /// The request that proves a key, for an issuer that cannot.
    pub verification: Option<Verification>,
}

/// One place where both slots are written.
pub struct Delivery {
    /// The store, bound to the place.
    pub store: Box<dyn Store>,
    /// Whether it can be copied from.
    pub readable: bool,
    /// Whether it was marked as the one to copy from.
    pub source: bool,
}

impl Connections {
    /// Whether a new key has to be proved before it becomes primary.
    pub fn must_verify(&self) -> bool {
        self.abilities.probe || self.verification.is_some()
    }

    /// Proves that a key works: by its issuer, and by the request of the resource where there is one.
    pub async fn prove(&self, key: &Key, secret: &Secret, stop: &CancellationToken) -> Result<()> {
        let _ = stop;
        let key_id = key.key_id.as_deref();
        if self.abilities.probe {
            self.issuer.probe(key_id, secret).await?;
        }
        if let Some(request) = &self.verification {
            request.attempt(key_id, secret).await?;
        }
        Ok(())
    }
}

/// The error of an apply that finds the world changed since its plan.
pub fn stale(summary: impl Into<String>) -> Error {
    Error::new(
        Kind::Stale,
        summary,
        "The plan is stale: this changed after it was made. Nothing was done. Plan again and review the new plan.",
    )
}

/// Deliveries to copy from, the marked one first, then by name.
pub fn sources(deliveries: &BTreeMap<String, Delivery>) -> Vec<(&String, &Delivery)> {
    let mut sources: Vec<_> = deliveries
        .iter()
        .filter(|(_, delivery)| delivery.readable)
        .collect();
    sources.sort_by_key(|(_, delivery)| !delivery.source);
    sources
}

/// Runs one call and puts the name of the delivery in front of its error.
pub fn in_delivery<T>(name: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| Error {
        summary: format!("delivery {name:?}: {}", error.summary),
        ..error
    })
}
