//! What is told of every key at once: a few questions, each over a whole table.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, FromRow, Row};

use super::anomalies;
use super::chain::Event;
use super::dialect::Dialect;
use super::leaks;
use super::listing;
use super::rows::{KeyRow, damaged};
use crate::health::incident::Told;
use crate::health::period::Period;
use crate::health::{EffectCount, Health, LastRun, ManagedKey, Outcome};
use crate::instant::Instant;
use crate::ledger::inventory::{MOST_COUNTED, Query};
use crate::ledger::{KeyRecord, ResourceRef, Slot};

/// How everything is doing at an instant.
pub async fn health(
    connection: &mut AnyConnection,
    dialect: Dialect,
    now: Instant,
) -> Result<Health, sqlx::Error> {
    let mut slots = slots(connection).await?;
    let mut gone = gone_primaries(connection).await?;
    let mut applies = last_applies(connection).await?;
    let unfinished = unfinished(connection).await?;
    let resources = sqlx::query("SELECT * FROM resources ORDER BY resource_id")
        .fetch_all(&mut *connection)
        .await?;
    let mut keys = Vec::new();
    for row in &resources {
        let id: String = row.try_get("resource_id")?;
        let (mut held, apply) = (slots.remove(&id).unwrap_or_default(), applies.remove(&id));
        if row.try_get::<Option<String>, _>("left_by")?.is_none() && !held.iter().any(is_primary) {
            held.extend(gone.remove(&id));
        }
        let key = managed(row, held, apply)?;
        keys.extend(key.map(|key| ManagedKey {
            unfinished: unfinished.get(&id).copied().unwrap_or_default(),
            ..key
        }));
    }
    let open = anomalies::open(connection, now).await?;
    for key in &mut keys {
        let found = key
            .slots()
            .map(|(_, it)| anomalies::of(&open, &key.account, it));
        key.anomalies = found.flatten().collect();
    }
    let (leaks_of_dead_keys, leaks_of_orphans) = leaks::tell(connection, &mut keys).await?;
    let health = Health {
        now,
        keys,
        leaks_of_dead_keys,
        leaks_of_orphans,
        effects: effects(connection).await?,
        runs: runs(connection).await?,
        orphaned: orphaned(connection, dialect, now).await?,
        unfinished: unfinished.values().sum(),
    };
    Ok(health.in_order())
}

/// How many live keys belong to no resource.
async fn orphaned(
    connection: &mut AnyConnection,
    dialect: Dialect,
    now: Instant,
) -> Result<i64, sqlx::Error> {
    let asked = Query {
        orphaned: true,
        ..Query::all(now, MOST_COUNTED)
    };
    let keys = listing::list(connection, dialect, &asked).await?.keys;
    Ok(i64::try_from(keys.len()).unwrap_or(i64::MAX))
}

/// The key of a resource, if it has a primary.
fn managed(
    row: &AnyRow,
    held: Vec<KeyRow>,
    last_apply: Option<(Outcome, Instant)>,
) -> Result<Option<ManagedKey>, sqlx::Error> {
    let (primary, others): (Vec<_>, Vec<_>) = held.into_iter().partition(is_primary);
    let Some(primary) = primary.into_iter().next() else {
        return Ok(None);
    };
    let secondary: Option<KeyRecord> = others.into_iter().next().map(|row| row.key);
    Ok(Some(ManagedKey {
        resource: ResourceRef::from_row(row)?,
        issuer: primary.issuer,
        account: primary.account,
        group: row.try_get("key_group")?,
        environment: row.try_get("environment")?,
        owner: row.try_get("owner")?,
        policy: row.try_get("policy")?,
        seen_status: row.try_get("status")?,
        seen_reason: row.try_get("status_reason")?,
        due_at: row.try_get("rotation_due_at")?,
        overdue_at: row.try_get("overdue_at")?,
        // It is the retiring key's, and goes with it.
        revocation_due_at: match &secondary {
            Some(key) if key.slot == Slot::Retiring => row.try_get("revocation_due_at")?,
            _ => None,
        },
        primary: primary.key,
        secondary,
        last_apply,
        seen_at: row.try_get("seen_at")?,
        leaks: Vec::new(),
        anomalies: Vec::new(),
        unfinished: 0,
    }))
}

/// How many effects have no outcome, by resource.
async fn unfinished(connection: &mut AnyConnection) -> Result<BTreeMap<String, i64>, sqlx::Error> {
    let counts = sqlx::query_as(
        "SELECT resource_id, COUNT(*) FROM intents WHERE outcome IS NULL GROUP BY resource_id",
    );
    let counts: Vec<(String, i64)> = counts.fetch_all(connection).await?;
    Ok(counts.into_iter().collect())
}

