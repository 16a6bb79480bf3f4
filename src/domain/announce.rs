//! What an apply is about to do, in the words of a person: why, and one sentence for each move.

use crate::domain::course::{Leg, course};
use crate::domain::deliveries;
use crate::domain::deployments;
use crate::domain::emergency::words;
use crate::domain::expected::last_use_of_the_retiring;
use crate::domain::finding::Status;
use crate::domain::moves::Move;
use crate::domain::planner::Decision;
use crate::domain::situation::{Seen, Situation};
use crate::domain::slots::{Key, Slots};
use crate::domain::status::status;
use crate::duration::Duration;
use crate::instant::Instant;

/// A warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Names the key: Terraform folds warnings of the same summary into one.
    pub summary: String,
    /// The rest.
    pub detail: String,
}

/// The warning of a plan: why something is due and what the apply does about it. `None` if nothing happens
/// that a reviewer must know (the creation shows in the diff by itself). `now` is for lengths of time, which no state holds.
pub fn announcement(
    situation: &Situation,
    decision: &Decision,
    now: Instant,
) -> Option<Announcement> {
    situation.slots?;
    let then = Situation {
        now: decision.at,
        ..situation.clone()
    };
    let legs: Vec<Leg> = course(&then)
        .into_iter()
        .filter(|leg| decision.moves.contains(&leg.next))
        .collect();
    if legs.is_empty() {
        return None;
    }
    if let Some(emergency) = situation.emergency {
        let told = sentences(situation, &legs);
        return Some(words::announcement(situation, emergency, &legs, &told));
    }
    let words: Vec<String> = legs
        .iter()
        .map(|leg| leg.next.word().replace('_', " "))
        .collect();
    let late = overdue_by(situation, now).map_or_else(String::new, |late| format!(", {late}"));
    Some(Announcement {
        summary: format!("{}: {}{late}", situation.name, words.join(" and ")),
        detail: format!("{}: {}", situation.name, sentences(situation, &legs)),
    })
}

/// The warning of a plan in which nothing is done although something is to be known. `None` for a key that is well.
pub fn standing(situation: &Situation, now: Instant) -> Option<Announcement> {
    let (status, reason) = status(&Situation {
        now: now.max(situation.now),
        ..situation.clone()
    });
    if status == Status::Ok {
        return None;
    }
    // Nothing is worse than a key that somebody else has.
    let late = overdue_by(situation, now).filter(|_| status != Status::Compromised);
    let word = late.unwrap_or_else(|| status.word().to_owned());
    Some(Announcement {
        summary: format!("{}: key is {word}", situation.name),
        detail: format!("{reason}.{}", use_of_the_retiring(situation)),
    })
}

/// Who still needs the old key is found by it.
fn use_of_the_retiring(situation: &Situation) -> String {
    let retiring = situation.slots.and_then(Slots::retiring);
    let told = retiring.zip(last_use_of_the_retiring(situation));
    told.map_or_else(String::new, |(key, used)| {
        format!(" Retiring key {} {used}.", key.label())
    })
}

/// `overdue by 122d`, for a key that is.
fn overdue_by(situation: &Situation, now: Instant) -> Option<String> {
    let policy = situation.policy;
    let due_at = situation.slots?.due_at(policy);
    (now >= due_at + policy.alert_after)
        .then(|| format!("overdue by {}", roughly(now.since(due_at))))
}

/// In the largest unit that fits.
fn roughly(length: Duration) -> Duration {
    let seconds = length.as_secs();
    let units = [86_400, 3_600, 60];
    let unit = units.into_iter().find(|unit| seconds >= *unit).unwrap_or(1);
    Duration::from_secs(seconds - seconds % unit)
}

fn sentences(situation: &Situation, legs: &[Leg]) -> String {
    let mut told = String::new();
    let mut sentences = Vec::new();
    for leg in legs {
        if !told.starts_with(&leg.reason) {
            told.clone_from(&leg.reason);
            let aside = leg.due_at.map_or_else(String::new, |_| rhythm(situation));
            sentences.push(format!("{}{aside}.", leg.reason));
        }
        sentences.push(sentence(leg, situation, legs));
    }
    let capital = |(index, text): (usize, String)| match index {
        0 => text,
        _ => capitalised(&text),
    };
    let all: Vec<String> = sentences.into_iter().enumerate().map(capital).collect();
    all.join(" ")
}

fn rhythm(situation: &Situation) -> String {
    let policy = situation.policy;
    format!(
        " (policy {}, every {})",
        policy.name, policy.rotation_interval
    )
}

