//! `scan`: keys where none should be.

use std::process::{Command, Stdio};

use super::{Said, ask, by_hand};
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

fn git(ws: &Workspace, words: &[&str]) {
    let mut command = Command::new("git");
    command
        .args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.com",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(words)
        .current_dir(ws.home())
        .stdout(Stdio::null());
    assert!(command.status().unwrap().success(), "git {words:?}");
}

/// A repository with a key that was rotated; the documents and the ledger are ignored.
fn repository() -> (Workspace, String, String) {
    let ws = Config::new().retiring();
    let secrets = (
        ws.secret("k.json", "primary"),
        ws.secret("k.json", "secondary"),
    );
    std::fs::write(
        ws.path(".gitignore"),
        "*.json\n*.tfstate*\n*.tfplan\n.terraform\n",
    )
    .unwrap();
    git(&ws, &["init", "-q"]);
    (ws, secrets.0, secrets.1)
}

#[test]
fn a_leaked_key_is_found_with_its_owner_and_its_life() {
    let (ws, primary, retiring) = repository();
    ask(&ws, &["scan"]).code(0);
    std::fs::create_dir(ws.path("docs")).unwrap();
    let text = format!("Use it so:\n\n  curl -H 'X-Key: {primary}'\nor {retiring}\n");
    std::fs::write(ws.path("docs/how to.md"), text).unwrap();
    let said = ask(&ws, &["scan"]).code(3).says(&[
        "docs/how to.md:3:19: key of the issuer generated acme_…",
        "\ndocs/how to.md:4:4: ",
        "LIVE primary key of payments in workspace default",
        "LIVE retiring key of payments",
        "Found 2 keys",
    ]);
    assert!(!said.stdout.contains(&primary[5..15]) && !said.stdout.contains(&retiring[5..15]));
    ws.advance("30s").apply().ok();
    ask(&ws, &["scan", "docs"])
        .code(3)
        .says(&["revoked key of payments"]);
    let rows = ask(&ws, &["scan", "--json"]).code(3).json();
    let states: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["key"]["status"])
        .collect();
    assert_eq!(states, ["live", "revoked"]);
    // Without a ledger it is as much of a key.
    ask(&ws, &["scan", "--url", "sqlite://none.db"])
        .code(3)
        .says(&["acme_…"]);
}

#[test]
fn what_git_ignores_is_passed_over_and_what_is_hidden_is_not() {
    let (ws, primary, _) = repository();
    ask(&ws, &["scan"]).code(0);
    ask(&ws, &["scan", "--ignored"]).code(3).says(&["k.json"]);
    std::fs::write(ws.path(".env"), format!("KEY={primary}\n")).unwrap();
    ask(&ws, &["scan"]).code(3).says(&[".env:1:5"]);
    std::fs::write(ws.path(".env"), format!("KEY={primary} # apikey:allow\n")).unwrap();
    ask(&ws, &["scan"]).code(0);
}

#[test]
fn a_staged_key_stops_a_commit_and_one_that_was_removed_is_still_in_the_history() {
    let (ws, primary, _) = repository();
    std::fs::write(ws.path("old.txt"), "nothing\n").unwrap();
    git(&ws, &["add", ".gitignore", "old.txt"]);
    git(&ws, &["commit", "-qm", "first"]);
    std::fs::write(ws.path("new.txt"), format!("one\nkey = \"{primary}\"\n")).unwrap();
    ask(&ws, &["scan", "--staged"]).code(0);
    git(&ws, &["add", "new.txt"]);
    ask(&ws, &["scan", "--staged"])
        .code(3)
        .says(&["new.txt:2:8", "LIVE primary key of payments"]);
    git(&ws, &["commit", "-qm", "second"]);
    ask(&ws, &["scan", "--staged"]).code(0);
    git(&ws, &["rm", "-q", "new.txt"]);
    git(&ws, &["commit", "-qm", "third"]);
    ask(&ws, &["scan"]).code(0);
    let rows = ask(&ws, &["scan", "--history", "--json"]).code(3).json();
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
    assert_eq!(rows[0]["commit"].as_str().unwrap().len(), 40);
    assert_eq!(
        (&rows[0]["file"], &rows[0]["line"]),
        (&"new.txt".into(), &2.into())
    );
}

