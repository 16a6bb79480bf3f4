//! Keys that existed before: adopted without a change at the issuer, replaced or rotated when due.

use serde_json::json;

use super::cloud::HandMade;
use super::world::{KEY, World};

/// A key that was made by hand, in a world whose clock is that of the server.
fn made_by_hand() -> (World, HandMade) {
    let world = World::new();
    let key = world.cloud.create_key(&world.user);
    world.at_the_servers_time();
    (world, key)
}

#[test]
fn an_imported_key_is_only_adopted_and_outlives_the_delivery_of_its_successor() {
    let (world, key) = made_by_hand();
    let ws = &world.ws;
    world.write(&world.config().and_policy(r#"on_drift = "rotate""#));
    ws.import(KEY, &format!("aws_iam:{}", key.id)).ok();
    ws.plan().ok().code(2);
    assert_eq!(ws.change(KEY).actions(), "update");
    ws.apply_plan().ok();
    assert_eq!(world.ids(), std::slice::from_ref(&key.id));
    assert!(world.document().is_null(), "nobody knows the secret");
    assert_eq!(world.key().text("primary.key_id"), key.id);
    let adopted = ws.plan().ok().code(0);
    adopted.warns(&["payments", "pending", "imported without its secret"]);

    ws.advance("100s").plan().ok().code(2);
    assert_eq!(ws.change(KEY).after("last_action"), "replace");
    ws.apply_plan().ok();
    world.in_order();
    assert_eq!(world.key().text("secondary.key_id"), key.id);
    assert!(
        world.cloud.accepts(&key.id, &key.secret),
        "it has its grace"
    );
    ws.plan().ok().code(0);

    ws.advance("30s");
    world.takes("revoke");
    assert!(!world.cloud.accepts(&key.id, &key.secret));
}

#[test]
fn an_imported_key_whose_secret_is_delivered_already_is_rotated_like_any_other() {
    let (world, key) = made_by_hand();
    let document = json!({
        "primary": { "key_id": key.id, "secret": key.secret },
        "secondary": null,
        "generation": 3,
        "rotated_at": "2026-01-01T00:00:00Z",
    });
    world
        .cloud
        .create_secret(&world.secret_id, &document.to_string());
    let import = format!("import {{\n  to = {KEY}\n  id = \"aws_iam:{}\"\n}}", key.id);
    world.write(&world.config().beside(&import));
    let ws = &world.ws;
    ws.plan().ok().code(2);
    let change = ws.change(KEY);
    assert_eq!(
        change.0["change"]["importing"]["id"],
        format!("aws_iam:{}", key.id)
    );
    assert_eq!(change.actions(), "update");
    ws.apply_plan().ok();
    ws.apply_with(&["-refresh-only"]).ok();
    assert!(world.key().primary().starts_with("sha256:"));
    assert_eq!(world.key().delivery("app"), "delivered");
    ws.plan().ok().code(0).does_not_warn("payments");

    ws.advance("80s");
    world.takes("stage");
    assert_eq!(
        world.delivered("primary"),
        (key.id.clone(), key.secret.clone())
    );
    ws.advance("20s");
    world.takes("promote");
    assert_eq!(world.delivered("secondary"), (key.id, key.secret));
    world.ws.destroy().ok();
    assert!(world.ids().is_empty());
}

#[test]
fn what_cannot_be_imported_is_said() {
    let world = World::new();
    for (id, words) in [
        (
            "aws_iam:AKIAIOSFODNN7EXAMPLE",
            "AKIAIOSFODNN7EXAMPLE cannot be imported",
        ),
        ("generated:acme_1", "generated cannot import"),
        ("AKIAIOSFODNN7EXAMPLE", "is not an import id"),
        ("gcp:1", "is not an import id"),
        ("aws_iam:", "is not an import id"),
    ] {
        let refused = world.ws.import(KEY, id).failed().text();
        assert!(refused.contains(words), "{id}: {refused}");
        assert!(world.ws.find_key("k").is_none());
    }
}

#[test]
fn a_key_that_another_resource_holds_is_imported_once_that_one_is_forgotten() {
    let world = World::new().created();
    let ws = &world.ws;
    let (held, id) = (world.key().text("primary.key_id"), world.key().text("id"));
    ws.run(&["state", "rm", KEY]).ok();
    // No refresh has seen the key in a state, and yet another checkout may have it in its own.
    let told = ["payments", "neither destroyed nor forgotten", &id];
    ws.apply().failed().complains(&told);
    assert_eq!(world.ids(), [held.as_str()]);
    let import = format!("import {{\n  to = {KEY}\n  id = \"aws_iam:{held}\"\n}}");
    world.write(&world.config().beside(&import));
    let refused = ws.plan().failed().complains(&[id.as_str()]);
    refused.reads("import-of-a-key-that-another-resource-holds");
    assert!(ws.find_key("k").is_none());
    world.write(&world.config());

    let ledger = format!(
        "sqlite://{}",
        ws.path(".terraform/apikey/ledger.db").display()
    );
    let forget = std::process::Command::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"))
        .args(["ledger", "forget", &id, "--url", &ledger])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&forget.stdout).into_owned();
    assert!(forget.status.success() && said.contains(&held), "{said}");
    ws.import(KEY, &format!("aws_iam:{held}")).ok();
    ws.apply().ok();
    assert_eq!(world.key().text("primary.key_id"), held);
    assert_eq!(world.ids(), [held]);
}

#[test]
fn a_key_that_is_imported_in_mid_rotation_keeps_the_other_one() {
    let world = World::new().created().staged().promoted();
    let ws = &world.ws;
    let (primary, retiring) = (
        world.key().text("primary.key_id"),
        world.key().text("secondary.key_id"),
    );
    let document = world.document();
    ws.run(&["state", "rm", KEY]).ok();
    std::fs::remove_file(ws.path(".terraform/apikey/ledger.db")).unwrap();
    ws.import(KEY, &format!("aws_iam:{primary}")).ok();
    let do_not_delete = format!("Do not delete {retiring}: it stands as secondary key");
    let told = [do_not_delete.as_str(), "delivery \"app\""];
    ws.plan()
        .ok()
        .warns(&told)
        .does_not_warn("delete-access-key");
    ws.apply_plan().ok();
    assert_eq!(world.document(), document, "nothing was rewritten yet");
    let taken = ws.apply_with(&["-refresh-only"]).ok();
    taken.warns(&["retiring key", &retiring, "taken over"]);
    let key = world.key();
    assert_eq!(key.text("secondary.key_id"), retiring);
    assert_eq!((key.generation(), key.phase().as_str()), (2, "retiring"));
    assert_eq!(world.ids().len(), 2);
    assert_eq!(world.document(), document);
    ws.advance("40s").apply().ok();
    assert_eq!(world.ids(), [primary]);
}

#[test]
fn a_generated_configuration_leaves_out_what_only_a_person_can_tell() {
    let (world, key) = made_by_hand();
    let import = format!(
        "import {{\n  to = apikey_managed.found\n  id = \"aws_iam:{}\"\n}}",
        key.id
    );
    let ws = &world.ws;
    ws.write(&import);
    // The policy is missing, so the plan itself cannot succeed.
    ws.plan_with(&["-generate-config-out=generated.tf"])
        .failed();
    let generated = std::fs::read_to_string(ws.path("generated.tf")).unwrap();
    assert!(generated.contains(&world.user), "{generated}");
    let stored = generated
        .lines()
        .find(|line| line.contains("store_secret_in_state"));
    assert!(
        stored.is_none_or(|line| line.contains("null")),
        "{generated}"
    );

    let policy = r#"policy = { name = "p", rotation_interval = "1000d" }"#;
    let completed: Vec<&str> = generated
        .lines()
        .map(|line| match line.trim_start() {
            line if line.starts_with("policy ") => policy,
            line if line.starts_with("name ") => r#"name = "found""#,
            _ => line,
        })
        .collect();
    std::fs::write(ws.path("generated.tf"), completed.join("\n")).unwrap();
    ws.plan().ok().code(2);
    ws.apply_plan().ok();
    assert_eq!(world.ids(), [key.id]);
}
