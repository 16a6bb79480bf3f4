//! The words of slots and statuses, in tables and in data sources.

use crate::ledger::{Slot, Status};

/// Every slot with its word.
pub const SLOTS: [(&str, Slot); 4] = [
    ("primary", Slot::Primary),
    ("staged", Slot::Staged),
    ("retiring", Slot::Retiring),
    ("none", Slot::None),
];

/// Every status with its word.
pub const STATUSES: [(&str, Status); 3] = [
    ("live", Status::Live),
    ("revoked", Status::Revoked),
    ("orphaned", Status::Orphaned),
];

/// The word of a thing. Every table above is whole, so there is always one.
pub fn word<T: PartialEq>(table: &[(&'static str, T)], thing: &T) -> &'static str {
    let found = table.iter().find(|(_, known)| known == thing);
    found.map_or("", |(word, _)| word)
}
