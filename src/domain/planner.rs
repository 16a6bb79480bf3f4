//! Asks the rules at the right instant, so that a plan and its repetition during apply agree.
//!
//! Terraform plans a second time while it applies, later, and demands the same answer. A decision is
//! therefore never taken "now": it is taken at the earliest instant at which there is something to
//! decide. That instant depends on recorded facts alone and stays the same however late one asks.

use crate::domain::course;
use crate::domain::gates;
use crate::domain::moves::Move;
use crate::domain::situation::Situation;
use crate::duration::Duration;
use crate::instant::Instant;

/// By how much the clocks of machines may differ. What is further ahead is no time to act upon.
const DISAGREEMENT: Duration = Duration::from_secs(15 * 60);

/// An instant that was written down, unless it has not come yet by the clock of this machine.
pub fn believable(at: Instant, clock: Instant) -> Option<Instant> {
    (at <= clock + DISAGREEMENT).then_some(at)
}

/// The moves of the next apply and the instant at which they became due.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Decision {
    /// In order; empty when there is nothing to do.
    pub moves: Vec<Move>,
    /// When they became due.
    pub at: Instant,
    /// They are about a key that is compromised.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_emergency: bool,
}

impl Decision {
    /// Moves of an ordinary day.
    pub fn new(moves: Vec<Move>, at: Instant) -> Self {
        Self {
            moves,
            at,
            is_emergency: false,
        }
    }

    /// The word in `last_action`. A create is called nothing else: where it follows the destroy of a tainted key in one
    /// apply, what is revoked beside it by the plan is gone by then.
    pub fn word(&self) -> String {
        if self.moves.contains(&Move::Create) {
            return Move::Create.word().to_owned();
        }
        if self.is_emergency {
            return "emergency".to_owned();
        }
        let words: Vec<&str> = self.moves.iter().map(|next| next.word()).collect();
        words.join("+")
    }
}

/// The first moves that become due from `situation.now` on, up to and including `until`.
pub fn first_due(situation: &Situation, until: Instant) -> Decision {
    let from = situation.now;
    let mut instants: Vec<Instant> = edges(situation)
        .into_iter()
        .filter(|edge| (from..=until).contains(edge))
        .chain([from])
        .collect();
    instants.sort();
    instants
        .into_iter()
        .map(|at| decide_at(situation, at))
        .find(|decision| !decision.moves.is_empty())
        .unwrap_or(Decision::new(Vec::new(), from))
}

/// The moves that are due at one instant.
pub fn decide_at(situation: &Situation, at: Instant) -> Decision {
    let situation = Situation {
        now: at,
        ..situation.clone()
    };
    let moves = course::moves(&situation);
    Decision {
        is_emergency: situation.emergency.is_some() && !moves.is_empty(),
        moves,
        at,
    }
}

/// Every instant at which the passing of time alone changes what is due.
fn edges(situation: &Situation) -> Vec<Instant> {
    let Some(slots) = situation.slots else {
        return Vec::new();
    };
    let policy = situation.policy;
    [
        Some(slots.stage_from(policy)),
        Some(slots.due_from(policy)),
        slots.ready_at(policy),
        slots.revoke_after(policy),
        slots.hold_ends_at(policy),
        gates::opens_at(situation, slots),
    ]
    .into_iter()
    .flatten()
    .collect()
}
