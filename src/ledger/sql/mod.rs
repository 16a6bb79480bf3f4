//! The ledger in a database: SQLite or PostgreSQL, with one logic and nearly one text of SQL for both.
//!
//! Nothing is opened until it is needed, and nothing is made until something is written: whoever only reads needs no other
//! right, and a ledger that is not there is one that remembers nothing. Reads go through a small pool; everything that is
//! written goes through one task, which writes what comes at the same time together.

mod anomalies;
mod attest;
mod chain;
mod connect;
mod dialect;
mod file;
mod health;
mod history;
mod holdings;
mod incidents;
mod jobs;
mod journal;
mod leaks;
mod listing;
mod locks;
mod migrate;
mod news;
mod orphans;
mod outbox;
mod reads;
mod resources;
mod rows;
mod snapshot;
mod target;
mod transaction;
mod trouble;
mod verify;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::AnyPool;
use sqlx::any::Any;
use sqlx::pool::PoolConnection;
use tokio::sync::Mutex;
use tokio::time::Instant as Moment;

use crate::domain::gates::Peer;
use crate::domain::notices::Telling;
use crate::error::{Error, Kind, Result};
use crate::health::incident::{Record, Told, record};
use crate::health::period::Period;
use crate::health::{Health, History};
use crate::instant::Instant;
use crate::ledger::inventory::{Page, Query};
use crate::ledger::outbox::{Claim, Ended, Message, Untold};
use crate::ledger::{
    Fence, Holding, Intent, Inventory, Journal, KeyMark, KeyRecord, Lease, Ledger, Locks, Memory,
    Noted, Outbox, Outcome, ResourceRef, Sighted, Status,
};
use connect::Access;
use jobs::Job;
pub use target::{Target, decoded as percent_decoded};
use trouble::{Trouble, answered};
pub use verify::{Broken, Verdict};
use writer::{Reached, Writer};

/// A connection that failed is not tried again for so long: two thousand resources do not wait for the same
/// unreachable host one after the other.
const RESPITE: Duration = Duration::from_secs(15);

/// The longest time that a question takes.
const UNANSWERED: Duration = Duration::from_secs(60);

/// A ledger in a database.
pub struct Database {
    target: Arc<Target>,
    access: Access,
    lease: Duration,
    patience: Duration,
    opened: Mutex<Opened>,
    /// What a state says was refused before.
    only_reads: AtomicBool,
}

enum Opened {
    Not,
    Open(Arc<Open>),
    Failed(Error, Moment),
}

struct Open {
    pool: AnyPool,
    writer: Writer,
    /// There are tables to read.
    readable: AtomicBool,
}

impl Database {
    /// A ledger that is opened when it is first needed. `lease` is how long a lock outlives its holder, `patience`
    /// how long to wait for one.
    pub fn new(target: Target, lease: Duration, patience: Duration) -> Self {
        Self {
            target: Arc::new(target),
            access: Access::Any,
            lease,
            patience,
            opened: Mutex::new(Opened::Not),
            only_reads: AtomicBool::new(false),
        }
    }

    /// A ledger for a command that a person runs.
    pub fn with_defaults(target: Target) -> Self {
        Self::new(target, Duration::from_secs(60), Duration::ZERO)
    }

    /// A ledger for a person who only looks.
    pub fn for_reading(target: Target) -> Self {
        Self {
            access: Access::Reading,
            ..Self::new(target, Duration::ZERO, Duration::ZERO)
        }
    }

    /// An error of the kind [`Kind::NotFound`] if there is no ledger.
    pub async fn is_there(&self) -> Result<()> {
        self.reader_of_one_that_is_there().await.map(drop)
    }

    /// How the resources are doing that a query asks for, by what they are themselves. [`Kind::NotFound`] if there is no ledger.
    pub async fn health(&self, query: &Query) -> Result<Health> {
        let mut reader = self.reader_of_one_that_is_there().await?;
        let health = health::health(&mut reader, self.target.dialect, query);
        self.answer(health).await
    }

    /// How often what was done, and when last. [`Kind::NotFound`] if there is no ledger.
    pub async fn history(&self) -> Result<History> {
        let mut reader = self.reader_of_one_that_is_there().await?;
        self.answer(history::history(&mut reader)).await
    }

    /// What happened in a time. [`Kind::NotFound`] if there is no ledger.
    pub async fn told(&self, period: &Period) -> Result<Vec<Told>> {
        let mut reader = self.reader_of_one_that_is_there().await?;
        self.answer(history::told(&mut reader, period)).await
    }

