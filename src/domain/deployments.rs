//! Deployments: what makes consumers read what was delivered, and what waits for that.
//!
//! A deployment is owed while its consumers may not have read the key that was delivered last: the staged key, or the
//! primary after a promotion. Every apply asks for what is owed. A required one holds up the promotion of a key that it has
//! not shown, and the revocation of the key before, as a required delivery does: no longer than `max_grace_period`, and not
//! what somebody asked for while it was failing already.

use serde::{Deserialize, Serialize};

use crate::domain::announce::enumerated;
use crate::domain::finding::{Finding, Status};
use crate::domain::foresight::NEW;
use crate::domain::moves::Move;
use crate::domain::situation::Situation;
use crate::domain::slots::Slots;
use crate::instant::Instant;

/// What the documents show to whoever reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// What people call the key that leads.
    primary: String,
    /// The same of the staged key beside it, and since when it is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    staged: Option<(String, Instant)>,
}

/// What is remembered of a deployment from apply to apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// What its consumers have read for certain; `None` before the first key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<Shown>,
    /// What was asked for and is not confirmed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Since when it is asked for in vain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Instant>,
    /// Why, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A request that was made, so that a later apply can look what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// What it is to show.
    pub shown: Shown,
    /// When it was made.
    pub at: Instant,
    /// The id that the other side gave it, where it gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// One deployment of a managed key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Its name in the configuration.
    pub name: String,
    /// A promotion and a revocation wait for it.
    pub required: bool,
    /// What is known of it.
    pub record: Record,
    /// What the same apply has tried in vain to show by then.
    pub tried: Option<Shown>,
}

impl Shown {
    /// What the documents of these keys show.
    pub fn by(slots: &Slots) -> Self {
        let staged = slots.staged();
        Self {
            primary: slots.primary.label().to_owned(),
            staged: staged.and_then(|key| Some((key.label().to_owned(), key.delivered_at?))),
        }
    }

    /// Whoever has read this knows nothing of what matters in the other. A staged key that is gone matters to nobody.
    fn lacks(&self, other: &Self) -> bool {
        self.primary != other.primary || (other.staged.is_some() && self.staged != other.staged)
    }
}

impl Record {
    /// The record of a deployment over these keys, where there was none: whoever reads a key that is at rest has read it.
    /// What is added in the middle of a rotation shows it from the start.
    pub fn over(self, slots: Option<&Slots>) -> Self {
        let first = |slots: &Slots| match slots.secondary {
            None => Shown::by(slots),
            Some(_) => Shown::default(),
        };
        Self {
            shown: self.shown.or_else(|| slots.map(first)),
            ..self
        }
    }

    /// The record of a deployment that was there, and of which nothing is remembered.
    pub fn unknown() -> Self {
        Self {
            shown: Some(Shown::default()),
            ..Self::default()
        }
    }

    /// Its consumers may not have read what was delivered last.
    pub fn owes(&self, slots: &Slots) -> bool {
        let shown = self.shown.as_ref();
        shown.is_some_and(|shown| shown.lacks(&Shown::by(slots)))
    }

    /// Its consumers have read it.
    pub fn confirm(&mut self, shown: Shown) {
        *self = Self {
            shown: Some(shown),
            ..Self::default()
        };
    }

    /// It was failing before somebody asked for a rotation.
    pub fn failed_before(&self, asked: Option<Instant>) -> bool {
        let both = self.failing_since.zip(asked);
        both.is_some_and(|(since, asked)| since <= asked)
    }
}

impl Deployment {
    /// It is owed, and the same apply has not tried it.
    fn is_next(&self, slots: &Slots) -> bool {
        self.record.owes(slots) && self.tried.as_ref() != Some(&Shown::by(slots))
    }

    /// What an apply makes of it, as far as a plan can know: what failed before may fail again.
    pub fn foresee(&mut self, slots: &Slots) {
        match self.record.failing_since {
            _ if !self.record.owes(slots) => {}
            None => self.record.confirm(Shown::by(slots)),
            Some(_) => self.tried = Some(Shown::by(slots)),
        }
    }
}

impl Situation<'_> {
    fn owed(&self, slots: &Slots) -> impl Iterator<Item = &Deployment> {
        let all = self.deployments.iter();
        all.filter(|deployment| deployment.record.owes(slots))
    }

    /// The deployments that a promotion waits for. It waits for none while the primary does not work.
    fn deployments_before_promotion(&self, slots: &Slots) -> Vec<&Deployment> {
        if slots.staged().is_none() || !self.primary_is_usable() {
            return Vec::new();
        }
        let asked = slots.requested_at;
        let is_excused = |record: &Record| {
            record.failed_before(asked)
                || (self.rotation_requested && record.failing_since.is_some())
        };
        self.owed(slots)
            .filter(|deployment| deployment.required && !is_excused(&deployment.record))
            .collect()
    }
}

