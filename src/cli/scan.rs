//! `scan`: keys where none should be, and whose they are.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{CANNOT_TELL, FINDINGS, Named, wait};
use crate::error::{Error, Kind, Result};
use crate::ledger::sql::Database;
use crate::ledger::{Inventory, KeyRecord, ResourceRef, Slot, Status};
use crate::printable::{printable_line, say, say_aside, say_json};
use crate::scan::{Finding, Place, files, git};

const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey scan
  terraform-provider-apikey scan --staged
  terraform-provider-apikey scan --history --json
  kubectl logs deploy/web | terraform-provider-apikey scan -";

/// Finds keys in files, in what is staged and in what ever was committed, and says whose they are.
///
/// Those of the issuer generated prove themselves by their checksum; those of other issuers are known by their form, as far as they
/// have one: ids of access keys of AWS and of API keys of Twilio, whose secrets look like any other text; API keys and
/// credentials files of Google; keys of Stripe, GitLab, Grafana, DigitalOcean, SendGrid and Doppler; tokens of Vault and
/// OpenBao. It does not know the keys of any other API that a configuration declares, nor secret ids of AppRole.
///
/// With a ledger it says whose they are and whether they are alive. It sends nothing anywhere, and shows no secret. What git
/// ignores is passed over. A line that holds the word apikey:allow is meant to be as it is. Ends with 0 if nothing was found, with
/// 3 if something was, and with 1 if something could not be looked at.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    /// The file or directory, or the repository for --staged and --history; - for the standard input.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The lines that are staged for the next commit.
    #[arg(long, conflicts_with = "history")]
    staged: bool,
    /// The lines that any commit of any branch ever added.
    #[arg(long)]
    history: bool,
    /// Also what git ignores.
    #[arg(long)]
    ignored: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    named: Named,
}

type Owners = BTreeMap<usize, (ResourceRef, KeyRecord)>;

pub(super) fn run(asked: &Asked) -> Result<ExitCode> {
    let outcome = look(asked)?;
    let owners = owners(&outcome.findings, &asked.named).unwrap_or_else(|error| {
        say_aside(format!(
            "The ledger could not be asked whose they are: {}: {}",
            error.summary, error.detail
        ));
        Owners::default()
    });
    let told = outcome.findings.iter().enumerate();
    let told = told.map(|(number, finding)| (finding, owners.get(&number)));
    match asked.json {
        true => {
            let rows: Vec<Value> = told.map(|(finding, owner)| row(finding, owner)).collect();
            say_json(&rows);
        }
        false => told.for_each(|(finding, owner)| say(line(finding, owner))),
    }
    for reason in &outcome.unread {
        say_aside(format!("Not looked at: {reason}"));
    }
    Ok(match (outcome.findings.len(), outcome.unread.len()) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(CANNOT_TELL),
        (many, _) => {
            let keys = if many == 1 { "key" } else { "keys" };
            say_aside(format!(
                "Found {many} {keys}. One that is alive has to be replaced: taking it out of a file does not end it."
            ));
            ExitCode::from(FINDINGS)
        }
    })
}

fn look(asked: &Asked) -> Result<files::Outcome> {
    let of_git = |findings| files::Outcome {
        findings,
        ..files::Outcome::default()
    };
    Ok(if asked.staged {
        of_git(git::staged(&asked.path)?)
    } else if asked.history {
        let cut_off = git::is_cut_off(&asked.path)?;
        let missing =
            "the history before this clone, which is shallow. Fetch it: git fetch --unshallow";
        files::Outcome {
            findings: git::history(&asked.path)?,
            unread: cut_off.then(|| missing.to_owned()).into_iter().collect(),
        }
    } else if asked.path == Path::new("-") {
        of_git(standard_input()?)
    } else {
        files::look(&asked.path, asked.ignored)
    })
}

fn standard_input() -> Result<Vec<Finding>> {
    let mut text = zeroize::Zeroizing::new(Vec::new());
    let read = std::io::stdin().read_to_end(&mut text);
    read.map_err(|error| {
        Error::new(
            Kind::Other,
            "The standard input cannot be read",
            format!("{error}."),
        )
    })?;
    let place = Place {
        file: "-".into(),
        ..Place::default()
    };
    Ok(files::of_text(&text, &place))
}

/// Whose the keys are, by their number among the findings. A ledger that is not there knows nobody.
fn owners(findings: &[Finding], named: &Named) -> Result<Owners> {
    let target = named.target()?;
    if findings.is_empty() {
        return Ok(Owners::default());
    }
    if target.is_missing() {
        say_aside(format!(
            "There is no ledger at {}, so nothing is known of their owners.",
            target.shown()
        ));
        return Ok(Owners::default());
    }
    let keys: Vec<_> = findings.iter().map(Finding::key).collect();
    let known = wait(Database::for_reading(target).find_keys(&keys))?;
    let of = |number: usize| {
        let mut known = known
            .iter()
            .filter(|(_, record)| record.key.is(&keys[number]));
        // The one that is alive matters more than one that is dead.
        let alive = known
            .clone()
            .find(|(_, record)| record.status != Status::Revoked);
        alive.or_else(|| known.next()).cloned()
    };
    let found = (0..keys.len()).filter_map(|number| Some((number, of(number)?)));
    Ok(found.collect())
}

fn line(finding: &Finding, owner: Option<&(ResourceRef, KeyRecord)>) -> String {
    let Place {
        commit,
        file,
        line,
        column,
    } = &finding.place;
    let commit = commit.as_ref().map(|commit| {
        let short: String = commit.chars().take(12).collect();
        format!("{short}:")
    });
    let mark = finding.mark.as_ref().map(|mark| format!(" ({mark})"));
    let whose = owner.map(|(resource, record)| {
        let workspace = &resource.workspace;
        format!(
            ", {} of {} in workspace {workspace}",
            state(record),
            printable_line(&resource.name)
        )
    });
    format!(
        "{}{}:{line}:{column}: {} {}{}{}",
        commit.unwrap_or_default(),
        printable_line(file),
        finding.what,
        finding.shown,
        mark.unwrap_or_default(),
        whose.unwrap_or_default()
    )
}

/// What the ledger says of a key, in a word or two.
fn state(record: &KeyRecord) -> String {
    match record.status {
        Status::Revoked => "revoked key".into(),
        Status::Orphaned => "LIVE orphaned key".into(),
        Status::Live => format!("LIVE {} key", slot(record)),
    }
}

fn row(finding: &Finding, owner: Option<&(ResourceRef, KeyRecord)>) -> Value {
    let whose = owner.map(|(resource, record)| {
        json!({
            "resource_id": resource.id,
            "name": resource.name,
            "workspace": resource.workspace,
            "slot": record.slot.to_string(),
            "status": record.status.to_string(),
            "revoked_at": record.revoked_at,
        })
    });
    json!({
        "commit": finding.place.commit,
        "file": finding.place.file,
        "line": finding.place.line,
        "column": finding.place.column,
        "what": finding.what,
        "shown": finding.shown,
        "key_id": finding.key_id,
        "mark": finding.mark,
        "key": whose,
    })
}

/// One that is in no slot was just minted, or waits for its revocation.
fn slot(record: &KeyRecord) -> &'static str {
    match record.slot {
        Slot::None => "slotless",
        slot => slot.into(),
    }
}
