//! Documents that somebody edited, put back or took over: a key in them is neither lost nor gone.

use std::fs;

use serde_json::{Value, json};

use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";

/// Somebody adds a field to a document, which is none as it was delivered from then on.
fn annotate(ws: &Workspace, name: &str) -> Value {
    let mut document = ws.delivered(name);
    document["note"] = "made up".into();
    put(ws, name, &document);
    document
}

fn put(ws: &Workspace, name: &str, document: &Value) {
    fs::write(ws.path(name), document.to_string()).unwrap();
}

/// The document with its keys in the other order.
fn swapped(ws: &Workspace) -> Value {
    let mut document = ws.delivered("k.json");
    let (first, second) = (document["primary"].take(), document["secondary"].take());
    document["primary"] = second;
    document["secondary"] = first;
    document
}

#[test]
fn a_key_that_stands_in_an_edited_document_survives_a_destroy_that_cannot_end_it() {
    let ws = Config::new().created();
    let edited = annotate(&ws, "k.json");
    ws.destroy()
        .failed()
        .complains(&["payments", "k.json", "still holds a key"])
        .reads("destroy-with-a-key-in-an-edited-document");
    assert_eq!(ws.delivered("k.json"), edited);
    assert!(ws.find_key("k").is_some());

    fs::remove_file(ws.path("k.json")).unwrap();
    ws.destroy().ok();
    assert!(ws.find_key("k").is_none());
}

#[test]
fn a_place_that_holds_a_key_in_an_edited_document_is_not_forgotten() {
    let ws = Config::new().two_deliveries().created();
    let edited = annotate(&ws, "b.json");
    ws.write(
        &Config::new()
            .deliveries(r#"{ a = { file = { path = "a.json" } } }"#)
            .text(),
    );
    for _ in 0..2 {
        ws.apply().warns(&["b.json", "still holds a key"]);
        assert_eq!(ws.delivered("b.json"), edited);
        assert!(ws.key("k").text("pending_removals").contains("b.json"));
    }
    fs::remove_file(ws.path("b.json")).unwrap();
    ws.apply().ok();
    assert_eq!(ws.key("k").text("pending_removals"), "[]");
    ws.plan().ok().code(0);
}

#[test]
fn a_secret_in_an_edited_document_is_not_lost_and_no_key_is_replaced_for_it() {
    let ws = Config::new().and_policy(r#"on_drift = "rotate""#).created();
    let (key, edited) = (ws.key("k").primary(), annotate(&ws, "k.json"));
    let planned = ws.plan();
    planned.does_not_warn("no delivery holds the secret");
    assert_ne!(ws.change(K).after("last_action"), "replace");
    ws.apply();
    assert_eq!(ws.delivered("k.json"), edited);
    assert_eq!(ws.key("k").primary(), key);
}

#[test]
fn a_document_with_a_revoked_key_goes_with_its_resource() {
    let ws = Config::new().created();
    let older = ws.delivered("k.json");
    for wait in ["80s", "20s", "30s"] {
        ws.advance(wait).apply().ok();
    }
    assert_eq!(ws.key("k").phase(), "single");
    put(&ws, "k.json", &older);
    ws.destroy().ok();
    assert!(!ws.path("k.json").exists());
}

#[test]
fn a_document_that_somebody_rolled_back_makes_the_revocation_stale() {
    let ws = Config::new().retiring();
    ws.advance("30s").plan().ok().code(2);
    let swapped = swapped(&ws);
    put(&ws, "k.json", &swapped);
    ws.apply_plan()
        .failed()
        .complains(&["payments", "leads again with"])
        .reads("revocation-after-a-rollback");
    assert_eq!(ws.delivered("k.json"), swapped);
    assert_eq!(ws.key("k").phase(), "retiring");
}

#[test]
fn a_rollback_is_put_in_order_by_one_apply_and_the_key_revoked_by_another() {
    let ws = Config::new().retiring();
    let was = ws.delivered("k.json");
    put(&ws, "k.json", &swapped(&ws));
    ws.advance("30s").plan().ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), "deliver");
    ws.apply_plan().ok();
    assert_eq!(ws.delivered("k.json"), was);
    ws.plan().ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), "revoke");
    ws.apply_plan().ok();
    assert_eq!(ws.delivered("k.json")["secondary"], Value::Null);
}