    /// Walks along the audit trail. [`Kind::NotFound`] if there is no ledger. `seal` is the number and the hash of an
    /// event that somebody noted down.
    pub async fn verify(&self, seal: Option<&(i64, String)>) -> Result<Verdict> {
        let mut reader = self.reader_of_one_that_is_there().await?;
        let verdict = verify::verify(&mut reader, seal).await;
        verdict.map_err(|error| Trouble::from(error).explain(&self.target))
    }

    /// Copies the whole of it into a file that is there and empty, as it is at one moment. [`Kind::NotFound`] if there is no
    /// ledger.
    pub async fn snapshot(&self, file: &std::path::Path) -> Result<()> {
        let mut reader = self.reader_of_one_that_is_there().await?;
        let copied = snapshot::snapshot(&mut reader, self.target.dialect, file).await;
        copied.map_err(|trouble| trouble.explain(&self.target))
    }

    /// Lists the live keys of a resource as orphaned, because `by` says that no state holds it any more.
    /// [`Kind::NotFound`] if there is no ledger.
    pub async fn forget(&self, resource: &str, by: &str, at: Instant) -> Result<Vec<KeyMark>> {
        self.is_there().await?;
        let memory = self.recall(resource).await?;
        let live = memory.keys.into_iter();
        let live = live.filter(|record| record.status == Status::Live);
        let keys: Vec<KeyMark> = live.map(|record| record.key).collect();
        // One whose primary is dead has none, and is told of until somebody says that it is no more.
        let job = Job::Forget(resource.to_owned(), by.to_owned(), at);
        self.write(job).await?;
        Ok(keys)
    }

    /// Closes a mint whose outcome is not known, because `by` has looked for its key at the issuer. Gives back whose it was;
    /// `None` if there is no such mint, [`Kind::NotFound`] if there is no ledger.
    pub async fn settle_mint(
        &self,
        mint: &str,
        by: &str,
        at: Instant,
    ) -> Result<Option<ResourceRef>> {
        let mut reader = self.reader_of_one_that_is_there().await?;
        let asked = reads::open_mint(&mut reader, self.target.dialect, mint);
        let Some((begun, is_alive)) = self.answer(asked).await? else {
            return Ok(None);
        };
        drop(reader);
        if is_alive {
            return Err(Error::new(
                Kind::Unavailable,
                "The apply that minted is still at work",
                "It holds its lock in the ledger, or was cut off a moment ago and its lease has not run out. Nothing was \
                 written. Ask again when it is over.",
            ));
        }
        let outcome = Outcome::Settled(format!("looked for at the issuer, as {by} says"));
        self.finish(mint, &outcome, at).await?;
        Ok(Some(begun.resource))
    }

