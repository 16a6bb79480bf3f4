//! Emergencies, each a sentence, and the moves that follow.

use super::*;
use crate::domain::finding::Status;
use crate::domain::foresight::Foreseen;
use crate::domain::moves::Move::{self, *};
use crate::domain::planner::decide_at;
use crate::domain::rules::tests::{Case, DUE, at, retiring, single, staged};
use crate::domain::situation::{Copy, Repair, Why};
use crate::domain::status::status;

fn declaring(order: Order, scope: Scope) -> Declared {
    Declared {
        id: "INC-42".into(),
        reason: "a laptop was stolen".into(),
        order,
        which: Which::InScope(scope),
        break_glass: false,
    }
}

/// A case in which an emergency is declared anew.
fn case(slots: Slots, order: Order, scope: Scope) -> Case {
    let declared = [declaring(order, scope)];
    let incidents = noted(&declared, &[], Some(&slots));
    let open = open(&incidents, Some(&slots), &[]);
    Case::new(slots).with(|case| case.emergency = open)
}

fn moves(slots: Slots, order: Order, scope: Scope, now: i64) -> Vec<Move> {
    case(slots, order, scope).moves(now)
}

const REPLACE: Order = Order::ReplaceFirst;
const REVOKE: Order = Order::RevokeFirst;

#[test]
fn a_key_that_stands_alone_is_replaced_and_then_revoked_or_the_other_way_round() {
    for scope in [Scope::Primary, Scope::All] {
        assert_eq!(moves(single(), REPLACE, scope, 1_010), [Replace, Contain]);
        assert_eq!(
            moves(single(), REVOKE, scope, 1_010),
            [RevokePrimary, Replace]
        );
    }
}

#[test]
fn a_staged_key_that_was_proved_leads_at_once_unless_it_is_compromised_too() {
    let slots = || staged(Some(1_081));
    let primary = Scope::Primary;
    assert_eq!(moves(slots(), REPLACE, primary, 1_081), [Promote, Contain]);
    assert_eq!(
        moves(slots(), REVOKE, primary, 1_081),
        [RevokePrimary, Promote]
    );
    assert_eq!(
        moves(slots(), REPLACE, Scope::All, 1_081),
        [Contain, Replace, Contain]
    );
    assert_eq!(
        moves(slots(), REVOKE, Scope::All, 1_081),
        [RevokePrimary, Contain, Replace]
    );
}

#[test]
fn a_staged_key_that_was_never_proved_makes_room_for_another() {
    let slots = || {
        let mut slots = staged(Some(1_081));
        slots.secondary.as_mut().unwrap().key.verified_at = None;
        slots
    };
    let primary = Scope::Primary;
    assert_eq!(
        moves(slots(), REPLACE, primary, 1_082),
        [Contain, Replace, Contain]
    );
    assert_eq!(
        moves(slots(), REVOKE, primary, 1_082),
        [RevokePrimary, Contain, Replace]
    );
}

#[test]
fn a_retiring_key_makes_room_or_stays_where_the_primary_goes_first() {
    let now = DUE + 1;
    let primary = Scope::Primary;
    assert_eq!(
        moves(retiring(), REPLACE, primary, now),
        [Contain, Replace, Contain]
    );
    assert_eq!(
        moves(retiring(), REVOKE, primary, now),
        [RevokePrimary, Replace]
    );
    assert_eq!(
        moves(retiring(), REVOKE, Scope::All, now),
        [RevokePrimary, Contain, Replace]
    );
}

