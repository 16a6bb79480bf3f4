//! A ledger that an emergency does not wait for: what it cannot answer is answered as if there were none, and told of.
//!
//! A lock that somebody else took stays taken: that is an answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::disabled::Disabled;
use crate::ledger::{
    Fence, Holding, Intent, Inventory, Journal, KeyMark, KeyRecord, Lease, Ledger, Locks, Memory,
    Noted, Outcome, ResourceRef,
};

/// A ledger behind glass.
pub struct BreakGlass {
    inner: Arc<dyn Ledger>,
    broken: Mutex<Option<Error>>,
}

impl BreakGlass {
    /// Around the ledger that is asked first.
    pub fn new(inner: Arc<dyn Ledger>) -> Self {
        Self {
            inner,
            broken: Mutex::default(),
        }
    }

    /// Why it could not be asked, if it could not.
    pub fn broken(&self) -> Option<Error> {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.clone()
    }

    fn note(&self, error: Error) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.get_or_insert(error);
    }

    /// The answer, or that of no ledger at all where it cannot be reached.
    async fn or<T>(
        &self,
        asked: impl Future<Output = Result<T>>,
        otherwise: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        // Once it is broken nobody waits for it again.
        if self.broken().is_some() {
            return otherwise.await;
        }
        match asked.await {
            Err(error) if error.kind == Kind::Unavailable => {
                tracing::error!(%error, "an emergency goes on without the ledger");
                self.note(error);
                otherwise.await
            }
            answered => answered,
        }
    }
}

impl Ledger for BreakGlass {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn remembers(&self) -> bool {
        self.inner.remembers()
    }
}

#[async_trait]
impl Journal for BreakGlass {
    async fn begin(&self, intent: &Intent) -> Result<()> {
        self.or(self.inner.begin(intent), Disabled.begin(intent))
            .await
    }

    async fn finish(&self, intent: &str, outcome: &Outcome, at: Instant) -> Result<()> {
        let asked = self.inner.finish(intent, outcome, at);
        self.or(asked, Disabled.finish(intent, outcome, at)).await
    }

    async fn settle(&self, understood: &[(String, &'static str)], at: Instant) -> Result<()> {
        let asked = self.inner.settle(understood, at);
        self.or(asked, async { Ok(()) }).await
    }

    async fn note_incident(&self, noted: &Noted) -> Result<()> {
        let asked = self.inner.note_incident(noted);
        self.or(asked, async { Ok(()) }).await
    }

    async fn recall(&self, resource_id: &str) -> Result<Memory> {
        let asked = self.inner.recall(resource_id);
        self.or(asked, Disabled.recall(resource_id)).await
    }

    async fn recall_never_confirmed(&self, account: &str) -> Result<Memory> {
        let asked = self.inner.recall_never_confirmed(account);
        self.or(asked, Disabled.recall_never_confirmed(account))
            .await
    }
}

#[async_trait]
impl Inventory for BreakGlass {
    async fn keys_in(&self, account: &str) -> Result<Vec<KeyRecord>> {
        self.or(self.inner.keys_in(account), Disabled.keys_in(account))
            .await
    }

    async fn find_keys(&self, keys: &[KeyMark]) -> Result<Vec<(ResourceRef, KeyRecord)>> {
        self.or(self.inner.find_keys(keys), Disabled.find_keys(keys))
            .await
    }

    async fn who_delivers_to(&self, places: &[String]) -> Result<Vec<(String, ResourceRef)>> {
        let asked = self.inner.who_delivers_to(places);
        self.or(asked, Disabled.who_delivers_to(places)).await
    }

    async fn record(&self, holding: &Holding, at: Instant) -> Result<()> {
        let asked = self.inner.record(holding, at);
        self.or(asked, Disabled.record(holding, at)).await
    }
}

#[async_trait]
impl Locks for BreakGlass {
    fn lock_timeout(&self) -> Duration {
        self.inner.lock_timeout()
    }

    async fn try_lock(&self, name: &str, holder: &str) -> Result<Option<Lease>> {
        let asked = self.inner.try_lock(name, holder);
        self.or(asked, Disabled.try_lock(name, holder)).await
    }

    async fn lock_holder(&self, name: &str) -> Result<Option<(String, Instant)>> {
        let asked = self.inner.lock_holder(name);
        self.or(asked, Disabled.lock_holder(name)).await
    }

    async fn renew(&self, fence: &Fence) -> Result<()> {
        self.or(self.inner.renew(fence), Disabled.renew(fence))
            .await
    }

    async fn unlock(&self, fence: &Fence) -> Result<()> {
        self.or(self.inner.unlock(fence), Disabled.unlock(fence))
            .await
    }
}
