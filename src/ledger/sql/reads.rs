//! What is read: the memory of one resource.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::dialect::Dialect;
use super::holdings::Row;
use super::words;
use crate::instant::Instant;
use crate::ledger::{KeyRecord, Memory, ResourceRef};

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
    resource_id: &str,
) -> Result<Memory, sqlx::Error> {
    let keys = sqlx::query("SELECT * FROM keys WHERE resource_id = $1 ORDER BY id")
        .bind(resource_id)
        .fetch_all(&mut *connection)
        .await?;
    let open =
        sqlx::query("SELECT * FROM intents WHERE resource_id = $1 AND outcome IS NULL ORDER BY id")
            .bind(resource_id)
            .fetch_all(connection)
            .await?;
    memory(&keys, &open)
}

/// What a create left behind whose apply never ended.
pub async fn recall_unfinished_create(
    connection: &mut AnyConnection,
    dialect: Dialect,
    resource: &ResourceRef,
    account: &str,
) -> Result<Memory, sqlx::Error> {
    let abandoned = format!(
        "FROM intents WHERE intents.name = $1 AND intents.workspace = $2 AND intents.account = $3 \
         AND intents.outcome IS NULL AND NOT EXISTS (SELECT 1 FROM locks WHERE locks.name = intents.lock_name \
         AND locks.number = intents.lock_number AND locks.holder IS NOT NULL AND locks.expires_at > {})",
        dialect.now()
    );
    let keys = format!(
        "SELECT * FROM keys WHERE name = $1 AND workspace = $2 AND account = $3 AND confirmed_at IS NULL \
         AND revoked_at IS NULL AND minted_by IN (SELECT intents.apply {abandoned}) ORDER BY id"
    );
    let open = format!("SELECT * {abandoned} ORDER BY intents.id");
    let mut found = Vec::new();
    for text in [keys, open] {
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(&resource.name)
            .bind(&resource.workspace)
            .bind(account)
            .fetch_all(&mut *connection)
            .await?;
        found.push(rows);
    }
    memory(&found[0], &found[1])
}

fn memory(keys: &[AnyRow], open: &[AnyRow]) -> Result<Memory, sqlx::Error> {
    let keys: Result<Vec<KeyRecord>, sqlx::Error> = keys.iter().map(words::key).collect();
    let open: Result<Vec<_>, sqlx::Error> = open.iter().map(words::intent).collect();
    Ok(Memory {
        keys: keys?,
        open: open?,
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