#[test]
fn a_delivery_that_is_null_is_refused_and_its_document_stays() {
    let ws = Config::new().created();
    let was = ws.delivered("k.json");
    let null = "{ app = null }";
    ws.write(&Config::new().deliveries(null).text());
    let refused = ws.plan().failed();
    refused
        .complains(&["is null"])
        .reads("delivery-that-is-null");
    ws.apply().failed();
    assert_eq!(ws.delivered("k.json"), was);

    // The same where only the apply knows it.
    let later =
        r#"{ app = terraform_data.t.output == "x" ? null : { file = { path = "k.json" } } }"#;
    let data = r#"resource "terraform_data" "t" { input = "x" }"#;
    ws.write(&Config::new().deliveries(later).beside(data).text());
    ws.apply().failed().complains(&["is null"]);
    assert_eq!(ws.delivered("k.json"), was);
    assert_eq!(ws.key("k").phase(), "single");
}

#[test]
fn the_live_key_of_a_resource_that_its_state_lost_is_not_written_over() {
    let ws = Config::new().created();
    ws.plan().ok().code(0);
    let (was, id) = (ws.delivered("k.json"), ws.key("k").text("id"));
    ws.run(&["state", "rm", K]).ok();
    ws.plan().ok().code(2).warns(&["holds another key"]);
    let refused = ws.apply_plan().failed();
    refused
        .complains(&["payments", "neither destroyed nor forgotten", &id])
        .reads("live-key-of-a-lost-state");
    assert_eq!(ws.delivered("k.json"), was);
    assert!(ws.find_key("k").is_none());

    let secret = was["primary"]["secret"].as_str().unwrap();
    ws.env("TF_VAR_existing", secret);
    let ledger = format!(
        "sqlite://{}",
        ws.path(".terraform/apikey/ledger.db").display()
    );
    let forget = std::process::Command::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"))
        .args(["ledger", "forget", &id, "--url", &ledger])
        .status();
    assert!(forget.unwrap().success());
    let variable = r#"variable "existing" { ephemeral = true }"#;
    let takes_over = Config::new()
        .with("existing_secret_wo = var.existing")
        .beside(variable);
    ws.write(&takes_over.text()).apply().ok();
    assert_eq!(ws.delivered("k.json")["primary"]["secret"], json!(secret));
}

#[test]
fn a_key_is_not_delivered_over_the_ledger() {
    let ws = Workspace::with(
        &Config::new()
            .deliveries(
                r#"{ app = { file = { path = ".terraform/apikey/ledger.db" }, overwrite = true } }"#,
            )
            .text(),
    );
    ws.apply()
        .failed()
        .complains(&["payments", "it is a database"]);
    let ledger = fs::read(ws.path(".terraform/apikey/ledger.db")).unwrap();
    assert!(ledger.starts_with(b"SQLite format 3"));
    assert!(ws.find_key("k").is_none());
}

/// A second key, created where the first one was delivered, with leave to overwrite.
fn beside(path: &str) -> String {
    format!(
        r#"
        resource "apikey_managed" "other" {{
          name       = "billing"
          policy     = apikey_rotation_policy.p
          issuer     = {{ generated = {{ prefix = "acme" }} }}
          deliveries = {{ app = {{ file = {{ path = "{path}" }}, overwrite = true }} }}
        }}
        "#
    )
}

#[test]
fn the_key_of_another_resource_is_not_overwritten_wherever_it_stands() {
    let moved = Config::new().deliveries(r#"{ app = { file = { path = "new.json" } } }"#);
    for edit in [
        &(|ws: &Workspace| drop(annotate(ws, "k.json"))) as &dyn Fn(&Workspace),
        &|ws: &Workspace| {
            let wrapped = json!({ "app": ws.delivered("k.json") });
            put(ws, "k.json", &wrapped);
        },
        &|ws: &Workspace| {
            let mut document = ws.delivered("k.json");
            document["secondary"] = document["primary"].take();
            document["primary"] = json!({ "key_id": null, "secret": "made-up-by-hand" });
            put(ws, "k.json", &document);
        },
    ] {
        let ws = Config::new().created();
        ws.plan().ok().code(0);
        edit(&ws);
        let edited = ws.delivered("k.json");
        ws.write(&moved.clone().beside(&beside("k.json")).text());
        ws.plan()
            .failed()
            .complains(&["k.json", "key of another resource", "\"payments\""]);
        ws.apply_with(&["-refresh=false"]).failed();
        assert_eq!(ws.delivered("k.json"), edited);
        assert!(ws.find_key("other").is_none());
    }
}
