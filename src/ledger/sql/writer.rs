//! One task that writes for the whole process. Calls that come while it is at work are written together, in one
//! transaction: the disk is asked once for all of them.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{AnyConnection, AnyPool, Connection};
use tokio::sync::{OnceCell, mpsc, oneshot};
use tokio::time::Instant;

use super::chain::Head;
use super::connect::prepare;
use super::jobs::Job;
use super::target::Target;
use super::transaction::Transaction;
use super::trouble::{Trouble, answered};
use crate::error::{Error, Kind, Result};
use crate::ledger::Lease;

/// The answer to a call, and whether the database could be reached.
pub type Answer = Result<Option<Lease>, (Error, Reached)>;

/// Whether the database could be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It was there and said no.
    Yes,
    /// It was not there.
    No,
}

type Call = (Job, oneshot::Sender<Answer>);

/// The longest queue of calls before callers wait, and the largest number that is written at once.
const TOGETHER: usize = 64;

/// How long a transaction is tried again that others were in the way of.
const PATIENCE: Duration = Duration::from_secs(20);
/// Nothing takes so long but a network that swallows what is sent.
const UNANSWERED: Duration = Duration::from_secs(90);

/// The way to the task.
#[derive(Clone)]
pub struct Writer(mpsc::Sender<Call>);

impl Writer {
    /// Starts the task; it ends when nobody can call it any more.
    pub fn start(pool: AnyPool, target: Arc<Target>, lease: Duration) -> Self {
        let (sender, mut calls) = mpsc::channel(TOGETHER);
        let task = Task {
            pool,
            target,
            lease,
            ready: OnceCell::new(),
        };
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(TOGETHER);
            while calls.recv_many(&mut batch, TOGETHER).await > 0 {
                task.serve(std::mem::take(&mut batch)).await;
            }
        });
        Self(sender)
    }

    /// Does a job, durably.
    pub async fn call(&self, job: Job) -> Answer {
        let (sender, answer) = oneshot::channel();
        let gone = || (stopped(), Reached::Yes);
        self.0.send((job, sender)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

struct Task {
    pool: AnyPool,
    target: Arc<Target>,
    lease: Duration,
    /// There are tables to write into.
    ready: OnceCell<()>,
}

impl Task {
    async fn serve(&self, batch: Vec<Call>) {
        let (jobs, callers): (Vec<Job>, Vec<_>) = batch.into_iter().unzip();
        let answers = match self.persistently(&jobs).await {
            Ok(answers) => answers,
            // One of them may have brought the others down.
            Err(trouble) if jobs.len() > 1 && !trouble.cuts_off() => self.one_by_one(&jobs).await,
            Err(trouble) => {
                let explained = self.explained(trouble);
                jobs.iter().map(|_| Err(explained.clone())).collect()
            }
        };
        for (caller, answer) in callers.into_iter().zip(answers) {
            // Whoever does not wait for the answer any more does not need it.
            let _ = caller.send(answer);
        }
    }

    fn explained(&self, trouble: Trouble) -> (Error, Reached) {
        let reached = match trouble.cuts_off() {
            true => Reached::No,
            false => Reached::Yes,
        };
        (trouble.explain(&self.target), reached)
    }

    async fn one_by_one(&self, jobs: &[Job]) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            match self.persistently(std::slice::from_ref(job)).await {
                Ok(answer) => answers.extend(answer),
                Err(trouble) => answers.push(Err(self.explained(trouble))),
            }
        }
        answers
    }

    async fn persistently(&self, jobs: &[Job]) -> Result<Vec<Answer>, Trouble> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            match self.together(jobs).await {
                Err(trouble) if trouble.passes() && begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                done => return done,
            }
        }
    }

    async fn together(&self, jobs: &[Job]) -> Result<Vec<Answer>, Trouble> {
        let mut connection = self.pool.acquire().await?;
        let written = self.in_one_transaction(&mut connection, jobs);
        let done = answered(UNANSWERED, written).await;
        if done.as_ref().is_err_and(|trouble| !trouble.passes()) {
            // Nobody answers, or SQLite has ended the transaction by itself, where a disk is full say: the connection then
            // counts as being in one for good.
            connection.close_on_drop();
        }
        done
    }

    /// A job that is refused is answered and left out; trouble with the database takes all of them back.
    async fn in_one_transaction(
        &self,
        connection: &mut AnyConnection,
        jobs: &[Job],
    ) -> Result<Vec<Answer>, Trouble> {
        self.ready
            .get_or_try_init(|| prepare(connection, &self.target))
            .await?;
        let dialect = self.target.dialect;
        let mut scope = connection.begin_with(dialect.begin()).await?;
        let head = Head::hold(&mut scope, dialect).await?;
        let mut transaction = Transaction {
            connection: &mut scope,
            dialect,
            head,
            lease: self.lease,
        };
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            match transaction.run(job).await {
                Ok(answer) => answers.push(Ok(answer)),
                Err(Trouble::Refused(error)) => answers.push(Err((error, Reached::Yes))),
                Err(trouble) => return Err(trouble),
            }
        }
        transaction.head.write(transaction.connection).await?;
        scope.commit().await?;
        Ok(answers)
    }
}

/// For a worker that is gone, which only the end of the process explains.
fn stopped() -> Error {
    Error::new(
        Kind::Unavailable,
        "The ledger cannot be used",
        "The provider is shutting down. Nothing was written.",
    )
}
