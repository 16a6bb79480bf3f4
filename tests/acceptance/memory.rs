//! The ledger beside the state: lost, fresh, or of another opinion.

use std::fs;

use crate::support::keys::Config;

/// Nobody listens there.
const LOST: &str = r#"provider "apikey" { ledger = { url = "postgres://nobody@127.0.0.1:1/none?connect_timeout=1&sslmode=disable" } }"#;

#[test]
fn without_its_ledger_a_plan_goes_on_with_a_warning_and_an_apply_does_nothing() {
    let config = Config::new();
    let ws = config.created();
    let before = ws.delivered("k.json");
    ws.write(&config.clone().beside(LOST).text()).advance("80s");
    ws.plan().ok().code(2).warns(&["ledger cannot be reached"]);
    ws.apply_plan()
        .failed()
        .complains(&["payments", "127.0.0.1"]);
    assert_eq!(ws.delivered("k.json"), before);
    assert_eq!(ws.key("k").phase(), "single");

    // With the ledger back, the same step is taken.
    ws.write(&config.text()).apply().ok();
    assert_eq!(ws.key("k").phase(), "staged");
}

#[test]
fn a_first_key_is_not_minted_without_its_ledger() {
    let ws = crate::support::workspace::Workspace::with(&Config::new().beside(LOST).text());
    let refused = ws.apply().failed();
    refused
        .complains(&["payments", "127.0.0.1"])
        .reads("ledger-that-cannot-be-reached");
    assert!(!ws.path("k.json").exists());
    assert!(ws.find_key("k").is_none());
}

#[test]
fn a_fresh_ledger_changes_no_plan_and_is_filled_by_a_refresh() {
    let ws = Config::new().staged();
    let directory = ws.path(".terraform/apikey");
    fs::remove_dir_all(&directory).unwrap();
    ws.plan().ok().code(0);
    assert!(directory.join("ledger.db").exists());
    ws.plan().ok().code(0).does_not_warn("The ledger");
}
