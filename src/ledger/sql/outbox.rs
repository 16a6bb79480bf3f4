//! The outbox in a table. A row is added in the transaction that writes down what it tells of; its names make it unique, so
//! that what is seen twice is told once.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::rows::damaged;
use super::transaction::Transaction;
use crate::domain::notices::{Audience, Event, Occurrence, Telling};
use crate::duration::Duration;
use crate::instant::Instant;
use crate::ledger::news::message_id;
use crate::ledger::outbox::{Claim, Ended, Message, Untold};
use crate::ledger::{ResourceRef, news};

/// How long what was sent is kept, and how much of it goes at once.
const KEPT: Duration = Duration::from_days(30);
const PRUNED: u32 = 100;

/// A row that was neither sent nor given up.
const OPEN: &str = "sent_at IS NULL AND given_up_at IS NULL";

/// One that has its time and that nobody has taken, as of the instant `$1`.
fn free() -> String {
    format!("{OPEN} AND next_at <= $1 AND (claimed_until IS NULL OR claimed_until <= $1)")
}

impl Transaction<'_> {
    /// Adds a row for everybody who wants to hear of it, unless there is one.
    pub async fn tell(
        &mut self,
        audience: &Audience,
        whose: (&ResourceRef, &str),
        what: &Occurrence,
        at: Instant,
    ) -> Result<(), sqlx::Error> {
        let resource = whose.0;
        for route in audience.of(what.event) {
            let subject = subject(self.connection, &resource.id, what, &route.to).await?;
            let Some((subject, condition)) = subject else {
                continue;
            };
            let told = news::told(what, whose, (audience, route), condition, at);
            // It is made of texts and numbers.
            let text = serde_json::to_string(&told).unwrap_or_default();
            sqlx::query(
                "INSERT INTO notifications (message, resource_id, occasion, subject, channel, told, created_at, attempts, \
                 next_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $7) ON CONFLICT DO NOTHING",
            )
            .bind(message_id(&resource.id, what.event, &subject, &route.to))
            .bind(&resource.id)
            .bind(what.event.to_string())
            .bind(subject)
            .bind(&route.to)
            .bind(text)
            .bind(at)
            .execute(&mut *self.connection)
            .await?;
        }
        Ok(())
    }

    /// What is the case, for whoever was not told yet.
    pub async fn notice(
        &mut self,
        resource: &ResourceRef,
        issuer: &str,
        telling: &Telling,
        at: Instant,
    ) -> Result<(), sqlx::Error> {
        for what in &telling.conditions {
            self.tell(&telling.audience, (resource, issuer), what, at)
                .await?;
        }
        Ok(())
    }

    /// Takes messages for a while: emergencies first, for one that a destination takes badly holds up what follows it.
    pub async fn claim(&mut self, claim: &Claim) -> Result<(), sqlx::Error> {
        let text = format!(
            "UPDATE notifications SET claimed_by = $2, claimed_until = $3, attempts = attempts + 1 WHERE id IN (\
             SELECT id FROM notifications WHERE {} AND channel = $4 \
             ORDER BY {} LIMIT {})",
            free(),
            gravest_first(),
            claim.most
        );
        let statement = sqlx::query(AssertSqlSafe(text))
            .bind(claim.now)
            .bind(&claim.by)
            .bind(claim.until)
            .bind(&claim.channel);
        statement.execute(&mut *self.connection).await.map(|_| ())
    }

    /// What became of a message. One that was sent stays so, whoever else had it.
    pub async fn conclude(&mut self, message: &str, ended: &Ended) -> Result<(), sqlx::Error> {
        let (change, at, error) = match ended {
            Ended::Sent(at) => (
                "sent_at = $2, given_up_at = NULL, error = $3",
                Some(at),
                None,
            ),
            Ended::Later(at, why) => ("next_at = $2, error = $3", Some(at), Some(why)),
            Ended::GivenUp(at, why) => ("given_up_at = $2, error = $3", Some(at), Some(why)),
            Ended::Untried => ("attempts = attempts - 1", None, None),
        };
        let text = format!(
            "UPDATE notifications SET {change}, claimed_by = NULL, claimed_until = NULL \
             WHERE message = $1 AND sent_at IS NULL"
        );
        let mut statement = sqlx::query(AssertSqlSafe(text)).bind(message);
        if let Some(at) = at {
            statement = statement.bind(*at).bind(error);
        }
        statement.execute(&mut *self.connection).await?;
        match ended {
            Ended::Sent(at) => self.forget_what_was_sent(*at).await,
            _ => Ok(()),
        }
    }

    /// Nobody asks for what was sent long ago, a little of it with each message. What could be seen again stays, or it would be
    /// told again: the last notice, an emergency, and the last end of what lasts, by which the next beginning is counted.
    async fn forget_what_was_sent(&mut self, at: Instant) -> Result<(), sqlx::Error> {
        const LATER: &str = "EXISTS (SELECT 1 FROM notifications AS later WHERE later.resource_id = old.resource_id \
                             AND later.occasion = old.occasion AND later.channel = old.channel AND later.id > old.id";
        let text = format!(
            "DELETE FROM notifications WHERE id IN (SELECT old.id FROM notifications AS old WHERE old.sent_at < $1 \
             AND (old.occasion IN ('staged', 'promoted', 'revoked') OR (old.occasion = 'notice' AND {LATER})) \
             OR (old.occasion IN ('failed', 'blocked') AND {LATER} AND later.subject LIKE 'over #%'))) \
             ORDER BY old.id LIMIT {PRUNED})"
        );
        let statement = sqlx::query(AssertSqlSafe(text)).bind(at - KEPT);
        statement.execute(&mut *self.connection).await.map(|_| ())
    }
}

