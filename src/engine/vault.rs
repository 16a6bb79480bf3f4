//! The secrets of one apply: read from where they were delivered, held in memory, gone with it.

use std::collections::BTreeMap;

use crate::domain::slots::{Key, Slots};
use crate::engine::connections::{Delivery, sources};
use crate::secret::{Fingerprint, Secret};
use crate::stores::{Document, Found};

/// The secrets that are known, by fingerprint.
#[derive(Debug, Default)]
pub struct Vault(Vec<(Fingerprint, Secret)>);

impl Vault {
    /// Keeps a secret for the rest of the apply.
    pub fn keep(&mut self, secret: Secret) {
        self.0.push((secret.fingerprint(), secret));
    }

    /// The secret of a key, if it was read or minted in this apply.
    pub fn secret_of(&self, key: &Key) -> Option<&Secret> {
        let wanted = key.fingerprint.as_ref()?;
        self.0
            .iter()
            .find(|(mark, _)| mark == wanted)
            .map(|(_, secret)| secret)
    }

    /// Every secret that is known, for scrubbing.
    pub fn all(&self) -> Vec<&Secret> {
        self.0.iter().map(|(_, secret)| secret).collect()
    }

    /// Reads deliveries until the secrets of both slots are known or no delivery is left.
    /// A delivery that cannot be read is passed over: another may have a copy.
    pub async fn fetch(&mut self, slots: &Slots, deliveries: &BTreeMap<String, Delivery>) {
        for (name, delivery) in sources(deliveries) {
            let keys = [Some(&slots.primary), slots.secondary_key()];
            if keys
                .into_iter()
                .flatten()
                .all(|key| self.secret_of(key).is_some())
            {
                return;
            }
            match delivery.store.observe().await.map(|seen| seen.found) {
                Ok(Found::Document(document)) => self.keep_matching(slots, document),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(delivery = %name, %error, "cannot copy from a delivery")
                }
            }
        }
    }

    /// Altered documents must not get in: only what matches a recorded fingerprint is kept.
    pub fn keep_matching(&mut self, slots: &Slots, document: Document) {
        let known: Vec<&Fingerprint> = [Some(&slots.primary), slots.secondary_key()]
            .into_iter()
            .flatten()
            .filter_map(|key| key.fingerprint.as_ref())
            .collect();
        let found = [Some(document.primary), document.secondary];
        for secret in found.into_iter().flatten().map(|key| key.secret) {
            if known.contains(&&secret.fingerprint()) {
                self.keep(secret);
            }
        }
    }
}
