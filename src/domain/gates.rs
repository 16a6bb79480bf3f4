//! Environments in order: a key is promoted only after the key of the same group in the environment before it was promoted
//! in this cycle and has soaked. What the others did is known from the ledger, as of the last look.
//!
//! A cycle of a key begins with its own last promotion. A key that became primary when it was created counts as promoted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::announce::enumerated;
use crate::domain::finding::{Finding, Status};
use crate::domain::policy::Policy;
use crate::domain::situation::Situation;
use crate::domain::slots::Slots;
use crate::instant::Instant;

/// What the ledger says of a group in other environments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peers {
    /// Nobody has looked yet.
    #[default]
    NotAsked,
    /// It could not be asked.
    Unreachable,
    /// There is none.
    NoLedger,
    /// The keys of the group in other environments.
    Seen(Vec<Peer>),
}

impl Peers {
    /// Whether there is nothing to keep of it.
    pub fn is_not_asked(&self) -> bool {
        *self == Self::NotAsked
    }
}

/// The key of a group in another environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The name of the managed key.
    pub name: String,
    /// Its workspace.
    pub workspace: String,
    /// Its environment.
    pub environment: String,
    /// The word of its status, as it was recorded last.
    pub status: String,
    /// When its primary became primary.
    pub promoted_at: Option<Instant>,
}

/// Which key is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its group.
    pub group: &'a str,
    /// Its environment.
    pub environment: Option<&'a str>,
}

/// Whether a key may be promoted, as far as the other environments are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open,
    /// It may, for want of anything to go by: why.
    Blind(String),
    /// It may not: by what, and until when at the earliest.
    Closed {
        /// What it waits for, as a clause.
        by: String,
        /// When it opens by the mere passing of time.
        until: Option<Instant>,
    },
}

impl Gate {
    fn closed(by: String) -> Self {
        Self::Closed { by, until: None }
    }
}

/// Statuses of a key that has not arrived where it should be: it failed its verification, was put back, or leaked.
const UNWELL: [&str; 3] = ["blocked", "pending", "compromised"];

/// The gate of a key that was promoted last at `since`.
pub fn gate(
    policy: &Policy,
    place: Place<'_>,
    peers: &Peers,
    since: Instant,
    now: Instant,
) -> Gate {
    let Some(order) = &policy.environment_order else {
        return Gate::Open;
    };
    let name = &policy.name;
    let Some(environment) = place.environment else {
        return Gate::Blind(format!(
            "the key has no environment, so environment_order of policy {name} holds nothing up"
        ));
    };
    let position = order.iter().position(|known| known == environment);
    let lower = &order[..position.unwrap_or_default()];
    if lower.is_empty() {
        return Gate::Open;
    }
    let group = place.group;
    let peers = match peers {
        Peers::Seen(peers) => peers,
        Peers::NoLedger => {
            return Gate::Blind(format!(
                "there is no ledger, so nobody can see how group {group:?} stands in {}, and environment_order of policy \
                 {name} holds nothing up",
                enumerated(lower)
            ));
        }
        Peers::NotAsked => {
            return Gate::closed(format!(
                "nobody has looked yet how group {group:?} stands in {}: refresh",
                enumerated(lower)
            ));
        }
        Peers::Unreachable => {
            return Gate::closed(format!(
                "the ledger cannot be asked how group {group:?} stands in {}",
                enumerated(lower)
            ));
        }
    };
    let in_environment = |name: &String| -> Vec<&Peer> {
        peers.iter().filter(|it| it.environment == *name).collect()
    };
    let nearest = lower
        .iter()
        .rposition(|name| !in_environment(name).is_empty());
    let unseen = &lower[nearest.map_or(0, |nearest| nearest + 1)..];
    let gate = match nearest {
        None => Gate::Open,
        Some(nearest) => strictest(&in_environment(&lower[nearest]), policy, since, now),
    };
    if gate != Gate::Open || unseen.is_empty() {
        return gate;
    }
    let held_up_by = match nearest {
        None => "holds nothing up",
        Some(nearest) => &format!("waits for {} alone", lower[nearest]),
    };
    Gate::Blind(format!(
        "the ledger has no key of group {group:?} in {}, so environment_order of policy {name} {held_up_by}: {}keys of an \
         environment that has a ledger of its own are not seen",
        enumerated(unseen),
        unnamed(peers, order)
    ))
}

