//! What is remembered of an emergency, and what is written from it.

use serde_json::Value;

use crate::aws_life::world::World;
use crate::emergency::{block, declared};
use crate::monitoring::ask;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const SOURCE: &str = r#"
data "apikey_incident" "it" {
  id         = "INC-1"
  depends_on = [apikey_managed.k]
}

output "it" {
  value = data.apikey_incident.it
}"#;

/// In a run of a pipeline whose address holds a secret.
fn in_a_pipeline(ws: &Workspace, number: u8) -> String {
    let url = format!("https://ci.example.com/jobs/{number}");
    ws.env("CI_JOB_URL", &format!("{url}?token=canary"));
    ws.env("GITHUB_RUN_ID", "").env("TFC_RUN_ID", "");
    url
}

fn record(ws: &Workspace) -> Value {
    ask(ws, &["report", "incident", "INC-1", "--json"])
        .code(0)
        .json()
}

/// What happened, without what was written down after it.
fn steps(record: &Value) -> Vec<String> {
    let steps = record["steps"].as_array().unwrap().iter();
    steps
        .map(|step| step["what"].as_str().unwrap().to_owned())
        .collect()
}

#[track_caller]
fn in_this_order(steps: &[String], wanted: &[&str]) {
    let mut rest = steps.iter();
    for wanted in wanted {
        assert!(
            rest.any(|step| step.contains(wanted)),
            "{wanted:?} in {steps:#?}"
        );
    }
}

