//! The secrets of one apply: read from where they were delivered, held in memory, gone with it.

use crate::domain::slots::{Key, Slots};
use crate::engine::connections::{Connections, sources};
use crate::error::Error;
use crate::secret::{Fingerprint, Secret};
use crate::stores::{Document, Found};

/// The secrets that are known, by fingerprint.
#[derive(Debug, Default)]
pub struct SecretCache(Vec<(Fingerprint, Secret)>);

impl SecretCache {
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

    /// Reads deliveries, and after them the places that deliveries have left, until the secrets of both slots are known.
    /// One that cannot be read is passed over, since another may have a copy; what it said is given back.
    pub async fn fetch(&mut self, slots: &Slots, connections: &Connections) -> Vec<Error> {
        let mut failures = Vec::new();
        let former = connections.former.iter();
        let former =
            former.filter_map(|place| Some((&place.former.name, place.delivery.as_ref().ok()?)));
        let former = former.filter(|(_, delivery)| delivery.readable);
        for (name, delivery) in sources(&connections.deliveries).into_iter().chain(former) {
            let mut keys = [Some(&slots.primary), slots.secondary_key()]
                .into_iter()
                .flatten();
            if keys.all(|key| self.secret_of(key).is_some()) {
                break;
            }
            match delivery.look(name).await {
                Ok(seen) => {
                    if let Found::Document(document) = seen.found {
                        self.keep_matching(slots, document);
                    }
                }
                Err(error) => failures.push(error),
            }
        }
        failures
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
