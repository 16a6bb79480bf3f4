//! One managed key as the engine sees it: what exists, where it was delivered, what is unfinished.

use std::collections::BTreeMap;

use strum::{Display, EnumString};

use crate::domain::approval::Asked;
use crate::domain::deployments::Record;
use crate::domain::slots::{Key, Slots};
use crate::engine::former::Former;
use crate::error::Error;
use crate::instant::Instant;
use crate::secret::Fingerprint;
use crate::stores::Version;

/// What the state says of one managed key, without secrets.
#[derive(Clone, Debug, Default)]
pub struct Managed {
    /// The stable id of the resource; salts the tokens of its writes.
    pub id: String,
    /// The keys; `None` before the first.
    pub slots: Option<Slots>,
    /// What was delivered, by the name of the delivery.
    pub deliveries: BTreeMap<String, DeliveryRecord>,
    /// What is known of its deployments, by name.
    pub deployments: BTreeMap<String, Record>,
    /// Keys whose revocation failed, by id.
    pub pending_revocations: Vec<String>,
    /// The account that its keys were seen in, by the name that it is locked by, at an issuer that lists its keys.
    pub account: Option<String>,
    /// Places that deliveries have left and that may still hold its keys.
    pub former: Vec<Former>,
}

/// What was delivered to one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// The store's version of it, where it has versions.
    pub version: Option<String>,
    /// The mark of the primary secret that was written.
    pub fingerprint: Option<Fingerprint>,
    /// When it was last written.
    pub delivered_at: Option<Instant>,
    /// How it stands.
    pub state: DeliveryState,
    /// What the place turned out to be when it was written, whatever name the settings give it.
    pub place: Option<String>,
    /// What the store said when it could not be read or written, or when what stood there before could not be taken away.
    pub reason: Option<String>,
    /// Since when it cannot be read or written.
    pub failing_since: Option<Instant>,
    /// Changes of it that a person had to approve, the newest last: all whose end nobody has seen, and the last one.
    pub asked: Vec<Asked>,
}

impl DeliveryRecord {
    /// The delivery of this name after an attempt that failed. What was written there before is still believed to stand
    /// there.
    pub fn failing(self, state: DeliveryState, name: &str, error: &Error, now: Instant) -> Self {
        Self {
            state,
            reason: Some(said(name, error)),
            failing_since: self.failing_since.or(Some(now)),
            ..self
        }
    }

    /// As far as anybody can tell, what stands at a place that cannot be read back is what was written there last.
    pub fn is_of_last_write(&self, seen: &Version) -> bool {
        let written = self.version.as_ref();
        written.is_none_or(|written| matches!(seen, Version::Of(now) if now == written))
    }

    /// It was written and read back.
    pub fn is_in_order(&self) -> bool {
        self.state == DeliveryState::Delivered || self.lingers()
    }

    /// It holds what it should, and what it held before can still be read.
    pub fn lingers(&self) -> bool {
        self.state == DeliveryState::Lingering
    }

    /// A document of this resource was seen or written there.
    pub fn was_written(&self) -> bool {
        self.is_in_order() || self.delivered_at.is_some()
    }

    /// It could not be read or written when it was last tried, or what was written is not approved yet.
    pub fn is_failing(&self) -> bool {
        let failed = matches!(
            self.state,
            DeliveryState::Failed | DeliveryState::Unreadable | DeliveryState::Elsewhere
        );
        (failed || self.is_for_a_person()) && self.failing_since.is_some()
    }

    /// What was written is neither there nor refused.
    pub fn awaits_approval(&self) -> bool {
        self.state == DeliveryState::AwaitingApproval
    }

    /// A person has to decide about what was written, or said no.
    pub fn is_for_a_person(&self) -> bool {
        self.awaits_approval() || self.state == DeliveryState::Rejected
    }
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryState {
    /// Written and read back.
    Delivered,
    /// The same, and what stood there before can still be read, although it should not.
    Lingering,
    /// Not written, or the last write failed.
    #[default]
    Failed,
    /// Written, and a person has to approve that before it stands there.
    AwaitingApproval,
    /// Written, and a person said no.
    Rejected,
    /// Its document is gone.
    Missing,
    /// Somebody else changed its document.
    Altered,
    /// It could not be looked at, so nothing is known of its document.
    Unreadable,
    /// Its settings lead to another place than the one that it was written to, where nobody has looked.
    Elsewhere,
}

impl Managed {
    /// The lock of the resource alone, for an account where many may work at once.
    pub fn lock(&self) -> String {
        format!("resource {}", self.id)
    }

    /// At least one delivery holds the keys as it should, or there is none at all.
    pub fn any_in_order(&self) -> bool {
        let mut records = self.deliveries.values();
        self.deliveries.is_empty() || records.any(DeliveryRecord::is_in_order)
    }

    /// The staged key that leads as soon as a person approves it. Nobody could read it yet.
    pub fn successor(&self) -> Option<&Key> {
        let staged = self.slots.as_ref()?.staged()?;
        let waits = self
            .deliveries
            .values()
            .filter(|record| record.is_for_a_person());
        let mut asked = waits.filter_map(|record| record.asked.last());
        asked
            .any(|asked| asked.leads_with(staged))
            .then_some(staged)
    }

    /// The former places, for people.
    pub fn pending_removals(&self) -> Vec<String> {
        self.former
            .iter()
            .map(|former| former.place.clone())
            .collect()
    }

    /// The ids of every key that this resource owns.
    pub fn owned_ids(&self) -> Vec<String> {
        let slots = self.slots.iter();
        slots
            .flat_map(|slots| [Some(&slots.primary), slots.secondary_key()])
            .flatten()
            .filter_map(|key| key.key_id.clone())
            .chain(self.pending_revocations.iter().cloned())
            .collect()
    }
}

/// What the store said, without the name of the delivery.
pub fn said(name: &str, error: &Error) -> String {
    let said = error.summary.strip_prefix(&format!("delivery {name:?}: "));
    said.unwrap_or(&error.summary).to_owned()
}
