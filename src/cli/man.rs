//! `man`: the manual pages.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::output;
use super::program::Program;
use crate::error::{Error, Kind, Result};
use crate::lint::nearest;
use crate::printable::{say, say_clean};

const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey man status | man -l -
  terraform-provider-apikey man --out ~/.local/share/man/man1";

/// What stands before the examples of a help.
const HEADING: &str = "Examples:\n";

/// Writes the manual page of a command, or all of them into a directory.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    /// The command, such as audit verify.
    #[arg(conflicts_with = "out")]
    command: Vec<String>,
    /// Write every page into this directory, one file for each command. It is made if it is not there.
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
}

pub(super) fn run(asked: &Asked, program: Program) -> Result<ExitCode> {
    match &asked.out {
        Some(directory) => {
            let made = std::fs::create_dir_all(directory);
            made.map_err(|error| output::failed(directory, &error))?;
            let written = write_all(&program.command(), directory)?;
            say(format!("{written} pages are in {}.", directory.display()));
        }
        None => say_clean(page(find(program, &asked.command)?)?.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

fn find(program: Program, words: &[String]) -> Result<Command> {
    let mut command = program.command();
    for word in words {
        let Some(next) = command.find_subcommand(word).cloned() else {
            let known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            let meant = nearest(word, known.iter().copied());
            let meant = meant.map_or(String::new(), |name| format!(" Did you mean {name}?"));
            return Err(Error::new(
                Kind::NotFound,
                "There is no page of that command",
                format!("{} has {}.{meant}", command.get_name(), known.join(", ")),
            ));
        };
        command = next;
    }
    Ok(command)
}

/// Writes the page of a command and of those inside of it, and tells how many they are.
fn write_all(command: &Command, directory: &Path) -> Result<usize> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let file = directory.join(format!("{name}.1"));
    output::write(&file, &page(command.clone())?, output::Readers::Everybody)?;
    let mut written = 1;
    for inner in command.get_subcommands() {
        written += write_all(inner, directory)?;
    }
    Ok(written)
}

/// The page, with the examples right after what the command does.
fn page(command: Command) -> Result<String> {
    let examples = command.get_before_help().map(ToString::to_string);
    let name = command
        .get_display_name()
        .unwrap_or(command.get_name())
        .to_owned();
    let has_commands = command.has_subcommands();
    let after = command.get_after_help().map(ToString::to_string);
    let man = Man::new(command);
    // The library leaves out the date that there is none of, and what follows takes its place.
    let version = env!("CARGO_PKG_VERSION");
    let title = format!(".TH \"{name}\" 1 \"\" \"apikey {version}\" \"Provider apikey\"\n");
    let mut page = title.into_bytes();
    let rendered = (|| {
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        if let Some(examples) = examples {
            verbatim("EXAMPLES", examples.trim_start_matches(HEADING), &mut page)?;
        }
        man.render_options_section(&mut page)?;
        if has_commands {
            man.render_subcommands_section(&mut page)?;
        }
        if let Some(after) = after {
            verbatim("NOTES", &after, &mut page)?;
        }
        Ok(())
    })();
    rendered.map_err(|error: std::io::Error| {
        Error::new(Kind::Other, "The page cannot be written", error.to_string())
    })?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// A section whose lines stay as they are.
fn verbatim(heading: &str, text: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [heading]);
    roff.control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.to_writer(page)
}
