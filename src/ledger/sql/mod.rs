//! The ledger in a database: SQLite or PostgreSQL, with one logic and nearly one text of SQL for both.
//!
//! Nothing is opened until it is needed. Reads go through a small pool; everything that is written goes through one
//! task, which writes what comes at the same time together.

mod attest;
mod chain;
mod connect;
mod dialect;
mod file;
mod holdings;
mod listing;
mod migrate;
mod reads;
mod resources;
mod target;
mod trouble;
mod verify;
mod words;
mod writer;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::AnyPool;
use sqlx::any::Any;
use sqlx::pool::PoolConnection;
use tokio::sync::Mutex;
use tokio::time::Instant as Moment;

use crate::error::{Error, Result};
use crate::instant::Instant;
use crate::ledger::inventory::{Inventory, Query};
use crate::ledger::{
    Fence, Holding, Intent, KeyMark, KeyRecord, Lease, Ledger, Memory, Outcome, ResourceRef, Status,
};
pub use target::Target;
use trouble::Trouble;
pub use verify::{Broken, Verdict};
use writer::{Reached, Writer};
use writes::Job;

/// A connection that failed is not tried again for so long: two thousand resources do not wait for the same
/// unreachable host one after the other.
const RESPITE: Duration = Duration::from_secs(15);

/// A ledger in a database.
pub struct Database {
    target: Arc<Target>,
    lease: Duration,
    patience: Duration,
    opened: Mutex<Opened>,
}

enum Opened {
    Not,
    Open(Arc<Open>),
    Failed(Error, Moment),
}

struct Open {
    pool: AnyPool,
    writer: Writer,
}

impl Database {
    /// A ledger that is opened when it is first needed. `lease` is how long a lock outlives its holder, `patience`
    /// how long to wait for one.
    pub fn new(target: Target, lease: Duration, patience: Duration) -> Self {
        Self {
            target: Arc::new(target),
            lease,
            patience,
            opened: Mutex::new(Opened::Not),
        }
    }

    /// A ledger for a person who only looks.
    pub fn with_defaults(target: Target) -> Self {
        Self::new(target, Duration::from_secs(60), Duration::ZERO)
    }

    /// Walks along the audit trail. `seal` is the number and the hash of an event that somebody noted down.
    pub async fn verify(&self, seal: Option<&(i64, String)>) -> Result<Verdict> {
        let mut reader = self.reader().await?;
        verify::verify(&mut reader, seal)
            .await
            .map_err(|error| self.words(error))
    }

    /// Lists the live keys of a resource as orphaned, because `by` says that no state holds it any more.
    pub async fn forget(&self, resource: &str, by: &str, at: Instant) -> Result<Vec<KeyMark>> {
        let memory = self.recall(resource).await?;
        let live = memory.keys.into_iter();
        let live = live.filter(|record| record.status == Status::Live);
        let keys: Vec<KeyMark> = live.map(|record| record.key).collect();
        if !keys.is_empty() {
            let job = Job::Forget(resource.to_owned(), by.to_owned(), at);
            self.write(job).await?;
        }
        Ok(keys)
    }

    async fn open(&self) -> Result<Arc<Open>> {
        let mut opened = self.opened.lock().await;
        match &*opened {
            Opened::Open(open) => return Ok(Arc::clone(open)),
            Opened::Failed(error, since) if since.elapsed() < RESPITE => return Err(error.clone()),
            _ => {}
        }
        match connect::connect(&self.target).await {
            Ok(pool) => {
                let writer = Writer::start(pool.clone(), Arc::clone(&self.target), self.lease);
                let open = Arc::new(Open { pool, writer });
                *opened = Opened::Open(Arc::clone(&open));
                Ok(open)
            }
            Err(error) => {
                *opened = Opened::Failed(error.clone(), Moment::now());
                Err(error)
            }
        }
    }

    async fn write(&self, job: Job) -> Result<Option<Lease>> {
        let answer = self.open().await?.writer.call(job).await;
        match answer {
            Ok(lease) => Ok(lease),
            Err((error, Reached::Yes)) => Err(error),
            Err((error, Reached::No)) => Err(self.cut_off(error).await),
        }
    }

