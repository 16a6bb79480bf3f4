//! Which move comes next: an ordered list of rules, the first that finds something wins.
//!
//! A rule is named after what it finds. None of them asks for the time or does anything.

use crate::domain::policy::OnDrift;
use crate::domain::situation::{Copy, Seen, Situation};
use crate::domain::slots::Slots;

/// One move in the life of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// The first key is minted, delivered and verified.
    Create,
    /// The keys that exist are copied to deliveries that lack them; ended deliveries are taken away.
    Deliver,
    /// The retiring key is revoked.
    Revoke,
    /// Revocations that failed earlier are tried again.
    RevokePending,
    /// A staged key that can never be promoted is revoked.
    Discard,
    /// A new key is minted, delivered as secondary and verified.
    Stage,
    /// The staged key becomes primary; the old primary retires.
    Promote,
    /// A new key is minted and becomes primary at once, because the old one cannot be delivered or used.
    Replace,
}

impl Move {
    /// The word in `last_action`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Deliver => "deliver",
            Self::Revoke => "revoke",
            Self::RevokePending => "revoke_pending",
            Self::Discard => "discard",
            Self::Stage => "stage",
            Self::Promote => "promote",
            Self::Replace => "replace",
        }
    }

    /// Whether a new key comes into being.
    pub fn mints(self) -> bool {
        matches!(self, Self::Create | Self::Stage | Self::Replace)
    }
}

/// A rule: what it finds, and the moves that follow.
type Rule = fn(&Situation, &Slots) -> Option<Vec<Move>>;

/// The policy of the product, in order.
const RULES: &[Rule] = &[
    a_delivery_is_not_in_order,
    the_staged_key_is_unusable,
    the_primary_is_unusable,
    the_retiring_key_has_had_its_grace,
    rotation_is_near_or_due,
];

/// The moves of the next apply, in order; empty when there is nothing to do.
pub fn moves(situation: &Situation) -> Vec<Move> {
    let Some(slots) = situation.slots else {
        return vec![Move::Create];
    };
    let found = RULES.iter().find_map(|rule| rule(situation, slots));
    with_pending_revocations(situation, slots, found.unwrap_or_default())
}

/// Not a rule of its own: a revocation that keeps failing must not stop the life of the key, and whatever comes
/// after it may need the room at the issuer.
///
/// A key that an apply left behind may be in the documents, and where the primary is gone it may be all that works:
/// then it leaves the documents first, and stays until something takes its place.
fn with_pending_revocations(
    situation: &Situation,
    slots: &Slots,
    mut found: Vec<Move>,
) -> Vec<Move> {
    let facts = situation.facts;
    if situation.pending_revocations.is_empty() {
        return found;
    }
    let is_gone = facts.primary == Seen::Gone;
    let has_room = is_gone && slots.secondary.is_none() && situation.pending_revocations.len() == 1;
    let needs_room = found.iter().any(|next| next.mints()) && !has_room;
    let takes_over = |next: &Move| matches!(next, Move::Replace | Move::Promote);
    if facts.orphans.is_empty() || needs_room {
        found.insert(0, Move::RevokePending);
    } else if !is_gone || found.iter().any(takes_over) {
        found.push(Move::RevokePending);
    }
    found
}

/// Copying needs a readable copy; taking a delivery away does not. A primary that is gone is not written over a key
/// that an apply left behind and that still works.
fn a_delivery_is_not_in_order(situation: &Situation, _: &Slots) -> Option<Vec<Move>> {
    let facts = situation.facts;
    if facts.primary == Seen::Gone && !facts.orphans.is_empty() {
        return None;
    }
    let possible = !situation.primary_is_undeliverable() || !situation.has_writes_to_repair();
    (!situation.repairs.is_empty() && possible).then(|| vec![Move::Deliver])
}

