//! `rules`: what the scanners of others need to find keys of the issuer `generated`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::USAGE;
use crate::error::Result;
use crate::issuers::generated;
use crate::printable::{say_aside, say_clean};
use crate::scan::rules::{self, Keys};

const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey rules gitleaks acme_prod acme_test > .gitleaks.toml
  terraform-provider-apikey rules trufflehog acme > trufflehog.yaml
  git secrets --add-provider -- terraform-provider-apikey rules git-secrets acme";

/// Writes the rules by which other scanners find keys of the issuer generated.
///
/// Only detect-secrets can be told of the checksum; what the others find may be a look-alike, which the command scan tells from
/// a key.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    /// Who is to find them.
    #[arg(value_name = "SCANNER")]
    scanner: Scanner,
    /// The prefixes of the keys, without the underscore that follows them in a key.
    #[arg(required = true, value_name = "PREFIX")]
    prefixes: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scanner {
    /// .gitleaks.toml, beside the rules that come with gitleaks
    Gitleaks,
    /// A file for betterleaks --config, beside the rules that come with it
    Betterleaks,
    /// A file for trufflehog --config
    Trufflehog,
    /// A plugin for detect-secrets scan -p
    DetectSecrets,
    /// Patterns for git secrets --add-provider
    GitSecrets,
    /// Custom patterns, as the API of GitHub takes them
    Github,
}

pub(super) fn run(asked: &Asked) -> Result<ExitCode> {
    let write = match asked.scanner {
        Scanner::Gitleaks | Scanner::Betterleaks => rules::gitleaks,
        Scanner::Trufflehog => rules::trufflehog,
        Scanner::DetectSecrets => rules::detect_secrets,
        Scanner::GitSecrets => rules::git_secrets,
        Scanner::Github => rules::github,
    };
    let prefixes = asked.prefixes.iter();
    let Some(keys) = prefixes
        .map(|prefix| Keys::with(prefix))
        .collect::<Option<Vec<_>>>()
    else {
        // It is not repeated, for it may be a key.
        say_aside(format!(
            "There is a prefix that no key has. {}",
            generated::PREFIX_FORM
        ));
        return Ok(ExitCode::from(USAGE));
    };
    // Made of our own words, and of prefixes that have been looked at.
    say_clean(write(&keys).trim_end());
    Ok(ExitCode::SUCCESS)
}
