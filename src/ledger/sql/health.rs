//! What is told of every key, or of those that are asked for: a few questions, each over a whole table or by its index.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, FromRow, Row};

use super::anomalies;
use super::dialect::Dialect;
use super::history::outcome;
use super::leaks;
use super::listing::{self, Filter};
use super::rows::KeyRow;
use crate::health::{Health, LostCreate, ManagedKey, Outcome};
use crate::instant::Instant;
use crate::ledger::inventory::Query;
use crate::ledger::{KeyRecord, ResourceRef, Slot};

/// How the resources are doing that are asked for, when they are asked for.
pub async fn health(
    connection: &mut AnyConnection,
    dialect: Dialect,
    query: &Query,
) -> Result<Health, sqlx::Error> {
    let asked = Asked::of(query, dialect);
    let mut slots = asked.slots(connection).await?;
    let mut gone = asked.gone_primaries(connection).await?;
    let mut applies = asked.last_applies(connection).await?;
    let unfinished = asked.unfinished(connection).await?;
    let mut keys = Vec::new();
    let each = |row: &AnyRow| {
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
        Ok(())
    };
    asked
        .filter
        .each(connection, asked.resources(), each)
        .await?;
    let open = anomalies::open(connection, query.now).await?;
    for key in &mut keys {
        let found = key
            .slots()
            .map(|(_, it)| anomalies::of(&open, &key.account, it));
        key.anomalies = found.flatten().collect();
    }
    let (leaks_of_dead_keys, leaks_of_orphans) =
        leaks::tell(connection, &asked.filter, &mut keys).await?;
    let health = Health {
        now: query.now,
        keys,
        leaks_of_dead_keys,
        leaks_of_orphans,
        anomalies_of_orphans: anomalies::of_orphans(connection, &asked.filter, &open).await?,
        orphaned: orphaned(connection, dialect, query).await?,
        unfinished: unfinished.values().sum(),
        lost_creates: asked.lost_creates(connection).await?,
    };
    Ok(health.in_order())
}

/// How many live keys belong to no resource.
async fn orphaned(
    connection: &mut AnyConnection,
    dialect: Dialect,
    query: &Query,
) -> Result<i64, sqlx::Error> {
    let asked = Query {
        orphaned: true,
        limit: 1,
        ..query.clone()
    };
    Ok(listing::list(connection, dialect, &asked).await?.total)
}

/// The key of a resource, if it has a primary.
fn managed(
    row: &AnyRow,
    held: Vec<KeyRow>,
    last_apply: Option<(Outcome, Instant)>,
) -> Result<Option<ManagedKey>, sqlx::Error> {
    let (mut primaries, others): (Vec<_>, Vec<_>) = held.into_iter().partition(is_primary);
    primaries.sort_by_key(|row| row.key.promoted_at);
    // The other is compromised, and could not be revoked when this one took its place.
    let Some(primary) = primaries.pop() else {
        return Ok(None);
    };
    let others = others.into_iter().chain(primaries);
    let others: Vec<KeyRecord> = others.map(|row| row.key).collect();
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
        revocation_due_at: match others.iter().any(|key| key.slot == Slot::Retiring) {
            true => row.try_get("revocation_due_at")?,
            false => None,
        },
        primary: primary.key,
        others,
        last_apply,
        seen_at: row.try_get("seen_at")?,
        leaks: Vec::new(),
        anomalies: Vec::new(),
        unfinished: 0,
    }))
}

fn is_primary(row: &KeyRow) -> bool {
    row.key.slot == Slot::Primary
}

/// Of a live key in a slot, in the words of the index `keys_held`, so that it is found.
const IS_HELD: &str = "keys.status = 'live' AND keys.slot <> 'none'";

/// Which resources are asked for.
struct Asked {
    dialect: Dialect,
    filter: Filter,
}

impl Asked {
    fn of(query: &Query, dialect: Dialect) -> Self {
        Self {
            dialect,
            filter: Filter::of_resources(query, "keys"),
        }
    }

    fn resources(&self) -> String {
        self.filter.text(
            "SELECT resource_id, name, workspace, key_group, environment, owner, policy, status, status_reason, \
             rotation_due_at, overdue_at, revocation_due_at, seen_at, left_by FROM resources",
        )
    }

