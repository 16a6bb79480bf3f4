use super::*;

fn parsed(line: &str) -> Result<Command, String> {
    let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    let mut command = full().command_of(&words);
    let parsed = full().parse(&words).map(|line| line.command);
    parsed.map_err(|error| {
        let fault = misunderstood::fault(&error, &command, &words);
        format!("{fault}\n{}", command.render_usage())
    })
}

fn full() -> Program {
    Program::named(program::FULL)
}

#[test]
fn what_is_asked_is_understood() {
    let hash = "ab".repeat(32);
    let line = format!("audit verify --url sqlite://a.db --schema=s --seal 7:{hash}");
    let Ok(Command::Audit(Audit::Verify(asked))) = parsed(&line) else {
        panic!("it is a check");
    };
    assert_eq!(asked.named.url.as_deref(), Some("sqlite://a.db"));
    assert_eq!(asked.named.schema.as_deref(), Some("s"));
    assert_eq!(asked.seal, Some((7, hash)));
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
        "ledger settle 0123 canary",
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
fn what_is_wrong_is_named_with_what_was_perhaps_meant() {
    for (line, fault) in [
        (
            "stauts",
            "Argument 1 is no command. Did you mean status? There are status, ",
        ),
        (
            "audit verfy",
            "Argument 2 is no command. Did you mean verify?",
        ),
        (
            "status --fial-on due",
            "Argument 2 is no option. Did you mean --fail-on?",
        ),
        ("status --owner a --xyzzy", "Argument 4 is no option.\n"),
        ("status prod", "Argument 2 is one too many."),
        ("status --fail-on overdeu", "--fail-on takes due, overdue, "),
        ("status --fail-on overdeu", " Did you mean overdue?"),
        ("status --owner", "--owner has no value."),
        (
            "audit verify --seal x",
            "The value of --seal is no NUMBER:HASH.",
        ),
        (
            "audit verify --seal 12:9f86",
            "The value of --seal is no NUMBER:HASH.",
        ),
        (
            "inventory --older-than x",
            "The value of --older-than is no DURATION.",
        ),
        ("inventory --sort-by onwer", "Did you mean owner?"),
        (
            "inventory --owner a --without-owner",
            "--owner and --without-owner exclude each other.",
        ),
        (
            "audit verify --url a --url b",
            "--url is given more than once.",
        ),
        ("ledger forget", "<RESOURCE> is missing."),
        ("ledger settle", "<MINT|KEY> is missing."),
        (
            "ledger",
            "Say what is to be done: forget, settle, snapshot.",
        ),
    ] {
        let said = parsed(line).unwrap_err();
        assert!(said.contains(fault), "{line}: {said}");
    }
}

#[test]
fn every_command_shows_how_it_is_used_before_it_explains_itself() {
    fn check(command: &clap::Command) {
        let help = command.clone().render_help().to_string();
        let is_whole = help.starts_with("Examples:\n  ") && !help.contains(program::FULL);
        assert!(is_whole || command.get_name() == "version", "{help}");
        command.get_subcommands().for_each(check);
    }
    let short = Program::named("/usr/local/bin/apikey");
    check(&short.command());
    for name in ["apikey.exe", "apikey"] {
        assert_eq!(Program::named(name), short);
    }
    for name in ["terraform-provider-apikey_v0.1.0", "apikeys", ""] {
        assert_eq!(Program::named(name), full());
    }
}

#[test]
fn only_a_debugger_asks_for_no_command() {
    assert!(is_asked(&["status".into(), "--json".into()]) && is_asked(&[]));
    assert!(!is_asked(&["--debug".into()]));
}

/// Where the words of a command line end in a page: what comes after it is another command, a comment or prose.
const ENDS: [char; 9] = ['`', '|', '>', ')', ';', '&', '#', '\n', '<'];

/// What a page says to type.
fn command_lines(page: &str) -> Vec<String> {
    let starts = ["terraform-provider-apikey ", "\"$apikey\" "];
    let lines = starts.iter().flat_map(|start| page.split(start).skip(1));
    let lines = lines.map(|rest| rest.split(ENDS).next().unwrap_or_default());
    let lines = lines.map(|line| line.trim_end_matches(['\'', '"', '\\', ' ']));
    // Of the program itself nothing is asked in a sentence about it.
    let is_asked = |line: &&str| line.starts_with(|first: char| first.is_ascii_lowercase());
    lines.filter(is_asked).map(str::to_owned).collect()
}

#[test]
fn every_command_line_of_the_guides_is_understood() {
    use clap::error::ErrorKind;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let guides = std::fs::read_dir(root.join("docs/guides")).unwrap();
    let pages = guides.map(|entry| entry.unwrap().path());
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for path in pages.chain([root.join("README.md")]) {
        for line in command_lines(&std::fs::read_to_string(&path).unwrap()) {
            seen += 1;
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            let Err(error) = full().parse(&words) else {
                continue;
            };
            // A sentence names a command without what it needs, and an ellipsis or a variable stands for a value.
            let is_short = error.kind() == ErrorKind::MissingRequiredArgument;
            let is_elided = error.kind() == ErrorKind::ValueValidation && line.contains(['…', '$']);
            if !is_short && !is_elided {
                wrong.push(format!("{}: {line}: {}", path.display(), error.kind()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 40, "{seen} command lines were found");
}
