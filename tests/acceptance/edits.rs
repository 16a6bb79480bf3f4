//! What people edit while keys live: policies, names, triggers, settings that are not known yet.

use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";

fn policy(interval: &str, grace: &str) -> Config {
    Config::new().policy(&format!(
        "rotation_interval = \"{interval}\"\n  stage_before = \"20s\"\n  propagation_delay = \"5s\"\n  grace_period = \"{grace}\""
    ))
}

/// Applies the edit and expects that it took no step.
#[track_caller]
fn edit_takes_no_step(ws: &Workspace, edit: &Config) {
    let before = ws.key("k");
    ws.write(&edit.text());
    ws.plan().ok().code(2);
    ws.apply_plan().ok();
    let after = ws.key("k");
    assert_eq!(after.phase(), before.phase());
    assert_eq!(after.primary(), before.primary());
    assert_eq!(after.secondary(), before.secondary());
}

#[test]
fn a_shorter_policy_rotates_from_the_next_plan_on() {
    let ws = Config::new().created();
    ws.advance("50s");
    edit_takes_no_step(&ws, &policy("60s", "30s"));
    assert_eq!(ws.key("k").text("rotation_due_at"), "2026-01-01T00:01:00Z");
    assert_eq!(ws.key("k").status(), "due");
    ws.plan().ok().code(2).warns(&["payments", "mints"]);
    assert_eq!(ws.change(K).after("last_action"), "stage");
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "staged");
}

#[test]
fn a_longer_policy_takes_back_what_was_due() {
    let ws = Config::new().created();
    ws.advance("80s").apply_with(&["-refresh-only"]).ok();
    assert_eq!(ws.key("k").status(), "due");
    edit_takes_no_step(&ws, &policy("1000s", "30s"));
    assert_eq!(ws.key("k").status(), "ok");
    ws.plan().ok().code(0);
}

#[test]
fn a_policy_edited_while_a_step_is_due_does_not_take_another_step() {
    let ws = Config::new().created();
    ws.advance("80s").apply_with(&["-refresh-only"]).ok();
    ws.write(&policy("90s", "30s").text());
    ws.plan().ok().code(2);
    let announced = ws.change(K).after("last_action").clone();
    ws.advance("1h").apply_plan().ok();
    assert_eq!(ws.key("k").last_action(), announced);
    assert_ne!(ws.key("k").phase(), "retiring");
}

#[test]
fn a_shorter_grace_revokes_with_the_next_plan() {
    let ws = Config::new().retiring();
    ws.advance("10s");
    edit_takes_no_step(&ws, &policy("100s", "10s"));
    assert_eq!(
        ws.key("k").text("secondary.revoke_after"),
        ws.now().to_string()
    );
    ws.plan().ok().code(2).warns(&["payments", "revokes"]);
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "single");
}

#[test]
fn a_longer_grace_keeps_the_retiring_key() {
    let ws = Config::new().retiring();
    ws.advance("10s");
    edit_takes_no_step(&ws, &policy("100s", "60s"));
    ws.advance("49s").plan().ok().code(0);
    ws.advance("1s").plan().ok().code(2);
}

#[test]
fn a_policy_that_does_not_fit_is_refused_with_both_names() {
    let ws = Workspace::with(&policy("40s", "30s").text());
    ws.plan()
        .failed()
        .complains(&["stage_before", "grace_period"]);
}

#[test]
fn a_rename_leaves_every_attribute_of_the_key_known() {
    let ws = Config::new().retiring();
    let before = ws.key("k");
    ws.write(
        &Config::new()
            .name("renamed")
            .with(r#"owner = "ops""#)
            .text(),
    );
    ws.plan().ok().code(2);
    let change = ws.change(K);
    assert_eq!(change.unknown(), Vec::<String>::new());
    let mut changed = change.changed();
    changed.sort();
    assert_eq!(changed, ["group", "name", "owner"]);
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").at("id"), before.at("id"));
    ws.plan().ok().code(0);
}

#[test]
fn a_trigger_rotates_only_when_one_value_becomes_another() {
    let trigger = |value: &str| Config::new().with(&format!("rotation_trigger = {value:?}"));
    let ws = Config::new().created();

    ws.write(&trigger("one").text());
    ws.plan()
        .ok()
        .warns(&["nothing is rotated by the first value", "then change it"]);
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "single");
    ws.plan().ok().code(0);

    ws.write(&trigger("two").text());
    ws.plan()
        .ok()
        .code(2)
        .warns(&["payments", "rotation_trigger"]);
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "staged");
    ws.advance("5s").plan().ok().code(2);
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "retiring");
    assert_eq!(ws.key("k").generation(), 2);
    ws.plan().ok().code(0);

    ws.write(&Config::new().text());
    ws.apply().ok();
    ws.plan().ok().code(0);
    assert_eq!(ws.key("k").generation(), 2);
}