/// With a capital letter first.
pub fn capitalised(text: &str) -> String {
    // The name of a store stays as it is written in a configuration.
    let first = text.split_whitespace().next().unwrap_or_default();
    if first.contains('_') {
        return text.to_owned();
    }
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

fn sentence(leg: &Leg, situation: &Situation, legs: &[Leg]) -> String {
    if let Some(told) = words::sentence(leg, situation) {
        return told;
    }
    let label = |key: Option<&Key>| key.map_or("(none)", Key::label).to_owned();
    let slots = leg.slots.as_ref();
    let primary = label(slots.map(|slots| &slots.primary));
    let staged = label(slots.and_then(Slots::staged));
    match leg.next {
        Move::Create => "This apply creates the first key.".into(),
        Move::Deliver => deliveries::sentence(situation, legs.iter().any(|leg| leg.next.mints())),
        Move::Revoke => revocation(situation, slots.and_then(Slots::retiring)),
        Move::RevokePending if situation.by_hand.is_some() => format!(
            "This apply strikes off pending_revocations what a person says is revoked of {}.",
            enumerated(situation.pending_revocations)
        ),
        Move::RevokePending => format!(
            "This apply revokes {}.",
            enumerated(situation.pending_revocations)
        ),
        Move::RevokePrimary => format!("This apply revokes primary key {primary}."),
        Move::Contain => revocation(situation, slots.and_then(Slots::secondary_key)),
        Move::Discard if situation.by_hand.is_some() => format!(
            "This apply takes staged key {staged}, which nothing uses yet, out of the deliveries; only a person can revoke it."
        ),
        Move::Discard => format!(
            "This apply revokes staged key {staged}, which nothing uses yet.{}",
            slots
                .and_then(Slots::staged)
                .map_or_else(String::new, |key| deliveries::may_still_hold(
                    situation,
                    key.key_id.is_some()
                ))
        ),
        Move::Stage => format!(
            "This apply {} and delivers it as secondary; {primary} stays primary{}.",
            takes_a_new_key(situation),
            match is_staged_first(legs) {
                true if situation.must_verify => " until the new key is verified",
                true => " until the new key is delivered",
                false => "",
            }
        ),
        Move::Verify => {
            format!("This apply verifies staged key {staged}; {primary} stays primary.")
        }
        Move::Deploy => {
            slots.map_or_else(String::new, |slots| deployments::sentence(situation, slots))
        }
        Move::Promote => {
            let promoted = match is_staged_first(legs) {
                true => "the new key".to_owned(),
                false => format!("staged key {staged}{}", proviso(situation, slots)),
            };
            let old = fate_of_the_primary(situation, &primary);
            format!("This apply promotes {promoted}{old}.")
        }
        Move::Replace => {
            let is_unseen = slots.is_some_and(|slots| slots.primary.fingerprint.is_none());
            let why = match is_unseen {
                true => {
                    format!(": {primary} was imported without its secret and cannot be delivered")
                }
                false => String::new(),
            };
            let old = fate_of_the_primary(situation, &primary);
            match situation.by_hand {
                None => {
                    format!("This apply mints a new key that becomes primary at once{old}{why}.")
                }
                Some(_) => {
                    format!("The new key that was handed in becomes primary at once{old}{why}.")
                }
            }
        }
    }
}

/// What an apply does for another key.
pub fn takes_a_new_key(situation: &Situation) -> &'static str {
    match situation.by_hand {
        None => "mints a new key",
        Some(_) => "takes the new key that was handed in",
    }
}

/// A new key is staged and promoted in one apply.
fn is_staged_first(legs: &[Leg]) -> bool {
    let position = |wanted| legs.iter().position(|leg| leg.next == wanted);
    let (stage, promote) = (position(Move::Stage), position(Move::Promote));
    stage.is_some_and(|first| promote.is_some_and(|next| first < next))
}

fn revocation(situation: &Situation, retiring: Option<&Key>) -> String {
    let Some(key) = retiring else {
        return String::new();
    };
    let label = key.label();
    let seen = situation.slots.and_then(Slots::retiring);
    if situation.facts.secondary == Seen::Gone && seen == Some(key) {
        return format!("This apply takes {label} out of the deliveries.");
    }
    let left = deliveries::may_still_hold(situation, key.key_id.is_some());
    let used = last_use_of_the_retiring(situation).filter(|_| seen == Some(key));
    let used = used.map_or_else(String::new, |used| format!(" It {used}."));
    format!("This apply revokes retiring key {label}.{used}{left}")
}

/// What a promotion depends on, of a key that is not proved yet.
fn proviso(situation: &Situation, slots: Option<&Slots>) -> &'static str {
    let staged = slots.and_then(Slots::staged);
    match staged.is_some_and(|key| key.verified_at.is_none()) && situation.must_verify {
        true => " once it passes its verification",
        false => "",
    }
}

/// What becomes of a key that is primary no more.
fn fate_of_the_primary(situation: &Situation, primary: &str) -> String {
    let grace = situation.policy.grace_period;
    match situation.facts.primary {
        Seen::Gone => format!(" and drops {primary}, which is gone"),
        _ if grace.is_zero() => format!("; {primary} retires"),
        _ => format!(" and keeps {primary} until {grace} after it"),
    }
}

/// `one`, `one and two`, `one, two and three`.
pub fn enumerated<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        None => "nothing".into(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// What is said of a key that an apply left behind, and what happens to it.
pub fn orphan(id: &str) -> String {
    format!(
        "Key {id} was created by an apply that did not finish, and no state holds it; this apply revokes it."
    )
}

#[cfg(test)]
#[path = "announce_tests.rs"]
mod tests;
