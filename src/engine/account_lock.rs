//! One at a time on the same account of an issuer: within this process by a turn, across processes by one lease in the
//! ledger, which lasts as long as anybody in this process works on the account or waits for it.
//!
//! On an account where many may work at once, an apply takes a lease on its own resource. So whatever wakes up late has
//! a lock to lose.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::context::Context;
use crate::engine::account::Shared;
use crate::engine::connections::Connections;
use crate::error::{Error, Kind, Result};
use crate::ledger::guard::Guard;
use crate::ledger::hold::{Held, hold, holder};

/// The lock of an account, or of what is worked on in it, until it is given back or dropped.
pub struct AccountLock {
    /// The account, under the name that everybody locks it by.
    pub account: String,
    held: Turn,
}

/// The work of this process under one lock: it holds the lease while there is anybody left.
pub(super) struct Tenure {
    lease: Arc<AsyncMutex<Lease>>,
    /// How often the lease was asked for.
    attempts: AtomicU64,
}

#[derive(Default)]
struct Lease {
    held: Option<Held>,
    /// Why it was not given when it was asked for last.
    refused: Option<Error>,
}

/// Whose turn it is. The lease comes first, so that it is not held beyond the tenure.
struct Turn {
    guard: Guard,
    lease: OwnedMutexGuard<Lease>,
    tenure: Arc<Tenure>,
}

impl AccountLock {
    /// Waits until nobody else works on the account, which has to be the `known` one if there is one. Where many may work
    /// on it at once, until nobody else works on the `part` of it.
    pub async fn take(
        context: &Context,
        connections: &Connections,
        known: Option<&str>,
        part: &str,
    ) -> Result<Self> {
        let account = connections.account(known).await?;
        let held = match connections.capabilities.serialised {
            true => Turn::take(context, connections.issuer.shared().await?).await?,
            false => Turn::take(context, &Shared::new(part.to_owned())).await?,
        };
        Ok(Self { account, held })
    }

    /// What tells whether the lock is still ours.
    pub fn guard(&self) -> Guard {
        self.held.guard.clone()
    }

    /// Gives it back. A ledger that is gone by now lets the lease run out.
    pub async fn give_back(self) {
        if let Err(error) = self.held.give_back().await {
            tracing::warn!(%error, "a lock could not be given back; it ends by itself");
        }
    }
}

impl Turn {
    async fn take(context: &Context, account: &Shared) -> Result<Self> {
        let tenure = Tenure::of(account);
        let before = tenure.attempts.load(Ordering::Relaxed);
        let mut lease = tokio::select! {
            lease = Arc::clone(&tenure.lease).lock_owned() => lease,
            () = context.stop.cancelled() => return Err(stopped(&account.name)),
        };
        let guard = match lease.confirmed().await {
            Some(guard) => guard,
            None => {
                // Whoever waited while it was refused waited for the same answer.
                let asked_meanwhile = tenure.attempts.load(Ordering::Relaxed) > before;
                if let Some(error) = lease.refused.clone().filter(|_| asked_meanwhile) {
                    return Err(error);
                }
                tenure.attempts.fetch_add(1, Ordering::Relaxed);
                lease.ask(context, account).await?
            }
        };
        Ok(Self {
            guard,
            lease,
            tenure,
        })
    }

    async fn give_back(self) -> Result<()> {
        let Self { lease, tenure, .. } = self;
        drop(lease);
        // The last of this process gives the lease back; exactly one can be the last.
        let lease = Arc::into_inner(tenure).and_then(|tenure| Arc::into_inner(tenure.lease));
        match lease.and_then(|lease| lease.into_inner().held) {
            Some(held) => held.release().await,
            None => Ok(()),
        }
    }
}

impl Tenure {
    /// That of everybody in this process who works on the account now.
    fn of(account: &Shared) -> Arc<Self> {
        let mut current = account.tenure();
        if let Some(tenure) = current.upgrade() {
            return tenure;
        }
        let tenure = Arc::new(Self {
            lease: Arc::default(),
            attempts: AtomicU64::new(0),
        });
        *current = Arc::downgrade(&tenure);
        tenure
    }
}

impl Lease {
    /// The lease, if it is still ours. One that was lost meanwhile is asked for again.
    async fn confirmed(&self) -> Option<Guard> {
        let guard = self.held.as_ref()?.guard().clone();
        guard.confirm().await.ok().map(|()| guard)
    }

    async fn ask(&mut self, context: &Context, account: &Shared) -> Result<Guard> {
        self.held = None;
        let (ledger, me) = (&context.ledger, holder());
        // Its turns are given by us; the one that it takes for itself is nobody else's.
        let alone = Arc::new(AsyncMutex::new(()));
        let patience = ledger.lock_timeout();
        let held = hold(ledger, &account.name, &alone, &me, patience, &context.stop).await;
        // Somebody else may have worked on the account until now.
        account.forget().await;
        match held {
            Ok(held) => {
                let guard = held.guard().clone();
                self.held = Some(held);
                Ok(guard)
            }
            Err(error) => {
                self.refused = Some(error.clone());
                Err(error)
            }
        }
    }
}

fn stopped(name: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("Stopped while waiting for the work of this run on {name}"),
        "Nothing was done. Apply again.",
    )
}
