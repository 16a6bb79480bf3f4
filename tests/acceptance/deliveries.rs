//! Deliveries that are altered, deleted, added, moved and removed, by others or on purpose.

use std::fs;

use serde_json::Value;

use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";

/// Replaces a secret in a delivered document.
fn alter(ws: &Workspace, name: &str) {
    let mut document = ws.delivered(name);
    document["primary"]["secret"] = "made-up-other".into();
    fs::write(ws.path(name), document.to_string()).unwrap();
}

/// Plans and applies a repair that mints nothing and leaves the file as it was before.
#[track_caller]
fn repaired_by_copying(ws: &Workspace, name: &str, was: &Value) {
    let before = ws.key("k");
    let plan = ws.plan().ok().code(2);
    plan.warns(&["payments", "no key is minted"]);
    assert_eq!(ws.change(K).after("last_action"), "deliver");
    ws.apply_plan().ok();
    assert_eq!(&ws.delivered(name), was);
    let after = ws.key("k");
    assert_eq!(
        (after.primary(), after.secondary()),
        (before.primary(), before.secondary())
    );
    assert_eq!(after.generation(), before.generation());
    ws.plan().ok().code(0);
}

#[test]
fn a_deleted_delivery_is_copied_from_the_other_one() {
    let ws = Config::new().two_deliveries().staged();
    let was = ws.delivered("a.json");
    fs::remove_file(ws.path("a.json")).unwrap();
    repaired_by_copying(&ws, "a.json", &was);
}

#[test]
fn an_altered_delivery_is_copied_from_the_other_one() {
    let ws = Config::new().two_deliveries().retiring();
    let was = ws.delivered("a.json");
    alter(&ws, "a.json");
    repaired_by_copying(&ws, "a.json", &was);
}

#[test]
fn an_altered_secondary_alone_is_noticed_too() {
    let ws = Config::new().two_deliveries().staged();
    let was = ws.delivered("b.json");
    let mut document = was.clone();
    document["secondary"] = Value::Null;
    fs::write(ws.path("b.json"), document.to_string()).unwrap();
    repaired_by_copying(&ws, "b.json", &was);
}

#[test]
fn a_lost_secret_is_reported_on_every_plan_by_default() {
    let ws = Config::new().created();
    fs::remove_file(ws.path("k.json")).unwrap();
    for _ in 0..2 {
        ws.plan().ok().warns(&[
            "payments",
            "no delivery holds the secret",
            "change rotation_trigger",
        ]);
        ws.apply().ok();
    }
    let key = ws.key("k");
    assert_eq!((key.status().as_str(), key.generation()), ("blocked", 1));
    assert!(!ws.path("k.json").exists());
    ws.plan().ok().code(0);
}

#[test]
fn an_altered_secret_without_another_copy_counts_as_lost() {
    let ws = Config::new().created();
    alter(&ws, "k.json");
    ws.plan()
        .ok()
        .warns(&["payments", "no delivery holds the secret"]);
    ws.apply().ok();
    assert_eq!(ws.secret("k.json", "primary"), "made-up-other");
}

#[test]
fn a_retiring_key_that_no_delivery_holds_any_more_is_told_of() {
    let ws = Config::new().retiring();
    let retiring = ws.key("k").secondary();
    let mut document = ws.delivered("k.json");
    document["secondary"] = Value::Null;
    fs::write(ws.path("k.json"), document.to_string()).unwrap();
    ws.plan().ok().code(0).warns(&[
        "payments: key is notice",
        "no delivery holds retiring key",
        &retiring,
        "has only primary key",
    ]);
    assert_eq!(ws.delivered("k.json"), document);
    ws.advance("30s").apply().ok();
    assert_eq!(ws.key("k").phase(), "single");
    ws.plan().ok().code(0).does_not_warn("payments");
}

