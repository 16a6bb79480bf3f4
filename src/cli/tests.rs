use super::*;

fn parsed(line: &str) -> Result<Command, String> {
    let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    let parsed = Line::try_parse_from(&words);
    parsed
        .map(|line| line.command)
        .map_err(|error| format!("{}\n{}", fault(error.kind()), usage(&words)))
}

#[test]
fn what_is_asked_is_understood() {
    let Ok(Command::Audit(Audit::Verify(asked))) =
        parsed("audit verify --url sqlite://a.db --schema=s --seal 7:ab")
    else {
        panic!("it is a check");
    };
    assert_eq!(asked.named.url.as_deref(), Some("sqlite://a.db"));
    assert_eq!(asked.named.schema.as_deref(), Some("s"));
    assert_eq!(asked.seal, Some((7, "ab".into())));
    let Ok(Command::Ledger(Ledger::Forget(asked))) =
        parsed("ledger forget key_1 --url=sqlite://a.db")
    else {
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
        "audit verify --url",
        "audit verify --seal canary",
        "audit verify --canary",
        "audit verify --url a --url canary",
        "audit verify postgres://user:canary@host/db",
        "ledger forget",
        "ledger forget key_1 canary",
        "ledger forget key_1 --canary",
        "ledger forget --schema canary",
        "status --fail-on canary",
        "status canary",
        "metrics --format canary",
        "metrics --push postgres://user:canary@host --out canary",
        "inventory --older-than canary",
    ] {
        let said = parsed(line).unwrap_err();
        assert!(!said.contains("canary"), "{line}: {said}");
        assert!(said.contains("Usage: terraform-provider-apikey "), "{said}");
    }
}

#[test]
fn every_command_is_told_from_a_plugin() {
    let command = Line::command();
    let names: Vec<&str> = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    assert_eq!(names, COMMANDS);
    assert!(is_asked(&["status".into(), "--json".into()]));
    assert!(!is_asked(&[]) && !is_asked(&["--debug".into()]));
}
