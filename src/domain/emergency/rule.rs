//! Which move is next about compromised keys.

use super::{Emergency, Order, words};
use crate::domain::deployments;
use crate::domain::finding::{Finding, Status};
use crate::domain::moves::Move;
use crate::domain::situation::{Copy, Seen, Situation};
use crate::domain::slots::Slots;
use crate::domain::ways;

/// It comes before everything else, and waits for nothing that the policy says.
pub(in crate::domain) fn a_key_is_compromised(
    situation: &Situation,
    slots: &Slots,
) -> Option<Finding> {
    let emergency = situation.emergency?;
    let found = next(situation, slots, emergency);
    let next = found.filter(|next| !waits_for_a_person(*next, situation, slots, emergency));
    let awaited = awaited(situation, slots, emergency);
    if found.is_none() && awaited.is_none() && !emergency.has_pending(situation.pending_revocations)
    {
        return None;
    }
    let mut reason = words::found(emergency);
    if let Some(staged) = awaited.filter(|_| next.is_none()) {
        reason += &match situation.is_rejected() {
            false => format!(
                " and NOT revoked, and staged key {staged} takes its place once what was written is approved"
            ),
            true => format!(
                " and NOT revoked, for the change that puts staged key {staged} in its place was rejected: {} to have another \
                 key",
                ways::ASK
            ),
        };
    }
    if let Some(hand) = situation.by_hand {
        let lacks = situation.lacks_a_new_key();
        let is_stuck = next.is_none() && awaited.is_none() && emergency.has(&slots.primary);
        let bring = lacks.filter(|_| is_stuck).into_iter();
        let revoke = emergency.labels.iter().map(|key| hand.is_to_revoke(key));
        let all: Vec<String> = bring.map(str::to_owned).chain(revoke).collect();
        reason += &format!(": {}", all.join("; "));
    }
    Some(Finding::new(Status::Compromised, reason).then(next))
}

/// Of keys that a person makes and revokes: nothing takes the place of a compromised primary before a new key is brought, so
/// until then nothing leaves the documents either. And a key that can be tried stays where it can be read until it is refused,
/// so that its end is more than a word.
fn waits_for_a_person(
    next: Move,
    situation: &Situation,
    slots: &Slots,
    emergency: &Emergency,
) -> bool {
    let Some(hand) = situation.by_hand else {
        return false;
    };
    match emergency.has(&slots.primary) {
        true => !hand.is_here && next != Move::Promote,
        false => {
            let is_tried = situation.must_verify && slots.retiring().is_some();
            next == Move::Contain && is_tried && situation.facts.secondary != Seen::Gone
        }
    }
}

/// The next move. Where nobody is to be without a key, consumers go on with the successor before the compromised key is
/// revoked: once, and no longer than the deployment is given.
fn next(situation: &Situation, slots: &Slots, emergency: &Emergency) -> Option<Move> {
    let next = move_about_keys(situation, slots, emergency)?;
    let is_replaced = next == Move::Contain
        && emergency.order == Order::ReplaceFirst
        && !emergency.has(&slots.primary);
    match is_replaced && deployments::is_next(situation, slots) {
        true => Some(Move::Deploy),
        false => Some(next),
    }
}

/// Never a third key: whatever stands beside a compromised primary makes room, unless it can take its place.
fn move_about_keys(situation: &Situation, slots: &Slots, emergency: &Emergency) -> Option<Move> {
    let is_gone = situation.facts.primary == Seen::Gone;
    let is_primary = emergency.has(&slots.primary);
    let second = slots.secondary_key();
    let is_second = second.is_some_and(|key| emergency.has(key));
    if !is_primary && !is_second {
        return None;
    }
    // A key without an id is revoked by what takes its place in the documents, and one that a person made by that person.
    let revokes_first = emergency.order == Order::RevokeFirst
        && slots.primary.key_id.is_some()
        && situation.by_hand.is_none();
    if revokes_first && is_primary && !is_gone {
        return Some(Move::RevokePrimary);
    }
    if awaited(situation, slots, emergency).is_some() {
        return None;
    }
    if !revokes_first && second.is_some() && !situation.primary_is_usable() {
        return Some(beside_a_useless_primary(situation, slots, is_second));
    }
    if is_second || (is_primary && !is_gone && slots.retiring().is_some()) {
        return Some(Move::Contain);
    }
    Some(match slots.staged() {
        Some(_) if takes_over(situation, slots) => Move::Promote,
        Some(_) => Move::Contain,
        None => Move::Replace,
    })
}

/// The key that is to take the place of a compromised primary, once a person approves its delivery. A change that would put
/// the compromised key first again is not waited for.
fn awaited<'a>(situation: &'a Situation, slots: &Slots, emergency: &Emergency) -> Option<&'a str> {
    let successor = situation.successor().filter(|key| !emergency.has(key))?;
    let waits = emergency.has(&slots.primary) && !situation.rotation_requested;
    waits.then(|| successor.label())
}

/// The key beside the primary may be all that works, so it stays until another is delivered, compromised or not; the primary,
/// which is of no use to anybody who reads it, makes room.
fn beside_a_useless_primary(situation: &Situation, slots: &Slots, is_second: bool) -> Move {
    match situation.facts.primary {
        _ if !is_second && takes_over(situation, slots) => Move::Promote,
        Seen::Gone => Move::Replace,
        Seen::Inactive | Seen::Present => Move::RevokePrimary,
    }
}

/// The staged key works and was proved, so that it can lead at once.
fn takes_over(situation: &Situation, slots: &Slots) -> bool {
    let facts = situation.facts;
    let is_proved = slots.staged().is_some_and(|key| key.verified_at.is_some());
    facts.secondary == Seen::Present
        && facts.secondary_copy == Copy::Available
        && slots.staged().is_some_and(|key| key.delivered_at.is_some())
        && (is_proved || !situation.must_verify)
}
