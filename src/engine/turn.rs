//! One at a time on the same account of an issuer: within this process by a lock, across processes by a lease in the
//! ledger.

use tokio::sync::OwnedMutexGuard;

use crate::context::Context;
use crate::engine::connections::Connections;
use crate::error::Result;
use crate::ledger::Fence;

/// The right to work on an account, until it is dropped.
pub struct Turn {
    /// The account, under the name that everybody locks it by.
    pub account: String,
    _local: Option<OwnedMutexGuard<()>>,
}

impl Turn {
    /// Waits until nobody else works on the account. An issuer that does not count its keys needs no turn.
    pub async fn take(context: &Context, connections: &Connections) -> Result<Self> {
        let account = connections.issuer.lock().await?;
        if !connections.abilities.inspect {
            return Ok(Self {
                account,
                _local: None,
            });
        }
        let local = context.local_turn(&account).lock_owned().await;
        Ok(Self {
            account,
            _local: Some(local),
        })
    }

    /// What proves to the ledger that it is still our turn.
    pub fn fence(&self) -> Option<Fence> {
        None
    }
}