/// Whether a promotion waits for a deployment.
pub(super) fn holds_the_promotion(situation: &Situation, slots: &Slots) -> bool {
    !situation.deployments_before_promotion(slots).is_empty()
}

/// Why the retiring key is kept although its grace is over; `None` if no deployment keeps it.
pub(super) fn keeps_the_retiring_key(situation: &Situation, slots: &Slots) -> Option<String> {
    let hold = slots.hold_ends_at(situation.policy);
    if hold.is_some_and(|at| situation.now >= at) {
        return None;
    }
    let required: Vec<String> = situation
        .owed(slots)
        .filter(|deployment| deployment.required)
        .map(name)
        .collect();
    let successor = slots.primary.label();
    (!required.is_empty()).then(|| {
        let names = enumerated(&required);
        format!("{names} is not known to have shown its successor {successor} to those who read it")
    })
}

/// Whether a deployment is to be asked for now. While a required delivery is failing, those who read it would only have
/// to be shown the staged key once more.
pub(super) fn is_next(situation: &Situation, slots: &Slots) -> bool {
    let waits = slots.staged().is_some() && !situation.promotion_waits_for().is_empty();
    !waits && situation.deployments.iter().any(|it| it.is_next(slots))
}

/// Consumers may not have read what was delivered last.
pub(super) fn a_deployment_is_owed(situation: &Situation, slots: &Slots) -> Option<Finding> {
    let complaints: Vec<String> = situation
        .owed(slots)
        .map(|deployment| complaint(deployment, slots))
        .collect();
    let next = is_next(situation, slots).then_some(Move::Deploy);
    (!complaints.is_empty())
        .then(|| Finding::new(Status::Pending, complaints.join("; ")).then(next))
}

/// A rotation that is due goes on once its consumers know the staged key.
pub(super) fn a_deployment_holds_up_the_rotation(
    situation: &Situation,
    slots: &Slots,
) -> Option<Finding> {
    let policy = situation.policy;
    let is_due = situation.rotation_requested || situation.now >= slots.due_from(policy);
    let awaited = situation.deployments_before_promotion(slots);
    if awaited.is_empty() || !is_due || policy.paused {
        return None;
    }
    let names: Vec<String> = awaited.into_iter().map(name).collect();
    let reason = format!(
        "staged key {} is not promoted before {} is done, which is required: mend it, or set required = false in it",
        slots.staged()?.label(),
        enumerated(&names)
    );
    Some(Finding::new(Status::Blocked, reason))
}

/// What an apply does about deployments, for a plan.
pub(super) fn sentence(situation: &Situation, slots: &Slots) -> String {
    let names: Vec<String> = situation.owed(slots).map(name).collect();
    let mut owed = situation.owed(slots);
    let again = match owed.all(|it| it.record.failing_since.is_some()) {
        true => " again",
        false => "",
    };
    let names = enumerated(&names);
    format!("This apply asks for {names}{again}, and waits until that is done.")
}

fn complaint(deployment: &Deployment, slots: &Slots) -> String {
    let Record {
        failing_since,
        reason,
        ..
    } = &deployment.record;
    let (name, key) = (name(deployment), newest(slots));
    let optional = match deployment.required {
        true => "",
        false => " (not required)",
    };
    let reason = reason.iter().map(|reason| format!(": {reason}"));
    let reason: String = reason.collect();
    match failing_since.filter(|_| newest_is_made(slots)) {
        None => format!("{name}{optional} is still to show {key} to those who read it"),
        Some(since) => {
            format!("{name}{optional} of {key} has not been confirmed since {since}{reason}")
        }
    }
}

/// What failed was about another key, as long as this one is only planned.
fn newest_is_made(slots: &Slots) -> bool {
    slots.staged().unwrap_or(&slots.primary).label() != NEW
}

fn name(deployment: &Deployment) -> String {
    format!("deployment {:?}", deployment.name)
}

/// The key that consumers are to read.
fn newest(slots: &Slots) -> String {
    let key = slots.staged().unwrap_or(&slots.primary).label();
    match slots.staged() {
        _ if !newest_is_made(slots) => key.to_owned(),
        Some(_) => format!("staged key {key}"),
        None => format!("primary key {key} (generation {})", slots.generation),
    }
}

#[cfg(test)]
#[path = "deployments_tests.rs"]
mod tests;
