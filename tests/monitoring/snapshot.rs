//! `ledger snapshot`: a copy of a ledger that is in use.

use std::path::Path;

use super::ask;
use crate::support::keys::Config;
use crate::support::postgres::Postgres;
use crate::support::workspace::Workspace;

/// What every command says of a ledger.
fn told(ws: &Workspace, url: &[&str]) -> Vec<String> {
    let commands: [&[&str]; 4] = [
        &["status", "--json"],
        &["inventory", "--format", "json"],
        &["metrics"],
        &["audit", "verify"],
    ];
    let say = |words: &&[&str]| {
        let said = ask(ws, &[*words, url].concat()).code(0).stdout;
        // Only the trail is told of with its place.
        said.split_once("is sound")
            .map_or(said.clone(), |(_, rest)| rest.to_owned())
    };
    commands.iter().map(say).collect()
}

fn is_a_plain_file_of_its_owner(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(file).unwrap();
    // Neither to be read nor to be written with a log beside it.
    assert_eq!(bytes[18..20], [1, 1]);
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    for beside in ["-wal", "-shm", "-journal"] {
        assert!(!file.with_file_name(name.clone() + beside).exists());
    }
}

#[test]
fn a_copy_says_what_the_ledger_says_also_while_it_is_written() {
    let ws = Config::new().with(r#"owner = "alice""#).retiring();
    let before = told(&ws, &[]);
    let said = ask(&ws, &["ledger", "snapshot", "copy.db"]).code(0);
    let seal = said.stdout.lines().last().unwrap().to_owned();
    assert!(seal.starts_with("Seal: "), "{}", said.stdout);
    is_a_plain_file_of_its_owner(&ws.path("copy.db"));
    ws.advance("30s").apply().ok();
    assert_eq!(told(&ws, &["--url", "sqlite://copy.db"])[3], before[3]);
    let seal = seal.trim_start_matches("Seal: ");
    ask(&ws, &["audit", "verify", "--seal", seal]).code(0);
}

#[test]
fn a_copy_of_postgresql_is_a_file_that_says_the_same() {
    let url = Postgres::shared().url();
    let schema = Postgres::schema();
    let ledger =
        format!(r#"provider "apikey" {{ ledger = {{ url = "{url}", schema = "{schema}" }} }}"#);
    let ws = Config::new().beside(&ledger).created();
    let place = ["--url", &url, "--schema", &schema];
    ask(
        &ws,
        &[&["ledger", "snapshot", "copy.db"][..], &place].concat(),
    )
    .code(0);
    is_a_plain_file_of_its_owner(&ws.path("copy.db"));
    assert_eq!(told(&ws, &place), told(&ws, &["--url", "sqlite://copy.db"]));
}

#[test]
fn nothing_is_lost_by_a_slip_of_the_hand() {
    let ws = Config::new().created();
    let ledger = ws.path(".terraform/apikey/ledger.db");
    let before = std::fs::read(&ledger).unwrap();
    for words in [&["--replace"][..], &[]] {
        let line = [
            &["ledger", "snapshot", ".terraform/apikey/ledger.db"],
            words,
        ]
        .concat();
        ask(&ws, &line).code(1).says(&["it is the ledger itself"]);
    }
    assert_eq!(std::fs::read(&ledger).unwrap(), before);
    std::fs::write(ws.path("mine"), "mine").unwrap();
    ask(&ws, &["ledger", "snapshot", "mine"])
        .code(1)
        .says(&["something is there", "--replace"]);
    assert_eq!(std::fs::read_to_string(ws.path("mine")).unwrap(), "mine");
    ask(&ws, &["ledger", "snapshot", "mine", "--replace"])
        .code(1)
        .says(&["no copy of a ledger"]);
    assert_eq!(std::fs::read_to_string(ws.path("mine")).unwrap(), "mine");
    std::fs::write(ws.path("mine"), "").unwrap();
    for _ in 0..2 {
        ask(&ws, &["ledger", "snapshot", "mine", "--replace"]).code(0);
    }
    ask(&ws, &["status", "--url", "sqlite://mine"]).code(0);
    std::os::unix::fs::symlink("mine", ws.path("link")).unwrap();
    ask(&ws, &["ledger", "snapshot", "link", "--replace"])
        .code(1)
        .says(&["no ordinary file"]);
    let empty = Workspace::new();
    ask(&empty, &["ledger", "snapshot", "copy.db"])
        .code(1)
        .says(&["There is no ledger"]);
    assert!(!empty.path("copy.db").exists());
    let left = std::fs::read_dir(empty.home()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        left.iter()
            .all(|name| !name.to_string_lossy().starts_with(".tmp")),
        "{left:?}"
    );
}
