//! What a place that a person has to approve holds up, and what it never does.

use super::*;
use crate::domain::emergency::{self, Declared, Order, Scope, Which};
use crate::domain::moves::Move::{self, *};
use crate::domain::rules::tests::{Case, DUE, at, requested, retiring, staged};
use crate::domain::situation::Copy;
use crate::domain::status::status;

/// The only delivery; a change was asked for that puts these keys there, and nobody can read a secret meanwhile.
fn asked(why: Why, leads: &Key, second: Option<&Key>) -> impl FnOnce(&mut Case) {
    let asked = Asked {
        leads: leads.fingerprint.clone(),
        second: second.and_then(|key| key.fingerprint.clone()),
    };
    move |case: &mut Case| {
        case.repairs = vec![Repair {
            failing_since: Some(at(1_090)),
            holds_primary: true,
            asked: Some(asked),
            ..Repair::new("app", why)
        }];
        case.in_order = false;
        case.facts.secondary_copy = Copy::Unseen;
    }
}

/// A staged key that no document holds yet.
fn unseen() -> Slots {
    staged(None)
}

fn compromised(slots: Slots, order: Order) -> Case {
    let declared = [Declared {
        id: "INC-1".into(),
        reason: "made-up leak".into(),
        order,
        which: Which::InScope(Scope::Primary),
        break_glass: false,
    }];
    let incidents = emergency::noted(&declared, &[], Some(&slots));
    let open = emergency::open(&incidents, Some(&slots), &[]);
    Case::new(slots).with(|case| case.emergency = open)
}

fn told(case: &Case, now: i64) -> (Status, String) {
    status(&case.situation(now))
}

fn says(case: &Case, now: i64, wanted: Status, phrases: &[&str]) {
    let (status, reason) = told(case, now);
    assert_eq!(status, wanted, "{reason}");
    for phrase in phrases {
        assert!(reason.contains(phrase), "{phrase:?} is not in {reason}");
    }
}

#[test]
fn a_successor_is_waited_for_and_told_of_with_what_to_do_after_a_rejection() {
    let slots = unseen();
    let successor = slots.staged().unwrap().clone();
    let waiting =
        |why| compromised(slots.clone(), Order::ReplaceFirst).with(asked(why, &successor, None));
    assert_eq!(waiting(Why::Awaited).moves(1_095), []);
    let phrases = ["NOT revoked", "once what was written is approved"];
    says(&waiting(Why::Awaited), 1_095, Status::Compromised, &phrases);

    assert_eq!(waiting(Why::Rejected).moves(1_095), []);
    let phrases = ["NOT revoked", "was rejected"];
    says(
        &waiting(Why::Rejected),
        1_095,
        Status::Compromised,
        &phrases,
    );

    let again = waiting(Why::Rejected).with(requested);
    assert_eq!(again.moves(1_095), [Contain, Replace, Contain]);
    let at_once = compromised(slots.clone(), Order::RevokeFirst);
    let at_once = at_once.with(asked(Why::Awaited, &successor, None));
    assert_eq!(at_once.moves(1_095)[0], RevokePrimary);
}

#[test]
fn a_change_that_puts_the_compromised_key_first_is_not_waited_for() {
    let slots = unseen();
    let staged = slots.staged().unwrap().clone();
    let bad = slots.primary.clone();
    let case = compromised(slots, Order::ReplaceFirst);
    let case = case.with(asked(Why::Awaited, &bad, Some(&staged)));
    assert_eq!(case.moves(1_095), [Contain, Replace, Contain]);
}

#[test]
fn no_delivery_is_given_a_compromised_primary() {
    let slots = unseen();
    let successor = slots.staged().unwrap().clone();
    let case = compromised(slots, Order::ReplaceFirst).with(asked(Why::Awaited, &successor, None));
    let case = case.with(|case| case.repairs.push(Repair::new("other", Why::Missing)));
    assert_eq!(case.moves(1_095), []);
}

#[test]
fn a_retiring_key_stays_until_its_removal_is_approved_and_no_longer_than_any() {
    let slots = retiring();
    let primary = slots.primary.clone();
    let removing = |why| Case::new(slots.clone()).with(asked(why, &primary, None));
    let over = 1_120;
    assert_eq!(Case::new(slots.clone()).moves(over)[0], Revoke);
    let waits = removing(Why::Awaited);
    assert!(!waits.moves(over).contains(&Revoke));
    let phrase = "the change that takes it out of delivery \"app\" awaits approval";
    says(&waits, over, Status::Blocked, &[phrase]);
    says(
        &removing(Why::Rejected),
        over,
        Status::Blocked,
        &["was rejected; change rotation_trigger", "to ask again"],
    );
    assert_eq!(
        removing(Why::Rejected).with(requested).moves(over)[0],
        Revoke
    );
    let hold_is_over = 1_171;
    assert!(waits.moves(hold_is_over).contains(&Revoke));
}

#[test]
fn a_rejected_swap_is_asked_for_again_on_request() {
    let slots = staged(Some(1_091));
    let (primary, staged) = (slots.primary.clone(), slots.staged().unwrap().clone());
    let rejected = || {
        Case::new(slots.clone())
            .with(asked(Why::Rejected, &staged, Some(&primary)))
            .with(|case| case.facts.secondary_copy = Copy::Available)
    };
    let moves: Vec<Move> = rejected().moves(DUE + 1);
    assert_eq!(moves, []);
    says(
        &rejected(),
        DUE + 1,
        Status::Blocked,
        &["was not approved", "to ask again"],
    );
    assert_eq!(rejected().with(requested).moves(DUE + 1), [Promote]);
}

#[test]
fn one_that_is_open_counts_before_any_that_ended_and_others_are_out_of_date() {
    let asked = |text: &str| Asked::recorded(text);
    let change = |name: &str, text: &str, outcome| Change {
        name: name.into(),
        asked: asked(text),
        outcome,
    };
    let changes = [
        change("3", "sha256:b sha256:a", Outcome::Rejected),
        change("2", "sha256:b sha256:a", Outcome::Open),
        change("1", "sha256:a", Outcome::Open),
    ];
    let wanted = asked("sha256:b sha256:a");
    assert_eq!(wanted.to_string(), "sha256:b sha256:a");
    assert_eq!(told_of(&wanted, &changes).unwrap().name, "2");
    let outdated: Vec<&Change> = outdated(Some(&wanted), &changes).collect();
    assert_eq!(outdated, [&changes[2]]);
    assert_eq!(told_of(&asked("sha256:c"), &changes), None);
}
