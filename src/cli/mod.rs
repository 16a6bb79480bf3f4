//! What a person or a pipeline may ask for without Terraform: one file for each command. Reads the ledger, or files, and changes
//! nothing but for `ledger forget` and `ledger settle`. Needs no credentials of a vendor.

mod completions;
mod forget;
mod inventory;
mod keys;
mod layout;
mod lint;
mod man;
mod metrics;
mod misunderstood;
mod output;
mod program;
mod report;
mod rules;
mod scan;
mod settle;
mod snapshot;
mod status;
mod table;
mod verify;
mod wrap;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::config;
use crate::ledger::sql::Target;
use crate::printable::{say, say_aside, was_lost};

use program::Program;

/// A line of text that is longer is hard to read, however wide the terminal is.
const READABLE: usize = 100;

/// The exit code of a command that could not find out what it was asked.
const CANNOT_TELL: u8 = 1;
/// The exit code of a command that was not understood.
const USAGE: u8 = 2;
/// The exit code of a command that found what it was asked to look for.
const FINDINGS: u8 = 3;

const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey status
  terraform-provider-apikey status --environment prod --fail-on compromised,leaked,overdue,failed
  terraform-provider-apikey scan --staged
  terraform-provider-apikey man status | man -l -";

const CODES: &str = "\
Exit codes: 0 nothing was found that is not as it should be; 1 it could not be found out; 2 the command was not
understood; 3 something was found.

This is the provider apikey for Terraform and OpenTofu, which start it as a plugin. A configuration asks for it with

  terraform {
    required_providers {
      apikey = { source = \"apikey-dev/apikey\" }
    }
  }

and terraform init or tofu init fetches it. To try a binary that you built yourself, name its directory under dev_overrides in
the configuration file of the command line. To run it under a debugger, start it with --debug and do as it says.";

/// Tells what the ledger of the provider apikey knows, and finds keys where none should be. Needs no credentials of a vendor.
#[derive(Debug, Parser)]
#[command(
    name = program::FULL,
    version,
    no_binary_name = true,
    disable_help_subcommand = true,
    before_help = EXAMPLES,
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
    /// Writes documents for people: an emergency, a month, an audit of every key.
    #[command(subcommand, arg_required_else_help = false, before_help = report::EXAMPLES)]
    Report(report::Report),
    Lint(lint::Asked),
    Scan(scan::Asked),
    Rules(rules::Asked),
    /// Checks the audit trail.
    #[command(subcommand, arg_required_else_help = false, before_help = verify::EXAMPLES)]
    Audit(Audit),
    /// Copies the ledger, and tells it what Terraform tells no provider.
    #[command(subcommand, arg_required_else_help = false, before_help = snapshot::EXAMPLES)]
    Ledger(Ledger),
    Completions(completions::Asked),
    Man(man::Asked),
    /// Says which version this is.
    Version,
}

#[derive(Debug, Subcommand)]
enum Audit {
    Verify(verify::Asked),
}

#[derive(Debug, Subcommand)]
enum Ledger {
    Forget(forget::Asked),
    Settle(settle::Asked),
    Snapshot(snapshot::Asked),
}

/// Whether somebody asks for a command, and not for a server to debug.
pub fn is_asked(words: &[OsString]) -> bool {
    words
        .first()
        .is_none_or(|word| word != crate::protocol::DEBUG)
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

/// Runs what the words say: first the name under which the program was started, then what is asked of it.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut words = words.into_iter();
    let program = Program::named(words.next().unwrap_or_default());
    let words: Vec<OsString> = help_as_an_option(words.collect());
    let line = match program.parse(&words) {
        Ok(line) => line,
        Err(error) => return explain(program, &error, &words),
    };
    let done = match line.command {
        Command::Status(asked) => status::run(&asked),
        Command::Inventory(asked) => inventory::run(&asked),
        Command::Metrics(asked) => metrics::run(&asked),
        Command::Report(asked) => report::run(&asked),
        Command::Lint(asked) => lint::run(&asked),
        Command::Scan(asked) => scan::run(&asked),
        Command::Rules(asked) => rules::run(&asked),
        Command::Audit(Audit::Verify(asked)) => verify::run(&asked),
        Command::Ledger(Ledger::Forget(asked)) => forget::run(&asked),
        Command::Ledger(Ledger::Settle(asked)) => settle::run(&asked),
        Command::Ledger(Ledger::Snapshot(asked)) => snapshot::run(&asked),
        Command::Completions(asked) => completions::run(&asked, program),
        Command::Man(asked) => man::run(&asked, program),
        Command::Version => version(program),
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

/// `help status` asks for the same as `status --help`.
fn help_as_an_option(mut words: Vec<OsString>) -> Vec<OsString> {
    if words.first().is_some_and(|word| word == "help") {
        words.remove(0);
        words.push("--help".into());
    }
    words
}

/// The help that was asked for, or what was not understood.
fn explain(program: Program, error: &clap::Error, words: &[OsString]) -> ExitCode {
    let mut command = program.command_of(words);
    match error.kind() {
        ErrorKind::DisplayHelp => {
            let is_short = words.iter().any(|word| word == "-h");
            let help = match is_short {
                true => command.render_help(),
                false => command.render_long_help(),
            };
            let help = help.to_string();
            say(match table::width() {
                Some(width) => wrap::wrap(&help, width.min(READABLE)),
                None => help,
            });
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayVersion => version(program).unwrap_or(ExitCode::FAILURE),
        _ if command.has_subcommands() && words.is_empty() => {
            say_aside(command.render_help());
            ExitCode::from(USAGE)
        }
        _ => {
            let fault = misunderstood::fault(error, &command, words);
            let usage = command.render_usage();
            say_aside(format!("{fault}\n\n{usage}\n\n--help tells more."));
            ExitCode::from(USAGE)
        }
    }
}

fn version(program: Program) -> Result<ExitCode> {
    say(format!("{program} {}", env!("CARGO_PKG_VERSION")));
    Ok(ExitCode::SUCCESS)
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
