//! Brings a database to the schema of this version, once, whoever comes first.

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use super::dialect::Dialect;
use super::target::Target;
use super::trouble::Trouble;
use crate::error::{Error, Kind};

/// The texts that lead to each version, for SQLite and for PostgreSQL.
const STEPS: &[(&[&str], &[&str])] = &[(
    &[
        include_str!("migrations/1_tables.sql"),
        include_str!("migrations/1_append_only.sqlite.sql"),
    ],
    &[
        include_str!("migrations/1_tables.sql"),
        include_str!("migrations/1_append_only.postgres.sql"),
    ],
)];

/// Between two statements of one text.
const BOUNDARY: &str = "{boundary}";

/// An arbitrary number that nobody else takes the advisory lock of.
const ADVISORY_LOCK: &str = "SELECT CAST(pg_advisory_xact_lock(4702111234474983745) AS TEXT)";

/// The version that this provider writes.
pub fn newest() -> i64 {
    // A handful of steps.
    STEPS.len() as i64
}

/// Brings the schema up to date. Only one process does; the others wait for it and find it done.
pub async fn migrate(connection: &mut AnyConnection, target: &Target) -> Result<(), Trouble> {
    let dialect = target.dialect;
    let mut transaction = connection.begin_with(dialect.begin()).await?;
    if dialect == Dialect::Postgres {
        sqlx::query(ADVISORY_LOCK)
            .fetch_all(&mut *transaction)
            .await?;
    }
    let found = version(&mut transaction, target).await?;
    refuse_newer(found, target)?;
    if found == 0 {
        let table = format!(
            "CREATE TABLE schema_versions (version BIGINT PRIMARY KEY, since {} NOT NULL)",
            dialect.text()
        );
        execute(&mut transaction, table).await?;
    }
    for number in found + 1..=newest() {
        // Between 1 and the number of steps.
        let (sqlite, postgres) = STEPS[number as usize - 1];
        let texts = match dialect {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        };
        for text in texts {
            for statement in text.split(BOUNDARY) {
                let statement = statement.replace("{text}", dialect.text());
                execute(
                    &mut transaction,
                    statement.replace("{serial}", dialect.serial()),
                )
                .await?;
            }
        }
        let note = format!(
            "INSERT INTO schema_versions (version, since) VALUES ({number}, {})",
            dialect.now()
        );
        execute(&mut transaction, note).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// The version that is there; 0 if there is no ledger yet.
pub async fn version(connection: &mut AnyConnection, target: &Target) -> Result<i64, sqlx::Error> {
    let (exists, table) = match (target.dialect, &target.schema) {
        (Dialect::Sqlite, _) => (
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_versions'"
                .to_owned(),
            "schema_versions".to_owned(),
        ),
        // Named in full, so that a role that may not use the schema is refused instead of finding nothing.
        (Dialect::Postgres, Some(schema)) => (
            format!("{IN_POSTGRES} = '{}'", schema.replace('\'', "''")),
            format!("{}.schema_versions", quoted(schema)),
        ),
        (Dialect::Postgres, None) => (
            format!("{IN_POSTGRES} = current_schema()"),
            "schema_versions".to_owned(),
        ),
    };
    let tables = sqlx::query(AssertSqlSafe(exists))
        .fetch_one(&mut *connection)
        .await?;
    if tables.try_get::<i64, _>(0)? == 0 {
        return Ok(0);
    }
    let newest = format!("SELECT COALESCE(MAX(version), 0) FROM {table}");
    let row = sqlx::query(AssertSqlSafe(newest))
        .fetch_one(&mut *connection)
        .await?;
    row.try_get(0)
}

const IN_POSTGRES: &str =
    "SELECT COUNT(*) FROM pg_catalog.pg_tables WHERE tablename = 'schema_versions' AND schemaname";

/// A name as PostgreSQL reads it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn execute(connection: &mut AnyConnection, text: String) -> Result<(), sqlx::Error> {
    sqlx::query(AssertSqlSafe(text))
        .persistent(false)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Whether there is a ledger to read.
pub fn is_readable(found: i64, target: &Target) -> Result<bool, Error> {
    refuse_newer(found, target)?;
    Ok(found == newest())
}

fn refuse_newer(found: i64, target: &Target) -> Result<(), Error> {
    if found <= newest() {
        return Ok(());
    }
    Err(Error::new(
        Kind::Invalid,
        "The ledger was written by a newer version of the provider",
        format!(
            "The ledger {} has schema version {found}; this provider knows version {} and older ones. Nothing \
             was changed. Upgrade the provider here to the version that is used elsewhere, or name another ledger.",
            target.shown(),
            newest()
        ),
    ))
}
