//! The journal: an intent before each effect, an outcome after it, and the inventory in step.

use sqlx::AssertSqlSafe;

use super::chain::Event;
use super::reads::rows;
use super::resources;
use super::transaction::Transaction;
use super::trouble::Trouble;
use crate::duration::Duration;
use crate::instant::Instant;
use crate::ledger::pipeline;
use crate::ledger::{Effect, Intent, KeyMark, Outcome, Slot, Status};

/// How long the journal keeps what has an outcome, and how much of it goes at once.
const KEPT: Duration = Duration::from_days(30);
const PRUNED: u32 = 100;

impl Transaction<'_> {
    /// Writes down an intent.
    pub async fn begin(&mut self, intent: &Intent) -> Result<(), Trouble> {
        if let Some(fence) = &intent.fence {
            self.renew(fence).await?;
        }
        let (key_id, mark) = parts(intent.key.as_ref());
        let known = serde_json::Value::from(intent.known.clone()).to_string();
        let added = sqlx::query(
            "INSERT INTO intents (intent, apply, resource_id, name, workspace, issuer, account, effect, action, \
             key_id, mark, place, known_keys, private_data, audience, lock_name, lock_number, begun_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) \
             ON CONFLICT (intent) DO NOTHING",
        )
        .bind(&intent.id)
        .bind(&intent.apply)
        .bind(&intent.resource.id)
        .bind(&intent.resource.name)
        .bind(&intent.resource.workspace)
        .bind(&intent.issuer)
        .bind(&intent.account)
        .bind(intent.effect)
        .bind(&intent.action)
        .bind(key_id)
        .bind(mark)
        .bind(&intent.place)
        .bind(known)
        .bind(&intent.private_data)
        .bind(audience(intent))
        .bind(intent.fence.as_ref().map(|fence| fence.name.clone()))
        .bind(intent.fence.as_ref().map(|fence| fence.number))
        .bind(intent.at)
        .execute(&mut *self.connection)
        .await?;
        let audited = match intent.effect {
            // It promises to revoke keys.
            Effect::Apply => !intent.known.is_empty(),
            Effect::Verify | Effect::Deploy => false,
            _ => true,
        };
        // An intent that is there already was written by the same call, whose answer was lost.
        if added.rows_affected() == 1 && audited {
            self.head.append(Event::begun(intent));
        }
        Ok(())
    }

    /// Writes down an outcome, once.
    pub async fn finish(
        &mut self,
        id: &str,
        outcome: &Outcome,
        at: Instant,
    ) -> Result<(), Trouble> {
        let open = sqlx::query_as("SELECT * FROM intents WHERE intent = $1 AND outcome IS NULL")
            .bind(id)
            .fetch_optional(&mut *self.connection)
            .await?;
        let Some(intent): Option<Intent> = open else {
            return Ok(());
        };
        if let (Effect::Apply, Outcome::Done(_), Some(fence)) =
            (intent.effect, outcome, &intent.fence)
        {
            self.renew(fence).await?;
        }
        let (word, detail) = match outcome {
            // Who applied it, as far as a pipeline says so.
            Outcome::Done(_) if intent.effect == Effect::Apply => ("done", pipeline::run()),
            Outcome::Done(_) => ("done", None),
            Outcome::Written(version) => ("done", Some(version.clone())),
            Outcome::Failed(reason) => ("failed", Some(reason.clone())),
            Outcome::Settled(how) => ("settled", Some(how.clone())),
        };
        let error = detail.clone().filter(|_| word == "failed");
        sqlx::query("UPDATE intents SET outcome = $1, ended_at = $2, error = $3 WHERE intent = $4")
            .bind(word)
            .bind(at)
            .bind(error)
            .bind(id)
            .execute(&mut *self.connection)
            .await?;
        self.tell_of_outcome(&intent, outcome, at).await?;
        let mut event = Event::of(&intent, word, at);
        match (intent.effect, outcome) {
            (Effect::Mint, Outcome::Done(Some(key))) => {
                self.minted(&intent, key, at).await?;
                event.key = key.clone();
            }
            (Effect::Revoke, Outcome::Done(_)) => {
                self.revoked(&intent, at).await?;
                for mint in &intent.known {
                    // Boxed, as it is this very function.
                    Box::pin(self.finish(mint, &Outcome::of_a_revoked_origin(), at)).await?;
                }
            }
            _ if outcome.ends_keys_of(&intent) => self.gone(&intent, at).await?,
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
        let text = format!(
            "DELETE FROM intents WHERE intent IN (SELECT intent FROM intents WHERE outcome IS NOT NULL \
             AND ended_at < $1 ORDER BY ended_at LIMIT {PRUNED})"
        );
        sqlx::query(AssertSqlSafe(text))
            .bind(at - KEPT)
            .execute(&mut *self.connection)
            .await
            .map(|_| ())
    }

    /// A new key. Of a resource that no state told of, its name at least is known.
    async fn minted(
        &mut self,
        intent: &Intent,
        key: &KeyMark,
        at: Instant,
    ) -> Result<(), sqlx::Error> {
        resources::introduce(self.connection, &intent.resource, at).await?;
        sqlx::query(
            "INSERT INTO keys (resource_id, issuer, account, key_id, mark, slot, status, created_at, minted_by, \
             updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (resource_id, key_id) DO NOTHING",
        )
        .bind(&intent.resource.id)
        .bind(&intent.issuer)
        .bind(&intent.account)
        .bind(&key.key_id)
        .bind(&key.mark)
        .bind(Slot::None)
        .bind(Status::Live)
        .bind(at)
        .bind(&intent.apply)
        .bind(at)
        .execute(&mut *self.connection)
        .await
        .map(|_| ())
    }

    /// The keys without an id that came of a create: none of the documents that it wrote holds them any more.
    async fn gone(&mut self, create: &Intent, at: Instant) -> Result<(), sqlx::Error> {
        for row in rows(self.connection, &create.resource.id).await? {
            let key = row.key;
            let is_of_it = key.minted_by.as_ref() == Some(&create.id) && key.key.key_id.is_none();
            if !is_of_it || key.confirmed_at.is_some() || key.status == Status::Revoked {
                continue;
            }
            sqlx::query(
                "UPDATE keys SET revoked_at = $1, status = $2, updated_at = $1 WHERE id = $3",
            )
            .bind(at)
            .bind(Status::Revoked)
            .bind(row.id)
            .execute(&mut *self.connection)
            .await?;
            self.head.append(Event {
                key: key.key,
                detail: Some(format!("status {} -> {}", key.status, Status::Revoked)),
                effect: None,
                action: None,
                intent: None,
                ..Event::of(create, "changed", at)
            });
        }
        Ok(())
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
        .bind(at)
        .bind(Status::Revoked)
        .bind(Slot::None)
        .bind(&intent.account)
        .bind(key_id)
        .bind(&intent.resource.id)
        .bind(mark)
        .execute(&mut *self.connection)
        .await
        .map(|_| ())
    }
}

/// Who is told of the outcome, for the effects that people hear of.
fn audience(intent: &Intent) -> Option<String> {
    let is_told = matches!(intent.effect, Effect::Apply | Effect::Revoke);
    let audience = Some(&intent.audience).filter(|it| is_told && !it.is_empty());
    audience.and_then(|audience| serde_json::to_string(audience).ok())
}

/// The two columns that tell a key.
pub fn parts(key: Option<&KeyMark>) -> (Option<String>, Option<String>) {
    key.map_or((None, None), |key| (key.key_id.clone(), key.mark.clone()))
}
