//! What a person or a pipeline may ask for without Terraform: one file for each command. Reads the ledger, or files, and changes
//! nothing but for `ledger forget`. Needs no credentials of a vendor.

mod forget;
mod inventory;
mod keys;
mod lint;
mod metrics;
mod push;
mod scan;
mod status;
mod table;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::config;
use crate::ledger::sql::Target;
use crate::printable::{say, say_aside, was_lost};

/// The exit code of a command that could not find out what it was asked.
const CANNOT_TELL: u8 = 1;
/// The exit code of a command that was not understood.
const USAGE: u8 = 2;
/// The exit code of a command that found what it was asked to look for.
const FINDINGS: u8 = 3;

const CODES: &str = "\
Exit codes: 0 nothing was found that is not as it should be; 1 it could not be found out; 2 the command was not
understood; 3 something was found.";

#[derive(Debug, Parser)]
#[command(
    name = "terraform-provider-apikey",
    no_binary_name = true,
    disable_help_subcommand = true,
    after_help = CODES
)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(status::Asked),
    Inventory(inventory::Asked),
    Metrics(metrics::Asked),
    Lint(lint::Asked),
    Scan(scan::Asked),
    /// Checks the audit trail.
    #[command(subcommand, arg_required_else_help = false)]
    Audit(Audit),
    /// Tells the ledger what Terraform tells no provider.
    #[command(subcommand, arg_required_else_help = false)]
    Ledger(Ledger),
}

#[derive(Debug, Subcommand)]
enum Audit {
    Verify(verify::Asked),
}

#[derive(Debug, Subcommand)]
enum Ledger {
    Forget(forget::Asked),
}

/// The words that a command begins with.
const COMMANDS: [&str; 7] = [
    "status",
    "inventory",
    "metrics",
    "lint",
    "scan",
    "audit",
    "ledger",
];

/// Whether somebody asks for a command, and not for the plugin.
pub fn is_asked(words: &[OsString]) -> bool {
    let first = words.first().and_then(|word| word.to_str());
    first.is_some_and(|word| COMMANDS.contains(&word))
}

/// Which ledger.
#[derive(Args, Debug, Default, PartialEq)]
struct Named {
    /// sqlite://<path> or postgres://… as in the provider block.
    /// Default: APIKEY_LEDGER_URL, then the file in the data directory of the working directory.
    #[arg(long)]
    url: Option<String>,
    /// Schema of the tables in PostgreSQL, if it is not the default.
    #[arg(long)]
    schema: Option<String>,
}

impl Named {
    fn target(&self) -> Result<Target> {
        config::named(self.url.as_deref(), self.schema.as_deref())
    }
}

/// Runs what the words after the name of the program say.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let line = match Line::try_parse_from(&words) {
        Ok(line) => line,
        Err(error) => return explain(&error, &words),
    };
    let done = match line.command {
        Command::Status(asked) => status::run(&asked),
        Command::Inventory(asked) => inventory::run(&asked),
        Command::Metrics(asked) => metrics::run(&asked),
        Command::Lint(asked) => lint::run(&asked),
        Command::Scan(asked) => scan::run(&asked),
        Command::Audit(Audit::Verify(asked)) => verify::run(&asked),
        Command::Ledger(Ledger::Forget(asked)) => forget::run(&asked),
    };
    let code = done.unwrap_or_else(|error| {
        say_aside(format!("Error: {}\n\n{}", error.summary, error.detail));
        ExitCode::from(CANNOT_TELL)
    });
    if was_lost() {
        say_aside(
            "Error: The output could not be written, so whoever reads it sees less than there is.",
        );
        return ExitCode::from(CANNOT_TELL);
    }
    code
}

/// The help that was asked for, or what was not understood. A word may be the password of a URL that was given without
/// `--url`, so none of them is repeated, as `clap` would do.
fn explain(error: &clap::Error, words: &[OsString]) -> ExitCode {
    if error.kind() == ErrorKind::DisplayHelp {
        say(usage(words));
        return ExitCode::SUCCESS;
    }
    say_aside(format!("{}\n\n{}", fault(error.kind()), usage(words)));
    ExitCode::from(USAGE)
}

fn fault(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => {
            "One of the arguments is not known."
        }
        ErrorKind::InvalidValue => "One of the arguments has no value, or none that it takes.",
        ErrorKind::ValueValidation => "The value of one of the arguments is not of its form.",
        ErrorKind::ArgumentConflict => {
            "One of the arguments is given more than once, or beside one that it excludes."
        }
        ErrorKind::MissingRequiredArgument => "An argument is missing.",
        ErrorKind::InvalidUtf8 => "One of the arguments is not UTF-8 text.",
        _ => "Say what is to be done.",
    }
}

/// How the command is used that the words begin with. `clap` itself would leave out the name of the program.
fn usage(words: &[OsString]) -> String {
    let mut command = Line::command();
    command.build();
    for name in words.iter().filter_map(|word| word.to_str()) {
        let Some(next) = command.find_subcommand(name).cloned() else {
            break;
        };
        command = next;
    }
    command.render_help().to_string()
}

/// When it is asked.
fn now() -> Result<Instant> {
    Ok(Clock::from_environment()?.now())
}

/// Waits for what a command asks of the ledger.
fn wait<T>(question: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::Other, "The command cannot start", error.to_string()))?;
    runtime.block_on(question)
}

#[cfg(test)]
mod tests;
