//! `completions`: what a shell needs to complete the words of a command.

use std::process::ExitCode;

use clap::Args;
use clap_complete::{Shell, generate};

use super::program::Program;
use crate::error::Result;
use crate::printable::say_clean;

const EXAMPLES: &str = "\
Examples:
  source <(terraform-provider-apikey completions bash)
  terraform-provider-apikey completions zsh > \"${fpath[1]}/_terraform-provider-apikey\"
  terraform-provider-apikey completions fish > ~/.config/fish/completions/terraform-provider-apikey.fish";

/// Writes the completions for a shell, under the name that the program is started by.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(asked: &Asked, program: Program) -> Result<ExitCode> {
    let mut script = Vec::new();
    generate(
        asked.shell,
        &mut program.command(),
        program.name(),
        &mut script,
    );
    // Made of our own words.
    say_clean(String::from_utf8_lossy(&script).trim_end());
    Ok(ExitCode::SUCCESS)
}
