//! What an issuer tells of the use of a retiring key, forgets, and does not tell.

use apikey::duration::Duration;

use super::amnesia::lose_the_private_data;
use super::effects::{after, apply, effects};
use super::events::{Edit, Event, Tamper};
use super::player::Player;

/// A key that was used a moment before the end of its grace, as a refresh has seen.
async fn used_lately() -> Player {
    let hold = Event::Edit(Edit::HoldWhileUsed(true));
    let rotated = [
        hold,
        apply(),
        Event::Wait(80),
        apply(),
        Event::Wait(20),
        apply(),
    ];
    let mut player = after(&rotated).await;
    assert_eq!(player.holds("/p0"), ["id2", "id1"]);
    for event in [
        Event::Wait(30),
        Event::Tamper(Tamper::UseSecondary),
        apply(),
    ] {
        player.live(&event).await.unwrap();
    }
    assert_eq!(player.status(), "blocked");
    player.world.state().log.clear();
    player.now += 30;
    player
}

#[tokio::test(start_paused = true)]
async fn a_use_that_was_told_once_counts_although_the_issuer_forgets_it() {
    for is_lost in [false, true] {
        let mut player = used_lately().await;
        player.world.state().last_used.clear();
        if is_lost {
            // The ledger knows it too.
            lose_the_private_data(&mut player);
        }
        assert_eq!(effects(&mut player, &[]).await, [""; 0]);
        assert_eq!(player.status(), "blocked");
        player.now += 20;
        let done = effects(&mut player, &[]).await;
        assert!(done.contains(&"revoke id1".to_owned()), "{done:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_use_that_is_told_to_lie_ahead_counts_as_one_of_now() {
    for is_lost in [false, true] {
        let mut player = used_lately().await;
        for at in player.world.state().last_used.values_mut() {
            *at = *at + Duration::from_days(90);
        }
        assert_eq!(effects(&mut player, &[]).await, [""; 0]);
        player.world.state().last_used.clear();
        if is_lost {
            lose_the_private_data(&mut player);
        }
        // By now it would be revoked if the use before that one were the last.
        player.now += 20;
        assert_eq!(effects(&mut player, &[]).await, [""; 0]);
        assert_eq!(player.status(), "blocked");
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_tell_holds_the_key_and_fails_nothing() {
    let mut player = used_lately().await;
    player.now += 20;
    let done = effects(&mut player, &["last used"]).await;
    assert!(done.iter().all(|it| it == "last used failed"), "{done:?}");
    assert_eq!(player.status(), "blocked");
    let done = effects(&mut player, &[]).await;
    assert!(done.contains(&"revoke id1".to_owned()), "{done:?}");
}
