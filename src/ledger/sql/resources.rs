//! What is recorded once for each resource: what people say of it, how it stands, and the places that it delivers to.

use std::collections::BTreeSet;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, FromRow, Row};

use super::rows::{AT_ONCE, arguments, damaged};
use crate::domain::gates::Peer;
use crate::duration::Duration;
use crate::instant::Instant;
use crate::ledger::{Holding, ResourceRef};

/// A resource as it was recorded last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    resource: ResourceRef,
    group: Option<String>,
    environment: Option<String>,
    owner: Option<String>,
    policy: Option<String>,
    status: Option<String>,
    status_reason: Option<String>,
    rotation_due_at: Option<Instant>,
    overdue_at: Option<Instant>,
    revocation_due_at: Option<Instant>,
    /// How often its key was promoted; `None` until a state was recorded.
    pub generation: Option<u64>,
    left_by: Option<String>,
    /// When its state was last compared, as far as that is written down.
    seen_at: Option<Instant>,
    /// What the state would lose if the provider were killed.
    pub private_data: Option<String>,
    /// What the places are that it delivers to.
    pub places: BTreeSet<String>,
}

/// That a state was seen again is written down so often, and with whatever else is new: a refresh that finds nothing writes
/// nothing.
const SEEN_ANEW: Duration = Duration::from_hours(1);

impl From<&Holding> for Recorded {
    fn from(holding: &Holding) -> Self {
        Self {
            resource: holding.resource.clone(),
            group: Some(holding.group.clone()),
            environment: holding.environment.clone(),
            owner: holding.owner.clone(),
            policy: holding.policy.clone(),
            status: Some(holding.status.clone()),
            status_reason: Some(holding.status_reason.clone()),
            rotation_due_at: holding.rotation_due_at,
            overdue_at: holding.overdue_at,
            revocation_due_at: holding.revocation_due_at,
            generation: Some(holding.generation),
            left_by: holding.left_by.clone(),
            seen_at: None,
            private_data: holding.private_data.clone(),
            places: holding.places.iter().cloned().collect(),
        }
    }
}

impl FromRow<'_, AnyRow> for Recorded {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let generation: Option<i64> = row.try_get("generation")?;
        let generation = generation.map(|number| {
            u64::try_from(number).map_err(|_| damaged("generation", &number.to_string()))
        });
        Ok(Self {
            resource: ResourceRef::from_row(row)?,
            group: row.try_get("key_group")?,
            environment: row.try_get("environment")?,
            owner: row.try_get("owner")?,
            policy: row.try_get("policy")?,
            status: row.try_get("status")?,
            status_reason: row.try_get("status_reason")?,
            rotation_due_at: row.try_get("rotation_due_at")?,
            overdue_at: row.try_get("overdue_at")?,
            revocation_due_at: row.try_get("revocation_due_at")?,
            generation: generation.transpose()?,
            left_by: row.try_get("left_by")?,
            seen_at: row.try_get("seen_at")?,
            private_data: row.try_get("private_data")?,
            places: BTreeSet::new(),
        })
    }
}

impl Recorded {
    /// What a state says at an instant, after what was `recorded` before.
    pub fn after(recorded: Option<&Self>, holding: &Holding, at: Instant) -> Self {
        let now = Self::from(holding);
        let before = recorded.and_then(|before| before.private_data.clone());
        let seen = recorded.and_then(|before| before.seen_at);
        let is_fresh = |seen: &Instant| *seen <= at && at < *seen + SEEN_ANEW;
        // Whoever asks whether all is well since something has to see that it is news.
        let is_as_it_was = recorded.is_some_and(|before| before.status == now.status);
        Self {
            private_data: now.private_data.or(before),
            seen_at: seen
                .filter(|seen| is_as_it_was && is_fresh(seen))
                .or(Some(at)),
            ..now
        }
    }

    /// The workspace whose it is, unless nobody's state holds it any more.
    pub fn workspace(self) -> Option<String> {
        let is_held = self.generation.is_some() && self.left_by.is_none();
        is_held.then_some(self.resource.workspace)
    }

    /// What an audit wants to know of a change: each field with what it was and what it is.
    pub fn compared<'a>(&'a self, now: &'a Self) -> [(&'static str, &'a str, &'a str); 6] {
        fn or_none(text: &Option<String>) -> &str {
            text.as_deref().unwrap_or("none")
        }
        let pair = |name, of: fn(&Self) -> &str| (name, of(self), of(now));
        [
            pair("name", |it| &it.resource.name),
            pair("workspace", |it| &it.resource.workspace),
            pair("group", |it| or_none(&it.group)),
            pair("environment", |it| or_none(&it.environment)),
            pair("owner", |it| or_none(&it.owner)),
            pair("policy", |it| or_none(&it.policy)),
        ]
    }
}

