//! Keys and the resources that hold them, as the ledger knows them. Metadata only.

use strum::{Display, EnumIter, EnumString, IntoStaticStr, VariantNames};

use crate::domain::expected::Oddity;
use crate::domain::notices::Telling;
use crate::instant::Instant;
use crate::secret::Fingerprint;

/// Whose keys they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceRef {
    /// The stable id of the resource.
    pub id: String,
    /// The name of the managed key.
    pub name: String,
    /// The workspace, as far as known: `TF_WORKSPACE` or what the data directory says.
    pub workspace: String,
}

/// What tells a key from others, without its secret: its public id where it has one, and a mark that is too short to
/// confirm a guess.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct KeyMark {
    /// The public id at the issuer.
    pub key_id: Option<String>,
    /// `sha256:` and six hexadecimal digits; `None` for an imported key whose secret was never seen.
    pub mark: Option<String>,
}

impl KeyMark {
    /// The digits of a fingerprint that the ledger may hold: with 24 bits nobody can tell a right guess of a weak
    /// secret from one of thousands of wrong ones.
    const DIGITS: usize = 6;

    /// Of a key.
    pub fn new(key_id: Option<String>, fingerprint: Option<&Fingerprint>) -> Self {
        let shorten = |mark: &Fingerprint| {
            let end = "sha256:".len() + Self::DIGITS;
            mark.as_str().chars().take(end).collect()
        };
        Self {
            key_id,
            mark: fingerprint.map(shorten),
        }
    }

    /// What people call it.
    pub fn label(&self) -> &str {
        let mark = self.mark.as_deref();
        self.key_id.as_deref().or(mark).unwrap_or("(unknown key)")
    }

    /// Whether both are the same key: by id where both have one, by mark otherwise.
    pub fn is(&self, other: &Self) -> bool {
        match (&self.key_id, &other.key_id) {
            (Some(one), Some(two)) => one == two,
            _ => self.mark.is_some() && self.mark == other.mark,
        }
    }
}

/// Where a key stands in its resource.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Display, EnumIter, EnumString, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum Slot {
    /// In use.
    Primary,
    /// New, waiting.
    Staged,
    /// Old, in its grace.
    Retiring,
    /// In no slot: just minted, pending its revocation, or dead.
    None,
}

/// What became of a key.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Display, EnumIter, EnumString, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// It works, as far as we know.
    Live,
    /// It was revoked.
    Revoked,
    /// It belongs to no resource: an apply that did not finish minted it, or its resource was forgotten or kept it on destroy.
    Orphaned,
}

/// One key as the inventory has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// What tells it from others.
    pub key: KeyMark,
    /// Where it stands.
    pub slot: Slot,
    /// What became of it.
    pub status: Status,
    /// Minted, or first seen.
    pub created_at: Instant,
    /// Since when it is in every delivery.
    pub delivered_at: Option<Instant>,
    /// When it was last proved to work.
    pub verified_at: Option<Instant>,
    /// When it became primary.
    pub promoted_at: Option<Instant>,
    /// When it stopped being primary.
    pub retired_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
    /// When the issuer last saw it in use, as far as anybody asked.
    pub last_used_at: Option<Instant>,
    /// What of its use was otherwise than expected; `None` if nobody looked.
    pub noticed: Option<Vec<Oddity>>,
    /// When a state was first seen to hold it; `None`: no state ever did, as far as we know.
    pub confirmed_at: Option<Instant>,
    /// The intent of the apply that minted it; `None` for a key that was imported or found again.
    pub minted_by: Option<String>,
    /// A sealed event of the audit trail of this very ledger says that its resource minted it. Looked up when a key is
    /// read, never written, and not for a revoked one.
    pub minted: bool,
}

impl KeyRecord {
    /// The key is seen to be dead.
    pub fn end(&mut self, now: Instant) {
        self.slot = Slot::None;
        self.status = Status::Revoked;
        self.revoked_at.get_or_insert(now);
    }

    /// A key that an apply minted a moment ago, and that no state told of yet.
    pub fn minted(key: KeyMark, apply: &str, at: Instant) -> Self {
        Self {
            key,
            slot: Slot::None,
            status: Status::Live,
            created_at: at,
            delivered_at: None,
            verified_at: None,
            promoted_at: None,
            retired_at: None,
            revoked_at: None,
            last_used_at: None,
            noticed: None,
            confirmed_at: None,
            minted_by: Some(apply.to_owned()),
            minted: true,
        }
    }

    /// This record after a state was seen to hold the key like that.
    pub fn seen_as(&self, seen: &Self) -> Self {
        Self {
            confirmed_at: self.confirmed_at.or(seen.confirmed_at),
            // A state does not hold when a key was last used.
            last_used_at: self.last_used_at.max(seen.last_used_at),
            noticed: seen.noticed.clone().or_else(|| self.noticed.clone()),
            minted_by: self.minted_by.clone(),
            minted: self.minted,
            ..seen.clone()
        }
    }
}

/// What a state says of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Whose.
    pub resource: ResourceRef,
    /// The issuer, such as `aws_iam`.
    pub issuer: String,
    /// The account at the issuer.
    pub account: String,
    /// The logical key across environments.
    pub group: String,
    /// The environment, if one is set.
    pub environment: Option<String>,
    /// The owner, if one is set.
    pub owner: Option<String>,
    /// The name of the policy.
    pub policy: Option<String>,
    /// When the primary is due.
    pub rotation_due_at: Option<Instant>,
    /// From when on that counts as overdue.
    pub overdue_at: Option<Instant>,
    /// When the retiring key may be revoked.
    pub revocation_due_at: Option<Instant>,
    /// The status of the resource, in the word of its state.
    pub status: String,
    /// Why it has this status, in the words of its state.
    pub status_reason: String,
    /// Who ended the resource and left its keys alive, if somebody did.
    pub left_by: Option<String>,
    /// How often its key was promoted. What was recorded last stands, so whoever finds a higher one in the ledger
    /// understands that before it is overwritten.
    pub generation: u64,
    /// What the places are that it delivers to, whatever names its settings give them, such as
    /// `file /canonical/path`. In no order.
    pub places: Vec<String>,
    /// What Terraform keeps of it beside the state, and loses where the provider is killed, as JSON. Nothing in it is secret.
    /// `None` where it was lost: what was recorded last stands.
    pub private_data: Option<String>,
    /// The keys in its slots, and those that await their revocation.
    pub keys: Vec<KeyRecord>,
    /// What people are to be told of it.
    pub telling: Telling,
}
