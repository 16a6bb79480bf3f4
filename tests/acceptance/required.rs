//! Deliveries that cannot be read or written: what a required one holds up, and what none of them ever does.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";

/// A directory in the place of a file can be neither read nor written.
fn block(ws: &Workspace, name: &str) {
    fs::rename(ws.path(name), ws.path(&format!("{name}.aside"))).unwrap();
    fs::create_dir(ws.path(name)).unwrap();
}

fn unblock(ws: &Workspace, name: &str) {
    fs::remove_dir(ws.path(name)).unwrap();
    fs::rename(ws.path(&format!("{name}.aside")), ws.path(name)).unwrap();
}

fn chmod(ws: &Workspace, name: &str, mode: u32) {
    fs::set_permissions(ws.path(name), PermissionsExt::from_mode(mode)).unwrap();
}

/// Two files, of which `b.json` is not required.
fn with_an_optional_one() -> Config {
    Config::new().deliveries(
        r#"{ a = { file = { path = "a.json" } }, b = { required = false, file = { path = "b.json" } } }"#,
    )
}

#[test]
fn a_place_that_cannot_be_read_is_shown_and_ends_neither_refresh_nor_plan() {
    let ws = Config::new().two_deliveries().created();
    let was = ws.delivered("b.json");
    chmod(&ws, "b.json", 0o644);
    ws.advance("1s");
    let since = ws.now().to_string();
    let plan = ws.plan().ok().code(2);
    plan.warns(&["payments", "delivery \"b\"", "chmod 600"]);
    ws.run(&["apply", "-refresh-only", "-auto-approve", "-json"])
        .ok();
    let key = ws.key("k");
    assert_eq!(key.delivery("b"), "unreadable");
    assert_eq!(key.text("delivery_status.b.failing_since"), since);
    assert!(
        key.text("delivery_status.b.reason")
            .contains("open to other users")
    );
    assert_eq!(key.status(), "pending");
    assert!(
        key.reason().contains("delivery \"b\" cannot be read"),
        "{}",
        key.reason()
    );
    ws.advance("1s");
    ws.run(&["apply", "-refresh-only", "-auto-approve", "-json"])
        .ok();
    assert_eq!(ws.key("k"), key, "a second look changes nothing");

    chmod(&ws, "b.json", 0o600);
    ws.apply().ok();
    let key = ws.key("k");
    assert_eq!(
        (key.delivery("b").as_str(), key.status().as_str()),
        ("delivered", "ok")
    );
    assert_eq!(key.text("delivery_status.b.failing_since"), "");
    assert_eq!(ws.delivered("b.json"), was);
    ws.plan().ok().code(0);
}

#[test]
fn a_retiring_key_has_its_grace_and_no_more_although_a_dotenv_file_is_broken() {
    let ws = Config::new()
        .deliveries(
            r#"{ a = { file = { path = "a.json" } }, b = { file = { path = "b.env", format = "dotenv" } } }"#,
        )
        .retiring();
    let primary = ws.key("k").primary();
    let broken = fs::read_to_string(ws.path("b.env")).unwrap();
    let broken = format!("OTHER=\"never closed\n{broken}");
    fs::write(ws.path("b.env"), &broken).unwrap();
    ws.advance("29s").apply().ok();
    assert_eq!(ws.key("k").phase(), "retiring");
    ws.advance("1s").plan().ok().code(2).warns(&[
        "This apply revokes retiring key",
        "Delivery \"b\" may still hold it",
        "whoever reads it there goes on accepting it",
    ]);
    ws.apply_plan().ok();
    let key = ws.key("k");
    assert_eq!((key.phase().as_str(), key.primary()), ("single", primary));
    assert!(ws.delivered("a.json")["secondary"].is_null());
    assert_eq!(fs::read_to_string(ws.path("b.env")).unwrap(), broken);
    assert_eq!(key.status(), "pending");
}

