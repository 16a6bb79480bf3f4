//! Holds a lock of the ledger for as long as work on an account takes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::clock::Moment;
use crate::error::{Error, Kind, Result};
use crate::ledger::Ledger;
use crate::ledger::guard::Guard;
use crate::ledger::locks::{Lease, Locks};

/// Between two looks at a lock that somebody else holds, at first and at most.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// A lock that is held: renewed in the background, and given back when this is dropped.
pub struct Held {
    guard: Guard,
    locks: Arc<dyn Locks>,
    ended: CancellationToken,
    released: bool,
    /// Given back after the lock, so that the next of this process finds it free.
    _local_lock: OwnedMutexGuard<()>,
}

impl Held {
    /// What tells whether the lock is still ours.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Gives the lock back and waits until it is.
    pub async fn release(mut self) -> Result<()> {
        self.released = true;
        self.ended.cancel();
        self.locks.unlock(self.guard.fence()).await
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.ended.cancel();
        if self.released {
            return;
        }
        // Outside of a runtime the lease ends by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (locks, fence) = (Arc::clone(&self.locks), self.guard.fence().clone());
            runtime.spawn(async move {
                if let Err(error) = locks.unlock(&fence).await {
                    tracing::warn!(lock = fence.name, %error, "a lock could not be given back");
                }
            });
        }
    }
}

/// Takes the lock `name` as `holder`, or waits for it: until other processes have held it for `patience`, or a person asks
/// to stop.
///
/// `local` lets one of this process at a time ask for it, in the order in which they came. It is not kept while another
/// process holds the lock, and neither is the lock kept for the next of this process: with many keys on one account, others
/// get their turn in between.
pub async fn hold(
    ledger: &Arc<dyn Ledger>,
    name: &str,
    local: &Arc<AsyncMutex<()>>,
    holder: &str,
    patience: Duration,
    stop: &CancellationToken,
) -> Result<Held> {
    let locks: Arc<dyn Locks> = Arc::<dyn Ledger>::clone(ledger);
    let mut waited = Duration::ZERO;
    let mut look = FIRST_LOOK;
    loop {
        let local_lock = tokio::select! {
            local_lock = Arc::clone(local).lock_owned() => local_lock,
            () = stop.cancelled() => return Err(stopped(name)),
        };
        let asked = Moment::now();
        if let Some(lease) = locks.try_lock(name, holder).await? {
            return Ok(kept(locks, lease, asked, local_lock));
        }
        drop(local_lock);
        let wait = jittered(look);
        waited += wait;
        if waited > patience {
            return Err(busy(locks.as_ref(), name, patience).await);
        }
        tokio::select! {
            () = sleep(wait) => {}
            () = stop.cancelled() => return Err(stopped(name)),
        }
        look = (look * 2).min(LONGEST_LOOK);
    }
}

/// Tells one process from every other: host, process, and something random, for both may repeat.
pub fn holder() -> String {
    let host = ["HOSTNAME", "COMPUTERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown host".into());
    format!("{host}, process {}, {:08x}", std::process::id(), random())
}

fn kept(
    locks: Arc<dyn Locks>,
    lease: Lease,
    asked: Moment,
    local_lock: OwnedMutexGuard<()>,
) -> Held {
    let pause = lease.length / 3;
    let held = Held {
        guard: Guard::new(Arc::clone(&locks), lease, asked),
        locks,
        ended: CancellationToken::new(),
        released: false,
        _local_lock: local_lock,
    };
    let (ended, guard) = (held.ended.clone(), held.guard.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = ended.cancelled() => {}
            () = renewed(&guard, pause) => {}
        }
    });
    held
}

/// Renews a lock, until it is lost. A ledger that cannot be reached for a while is asked again: whether the lock is still
/// ours is decided there, by its clock.
async fn renewed(guard: &Guard, pause: Duration) {
    while !guard.is_lost() {
        sleep(pause).await;
        if let Err(error) = guard.renew().await {
            tracing::warn!(lock = guard.fence().name, %error, "a lock could not be renewed");
        }
    }
}

async fn busy(locks: &dyn Locks, name: &str, patience: Duration) -> Error {
    // Only for the message.
    let holder = locks.lock_holder(name).await.ok().flatten();
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |(holder, since)| format!("{holder}, since {since}"),
    );
    Error::new(
        Kind::Unavailable,
        format!("Another process works on {name}"),
        format!(
            "The lock is held by {who}, and was not given back within {} s. Nothing was done. Wait for that process, \
             or apply again; if it was killed, its lock ends by itself. lock_timeout in the ledger settings of the \
             provider says how long to wait.",
            patience.as_secs()
        ),
    )
}

fn stopped(name: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("Stopped while waiting for another process that works on {name}"),
        "Nothing was done. Apply again.",
    )
}

/// Between half of a length and all of it, so that those who wait do not all look at once.
fn jittered(length: Duration) -> Duration {
    let half = length / 2;
    half + half * (random() % 1000) / 1000
}

fn random() -> u32 {
    // Chance makes nothing safer here, it only spreads; a fixed number does as well.
    getrandom::u32().unwrap_or(500)
}
