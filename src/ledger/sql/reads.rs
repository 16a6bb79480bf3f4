//! What is read of keys and of the journal.

use std::collections::BTreeSet;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, FromRow, Row};

use super::attest;
use super::dialect::Dialect;
use super::incidents;
use super::resources::{self, Recorded};
use super::rows::{AT_ONCE, KeyRow, arguments};
use crate::ledger::{Effect, Intent, KeyMark, KeyRecord, MOST_OPEN, Memory, ResourceRef};

/// The rows of `keys` of one resource, oldest first.
pub async fn rows(
    connection: &mut AnyConnection,
    resource_id: &str,
) -> Result<Vec<KeyRow>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM keys WHERE resource_id = $1 ORDER BY id")
        .bind(resource_id)
        .fetch_all(connection)
        .await
}

/// What is remembered of one resource.
pub async fn recall(
    connection: &mut AnyConnection,
    dialect: Dialect,
    resource_id: &str,
) -> Result<Memory, sqlx::Error> {
    let keys = "SELECT * FROM keys WHERE resource_id = $1 ORDER BY id".to_owned();
    let open = format!(
        "SELECT intents.*, {} AS is_alive FROM intents \
         WHERE resource_id = $1 AND outcome IS NULL ORDER BY id LIMIT {}",
        is_alive(dialect),
        MOST_OPEN + 1
    );
    let recorded = resources::recorded(connection, resource_id).await?;
    Ok(Memory {
        generation: recorded.as_ref().and_then(|it| it.generation),
        places: recorded
            .as_ref()
            .map_or_else(BTreeSet::new, |it| it.places.clone()),
        private_data: recorded.as_ref().and_then(|it| it.private_data.clone()),
        workspace: recorded.and_then(Recorded::workspace),
        incidents: incidents::of(connection, resource_id).await?,
        ..memory(connection, resource_id, keys, open).await?
    })
}

/// Whether the last write of a resource to a place left this version there, or has no outcome that tells.
pub async fn explains(
    connection: &mut AnyConnection,
    resource_id: &str,
    place: &str,
    version: &str,
) -> Result<bool, sqlx::Error> {
    let last: Option<(String, Option<String>)> = sqlx::query_as(
        "SELECT event, detail FROM events WHERE resource_id = $1 AND effect = $2 AND place = $3 ORDER BY seq DESC LIMIT 1",
    )
    .bind(resource_id)
    .bind(Effect::Deliver)
    .bind(place)
    .fetch_optional(connection)
    .await?;
    Ok(last.is_some_and(|(event, detail)| match event.as_str() {
        "begun" | "settled" => true,
        _ => event == "done" && detail.as_deref() == Some(version),
    }))
}

/// What is remembered in one account of resources that no state ever held.
pub async fn recall_never_confirmed(
    connection: &mut AnyConnection,
    dialect: Dialect,
    account: &str,
) -> Result<Memory, sqlx::Error> {
    let never_confirmed = |table: &str| {
        format!(
            "NOT EXISTS (SELECT 1 FROM keys AS held WHERE held.resource_id = {table}.resource_id \
             AND held.confirmed_at IS NOT NULL)"
        )
    };
    let keys = format!(
        "SELECT * FROM keys WHERE account = $1 AND status = 'live' AND confirmed_at IS NULL AND {} ORDER BY id",
        never_confirmed("keys")
    );
    let open = format!(
        "SELECT intents.*, {} AS is_alive FROM intents \
         WHERE account = $1 AND outcome IS NULL AND {} ORDER BY id LIMIT {}",
        is_alive(dialect),
        never_confirmed("intents"),
        MOST_OPEN + 1
    );
    Ok(Memory {
        account: None,
        ..memory(connection, account, keys, open).await?
    })
}

/// All keys that were ever recorded in an account.
pub async fn keys_in(
    connection: &mut AnyConnection,
    account: &str,
) -> Result<Vec<KeyRecord>, sqlx::Error> {
    let mut rows = sqlx::query_as("SELECT * FROM keys WHERE account = $1 ORDER BY id")
        .bind(account)
        .fetch_all(&mut *connection)
        .await?;
    attest::keys(connection, &mut rows).await?;
    Ok(rows.into_iter().map(|row| row.key).collect())
}