    async fn reader(&self) -> Result<PoolConnection<Any>> {
        let open = self.open().await?;
        match open.pool.acquire().await.map_err(Trouble::from) {
            Ok(connection) => Ok(connection),
            Err(trouble) if trouble.cuts_off() => {
                Err(self.cut_off(trouble.explain(&self.target)).await)
            }
            Err(trouble) => Err(trouble.explain(&self.target)),
        }
    }

    /// A database that went away is looked for anew, after a while.
    async fn cut_off(&self, error: Error) -> Error {
        *self.opened.lock().await = Opened::Failed(error.clone(), Moment::now());
        error
    }

    fn words(&self, error: sqlx::Error) -> Error {
        Trouble::from(error).explain(&self.target)
    }
}

#[async_trait]
impl Ledger for Database {
    fn place(&self) -> String {
        self.target.shown().to_owned()
    }

    fn lock_timeout(&self) -> Duration {
        self.patience
    }

    async fn begin(&self, intent: &Intent) -> Result<()> {
        self.write(Job::Begin(Box::new(intent.clone())))
            .await
            .map(|_| ())
    }

    async fn finish(&self, intent: &str, outcome: &Outcome, at: Instant) -> Result<()> {
        self.write(Job::Finish(intent.to_owned(), outcome.clone(), at))
            .await
            .map(|_| ())
    }

    async fn recall(&self, resource_id: &str) -> Result<Memory> {
        let mut reader = self.reader().await?;
        reads::recall(&mut reader, self.target.dialect, resource_id)
            .await
            .map_err(|error| self.words(error))
    }

    async fn recall_never_confirmed(&self, account: &str) -> Result<Memory> {
        let mut reader = self.reader().await?;
        reads::recall_never_confirmed(&mut reader, self.target.dialect, account)
            .await
            .map_err(|error| self.words(error))
    }

    async fn keys_in(&self, account: &str) -> Result<Vec<KeyRecord>> {
        let mut reader = self.reader().await?;
        reads::keys_in(&mut reader, account)
            .await
            .map_err(|error| self.words(error))
    }

    async fn find_keys(&self, keys: &[KeyMark]) -> Result<Vec<(ResourceRef, KeyRecord)>> {
        let mut reader = self.reader().await?;
        reads::find_keys(&mut reader, keys)
            .await
            .map_err(|error| self.words(error))
    }

    async fn who_delivers_to(&self, places: &[String]) -> Result<Vec<(String, ResourceRef)>> {
        let mut reader = self.reader().await?;
        resources::who_delivers_to(&mut reader, places)
            .await
            .map_err(|error| self.words(error))
    }

    async fn record(&self, holding: &Holding, at: Instant) -> Result<()> {
        let mut reader = self.reader().await?;
        let differs = holdings::differs(&mut reader, holding).await;
        drop(reader);
        if !differs.map_err(|error| self.words(error))? {
            return Ok(());
        }
        self.write(Job::Record(Box::new(holding.clone()), at))
            .await
            .map(|_| ())
    }

    async fn inventory(&self, query: &Query) -> Result<Inventory> {
        let mut reader = self.reader().await?;
        listing::list(&mut reader, self.target.dialect, query)
            .await
            .map_err(|error| self.words(error))
    }

    async fn try_lock(&self, name: &str, holder: &str) -> Result<Option<Lease>> {
        // Whoever waits for a lock asks often; that must not keep its holder from writing.
        if self.lock_holder(name).await?.is_some() {
            return Ok(None);
        }
        self.write(Job::TryLock(name.to_owned(), holder.to_owned()))
            .await
    }

    async fn lock_holder(&self, name: &str) -> Result<Option<(String, Instant)>> {
        let mut reader = self.reader().await?;
        reads::lock_holder(&mut reader, self.target.dialect, name)
            .await
            .map_err(|error| self.words(error))
    }

    async fn renew(&self, fence: &Fence) -> Result<()> {
        self.write(Job::Renew(fence.clone())).await.map(|_| ())
    }

    async fn unlock(&self, fence: &Fence) -> Result<()> {
        self.write(Job::Unlock(fence.clone())).await.map(|_| ())
    }
}
