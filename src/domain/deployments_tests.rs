//! Deployments, each a sentence, and the moves that follow.

use super::*;
use crate::domain::emergency::{Declared, Order, Scope, Which, noted, open};
use crate::domain::moves::Move::{self, *};
use crate::domain::rules::tests::{Case, DUE, at, no_delay, policy, retiring, single, staged};
use crate::domain::situation::{Repair, Seen, Why};
use crate::domain::status::status;

/// A deployment whose consumers have read these keys.
fn over(slots: &Slots) -> Deployment {
    Deployment {
        name: "web".into(),
        required: true,
        record: Record {
            shown: Some(Shown::by(slots)),
            ..Record::default()
        },
        tried: None,
    }
}

/// A case whose consumers have read the keys of the phase before.
fn case(slots: Slots) -> Case {
    let before = match slots.staged() {
        Some(_) => single(),
        None if slots.retiring().is_some() => staged(Some(1_081)),
        None => slots.clone(),
    };
    Case::new(slots).with(|case| case.deployments.push(over(&before)))
}

fn failing(since: i64) -> impl Fn(&mut Case) {
    move |case| case.deployments[0].record.failing_since = Some(at(since))
}

fn optional(case: &mut Case) {
    case.deployments[0].required = false;
}

#[test]
fn each_situation_has_its_moves() {
    let retired = || case(retiring());
    let hold = DUE + policy().max_grace_period.as_secs() as i64;
    let lame = |case: &mut Case| {
        let mut repair = Repair::new("app", Why::Failed);
        repair.failing_since = Some(at(1_082));
        case.repairs.push(repair);
    };
    let table: Vec<(&str, Case, i64, &[Move])> = vec![
        (
            "consumers of a key at rest have read it",
            case(single()),
            1_010,
            &[],
        ),
        (
            "a new key is shown as soon as it is staged",
            case(single()),
            1_080,
            &[Stage, Deploy],
        ),
        (
            "without a delay it is shown as secondary and then as primary",
            case(single()).with(no_delay),
            DUE,
            &[Stage, Deploy, Promote, Deploy],
        ),
        (
            "a staged key is shown at once",
            case(staged(Some(1_081))),
            1_082,
            &[Deploy],
        ),
        (
            "and then promoted when it is due",
            case(staged(Some(1_081))),
            DUE,
            &[Deploy, Promote, Deploy],
        ),
        (
            "what failed before may fail again, and nothing is built on it",
            case(staged(Some(1_081))).with(failing(1_090)),
            DUE,
            &[Deploy],
        ),
        (
            "it holds nothing up if it is not required",
            case(staged(Some(1_081)))
                .with(failing(1_090))
                .with(optional),
            DUE,
            &[Deploy, Promote, Deploy],
        ),
        (
            "nor what somebody asks for while it is failing already",
            case(staged(Some(1_081)))
                .with(failing(1_090))
                .with(|case| case.requested = true),
            1_091,
            &[Deploy, Promote, Deploy],
        ),
        (
            "a primary that is of no use waits for no deployment",
            case(staged(Some(1_081)))
                .with(failing(1_090))
                .with(|case| case.facts.primary = Seen::Inactive),
            DUE,
            &[Deploy, Promote, Deploy],
        ),
        (
            "the staged key is shown once every required delivery holds it",
            case(staged(Some(1_081))).with(lame),
            1_090,
            &[Deliver],
        ),
        (
            "a promoted key is shown, and then the old one goes",
            retired(),
            DUE + 10,
            &[Deploy, Revoke],
        ),
        (
            "the old key is kept while nobody is known to have read its successor",
            retired().with(failing(DUE + 1)),
            DUE + 10,
            &[Deploy],
        ),
        (
            "but not for ever",
            retired().with(failing(DUE + 1)),
            hold,
            &[Deploy, Revoke],
        ),
        (
            "and not for a deployment that is not required",
            retired().with(failing(DUE + 1)).with(optional),
            DUE + 10,
            &[Deploy, Revoke],
        ),
        (
            "a retiring key that is gone leaves its slot whatever was shown",
            retired()
                .with(failing(DUE + 1))
                .with(|case| case.facts.secondary = Seen::Gone),
            DUE + 1,
            &[Deploy, Revoke],
        ),
    ];
    for (sentence, case, now, moves) in table {
        assert_eq!(case.moves(now), moves, "{sentence}");
    }
}