/// Its secret is gone, or the issuer no longer knows it. Nobody uses it yet, so it makes room for another.
fn the_staged_key_is_unusable(situation: &Situation, slots: &Slots) -> Option<Vec<Move>> {
    slots.staged()?;
    let facts = situation.facts;
    let unusable = facts.secondary != Seen::Present || facts.secondary_copy == Copy::Lost;
    (unusable && !situation.primary_is_undeliverable())
        .then(|| then_stage(Move::Discard, situation, slots))
}

fn the_primary_is_unusable(situation: &Situation, slots: &Slots) -> Option<Vec<Move>> {
    if situation.primary_is_usable() || situation.policy.on_drift != OnDrift::Rotate {
        return None;
    }
    if staged_works(situation, slots) {
        return Some(vec![Move::Promote]);
    }
    replace(situation, slots)
}

/// The successor must be delivered, and the issuer must not have seen the old key in use of late.
fn the_retiring_key_has_had_its_grace(situation: &Situation, slots: &Slots) -> Option<Vec<Move>> {
    let over = grace_is_over(situation, slots)?;
    let successor_works =
        situation.facts.primary == Seen::Present && !situation.primary_is_undeliverable();
    (over && successor_works).then(|| then_stage(Move::Revoke, situation, slots))
}

/// `None` without a retiring key.
fn grace_is_over(situation: &Situation, slots: &Slots) -> Option<bool> {
    let policy = situation.policy;
    let over = situation.now >= slots.revoke_after(policy)?;
    let held = situation.facts.retiring_in_use && situation.now < slots.hold_ends_at(policy)?;
    Some(over && !held)
}

fn rotation_is_near_or_due(situation: &Situation, slots: &Slots) -> Option<Vec<Move>> {
    let policy = situation.policy;
    if policy.paused {
        return None;
    }
    let due = situation.rotation_requested || situation.now >= slots.due_at(policy);
    if situation.primary_is_undeliverable() && !staged_works(situation, slots) {
        return due.then(|| replace(situation, slots)).flatten();
    }
    if let Some(ready_at) = slots.ready_at(policy) {
        return (due && situation.now >= ready_at).then(|| vec![Move::Promote]);
    }
    if slots.secondary.is_some() || !staging_is_due(situation, slots) {
        return None;
    }
    let at_once = due && policy.propagation_delay.is_zero();
    Some(if at_once {
        vec![Move::Stage, Move::Promote]
    } else {
        vec![Move::Stage]
    })
}

/// The slot that `first` empties is filled in the same apply if its time has come: after missed
/// applies there is one rotation, not a backlog.
fn then_stage(first: Move, situation: &Situation, slots: &Slots) -> Vec<Move> {
    if staging_is_due(situation, slots) && !situation.policy.paused {
        vec![first, Move::Stage]
    } else {
        vec![first]
    }
}

fn staging_is_due(situation: &Situation, slots: &Slots) -> bool {
    situation.rotation_requested || situation.now >= slots.stage_at(situation.policy)
}

fn staged_works(situation: &Situation, slots: &Slots) -> bool {
    let facts = situation.facts;
    slots.staged().is_some()
        && facts.secondary == Seen::Present
        && facts.secondary_copy == Copy::Available
}

/// Never a third key: the old primary needs the secondary slot unless one of the two is already gone. A staged
/// key that does not work makes room, since nobody uses it yet. A retiring one may be all that still works: it
/// makes room only after its grace, and only where the policy asks for a way out at this price.
fn replace(situation: &Situation, slots: &Slots) -> Option<Vec<Move>> {
    let facts = situation.facts;
    let gone = facts.secondary == Seen::Gone
        || (facts.primary == Seen::Gone && slots.retiring().is_some());
    if slots.secondary.is_none() || gone {
        return Some(vec![Move::Replace]);
    }
    if slots.staged().is_some() {
        return Some(vec![Move::Discard, Move::Replace]);
    }
    let rotate = situation.policy.on_drift == OnDrift::Rotate;
    (rotate && grace_is_over(situation, slots)?).then(|| vec![Move::Revoke, Move::Replace])
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
