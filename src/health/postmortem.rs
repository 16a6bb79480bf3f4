//! The record of an emergency as the beginning of a post-mortem. What the ledger cannot know is left to people, and marked.

use super::incident::{Case, Record};
use super::markdown::{cell, line, table};
use crate::instant::Instant;

/// How a gap begins, so that one can search for what is left to write.
const GAP: &str = "**TO DO:**";

/// What surrounds a record.
#[derive(Clone, Debug)]
pub struct Written<'a> {
    /// When it is written.
    pub now: Instant,
    /// What the walk along the audit trail said.
    pub trail: &'a str,
}

/// The document. The same record and the same surroundings give the same bytes.
pub fn text(record: &Record, written: &Written) -> String {
    let mut text = String::new();
    head(&mut text, record, written);
    gap(
        &mut text,
        "Impact",
        "who could not work, for how long, and what may the key have been used for?",
    );
    keys(&mut text, record);
    deliveries(&mut text, record);
    timeline(&mut text, record);
    gap(
        &mut text,
        "Cause",
        "how did the key come into the wrong hands, and how was that noticed?",
    );
    gap(
        &mut text,
        "Lessons",
        "what went well, what did not, and where were we lucky?",
    );
    gap(
        &mut text,
        "What is to be done",
        "each with an owner and a date.",
    );
    unseen(&mut text, record);
    evidence(&mut text, record, written);
    text
}

fn head(text: &mut String, record: &Record, written: &Written) {
    line(
        text,
        format_args!(
            "# Incident {}: {}\n",
            cell(&record.id),
            cell(&record.reason)
        ),
    );
    let opened = record
        .opened_at
        .map_or("not known".into(), |at| at.to_string());
    let keys: usize = record.cases.iter().map(|case| case.keys.len()).sum();
    let status = match (record.contained_at, record.opened_at) {
        _ if keys == 0 => "no key was compromised: what was declared so was made under it, and nothing was revoked".to_owned(),
        (Some(end), Some(begin)) if begin <= end => format!(
            "contained at {end}, {} after it was noted",
            length(begin, end)
        ),
        (Some(end), _) => format!("contained at {end}; the ledger heard of it later"),
        (None, _) => match record.called_off_at {
            Some(at) => format!("called off at {at}: nothing was revoked"),
            None => format!("**NOT contained** at {}", written.now),
        },
    };
    let minted: usize = record.cases.iter().map(|case| case.minted.len()).sum();
    let mut runs: Vec<&str> = record
        .cases
        .iter()
        .flat_map(|case| case.runs.iter().map(String::as_str))
        .collect();
    runs.sort_unstable();
    runs.dedup();
    let runs = match runs[..] {
        [] => "not known: no pipeline said so".to_owned(),
        _ => runs.join(", "),
    };
    let rows = [
        ("Status", status),
        ("Noted", opened),
        ("Order", record.order.clone()),
        ("Keys", format!("{keys} compromised, {minted} minted")),
        ("Failed attempts", record.failures.to_string()),
        ("Applied by", runs),
    ];
    table(
        text,
        &["", ""],
        rows.map(|(name, value)| vec![name.to_owned(), value]),
    );
}

fn keys(text: &mut String, record: &Record) {
    line(text, format_args!("## Compromised keys\n"));
    let rows = record.cases.iter().flat_map(|case| {
        case.keys.iter().map(|key| {
            vec![
                key.key.clone(),
                of(case),
                case.account.clone(),
                key.last_use.clone(),
                match (key.revoked_at, case.called_off_at) {
                    (Some(at), _) => at.to_string(),
                    (None, Some(_)) => "no".into(),
                    (None, None) => "not known".into(),
                },
                key.proof.clone(),
            ]
        })
    });
    let columns = [
        "Key",
        "Managed key",
        "Account",
        "Last use before its end",
        "Revoked",
        "Proof that it is dead",
    ];
    table(text, &columns, rows);
}

fn of(case: &Case) -> String {
    format!("{} (workspace {})", case.name, case.workspace)
}

fn deliveries(text: &mut String, record: &Record) {
    line(text, format_args!("## Deliveries\n"));
    let rows = record.cases.iter().flat_map(|case| {
        case.deliveries.iter().map(|delivery| {
            vec![
                of(case),
                delivery.name.clone(),
                delivery.place.clone().unwrap_or_else(|| "not known".into()),
                delivery.before.clone(),
                delivery.after.clone(),
            ]
        })
    });
    table(
        text,
        &["Managed key", "Delivery", "Place", "Before", "After"],
        rows,
    );
}

fn timeline(text: &mut String, record: &Record) {
    line(
        text,
        format_args!(
            "## Timeline\n\nAll instants are UTC. The number is that of the event in the audit trail.\n"
        ),
    );
    let rows = record.steps.iter().map(|step| {
        let what = match step.failed {
            true => format!("**FAILED** {}", step.what),
            false => step.what.clone(),
        };
        let at = step.at.map_or("not known".into(), |at| at.to_string());
        vec![at, step.seq.to_string(), step.name.clone(), what]
    });
    table(text, &["At", "Event", "Managed key", "What happened"], rows);
}

fn gap(text: &mut String, heading: &str, question: &str) {
    line(text, format_args!("## {heading}\n\n{GAP} {question}\n"));
}

/// What was not looked at, so that nobody takes silence for proof.
fn unseen(text: &mut String, record: &Record) {
    line(text, format_args!("## What this does not show\n"));
    line(
        text,
        format_args!(
            "* What was done with a key: that is in the audit log of its vendor. A last use is what the issuer had heard of by then."
        ),
    );
    line(
        text,
        format_args!(
            "* Whether everybody who reads a delivery has read it again: a process that keeps the old key in memory is refused."
        ),
    );
    let handled = || {
        record
            .cases
            .iter()
            .filter(|case| case.called_off_at.is_none())
    };
    for case in handled().filter(|case| !case.is_witnessed) {
        line(
            text,
            format_args!(
                "* The steps of {}: no apply wrote any down. The ledger could not be used, and heard of it later.",
                cell(&of(case))
            ),
        );
    }
    for key in handled()
        .flat_map(|case| &case.keys)
        .filter(|key| !key.is_proved)
    {
        line(
            text,
            format_args!(
                "* Whether {} is refused: {}.",
                cell(&key.key),
                cell(&key.proof)
            ),
        );
    }
    text.push('\n');
}

fn evidence(text: &mut String, record: &Record, written: &Written) {
    line(
        text,
        format_args!(
            "## Evidence\n\n* {}\n* Seal of the last event told of here: `{}`. `audit verify --seal {}` shows whether anything up to it was \
             changed since.\n* Written at {} by apikey {}.",
            written.trail,
            record.seal,
            record.seal,
            written.now,
            env!("CARGO_PKG_VERSION")
        ),
    );
}

fn length(begin: Instant, end: Instant) -> String {
    format!("{} s", end.unix().saturating_sub(begin.unix()))
}