#[test]
fn the_standard_input_is_looked_through() {
    let (ws, primary, _) = repository();
    let mut child = by_hand(&ws)
        .args(["scan", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, format!("log\n{primary}\n").as_bytes()).unwrap();
    drop(input);
    Said::from(child.wait_with_output().unwrap())
        .code(3)
        .says(&["-:2:1: "]);
}

#[test]
fn what_could_not_be_looked_at_is_not_clean() {
    let ws = Workspace::new();
    ask(&ws, &["scan", "nowhere"])
        .code(1)
        .says(&["Not looked at:", "nowhere"]);
    ask(&ws, &["scan", "--staged"])
        .code(1)
        .says(&["git could not be asked"]);
    ask(&ws, &["scan", "--staged", "--history"]).code(2);
}

#[test]
fn what_is_named_is_read_whatever_it_is() {
    let (ws, primary, _) = repository();
    let mut windows = vec![0xff, 0xfe];
    windows.extend(
        format!("KEY={primary}\r\n")
            .encode_utf16()
            .flat_map(u16::to_le_bytes),
    );
    let mut binary = b"KEY\0\0".to_vec();
    binary.extend(primary.as_bytes());
    std::fs::write(ws.path("windows.env"), windows).unwrap();
    std::fs::write(ws.path("core"), binary).unwrap();
    let rows = ask(&ws, &["scan", "--json"]).code(3).json();
    let files: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["file"].as_str().unwrap())
        .collect();
    assert_eq!(files, ["core", "windows.env"]);
    let mut child = by_hand(&ws)
        .args(["scan", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, primary.as_bytes()).unwrap();
    drop(input);
    Said::from(child.wait_with_output().unwrap()).code(3);
}

#[test]
fn nothing_hides_a_key_from_git() {
    let (ws, primary, _) = repository();
    std::fs::write(ws.path(".gitattributes"), "*.env -diff\n").unwrap();
    std::fs::write(ws.path(".ignore"), "*\n").unwrap();
    std::fs::write(ws.path("a.env"), format!("{primary}\n")).unwrap();
    // Tracked, although a pattern ignores it.
    std::fs::write(ws.path("old.json"), format!("{primary}\n")).unwrap();
    std::fs::write(ws.path("we\"ird\n.txt"), format!("{primary}\n")).unwrap();
    git(
        &ws,
        &[
            "add",
            "-f",
            "a.env",
            "old.json",
            "we\"ird\n.txt",
            ".gitattributes",
        ],
    );
    let files = |words: &[&str]| {
        let rows = ask(&ws, words).code(3).json();
        let rows = rows.as_array().unwrap().clone();
        rows.iter()
            .map(|row| row["file"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        files(&["scan", "--json"]),
        ["a.env", "old.json", "we\"ird\n.txt"]
    );
    assert_eq!(
        files(&["scan", "--staged", "--json"]),
        ["a.env", "old.json", "we\\\"ird\\n.txt"]
    );
    git(&ws, &["commit", "-qm", "first"]);
    git(&ws, &["rm", "-q", "a.env", "old.json", "we\"ird\n.txt"]);
    git(&ws, &["commit", "-qm", "second"]);
    ask(&ws, &["scan"]).code(0);
    assert_eq!(files(&["scan", "--history", "--json"]).len(), 1);
}

#[test]
fn a_history_that_is_not_all_there_is_not_clean() {
    let (ws, _, _) = repository();
    for text in ["one", "two"] {
        std::fs::write(ws.path("a.txt"), text).unwrap();
        git(&ws, &["add", "a.txt"]);
        git(&ws, &["commit", "-qm", text]);
    }
    ask(&ws, &["scan", "--history"]).code(0);
    let origin = format!("file://{}", ws.home().display());
    git(&ws, &["clone", "-q", "--depth=1", &origin, "shallow"]);
    ask(&ws, &["scan", "--history", "shallow"])
        .code(1)
        .says(&["git fetch --unshallow"]);
}
