//! Under which name a person starts the program: what the plugin is called, or a short link to it. What is said follows it, so
//! that it can be typed as it stands.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use clap::{Command, CommandFactory, FromArgMatches};

use super::Line;

/// The name that Terraform wants.
pub const FULL: &str = "terraform-provider-apikey";
/// The name of a link to it.
const SHORT: &str = "apikey";

/// One of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program(&'static str);

impl Program {
    /// By the path that it was started by. A plugin has its version in its name.
    pub fn named(path: impl AsRef<OsStr>) -> Self {
        let path = Path::new(path.as_ref());
        let is_short = [path.file_name(), path.file_stem()].contains(&Some(OsStr::new(SHORT)));
        Self(if is_short { SHORT } else { FULL })
    }

    /// The name.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// What can be asked of it, in its name.
    pub fn command(self) -> Command {
        let mut command = self.renamed(Line::command().name(self.0));
        command.build();
        command
    }

    /// What the words ask for.
    pub fn parse(self, words: &[OsString]) -> Result<Line, clap::Error> {
        let command = self.renamed(Line::command().name(self.0));
        Line::from_arg_matches(&command.try_get_matches_from(words)?)
    }

    /// The command that the words begin with. `clap` itself would leave out the name of the program.
    pub fn command_of(self, words: &[OsString]) -> Command {
        let mut command = self.command();
        for name in words.iter().filter_map(|word| word.to_str()) {
            let Some(next) = command.find_subcommand(name).cloned() else {
                break;
            };
            command = next;
        }
        command
    }

    fn renamed(self, command: Command) -> Command {
        let examples = command
            .get_before_help()
            .map(|text| text.to_string().replace(FULL, self.0));
        let command = command.mut_subcommands(|inner| self.renamed(inner));
        match examples {
            Some(examples) => command.before_help(examples),
            None => command,
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
