//! `rules`: the scanners of others find keys by them. One that is not installed is skipped by name.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::exporters::read_by;
use super::{Said, ask};
use crate::support::keys::Config;
use crate::support::programs;
use crate::support::workspace::Workspace;

/// How a scanner is asked about a file by the rules that were written for it, and how it ends if it found something.
const SCANNERS: [(&str, &str, &[&str], i32); 4] = [
    (
        "gitleaks",
        "gitleaks",
        &["dir", "--no-banner", "--redact", "--config"],
        1,
    ),
    (
        "betterleaks",
        "betterleaks",
        &["--no-banner", "--redact", "--config"],
        1,
    ),
    (
        "trufflehog",
        "trufflehog",
        &[
            "filesystem",
            "--no-update",
            "--no-verification",
            "--fail",
            "--results=verified,unknown,unverified",
            "--config",
        ],
        183,
    ),
    ("detect-secrets", "detect-secrets-hook", &["--plugin"], 1),
];

/// Two keys with prefixes of their own, acme and acme_prod.
fn keys() -> &'static [String; 2] {
    static KEYS: OnceLock<[String; 2]> = OnceLock::new();
    KEYS.get_or_init(|| {
        let other = r#"
resource "apikey_managed" "prod" {
  name       = "prod"
  policy     = apikey_rotation_policy.p
  issuer     = { generated = { prefix = "acme_prod" } }
  deliveries = { app = { file = { path = "prod.json" } } }
}"#;
        let ws = Config::new().beside(other).created();
        ["k.json", "prod.json"].map(|file| ws.secret(file, "primary"))
    })
}

/// Files with one key each, and one with what is none, whose text does not ask for the attention of other rules.
fn plant() -> (Workspace, [&'static str; 2], &'static str) {
    let (ws, [key, prod]) = (Workspace::new(), keys());
    let none = [
        key.replacen("acme", "acne", 1),
        format!("my_{key}"),
        key[..key.len() - 11].to_owned(),
        prod.to_uppercase(),
    ];
    let write = |file: &str, lines: &[String]| {
        let text: String = lines
            .iter()
            .map(|line| format!("use this {line} or that\n"))
            .collect();
        std::fs::write(ws.path(file), text).unwrap();
    };
    write("first.txt", std::slice::from_ref(key));
    write("second.txt", std::slice::from_ref(prod));
    write("none.txt", &none);
    (ws, ["first.txt", "second.txt"], "none.txt")
}

/// With another last digit, so that its checksum is wrong.
fn look_alike(key: &str) -> String {
    let (body, last) = key.split_at(key.len() - 1);
    format!("{body}{}", if last == "0" { "1" } else { "0" })
}

#[track_caller]
fn finds(ws: &Workspace, program: &Path, options: &[&str], found: i32) -> bool {
    let output = Command::new(program)
        .args(options)
        .current_dir(ws.home())
        .output()
        .unwrap();
    match output.status.code() {
        Some(0) => false,
        Some(code) if code == found => true,
        _ => panic!("{program:?} {options:?}: {output:?}"),
    }
}

#[test]
fn other_scanners_find_keys_of_each_prefix_and_nothing_else() {
    let (ws, with, without) = plant();
    for (scanner, program, options, found) in SCANNERS {
        let Some(program) = programs::find(program) else {
            continue;
        };
        let rules = ask(&ws, &["rules", scanner, "acme", "acme_prod"])
            .code(0)
            .stdout;
        // The name that Python wants; the others do not mind.
        std::fs::write(ws.path("rules.py"), rules).unwrap();
        let finds = |file: &str| {
            finds(
                &ws,
                &program,
                &[options, &["rules.py", file]].concat(),
                found,
            )
        };
        for file in with {
            assert!(finds(file), "{scanner} {file}");
        }
        assert!(!finds(without), "{scanner}");
        if scanner == "detect-secrets" {
            std::fs::write(ws.path("alike.txt"), look_alike(&keys()[0])).unwrap();
            assert!(!finds("alike.txt"), "it knows the checksum");
        }
    }
}

#[test]
fn git_secrets_takes_the_command_as_a_provider() {
    let Some(program) = programs::find("git-secrets") else {
        return;
    };
    let (ws, with, without) = plant();
    ws.shell("git init --quiet").ok();
    let binary = env!("CARGO_BIN_EXE_terraform-provider-apikey");
    let provider = [
        "--add-provider",
        "--",
        binary,
        "rules",
        "git-secrets",
        "acme",
        "acme_prod",
    ];
    assert!(!finds(&ws, &program, &provider, 1));
    for file in with {
        assert!(finds(&ws, &program, &["--scan", file], 1), "{file}");
    }
    assert!(!finds(&ws, &program, &["--scan", without], 1));
}

/// Hyperscan is what GitHub matches with: it counts the lines in which something was found.
const HYPERSCAN: &str = r"
import json, sys
import hyperscan
asked = json.load(sys.stdin)
database = hyperscan.Database()
whole = ['(?:%s)%s(?:%s)' % (it['start_delimiter'], it['pattern'], it['end_delimiter']) for it in asked['patterns']]
database.compile(expressions=[it.encode() for it in whole], ids=list(range(len(whole))), elements=len(whole))
for text in asked['texts']:
    found = set()
    database.scan(text.encode(), match_event_handler=lambda number, *_: found.add(number))
    print(asked['patterns'][min(found)]['name'] if found else 'nothing')
";

#[test]
fn the_engine_of_github_matches_its_custom_patterns() {
    let (ws, with, without) = plant();
    let mut asked = ask(&ws, &["rules", "github", "acme", "acme_prod"])
        .code(0)
        .json();
    let text = |file: &str| std::fs::read_to_string(ws.path(file)).unwrap();
    asked["texts"] = [&with[..], &[without]]
        .concat()
        .into_iter()
        .map(text)
        .collect();
    if let Some(read) = read_by(HYPERSCAN, "hyperscan", &asked.to_string()) {
        assert_eq!(read, "API key acme\nAPI key acme_prod\nnothing\n");
    }
}

/// The hook of this repository as its users have it: named in a configuration, installed, and asked by git.
#[test]
fn pre_commit_stops_a_commit_with_a_key_and_lets_others_through() {
    let Some(program) = programs::find("pre-commit") else {
        return;
    };
    let (ws, [with, _], _) = plant();
    let without = "fine.txt";
    std::fs::write(ws.path(without), "nothing\n").unwrap();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join(".pre-commit-hooks.yaml");
    let binary = Path::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"));
    let path = std::env::var("PATH").unwrap();
    let folder = binary.parent().unwrap().display();
    ws.env("PATH", &format!("{folder}:{path}"))
        .env("PRE_COMMIT_HOME", ws.path("cache").to_str().unwrap())
        .env("PRE_COMMIT", program.to_str().unwrap())
        .env("MANIFEST", manifest.to_str().unwrap());
    for variable in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        ws.env(&format!("{variable}_NAME"), "a")
            .env(&format!("{variable}_EMAIL"), "a@example.com");
    }
    ws.shell(
        r#"set -e
        "$PRE_COMMIT" validate-manifest "$MANIFEST"
        git init --quiet hooks
        cp "$MANIFEST" hooks
        git -C hooks add .
        git -C hooks commit --quiet --message hooks
        git init --quiet
        cat >.pre-commit-config.yaml <<END
repos:
  - repo: $PWD/hooks
    rev: $(git -C hooks rev-parse HEAD)
    hooks: [{id: apikey-scan}]
END
        "$PRE_COMMIT" validate-config
        git add .pre-commit-config.yaml
        "$PRE_COMMIT" install"#,
    )
    .ok();
    let commit = |file: &str| {
        ws.shell(&format!(
            "git add {file} && git commit --message {file} 2>&1"
        ))
    };
    let refused = commit(with)
        .failed()
        .says("keys in what is staged")
        .says(with);
    let key = &keys()[0];
    assert!(refused.says("acme_…").stdout.find(&key[5..15]).is_none());
    ws.shell(&format!("git rm --quiet --cached {with}")).ok();
    commit(without).ok().says("Passed");
    let committed = ws.shell("git ls-tree --name-only HEAD").ok().stdout;
    assert_eq!(committed, format!(".pre-commit-config.yaml\n{without}\n"));
}

