//! What a move makes of the keys, and of what is known of them, if it succeeds. A plan foresees with it what an apply
//! does with it.

use crate::domain::deployments::Deployment;
use crate::domain::moves::Move;
use crate::domain::policy::Policy;
use crate::domain::situation::{ByHand, Copy, Facts, Hold, Repair, Seen, Situation, Why};
use crate::domain::slots::{Key, Slots};
use crate::instant::Instant;
use crate::secret::Fingerprint;

/// A situation as it will be once some moves have succeeded.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// The keys.
    pub slots: Slots,
    facts: Facts,
    repairs: Vec<Repair>,
    deployments: Vec<Deployment>,
    delivered: bool,
    rolled_back: bool,
    any_in_order: bool,
    rotation_requested: bool,
    new_key_is_here: bool,
}

impl Foreseen {
    /// Before the first move.
    pub fn new(situation: &Situation, slots: &Slots) -> Self {
        Self {
            slots: slots.clone(),
            facts: situation.facts.clone(),
            repairs: situation.repairs.to_vec(),
            deployments: situation.deployments.to_vec(),
            delivered: situation.delivered,
            rolled_back: situation.is_rolled_back(),
            any_in_order: situation.any_in_order,
            rotation_requested: situation.rotation_requested,
            new_key_is_here: situation.new_key_is_here(),
        }
    }

    /// What the next decision depends on. `given` is the situation before the first move.
    pub fn situation<'a>(&'a self, given: &Situation<'a>) -> Situation<'a> {
        Situation {
            slots: Some(&self.slots),
            facts: &self.facts,
            repairs: &self.repairs,
            deployments: &self.deployments,
            any_in_order: self.any_in_order,
            pending_removals: match self.delivered {
                true => &[],
                false => given.pending_removals,
            },
            delivered: self.delivered,
            rolled_back: self.rolled_back,
            rotation_requested: self.rotation_requested,
            by_hand: given.by_hand.map(|hand| ByHand {
                is_here: self.new_key_is_here,
                ..hand
            }),
            ..given.clone()
        }
    }

    /// One move succeeds.
    pub fn take(&mut self, next: Move, given: &Situation) {
        let now = given.now;
        let old_lives = self.facts.primary != Seen::Gone;
        let slots = &mut self.slots;
        match next {
            Move::Deliver => {
                slots.primary.delivered_at.get_or_insert(now);
                let mut repaired = self.repairs.iter().filter(|repair| !repair.is_failing());
                let is_awaited = repaired.any(|repair| repair.required && repair.is_write());
                if let Some(secondary) = &mut slots.secondary
                    && (is_awaited || secondary.key.delivered_at.is_none())
                {
                    secondary.key.delivered_at = Some(now);
                }
            }
            Move::Verify => {
                if let Some(secondary) = &mut slots.secondary {
                    secondary.key.verified_at = Some(now);
                }
            }
            Move::Deploy => {
                let all = self.deployments.iter_mut();
                all.for_each(|deployment| deployment.foresee(slots));
            }
            Move::Stage => slots.stage(yet_to_be_minted(now)),
            Move::Promote => slots.promote_staged(now, old_lives),
            Move::Replace => slots.swap_in(yet_to_be_minted(now), now, old_lives),
            Move::Revoke | Move::Discard | Move::Contain => slots.secondary = None,
            Move::Create | Move::RevokePending | Move::RevokePrimary => {}
        }
        self.facts = self.facts.after(next, given.policy);
        if next.writes() {
            self.write();
        }
        if next == Move::Deliver {
            self.delivered = true;
            self.repairs.retain(Repair::is_failing);
        }
        self.new_key_is_here &= !next.mints();
        self.rotation_requested &= !matches!(next, Move::Promote | Move::Replace);
    }
}

impl Foreseen {
    /// Every wanted delivery is written but those that failed before, which may fail again. What ended or moved is still
    /// to be taken away.
    fn write(&mut self) {
        let is_written = |repair: &Repair| repair.is_write() && !repair.is_failing();
        self.any_in_order |= self.repairs.iter().any(is_written);
        for repair in &mut self.repairs {
            if repair.why == Why::Moved {
                repair.why = Why::Removed;
            }
        }
        self.repairs
            .retain(|repair| repair.why == Why::Removed || repair.is_failing());
    }
}

/// What a key is called that exists in a plan only.
pub(super) const NEW: &str = "the new key";

/// A key that exists in a plan only.
fn yet_to_be_minted(now: Instant) -> Key {
    Key {
        key_id: None,
        fingerprint: Some(Fingerprint::recorded(NEW)),
        created_at: now,
        delivered_at: Some(now),
        verified_at: Some(now),
        promoted_at: None,
        retired_at: None,
    }
}

impl Facts {
    /// What is known after a move that succeeded.
    pub fn after(&self, next: Move, policy: &Policy) -> Self {
        let mut facts = self.clone();
        match next {
            Move::Stage | Move::Revoke | Move::Discard | Move::Contain => {
                facts.secondary = Seen::Present;
                facts.secondary_copy = Copy::Available;
                facts.hold = None;
            }
            Move::Promote | Move::Replace => {
                let old = (self.primary.clone(), self.primary_copy.clone());
                (facts.primary, facts.primary_copy) = (Seen::Present, Copy::Available);
                (facts.primary_refused, facts.doubted) = (false, Vec::new());
                if old.0 != Seen::Gone {
                    (facts.secondary, facts.secondary_copy) = old;
                    // It was in use until now; whether it still is only a later look can tell.
                    let may_be_held = !policy.revoke_only_if_unused_for.is_zero();
                    facts.hold = may_be_held.then_some(Hold::InUse);
                } else if next == Move::Promote {
                    (facts.secondary, facts.secondary_copy) = (Seen::Present, Copy::Available);
                }
            }
            Move::RevokePrimary => facts.primary = Seen::Gone,
            Move::RevokePending => facts.orphans.clear(),
            Move::Create | Move::Deliver | Move::Verify | Move::Deploy => {}
        }
        facts
    }
}
