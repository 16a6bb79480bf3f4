//! What deliveries that are not in order hold up, for how long, and what they never hold up.
//!
//! A required delivery that cannot be read or written keeps the staged key from being promoted. It does not keep a
//! retired key alive for good, and it does not stand in the way of a rotation that somebody asked for while it was
//! failing already. One that is not required holds up nothing.

use crate::domain::announce::{capitalised, enumerated};
use crate::domain::approval;
use crate::domain::deployments;
use crate::domain::situation::{Copy, Repair, Situation, Why};
use crate::domain::slots::Slots;
use crate::domain::ways;
use crate::duration::Duration;
use crate::instant::Instant;

impl Situation<'_> {
    /// The secret of the primary can be copied to a document.
    pub fn can_copy(&self) -> bool {
        self.facts.primary_copy == Copy::Available && !self.primary_is_undeliverable()
    }

    /// A new key can be written beside the primary: nothing is minted that could be delivered nowhere.
    pub fn can_stage(&self) -> bool {
        self.can_copy() && self.has_a_place()
    }

    /// Both keys can be written with the staged one first.
    pub fn can_swap(&self) -> bool {
        let unseen = Copy::Unseen;
        let facts = self.facts;
        facts.primary_copy != unseen && facts.secondary_copy != unseen && self.has_a_place()
    }

    /// Some place is in order, or nothing is known that would keep it from being written.
    fn has_a_place(&self) -> bool {
        let mut repairs = self.repairs.iter();
        self.any_in_order || repairs.any(Repair::is_place)
    }

    /// The deliveries that a promotion waits for. It waits for none while the primary does not work: nobody would be
    /// served by that.
    pub fn promotion_waits_for(&self) -> Vec<&Repair> {
        if !self.primary_is_usable() {
            return Vec::new();
        }
        let failing = self.repairs.iter().filter(|repair| repair.is_failing());
        failing
            .filter(|repair| repair.required && !self.is_excused(repair))
            .collect()
    }

    /// It was failing before somebody asked for a rotation.
    fn is_excused(&self, repair: &Repair) -> bool {
        let asked = self.slots.and_then(|slots| slots.requested_at);
        let before = repair.failing_since.zip(asked);
        self.rotation_requested || before.is_some_and(|(since, asked)| since <= asked)
    }

    /// Why the retiring key is not revoked although its grace is over; `None` if nothing keeps it.
    ///
    /// Its successor must be in a delivery that is in order, and a required one must not have lost it. At
    /// `max_grace_period` it is enough that the successor was written somewhere and nobody saw it gone.
    pub fn revocation_waits_for(&self, slots: &Slots) -> Option<String> {
        let lagging = self.lagging(slots);
        let served = self.any_in_order || (self.can_copy() && self.has_a_place());
        let kept = approval::keeps_the_retiring_key(self, slots);
        if served && lagging.is_empty() && kept.is_none() {
            return None;
        }
        let hold = slots.hold_ends_at(self.policy);
        if hold.is_some_and(|at| self.now >= at) && self.successor_is_known() {
            return None;
        }
        if kept.is_some() {
            return kept;
        }
        Some(match served {
            true => format!(
                "{} lost its successor and cannot be written",
                names(&lagging)
            ),
            false => "no delivery can be seen to hold its successor".into(),
        })
    }

    /// Required deliveries that held the successor when it was promoted, lost it since, and cannot be written.
    fn lagging(&self, slots: &Slots) -> Vec<&Repair> {
        let retired_at = slots.retiring().and_then(|key| key.retired_at);
        let repairs = self.repairs.iter();
        repairs
            .filter(|repair| repair.required && repair.is_failing())
            .filter(|repair| !repair.holds_primary && repair.failing_since > retired_at)
            .collect()
    }

    fn successor_is_known(&self) -> bool {
        let mut repairs = self.repairs.iter();
        let written = repairs.any(|repair| repair.is_failing() && repair.holds_primary);
        self.any_in_order || written || self.facts.primary_copy == Copy::Available
    }

    /// A place is left by its delivery, or was left and still holds keys.
    pub fn leaves_places(&self) -> bool {
        let mut repairs = self.repairs.iter();
        let leaves = |repair: &Repair| matches!(repair.why, Why::Moved | Why::Removed);
        !self.pending_removals.is_empty() || repairs.any(leaves)
    }
}

/// What keeps a rotation from going on that is near or due; `None` if no delivery does.
pub fn held_up(situation: &Situation, slots: &Slots) -> Option<String> {
    let policy = situation.policy;
    let is_reached = |at: Instant| situation.rotation_requested || situation.now >= at;
    if policy.paused || situation.repairs.is_empty() {
        return None;
    }
    let nowhere = |act: &str| format!("{act}: no delivery can be read and written");
    if let Some(staged) = slots.staged() {
        if !is_reached(slots.due_from(policy)) {
            return None;
        }
        let act = format!("staged key {} is not promoted", staged.label());
        let awaited = situation.promotion_waits_for();
        return match awaited.is_empty() {
            false => Some(format!(
                "{act} before {} is in order, which is required: {}, or set required = false in it",
                names(&awaited),
                way_on(&awaited)
            )),
            true => (!situation.can_swap()).then(|| nowhere(&act)),
        };
    }
    let is_free = slots.secondary.is_none() && !situation.primary_is_undeliverable();
    let waits = is_free && is_reached(slots.stage_from(policy)) && !situation.can_stage();
    waits.then(|| nowhere("no new key is staged"))
}

