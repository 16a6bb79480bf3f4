//! What a person may ask for without Terraform: one file for each command. Reads and writes the ledger alone, and needs
//! no credentials of a vendor.

mod forget;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::error::{Error, Kind, Result};
use crate::ledger::config;
use crate::ledger::sql::Target;
use crate::printable::{say, say_aside};

/// The exit code of a command that was not understood or could not be carried out.
const FAILED: u8 = 2;

#[derive(Debug, Parser)]
#[command(
    name = "terraform-provider-apikey",
    no_binary_name = true,
    disable_help_subcommand = true
)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Asks the ledger, or tells it what Terraform tells no provider.
    #[command(subcommand, arg_required_else_help = false)]
    Ledger(Ledger),
}

#[derive(Debug, Subcommand)]
enum Ledger {
    Verify(verify::Asked),
    Forget(forget::Asked),
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
        Command::Ledger(Ledger::Verify(asked)) => verify::run(&asked),
        Command::Ledger(Ledger::Forget(asked)) => forget::run(&asked),
    };
    done.unwrap_or_else(|error| complain(&error, FAILED))
}

/// Says what went wrong, and ends with this code.
fn complain(error: &Error, code: u8) -> ExitCode {
    say_aside(format!("Error: {}\n\n{}", error.summary, error.detail));
    ExitCode::from(code)
}

/// The help that was asked for, or what was not understood. A word may be the password of a URL that was given without
/// `--url`, so none of them is repeated, as `clap` would do.
fn explain(error: &clap::Error, words: &[OsString]) -> ExitCode {
    if error.kind() == ErrorKind::DisplayHelp {
        say(error.render());
        return ExitCode::SUCCESS;
    }
    say_aside(format!("{}\n\n{}", fault(error.kind()), usage(words)));
    ExitCode::from(FAILED)
}

fn fault(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => {
            "One of the arguments is not known."
        }
        ErrorKind::InvalidValue => "One of the arguments has no value, or none that it takes.",
        ErrorKind::ValueValidation => "The value of one of the arguments is not of its form.",
        ErrorKind::ArgumentConflict => "One of the arguments is given more than once.",
        ErrorKind::MissingRequiredArgument => "An argument is missing.",
        ErrorKind::InvalidUtf8 => "One of the arguments is not UTF-8 text.",
        _ => "Say what is to be done.",
    }
}

/// How the command is used that the words begin with.
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

/// Waits for what a command asks of the ledger.
fn wait<T>(question: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::Other, "The command cannot start", error.to_string()))?;
    runtime.block_on(question)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Ledger, String> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let parsed = Line::try_parse_from(&words);
        parsed
            .map(
                |Line {
                     command: Command::Ledger(ledger),
                 }| ledger,
            )
            .map_err(|error| format!("{}\n{}", fault(error.kind()), usage(&words)))
    }

    #[test]
    fn what_is_asked_is_understood() {
        let Ok(Ledger::Verify(asked)) =
            parsed("ledger verify --url sqlite://a.db --schema=s --seal 7:ab")
        else {
            panic!("it is a check");
        };
        assert_eq!(asked.named.url.as_deref(), Some("sqlite://a.db"));
        assert_eq!(asked.named.schema.as_deref(), Some("s"));
        assert_eq!(asked.seal, Some((7, "ab".into())));
        let Ok(Ledger::Forget(asked)) = parsed("ledger forget key_1 --url=sqlite://a.db") else {
            panic!("a resource is to be forgotten");
        };
        assert_eq!(asked.resource, "key_1");
        assert_eq!(asked.named.url.as_deref(), Some("sqlite://a.db"));
    }

    #[test]
    fn what_is_not_understood_is_not_repeated() {
        for line in [
            "ledger",
            "ledger canary",
            "ledger verify --url",
            "ledger verify --seal canary",
            "ledger verify --canary",
            "ledger verify --url a --url canary",
            "ledger verify postgres://user:canary@host/db",
            "ledger forget",
            "ledger forget key_1 canary",
            "ledger forget key_1 --canary",
            "ledger forget --schema canary",
        ] {
            let said = parsed(line).unwrap_err();
            assert!(!said.contains("canary"), "{line}: {said}");
            assert!(
                said.contains("Usage: terraform-provider-apikey ledger"),
                "{said}"
            );
        }
    }
}
