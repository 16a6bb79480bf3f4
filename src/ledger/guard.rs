//! Whether the lock under which an apply works is still its own: asked before every attempt of every call to the outside.
//!
//! A process may be suspended, or a machine sleep, for longer than a lease lasts. What it does when it wakes up would be
//! done beside whoever took the lock over meanwhile. So an attempt is made only shortly after the ledger has confirmed
//! the lock; otherwise the ledger is asked first. A lock that was lost ends the apply as a kill would: nothing more is
//! done, nothing is recorded as done, and the next apply understands what was left behind.
//!
//! The guard travels with the task, not as an argument: clients are shared by many applies at once, and every way to the
//! outside ends in one of a few places that ask, so that no issuer and no store can forget to.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::clock::Moment;
use crate::error::{Error, Kind, Result};
use crate::ledger::{Fence, Lease, Locks};

tokio::task_local! {
    static GUARD: Option<Guard>;
}

/// Knows whether one lock is still held.
#[derive(Clone)]
pub struct Guard(Arc<Tenure>);

struct Tenure {
    locks: Arc<dyn Locks>,
    lease: Lease,
    /// Just before the ledger was asked for what it confirmed last.
    confirmed: Mutex<Moment>,
    lost: CancellationToken,
}

impl Guard {
    /// Of a lock that was asked for at a moment and taken.
    pub fn new(locks: Arc<dyn Locks>, lease: Lease, asked: Moment) -> Self {
        Self(Arc::new(Tenure {
            locks,
            lease,
            confirmed: Mutex::new(asked),
            lost: CancellationToken::new(),
        }))
    }

    /// What proves to the ledger that the lock is ours.
    pub fn fence(&self) -> &Fence {
        &self.0.lease.fence
    }

    /// Cancelled when the lock was lost.
    pub fn lost(&self) -> &CancellationToken {
        &self.0.lost
    }

    /// Whether the lock is known to be lost.
    pub fn is_lost(&self) -> bool {
        self.0.lost.is_cancelled()
    }

    /// From now on the lock counts as lost.
    pub fn lose(&self) {
        self.0.lost.cancel();
    }

    /// Renews the lock. Waits for the ledger no longer than a third of the lease.
    pub async fn renew(&self) -> Result<()> {
        let Tenure { locks, lease, .. } = &*self.0;
        let asked = Moment::now();
        let renewed = timeout(lease.length / 3, locks.renew(&lease.fence)).await;
        match renewed {
            Ok(Ok(())) => {
                self.confirmed_at(asked);
                Ok(())
            }
            Ok(Err(error)) => {
                if error.kind == Kind::Stale {
                    self.lose();
                }
                Err(error)
            }
            Err(_) => Err(unanswered()),
        }
    }

    /// Fails if the lock is lost, or cannot be known to be held.
    ///
    /// After half of the lease the ledger is asked anew, so that an attempt has the other half to end in.
    pub async fn confirm(&self) -> Result<()> {
        let length = self.0.lease.length;
        if !self.is_lost() && self.age() < length / 2 {
            return Ok(());
        }
        if !self.is_lost() {
            match self.renew().await {
                Ok(()) => return Ok(()),
                Err(error) if !self.is_lost() && self.age() < length => {
                    tracing::warn!(lock = self.fence().name, %error, "a lock could not be confirmed");
                    return Ok(());
                }
                Err(_) => self.lose(),
            }
        }
        Err(self.fence().passed_on())
    }

    /// The ledger has confirmed the lock, asked at this moment.
    pub fn confirmed_at(&self, asked: Moment) {
        *self
            .0
            .confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = asked;
    }

    /// Everything that this work does to the outside is done only while the lock is held.
    pub async fn protect<F: Future>(guard: Option<&Self>, work: F) -> F::Output {
        GUARD.scope(guard.cloned(), work).await
    }

    fn age(&self) -> std::time::Duration {
        let confirmed = *self
            .0
            .confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        confirmed.elapsed()
    }
}

/// Fails if the work that asks is done under a lock, and that is not held any more.
pub async fn confirm() -> Result<()> {
    match current() {
        Some(guard) => guard.confirm().await,
        None => Ok(()),
    }
}

/// The same from work that blocks, see [`aside`].
pub fn confirm_now() -> Result<()> {
    match (current(), Handle::try_current()) {
        (Some(guard), Ok(runtime)) => runtime.block_on(guard.confirm()),
        _ => Ok(()),
    }
}

/// Does work that blocks on a thread of its own, under the same lock.
pub async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    let guard = current();
    spawn_blocking(move || GUARD.sync_scope(guard, work)).await
}

fn unanswered() -> Error {
    Error::new(
        Kind::Unavailable,
        "The ledger did not answer in time",
        "It is asked again.",
    )
}

fn current() -> Option<Guard> {
    GUARD.try_with(Clone::clone).ok().flatten()
}
