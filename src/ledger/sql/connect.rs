//! From a target to connections.

use std::io::ErrorKind;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions, Connection, Row};
use tokio::time::timeout;

use super::dialect::Dialect;
use super::file;
use super::migrate::{migrate, newest, quoted, version};
use super::target::Target;
use super::trouble::Trouble;
use crate::error::{Error, Kind, Result};

/// One writes; a few read beside it.
const CONNECTIONS: u32 = 4;

/// How long one statement waits for another process that writes. Longer than any transaction of ours.
const BUSY: Duration = Duration::from_secs(15);
/// How long a server works on one statement.
const LONGEST_STATEMENT: Duration = Duration::from_secs(30);
/// How long a server waits for the next statement of a transaction, before it takes back what a process wrote that is
/// asleep or gone.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whatever the role allows. Nothing is written before it has to be.
    Any,
    /// Nothing is written, even where it could be.
    Reading,
}

/// Connects to what is there, and gives back a pool. Creates nothing.
pub async fn connect(target: &Arc<Target>, access: Access) -> Result<AnyPool> {
    sqlx::any::install_default_drivers();
    let mode = match access {
        Access::Any => "mode=rw",
        Access::Reading => "mode=ro",
    };
    let options = match reachable(&options(target, mode)?, target, access).await {
        // No log and no index can be made beside the file, and none is there: nobody writes.
        Err(trouble) if trouble.is_shut_in() && !file::has_log(&target.file) => {
            let alone = options(target, "mode=ro&immutable=true")?;
            reachable(&alone, target, access).await
        }
        reached => reached,
    };
    let options = options.map_err(|trouble| trouble.explain(target))?;
    let greeted = Arc::clone(target);
    Ok(AnyPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(target.patience)
        // A file does not hang up.
        .test_before_acquire(target.dialect == Dialect::Postgres)
        .after_connect(move |connection, _| {
            let target = Arc::clone(&greeted);
            Box::pin(async move { greet(connection, &target, access).await })
        })
        .connect_lazy_with(options))
}

/// One connection, to write a file that is there.
pub async fn alone(target: &Target) -> Result<AnyConnection, Trouble> {
    let options = options(target, "mode=rw")?;
    let mut connection = open(&options, target).await?;
    greet(&mut connection, target, Access::Any).await?;
    Ok(connection)
}

/// The options that lead to the database. The first connection is made by itself: a pool keeps the reason of a failure to
/// itself.
async fn reachable(
    options: &AnyConnectOptions,
    target: &Target,
    access: Access,
) -> Result<AnyConnectOptions, Trouble> {
    let (mut connection, options) = first(options, target).await?;
    let reached = async {
        greet(&mut connection, target, access).await?;
        version(&mut connection, target).await
    };
    let reached = reached.await;
    // It is not needed any more, however it ends.
    let _ = connection.close().await;
    reached.map(|_| options).map_err(Trouble::from)
}

/// Makes a ledger, or brings it up to date, for whoever is about to write.
pub async fn prepare(connection: &mut AnyConnection, target: &Target) -> Result<(), Trouble> {
    if version(connection, target).await? == newest() {
        return Ok(());
    }
    match (target.dialect, &target.schema) {
        (Dialect::Sqlite, _) => keep_a_log(connection).await?,
        (Dialect::Postgres, Some(schema)) => create_schema(connection, schema).await?,
        (Dialect::Postgres, None) => {}
    }
    migrate(connection, target).await
}

fn options(target: &Target, mode: &str) -> Result<AnyConnectOptions> {
    let options = match &target.url {
        Some(url) => AnyConnectOptions::from_url(url),
        None if target.file.is_dir() => {
            let shown = target.shown();
            return Err(Error::new(
                Kind::Invalid,
                "The ledger cannot be used",
                format!(
                    "{shown}: this is a directory. Name a file in it, such as {shown}/ledger.db."
                ),
            ));
        }
        None => {
            let path = file::absolute(&target.file).map_err(|error| unwritable(target, &error))?;
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
            AnyConnectOptions::from_str(&format!("sqlite://{path}?{mode}"))
        }
    };
    let options = options.map_err(|error| Trouble::from(error).explain(target))?;
    Ok(options.disable_statement_logging())
}

/// Makes sure that there is a file to write into.
pub fn create_file(target: &Target) -> Result<()> {
    match target.dialect {
        Dialect::Sqlite => file::prepared(&target.file)
            .map(drop)
            .map_err(|error| unwritable(target, &error)),
        Dialect::Postgres => Ok(()),
    }
}

/// The first connection, and the options that led to it.
async fn first(
    options: &AnyConnectOptions,
    target: &Target,
) -> Result<(AnyConnection, AnyConnectOptions), Trouble> {
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
            connection.map(|connection| (connection, encrypted))
        }
        Err(trouble) => Err(trouble),
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
async fn greet(
    connection: &mut AnyConnection,
    target: &Target,
    access: Access,
) -> Result<(), sqlx::Error> {
    match target.dialect {
        Dialect::Sqlite => greet_sqlite(connection).await,
        Dialect::Postgres => greet_postgres(connection, target, access).await,
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
    say(connection, "PRAGMA synchronous = FULL".into()).await
}

/// Those who read do not wait for whoever writes. Turning that on needs the file for oneself, and SQLite does not wait for
/// it as it does elsewhere.
async fn keep_a_log(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
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
    access: Access,
) -> Result<(), sqlx::Error> {
    // An intent that a crash of the server forgets is worth nothing.
    let durable = "SELECT set_config('synchronous_commit', 'on', false) \
                   WHERE current_setting('synchronous_commit') = 'off'";
    say(connection, durable.into()).await?;
    // Nobody waits for ever for whoever keeps a transaction open, nor keeps one open while asleep. What the role or the
    // URL says stands.
    let bounds = format!(
        "SELECT set_config(name, wanted, false) FROM (VALUES ('lock_timeout', '{}'), ('statement_timeout', '{}'), \
         ('idle_in_transaction_session_timeout', '{}')) AS bounds (name, wanted) WHERE current_setting(name) = '0'",
        BUSY.as_millis(),
        LONGEST_STATEMENT.as_millis(),
        LONGEST_PAUSE.as_millis(),
    );
    say(connection, bounds).await?;
    if access == Access::Reading {
        say(connection, "SET default_transaction_read_only = on".into()).await?;
    }
    match &target.schema {
        Some(schema) => say(connection, format!("SET search_path TO {}", quoted(schema))).await,
        None => Ok(()),
    }
}

async fn create_schema(connection: &mut AnyConnection, schema: &str) -> Result<(), sqlx::Error> {
    let known = sqlx::query("SELECT COUNT(*) FROM pg_catalog.pg_namespace WHERE nspname = $1")
        .bind(schema)
        .fetch_one(&mut *connection)
        .await?;
    // The right to create a schema is asked for even where it exists.
    if known.try_get::<i64, _>(0)? > 0 {
        return Ok(());
    }
    // Two may begin at once; the second finds it there.
    let create = format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema));
    match say(connection, create).await {
        Err(error) if !is_unique_violation(&error) => Err(error),
        _ => Ok(()),
    }
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
    let kind = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Kind::Denied,
        _ => Kind::Unavailable,
    };
    Error::new(
        kind,
        "The ledger cannot be used",
        format!(
            "{}: the file cannot be created: {error}. Make its directory writable for whoever runs Terraform, or name \
             another place in url of the ledger.",
            target.shown()
        ),
    )
}
