//! A copy of the whole ledger in a file of SQLite, as it is at one moment.

use std::path::Path;

use futures::TryStreamExt;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Column, Connection, Row};

use super::connect;
use super::dialect::Dialect;
use super::migrate::migrate;
use super::rows::arguments;
use super::target::Target;
use super::trouble::Trouble;

/// Every table, each after those that it refers to.
const TABLES: [&str; 10] = [
    "resources",
    "keys",
    "places",
    "intents",
    "events",
    "leaks",
    "anomalies",
    "chain",
    "locks",
    "notifications",
];

/// Copies what a connection reads into a file that is there and empty.
pub async fn snapshot(
    connection: &mut AnyConnection,
    dialect: Dialect,
    file: &Path,
) -> Result<(), Trouble> {
    match dialect {
        Dialect::Sqlite => {
            // SQLite reads it in one transaction, beside whoever writes.
            sqlx::query("VACUUM INTO $1")
                .bind(file.to_string_lossy().into_owned())
                .execute(connection)
                .await?;
            Ok(())
        }
        Dialect::Postgres => copy(connection, file).await,
    }
}

async fn copy(connection: &mut AnyConnection, file: &Path) -> Result<(), Trouble> {
    let target = Target::file(file.to_owned());
    let mut written = connect::alone(&target).await?;
    migrate(&mut written, &target).await?;
    let mut read = connection
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    // A table may be long, and nobody waits for this.
    sqlx::query("SET LOCAL statement_timeout = 0")
        .execute(&mut *read)
        .await?;
    let mut writing = written.begin().await?;
    for table in TABLES {
        rows(&mut read, &mut writing, table).await?;
    }
    writing.commit().await?;
    written.close().await?;
    Ok(())
}

/// Copies the rows of a table. What a new ledger has of itself gives way.
async fn rows(
    read: &mut AnyConnection,
    written: &mut AnyConnection,
    table: &str,
) -> Result<(), Trouble> {
    let every = AssertSqlSafe(format!("SELECT * FROM {table}"));
    let mut rows = sqlx::query(every).persistent(false).fetch(read);
    while let Some(row) = rows.try_next().await? {
        insert(written, table, &row).await?;
    }
    Ok(())
}

async fn insert(written: &mut AnyConnection, table: &str, row: &AnyRow) -> Result<(), sqlx::Error> {
    let columns: Vec<&str> = row.columns().iter().map(Column::name).collect();
    let text = format!(
        "INSERT OR REPLACE INTO {table} ({}) VALUES ({})",
        columns.join(", "),
        arguments(1, columns.len())
    );
    let mut insert = sqlx::query(AssertSqlSafe(text));
    for column in 0..columns.len() {
        // There are texts and numbers.
        insert = match row.try_get::<Option<String>, _>(column) {
            Ok(text) => insert.bind(text),
            Err(_) => insert.bind(row.try_get::<Option<i64>, _>(column)?),
        };
    }
    insert.execute(written).await.map(|_| ())
}
