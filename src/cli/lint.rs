//! `lint`: names in a configuration that the command line would drop without a word.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{CANNOT_TELL, FINDINGS};
use crate::error::Result;
use crate::lint::lint;
use crate::printable::{say, say_aside, say_json};
use crate::provider::registry;

const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey lint
  terraform-provider-apikey lint --json environments/prod";

/// Finds names inside of nested objects that no attribute has, and that Terraform and OpenTofu drop without a word.
///
/// An entry of deliveries is such an object. Reads the configuration in a directory and that of its modules, as far as they lie below it or init has installed them. Ends
/// with 0 if nothing was found, with 3 if something was, and with 1 if a file or a directory could not be read, or if there is no
/// configuration in the directory.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    /// The directory of the configuration.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(asked: &Asked) -> Result<ExitCode> {
    let catalogue = registry(CancellationToken::new()).catalogue();
    let report = lint(&asked.directory, &catalogue);
    let rows: Vec<Value> = report
        .findings
        .iter()
        .map(|found| {
            json!({
                "file": found.file,
                "line": found.line,
                "column": found.column,
                "block": found.block,
                "object": found.object,
                "name": found.name,
                "nearest": found.nearest,
            })
        })
        .collect();
    match asked.json {
        true => say_json(&rows),
        false => report.findings.iter().for_each(|found| {
            let file = found.file.strip_prefix(".").unwrap_or(&found.file);
            let place = format!("{}:{}:{}", file.display(), found.line, found.column);
            say(format!("{place}: {}", found.sentence()));
        }),
    }
    for reason in &report.unread {
        say_aside(format!("Not looked at: {reason}"));
    }
    Ok(match (rows.len(), report.unread.len()) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(CANNOT_TELL),
        _ => ExitCode::from(FINDINGS),
    })
}
