//! How every managed key is doing, projected once from rows of the ledger and an instant for whoever tells of it: the
//! command line, metrics, reports. Pure, and in a fixed order, so that the same ledger at the same instant says the same.

pub mod datadog;
pub mod incident;
mod markdown;
pub mod metrics;
pub mod openmetrics;
pub mod otlp;
pub mod period;
pub mod postmortem;
pub mod prometheus;
pub mod report;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::domain::anomalies;
use crate::domain::keys::{KeyRecord, ResourceRef, Slot};
use crate::instant::Instant;

pub use crate::domain::finding::Status;

/// What the ledger says at one instant of the resources that are asked for.
#[derive(Clone, Debug)]
pub struct Health {
    /// The instant.
    pub now: Instant,
    /// Every resource that has a primary key, gravest first.
    pub keys: Vec<ManagedKey>,
    /// Live keys that belong to no resource; [`MOST_COUNTED`](crate::ledger::inventory::MOST_COUNTED) stands for as many
    /// or more.
    pub orphaned: i64,
    /// Open alerts of scanners about keys that are revoked.
    pub leaks_of_dead_keys: i64,
    /// Open alerts of scanners about live keys that belong to no resource: nothing replaces them.
    pub leaks_of_orphans: i64,
    /// What is unusual in the calls of such keys.
    pub anomalies_of_orphans: Vec<anomalies::Finding>,
    /// Effects whose outcome nobody wrote down.
    pub unfinished: i64,
    /// Those of them that are mints of creates, where every resource is asked for.
    pub lost_creates: Vec<LostCreate>,
}

/// A create that was cut off while it minted a key. If its resource is configured no more, nobody looks for that key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostCreate {
    /// The name of the key.
    pub name: String,
    /// Where it was applied.
    pub workspace: String,
    /// The id of the mint, for `ledger settle`.
    pub mint: String,
}

/// What was done, as the audit trail tells.
#[derive(Clone, Debug)]
pub struct History {
    /// How often effects on the outside succeeded and failed.
    pub effects: Vec<EffectCount>,
    /// When an apply last ended, by workspace and outcome.
    pub runs: Vec<LastRun>,
}

/// The audit trail, after a walk along it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trail {
    /// Every event is what was sealed.
    pub is_intact: bool,
    /// How many are, from the first on.
    pub events: i64,
}

/// The key of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedKey {
    /// Whose.
    pub resource: ResourceRef,
    /// The issuer, such as `aws_iam`.
    pub issuer: String,
    /// The account at the issuer.
    pub account: String,
    /// The logical key across environments.
    pub group: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// The owner.
    pub owner: Option<String>,
    /// The name of the policy.
    pub policy: Option<String>,
    /// The status at the last apply or refresh, in the word of the state.
    pub seen_status: Option<String>,
    /// Why it had that status, in the words of the state.
    pub seen_reason: Option<String>,
    /// When the primary is due.
    pub due_at: Option<Instant>,
    /// From when on that counts as overdue.
    pub overdue_at: Option<Instant>,
    /// When the retiring key may be revoked.
    pub revocation_due_at: Option<Instant>,
    /// The key in use.
    pub primary: KeyRecord,
    /// Those beside it: staged, retiring, and one whose revocation has failed and that works on.
    pub others: Vec<KeyRecord>,
    /// How the last apply ended.
    pub last_apply: Option<(Outcome, Instant)>,
    /// When a refresh or an apply last looked at it, to the hour; `None` if none ever did.
    pub seen_at: Option<Instant>,
    /// Open alerts of scanners about those of its keys that work.
    pub leaks: Vec<OpenAlert>,
    /// What is unusual in the calls of those of its keys that work.
    pub anomalies: Vec<anomalies::Finding>,
    /// Effects on it whose outcome nobody wrote down.
    pub unfinished: i64,
}

