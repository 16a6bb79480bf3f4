//! Deliveries that a person has to approve.
//!
//! A write to such a place is a change that was asked for, no more. What becomes of it is told by the document that stands
//! there, and by what the vendor shows of its changes ([`Change`]). Where nobody may look, a change is taken to be open.
//!
//! | state | evidence | what follows |
//! |---|---|---|
//! | asked | the change is open, or nobody can look, and its document does not stand there | the record is `awaiting_approval`, even if the place is as the slots say; the same change is not asked for again |
//! | approved | its document stands there | the place is as any other |
//! | rejected | the change was closed and never made | the record is `rejected`, which every plan says; nothing is asked for again before a person wants it (a change of `rotation_trigger`, or `-replace` before a first key is delivered) |
//! | outdated | another change was asked for since | every refresh warns as long as it is open, for it would deliver a dead key; if it is approved late, that is told, and the place counts as altered |
//!
//! As long as it is asked or rejected:
//! * **stage, promote**: a key in no document is neither lost nor copied, and nothing is promoted before it is read.
//! * **revoke**: a retiring key that a document is to lose stays until that is approved, or `max_grace_period` is over.
//! * **emergency**: a staged key that the change puts first ([`Situation::successor`]) is waited for and is not
//!   compromised, for nobody could read it yet. Any other staged key gives way. The compromised key is revoked as soon as its
//!   successor leads in the place, whether or not it still stands beside it; at once with `revoke_first`. No document is
//!   written, or asked for, in which a compromised key leads.
//! * **destroy**: the keys are revoked; whoever destroys is told to reject the change.

use std::fmt;

use crate::domain::deliveries::complaints;
use crate::domain::finding::{Finding, Status};
use crate::domain::situation::{Repair, Situation, Why};
use crate::domain::slots::{Key, Slots};
use crate::domain::ways;
use crate::secret::Fingerprint;

/// What a change makes of a place, by the marks of its keys; without one the place is emptied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The key that leads then.
    pub leads: Option<Fingerprint>,
    /// The key beside it.
    pub second: Option<Fingerprint>,
}

/// A change as its vendor shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What people find it by.
    pub name: String,
    /// What it makes of the place.
    pub asked: Asked,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A person has still to decide.
    Open,
    /// It was closed and never made.
    Rejected,
    /// It was made.
    Made,
}

impl Change {
    /// A person has still to decide.
    pub fn is_open(&self) -> bool {
        self.outcome == Outcome::Open
    }
}

impl Asked {
    /// As the state has it.
    pub fn recorded(marks: &str) -> Self {
        let mut marks = marks.split_whitespace().map(Fingerprint::recorded);
        Self {
            leads: marks.next(),
            second: marks.next(),
        }
    }

    /// It puts this key first.
    pub fn leads_with(&self, key: &Key) -> bool {
        key.fingerprint.is_some() && self.leads == key.fingerprint
    }

    /// It leaves this key alone in the place.
    pub fn leaves_alone(&self, key: &Key) -> bool {
        self.leads_with(key) && self.second.is_none()
    }
}

/// As the state has it: the marks with a space between them.
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let marks = [&self.leads, &self.second].into_iter().flatten();
        let marks: Vec<&str> = marks.map(Fingerprint::as_str).collect();
        f.write_str(&marks.join(" "))
    }
}

/// The change by which something was asked for; `changes` come newest first. One that is open counts before any that ended.
pub fn told_of<'c>(asked: &Asked, changes: &'c [Change]) -> Option<&'c Change> {
    let same = changes.iter().filter(|change| change.asked == *asked);
    let open = same.clone().find(|change| change.is_open());
    open.or_else(|| same.clone().next())
}

/// Changes that are open although something else was asked for since.
pub fn outdated<'c>(
    asked: Option<&'c Asked>,
    changes: &'c [Change],
) -> impl Iterator<Item = &'c Change> {
    let open = changes.iter().filter(|change| change.is_open());
    open.filter(move |change| Some(&change.asked) != asked)
}

impl Situation<'_> {
    /// The staged key is in no document yet, and a person may still approve one that has it.
    pub fn staged_awaits_approval(&self) -> bool {
        let staged = self.slots.and_then(Slots::staged);
        let is_undelivered = staged.is_some_and(|key| key.delivered_at.is_none());
        is_undelivered && self.repairs.iter().any(Repair::is_for_a_person)
    }

    /// Nothing is done about the staged key before that. Whoever asks for another one has given it up.
    pub fn waits_for_approval(&self) -> bool {
        self.staged_awaits_approval() && !self.rotation_requested
    }

    /// The staged key that leads as soon as a person approves it.
    pub fn successor(&self) -> Option<&Key> {
        let staged = self.slots.and_then(Slots::staged)?;
        let waits = self
            .repairs
            .iter()
            .filter(|repair| repair.is_for_a_person());
        let mut asked = waits.filter_map(|repair| repair.asked.as_ref());
        asked
            .any(|asked| asked.leads_with(staged))
            .then_some(staged)
    }

    /// A person said no to something that was to be delivered.
    pub fn is_rejected(&self) -> bool {
        let mut repairs = self.repairs.iter();
        repairs.any(|repair| repair.why == Why::Rejected)
    }
}

/// What awaits a decision, or was rejected, is nothing that an apply could do something about; `None` if nothing does.
pub(super) fn awaits_a_person(situation: &Situation, slots: &Slots) -> Option<Finding> {
    let for_a_person = situation.repairs.iter().any(Repair::is_for_a_person);
    let way = for_a_person.then(|| again(situation, slots));
    let (severity, way) = match (situation.is_rejected(), way) {
        (true, Some(way)) => (Status::Blocked, format!("; {way}")),
        (false, Some(way)) => (Status::Pending, format!("; if it is rejected, {way}")),
        (_, None) => (Status::Pending, String::new()),
    };
    (!situation.repairs.is_empty()).then(|| Finding::new(severity, complaints(situation) + &way))
}

/// The one step by which a person asks again.
fn again(situation: &Situation, slots: &Slots) -> String {
    if situation.staged_awaits_approval() {
        return format!("{} to have another key", ways::ASK);
    }
    match slots.primary.delivered_at {
        None => "replace this resource (-replace)".to_owned(),
        Some(_) => format!("{} to ask again", ways::ASK),
    }
}

/// A required place that still holds the retiring key, and what became of the change that takes it out.
pub(super) fn keeps_the_retiring_key(situation: &Situation, slots: &Slots) -> Option<String> {
    slots.retiring()?;
    let mut repairs = situation.repairs.iter().filter(|repair| repair.required);
    let leaves = |repair: &&Repair| {
        let asked = repair.asked.as_ref();
        asked.is_some_and(|asked| asked.leaves_alone(&slots.primary))
    };
    let repair = repairs.find(|repair| repair.is_for_a_person() && leaves(repair))?;
    let name = &repair.name;
    match (repair.why, situation.rotation_requested) {
        (Why::Rejected, true) => None,
        (Why::Rejected, false) => Some(format!(
            "the change that takes it out of delivery {name:?} was rejected; {} to ask again",
            ways::ASK
        )),
        _ => Some(format!(
            "the change that takes it out of delivery {name:?} awaits approval"
        )),
    }
}

#[cfg(test)]
#[path = "approval_tests.rs"]
mod tests;
