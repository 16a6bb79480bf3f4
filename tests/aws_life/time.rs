//! Clocks that disagree, states that tell of the future, and proofs that take time.

use std::time::Duration;

use super::door::Door;
use super::world::World;
use crate::support::fake::{Fake, Reply};

#[test]
fn a_key_that_was_lost_at_a_server_whose_clock_is_ahead_is_found_and_revoked() {
    for ahead in [300, -300] {
        let world = World::new();
        let door = Door::before(&world.cloud.url());
        world.ws.env("AWS_ENDPOINT_URL", &door.url());
        door.ahead(ahead);
        world.ws.plan().ok().code(2);
        door.lose("Action=CreateAccessKey");
        world
            .ws
            .apply_plan()
            .failed()
            .complains(&["payments", "not certain"]);
        assert!(!door.is_waiting());
        let lost = world.ids();
        assert_eq!(lost.len(), 1);
        assert!(world.document().is_null());

        world.ws.plan().ok().code(2).warns(&["payments", &lost[0]]);
        world.ws.apply_plan().ok();
        world.in_order();
        assert!(!world.ids().contains(&lost[0]), "{ahead}");
        assert_eq!(world.ids().len(), 1);
    }
}

#[test]
fn a_revoked_key_that_is_accepted_once_more_is_not_taken_for_dead() {
    let world = World::new();
    let door = Door::before(&world.cloud.url());
    let world = world.created().staged().promoted();
    world.ws.env("AWS_ENDPOINT_URL", &door.url());
    world.ws.advance("30s").plan().ok().code(2);
    door.take_operations();
    let revoked = world.ws.apply_plan().ok();
    revoked.does_not_warn("not proved dead");
    let asked = door.take_operations();
    let probes = asked.iter().filter(|it| *it == "GetCallerIdentity").count();
    assert!(
        probes > 3,
        "who runs, and three refusals in a row: {asked:?}"
    );
    assert_eq!(world.ids().len(), 1);
    world.in_order();
}

#[test]
fn a_revoked_key_that_stays_accepted_goes_on_retiring() {
    let world = World::new();
    let door = Door::before(&world.cloud.url());
    let world = world.created().staged().promoted();
    world.ws.env("AWS_ENDPOINT_URL_IAM", &door.url());
    world.ws.advance("30s").plan().ok().code(2);
    // The revocation is said to be done and is not.
    door.pretend(&["Action=DeleteAccessKey", "Action=UpdateAccessKey"]);
    let retiring = world.document()["secondary"]["key_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let revoked = world.ws.apply_plan().failed();
    revoked.complains(&[
        "payments",
        &retiring,
        "is not revoked",
        "times in a row",
        "keeps the secondary slot",
    ]);
    assert_eq!(world.document()["secondary"]["key_id"], *retiring);
    world.in_order();

    door.open();
    world.ws.plan().ok().code(2).warns(&["payments", &retiring]);
    world.ws.apply_plan().ok();
    assert!(!world.ids().contains(&retiring));
    world.in_order();
}

#[test]
fn an_endpoint_that_hangs_ends_the_refresh_and_the_error_says_what_was_waited_for() {
    let world = World::new().created();
    let silent = Fake::start([Reply::Silence(Duration::from_secs(600))]);
    world.ws.env("AWS_ENDPOINT_URL", &silent.url());
    world.ws.plan().failed().complains(&[
        "payments",
        "did not answer",
        "There was no whole answer within",
        "GetCallerIdentity was tried",
    ]);
    assert_eq!(world.ids().len(), 1);
}
