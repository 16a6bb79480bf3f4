//! What is there to be done: an ordered list of rules. All of them together are the status of a key; of the moves that
//! they find, the first is made.
//!
//! A rule is named after what it finds. None of them asks for the time or does anything.

use crate::domain::approval;
use crate::domain::deliveries;
use crate::domain::deployments::{self, a_deployment_holds_up_the_rotation, a_deployment_is_owed};
use crate::domain::emergency::{self, a_key_is_compromised};
use crate::domain::expected::a_key_is_used_otherwise_than_expected;
use crate::domain::finding::{Finding, Status};
use crate::domain::gates::{self, another_environment_comes_first};
use crate::domain::moves::Move;
use crate::domain::offboarding::{Offboarded, the_owner_has_left};
use crate::domain::policy::OnDrift;
use crate::domain::retiring::{
    held, the_retiring_key_has_had_its_grace, the_retiring_key_is_not_as_it_was,
};
use crate::domain::situation::{Copy, Seen, Situation};
use crate::domain::slots::Slots;
use crate::domain::ways;
use crate::domain::word::{a_person_may_be_wrong, the_primary_is_refused};

/// A rule.
type Rule = fn(&Situation, &Slots) -> Option<Finding>;

/// The policy of the product, in order.
const RULES: &[Rule] = &[
    a_key_is_compromised,
    a_delivery_is_not_in_order,
    the_staged_key_is_unusable,
    the_primary_is_unusable,
    the_primary_is_refused,
    a_person_may_be_wrong,
    a_deployment_is_owed,
    the_retiring_key_is_not_as_it_was,
    the_retiring_key_has_had_its_grace,
    another_key_is_wanted_in_place_of_one_that_never_passed,
    rotation_is_near_or_due,
    a_delivery_holds_up_the_rotation,
    a_deployment_holds_up_the_rotation,
    another_environment_comes_first,
    the_staged_key_is_not_verified,
    rotation_comes_up,
    the_owner_has_left,
    a_key_is_used_otherwise_than_expected,
    others_leave_no_room_for_a_rotation,
];

/// Everything that the rules find, in their order.
pub fn findings(situation: &Situation) -> Vec<Finding> {
    // Whatever else there is to be found follows from a state that is out of date.
    if let Some(newer) = &situation.facts.behind {
        let reason = format!("the state is older than what is there: {newer}");
        return vec![match situation.emergency {
            None => Finding::new(Status::Blocked, reason),
            Some(emergency) => {
                let reason = format!("{}, and {reason}", emergency::words::found(emergency));
                Finding::new(Status::Compromised, reason)
            }
        }];
    }
    let slots = situation.slots.into_iter();
    slots
        .flat_map(|slots| RULES.iter().filter_map(|rule| rule(situation, slots)))
        .collect()
}

/// Not one of the rules: it stands beside whatever move they find, see [`crate::domain::course`].
pub fn revocations(situation: &Situation) -> Option<Finding> {
    let orphans = &situation.facts.orphans;
    let pending = situation.pending_revocations.iter();
    let reasons: Vec<String> = pending
        .map(|id| match (orphans.contains(id), &situation.by_hand) {
            (true, _) => format!("key {id} was left behind by an apply that did not finish"),
            (false, Some(hand)) if !hand.revoked.contains(id) => {
                format!("key {id} is not revoked yet: {}", hand.is_to_revoke(id))
            }
            (false, Some(_)) => {
                format!("a person says that key {id} is revoked, and nobody can try it any more")
            }
            (false, None) => format!("key {id} could not be revoked yet"),
        })
        .collect();
    (!reasons.is_empty()).then(|| Finding::new(Status::Pending, reasons.join("; ")))
}

