//! A secret that a delivery has left, and one that cannot be read while another copy is to be mended.

use std::fs;

use serde_json::{Value, json};

use super::accounts::{of_admin, profile};
use super::cloud::EVERYTHING;
use super::world::World;
use crate::emergency::declared;

/// Two files, and the secret that is reached by a profile of its own.
fn with_files(world: &World, secret: &str) {
    world.write(&world.config().deliveries(&format!(
        r#"{{
            one = {{ file = {{ path = "one.json" }} }}
            two = {{ file = {{ path = "two.json" }} }}
            {secret}
        }}"#
    )));
}

fn by_profile(world: &World) -> String {
    let id = &world.secret_id;
    format!(r#"app = {{ aws_secrets_manager = {{ secret_id = "{id}", profile = "there" }} }}"#)
}

#[test]
fn a_secret_that_was_left_is_emptied_once_it_can_be_reached_and_deleted() {
    let world = World::new();
    profile(&world, &of_admin(&world));
    with_files(&world, &by_profile(&world));
    world.ws.apply().ok();
    let was = world.document();
    world
        .cloud
        .deny(&world.admin, r#""secretsmanager:DeleteSecret""#);
    with_files(&world, "");
    let left = world.ws.apply().ok();
    left.reads_warnings("former-secret-that-may-not-be-deleted");

    // It may be deleted now, and the profile that led to it is gone.
    world.cloud.allow(&world.admin, EVERYTHING);
    fs::write(world.ws.path("credentials"), "").unwrap();
    let unreached = world.ws.apply().ok();
    unreached.reads_warnings("former-secret-whose-profile-is-gone");
    let pending = world.key().at("pending_removals").to_string();
    assert!(pending.contains(&world.secret_id), "{pending}");
    assert_eq!(world.document(), was);

    profile(&world, &of_admin(&world));
    world.ws.apply().ok();
    assert!(world.document().is_null());
    assert_eq!(world.key().at("pending_removals"), &json!([]));
    world.ws.plan().ok().code(0);

    // One that is to be retained is not said to be emptied.
    let other = format!("{}-retained", world.secret_id);
    let store = format!(r#"{{ secret_id = "{other}", on_destroy = "retain" }}"#);
    with_files(
        &world,
        &format!("app = {{ aws_secrets_manager = {store} }}"),
    );
    world.ws.apply().ok();
    with_files(&world, "");
    let told = [
        "was removed: last written to",
        &other,
        "What app held stays there",
    ];
    world.ws.plan().ok().warns(&told);
}

#[test]
fn a_key_that_only_a_secret_holds_that_cannot_be_read_is_dropped_from_no_document() {
    let world = World::new();
    let secret = format!("app = {}", world.delivery());
    with_files(&world, &secret);
    world.ws.apply().ok();
    world.ws.advance("80s").apply().ok();
    let (was, ids) = (world.document(), world.ids());
    // The primary can be read in a file, the staged key in the secret alone.
    fs::remove_file(world.ws.path("one.json")).unwrap();
    let mut document = was.clone();
    document["secondary"] = Value::Null;
    fs::write(world.ws.path("two.json"), document.to_string()).unwrap();
    world
        .cloud
        .deny(&world.admin, r#""secretsmanager:GetSecretValue""#);
    let refused = world.ws.apply().failed();
    refused.complains(&["payments", "GetSecretValue"]);
    assert!(!world.ws.path("one.json").exists());
    assert_eq!((world.ids(), world.key().phase()), (ids, "staged".into()));

    world.cloud.allow(&world.admin, EVERYTHING);
    world.ws.apply().ok();
    for name in ["one.json", "two.json"] {
        assert_eq!(world.ws.delivered(name), was, "{name}");
    }
    assert_eq!(world.document(), was);
    world.ws.plan().ok().code(0);
}

/// Whoever reads it there goes on accepting it, and nobody would look after the secret any more.
#[test]
fn a_compromised_key_in_a_secret_that_is_retained_keeps_the_emergency_open() {
    let world = World::new();
    let config = |deliveries: &str, emergency: &str| {
        let config = world.config();
        config
            .issuer(r#"{ generated = { prefix = "acme" } }"#)
            .deliveries(deliveries)
            .with(emergency)
    };
    let id = &world.secret_id;
    let file = r#"one = { file = { path = "one.json" } }"#;
    let secret = format!(
        r#"app = {{ aws_secrets_manager = {{ secret_id = "{id}", on_destroy = "retain" }} }}"#
    );
    let ws = &world.ws;
    ws.write(&config(&format!("{{ {file}, {secret} }}"), "").text());
    ws.apply().ok();
    let was = world.document();
    ws.write(&config(&format!("{{ {file} }}"), &declared("INC-1")).text());
    ws.plan().ok().warns(&["is taken out of it by hand"]);
    for _ in 0..2 {
        ws.apply()
            .failed()
            .complains(&["is NOT revoked", id, "may still hold it"])
            .warns(&["it holds the compromised key", "Take it out by hand"]);
        assert_eq!(ws.key("k").status(), "compromised");
        assert_eq!(world.document(), was);
    }
    world.cloud.overwrite(id, "{}");
    ws.apply().ok();
    assert_eq!(ws.key("k").status(), "ok");
    ws.plan().ok().code(0);
}
