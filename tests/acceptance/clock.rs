//! Time passes between a plan and its apply, between two plans, and while nobody looks.

use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";

/// Plans a rename right before an edge and applies it after it: the rename happens and nothing else.
#[track_caller]
fn rename_across_the_edge(ws: &Workspace, phase: &str, next: &str) {
    let before = ws.key("k");
    ws.write(&Config::new().name("renamed").text());
    ws.plan().ok().code(2);
    let change = ws.change(K);
    assert_eq!(change.actions(), "update");
    assert!(change.unknown().is_empty(), "{:?}", change.unknown());

    ws.advance("5s").apply_plan().ok();
    let after = ws.key("k");
    assert_eq!(after.text("name"), "renamed");
    assert_eq!(after.phase(), phase);
    assert_eq!(after.at("primary"), before.at("primary"));
    assert_eq!(after.at("secondary"), before.at("secondary"));

    ws.plan().ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), next);
}

#[test]
fn a_rename_planned_before_staging_is_due_only_renames() {
    let ws = Config::new().created();
    rename_across_the_edge(ws.advance("79s"), "single", "stage");
}

#[test]
fn a_rename_planned_before_promotion_is_due_only_renames() {
    let ws = Config::new().staged();
    rename_across_the_edge(ws.advance("19s"), "staged", "promote");
}

#[test]
fn a_rename_planned_before_the_grace_ends_only_renames() {
    let ws = Config::new().retiring();
    rename_across_the_edge(ws.advance("29s"), "retiring", "revoke");
}

#[test]
fn an_unchanged_key_with_a_condition_may_become_due_between_plan_and_apply() {
    let condition = r#"lifecycle {
    postcondition {
      condition     = self.generation > 0
      error_message = "no key"
    }
  }"#;
    let other = |value: &str| format!(r#"resource "terraform_data" "o" {{ input = "{value}" }}"#);
    let config = Config::new().with(condition);
    let ws = config.clone().beside(&other("one")).created();
    ws.write(&config.beside(&other("two")).text());
    ws.advance("79s").plan().ok().code(2);
    ws.advance("5s").apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "single");
    ws.plan().ok().code(2);
}

#[test]
fn a_saved_plan_does_what_it_said_however_late_it_is_applied() {
    let ws = Config::new().created();
    ws.advance("80s").plan().ok().code(2);
    ws.advance("90d").apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "staged");
    assert_eq!(
        ws.key("k").text("secondary.delivered_at"),
        ws.now().to_string()
    );

    // Delivered just now, so the propagation delay starts now.
    ws.plan().ok();
    ws.advance("5s").plan().ok().code(2);
    ws.advance("90d").apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "retiring");
    assert_eq!(ws.key("k").text("secondary.revoke_after"), ws.in_a("30s"));

    ws.advance("30s").plan().ok().code(2);
    ws.advance("90d").apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "single");
    assert_eq!(ws.key("k").generation(), 2);
}

#[test]
fn a_plan_finds_what_is_due_without_a_refresh() {
    let ws = Config::new().created();
    let plan = || ws.plan_with(&["-refresh=false"]);
    ws.advance("79s");
    plan().ok().code(0);
    ws.advance("1s");
    plan().ok().code(2).warns(&["payments", "mints a new key"]);
    ws.advance("2s").apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "staged");

    ws.at("2026-01-01T00:01:40Z");
    plan().ok().code(2).warns(&["payments", "promotes"]);
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "retiring");

    ws.advance("30s");
    plan().ok().code(2).warns(&["payments", "revokes"]);
    ws.advance("7d").apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "single");
}

/// Refreshes, and tells whether that changed anything in the state, private data included.
#[track_caller]
fn refresh_changes_something(ws: &Workspace) -> bool {
    let before = instances(ws);
    ws.apply_with(&["-refresh-only"]).ok();
    instances(ws) != before
}

/// What the state says of the resources. The CLI lists sensitive paths in a random order.
fn instances(ws: &Workspace) -> serde_json::Value {
    let mut resources = ws.state()["resources"].clone();
    for resource in resources.as_array_mut().into_iter().flatten() {
        resource["instances"][0]["sensitive_attributes"].take();
    }
    resources
}

