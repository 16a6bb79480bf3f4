//! `status`: how every managed key is doing.

mod json;

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::keys::{Keys, health};
use super::table::{away, day, environment, status, table, text};
use super::{FINDINGS, Named, wait};
use crate::error::Result;
use crate::health::{Health, LostCreate, ManagedKey, Status};
use crate::instant::Instant;
use crate::ledger::Ledger;
use crate::printable::{say, say_aside, say_clean, say_json};

const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey status
  terraform-provider-apikey status --environment prod --fail-on compromised,leaked,overdue,failed
  terraform-provider-apikey status --json | jq '.keys[] | select(.status != \"ok\")'";

/// How every managed key is doing, gravest first: what the last apply or refresh saw, and what time has made of it since.
///
/// Asks no issuer and no store. Ends with 0, with 1 if the ledger cannot be read or knows no such key, and with 3 if it
/// found what --fail-on names.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    keys: Keys,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// End with 3 if any of these is found.
    #[arg(long, value_delimiter = ',', value_name = "FINDINGS")]
    fail_on: Vec<Finding>,
}

/// What can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Finding {
    /// A step is due, or a rotation is overdue.
    Due,
    /// A rotation is past due by alert_after of its policy.
    Overdue,
    /// A compromised key still works.
    Compromised,
    /// A scanner of secrets has an open alert about a key that works.
    Leaked,
    /// A key is used otherwise than expected_usage says, or not at all, or nobody can tell.
    Unexpected,
    /// Calls with a key are unlike those before them, as apikey_key_usage has found.
    Unusual,
    /// A key cannot go on, or something is left unfinished.
    Blocked,
    /// The last apply of a key ended with an error.
    Failed,
    /// An effect has no outcome: an apply is at work, or was killed.
    Unfinished,
    /// A live key belongs to no resource.
    Orphaned,
    /// A key has no owner.
    Unowned,
    /// The audit trail is not what was written.
    Broken,
}

pub(super) fn run(asked: &Asked) -> Result<ExitCode> {
    let (ledger, health) = health(&asked.named, &asked.keys)?;
    let is_broken =
        asked.fail_on.contains(&Finding::Broken) && wait(ledger.verify(None))?.broken.is_some();
    match asked.json {
        true => say_json(&json::told(&health)),
        false => show(&health, &ledger.place(), asked.keys.is_everything()),
    }
    let found: Vec<Finding> = asked
        .fail_on
        .iter()
        .copied()
        .filter(|finding| match finding {
            Finding::Broken => is_broken,
            finding => finds(*finding, &health),
        })
        .collect();
    if found.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let names: Vec<String> = found.iter().filter_map(word).collect();
    say_aside(format!("Found: {}.", names.join(", ")));
    Ok(ExitCode::from(FINDINGS))
}

fn word(finding: &Finding) -> Option<String> {
    Some(finding.to_possible_value()?.get_name().to_owned())
}

fn finds(finding: Finding, health: &Health) -> bool {
    let now = health.now;
    let any = |is: &dyn Fn(&ManagedKey) -> bool| health.keys.iter().any(is);
    let is_late = |key: &ManagedKey| key.due_at.is_some_and(|at| now >= at);
    match finding {
        Finding::Due => {
            any(&|key| matches!(key.status(now), Status::Due | Status::Overdue) || is_late(key))
        }
        Finding::Overdue => any(&|key| {
            key.status(now) == Status::Overdue || key.overdue_at.is_some_and(|at| now >= at)
        }),
        Finding::Compromised => any(&|key| key.status(now) == Status::Compromised),
        Finding::Leaked => any(&|key| !key.leaks.is_empty()) || health.leaks_of_orphans > 0,
        Finding::Unexpected => any(&|key| !key.oddities().is_empty()),
        Finding::Unusual => {
            any(&|key| key.unusual().next().is_some()) || !health.anomalies_of_orphans.is_empty()
        }
        Finding::Blocked => {
            any(&|key| matches!(key.status(now), Status::Blocked | Status::Pending))
        }
        Finding::Failed => any(&|key| key.failing_since().is_some()),
        Finding::Unfinished => health.unfinished > 0,
        Finding::Orphaned => health.orphaned > 0,
        Finding::Unowned => any(&|key| key.owner.is_none()),
        // Whoever walks along the trail knows.
        Finding::Broken => false,
    }
}

fn show(health: &Health, place: &str, is_everything: bool) {
    let now = health.now;
    let counts = health.by_status().into_iter().rev();
    let counts: Vec<String> = counts
        .map(|(status, count)| format!("{count} {}", status.word()))
        .collect();
    let total = health.keys.len();
    let keys = if total == 1 { "key" } else { "keys" };
    match total {
        0 => say(format!("No state holds a key at {now} by {place}.")),
        _ => {
            let counts = counts.join(", ");
            say(format!("{total} {keys} at {now} by {place}: {counts}.\n"));
            show_keys(health);
        }
    }
    for note in notes(health, is_everything) {
        say(format!("\n{note}"));
    }
}

