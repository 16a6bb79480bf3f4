//! What is said of an emergency: which key, why, what stops working and when, how many keys.

use crate::domain::announce::{self, Announcement, enumerated};
use crate::domain::course::Leg;
use crate::domain::deliveries;
use crate::domain::deployments;
use crate::domain::emergency::{Emergency, Order};
use crate::domain::moves::Move;
use crate::domain::situation::{Repair, Seen, Situation};
use crate::domain::slots::{Key, Role, Slots};

/// What was found, as a clause.
pub fn found(emergency: &Emergency) -> String {
    let Emergency { labels, .. } = emergency;
    let is = match labels.len() {
        1 => format!("key {} is", labels[0]),
        _ => format!("keys {} are", enumerated(labels)),
    };
    format!(
        "EMERGENCY {} ({}): {is} compromised",
        enumerated(&emergency.ids),
        emergency.reasons.join("; ")
    )
}

/// The warning of a plan that takes these legs.
pub fn announcement(
    situation: &Situation,
    emergency: &Emergency,
    legs: &[Leg],
    sentences: &str,
) -> Announcement {
    let name = situation.name;
    let count = |wanted: &dyn Fn(&Leg) -> bool| legs.iter().filter(|leg| wanted(leg)).count();
    let revoked = count(&|leg| {
        matches!(
            leg.next,
            Move::Contain | Move::RevokePrimary | Move::Revoke | Move::Discard
        )
    });
    let pending = count(&|leg| leg.next == Move::RevokePending);
    let revoked = match situation.by_hand {
        None => revoked + pending * situation.pending_revocations.len(),
        // A person does, and the reason says where.
        Some(_) => 0,
    };
    let minted = count(&|leg| leg.next.mints());
    let promoted = count(&|leg| leg.next == Move::Promote);
    let is = match emergency.labels.len() {
        1 => "is",
        _ => "are",
    };
    Announcement {
        summary: format!(
            "{name}: EMERGENCY {}: {} {is} {} at once",
            enumerated(&emergency.ids),
            enumerated(&emergency.labels),
            match revoked {
                0 if minted == 0 && promoted == 0 => "taken out of the deliveries",
                0 => "replaced",
                _ => "revoked",
            }
        ),
        detail: format!(
            "{name}: {sentences} In all {}, {}.{}{}{}",
            keys(revoked, "revoked"),
            keys(minted, "minted"),
            if_no_key_can_be_revoked_first(situation, emergency),
            unless_the_list_is_wrong(situation, emergency, legs),
            unless_it_begins_to_fail(situation, emergency, legs)
        ),
    }
}

/// Whether the primary can be revoked before another takes its place: a key without an id ends by that alone, and one that a
/// person made by that person.
fn can_be_revoked_first(situation: &Situation) -> bool {
    let primary = situation.slots.map(|slots| &slots.primary);
    situation.by_hand.is_none() && primary.is_some_and(|key| key.key_id.is_some())
}

/// Whoever asked for the other order must know why the plan does not follow it.
fn if_no_key_can_be_revoked_first(situation: &Situation, emergency: &Emergency) -> &'static str {
    let is_primary = situation
        .slots
        .is_some_and(|slots| emergency.has(&slots.primary));
    match emergency.order {
        Order::RevokeFirst if is_primary && !can_be_revoked_first(situation) => {
            match situation.by_hand {
                None => {
                    " A key without an id ends when another takes its place in the documents, so order = \"revoke_first\" \
                     changes nothing here."
                }
                Some(_) => {
                    " Only a person can revoke this key, so order = \"revoke_first\" changes nothing here."
                }
            }
        }
        _ => "",
    }
}

/// A key that seems to be gone is revoked all the same.
fn unless_the_list_is_wrong(situation: &Situation, emergency: &Emergency, legs: &[Leg]) -> String {
    let primary = situation.slots.map(|slots| &slots.primary);
    let is_unseen = situation.facts.primary == Seen::Gone
        && situation.by_hand.is_none()
        && legs
            .iter()
            .any(|leg| matches!(leg.next, Move::Replace | Move::Promote));
    let unseen = primary.filter(|key| is_unseen && key.key_id.is_some() && emergency.has(key));
    unseen.map_or(String::new(), |key| {
        format!(
            " {} counts as gone; an issuer that lists its keys is asked to revoke it all the same.",
            key.label()
        )
    })
}

fn keys(count: usize, what: &str) -> String {
    match count {
        0 => format!("no key is {what}"),
        1 => format!("1 key is {what}"),
        _ => format!("{count} keys are {what}"),
    }
}

