//! The ledger of an emergency. Where a person insists, what it cannot answer is answered as if there were none, and told of.
//!
//! A lock that somebody else took stays taken: that is an answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::gates::Peer;
use crate::domain::notices::Telling;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::disabled::Disabled;
use crate::ledger::outbox::{Claim, Ended, Message, Untold};
use crate::ledger::{
    Fence, Holding, Intent, Inventory, Journal, KeyMark, KeyRecord, Lease, Ledger, Locks, Memory,
    Noted, Outbox, Outcome, ResourceRef, Sighted,
};

/// Why the ledger was out of reach for the first emergency of this process that went on without it. A ledger that hangs
/// would cost each of the others its patience in turn, so nobody who insists waits for it again.
#[derive(Default)]
pub struct OutOfReach(Failure);

/// A ledger behind glass.
pub struct BreakGlass {
    inner: Arc<dyn Ledger>,
    insists: bool,
    failure: Failure,
    for_all: Arc<OutOfReach>,
}

/// The first error that was noted.
#[derive(Default)]
struct Failure(Mutex<Option<Error>>);

impl Failure {
    fn noted(&self) -> Option<Error> {
        // It is replaced as a whole, so a panic elsewhere leaves nothing half done.
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.clone()
    }

    fn note(&self, error: Error) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.get_or_insert(error);
    }
}

impl BreakGlass {
    /// Around the ledger that is asked first. `insists`: a person wants to go on without it. `for_all` is shared by
    /// every emergency of the process.
    pub fn new(inner: Arc<dyn Ledger>, insists: bool, for_all: Arc<OutOfReach>) -> Self {
        Self {
            inner,
            insists,
            failure: Failure::default(),
            for_all,
        }
    }

    /// Whether a person wants to go on without it.
    pub fn insists(&self) -> bool {
        self.insists
    }

    /// Why it could not be used, if it could not.
    pub fn failure(&self) -> Option<Error> {
        self.failure.noted()
    }

    /// Why nobody waits for it any more, be it that another emergency found out.
    fn given_up(&self) -> Option<Error> {
        let known = self.failure.noted().or_else(|| self.for_all.0.noted());
        known.filter(|_| self.insists)
    }

    /// The answer, or that of no ledger at all where it fails: out of reach, out of room, not allowed, in disorder.
    async fn or<T>(
        &self,
        asked: impl Future<Output = Result<T>>,
        otherwise: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        // Once it is broken nobody waits for it again.
        if let Some(error) = self.given_up() {
            self.failure.note(error);
            return otherwise.await;
        }
        let answered = asked.await;
        let Some(error) = answered.as_ref().err().filter(|error| is_failure(error)) else {
            return answered;
        };
        self.failure.note(error.clone());
        if !self.insists {
            return answered;
        }
        // What is wrong with it for one key may not be for another; out of reach it is for all.
        if error.kind == Kind::Unavailable {
            self.for_all.0.note(error.clone());
        }
        tracing::error!(%error, "an emergency goes on without the ledger");
        otherwise.await
    }
}

/// That a lock was passed on, or that a person wants to stop, is an answer.
fn is_failure(error: &Error) -> bool {
    !matches!(error.kind, Kind::Stale | Kind::Interrupted)
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

    async fn note_sighting(&self, sighted: &Sighted) -> Result<()> {
        let asked = self.inner.note_sighting(sighted);
        self.or(asked, async { Ok(()) }).await
    }

    async fn explains(&self, resource_id: &str, place: &str, version: &str) -> Result<bool> {
        let asked = self.inner.explains(resource_id, place, version);
        // Whoever breaks the glass does not wait to be told.
        self.or(asked, async { Ok(true) }).await
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

    async fn peers(&self, group: &str, but: &str) -> Result<Vec<Peer>> {
        self.or(self.inner.peers(group, but), Disabled.peers(group, but))
            .await
    }

    async fn record(&self, holding: &Holding, at: Instant) -> Result<()> {
        let asked = self.inner.record(holding, at);
        self.or(asked, Disabled.record(holding, at)).await
    }

    async fn keep(&self, resource_id: &str, private_data: &str) -> Result<()> {
        let asked = self.inner.keep(resource_id, private_data);
        self.or(asked, Disabled.keep(resource_id, private_data))
            .await
    }
}

#[async_trait]
impl Outbox for BreakGlass {
    async fn untold(&self, resource: &str, telling: &Telling, now: Instant) -> Result<Untold> {
        let asked = self.inner.untold(resource, telling, now);
        self.or(asked, Disabled.untold(resource, telling, now))
            .await
    }

    async fn notice(
        &self,
        resource: &ResourceRef,
        issuer: &str,
        telling: &Telling,
        at: Instant,
    ) -> Result<()> {
        let asked = self.inner.notice(resource, issuer, telling, at);
        self.or(asked, async { Ok(()) }).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<Message>> {
        self.or(self.inner.claim(claim), Disabled.claim(claim))
            .await
    }

    async fn conclude(&self, message: &str, ended: &Ended) -> Result<()> {
        let asked = self.inner.conclude(message, ended);
        self.or(asked, Disabled.conclude(message, ended)).await
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::memory::InMemory;

    fn behind_glass(insists: bool) -> (Arc<InMemory>, BreakGlass) {
        let ledger = Arc::new(InMemory::default());
        let glass = BreakGlass::new(Arc::clone(&ledger) as _, insists, Arc::default());
        (ledger, glass)
    }

    #[tokio::test]
    async fn who_insists_does_not_wait_for_what_another_found_out_of_reach() {
        let (ledger, first) = behind_glass(true);
        let another = |insists| {
            let for_all = Arc::clone(&first.for_all);
            BreakGlass::new(Arc::clone(&ledger) as _, insists, for_all)
        };
        let lease = ledger.try_lock("account", "somebody").await.unwrap();
        assert!(lease.is_some());
        ledger.lose(true);
        first.recall("key_1").await.unwrap();
        // If it were asked, it would say that the lock is taken.
        ledger.lose(false);
        let (insisting, waiting) = (another(true), another(false));
        assert!(insisting.try_lock("account", "me").await.unwrap().is_some());
        assert_eq!(insisting.failure(), first.failure());
        assert!(waiting.try_lock("account", "me").await.unwrap().is_none());
        assert!(waiting.failure().is_none());
    }

    #[tokio::test]
    async fn what_fails_is_told_and_stops_only_those_who_do_not_insist() {
        for insists in [false, true] {
            let (ledger, glass) = behind_glass(insists);
            ledger.lose(true);
            assert_eq!(glass.recall("key_1").await.is_ok(), insists);
            assert!(glass.failure().is_some());
            assert_eq!(glass.try_lock("account", "me").await.is_ok(), insists);
        }
    }

    #[tokio::test]
    async fn a_lock_that_somebody_else_holds_or_took_is_an_answer() {
        let (ledger, glass) = behind_glass(true);
        let lease = ledger
            .try_lock("account", "another")
            .await
            .unwrap()
            .unwrap();
        assert!(glass.try_lock("account", "me").await.unwrap().is_none());
        let mut fence = lease.fence.clone();
        fence.number += 1;
        assert_eq!(glass.renew(&fence).await.unwrap_err().kind, Kind::Stale);
        assert!(glass.failure().is_none());
    }
}
