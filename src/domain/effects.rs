//! What was about to be done outside, and how it ended.

use std::collections::BTreeSet;

use strum::{Display, EnumIter, EnumString, IntoStaticStr, VariantNames};

use crate::domain::emergency::Incident;
use crate::domain::keys::{KeyMark, KeyRecord, ResourceRef};
use crate::domain::moves::Move;
use crate::domain::notices::Audience;
use crate::instant::Instant;

/// What is about to be done outside.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[strum(serialize_all = "snake_case")]
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
    /// Consumers are made to read what is delivered.
    Deploy,
    /// A key is deactivated and deleted at the issuer.
    Revoke,
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
    /// Who is told of it.
    pub audience: Audience,
    /// The name of the delivery and its place, for an effect on a store.
    pub place: Option<String>,
    /// For a mint: the ids of every key that the issuer had in the account before, where it can list them. For an apply:
    /// the ids of the keys without a holder that it is to revoke. For a revocation: the open mints that its key came of, which
    /// are settled when it is done.
    pub known: Vec<String>,
    /// For the apply of a create: where it is going to write, as [`Holding::private_data`](crate::ledger::Holding) has it of
    /// a resource that a state holds.
    pub private_data: Option<String>,
    /// When it was written, by the clock of the machine even where tests set another for the provider: it is compared
    /// with what issuers say.
    pub at: Instant,
    /// The lock under which it is done, where the account has one.
    pub fence: Option<Fence>,
}

impl Intent {
    /// It is an apply that makes a first key. Where it is cut off, no state hears of the key.
    pub fn creates(&self) -> bool {
        self.effect == Effect::Apply && self.action == Move::Create.word()
    }
}

/// How an effect ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done. For a mint, the key that came of it.
    Done(Option<KeyMark>),
    /// The same of a write, with the version that the store gave it.
    Written(String),
    /// It was not done, with the scrubbed reason. Kept as an attempt.
    Failed(String),
    /// Nobody knows; a later apply looked and settled it, in these words.
    Settled(String),
}

impl Outcome {
    /// How a create that was cut off is settled in the end.
    pub const REPEATED: &'static str =
        "another create has taken its place, and its key stands nowhere";

    /// A key without an id that came of such a create lived in documents alone, and is gone with them.
    pub fn ends_keys_of(&self, intent: &Intent) -> bool {
        intent.creates() && matches!(self, Self::Settled(how) if how == Self::REPEATED)
    }

    /// Of a mint without an outcome, once the key that came of it was revoked. Left open, the next key that a person makes
    /// within its time would be taken for its own.
    pub fn of_a_revoked_origin() -> Self {
        Self::Settled("the key that came of it was revoked".to_owned())
    }
}

/// An emergency of one resource, for the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Whose keys are compromised.
    pub resource: ResourceRef,
    /// The issuer.
    pub issuer: String,
    /// The account at the issuer.
    pub account: String,
    /// What is known of it.
    pub incident: Incident,
    /// Who is told of it.
    pub audience: Audience,
    /// When it is noted.
    pub at: Instant,
}

/// The most intents without an outcome that are looked at together. A killed apply leaves a handful.
pub const MOST_OPEN: usize = 5_000;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The generation of the resource as it was recorded last; `None` if it never was, and of a whole account.
    pub generation: Option<u64>,
    /// The workspace that applied the resource last; `None` if it was left since, or never recorded, and of a whole account.
    pub workspace: Option<String>,
    /// The account that the newest of its keys is of, under the name that everybody locks it by; `None` without keys, and of
    /// a whole account.
    pub account: Option<String>,
    /// What the places are that it was delivered to as of that record.
    pub places: BTreeSet<String>,
    /// What [`Holding::private_data`](crate::ledger::Holding) was last.
    pub private_data: Option<String>,
    /// The keys, oldest first.
    pub keys: Vec<KeyRecord>,
    /// What was begun and has no outcome, oldest first.
    pub open: Vec<Intent>,
    /// Its emergencies, oldest first.
    pub incidents: Vec<Incident>,
    /// The ids of those that were begun just so, as a sealed event of the audit trail says.
    pub sealed: BTreeSet<String>,
    /// There are more of them than [`MOST_OPEN`], and the oldest are here.
    pub more: bool,
    /// The ids of those that were begun under a lease that is still held: another apply is at work, so that nothing can be
    /// said of them yet.
    pub alive: BTreeSet<String>,
}

impl Memory {
    /// Another apply is at work.
    pub fn is_busy(&self) -> bool {
        !self.alive.is_empty()
    }
}

/// One holding of one lock. The number grows each time that a lock changes hands, so that an effect under an old
/// number is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The lock: the account of an issuer, or one resource.
    pub name: String,
    /// Which holding of it.
    pub number: i64,
}