/// What was recorded of a resource.
pub async fn recorded(
    connection: &mut AnyConnection,
    resource_id: &str,
) -> Result<Option<Recorded>, sqlx::Error> {
    let recorded = sqlx::query_as("SELECT * FROM resources WHERE resource_id = $1")
        .bind(resource_id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(mut recorded): Option<Recorded> = recorded else {
        return Ok(None);
    };
    let places = sqlx::query_scalar("SELECT place FROM places WHERE resource_id = $1")
        .bind(resource_id)
        .fetch_all(connection)
        .await?;
    recorded.places = places.into_iter().collect();
    Ok(Some(recorded))
}

/// Makes sure that a resource is there to have keys, before any state told of it.
pub async fn introduce(
    connection: &mut AnyConnection,
    resource: &ResourceRef,
    at: Instant,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO resources (resource_id, name, workspace, updated_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (resource_id) DO NOTHING",
    )
    .bind(&resource.id)
    .bind(&resource.name)
    .bind(&resource.workspace)
    .bind(at)
    .execute(connection)
    .await
    .map(|_| ())
}

/// Writes down what a state says `now`, where it is not what was `recorded`.
pub async fn record(
    connection: &mut AnyConnection,
    now: &Recorded,
    recorded: Option<&Recorded>,
    at: Instant,
) -> Result<(), sqlx::Error> {
    if recorded == Some(now) {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO resources (resource_id, name, workspace, key_group, environment, owner, policy, status, \
         status_reason, rotation_due_at, overdue_at, revocation_due_at, generation, left_by, left_at, private_data, \
         updated_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT (resource_id) DO UPDATE SET \
         name = excluded.name, workspace = excluded.workspace, key_group = excluded.key_group, \
         environment = excluded.environment, owner = excluded.owner, policy = excluded.policy, \
         status = excluded.status, status_reason = excluded.status_reason, \
         rotation_due_at = excluded.rotation_due_at, overdue_at = excluded.overdue_at, \
         revocation_due_at = excluded.revocation_due_at, generation = excluded.generation, \
         left_by = excluded.left_by, left_at = excluded.left_at, \
         private_data = excluded.private_data, updated_at = excluded.updated_at, seen_at = excluded.seen_at",
    )
    .bind(&now.resource.id)
    .bind(&now.resource.name)
    .bind(&now.resource.workspace)
    .bind(&now.group)
    .bind(&now.environment)
    .bind(&now.owner)
    .bind(&now.policy)
    .bind(&now.status)
    .bind(&now.status_reason)
    .bind(now.rotation_due_at)
    .bind(now.overdue_at)
    .bind(now.revocation_due_at)
    // Nobody promotes a key so often.
    .bind(now.generation.map(|number| i64::try_from(number).unwrap_or(i64::MAX)))
    .bind(&now.left_by)
    .bind(now.left_by.as_ref().map(|_| at))
    .bind(&now.private_data)
    .bind(at)
    .bind(at)
    .execute(&mut *connection)
    .await?;
    let none = BTreeSet::new();
    let before = recorded.map_or(&none, |recorded| &recorded.places);
    let insert = "INSERT INTO places (resource_id, place) VALUES ($1, $2)";
    let delete = "DELETE FROM places WHERE resource_id = $1 AND place = $2";
    let new = now.places.difference(before).map(|place| (insert, place));
    let gone = before.difference(&now.places).map(|place| (delete, place));
    for (text, place) in new.chain(gone) {
        sqlx::query(text)
            .bind(&now.resource.id)
            .bind(place)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Writes down the private data of a resource, if it is there.
pub async fn keep(
    connection: &mut AnyConnection,
    resource_id: &str,
    private_data: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE resources SET private_data = $1 WHERE resource_id = $2")
        .bind(private_data)
        .bind(resource_id)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Which resources with live keys that a state holds deliver to these places.
pub async fn who_delivers_to(
    connection: &mut AnyConnection,
    places: &[String],
) -> Result<Vec<(String, ResourceRef)>, sqlx::Error> {
    let mut found = Vec::new();
    for places in places.chunks(AT_ONCE) {
        let text = format!(
            "SELECT places.place, resources.* FROM places \
             JOIN resources ON resources.resource_id = places.resource_id WHERE places.place IN ({}) \
             AND EXISTS (SELECT 1 FROM keys WHERE keys.resource_id = places.resource_id AND keys.status = 'live' \
             AND keys.confirmed_at IS NOT NULL) \
             ORDER BY places.place, places.resource_id",
            arguments(1, places.len())
        );
        let statement = sqlx::query(AssertSqlSafe(text));
        let rows = places.iter().fold(statement, |it, place| it.bind(place));
        for row in rows.fetch_all(&mut *connection).await? {
            found.push((row.try_get("place")?, ResourceRef::from_row(&row)?));
        }
    }
    Ok(found)
}

/// The resources of a group with an environment and a live primary, but for one.
pub async fn peers(
    connection: &mut AnyConnection,
    group: &str,
    but: &str,
) -> Result<Vec<Peer>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT resources.name, resources.workspace, resources.environment, resources.status, \
         COALESCE(keys.promoted_at, keys.created_at) AS promoted_at \
         FROM resources JOIN keys ON keys.resource_id = resources.resource_id AND keys.slot = 'primary' \
         AND keys.status = 'live' AND keys.revoked_at IS NULL \
         WHERE resources.key_group = $1 AND resources.resource_id <> $2 AND resources.environment IS NOT NULL \
         AND resources.left_by IS NULL \
         ORDER BY resources.environment, resources.name, resources.workspace, keys.promoted_at",
    )
    .bind(group)
    .bind(but)
    .fetch_all(connection)
    .await?;
    let peer = |row: &AnyRow| {
        let status: Option<String> = row.try_get("status")?;
        Ok(Peer {
            name: row.try_get("name")?,
            workspace: row.try_get("workspace")?,
            environment: row.try_get("environment")?,
            status: status.unwrap_or_default(),
            promoted_at: row.try_get("promoted_at")?,
        })
    };
    rows.iter().map(peer).collect()
}
