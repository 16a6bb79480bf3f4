//! `ledger settle`: a mint that was cut off at an issuer where nobody can tell by looking whether a key came of it. A person
//! has looked, and says so.

use std::process::ExitCode;

use clap::Args;

use super::{Named, now, wait};
use crate::error::Result;
use crate::ledger::hold::holder;
use crate::ledger::sql::Database;
use crate::printable::{say, say_aside};

const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey ledger settle 0123456789abcdef0123456789abcdef";

/// Says that a person has looked at the issuer for the key of a mint that was cut off.
///
/// The warning about it names the mint, and is not repeated from then on. Delete the key first, if there is one: nothing is
/// changed at any issuer, and nothing looks for it any more. The audit trail keeps who said so. Ends with 0 if the mint is
/// closed, and with 1 if the ledger knows no such mint without an outcome, its apply is still at work, or the ledger cannot be
/// used.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    /// The mint, as the warning names it.
    pub(super) mint: String,
    #[command(flatten)]
    pub(super) named: Named,
}

pub(super) fn run(asked: &Asked) -> Result<ExitCode> {
    let ledger = Database::with_defaults(asked.named.target()?);
    let settled = wait(ledger.settle_mint(&asked.mint, &holder(), now()?))?;
    Ok(match settled {
        Some(resource) => {
            say(format!(
                "The mint for {:?} is settled: nothing looks for its key any more.",
                resource.name
            ));
            ExitCode::SUCCESS
        }
        None => {
            say_aside(format!(
                "The ledger knows no mint {} without an outcome.",
                asked.mint
            ));
            ExitCode::FAILURE
        }
    })
}
