//! `ledger forget`: a resource that left its state without a destroy. Terraform tells no provider of that (`state rm`, a
//! `removed` block, a state that was lost), so a person does.

use std::process::ExitCode;

use clap::Args;

use super::{Named, now, wait};
use crate::domain::announce::enumerated;
use crate::domain::emergency::Incident;
use crate::error::{Error, Kind, Result};
use crate::ledger::hold::holder;
use crate::ledger::sql::Database;
use crate::ledger::{Journal, KeyMark, Memory};
use crate::printable::{say, say_aside};

const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey ledger forget key_0123456789abcdef0123";

/// Says that no state holds a resource any more.
///
/// Its keys are listed as orphaned from then on: they stay valid, nothing rotates them, and another resource may import
/// them. Nothing is changed at any issuer or in any delivery. Ends with 0 if keys were listed, and with 1 if the ledger knows no
/// live key of the resource, an emergency of it is not over, or the ledger cannot be used.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    /// The id of the resource.
    pub(super) resource: String,
    /// Forget it although an emergency of it is not over: nothing revokes the compromised key, and no alert tells of it any more.
    #[arg(long)]
    pub(super) despite_emergency: bool,
    #[command(flatten)]
    pub(super) named: Named,
}

pub(super) fn run(asked: &Asked) -> Result<ExitCode> {
    let ledger = Database::with_defaults(asked.named.target()?);
    let resource = &asked.resource;
    let at = now()?;
    let keys = wait(async {
        if !asked.despite_emergency {
            refuse_in_an_emergency(resource, ledger.recall(resource).await?)?;
        }
        ledger.forget(resource, &holder(), at).await
    })?;
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

/// Of a resource that is forgotten no emergency is told any more.
fn refuse_in_an_emergency(resource: &str, known: Memory) -> Result<()> {
    let is_revoked = |bad: &KeyMark| {
        let mut records = known.keys.iter();
        records.any(|record| record.key.is(bad) && record.revoked_at.is_some())
    };
    let mut incidents = known.incidents.iter();
    let is_open =
        |incident: &&Incident| !incident.has_ended() && !incident.keys.iter().all(is_revoked);
    let Some(open) = incidents.find(is_open) else {
        return Ok(());
    };
    Err(Error::new(
        Kind::Invalid,
        format!("EMERGENCY {} of {resource} is not over", open.id),
        format!(
            "{} is compromised, and is not known to be revoked. Once the resource is forgotten, nothing revokes it and no alert \
             tells of it. Put the state back and apply. Where that cannot be, revoke the key at its issuer, and then repeat this \
             with --despite-emergency.",
            enumerated(&open.labels())
        ),
    ))
}
