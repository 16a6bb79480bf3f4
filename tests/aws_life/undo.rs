//! Keys that reached no store are taken back, and nothing else has changed.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::cloud::EVERYTHING;
use super::door::Door;
use super::world::{KEY, World};
use crate::support::gate::Gate;

#[test]
fn a_first_key_that_no_store_takes_is_taken_back_and_the_next_apply_is_a_plain_create() {
    let world = World::new();
    world
        .cloud
        .deny(&world.admin, r#""secretsmanager:CreateSecret""#);
    let refused = world.ws.apply().failed();
    refused.complains(&[
        "payments",
        "app",
        "secretsmanager:CreateSecret",
        "was revoked again",
    ]);
    assert!(world.ids().is_empty());
    assert!(world.ws.find_key("k").is_none());

    world.cloud.allow(&world.admin, EVERYTHING);
    world.ws.plan().ok().code(2);
    assert_eq!(world.ws.change(KEY).actions(), "create");
    world.ws.apply_plan().ok();
    world.in_order();
}

#[test]
fn a_staged_key_that_no_store_takes_is_taken_back_and_the_primary_stays() {
    let world = World::new();
    let door = Door::before(&world.cloud.url());
    world
        .ws
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &door.url());
    let world = world.created();
    let (ids, document) = (world.ids(), world.document());

    world.ws.advance("80s").plan().ok().code(2);
    door.shut();
    let refused = world.ws.apply_plan().failed();
    refused.complains(&[
        "payments",
        "app",
        "LimitExceededException",
        "was revoked again",
    ]);
    assert_eq!(world.ids(), ids);
    assert_eq!(world.document(), document);
    assert_eq!(world.key().phase(), "single");
    assert_eq!(world.key().text("pending_revocations"), "[]");

    door.open();
    world.ws.plan().ok().code(2);
    world.ws.apply_plan().ok();
    world.in_order();
    assert_eq!(world.key().phase(), "staged");
}

#[test]
fn a_key_that_could_not_be_taken_back_is_not_forgotten() {
    let world = World::new();
    let door = Door::before(&world.cloud.url());
    world
        .ws
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &door.url());
    door.shut();
    let iam = Door::before(&world.cloud.url());
    iam.refuse("AccessKeyId=AKIA", "\0");
    world.ws.env("AWS_ENDPOINT_URL_IAM", &iam.url());

    let refused = world.ws.apply().failed();
    let stranded = world.ids();
    assert_eq!(stranded.len(), 1);
    refused.complains(&["payments", &stranded[0], "pending_revocations"]);

    door.open();
    iam.open();
    world.ws.apply().ok();
    world.in_order();
    assert!(!world.ids().contains(&stranded[0]));
    assert_eq!(world.ids().len(), 1);
}

#[test]
fn a_key_that_may_not_be_taken_back_is_not_forgotten_either() {
    let world = World::new();
    let writing = r#""iam:DeleteAccessKey","iam:UpdateAccessKey","secretsmanager:CreateSecret""#;
    world.cloud.deny(&world.admin, writing);
    let refused = world.ws.apply().failed();
    let stranded = world.ids();
    assert_eq!(stranded.len(), 1);
    refused.complains(&[
        "payments",
        "secretsmanager:CreateSecret",
        &stranded[0],
        "pending_revocations",
    ]);
    assert!(world.document().is_null());

    world.cloud.allow(&world.admin, EVERYTHING);
    world.ws.apply().ok();
    world.in_order();
    assert!(!world.ids().contains(&stranded[0]));
    assert_eq!(world.ids().len(), 1);
}

#[test]
fn a_staged_key_that_one_store_takes_is_kept_and_copied_to_the_other_later() {
    let world = World::new();
    let door = Door::before(&world.cloud.url());
    world
        .ws
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &door.url());
    world.write(&world.config_with_a_file());
    let world = world.created();

    world.ws.advance("80s").plan().ok().code(2);
    door.shut();
    let applied = world.ws.apply_plan().ok();
    applied.warns(&["payments", "app", "LimitExceededException"]);
    assert_eq!(world.key().status(), "pending");
    assert_eq!(world.key().delivery("app"), "failed");
    let staged = world.key().text("secondary.key_id");
    world.ws.advance("20s").plan().ok().code(2);
    assert_eq!(
        world.ws.change(KEY).after("last_action"),
        "deliver",
        "it is not promoted before it is everywhere"
    );

    door.open();
    world.takes("deliver");
    assert_eq!(world.delivered("secondary").0, staged);
    world.ws.advance("5s");
    world.takes("promote");
}

/// Looks at the file while the next key is verified; whether it held the key of this document then.
fn file_during_verification(
    world: &World,
    gate: &Gate,
    unlike: &serde_json::Value,
) -> Arc<AtomicBool> {
    let changed = Arc::new(AtomicBool::new(false));
    let (path, seen, unlike) = (
        world.ws.path("k.json"),
        Arc::clone(&changed),
        unlike.clone(),
    );
    gate.meanwhile(move || {
        let there = fs::read(path).map(|bytes| serde_json::from_slice(&bytes).unwrap());
        let there: serde_json::Value = there.unwrap_or_default();
        seen.store(there != unlike, Ordering::SeqCst);
    });
    changed
}

#[test]
fn a_first_key_that_is_refused_never_reaches_a_store() {
    let world = World::new();
    let gate = Gate::open();
    world.write(&world.config_with_a_file().with(&gate.setting()));
    gate.accept(false);
    let changed = file_during_verification(&world, &gate, &serde_json::Value::Null);
    let refused = world.ws.apply().failed();
    refused.complains(&["payments", "failed its verification", "was revoked again"]);
    assert!(!gate.bearers().is_empty());
    assert!(!changed.load(Ordering::SeqCst), "delivered unverified");
    assert!(world.ids().is_empty());
    assert!(world.document().is_null() && !world.ws.path("k.json").exists());
    assert!(world.ws.find_key("k").is_none());

    gate.accept(true);
    world.ws.apply().ok();
    world.in_order();
}

#[test]
fn a_replacement_that_is_refused_is_never_first_in_a_document() {
    let world = World::new();
    let gate = Gate::open();
    let config = world.config_with_a_file().with(&gate.setting());
    let config = config.and_policy(r#"on_drift = "rotate""#);
    world.write(&config);
    let world = world.created();
    let (secret, file) = (world.document(), world.ws.delivered("k.json"));
    let gone = world.key().text("primary.key_id");
    world.cloud.delete_key(&world.user, &gone);
    gate.accept(false);
    let changed = file_during_verification(&world, &gate, &file);
    let refused = world.ws.advance("1s").apply().failed();
    refused.complains(&[
        "payments",
        "failed its verification",
        "was revoked again; nothing else has changed",
    ]);
    assert!(
        !changed.load(Ordering::SeqCst),
        "first before it was verified"
    );
    assert_eq!(world.document(), secret);
    assert_eq!(world.ws.delivered("k.json"), file);
    assert!(world.ids().is_empty());
    assert_eq!(world.key().text("primary.key_id"), gone);
    assert_eq!(world.key().text("pending_revocations"), "[]");

    gate.accept(true);
    world.takes("replace");
    world.ws.plan().ok().code(0);
}
