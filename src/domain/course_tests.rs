//! One apply brings a key to rest: whatever the policy, the keys and the facts, the plan after it is empty.

use super::*;
use crate::domain::deployments::{Deployment, Record, Shown};
use crate::domain::policy::{OnDrift, Policy};
use crate::domain::rules::tests::{Case, DUE, at, policy, retiring, single, staged};
use crate::domain::situation::{Copy, Repair, Seen, Why};
use crate::domain::slots::Role;
use crate::duration::Duration;

fn policies() -> Vec<Policy> {
    let mut policies = Vec::new();
    let secs = Duration::from_secs;
    for delay in [0, 5, 20] {
        for grace in [0, 10, 80] {
            for paused in [false, true] {
                for on_drift in [OnDrift::Warn, OnDrift::Rotate] {
                    policies.push(Policy {
                        propagation_delay: secs(delay),
                        grace_period: secs(grace),
                        max_grace_period: secs(7 * grace),
                        paused,
                        on_drift,
                        ..policy()
                    });
                }
            }
        }
    }
    policies
}

fn lives() -> Vec<Slots> {
    let mut unverified = staged(Some(1_081));
    if let Some(secondary) = &mut unverified.secondary {
        secondary.key.verified_at = None;
    }
    vec![
        single(),
        staged(Some(1_081)),
        staged(None),
        unverified,
        retiring(),
    ]
}

/// What is known of one slot.
fn looks() -> [(Seen, Copy); 4] {
    [
        (Seen::Present, Copy::Available),
        (Seen::Gone, Copy::Available),
        (Seen::Inactive, Copy::Available),
        (Seen::Present, Copy::Lost),
    ]
}

/// None, one that is owed what stands there, and one that fails, in turn.
fn deployment(turn: usize) -> Option<Deployment> {
    let record = Record {
        shown: Some(Shown::default()),
        failing_since: (turn % 3 == 2).then(|| at(1_000)),
        ..Record::default()
    };
    (!turn.is_multiple_of(3)).then(|| Deployment {
        name: "web".into(),
        required: turn.is_multiple_of(2),
        record,
        tried: None,
    })
}

pub(in crate::domain) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for policy in policies() {
        for slots in lives() {
            for (primary, primary_copy) in looks() {
                let looks_at_secondary = looks().into_iter();
                let slot_is_filled = usize::from(slots.secondary.is_some());
                for (secondary, secondary_copy) in looks_at_secondary.take(1 + 3 * slot_is_filled) {
                    for (requested, why) in [
                        (false, None),
                        (true, None),
                        (false, Some(Why::Missing)),
                        (true, Some(Why::Removed)),
                    ] {
                        let deployment = deployment(cases.len());
                        cases.push(Case::new(slots.clone()).with(|case| {
                            case.deployments.extend(deployment);
                            case.policy = policy.clone();
                            case.facts.primary = primary.clone();
                            case.facts.primary_copy = primary_copy.clone();
                            if slots.secondary.is_some() {
                                case.facts.secondary = secondary.clone();
                                case.facts.secondary_copy = secondary_copy.clone();
                            }
                            case.requested = requested;
                            case.repairs.extend(why.map(|why| Repair::new("app", why)));
                        }));
                    }
                }
            }
        }
    }
    cases
}

const MOMENTS: [i64; 7] = [1_001, 1_080, DUE, DUE + 5, DUE + 10, DUE + 100, DUE + 5_000];

#[test]
fn after_an_apply_the_plan_of_the_same_instant_is_empty() {
    for case in cases() {
        for now in MOMENTS {
            let situation = case.situation(now);
            let mut foreseen = Foreseen::new(&situation, situation.slots.unwrap());
            let course = moves(&situation);
            for next in &course {
                foreseen.take(*next, &situation);
            }
            let then = moves(&foreseen.situation(&situation));
            assert_eq!(then, [], "after {course:?} at {now}: {case:#?}");
        }
    }
}

#[test]
fn no_course_holds_a_third_key_or_drops_one_that_waits() {
    for case in cases() {
        for now in MOMENTS {
            let situation = case.situation(now);
            let mut foreseen = Foreseen::new(&situation, situation.slots.unwrap());
            for next in moves(&situation) {
                let then = foreseen.situation(&situation);
                let secondary = foreseen.slots.secondary.as_ref();
                let role = secondary.map(|secondary| secondary.role);
                let gone = |seen: &Seen| *seen == Seen::Gone;
                let allowed = match next {
                    Move::Stage => role.is_none(),
                    Move::Replace => {
                        role.is_none() || gone(&then.facts.secondary) || gone(&then.facts.primary)
                    }
                    Move::Promote | Move::Verify | Move::Discard => role == Some(Role::Staged),
                    Move::Revoke => role == Some(Role::Retiring),
                    Move::Contain => role.is_some(),
                    Move::Deliver
                    | Move::Deploy
                    | Move::RevokePending
                    | Move::Create
                    | Move::RevokePrimary => true,
                };
                assert!(allowed, "{next:?} at {now}: {case:#?}");
                foreseen.take(next, &situation);
            }
        }
    }
}

#[test]
fn the_last_moves_of_a_course_are_never_cut_off() {
    let longest = cases().into_iter().flat_map(|case| {
        let count = |now| moves(&case.situation(now)).len();
        MOMENTS.map(count)
    });
    assert!(longest.max().unwrap() < LONGEST);
}

/// Applies at these instants from `now` on, and whether one of them brings another primary.
fn brings_another_primary(case: &Case, now: i64) -> bool {
    let given = case.situation(now);
    let mut foreseen = Foreseen::new(&given, given.slots.unwrap());
    let before = foreseen.slots.generation;
    [0, 5, 20, 80, 600].into_iter().any(|later| {
        let at = Situation {
            now: at(now + later),
            ..given.clone()
        };
        for next in moves(&foreseen.situation(&at)) {
            foreseen.take(next, &at);
        }
        foreseen.slots.generation > before
    })
}

#[test]
fn whatever_is_advised_about_a_primary_works() {
    let mut advised = [0, 0];
    for case in cases().into_iter().filter(|case| !case.requested) {
        for now in MOMENTS {
            let (_, reason) = crate::domain::status::status(&case.situation(now));
            if reason.contains("have another key take its place (change rotation_trigger") {
                let asked = case.clone().with(|case| case.requested = true);
                assert!(brings_another_primary(&asked, now), "{reason}: {case:#?}");
                advised[0] += 1;
            }
            if reason.contains("set on_drift = \"rotate\"") {
                let rotating = case
                    .clone()
                    .with(|case| case.policy.on_drift = OnDrift::Rotate);
                assert!(
                    brings_another_primary(&rotating, now),
                    "{reason}: {case:#?}"
                );
                advised[1] += 1;
            }
        }
    }
    assert!(advised.iter().all(|count| *count > 100), "{advised:?}");
}