/// Every record of these keys, whosever they are.
pub async fn find_keys(
    connection: &mut AnyConnection,
    keys: &[KeyMark],
) -> Result<Vec<(ResourceRef, KeyRecord)>, sqlx::Error> {
    let mut found = Vec::new();
    for keys in keys.chunks(AT_ONCE) {
        let ids: Vec<&String> = keys.iter().filter_map(|key| key.key_id.as_ref()).collect();
        let marks: Vec<&String> = keys.iter().filter_map(|key| key.mark.as_ref()).collect();
        // An empty list is no SQL, and null is in no list.
        let list = |first, many| match many {
            0 => "NULL".to_owned(),
            many => arguments(first, many),
        };
        let text = format!(
            "SELECT keys.*, resources.name, resources.workspace FROM keys \
             JOIN resources ON resources.resource_id = keys.resource_id \
             WHERE keys.key_id IN ({}) OR keys.mark IN ({}) ORDER BY keys.id",
            list(1, ids.len()),
            list(ids.len() + 1, marks.len())
        );
        let statement = sqlx::query(AssertSqlSafe(text));
        let values = ids.into_iter().chain(marks);
        let statement = values.fold(statement, |it, value| it.bind(value));
        let rows = statement.fetch_all(&mut *connection).await?;
        let resources = all::<ResourceRef>(&rows)?;
        let mut rows = all::<KeyRow>(&rows)?;
        attest::keys(connection, &mut rows).await?;
        let records = rows.into_iter().map(|row| row.key);
        let asked = |record: &KeyRecord| keys.iter().any(|key| record.key.is(key));
        let named = resources.into_iter().zip(records);
        found.extend(named.filter(|(_, record)| asked(record)));
    }
    Ok(found)
}

fn all<T: for<'r> FromRow<'r, AnyRow>>(rows: &[AnyRow]) -> Result<Vec<T>, sqlx::Error> {
    rows.iter().map(T::from_row).collect()
}

/// Whether the lock under which an intent was begun is still held.
fn is_alive(dialect: Dialect) -> String {
    format!(
        "CASE WHEN EXISTS (SELECT 1 FROM locks WHERE locks.name = intents.lock_name \
         AND locks.number = intents.lock_number AND locks.holder IS NOT NULL AND locks.expires_at > {}) \
         THEN 1 ELSE 0 END",
        dialect.now()
    )
}

/// A mint without an outcome, and whether the lock under which it was begun is still held.
pub async fn open_mint(
    connection: &mut AnyConnection,
    dialect: Dialect,
    intent: &str,
) -> Result<Option<(Intent, bool)>, sqlx::Error> {
    let text = format!(
        "SELECT intents.*, {} AS is_alive FROM intents WHERE intent = $1 AND effect = $2 AND outcome IS NULL",
        is_alive(dialect)
    );
    let row = sqlx::query(AssertSqlSafe(text))
        .bind(intent)
        .bind(Effect::Mint)
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok((
            Intent::from_row(&row)?,
            row.try_get::<i32, _>("is_alive")? == 1,
        ))
    })
    .transpose()
}

async fn memory(
    connection: &mut AnyConnection,
    about: &str,
    keys: String,
    open: String,
) -> Result<Memory, sqlx::Error> {
    let mut keys: Vec<KeyRow> = sqlx::query_as(AssertSqlSafe(keys))
        .bind(about)
        .fetch_all(&mut *connection)
        .await?;
    let mut open = sqlx::query(AssertSqlSafe(open))
        .bind(about)
        .fetch_all(&mut *connection)
        .await?;
    attest::keys(connection, &mut keys).await?;
    let mut alive = BTreeSet::new();
    for row in &open {
        if row.try_get::<i32, _>("is_alive")? == 1 {
            alive.insert(row.try_get("intent")?);
        }
    }
    let more = open.len() > MOST_OPEN;
    open.truncate(MOST_OPEN);
    let open: Vec<Intent> = all(&open)?;
    Ok(Memory {
        generation: None,
        workspace: None,
        places: BTreeSet::new(),
        private_data: None,
        account: keys.last().map(|row| row.account.clone()),
        incidents: Vec::new(),
        more,
        keys: keys.into_iter().map(|row| row.key).collect(),
        sealed: attest::intents(connection, &open).await?,
        open,
        alive,
    })
}
