//! One at a time on the same account of an issuer: within this process by a lock, across processes by a lease in the
//! ledger.

use tokio::sync::OwnedMutexGuard;

use crate::context::Context;
use crate::engine::connections::Connections;
use crate::error::Result;
use crate::ledger::Fence;
use crate::ledger::hold::{Held, hold, holder};

/// The right to work on an account, until it is given back or dropped.
pub struct Turn {
    /// The account, under the name that everybody locks it by.
    pub account: String,
    held: Option<Held>,
    _local: Option<OwnedMutexGuard<()>>,
}

impl Turn {
    /// Waits until nobody else works on the account, which has to be the `known` one if there is one. An issuer that does
    /// not count its keys needs no turn.
    pub async fn take(
        context: &Context,
        connections: &Connections,
        known: Option<&str>,
    ) -> Result<Self> {
        let account = connections.account(known).await?;
        if !connections.abilities.inspect {
            return Ok(Self {
                account,
                held: None,
                _local: None,
            });
        }
        let local = context.local_turn(&account).lock_owned().await;
        let ledger = &context.ledger;
        let patience = ledger.lock_timeout();
        let held = hold(ledger, &account, &holder(), patience, &context.stop).await?;
        Ok(Self {
            account,
            held: Some(held),
            _local: Some(local),
        })
    }

    /// What proves to the ledger that it is still our turn.
    pub fn fence(&self) -> Option<Fence> {
        self.held.as_ref().map(|held| held.fence().clone())
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
