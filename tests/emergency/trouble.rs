//! Emergencies in which something fails.

use std::fs;

use serde_json::json;

use crate::aws_life::cloud::EVERYTHING;
use crate::aws_life::door::Door;
use crate::aws_life::world::World;
use crate::emergency::{block, declared};
use crate::monitoring::ask;

const REVOCATION: &str = r#""iam:DeleteAccessKey","iam:UpdateAccessKey""#;

#[test]
fn a_compromised_key_that_may_not_be_revoked_fails_the_apply_until_it_is() {
    let world = World::new().created();
    let (old, secret) = world.delivered("primary");
    world.cloud.deny(&world.admin, REVOCATION);
    world.write(&world.config().with(&declared("INC-1")));
    let refused = world.ws.apply().failed();
    refused
        .complains(&["payments", &old, "is NOT revoked", "iam:"])
        .reads("emergency-that-may-not-revoke");
    world.in_order();
    assert_ne!(world.delivered("primary").0, old);
    assert_eq!(world.key().at("pending_revocations"), &json!([old]));
    assert_eq!(world.key().status(), "compromised");

    let is_told = |code| ask(&world.ws, &["status", "--fail-on", "compromised"]).code(code);
    is_told(3).says(&["1 compromised"]);
    let told = ask(&world.ws, &["status", "--json"]).code(0).json();
    let new = world.delivered("primary").0;
    assert!(
        told.to_string().contains(&new),
        "the key that leads: {told}"
    );

    // It is tried again, and again it is no mere warning.
    let again = world.ws.plan().ok().code(2);
    again
        .warns(&[&format!("tries again to revoke {old}")])
        .reads_warnings("emergency-that-tries-again");
    world
        .ws
        .apply_plan()
        .failed()
        .complains(&[&old, "is NOT revoked"]);
    assert_eq!(world.key().at("pending_revocations"), &json!([old]));

    // The block is gone, and what was begun is finished all the same.
    world.write(&world.config());
    let planned = world.ws.plan().ok().code(2);
    planned.warns(&["EMERGENCY INC-1", &old]);
    world.cloud.allow(&world.admin, EVERYTHING);
    world.ws.apply_plan().ok();
    assert!(!world.cloud.accepts(&old, &secret));
    assert_eq!(world.key().status(), "ok");
    is_told(0);
    world.ws.plan().ok().code(0);
}

#[test]
fn revoke_first_does_nothing_else_if_the_key_may_not_be_revoked() {
    let world = World::new().created();
    let (old, secret) = world.delivered("primary");
    world.cloud.deny(&world.admin, REVOCATION);
    let config = world.config();
    world.write(
        &config
            .clone()
            .with(&block("INC-1", "revoke_first", "primary")),
    );
    world
        .ws
        .apply()
        .failed()
        .complains(&[&old, "is NOT revoked"]);
    assert_eq!(world.ids(), [old.as_str()]);
    assert_eq!(world.key().status(), "compromised");
    // Nothing was done, so the emergency can be called off.
    world.write(&config);
    let called_off = world.ws.plan().ok().code(2);
    called_off
        .warns(&["EMERGENCY INC-1 is called off", &old, "is NOT revoked"])
        .reads_warnings("emergency-that-is-called-off");
    world.ws.advance("1s").apply().ok();
    assert_eq!(world.key().status(), "ok");
    assert!(world.cloud.accepts(&old, &secret));
    ask(&world.ws, &["status", "--fail-on", "failed"]).code(0);
    // The audit trail knows, and that it is compromised again under the same id.
    let page = || {
        ask(&world.ws, &["report", "incident", "INC-1"])
            .code(0)
            .stdout
    };
    assert!(page().contains("called off at"), "{}", page());
    let called_off = format!("Called off before anything was done: {old} is not revoked");
    assert_eq!(page().matches(&called_off).count(), 1, "{}", page());
    world.ws.plan().ok().code(0);
    assert_eq!(page().matches(&called_off).count(), 1, "{}", page());
    world.write(&config.with(&block("INC-1", "revoke_first", "primary")));
    world.cloud.allow(&world.admin, EVERYTHING);
    world.ws.apply().ok();
    assert!(!world.cloud.accepts(&old, &secret));
}