/// A row for each key. Where all are in one workspace, its name says nothing.
fn show_keys(health: &Health) {
    let now = health.now;
    let workspaces: BTreeSet<&str> = health
        .keys
        .iter()
        .map(|key| key.resource.workspace.as_str())
        .collect();
    let mut columns = vec![
        "STATUS",
        "NAME",
        "ENVIRONMENT",
        "OWNER",
        "ROTATION DUE",
        "LAST ROTATED",
        "LAST SEEN",
    ];
    let is_several = workspaces.len() > 1;
    if is_several {
        columns.push("WORKSPACE");
    }
    let rows = health.keys.iter().map(|key| {
        let mut row = vec![
            status(key.status(now)),
            text(Some(&key.resource.name)),
            environment(key.environment.as_deref()),
            text(key.owner.as_deref()),
            day(key.due_at, now),
            away(Some(key.last_rotated_at()), now),
            away(key.seen_at, now),
        ];
        if is_several {
            row.push(text(Some(&key.resource.workspace)));
        }
        row
    });
    say_clean(table(&columns, rows));
}

/// Somebody has to do something, and wants to know what for.
fn needs_a_reason(status: Status) -> bool {
    matches!(
        status,
        Status::Blocked | Status::Pending | Status::Compromised | Status::Overdue
    )
}

/// Why a key has its status, as long as that is the one that was seen.
fn reason(key: &ManagedKey, now: Instant) -> Option<String> {
    let reason = key.seen_reason.as_ref().filter(|it| !it.is_empty())?;
    let (name, seen) = (&key.resource.name, key.seen_status.as_deref()?);
    // Where time alone has made more of it, what it waits for is still what it waits for.
    let is_waiting = seen.parse().is_ok_and(needs_a_reason);
    match seen == key.status(now).word() {
        true => Some(format!("{name}: {reason}")),
        false => is_waiting.then(|| format!("{name} (when it was seen last, {seen}): {reason}")),
    }
}

/// What the table does not show.
fn notes(health: &Health, is_everything: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let told = health.keys.iter();
    let told = told.filter(|key| !is_everything || needs_a_reason(key.status(health.now)));
    notes.extend(told.filter_map(|key| reason(key, health.now)));
    let failing = health.keys.iter();
    for (key, since) in failing.filter_map(|key| Some((key, key.failing_since()?))) {
        let name = &key.resource.name;
        notes.push(format!(
            "The last apply of {name} ended with an error at {since}."
        ));
    }
    for (key, alert) in health
        .keys
        .iter()
        .flat_map(|key| key.leaks.iter().map(move |it| (key, it)))
    {
        let name = &key.resource.name;
        notes.push(format!("{name} has leaked and works: {alert}"));
    }
    for key in &health.keys {
        let odd = key.oddities().into_iter();
        let unusual = key
            .unusual()
            .map(|(slot, record, it)| format!("{slot} key {} {it}", record.key.label()));
        notes.extend(
            odd.chain(unusual)
                .map(|it| format!("{}: {it}.", key.resource.name)),
        );
    }
    let orphans = health.anomalies_of_orphans.iter();
    notes.extend(orphans.map(|it| {
        format!(
            "Key {}, which lives and is in no slot of a resource, {it}.",
            it.key_id
        )
    }));
    if health.leaks_of_dead_keys > 0 {
        notes.push(match health.leaks_of_dead_keys {
            1 => "1 open alert is about a key that is revoked, and can be resolved.".to_owned(),
            many => {
                format!("{many} open alerts are about keys that are revoked, and can be resolved.")
            }
        });
    }
    if health.leaks_of_orphans > 0 {
        notes.push(match health.leaks_of_orphans {
            1 => "1 open alert is about a live key that no resource holds: revoke it at its issuer.".to_owned(),
            many => {
                format!("{many} open alerts are about live keys that no resource holds: revoke them at their issuers.")
            }
        });
    }
    if health.orphaned > 0 {
        notes.push(match health.orphaned {
            1 => "1 live key belongs to no resource: inventory --orphaned lists it.".to_owned(),
            many => {
                format!("{many} live keys belong to no resource: inventory --orphaned lists them.")
            }
        });
    }
    if health.unfinished > 0 {
        let effects = match health.unfinished {
            1 => "1 effect has".to_owned(),
            many => format!("{many} effects have"),
        };
        notes.push(format!(
            "{effects} no outcome: an apply is at work, or was killed. The next refresh or apply of the same resource looks after \
             them."
        ));
    }
    for LostCreate {
        name,
        workspace,
        mint,
    } in &health.lost_creates
    {
        notes.push(format!(
            "A create of {name} in workspace {workspace} has minted a key of which nobody heard, if no apply is at work. The next plan \
             of a key of this name looks for it. If there is none any more, look at the issuer yourself, and then say so: \
             terraform-provider-apikey ledger settle {mint}"
        ));
    }
    notes
}
