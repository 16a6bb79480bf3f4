//! The `ledger` attribute of the provider block.

use std::sync::Arc;
use std::time::Duration;

use tf_provider::schema::AttributeType;

use crate::error::{Error, Path, Result};
use crate::ledger::Ledger;
use crate::ledger::disabled::Disabled;
use crate::ledger::sql::{Database, Target};
use crate::ledger::workspace::data_directory;
use crate::schema::{Attributes, attributes, optional, sensitive};
use crate::settings::Settings;

/// The name of the attribute.
pub const NAME: &str = "ledger";

/// What the documentation says of it.
pub const DESCRIPTION: &str = "Where the provider remembers what it was about to do, which keys there are, what \
                               happened, and who works on an account. It never holds a secret. Default: a SQLite file \
                               in the data directory. See the guide [The ledger](guides/ledger.md).";

/// The URL, where the block does not say it: a password does not have to stand in a configuration.
pub const URL_VARIABLE: &str = "APIKEY_LEDGER_URL";

/// Long enough for a slow answer of a vendor, short enough to take over from a process that was killed.
const LEASE: Duration = Duration::from_secs(60);
/// Two holders are told apart by this much at least.
const SHORTEST_LEASE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// The attributes inside it.
pub fn schema() -> Attributes {
    attributes([
        (
            "url",
            sensitive(optional(
                AttributeType::String,
                "`sqlite://<path>` for a file, below the working directory unless the path begins with a slash, or \
                 `postgres://<user>:<password>@<host>:<port>/<database>` for a team, with `sslmode`, `sslrootcert`, \
                 `sslcert`, `sslkey`, `options`, `application_name` and `connect_timeout` as in libpq; what is missing \
                 comes from the `PG*` variables and the password file. Default: `APIKEY_LEDGER_URL`, then \
                 `sqlite://.terraform/apikey/ledger.db`, or `apikey/ledger.db` below `TF_DATA_DIR`.",
            )),
        ),
        (
            "schema",
            optional(
                AttributeType::String,
                "Schema of the tables in PostgreSQL, created if it is missing. Default: the `search_path` in the \
                 options of the URL, else `apikey`.",
            ),
        ),
        (
            "disabled",
            optional(
                AttributeType::Bool,
                "`true` to do without a ledger: a key that was minted by an apply that was killed is then found by \
                 nobody, processes do not wait for each other, and there is no inventory. Default: `false`.",
            ),
        ),
        (
            "lock_timeout",
            optional(
                AttributeType::String,
                "How long to wait while another process works on the same account of an issuer, or on the same resource. \
                 Default: `5m`.",
            ),
        ),
        (
            "lock_lease",
            optional(
                AttributeType::String,
                "How long the lock of an account or a resource outlives a process that was killed, `2s` or more. A \
                 living process renews it. Default: `1m`.",
            ),
        ),
    ])
}

/// What is wrong with the settings, without opening anything.
pub fn check(settings: Option<&Settings>) -> Result<()> {
    build(settings, &variable).map(|_| ())
}

/// The ledger that the settings and the environment name. It is opened when it is first needed.
pub fn connect(settings: Option<&Settings>) -> Result<Arc<dyn Ledger>> {
    build(settings, &variable)
}

/// The same for whoever only looks; `None` if there is none.
pub fn reader(settings: Option<&Settings>) -> Result<Option<Database>> {
    let text = |name| settings.and_then(|settings| settings.string(name));
    if settings.is_some_and(|settings| settings.boolean("disabled") == Some(true)) {
        return Ok(None);
    }
    let target = target(text("url"), text("schema"), &variable)?;
    Ok(Some(Database::for_reading(target)))
}

/// The database that a person names on the command line.
pub fn named(url: Option<&str>, schema: Option<&str>) -> Result<Target> {
    target(url, schema, &variable)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn build(
    settings: Option<&Settings>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Arc<dyn Ledger>> {
    let text = |name| settings.and_then(|settings| settings.string(name));
    let lease = length(settings, "lock_lease", LEASE)?;
    let patience = length(settings, "lock_timeout", PATIENCE)?;
    if let Some(settings) = settings.filter(|_| lease < SHORTEST_LEASE) {
        return Err(settings.wrong(
            "lock_lease",
            "lock_lease is too short",
            "A process could not renew its lock in time. Set it to 2s or more, such as \"1m\".",
        ));
    }
    if settings.is_some_and(|settings| settings.boolean("disabled") == Some(true)) {
        return match text("url").or(text("schema")) {
            Some(_) => Err(Error::invalid(
                Path::root(NAME).attribute("disabled"),
                "The ledger is disabled and named",
                "disabled = true means that there is no ledger, and url or schema says where it is. Remove one of \
                 them.",
            )),
            None => Ok(Arc::new(Disabled)),
        };
    }
    let target = target(text("url"), text("schema"), variable)?;
    Ok(Arc::new(Database::new(target, lease, patience)))
}

fn target(
    url: Option<&str>,
    schema: Option<&str>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Target> {
    let path = || Path::root(NAME).attribute("schema");
    if let Some(schema) = schema {
        let fault = match schema {
            "" => Some("It is empty."),
            schema if schema.starts_with("pg_") => {
                Some("PostgreSQL keeps names with pg_ to itself.")
            }
            schema if schema.len() > 63 => Some("PostgreSQL cuts names after 63 bytes."),
            _ => None,
        };
        if let Some(fault) = fault {
            return Err(Error::invalid(
                path(),
                "schema is not valid",
                format!("{fault} Name a schema such as \"apikey\"."),
            ));
        }
    }
    if let Some(url) = url {
        return Target::parse(url, schema, variable);
    }
    if let Some(url) = variable(URL_VARIABLE) {
        return Target::parse(&url, schema, variable).map_err(|error| Error {
            detail: format!("It comes from {URL_VARIABLE}. {}", error.detail),
            path: Path::default(),
            ..error
        });
    }
    if schema.is_some() {
        return Err(Error::invalid(
            path(),
            "schema is set without a url",
            "The default is a file of SQLite, which has no schemas. Set url to a postgres:// URL, or remove schema.",
        ));
    }
    Ok(Target::file(data_directory().join("apikey/ledger.db")))
}

fn length(settings: Option<&Settings>, name: &str, default: Duration) -> Result<Duration> {
    let given = settings
        .map(|settings| settings.duration(name))
        .transpose()?;
    let given = given.flatten();
    Ok(given.map_or(default, |given| Duration::from_secs(given.as_secs())))
}
