//! `ledger settle`: what nobody can tell by looking, or nothing looks after: a mint that was cut off, a key of no resource. A
//! person has looked, and says so.

use std::process::ExitCode;

use clap::Args;

use super::{Named, now, wait};
use crate::error::Result;
use crate::ledger::hold::holder;
use crate::ledger::sql::Database;
use crate::printable::{say, say_aside};

const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey ledger settle 0123456789abcdef0123456789abcdef
  terraform-provider-apikey ledger settle AKIAIOSFODNN7EXAMPLE

What is settled is a mint, as a warning names it, or an orphaned key, by its id or fingerprint.";

/// Says that a person has looked at the issuer: for the key of a mint that was cut off, or for an orphaned key, which is dead.
///
/// The warning about a mint is not repeated from then on, and the key counts as revoked. Delete the key first, if there is one:
/// nothing is changed at any issuer, and nothing looks for it any more. The audit trail keeps who said so. Ends with 0 if
/// something is settled, and with 1 if the ledger knows neither such a mint without an outcome nor such an orphaned key, an
/// apply is still at work on it, or the ledger cannot be used.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    /// The mint, as the warning names it, or the id or the fingerprint of an orphaned key.
    #[arg(value_name = "MINT|KEY")]
    pub(super) what: String,
    #[command(flatten)]
    pub(super) named: Named,
}

pub(super) fn run(asked: &Asked) -> Result<ExitCode> {
    let ledger = Database::with_defaults(asked.named.target()?);
    let (what, by, at) = (asked.what.as_str(), holder(), now()?);
    let settled = wait(async {
        if let Some(resource) = ledger.settle_mint(what, &by, at).await? {
            let name = resource.name;
            return Ok(Some(format!(
                "The mint for {name:?} is settled: nothing looks for its key any more."
            )));
        }
        let orphan = ledger.settle_orphan(what, &by, at).await?;
        let name = orphan.map(|resource| resource.name);
        Ok(name.map(|name| format!("Orphaned key {what} of {name:?} counts as revoked.")))
    })?;
    if let Some(settled) = settled {
        say(settled);
        return Ok(ExitCode::SUCCESS);
    }
    say_aside(format!(
        "The ledger knows neither a mint {what} without an outcome nor an orphaned key of this id or fingerprint."
    ));
    Ok(ExitCode::FAILURE)
}
