//! What is read: the memory of one resource.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::attest;
use super::dialect::Dialect;
use super::holdings::Row;
use super::resources;
use super::words;
use crate::instant::Instant;
use crate::ledger::keys::MOST_OPEN;
use crate::ledger::{Intent, KeyMark, KeyRecord, Memory, ResourceRef};

/// The rows of `keys` of one resource, oldest first.
pub async fn rows(
    connection: &mut AnyConnection,
    resource_id: &str,
) -> Result<Vec<Row>, sqlx::Error> {
    let found = sqlx::query("SELECT * FROM keys WHERE resource_id = $1 ORDER BY id")
        .bind(resource_id)
        .fetch_all(connection)
        .await?;
    found.iter().map(Row::read).collect()
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
        generation: recorded.map(|recorded| recorded.generation),
        ..memory(connection, resource_id, keys, open).await?
    })
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
    memory(connection, account, keys, open).await
}

/// All keys that were ever recorded in an account.
pub async fn keys_in(
    connection: &mut AnyConnection,
    account: &str,
) -> Result<Vec<KeyRecord>, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM keys WHERE account = $1 ORDER BY id")
        .bind(account)
        .fetch_all(&mut *connection)
        .await?;
    let rows = attested(connection, &rows).await?;
    Ok(rows.into_iter().map(|row| row.key).collect())
}

/// Every record of these keys, whosever they are.
pub async fn find_keys(
    connection: &mut AnyConnection,
    keys: &[KeyMark],
) -> Result<Vec<(ResourceRef, KeyRecord)>, sqlx::Error> {
    let mut found = Vec::new();
    for keys in keys.chunks(words::AT_ONCE) {
        let ids: Vec<&String> = keys.iter().filter_map(|key| key.key_id.as_ref()).collect();
        let marks: Vec<&String> = keys.iter().filter_map(|key| key.mark.as_ref()).collect();
        // An empty list is no SQL, and null is in no list.
        let list = |first, many| match many {
            0 => "NULL".to_owned(),
            many => words::arguments(first, many),
        };
        let text = format!(
            "SELECT * FROM keys WHERE key_id IN ({}) OR mark IN ({}) ORDER BY id",
            list(1, ids.len()),
            list(ids.len() + 1, marks.len())
        );
        let values = ids.into_iter().chain(marks);
        let statement = sqlx::query(AssertSqlSafe(text));
        let rows = values.fold(statement, |it, value| it.bind(value));
        let rows = rows.fetch_all(&mut *connection).await?;
        let mut rows = attested(connection, &rows).await?;
        rows.retain(|row| keys.iter().any(|key| row.key.key.is(key)));
        found.extend(rows.into_iter().map(|row| (row.resource(), row.key)));
    }
    Ok(found)
}

/// Rows of `keys`, with what the audit trail says of them.
async fn attested(
    connection: &mut AnyConnection,
    rows: &[AnyRow],
) -> Result<Vec<Row>, sqlx::Error> {
    let mut rows = rows.iter().map(Row::read).collect::<Result<Vec<_>, _>>()?;
    attest::keys(connection, &mut rows).await?;
    Ok(rows)
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

async fn memory(
    connection: &mut AnyConnection,
    about: &str,
    keys: String,
    open: String,
) -> Result<Memory, sqlx::Error> {
    let mut found = Vec::new();
    for text in [keys, open] {
        let rows = sqlx::query(AssertSqlSafe(text)).bind(about);
        found.push(rows.fetch_all(&mut *connection).await?);
    }
    let alive: Result<Vec<i32>, sqlx::Error> =
        found[1].iter().map(|row| row.try_get("is_alive")).collect();
    let more = found[1].len() > MOST_OPEN;
    found[1].truncate(MOST_OPEN);
    let keys = attested(connection, &found[0]).await?;
    let open = found[1].iter().map(words::intent);
    let open = open.collect::<Result<Vec<Intent>, sqlx::Error>>()?;
    Ok(Memory {
        generation: None,
        more,
        keys: keys.into_iter().map(|row| row.key).collect(),
        sealed: attest::intents(connection, &open).await?,
        open,
        busy: alive?.contains(&1),
    })
}

/// Who holds a lock now, and since when.
pub async fn lock_holder(
    connection: &mut AnyConnection,
    dialect: Dialect,
    name: &str,
) -> Result<Option<(String, Instant)>, sqlx::Error> {
    let text = format!(
        "SELECT holder, taken_at FROM locks WHERE name = $1 AND holder IS NOT NULL AND expires_at > {}",
        dialect.now()
    );
    let row = sqlx::query(AssertSqlSafe(text))
        .bind(name)
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok((
            words::text(&row, "holder")?,
            words::instant(&row, "taken_at")?,
        ))
    })
    .transpose()
}
