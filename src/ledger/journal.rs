//! The journal: what was about to be done, and how it ended.

use std::collections::BTreeSet;

use async_trait::async_trait;
use strum::{Display, EnumIter, EnumString, IntoStaticStr, VariantNames};

use super::keys::{KeyMark, KeyRecord, ResourceRef};
use super::locks::Fence;
use crate::error::Result;
use crate::instant::Instant;

/// Writes down what is about to be done and how it ended, and tells the next apply of both.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes down what is about to be done. Durable before it returns. Fails with
    /// [`Kind::Stale`](crate::error::Kind::Stale) if the fence of the intent was passed on to somebody else; extends
    /// the lease otherwise.
    async fn begin(&self, intent: &Intent) -> Result<()>;

    /// Writes down how it ended, keeps the inventory in step, and closes the intent. A second outcome of one intent
    /// changes nothing. That a whole apply is done is refused with [`Kind::Stale`](crate::error::Kind::Stale) if its fence
    /// was passed on.
    async fn finish(&self, intent: &str, outcome: &Outcome, at: Instant) -> Result<()>;

    /// Writes down how intents were understood that have no outcome: their ids, and the words for each. Nothing is written,
    /// and nothing is wrong, if whoever runs this may only read: the next apply understands them again.
    async fn settle(&self, understood: &[(String, &'static str)], at: Instant) -> Result<()> {
        for (intent, how) in understood {
            let outcome = Outcome::Settled((*how).to_owned());
            self.finish(intent, &outcome, at).await?;
        }
        Ok(())
    }

    /// What is remembered of one resource: its keys, live or dead, and its intents without an outcome.
    async fn recall(&self, resource_id: &str) -> Result<Memory>;

    /// What creates left behind that no state ever heard of: the live keys in an account, and the intents without an
    /// outcome, of resources of which no key was ever confirmed.
    async fn recall_never_confirmed(&self, account: &str) -> Result<Memory>;
}

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

/// The most intents without an outcome that are looked at together. A killed apply leaves a handful.
pub const MOST_OPEN: usize = 5_000;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The generation of the resource as it was recorded last; `None` if it never was, and of a whole account.
    pub generation: Option<u64>,
    /// The keys, oldest first.
    pub keys: Vec<KeyRecord>,
    /// What was begun and has no outcome, oldest first.
    pub open: Vec<Intent>,
    /// The ids of those that were begun just so, as a sealed event of the audit trail says.
    pub sealed: BTreeSet<String>,
    /// There are more of them than [`MOST_OPEN`], and the oldest are here.
    pub more: bool,
    /// The lease under which some of it was begun is still held: another apply is at work, so that nothing can be said
    /// of it yet.
    pub busy: bool,
}