    /// The live keys in slots, by resource.
    async fn slots(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<HashMap<String, Vec<KeyRow>>, sqlx::Error> {
        let held = format!("keys{}", self.dialect.indexed_by("keys_held"));
        let held = self.filter.text_with(
            &format!("SELECT keys.id FROM {}", self.beside_resources(&held)),
            IS_HELD,
        );
        // In the order in which they lie: each page is read once, and nothing needs to be sorted.
        let text = format!("SELECT * FROM keys WHERE id IN ({held}) ORDER BY id");
        let mut slots: HashMap<String, Vec<KeyRow>> = HashMap::new();
        let each = |row: &AnyRow| {
            let row = KeyRow::from_row(row)?;
            slots.entry(row.resource_id.clone()).or_default().push(row);
            Ok(())
        };
        self.filter.each(connection, text, each).await?;
        Ok(slots)
    }

    /// The primaries that are dead and that nothing has replaced, by resource: an emergency has revoked them first, or somebody
    /// has deleted them. Nobody has a key now, and that must not look like a resource that is no more.
    async fn gone_primaries(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<HashMap<String, KeyRow>, sqlx::Error> {
        let held = self.dialect.indexed_by("keys_held");
        let bare = self.filter.text_with(
            "SELECT resource_id FROM resources",
            // First what the index alone tells: it is so of nearly all.
            &format!(
                "left_by IS NULL \
                 AND NOT EXISTS (SELECT 1 FROM keys{held} WHERE keys.resource_id = resources.resource_id \
                 AND {IS_HELD} AND keys.slot = 'primary') \
                 AND NOT EXISTS (SELECT 1 FROM keys WHERE keys.resource_id = resources.resource_id \
                 AND (keys.slot = 'primary' OR keys.status = 'orphaned')) \
                 AND NOT EXISTS (SELECT 1 FROM events WHERE events.resource_id = resources.resource_id \
                 AND events.effect = 'apply' AND events.action = 'destroy' AND events.event = 'done')"
            ),
        );
        let text = format!(
            "SELECT keys.* FROM ({bare}) AS bare \
             {} keys ON keys.resource_id = bare.resource_id AND keys.status = 'revoked' \
             WHERE keys.promoted_at IS NOT NULL ORDER BY keys.promoted_at, keys.id",
            self.dialect.then_join()
        );
        let mut primaries = HashMap::new();
        let each = |row: &AnyRow| {
            let mut row = KeyRow::from_row(row)?;
            row.key.slot = Slot::Primary;
            // Of several, the one that was promoted last.
            primaries.insert(row.resource_id.clone(), row);
            Ok(())
        };
        self.filter.each(connection, text, each).await?;
        Ok(primaries)
    }

    /// How the last apply of each resource ended that ended in one of two ways.
    async fn last_applies(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<HashMap<String, (Outcome, Instant)>, sqlx::Error> {
        let text = self.filter.text(
            "SELECT resources.resource_id, ended.event, ended.at FROM resources JOIN events AS ended ON ended.seq = \
             (SELECT MAX(seq) FROM events WHERE events.resource_id = resources.resource_id AND effect = 'apply' \
             AND event IN ('done', 'failed'))",
        );
        let mut applies = HashMap::new();
        let each = |row: &AnyRow| {
            let ended = (outcome(row)?, row.try_get("at")?);
            applies.insert(row.try_get("resource_id")?, ended);
            Ok(())
        };
        self.filter.each(connection, text, each).await?;
        Ok(applies)
    }

    /// How many effects have no outcome, by resource. Those of resources that were never recorded are of nobody in particular.
    async fn unfinished(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<HashMap<String, i64>, sqlx::Error> {
        let text = match self.filter.is_empty() {
            true => "SELECT resource_id FROM intents WHERE outcome IS NULL".to_owned(),
            false => self.filter.text_with(
                "SELECT resources.resource_id FROM resources JOIN intents ON intents.resource_id = resources.resource_id",
                "intents.outcome IS NULL",
            ),
        };
        let mut counts = HashMap::new();
        let each = |row: &AnyRow| {
            *counts.entry(row.try_get("resource_id")?).or_default() += 1;
            Ok(())
        };
        self.filter.each(connection, text, each).await?;
        Ok(counts)
    }

    /// The mints without an outcome of creates that no state has heard of: no refresh looks after them.
    async fn lost_creates(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<Vec<LostCreate>, sqlx::Error> {
        if !self.filter.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(
            "SELECT intent, name, workspace FROM intents WHERE outcome IS NULL AND effect = 'mint' AND action = 'create' \
             ORDER BY id",
        )
        .fetch_all(connection)
        .await?;
        let lost = |row: &AnyRow| {
            Ok(LostCreate {
                name: row.try_get("name")?,
                workspace: row.try_get("workspace")?,
                mint: row.try_get("intent")?,
            })
        };
        rows.iter().map(lost).collect()
    }

    /// A table that has resources, and those that are asked for before it.
    fn beside_resources(&self, table: &str) -> String {
        let name = table.split(' ').next().unwrap_or(table);
        match self.filter.is_empty() {
            true => table.to_owned(),
            false => format!(
                "resources {} {table} ON {name}.resource_id = resources.resource_id",
                self.dialect.then_join()
            ),
        }
    }
}