/// Copying needs a readable copy; taking a delivery away does not. A primary that gives way is not copied first, since
/// its successor is written everywhere; and one that is gone is not written over a key that an apply left behind and that
/// still works.
fn a_delivery_is_not_in_order(situation: &Situation, slots: &Slots) -> Option<Finding> {
    let (writes, leaves) = (situation.has_writes_to_repair(), situation.leaves_places());
    if !writes && !leaves {
        return approval::awaits_a_person(situation, slots);
    }
    let reason = if writes && slots.primary.fingerprint.is_none() {
        let key = slots.primary.label();
        format!(
            "key {key} was imported without its secret, so its deliveries are filled by the next rotation"
        )
    } else {
        deliveries::complaints(situation)
    };
    // What takes the place of a compromised primary is written everywhere, and nobody is given the old one meanwhile.
    let leads_with_a_compromised_key = writes && situation.leads_with_a_compromised_key();
    let has_copy = (situation.can_copy() || !writes) && !leads_with_a_compromised_key;
    let gives_way = the_primary_is_unusable(situation, slots).and_then(|finding| finding.next);
    let gives_way = matches!(gives_way, Some(Move::Replace | Move::Promote));
    let is_possible =
        has_copy && !situation.would_hide_what_works() && !gives_way && !situation.delivered;
    Some(Finding::new(Status::Pending, reason).then(is_possible.then_some(Move::Deliver)))
}

/// Nothing uses it yet, so it makes room for another.
fn the_staged_key_is_unusable(situation: &Situation, slots: &Slots) -> Option<Finding> {
    let staged = slots.staged()?.label();
    let facts = situation.facts;
    let what = trouble("staged", staged, &facts.secondary, &facts.secondary_copy)?;
    Some(if situation.can_stage() {
        Finding::new(Status::Due, what).then(Move::Discard)
    } else {
        let way = "another is staged once a delivery can be read and written";
        let what = match facts.primary_copy {
            // What is said of the primary comes first.
            Copy::Lost => what,
            Copy::Available | Copy::Unseen => format!("{what}, and {way}"),
        };
        Finding::new(Status::Blocked, what)
    })
}

fn trouble(role: &str, key: &str, seen: &Seen, copy: &Copy) -> Option<String> {
    Some(match (seen, copy) {
        (Seen::Gone, _) => format!("{role} key {key} no longer exists at the issuer"),
        (Seen::Inactive, _) => format!("{role} key {key} was deactivated at the issuer"),
        (_, Copy::Lost) => format!("no delivery holds the secret of {role} key {key} any more"),
        (Seen::Present, Copy::Available | Copy::Unseen) => return None,
    })
}

pub(super) fn the_primary_is_unusable(situation: &Situation, slots: &Slots) -> Option<Finding> {
    let facts = situation.facts;
    let primary = slots.primary.label();
    let mut what = trouble("primary", primary, &facts.primary, &facts.primary_copy)?;
    if facts.primary == Seen::Inactive {
        what += HALF_WAY;
    }
    let (is_cured, next) = match situation.policy.on_drift {
        OnDrift::Rotate => {
            let next = way_of_drift(situation, slots);
            (next.is_some(), next)
        }
        // The rotation that is due brings another primary, whatever the policy says of drift.
        OnDrift::Warn | OnDrift::Error => {
            let cures = |next| !matches!(next, Move::Stage);
            (rotation(situation, slots).is_some_and(cures), None)
        }
    };
    Some(match is_cured {
        true => Finding::new(Status::Due, what).then(next),
        false => Finding::new(Status::Blocked, what + &ways::on(situation, slots)),
    })
}

/// Who else may have done it, of a key that was switched off.
pub(super) const HALF_WAY: &str =
    ", by somebody or by a destroy or a revocation that failed half-way";

/// What the policy does about an unusable primary if it says `rotate`.
pub(super) fn way_of_drift(situation: &Situation, slots: &Slots) -> Option<Move> {
    match staged_works(situation, slots) {
        true => Some(Move::Promote),
        false => replacement(situation, slots),
    }
}

/// Somebody asks for a new key while one waits that may never pass, or be approved.
fn another_key_is_wanted_in_place_of_one_that_never_passed(
    situation: &Situation,
    slots: &Slots,
) -> Option<Finding> {
    let staged = slots.staged()?.label();
    if !situation.rotation_requested || situation.policy.paused {
        return None;
    }
    let reason = match unverified(situation, slots) {
        Some(_) => format!("staged key {staged} has not passed its verification"),
        None if situation.staged_awaits_approval() && situation.is_rejected() => {
            format!("staged key {staged} is in no delivery, since what was written was rejected")
        }
        None if situation.staged_awaits_approval() => format!(
            "staged key {staged} is in no delivery, since what was written awaits approval: reject that, for it would \
             deliver a dead key"
        ),
        None => return None,
    };
    let next = match situation.primary_is_undeliverable() {
        true => replacement(situation, slots),
        false => Some(Move::Discard).filter(|_| situation.can_stage()),
    };
    Some(Finding::new(Status::Due, reason).then(next))
}

