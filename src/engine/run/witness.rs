//! What is seen of an emergency before anything is done about it, and afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;

use crate::domain::emergency::{Known, Sighting, Standing, Witnessed};
use crate::domain::situation::Seen;
use crate::domain::slots::Key;
use crate::engine::journal::mark;
use crate::engine::managed::DeliveryRecord;
use crate::engine::run::Run;
use crate::ledger::{KeyMark, pipeline};
use crate::secret::Fingerprint;

/// Containment waits no longer for the answer when a key was last used. Once the key is gone nobody knows any more.
const PATIENCE: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// Right before the first step: where the keys stand, and when the compromised ones were last used.
    pub async fn seen_before(&self) -> Sighting {
        let mut keys = Vec::new();
        for key in self.compromised() {
            let known = self.last_use(&key).await;
            keys.push(Witnessed { key, known });
        }
        self.sighting(keys)
    }

    /// After the last step: where the keys stand, and how far the compromised ones are proved to be dead.
    pub fn seen_after(&self) -> Sighting {
        let keys = self.compromised().into_iter().map(|key| Witnessed {
            known: self.end_of(&key),
            key,
        });
        self.sighting(keys.collect())
    }

    fn compromised(&self) -> Vec<KeyMark> {
        self.emergency
            .as_ref()
            .map_or(Vec::new(), |emergency| emergency.keys.clone())
    }

    async fn last_use(&self, key: &KeyMark) -> Known {
        let Some(id) = &key.key_id else {
            return Known::UseUnknown("a key without an id is not told from others".into());
        };
        if self.connections.capabilities.last_use.is_none() {
            return Known::UseUnknown("its issuer does not tell".into());
        }
        match timeout(PATIENCE, self.connections.issuer.last_use(id)).await {
            Ok(Ok(Some(last))) => Known::UsedAt(last),
            Ok(Ok(None)) => Known::NeverUsed,
            Ok(Err(error)) => Known::UseUnknown(error.summary),
            Err(_) => Known::UseUnknown("its issuer did not answer in time".into()),
        }
    }

    fn end_of(&self, key: &KeyMark) -> Known {
        let slots = self.managed.slots.iter();
        let mut held = slots.flat_map(|slots| [Some(&slots.primary), slots.secondary_key()]);
        let is_held = held.any(|held| held.is_some_and(|held| mark(held).is(key)));
        let pending = &self.managed.pending_revocations;
        let is_pending = key.key_id.as_ref().is_some_and(|id| pending.contains(id));
        let primary = self
            .managed
            .slots
            .as_ref()
            .map(|slots| mark(&slots.primary));
        let is_primary_gone =
            self.facts.primary == Seen::Gone && primary.is_some_and(|primary| primary.is(key));
        if self.progress.proved.iter().any(|proved| proved.is(key)) {
            Known::Refused
        } else if (is_held && !is_primary_gone) || is_pending {
            Known::Lives
        } else {
            Known::Ended
        }
    }

    fn sighting(&self, keys: Vec<Witnessed>) -> Sighting {
        let records = self.managed.deliveries.iter();
        let places: BTreeMap<String, Standing> = records
            .map(|(name, record)| (name.clone(), self.standing(name, record)))
            .collect();
        Sighting {
            run: pipeline::run(),
            places,
            keys,
        }
    }

    fn standing(&self, name: &str, record: &DeliveryRecord) -> Standing {
        let delivery = self.connections.deliveries.get(name);
        Standing {
            place: delivery
                .map(|delivery| delivery.store.place())
                .or(record.place.clone()),
            state: record.state.to_string(),
            leads: record.fingerprint.as_ref().map(|mark| self.label_of(mark)),
        }
    }

    /// What people call the key of a secret.
    fn label_of(&self, fingerprint: &Fingerprint) -> String {
        let slots = self.managed.slots.iter();
        let keys = slots.flat_map(|slots| [Some(&slots.primary), slots.secondary_key()]);
        let has_it = |key: &&Key| key.fingerprint.as_ref() == Some(fingerprint);
        let known = keys.flatten().find(has_it).map(mark);
        let known = known.unwrap_or_else(|| KeyMark::new(None, Some(fingerprint)));
        known.label().to_owned()
    }
}
