//! What is written, job by job. Each job runs inside a transaction that holds the end of the audit trail, so that one
//! job at a time reads and writes, in every process.

use std::time::Duration;

use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::chain::{Event, Head};
use super::dialect::Dialect;
use super::holdings;
use super::trouble::Trouble;
use super::words;
use crate::error::{Error, Kind};
use crate::instant::Instant;
use crate::ledger::locks::first_number;
use crate::ledger::{
    Effect, Fence, Holding, Intent, KeyMark, Lease, Outcome, Slot, Status, passed_on,
};

/// How long the journal keeps what has an outcome, and how much of it goes at once.
const KEPT: crate::duration::Duration = crate::duration::Duration::from_days(30);
const PRUNED: u32 = 100;

/// One call that writes.
pub enum Job {
    /// An intent.
    Begin(Box<Intent>),
    /// The outcome of an intent.
    Finish(String, Outcome, Instant),
    /// How intents without an outcome were understood.
    Settle(Vec<(String, &'static str)>, Instant),
    /// What a state says.
    Record(Box<Holding>, Instant),
    /// A resource that no state holds any more, and who says so.
    Forget(String, String, Instant),
    /// Name and holder of a lock.
    TryLock(String, String),
    /// Holds on to a lock.
    Renew(Fence),
    /// Gives a lock back.
    Unlock(Fence),
}

/// One transaction.
pub struct Transaction<'a> {
    /// Where it runs.
    pub connection: &'a mut AnyConnection,
    /// In whose words.
    pub dialect: Dialect,
    /// The end of the audit trail.
    pub head: Head,
    /// How long a lock is held without being renewed.
    pub lease: Duration,
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
            Job::Record(holding, at) => holdings::record(self, holding, *at).await?,
            Job::Forget(resource, by, at) => holdings::forget(self, resource, by, *at).await?,
            Job::TryLock(name, holder) => return self.try_lock(name, holder).await,
            Job::Renew(fence) => self.renew(fence).await?,
            Job::Unlock(fence) => self.unlock(fence).await?,
        }
        Ok(None)
    }

    async fn begin(&mut self, intent: &Intent) -> Result<(), Trouble> {
        if let Some(fence) = &intent.fence {
            self.renew(fence).await?;
        }
        let (key_id, mark) = parts(intent.key.as_ref());
        let known = serde_json::Value::from(intent.known.clone()).to_string();
        let added = sqlx::query(
            "INSERT INTO intents (intent, apply, resource_id, name, workspace, issuer, account, effect, action, \
             key_id, mark, place, known_keys, lock_name, lock_number, begun_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
             ON CONFLICT (intent) DO NOTHING",
        )
        .bind(&intent.id)
        .bind(&intent.apply)
        .bind(&intent.resource.id)
        .bind(&intent.resource.name)
        .bind(&intent.resource.workspace)
        .bind(&intent.issuer)
        .bind(&intent.account)
        .bind(words::word(&Effect::WORDS, &intent.effect))
        .bind(&intent.action)
        .bind(key_id)
        .bind(mark)
        .bind(&intent.place)
        .bind(known)
        .bind(intent.fence.as_ref().map(|fence| fence.name.clone()))
        .bind(intent.fence.as_ref().map(|fence| fence.number))
        .bind(intent.at.to_string())
        .execute(&mut *self.connection)
        .await?;
        let audited = match intent.effect {
            // It promises to revoke keys.
            Effect::Apply => !intent.known.is_empty(),
            Effect::Verify => false,
            _ => true,
        };
        // An intent that is there already was written by the same call, whose answer was lost.
        if added.rows_affected() == 1 && audited {
            self.head.append(Event::begun(intent));
        }
        Ok(())
    }

    async fn finish(&mut self, id: &str, outcome: &Outcome, at: Instant) -> Result<(), Trouble> {
        let row = sqlx::query("SELECT * FROM intents WHERE intent = $1 AND outcome IS NULL")
            .bind(id)
            .fetch_optional(&mut *self.connection)
            .await?;
        let Some(row) = row else { return Ok(()) };
        let intent = words::intent(&row)?;
        if let (Effect::Apply, Outcome::Done(_), Some(fence)) =
            (intent.effect, outcome, &intent.fence)
        {
            self.renew(fence).await?;
        }
        let (word, detail) = match outcome {
            Outcome::Done(_) => ("done", None),
            Outcome::Failed(reason) => ("failed", Some(reason.clone())),
            Outcome::Settled(how) => ("settled", Some(how.clone())),
        };
        sqlx::query("UPDATE intents SET outcome = $1, ended_at = $2 WHERE intent = $3")
            .bind(word)
            .bind(at.to_string())
            .bind(id)
            .execute(&mut *self.connection)
            .await?;
        let mut event = Event::of(&intent, word, at);
        match (intent.effect, outcome) {
            (Effect::Mint, Outcome::Done(Some(key))) => {
                self.minted(&intent, key, at).await?;
                event.key = key.clone();
            }
            (Effect::Revoke, Outcome::Done(_)) => self.revoked(&intent, at).await?,
            (_, Outcome::Failed(reason)) => self.attempted(&intent, reason, at).await?,
            _ => {}
        }
        event.detail = detail;
        self.head.append(event);
        if intent.effect == Effect::Apply {
            self.prune(at).await?;
        }
        Ok(())
    }

    /// Nobody asks for what ended long ago: the audit trail tells of it. A little with each apply.
    async fn prune(&mut self, at: Instant) -> Result<(), sqlx::Error> {
        let before = (at - KEPT).to_string();
        let old = format!(
            "SELECT intent FROM intents WHERE outcome IS NOT NULL AND ended_at < $1 ORDER BY ended_at LIMIT {PRUNED}"
        );
        for table in ["attempts", "intents"] {
            let text = format!("DELETE FROM {table} WHERE intent IN ({old})");
            sqlx::query(AssertSqlSafe(text))
                .bind(&before)
                .execute(&mut *self.connection)
                .await?;
        }
        Ok(())
    }

    /// A new key. What people said about its resource is taken over from its predecessor.
    async fn minted(
        &mut self,
        intent: &Intent,
        key: &KeyMark,
        at: Instant,
    ) -> Result<(), sqlx::Error> {
        let before = sqlx::query(
            "SELECT key_group, environment, owner, policy FROM keys WHERE resource_id = $1 ORDER BY id DESC LIMIT 1",
        )
        .bind(&intent.resource.id)
        .fetch_optional(&mut *self.connection)
        .await?;
        let before = |column| match &before {
            Some(row) => words::maybe(row, column),
            None => Ok(None),
        };
        sqlx::query(
            "INSERT INTO keys (resource_id, name, workspace, issuer, account, key_id, mark, key_group, environment, \
             owner, policy, slot, status, created_at, minted_by, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
             ON CONFLICT (resource_id, key_id) DO NOTHING",
        )
        .bind(&intent.resource.id)
        .bind(&intent.resource.name)
        .bind(&intent.resource.workspace)
        .bind(&intent.issuer)
        .bind(&intent.account)
        .bind(&key.key_id)
        .bind(&key.mark)
        .bind(before("key_group")?)
        .bind(before("environment")?)
        .bind(before("owner")?)
        .bind(before("policy")?)
        .bind(words::word(&words::SLOTS, &Slot::None))
        .bind(words::word(&words::STATUSES, &Status::Live))
        .bind(at.to_string())
        .bind(&intent.apply)
        .bind(at.to_string())
        .execute(&mut *self.connection)
        .await
        .map(|_| ())
    }

    /// A key is dead wherever it is listed. A mark alone is too short to look beyond its own resource.
    async fn revoked(&mut self, intent: &Intent, at: Instant) -> Result<(), sqlx::Error> {
        let (key_id, mark) = parts(intent.key.as_ref());
        sqlx::query(
            "UPDATE keys SET revoked_at = $1, status = $2, slot = $3, updated_at = $1 \
             WHERE account = $4 AND revoked_at IS NULL AND id IN (\
             SELECT id FROM keys WHERE account = $4 AND key_id = $5 \
             UNION SELECT id FROM keys WHERE resource_id = $6 AND mark = $7 AND (key_id IS NULL OR $5 IS NULL))",
        )
        .bind(at.to_string())
        .bind(words::word(&words::STATUSES, &Status::Revoked))
        .bind(words::word(&words::SLOTS, &Slot::None))
        .bind(&intent.account)
        .bind(key_id)
        .bind(&intent.resource.id)
        .bind(mark)
        .execute(&mut *self.connection)
        .await
        .map(|_| ())
    }

    async fn attempted(
        &mut self,
        intent: &Intent,
        reason: &str,
        at: Instant,
    ) -> Result<(), sqlx::Error> {
        let (key_id, mark) = parts(intent.key.as_ref());
        sqlx::query(
            "INSERT INTO attempts (intent, resource_id, name, workspace, effect, action, key_id, mark, place, \
             begun_at, failed_at, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(&intent.id)
        .bind(&intent.resource.id)
        .bind(&intent.resource.name)
        .bind(&intent.resource.workspace)
        .bind(words::word(&Effect::WORDS, &intent.effect))
        .bind(&intent.action)
        .bind(key_id)
        .bind(mark)
        .bind(&intent.place)
        .bind(intent.at.to_string())
        .bind(at.to_string())
        .bind(reason)
        .execute(&mut *self.connection)
        .await
        .map(|_| ())
    }

    async fn try_lock(&mut self, name: &str, holder: &str) -> Result<Option<Lease>, Trouble> {
        let now = self.dialect.now();
        let end = self.dialect.now_and(self.lease);
        let text = format!(
            "INSERT INTO locks (name, number, holder, taken_at, expires_at) VALUES ($1, $3, $2, {now}, {end}) \
             ON CONFLICT (name) DO UPDATE SET number = locks.number + 1, holder = excluded.holder, \
             taken_at = excluded.taken_at, expires_at = excluded.expires_at \
             WHERE locks.holder IS NULL OR locks.expires_at <= {now} RETURNING number"
        );
        let taken = sqlx::query(AssertSqlSafe(text))
            .bind(name)
            .bind(holder)
            .bind(first_number())
            .fetch_optional(&mut *self.connection)
            .await?;
        let Some(row) = taken else { return Ok(None) };
        Ok(Some(Lease {
            fence: Fence {
                name: name.to_owned(),
                number: row.try_get("number")?,
            },
            length: self.lease,
        }))
    }

    async fn renew(&mut self, fence: &Fence) -> Result<(), Trouble> {
        let text = format!(
            "UPDATE locks SET expires_at = {} WHERE name = $1 AND number = $2 AND holder IS NOT NULL",
            self.dialect.now_and(self.lease)
        );
        let renewed = sqlx::query(AssertSqlSafe(text))
            .bind(&fence.name)
            .bind(fence.number)
            .execute(&mut *self.connection)
            .await?;
        match renewed.rows_affected() {
            0 => Err(passed_on(fence).into()),
            _ => Ok(()),
        }
    }

    async fn unlock(&mut self, fence: &Fence) -> Result<(), Trouble> {
        sqlx::query("UPDATE locks SET holder = NULL WHERE name = $1 AND number = $2")
            .bind(&fence.name)
            .bind(fence.number)
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }
}

/// The two columns that tell a key.
fn parts(key: Option<&KeyMark>) -> (Option<String>, Option<String>) {
    key.map_or((None, None), |key| (key.key_id.clone(), key.mark.clone()))
}

/// For a worker that is gone, which only the end of the process explains.
pub fn stopped() -> Error {
    Error::new(
        Kind::Unavailable,
        "The ledger cannot be used",
        "The provider is shutting down. Nothing was written.",
    )
}
