//! What a move makes of the keys, and of what is known of them, if it succeeds. A plan foresees with it what an apply
//! does with it.

use crate::domain::moves::Move;
use crate::domain::policy::Policy;
use crate::domain::situation::{Copy, Facts, Repair, Seen, Situation, Why};
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
    rotation_requested: bool,
}

impl Foreseen {
    /// Before the first move.
    pub fn new(situation: &Situation, slots: &Slots) -> Self {
        Self {
            slots: slots.clone(),
            facts: situation.facts.clone(),
            repairs: situation.repairs.to_vec(),
            rotation_requested: situation.rotation_requested,
        }
    }

    /// What the next decision depends on. `given` is the situation before the first move.
    pub fn situation<'a>(&'a self, given: &Situation<'a>) -> Situation<'a> {
        Situation {
            slots: Some(&self.slots),
            facts: &self.facts,
            repairs: &self.repairs,
            rotation_requested: self.rotation_requested,
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
                if let Some(secondary) = &mut slots.secondary {
                    secondary.key.delivered_at = Some(now);
                }
            }
            Move::Verify => {
                if let Some(secondary) = &mut slots.secondary {
                    secondary.key.verified_at = Some(now);
                }
            }
            Move::Stage => slots.stage(yet_to_be_minted(now)),
            Move::Promote => slots.promote_staged(now, old_lives),
            Move::Replace => slots.swap_in(yet_to_be_minted(now), now, old_lives),
            Move::Revoke | Move::Discard => slots.secondary = None,
            Move::Create | Move::RevokePending => {}
        }
        self.facts = self.facts.after(next, given.policy);
        match next {
            Move::Deliver => self.repairs.clear(),
            // Every wanted delivery is written; what ended is still to be taken away.
            _ if next.writes() => self.repairs.retain(|repair| repair.why == Why::Removed),
            _ => {}
        }
        self.rotation_requested &= !matches!(next, Move::Promote | Move::Replace);
    }
}

/// A key that exists in a plan only.
fn yet_to_be_minted(now: Instant) -> Key {
    Key {
        key_id: None,
        fingerprint: Some(Fingerprint::recorded("the new key")),
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
            Move::Stage | Move::Revoke | Move::Discard => {
                facts.secondary = Seen::Present;
                facts.secondary_copy = Copy::Available;
                facts.retiring_in_use = false;
            }
            Move::Promote | Move::Replace => {
                let old = (self.primary.clone(), self.primary_copy.clone());
                (facts.primary, facts.primary_copy) = (Seen::Present, Copy::Available);
                if old.0 != Seen::Gone {
                    (facts.secondary, facts.secondary_copy) = old;
                    // It was in use until now; whether it still is only a later look can tell.
                    facts.retiring_in_use = !policy.revoke_only_if_unused_for.is_zero();
                } else if next == Move::Promote {
                    (facts.secondary, facts.secondary_copy) = (Seen::Present, Copy::Available);
                }
            }
            Move::RevokePending => facts.orphans.clear(),
            Move::Create | Move::Deliver | Move::Verify => {}
        }
        facts
    }
}
