//! From a target to connections.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions, Connection, Row};
use tokio::time::timeout;

use super::dialect::Dialect;
use super::file;
use super::migrate::migrate;
use super::target::Target;
use super::trouble::Trouble;
use crate::error::{Error, Kind, Result};

/// One writes; a few read beside it.
const CONNECTIONS: u32 = 4;

/// How long SQLite waits for another process that writes. Longer than any transaction of ours.
const BUSY: Duration = Duration::from_secs(30);

/// Connects, brings the schema up to date, and gives back a pool.
pub async fn connect(target: &Arc<Target>) -> Result<AnyPool> {
    sqlx::any::install_default_drivers();
    let options = options(target)?;
    // The first connection is made by itself: a pool keeps the reason of a failure to itself.
    let (mut connection, options) = first(&options, target).await?;
    let ready = async {
        greet(&mut connection, target).await?;
        migrate(&mut connection, target.dialect, target.shown()).await
    };
    let ready = ready.await;
    // It is not needed any more, however it ends.
    let _ = connection.close().await;
    ready.map_err(|trouble| trouble.explain(target))?;

    let greeted = Arc::clone(target);
    Ok(AnyPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(target.patience)
        // A file does not hang up.
        .test_before_acquire(target.dialect == Dialect::Postgres)
        .after_connect(move |connection, _| {
            let target = Arc::clone(&greeted);
            Box::pin(async move { greet(connection, &target).await })
        })
        .connect_lazy_with(options))
}

fn options(target: &Target) -> Result<AnyConnectOptions> {
    let options = match &target.url {
        Some(url) => AnyConnectOptions::from_url(url),
        None => {
            let path = file::prepared(&target.file).map_err(|error| unwritable(target, &error))?;
            let path = file::encoded(&path).ok_or_else(|| {
                Error::new(
                    Kind::Invalid,
                    "The ledger cannot be used",
                    format!(
                        "{}: the path is not UTF-8 text. Name another.",
                        target.shown()
                    ),
                )
            })?;
            AnyConnectOptions::from_str(&format!("sqlite://{path}?mode=rw"))
        }
    };
    let options = options.map_err(|error| Trouble::from(error).explain(target))?;
    Ok(options.disable_statement_logging())
}

/// The first connection, and the options that led to it.
async fn first(
    options: &AnyConnectOptions,
    target: &Target,
) -> Result<(AnyConnection, AnyConnectOptions)> {
    match open(options, target).await {
        Ok(connection) => Ok((connection, options.clone())),
        // Whoever allows TLS wants it only where the server does.
        Err(Trouble::Database(sqlx::Error::Database(error)))
            if allows_tls(options) && error.code().is_some_and(|code| code == "28000") =>
        {
            let mut encrypted = options.clone();
            let pairs: Vec<(String, String)> = encrypted
                .database_url
                .query_pairs()
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect();
            encrypted
                .database_url
                .query_pairs_mut()
                .clear()
                .extend_pairs(pairs)
                .append_pair("sslmode", "require");
            let connection = open(&encrypted, target).await;
            connection
                .map(|connection| (connection, encrypted))
                .map_err(|trouble| trouble.explain(target))
        }
        Err(trouble) => Err(trouble.explain(target)),
    }
}

async fn open(options: &AnyConnectOptions, target: &Target) -> Result<AnyConnection, Trouble> {
    match timeout(target.patience, options.connect()).await {
        Ok(connection) => Ok(connection?),
        Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
    }
}

fn allows_tls(options: &AnyConnectOptions) -> bool {
    let pairs = options.database_url.query_pairs();
    let mode = pairs.filter(|(name, _)| name == "sslmode").last();
    match mode {
        Some((_, mode)) => mode == "allow",
        None => std::env::var("PGSSLMODE").is_ok_and(|mode| mode == "allow"),
    }
}

/// What every connection is told first.
async fn greet(connection: &mut AnyConnection, target: &Target) -> Result<(), sqlx::Error> {
    match target.dialect {
        Dialect::Sqlite => greet_sqlite(connection).await,
        Dialect::Postgres => greet_postgres(connection, target).await,
    }
}

async fn greet_sqlite(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    say(
        connection,
        format!("PRAGMA busy_timeout = {}", BUSY.as_millis()),
    )
    .await?;
    say(connection, "PRAGMA foreign_keys = ON".into()).await?;
    // Every commit is on the disk before it returns, also when the power fails.
    say(connection, "PRAGMA synchronous = FULL".into()).await?;
    // Turning the log on needs the file for oneself, and SQLite does not wait for that as it does elsewhere.
    for _ in 0..200 {
        let done = say(connection, "PRAGMA journal_mode = WAL".into()).await;
        match done.map_err(Trouble::from) {
            Err(trouble) if trouble.passes() => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(Trouble::Database(error)) => return Err(error),
            _ => return Ok(()),
        }
    }
    say(connection, "PRAGMA journal_mode = WAL".into()).await
}

async fn greet_postgres(
    connection: &mut AnyConnection,
    target: &Target,
) -> Result<(), sqlx::Error> {
    // An intent that a crash of the server forgets is worth nothing.
    let durable = "SELECT set_config('synchronous_commit', 'on', false) \
                   WHERE current_setting('synchronous_commit') = 'off'";
    say(connection, durable.into()).await?;
    let Some(schema) = &target.schema else {
        return Ok(());
    };
    let known = sqlx::query("SELECT COUNT(*) FROM pg_catalog.pg_namespace WHERE nspname = $1")
        .bind(schema)
        .fetch_one(&mut *connection)
        .await?;
    let quoted = format!("\"{}\"", schema.replace('"', "\"\""));
    // The right to create a schema is asked for even where it exists.
    if known.try_get::<i64, _>(0)? == 0 {
        // Two may begin at once; the second finds it there.
        let created = say(connection, format!("CREATE SCHEMA IF NOT EXISTS {quoted}")).await;
        if let Err(error) = created
            && !is_unique_violation(&error)
        {
            return Err(error);
        }
    }
    say(connection, format!("SET search_path TO {quoted}")).await
}

fn is_unique_violation(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    error.is_some_and(|error| matches!(error.code().as_deref(), Some("23505" | "42P06")))
}

async fn say(connection: &mut AnyConnection, text: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(text))
        .execute(connection)
        .await
        .map(|_| ())
}

fn unwritable(target: &Target, error: &std::io::Error) -> Error {
    Error::new(
        Kind::Unavailable,
        "The ledger cannot be used",
        format!(
            "{}: the file cannot be created: {error}. Make its directory writable for whoever runs Terraform, or name \
             another place in url of the ledger.",
            target.shown()
        ),
    )
}
