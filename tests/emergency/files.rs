//! Emergencies of keys that are minted here and live in files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::emergency::{block, declared};
use crate::monitoring::ask;
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
        .reads_warnings("emergency-of-a-key-without-an-id-that-revokes-first");
}

/// A directory that others may write to is one that no key is written to.
fn shared(ws: &Workspace, mode: u32) {
    fs::set_permissions(ws.path("theirs"), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_key_that_a_document_still_holds_is_accepted_there_and_the_emergency_is_not_over() {
    for order in ["replace_first", "revoke_first"] {
        let config = Config::new().deliveries(
            r#"{ ours = { file = { path = "k.json" } }, theirs = { file = { path = "theirs/k.json" } } }"#,
        );
        let ws = Workspace::with(&config.text());
        fs::create_dir(ws.path("theirs")).unwrap();
        shared(&ws, 0o700);
        ws.apply().ok();
        let [old, _] = secrets(&ws);
        shared(&ws, 0o777);
        ws.write(&config.with(&block("INC-1", order, "primary")).text());
        // What began to fail in the very apply is known to the next plan.
        ws.apply().failed();
        for _ in 0..2 {
            let refused = ws.apply().failed();
            refused
                .complains(&["NOT revoked", "\"theirs\" still holds it", "accepting it"])
                .reads("emergency-of-a-key-that-a-document-still-holds");
            assert_eq!(ws.key("k").status(), "compromised", "{order}");
            assert_eq!(ws.secret("theirs/k.json", "primary"), old);
            let [new, none] = secrets(&ws);
            assert!(new != old && none.is_empty(), "{order}");
            ask(&ws, &["status", "--fail-on", "compromised"]).code(3);
        }
        shared(&ws, 0o700);
        ws.apply().ok();
        let [new, _] = secrets(&ws);
        assert_eq!(ws.secret("theirs/k.json", "primary"), new, "{order}");
        assert_eq!(ws.secret("theirs/k.json", "secondary"), "");
        assert_eq!(ws.key("k").status(), "ok");
        ws.plan().ok().code(0);
    }
}

/// What stands at a place is not known by the name of its delivery alone.
#[test]
fn an_emergency_is_not_over_while_a_delivery_that_got_another_name_cannot_be_read() {
    let deliveries = |name: &str| {
        let theirs = r#"{ required = false, file = { path = "b.json" } }"#;
        format!(r#"{{ ours = {{ file = {{ path = "k.json" }} }}, {name} = {theirs} }}"#)
    };
    let config = |name: &str| Config::new().deliveries(&deliveries(name));
    for order in ["replace_first", "revoke_first"] {
        let ws = config("theirs").created();
        let old = ws.secret("b.json", "primary");
        fs::set_permissions(ws.path("b.json"), Permissions::from_mode(0o644)).unwrap();
        ws.write(&config("renamed").text());
        ws.apply().ok();
        let declared = block("INC-1", order, "primary");
        ws.write(&config("renamed").with(&declared).text());
        for _ in 0..2 {
            let told = [
                "NOT revoked",
                "\"renamed\" may still hold it",
                "open to other",
            ];
            ws.apply().failed().complains(&told);
            assert_eq!(ws.key("k").status(), "compromised", "{order}");
            assert_eq!(ws.secret("b.json", "primary"), old);
        }
        fs::set_permissions(ws.path("b.json"), Permissions::from_mode(0o600)).unwrap();
        ws.apply().ok();
        assert_ne!(ws.secret("b.json", "primary"), old);
        ws.plan().ok().code(0);
    }
}

#[test]
fn an_emergency_is_not_over_while_a_place_that_a_delivery_has_left_may_hold_the_key() {
    let two = Config::new().two_deliveries();
    let one = Config::new().deliveries(r#"{ a = { file = { path = "a.json" } } }"#);
    // The delivery leaves its place before the emergency, or with it.
    for leaves_before in [true, false] {
        let ws = two.created();
        let old = ws.secret("b.json", "primary");
        fs::set_permissions(ws.path("b.json"), Permissions::from_mode(0o644)).unwrap();
        if leaves_before {
            ws.write(&one.text());
            ws.apply().ok();
        }
        ws.write(&one.clone().with(&declared("INC-1")).text());
        ws.apply()
            .failed()
            .complains(&["is NOT revoked", "b.json", "may still hold it"])
            .reads("emergency-with-a-place-that-is-not-emptied");
        assert_eq!(ws.secret("b.json", "primary"), old);
        assert_ne!(ws.secret("a.json", "primary"), old);
        assert_eq!(ws.key("k").status(), "compromised");
        ask(&ws, &["status", "--fail-on", "compromised"]).code(3);

        fs::set_permissions(ws.path("b.json"), Permissions::from_mode(0o600)).unwrap();
        ws.apply().ok();
        assert!(!ws.path("b.json").exists());
        assert_eq!(ws.key("k").status(), "ok");
        ask(&ws, &["status", "--fail-on", "compromised"]).code(0);
        ws.plan().ok().code(0);
    }
}

#[test]
fn an_id_that_was_handled_is_handled_once_whatever_else_the_block_says() {
    let config = Config::new();
    let ws = config.created();
    ws.write(&config.clone().with(&declared("INC-1")).text());
    ws.apply().ok();
    let [new, _] = secrets(&ws);
    ws.write(&config.with(&block("INC-1", "revoke_first", "all")).text());
    ws.plan()
        .ok()
        .warns(&["EMERGENCY INC-1 was handled before", "a new id"])
        .reads_warnings("emergency-that-was-handled-before");
    ws.apply().ok();
    assert_eq!(secrets(&ws), [new, String::new()]);
    ws.plan().ok().code(0).does_not_warn("EMERGENCY");
}

#[test]
fn an_emergency_waits_neither_for_a_new_owner_nor_for_a_list_of_people() {
    let config = Config::new();
    let listed = config.clone().and_policy(r#"offboarded_owners = ["eve"]"#);
    let ws = listed.created();
    let [old, _] = secrets(&ws);
    let hurried = config
        .and_policy("require_owner = true")
        .with(&declared("INC-1"));
    ws.write(&hurried.text());
    ws.plan()
        .failed()
        .complains(&["offboarded owners is gone", "in an emergency write down"]);
    ws.write(&hurried.and_policy(r#"offboarded_owners = ["eve"]"#).text());
    ws.apply()
        .ok()
        .warns(&["it has no owner", "require_owner = true"])
        .reads_warnings("emergency-of-a-key-without-an-owner");
    assert_ne!(secrets(&ws)[0], old);
}

/// Of a resource that nobody holds any more no emergency is told.
#[test]
fn whoever_lets_go_of_a_compromised_key_is_told_that_it_lives_on() {
    let two = Config::new().and_policy(r#"on_destroy = "retain""#);
    let one = r#"{ a = { file = { path = "a.json" } } }"#;
    let ws = two.clone().two_deliveries().created();
    fs::set_permissions(ws.path("b.json"), Permissions::from_mode(0o644)).unwrap();
    ws.write(&two.deliveries(one).with(&declared("INC-1")).text());
    ws.apply().failed();
    let place = format!("in delivery a, and in file {}", ws.path("b.json").display());
    ws.plan_with(&["-destroy"])
        .ok()
        .warns(&[
            "a COMPROMISED key is left behind",
            "EMERGENCY INC-1",
            &place,
        ])
        .reads_warnings("destroy-that-leaves-a-compromised-key");

    let id = ws.key("k").text("id");
    ask(&ws, &["ledger", "forget", &id]).code(1).says(&[
        "EMERGENCY INC-1",
        "is not over",
        "--despite-emergency",
    ]);
    ask(&ws, &["status", "--fail-on", "compromised"]).code(3);
    ask(&ws, &["ledger", "forget", &id, "--despite-emergency"]).code(0);
}

/// The provider has done it and the ledger knows; whoever asked was gone before the answer.
#[test]
fn a_place_that_was_written_without_the_state_hearing_of_it_is_emptied_or_keeps_the_emergency_open()
{
    let two = Config::new().two_deliveries();
    let one = Config::new().deliveries(r#"{ a = { file = { path = "a.json" } } }"#);
    let unheard = || {
        let ws = one.created();
        let older = ws.state();
        ws.write(&two.text()).apply().ok();
        ws.put_back(&older);
        ws
    };
    // It is wanted: the state hears of it, and nothing is taken away.
    let ws = unheard();
    let delivered = ws.delivered("b.json");
    ws.plan().ok().code(2).does_not_warn("take the keys out");
    ws.apply_plan().ok();
    assert_eq!(ws.delivered("b.json"), delivered);
    ws.plan().ok().code(0);

    let ws = unheard();
    ws.write(&one.text());
    let place = ws.path("b.json").display().to_string();
    ws.plan().ok().code(2).warns(&["take the keys out", &place]);
    ws.destroy().ok();
    assert!(!ws.path("b.json").exists());

    let ws = unheard();
    let old = ws.secret("b.json", "primary");
    ws.write(&one.clone().with(&declared("INC-1")).text());
    ws.plan_with(&["-refresh=false"]).ok();
    ws.apply_plan()
        .failed()
        .complains(&["may have written a key to", "b.json", "plan is stale"]);
    assert_eq!(ws.secret("a.json", "primary"), old);
    ws.apply().ok();
    assert!(!ws.path("b.json").exists());
    assert_ne!(ws.secret("a.json", "primary"), old);
    assert_eq!(ws.key("k").status(), "ok");
    ws.plan().ok().code(0);
}

/// A key that no issuer has on record ends where it stands, and whatever leads there next has to be written first.
#[test]
fn both_keys_leave_a_place_that_the_last_write_has_missed_and_one_that_is_left_in_the_same_apply() {
    /// An emergency is declared, and beside `a.json` the keys are delivered to this file.
    type Live<'l> = &'l dyn Fn(&str) -> (Workspace, &'static str);
    let missed = |order: &str| {
        let deliveries = r#"{ a = { file = { path = "a.json" } }, theirs = { required = false, file = { path = "theirs/k.json" } } }"#;
        let config = Config::new().deliveries(deliveries);
        let ws = Workspace::with(&config.text());
        fs::create_dir(ws.path("theirs")).unwrap();
        shared(&ws, 0o700);
        ws.apply().ok();
        ws.advance("80s").apply().ok();
        shared(&ws, 0o777);
        ws.advance("20s").apply().ok();
        assert_eq!(ws.key("k").phase(), "retiring");
        shared(&ws, 0o700);
        ws.write(&config.with(&block("INC-1", order, "all")).text());
        (ws, "theirs/k.json")
    };
    let left = |order: &str| {
        let ws = Config::new().two_deliveries().retiring();
        let moved = r#"{ a = { file = { path = "a.json" } }, b = { file = { path = "c.json" } } }"#;
        let config = Config::new().deliveries(moved);
        ws.write(&config.with(&block("INC-1", order, "all")).text());
        (ws, "c.json")
    };
    let lives: [Live; 2] = [&missed, &left];
    for order in ["replace_first", "revoke_first"] {
        for live in lives {
            let (ws, other) = live(order);
            let old = ["primary", "secondary"].map(|slot| ws.secret("a.json", slot));
            ws.apply().ok();
            for file in ["a.json", other] {
                let [first, second] = ["primary", "secondary"].map(|slot| ws.secret(file, slot));
                assert!(!first.is_empty() && second.is_empty(), "{order} {file}");
                assert!(!old.contains(&first), "{order} {file}");
            }
            assert!(!ws.path("b.json").exists());
            assert_eq!(ws.key("k").status(), "ok", "{order}");
            ws.plan().ok().code(0);
        }
    }
}

/// What the state is to follow stands at places alone that it does not know.
#[test]
fn an_apply_that_has_moved_every_delivery_and_that_no_state_heard_of_is_followed() {
    let before = Config::new().deliveries(r#"{ a = { file = { path = "a.json" } } }"#);
    let moved = Config::new().deliveries(r#"{ a = { file = { path = "b.json" } } }"#);
    let moved = moved.with(&declared("INC-1"));
    let ws = before.created();
    let older = ws.state();
    ws.write(&moved.text()).apply().ok();
    let new = ws.secret("b.json", "primary");
    ws.put_back(&older);
    ws.plan().ok().code(2).does_not_warn("not of this resource");
    ws.apply_plan().ok();
    assert_eq!(ws.secret("b.json", "primary"), new);
    assert!(!ws.path("a.json").exists());
    assert_eq!(ws.key("k").status(), "ok");
    ws.plan().ok().code(0);
}

/// Both slots were taken, so that the state has no room for what the apply has written.
#[test]
fn a_killed_emergency_goes_on_with_what_it_delivered_whatever_stood_beside_the_compromised_key() {
    for (order, is_declared) in [("replace_first", false), ("revoke_first", true)] {
        let lease = r#"provider "apikey" { ledger = { lock_lease = "2s" } }"#;
        let config = Config::new().beside(lease);
        let ws = config.staged();
        let old = ["primary", "secondary"].map(|slot| ws.secret("k.json", slot));
        ws.write(&config.clone().with(&block("INC-1", order, "all")).text());
        ws.env("APIKEY_KILL", "replace:deliver:done#1")
            .apply()
            .failed();
        let new = ws.secret("k.json", "primary");
        assert!(!old.contains(&new), "{order}: it was delivered");
        if !is_declared {
            ws.write(&config.text());
        }
        std::thread::sleep(std::time::Duration::from_millis(2_200));
        let planned = ws.env("APIKEY_KILL", "").plan().ok().code(2);
        let planned = planned.warns(&["the state follows", "primary key in generation"]);
        planned.warns(&["EMERGENCY INC-1", "is revoked at once", "no key is minted"]);
        ws.apply_plan().ok();
        assert_eq!(
            ws.secret("k.json", "primary"),
            new,
            "{order}: nobody is given another one"
        );
        assert_eq!(ws.secret("k.json", "secondary"), "", "{order}");
        assert_eq!(ws.key("k").status(), "ok", "{order}");
        ask(&ws, &["status", "--fail-on", "compromised,failed"]).code(0);
        ws.plan().ok().code(0);
    }
}

/// Nobody can look at one of the places, and what made room for the new key may still stand there.
#[test]
fn a_killed_emergency_is_gone_on_with_although_a_place_cannot_be_looked_at() {
    let lease = r#"provider "apikey" { ledger = { lock_lease = "2s" } }"#;
    let config = Config::new().beside(lease).deliveries(
        r#"{ ours = { file = { path = "k.json" } }, theirs = { file = { path = "theirs/k.json" } } }"#,
    );
    let ws = Workspace::with(&config.text());
    fs::create_dir(ws.path("theirs")).unwrap();
    shared(&ws, 0o700);
    for wait in ["0s", "80s", "20s"] {
        ws.advance(wait).apply().ok();
    }
    assert_eq!(ws.key("k").phase(), "retiring");
    let [old, _] = secrets(&ws);
    shared(&ws, 0o777);
    let declared = block("INC-1", "replace_first", "primary");
    ws.write(&config.clone().with(&declared).text());
    ws.env("APIKEY_KILL", "replace:deliver:done#1")
        .apply()
        .failed();
    let [new, _] = secrets(&ws);
    assert_ne!(new, old);
    ws.write(&config.text());
    std::thread::sleep(std::time::Duration::from_millis(2_200));
    let planned = ws.env("APIKEY_KILL", "").plan().ok();
    planned
        .warns(&["the state follows"])
        .does_not_warn("is called off");
    ws.apply().failed().complains(&["NOT revoked"]);
    assert_eq!(secrets(&ws)[0], new, "what was delivered stays");
    assert_eq!(ws.key("k").status(), "compromised");
    shared(&ws, 0o700);
    ws.apply().ok();
    assert_eq!(ws.secret("theirs/k.json", "primary"), new);
    assert_eq!(ws.secret("theirs/k.json", "secondary"), "");
    assert_eq!(ws.key("k").status(), "ok");
    ws.plan().ok().code(0);
}
