//! Rules for the retiring key: when it is revoked, and what somebody did to it before.

use crate::domain::deliveries;
use crate::domain::deployments;
use crate::domain::finding::{Finding, Status};
use crate::domain::moves::Move;
use crate::domain::policy::Policy;
use crate::domain::rules::HALF_WAY;
use crate::domain::situation::{Copy, Hold, Seen, Situation};
use crate::domain::slots::{Key, Slots};
use crate::domain::usage::Use;
use crate::duration::Duration;
use crate::instant::Instant;

/// Whoever relies on it learns of it while there is something to be done.
pub(super) fn the_retiring_key_is_not_as_it_was(
    situation: &Situation,
    slots: &Slots,
) -> Option<Finding> {
    let (facts, retiring) = (situation.facts, slots.retiring()?);
    if facts.secondary == Seen::Gone {
        return Some(gone(situation, slots, retiring.label()));
    }
    let ends = slots.revoke_after(situation.policy)?;
    let (key, primary) = (retiring.label(), slots.primary.label());
    let reason = match (&facts.secondary, &facts.secondary_copy) {
        (Seen::Inactive, _) => format!(
            "retiring key {key} was deactivated at the issuer{HALF_WAY}, so that whoever still uses it is refused: \
             activate it there for the rest of its grace, which ends at {ends}, or move them to primary key {primary}"
        ),
        // The secret of an imported key may never have been in any delivery.
        (_, Copy::Lost) if retiring.fingerprint.is_some() && !is_served(situation) => format!(
            "no delivery holds retiring key {key} any more, nor the key that took its place, so it is kept until one does"
        ),
        (_, Copy::Lost) if retiring.fingerprint.is_some() => format!(
            "no delivery holds retiring key {key} any more, so that whoever read it there has only primary key {primary}; \
             its grace ends at {ends} all the same"
        ),
        _ => return None,
    };
    let grace = the_retiring_key_has_had_its_grace(situation, slots);
    let is_over = grace.is_some_and(|finding| finding.next.is_some());
    (!is_over).then(|| Finding::new(Status::Notice, reason))
}

/// It leaves the documents and its slot at once: nobody is served by a key that is refused. To revoke what is gone does
/// nothing.
fn gone(situation: &Situation, slots: &Slots, key: &str) -> Finding {
    let reason = format!("retiring key {key} no longer exists at the issuer");
    if situation.primary_is_undeliverable() || situation.would_hide_what_works() {
        return Finding::new(Status::Notice, reason);
    }
    match situation.revocation_waits_for(slots) {
        Some(why) => {
            let reason = format!("{reason} and stays in the documents, because {why}");
            Finding::new(Status::Blocked, reason)
        }
        None => Finding::new(Status::Due, reason).then(Move::Revoke),
    }
}

/// The successor must be delivered, and the issuer must not have seen the old key in use of late.
pub(super) fn the_retiring_key_has_had_its_grace(
    situation: &Situation,
    slots: &Slots,
) -> Option<Finding> {
    let key = slots.retiring()?.label();
    let policy = situation.policy;
    let ended = slots
        .revoke_after(policy)
        .filter(|at| situation.now >= *at)?;
    if situation.facts.secondary == Seen::Gone {
        return None;
    }
    if let Some(hold) = held(situation, slots) {
        let until = slots.hold_ends_at(policy)?;
        let primary = slots.primary.label();
        let reason = match hold {
            Hold::InUse => format!(
                "retiring key {key} is still in use and kept until {until} at the latest: move whoever uses it to \
                 primary key {primary}"
            ),
            Hold::Untold(why) => format!(
                "nobody can tell whether retiring key {key} is still in use, so it is kept until {until} at the latest. {why}"
            ),
        };
        return Some(Finding::new(Status::Blocked, reason));
    }
    if !is_served(situation) {
        return None;
    }
    let waits = situation.revocation_waits_for(slots);
    if let Some(why) = waits.or_else(|| deployments::keeps_the_retiring_key(situation, slots)) {
        let hold = slots.hold_ends_at(policy).filter(|at| situation.now < *at);
        let until = hold.map_or_else(String::new, |at| format!(" until {at} at the latest"));
        let reason = format!("retiring key {key} is kept{until}, because {why}");
        return Some(Finding::new(Status::Blocked, reason));
    }
    if situation.is_rolled_back() {
        let reason = format!(
            "a delivery leads with retiring key {key} again; it is put in order first, and a later apply revokes the key"
        );
        return Some(Finding::new(Status::Pending, reason));
    }
    let reason = match (&situation.facts.hold, slots.hold_ends_at(policy)) {
        (Some(Hold::Untold(_)), Some(until)) => format!(
            "nobody can tell whether retiring key {key} is still in use, and max_grace_period, which kept it, ended at \
             {until}"
        ),
        (Some(Hold::InUse), Some(until)) => format!(
            "retiring key {key} was still in use when it was last looked at, and max_grace_period, which kept it, ended \
             at {until}"
        ),
        _ if policy.grace_period.is_zero() => format!("retiring key {key} has no grace period"),
        _ => format!("the grace period of retiring key {key} ended at {ended}"),
    };
    if let Some(hand) = situation.by_hand {
        // The rule of a primary that is refused says what is to be done.
        if situation.facts.primary_refused {
            return None;
        }
        let reason = format!("{reason}: {}", hand.is_to_revoke(key));
        return Some(Finding::new(Status::Pending, reason));
    }
    let risk = deliveries::risk_of_revocation(situation, slots);
    Some(Finding::new(Status::Due, reason + &risk).then(Move::Revoke))
}

/// A primary works and can be delivered: whoever loses the retiring key has another.
fn is_served(situation: &Situation) -> bool {
    situation.facts.primary == Seen::Present && !situation.primary_is_undeliverable()
}

/// Why it is kept although its grace is over: it was in use of late, or nobody can tell.
pub(super) fn held<'s>(situation: &Situation<'s>, slots: &Slots) -> Option<&'s Hold> {
    let ends = slots.hold_ends_at(situation.policy);
    let hold = situation.facts.hold.as_ref();
    hold.filter(|_| ends.is_some_and(|at| situation.now < at))
}

/// The retiring key, if its last use decides now whether it is revoked: its grace is over. Before that nobody has to ask.
pub fn judged_by_its_use<'s>(slots: &'s Slots, policy: &Policy, now: Instant) -> Option<&'s Key> {
    let is_over = slots.revoke_after(policy).is_some_and(|at| now >= at);
    let decides = is_over && !policy.revoke_only_if_unused_for.is_zero();
    slots.retiring().filter(|_| decides)
}

/// What its last use, or that it could not be read, means for the retiring key. An issuer that tells of a use late has that
/// time on top: what it has not told yet is no silence.
pub fn hold(
    last: Option<&Use>,
    untold: Option<&str>,
    policy: &Policy,
    lag: Duration,
    now: Instant,
) -> Option<Hold> {
    let quiet = policy.revoke_only_if_unused_for.plus(lag);
    if last.is_some_and(|last| now < last.at + quiet) {
        return Some(Hold::InUse);
    }
    untold.map(|why| Hold::Untold(why.to_owned()))
}
