//! `report`: documents for people, out of the ledger alone.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::inventory::{everything, length};
use super::{CANNOT_TELL, FINDINGS, Named, USAGE, now, wait};
use crate::duration::Duration;
use crate::error::{Error, Kind, Result};
use crate::health::period::Period;
use crate::health::postmortem::{self, Written};
use crate::health::report::{self, Material};
use crate::ledger::Journal;
use crate::ledger::inventory::{MOST_COUNTED, Query};
use crate::ledger::sql::{Database, Verdict};
use crate::printable::{say, say_aside, say_json};

pub(super) const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey report incident INC-42 > INC-42.md
  terraform-provider-apikey report month 2026-11
  terraform-provider-apikey report audit 2026-Q4 --old 90d > audit.md";

#[derive(Debug, Subcommand)]
pub enum Report {
    Incident(Incident),
    Month(Month),
    Audit(Audit),
}

/// Writes the beginning of a post-mortem of an emergency: the timeline from the audit trail, with gaps for what only people know.
///
/// The same ledger at the same instant gives the same bytes. Ends with 0, with 3 if a compromised key is not revoked or the audit
/// trail is not what was written, and with 1 if the ledger cannot be read or knows no such emergency.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Incident {
    /// The id of the emergency.
    id: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    named: Named,
}

/// Writes what happened in a month: rotations, revocations, emergencies, failed attempts.
///
/// Ends with 0, with 3 if the audit trail is not what was written, with 2 if the month has not begun, and with 1 if the ledger
/// cannot be read.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Month {
    /// The month. Default: this one.
    #[arg(value_name = "YYYY-MM", value_parser = month)]
    month: Option<Period>,
    #[command(flatten)]
    named: Named,
}

/// Writes an audit of every key: what is overdue, old, without an owner or of no resource, and what was rotated in the quarter.
///
/// Ends with 0, with 3 if the audit trail is not what was written, with 2 if the quarter has not begun, and with 1 if the ledger
/// cannot be read.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Audit {
    /// The quarter. Default: this one.
    #[arg(value_name = "YYYY-QN", value_parser = quarter)]
    quarter: Option<Period>,
    /// From which age on a live key is old.
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = length)]
    old: Duration,
    #[command(flatten)]
    named: Named,
}

fn month(text: &str) -> Result<Period, &'static str> {
    Period::month(text).ok_or("it is no month")
}

fn quarter(text: &str) -> Result<Period, &'static str> {
    Period::quarter(text).ok_or("it is no quarter")
}

pub(super) fn run(asked: &Report) -> Result<ExitCode> {
    match asked {
        Report::Incident(asked) => incident(asked),
        Report::Month(asked) => {
            let period = asked.month.clone().or(Period::month_of(now()?));
            of(&asked.named, period, report::month)
        }
        Report::Audit(asked) => {
            let period = asked.quarter.clone().or(Period::quarter_of(now()?));
            of(&asked.named, period, |material| {
                report::audit(material, asked.old)
            })
        }
    }
}

fn incident(asked: &Incident) -> Result<ExitCode> {
    let now = now()?;
    let ledger = Database::for_reading(asked.named.target()?);
    wait(ledger.is_there())?;
    let Some(record) = wait(ledger.incident(&asked.id))? else {
        let place = crate::ledger::Ledger::place(&ledger);
        let detail = format!(
            "{place}: no event tells of it. It appears with the apply that handles it; an emergency without a ledger appears with \
             the next refresh that reaches one. Check the id, and name the ledger with --url."
        );
        return Err(Error::new(
            Kind::NotFound,
            "There is no such emergency",
            detail,
        ));
    };
    let verdict = wait(ledger.verify(None))?;
    match asked.json {
        true => say_json(&record),
        false => {
            let written = Written {
                now,
                trail: &trail(&verdict),
            };
            say(postmortem::text(&record, &written).trim_end());
        }
    }
    if record.is_open() {
        say_aside(format!("Found: EMERGENCY {} is not over.", asked.id));
        return Ok(ExitCode::from(FINDINGS));
    }
    Ok(ended(&verdict))
}

/// A report of a time.
fn of(
    named: &Named,
    period: Option<Period>,
    written: impl Fn(&Material) -> String,
) -> Result<ExitCode> {
    let now = now()?;
    let Some(period) = period else {
        return Ok(ExitCode::from(CANNOT_TELL));
    };
    if now < period.from {
        say_aside(format!(
            "Error: {period} has not begun\n\nNothing has happened in it yet. Name one that has."
        ));
        return Ok(ExitCode::from(USAGE));
    }
    let ledger = Database::for_reading(named.target()?);
    let health = wait(ledger.health(&Query::all(now, MOST_COUNTED)))?;
    let keys = wait(everything(&ledger, now))?;
    let told = wait(ledger.told(&period))?;
    let verdict = wait(ledger.verify(None))?;
    let material = Material {
        period: &period,
        health: &health,
        keys: &keys,
        told: &told,
        trail: &trail(&verdict),
    };
    say(written(&material).trim_end());
    Ok(ended(&verdict))
}

fn trail(verdict: &Verdict) -> String {
    let Verdict { sound, hash, .. } = verdict;
    match &verdict.broken {
        None => format!("The audit trail is sound: {sound} events, seal `{sound}:{hash}`."),
        Some(broken) => {
            format!("**The audit trail is BROKEN:** {broken}. The {sound} events before are sound.")
        }
    }
}

fn ended(verdict: &Verdict) -> ExitCode {
    match &verdict.broken {
        None => ExitCode::SUCCESS,
        Some(broken) => {
            say_aside(format!("The audit trail is broken: {broken}."));
            ExitCode::from(FINDINGS)
        }
    }
}