#[test]
fn a_trigger_during_the_grace_waits_for_its_end() {
    let trigger = |value: &str| Config::new().with(&format!("rotation_trigger = {value:?}"));
    let ws = trigger("one").retiring();
    let before = ws.key("k");
    ws.write(&trigger("two").text());
    ws.apply().ok();
    assert_eq!(ws.key("k").at("secondary"), before.at("secondary"));
    ws.plan().ok().code(0);
    ws.advance("30s").plan().ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), "revoke+stage");
    ws.apply_plan().ok();
    ws.advance("5s").apply().ok();
    assert_eq!(ws.key("k").generation(), 3);
}

#[test]
fn a_setting_that_is_unknown_at_plan_does_not_break_the_apply() {
    let rest = |value: &str| format!(r#"resource "terraform_data" "d" {{ input = "{value}" }}"#);
    let config =
        Config::new().deliveries(r#"{ app = { file = { path = terraform_data.d.output } } }"#);
    let ws = config.clone().beside(&rest("k.json")).created();
    let before = ws.key("k");

    ws.write(&config.clone().beside(&rest("other.json")).text());
    ws.plan().ok().code(2).warns(&["payments"]);
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").primary(), before.primary());
    assert_eq!(ws.key("k").generation(), 1);
    // Whatever the apply could not know is done by the next one.
    ws.apply().ok();
    assert_eq!(
        ws.delivered("other.json")["primary"]["secret"]
            .as_str()
            .map(|s| s.starts_with("acme_")),
        Some(true)
    );
    assert!(!ws.path("k.json").exists());
    ws.plan().ok().code(0);
}

#[test]
fn a_policy_that_is_unknown_at_plan_does_not_break_the_apply() {
    let rest = |value: &str| format!(r#"resource "terraform_data" "d" {{ input = "{value}" }}"#);
    let config = policy("100s", "30s").policy(
        "rotation_interval = terraform_data.d.output\n  stage_before = \"20s\"\n  propagation_delay = \"5s\"\n  grace_period = \"30s\"",
    );
    let ws = config.clone().beside(&rest("100s")).created();
    let before = ws.key("k");
    ws.write(&config.beside(&rest("60s")).text());
    ws.advance("50s").plan().ok().code(2);
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").at("primary"), before.at("primary"));
    assert_eq!(ws.key("k").text("rotation_due_at"), "2026-01-01T00:01:00Z");
    ws.plan().ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), "stage");
}

#[test]
fn a_key_can_be_created_from_values_that_are_unknown_at_plan() {
    let config = Config::new()
        .name("${terraform_data.d.output}")
        .deliveries(r#"{ app = { file = { path = "${terraform_data.d.output}.json" } } }"#)
        .issuer(r#"{ generated = { prefix = terraform_data.d.output } }"#)
        .beside(r#"resource "terraform_data" "d" { input = "late" }"#);
    let ws = config.created();
    assert_eq!(ws.key("k").text("group"), "late");
    assert!(ws.secret("late.json", "primary").starts_with("late_"));
    ws.plan().ok().code(0);
}

#[test]
fn deliveries_that_are_unknown_at_plan_are_created() {
    let config = Config::new().deliveries("terraform_data.d.output").beside(
        r#"resource "terraform_data" "d" { input = { app = { file = { path = "k.json" } } } }"#,
    );
    let ws = config.created();
    assert!(!ws.secret("k.json", "primary").is_empty());
    assert_eq!(ws.key("k").at("primary.secret"), &serde_json::Value::Null);
    ws.plan().ok().code(0);
}

#[test]
fn another_prefix_applies_from_the_next_key_on() {
    let ws = Config::new().created();
    let renamed = Config::new().issuer(r#"{ generated = { prefix = "other" } }"#);
    edit_takes_no_step(&ws, &renamed);
    ws.advance("80s").apply().ok();
    assert!(ws.secret("k.json", "primary").starts_with("acme_"));
    assert!(ws.secret("k.json", "secondary").starts_with("other_"));
}