#[test]
fn refresh_only_settles_after_every_edge() {
    let ws = Config::new().created();
    // Staging is due, promotion is due, the rotation is overdue.
    for edge in ["80s", "20s", "30d"] {
        ws.advance(edge);
        assert!(refresh_changes_something(&ws), "{edge}");
        assert!(!refresh_changes_something(&ws), "{edge}");
        ws.advance("1s");
        assert!(!refresh_changes_something(&ws), "{edge}");
    }
    assert_eq!(ws.key("k").status(), "overdue");
    assert_eq!(ws.key("k").phase(), "single");
    ws.plan().ok().code(2);
}

#[test]
fn a_refresh_after_an_apply_finds_nothing_new() {
    for ws in [
        Config::new().created(),
        Config::new().staged(),
        Config::new().retiring(),
    ] {
        ws.advance("1s");
        assert!(!refresh_changes_something(&ws), "{}", ws.key("k").phase());
    }
}

#[test]
fn a_refresh_that_notes_a_due_step_does_not_change_the_step() {
    let ws = Config::new().created();
    ws.advance("80s").apply_with(&["-refresh-only"]).ok();
    assert_eq!(ws.key("k").status(), "due");
    ws.advance("1h").plan().ok().code(2);
    ws.advance("1h").apply_plan().ok();
    // More was due by then, but one step is what the plan showed.
    assert_eq!(ws.key("k").phase(), "staged");
}

#[test]
fn however_many_periods_were_missed_there_is_one_rotation() {
    let ws = Config::new().created();
    ws.advance("50d").apply().ok();
    assert_eq!(ws.key("k").phase(), "staged");
    ws.advance("5s").apply().ok();
    assert_eq!(ws.key("k").phase(), "retiring");
    assert_eq!(ws.key("k").generation(), 2);
    assert_eq!(ws.key("k").text("rotation_due_at"), ws.in_a("100s"));
    ws.plan().ok().code(0);
}

#[test]
fn a_long_expired_retiring_key_makes_room_in_the_same_apply() {
    let ws = Config::new().retiring();
    let second = ws.key("k").primary();
    ws.advance("50d").plan().ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), "revoke+stage");
    ws.apply_plan().ok();
    let key = ws.key("k");
    assert_eq!((key.phase().as_str(), key.primary()), ("staged", second));
    assert_eq!(key.text("secondary.role"), "staged");
}

#[test]
fn without_a_propagation_delay_a_missed_rotation_takes_one_apply() {
    let policy = r#"
  rotation_interval = "100s"
  stage_before      = "20s"
  propagation_delay = "0s"
  grace_period      = "30s"
"#;
    let ws = Config::new().policy(policy).created();
    let first = ws.secret("k.json", "primary");
    ws.advance("100s")
        .plan()
        .ok()
        .code(2)
        .warns(&["payments", "mints", "promotes"]);
    assert_eq!(ws.change(K).after("last_action"), "stage+promote");
    ws.advance("3s").apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "retiring");
    assert_eq!(ws.secret("k.json", "secondary"), first);
    assert_eq!(ws.key("k").generation(), 2);
    ws.plan().ok().code(0);
}

#[test]
fn a_run_as_often_as_the_interval_rotates_every_time() {
    let policy = r#"
  rotation_interval = "100s"
  stage_before      = "20s"
  propagation_delay = "0s"
  grace_period      = "30s"
"#;
    let ws = Config::new().policy(policy).created();
    for generation in 2..5 {
        ws.advance("100s").plan().ok().code(2);
        ws.apply_plan().ok();
        assert_eq!(ws.key("k").generation(), generation);
        ws.plan().ok().code(0);
    }
    assert_eq!(ws.key("k").last_action(), "revoke+stage+promote");
}

#[test]
fn without_any_waits_one_apply_replaces_the_key() {
    let policy = r#"
  rotation_interval = "100s"
  stage_before      = "0s"
  grace_period      = "0s"
"#;
    let ws = Config::new().policy(policy).created();
    let first = ws.secret("k.json", "primary");
    ws.advance("100s").plan().ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), "stage+promote+revoke");
    ws.apply_plan().ok();
    let key = ws.key("k");
    assert_eq!((key.phase().as_str(), key.generation()), ("single", 2));
    assert_ne!(ws.secret("k.json", "primary"), first);
    assert_eq!(ws.secret("k.json", "secondary"), "");
    ws.plan().ok().code(0);
}

