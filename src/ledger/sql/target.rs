//! Which database a URL names. Everything wrong with a URL is said here, and nothing of a password ever is.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::dialect::Dialect;
use crate::error::{Error, Path, Result};
use crate::secret::{Secret, scrub};
use crate::settings::choice;

/// Where the tables lie in PostgreSQL unless something else is said.
pub const SCHEMA: &str = "apikey";

/// How long to wait for a connection unless `connect_timeout` or `PGCONNECT_TIMEOUT` says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

const SSL_MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// What libpq knows and the driver does too.
const PARAMETERS: [&str; 13] = [
    "application_name",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// A database that can be connected to.
#[derive(Debug)]
pub struct Target {
    /// Which sort.
    pub dialect: Dialect,
    /// The file of SQLite, as it was written.
    pub file: PathBuf,
    /// The address of PostgreSQL, with its password. For SQLite it follows from the file.
    pub url: Option<Url>,
    /// The schema of PostgreSQL; `None` leaves it to the `search_path` of the URL.
    pub schema: Option<String>,
    /// How long to wait for a connection.
    pub patience: Duration,
    shown: String,
    secrets: Vec<Secret>,
}

impl Target {
    /// The database that a URL names. `variable` reads the environment.
    pub fn parse(
        url: &str,
        schema: Option<&str>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            "sqlite" => sqlite(url, schema),
            "postgres" | "postgresql" => postgres(url, schema, variable),
            _ => Err(wrong(
                "The ledger is given as a URL that begins with sqlite:// or postgres://, such as \
                 sqlite:///var/lib/apikey/ledger.db or postgres://apikey@db.example.com/apikey?sslmode=verify-full. \
                 Leave url out for a file in the data directory.",
            )),
        }
    }

    /// A file of SQLite.
    pub fn file(path: PathBuf) -> Self {
        Self {
            dialect: Dialect::Sqlite,
            shown: path.display().to_string(),
            file: path,
            url: None,
            schema: None,
            patience: PATIENCE,
            secrets: Vec::new(),
        }
    }

    /// Whether it is a file that is not there.
    pub fn is_missing(&self) -> bool {
        // A path that leads through a file is wrong, not merely empty.
        self.dialect == Dialect::Sqlite && matches!(self.file.try_exists(), Ok(false))
    }

    /// Where it lies, without a password.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Text from outside without what must not be shown.
    pub fn scrub(&self, text: &str) -> String {
        scrub(text, &self.secrets.iter().collect::<Vec<_>>())
    }
}

fn sqlite(url: &str, schema: Option<&str>) -> Result<Target> {
    let rest = url.trim_start_matches("sqlite:");
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    if schema.is_some() {
        return Err(Error::invalid(
            Path::root("ledger").attribute("schema"),
            "schema has no meaning in SQLite",
            "Remove schema, or use postgres:// in url.",
        ));
    }
    if rest.contains('?') || rest.contains('#') {
        return Err(wrong(
            "A sqlite:// URL takes no options: everything from ? or # on has no meaning. Write those characters as \
             %3F and %23 if they belong to the name of the file.",
        ));
    }
    if rest.is_empty() || rest.ends_with('/') || rest.contains(":memory:") {
        return Err(wrong(
            "A sqlite:// URL names a file, such as sqlite:///var/lib/apikey/ledger.db, or \
             sqlite://.terraform/apikey/ledger.db for one below the working directory. To do without a ledger, set \
             disabled = true instead.",
        ));
    }
    let path = decoded(rest).ok_or_else(|| wrong("The path in the URL is not UTF-8 text."))?;
    Ok(Target::file(PathBuf::from(path)))
}