/// A key that was revoked first, and whose document is lost besides, is no resource that is no more.
#[test]
fn an_emergency_goes_on_although_nothing_is_left_of_its_key() {
    let world = World::new();
    let file = r#"{ app = { file = { path = "k.json" } } }"#;
    let config = world.config().deliveries(file);
    world.write(&config);
    world.ws.apply().ok();
    let id = world.key().text("id");
    world.cloud.deny(&world.admin, "\"iam:CreateAccessKey\"");
    let block = block("INC-1", "revoke_first", "primary");
    world.write(&config.with(&block));
    world.ws.apply().failed();
    assert!(world.ids().is_empty());
    fs::remove_file(world.ws.path("k.json")).unwrap();
    world.cloud.allow(&world.admin, EVERYTHING);
    world.ws.plan().ok().code(2).warns(&["EMERGENCY INC-1"]);
    world.ws.apply_plan().ok();
    assert_eq!(world.key().text("id"), id, "no other resource");
    assert_eq!(world.ids().len(), 1);
    let all_well = ["status", "--fail-on", "compromised,failed"];
    ask(&world.ws, &all_well).code(0).says(&["1 ok"]);
    world.ws.plan().ok().code(0);
}

/// The key that retires keeps its grace, and leaves the state no room for what the apply has written.
#[test]
fn a_killed_emergency_beside_a_retiring_key_goes_on_with_what_it_delivered() {
    let world = World::new().created().staged().promoted();
    let (old, _) = world.delivered("primary");
    let (retiring, _) = world.delivered("secondary");
    let lease = r#"provider "apikey" { ledger = { lock_lease = "2s" } }"#;
    let config = world.config().beside(lease);
    world.write(&config.with(&block("INC-1", "revoke_first", "primary")));
    world
        .ws
        .env("APIKEY_KILL", "replace:deliver:done#1")
        .apply()
        .failed();
    let (new, _) = world.delivered("primary");
    assert_ne!(new, old);
    std::thread::sleep(std::time::Duration::from_millis(2_200));
    let planned = world.ws.env("APIKEY_KILL", "").plan().ok().code(2);
    planned.warns(&["the state follows"]);
    world.ws.apply_plan().ok();
    assert_eq!(world.delivered("primary").0, new);
    let mut ids = world.ids();
    ids.sort();
    let mut expected = [new, retiring];
    expected.sort();
    assert_eq!(ids, expected, "no third key, and the grace goes on");
    world.ws.plan().ok().code(0);
    world.ws.advance("30s").apply().ok();
    assert_eq!(world.ids().len(), 1);
    assert_eq!(world.key().status(), "ok");
}

/// The secret itself was written, and its copy was refused.
#[test]
fn nobody_is_led_back_to_a_compromised_key_because_a_part_of_a_delivery_was_refused() {
    let world = World::new().created();
    let (old, secret) = world.delivered("primary");
    world
        .cloud
        .deny(&world.admin, "\"secretsmanager:ReplicateSecretToRegions\"");
    let copied = format!(
        r#"{{ app = {{ aws_secrets_manager = {{ secret_id = "{}", replica = [{{ region = "eu-west-1" }}] }} }} }}"#,
        world.secret_id
    );
    let config = world.config().deliveries(&copied);
    world.write(&config.with(&declared("INC-1")));
    let failed = world.ws.apply().failed();
    let failed = failed.warns(&[
        "stands first in delivery",
        "the next apply goes on from there",
    ]);
    failed.complains(&[&old, "is not revoked yet"]);
    let (new, _) = world.delivered("primary");
    assert_ne!(new, old);
    assert_eq!(world.key().status(), "compromised");
    // What fails since before this apply holds up no revocation.
    world.ws.apply();
    assert!(!world.cloud.accepts(&old, &secret));
    assert_eq!(world.delivered("primary").0, new);
    assert_eq!(world.ids(), [new]);
}

