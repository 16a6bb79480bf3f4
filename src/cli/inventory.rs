//! `inventory`: every key that the ledger knows.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};
use strum::VariantNames;

use super::output::List;
use super::table::{away, environment, table, text};
use super::{Named, now, wait};
use crate::domain::announce::enumerated;
use crate::duration::Duration;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::inventory::{Listed, Query, Sort};
use crate::ledger::sql::Database;
use crate::ledger::{Inventory, Ledger, Status};
use crate::printable::{say_aside, say_clean, say_json};

const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey inventory --owner alice --alive
  terraform-provider-apikey inventory --without-owner --format csv > audit.csv
  terraform-provider-apikey inventory --unused-for 90d --alive";

/// How many keys are asked for at a time.
const PAGE: u32 = 1000;

/// Every key of every workspace that the ledger knows, live or dead. Metadata only, never a secret.
///
/// Ends with 0, also if no key is as asked, and with 1 if the ledger cannot be read or knows what was asked for in another
/// spelling alone.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    #[command(flatten)]
    named: Named,
    /// Only keys of managed keys of this name.
    #[arg(long)]
    name: Option<String>,
    /// Only keys of this group.
    #[arg(long)]
    group: Option<String>,
    /// Only keys of this environment.
    #[arg(long)]
    environment: Option<String>,
    /// Only keys of this owner.
    #[arg(long, conflicts_with = "without_owner")]
    owner: Option<String>,
    /// Only keys of this workspace.
    #[arg(long)]
    workspace: Option<String>,
    /// Only keys of this issuer, such as aws_iam.
    #[arg(long)]
    issuer: Option<String>,
    /// Only keys under the policy of this name.
    #[arg(long)]
    policy: Option<String>,
    /// Only keys of which that is known.
    #[arg(long, value_parser = words::<Status>(Status::VARIANTS))]
    status: Option<Status>,
    /// Only keys that are not revoked: live ones, and orphaned ones, which are as alive.
    #[arg(long)]
    alive: bool,
    /// Only keys that nobody owns.
    #[arg(long)]
    without_owner: bool,
    /// Only keys that belong to no resource.
    #[arg(long)]
    orphaned: bool,
    /// Only keys that were minted at least so long ago, such as 90d.
    #[arg(long, value_name = "DURATION", value_parser = length)]
    older_than: Option<Duration>,
    /// Only keys that nobody used for so long, as far as their issuer was asked and tells.
    #[arg(long, value_name = "DURATION", value_parser = length)]
    unused_for: Option<Duration>,
    /// What the list is sorted by.
    #[arg(long, default_value = "created_at", value_parser = words::<Sort>(Sort::VARIANTS))]
    sort_by: Sort,
    /// How it is written.
    #[arg(long, default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

/// One of the words of a type.
fn words<T: FromStr<Err: std::error::Error + Send + Sync> + Clone + Send + Sync + 'static>(
    words: &'static [&'static str],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}

pub(super) fn length(text: &str) -> Result<Duration, &'static str> {
    Duration::parse(text).map_err(|_| "it is no duration")
}

pub(super) fn run(asked: &Asked) -> Result<ExitCode> {
    let now = now()?;
    let ledger = Database::for_reading(asked.named.target()?);
    wait(ledger.is_there())?;
    let keys = wait(all(&ledger, question(asked, now)))?;
    if keys.is_empty() {
        refuse_another_spelling(asked, &wait(everything(&ledger, now))?)?;
    }
    match asked.format {
        Format::Table => {
            show(&keys, now);
            let counted = if keys.len() == 1 { "key" } else { "keys" };
            say_aside(format!("{} {counted} by {}.", keys.len(), ledger.place()));
        }
        Format::Csv => say_clean(csv(&keys)?.trim_end()),
        Format::Json => say_json(&List(|| keys.iter().map(row))),
    }
    Ok(ExitCode::SUCCESS)
}

fn question(asked: &Asked, now: Instant) -> Query {
    Query {
        name: asked.name.clone(),
        workspace: asked.workspace.clone(),
        group: asked.group.clone(),
        environment: asked.environment.clone(),
        owner: asked.owner.clone(),
        policy: asked.policy.clone(),
        issuer: asked.issuer.clone(),
        status: asked.status,
        without_owner: asked.without_owner,
        alive: asked.alive,
        orphaned: asked.orphaned,
        created_until: asked.older_than.map(|age| now - age),
        used_until: asked.unused_for.map(|age| now - age),
        sort_by: asked.sort_by,
        ..Query::all(now, PAGE)
    }
}