#[test]
fn the_record_of_an_emergency_is_whole_and_the_same_whoever_asks() {
    let config = Config::new();
    let ws = config.created();
    let url = in_a_pipeline(&ws, 7);
    let old = ws.secret("k.json", "primary");
    ws.write(&config.clone().with(&declared("INC-1")).text());
    ws.advance("10s").apply().ok();
    let new = ws.secret("k.json", "primary");

    let told = record(&ws);
    in_this_order(
        &steps(&told),
        &[
            "Noted as compromised",
            &url,
            "was minted",
            "Written: app",
            "was revoked",
            "Every compromised key",
            "The apply ended",
        ],
    );
    let case = &told["cases"][0];
    assert_eq!(case["runs"], serde_json::json!([url]));
    assert_eq!(told["contained_at"], ws.now().to_string());
    assert_eq!(told["failures"], 0);
    let delivery = &case["deliveries"][0];
    assert_ne!(delivery["before"], delivery["after"]);

    let page = ask(&ws, &["report", "incident", "INC-1"]).code(0).stdout;
    assert_eq!(
        page,
        ask(&ws, &["report", "incident", "INC-1"]).code(0).stdout
    );
    for part in [
        "# Incident INC-1: a laptop was stolen",
        "**TO DO:**",
        "## Lessons",
        "The audit trail is sound",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let seal = told["seal"].as_str().unwrap();
    ask(&ws, &["audit", "verify", "--seal", seal]).code(0);

    ws.write(&config.with(&declared("INC-1")).beside(SOURCE).text());
    ws.apply().ok();
    ws.plan().ok().code(0);
    let output = ws.run(&["output", "-json", "it"]).ok().stdout.clone();
    let read: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(read["steps"], told["steps"]);
    assert_eq!(read["cases"][0]["keys"], case["keys"]);
    for secret in [old.as_str(), new.as_str(), "canary"] {
        let all = format!("{page}{told}{output}");
        assert!(!all.contains(secret) && !all.contains(&secret[..secret.len().min(20)]));
    }
}

#[test]
fn a_key_of_aws_has_its_last_use_before_its_end_and_the_proof_of_it() {
    let world = World::new().created();
    let (old, secret) = world.delivered("primary");
    assert!(world.cloud.accepts(&old, &secret));
    world.write(
        &world
            .config()
            .with(&block("INC-1", "revoke_first", "primary")),
    );
    world.ws.apply().ok();
    let told = record(&world.ws);
    let key = &told["cases"][0]["keys"][0];
    assert_eq!(key["key"], *old);
    assert!(!key["last_used_at"].is_null(), "{told:#}");
    assert_eq!(key["last_used_service"], "sts", "{told:#}");
    assert_eq!(key["last_used_region"], "eu-central-1", "{told:#}");
    assert!(
        key["last_use"].as_str().unwrap().contains("sts in "),
        "{told:#}"
    );
    assert_eq!(key["is_proved"], true, "{told:#}");
    let (new, _) = world.delivered("primary");
    in_this_order(
        &steps(&told),
        &[
            &format!("Key {old} was revoked"),
            &format!("Key {new} was minted"),
            &format!("Key {new} was proved"),
            "Written: app",
        ],
    );
    let page = ask(&world.ws, &["report", "incident", "INC-1"])
        .code(0)
        .stdout;
    assert!(!page.contains(&secret), "{page}");
}

#[test]
fn an_apply_that_is_killed_stands_in_the_record_of_the_one_that_went_on() {
    let config = Config::new().beside(r#"provider "apikey" { ledger = { lock_lease = "2s" } }"#);
    let ws = config.created();
    let first = in_a_pipeline(&ws, 1);
    ws.write(&config.with(&declared("INC-1")).text());
    ws.env("APIKEY_KILL", "contain:revoke:begun#1")
        .apply()
        .failed();
    ask(&ws, &["report", "incident", "INC-1"])
        .code(3)
        .says(&["NOT contained", "EMERGENCY INC-1 is not over"]);
    let second = in_a_pipeline(&ws, 2);
    std::thread::sleep(std::time::Duration::from_millis(2_200));
    ws.env("APIKEY_KILL", "").apply().ok();
    let told = record(&ws);
    in_this_order(
        &steps(&told),
        &[
            &first,
            "was minted",
            &second,
            "was revoked",
            "The apply ended",
        ],
    );
    assert_eq!(told["cases"][0]["runs"], serde_json::json!([first, second]));
    ws.plan().ok().code(0);
}

#[test]
fn an_emergency_without_its_ledger_is_told_of_later_with_its_gap() {
    let config = Config::new();
    let ws = config.created();
    let insists =
        r#"emergency = { id = "INC-1", reason = "a laptop was stolen", break_glass = true }"#;
    let unreachable =
        r#"provider "apikey" { ledger = { url = "postgres://apikey@127.0.0.1:1/apikey" } }"#;
    ws.write(&config.clone().with(insists).beside(unreachable).text());
    ws.apply().ok().warns(&["THE GLASS WAS BROKEN"]);
    ask(&ws, &["report", "incident", "INC-1"])
        .code(1)
        .says(&["There is no such emergency"]);
    ws.write(&config.with(insists).text());
    ws.apply().ok();
    let told = record(&ws);
    assert_eq!(told["cases"][0]["is_witnessed"], false, "{told:#}");
    ask(&ws, &["report", "incident", "INC-1"])
        .code(0)
        .says(&["no apply wrote any down"]);
}

#[test]
fn an_id_that_is_not_known_is_an_error_and_not_an_empty_record() {
    let config = Config::new();
    let ws = config.created();
    ws.write(&config.beside(SOURCE).text());
    ws.apply()
        .failed()
        .complains(&["There is no such emergency"])
        .reads("incident-that-is-not-known");
}

#[test]
fn a_month_and_an_audit_are_written_from_the_same_ledger() {
    let config = Config::new().with(r#"environment = "prod""#);
    let ws = config.retiring();
    let url = in_a_pipeline(&ws, 7);
    ws.advance("30s").apply().ok();
    ws.write(&config.clone().with(&declared("INC-1")).text());
    ws.apply().ok();
    let month = ask(&ws, &["report", "month"]).code(0).stdout;
    assert_eq!(
        month,
        ask(&ws, &["report", "month", "2026-01"]).code(0).stdout
    );
    for part in [
        "# Keys in 2026-01",
        "| Emergencies | 1 |",
        "INC-1",
        "payments (workspace default)",
        "The period is not over",
    ] {
        assert!(month.contains(part), "{part}: {month}");
    }
    assert!(month.contains(&url), "{month}");
    let audit = ask(&ws, &["report", "audit", "2026-Q1", "--old", "0s"])
        .code(0)
        .stdout;
    for part in [
        "# Audit of keys, 2026-Q1",
        "| Without an owner | 1 |",
        "## Old",
        "| Managed keys | 1 |",
    ] {
        assert!(audit.contains(part), "{part}: {audit}");
    }
    let empty = ask(&ws, &["report", "month", "2025-12"]).code(0).stdout;
    assert!(empty.contains("| Rotations | 0 |"), "{empty}");
    ask(&ws, &["report", "month", "2025-13"])
        .code(2)
        .says(&["is no YYYY-MM"]);
    let secret = ws.secret("k.json", "primary");
    assert!(![month, audit].concat().contains(&secret[..20]));
}
