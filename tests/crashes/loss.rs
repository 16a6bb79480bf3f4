//! Requests that arrive and whose answers do not, and a network that fails three times in ten.

use super::scenes::Scene;
use crate::aws_life::door::Door;

/// A scene whose provider reaches the server through a door.
fn behind_a_door() -> (Scene, Door) {
    let scene = Scene::new("");
    let door = Door::before(&scene.cloud().url());
    scene.ws().env("AWS_ENDPOINT_URL", &door.url());
    (scene, door)
}

#[test]
fn a_first_key_whose_mint_was_not_answered_is_revoked_by_the_apply_that_mints_another() {
    let (scene, door) = behind_a_door();
    door.lose("Action=CreateAccessKey");
    let failed = scene.ws().apply().failed();
    let lost = scene.ids();
    assert_eq!(lost.len(), 1, "{failed}");

    scene
        .ws()
        .plan()
        .ok()
        .warns(&[&lost[0], "did not finish", "this apply revokes it"]);
    scene.ws().apply_plan().ok();
    assert_eq!(scene.is_in_order(&[]), Ok(()));
    assert!(!scene.ids().contains(&lost[0]));
}

#[test]
fn a_staged_key_whose_mint_was_not_answered_makes_room_for_another() {
    let (scene, door) = behind_a_door();
    scene.settle("single");
    let before = scene.ids();
    scene.at_rotation("80s");
    door.lose("Action=CreateAccessKey");
    scene.ws().apply().failed();
    let mut lost = scene.ids();
    lost.retain(|id| !before.contains(id));
    assert_eq!(lost.len(), 1);

    scene
        .ws()
        .plan()
        .ok()
        .warns(&[&lost[0], "did not finish", "This apply revokes"]);
    scene.ws().apply_plan().ok();
    assert_eq!(scene.is_in_order(&before), Ok(()));
    scene.settle("staged");
}

#[test]
fn a_delivery_that_was_not_answered_is_written_once_more_and_no_key_is_minted_for_it() {
    let (scene, door) = behind_a_door();
    scene.settle("single");
    scene.at_rotation("80s");
    door.lose("SecretString");
    // A write is repeated under its token, so that the apply may well not notice.
    let _ = scene.ws().apply();
    assert!(!door.is_waiting());
    scene.settle("staged");
    assert_eq!(scene.is_in_order(&[]), Ok(()));
    assert_eq!(scene.ids().len(), 2);
}

#[test]
fn a_revocation_that_was_not_answered_is_found_done() {
    let (scene, door) = behind_a_door();
    for (due, phase) in [("1s", "single"), ("80s", "staged"), ("100s", "retiring")] {
        if scene.ws().find_key("k").is_some() {
            scene.at_rotation(due);
        }
        scene.settle(phase);
    }
    scene.at_rotation("30s");
    door.lose("Action=DeleteAccessKey");
    let _ = scene.ws().apply();
    assert!(!door.is_waiting());
    scene.settle("single");
    assert_eq!(scene.is_in_order(&[]), Ok(()));
    assert_eq!(scene.ids().len(), 1);
}

#[test]
fn a_network_that_fails_three_times_in_ten_delays_a_rotation_and_breaks_nothing() {
    let (scene, door) = behind_a_door();
    scene.settle("single");
    for (due, phase) in [("80s", "staged"), ("100s", "retiring"), ("30s", "single")] {
        let before = scene.living_ids();
        scene.at_rotation(due);
        door.storm(20_261_123);
        for _ in 0..4 {
            // Whether it fails is chance; what it leaves is not.
            let _ = scene.ws().apply();
            assert!(scene.ids().len() <= 2, "a third key");
        }
        door.open();
        scene.settle(phase);
        assert_eq!(scene.is_in_order(&before), Ok(()), "{phase}");
    }
}