/// What is said of a change of `rotation_trigger`.
const ASKED: &str = "a change of rotation_trigger makes a rotation due now";

fn rotation_is_near_or_due(situation: &Situation, slots: &Slots) -> Option<Finding> {
    let policy = situation.policy;
    let due_at = slots.due_at(policy);
    let is_past = situation.now >= due_at;
    let next = rotation(situation, slots);
    let (severity, reason) = if situation.rotation_requested {
        let left = situation.offboarded.filter(|left| left.is_new);
        (
            Status::Due,
            left.map_or(ASKED.to_owned(), Offboarded::makes_due),
        )
    } else if situation.now >= due_at + policy.alert_after {
        (
            Status::Overdue,
            format!("rotation is overdue since {due_at}"),
        )
    } else if is_past {
        (Status::Due, format!("rotation is due since {due_at}"))
    } else if next == Some(Move::Stage) && situation.now < slots.stage_from(policy) {
        (
            Status::Due,
            format!("a new key was handed in, and rotation is due at {due_at}"),
        )
    } else if next.is_some() || awaits_a_person(situation, slots) {
        (Status::Due, format!("rotation is due at {due_at}"))
    } else {
        return None;
    };
    let gives_way = another_key_is_wanted_in_place_of_one_that_never_passed(situation, slots)
        .is_some_and(|finding| finding.next.is_some());
    let obstacle = match next {
        None if !gives_way => obstacle(situation, slots),
        _ => String::new(),
    };
    Some(Finding {
        due_at: Some(due_at).filter(|_| !situation.rotation_requested),
        ..Finding::new(severity, reason + &obstacle).then(next)
    })
}

fn a_delivery_holds_up_the_rotation(situation: &Situation, slots: &Slots) -> Option<Finding> {
    let reason = deliveries::held_up(situation, slots)?;
    Some(Finding::new(Status::Blocked, reason))
}

/// The move of the schedule, or of a request.
pub(super) fn rotation(situation: &Situation, slots: &Slots) -> Option<Move> {
    let (policy, now) = (situation.policy, situation.now);
    if policy.paused {
        return None;
    }
    let is_asked = situation.rotation_requested;
    let is_due = is_asked || now >= slots.due_from(policy);
    let is_here = situation.new_key_is_here();
    if situation.primary_is_undeliverable() && !staged_works(situation, slots) {
        let is_possible = is_due || is_here;
        return is_possible.then(|| replacement(situation, slots)).flatten();
    }
    if let Some(ready_at) = slots.ready_at(policy) {
        let waits = !situation.can_swap()
            || !situation.promotion_waits_for().is_empty()
            || deployments::holds_the_promotion(situation, slots)
            || gates::is_closed(situation, slots);
        return (is_due && now >= ready_at && !waits).then_some(Move::Promote);
    }
    let is_near = is_asked || is_here || now >= slots.stage_from(policy);
    let is_possible =
        slots.secondary.is_none() && situation.can_stage() && situation.lacks_a_new_key().is_none();
    // No document is to lead with a key that is gone once another one works.
    let next = match situation.facts.primary {
        Seen::Gone => Move::Replace,
        Seen::Present | Seen::Inactive => Move::Stage,
    };
    (is_near && is_possible).then_some(next)
}

/// There is room for a new key, it is near, and nobody has handed it in.
fn awaits_a_person(situation: &Situation, slots: &Slots) -> bool {
    situation.lacks_a_new_key().is_some()
        && !situation.policy.paused
        && slots.secondary.is_none()
        && situation.now >= slots.stage_from(situation.policy)
}

