//! What an apply is about to do, in the words of a person: one sentence for each move.

use crate::domain::planner::Decision;
use crate::domain::rules::Move;
use crate::domain::situation::{Situation, Why};
use crate::domain::slots::Slots;

/// The warning of a plan: why something is due and what the apply does about it. `None` if nothing happens
/// that a reviewer must know (the creation shows in the diff by itself).
pub fn announcement(situation: &Situation, decision: &Decision) -> Option<String> {
    let slots = situation.slots?;
    let mut sentences: Vec<String> = Vec::new();
    if decision
        .moves
        .iter()
        .any(|next| matches!(next, Move::Stage | Move::Promote))
    {
        sentences.push(due(situation, slots, decision));
    }
    sentences.extend(
        decision
            .moves
            .iter()
            .map(|next| sentence(*next, situation, slots, &decision.moves)),
    );
    (!sentences.is_empty()).then(|| format!("{}: {}", situation.name, sentences.join(" ")))
}

fn due(situation: &Situation, slots: &Slots, decision: &Decision) -> String {
    let policy = situation.policy;
    let (name, interval) = (&policy.name, policy.rotation_interval);
    let due_at = slots.due_at(policy);
    if situation.rotation_requested {
        return "rotation_trigger changed, so a rotation is due now.".into();
    }
    if decision.at >= due_at {
        format!("rotation is due since {due_at} (policy {name}, every {interval}).")
    } else {
        format!("rotation is due at {due_at} (policy {name}, every {interval}).")
    }
}

fn sentence(next: Move, situation: &Situation, slots: &Slots, all: &[Move]) -> String {
    let policy = situation.policy;
    let primary = slots.primary.label();
    let secondary = slots.secondary.as_ref().map_or("(none)", |s| s.key.label());
    match next {
        Move::Create => "This apply creates the first key.".into(),
        Move::Deliver => deliveries(situation),
        Move::Revoke => format!(
            "This apply revokes retiring key {secondary}, whose grace period ended at {}.",
            slots.revoke_after(policy).unwrap_or(situation.now)
        ),
        Move::RevokePending => pending_revocations(situation),
        Move::Discard => format!(
            "Staged key {secondary} can never be promoted, because its secret or the key itself is \
             gone. This apply revokes it; nobody uses it yet."
        ),
        Move::Stage => format!(
            "This apply mints a new key and delivers it as secondary; {primary} stays primary{}.",
            if all.contains(&Move::Promote) {
                " until the new key is verified"
            } else {
                ""
            }
        ),
        Move::Promote => format!(
            "This apply promotes {} and keeps {primary} until {} after it.",
            match slots.staged() {
                Some(staged) => format!("staged key {}", staged.label()),
                None => "the new key".into(),
            },
            policy.grace_period
        ),
        Move::Replace => format!(
            "Primary key {primary} {}. This apply mints a new key that becomes primary at once.",
            if slots.primary.fingerprint.is_none() {
                "was imported without its secret, so it cannot be delivered"
            } else {
                "is gone or its secret is lost"
            }
        ),
    }
}

fn pending_revocations(situation: &Situation) -> String {
    let orphans = &situation.facts.orphans;
    let sentences: Vec<String> = situation
        .pending_revocations
        .iter()
        .map(|id| match orphans.contains(id) {
            true => orphan(id),
            false => format!("This apply tries again to revoke {id}."),
        })
        .collect();
    sentences.join(" ")
}

/// What is said of a key that an apply left behind, and what happens to it.
pub fn orphan(id: &str) -> String {
    format!(
        "Key {id} was created by an apply that did not finish and is nobody's; this apply revokes it."
    )
}

fn deliveries(situation: &Situation) -> String {
    let list = |wanted: fn(Why) -> bool| {
        let names: Vec<&str> = situation
            .repairs
            .iter()
            .filter(|repair| wanted(repair.why))
            .map(|repair| repair.name.as_str())
            .collect();
        names.join(", ")
    };
    let written = list(|why| why != Why::Removed);
    let removed = list(|why| why == Why::Removed);
    let mut sentences = Vec::new();
    if !written.is_empty() {
        sentences.push(format!(
            "This apply copies the keys that exist to {written}; no key is minted."
        ));
    }
    if !removed.is_empty() {
        sentences.push(format!("This apply takes the keys out of {removed}."));
    }
    sentences.join(" ")
}