fn postgres(
    text: &str,
    schema: Option<&str>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Target> {
    let mut url = Url::parse(text).map_err(|error| {
        wrong(format!(
            "The postgres:// URL cannot be read: {error}. Characters such as @, :, / and % in a user name or a \
             password are written as %40, %3A, %2F and %25."
        ))
    })?;
    let mut secrets: Vec<Secret> = ["PGPASSWORD"]
        .iter()
        .filter_map(|name| variable(name))
        .chain(url.password().map(str::to_owned))
        .chain(url.password().and_then(decoded))
        .map(Secret::new)
        .collect();
    let mut patience = variable("PGCONNECT_TIMEOUT");
    let mut kept: Vec<(String, String)> = Vec::new();
    let mut path = schema.is_none()
        && variable("PGOPTIONS").is_some_and(|options| options.contains("search_path"));
    for (name, value) in url.query_pairs() {
        let (name, value) = (name.into_owned(), value.into_owned());
        let known = PARAMETERS.contains(&name.as_str()) || name.starts_with("options[");
        if !known {
            // After a password with a question mark this may be the rest of it.
            let plain = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            let name = if plain(&name) {
                &name
            } else {
                "after the question mark"
            };
            return Err(wrong(format!(
                "The option {name} of the URL is not supported here. Remove it. These are: {}.",
                PARAMETERS.join(", ")
            )));
        }
        match name.as_str() {
            "sslmode" if !SSL_MODES.contains(&value.as_str()) => {
                return Err(wrong(format!(
                    "The sslmode in it does not exist. Write {}.",
                    choice(&SSL_MODES)
                )));
            }
            "password" => secrets.push(Secret::new(value.clone())),
            "connect_timeout" => {
                patience = Some(value);
                continue;
            }
            _ if name.starts_with("options") => {
                path |= schema.is_none()
                    && (value.contains("search_path") || name.contains("search_path"));
            }
            _ => {}
        }
        kept.push((name, value));
    }
    tls_as_libpq_does(&mut kept, variable);
    if !kept.iter().any(|(name, _)| name == "application_name") {
        kept.push((
            "application_name".into(),
            "terraform-provider-apikey".into(),
        ));
    }
    url.query_pairs_mut().clear().extend_pairs(kept);
    let patience = seconds(patience)?;
    Ok(Target {
        dialect: Dialect::Postgres,
        file: PathBuf::new(),
        shown: shown(&url),
        schema: (!path).then(|| schema.unwrap_or(SCHEMA).to_owned()),
        url: Some(url),
        patience,
        secrets,
    })
}

/// Two habits of libpq that the driver does not share: `require` with a root certificate checks the certificate, and
/// `sslrootcert=system` means the roots of the machine.
fn tls_as_libpq_does(kept: &mut Vec<(String, String)>, variable: &dyn Fn(&str) -> Option<String>) {
    let value = |kept: &[(String, String)], name: &str| {
        let found = kept.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    let root = value(kept, "sslrootcert").or_else(|| variable("PGSSLROOTCERT"));
    let mode = value(kept, "sslmode").or_else(|| variable("PGSSLMODE"));
    match (root.as_deref(), mode.as_deref()) {
        (Some("system"), _) => {
            kept.retain(|(name, _)| name != "sslrootcert" && name != "sslmode");
            kept.push(("sslmode".into(), "verify-full".into()));
        }
        (Some(_), Some("require")) => kept.push(("sslmode".into(), "verify-ca".into())),
        _ => {}
    }
}

fn seconds(text: Option<String>) -> Result<Duration> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(PATIENCE);
    };
    match text.parse::<u64>() {
        // In libpq 0 means to wait without an end, which nothing here does.
        Ok(0) => Ok(PATIENCE),
        Ok(seconds) => Ok(Duration::from_secs(seconds.clamp(2, 300))),
        Err(_) => Err(wrong(
            "connect_timeout (or PGCONNECT_TIMEOUT) is a whole number of seconds.",
        )),
    }
}

/// `postgres://user@host:port/database`
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only for a URL without a host, which has neither.
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}

/// Without its %-signs; `None` if that is no text.
pub fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| hex::decode(digits).ok());
        match escaped {
            Some(byte) => {
                bytes.extend(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn wrong(detail: impl Into<String>) -> Error {
    Error::invalid(
        Path::root("ledger").attribute("url"),
        "The URL of the ledger is not valid",
        detail,
    )
}
