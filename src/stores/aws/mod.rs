//! What the stores of AWS have in common: what a place is there, how it is made and what becomes of it.

mod identity;
mod making;
mod trouble;

use std::time::Duration;

pub(super) use identity::Identities;
pub(super) use making::{Making, OnDestroy, Tag, attributes, kms_key_id, tags_of};
pub(super) use trouble::{changed_meanwhile, explain, overwritten, unless_missing};

/// What was just written may show a moment late; after these waits it is taken for lost.
pub(super) const REREAD_DELAYS: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
