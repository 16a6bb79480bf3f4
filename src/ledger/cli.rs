//! `terraform-provider-apikey ledger verify` and `forget`: what a person may ask the ledger for without Terraform.

use std::process::ExitCode;

use crate::error::{Error, Kind, Result};
use crate::ledger::sql::{Database, Verdict};
use crate::ledger::{config, forget};
use crate::printable::printable;

const USAGE: &str = "\
Usage: terraform-provider-apikey ledger verify [--url <url>] [--schema <schema>] [--seal <number>:<hash>]

Walks along the audit trail of a ledger and names the first event that was edited, removed or put in.
Looks, and writes nothing. Ends with 0 if there is none, with 1 if there is one, with 2 if the ledger cannot
be read, and with 3 if there is no ledger or nothing in it.

  --url     sqlite://<path> or postgres://… as in the provider block.
            Default: APIKEY_LEDGER_URL, then the file in the data directory of the working directory.
  --schema  schema of the tables in PostgreSQL, if it is not the default.
  --seal    what an earlier run printed: proves that nothing up to there was changed since, not even
            by somebody who sealed the whole trail again.

See also: terraform-provider-apikey ledger forget --help";

/// The exit code for a ledger that is not there or empty.
const NOTHING: u8 = 3;

/// Runs `arguments`, which follow the word `ledger`.
pub fn run(arguments: &[String]) -> ExitCode {
    if let Some(("forget", rest)) = arguments
        .split_first()
        .map(|(word, rest)| (word.as_str(), rest))
    {
        return forget::run(rest);
    }
    let asked = match parse(arguments) {
        Ok(asked) => asked,
        Err(help) => {
            let fault = match help {
                Help::Asked => {
                    println!("{USAGE}");
                    return ExitCode::SUCCESS;
                }
                Help::Needed(fault) => fault,
            };
            eprintln!("{fault}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match verified(&asked) {
        Ok((place, verdict)) => report(&place, &verdict),
        Err(error) => {
            let text = format!("Error: {}\n\n{}", error.summary, error.detail);
            eprintln!("{}", printable(&text));
            match error.kind {
                Kind::NotFound => ExitCode::from(NOTHING),
                _ => ExitCode::from(2),
            }
        }
    }
}

#[derive(Debug, Default, PartialEq)]
struct Asked {
    url: Option<String>,
    schema: Option<String>,
    seal: Option<(i64, String)>,
}

#[derive(Debug, PartialEq)]
enum Help {
    Asked,
    Needed(String),
}

fn parse(arguments: &[String]) -> Result<Asked, Help> {
    let needed = |fault: &str| Err(Help::Needed(fault.to_owned()));
    let mut words = arguments.iter().map(String::as_str);
    match words.next() {
        Some("verify") => {}
        Some("--help" | "-h" | "help") => return Err(Help::Asked),
        _ => return needed("What is to be done with the ledger?"),
    }
    let mut asked = Asked::default();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        if matches!(name, "--help" | "-h") {
            return Err(Help::Asked);
        }
        if !matches!(name, "--url" | "--schema" | "--seal") {
            // A URL that was given without --url may hold a password, so it is not repeated.
            return needed("One of the arguments is not known.");
        }
        let Some(value) = value.or_else(|| words.next()) else {
            return needed("The last argument needs a value.");
        };
        match name {
            "--url" => asked.url = Some(value.to_owned()),
            "--schema" => asked.schema = Some(value.to_owned()),
            _ => match value.split_once(':').map(|(seq, hash)| (seq.parse(), hash)) {
                Some((Ok(seq), hash)) => asked.seal = Some((seq, hash.to_owned())),
                _ => return needed("--seal is a number, a colon and a hash."),
            },
        }
    }
    Ok(asked)
}

/// Where it lies, and what was found.
fn verified(asked: &Asked) -> Result<(String, Verdict)> {
    let target = config::named(asked.url.as_deref(), asked.schema.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::Other, "The command cannot start", error.to_string()))?;
    let place = target.shown().to_owned();
    let ledger = Database::for_reading(target);
    runtime
        .block_on(ledger.verify(asked.seal.as_ref()))
        .map(|verdict| (place, verdict))
}

fn report(place: &str, verdict: &Verdict) -> ExitCode {
    let Verdict { sound, hash, .. } = verdict;
    if verdict.backwards > 0 {
        println!(
            "Note: {} events are older than the one before them. A clock ran backwards, or machines disagree about \
             the time. The order of the events is the one in which they were written.",
            verdict.backwards
        );
    }
    match &verdict.broken {
        None if *sound == 0 => {
            eprintln!("The audit trail of {place} is empty, so it proves nothing.");
            ExitCode::from(NOTHING)
        }
        None => {
            println!("The audit trail of {place} is sound: {sound} events.");
            println!("Seal: {sound}:{hash}");
            ExitCode::SUCCESS
        }
        Some(broken) => {
            eprintln!("The audit trail of {place} is broken: {broken}.");
            eprintln!("The {sound} events before are sound.");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Asked, Help> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    #[test]
    fn what_is_asked_is_understood() {
        let asked = parsed("verify --url sqlite://a.db --schema=s --seal 7:ab").unwrap();
        assert_eq!(asked.url.as_deref(), Some("sqlite://a.db"));
        assert_eq!(asked.schema.as_deref(), Some("s"));
        assert_eq!(asked.seal, Some((7, "ab".into())));
        assert_eq!(parsed("verify").unwrap(), Asked::default());
    }

    #[test]
    fn what_is_not_understood_is_not_repeated() {
        for line in [
            "",
            "very",
            "verify --url",
            "verify --seal 7",
            "verify postgres://user:canary@host/db",
        ] {
            let Err(Help::Needed(fault)) = parsed(line) else {
                panic!("{line}");
            };
            assert!(!fault.contains("canary"), "{fault}");
        }
        assert_eq!(parsed("--help").unwrap_err(), Help::Asked);
        assert_eq!(parsed("verify -h").unwrap_err(), Help::Asked);
    }
}