/// What brings deliveries in order that a promotion waits for.
fn way_on(awaited: &[&Repair]) -> String {
    let all = |why: Why| awaited.iter().all(|repair| repair.why == why);
    match (all(Why::Awaited), all(Why::Rejected)) {
        (true, _) => "approve it".to_owned(),
        (_, true) => format!("{} to ask again", ways::ASK),
        _ => "mend it".to_owned(),
    }
}

/// What is wrong with the deliveries, and what is left of former ones.
pub fn complaints(situation: &Situation) -> String {
    let repairs = situation.repairs.iter().map(complaint);
    let removals = situation.pending_removals.iter();
    let all: Vec<String> = repairs
        .chain(removals.map(|place| format!("{place} is no longer wanted and may still hold keys")))
        .collect();
    all.join("; ")
}

fn complaint(repair: &Repair) -> String {
    let what = match repair.why {
        Why::Added => "was added",
        Why::Moved => "has new settings",
        Why::Removed => "was removed",
        Why::Missing => "is gone from its store",
        Why::Altered => "was changed by something else",
        Why::Failed if repair.is_failing() => "could not be written",
        Why::Failed => "is not filled yet",
        Why::Lingers => "holds the keys, and what it held before can still be read",
        Why::Unreadable => "cannot be read",
        Why::Awaited => "awaits approval",
        Why::Rejected => "was not approved",
    };
    let optional = if repair.required {
        ""
    } else {
        " (not required)"
    };
    let reason = repair.reason.iter().map(|reason| format!(": {reason}"));
    format!(
        "delivery {:?}{optional} {what}{}",
        repair.name,
        reason.collect::<String>()
    )
}

/// What an apply does about deliveries, for a plan. `mints`: it also mints a key.
pub fn sentence(situation: &Situation, mints: bool) -> String {
    let list = |wanted: fn(&Repair) -> bool| {
        let repairs = situation.repairs.iter().filter(|repair| wanted(repair));
        let names: Vec<&str> = repairs.map(|repair| repair.name.as_str()).collect();
        (!names.is_empty()).then(|| enumerated(&names))
    };
    let minted = if mints { "" } else { "; no key is minted" };
    let written = list(|repair| repair.is_copy() && !repair.is_failing());
    let lingering = list(|repair| repair.why == Why::Lingers);
    let again = list(|repair| repair.is_write() && repair.is_failing());
    let removed = list(|repair| repair.why == Why::Removed && !repair.stays);
    let retained = list(|repair| repair.why == Why::Removed && repair.stays);
    let left = situation.pending_removals;
    let sentences = [
        written.map(|names| format!("This apply copies the keys that exist to {names}{minted}.")),
        again.map(|names| format!("This apply tries {names} again{minted}.")),
        lingering
            .map(|names| format!("This apply tries again to take away what {names} held before.")),
        removed.map(|names| format!("This apply takes the keys out of {names}.")),
        retained.map(|names| match situation.emergency.filter(|open| open.has_local_keys()) {
            None => format!(
                "What {names} held stays there, as its on_destroy says, and nobody looks after it from then on."
            ),
            // Whoever reads it there goes on accepting it.
            Some(_) => format!(
                "What {names} held stays there, as its on_destroy says: the emergency is not over before the compromised key is \
                 taken out of it by hand."
            ),
        }),
        (!left.is_empty()).then(|| {
            format!(
                "This apply tries again to take the keys out of {}.",
                enumerated(left)
            )
        }),
    ];
    sentences
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

/// What is said of a revocation that no longer waits at the end of `max_grace_period`; empty where nothing is risked.
pub fn risk_of_revocation(situation: &Situation, slots: &Slots) -> String {
    let hold = slots.hold_ends_at(situation.policy);
    let Some(hold) = hold.filter(|at| situation.now >= *at) else {
        return String::new();
    };
    let held = Situation {
        now: hold - Duration::from_secs(1),
        ..situation.clone()
    };
    let waits = held.revocation_waits_for(slots);
    match waits.or_else(|| deployments::keeps_the_retiring_key(&held, slots)) {
        Some(why) => {
            format!(", and max_grace_period is over, so that it is revoked although {why}")
        }
        None => String::new(),
    }
}

/// Where a key that is revoked may stand all the same, and what that means there; empty if every place can be reached.
/// `is_recorded`: its issuer keeps a record of it.
pub fn may_still_hold(situation: &Situation, is_recorded: bool) -> String {
    let failing: Vec<&Repair> = situation
        .repairs
        .iter()
        .filter(|r| r.is_failing() || r.why == Why::Lingers)
        .collect();
    let mut places: Vec<String> = failing.iter().map(|repair| name(repair)).collect();
    places.extend_from_slice(situation.pending_removals);
    if places.is_empty() {
        return String::new();
    }
    let meaning = match is_recorded {
        true => "there it is of no use any more",
        false if situation.emergency.is_some() => {
            "whoever reads it there goes on accepting it, since its issuer keeps no record of keys: the emergency is not over, \
             and every apply fails, until it is empty"
        }
        false => {
            "whoever reads it there goes on accepting it, since its issuer keeps no record of keys. The ledger calls it \
             revoked all the same: it was taken out of every place that could be reached"
        }
    };
    let places = capitalised(&enumerated(&places));
    format!(" {places} may still hold it, unless this apply can write there; {meaning}.")
}

fn names(repairs: &[&Repair]) -> String {
    let names: Vec<String> = repairs.iter().map(|repair| name(repair)).collect();
    enumerated(&names)
}

fn name(repair: &Repair) -> String {
    format!("delivery {:?}", repair.name)
}