/// What an apply does about a failure that no plan can know.
fn unless_it_begins_to_fail(situation: &Situation, emergency: &Emergency, legs: &[Leg]) -> String {
    let swap = legs
        .iter()
        .position(|leg| matches!(leg.next, Move::Replace | Move::Promote));
    let waits = swap.is_some_and(|swap| legs[swap..].iter().any(|leg| leg.next == Move::Contain));
    if emergency.order != Order::ReplaceFirst || !waits {
        return String::new();
    }
    let primary = situation.slots.map_or("", |slots| slots.primary.label());
    let what = match situation.repairs.iter().any(Repair::is_for_a_person) {
        true => format!(
            "Where a person has to approve the delivery of the new key, it is staged until then, {primary} is NOT revoked \
             before, and the apply fails."
        ),
        false => format!(
            "If the new key fails, or a required delivery that is in order now cannot be written, {primary} is not revoked \
             and the apply fails; the next plan says what it then does."
        ),
    };
    let way = match can_be_revoked_first(situation) {
        true => " To revoke it whatever happens, set order = \"revoke_first\".",
        false => "",
    };
    format!(" {what}{way}")
}

/// What a move does in an emergency; `None` if it does what it always does.
pub fn sentence(leg: &Leg, situation: &Situation) -> Option<String> {
    let emergency = situation.emergency?;
    let slots = leg.slots.as_ref()?;
    let primary = slots.primary.label();
    Some(match leg.next {
        Move::RevokePending if emergency.has_pending(situation.pending_revocations) => {
            tried_again(situation, emergency)
        }
        Move::RevokePrimary if emergency.order == Order::ReplaceFirst => format!(
            "To make room for a new key, this apply revokes primary key {primary}, {}.",
            match situation.facts.primary {
                Seen::Inactive => "which was switched off at the issuer",
                _ => "whose secret no delivery holds any more",
            }
        ),
        Move::RevokePrimary => {
            let beside = match slots.secondary_key().filter(|key| !emergency.has(key)) {
                Some(key) => format!("has only {} as secondary", key.label()),
                None => "has no working key".into(),
            };
            format!(
                "Before anything else this apply revokes primary key {primary}: from then on it is refused, and whoever \
                 reads it {beside} until its successor is delivered."
            )
        }
        Move::Deploy if emergency.order == Order::ReplaceFirst => format!(
            "{} Whether or not it comes about, the compromised key is revoked then.",
            deployments::sentence(situation, slots)
        ),
        Move::Contain => contained(situation, emergency, slots)?,
        Move::Replace if emergency.has_any(slots) => {
            let proved = match situation.must_verify {
                true => ", proves it, and delivers it as primary",
                false => " and delivers it as primary",
            };
            let takes = announce::takes_a_new_key(situation);
            format!("This apply {takes}{proved} in place of {primary}.")
        }
        Move::Promote if emergency.has(&slots.primary) => {
            let staged = slots.staged().map_or("(none)", Key::label);
            let proved = match situation.must_verify {
                true => " once it has passed its verification again",
                false => "",
            };
            format!(
                "This apply promotes staged key {staged} in place of {primary}{proved}: it is delivered already, and waits \
                 for nothing. It stands in the same documents: if {primary} was read there, set scope = \"all\"."
            )
        }
        _ => return None,
    })
}

fn tried_again(situation: &Situation, emergency: &Emergency) -> String {
    let pending = situation.pending_revocations;
    let left = deliveries::may_still_hold(situation, true);
    let bad = pending.iter().filter(|id| emergency.has_id(id));
    format!(
        "This apply tries again to revoke {}, or finds that it is gone: {} may still work.{left}",
        enumerated(pending),
        enumerated(&bad.collect::<Vec<_>>()),
    )
}

fn contained(situation: &Situation, emergency: &Emergency, slots: &Slots) -> Option<String> {
    let secondary = slots.secondary.as_ref()?;
    let (key, label) = (&secondary.key, secondary.key.label());
    let role = match secondary.role {
        Role::Staged => "staged",
        Role::Retiring => "retiring",
    };
    if situation.by_hand.is_some() {
        return Some(format!(
            "It takes key {label} out of the deliveries; only a person can revoke it."
        ));
    }
    let left = deliveries::may_still_hold(situation, key.key_id.is_some());
    let is_former = situation
        .slots
        .is_some_and(|now| now.primary.label() == label);
    Some(match (emergency.has(key), secondary.role) {
        (true, _) if is_former => format!(
            "Then it revokes {label} without any grace: from then on it is refused, and whoever still uses it stops \
             working.{left}"
        ),
        (true, Role::Retiring) => format!(
            "This apply revokes {role} key {label} without the rest of its grace: from then on it is refused, and whoever \
             still uses it stops working.{left}"
        ),
        (true, Role::Staged) => {
            format!("This apply revokes {role} key {label}, which nothing uses yet.{left}")
        }
        (false, Role::Staged) => format!(
            "To make room for a new key, this apply revokes staged key {label}, which nothing uses yet and which cannot \
             lead at once.{left}"
        ),
        (false, Role::Retiring) => {
            let ends = slots
                .revoke_after(situation.policy)
                .filter(|at| *at > situation.now && situation.facts.secondary != Seen::Gone)
                .map_or_else(String::new, |at| {
                    format!(", whose grace would have lasted until {at}")
                });
            format!(
                "To make room for a new key, this apply revokes retiring key {label}{ends}: whoever still uses it stops \
                 working.{left}"
            )
        }
    })
}
