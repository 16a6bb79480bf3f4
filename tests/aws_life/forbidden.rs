//! A Secrets Manager that refuses everything for months while the clock moves.

use super::world::World;
use crate::support::keys::Config;

/// Staged after 23 days, due after 30, revoked a day after the swap, held for a week at most.
const MONTHLY: &str = r#"
  rotation_interval = "30d"
  stage_before      = "7d"
  propagation_delay = "1h"
  grace_period      = "1d"
  max_grace_period  = "7d"
"#;

/// A retiring key, and from now on every call to Secrets Manager is refused.
fn forbidden(config: impl Fn(&World) -> Config) -> World {
    let world = World::new();
    let config = config(&world).policy(MONTHLY);
    world.write(&config);
    let world = world.created();
    for days in ["23d", "7d"] {
        world.ws.advance(days).apply().ok();
    }
    assert_eq!(world.key().phase(), "retiring");
    world.in_order();
    world.cloud.deny(&world.admin, r#""secretsmanager:*""#);
    world
}

/// Whoever reads the secret gets in, and there are never more than two keys.
#[track_caller]
fn serves(world: &World, primary: &str) {
    let (id, secret) = world.delivered("primary");
    assert_eq!(id, primary);
    assert!(world.cloud.accepts(&id, &secret), "{id} is refused");
    assert!(world.ids().len() <= 2, "{:?}", world.ids());
}

#[test]
fn it_keeps_no_retired_key_alive_and_lets_no_key_be_promoted_past_it() {
    let world = forbidden(World::config_with_a_file);
    let primary = world.key().text("primary.key_id");
    world.ws.advance("1d").apply().ok();
    assert_eq!(world.ids(), [primary.as_str()]);
    serves(&world, &primary);
    for _ in 0..4 {
        world
            .ws
            .advance("15d")
            .apply()
            .ok()
            .warns(&["payments", "delivery \"app\""]);
        serves(&world, &primary);
    }
    let key = world.key();
    assert_eq!(key.delivery("app"), "unreadable");
    assert_eq!(key.phase(), "staged");
    assert!(
        key.reason()
            .contains("delivery \"app\" is in order, which is required"),
        "{}",
        key.reason()
    );

    world.cloud.allow(&world.admin, super::cloud::EVERYTHING);
    world.ws.apply().ok();
    assert_eq!(world.delivered("secondary").0, key.text("secondary.key_id"));
    world.ws.advance("1h").apply().ok();
    world.in_order();
    assert_eq!(
        world.key().text("primary.key_id"),
        key.text("secondary.key_id")
    );
    world.ws.advance("1d").apply().ok();
    assert_eq!(world.ids(), [key.text("secondary.key_id")]);
    world.ws.plan().ok().code(0);
}

#[test]
fn as_the_only_delivery_it_holds_a_retired_key_for_max_grace_period_and_nothing_is_minted() {
    let world = forbidden(World::config);
    let primary = world.key().text("primary.key_id");
    world.ws.advance("6d").apply().ok();
    assert_eq!(
        (world.ids().len(), world.key().status().as_str()),
        (2, "blocked")
    );
    world.ws.advance("1d").apply().ok().warns(&["payments"]);
    assert_eq!(world.ids(), [primary.as_str()]);
    for _ in 0..3 {
        world.ws.advance("30d").apply().ok();
        assert_eq!(world.ids(), [primary.as_str()]);
        serves(&world, &primary);
    }
    world.cloud.allow(&world.admin, super::cloud::EVERYTHING);
    world.ws.apply().ok();
    world.in_order();
    assert_eq!(world.ids().len(), 2);
    world.ws.advance("1h").apply().ok();
    world.in_order();
    assert_ne!(world.key().text("primary.key_id"), primary);
}

#[test]
fn a_plan_that_meets_it_says_so_and_nothing_of_a_lost_secret() {
    let world = World::new().created();
    world.ws.advance("80s").plan().ok().code(2);
    world
        .cloud
        .deny(&world.admin, r#""secretsmanager:GetSecretValue""#);
    let outcome = world.ws.apply_plan().failed();
    assert!(!outcome.text().contains("The plan is stale"), "{outcome}");
    outcome
        .complains(&["payments", "GetSecretValue"])
        .reads("secret-that-may-not-be-read");
    assert_eq!(world.ids().len(), 1);
    world
        .ws
        .plan()
        .ok()
        .warns(&["payments", "delivery \"app\""]);
}
