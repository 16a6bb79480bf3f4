//! Destroying, replacing, tainting, targeting, forgetting and importing.

use serde_json::Value;

use crate::monitoring::ask;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";

#[test]
fn destroy_revokes_and_empties_the_deliveries() {
    let ws = Config::new().retiring();
    let plan = ws.plan_with(&["-destroy"]).ok().code(2);
    let (primary, secondary) = (ws.key("k").primary(), ws.key("k").secondary());
    plan.warns(&["payments", "revoked", &primary, &secondary]);
    ws.apply_plan().ok();
    assert!(!ws.path("k.json").exists());
    assert!(ws.find_key("k").is_none());
}

#[test]
fn destroy_with_retain_leaves_everything() {
    let ws = Config::new()
        .and_policy(r#"on_destroy = "retain""#)
        .retiring();
    let delivered = ws.delivered("k.json");
    ws.plan_with(&["-destroy"])
        .ok()
        .warns(&["payments", "retain"]);
    ws.apply_plan().ok();
    assert_eq!(ws.delivered("k.json"), delivered);
    assert!(ws.find_key("k").is_none());
}

#[test]
fn destroy_leaves_a_document_that_is_not_ours_any_more() {
    let ws = Config::new().created();
    let other = Config::new().created();
    std::fs::copy(other.path("k.json"), ws.path("k.json")).unwrap();
    ws.destroy().ok();
    assert_eq!(ws.delivered("k.json"), other.delivered("k.json"));
}

#[test]
fn destroy_refuses_while_a_document_is_newer_than_the_state() {
    let ws = Config::new().created();
    let other = Config::new().retiring();
    std::fs::copy(other.path("k.json"), ws.path("k.json")).unwrap();
    let refused = ws.destroy();
    refused
        .failed()
        .complains(&["k.json", "generation 2", "this state has 1"]);
    assert_eq!(ws.delivered("k.json"), other.delivered("k.json"));
    assert!(
        ws.key("k").status() != "",
        "the resource stays in the state"
    );
}

#[test]
fn a_replaced_key_ends_with_the_new_one_delivered() {
    let ws = Config::new().created();
    let first = ws.key("k");
    // Terraform drops every warning of the creation that it plans for this.
    ws.plan_with(&[&format!("-replace={K}")]).ok().code(2);
    assert_eq!(ws.change(K).actions(), "delete+create");
    ws.apply_plan().ok();
    let second = ws.key("k");
    assert_ne!(second.primary(), first.primary());
    assert_ne!(second.at("id"), first.at("id"));
    assert_eq!(second.generation(), 1);
    assert!(ws.secret("k.json", "primary").starts_with("acme_"));
    ws.plan().ok().code(0);
}

#[test]
fn another_issuer_replaces_the_key_and_says_what_is_revoked() {
    let ws = Config::new().retiring();
    let (primary, secondary) = (ws.key("k").primary(), ws.key("k").secondary());
    ws.write(
        &Config::new()
            .issuer(r#"{ aws_iam = { user_name = "ci" } }"#)
            .text(),
    );
    let plan = ws.plan().ok().code(2);
    plan.warns(&["payments", "revoked", &primary, &secondary]);
    assert_eq!(ws.change(K).actions(), "delete+create");
}

/// The new key takes the place of one that lives, which its delivery has to allow.
fn created_before_the_old_one_is_destroyed() -> Config {
    Config::new()
        .deliveries(r#"{ app = { file = { path = "k.json" }, overwrite = true } }"#)
        .with("lifecycle { create_before_destroy = true }")
}

#[test]
fn create_before_destroy_without_leave_to_overwrite_changes_nothing() {
    let ws = Config::new()
        .with("lifecycle { create_before_destroy = true }")
        .created();
    // A refresh has seen the key in the state.
    ws.plan().ok().code(0);
    let was = ws.delivered("k.json");
    ws.plan_with(&[&format!("-replace={K}")]).ok().code(2);
    let refused = ws.apply_plan().failed();
    refused.complains(&["create_before_destroy", "overwrite = true"]);
    assert_eq!(ws.delivered("k.json"), was);
    ws.plan().ok().code(0);
}

#[test]
fn create_before_destroy_does_not_take_away_what_the_new_key_delivered() {
    let ws = created_before_the_old_one_is_destroyed().retiring();
    ws.plan_with(&[&format!("-replace={K}")]).ok().code(2);
    assert_eq!(ws.change(K).actions(), "create+delete");
    ws.apply_plan().ok();
    assert!(ws.secret("k.json", "primary").starts_with("acme_"));
    assert_eq!(ws.key("k").delivery("app"), "delivered");
    let shown = ws.plan().ok().code(0);
    shown.does_not_warn("payments");
}

#[test]
fn a_new_key_beside_the_old_one_takes_its_place_without_a_gap() {
    // The old key moves its life to another address: one is created in the file, the other destroyed after.
    let ws = created_before_the_old_one_is_destroyed().staged();
    ws.plan_with(&[&format!("-replace={K}")]).ok();
    ws.apply_plan().ok();
    let document = ws.delivered("k.json");
    assert!(document["secondary"].is_null(), "the old keys are gone");
    assert_eq!(document["generation"], 1);
}

#[test]
fn a_tainted_key_is_replaced_and_delivered() {
    let ws = Config::new().created();
    let first = ws.key("k").primary();
    ws.run(&["taint", K]).ok();
    let plan = ws.plan().ok().code(2);
    plan.warns(&[
        "payments: the key is revoked if this replaces payments",
        &first,
        "rotation_trigger",
    ]);
    assert_eq!(ws.change(K).actions(), "delete+create");
    ws.apply_plan().ok();
    assert_ne!(ws.key("k").primary(), first);
    assert!(!ws.secret("k.json", "primary").is_empty());
    ws.plan().ok().code(0);
}

#[test]
fn a_key_that_its_state_forgot_is_created_again_once_a_person_says_that_no_state_holds_it() {
    let ws = Config::new().created();
    let (first, id) = (ws.secret("k.json", "primary"), ws.key("k").text("id"));
    let lives = || assert_eq!(ws.secret("k.json", "primary"), first);
    // The command line asks no provider about it.
    ws.write(&format!(
        "removed {{\n  from = {K}\n  lifecycle {{\n    destroy = false\n  }}\n}}"
    ));
    ws.plan().ok().code(2);
    assert_eq!(ws.change(K).actions(), "forget");
    ws.apply_plan().ok();
    assert!(ws.find_key("k").is_none());
    lives();
    let known = ["inventory", "--format", "json"];
    ask(&ws, &known).code(0).says(&["payments", "\"live\""]);

    // No refresh has seen the key in a state, and yet another checkout may have it in its own.
    ws.write(&Config::new().text());
    let told = ["payments", "neither destroyed nor forgotten", &id];
    ws.apply().failed().complains(&told);
    lives();
    ask(&ws, &["ledger", "forget", &id]).code(0);
    ws.apply().ok();
    let second = ws.secret("k.json", "primary");
    assert!(!second.is_empty() && second != first);
    ws.plan().ok().code(0);
}

#[test]
fn a_target_beside_the_key_leaves_the_key_alone() {
    let ws = Config::new().created();
    let before = ws.key("k");
    ws.advance("80s");
    ws.plan_with(&["-target=apikey_rotation_policy.p"])
        .ok()
        .code(0);
    ws.plan_with(&[&format!("-target={K}")]).ok().code(2);
    assert_eq!(ws.key("k"), before);
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "staged");
}

#[test]
fn of_two_keys_the_targeted_one_takes_its_step() {
    let other = r#"
resource "apikey_managed" "other" {
  name       = "invoices"
  policy     = apikey_rotation_policy.p
  issuer     = { generated = { prefix = "acme" } }
  deliveries = { app = { file = { path = "other.json" } } }
}
"#;
    let ws = Config::new().beside(other).created();
    ws.advance("80s")
        .apply_with(&[&format!("-target={K}")])
        .ok();
    assert_eq!(ws.key("k").phase(), "staged");
    assert_eq!(ws.key("other").phase(), "single");
    ws.plan().ok().code(2).warns(&["invoices", "mints"]);
}

#[test]
fn a_generated_key_cannot_be_imported() {
    let ws = Workspace::with(&Config::new().text());
    let text = ws.import(K, "generated:acme").failed().text();
    assert!(text.contains("generated cannot import"), "{text}");
    assert!(
        text.contains("Remove the import and let apply create"),
        "{text}"
    );
    assert_eq!(ws.find_key("k"), None);
}

#[test]
fn a_wrong_import_id_is_explained_with_an_example() {
    let ws = Workspace::with(&Config::new().text());
    for id in ["nonsense", "nobody:x", "aws_iam:"] {
        let text = ws.import(K, id).failed().text();
        assert!(text.contains("is not an import id"), "{id}: {text}");
        assert!(
            text.contains("aws_iam:<id of the access key>"),
            "{id}: {text}"
        );
    }
}

#[test]
fn a_state_of_an_older_shape_still_plans() {
    let ws = Config::new().staged();
    let before = ws.key("k");
    ws.edit_state(|state| {
        for resource in state["resources"].as_array_mut().unwrap() {
            let attributes = resource["instances"][0]["attributes"]
                .as_object_mut()
                .unwrap();
            attributes.insert("gone_since".into(), Value::String("2.0".into()));
            if let Some(primary) = attributes.get_mut("primary").and_then(Value::as_object_mut) {
                primary.insert("gone_too".into(), Value::Bool(true));
                primary.remove("retired_at");
            }
            attributes.remove("status_reason");
            attributes.remove("notice_period");
        }
    });
    ws.plan().ok();
    ws.apply().ok();
    assert_eq!(ws.key("k").primary(), before.primary());
    assert_eq!(ws.key("k").secondary(), before.secondary());
    assert!(ws.key("k").at("gone_since").is_null());
    ws.plan().ok().code(0);
    ws.advance("20s").apply().ok();
    assert_eq!(ws.key("k").phase(), "retiring");
}

#[test]
fn lost_private_data_does_not_lose_the_key() {
    let ws = Config::new().staged();
    let second = ws.key("k").secondary();
    ws.edit_state(|state| {
        for resource in state["resources"].as_array_mut().unwrap() {
            resource["instances"][0]
                .as_object_mut()
                .unwrap()
                .remove("private");
        }
    });
    ws.plan().ok().code(0);
    ws.advance("20s").apply().ok();
    assert_eq!(ws.key("k").primary(), second);
}
