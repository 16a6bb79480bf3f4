//! Revocations that are refused, held or retained, and what a destroy leaves.

use serde_json::json;

use super::cloud::EVERYTHING;
use super::world::{World, issuer, secrets_manager};
use crate::aws::unique;

/// A rotation takes one apply, and the old key is revoked 30 s later.
const AT_ONCE: &str = r#"
  rotation_interval = "100s"
  stage_before      = "0s"
  propagation_delay = "0s"
  grace_period      = "30s"
"#;

const REVOCATION: &str = r#""iam:DeleteAccessKey","iam:UpdateAccessKey""#;

/// A world in which the revocation of the first key was refused, and the id of that key.
fn refused_revocation() -> (World, String) {
    let world = World::new();
    world.write(&world.config().policy(AT_ONCE));
    let world = world.created();
    world.ws.advance("100s");
    world.takes("stage+promote");
    let old = world.key().text("secondary.key_id");
    world.ws.advance("30s").plan().ok().code(2);
    world.cloud.deny(&world.admin, REVOCATION);
    let applied = world.ws.apply_plan().ok();
    applied.warns(&[
        "payments",
        &old,
        "could not be revoked",
        "pending_revocations",
    ]);
    world.in_order();
    assert_eq!(world.key().at("pending_revocations"), &json!([old]));
    (world, old)
}

#[test]
fn a_refused_revocation_is_tried_again_and_no_third_key_is_made_meanwhile() {
    let (world, old) = refused_revocation();
    assert_eq!(world.key().status(), "pending");
    assert!(world.document()["secondary"].is_null());
    let again = world.ws.plan().ok().code(2);
    again.warns(&[
        "payments",
        "could not be revoked yet",
        "This apply revokes",
        &old,
    ]);
    world.ws.apply_plan().ok().warns(&["could not be revoked"]);
    assert_eq!(world.key().at("pending_revocations"), &json!([old]));

    world.ws.advance("70s").plan().ok().code(2);
    let refused = world.ws.apply_plan().failed();
    refused
        .complains(&["payments", "already has 2 keys", "owns all of them"])
        .reads("no-room-beside-own-keys");
    assert_eq!(world.ids().len(), 2);
    world.in_order();
    assert_eq!(world.key().at("pending_revocations"), &json!([old]));

    world.cloud.allow(&world.admin, EVERYTHING);
    world.takes("revoke_pending+stage+promote");
    assert!(!world.ids().contains(&old));
    assert_eq!(world.key().text("pending_revocations"), "[]");
    world.ws.plan().ok().code(0);
}

#[test]
fn a_key_that_could_not_be_revoked_keeps_the_resource_in_the_state() {
    let (world, old) = refused_revocation();
    let primary = world.key().text("primary.key_id");
    world.cloud.delete_key(&world.user, &primary);
    world.cloud.delete_secret(&world.secret_id);
    world.ws.apply_with(&["-refresh-only"]).ok();
    assert_eq!(world.key().at("pending_revocations"), &json!([old]));

    world.cloud.delete_key(&world.user, &old);
    world.ws.apply_with(&["-refresh-only"]).ok();
    assert!(world.ws.find_key("k").is_none());
}