#[test]
fn where_no_delivery_can_be_read_a_retiring_key_ends_with_max_grace_period() {
    let ws = Config::new()
        .and_policy(r#"max_grace_period = "60s""#)
        .retiring();
    let before = ws.key("k");
    block(&ws, "k.json");
    ws.advance("59s").apply().ok();
    let kept = ws.key("k");
    assert_eq!(
        (kept.phase().as_str(), kept.status().as_str()),
        ("retiring", "blocked")
    );
    assert!(
        kept.reason()
            .contains("no delivery can be seen to hold its successor"),
        "{}",
        kept.reason()
    );

    ws.advance("1s")
        .plan()
        .ok()
        .code(2)
        .warns(&["revokes retiring key", "max_grace_period is over"]);
    ws.apply_plan().ok();
    let key = ws.key("k");
    assert_eq!(
        (key.phase().as_str(), key.primary()),
        ("single", before.primary())
    );

    // Mended, the document is brought in order, and the rotation goes on.
    unblock(&ws, "k.json");
    ws.advance("20s").apply().ok();
    let document = ws.delivered("k.json");
    assert_eq!(ws.key("k").primary(), before.primary());
    assert_eq!(ws.key("k").phase(), "staged");
    assert!(document["secondary"]["secret"].is_string());
}

#[test]
fn a_required_delivery_that_fails_holds_up_the_promotion_and_says_so() {
    let ws = Config::new().two_deliveries().staged();
    let (before, was) = (ws.key("k"), ws.delivered("a.json"));
    block(&ws, "b.json");
    for _ in 0..2 {
        ws.advance("20s")
            .apply()
            .ok()
            .warns(&["payments", "delivery \"b\""]);
        let key = ws.key("k");
        assert_eq!(
            (key.phase().as_str(), key.primary()),
            ("staged", before.primary())
        );
        assert_eq!(key.status(), "blocked");
        assert!(
            key.reason()
                .contains("is not promoted before delivery \"b\" is in order, which is required"),
            "{}",
            key.reason()
        );
        assert_eq!(ws.delivered("a.json"), was);
    }
    unblock(&ws, "b.json");
    ws.apply().ok();
    assert_eq!(ws.key("k").phase(), "retiring");
    assert_eq!(ws.delivered("a.json"), ws.delivered("b.json"));
    ws.plan().ok().code(0);
}

#[test]
fn a_delivery_that_is_not_required_holds_up_nothing_and_is_filled_once_it_can_be() {
    let ws = with_an_optional_one().staged();
    let staged = ws.key("k").secondary();
    block(&ws, "b.json");
    ws.advance("20s").apply().ok();
    let key = ws.key("k");
    assert_eq!(
        (key.phase().as_str(), key.primary()),
        ("retiring", staged.clone())
    );
    assert_eq!(key.status(), "pending");
    assert!(key.reason().contains("(not required)"), "{}", key.reason());
    ws.advance("30s").apply().ok();
    assert_eq!(ws.key("k").phase(), "single");

    fs::remove_dir(ws.path("b.json")).unwrap();
    ws.apply().ok();
    assert_eq!(ws.delivered("a.json"), ws.delivered("b.json"));
    assert_eq!(ws.key("k").status(), "ok");
    ws.plan().ok().code(0);
}

#[test]
fn a_first_key_does_not_wait_for_a_delivery_that_is_not_required() {
    let ws = Workspace::with(&with_an_optional_one().text());
    fs::create_dir(ws.path("b.json")).unwrap();
    ws.apply().ok().warns(&["payments", "delivery \"b\""]);
    assert_eq!(ws.key("k").generation(), 1);
    assert_eq!(ws.key("k").delivery("a"), "delivered");
    assert_eq!(ws.key("k").delivery("b"), "failed");
    fs::remove_dir(ws.path("b.json")).unwrap();
    ws.apply().ok();
    assert_eq!(ws.delivered("a.json"), ws.delivered("b.json"));
    ws.plan().ok().code(0);
}

#[test]
fn a_request_is_not_held_up_by_what_was_failing_before_it() {
    let config = |trigger: &str| {
        Config::new()
            .two_deliveries()
            .with(&format!("rotation_trigger = {trigger:?}"))
    };
    let ws = config("1").created();
    let leaked = ws.key("k").primary();
    block(&ws, "b.json");
    ws.advance("10s").apply().ok();
    assert_eq!(ws.key("k").delivery("b"), "unreadable");

    ws.write(&config("2").text());
    ws.advance("10s").apply().ok();
    assert_eq!(ws.key("k").phase(), "staged");
    ws.advance("5s").apply().ok();
    let key = ws.key("k");
    assert_eq!((key.phase().as_str(), key.generation()), ("retiring", 2));
    assert_ne!(key.primary(), leaked);
    assert!(ws.secret("a.json", "primary").starts_with("acme_"));
    ws.advance("30s").apply().ok();
    assert_eq!(ws.key("k").phase(), "single");
    assert!(ws.delivered("a.json")["secondary"].is_null());
}

#[test]
fn a_request_is_held_up_by_what_begins_to_fail_after_it() {
    let config = |trigger: &str| {
        Config::new()
            .two_deliveries()
            .with(&format!("rotation_trigger = {trigger:?}"))
    };
    let ws = config("1").created();
    ws.write(&config("2").text());
    ws.advance("10s").apply().ok();
    assert_eq!(ws.key("k").phase(), "staged");
    block(&ws, "b.json");
    ws.advance("10s").apply().ok();
    let key = ws.key("k");
    assert_eq!(
        (key.phase().as_str(), key.status().as_str()),
        ("staged", "blocked")
    );
}

#[test]
fn nothing_is_minted_while_no_delivery_can_be_read() {
    let ws = Config::new().and_policy(r#"on_drift = "rotate""#).created();
    let before = ws.key("k");
    block(&ws, "k.json");
    ws.advance("200s")
        .apply()
        .ok()
        .warns(&["payments", "delivery \"app\""]);
    let key = ws.key("k");
    assert_eq!((key.phase().as_str(), key.generation()), ("single", 1));
    assert_eq!(key.primary(), before.primary());
    assert!(
        key.reason().contains("no new key is staged"),
        "{}",
        key.reason()
    );
    unblock(&ws, "k.json");
    ws.plan().ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), "stage");
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "staged");
}

