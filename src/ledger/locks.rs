//! Locks across processes: leases that end by themselves, and fences against holders that wake up late.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::effects::Fence;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;

/// Lets one process at a time work on an account.
#[async_trait]
pub trait Locks: Send + Sync {
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

/// A lock that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What proves that it is still ours.
    pub fence: Fence,
    /// How long it lasts without being renewed, by the clock of the database.
    pub length: Duration,
}

impl Fence {
    /// The error for a lock that somebody else may hold by now.
    pub fn passed_on(&self) -> Error {
        Error::new(
            Kind::Stale,
            format!("The lock of {} was lost", self.name),
            "This process did not renew it in time: it was suspended, or could not reach the ledger. Another one may hold it by \
             now, so nothing more is done and nothing is recorded as done. What was done before is in the journal of the \
             ledger. Plan again: the plan shows what follows from it.",
        )
    }
}

/// The number of the first holding of a lock. In a ledger that was lost and made anew it is another one, so that whoever
/// held the lock in the old ledger does not hold it in the new one.
pub fn first_number() -> i64 {
    // Without chance two ledgers count alike, as all did; the lease still ends by itself.
    1 + i64::from(getrandom::u32().unwrap_or_default())
}