#[test]
fn a_primary_that_a_destroy_switched_off_and_could_not_delete_is_told_of_as_that() {
    let world = World::new().created();
    let primary = world.key().text("primary.key_id");
    world.cloud.deny(&world.admin, r#""iam:DeleteAccessKey""#);
    world.ws.destroy().failed();
    assert_eq!(world.ids(), [primary.as_str()]);
    let told = world.ws.plan().ok();
    told.warns(&[
        "payments",
        &primary,
        "by a destroy or a revocation that failed half-way",
        "destroy the resource again",
    ]);
    world.cloud.allow(&world.admin, EVERYTHING);
    world.ws.destroy().ok();
    assert!(world.ids().is_empty());
}

#[test]
fn a_destroy_that_may_not_revoke_keeps_the_state_and_ends_both_keys_later() {
    let world = World::new().created().staged();
    let keys = [world.delivered("primary"), world.delivered("secondary")];
    world.cloud.deny(&world.admin, REVOCATION);
    let refused = world.ws.destroy().failed();
    refused
        .complains(&["payments", "is not allowed to call iam:DeleteAccessKey"])
        .reads("destroy-that-may-not-revoke");
    assert_eq!(world.key().phase(), "staged");
    assert_eq!(world.ids().len(), 2);
    world.in_order();

    world.cloud.allow(&world.admin, EVERYTHING);
    world
        .ws
        .destroy()
        .ok()
        .warns(&["payments", "At once it revokes"]);
    for (id, secret) in keys {
        assert!(!world.cloud.accepts(&id, &secret), "{id} still works");
    }
    assert!(world.ids().is_empty());
    assert!(world.document().is_null());
    assert!(world.cloud.describe(&world.secret_id)["DeletedDate"].is_number());
    assert!(world.ws.find_key("k").is_none());
}

#[test]
fn what_is_to_be_retained_survives_a_destroy() {
    let store = World::new();
    let retaining = format!(
        r#"{{ app = {{ aws_secrets_manager = {{ secret_id = "{}", on_destroy = "retain" }} }} }}"#,
        store.secret_id
    );
    store.write(&store.config().deliveries(&retaining));
    let store = store.created();
    store.ws.destroy().ok();
    assert!(
        store.ids().is_empty(),
        "the store keeps its value, the issuer no key"
    );
    assert!(!store.document().is_null());

    let keys = World::new();
    keys.write(&keys.config().and_policy(r#"on_destroy = "retain""#));
    let keys = keys.created();
    let (id, secret) = keys.delivered("primary");
    keys.ws
        .destroy()
        .ok()
        .warns(&["payments", &id, "stays valid"]);
    assert!(keys.ws.find_key("k").is_none());
    assert!(keys.cloud.accepts(&id, &secret));
    assert_eq!(keys.delivered("primary"), (id, secret));
}

#[test]
fn a_retiring_key_in_use_is_held_until_it_is_quiet_or_the_hold_ends() {
    let world = World::new();
    world.at_the_servers_time();
    let other = unique("busy");
    world.cloud.create_user(&other);
    let config = |trigger: u32| {
        let quiet = held("quiet", &world.user, "300s", "1d", trigger);
        quiet + &held("busy", &other, "1d", "200s", trigger)
    };
    world.ws.write(&config(1)).apply().ok();
    let last_action = |name: &str| {
        world
            .ws
            .change(&format!("apikey_managed.{name}"))
            .after("last_action")
            .clone()
    };
    world
        .ws
        .advance("10s")
        .write(&config(2))
        .plan()
        .ok()
        .code(2);
    assert_eq!(last_action("quiet"), "stage+promote");
    world.ws.apply_plan().ok();

    // The grace is over, but the server noted a use of both not long ago.
    let held = world.ws.advance("40s").plan().ok().code(0);
    held.warns(&["quiet", "blocked", "still in use"])
        .warns(&["busy", "blocked", "still in use"]);
    world.ws.apply().ok();
    assert_eq!(world.ws.key("quiet").status(), "blocked");
    assert_eq!(world.ids().len(), 2);

    world.ws.advance("170s").plan().ok().code(2);
    assert_eq!(last_action("busy"), "revoke", "the hold has ended");
    assert_eq!(last_action("quiet"), "stage+promote", "it did nothing");
    world.ws.apply_plan().ok();
    assert_eq!(world.cloud.keys_of(&other).len(), 1);
    assert_eq!(world.ids().len(), 2);

    // AWS tells of a use four hours late at most.
    let late = world.ws.advance("400s").plan().ok().code(0);
    late.warns(&["quiet", "blocked", "still in use"]);
    world.ws.advance("4h").plan().ok().code(2);
    assert_eq!(
        last_action("quiet"),
        "revoke",
        "nobody used it for long enough"
    );
    world.ws.apply_plan().ok();
    assert_eq!(world.ids().len(), 1);
    world.ws.plan().ok().code(0);
}

/// A key that rotates on demand, and whose predecessor is held.
fn held(name: &str, user: &str, unused_for: &str, at_most: &str, trigger: u32) -> String {
    format!(
        r#"
resource "apikey_rotation_policy" "{name}" {{
  name                      = "{name}"
  rotation_interval         = "30d"
  propagation_delay         = "0s"
  grace_period              = "30s"
  revoke_only_if_unused_for = "{unused_for}"
  max_grace_period          = "{at_most}"
}}
resource "apikey_managed" "{name}" {{
  name             = "{name}"
  policy           = apikey_rotation_policy.{name}
  issuer           = {}
  deliveries       = {{ app = {} }}
  rotation_trigger = "{trigger}"
}}
"#,
        issuer(user),
        secrets_manager(&format!("held/{user}"))
    )
}
