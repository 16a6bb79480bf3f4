//! The ledger: the provider's own memory, beside Terraform's state and across every workspace.
//!
//! It remembers what was about to be done (the journal), which keys there are (the inventory), what happened (the
//! audit trail) and who works on an account (the locks). It never holds a secret. The state stays the truth for live
//! keys: the ledger explains what a state cannot know, such as a key that was minted by an apply that was killed.

pub mod cli;
pub mod config;
pub mod disabled;
pub mod forget;
pub mod guard;
pub mod hold;
pub mod inventory;
pub mod journal;
pub mod keys;
pub mod locks;
pub mod memory;
pub mod sql;
pub mod words;
pub mod workspace;

use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
pub use journal::{Effect, Intent, Outcome};
pub use keys::{Holding, KeyMark, KeyRecord, Memory, ResourceRef, Slot, Status};
pub use locks::{Fence, Lease};

/// A ledger that can be reached. [`Kind::Unavailable`](crate::error::Kind::Unavailable) means that it cannot be, and
/// that nothing was written; every other error names what is wrong with it.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Where it lies, without a password. Names it in messages.
    fn place(&self) -> String;

    /// Whether it remembers anything at all.
    fn remembers(&self) -> bool {
        true
    }

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

    /// All keys that were ever recorded in an account, whosever they are.
    async fn keys_in(&self, account: &str) -> Result<Vec<KeyRecord>>;

    /// Every record of these keys in every account and resource, live or dead: by id, or by mark where one of the two
    /// has no id. A mark is short, so that another key may have the same: a reason to look, not a proof.
    async fn find_keys(&self, keys: &[KeyMark]) -> Result<Vec<(ResourceRef, KeyRecord)>>;

    /// Which resources with live keys that a state has heard of deliver to these places, as they were recorded last.
    async fn who_delivers_to(&self, places: &[String]) -> Result<Vec<(String, ResourceRef)>>;

    /// Brings the inventory of one resource up to what its state says. A key with `confirmed_at` is confirmed, if it
    /// was not before: a refresh confirms, an apply does not, for its answer may never reach a state. Writes nothing
    /// if nothing changed, and leaves it to the next apply if whoever runs this may only read. Keys that the state does not
    /// hold are left as they are.
    async fn record(&self, holding: &Holding, at: Instant) -> Result<()>;

    /// Answers a question about every key of every workspace.
    async fn inventory(&self, _query: &inventory::Query) -> Result<inventory::Inventory> {
        Err(Error::new(
            Kind::Invalid,
            "There is no ledger, so there is no inventory",
            "The inventory is kept in the ledger. Remove disabled = true from the ledger settings of the provider, or \
             remove this data source.",
        ))
    }

    /// Takes the lock of an account, or the wait for it: `None` while somebody else holds it.
    async fn try_lock(&self, name: &str, holder: &str) -> Result<Option<Lease>>;

    /// Who holds a lock now and since when, for a message; `None` if nobody does or nobody can tell.
    async fn lock_holder(&self, _name: &str) -> Result<Option<(String, Instant)>> {
        Ok(None)
    }

    /// How long to wait for a lock that another process holds.
    fn lock_timeout(&self) -> Duration {
        Duration::from_secs(300)
    }

    /// Holds on to a lock. [`Kind::Stale`](crate::error::Kind::Stale) if it was passed on to somebody else.
    async fn renew(&self, fence: &Fence) -> Result<()>;

    /// Gives a lock back; one that was passed on already stays with its new holder.
    async fn unlock(&self, fence: &Fence) -> Result<()>;
}

/// The error for a lock that somebody else may hold by now.
fn passed_on(fence: &Fence) -> Error {
    Error::new(
        Kind::Stale,
        format!("The lock of {} was lost", fence.name),
        "This process did not renew it in time: it was suspended, or could not reach the ledger. Another one may hold it by \
         now, so nothing more is done and nothing is recorded as done. What was done before is in the journal of the \
         ledger. Plan again: the plan shows what follows from it.",
    )
}
