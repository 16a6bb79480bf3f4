//! `status`: what it says, and the code that a pipeline acts on.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::{an_apply_fails, ask, by_hand};
use apikey::instant::Instant;

use crate::support::keys::Config;
use crate::support::workspace::Workspace;

/// Overdue 200 s after it is due.
fn owned() -> Config {
    Config::new()
        .and_policy(r#"alert_after = "200s""#)
        .with(r#"owner = "alice""#)
        .with(r#"environment = "prod""#)
}

#[test]
fn time_alone_makes_a_key_due_and_overdue_although_nothing_runs() {
    let ws = owned().created();
    let fail_on = |what| ask(&ws, &["status", "--fail-on", what]);
    ask(&ws, &["status"]).code(0).says(&[
        "1 key at 2026-01-01T00:00:00Z",
        "1 ok",
        "payments",
        "alice",
        "prod",
    ]);
    fail_on("due").code(0);
    ws.advance("100s");
    ask(&ws, &["status"]).code(0).says(&["1 due", "(0s ago)"]);
    fail_on("due").code(3).says(&["Found: due."]);
    fail_on("overdue").code(0);
    ws.advance("200s");
    fail_on("overdue")
        .code(3)
        .says(&["1 overdue", "Found: overdue."]);
    fail_on("failed,overdue,due")
        .code(3)
        .says(&["Found: overdue, due."]);
}

#[test]
fn a_rotation_that_was_made_is_not_due_any_more() {
    let ws = owned().retiring();
    let said = ask(
        &ws,
        &["status", "--json", "--fail-on", "due,failed,blocked"],
    )
    .code(0);
    let key = &said.json()["keys"][0];
    assert_eq!(key["status"], "ok");
    assert_eq!(key["rotation_due_at"], ws.in_a("100s"));
    assert_eq!(key["overdue_at"], ws.in_a("300s"));
    assert_eq!(key["revocation_due_at"], ws.in_a("30s"));
    let slots: Vec<_> = key["slots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| &slot["slot"])
        .collect();
    assert_eq!(slots, ["primary", "retiring"]);
    ws.advance("30s");
    ask(&ws, &["status", "--fail-on", "due"]).code(3);
    ws.apply().ok();
    let said = ask(&ws, &["status", "--json", "--fail-on", "due"]).code(0);
    let key = &said.json()["keys"][0];
    assert!(key["revocation_due_at"].is_null(), "{key}");
    assert_eq!(key["slots"].as_array().unwrap().len(), 1);
}

#[test]
fn an_apply_that_failed_is_found_until_one_succeeds() {
    let ws = owned().created();
    ws.advance("80s");
    an_apply_fails(&ws);
    let failed_at = ws.now().to_string();
    ask(&ws, &["status", "--fail-on", "failed"])
        .code(3)
        .says(&["The last apply of payments ended with an error", &failed_at]);
    let metric = |outcome: &str, at: Instant| {
        let name = "apikey_last_apply_timestamp_seconds";
        format!(
            "{name}{{workspace=\"default\",outcome=\"{outcome}\"}} {}\n",
            at.unix()
        )
    };
    let failed = metric("failed", ws.now());
    ask(&ws, &["metrics"])
        .code(0)
        .says(&[&failed, "apikey_apply_failed_timestamp_seconds{"]);
    ws.advance("5s").apply().ok();
    ask(&ws, &["status", "--fail-on", "failed"]).code(0);
    let told = ask(&ws, &["metrics"])
        .code(0)
        .says(&[&failed, &metric("done", ws.now())]);
    assert!(
        !told.stdout.contains("apikey_apply_failed"),
        "{}",
        told.stdout
    );
}

#[test]
fn a_destroyed_key_is_no_key_any_more_and_nothing_is_said_to_be_fine() {
    let ws = owned().created();
    ws.run(&["destroy", "-auto-approve"]).ok();
    ask(&ws, &["status", "--fail-on", "overdue"])
        .code(1)
        .says(&["There is no such key", "knows no key that a state holds"]);
}

#[test]
fn what_is_not_there_is_not_fine() {
    let empty = Workspace::new();
    ask(&empty, &["status", "--fail-on", "overdue"])
        .code(1)
        .says(&["There is no ledger", ".terraform/apikey/ledger.db"]);
    assert!(!empty.path(".terraform").exists());
    let ws = owned().created();
    ask(&ws, &["status", "--environment", "production"])
        .code(1)
        .says(&["none that is asked for", "--environment"]);
    ask(&ws, &["status", "--fail-on", "nonsense"]).code(2);
    for (report, period) in [("month", "9000-01"), ("audit", "9000-Q1")] {
        ask(&ws, &["report", report, period])
            .code(2)
            .says(&["has not begun"]);
    }
    // The first key took the place of none.
    let month = ws.now().to_string()[..7].to_owned();
    ask(&ws, &["report", "month", &month])
        .code(0)
        .says(&["| Keys minted or first seen | 1 |", "| Rotations | 0 |"]);
}

#[test]
fn a_key_that_no_refresh_has_seen_is_late_and_no_orphan_and_one_that_was_forgotten_is() {
    let ws = owned().created();
    ws.advance("90d");
    let said = ask(&ws, &["status", "--fail-on", "orphaned"])
        .code(0)
        .says(&["1 overdue"]);
    assert!(!said.stdout.contains("no resource"), "{}", said.stdout);
    let listed = ask(&ws, &["inventory", "--orphaned"]);
    assert!(!listed.stdout.contains("payments"), "{}", listed.stdout);
    let id = ws.key("k").text("id");
    // A second key keeps the ledger from being empty.
    let more = owned().beside(
        r#"
resource "apikey_managed" "other" {
  name       = "other"
  policy     = apikey_rotation_policy.p
  issuer     = { generated = { prefix = "acme" } }
  deliveries = { app = { file = { path = "other.json" } } }
}"#,
    );
    ws.write(&more.text()).apply().ok();
    ask(&ws, &["ledger", "forget", &id]).code(0);
    ask(&ws, &["status", "--fail-on", "orphaned"])
        .code(3)
        .says(&[
            "live keys belong to no resource",
            "inventory --orphaned",
            "Found: orphaned.",
        ]);
    // Whoever asks for one key is told of no other's orphans.
    let of = |name| ask(&ws, &["status", "--name", name, "--fail-on", "orphaned"]);
    of("other").code(0);
    of("payments")
        .code(3)
        .says(&["2 live keys belong to no resource"]);
    ask(&ws, &["inventory", "--orphaned"])
        .code(0)
        .says(&["payments", "orphaned"]);
}

#[test]
fn a_trail_that_was_edited_is_found() {
    let ws = owned().created();
    ask(&ws, &["status", "--fail-on", "broken"]).code(0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let file = ws.path(".terraform/apikey/ledger.db");
    let edit =
        "DROP TRIGGER events_are_not_changed; UPDATE events SET name = 'other' WHERE seq = 2";
    let edited = crate::ledger::sql::run(crate::ledger::sql::Place::File(&file), edit);
    runtime.block_on(edited).unwrap();
    ask(&ws, &["status", "--fail-on", "broken"])
        .code(3)
        .says(&["Found: broken."]);
    ask(&ws, &["audit", "verify"])
        .code(3)
        .says(&["event 2 was edited"]);
    ask(&ws, &["metrics"])
        .code(0)
        .says(&["apikey_audit_trail_intact 0\n", "apikey_audit_events 1\n"]);
}

#[test]
fn nothing_that_is_said_by_hand_holds_a_secret() {
    let ws = owned().retiring();
    let secrets = [
        ws.secret("k.json", "primary"),
        ws.secret("k.json", "secondary"),
    ];
    assert!(secrets.iter().all(|secret| secret.len() > 20));
    for words in [
        &["status"][..],
        &["status", "--json"],
        &["inventory"],
        &["inventory", "--format", "csv"],
        &["inventory", "--format", "json"],
        &["metrics"],
        &["metrics", "--format", "openmetrics"],
    ] {
        let said = ask(&ws, words).code(0);
        assert!(said.stdout.contains("payments"), "{words:?}");
        for secret in &secrets {
            let all = format!("{}{}", said.stdout, said.stderr);
            assert!(
                !all.contains(secret) && !all.contains(&secret[10..20]),
                "{words:?}"
            );
        }
    }
}

#[test]
fn what_a_plan_has_seen_is_told_right_after_it() {
    let ws = owned().created();
    std::fs::write(ws.path("k.json"), "somebody else's").unwrap();
    ws.plan().ok();
    let why = "holds something else than a delivered document";
    let said = ask(&ws, &["status", "--fail-on", "blocked"]).code(3);
    said.says(&["payments: no delivery holds the secret", why]);
    let said = ask(&ws, &["status", "--json"]).code(0);
    let told = &said.json()["keys"][0]["seen_reason"];
    assert!(told.as_str().unwrap().contains(why), "{told}");
}

#[test]
fn an_answer_that_could_not_be_written_is_none() {
    let ws = owned().created();
    for words in [
        &["status"][..],
        &["inventory", "--format", "csv"],
        &["metrics"],
        &["audit", "verify"],
    ] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let said = by_hand(&ws).args(words).stdout(full).output().unwrap();
        assert_eq!(said.status.code(), Some(1), "{words:?}");
        assert!(
            String::from_utf8(said.stderr)
                .unwrap()
                .contains("could not be written")
        );
    }
}

#[test]
fn a_ledger_that_knows_orphans_alone_tells_of_them() {
    let ws = owned().created();
    let id = ws.key("k").text("id");
    ask(&ws, &["ledger", "forget", &id]).code(0);
    ask(&ws, &["status", "--fail-on", "orphaned"])
        .code(3)
        .says(&["1 live key belongs to no resource"]);
    ask(&ws, &["metrics"])
        .code(0)
        .says(&["apikey_keys_orphaned 1"]);
    ask(&ws, &["inventory", "--alive"])
        .code(0)
        .says(&["payments", "orphaned"]);
    // Nothing looks after it, so a person says that it is dead.
    let mark = ws.key("k").text("primary.fingerprint");
    let mark = &mark[.."sha256:012345".len()];
    ask(&ws, &["ledger", "settle", "sha256:ffffff"]).code(1);
    let settled = ask(&ws, &["ledger", "settle", mark]).code(0);
    settled.says(&["Orphaned key", "\"payments\"", "counts as revoked"]);
    ask(&ws, &["audit", "verify"]).code(0);
    ask(&ws, &["inventory"])
        .code(0)
        .says(&["payments", "revoked"]);
    ask(&ws, &["ledger", "settle", mark]).code(1);
    std::fs::write(ws.path("empty.db"), "").unwrap();
    let orders: [&[&str]; 3] = [
        &["inventory"],
        &["ledger", "forget", &id],
        &["ledger", "settle", "0123"],
    ];
    for order in orders {
        let elsewhere = [order, &["--url", "sqlite://empty.db"]].concat();
        ask(&ws, &elsewhere).code(1).says(&["There is no ledger"]);
        let made = std::fs::metadata(ws.path("empty.db")).unwrap().len();
        assert_eq!(made, 0, "{order:?} makes no ledger");
    }
    ask(&ws, &["status", "--url", "sqlite://."])
        .code(1)
        .says(&["is a directory", "ledger.db"]);
}

#[test]
fn a_pipe_gets_no_colours() {
    let ws = owned().created();
    let said = ask(&ws, &["status"]).code(0);
    assert!(!said.stdout.contains('\u{1b}'), "{:?}", said.stdout);
}

#[test]
fn terraform_gets_its_plugin_whatever_the_arguments_are() {
    let ws = Workspace::new();
    let mut child = by_hand(&ws)
        .arg("status")
        .env(
            "TF_PLUGIN_MAGIC_COOKIE",
            "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("1|6|"), "{line}");
}
