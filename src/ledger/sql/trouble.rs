//! What can go wrong with a database, in words that a person can act on.

use std::io;
use std::time::Duration;

use sqlx::error::DatabaseError;

use super::target::Target;
use crate::error::{Error, Kind};

/// Why a piece of work was not done.
#[derive(Debug)]
pub enum Trouble {
    /// By our own rules. Nothing was written for it.
    Refused(Error),
    /// By the database.
    Database(sqlx::Error),
}

/// The answer of a database, or that none came in time: a network may swallow what is sent without saying so.
pub async fn answered<T, E: Into<Trouble>>(
    limit: Duration,
    question: impl Future<Output = Result<T, E>>,
) -> Result<T, Trouble> {
    match tokio::time::timeout(limit, question).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => {
            let silent = io::Error::new(io::ErrorKind::TimedOut, "no answer came in time");
            Err(sqlx::Error::Io(silent).into())
        }
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Trouble {
    /// Whether the same again may well succeed: somebody else was in the way.
    pub fn passes(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else {
            return false;
        };
        match sort(error.as_ref()) {
            Sort::Sqlite(primary) => matches!(primary, 5 | 6),
            // The last one: this process slept in the middle, and what it wrote was taken back.
            Sort::Postgres(code) => {
                matches!(code.as_str(), "40001" | "40P01" | "55P03" | "25P03")
            }
            Sort::Unknown => false,
        }
    }

    /// Whether SQLite may make no files beside the ledger.
    pub fn is_shut_in(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else {
            return false;
        };
        matches!(sort(error.as_ref()), Sort::Sqlite(8 | 14))
    }

    /// Whether the database cannot be reached at all.
    pub fn cuts_off(&self) -> bool {
        let Self::Database(error) = self else {
            return false;
        };
        matches!(
            error,
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::Tls(_)
        )
    }

    /// In words.
    pub fn explain(self, target: &Target) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Database(error) => explain(&error, target),
        }
    }
}

enum Sort {
    Sqlite(u32),
    Postgres(String),
    Unknown,
}

/// SQLite has numbers whose low byte is the sort; PostgreSQL has five characters.
fn sort(error: &dyn DatabaseError) -> Sort {
    let code = error.code().unwrap_or_default();
    match (code.len(), code.parse::<u32>()) {
        (5, _) => Sort::Postgres(code.into_owned()),
        (_, Ok(number)) => Sort::Sqlite(number & 0xff),
        _ => Sort::Unknown,
    }
}

fn explain(error: &sqlx::Error, target: &Target) -> Error {
    let (kind, next) = match error {
        sqlx::Error::Database(error) => match sort(error.as_ref()) {
            Sort::Sqlite(code) => sqlite(code),
            Sort::Postgres(code) => postgres(&code),
            Sort::Unknown => (Kind::Other, "Look at the log of the database."),
        },
        sqlx::Error::Tls(_) => (
            Kind::Unavailable,
            "Compare sslmode and sslrootcert of the URL with what the server offers: sslmode=require encrypts without \
             checking the certificate, verify-full checks its name against the host too.",
        ),
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => (
            Kind::Unavailable,
            "Check the host, the port and the network, then try again.",
        ),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => (
            Kind::Other,
            "A value in the ledger was changed by something else. Restore it from a backup, or name another ledger; \
             a new one is filled by the next refreshes.",
        ),
        _ => (Kind::Unavailable, "Try again."),
    };
    let said = match error {
        sqlx::Error::PoolTimedOut => "No connection could be had in time".to_owned(),
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    };
    let said = target.scrub(&said);
    let said = said.trim_end_matches('.');
    Error::new(
        kind,
        "The ledger cannot be used",
        format!("{}: {said}. {next}", target.shown()),
    )
}

fn sqlite(code: u32) -> (Kind, &'static str) {
    match code {
        3 | 8 | 14 => (
            Kind::Denied,
            "For an apply the file and its directory must be writable: SQLite keeps a log and an index beside the file \
             while it is in use. A plan needs to read them only.",
        ),
        5 | 6 => (
            Kind::Unavailable,
            "Another process has held the file for half a minute: it hangs, or was suspended. Nothing was written. Let \
             it end or end it, then try again.",
        ),
        10 | 13 => (
            Kind::Unavailable,
            "Make room on the disk, or check it, then try again. What was written before is intact.",
        ),
        11 | 26 => (
            Kind::Other,
            "The file is damaged or is no ledger. Restore it from a backup, or move it away: a new one is filled by \
             the next refreshes, without the history. If an apply was interrupted before, look for its keys at the \
             issuer first.",
        ),
        _ => (
            Kind::Other,
            "Check the file with `sqlite3 FILE 'PRAGMA integrity_check'`.",
        ),
    }
}

fn postgres(code: &str) -> (Kind, &'static str) {
    match code {
        "28P01" | "28000" => (
            Kind::Unavailable,
            "Check the user and the password: in the URL, in PGUSER and PGPASSWORD, or in the password file. A server \
             may also demand TLS: sslmode=require.",
        ),
        "3D000" => (
            Kind::Unavailable,
            "Create the database, or correct its name in the URL. The provider creates the schema and the tables, \
             but no database.",
        ),
        "42501" => (
            Kind::Denied,
            "A plan needs USAGE on the schema and SELECT on its tables; an apply needs INSERT, UPDATE and DELETE too. To \
             make the ledger, whoever comes first needs CREATE on the database, or a schema of their own.",
        ),
        "25006" => (
            Kind::Denied,
            "This server or role may only read, which is enough for a plan. For an apply name the primary server, and a \
             role that may write.",
        ),
        "53100" | "53200" | "53300" | "57P01" | "57P02" | "57P03" => (
            Kind::Unavailable,
            "The server is out of room or busy. Try again later.",
        ),
        "40001" | "40P01" => (
            Kind::Unavailable,
            "Other processes were in the way several times. Try again.",
        ),
        "55P03" | "57014" => (
            Kind::Unavailable,
            "Another session keeps a transaction open on the tables of the ledger. Nothing was written. Find it with \
             SELECT pid, usename, state, xact_start, query FROM pg_stat_activity WHERE xact_start < now() - interval \
             '30 seconds', end it with SELECT pg_terminate_backend(<pid>), and try again.",
        ),
        "25P03" => (
            Kind::Unavailable,
            "This process was suspended while it wrote, and what it had written was taken back. Try again.",
        ),
        code if code.starts_with("08") => (Kind::Unavailable, "Try again."),
        "42P01" | "42703" => (
            Kind::Other,
            "A table of the ledger is not as the provider made it. Restore it from a backup, or name another schema.",
        ),
        _ => (Kind::Other, "Look at the log of the server."),
    }
}
