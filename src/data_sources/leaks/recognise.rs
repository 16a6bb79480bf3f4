//! Which alerts are about keys of ours. Of the others nothing leaves this module: the fingerprint of a password would let
//! whoever reads it try guesses.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::ledger::{KeyMark, KeyRecord, Ledger, ResourceRef, Status};
use crate::secret::Fingerprint;
use crate::vendors::github::alerts::Alert;

/// An alert about a key of ours.
pub struct Recognised {
    /// The alert.
    pub alert: Alert,
    /// Of the secret that it is about.
    pub fingerprint: Fingerprint,
    /// Whose key it is, as far as the ledger knows.
    pub key: Option<(ResourceRef, KeyRecord)>,
}

/// Those about a key whose fingerprint is given, whose mark the ledger knows, or, with `is_of_a_type`, about any key.
pub async fn recognised(
    alerts: Vec<Alert>,
    given: &[Fingerprint],
    is_of_a_type: bool,
    ledger: &dyn Ledger,
) -> Result<Vec<Recognised>> {
    let marks = alerts.iter().flat_map(|alert| &alert.fingerprints);
    let marks: Vec<KeyMark> = marks.map(mark).collect();
    let mut known: BTreeMap<Option<String>, (ResourceRef, KeyRecord)> = BTreeMap::new();
    for (whose, record) in ledger.find_keys(&marks).await? {
        let lives = record.status != Status::Revoked;
        let there = known.get(&record.key.mark);
        // The mark is short: of two keys, the one that works is the one to worry about.
        if lives || there.is_none() {
            known.insert(record.key.mark.clone(), (whose, record));
        }
    }
    let about = |alert: Alert| {
        let is_ours =
            |found: &&Fingerprint| given.contains(found) || known.contains_key(&mark(found).mark);
        let ours = alert.fingerprints.iter().find(is_ours);
        let ours = ours.or(alert.fingerprints.first().filter(|_| is_of_a_type));
        let fingerprint = ours?.clone();
        Some(Recognised {
            key: known.get(&mark(&fingerprint).mark).cloned(),
            fingerprint,
            alert,
        })
    };
    Ok(alerts.into_iter().filter_map(about).collect())
}

fn mark(found: &Fingerprint) -> KeyMark {
    KeyMark::new(None, Some(found))
}
