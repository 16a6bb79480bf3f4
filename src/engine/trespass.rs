//! A delivery that is new to a key must not overwrite the document of another one: it may be the only copy.

use crate::engine::connections::{Delivery, in_delivery};
use crate::engine::managed::DeliveryRecord;
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};
use crate::ledger::KeyMark;
use crate::stores::{Claims, Document, Found, Observation};

/// Fails if a delivery would take the place of another key. Nothing has happened yet.
///
/// A key that is only now created may take over a document: it cannot tell that of another key from one of a
/// former self, which was replaced or forgotten. Then a person is told.
pub async fn respect_others(run: &mut Run<'_>, claims: &Claims) -> Result<()> {
    for (name, delivery) in &run.connections.deliveries {
        // Two resources that are applied at the same moment both find the place empty.
        let taken_by = claims.take(delivery.store.territory(), &run.managed.id);
        if taken_by.is_some() {
            return in_delivery(name, Err(taken(delivery)));
        }
        if !delivery.readable || !is_new(run, name, delivery) {
            continue;
        }
        let Some(Ok(Observation {
            found: Found::Document(document),
            ..
        })) = run.observed.get(name)
        else {
            continue;
        };
        if run.managed.slots.is_none() {
            let told = in_delivery::<()>(name, Err(taken_over(delivery, document)));
            run.warnings.extend(told.err());
        } else if !holds_ours(run, document) && !is_dead(run, document).await? {
            return in_delivery(name, Err(occupied(delivery, document)));
        }
    }
    Ok(())
}

/// Whether nothing of this key was ever written there, under whatever name. What was may be repaired.
fn is_new(run: &Run<'_>, name: &str, delivery: &Delivery) -> bool {
    let place = delivery.store.place();
    let record = run.managed.deliveries.get(name);
    let was_written = record.is_some_and(DeliveryRecord::was_written);
    let mut former = run.managed.former.iter();
    !was_written && !former.any(|former| former.place == place)
}

fn holds_ours(run: &Run<'_>, document: &Document) -> bool {
    let Some(slots) = &run.managed.slots else {
        return false;
    };
    let there = [Some(&document.primary), document.secondary.as_ref()];
    let ours = [Some(&slots.primary), slots.secondary_key()];
    let pending = &run.managed.pending_revocations;
    there.into_iter().flatten().any(|there| {
        // What awaits its revocation is ours to take away.
        if there.key_id.as_ref().is_some_and(|id| pending.contains(id)) {
            return true;
        }
        let mark = there.secret.fingerprint();
        ours.into_iter()
            .flatten()
            .any(|key| match &key.fingerprint {
                Some(fingerprint) => *fingerprint == mark,
                // An imported key is known by its id alone.
                None => key.key_id.is_some() && key.key_id == there.key_id,
            })
    })
}

/// The document of a key that was revoked, left behind by an apply that did not finish, is not the only copy of anything.
async fn is_dead(run: &Run<'_>, document: &Document) -> Result<bool> {
    let fingerprint = document.primary.secret.fingerprint();
    let key = KeyMark::new(document.primary.key_id.clone(), Some(&fingerprint));
    run.journal.is_revoked(&key).await
}

fn taken(delivery: &Delivery) -> Error {
    let place = delivery.store.place();
    Error::new(
        Kind::Invalid,
        format!("{place} is where another key is delivered"),
        "Another apikey_managed of this configuration writes to it, and each would overwrite the other. Nothing was \
         done for this one. Choose another place.",
    )
}

fn occupied(delivery: &Delivery, document: &Document) -> Error {
    Error::new(
        Kind::Invalid,
        format!("{} holds another key", delivery.store.place()),
        format!(
            "The document there has the primary key {}, which is not of this resource, and to overwrite it could \
             destroy the only copy. If another apikey_managed delivers there, choose another place. If nothing uses that \
             key any more, delete the document and apply again.",
            label(document)
        ),
    )
}

fn taken_over(delivery: &Delivery, document: &Document) -> Error {
    Error::new(
        Kind::Other,
        format!("{} held another key", delivery.store.place()),
        format!(
            "The document there had the primary key {} and was taken over by the key that was created now. That is right \
             if the old key was replaced or forgotten. If it belongs to another configuration, choose another place, and \
             let that configuration deliver its key again.",
            label(document)
        ),
    )
}

fn label(document: &Document) -> String {
    let mark = document.primary.secret.fingerprint();
    match &document.primary.key_id {
        Some(id) => format!("{id} ({mark})"),
        None => mark.to_string(),
    }
}
