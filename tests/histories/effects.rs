//! The order of effects, and what is left when one of them fails after every check has passed.

use super::events::{Edit, End, Event, Tamper};
use super::live_through;
use super::player::Player;
use crate::support::world::Written;

use apikey::resources::managed::destroy;
use tf_provider::value::Value;

pub(super) fn apply() -> Event {
    apply_that(true, End::default())
}

fn apply_that(refresh: bool, end: End) -> Event {
    Event::Apply {
        refresh,
        late: 0,
        faults: 0,
        refuse_probes: false,
        between: false,
        end,
    }
}

/// A player that lives through the events, and then forgets what happened.
pub(super) async fn after(events: &[Event]) -> Player {
    let mut player = Player::new();
    for event in events {
        player.live(event).await.unwrap();
    }
    player.world.state().log.clear();
    player
}

/// What one more apply does while these calls fail. The writes are told without what they write.
pub(super) async fn effects(player: &mut Player, broken: &[&str]) -> Vec<String> {
    player.world.state().broken = broken.iter().map(|call| (*call).to_owned()).collect();
    player.apply(true, 0).await.unwrap();
    player.no_violation().unwrap();
    let mut state = player.world.state();
    state.broken.clear();
    let log = std::mem::take(&mut state.log);
    let bare = |line: String| line.split(" [").next().unwrap_or_default().to_owned();
    log.into_iter().map(bare).collect()
}

