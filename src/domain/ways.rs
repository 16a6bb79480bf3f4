//! What a person can do about a primary that is of no use and that no apply replaces by itself. Only what the rules say
//! works is advised.

use crate::domain::moves::Move;
use crate::domain::policy::{OnDrift, Policy};
use crate::domain::retiring::held;
use crate::domain::rules::{rotation, way_of_drift};
use crate::domain::situation::{Copy, Seen, Situation};
use crate::domain::slots::Slots;
use crate::instant::Instant;

/// How somebody asks for a rotation.
pub(super) const ASK: &str = "change rotation_trigger from one value to another";

/// The ways on, as the end of a sentence that says what is wrong; empty where there is none.
pub(super) fn on(situation: &Situation, slots: &Slots) -> String {
    let mut ways = of_the_key(situation);
    ways.extend(of_another_key(situation, slots));
    match ways.split_last() {
        None => String::new(),
        Some((only, [])) => format!(": {only}"),
        Some((last, others)) => format!(": {}, or {last}", others.join(", ")),
    }
}

/// What makes the key usable again.
fn of_the_key(situation: &Situation) -> Vec<String> {
    let facts = situation.facts;
    let ways: &[&str] = match (&facts.primary, &facts.primary_copy) {
        (Seen::Gone, _) => &[],
        (Seen::Inactive, _) => &[
            "activate it again at the issuer",
            "destroy the resource again if that is what failed",
        ],
        (Seen::Present, Copy::Lost) => &[
            "restore a document that holds it",
            "hand its secret in again (existing_secret_wo with a higher existing_secret_wo_version)",
        ],
        (Seen::Present, Copy::Available | Copy::Unseen) => &[],
    };
    ways.iter().map(|way| (*way).to_owned()).collect()
}

/// What brings another key in its place.
fn of_another_key(situation: &Situation, slots: &Slots) -> Option<String> {
    if let (None, Some(bring)) = (&slots.secondary, situation.lacks_a_new_key()) {
        return Some(bring.to_owned());
    }
    match situation.policy.on_drift {
        OnDrift::Rotate => beside_the_retiring_key(situation, slots),
        // A plan fails before it gets to that, and says what to set.
        OnDrift::Error => None,
        OnDrift::Warn => {
            let asked = is_replaced_on_request(situation, slots).then(|| ASK.to_owned());
            let drift = drift_replaces_it(situation, slots).map(|from| {
                let from =
                    from.map_or_else(String::new, |at| format!(", which helps from {at} on"));
                format!("set on_drift = \"rotate\" in the policy{from}")
            });
            let ways: Vec<String> = asked.into_iter().chain(drift).collect();
            let ways = ways.join(" or ");
            (!ways.is_empty()).then(|| format!("have another key take its place ({ways})"))
        }
    }
}

fn is_replaced_on_request(situation: &Situation, slots: &Slots) -> bool {
    let ready_at = slots.ready_at(situation.policy);
    let asked = Situation {
        rotation_requested: true,
        now: ready_at.map_or(situation.now, |at| at.max(situation.now)),
        ..situation.clone()
    };
    rotation(&asked, slots).is_some()
}

/// Whether another `on_drift` would replace it; from when on, if not now.
fn drift_replaces_it(situation: &Situation, slots: &Slots) -> Option<Option<Instant>> {
    let policy = Policy {
        on_drift: OnDrift::Rotate,
        ..situation.policy.clone()
    };
    let rotates = |now| Situation {
        policy: &policy,
        now,
        ..situation.clone()
    };
    if way_of_drift(&rotates(situation.now), slots).is_some() {
        return Some(None);
    }
    let from = room_from(situation, slots)?;
    let frees = |next: Move| matches!(next, Move::Revoke | Move::Replace);
    let next = way_of_drift(&rotates(from), slots);
    next.is_some_and(frees).then_some(Some(from))
}

/// When the retiring key leaves its slot to the key that replaces the primary.
fn room_from(situation: &Situation, slots: &Slots) -> Option<Instant> {
    let policy = situation.policy;
    match situation.facts.hold.is_some() {
        true => slots.hold_ends_at(policy),
        false => slots.revoke_after(policy),
    }
}

/// What keeps a policy that says so from replacing it.
fn beside_the_retiring_key(situation: &Situation, slots: &Slots) -> Option<String> {
    let retiring = slots.retiring()?;
    let until = match held(situation, slots).is_some() {
        true => slots.hold_ends_at(situation.policy),
        false => slots.revoke_after(situation.policy),
    };
    let until = until.map_or_else(String::new, |at| format!(" until {at}"));
    let early = slots.primary.key_id.as_ref().map(|key| {
        format!(", or delete {key} at the issuer if nothing uses it, and it is replaced at once")
    });
    Some(format!(
        "wait{until} for retiring key {}, beside which it cannot be replaced{}",
        retiring.label(),
        early.unwrap_or_default()
    ))
}
