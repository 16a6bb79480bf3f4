//! No ledger: nothing is remembered, nothing is locked beyond this process.

use async_trait::async_trait;

use crate::domain::gates::Peer;
use crate::error::Result;
use crate::instant::Instant;
use crate::ledger::{
    Fence, Holding, Intent, Inventory, Journal, KeyMark, KeyRecord, Lease, Ledger, Locks, Memory,
    Noted, Outbox, Outcome, ResourceRef,
};

/// `ledger = { disabled = true }`.
pub struct Disabled;

impl Outbox for Disabled {}

impl Ledger for Disabled {
    fn place(&self) -> String {
        "no ledger".into()
    }

    fn remembers(&self) -> bool {
        false
    }
}

#[async_trait]
impl Journal for Disabled {
    async fn begin(&self, _: &Intent) -> Result<()> {
        Ok(())
    }

    async fn finish(&self, _: &str, _: &Outcome, _: Instant) -> Result<()> {
        Ok(())
    }

    async fn note_incident(&self, _: &Noted) -> Result<()> {
        Ok(())
    }

    async fn explains(&self, _: &str, _: &str, _: &str) -> Result<bool> {
        Ok(false)
    }

    async fn recall(&self, _: &str) -> Result<Memory> {
        Ok(Memory::default())
    }

    async fn recall_never_confirmed(&self, _: &str) -> Result<Memory> {
        Ok(Memory::default())
    }
}

#[async_trait]
impl Inventory for Disabled {
    async fn keys_in(&self, _: &str) -> Result<Vec<KeyRecord>> {
        Ok(Vec::new())
    }

    async fn find_keys(&self, _: &[KeyMark]) -> Result<Vec<(ResourceRef, KeyRecord)>> {
        Ok(Vec::new())
    }

    async fn who_delivers_to(&self, _: &[String]) -> Result<Vec<(String, ResourceRef)>> {
        Ok(Vec::new())
    }

    async fn peers(&self, _: &str, _: &str) -> Result<Vec<Peer>> {
        Ok(Vec::new())
    }

    async fn record(&self, _: &Holding, _: Instant) -> Result<()> {
        Ok(())
    }

    async fn keep(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Locks for Disabled {
    async fn try_lock(&self, name: &str, _: &str) -> Result<Option<Lease>> {
        let fence = Fence {
            name: name.into(),
            number: 0,
        };
        Ok(Some(Lease {
            fence,
            length: std::time::Duration::from_secs(3600),
        }))
    }

    async fn renew(&self, _: &Fence) -> Result<()> {
        Ok(())
    }

    async fn unlock(&self, _: &Fence) -> Result<()> {
        Ok(())
    }
}