#[test]
fn what_stands_beside_a_useless_primary_stays_until_another_key_is_delivered() {
    let now = DUE + 1;
    let gone = |case: &mut Case| case.facts.primary = Seen::Gone;
    let off = |case: &mut Case| case.facts.primary = Seen::Inactive;
    let lost = |case: &mut Case| case.facts.primary_copy = Copy::Lost;
    // The compromised key retires, and its successor is of no use.
    let mut swapped = staged(Some(1_081));
    let opened = noted(&[declaring(REPLACE, Scope::Primary)], &[], Some(&swapped));
    swapped.promote_staged(at(1_082), true);
    let begun = |order| {
        let blocks = [declaring(order, Scope::Primary)];
        let incidents = noted(&blocks, &opened, Some(&swapped));
        let open = open(&incidents, Some(&swapped), &[]);
        Case::new(swapped.clone()).with(|case| case.emergency = open)
    };
    let replace = [RevokePrimary, Replace, Contain];
    assert_eq!(begun(REPLACE).with(gone).moves(now), replace[1..]);
    assert_eq!(begun(REPLACE).with(off).moves(now), replace);
    assert_eq!(begun(REPLACE).with(lost).moves(now), replace);
    assert_eq!(begun(REVOKE).with(off).moves(now)[0], Contain);

    // The primary is compromised and of no use, and the retiring key is neither.
    let beside = || case(retiring(), REPLACE, Scope::Primary);
    assert_eq!(beside().with(gone).moves(now), [Replace]);
    assert_eq!(beside().with(off).moves(now), [RevokePrimary, Replace]);
    assert_eq!(beside().with(lost).moves(now), [RevokePrimary, Replace]);
    let both = || case(retiring(), REPLACE, Scope::All);
    assert_eq!(both().with(off).moves(now), replace);
    let taken_over = case(staged(Some(1_081)), REPLACE, Scope::Primary).with(gone);
    assert_eq!(taken_over.moves(1_082), [Promote]);
}

#[test]
fn it_waits_for_no_pause_no_date_and_no_delivery() {
    let paused = case(single(), REPLACE, Scope::Primary).with(|case| {
        case.policy.paused = true;
        case.repairs.push(Repair {
            failing_since: Some(at(1_001)),
            ..Repair::new("app", Why::Failed)
        });
    });
    assert_eq!(paused.moves(1_010)[..2], [Replace, Contain]);
    let (status, reason) = status(&paused.situation(1_010));
    assert_eq!(status, Status::Compromised);
    assert!(reason.starts_with("EMERGENCY INC-42 (a laptop was stolen): key one is compromised"));
}

#[test]
fn the_word_for_it_is_emergency() {
    let case = case(single(), REPLACE, Scope::Primary);
    let decision = decide_at(&case.situation(1_010), at(1_010));
    assert_eq!(decision.word(), "emergency");
}

#[test]
fn an_id_is_handled_once_and_its_keys_stay_what_they_were() {
    let declared = [declaring(REPLACE, Scope::Primary)];
    let before = single();
    let opened = noted(&declared, &[], Some(&before));

    // The apply was cut off after the swap: the compromised key retires, and the new one is none of them.
    let mut swapped = staged(Some(1_081));
    swapped.promote_staged(at(1_082), true);
    let mut again = noted(&declared, &opened, Some(&swapped));
    assert_eq!(again, opened);
    let emergency = open(&again, Some(&swapped), &[]).unwrap();
    assert!(!emergency.has(&swapped.primary));
    let case = Case::new(swapped.clone()).with(|case| case.emergency = Some(emergency));
    assert_eq!(case.moves(1_083), [Contain]);
    // It is finished even if nobody declares it any more.
    assert_eq!(given_up(&mut again, &[], &swapped, &Seen::Present), 0);

    let mut over = swapped;
    over.secondary = None;
    contained(&mut again, Some(&over), &[], at(1_084));
    assert_eq!(again[0].contained_at, Some(at(1_084)));
    assert_eq!(open(&again, Some(&over), &[]), None);
    assert_eq!(noted(&declared, &again, Some(&over)), again);
}

#[test]
fn an_emergency_that_nobody_declares_any_more_is_given_up_if_nothing_was_done() {
    let declared = [declaring(REPLACE, Scope::Primary)];
    let mut opened = noted(&declared, &[], Some(&single()));
    let mut given_up_if =
        |declared: &[Declared], primary| given_up(&mut opened, declared, &single(), &primary);
    assert_eq!(given_up_if(&[], Seen::Present), 1);
    assert_eq!(given_up_if(&declared, Seen::Present), 0);
    assert_eq!(given_up_if(&[], Seen::Gone), 0, "revoke_first began");
    // Until a plan says so it is none that is over.
    assert!(open(&opened, Some(&single()), &[]).is_some());

    // The key beside the primary is revoked already.
    let declared = [declaring(REPLACE, Scope::All)];
    let mut begun = noted(&declared, &[], Some(&retiring()));
    assert_eq!(given_up(&mut begun, &[], &retiring(), &Seen::Present), 1);
    let mut alone = retiring();
    alone.secondary = None;
    assert_eq!(given_up(&mut begun, &[], &alone, &Seen::Present), 0);
}

