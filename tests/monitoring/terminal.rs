//! What somebody sees who looks at a terminal of eighty columns. Without `script` of util-linux this is skipped by name.

use std::process::Command;

use super::ask;
use crate::support::keys::Config;
use crate::support::programs;
use crate::support::workspace::Workspace;

const WIDTH: usize = 80;
const NAME: &str = "the-key-of-the-payments-service-in-the-environment-before";

/// Where a colour begins and ends, as terminals are told.
const RED: &str = "\u{1b}[38;5;9m";
const GREEN: &str = "\u{1b}[38;5;10m";
const BLUE: &str = "\u{1b}[38;5;12m";

/// What a command says to a terminal, with these variables; `None` where there is none to be had.
fn seen(ws: &Workspace, words: &str, variables: &[(&str, &str)]) -> Option<String> {
    let script = programs::find("script")?;
    let binary = env!("CARGO_BIN_EXE_terraform-provider-apikey");
    let line = format!("stty cols {WIDTH} && {binary} {words}");
    let mut command = Command::new(script);
    command
        .args(["-qec", &line, "/dev/null"])
        .current_dir(ws.home())
        .env_remove("APIKEY_LEDGER_URL")
        .env_remove("NO_COLOR")
        .envs(ws.environment())
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm")
        .envs(variables.iter().copied())
        .stdin(std::process::Stdio::null());
    let output = command.output().unwrap();
    let seen = String::from_utf8(output.stdout).unwrap().replace('\r', "");
    assert!(output.status.success(), "{words}: {seen}");
    Some(seen)
}

/// Without what tells the terminal of colours.
fn plain(seen: &str) -> String {
    let mut parts = seen.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once('m').map_or("", |(_, rest)| rest)
    })
}

/// What stands in the column of names of the row that is last.
fn parts_of_the_name(seen: &str) -> Vec<String> {
    let seen = plain(seen);
    let lines = seen.lines().skip_while(|line| !line.contains("NAME"));
    let column = lines.clone().next().and_then(|head| head.find("NAME"));
    let lines = lines.skip_while(|line| !line.contains("the-key"));
    let parts = lines.map(|line| {
        let field = line.get(column.unwrap()..).unwrap_or_default();
        field.split("  ").next().unwrap_or_default().to_owned()
    });
    parts.take_while(|part| !part.is_empty()).collect()
}

/// A key of production, which is overdue after a while, and one of staging with a long name.
fn two_environments() -> Workspace {
    let staging = r#"
resource "apikey_rotation_policy" "long" {
  name              = "long"
  rotation_interval = "90d"
}
resource "apikey_managed" "staging" {
  name        = "the-key-of-the-payments-service-in-the-environment-before"
  environment = "staging"
  owner       = "the-team-that-looks-after-payments"
  policy      = apikey_rotation_policy.long
  issuer      = { generated = { prefix = "acme" } }
  deliveries  = { app = { file = { path = "staging.json" } } }
}"#;
    let ws = Config::new()
        .and_policy(r#"alert_after = "200s""#)
        .with(r#"environment = "prod""#)
        .beside(staging)
        .created();
    ws.advance("301s");
    ws
}

#[test]
fn a_terminal_gets_colours_unless_it_wants_none_and_tables_that_fit_it() {
    let ws = two_environments();
    let parts = [
        "the-key-of-",
        "the-",
        "payments-",
        "service-in-",
        "the-",
        "environment-",
        "before",
    ];
    for words in ["status", "inventory"] {
        let Some(coloured) = seen(&ws, words, &[]) else {
            return;
        };
        for (colour, word) in [(GREEN, "prod"), (BLUE, "staging")] {
            assert!(
                coloured.contains(&format!("{colour}{word}"))
                    || coloured.contains(&format!("{colour} {word}")),
                "{words}: {coloured:?}"
            );
        }
        let is_red = coloured.contains(RED);
        assert_eq!(is_red, words == "status", "{coloured:?}");

        for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            let uncoloured = seen(&ws, words, &[variable]).unwrap();
            assert!(
                !uncoloured.contains('\u{1b}'),
                "{variable:?}: {uncoloured:?}"
            );
            assert_eq!(uncoloured, plain(&coloured), "{words} {variable:?}");
        }
        for line in plain(&coloured).lines().skip(1) {
            assert!(line.chars().count() <= WIDTH, "{words}: {line:?}");
        }
        // A name that has no room in one line goes on behind a hyphen, and one of many columns is a list of its own.
        match words {
            "status" => assert_eq!(parts_of_the_name(&coloured), parts, "{coloured}"),
            _ => {
                let whole = format!("NAME         {NAME}");
                let seen = plain(&coloured);
                assert!(seen.lines().any(|line| line == whole), "{coloured}");
            }
        }
        // An empty value is none.
        assert_eq!(seen(&ws, words, &[("NO_COLOR", "")]).unwrap(), coloured);
    }
    let help = seen(&ws, "scan --help", &[]).unwrap();
    let longest = help.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(WIDTH), "{help}");
    // A pipe has no width, and whoever reads it wants whole lines.
    let piped = ask(&ws, &["status"]).code(0).stdout;
    assert!(piped.contains(NAME), "{piped}");
}