#[test]
fn a_lost_secret_is_replaced_when_the_policy_says_rotate() {
    let ws = Config::new().and_policy(r#"on_drift = "rotate""#).created();
    let first = ws.key("k").primary();
    fs::remove_file(ws.path("k.json")).unwrap();
    ws.plan()
        .ok()
        .code(2)
        .warns(&["payments", &first, "mints a new key"]);
    assert_eq!(ws.change(K).after("last_action"), "replace");
    ws.apply_plan().ok();
    let key = ws.key("k");
    assert_eq!((key.generation(), key.phase().as_str()), (2, "retiring"));
    assert!(ws.secret("k.json", "primary").starts_with("acme_"));
    ws.plan().ok().code(0);
    ws.advance("30s").apply().ok();
    assert_eq!(ws.key("k").phase(), "single");
    ws.plan().ok().code(0);
}

#[test]
fn a_lost_secret_fails_the_plan_when_the_policy_says_error() {
    let ws = Config::new().and_policy(r#"on_drift = "error""#).created();
    let first = ws.key("k").primary();
    fs::remove_file(ws.path("k.json")).unwrap();
    ws.plan()
        .failed()
        .complains(&["payments", &first, "on_drift"]);
    ws.apply().failed();
    assert_eq!(ws.key("k").primary(), first);
}

#[test]
fn a_restored_secret_is_no_longer_lost() {
    let ws = Config::new().created();
    let was = fs::read(ws.path("k.json")).unwrap();
    fs::rename(ws.path("k.json"), ws.path("aside.json")).unwrap();
    ws.apply().ok();
    assert_eq!(ws.key("k").status(), "blocked");
    fs::rename(ws.path("aside.json"), ws.path("k.json")).unwrap();
    ws.plan().ok().does_not_warn("no delivery holds");
    ws.apply().ok();
    assert_eq!(ws.key("k").status(), "ok");
    assert_eq!(fs::read(ws.path("k.json")).unwrap(), was);
}

#[test]
fn a_lost_staged_secret_is_minted_again() {
    let ws = Config::new().staged();
    let first = ws.key("k").primary();
    let lost = ws.key("k").secondary();
    let mut document = ws.delivered("k.json");
    document["secondary"] = Value::Null;
    fs::write(ws.path("k.json"), document.to_string()).unwrap();
    // However many applies it takes: the primary stays, and in the end another key is promoted.
    for _ in 0..3 {
        ws.advance("6s").apply().ok();
    }
    let key = ws.key("k");
    assert_eq!(key.primary(), first);
    assert_eq!(key.phase(), "staged");
    assert_ne!(key.secondary(), lost);
    assert!(!ws.secret("k.json", "secondary").is_empty());
}

#[test]
fn a_delivery_that_is_added_gets_a_copy() {
    let ws = Config::new()
        .deliveries(r#"{ a = { file = { path = "a.json" } } }"#)
        .staged();
    ws.write(&Config::new().two_deliveries().text());
    let was = ws.delivered("a.json");
    repaired_by_copying(&ws, "b.json", &was);
    assert_eq!(ws.key("k").delivery("b"), "delivered");
}

#[test]
fn a_delivery_that_moves_leaves_nothing_behind() {
    let ws = Config::new().staged();
    let was = ws.delivered("k.json");
    ws.write(
        &Config::new()
            .deliveries(r#"{ app = { file = { path = "new.json" } } }"#)
            .text(),
    );
    repaired_by_copying(&ws, "new.json", &was);
    assert!(!ws.path("k.json").exists());
}

#[test]
fn a_delivery_that_is_renamed_keeps_its_document() {
    let ws = Config::new().staged();
    let was = ws.delivered("k.json");
    ws.write(
        &Config::new()
            .deliveries(r#"{ web = { file = { path = "k.json" } } }"#)
            .text(),
    );
    repaired_by_copying(&ws, "k.json", &was);
    assert_eq!(ws.key("k").delivery("web"), "delivered");
    assert_eq!(ws.key("k").delivery("app"), "");
}

#[test]
fn two_deliveries_that_swap_their_places_both_survive() {
    let swapped = r#"{ a = { file = { path = "b.json" } }, b = { file = { path = "a.json" } } }"#;
    let ws = Config::new().two_deliveries().staged();
    let was = ws.delivered("a.json");
    ws.write(&Config::new().deliveries(swapped).text());
    repaired_by_copying(&ws, "a.json", &was);
    assert_eq!(ws.delivered("b.json"), was);
}

#[test]
fn another_layout_in_the_same_file_keeps_the_keys() {
    let ws = Config::new().staged();
    let (first, second) = (
        ws.secret("k.json", "primary"),
        ws.secret("k.json", "secondary"),
    );
    let flat = r#"{ app = { file = { path = "k.json", layout = "flat" } } }"#;
    ws.write(&Config::new().deliveries(flat).text());
    ws.apply().ok();
    let document = ws.delivered("k.json");
    assert_eq!(document["primary"].as_str(), Some(first.as_str()));
    assert_eq!(document["secondary"].as_str(), Some(second.as_str()));
    ws.plan().ok().code(0);
}

#[test]
fn a_delivery_that_is_removed_is_emptied() {
    let ws = Config::new().two_deliveries().created();
    ws.write(
        &Config::new()
            .deliveries(r#"{ a = { file = { path = "a.json" } } }"#)
            .text(),
    );
    ws.plan()
        .ok()
        .code(2)
        .warns(&["payments", "takes the keys out of b"]);
    ws.apply_plan().ok();
    assert!(ws.path("a.json").exists() && !ws.path("b.json").exists());
    assert_eq!(ws.key("k").delivery("b"), "");
    ws.plan().ok().code(0);
}

#[test]
fn secrets_are_copied_from_the_source() {
    let marked = |more: &str| {
        Config::new().deliveries(&format!(
            r#"{{ a = {{ file = {{ path = "a.json" }} }}, b = {{ source = true, file = {{ path = "b.json" }} }} {more} }}"#
        ))
    };
    let ws = marked("").created();
    // Marking another source is no move.
    ws.write(&Config::new().two_deliveries().text());
    ws.apply().ok();
    ws.plan().ok().code(0);
    ws.write(&marked(r#", c = { file = { path = "c.json" } }"#).text());
    ws.apply().ok();
    assert_eq!(ws.delivered("c.json"), ws.delivered("b.json"));
    ws.plan().ok().code(0);
}

#[test]
fn two_sources_and_two_deliveries_to_one_place_are_refused() {
    let two = |a: &str, b: &str| {
        Workspace::with(
            &Config::new()
                .deliveries(&format!("{{ a = {a}, b = {b} }}"))
                .text(),
        )
    };
    let source = |path: &str| format!(r#"{{ source = true, file = {{ path = "{path}" }} }}"#);
    two(&source("a.json"), &source("b.json"))
        .plan()
        .failed()
        .complains(&["source", "\"a\"", "\"b\""]);
    let plain = r#"{ file = { path = "x.json" } }"#;
    two(plain, plain)
        .plan()
        .failed()
        .complains(&["x.json", "\"a\"", "\"b\""]);
}

#[test]
fn without_a_delivery_the_secret_is_in_the_state_and_sensitive() {
    let ws = Config::new().deliveries("null").created();
    let secret = ws.key("k").text("primary.secret");
    assert!(secret.starts_with("acme_"));
    let state = ws.run(&["show", "-no-color"]).ok();
    assert!(
        !state.stdout.contains(&secret),
        "sensitive values are not shown"
    );
    ws.plan().ok().code(0);
    ws.advance("80s").apply().ok();
    ws.advance("20s").apply().ok();
    let key = ws.key("k");
    assert_eq!(key.text("secondary.secret"), secret);
    assert!(key.text("primary.secret").starts_with("acme_"));
    ws.advance("30s").apply().ok();
    assert_eq!(ws.key("k").phase(), "single");
    ws.plan().ok().code(0);
}

#[test]
fn a_delivery_that_comes_later_takes_the_secret_out_of_the_state() {
    let ws = Config::new().deliveries("null").staged();
    let secret = ws.key("k").text("primary.secret");
    ws.write(&Config::new().text());
    ws.plan().ok().code(2);
    ws.apply_plan().ok();
    assert_eq!(ws.secret("k.json", "primary"), secret);
    assert_eq!(ws.key("k").text("primary.secret"), "");
    assert_eq!(ws.key("k").text("secondary.secret"), "");
    ws.plan().ok().code(0);
}

#[test]
fn the_last_delivery_that_goes_leaves_the_secret_in_the_state() {
    let ws = Config::new().staged();
    let (first, second) = (
        ws.secret("k.json", "primary"),
        ws.secret("k.json", "secondary"),
    );
    ws.write(&Config::new().deliveries("null").text());
    ws.plan().ok().code(2);
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").text("primary.secret"), first);
    assert_eq!(ws.key("k").text("secondary.secret"), second);
    assert!(!ws.path("k.json").exists());
    ws.plan().ok().code(0);
}

#[test]
fn storing_the_secret_can_be_switched_on_and_off() {
    let stored = Config::new().with("store_secret_in_state = true");
    let ws = Config::new().created();
    let secret = ws.secret("k.json", "primary");
    assert_eq!(ws.key("k").text("primary.secret"), "");

    ws.write(&stored.text());
    ws.plan().ok().code(2);
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").text("primary.secret"), secret);
    ws.plan().ok().code(0);
    ws.advance("80s").apply().ok();
    assert_eq!(
        ws.key("k").text("secondary.secret"),
        ws.secret("k.json", "secondary")
    );

    ws.write(&Config::new().with("store_secret_in_state = false").text());
    ws.apply().ok();
    assert_eq!(ws.key("k").text("primary.secret"), "");
    assert_eq!(ws.key("k").text("secondary.secret"), "");
    ws.plan().ok().code(0);
}

#[test]
fn a_stored_secret_restores_a_deleted_file() {
    let ws = Config::new().with("store_secret_in_state = true").staged();
    let was = ws.delivered("k.json");
    fs::remove_file(ws.path("k.json")).unwrap();
    repaired_by_copying(&ws, "k.json", &was);
}

#[test]
fn a_secret_with_no_place_to_be_is_refused() {
    let config = Config::new()
        .deliveries("null")
        .with("store_secret_in_state = false");
    Workspace::with(&config.text())
        .plan()
        .failed()
        .complains(&["The secret would be lost"]);
}

#[test]
fn two_keys_may_not_deliver_to_one_place() {
    let key = |address: &str, name: &str, path: &str| {
        format!(
            r#"
resource "apikey_managed" "{address}" {{
  name       = "{name}"
  policy     = {{ name = "p", rotation_interval = "30d" }}
  issuer     = {{ generated = {{ prefix = "test" }} }}
  deliveries = {{ app = {{ file = {{ path = "{path}" }} }} }}
}}
"#
        )
    };
    let ws =
        Workspace::with(&(key("a", "orders", "x.json") + &key("b", "billing", "./y/../x.json")));
    ws.plan()
        .failed()
        .complains(&["another key delivers to the same place", "x.json"]);
    ws.write(&(key("a", "orders", "x.json") + &key("b", "billing", "y.json")));
    ws.apply().ok();
}
