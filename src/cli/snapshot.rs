//! `ledger snapshot`: a copy of the ledger in one file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::{Named, output, verify, wait};
use crate::error::{Error, Kind, Result};
use crate::ledger::sql::{Database, Target};

pub(super) const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey ledger snapshot backup.db
  terraform-provider-apikey status --url sqlite://backup.db
  terraform-provider-apikey ledger snapshot --replace /var/lib/grafana/ledger.db";

/// Copies the ledger into one file of SQLite, as it is at one moment, also while applies write it.
///
/// So a backup is made, and a dashboard reads the copy and not the ledger. The copy of a ledger in PostgreSQL is a file of SQLite too, with the same tables: every command reads it by --url. It is
/// readable for its owner alone and holds no secret. Its audit trail is checked. Ends with 0, with 3 if the trail is not what was
/// written, and with 1 if there is no ledger, nothing is in it, or the file cannot be written.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    /// The file.
    file: PathBuf,
    /// Write it in place of the copy that is there.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    named: Named,
}

pub(super) fn run(asked: &Asked) -> Result<ExitCode> {
    let target = asked.named.target()?;
    refuse_to_lose(asked, &target)?;
    let fresh = output::beside(&asked.file)?;
    wait(Database::for_reading(target).snapshot(fresh.path()))?;
    let copy = Database::for_reading(Target::file(fresh.path().to_owned()));
    let verdict = wait(copy.verify(None))?;
    drop(copy);
    output::keep(fresh, &asked.file, output::Readers::Owner)?;
    Ok(verify::report(&asked.file.display().to_string(), &verdict))
}

/// A ledger in a file, or nothing at all.
fn is_copy(file: &Path) -> bool {
    let is_empty = file.metadata().is_ok_and(|there| there.len() == 0);
    let ledger = Database::for_reading(Target::file(file.to_owned()));
    is_empty || wait(ledger.is_there()).is_ok()
}

/// A slip of the hand must not replace the ledger by its copy.
fn refuse_to_lose(asked: &Asked, target: &Target) -> Result<()> {
    let Asked { file, replace, .. } = asked;
    let real = |path: &Path| path.canonicalize().ok();
    let fault = match (file.symlink_metadata().is_ok(), replace) {
        (true, _) if real(file) == real(&target.file) => {
            "it is the ledger itself. Name another file."
        }
        (true, false) => "something is there. Name another file, or write over it with --replace.",
        (true, true) if !is_copy(file) => {
            "what is there is no copy of a ledger. Name another file, or delete it yourself."
        }
        _ => return Ok(()),
    };
    Err(Error::new(
        Kind::Invalid,
        "The copy is not written",
        format!("{}: {fault}", file.display()),
    ))
}
