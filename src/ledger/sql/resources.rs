//! What is recorded once for each resource: its generation, and the places that it delivers to.

use std::collections::BTreeSet;

use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::words;
use crate::instant::Instant;
use crate::ledger::{Holding, ResourceRef};

/// A resource as it was recorded last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    resource: ResourceRef,
    account: String,
    /// How often its key was promoted.
    pub generation: u64,
    left_by: Option<String>,
    places: BTreeSet<String>,
}

impl From<&Holding> for Recorded {
    fn from(holding: &Holding) -> Self {
        Self {
            resource: holding.resource.clone(),
            account: holding.account.clone(),
            generation: holding.generation,
            left_by: holding.left_by.clone(),
            places: holding.places.iter().cloned().collect(),
        }
    }
}

/// What was recorded of a resource.
pub async fn recorded(
    connection: &mut AnyConnection,
    resource_id: &str,
) -> Result<Option<Recorded>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT resources.*, places.place FROM resources \
         LEFT JOIN places ON places.resource_id = resources.resource_id WHERE resources.resource_id = $1",
    )
    .bind(resource_id)
    .fetch_all(connection)
    .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let places: Result<Vec<Option<String>>, sqlx::Error> =
        rows.iter().map(|row| words::maybe(row, "place")).collect();
    Ok(Some(Recorded {
        resource: words::resource(first)?,
        account: words::text(first, "account")?,
        generation: words::count(first, "generation")?,
        left_by: words::maybe(first, "left_by")?,
        places: places?.into_iter().flatten().collect(),
    }))
}

/// Writes down what a state says now, where it is not what was `recorded`.
pub async fn record(
    connection: &mut AnyConnection,
    holding: &Holding,
    recorded: Option<&Recorded>,
    at: Instant,
) -> Result<(), sqlx::Error> {
    let now = Recorded::from(holding);
    if recorded == Some(&now) {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO resources (resource_id, name, workspace, account, generation, left_by, left_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (resource_id) DO UPDATE SET name = excluded.name, \
         workspace = excluded.workspace, account = excluded.account, generation = excluded.generation, \
         left_by = excluded.left_by, left_at = excluded.left_at, updated_at = excluded.updated_at",
    )
    .bind(&now.resource.id)
    .bind(&now.resource.name)
    .bind(&now.resource.workspace)
    .bind(&now.account)
    // Nobody promotes a key so often.
    .bind(i64::try_from(now.generation).unwrap_or(i64::MAX))
    .bind(&now.left_by)
    .bind(now.left_by.as_ref().map(|_| at.to_string()))
    .bind(at.to_string())
    .execute(&mut *connection)
    .await?;
    let before = recorded.map(|recorded| &recorded.places);
    let is_new = |place: &&String| before.is_none_or(|before| !before.contains(*place));
    for place in now.places.iter().filter(is_new) {
        sqlx::query("INSERT INTO places (place, resource_id) VALUES ($1, $2)")
            .bind(place)
            .bind(&now.resource.id)
            .execute(&mut *connection)
            .await?;
    }
    for place in before.into_iter().flatten() {
        if !now.places.contains(place) {
            sqlx::query("DELETE FROM places WHERE place = $1 AND resource_id = $2")
                .bind(place)
                .bind(&now.resource.id)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

/// Which resources with live keys that a state holds deliver to these places.
pub async fn who_delivers_to(
    connection: &mut AnyConnection,
    places: &[String],
) -> Result<Vec<(String, ResourceRef)>, sqlx::Error> {
    let mut found = Vec::new();
    for places in places.chunks(words::AT_ONCE) {
        let text = format!(
            "SELECT places.place, resources.* FROM places \
             JOIN resources ON resources.resource_id = places.resource_id WHERE places.place IN ({}) \
             AND EXISTS (SELECT 1 FROM keys WHERE keys.resource_id = places.resource_id AND keys.status = 'live' \
             AND keys.confirmed_at IS NOT NULL) \
             ORDER BY places.place, places.resource_id",
            words::arguments(1, places.len())
        );
        let statement = sqlx::query(AssertSqlSafe(text));
        let rows = places.iter().fold(statement, |it, place| it.bind(place));
        for row in rows.fetch_all(&mut *connection).await? {
            found.push((row.try_get("place")?, words::resource(&row)?));
        }
    }
    Ok(found)
}
