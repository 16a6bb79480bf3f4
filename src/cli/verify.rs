//! `audit verify`: whether the audit trail is what was written.

use std::process::ExitCode;

use clap::Args;

use super::{CANNOT_TELL, FINDINGS, Named, wait};
use crate::error::Result;
use crate::ledger::sql::{Database, Verdict};
use crate::printable::{say, say_aside};

pub(super) const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey audit verify
  terraform-provider-apikey audit verify --seal 1234:9f86d081884c7d65…";

/// Walks along the audit trail of a ledger and names the first event that was edited, removed or put in.
///
/// Looks, and writes nothing. Ends with 0 if there is none, with 3 if there is one, and with 1 if the ledger cannot be read or
/// there is nothing in it, which proves nothing.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    #[command(flatten)]
    pub(super) named: Named,
    /// What an earlier run printed: proves that nothing up to there was changed since, not even by somebody who sealed the
    /// whole trail again.
    #[arg(long, value_name = "NUMBER:HASH", value_parser = seal)]
    pub(super) seal: Option<(i64, String)>,
}

fn seal(text: &str) -> Result<(i64, String), &'static str> {
    let form = "it is a number, a colon and a hash";
    let (seq, hash) = text.split_once(':').ok_or(form)?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|it| it.is_ascii_hexdigit());
    let seq: i64 = seq.parse().map_err(|_| form)?;
    match is_hash && seq > 0 {
        true => Ok((seq, hash.to_ascii_lowercase())),
        false => Err(form),
    }
}

pub(super) fn run(asked: &Asked) -> Result<ExitCode> {
    let target = asked.named.target()?;
    let place = target.shown().to_owned();
    let ledger = Database::for_reading(target);
    let verdict = wait(ledger.verify(asked.seal.as_ref()))?;
    Ok(report(&place, &verdict))
}

pub(super) fn report(place: &str, verdict: &Verdict) -> ExitCode {
    let Verdict { sound, hash, .. } = verdict;
    if verdict.backwards > 0 {
        say(format!(
            "Note: {} events are older than the one before them. A clock ran backwards, or machines disagree about \
             the time. The order of the events is the one in which they were written.",
            verdict.backwards
        ));
    }
    match &verdict.broken {
        None if *sound == 0 => {
            say_aside(format!(
                "The audit trail of {place} is empty, so it proves nothing."
            ));
            ExitCode::from(CANNOT_TELL)
        }
        None => {
            say(format!(
                "The audit trail of {place} is sound: {sound} events."
            ));
            say(format!("Seal: {sound}:{hash}"));
            ExitCode::SUCCESS
        }
        Some(broken) => {
            say_aside(format!("The audit trail of {place} is broken: {broken}."));
            say_aside(format!("The {sound} events before are sound."));
            ExitCode::from(FINDINGS)
        }
    }
}
