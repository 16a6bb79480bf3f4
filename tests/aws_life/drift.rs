//! What others do to keys and deliveries: keys deleted or switched off, deliveries altered or taken away.

use super::world::{KEY, World};

#[test]
fn a_primary_that_was_deleted_is_reported_and_replaced_only_if_asked() {
    let world = World::new().created();
    let lost = world.key().text("primary.key_id");
    world.cloud.delete_key(&world.user, &lost);

    let reported = world.ws.plan().ok().code(0);
    reported.warns(&["payments", "blocked", &lost, "no longer exists"]);
    world.write(&world.config().and_policy(r#"on_drift = "error""#));
    let refused = world.ws.plan().failed();
    refused.complains(&["payments", &lost, "on_drift"]);
    assert!(world.ids().is_empty());

    world.write(&world.config().and_policy(r#"on_drift = "rotate""#));
    let announced = world.ws.plan().ok().code(2);
    announced.warns(&["payments", &lost, "mints a new key"]);
    world.ws.apply_plan().ok();
    world.in_order();
    assert_eq!(
        world.key().phase(),
        "single",
        "a key that is gone does not retire"
    );
    assert!(world.document()["secondary"].is_null());
    world.ws.plan().ok().code(0);
}

#[test]
fn a_primary_that_was_deleted_stays_blocked_after_an_apply_about_the_key_beside_it() {
    let world = World::new().created().staged().promoted();
    let primary = world.key().text("primary.key_id");
    for id in world.ids() {
        world.cloud.delete_key(&world.user, &id);
    }
    world.ws.apply().ok();
    let key = world.key();
    assert_eq!(key.phase(), "single", "the key beside it is taken off");
    assert_eq!(
        key.text("status"),
        "blocked",
        "{}",
        key.text("status_reason")
    );
    assert!(key.text("status_reason").contains(&primary));
    world.ws.plan().ok().code(0);
}

#[test]
fn a_primary_that_was_deactivated_is_replaced_and_then_deleted() {
    let world = World::new().created();
    let off = world.key().text("primary.key_id");
    world.cloud.deactivate_key(&world.user, &off);
    let reported = world.ws.plan().ok().code(0);
    reported.warns(&["payments", "blocked", &off, "deactivated"]);

    world.write(&world.config().and_policy(r#"on_drift = "rotate""#));
    world.takes("replace");
    assert_eq!(world.key().text("secondary.key_id"), off);
    world.ws.advance("30s");
    world.takes("revoke");
    assert_eq!(world.ids(), [world.key().text("primary.key_id")]);
}

#[test]
fn a_staged_key_that_was_deleted_is_staged_anew() {
    let world = World::new().created().staged();
    let gone = world.key().text("secondary.key_id");
    world.cloud.delete_key(&world.user, &gone);
    let announced = world.ws.plan().ok().code(2);
    announced.warns(&["payments", &gone, "mints a new key"]);
    assert_eq!(world.ws.change(KEY).after("last_action"), "discard+stage");
    world.ws.apply_plan().ok();
    world.in_order();
    assert_eq!(world.key().phase(), "staged");
    let (staged, secret) = world.delivered("secondary");
    assert_ne!(staged, gone);
    assert!(world.cloud.accepts(&staged, &secret));
}

#[test]
fn a_retiring_key_that_was_deleted_early_counts_as_revoked() {
    let world = World::new();
    // The server is to be asked for the last use of the retiring key, which it no longer knows.
    world.write(
        &world
            .config()
            .and_policy(r#"revoke_only_if_unused_for = "1s""#),
    );
    let world = world.created().staged().promoted();
    let retiring = world.key().text("secondary.key_id");
    world.cloud.delete_key(&world.user, &retiring);
    world.ws.advance("30s");
    world.takes("revoke").does_not_warn("could not be revoked");
    assert_eq!(world.key().phase(), "single");
    assert!(world.document()["secondary"].is_null());
}

#[test]
fn a_retiring_key_that_was_deleted_leaves_the_documents_at_once() {
    let world = World::new().created().staged().promoted();
    let (primary, retiring) = (
        world.key().text("primary.key_id"),
        world.key().text("secondary.key_id"),
    );
    world.cloud.delete_key(&world.user, &retiring);
    let told = [
        "payments: revoke",
        &retiring,
        "no longer exists at the issuer",
    ];
    world.ws.plan().ok().code(2).warns(&told);
    world.ws.apply_plan().ok();
    assert_eq!(world.key().phase(), "single");
    assert!(world.document()["secondary"].is_null());
    assert_eq!(world.ids(), [primary]);
    world.in_order();
    world.ws.plan().ok().code(0).does_not_warn("payments");
}

#[test]
fn a_retiring_key_that_was_switched_off_is_told_of_and_keeps_its_grace() {
    let world = World::new().created().staged().promoted();
    let retiring = world.key().text("secondary.key_id");
    world.cloud.deactivate_key(&world.user, &retiring);
    let told = world.ws.plan().ok().code(0);
    told.warns(&["payments: key is notice", &retiring, "is refused"]);
    assert_eq!(world.ids().len(), 2);
    world.in_order();
    world.ws.advance("30s");
    world.takes("revoke");
    assert!(!world.ids().contains(&retiring));
}

#[test]
fn a_key_of_which_nothing_is_left_leaves_the_state_and_is_created_anew() {
    let world = World::new().created();
    world.cloud.delete_user(&world.user);
    world.ws.apply_with(&["-refresh-only"]).ok();
    assert_eq!(
        world.key().status(),
        "blocked",
        "its secret still stands in the delivery"
    );

    world.cloud.delete_secret(&world.secret_id);
    world.ws.apply_with(&["-refresh-only"]).ok();
    assert!(world.ws.find_key("k").is_none());

    let refused = world.ws.apply().failed();
    refused.complains(&["payments", &world.user]);
    assert!(world.ws.find_key("k").is_none());
    world.cloud.create_user(&world.user);
    let world = world.created();
    assert_eq!(world.key().generation(), 1);
}

#[test]
fn an_altered_delivery_is_copied_from_another_and_no_key_is_minted() {
    let world = World::new();
    world.write(&world.config_with_a_file());
    let world = world.created();
    let (document, ids) = (world.document(), world.ids());

    world.alters();
    let announced = world.ws.plan().ok().code(2);
    announced.warns(&["payments", "app", "no key is minted"]);
    world.takes("deliver");
    assert_eq!(world.document(), document);

    world.cloud.delete_secret(&world.secret_id);
    world.takes("deliver");
    assert_eq!(world.document(), document);
    assert_eq!(world.ids(), ids);
    assert_eq!(world.key().generation(), 1);
}

#[test]
fn what_somebody_put_in_the_place_of_a_document_is_not_written_over() {
    let world = World::new();
    world.write(&world.config_with_a_file());
    let world = world.created();
    world
        .cloud
        .overwrite(&world.secret_id, r#"{"password":"x"}"#);
    world.ws.plan().ok();
    let applied = world.ws.apply();
    let text = applied.text();
    for words in ["not ours to overwrite", "overwrite = true"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(world.document()["password"], "x");
    assert_eq!(world.ids().len(), 1);
}

#[test]
fn a_secret_whose_every_copy_was_altered_is_lost_and_its_key_is_replaced_only_if_asked() {
    let world = World::new().created();
    let primary = world.key().text("primary.key_id");
    world.alters();
    let altered = world.document();
    let reported = world.ws.plan().ok().code(0);
    reported.warns(&["payments", "no delivery holds the secret", &primary]);
    assert_eq!(world.document(), altered, "a plan writes nothing");

    world.write(&world.config().and_policy(r#"on_drift = "rotate""#));
    world.takes("replace");
    assert_eq!(
        world.key().text("secondary.key_id"),
        primary,
        "somebody may still hold it"
    );
    world.ws.advance("30s");
    world.takes("revoke");

    world.cloud.purge_secret(&world.secret_id);
    world.takes("replace");
    assert_eq!(world.ids().len(), 2);
}

#[test]
fn two_secrets_that_were_lost_together_are_replaced_by_one_new_key() {
    let world = World::new().created().staged();
    let before = world.ids();
    world.alters();
    let reported = world.ws.plan().ok().code(0);
    reported.warns(&["payments", "no delivery holds the secret"]);

    world.write(&world.config().and_policy(r#"on_drift = "rotate""#));
    world.takes("discard+replace");
    assert!(before.contains(&world.key().text("secondary.key_id")));
    assert!(!before.contains(&world.key().text("primary.key_id")));
    assert_eq!(world.ids().len(), 2);
}

#[test]
fn a_primary_that_cannot_be_replaced_beside_a_retiring_key_says_how_to_go_on() {
    let world = World::new();
    world.write(&world.config().and_policy(r#"on_drift = "rotate""#));
    let world = world.created().staged().promoted();
    let (primary, retiring) = (
        world.key().text("primary.key_id"),
        world.key().text("secondary.key_id"),
    );
    world.cloud.deactivate_key(&world.user, &primary);
    let blocked = world.ws.plan().ok().code(0);
    blocked.warns(&[
        "payments",
        "blocked",
        &primary,
        "deactivated",
        &retiring,
        &format!("delete {primary} at the issuer if nothing uses it"),
    ]);

    world.ws.advance("30s");
    world.takes("revoke+replace");
    assert_eq!(world.key().text("secondary.key_id"), primary);
    assert!(!world.ids().contains(&retiring));
}

#[test]
fn a_saved_plan_is_refused_when_a_key_vanished_after_it_was_made() {
    let world = World::new().created().staged();
    let (primary, staged) = (
        world.key().text("primary.key_id"),
        world.key().text("secondary.key_id"),
    );
    world.ws.advance("20s").plan().ok().code(2);
    world.cloud.deactivate_key(&world.user, &staged);
    refused_as_stale(&world, &staged);

    world.ws.plan().ok().code(2);
    world.cloud.delete_key(&world.user, &primary);
    refused_as_stale(&world, &primary);
    assert_eq!(world.ids(), [staged]);
}

#[test]
fn a_saved_plan_does_not_revoke_the_old_key_once_the_new_one_was_switched_off() {
    let world = World::new().created().staged().promoted();
    let primary = world.key().text("primary.key_id");
    world.ws.advance("30s").plan().ok().code(2);
    assert_eq!(world.ws.change(KEY).after("last_action"), "revoke");
    world.cloud.deactivate_key(&world.user, &primary);
    refused_as_stale(&world, &primary);
    assert_eq!(world.ids().len(), 2);
}

#[track_caller]
fn refused_as_stale(world: &World, key: &str) {
    // A refresh may move the status on; the keys stay.
    let keys = || {
        let key = world.key();
        let of = ["primary", "secondary", "generation", "delivery_status"];
        of.map(|name| key.at(name).clone())
    };
    let (before, document, ids) = (keys(), world.document(), world.ids());
    let refused = world.ws.apply_plan().failed();
    refused.complains(&["payments", key, "The plan is stale"]);
    assert_eq!(keys(), before);
    assert_eq!(world.document(), document);
    assert_eq!(world.ids(), ids);
}

#[test]
fn an_older_state_follows_to_the_staged_key_that_it_does_not_know() {
    let world = World::new().created();
    let older = std::fs::read(world.ws.path("terraform.tfstate")).unwrap();
    let world = world.staged();
    let staged = world.key().text("secondary.key_id");
    // A refresh has seen the staged key in the state.
    world.ws.plan().ok().code(0);

    std::fs::write(world.ws.path("terraform.tfstate"), older).unwrap();
    world
        .ws
        .plan()
        .ok()
        .warns(&["the state follows", &staged, "apply -refresh-only"]);
    world.ws.apply().ok();
    assert_eq!(world.key().text("secondary.key_id"), staged);
    assert!(world.ids().contains(&staged), "{staged} was revoked");
}