#[test]
fn a_place_that_refuses_to_be_read_is_not_called_a_lost_secret() {
    let ws = Config::new().created();
    let was = ws.delivered("k.json");
    ws.advance("80s").plan().ok().code(2);
    chmod(&ws, "k.json", 0o644);
    let outcome = ws.apply_plan().failed();
    assert!(!outcome.text().contains("The plan is stale"), "{outcome}");
    outcome
        .complains(&["payments", "open to other users", "chmod 600"])
        .reads("stage-beside-a-place-that-cannot-be-read");
    assert_eq!(ws.key("k").phase(), "single");
    assert_eq!(ws.delivered("k.json"), was);
}

#[test]
fn a_key_that_could_not_be_read_is_dropped_from_no_document() {
    let three = r#"{
      a = { file = { path = "a.json" } }
      b = { file = { path = "b.json" } }
      c = { file = { path = "c.json" } }
    }"#;
    let ws = Config::new().deliveries(three).staged();
    let was = ws.delivered("b.json");
    // The primary can be read in c, the staged key in b alone.
    fs::remove_file(ws.path("a.json")).unwrap();
    let mut document = was.clone();
    document["secondary"] = serde_json::Value::Null;
    fs::write(ws.path("c.json"), document.to_string()).unwrap();
    chmod(&ws, "b.json", 0o644);
    ws.apply()
        .failed()
        .complains(&["payments", "open to other users"]);
    assert!(!ws.path("a.json").exists());
    assert_eq!(ws.key("k").phase(), "staged");

    chmod(&ws, "b.json", 0o600);
    ws.apply().ok();
    for name in ["a.json", "b.json", "c.json"] {
        assert_eq!(ws.delivered(name), was, "{name}");
    }
    ws.plan().ok().code(0);
}

#[test]
fn a_destroy_does_what_it_can_beside_a_place_that_is_not_required() {
    let ws = with_an_optional_one().created();
    chmod(&ws, "b.json", 0o644);
    ws.destroy().ok().warns(&["payments", "b.json", "by hand"]);
    assert!(ws.find_key("k").is_none());
    assert!(!ws.path("a.json").exists() && ws.path("b.json").exists());
}

#[test]
fn a_destroy_empties_every_other_place_before_it_fails_for_one() {
    let ws = Config::new().two_deliveries().created();
    chmod(&ws, "a.json", 0o644);
    ws.destroy()
        .failed()
        .complains(&["payments", "a.json", "chmod 600"])
        .reads("destroy-with-a-place-that-cannot-be-emptied");
    assert!(ws.path("a.json").exists() && !ws.path("b.json").exists());
    chmod(&ws, "a.json", 0o600);
    ws.destroy().ok();
    assert!(ws.find_key("k").is_none() && !ws.path("a.json").exists());
}
