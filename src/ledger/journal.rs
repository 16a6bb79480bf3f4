//! The journal: what was about to be done, and how it ended.

use async_trait::async_trait;

use crate::domain::effects::{Intent, Memory, Noted, Outcome};
use crate::domain::emergency::Sighted;
use crate::error::{Error, Kind, Result};
use crate::health::incident::Record;
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

    /// Writes down an emergency of a resource, and that it is over, once each. What is said of it already is not said again.
    async fn note_incident(&self, noted: &Noted) -> Result<()>;

    /// Writes down what an apply saw of an emergency. A ledger that has no audit trail has no use for it.
    async fn note_sighting(&self, _sighted: &Sighted) -> Result<()> {
        Ok(())
    }

    /// What became of the emergency of an id in every resource that had it; `None` if no sealed event tells of it.
    async fn incident(&self, _id: &str) -> Result<Option<Record>> {
        Err(Error::new(
            Kind::Invalid,
            "There is no ledger, so no emergency is remembered",
            "What became of an emergency is kept in the ledger. Remove disabled = true from the ledger settings of the \
             provider, or remove this data source.",
        ))
    }

    /// Whether the trail knows how this version came to a place: the last write of the resource there left it, or nobody knows
    /// how that write ended. A ledger without an audit trail knows nothing of it.
    async fn explains(&self, resource_id: &str, place: &str, version: &str) -> Result<bool>;

    /// What is remembered of one resource: its keys, live or dead, and its intents without an outcome.
    async fn recall(&self, resource_id: &str) -> Result<Memory>;

    /// What creates left behind that no state ever heard of: the live keys in an account, and the intents without an
    /// outcome, of resources of which no key was ever confirmed.
    async fn recall_never_confirmed(&self, account: &str) -> Result<Memory>;
}
