//! Everything that a decision may depend on, in one plain value.

use crate::domain::approval::Asked;
use crate::domain::deployments::Deployment;
use crate::domain::emergency::Emergency;
use crate::domain::expected::{Expected, Uses};
use crate::domain::gates::Peers;
use crate::domain::offboarding::Offboarded;
use crate::domain::policy::Policy;
use crate::domain::slots::Slots;
use crate::domain::word::Doubted;
use crate::instant::Instant;

/// What is known when a decision is taken. Nothing else may influence it.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The name of the resource, for messages.
    pub name: &'a str,
    /// The logical key across environments.
    pub group: &'a str,
    /// Where the key is used, if that is said.
    pub environment: Option<&'a str>,
    /// The policy in force.
    pub policy: &'a Policy,
    /// The keys that exist; `None` before the first.
    pub slots: Option<&'a Slots>,
    /// What was last seen of them outside.
    pub facts: &'a Facts,
    /// Deliveries that are not as they should be.
    pub repairs: &'a [Repair],
    /// What makes consumers read the deliveries.
    pub deployments: &'a [Deployment],
    /// At least one delivery holds the keys as it should, or there is none at all.
    pub any_in_order: bool,
    /// Places that deliveries have left and that may still hold keys.
    pub pending_removals: &'a [String],
    /// The same apply has tried to repair them by then.
    pub delivered: bool,
    /// Among what the same apply has repaired was a document that led with the retiring key again.
    pub rolled_back: bool,
    /// A rotation is asked for in this plan: `rotation_trigger` changed from one value to another, or the owner has left.
    pub rotation_requested: bool,
    /// The owner of the key has left.
    pub offboarded: Option<&'a Offboarded>,
    /// How the keys are expected to be used.
    pub expected: Option<&'a Expected>,
    /// A key is compromised, and what to do about it.
    pub emergency: Option<&'a Emergency>,
    /// Keys whose revocation failed earlier and is to be tried again.
    pub pending_revocations: &'a [String],
    /// A new key must be proved to work before it is promoted.
    pub must_verify: bool,
    /// What a person does in place of the issuer; `None` where that mints and revokes.
    pub by_hand: Option<ByHand<'a>>,
    /// The instant of the decision.
    pub now: Instant,
}

/// Keys that a person makes at the vendor, hands in, and revokes there. The words end a sentence.
#[derive(Clone, Copy, Debug)]
pub struct ByHand<'a> {
    /// How a new key is made and handed in.
    pub bring: &'a str,
    /// How a key is revoked.
    pub revoke: &'a str,
    /// The attribute in which that is confirmed, by the id of the key.
    pub confirm: &'a str,
    /// The ids of keys that were revoked, as a person says.
    pub revoked: &'a [String],
    /// A new key is at hand.
    pub is_here: bool,
}

impl ByHand<'_> {
    /// What is left to do about a key that is to be revoked.
    pub fn is_to_revoke(&self, key: &str) -> String {
        format!(
            "a person is to {}, and to add {key:?} to {}",
            self.revoke, self.confirm
        )
    }
}

/// What a look at the issuer and the stores told. Changes only at edges, never by the mere passing of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The primary key at the issuer.
    pub primary: Seen,
    /// The key in the secondary slot at the issuer.
    pub secondary: Seen,
    /// A copy of the primary secret can be read somewhere.
    pub primary_copy: Copy,
    /// A copy of the secondary secret can be read somewhere.
    pub secondary_copy: Copy,
    /// What keeps the retiring key beyond its grace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What is known of the use of keys, where somebody wants to know.
    #[serde(skip_serializing_if = "Uses::is_empty")]
    pub uses: Uses,
    /// Those of the pending revocations that an apply that did not finish left behind.
    pub orphans: Vec<String>,
    /// What outside is newer than the state, if something is: then nothing may be done.
    pub behind: Option<String>,
    /// What the ledger says of the same group in other environments.
    #[serde(skip_serializing_if = "Peers::is_not_asked")]
    pub peers: Peers,
    /// Why the account has no room for the second key of a rotation, and what to do about it.
    pub full: Option<Full>,
    /// Keys that a person says are revoked, and that count as alive all the same.
    pub doubted: Vec<Doubted>,
    /// The primary is refused where it is tried, while there is a retiring key that a person is to revoke.
    pub primary_refused: bool,
}

/// What keeps a retiring key beyond its grace, until `max_grace_period` ends.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// It was in use within `revoke_only_if_unused_for`, as far as anybody knows.
    InUse,
    /// Whether it was could not be found out, and why.
    Untold(String),
}

/// Keys of others leave no room for a rotation.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Full {
    /// Which keys, and whose, as a part of a sentence.
    pub reason: String,
    /// What to do, in sentences.
    pub way_out: String,
}

/// How a key stands at its issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// It is there, or the issuer cannot tell and nothing speaks against it.
    #[default]
    Present,
    /// It exists but was switched off.
    Inactive,
    /// It is gone for certain.
    Gone,
}

