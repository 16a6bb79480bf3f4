//! The program itself: its short name, its help, its manual pages, its completions.

use std::path::Path;
use std::process::Command;

use super::{Said, ask};
use crate::support::programs::find;
use crate::support::workspace::Workspace;

/// The program under its short name.
fn short(ws: &Workspace, words: &[&str]) -> Said {
    let link = ws.path("apikey");
    if !link.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_terraform-provider-apikey"), &link).unwrap();
    }
    let mut command = Command::new(link);
    command.args(words).current_dir(ws.home());
    command
        .env_remove("TF_PLUGIN_MAGIC_COOKIE")
        .output()
        .unwrap()
        .into()
}

#[test]
fn what_is_said_follows_the_name_that_was_typed() {
    let ws = Workspace::new();
    for (words, code) in [
        (&["--help"][..], 0),
        (&["help", "status"], 0),
        (&["scan", "-h"], 0),
        (&["--version"], 0),
        (&["version"], 0),
        (&[], 2),
        (&["stauts"], 2),
    ] {
        let said = short(&ws, words).code(code);
        let text = format!("{}{}", said.stdout, said.stderr);
        assert!(text.contains("apikey "), "{words:?}: {text}");
        assert!(
            !text.contains("terraform-provider-apikey"),
            "{words:?}: {text}"
        );
        assert_eq!(said.stdout.is_empty(), code == 2, "{words:?}");
        let full = ask(&ws, words).code(code);
        let text = format!("{}{}", full.stdout, full.stderr);
        assert!(
            text.contains("terraform-provider-apikey "),
            "{words:?}: {text}"
        );
    }
    let long = short(&ws, &["status", "--help"]).code(0).stdout;
    assert!(long.contains("Asks no issuer and no store."), "{long}");
    let version = concat!("apikey ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(short(&ws, &["-V"]).code(0).stdout, version);
}

#[test]
fn a_slip_is_told_with_what_was_meant() {
    let ws = Workspace::new();
    ask(&ws, &["stauts"])
        .code(2)
        .says(&["Argument 1 is no command. Did you mean status?"]);
    ask(&ws, &["status", "--fail-onn", "due"]).code(2).says(&[
        "Argument 2 is no option. Did you mean --fail-on?",
        "Usage: ",
    ]);
    let said = ask(&ws, &["audit", "verify", "postgres://user:canary@host/db"]).code(2);
    assert!(!said.stderr.contains("canary"), "{}", said.stderr);
}

#[test]
fn shells_take_the_completions() {
    let ws = Workspace::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = short(&ws, &["completions", shell]).code(0).stdout;
        assert!(script.contains("without-owner"), "{shell}");
        let path = ws.path(shell);
        std::fs::write(&path, script).unwrap();
        if ["bash", "zsh", "fish"].contains(&shell)
            && let Some(program) = find(shell)
        {
            let read = Command::new(program).arg("-n").arg(&path).output().unwrap();
            assert!(read.status.success(), "{read:?}");
        }
    }
    let script = ws.path("bash").display().to_string();
    let completed = Command::new("bash")
        .args(["-c", &format!("source {script}; COMP_WORDS=(apikey st); COMP_CWORD=1; _apikey apikey st apikey; echo \"${{COMPREPLY[@]}}\"")])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&completed.stdout),
        "status\n",
        "{completed:?}"
    );
}

#[test]
fn manual_pages_are_whole() {
    let ws = Workspace::new();
    let page = short(&ws, &["man", "audit", "verify"]).code(0).stdout;
    for part in [
        "apikey\\-audit\\-verify",
        ".SH EXAMPLES",
        "apikey audit verify",
        "\\-\\-seal",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    short(&ws, &["man", "audti"])
        .code(1)
        .says(&["Did you mean audit?"]);
    short(&ws, &["man", "--out", "man"])
        .code(0)
        .says(&["pages are in man"]);
    let pages = std::fs::read_dir(ws.path("man")).unwrap();
    let pages: Vec<_> = pages.map(|entry| entry.unwrap().path()).collect();
    let is_there = |name: &str| pages.iter().any(|page| page.ends_with(Path::new(name)));
    assert!(
        is_there("apikey.1") && is_there("apikey-ledger-snapshot.1"),
        "{pages:?}"
    );
    let Some(mandoc) = find("mandoc") else { return };
    for page in pages {
        let checked = Command::new(&mandoc)
            .args(["-T", "lint", "-W", "warning"])
            .arg(&page)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&checked.stdout);
        let faults: Vec<&str> = said
            .lines()
            // A page has no date: the same program writes the same bytes. Lists of values are spaced by the library.
            .filter(|line| !line.contains("missing date") && !line.contains("paragraph macro: br"))
            .collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
}