#[test]
fn a_key_that_is_given_for_a_prefix_is_refused_and_not_repeated() {
    let key = &keys()[0];
    let Said { stdout, stderr, .. } = ask(&Workspace::new(), &["rules", "gitleaks", "acme", key])
        .code(2)
        .says(&["lower-case letter"]);
    assert!(
        stdout.is_empty() && !stderr.contains(&key[5..15]),
        "{stdout}{stderr}"
    );
}

/// The state, its backups, saved plans, the ledger, delivered documents; and none of what belongs into a repository.
#[test]
fn the_template_for_git_ignores_what_holds_secrets() {
    let deliveries = r#"{
      app = { file = { path = "secrets/k.json" } }
      env = { file = { path = ".env", format = "dotenv" } }
    }"#;
    let ws = Config::new().deliveries(deliveries).created();
    ws.advance("80s").plan().ok();
    ws.apply_plan().ok();
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scanning/gitignore");
    std::fs::copy(template, ws.path(".gitignore")).unwrap();
    for file in [
        ".terraform.lock.hcl",
        ".env.example",
        "prod.auto.tfvars",
        "key.pem",
    ] {
        std::fs::write(ws.path(file), "").unwrap();
    }
    ws.shell("git init --quiet").ok();
    let seen = ws
        .shell("git ls-files --others --exclude-standard")
        .ok()
        .stdout;
    let seen: Vec<_> = seen.lines().collect();
    assert_eq!(
        seen,
        [
            ".env.example",
            ".gitignore",
            ".terraform.lock.hcl",
            "cli.tfrc",
            "main.tf"
        ]
    );
    ask(&ws, &["scan"]).code(0);
}
