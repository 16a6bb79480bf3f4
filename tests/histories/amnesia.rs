//! What goes on after a provider was killed, and Terraform wrote the state without its private data.

use super::effects::{after, apply, effects};
use super::events::{Edit, End, Event};
use super::player::Player;

use apikey::resources::managed::model::Private;

/// What the killed apply was about is not told here: it did nothing.
pub(super) fn lose_the_private_data(player: &mut Player) {
    player.kept.as_mut().unwrap().private = Private::lost();
}

fn emergency() -> Event {
    Event::Edit(Edit::Emergency {
        revoke_first: false,
        all: false,
        break_glass: false,
    })
}

/// A rotation that somebody asked for long before it was due. Its key is staged, and waits for the delay of its policy.
async fn with_a_rotation_that_was_asked_for() -> Player {
    let slow = Event::Edit(Edit::Policy(3));
    let steps = [slow, apply(), Event::Edit(Edit::Trigger), apply()];
    let mut player = after(&steps).await;
    assert_eq!(player.holds("/p0"), ["id1", "id2"]);
    lose_the_private_data(&mut player);
    player
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_was_asked_for_goes_on() {
    let mut player = with_a_rotation_that_was_asked_for().await;
    player.now += 50;
    assert_eq!(effects(&mut player, &[]).await, ["write /p0", "write /p1"]);
    assert_eq!(player.holds("/p0"), ["id2", "id1"]);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_was_asked_for_goes_on_even_without_the_ledger() {
    let mut player = with_a_rotation_that_was_asked_for().await;
    player.wipe_the_ledger();
    player.now += 50;
    let _ = effects(&mut player, &[]).await;
    assert_eq!(player.holds("/p0"), ["id2", "id1"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_staged_in_its_time_waits_for_it() {
    let steps = [apply(), Event::Wait(80), apply()];
    let mut player = after(&steps).await;
    lose_the_private_data(&mut player);
    player.wipe_the_ledger();
    player.now += 10;
    assert_eq!(effects(&mut player, &[]).await, [""; 0]);
    assert_eq!(player.holds("/p0"), ["id1", "id2"]);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_could_not_begin_yet_is_not_forgotten() {
    let mut player = after(&[apply(), Event::Edit(Edit::Trigger)]).await;
    let _ = effects(&mut player, &["mint"]).await;
    assert_eq!(player.holds("/p0"), ["id1"]);
    lose_the_private_data(&mut player);
    let done = effects(&mut player, &[]).await;
    assert!(done.contains(&"mint id2".to_owned()), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn an_emergency_that_is_over_is_not_handled_again_even_without_the_ledger() {
    let mut player = after(&[apply(), emergency(), apply()]).await;
    assert_eq!(player.holds("/p0"), ["id2"]);
    lose_the_private_data(&mut player);
    player.wipe_the_ledger();
    assert_eq!(effects(&mut player, &[]).await, [""; 0]);
    assert_eq!(player.holds("/p0"), ["id2"]);
    // Another one is.
    player.live(&emergency()).await.unwrap();
    let _ = effects(&mut player, &[]).await;
    assert_eq!(player.holds("/p0"), ["id3"]);
}

#[tokio::test(start_paused = true)]
async fn an_emergency_that_is_not_over_is_handled_even_without_the_ledger() {
    let mut player = after(&[apply(), emergency()]).await;
    let _ = effects(&mut player, &["revoke id1"]).await;
    assert!(player.world.live().contains("id1"));
    lose_the_private_data(&mut player);
    player.wipe_the_ledger();
    let _ = effects(&mut player, &[]).await;
    let _ = effects(&mut player, &[]).await;
    assert!(!player.world.live().contains("id1"));
}

#[tokio::test(start_paused = true)]
async fn an_emergency_that_is_not_over_is_not_declared_of_the_key_that_took_the_place_of_the_compromised_one()
 {
    let mut player = after(&[apply(), emergency()]).await;
    let _ = effects(&mut player, &["revoke id1"]).await;
    lose_the_private_data(&mut player);
    player.apply(false, 0).await.unwrap();
    assert_eq!(player.world.state().log, [""; 0]);
    assert_eq!(effects(&mut player, &[]).await, ["revoke id1"]);
    assert_eq!(player.holds("/p0"), ["id2"]);
}

#[tokio::test(start_paused = true)]
async fn a_former_place_that_could_not_be_emptied_is_emptied_later() {
    let mut player = after(&[apply(), Event::Edit(Edit::Deliveries(0))]).await;
    assert_eq!(
        effects(&mut player, &["remove /p1"]).await,
        ["remove /p1 failed"]
    );
    lose_the_private_data(&mut player);
    assert_eq!(effects(&mut player, &[]).await, ["remove /p1"]);
    assert!(player.holds("/p1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_the_ledger_keeps_is_not_written_over_before_it_was_read() {
    let mut player = after(&[apply(), Event::Edit(Edit::Deliveries(0))]).await;
    let _ = effects(&mut player, &["remove /p1"]).await;
    lose_the_private_data(&mut player);
    for lost in [true, false] {
        player.live(&Event::LoseLedger(lost)).await.unwrap();
        player.live(&Event::Refresh { faults: 0 }).await.unwrap();
    }
    assert_eq!(effects(&mut player, &[]).await, ["remove /p1"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_not_rotated_again_for_an_owner_who_left() {
    let left = [
        Event::Edit(Edit::Owner(1)),
        apply(),
        Event::Edit(Edit::Offboarded(2)),
        apply(),
        Event::Wait(10),
        apply(),
        Event::Wait(40),
        apply(),
    ];
    let mut player = after(&left).await;
    assert_eq!(player.holds("/p0"), ["id2"]);
    lose_the_private_data(&mut player);
    player.wipe_the_ledger();
    assert_eq!(effects(&mut player, &[]).await, [""; 0]);
}

/// The apply that moves the delivery is killed once it has written to the new place, the command line with it or not.
async fn moved_by_a_killed_apply(loses: bool) -> Player {
    moved_beside(&[], loses).await
}

/// The same with another edit beside the move.
async fn moved_beside(edits: &[Event], loses: bool) -> Player {
    let move_to = |set| Event::Edit(Edit::Deliveries(set));
    let single = [move_to(4), apply(), move_to(6)];
    for moment in 0..60 {
        let mut player = after(&[&single, edits].concat()).await;
        player.live(&Event::Refresh { faults: 0 }).await.unwrap();
        let private = player.kept.as_ref().unwrap().private.clone();
        player.live(&killed(moment)).await.unwrap();
        if !loses {
            player.kept.as_mut().unwrap().private = private;
        }
        if !player.holds("/p2").is_empty() {
            return player;
        }
    }
    panic!("nothing was written");
}

fn killed(moment: u32) -> Event {
    Event::Apply {
        refresh: false,
        late: 0,
        faults: 0,
        refuse_probes: false,
        between: false,
        end: End {
            killed: Some(moment),
            ..End::default()
        },
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_a_killed_apply_wrote_to_is_left_when_nobody_wants_it_any_more() {
    for loses in [true, false] {
        for wanted in [4, 1] {
            let mut player = moved_by_a_killed_apply(loses).await;
            let edit = Event::Edit(Edit::Deliveries(wanted));
            player.live(&edit).await.unwrap();
            for _ in 0..3 {
                let _ = effects(&mut player, &[]).await;
            }
            assert!(player.holds("/p2").is_empty(), "{loses} {wanted}");
            assert_eq!(player.holds("/p0"), ["id1"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_a_killed_apply_wrote_to_stays_where_it_is_wanted() {
    let mut player = moved_by_a_killed_apply(true).await;
    for _ in 0..3 {
        let _ = effects(&mut player, &[]).await;
    }
    assert_eq!(player.holds("/p2"), ["id1"]);
    assert!(player.holds("/p0").is_empty());
    assert!(player.kept.as_ref().unwrap().private.former.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_place_that_a_killed_emergency_wrote_to_is_left_when_nobody_wants_it_any_more() {
    for wanted in [4, 1] {
        let mut player = moved_beside(&[emergency()], true).await;
        let edit = Event::Edit(Edit::Deliveries(wanted));
        player.live(&edit).await.unwrap();
        for _ in 0..3 {
            let _ = effects(&mut player, &[]).await;
        }
        assert!(!player.world.live().contains("id1"), "{}", player.diary());
        assert!(player.holds("/p2").is_empty(), "{}", player.diary());
    }
}
