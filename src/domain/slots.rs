//! The keys of one managed key: a primary, and at most one secondary that is either staged or retiring.

use crate::domain::policy::Policy;
use crate::instant::Instant;
use crate::secret::Fingerprint;

/// One key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The public id at the issuer, where there is one.
    pub key_id: Option<String>,
    /// The mark of its secret; `None` for an imported key whose secret was never seen.
    pub fingerprint: Option<Fingerprint>,
    /// When it was minted.
    pub created_at: Instant,
    /// Since when it is in every delivery.
    pub delivered_at: Option<Instant>,
    /// When it was last proved to work.
    pub verified_at: Option<Instant>,
    /// When it became primary.
    pub promoted_at: Option<Instant>,
    /// When it stopped being primary.
    pub retired_at: Option<Instant>,
}

impl Key {
    /// What people call the key: its id, or the mark of its secret.
    pub fn label(&self) -> &str {
        let mark = self.fingerprint.as_ref().map(Fingerprint::as_str);
        self.key_id.as_deref().or(mark).unwrap_or("(unknown key)")
    }
}

/// What a key in the secondary slot is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// New, waiting to be promoted.
    Staged,
    /// Old, in its grace period.
    Retiring,
}

/// The key in the secondary slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secondary {
    /// Staged or retiring.
    pub role: Role,
    /// The key.
    pub key: Key,
}

/// Both slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    /// The key in use.
    pub primary: Key,
    /// The key before or after it.
    pub secondary: Option<Secondary>,
    /// Counts promotions, starting at 1.
    pub generation: u64,
    /// When somebody asked for a rotation that has not happened yet.
    pub requested_at: Option<Instant>,
}

impl Slots {
    /// The slots of a newly created or imported key.
    pub fn first(primary: Key) -> Self {
        Self {
            primary,
            secondary: None,
            generation: 1,
            requested_at: None,
        }
    }

    /// The staged key, if there is one.
    pub fn staged(&self) -> Option<&Key> {
        self.secondary_as(Role::Staged)
    }

    /// The retiring key, if there is one.
    pub fn retiring(&self) -> Option<&Key> {
        self.secondary_as(Role::Retiring)
    }

    fn secondary_as(&self, role: Role) -> Option<&Key> {
        self.secondary
            .as_ref()
            .filter(|secondary| secondary.role == role)
            .map(|secondary| &secondary.key)
    }

    /// When the primary became primary.
    pub fn last_rotated_at(&self) -> Instant {
        self.primary.promoted_at.unwrap_or(self.primary.created_at)
    }

    /// When the next rotation is due.
    pub fn due_at(&self, policy: &Policy) -> Instant {
        let scheduled = self.last_rotated_at() + policy.rotation_interval;
        self.requested_at
            .map_or(scheduled, |asked| asked.min(scheduled))
    }

    /// When the secondary slot is to be filled for it.
    pub fn stage_at(&self, policy: &Policy) -> Instant {
        self.due_at(policy) - policy.stage_before
    }

    /// From when on the next rotation counts as due.
    pub fn due_from(&self, policy: &Policy) -> Instant {
        self.due_at(policy) - policy.tolerance()
    }

    /// From when on filling the secondary slot counts as due.
    pub fn stage_from(&self, policy: &Policy) -> Instant {
        self.stage_at(policy) - policy.tolerance()
    }

    /// When a staged key has been delivered long enough.
    pub fn ready_at(&self, policy: &Policy) -> Option<Instant> {
        let delivered = self.staged()?.delivered_at?;
        Some(delivered + policy.propagation_delay)
    }

    /// When the retiring key may be revoked.
    pub fn revoke_after(&self, policy: &Policy) -> Option<Instant> {
        Some(self.retiring()?.retired_at? + policy.grace_period)
    }

    /// When a held revocation is no longer held.
    pub fn hold_ends_at(&self, policy: &Policy) -> Option<Instant> {
        Some(self.retiring()?.retired_at? + policy.max_grace_period)
    }

    /// The latest instant written down anywhere in the slots: the clock was there once.
    pub fn latest(&self) -> Instant {
        let keys = [Some(&self.primary), self.secondary_key()];
        keys.into_iter()
            .flatten()
            .flat_map(|key| {
                [
                    Some(key.created_at),
                    key.delivered_at,
                    key.verified_at,
                    key.promoted_at,
                    key.retired_at,
                ]
            })
            .flatten()
            .chain(self.requested_at)
            .max()
            .unwrap_or(self.primary.created_at)
    }

    /// The key in the secondary slot, whatever its role.
    pub fn secondary_key(&self) -> Option<&Key> {
        self.secondary.as_ref().map(|secondary| &secondary.key)
    }

    /// A new key takes the secondary slot.
    pub fn stage(&mut self, key: Key) {
        let role = Role::Staged;
        self.secondary = Some(Secondary { role, key });
    }

    /// The staged key becomes primary; the old primary retires if `old_lives`.
    pub fn promote_staged(&mut self, now: Instant, old_lives: bool) {
        if let Some(secondary) = self.secondary.take_if(|s| s.role == Role::Staged) {
            self.swap_in(secondary.key, now, old_lives);
        }
    }

    /// A new key becomes primary at once; the old primary retires if `old_lives`.
    pub fn swap_in(&mut self, mut new: Key, now: Instant, old_lives: bool) {
        new.promoted_at = Some(now);
        let mut old = std::mem::replace(&mut self.primary, new);
        if old_lives {
            old.retired_at = Some(now);
            self.secondary = Some(Secondary {
                role: Role::Retiring,
                key: old,
            });
        }
        self.generation += 1;
        self.requested_at = None;
    }
}