#[test]
fn a_key_of_which_nothing_is_left_is_created_again_and_leaves_no_ghost() {
    let world = World::new();
    let file = r#"{ app = { file = { path = "k.json" } } }"#;
    world.write(&world.config().deliveries(file));
    world.ws.apply().ok();
    let [old] = world.ids().try_into().unwrap();
    world.cloud.delete_key(&world.user, &old);
    fs::remove_file(world.ws.path("k.json")).unwrap();
    world.ws.apply().ok();
    assert_ne!(world.ids(), [old]);
    let told = ask(&world.ws, &["status"]).code(0);
    told.says(&["1 key at", "1 ok"]);
}

/// An apply that is killed leaves a state that has not heard of it.
#[test]
fn an_emergency_that_no_state_has_heard_of_is_called_off_aloud_or_gone_on_with() {
    let world = World::new().created();
    let (old, secret) = world.delivered("primary");
    let before = world.ws.state();
    world.cloud.deny(&world.admin, REVOCATION);
    let first = block("INC-1", "revoke_first", "primary");
    world.write(&world.config().with(&first));
    world.ws.apply().failed();
    world.ws.put_back(&before);
    let is_told = |code| ask(&world.ws, &["status", "--fail-on", "compromised"]).code(code);
    // A look at it is no end of it, with the block or without.
    world.ws.plan().ok().code(2);
    is_told(3);
    world.write(&world.config());
    let planned = world.ws.plan().ok().code(2);
    planned.warns(&["EMERGENCY INC-1 is called off", &old, "is NOT revoked"]);
    is_told(3);
    world.ws.apply_plan().ok();
    is_told(0);
    assert!(world.cloud.accepts(&old, &secret));
    world.ws.plan().ok().code(0);
    let page = ask(&world.ws, &["report", "incident", "INC-1"]);
    page.code(0).says(&["called off at"]);
}

#[test]
fn a_compromised_key_waits_for_no_place_that_was_never_written() {
    let world = World::new().created();
    let (old, secret) = world.delivered("primary");
    world.cloud.deny(&world.admin, REVOCATION);
    world.write(&world.config().with(&declared("INC-1")));
    world
        .ws
        .apply()
        .failed()
        .complains(&[&old, "is NOT revoked"]);
    world.cloud.allow(&world.admin, EVERYTHING);
    fs::create_dir(world.ws.path("more.json")).unwrap();
    let more = format!(
        r#"{{ app = {}, more = {{ file = {{ path = "more.json" }} }} }}"#,
        world.delivery()
    );
    world.write(&world.config().deliveries(&more).with(&declared("INC-1")));
    world.ws.apply();
    assert!(!world.cloud.accepts(&old, &secret));
    assert_eq!(world.key().at("pending_revocations"), &json!([]));
    world.in_order();
}

/// A world whose secret cannot be written any more, beside a file that can.
fn with_a_door() -> (World, Door) {
    let world = World::new();
    let door = Door::before(&world.cloud.url());
    world
        .ws
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &door.url());
    world.write(&world.config_with_a_file());
    (world.created(), door)
}

#[test]
fn a_delivery_that_begins_to_fail_keeps_the_old_key_for_one_apply_and_no_longer() {
    let (world, door) = with_a_door();
    let (old, secret) = world.delivered("primary");
    world.write(&world.config_with_a_file().with(&declared("INC-1")));
    world.ws.plan().ok().code(2);
    door.shut();
    let stopped = world.ws.apply_plan().failed();
    stopped
        .complains(&[
            "payments",
            &old,
            "is not revoked yet",
            "app",
            "no plan has said so",
        ])
        .reads("emergency-whose-delivery-begins-to-fail");
    assert!(world.cloud.accepts(&old, &secret), "its readers go on");
    let new = world.ws.delivered("k.json")["primary"]["key_id"].clone();
    assert_ne!(new, old.as_str());
    assert_eq!(world.key().status(), "compromised");

    let planned = world.ws.plan().ok().code(2);
    planned
        .warns(&["EMERGENCY INC-1", &old, "\"app\" may still hold it"])
        .reads_warnings("emergency-whose-delivery-has-failed");
    world.ws.apply_plan();
    assert!(!world.cloud.accepts(&old, &secret));
    assert_eq!(world.ids().len(), 1);
    assert_eq!(world.ws.delivered("k.json")["primary"]["key_id"], new);

    door.open();
    world.ws.apply().ok();
    world.in_order();
    assert_eq!(world.delivered("primary").0, new.as_str().unwrap());
    world.ws.plan().ok().code(0);
}

