//! The moves of one apply: where one apply can bring a key to rest, it does.
//!
//! The rules are asked again after each move, as if it had succeeded, until none of them finds anything to do. So the
//! plan after an apply, at the same instant, is empty.

use crate::domain::foresight::Foreseen;
use crate::domain::moves::Move;
use crate::domain::rules::{findings, revocations};
use crate::domain::situation::{Seen, Situation};
use crate::domain::slots::Slots;
use crate::instant::Instant;

/// More moves than any course has: each of them brings the key nearer to rest.
const LONGEST: usize = 12;

/// One move of an apply.
#[derive(Clone, Debug)]
pub struct Leg {
    /// The move.
    pub next: Move,
    /// Why it is made, see [`crate::domain::finding::Finding::reason`].
    pub reason: String,
    /// The date of the rotation that it belongs to.
    pub due_at: Option<Instant>,
    /// The keys before it; `None` before the first key.
    pub slots: Option<Slots>,
}

/// The moves of the next apply, in order; empty when there is nothing to do.
pub fn moves(situation: &Situation) -> Vec<Move> {
    course(situation).into_iter().map(|leg| leg.next).collect()
}

/// The same, with the reasons.
pub fn course(situation: &Situation) -> Vec<Leg> {
    let Some(slots) = situation.slots else {
        // It stands alone: an error after it would have Terraform throw the new key away.
        return vec![Leg::new(Move::Create, None)];
    };
    if situation.facts.behind.is_some() {
        return Vec::new();
    }
    let mut foreseen = Foreseen::new(situation, slots);
    let mut legs = Vec::new();
    // A delivery that failed before may fail again: then it is not foreseen as mended, and nothing is built on it.
    while legs.len() < LONGEST {
        let then = foreseen.situation(situation);
        let mut found = findings(&then).into_iter();
        let Some((finding, next)) =
            found.find_map(|finding| Some((finding.clone(), finding.next?)))
        else {
            break;
        };
        legs.push(Leg {
            reason: finding.reason,
            due_at: finding.due_at,
            ..Leg::new(next, then.slots)
        });
        foreseen.take(next, situation);
    }
    with_pending_revocations(situation, slots, legs)
}

impl Leg {
    fn new(next: Move, slots: Option<&Slots>) -> Self {
        Self {
            next,
            reason: String::new(),
            due_at: None,
            slots: slots.cloned(),
        }
    }
}

/// A revocation that keeps failing must not stop the life of the key, and whatever comes after it may need the room at
/// the issuer.
///
/// It may be in the documents, so these are put in order first. Where the primary is gone, a key that an apply left behind
/// may be all that works: then it stays until something takes its place.
fn with_pending_revocations(situation: &Situation, slots: &Slots, mut legs: Vec<Leg>) -> Vec<Leg> {
    let facts = situation.facts;
    let Some(finding) = revocations(situation) else {
        return legs;
    };
    // What nobody says is revoked is nothing that an apply could end.
    let mut pending = situation.pending_revocations.iter();
    if let Some(hand) = situation.by_hand
        && !pending.any(|id| hand.revoked.contains(id))
    {
        return legs;
    }
    let leg = Leg {
        reason: finding.reason,
        ..Leg::new(Move::RevokePending, Some(slots))
    };
    let is_gone = facts.primary == Seen::Gone;
    let has_room = is_gone && slots.secondary.is_none() && situation.pending_revocations.len() == 1;
    let mint = legs.iter().position(|leg| leg.next.mints());
    let copied = legs.iter().position(|leg| leg.next == Move::Deliver);
    let takes_over = |leg: &Leg| matches!(leg.next, Move::Replace | Move::Promote);
    let place = match (mint.filter(|_| !has_room), copied) {
        (Some(mint), Some(copied)) if copied < mint => copied + 1,
        (None, Some(copied)) => copied + 1,
        (Some(_), _) => 0,
        (None, None) if facts.orphans.is_empty() => 0,
        (None, None) if !is_gone || legs.iter().any(takes_over) => legs.len(),
        (None, None) => return legs,
    };
    legs.insert(place, leg);
    legs
}

#[cfg(test)]
#[path = "course_tests.rs"]
pub(super) mod tests;