/// What the row is called, by what is there already.
async fn subject(
    connection: &mut AnyConnection,
    resource_id: &str,
    what: &Occurrence,
    channel: &str,
) -> Result<Option<(String, String)>, sqlx::Error> {
    if !what.event.lasts() {
        return Ok(news::subject(what, &[]));
    }
    let former: Vec<String> = sqlx::query_scalar(
        "SELECT subject FROM notifications WHERE resource_id = $1 AND occasion = $2 AND channel = $3 ORDER BY id",
    )
    .bind(resource_id)
    .bind(what.event.to_string())
    .bind(channel)
    .fetch_all(connection)
    .await?;
    Ok(news::subject(what, &former))
}

/// The conditions that somebody has not been told of yet, each with whom.
pub async fn unnoticed(
    connection: &mut AnyConnection,
    resource_id: &str,
    telling: &Telling,
) -> Result<Vec<(String, String)>, sqlx::Error> {
    let mut found = Vec::new();
    for what in &telling.conditions {
        for route in telling.audience.of(what.event) {
            let subject = subject(connection, resource_id, what, &route.to).await?;
            let Some((subject, _)) = subject else {
                continue;
            };
            let known: Option<i64> =
                sqlx::query_scalar("SELECT id FROM notifications WHERE message = $1")
                    .bind(message_id(resource_id, what.event, &subject, &route.to))
                    .fetch_optional(&mut *connection)
                    .await?;
            if known.is_none() {
                found.push((what.event.to_string(), route.to.clone()));
            }
        }
    }
    Ok(found)
}

/// What of a resource is still to be told.
pub async fn untold(
    connection: &mut AnyConnection,
    resource_id: &str,
    telling: &Telling,
    now: Instant,
) -> Result<Untold, sqlx::Error> {
    let text = format!(
        "SELECT occasion, channel FROM notifications WHERE {} AND resource_id = $2 ORDER BY id",
        free()
    );
    let rows = sqlx::query(AssertSqlSafe(text))
        .bind(now)
        .bind(resource_id)
        .fetch_all(&mut *connection)
        .await?;
    let mut waiting = unnoticed(connection, resource_id, telling).await?;
    for row in &rows {
        waiting.push(shown(row)?);
    }
    let rows = sqlx::query(
        "SELECT occasion, channel, error FROM notifications AS lost WHERE resource_id = $1 AND given_up_at IS NOT NULL \
         AND sent_at IS NULL AND NOT EXISTS (SELECT 1 FROM notifications WHERE channel = lost.channel \
         AND sent_at > lost.given_up_at) ORDER BY id",
    )
    .bind(resource_id)
    .fetch_all(connection)
    .await?;
    let mut given_up = Vec::new();
    for row in &rows {
        let why: Option<String> = row.try_get("error")?;
        let (event, channel) = shown(row)?;
        let why = why.unwrap_or_default();
        given_up.push(format!("{event} to {channel} ({why})"));
    }
    Ok(Untold { waiting, given_up })
}

fn shown(row: &AnyRow) -> Result<(String, String), sqlx::Error> {
    Ok((row.try_get("occasion")?, row.try_get("channel")?))
}

/// Whether there is anything to take. Asked before a transaction is begun for it.
pub async fn is_anything_free(
    connection: &mut AnyConnection,
    claim: &Claim,
) -> Result<bool, sqlx::Error> {
    let text = format!(
        "SELECT id FROM notifications WHERE {} AND channel = $2 LIMIT 1",
        free()
    );
    let statement = sqlx::query(AssertSqlSafe(text))
        .bind(claim.now)
        .bind(&claim.channel);
    Ok(statement.fetch_optional(connection).await?.is_some())
}

/// What was taken under a claim.
/// What a destination does not take holds up what follows it, and that is never an emergency.
fn gravest_first() -> String {
    format!(
        "CASE occasion WHEN '{}' THEN 0 ELSE 1 END, id",
        Event::Emergency
    )
}

pub async fn claimed(
    connection: &mut AnyConnection,
    by: &str,
) -> Result<Vec<Message>, sqlx::Error> {
    let text = format!(
        "SELECT message, resource_id, channel, told, attempts FROM notifications WHERE claimed_by = $1 ORDER BY {}",
        gravest_first()
    );
    let rows = sqlx::query(AssertSqlSafe(text))
        .bind(by)
        .fetch_all(connection)
        .await?;
    rows.iter().map(message).collect()
}

fn message(row: &AnyRow) -> Result<Message, sqlx::Error> {
    let told: String = row.try_get("told")?;
    let attempts: i64 = row.try_get("attempts")?;
    Ok(Message {
        id: row.try_get("message")?,
        resource_id: row.try_get("resource_id")?,
        channel: row.try_get("channel")?,
        told: serde_json::from_str(&told).map_err(|_| damaged("told", &told))?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
    })
}