/// Whether a secret can be copied from where it was delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Copy {
    /// As far as we know.
    #[default]
    Available,
    /// No copy was seen, but not every place could be looked at.
    Unseen,
    /// Every place was looked at, and every copy is gone or altered.
    Lost,
}

/// A delivery that is not as it should be, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The name of the delivery.
    pub name: String,
    /// What is wrong with it.
    pub why: Why,
    /// What the store said, where it said something.
    pub reason: Option<String>,
    /// Its place keeps the keys that it held, if it was removed.
    pub stays: bool,
    /// A promotion waits for it.
    pub required: bool,
    /// Since when it can no longer be read or written.
    pub failing_since: Option<Instant>,
    /// As far as is known, its document leads with the primary.
    pub holds_primary: bool,
    /// Somebody has put the retiring key first again.
    pub is_rolled_back: bool,
    /// What was asked for last, where a person has to approve it.
    pub asked: Option<Asked>,
}

/// What is wrong with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It was added to the configuration.
    Added,
    /// It points to another place, or writes it in another way.
    Moved,
    /// It is no longer in the configuration.
    Removed,
    /// Its document is gone.
    Missing,
    /// Its document was changed by somebody else.
    Altered,
    /// It could not be written last time, or was never written.
    Failed,
    /// What stood there before can still be read, although it should not.
    Lingers,
    /// It could not be looked at, so nothing is known of its document.
    Unreadable,
    /// It was written, and a person has to approve that before it stands there.
    Awaited,
    /// It was written, and a person said no.
    Rejected,
}

impl Repair {
    /// A required delivery of which no more is known.
    pub fn new(name: impl Into<String>, why: Why) -> Self {
        Self {
            name: name.into(),
            why,
            reason: None,
            stays: false,
            required: true,
            failing_since: None,
            holds_primary: false,
            is_rolled_back: false,
            asked: None,
        }
    }

    /// The last attempt to read or to write it failed, so the next one may fail as well; or what was written may never be
    /// approved.
    pub fn is_failing(&self) -> bool {
        let fails = matches!(self.why, Why::Failed | Why::Unreadable);
        (fails || self.is_for_a_person()) && self.failing_since.is_some()
    }

    /// A person has to decide about what was written, or said no.
    pub fn is_for_a_person(&self) -> bool {
        matches!(self.why, Why::Awaited | Why::Rejected)
    }

    /// The keys are to be written there. What a person decides about was written already.
    pub fn is_write(&self) -> bool {
        self.why != Why::Removed && !self.is_for_a_person()
    }

    /// The keys are to be copied there, as opposed to what can still be read besides.
    pub fn is_copy(&self) -> bool {
        self.is_write() && self.why != Why::Lingers
    }

    /// The place takes a document, be it that a person decides about the last one.
    pub fn is_place(&self) -> bool {
        self.is_for_a_person() || (self.is_write() && !self.is_failing())
    }
}

impl Facts {
    /// Another key is primary from now on.
    pub fn forget_primary(&mut self) {
        self.primary = Seen::default();
        self.primary_copy = Copy::default();
        self.primary_refused = false;
    }

    /// See [`Situation::primary_is_usable`].
    pub fn primary_is_usable(&self) -> bool {
        self.primary == Seen::Present && self.primary_copy != Copy::Lost
    }
}

impl<'a> Situation<'a> {
    /// A person has handed in a new key.
    pub fn new_key_is_here(&self) -> bool {
        self.by_hand.is_some_and(|hand| hand.is_here)
    }

    /// How a person hands in a new key, where that has to be done before anything can be minted.
    pub fn lacks_a_new_key(&self) -> Option<&'a str> {
        let hand = self.by_hand.filter(|hand| !hand.is_here)?;
        Some(hand.bring)
    }
}

impl Situation<'_> {
    /// The primary secret is unknown: imported without it, or lost.
    pub fn primary_is_undeliverable(&self) -> bool {
        self.facts.primary_copy == Copy::Lost
            || self
                .slots
                .is_some_and(|slots| slots.primary.fingerprint.is_none())
    }

    /// The primary works at the issuer and its secret is not lost. An imported key is usable although its secret was
    /// never seen, and so is one whose deliveries cannot be looked at.
    pub fn primary_is_usable(&self) -> bool {
        self.facts.primary_is_usable()
    }

    /// Whatever is written leads with a compromised key, as long as nothing has taken its place.
    pub fn leads_with_a_compromised_key(&self) -> bool {
        let slots = self.slots.zip(self.emergency);
        slots.is_some_and(|(slots, emergency)| emergency.has(&slots.primary))
    }

    /// A document led with the retiring key again when it was looked at, so consumers went back to it.
    pub fn is_rolled_back(&self) -> bool {
        self.rolled_back || self.repairs.iter().any(|repair| repair.is_rolled_back)
    }

    /// The primary is gone, and what stands in its place may be a key that works and that an apply left behind.
    pub fn would_hide_what_works(&self) -> bool {
        self.facts.primary == Seen::Gone && !self.facts.orphans.is_empty()
    }

    /// Repairs that need the secret, as opposed to taking a delivery away.
    pub fn has_writes_to_repair(&self) -> bool {
        self.repairs.iter().any(Repair::is_write)
    }
}
