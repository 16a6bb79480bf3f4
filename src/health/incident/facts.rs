//! What is told of an emergency, and what it is made of.

use serde::Serialize;

use crate::domain::keys::{KeyMark, ResourceRef};
use crate::instant::Instant;

/// One sealed event of the audit trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the columns of the ledger, described in its guide"
)]
pub struct Told {
    pub seq: i64,
    pub hash: String,
    pub at: Option<Instant>,
    pub event: String,
    pub effect: Option<String>,
    pub action: Option<String>,
    pub resource: ResourceRef,
    pub issuer: String,
    pub account: String,
    pub key: KeyMark,
    pub place: Option<String>,
    pub intent: Option<String>,
    pub detail: Option<String>,
}

/// What became of one emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The id that a person gave it.
    pub id: String,
    /// What happened, in the words of whoever declared it.
    pub reason: String,
    /// What came first.
    pub order: String,
    /// When the ledger first heard of it.
    pub opened_at: Option<Instant>,
    /// When its last key was revoked; `None` as long as one is to be.
    pub contained_at: Option<Instant>,
    /// When it was called off for the last of its keys that are not revoked; `None` as long as one is neither.
    pub called_off_at: Option<Instant>,
    /// What became of each managed key.
    pub cases: Vec<Case>,
    /// What happened, in the order in which it was written down.
    pub steps: Vec<Step>,
    /// How many attempts failed.
    pub failures: usize,
    /// Number and hash of the last event that is told of here.
    pub seal: String,
}

/// One managed key in an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// The stable id of the resource.
    pub resource_id: String,
    /// Its name.
    pub name: String,
    /// Where it was applied.
    pub workspace: String,
    /// The issuer.
    pub issuer: String,
    /// The account at the issuer.
    pub account: String,
    /// When it was opened for this key.
    pub opened_at: Option<Instant>,
    /// When the last of its keys was revoked.
    pub contained_at: Option<Instant>,
    /// When it was called off for this key: nothing was revoked.
    pub called_off_at: Option<Instant>,
    /// The keys that are compromised.
    pub keys: Vec<Compromised>,
    /// The keys that were minted meanwhile.
    pub minted: Vec<String>,
    /// The runs of pipelines that worked on it, as URLs.
    pub runs: Vec<String>,
    /// Its deliveries, before and after.
    pub deliveries: Vec<Delivered>,
    /// An apply wrote down what it saw, so that something is known of before and after.
    pub is_witnessed: bool,
}

impl Case {
    /// Nothing is left to do about it.
    pub fn is_over(&self) -> bool {
        self.contained_at.is_some() || self.called_off_at.is_some()
    }
}

impl Record {
    /// A key is compromised, and nobody has called that off.
    pub fn is_open(&self) -> bool {
        self.contained_at.is_none() && self.called_off_at.is_none()
    }
}

/// A compromised key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compromised {
    /// Its id, or its mark.
    pub key: String,
    /// When it was last used, as known before it was revoked.
    pub last_used_at: Option<Instant>,
    /// What was called then, where the issuer tells.
    pub last_used_service: Option<String>,
    /// Where that was.
    pub last_used_region: Option<String>,
    /// The same in words, also where it is not known.
    pub last_use: String,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
    /// How far it is proved that it is dead.
    pub proof: String,
    /// It was tried after its end, and refused.
    pub is_proved: bool,
}

/// A delivery before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// Its name.
    pub name: String,
    /// What the place is.
    pub place: Option<String>,
    /// How it stood before anything was done.
    pub before: String,
    /// How it stood when the last apply was through.
    pub after: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The number of the event.
    pub seq: i64,
    /// When.
    pub at: Option<Instant>,
    /// Whose key.
    pub name: String,
    /// What, as a sentence.
    pub what: String,
    /// It did not work.
    pub failed: bool,
}
