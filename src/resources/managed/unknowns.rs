//! Which values of a plan are not known before its apply. As few as possible: an unknown value travels on to
//! everything that depends on it.

use std::collections::BTreeMap;

use tf_provider::value::Value;

use crate::domain::moves::Move;
use crate::domain::planner::Decision;
use crate::resources::managed::connect;
use crate::resources::managed::emergencies;
use crate::resources::managed::leaks;
use crate::resources::managed::model::{DeliveryStatus, Fields, ManagedState};
use crate::settings::known;

/// What the unknown values of a plan depend on.
pub struct Outlook<'a> {
    /// What the apply will do.
    pub decision: &'a Decision,
    /// A setting changed on which the life of the key depends, so its status is judged anew.
    pub settings_edited: bool,
    /// A key is proved again before it is promoted.
    pub must_verify: bool,
    /// The primary is gone at its issuer and does not retire.
    pub primary_is_dead: bool,
    /// A delivery was added, moved or removed.
    pub deliveries_edited: bool,
    /// A place is left by its delivery, or was left and still holds keys.
    pub leaves_places: bool,
    /// The secret of the primary is taken over from the configuration.
    pub takes_over: bool,
}

impl ManagedState {
    /// Whether everything that a decision depends on is known.
    pub fn inputs_known(&self) -> bool {
        let policy = match &self.policy {
            Value::Unknown => false,
            Value::Null => true,
            Value::Value(policy) => policy.wholly_known(),
        };
        let fields = |value: &Value<Fields>| match value {
            Value::Unknown => false,
            Value::Null => true,
            Value::Value(fields) => fields.values().all(known),
        };
        let entries = |value: &Value<BTreeMap<String, Value<Fields>>>| match value {
            Value::Unknown => false,
            Value::Null => true,
            Value::Value(entries) => entries.values().all(&fields),
        };
        policy
            && fields(&self.issuer)
            && fields(&self.verification)
            && entries(&self.deliveries)
            && entries(&self.deployments)
            && emergencies::is_known(&self.emergency)
            && leaks::are_known(&self.leaks_wo)
            && !self.rotation_trigger.is_unknown()
            && !self.store_secret_in_state.is_unknown()
            && !self.existing_secret_wo_version.is_unknown()
    }

    /// Nothing that the life of the key determines is known yet.
    pub fn withhold_everything(&mut self) {
        self.primary = Value::Unknown;
        self.secondary = Value::Unknown;
        self.phase = Value::Unknown;
        self.generation = Value::Unknown;
        self.last_action = Value::Unknown;
        self.last_rotated_at = Value::Unknown;
        self.next_stage_at = Value::Unknown;
        self.rotation_due_at = Value::Unknown;
        self.pending_revocations = Value::Unknown;
        self.pending_removals = Value::Unknown;
        self.delivery_status = Value::Unknown;
        self.notified_at = Value::Unknown;
        self.withhold_status();
    }

    fn withhold_status(&mut self) {
        self.status = Value::Unknown;
        self.status_reason = Value::Unknown;
    }

    /// What the moves will set is unknown; everything else stays as it is.
    pub fn withhold(&mut self, outlook: &Outlook) {
        if !self.stores_secrets() {
            self.forget_secrets();
        }
        if outlook.settings_edited || !outlook.decision.moves.is_empty() {
            self.withhold_status();
        }
        if outlook.leaves_places {
            self.pending_removals = Value::Unknown;
        }
        if outlook.deliveries_edited {
            self.withhold_deliveries();
        }
        if outlook.decision.moves.is_empty() {
            return;
        }
        self.last_action = Value::Value(outlook.decision.word());
        if outlook.takes_over
            && let Value::Value(key) = &mut self.primary
        {
            key.fingerprint = Value::Unknown;
            key.verified_at = Value::Unknown;
        }
        for next in &outlook.decision.moves {
            self.withhold_move(*next, outlook);
        }
        let moves = &outlook.decision.moves;
        if moves.iter().any(|next| next.writes()) {
            self.withhold_deliveries();
        }
        if self.stores_secrets() {
            self.withhold_missing_secrets();
        }
    }

    fn withhold_move(&mut self, next: Move, outlook: &Outlook) {
        match next {
            Move::Create => self.withhold_everything(),
            Move::Deliver => {
                for slot in [&mut self.primary, &mut self.secondary] {
                    if let Value::Value(key) = slot {
                        key.delivered_at = Value::Unknown;
                    }
                }
            }
            Move::Stage => {
                self.secondary = Value::Unknown;
                self.phase = Value::Value("staged".into());
            }
            Move::Revoke | Move::Discard | Move::Contain => {
                self.secondary = Value::Null;
                self.phase = Value::Value("single".into());
                self.pending_revocations = Value::Unknown;
            }
            Move::RevokePending => self.pending_revocations = Value::Unknown,
            Move::RevokePrimary | Move::Deploy => {}
            Move::Verify => {
                if let Value::Value(staged) = &mut self.secondary {
                    staged.verified_at = Value::Unknown;
                }
            }
            Move::Promote => {
                self.withhold_rotation();
                self.swap_slots(outlook);
            }
            Move::Replace => {
                self.withhold_rotation();
                self.primary = Value::Unknown;
                self.secondary = Value::Unknown;
                self.phase = Value::Unknown;
            }
        }
    }

    fn withhold_rotation(&mut self) {
        if let Value::Value(count) = &mut self.generation {
            *count += 1;
        }
        self.last_rotated_at = Value::Unknown;
        self.next_stage_at = Value::Unknown;
        self.rotation_due_at = Value::Unknown;
    }

    /// A reviewer sees which key becomes primary and which retires.
    fn swap_slots(&mut self, outlook: &Outlook) {
        std::mem::swap(&mut self.primary, &mut self.secondary);
        if let Value::Value(promoted) = &mut self.primary {
            promoted.role = Value::Value("primary".into());
            promoted.promoted_at = Value::Unknown;
            if outlook.must_verify {
                promoted.verified_at = Value::Unknown;
            }
        }
        if outlook.primary_is_dead {
            self.secondary = Value::Null;
            self.phase = Value::Value("single".into());
            return;
        }
        self.phase = Value::Value("retiring".into());
        if let Value::Value(retiring) = &mut self.secondary {
            retiring.role = Value::Value("retiring".into());
            retiring.retired_at = Value::Unknown;
            retiring.revoke_after = Value::Unknown;
        }
    }

    /// The deliveries of the plan are known by name, whatever becomes of them.
    fn withhold_deliveries(&mut self) {
        let wanted = connect::entries(&self.deliveries);
        let unknown = || Value::Value(DeliveryStatus::unknown());
        self.delivery_status =
            Value::Value(wanted.map(|(name, _)| (name.clone(), unknown())).collect());
    }

    /// A step reads the secrets that exist, and what it read is stored.
    fn withhold_missing_secrets(&mut self) {
        for slot in [&mut self.primary, &mut self.secondary] {
            if let Value::Value(key) = slot
                && key.secret.is_null()
            {
                key.secret = Value::Unknown;
            }
        }
    }

    fn forget_secrets(&mut self) {
        for slot in [&mut self.primary, &mut self.secondary] {
            if let Value::Value(key) = slot {
                key.secret = Value::Null;
            }
        }
    }
}

impl DeliveryStatus {
    fn unknown() -> Self {
        Self {
            version: Value::Unknown,
            fingerprint: Value::Unknown,
            delivered_at: Value::Unknown,
            state: Value::Unknown,
            reason: Value::Unknown,
            failing_since: Value::Unknown,
            place: Value::Unknown,
            asked_for: Value::Unknown,
        }
    }
}