/// The live keys in slots, by resource.
async fn slots(
    connection: &mut AnyConnection,
) -> Result<BTreeMap<String, Vec<KeyRow>>, sqlx::Error> {
    let rows: Vec<KeyRow> =
        sqlx::query_as("SELECT * FROM keys WHERE status = 'live' AND slot <> 'none' ORDER BY id")
            .fetch_all(connection)
            .await?;
    let mut slots: BTreeMap<String, Vec<KeyRow>> = BTreeMap::new();
    for row in rows {
        slots.entry(row.resource_id.clone()).or_default().push(row);
    }
    Ok(slots)
}

fn is_primary(row: &KeyRow) -> bool {
    row.key.slot == Slot::Primary
}

/// The primaries that are dead and that nothing has replaced, by resource: an emergency has revoked them first, or somebody
/// has deleted them. Nobody has a key now, and that must not look like a resource that is no more.
async fn gone_primaries(
    connection: &mut AnyConnection,
) -> Result<BTreeMap<String, KeyRow>, sqlx::Error> {
    let rows: Vec<KeyRow> = sqlx::query_as(
        "SELECT keys.* FROM (SELECT resource_id FROM resources WHERE left_by IS NULL \
         AND NOT EXISTS (SELECT 1 FROM keys WHERE keys.resource_id = resources.resource_id \
         AND (keys.slot = 'primary' OR keys.status = 'orphaned')) \
         AND NOT EXISTS (SELECT 1 FROM events WHERE events.resource_id = resources.resource_id \
         AND events.effect = 'apply' AND events.action = 'destroy' AND events.event = 'done')) AS bare \
         JOIN keys ON keys.resource_id = bare.resource_id AND keys.status = 'revoked' \
         WHERE keys.promoted_at IS NOT NULL ORDER BY keys.promoted_at, keys.id",
    )
    .fetch_all(connection)
    .await?;
    let primaries = rows.into_iter().map(|mut row| {
        row.key.slot = Slot::Primary;
        (row.resource_id.clone(), row)
    });
    // Of several, the one that was promoted last.
    Ok(primaries.collect())
}

/// How the last apply of each resource ended that ended in one of two ways.
async fn last_applies(
    connection: &mut AnyConnection,
) -> Result<BTreeMap<String, (Outcome, Instant)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT resource_id, event, at FROM events WHERE seq IN (SELECT MAX(seq) FROM events \
         WHERE effect = 'apply' AND event IN ('done', 'failed') GROUP BY resource_id)",
    )
    .fetch_all(connection)
    .await?;
    let pairs = rows.iter().map(|row| {
        let ended = (outcome(row)?, row.try_get("at")?);
        Ok((row.try_get("resource_id")?, ended))
    });
    pairs.collect()
}

/// Counted in the audit trail, which only grows: a counter that falls would look like one that began anew.
async fn effects(connection: &mut AnyConnection) -> Result<Vec<EffectCount>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT workspace, effect, event, COUNT(*) AS many FROM events \
         WHERE event IN ('done', 'failed') AND effect IS NOT NULL GROUP BY event, effect, workspace",
    )
    .fetch_all(connection)
    .await?;
    let counts = rows.iter().map(|row| {
        Ok(EffectCount {
            workspace: row.try_get("workspace")?,
            effect: row.try_get("effect")?,
            outcome: outcome(row)?,
            count: row.try_get("many")?,
        })
    });
    counts.collect()
}

async fn runs(connection: &mut AnyConnection) -> Result<Vec<LastRun>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT workspace, event, MAX(at) AS at FROM events \
         WHERE event IN ('done', 'failed') AND effect = 'apply' GROUP BY workspace, event",
    )
    .fetch_all(connection)
    .await?;
    let runs = rows.iter().map(|row| {
        Ok(LastRun {
            workspace: row.try_get("workspace")?,
            outcome: outcome(row)?,
            at: row.try_get("at")?,
        })
    });
    runs.collect()
}

fn outcome(row: &AnyRow) -> Result<Outcome, sqlx::Error> {
    let word: String = row.try_get("event")?;
    word.parse().map_err(|_| damaged("event", &word))
}

/// What happened in a time, in the order in which it was written down. That it is what was sealed is for whoever walks along
/// the trail to say.
pub async fn told(
    connection: &mut AnyConnection,
    period: &Period,
) -> Result<Vec<Told>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT * FROM events WHERE at >= $1 AND at < $2 AND event IN ('done', 'failed', 'opened') ORDER BY seq",
    )
    .bind(period.from)
    .bind(period.until)
    .fetch_all(connection)
    .await?;
    let told = |row: &AnyRow| {
        let event = Event::from_row(row)?;
        Ok(Told::of(row.try_get("seq")?, row.try_get("hash")?, event))
    };
    rows.iter().map(told).collect()
}
