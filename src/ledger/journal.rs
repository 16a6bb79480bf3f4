//! The journal: what was about to be done, and how it ended.

use crate::instant::Instant;
use crate::ledger::keys::{KeyMark, ResourceRef};
use crate::ledger::locks::Fence;

/// What is about to be done outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// A whole apply of one resource: the bracket around all its effects. Open until its answer was given.
    Apply,
    /// A key is created at the issuer.
    Mint,
    /// A document is written to a delivery.
    Deliver,
    /// A document is taken away.
    Withdraw,
    /// A key is proved to work.
    Verify,
    /// A key is deactivated and deleted at the issuer.
    Revoke,
}

impl Effect {
    /// Every effect with its word in the ledger.
    pub const WORDS: [(&'static str, Self); 6] = [
        ("apply", Self::Apply),
        ("mint", Self::Mint),
        ("deliver", Self::Deliver),
        ("withdraw", Self::Withdraw),
        ("verify", Self::Verify),
        ("revoke", Self::Revoke),
    ];
}

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Unique; also the idempotency token of the effect, where the other side takes one.
    pub id: String,
    /// The intent of the apply that this effect belongs to; its own id for [`Effect::Apply`].
    pub apply: String,
    /// Whose key it is.
    pub resource: ResourceRef,
    /// The issuer, such as `aws_iam`.
    pub issuer: String,
    /// The account at the issuer, under the name that it is locked by.
    pub account: String,
    /// What is about to be done.
    pub effect: Effect,
    /// The word of the move that it is part of, such as `stage`.
    pub action: String,
    /// The key that it is done to; a mint has none yet.
    pub key: Option<KeyMark>,
    /// The name of the delivery and its place, for an effect on a store.
    pub place: Option<String>,
    /// For a mint: the ids of every key that the issuer had in the account before, where it can list them. For an apply:
    /// the ids of the keys without a holder that it is to revoke.
    pub known: Vec<String>,
    /// When it was written, by the clock of the machine even where tests set another for the provider: it is compared
    /// with what issuers say.
    pub at: Instant,
    /// The lock under which it is done, where the account has one.
    pub fence: Option<Fence>,
}

/// How an effect ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done. For a mint, the key that came of it.
    Done(Option<KeyMark>),
    /// It was not done, with the scrubbed reason. Kept as an attempt.
    Failed(String),
    /// Nobody knows; a later apply looked and settled it, in these words.
    Settled(String),
}
