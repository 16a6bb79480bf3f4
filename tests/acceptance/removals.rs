//! Places that deliveries have left: emptied once their successor is written, remembered until they are.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;

use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";

fn app_at(path: &str) -> Config {
    Config::new().deliveries(&format!("{{ app = {{ file = {{ path = {path:?} }} }} }}"))
}

fn chmod(ws: &Workspace, name: &str, mode: u32) {
    fs::set_permissions(ws.path(name), PermissionsExt::from_mode(mode)).unwrap();
}

/// What is still to be emptied, as the state shows it.
fn pending(ws: &Workspace) -> Vec<String> {
    let key = ws.key("k");
    let places = key.at("pending_removals").as_array().unwrap().clone();
    places
        .iter()
        .map(|place| place.as_str().unwrap().to_owned())
        .collect()
}

/// The delivery is to move into a directory whose name a file has.
fn moved_to_where_nothing_can_be_written() -> Workspace {
    let ws = Config::new().and_policy(r#"on_drift = "rotate""#).staged();
    fs::write(ws.path("taken"), "").unwrap();
    let moved = app_at("taken/new.json").and_policy(r#"on_drift = "rotate""#);
    ws.write(&moved.text());
    ws
}

#[test]
fn a_place_is_left_only_once_the_new_one_is_written() {
    let ws = moved_to_where_nothing_can_be_written();
    let (before, was) = (ws.key("k"), ws.delivered("k.json"));
    for _ in 0..2 {
        ws.apply().failed().complains(&["payments", "taken"]);
        assert_eq!(ws.delivered("k.json"), was);
        assert!(pending(&ws)[0].contains("k.json"));
        let key = ws.key("k");
        assert_eq!(
            (key.primary(), key.secondary()),
            (before.primary(), before.secondary())
        );
    }
    ws.plan().ok().code(2).warns(&["payments", "k.json"]);
    fs::remove_file(ws.path("taken")).unwrap();
    ws.apply().ok();
    assert_eq!(ws.delivered("taken/new.json"), was);
    assert!(!ws.path("k.json").exists());
    assert_eq!(pending(&ws), Vec::<String>::new());
    ws.plan().ok().code(0);
}

#[test]
fn a_move_that_failed_can_be_taken_back() {
    let ws = moved_to_where_nothing_can_be_written();
    let was = ws.delivered("k.json");
    ws.apply().failed();
    ws.write(&Config::new().text());
    ws.apply().ok();
    assert_eq!(ws.delivered("k.json"), was);
    assert_eq!(pending(&ws), Vec::<String>::new());
    assert_eq!(ws.key("k").delivery("app"), "delivered");
    ws.plan().ok().code(0);
}

#[test]
fn the_place_of_one_delivery_is_not_left_for_another_that_is_in_order() {
    let ws = Config::new().two_deliveries().created();
    let was = ws.delivered("b.json");
    fs::write(ws.path("taken"), "").unwrap();
    ws.write(
        &Config::new()
            .deliveries(
                r#"{ a = { file = { path = "a.json" } }, b = { file = { path = "taken/b.json" } } }"#,
            )
            .text(),
    );
    ws.apply().ok().warns(&["payments", "delivery \"b\""]);
    assert_eq!(ws.delivered("b.json"), was);
    assert_eq!(pending(&ws).len(), 1);
    assert_eq!(ws.key("k").delivery("b"), "failed");
    fs::remove_file(ws.path("taken")).unwrap();
    ws.apply().ok();
    assert_eq!(ws.delivered("taken/b.json"), was);
    assert!(!ws.path("b.json").exists());
    ws.plan().ok().code(0);
}

#[test]
fn a_removal_that_failed_is_remembered_and_tried_by_every_apply() {
    let ws = Config::new().two_deliveries().created();
    chmod(&ws, "b.json", 0o644);
    ws.write(
        &Config::new()
            .deliveries(r#"{ a = { file = { path = "a.json" } } }"#)
            .text(),
    );
    for told in [
        "former-place-that-cannot-be-emptied",
        "former-place-that-is-not-emptied-yet",
    ] {
        ws.plan().ok().code(2).warns(&["payments", "b.json"]);
        assert_eq!(ws.change(K).after("last_action"), "deliver");
        ws.apply_plan().ok().reads_warnings(told);
        assert!(ws.path("b.json").exists());
        assert!(pending(&ws)[0].contains("b.json"));
        let key = ws.key("k");
        assert_eq!(
            (key.status().as_str(), key.delivery("b").as_str()),
            ("pending", "")
        );
    }
    chmod(&ws, "b.json", 0o600);
    ws.apply().ok();
    assert!(!ws.path("b.json").exists());
    assert_eq!(pending(&ws), Vec::<String>::new());
    assert_eq!(ws.key("k").status(), "ok");
    ws.plan().ok().code(0);
}

/// Where a provider is killed in an apply, Terraform writes the state without its private data.
fn lose_the_private_data(ws: &Workspace) {
    let state = ws.path("terraform.tfstate");
    let mut lost: Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
    let instance = &mut lost["resources"][0]["instances"][0];
    let private = instance.as_object_mut().unwrap().remove("private");
    assert!(private.is_some());
    fs::write(state, lost.to_string()).unwrap();
}

#[test]
fn a_former_place_that_went_with_a_killed_provider_is_known_to_the_ledger_or_told_of() {
    let ws = Config::new().two_deliveries().created();
    chmod(&ws, "b.json", 0o644);
    let one = Config::new().deliveries(r#"{ a = { file = { path = "a.json" } } }"#);
    ws.write(&one.text());
    ws.apply().ok();
    lose_the_private_data(&ws);
    let ledger = ws.path(".terraform/apikey");
    fs::rename(&ledger, ws.path("ledger-elsewhere")).unwrap();
    let told = ["nobody empties", "b.json", "Add the delivery again"];
    ws.plan().ok().warns(&told);
    let _ = fs::remove_dir_all(&ledger);
    fs::rename(ws.path("ledger-elsewhere"), &ledger).unwrap();
    ws.plan()
        .ok()
        .warns(&["b.json is open to other users"])
        .does_not_warn("nobody empties");
    chmod(&ws, "b.json", 0o600);
    ws.apply().ok();
    assert!(!ws.path("b.json").exists());
    ws.plan().ok().code(0);
}

#[test]
fn a_former_place_is_emptied_although_its_keys_were_rotated_away() {
    let ws = Config::new().two_deliveries().created();
    chmod(&ws, "b.json", 0o644);
    ws.write(
        &Config::new()
            .deliveries(r#"{ a = { file = { path = "a.json" } } }"#)
            .text(),
    );
    for step in ["80s", "20s", "30s"] {
        ws.advance(step).apply().ok();
    }
    assert_eq!(
        (ws.key("k").phase().as_str(), ws.key("k").generation()),
        ("single", 2)
    );
    assert_eq!(pending(&ws).len(), 1);
    chmod(&ws, "b.json", 0o600);
    ws.apply().ok();
    assert!(!ws.path("b.json").exists());
}

#[test]
fn a_former_place_that_somebody_emptied_is_forgotten() {
    let ws = Config::new().two_deliveries().created();
    chmod(&ws, "b.json", 0o644);
    ws.write(
        &Config::new()
            .deliveries(r#"{ a = { file = { path = "a.json" } } }"#)
            .text(),
    );
    ws.apply().ok();
    assert_eq!(pending(&ws).len(), 1);
    fs::remove_file(ws.path("b.json")).unwrap();
    ws.apply().ok();
    assert_eq!(pending(&ws), Vec::<String>::new());
    ws.plan().ok().code(0);
}

#[test]
fn a_destroy_empties_former_places_too() {
    let ws = Config::new().two_deliveries().created();
    chmod(&ws, "b.json", 0o644);
    ws.write(
        &Config::new()
            .deliveries(r#"{ a = { file = { path = "a.json" } } }"#)
            .text(),
    );
    ws.apply().ok();
    let refused = ws.destroy().failed();
    refused
        .complains(&["payments", "b.json"])
        .reads("destroy-of-a-place-that-stays");
    assert!(ws.find_key("k").is_some());
    chmod(&ws, "b.json", 0o600);
    ws.destroy().ok();
    assert!(!ws.path("a.json").exists() && !ws.path("b.json").exists());
    assert!(ws.find_key("k").is_none());
}

#[test]
fn a_former_place_is_where_it_was_written_to_and_not_where_its_path_leads_today() {
    let both = r#"{ a = { file = { path = "a.json" } }, b = { file = { path = "link/b.json" } } }"#;
    let ws = Workspace::with(&Config::new().deliveries(both).text());
    for folder in ["one", "two"] {
        fs::create_dir(ws.path(folder)).unwrap();
        chmod(&ws, folder, 0o700);
    }
    symlink("one", ws.path("link")).unwrap();
    ws.apply().ok();
    let was = ws.delivered("one/b.json");
    chmod(&ws, "one/b.json", 0o644);
    let left = Config::new().deliveries(r#"{ a = { file = { path = "a.json" } } }"#);
    ws.write(&left.text());
    ws.apply().ok().warns(&["chmod 600"]);

    fs::remove_file(ws.path("link")).unwrap();
    symlink("two", ws.path("link")).unwrap();
    for _ in 0..2 {
        ws.apply().ok().warns(&["two/b.json", "one/b.json"]);
        assert_eq!(pending(&ws).len(), 1);
    }
    // Without the document there is no key, and it is not where one would look for it now.
    ws.destroy().failed().complains(&["one/b.json"]);
    chmod(&ws, "one/b.json", 0o600);
    assert_eq!(ws.delivered("one/b.json"), was);

    fs::remove_file(ws.path("link")).unwrap();
    symlink("one", ws.path("link")).unwrap();
    ws.destroy().ok();
    assert!(!ws.path("one/b.json").exists());
}