type Column = fn(&Listed) -> Option<&String>;

/// That no key is as asked says little where a name was asked for that the ledger knows in another spelling alone, or among
/// others.
fn refuse_another_spelling(asked: &Asked, all: &[Listed]) -> Result<()> {
    let names: [(&str, &Option<String>, Column); 7] = [
        ("name", &asked.name, |key| Some(&key.resource.name)),
        ("workspace", &asked.workspace, |key| {
            Some(&key.resource.workspace)
        }),
        ("group", &asked.group, |key| key.group.as_ref()),
        ("environment", &asked.environment, |key| {
            key.environment.as_ref()
        }),
        ("owner", &asked.owner, |key| key.owner.as_ref()),
        ("policy", &asked.policy, |key| key.policy.as_ref()),
        ("issuer", &asked.issuer, |key| Some(&key.issuer)),
    ];
    for (column, wanted, of) in names {
        let Some(wanted) = wanted else { continue };
        let known: BTreeSet<&String> = all.iter().filter_map(of).collect();
        let alike = known.iter().filter(|known| is_alike(known, wanted));
        let alike: Vec<String> = alike.map(|known| format!("{known:?}")).collect();
        if !known.contains(wanted) && !alike.is_empty() {
            return Err(Error::new(
                Kind::NotFound,
                format!("No key has the {column} {wanted:?}"),
                format!(
                    "The ledger knows keys of the {column} {}. Names are compared letter by letter: ask for the one that you \
                     mean.",
                    enumerated(&alike)
                ),
            ));
        }
    }
    Ok(())
}

fn is_alike(known: &str, wanted: &str) -> bool {
    let folded = |text: &str| text.trim().to_lowercase();
    let mut parts = known.split([',', ';', '/']);
    folded(known) == folded(wanted) || parts.any(|part| folded(part) == folded(wanted))
}

/// Every key, live or dead, oldest first.
pub(super) async fn everything(ledger: &Database, now: Instant) -> Result<Vec<Listed>> {
    all(ledger, Query::all(now, PAGE)).await
}

async fn all(ledger: &Database, mut query: Query) -> Result<Vec<Listed>> {
    let mut keys = Vec::new();
    loop {
        let page = ledger.list(&query).await?;
        keys.extend(page.keys);
        match page.next {
            None => return Ok(keys),
            next => query.after = next,
        }
    }
}

fn show(keys: &[Listed], now: Instant) {
    let workspaces: BTreeSet<&str> = keys
        .iter()
        .map(|listed| listed.resource.workspace.as_str())
        .collect();
    let mut columns = vec![
        "NAME",
        "KEY",
        "SLOT",
        "STATUS",
        "ENVIRONMENT",
        "OWNER",
        "CREATED",
        "LAST USED",
        "ACCOUNT",
    ];
    // Where all are in one workspace, its name says nothing.
    let is_several = workspaces.len() > 1;
    if is_several {
        columns.push("WORKSPACE");
    }
    let rows = keys.iter().map(|listed| {
        let key = &listed.key;
        // No state is known to hold it, which the next refresh may mend.
        let status = match (listed.orphaned, key.status) {
            (true, Status::Live) => "unheld",
            (_, status) => status.into(),
        };
        let mut row = vec![
            text(Some(&listed.resource.name)),
            text(Some(key.key.label())),
            text(Some(key.slot.into())),
            text(Some(status)),
            environment(listed.environment.as_deref()),
            text(listed.owner.as_deref()),
            away(Some(key.created_at), now),
            away(key.last_used_at, now),
            text(Some(&listed.account)),
        ];
        if is_several {
            row.push(text(Some(&listed.resource.workspace)));
        }
        row
    });
    say_clean(table(&columns, rows));
}

fn csv(keys: &[Listed]) -> Result<String> {
    let failed = |error: String| Error::new(Kind::Other, "The list cannot be written", error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = writer.write_record(Listed::COLUMNS);
    written.map_err(|error| failed(error.to_string()))?;
    for listed in keys {
        let row = listed.columns().map(|value| match value {
            Value::String(text) => unlike_a_formula(text),
            Value::Null => String::new(),
            value => value.to_string(),
        });
        let written = writer.write_record(row);
        written.map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

/// A spreadsheet would calculate what begins so.
fn unlike_a_formula(text: String) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text,
    }
}

/// In the words of the data source.
fn row(listed: &Listed) -> Map<String, Value> {
    let names = Listed::COLUMNS.map(str::to_owned);
    names.into_iter().zip(listed.columns()).collect()
}
