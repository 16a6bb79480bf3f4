//! One at a time on the same account of an issuer: within this process by a lock, across processes by a lease in the
//! ledger.

use crate::context::Context;
use crate::engine::connections::Connections;
use crate::error::Result;
use crate::ledger::guard::Guard;
use crate::ledger::hold::{Held, hold, holder};

/// The lock of an account, until it is given back or dropped.
pub struct AccountLock {
    /// The account, under the name that everybody locks it by.
    pub account: String,
    held: Option<Held>,
}

impl AccountLock {
    /// Waits until nobody else works on the account, which has to be the `known` one if there is one. An issuer that does
    /// not count its keys needs no lock.
    pub async fn take(
        context: &Context,
        connections: &Connections,
        known: Option<&str>,
    ) -> Result<Self> {
        let account = connections.account(known).await?;
        let mut held = None;
        if connections.capabilities.inspect {
            let ledger = &context.ledger;
            let (local, patience) = (context.local_lock(&account), ledger.lock_timeout());
            let me = holder();
            let lock = hold(ledger, &account, &local, &me, patience, &context.stop);
            held = Some(lock.await?);
            connections.issuer.look_again();
        }
        Ok(Self { account, held })
    }

    /// What tells whether the lock is still ours.
    pub fn guard(&self) -> Option<Guard> {
        self.held.as_ref().map(|held| held.guard().clone())
    }

    /// Gives it back. A ledger that is gone by now lets the lease run out.
    pub async fn give_back(self) {
        if let Some(held) = self.held
            && let Err(error) = held.release().await
        {
            tracing::warn!(%error, "a lock could not be given back; it ends by itself");
        }
    }
}
