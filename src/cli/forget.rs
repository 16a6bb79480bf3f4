//! `ledger forget`: a resource that left its state without a destroy. Terraform tells no provider of that (`state rm`, a
//! `removed` block, a state that was lost), so a person does.

use std::process::ExitCode;

use clap::Args;

use super::{Named, now, wait};
use crate::error::Result;
use crate::ledger::hold::holder;
use crate::ledger::sql::Database;
use crate::printable::{say, say_aside};

const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey ledger forget key_0123456789abcdef0123";

/// Says that no state holds a resource any more.
///
/// Its keys are listed as orphaned from then on: they stay valid, nothing rotates them, and another resource may import
/// them. Nothing is changed at any issuer or in any delivery. Ends with 0 if keys were listed, and with 1 if the ledger knows no
/// live key of the resource or cannot be used.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    /// The id of the resource.
    pub(super) resource: String,
    #[command(flatten)]
    pub(super) named: Named,
}

pub(super) fn run(asked: &Asked) -> Result<ExitCode> {
    let ledger = Database::with_defaults(asked.named.existing()?);
    let keys = wait(ledger.forget(&asked.resource, &holder(), now()?))?;
    for key in &keys {
        say(format!("{} is orphaned now.", key.label()));
    }
    if keys.is_empty() {
        say_aside(format!(
            "The ledger knows no live key of {}.",
            asked.resource
        ));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