#[tokio::test(start_paused = true)]
async fn a_first_key_is_minted_and_then_written_everywhere() {
    let mut player = Player::new();
    assert_eq!(
        effects(&mut player, &[]).await,
        ["mint id1", "write /p0", "write /p1"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_compromised_key_is_revoked_once_its_successor_was_shown_or_could_not_be() {
    let emergency = Edit::Emergency {
        revoke_first: false,
        all: false,
        break_glass: false,
    };
    let events = [
        apply(),
        Event::Edit(Edit::Deployment(Some(true))),
        apply(),
        Event::Edit(emergency),
    ];
    for (broken, told) in [
        (None, "deploy web"),
        (Some("deploy web"), "deploy web failed"),
    ] {
        let mut player = after(&events).await;
        let broken: Vec<&str> = broken.into_iter().collect();
        let expected = [
            "mint id2",
            "write /p0",
            "write /p1",
            told,
            "write /p0",
            "write /p1",
            "revoke id1",
        ];
        assert_eq!(effects(&mut player, &broken).await, expected);
        let owed: &[&str] = match told {
            "deploy web" => &[],
            _ => &["deploy web"],
        };
        assert_eq!(effects(&mut player, &[]).await, owed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_check_mints_nothing() {
    for broken in ["check /p1", "check issuer"] {
        let mut player = Player::new();
        assert_eq!(
            effects(&mut player, &[broken]).await,
            [format!("{broken} failed")]
        );
        assert!(player.kept.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_key_that_reaches_no_store_is_revoked_again() {
    let mut player = Player::new();
    let effects = effects(&mut player, &["write /p0", "write /p1"]).await;
    let expected = [
        "mint id1",
        "write /p0 failed",
        "write /p1 failed",
        "revoke id1",
    ];
    assert_eq!(effects, expected);
    assert!(player.kept.is_none() && player.world.live().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_first_key_that_is_refused_is_written_nowhere() {
    let mut player = Player::new();
    player.world.state().refuse_probes = true;
    assert_eq!(effects(&mut player, &[]).await, ["mint id1", "revoke id1"]);
    assert!(player.kept.is_none());
}

/// Something that may fall asleep.
#[derive(Clone, Copy, PartialEq)]
enum Work {
    Apply,
    Destroy,
    Action,
}

#[tokio::test(start_paused = true)]
async fn whoever_wakes_up_after_its_lock_was_taken_over_does_nothing_more_whatever_it_was_about() {
    let staged = [apply(), Event::Wait(85), apply(), Event::Wait(20)];
    let retiring = [&staged[..], &[apply(), Event::Wait(40)]].concat();
    for (work, before) in [
        (Work::Apply, &[][..]),
        (Work::Apply, &staged[..2]),
        (Work::Apply, &staged),
        (Work::Apply, &retiring),
        (Work::Action, &staged[..1]),
        (Work::Destroy, &staged),
    ] {
        for moment in 0.. {
            let mut player = Player::new();
            // A lock of the account, and one of the resource alone.
            player.world.state().shared = moment % 2 == 0;
            for event in before {
                player.live(event).await.unwrap();
            }
            player.end.suspended = Some(moment);
            match work {
                Work::Apply => player.apply(true, 0).await.unwrap(),
                Work::Destroy => player.destroy().await.unwrap(),
                Work::Action => player.rotate_now().await.unwrap(),
            }
            if let Err(violation) = player.no_violation() {
                panic!("{violation}, moment {moment}: {}", player.diary());
            }
            if !player.diary().contains("woke up") {
                assert!(moment > 3, "{}", player.diary());
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_was_copied_since_the_plan_of_its_destroy_ends_nothing() {
    let player = after(&[apply()]).await;
    let kept = player.kept.as_ref().unwrap();
    let copy = player.context().in_workspace("copy".into());
    let (state, private) = (super::values::copy(&kept.state), kept.private.clone());
    let refused = destroy::destroy(state, private, &copy).await.unwrap_err();
    assert!(refused.summary.contains("belong to workspace"), "{refused}");
    assert_eq!(player.world.live().len(), 1);
}

fn unheard() -> Event {
    let end = End {
        unacknowledged: true,
        ..End::default()
    };
    apply_that(true, end)
}

/// A create was killed once its key was delivered to the last of its places, so the next one takes its place.
async fn with_the_key_of_a_create_that_was_killed(deliveries: usize, last: &str) -> Player {
    for moment in 0.. {
        let end = End {
            killed: Some(moment),
            ..End::default()
        };
        let player = after(&[
            Event::Edit(Edit::Deliveries(deliveries)),
            apply_that(true, end),
        ])
        .await;
        if player.holds(last) == ["id1"] {
            return player;
        }
    }
    unreachable!("a moment after the last is none")
}

#[tokio::test(start_paused = true)]
async fn the_key_of_a_create_that_came_to_its_end_is_left_alone_by_the_next_of_its_name() {
    let mut player = after(&[Event::Edit(Edit::Deliveries(0)), unheard()]).await;
    assert_eq!(effects(&mut player, &[]).await, Vec::<String>::new());
    assert!(player.diary().contains("holds a live key of another"));
    assert_eq!(player.holds("/p0"), ["id1"]);
    assert!(player.world.live().contains("id1"));
}

#[tokio::test(start_paused = true)]
async fn a_first_key_that_fails_gives_back_the_place_that_it_took() {
    let mut player = with_the_key_of_a_create_that_was_killed(0, "/p0").await;
    player.world.state().lost = 0b10;
    let expected = [
        "mint id2",
        "write /p0",
        "write unanswered",
        "write /p0",
        "revoke id2",
    ];
    assert_eq!(effects(&mut player, &[]).await, expected);
    assert_eq!(player.holds("/p0"), ["id1"]);
    assert!(player.world.live().contains("id1"));
}

#[tokio::test(start_paused = true)]
async fn a_first_key_that_may_lead_where_another_did_is_not_revoked_at_once() {
    let mut player = with_the_key_of_a_create_that_was_killed(0, "/p0").await;
    player.world.state().lost = 0b110;
    let first = effects(&mut player, &[]).await;
    assert!(!first.contains(&"revoke id2".to_owned()), "{first:?}");
    assert_eq!(player.pending(), ["id1", "id2"]);
}

#[test]
fn a_place_is_not_left_for_one_that_somebody_emptied_since() {
    let ended = live_through(&[
        apply(),
        Event::Edit(Edit::Deliveries(0)),
        Event::Tamper(Tamper::Erase(0)),
        apply_that(false, End::default()),
    ]);
    assert_eq!(ended, Ok(()));
}

#[test]
fn a_rotation_that_somebody_asks_for_does_not_wait_for_a_place_that_was_failing() {
    let ended = live_through(&[
        apply(),
        Event::Edit(Edit::Trigger),
        Event::Fail(0, true),
        apply(),
        Event::Wait(5),
        apply(),
    ]);
    assert_eq!(ended, Ok(()));
}

#[test]
fn a_document_of_a_key_that_somebody_revoked_is_nobodys_place() {
    // A person ends the key of the first create, whose places the second one does not have.
    let ended = live_through(&[
        unheard(),
        Event::Edit(Edit::Deliveries(5)),
        apply(),
        Event::Edit(Edit::Deliveries(0)),
    ]);
    assert_eq!(ended, Ok(()));
}

/// The primary was deleted, and the policy wants another.
async fn without_its_primary() -> Player {
    let events = [
        Event::Edit(Edit::OnDrift(1)),
        apply(),
        Event::Tamper(Tamper::KillPrimary),
    ];
    after(&events).await
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_is_refused_is_written_nowhere() {
    let mut player = without_its_primary().await;
    player.world.state().refuse_probes = true;
    assert_eq!(effects(&mut player, &[]).await, ["mint id2", "revoke id2"]);
    assert_eq!(player.holds("/p0"), ["id1"]);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_reaches_no_store_is_revoked_again() {
    let mut player = without_its_primary().await;
    let broken = ["write /p0", "write /p1"];
    let expected = [
        "mint id2",
        "write /p0 failed",
        "write /p1 failed",
        "revoke id2",
    ];
    assert_eq!(effects(&mut player, &broken).await, expected);
    assert_eq!(player.holds("/p0"), ["id1"]);
    assert!(player.pending().is_empty());
}

/// What stood there before is dead, and of no use to anybody.
#[tokio::test(start_paused = true)]
async fn documents_that_a_replacement_leads_unheard_are_not_led_back_to_a_dead_key() {
    let mut player = without_its_primary().await;
    // The answers to both writes are lost.
    player.world.state().lost = 0b110;
    let expected = [
        "mint id2",
        "write /p0",
        "write unanswered",
        "write /p1",
        "write unanswered",
    ];
    assert_eq!(effects(&mut player, &[]).await, expected);
    for place in ["/p0", "/p1"] {
        assert_eq!(player.holds(place), ["id2"]);
    }
    assert_eq!(effects(&mut player, &[]).await, [""; 0]);
    assert_eq!(player.status(), "ok");
}

#[tokio::test(start_paused = true)]
async fn a_first_key_that_reaches_one_store_is_copied_to_the_other_later() {
    let mut player = Player::new();
    let first = effects(&mut player, &["write /p1"]).await;
    assert_eq!(first, ["mint id1", "write /p0", "write /p1 failed"]);
    assert_eq!(player.status(), "pending");
    assert_eq!(effects(&mut player, &[]).await, ["write /p1"]);
    assert_eq!(player.status(), "ok");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_no_state_heard_of_lives_while_a_document_that_could_not_be_written_leads_with_it()
 {
    let mut player = with_the_key_of_a_create_that_was_killed(1, "/p1").await;
    assert_eq!(
        effects(&mut player, &["write /p1"]).await,
        ["mint id2", "write /p0", "write /p1 failed"]
    );
    assert_eq!(effects(&mut player, &[]).await, ["write /p1", "revoke id1"]);
}

#[tokio::test(start_paused = true)]
async fn a_staged_key_that_reaches_no_store_is_revoked_and_staged_by_the_next_apply() {
    let mut player = after(&[apply(), Event::Wait(80)]).await;
    let first = effects(&mut player, &["write /p0", "write /p1"]).await;
    let expected = [
        "mint id2",
        "write /p0 failed",
        "write /p1 failed",
        "revoke id2",
    ];
    assert_eq!(first, expected);
    assert_eq!(player.world.live().into_iter().collect::<Vec<_>>(), ["id1"]);
    assert_eq!(player.holds("/p0"), ["id1"]);
    effects(&mut player, &[]).await;
    effects(&mut player, &[]).await;
    assert_eq!(player.holds("/p0"), ["id1", "id3"]);
}

#[tokio::test(start_paused = true)]
async fn a_staged_key_that_lacks_a_store_is_not_promoted_until_it_is_there() {
    let mut player = after(&[apply(), Event::Wait(80)]).await;
    let first = effects(&mut player, &["write /p1"]).await;
    assert_eq!(first, ["mint id2", "write /p0", "write /p1 failed"]);
    player.live(&Event::Wait(20)).await.unwrap();
    assert_eq!(effects(&mut player, &[]).await, ["write /p1"]);
    assert_eq!(player.holds("/p1"), ["id1", "id2"]);
    player.live(&Event::Wait(5)).await.unwrap();
    assert_eq!(effects(&mut player, &[]).await, ["write /p0", "write /p1"]);
    assert_eq!(player.holds("/p1"), ["id2", "id1"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_lacks_a_store_is_not_promoted_in_the_apply_that_staged_it() {
    // Policy 1 has no propagation delay, so a missed rotation stages and promotes at once.
    let mut player = after(&[Event::Edit(Edit::Policy(1)), apply(), Event::Wait(100)]).await;
    let first = effects(&mut player, &["write /p1"]).await;
    assert_eq!(first, ["mint id2", "write /p0", "write /p1 failed"]);
    assert_eq!(player.generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_undone_key_that_cannot_be_revoked_is_not_forgotten() {
    let mut player = after(&[apply(), Event::Wait(80)]).await;
    let broken = ["write /p0", "write /p1", "revoke id2"];
    effects(&mut player, &broken).await;
    assert_eq!(player.pending(), ["id2"]);
    // Before another key needs the room at the issuer.
    let next = effects(&mut player, &[]).await;
    assert_eq!(next.first().map(String::as_str), Some("revoke id2"));
    assert!(player.pending().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_retiring_key_leaves_the_stores_before_it_is_revoked() {
    let steps = [
        apply(),
        Event::Wait(80),
        apply(),
        Event::Wait(20),
        apply(),
        Event::Wait(30),
    ];
    let mut player = after(&steps).await;
    assert_eq!(player.holds("/p0"), ["id2", "id1"]);
    assert_eq!(
        effects(&mut player, &[]).await,
        ["write /p0", "write /p1", "revoke id1"]
    );

    let mut player = after(&steps).await;
    assert_eq!(
        effects(&mut player, &["write /p1"]).await,
        ["write /p0", "write /p1 failed", "revoke id1"],
        "its successor leads everywhere already"
    );
    assert_eq!(player.world.live().len(), 1);

    let mut player = after(&steps).await;
    effects(&mut player, &["revoke id1"]).await;
    assert_eq!(player.pending(), ["id1"]);
    assert_eq!(effects(&mut player, &[]).await, ["revoke id1"]);
    assert_eq!(player.status(), "ok");
}

#[tokio::test(start_paused = true)]
async fn a_moved_delivery_is_written_before_the_old_place_is_emptied() {
    let mut player = after(&[Event::Edit(Edit::Deliveries(0)), apply()]).await;
    player
        .live(&Event::Edit(Edit::Deliveries(6)))
        .await
        .unwrap();
    assert_eq!(effects(&mut player, &[]).await, ["write /p2", "remove /p0"]);

    // A move that failed is still a move to the next plan.
    player
        .live(&Event::Edit(Edit::Deliveries(0)))
        .await
        .unwrap();
    assert_eq!(
        effects(&mut player, &["write /p0"]).await,
        ["write /p0 failed"]
    );
    assert_eq!(effects(&mut player, &[]).await, ["write /p0", "remove /p2"]);
}

#[tokio::test(start_paused = true)]
async fn a_mint_that_answers_with_a_known_key_delivers_and_revokes_nothing() {
    let mut player = after(&[apply(), Event::Wait(80)]).await;
    player.world.state().repeats = Some("id1".into());
    assert_eq!(effects(&mut player, &[]).await, ["mint id1 again"]);
    assert_eq!(player.holds("/p0"), ["id1"]);
    assert!(player.world.live().contains("id1"));
    assert!(player.pending().is_empty());
    // The next answer is a new key.
    let next = effects(&mut player, &[]).await;
    assert_eq!(next, ["mint id2", "write /p0", "write /p1"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_revocations_that_names_the_primary_does_not_revoke_it() {
    let mut player = after(&[apply()]).await;
    let kept = player.kept.as_mut().unwrap();
    kept.state.pending_revocations = Value::Value(vec![Value::Value("id1".into())]);
    assert_eq!(effects(&mut player, &[]).await, [""; 0]);
    assert!(player.world.live().contains("id1"));
    assert!(player.pending().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_primary_that_was_taken_out_of_the_documents_keeps_its_grace_when_the_state_follows() {
    let rotated = Event::RotateNow { faults: 0 };
    let dropped = |place| Event::Tamper(Tamper::DropSecondary(place));
    for edits in [
        vec![dropped(0), dropped(1)],
        vec![dropped(0)],
        vec![dropped(1)],
    ] {
        let mut steps = vec![apply(), rotated.clone()];
        steps.extend(edits);
        let mut player = after(&steps).await;
        let done = effects(&mut player, &[]).await;
        assert!(
            done.iter().all(|effect| !effect.contains("revoke")),
            "{done:?}"
        );
        assert_eq!(player.world.live().len(), 2, "{done:?}");
        assert_eq!(player.holds("/p0")[0], "id2");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_leads_where_an_older_state_does_not_look_is_followed_and_not_revoked() {
    let one = Event::Edit(Edit::Deliveries(4));
    let mut player = after(&[Event::Edit(Edit::Policy(1)), one, apply()]).await;
    let older = player.kept.as_ref().unwrap().copied();
    for edit in [Edit::Deliveries(6), Edit::Trigger] {
        player.live(&Event::Edit(edit)).await.unwrap();
    }
    let _ = effects(&mut player, &[]).await;
    assert_eq!(player.holds("/p2"), ["id2", "id1"]);
    player.kept = Some(older);
    player.shaken = true;
    // The ledger knows where it is, so that the state follows it there.
    assert_eq!(effects(&mut player, &[]).await, ["write /p2"]);
    assert_eq!(effects(&mut player, &[]).await, [""; 0]);
    assert_eq!(player.holds("/p2"), ["id2", "id1"]);
    assert!(player.world.live().contains("id2"));
}

#[tokio::test(start_paused = true)]
async fn a_promotion_that_got_to_one_of_two_places_goes_on_from_there() {
    // The action is killed by a place that cannot be written any more once the first one leads with the new key.
    let mut player = after(&[apply(), Event::Wait(80)]).await;
    player.world.state().broken.clear();
    let promoted = Written {
        primary: (Some("id2".into()), "secret-2".into()),
        secondary: Some((Some("id1".into()), "secret-1".into())),
        generation: 2,
    };
    player.live(&unacknowledged()).await.unwrap();
    assert_eq!(
        player.world.live().len(),
        2,
        "staged, and no state heard of it"
    );
    player.world.state().places.insert("/p0".into(), promoted);
    let done = effects(&mut player, &[]).await;
    assert!(
        done.iter().all(|effect| !effect.contains("revoke")),
        "{done:?}"
    );
    assert_eq!(player.holds("/p0"), ["id2", "id1"]);
    assert_eq!(player.holds("/p1"), ["id2", "id1"]);
}

fn unacknowledged() -> Event {
    apply_that(
        false,
        End {
            unacknowledged: true,
            ..End::default()
        },
    )
}

#[tokio::test(start_paused = true)]
async fn nothing_is_missing_or_written_at_a_place_that_nobody_can_tell_from_another() {
    let events = [
        apply(),
        Event::Edit(Edit::OnDrift(1)),
        Event::Wait(2_000),
        Event::Travel(true),
    ];
    let mut player = after(&events).await;
    let unknown = ["identify /p0", "identify /p1"];
    let done = effects(&mut player, &unknown).await;
    assert!(
        !done.iter().any(|call| call.starts_with("write")),
        "{done:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_compromised_key_that_the_list_leaves_out_is_revoked_all_the_same() {
    for revoke_first in [false, true] {
        let emergency = Edit::Emergency {
            revoke_first,
            all: false,
            break_glass: false,
        };
        let mut player = after(&[apply(), Event::Edit(emergency)]).await;
        player.world.state().unlisted.insert("id1".to_owned());
        assert_eq!(
            effects(&mut player, &["revoke id1"]).await,
            ["mint id2", "write /p0", "write /p1", "revoke id1 failed"]
        );
        assert_eq!(effects(&mut player, &[]).await, ["revoke id1"]);
    }
}