/// Environments of a group that the order does not name, which may be meant by one that it does.
fn unnamed(peers: &[Peer], order: &[String]) -> String {
    let environments = peers.iter().map(|peer| &peer.environment);
    let unnamed: BTreeSet<&String> = environments.filter(|it| !order.contains(it)).collect();
    if unnamed.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> = unnamed.iter().map(|name| format!("{name:?}")).collect();
    format!(
        "it has one in {}, which the order does not name, and ",
        enumerated(&quoted)
    )
}

/// Where a group has several keys in one environment, it waits for all of them.
fn strictest(peers: &[&Peer], policy: &Policy, since: Instant, now: Instant) -> Gate {
    let gates = peers.iter().map(|peer| peer.gate(policy, since, now));
    let closed = gates.filter(|gate| *gate != Gate::Open);
    let rank = |gate: &Gate| match gate {
        Gate::Closed { until, .. } => (until.is_none(), *until),
        Gate::Open | Gate::Blind(_) => (false, None),
    };
    closed.max_by_key(rank).unwrap_or(Gate::Open)
}

impl Peer {
    fn gate(&self, policy: &Policy, since: Instant, now: Instant) -> Gate {
        let label = self.label();
        // One that waits for its own turn is blocked as well.
        let Some(promoted_at) = self.promoted_at.filter(|at| *at > since) else {
            return Gate::closed(format!("{label} has not been promoted since {since}"));
        };
        if UNWELL.contains(&self.status.as_str()) {
            return Gate::closed(format!("{label} is {}", self.status));
        }
        let until = promoted_at + policy.soak_time;
        match now < until {
            true => Gate::Closed {
                by: format!("{label} was promoted at {promoted_at} and soaks until {until}"),
                until: Some(until),
            },
            false => Gate::Open,
        }
    }

    fn label(&self) -> String {
        let workspace = match self.workspace.as_str() {
            "" => String::new(),
            workspace => format!(" (workspace {workspace})"),
        };
        format!("{}: {}{workspace}", self.environment, self.name)
    }
}

/// The gate of this situation. Nobody is served by holding a key up whose primary does not work.
fn of(situation: &Situation, slots: &Slots) -> Gate {
    if !situation.primary_is_usable() {
        return Gate::Open;
    }
    let place = Place {
        group: situation.group,
        environment: situation.environment,
    };
    let since = slots.last_rotated_at();
    gate(
        situation.policy,
        place,
        &situation.facts.peers,
        since,
        situation.now,
    )
}

/// Why nobody can see whether a promotion should wait, where a policy has environments in order.
pub fn blind(situation: &Situation) -> Option<String> {
    match of(situation, situation.slots?) {
        Gate::Blind(why) => Some(why),
        Gate::Open | Gate::Closed { .. } => None,
    }
}

/// Whether a promotion waits for another environment.
pub(super) fn is_closed(situation: &Situation, slots: &Slots) -> bool {
    matches!(of(situation, slots), Gate::Closed { .. })
}

/// When a gate opens by the mere passing of time.
pub(super) fn opens_at(situation: &Situation, slots: &Slots) -> Option<Instant> {
    match of(situation, slots) {
        Gate::Closed { until, .. } => until,
        Gate::Open | Gate::Blind(_) => None,
    }
}

/// A key that is due waits for another environment, or nobody can see whether it should.
pub(super) fn another_environment_comes_first(
    situation: &Situation,
    slots: &Slots,
) -> Option<Finding> {
    let is_reached =
        situation.rotation_requested || situation.now >= slots.due_from(situation.policy);
    if !is_reached || situation.policy.paused {
        return None;
    }
    match of(situation, slots) {
        Gate::Open => None,
        Gate::Blind(why) => Some(Finding::new(Status::Notice, why)),
        Gate::Closed { by, .. } => {
            let what = match slots.staged() {
                Some(staged) => format!("staged key {} is not promoted", staged.label()),
                None => "no key is promoted".into(),
            };
            let reason = format!("{what} before its turn (environment_order): {by}");
            Some(Finding::new(Status::Blocked, reason))
        }
    }
}

#[cfg(test)]
#[path = "gates_tests.rs"]
mod tests;
