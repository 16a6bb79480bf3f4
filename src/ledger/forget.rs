//! `terraform-provider-apikey ledger forget`: a resource that left its state without a destroy. Terraform tells no
//! provider of that (`state rm`, a `removed` block, a state that was lost), so a person does.

use std::process::ExitCode;

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::ledger::hold::holder;
use crate::ledger::sql::Database;
use crate::ledger::{KeyMark, config};
use crate::printable::printable;

const USAGE: &str = "\
Usage: terraform-provider-apikey ledger forget <id of the resource> [--url <url>] [--schema <schema>]

Says that no state holds the resource any more. Its keys are listed as orphaned from then on: they stay valid, nothing
rotates them, and another resource may import them. Nothing is changed at any issuer or in any delivery.
Ends with 0 if keys were listed, with 1 if the ledger knows no live key of the resource, and with 2 if the ledger
cannot be used.

  --url     sqlite://<path> or postgres://… as in the provider block.
            Default: APIKEY_LEDGER_URL, then the file in the data directory of the working directory.
  --schema  schema of the tables in PostgreSQL, if it is not the default.";

#[derive(Debug, Default, PartialEq)]
struct Asked {
    resource: String,
    url: Option<String>,
    schema: Option<String>,
}

/// Runs `arguments`, which follow the word `forget`.
pub fn run(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if words.iter().any(|word| matches!(*word, "--help" | "-h")) {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let Some(asked) = parse(&words) else {
        // An argument may hold the password of a URL, so none is repeated.
        eprintln!("Name one resource by its id.\n\n{USAGE}");
        return ExitCode::from(2);
    };
    match forgotten(&asked) {
        Ok(keys) if keys.is_empty() => {
            let text = format!("The ledger knows no live key of {}.", asked.resource);
            eprintln!("{}", printable(&text));
            ExitCode::FAILURE
        }
        Ok(keys) => {
            for key in keys {
                println!("{} is orphaned now.", printable(key.label()));
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            let text = format!("Error: {}\n\n{}", error.summary, error.detail);
            eprintln!("{}", printable(&text));
            ExitCode::from(2)
        }
    }
}

fn parse(words: &[&str]) -> Option<Asked> {
    let mut asked = Asked::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (*word, None),
        };
        match name {
            "--url" => asked.url = Some(value.or_else(|| words.next().copied())?.to_owned()),
            "--schema" => asked.schema = Some(value.or_else(|| words.next().copied())?.to_owned()),
            _ if name.starts_with('-') || !asked.resource.is_empty() => return None,
            _ => asked.resource = name.to_owned(),
        }
    }
    (!asked.resource.is_empty()).then_some(asked)
}

fn forgotten(asked: &Asked) -> Result<Vec<KeyMark>> {
    let target = config::named(asked.url.as_deref(), asked.schema.as_deref())?;
    if target.is_missing() {
        return Err(Error::new(
            Kind::NotFound,
            "There is no ledger",
            format!(
                "There is no file {}. Name the ledger with --url.",
                target.shown()
            ),
        ));
    }
    let clock = Clock::from_environment()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::Other, "The command cannot start", error.to_string()))?;
    let ledger = Database::with_defaults(target);
    runtime.block_on(ledger.forget(&asked.resource, &holder(), clock.now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Option<Asked> {
        parse(&line.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn one_resource_is_named_and_nothing_that_is_not_understood() {
        let asked = parsed("key_1 --url=sqlite://a.db --schema s").unwrap();
        assert_eq!(asked.resource, "key_1");
        assert_eq!(asked.url.as_deref(), Some("sqlite://a.db"));
        assert_eq!(asked.schema.as_deref(), Some("s"));
        for line in ["", "key_1 key_2", "--url", "key_1 --all", "--schema s"] {
            assert_eq!(parsed(line), None, "{line}");
        }
    }
}