    async fn open(&self) -> Result<Arc<Open>> {
        let mut opened = self.opened.lock().await;
        match &*opened {
            Opened::Open(open) => return Ok(Arc::clone(open)),
            Opened::Failed(error, since) if since.elapsed() < RESPITE => return Err(error.clone()),
            _ => {}
        }
        match connect::connect(&self.target, self.access).await {
            Ok(pool) => {
                let writer = Writer::start(pool.clone(), Arc::clone(&self.target), self.lease);
                let open = Arc::new(Open {
                    pool,
                    writer,
                    readable: AtomicBool::new(false),
                });
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
        connect::create_file(&self.target)?;
        let answer = self.open().await?.writer.call(job).await;
        match answer {
            Ok(lease) => Ok(lease),
            Err((error, Reached::Yes)) => Err(error),
            Err((error, Reached::No)) => Err(self.cut_off(error).await),
        }
    }

    /// Writes what a plan found out. Whoever may only read leaves it to the next apply.
    async fn note(&self, job: Job) -> Result<()> {
        self.is_noted(job).await.map(|_| ())
    }

    /// The same, and whether it was written.
    async fn is_noted(&self, job: Job) -> Result<bool> {
        match self.write(job).await {
            Err(error) if error.kind == Kind::Denied => {
                tracing::debug!(%error, "what a plan found out is left to the next apply");
                Ok(false)
            }
            written => written.map(|_| true),
        }
    }

    /// A connection to read with; `None` if there is no ledger yet.
    async fn reader(&self) -> Result<Option<PoolConnection<Any>>> {
        if self.target.is_missing() {
            return Ok(None);
        }
        let open = self.open().await?;
        let mut connection = self.answer(open.pool.acquire()).await?;
        if !open.readable.load(Ordering::Relaxed) {
            let found = self
                .answer(migrate::version(&mut connection, &self.target))
                .await?;
            if !migrate::is_readable(found, &self.target)? {
                return Ok(None);
            }
            open.readable.store(true, Ordering::Relaxed);
        }
        Ok(Some(connection))
    }

    async fn reader_of_one_that_is_there(&self) -> Result<PoolConnection<Any>> {
        let reader = self.reader().await?;
        reader.ok_or_else(|| {
            let place = self.place();
            Error::new(
                Kind::NotFound,
                "There is no ledger",
                format!("{place}: nothing is there. Name it with --url and --schema."),
            )
        })
    }

    /// The answer to a question, in time.
    async fn answer<T>(&self, question: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T> {
        match answered(UNANSWERED, question).await {
            Err(trouble) if trouble.cuts_off() => {
                Err(self.cut_off(trouble.explain(&self.target)).await)
            }
            answer => answer.map_err(|trouble| trouble.explain(&self.target)),
        }
    }

    /// A database that went away is looked for anew, after a while.
    async fn cut_off(&self, error: Error) -> Error {
        *self.opened.lock().await = Opened::Failed(error.clone(), Moment::now());
        error
    }
}

impl Ledger for Database {
    fn place(&self) -> String {
        self.target.shown().to_owned()
    }
}

#[async_trait]
impl Journal for Database {
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

    async fn settle(&self, understood: &[(String, &'static str)], at: Instant) -> Result<()> {
        if understood.is_empty() {
            return Ok(());
        }
        self.note(Job::Settle(understood.to_vec(), at)).await
    }

    async fn note_sighting(&self, sighted: &Sighted) -> Result<()> {
        let job = Job::Sight(Box::new(sighted.clone()));
        self.write(job).await.map(|_| ())
    }

    async fn incident(&self, id: &str) -> Result<Option<Record>> {
        let Some(mut reader) = self.reader().await? else {
            return Ok(None);
        };
        let told = self.answer(incidents::told(&mut reader, id)).await?;
        Ok(record(id, &told))
    }

    async fn note_incident(&self, noted: &Noted) -> Result<()> {
        self.note(Job::Note(Box::new(noted.clone()))).await
    }

    async fn explains(&self, resource_id: &str, place: &str, version: &str) -> Result<bool> {
        let Some(mut reader) = self.reader().await? else {
            return Ok(false);
        };
        self.answer(reads::explains(&mut reader, resource_id, place, version))
            .await
    }

    async fn recall(&self, resource_id: &str) -> Result<Memory> {
        let Some(mut reader) = self.reader().await? else {
            return Ok(Memory::default());
        };
        let dialect = self.target.dialect;
        self.answer(reads::recall(&mut reader, dialect, resource_id))
            .await
    }

    async fn recall_never_confirmed(&self, account: &str) -> Result<Memory> {
        let Some(mut reader) = self.reader().await? else {
            return Ok(Memory::default());
        };
        let dialect = self.target.dialect;
        self.answer(reads::recall_never_confirmed(&mut reader, dialect, account))
            .await
    }
}

#[async_trait]
impl Inventory for Database {
    async fn keys_in(&self, account: &str) -> Result<Vec<KeyRecord>> {
        let Some(mut reader) = self.reader().await? else {
            return Ok(Vec::new());
        };
        self.answer(reads::keys_in(&mut reader, account)).await
    }

    async fn find_keys(&self, keys: &[KeyMark]) -> Result<Vec<(ResourceRef, KeyRecord)>> {
        let Some(mut reader) = self.reader().await? else {
            return Ok(Vec::new());
        };
        self.answer(reads::find_keys(&mut reader, keys)).await
    }

    async fn who_delivers_to(&self, places: &[String]) -> Result<Vec<(String, ResourceRef)>> {
        let Some(mut reader) = self.reader().await? else {
            return Ok(Vec::new());
        };
        self.answer(resources::who_delivers_to(&mut reader, places))
            .await
    }

    async fn peers(&self, group: &str, but: &str) -> Result<Vec<Peer>> {
        let Some(mut reader) = self.reader().await? else {
            return Ok(Vec::new());
        };
        self.answer(resources::peers(&mut reader, group, but)).await
    }

    async fn record(&self, holding: &Holding, at: Instant) -> Result<()> {
        // A plan by a role that may only read would be refused once for each of its keys. What is left behind no refresh tells.
        if self.only_reads.load(Ordering::Relaxed) && holding.left_by.is_none() {
            return Ok(());
        }
        if let Some(mut reader) = self.reader().await?
            && !self
                .answer(holdings::differs(&mut reader, holding, at))
                .await?
        {
            return Ok(());
        }
        let is_noted = self.is_noted(Job::Record(Box::new(holding.clone()), at));
        self.only_reads.store(!is_noted.await?, Ordering::Relaxed);
        Ok(())
    }

    async fn keep(&self, resource_id: &str, private_data: &str) -> Result<()> {
        let job = Job::Keep(resource_id.to_owned(), private_data.to_owned());
        self.note(job).await
    }

    async fn open_leaks(&self) -> Result<Vec<(String, crate::ledger::leaks::Leak)>> {
        let Some(mut reader) = self.reader().await? else {
            return Ok(Vec::new());
        };
        self.answer(leaks::open(&mut reader)).await
    }

    async fn note_leaks(&self, survey: &crate::ledger::leaks::Survey, at: Instant) -> Result<()> {
        let is_news = match self.reader().await? {
            None => !survey.open.is_empty(),
            Some(mut reader) => self.answer(leaks::is_news(&mut reader, survey)).await?,
        };
        match is_news {
            true => self.note(Job::Leaks(Box::new(survey.clone()), at)).await,
            false => Ok(()),
        }
    }

    async fn note_anomalies(
        &self,
        survey: &crate::domain::anomalies::Survey,
        at: Instant,
    ) -> Result<()> {
        // Nothing is known of the keys of a ledger that is not there.
        let Some(mut reader) = self.reader().await? else {
            return Ok(());
        };
        let asked = anomalies::is_news(&mut reader, survey, at);
        match self.answer(asked).await? {
            true => {
                self.note(Job::Anomalies(Box::new(survey.clone()), at))
                    .await
            }
            false => Ok(()),
        }
    }

    async fn list(&self, query: &Query) -> Result<Page> {
        let Some(mut reader) = self.reader().await? else {
            return Ok(Page::default());
        };
        self.answer(listing::list(&mut reader, self.target.dialect, query))
            .await
    }
}

#[async_trait]
impl Outbox for Database {
    async fn untold(&self, resource: &str, telling: &Telling, now: Instant) -> Result<Untold> {
        let Some(mut reader) = self.reader().await? else {
            return Ok(Untold::default());
        };
        self.answer(outbox::untold(&mut reader, resource, telling, now))
            .await
    }

    async fn notice(
        &self,
        resource: &ResourceRef,
        issuer: &str,
        telling: &Telling,
        at: Instant,
    ) -> Result<()> {
        if let Some(mut reader) = self.reader().await? {
            let asked = outbox::unnoticed(&mut reader, &resource.id, telling);
            if self.answer(asked).await?.is_empty() {
                return Ok(());
            }
        }
        let told = (resource.clone(), issuer.to_owned(), telling.clone());
        let job = Job::Notice(Box::new(told), at);
        self.write(job).await.map(|_| ())
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<Message>> {
        let is_free = match self.reader().await? {
            None => false,
            Some(mut reader) => {
                let asked = outbox::is_anything_free(&mut reader, claim);
                self.answer(asked).await?
            }
        };
        if !is_free {
            return Ok(Vec::new());
        }
        self.write(Job::Claim(Box::new(claim.clone()))).await?;
        let Some(mut reader) = self.reader().await? else {
            return Ok(Vec::new());
        };
        self.answer(outbox::claimed(&mut reader, &claim.by)).await
    }

    async fn conclude(&self, message: &str, ended: &Ended) -> Result<()> {
        let job = Job::Conclude(message.to_owned(), ended.clone());
        self.write(job).await.map(|_| ())
    }
}

#[async_trait]
impl Locks for Database {
    fn lock_timeout(&self) -> Duration {
        self.patience
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
        let Some(mut reader) = self.reader().await? else {
            return Ok(None);
        };
        self.answer(locks::lock_holder(&mut reader, self.target.dialect, name))
            .await
    }

    async fn renew(&self, fence: &Fence) -> Result<()> {
        self.write(Job::Renew(fence.clone())).await.map(|_| ())
    }

    async fn unlock(&self, fence: &Fence) -> Result<()> {
        self.write(Job::Unlock(fence.clone())).await.map(|_| ())
    }
}
