//! The journal: what was about to be done, and how it ended.

use async_trait::async_trait;

use crate::domain::effects::{Intent, Memory, Noted, Outcome};
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

    /// Writes down an emergency of a resource, and that it is over, once each. What is said of it already is not said again.
    async fn note_incident(&self, noted: &Noted) -> Result<()>;

    /// What is remembered of one resource: its keys, live or dead, and its intents without an outcome.
    async fn recall(&self, resource_id: &str) -> Result<Memory>;

    /// What creates left behind that no state ever heard of: the live keys in an account, and the intents without an
    /// outcome, of resources of which no key was ever confirmed.
    async fn recall_never_confirmed(&self, account: &str) -> Result<Memory>;
}
