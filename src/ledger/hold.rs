//! Holds a lock of the ledger for as long as work on an account takes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant as Moment, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Kind, Result};
use crate::ledger::{Fence, Lease, Ledger};

/// Between two looks at a lock that somebody else holds, at first and at most.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// A lock that is held: renewed in the background, and given back when this is dropped.
pub struct Held {
    ledger: Arc<dyn Ledger>,
    fence: Fence,
    ended: CancellationToken,
    lost: CancellationToken,
    released: bool,
}

impl Held {
    /// What proves that the lock is ours. Every intent carries it.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Cancelled when somebody else took the lock over; nothing more must be begun then.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Gives the lock back and waits until it is.
    pub async fn release(mut self) -> Result<()> {
        self.released = true;
        self.ended.cancel();
        self.ledger.unlock(&self.fence).await
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
            let (ledger, fence) = (Arc::clone(&self.ledger), self.fence.clone());
            runtime.spawn(async move {
                if let Err(error) = ledger.unlock(&fence).await {
                    tracing::warn!(lock = fence.name, %error, "a lock could not be given back");
                }
            });
        }
    }
}

/// Takes the lock `name` as `holder`, or waits for it: until `patience` ends or a person asks to stop.
pub async fn hold(
    ledger: &Arc<dyn Ledger>,
    name: &str,
    holder: &str,
    patience: Duration,
    stop: &CancellationToken,
) -> Result<Held> {
    let deadline = Moment::now() + patience;
    let mut look = FIRST_LOOK;
    loop {
        if let Some(lease) = ledger.try_lock(name, holder).await? {
            return Ok(kept(Arc::clone(ledger), lease));
        }
        let wait = jittered(look);
        if Moment::now() + wait > deadline {
            return Err(busy(ledger.as_ref(), name, patience).await);
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

fn kept(ledger: Arc<dyn Ledger>, lease: Lease) -> Held {
    let held = Held {
        ledger: Arc::clone(&ledger),
        fence: lease.fence.clone(),
        ended: CancellationToken::new(),
        lost: CancellationToken::new(),
        released: false,
    };
    let (ended, lost) = (held.ended.clone(), held.lost.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = ended.cancelled() => {}
            () = renewed(ledger.as_ref(), &lease) => lost.cancel(),
        }
    });
    held
}

/// Renews a lease at a third of its length, until somebody else has the lock. A ledger that cannot be reached for a
/// while is asked again: whether the lock is still ours is decided there, by its clock.
async fn renewed(ledger: &dyn Ledger, lease: &Lease) {
    let third = lease.length / 3;
    loop {
        let next = Moment::now() + third;
        sleep(third).await;
        match timeout_at(next + third, ledger.renew(&lease.fence)).await {
            Ok(Err(error)) if error.kind == Kind::Stale => return,
            Ok(Err(error)) => {
                tracing::warn!(lock = lease.fence.name, %error, "a lock could not be renewed");
            }
            _ => {}
        }
    }
}

async fn busy(ledger: &dyn Ledger, name: &str, patience: Duration) -> Error {
    // Only for the message.
    let holder = ledger.lock_holder(name).await.ok().flatten();
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
