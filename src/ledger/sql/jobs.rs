//! What is written, job by job, inside of a transaction.

use super::transaction::Transaction;
use super::trouble::Trouble;
use super::{holdings, orphans, resources};
use crate::domain::anomalies;
use crate::domain::notices::Telling;
use crate::instant::Instant;
use crate::ledger::leaks::Survey;
use crate::ledger::outbox::{Claim, Ended};
use crate::ledger::{Fence, Holding, Intent, Lease, Noted, Outcome, ResourceRef, Sighted};

/// One call that writes.
pub enum Job {
    /// An intent.
    Begin(Box<Intent>),
    /// The outcome of an intent.
    Finish(String, Outcome, Instant),
    /// How intents without an outcome were understood.
    Settle(Vec<(String, &'static str)>, Instant),
    /// An emergency, or its end.
    Note(Box<Noted>),
    /// What an apply saw of an emergency.
    Sight(Box<Sighted>),
    /// What a state says.
    Record(Box<Holding>, Instant),
    /// The private data of a resource.
    Keep(String, String),
    /// A resource that no state holds any more, and who says so.
    Forget(String, String, Instant),
    /// A key of no resource that is dead.
    End(orphans::Ended),
    /// Name and holder of a lock.
    TryLock(String, String),
    /// Holds on to a lock.
    Renew(Fence),
    /// Gives a lock back.
    Unlock(Fence),
    /// Which alerts are open at a source.
    Leaks(Box<Survey>, Instant),
    /// What is unusual in the calls of an account.
    Anomalies(Box<anomalies::Survey>, Instant),
    /// What is the case of a key, its issuer, and who is told.
    Notice(Box<(ResourceRef, String, Telling)>, Instant),
    /// Takes messages.
    Claim(Box<Claim>),
    /// What became of one.
    Conclude(String, Ended),
}

impl Transaction<'_> {
    /// Does a job. If it is refused, nothing was written for it.
    pub async fn run(&mut self, job: &Job) -> Result<Option<Lease>, Trouble> {
        match job {
            Job::Begin(intent) => self.begin(intent).await?,
            Job::Finish(intent, outcome, at) => self.finish(intent, outcome, *at).await?,
            Job::Settle(understood, at) => {
                for (intent, how) in understood {
                    let outcome = Outcome::Settled((*how).to_owned());
                    self.finish(intent, &outcome, *at).await?;
                }
            }
            Job::Note(noted) => self.note_incident(noted).await?,
            Job::Sight(sighted) => self.note_sighting(sighted),
            Job::Record(holding, at) => holdings::record(self, holding, *at).await?,
            Job::Keep(resource, data) => resources::keep(self.connection, resource, data).await?,
            Job::Forget(resource, by, at) => holdings::forget(self, resource, by, *at).await?,
            Job::End(ended) => orphans::end(self, ended).await?,
            Job::Leaks(survey, at) => self.note_leaks(survey, *at).await?,
            Job::Anomalies(survey, at) => self.note_anomalies(survey, *at).await?,
            Job::TryLock(name, holder) => return Ok(self.try_lock(name, holder).await?),
            Job::Renew(fence) => self.renew(fence).await?,
            Job::Unlock(fence) => self.unlock(fence).await?,
            Job::Notice(told, at) => {
                let (resource, issuer, telling) = &**told;
                self.notice(resource, issuer, telling, *at).await?;
            }
            Job::Claim(claim) => self.claim(claim).await?,
            Job::Conclude(message, ended) => self.conclude(message, ended).await?,
        }
        Ok(None)
    }
}
