//! A ledger in memory, in a world where a process may be killed or suspended before and after every call.

use std::sync::Arc;

use apikey::domain::gates::Peer;
use apikey::domain::notices::Telling;
use apikey::error::Result;
use apikey::instant::Instant;
use apikey::ledger::memory::InMemory;
use apikey::ledger::outbox::{Claim, Ended, Message, Untold};
use apikey::ledger::{
    Fence, Holding, Intent, Inventory, Journal, KeyMark, KeyRecord, Lease, Ledger, Locks, Memory,
    Noted, Outbox, Outcome, ResourceRef,
};
use async_trait::async_trait;

use crate::support::world::World;

pub struct Mortal {
    pub inner: Arc<InMemory>,
    pub world: World,
    /// When the key of the environment before was promoted, and whether it is well.
    pub before: Option<(i64, bool)>,
}

#[async_trait]
impl Outbox for Mortal {
    async fn untold(&self, resource: &str, telling: &Telling, now: Instant) -> Result<Untold> {
        self.inner.untold(resource, telling, now).await
    }

    async fn notice(
        &self,
        resource: &ResourceRef,
        issuer: &str,
        telling: &Telling,
        at: Instant,
    ) -> Result<()> {
        self.world.breathe().await;
        self.inner.notice(resource, issuer, telling, at).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<Message>> {
        self.world.breathe().await;
        let claimed = self.inner.claim(claim).await;
        self.world.breathe().await;
        claimed
    }

    async fn conclude(&self, message: &str, ended: &Ended) -> Result<()> {
        self.world.breathe().await;
        self.inner.conclude(message, ended).await?;
        if let Ended::Sent(_) = ended {
            let mut state = self.world.state();
            state.concluded.insert(message.to_owned());
        }
        Ok(())
    }
}

impl Ledger for Mortal {
    fn place(&self) -> String {
        self.inner.place()
    }
}

#[async_trait]
impl Journal for Mortal {
    async fn begin(&self, intent: &Intent) -> Result<()> {
        self.world.breathe().await;
        self.world.doze().await;
        let begun = self.inner.begin(intent).await;
        self.world.breathe().await;
        self.world.doze().await;
        begun
    }

    async fn finish(&self, intent: &str, outcome: &Outcome, at: Instant) -> Result<()> {
        self.world.breathe().await;
        self.world.doze().await;
        let finished = self.inner.finish(intent, outcome, at).await;
        self.world.breathe().await;
        finished
    }

    async fn note_incident(&self, noted: &Noted) -> Result<()> {
        self.world.breathe().await;
        let done = self.inner.note_incident(noted).await;
        self.world.breathe().await;
        done
    }

    async fn explains(&self, resource_id: &str, place: &str, version: &str) -> Result<bool> {
        self.inner.explains(resource_id, place, version).await
    }

    async fn recall(&self, resource_id: &str) -> Result<Memory> {
        self.inner.recall(resource_id).await
    }

    async fn recall_never_confirmed(&self, account: &str) -> Result<Memory> {
        self.inner.recall_never_confirmed(account).await
    }
}

#[async_trait]
impl Inventory for Mortal {
    async fn keys_in(&self, account: &str) -> Result<Vec<KeyRecord>> {
        self.inner.keys_in(account).await
    }

    async fn find_keys(&self, keys: &[KeyMark]) -> Result<Vec<(ResourceRef, KeyRecord)>> {
        self.inner.find_keys(keys).await
    }

    async fn who_delivers_to(&self, places: &[String]) -> Result<Vec<(String, ResourceRef)>> {
        self.inner.who_delivers_to(places).await
    }

    async fn peers(&self, group: &str, but: &str) -> Result<Vec<Peer>> {
        let mut peers = self.inner.peers(group, but).await?;
        peers.extend(self.before.map(|(at, is_well)| Peer {
            name: "before".into(),
            workspace: "other".into(),
            environment: "dev".into(),
            status: if is_well { "ok" } else { "blocked" }.into(),
            promoted_at: Some(Instant::from_unix(at)),
        }));
        Ok(peers)
    }

    async fn keep(&self, resource_id: &str, private_data: &str) -> Result<()> {
        self.world.breathe().await;
        self.inner.keep(resource_id, private_data).await
    }

    async fn record(&self, holding: &Holding, at: Instant) -> Result<()> {
        self.world.breathe().await;
        self.inner.record(holding, at).await
    }
}

#[async_trait]
impl Locks for Mortal {
    async fn try_lock(&self, name: &str, holder: &str) -> Result<Option<Lease>> {
        self.inner.try_lock(name, holder).await
    }

    async fn renew(&self, fence: &Fence) -> Result<()> {
        // Who sleeps renews nothing.
        self.world.rest().await;
        self.inner.renew(fence).await
    }

    async fn unlock(&self, fence: &Fence) -> Result<()> {
        self.inner.unlock(fence).await
    }
}