#[test]
fn a_compromised_key_that_is_all_that_works_lives_until_another_is_delivered() {
    let (world, door) = with_a_door();
    let (old, secret) = world.delivered("primary");
    world.write(&world.config_with_a_file().with(&declared("INC-1")));
    world.ws.plan().ok().code(2);
    door.shut();
    world
        .ws
        .apply_plan()
        .failed()
        .complains(&["is not revoked yet"]);
    // Somebody deletes the new key.
    let new = world.ws.delivered("k.json")["primary"]["key_id"].clone();
    world.cloud.delete_key(&world.user, new.as_str().unwrap());
    world.cloud.deny(&world.admin, r#""iam:CreateAccessKey""#);
    let planned = world.ws.plan().ok().code(2);
    planned.warns(&["EMERGENCY INC-1", "1 key is revoked, 1 key is minted"]);
    world.ws.apply_plan().failed();
    assert!(world.cloud.accepts(&old, &secret), "it is all that works");

    door.open();
    world.cloud.allow(&world.admin, EVERYTHING);
    world.takes("emergency");
    assert!(!world.cloud.accepts(&old, &secret));
    assert_eq!(world.ids().len(), 1);
    world.ws.plan().ok().code(0);
}

#[test]
fn a_delivery_that_failed_before_holds_up_nothing_and_stands_in_the_plan() {
    let (world, door) = with_a_door();
    let (old, secret) = world.delivered("primary");
    fs::remove_file(world.ws.path("k.json")).unwrap();
    fs::create_dir(world.ws.path("k.json")).unwrap();
    world.write(&world.config_with_a_file().with(&declared("INC-1")));
    let planned = world.ws.plan().ok().code(2);
    planned.warns(&["EMERGENCY INC-1", &old, "\"local\" may still hold it"]);
    world.ws.apply_plan();
    assert!(!world.cloud.accepts(&old, &secret));
    world.in_order();
    drop(door);
}

#[test]
fn a_required_delivery_that_failed_before_keeps_no_staged_key_from_leading() {
    let (world, _door) = with_a_door();
    let world = world.staged();
    let (old, secret) = world.delivered("primary");
    let (staged, _) = world.delivered("secondary");
    fs::remove_file(world.ws.path("k.json")).unwrap();
    fs::create_dir(world.ws.path("k.json")).unwrap();
    world.write(&world.config_with_a_file().with(&declared("INC-1")));
    let planned = world.ws.plan().ok().code(2);
    planned.warns(&["EMERGENCY INC-1", &old, "no key is minted"]);
    world.ws.apply_plan();
    assert!(!world.cloud.accepts(&old, &secret));
    assert_eq!(world.delivered("primary").0, staged);
    world.in_order();
}

#[test]
fn a_new_key_that_is_refused_changes_nothing_and_the_next_apply_tries_again() {
    let world = World::new().created();
    let sts = Door::before(&world.cloud.url());
    world.ws.env("AWS_ENDPOINT_URL_STS", &sts.url());
    let (old, secret) = world.delivered("primary");
    let document = world.document();
    world.write(&world.config().with(&declared("INC-1")));
    world.ws.plan().ok().code(2);
    world.cloud.deny(&world.admin, r#""iam:CreateAccessKey""#);
    world.ws.apply_plan().failed().complains(&["payments"]);
    assert_eq!(world.document(), document);
    assert!(world.cloud.accepts(&old, &secret));
    assert_eq!(world.key().status(), "compromised");

    world.cloud.allow(&world.admin, EVERYTHING);
    world.takes("emergency");
    assert!(!world.cloud.accepts(&old, &secret));
}

#[test]
fn a_key_that_a_person_deleted_meanwhile_is_not_said_to_work_although_nobody_here_may_delete() {
    let world = World::new().created();
    let (old, _) = world.delivered("primary");
    world.cloud.deny(&world.admin, REVOCATION);
    world.write(&world.config().with(&declared("INC-1")));
    world.ws.apply().failed();
    world.cloud.delete_key(&world.user, &old);
    world.ws.apply().ok();
    world.in_order();
    assert_eq!(world.key().at("pending_revocations"), &json!([]));
    assert_eq!(world.key().status(), "ok");
    world.ws.plan().ok().code(0);
}

#[test]
fn a_key_that_was_revoked_before_its_successor_could_be_made_stays_in_sight() {
    let world = World::new().created();
    let (old, secret) = world.delivered("primary");
    world.cloud.deny(&world.admin, r#""iam:CreateAccessKey""#);
    let first = block("INC-1", "revoke_first", "primary");
    world.write(&world.config().with(&first));
    let failed = world.ws.apply().failed();
    failed
        .complains(&[&old, "was revoked", "nothing is delivered in its place"])
        .reads("emergency-that-revoked-and-may-not-mint");
    assert!(!world.cloud.accepts(&old, &secret));

    let told = |status: &[&str], code| ask(&world.ws, status).code(code);
    let live = || {
        let listed = told(&["inventory", "--format", "json"], 0)
            .json()
            .to_string();
        listed.matches("\"live\"").count()
    };
    told(&["status", "--fail-on", "compromised"], 3).says(&["1 compromised"]);
    assert_eq!(live(), 0, "the revoked key is not made to live again");
    world.ws.plan().ok().code(2);
    told(&["status", "--fail-on", "compromised"], 3).says(&["1 compromised"]);

    world.cloud.allow(&world.admin, EVERYTHING);
    world.ws.apply().ok();
    assert_eq!(live(), 1);
    told(&["status", "--fail-on", "compromised"], 0);
    world.in_order();
    world.ws.destroy().ok();
    told(&["status"], 1);
}

/// A key of somebody else leaves no room for a second one, so that the rotation that is due is blocked.
#[test]
fn a_blocked_key_is_replaced_where_there_is_room_and_makes_room_itself_where_it_is_to_go_first() {
    let world = World::new().created();
    let (old, secret) = world.delivered("primary");
    let foreign = world.cloud.create_key(&world.user);
    world.ws.advance("100s").apply();
    assert_eq!(world.key().status(), "blocked");
    world.write(&world.config().with(&declared("INC-1")));
    let refused = world.ws.apply().failed();
    refused.complains(&["already has 2 keys", &old]);
    assert!(
        world.cloud.accepts(&old, &secret),
        "nobody is without a key"
    );
    assert_eq!(world.key().status(), "compromised");
    // The same emergency, contained first.
    world.write(
        &world
            .config()
            .with(&block("INC-1", "revoke_first", "primary")),
    );
    world.ws.apply().ok();
    assert!(!world.cloud.accepts(&old, &secret));
    world.in_order();
    let ids = world.ids();
    assert!(ids.len() == 2 && ids.contains(&foreign.id), "{ids:?}");
}

/// No state is left that could close it later.
#[test]
fn an_emergency_ends_with_the_destroy_that_revokes_its_key() {
    let world = World::new().created();
    world.cloud.deny(&world.admin, REVOCATION);
    world.write(&world.config().with(&declared("INC-1")));
    world.ws.apply().failed();
    ask(&world.ws, &["report", "incident", "INC-1"]).code(3);
    world.cloud.allow(&world.admin, EVERYTHING);
    world.ws.destroy().ok();
    assert!(world.ids().is_empty());
    let page = ask(&world.ws, &["report", "incident", "INC-1"]);
    page.code(0).says(&["contained at"]);
}
