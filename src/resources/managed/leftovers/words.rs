//! What a person is told of what earlier applies left behind.

use crate::domain::slots::{Role, Slots};
use crate::error::{Error, Kind};
use crate::ledger::KeyRecord;

pub(super) fn not_looked(name: &str, error: &Error) -> Error {
    Error::new(
        error.kind,
        format!("{name}: nobody knows yet what earlier applies left behind"),
        format!("{error} The apply looks again before it mints, and does nothing if it cannot."),
    )
}

pub(super) fn not_judged(name: &str, unacknowledged: &KeyRecord, error: &Error) -> Error {
    Error::new(
        error.kind,
        format!(
            "{name}: what became of key {} is not known yet",
            unacknowledged.key.label()
        ),
        format!(
            "An earlier apply created it, and its result never reached the state. Whether it is in use cannot be told: \
             {error} Nothing is done to it; plan again once that is mended."
        ),
    )
}

/// A place of a create that was cut off.
pub fn left_by_a_create(place: &str) -> String {
    format!(
        "It may have written a key to {place}, where nothing is delivered any more. This apply empties that place once the new key \
         is delivered; a document that leads with no key of it stays."
    )
}

pub(super) fn busy(name: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("{name}: another apply is at work on this key"),
        "It holds the lock in the ledger, or was cut off a moment ago and its lease has not run out. What it did is not \
         judged yet: until then restore no state, and import and delete no key. Plan again when it is over.",
    )
}

pub(super) fn followed(name: &str, slots: &Slots) -> Error {
    let second = slots.secondary.as_ref().zip(role_of(slots));
    let secondary = second.map_or_else(String::new, |(second, role)| {
        format!(" with {role} key {}", second.key.label())
    });
    Error::new(
        Kind::Other,
        format!("{name}: the state follows what happened without it"),
        format!(
            "Everything outside agrees that {} is the primary key in generation {}{secondary}. This state had not heard of \
             it: an apply or apikey_rotate_now ended without it, or an older state was restored. A plan writes no state: run \
             terraform apply -refresh-only to keep it.",
            slots.primary.label(),
            slots.generation
        ),
    )
}

/// A key that a person did not name in the import is told of.
pub(super) fn adopted(name: &str, slots: &Slots) -> Option<Error> {
    let (second, role) = (slots.secondary.as_ref()?, role_of(slots)?);
    Some(Error::new(
        Kind::Other,
        format!(
            "{name}: {role} key {} is taken over with the imported one",
            second.key.label()
        ),
        "It stands beside the imported key in the delivered document and exists at the issuer. It goes on from there, with \
         the grace period of the policy.",
    ))
}

fn role_of(slots: &Slots) -> Option<&'static str> {
    Some(match slots.secondary.as_ref()?.role {
        Role::Staged => "staged",
        Role::Retiring => "retiring",
    })
}