fn given_up(known: &mut [Incident], declared: &[Declared], slots: &Slots, primary: &Seen) -> usize {
    called_off(known, declared, Some(slots), primary).count()
}

#[test]
fn what_is_declared_counts_until_something_was_done() {
    let slots = staged(Some(1_081));
    let opened = noted(&[declaring(REPLACE, Scope::Primary)], &[], Some(&slots));
    let wider = noted(&[declaring(REVOKE, Scope::All)], &opened, Some(&slots));
    assert_eq!((wider.len(), wider[0].keys.len()), (1, 2));
    assert_eq!(wider[0].order, REVOKE);

    let narrower = noted(&[declaring(REPLACE, Scope::Primary)], &wider, Some(&slots));
    assert_eq!((narrower[0].order, narrower[0].keys.len()), (REPLACE, 2));
}

#[test]
fn what_a_policy_and_its_key_declare_is_one_emergency_or_two_that_one_apply_handles() {
    let own = declaring(REPLACE, Scope::All);
    let policy = declaring(REVOKE, Scope::Primary);
    let both = declared(Some(own.clone()), Some(policy.clone()));
    assert_eq!(both.len(), 1);
    assert_eq!(
        (both[0].order, &both[0].which),
        (REVOKE, &Which::InScope(Scope::All))
    );

    let other = Declared {
        id: "INC-43".into(),
        ..policy
    };
    let both = declared(Some(own), Some(other));
    let slots = staged(Some(1_081));
    let incidents = noted(&both, &[], Some(&slots));
    let open = open(&incidents, Some(&slots), &[]).unwrap();
    assert_eq!(open.ids, ["INC-42", "INC-43"]);
    assert_eq!((open.keys.len(), open.order), (2, REVOKE));
    let case = Case::new(slots).with(|case| case.emergency = Some(open));
    assert_eq!(case.moves(1_081), [RevokePrimary, Contain, Replace]);
}

#[test]
fn a_key_that_could_not_be_revoked_keeps_the_emergency_open() {
    let declared = [declaring(REPLACE, Scope::Primary)];
    let opened = noted(&declared, &[], Some(&single()));
    let mut after = staged(Some(1_081));
    after.promote_staged(at(1_082), false);
    let pending = ["one".to_owned()];
    let open = open(&opened, Some(&after), &pending).unwrap();
    let case = Case::new(after).with(|case| {
        case.emergency = Some(open);
        case.pending = pending.to_vec();
    });
    assert_eq!(case.moves(1_083), [RevokePending]);
    let decision = decide_at(&case.situation(1_083), at(1_083));
    let told = crate::domain::announce::announcement(&case.situation(1_083), &decision, at(1_083));
    let told = told.unwrap().detail;
    assert!(
        told.contains(
            "This apply tries again to revoke one, or finds that it is gone: one may still work."
        ),
        "{told}"
    );
    assert!(!told.contains("If the new key fails"), "{told}");
    assert_eq!(status(&case.situation(1_083)).0, Status::Compromised);
}

#[test]
fn whatever_the_case_no_third_key_is_minted_and_no_compromised_one_is_left() {
    for declared in [REPLACE, REVOKE]
        .into_iter()
        .flat_map(|order| [Scope::Primary, Scope::All].map(|scope| declaring(order, scope)))
    {
        for given in crate::domain::course::tests::cases() {
            let slots = given.slots.clone().unwrap();
            let blocks = [declared.clone()];
            let incidents = noted(&blocks, &[], Some(&slots));
            let case = given.with(|case| case.emergency = open(&incidents, Some(&slots), &[]));
            let situation = case.situation(DUE + 1);
            let mut foreseen = Foreseen::new(&situation, &slots);
            for next in case.moves(DUE + 1) {
                let is_gone = foreseen.situation(&situation).facts.primary == Seen::Gone;
                let has_room = foreseen.slots.secondary.is_none() || is_gone;
                assert!(next != Replace || has_room, "{case:#?}");
                foreseen.take(next, &situation);
            }
            let left = foreseen.situation(&situation);
            let emergency = situation.emergency.unwrap();
            let held = keys(left.slots.unwrap());
            assert!(!held.into_iter().any(|key| emergency.has(key)), "{case:#?}");
            assert!(!case.moves(DUE + 1).is_empty());
        }
    }
}