#[test]
fn a_required_delivery_that_is_repaired_has_the_staged_key_shown_anew() {
    let mut shown = case(staged(Some(1_081)));
    shown.deployments[0] = over(&staged(Some(1_081)));
    assert_eq!(shown.moves(1_090), []);
    shown.repairs.push(Repair::new("app", Why::Missing));
    assert_eq!(shown.moves(1_090), [Deliver, Deploy]);
}

#[test]
fn a_staged_key_that_is_given_up_has_nothing_shown() {
    let mut given_up = case(single());
    given_up.deployments[0] = over(&staged(Some(1_081)));
    assert_eq!(given_up.moves(1_010), []);
}

#[test]
fn what_is_added_to_a_key_at_rest_owes_nothing_and_in_a_rotation_everything() {
    let owes = |slots: Slots| Record::default().over(Some(&slots)).owes(&slots);
    assert!(!owes(single()));
    assert!(owes(staged(Some(1_081))));
    assert!(owes(retiring()));
    // Before the first key nobody has anything to go on from.
    let created = Record::default().over(None);
    assert!(!created.owes(&single()));
    assert!(created.over(Some(&single())).owes(&retiring()));
}

fn emergency(slots: Slots, order: Order) -> Case {
    let declared = [Declared {
        id: "INC-42".into(),
        reason: "a laptop was stolen".into(),
        order,
        which: Which::InScope(Scope::Primary),
        break_glass: false,
    }];
    let incidents = noted(&declared, &[], Some(&slots));
    let open = open(&incidents, Some(&slots), &[]);
    case(slots).with(|case| case.emergency = open)
}

#[test]
fn an_emergency_waits_for_a_deployment_once_and_revokes_then() {
    let replace = || emergency(single(), Order::ReplaceFirst);
    assert_eq!(replace().moves(1_010), [Replace, Deploy, Contain]);
    assert_eq!(
        replace().with(failing(1_005)).moves(1_010),
        [Replace, Deploy, Contain]
    );
    let revoke = || emergency(single(), Order::RevokeFirst);
    assert_eq!(revoke().moves(1_010), [RevokePrimary, Replace, Deploy]);
}

#[test]
fn it_is_said_what_is_owed_and_what_waits_for_it() {
    let says = |case: Case, now: i64| {
        let situation = case.situation(now);
        let (word, reason) = status(&situation);
        (word, reason)
    };
    let (word, reason) = says(case(staged(Some(1_081))), 1_090);
    assert_eq!(word, Status::Pending);
    assert_eq!(
        reason,
        "deployment \"web\" is still to show staged key two to those who read it"
    );
    let late = case(staged(Some(1_081))).with(failing(1_090)).with(|case| {
        case.deployments[0].record.reason = Some("it failed: no capacity".into());
    });
    let (word, reason) = says(late, DUE);
    assert_eq!(word, Status::Blocked);
    let expected = [
        format!("deployment \"web\" of staged key two has not been confirmed since {}: it failed: no capacity", at(1_090)),
        "staged key two is not promoted before deployment \"web\" is done, which is required: mend it, or set required = false \
         in it"
            .to_owned(),
    ];
    for part in expected {
        assert!(reason.contains(&part), "{reason}");
    }
    let hold = DUE + policy().max_grace_period.as_secs() as i64;
    let kept = case(retiring()).with(failing(DUE + 1));
    let (_, reason) = says(kept.clone(), DUE + 10);
    let until = format!(
        "kept until {} at the latest, because deployment \"web\" is not known",
        at(hold)
    );
    assert!(reason.contains(&until), "{reason}");
    let (_, reason) = says(kept, hold);
    assert!(
        reason.contains(
            "max_grace_period is over, so that it is revoked although deployment \"web\""
        ),
        "{reason}"
    );
}
