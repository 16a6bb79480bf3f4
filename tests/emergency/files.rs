//! Emergencies of keys that are minted here and live in files.

use crate::emergency::{block, declared};
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";

/// The delivered secrets, the primary first.
fn secrets(ws: &Workspace) -> [String; 2] {
    ["primary", "secondary"].map(|slot| ws.secret("k.json", slot))
}

#[test]
fn every_order_and_scope_ends_with_one_new_key_that_is_delivered_alone() {
    let lives: [fn(&Config) -> Workspace; 3] = [Config::created, Config::staged, Config::retiring];
    for order in ["replace_first", "revoke_first"] {
        for (index, live) in lives.iter().enumerate() {
            let config = Config::new();
            let ws = live(&config);
            let old = secrets(&ws);
            ws.write(&config.with(&block("INC-1", order, "all")).text());
            ws.plan().ok().code(2);
            assert_eq!(ws.change(K).after("last_action"), "emergency");
            ws.apply_plan().ok();
            let [primary, secondary] = secrets(&ws);
            assert!(
                !primary.is_empty() && secondary.is_empty(),
                "{order} {index}"
            );
            assert!(!old.contains(&primary), "{order} {index}");
            assert_eq!(ws.key("k").status(), "ok");
            ws.plan().ok().code(0);
        }
    }
}

#[test]
fn an_emergency_waits_for_neither_a_pause_nor_a_date_nor_a_refresh() {
    let config = Config::new().and_policy("paused = true");
    let ws = config.created();
    let [old, _] = secrets(&ws);
    ws.advance("40d").plan().ok().warns(&["overdue"]);
    ws.write(&config.clone().with(&declared("INC-1")).text());
    ws.plan_with(&["-refresh=false"]).ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), "emergency");
    ws.apply_plan().ok();
    let [new, none] = secrets(&ws);
    assert!(new != old && none.is_empty());
    ws.plan().ok().code(0);
    ws.plan_with(&["-refresh=false"]).ok().code(0);
}

#[test]
fn an_emergency_of_a_policy_is_one_of_each_of_its_keys_and_of_none_that_is_new() {
    let second = |name: &str| {
        format!(
            r#"
resource "apikey_managed" "{name}" {{
  name       = "{name}"
  policy     = apikey_rotation_policy.p
  issuer     = {{ generated = {{ prefix = "acme" }} }}
  deliveries = {{ app = {{ file = {{ path = "{name}.json" }} }} }}
}}"#
        )
    };
    let config = Config::new().beside(&second("other"));
    let ws = config.created();
    let old = ["k.json", "other.json"].map(|file| ws.secret(file, "primary"));
    let config = config.and_policy(&declared("INC-7")).beside(&second("new"));
    ws.write(&config.text());
    let planned = ws.plan().ok().code(2);
    planned
        .warns(&["payments: EMERGENCY INC-7"])
        .warns(&["other: EMERGENCY INC-7"])
        .does_not_warn("new: EMERGENCY");
    ws.apply_plan().ok();
    let new = ["k.json", "other.json"].map(|file| ws.secret(file, "primary"));
    assert!(
        old.iter()
            .zip(&new)
            .all(|(old, new)| old != new && !new.is_empty())
    );
    assert_eq!(ws.key("new").generation(), 1);
    ws.plan().ok().code(0);

    // Another id on the key beside that of the policy is another emergency, of this key alone.
    ws.write(&config.with(&declared("INC-8")).text());
    ws.apply().ok();
    assert_ne!(ws.secret("k.json", "primary"), new[0]);
    assert_eq!(ws.secret("other.json", "primary"), new[1]);
    ws.plan().ok().code(0);
}

#[test]
fn an_older_state_neither_forgets_an_emergency_nor_handles_it_twice() {
    let config = Config::new();
    let ws = config.created();
    let (older, [old, _]) = (ws.state(), secrets(&ws));
    ws.write(&config.with(&declared("INC-1")).text());
    ws.apply().ok();
    let [new, _] = secrets(&ws);
    assert_ne!(new, old);

    ws.put_back(&older);
    ws.apply().ok();
    assert_eq!(secrets(&ws), [new.clone(), String::new()]);
    assert_eq!(ws.key("k").status(), "ok");
    ws.plan().ok().code(0);
    ws.put_back(&older);
    ws.apply_with(&["-refresh=false"]).failed();
    assert_eq!(secrets(&ws), [new, String::new()]);
}

#[test]
fn the_plan_says_what_dies_why_and_when() {
    let config = Config::new();
    let ws = config.retiring();
    ws.write(&config.with(&declared("INC-42")).text());
    ws.plan()
        .ok()
        .reads_warnings("emergency-beside-a-retiring-key");

    let config = Config::new();
    let ws = config.staged();
    let first = block("INC-42", "revoke_first", "primary");
    ws.write(&config.with(&first).text());
    ws.plan()
        .ok()
        .reads_warnings("emergency-that-revokes-first");
}