#[test]
fn a_daily_schedule_with_some_jitter_keeps_an_interval_of_days() {
    let policy = r#"
  rotation_interval = "10d"
  stage_before      = "1d"
  grace_period      = "1h"
"#;
    let ws = Config::new().policy(policy).created();
    // Each run starts some seconds before or after the full day.
    let starts = ["23h59m40s", "24h", "24h10s", "23h59m55s", "24h15s"];
    let mut rotated = Vec::new();
    for day in 1..=30 {
        ws.advance(starts[day % starts.len()]).apply().ok();
        if ws.key("k").last_action().ends_with("promote") {
            rotated.push(day);
        }
    }
    assert_eq!(rotated, [10, 20, 30]);
}

#[test]
fn a_clock_that_went_back_neither_rotates_nor_fails() {
    let ws = Config::new().retiring();
    let plan = ws.at("2025-06-01T00:00:00Z").plan().ok().code(0);
    plan.warns(&[
        "payments: the state is newer than the clock",
        "2026-01-01T00:01:40Z",
    ]);
    ws.at("2026-01-01T00:02:09Z").plan().ok().code(0);
}

#[test]
fn paused_rotates_nothing_and_still_says_what_is_due() {
    let paused = Config::new().and_policy("paused = true");
    let ws = paused.created();
    ws.advance("200s")
        .plan()
        .ok()
        .warns(&["payments", "paused"]);
    ws.apply().ok();
    assert_eq!(
        (ws.key("k").phase().as_str(), ws.key("k").status().as_str()),
        ("single", "due")
    );
    ws.plan().ok().code(0);

    // A resumed policy is an edit; the plan after it shows the step.
    ws.write(&Config::new().text());
    ws.apply().ok();
    ws.apply().ok();
    assert_eq!(ws.key("k").phase(), "staged");
}

#[test]
fn paused_still_revokes_what_had_its_grace() {
    let ws = Config::new().retiring();
    ws.write(&Config::new().and_policy("paused = true").text());
    ws.apply().ok();
    ws.advance("30s")
        .plan()
        .ok()
        .code(2)
        .warns(&["payments", "revokes"]);
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "single");
}

#[test]
fn a_state_that_tells_of_the_future_brings_nothing_forward() {
    for slot in ["promoted_at", "created_at", "delivered_at"] {
        let ws = Config::new().created();
        let delivered = ws.delivered("k.json");
        ws.edit_state(|state| {
            let resources = state["resources"].as_array_mut().unwrap();
            let key = resources
                .iter_mut()
                .find(|it| it["type"] == "apikey_managed");
            key.unwrap()["instances"][0]["attributes"]["primary"][slot] =
                "9999-12-31T23:59:59Z".into();
        });
        for refresh in ["-refresh=true", "-refresh=false"] {
            let planned = ws.plan_with(&[refresh]).ok().code(0);
            planned.warns(&["payments", "newer than the clock", "9999"]);
        }
        ws.apply().ok();
        assert_eq!(ws.delivered("k.json"), delivered, "{slot}");
        assert_eq!(ws.key("k").phase(), "single", "{slot}");
    }
}

#[test]
fn an_interval_cut_below_the_age_of_the_key_is_told_by_the_very_plan() {
    let ws = Config::new().created();
    let shorter = r#"
  rotation_interval = "40s"
  stage_before      = "5s"
  grace_period      = "5s"
"#;
    ws.advance("50s")
        .write(&Config::new().policy(shorter).text());
    let plan = ws.plan().ok().code(2);
    plan.warns(&[
        "payments: key is due",
        "rotation is due since 2026-01-01T00:00:40Z",
        "shows in the plan after it",
    ]);
    assert_eq!(ws.change(K).after("last_action"), "create");
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "single");
    ws.plan().ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), "stage");
}

#[test]
fn a_change_of_owner_says_who_still_knows_the_key() {
    let owned = |owner: &str| Config::new().with(&format!("owner = {owner:?}"));
    let ws = owned("payments-team").created();
    let primary = ws.key("k").primary();
    ws.write(&owned("platform-team").text());
    let plan = ws.plan().ok().code(2);
    plan.warns(&[
        r#"payments: its owner changes from "payments-team" to "platform-team""#,
        &primary,
        "rotation_trigger",
    ]);
    ws.apply_plan().ok();
    ws.plan().ok().code(0).does_not_warn("owner");
}
