//! One managed key as the engine sees it: what exists, where it was delivered, what is unfinished.

use std::collections::BTreeMap;

use crate::domain::slots::Slots;
use crate::instant::Instant;
use crate::secret::Fingerprint;

/// What the state says of one managed key, without secrets.
#[derive(Clone, Debug, Default)]
pub struct Managed {
    /// The stable id of the resource; salts the tokens of its writes.
    pub id: String,
    /// The keys; `None` before the first.
    pub slots: Option<Slots>,
    /// What was delivered, by the name of the delivery.
    pub deliveries: BTreeMap<String, DeliveryRecord>,
    /// Keys whose revocation failed, by id.
    pub pending_revocations: Vec<String>,
    /// The account that its keys were seen in, by the name that it is locked by, at an issuer that lists its keys.
    pub account: Option<String>,
}

/// What was delivered to one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// The store's version of it, where it has versions.
    pub version: Option<String>,
    /// The mark of the primary secret that was written.
    pub fingerprint: Option<Fingerprint>,
    /// When it was last written.
    pub delivered_at: Option<Instant>,
    /// How it stands.
    pub state: DeliveryState,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeliveryState {
    /// Written and read back.
    Delivered,
    /// Not written, or the last write failed.
    #[default]
    Failed,
    /// Its document is gone.
    Missing,
    /// Somebody else changed its document.
    Altered,
}

impl DeliveryState {
    /// The words in the state.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("delivered", Self::Delivered),
        ("failed", Self::Failed),
        ("missing", Self::Missing),
        ("altered", Self::Altered),
    ];
}

impl Managed {
    /// The ids of every key that this resource owns.
    pub fn owned_ids(&self) -> Vec<String> {
        let slots = self.slots.iter();
        slots
            .flat_map(|slots| [Some(&slots.primary), slots.secondary_key()])
            .flatten()
            .filter_map(|key| key.key_id.clone())
            .chain(self.pending_revocations.iter().cloned())
            .collect()
    }
}