/// An open alert of a scanner. Told and written down, it is the alert alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OpenAlert {
    /// Its URL.
    pub alert: String,
    /// Whether the key works, as the scanner says.
    #[serde(skip)]
    pub validity: Option<String>,
}

impl fmt::Display for OpenAlert {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.alert)
    }
}

/// How an effect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// As intended.
    Done,
    /// With an error.
    Failed,
}

/// How often.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EffectCount {
    /// Where.
    pub workspace: String,
    /// The word of the effect.
    pub effect: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How often it did.
    pub count: i64,
}

/// When an apply last ended so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastRun {
    /// Where.
    pub workspace: String,
    /// How.
    pub outcome: Outcome,
    /// When.
    pub at: Instant,
}

impl History {
    /// The same in order.
    pub fn in_order(mut self) -> Self {
        self.effects.sort();
        self.runs.sort();
        self
    }
}

impl Health {
    /// The same with its keys in order: the gravest first, then the one that is due first, then by name.
    pub fn in_order(mut self) -> Self {
        let now = self.now;
        self.keys.sort_by_cached_key(|key| {
            (
                std::cmp::Reverse(key.status(now)),
                key.due_at,
                key.resource.name.clone(),
                key.resource.id.clone(),
            )
        });
        self
    }

    /// How many keys have each status, mildest first.
    pub fn by_status(&self) -> BTreeMap<Status, usize> {
        let mut counts = BTreeMap::new();
        for key in &self.keys {
            *counts.entry(key.status(self.now)).or_default() += 1;
        }
        counts
    }
}

impl ManagedKey {
    /// The status at an instant: as it was seen last, and what time alone has made of it since then.
    pub fn status(&self, now: Instant) -> Status {
        let is_past = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        let by_time = if is_past(self.overdue_at) {
            Status::Overdue
        } else if is_past(self.due_at) || is_past(self.revocation_due_at) {
            Status::Due
        } else {
            Status::Ok
        };
        // A word that this version does not know is no reason to say that all is well.
        let seen = self.seen_status.as_deref().map_or(Status::Pending, |word| {
            word.parse().unwrap_or(Status::Blocked)
        });
        by_time.max(seen)
    }

    /// When it became primary.
    pub fn last_rotated_at(&self) -> Instant {
        self.primary.promoted_at.unwrap_or(self.primary.created_at)
    }

    /// Since when applies fail: the last one did, and no look since has found that there is nothing left to do.
    pub fn failing_since(&self) -> Option<Instant> {
        let (outcome, at) = self.last_apply?;
        let is_well = self.seen_status.as_deref() == Some(Status::Ok.word());
        let is_over = is_well && self.seen_at.is_some_and(|seen| seen > at);
        (outcome == Outcome::Failed && !is_over).then_some(at)
    }

    /// What of the use of its keys is otherwise than expected, in clauses.
    pub fn oddities(&self) -> Vec<String> {
        let told = |(slot, record): (Slot, &KeyRecord)| {
            let label = record.key.label().to_owned();
            let noticed = record.noticed.clone().unwrap_or_default().into_iter();
            noticed.map(move |oddity| format!("{slot} key {label} {oddity}"))
        };
        self.slots().flat_map(told).collect()
    }

    /// Its keys that are alive, each with what is unusual in its calls.
    pub fn unusual(&self) -> impl Iterator<Item = (Slot, &KeyRecord, &anomalies::Finding)> {
        self.slots().flat_map(|(slot, record)| {
            let found = self.anomalies.iter();
            let found = found.filter(|it| record.key.key_id.as_ref() == Some(&it.key_id));
            found.map(move |it| (slot, record, it))
        })
    }

    /// Its keys that are alive, each with its slot.
    pub fn slots(&self) -> impl Iterator<Item = (Slot, &KeyRecord)> {
        let keys = std::iter::once(&self.primary).chain(&self.others);
        keys.map(|key| (key.slot, key))
    }
}

#[cfg(test)]
mod tests;