/// Why a rotation that is due does not go on in this apply.
fn obstacle(situation: &Situation, slots: &Slots) -> String {
    let policy = situation.policy;
    if policy.paused {
        return ", but the policy is paused".into();
    }
    if let (None, Some(bring)) = (&slots.secondary, situation.lacks_a_new_key()) {
        return format!(": {bring}");
    }
    if let Some(staged) = slots.staged() {
        let key = staged.label();
        return match slots.ready_at(policy) {
            Some(at) if at > situation.now => format!(
                ", and staged key {key} is promoted from {at} on (propagation_delay){}",
                match unverified(situation, slots) {
                    Some(_) => " if it has passed its verification by then",
                    None => "",
                }
            ),
            Some(_) => String::new(),
            None => format!(", but staged key {key} is not in every delivery yet"),
        };
    }
    match (slots.retiring(), slots.revoke_after(policy)) {
        (Some(retiring), Some(at)) if at > situation.now => format!(
            ", but the secondary slot holds retiring key {} until {at}",
            retiring.label()
        ),
        (Some(retiring), _) if held(situation, slots).is_some() => format!(
            ", but the secondary slot holds retiring key {}",
            retiring.label()
        ),
        _ => String::new(),
    }
}

/// A promotion verifies it as well; until then nobody has to wait to learn that it works.
fn the_staged_key_is_not_verified(situation: &Situation, slots: &Slots) -> Option<Finding> {
    let staged = unverified(situation, slots).filter(|_| staged_works(situation, slots))?;
    let asked = Situation {
        rotation_requested: true,
        ..situation.clone()
    };
    let gives_way = |situation| {
        another_key_is_wanted_in_place_of_one_that_never_passed(situation, slots)
            .is_some_and(|finding| finding.next.is_some())
    };
    if gives_way(situation) {
        return None;
    }
    let way = match gives_way(&asked) {
        true => format!("; if it never does, {} to stage another", ways::ASK),
        false => String::new(),
    };
    let reason = format!(
        "staged key {staged} has not passed its verification and is not promoted before it does{way}"
    );
    Some(Finding::new(Status::Blocked, reason).then(Move::Verify))
}

fn unverified<'a>(situation: &Situation, slots: &'a Slots) -> Option<&'a str> {
    let staged = slots.staged()?;
    (situation.must_verify && staged.verified_at.is_none()).then(|| staged.label())
}

fn rotation_comes_up(situation: &Situation, slots: &Slots) -> Option<Finding> {
    let policy = situation.policy;
    let due_at = slots.due_at(policy);
    let is_near = situation.now < due_at && situation.now >= due_at - policy.notice_period;
    let is_told = rotation(situation, slots).is_some() || situation.rotation_requested;
    let reason = || format!("rotation is due at {due_at}");
    (is_near && !policy.notice_period.is_zero() && !is_told)
        .then(|| Finding::new(Status::Notice, reason()))
}

/// Known as soon as the keys of the account are listed. A rotation that is due is tried all the same, and fails with
/// what to do.
fn others_leave_no_room_for_a_rotation(situation: &Situation, slots: &Slots) -> Option<Finding> {
    let full = situation.facts.full.as_ref()?;
    let is_needed = slots.secondary.is_none();
    is_needed.then(|| Finding::new(Status::Blocked, full.reason.clone()))
}

fn staged_works(situation: &Situation, slots: &Slots) -> bool {
    let facts = situation.facts;
    slots.staged().is_some()
        && facts.secondary == Seen::Present
        && facts.secondary_copy == Copy::Available
}

/// The first move towards another primary. Never a third key: the old primary needs the secondary slot unless one of
/// the two is already gone. A staged key that does not work makes room, since nothing uses it yet. A retiring one may
/// be all that still works: it makes room only after its grace, and only where the policy asks for a way out at this
/// price. What awaits approval may lead at any moment.
fn replacement(situation: &Situation, slots: &Slots) -> Option<Move> {
    let facts = situation.facts;
    let gone = facts.secondary == Seen::Gone
        || (facts.primary == Seen::Gone && slots.retiring().is_some());
    if slots.secondary.is_none() || gone {
        let is_possible = situation.lacks_a_new_key().is_none();
        return is_possible.then_some(Move::Replace);
    }
    if slots.staged().is_some() {
        return (!situation.waits_for_approval()).then_some(Move::Discard);
    }
    let over = slots.revoke_after(situation.policy)? <= situation.now;
    let rotates = situation.policy.on_drift == OnDrift::Rotate;
    (rotates && over && held(situation, slots).is_none()).then_some(Move::Revoke)
}

#[cfg(test)]
#[path = "rules_tests.rs"]
pub(super) mod tests;
