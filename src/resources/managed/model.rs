//! The values of `apikey_managed` as Terraform sends them, and what they mean to the engine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tf_provider::value::{Value, ValueAny};

use crate::domain::approval::Asked;
use crate::domain::deployments::Record;
use crate::domain::emergency::Incident;
use crate::domain::planner::Decision;
use crate::domain::policy::Policy;
use crate::domain::situation::Facts;
use crate::domain::slots::{Key, Role, Secondary, Slots};
use crate::engine::former::Former;
use crate::engine::managed::{DeliveryRecord, Managed};
use crate::engine::secret_cache::SecretCache;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::KeyMark;
use crate::ledger::outbox::Untold;
use crate::resources::managed::leaks::Leaks;
use crate::resources::rotation_policy::{EmergencyState, PolicyState};
use crate::schema::write_only;
use crate::secret::{Fingerprint, Secret};

/// The settings of one issuer or store, as they were written.
pub type Fields = BTreeMap<String, ValueAny>;

/// Configuration and state.
#[derive(Default, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct ManagedState {
    pub id: Value<String>,
    pub name: Value<String>,
    pub group: Value<String>,
    pub environment: Value<String>,
    pub owner: Value<String>,
    pub description: Value<String>,
    pub labels: Value<BTreeMap<String, Value<String>>>,
    pub policy: Value<PolicyState>,
    pub issuer: Value<Fields>,
    pub deliveries: Value<BTreeMap<String, Value<Fields>>>,
    pub deployments: Value<BTreeMap<String, Value<Fields>>>,
    pub verification: Value<Fields>,
    pub store_secret_in_state: Value<bool>,
    #[serde(with = "stored_secret")]
    pub existing_secret_wo: Value<Secret>,
    pub existing_secret_wo_version: Value<i64>,
    pub rotation_trigger: Value<String>,
    pub expected_usage: Value<Fields>,
    pub emergency: Value<EmergencyState>,
    pub leaks_wo: Leaks,
    pub primary: Value<KeyState>,
    pub secondary: Value<KeyState>,
    pub phase: Value<String>,
    pub status: Value<String>,
    pub status_reason: Value<String>,
    pub generation: Value<i64>,
    pub last_action: Value<String>,
    pub last_rotated_at: Value<String>,
    pub next_stage_at: Value<String>,
    pub rotation_due_at: Value<String>,
    pub pending_revocations: Value<Vec<Value<String>>>,
    pub pending_removals: Value<Vec<Value<String>>>,
    pub delivery_status: Value<BTreeMap<String, Value<DeliveryStatus>>>,
    pub notified_at: Value<String>,
}

/// One slot.
#[derive(Default, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct KeyState {
    pub key_id: Value<String>,
    pub role: Value<String>,
    pub fingerprint: Value<String>,
    pub created_at: Value<String>,
    pub delivered_at: Value<String>,
    pub verified_at: Value<String>,
    pub promoted_at: Value<String>,
    pub retired_at: Value<String>,
    pub revoke_after: Value<String>,
    #[serde(with = "stored_secret")]
    pub secret: Value<Secret>,
}

/// One delivery.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct DeliveryStatus {
    pub version: Value<String>,
    pub fingerprint: Value<String>,
    pub delivered_at: Value<String>,
    pub state: Value<String>,
    pub reason: Value<String>,
    pub failing_since: Value<String>,
    pub place: Value<String>,
    pub asked_for: Value<Vec<Value<String>>>,
}

/// What Terraform keeps for us and shows nobody. Never a secret. Of a key at rest there is nothing to keep, and
/// Terraform copies it often.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Private {
    /// What the last look at the world told.
    #[serde(skip_serializing_if = "is_default")]
    pub facts: Facts,
    /// When the step that is due was first seen to be due. Plans decide as of this instant.
    #[serde(skip_serializing_if = "is_default")]
    pub noticed_at: Option<Instant>,
    /// Terraform had none of it, and the ledger was not asked yet for what it keeps.
    #[serde(skip_serializing_if = "is_default")]
    pub is_lost: bool,
    /// When a rotation was asked for that has not happened yet.
    #[serde(skip_serializing_if = "is_default")]
    pub requested_at: Option<Instant>,
    /// The account that the keys were seen in: under other credentials all of them would seem to be gone.
    #[serde(skip_serializing_if = "is_default")]
    pub account: Option<String>,
    /// Places that deliveries have left, until they hold none of our keys for certain.
    #[serde(skip_serializing_if = "is_default")]
    pub former: Vec<Former>,
    /// What the plan of a create saw at its places, by the name of the delivery: the mark of the key that a document
    /// leads with, or nothing. A place that could not be looked at is missing.
    #[serde(skip_serializing_if = "is_default")]
    pub seen: BTreeMap<String, Option<String>>,
    /// What is known of the deployments, by name.
    #[serde(skip_serializing_if = "is_default")]
    pub deployments: BTreeMap<String, Record>,
    /// The owner who has left and for whom it was rotated.
    #[serde(skip_serializing_if = "is_default")]
    pub rotated_for: Option<String>,
    /// Emergencies of this key, handled or not. An id in it is never handled again.
    #[serde(skip_serializing_if = "is_default")]
    pub incidents: Vec<Incident>,
    /// The last refresh could not judge what applies did: one is at work, was cut off a moment ago, or nobody could be asked.
    #[serde(skip_serializing_if = "is_default")]
    pub is_unsure: bool,
    /// The plan gives an emergency up, which its apply looks at once more.
    #[serde(skip_serializing_if = "is_default")]
    pub calls_off: bool,
    /// What people have not been told yet.
    #[serde(skip_serializing_if = "is_default")]
    pub untold: Untold,
    /// The plan was asked for a rotation, for its apply to remember until there was one.
    #[serde(skip_serializing_if = "is_default")]
    pub is_asked: bool,
    /// The decision of a plan, for its apply.
    #[serde(skip_serializing_if = "is_default")]
    pub decision: Option<Decision>,
}

impl Private {
    /// What there is to go by where Terraform has kept none of it.
    pub fn lost() -> Self {
        Self {
            is_lost: true,
            ..Self::default()
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The only place where a secret enters or leaves the state: when the user asked for it, or when there is
/// no delivery. What is write-only enters through here too, and leaves never.
pub(crate) mod stored_secret {
    use super::{Secret, Value};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(value: &Value<Secret>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Secret::expose).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Value<Secret>, D::Error> {
        Ok(Value::<String>::deserialize(from)?.map(Secret::new))
    }
}

impl ManagedState {
    /// The name, for messages.
    pub fn label(&self) -> &str {
        self.name
            .as_deref_option()
            .or(self.id.as_deref_option())
            .unwrap_or("apikey_managed")
    }

    /// Whether the secrets belong into the state.
    pub fn stores_secrets(&self) -> bool {
        matches!(self.store_secret_in_state, Value::Value(true))
    }

    /// What the state says of the key, for the engine.
    pub fn managed(&self, private: &Private) -> Result<Managed> {
        let slots = match &self.primary {
            Value::Value(primary) => Some(Slots {
                primary: primary.key("primary")?,
                secondary: self.secondary_slot()?,
                generation: self.generation.as_option().unwrap_or(1).max(1) as u64,
                requested_at: private.requested_at,
            }),
            _ => None,
        };
        let records = self.delivery_status.as_ref_option();
        let pending = self.pending_revocations.as_ref_option();
        Ok(Managed {
            id: self.id.as_deref_option().unwrap_or_default().to_owned(),
            slots,
            deliveries: records
                .into_iter()
                .flatten()
                .filter_map(|(name, status)| Some((name.clone(), status.as_ref_option()?.record())))
                .collect(),
            deployments: private.deployments.clone(),
            pending_revocations: pending
                .into_iter()
                .flatten()
                .filter_map(|id| id.as_deref_option().map(str::to_owned))
                .collect(),
            account: private.account.clone(),
            former: private.former.clone(),
        })
    }

    fn secondary_slot(&self) -> Result<Option<Secondary>> {
        let Value::Value(state) = &self.secondary else {
            return Ok(None);
        };
        let role = match state.role.as_deref_option() {
            Some("staged") => Role::Staged,
            Some("retiring") => Role::Retiring,
            _ => return Err(damaged("secondary", "role", "\"staged\" or \"retiring\"")),
        };
        let key = state.key("secondary")?;
        Ok(Some(Secondary { role, key }))
    }

    /// Takes over what stands in the configuration alone, for one apply.
    pub fn bring(&mut self, config: Self) {
        self.existing_secret_wo = config.existing_secret_wo;
        self.leaks_wo = config.leaks_wo;
        self.issuer = config.issuer;
        self.verification = config.verification;
        self.deployments = config.deployments;
    }

    /// The opposite of [`bring`](Self::bring): no state and no plan holds a write-only value.
    pub fn forget_what_was_brought(&mut self) {
        self.existing_secret_wo = Value::Null;
        self.leaks_wo = Value::Null;
        for fields in [&mut self.verification, &mut self.issuer] {
            if let Value::Value(fields) = fields {
                write_only::forget(fields);
            }
        }
        if let Value::Value(deployments) = &mut self.deployments {
            let entries = deployments.values_mut();
            entries.for_each(|entry| {
                if let Value::Value(fields) = entry {
                    write_only::forget(fields);
                }
            });
        }
    }

    /// Moves the secrets of the state into a cache.
    pub fn take_secrets(&mut self, secrets: &mut SecretCache) {
        for slot in [&mut self.primary, &mut self.secondary] {
            if let Value::Value(key) = slot
                && let Value::Value(secret) = key.secret.take()
            {
                secrets.keep(secret);
            }
        }
    }

    /// Writes down the keys and the deliveries as they are now.
    pub fn record(
        &mut self,
        managed: &Managed,
        policy: Option<&Policy>,
        secrets: Option<&SecretCache>,
    ) {
        let slots = managed.slots.as_ref();
        let state_of = |key: &Key, role| KeyState::new(key, role, secrets);
        self.primary = slots
            .map(|slots| state_of(&slots.primary, "primary"))
            .into();
        self.secondary = slots
            .and_then(|slots| slots.secondary.as_ref())
            .map(|secondary| state_of(&secondary.key, role_word(secondary.role)))
            .into();
        self.generation = slots.map(|slots| slots.generation as i64).into();
        self.phase = slots.map(|slots| phase(slots).to_owned()).into();
        self.last_rotated_at = slots
            .map(|slots| slots.last_rotated_at().to_string())
            .into();
        let ids = managed.pending_revocations.iter();
        self.pending_revocations = Value::Value(ids.cloned().map(Value::Value).collect());
        let places = managed.pending_removals().into_iter();
        self.pending_removals = Value::Value(places.map(Value::Value).collect());
        let records = managed.deliveries.iter();
        self.delivery_status = Value::Value(
            records
                .map(|(name, record)| (name.clone(), Value::Value(DeliveryStatus::new(record))))
                .collect(),
        );
        self.schedule(slots, policy);
    }

    /// The instants that follow from the slots and the policy.
    pub fn schedule(&mut self, slots: Option<&Slots>, policy: Option<&Policy>) {
        let Some((slots, policy)) = slots.zip(policy) else {
            self.next_stage_at = Value::Null;
            self.rotation_due_at = Value::Null;
            return;
        };
        self.next_stage_at = Value::Value(slots.stage_at(policy).to_string());
        self.rotation_due_at = Value::Value(slots.due_at(policy).to_string());
        if let Value::Value(secondary) = &mut self.secondary {
            secondary.revoke_after = instant(slots.revoke_after(policy));
        }
    }
}

impl KeyState {
    fn new(key: &Key, role: &str, secrets: Option<&SecretCache>) -> Self {
        let secret = secrets.and_then(|secrets| secrets.secret_of(key));
        Self {
            key_id: key.key_id.clone().into(),
            role: Value::Value(role.to_owned()),
            fingerprint: key.fingerprint.as_ref().map(Fingerprint::to_string).into(),
            created_at: instant(Some(key.created_at)),
            delivered_at: instant(key.delivered_at),
            verified_at: instant(key.verified_at),
            promoted_at: instant(key.promoted_at),
            retired_at: instant(key.retired_at),
            revoke_after: Value::Null,
            secret: secret.map(Secret::duplicate).into(),
        }
    }

    /// What tells the key from others.
    pub fn mark(&self) -> KeyMark {
        let mark = self.fingerprint.as_deref_option();
        let mark = mark.map(Fingerprint::recorded);
        let key_id = self.key_id.as_deref_option().map(str::to_owned);
        KeyMark::new(key_id, mark.as_ref())
    }

    fn key(&self, slot: &str) -> Result<Key> {
        let read = |name: &str, value: &Value<String>| match value.as_deref_option() {
            None => Ok(None),
            Some(text) => Instant::parse(text)
                .map(Some)
                .ok_or_else(|| damaged(slot, name, "an RFC 3339 instant")),
        };
        let created_at = read("created_at", &self.created_at)?
            .ok_or_else(|| damaged(slot, "created_at", "an RFC 3339 instant"))?;
        let mark = self.fingerprint.as_deref_option();
        Ok(Key {
            key_id: self.key_id.as_deref_option().map(str::to_owned),
            fingerprint: mark.map(Fingerprint::recorded),
            created_at,
            delivered_at: read("delivered_at", &self.delivered_at)?,
            verified_at: read("verified_at", &self.verified_at)?,
            promoted_at: read("promoted_at", &self.promoted_at)?,
            retired_at: read("retired_at", &self.retired_at)?,
        })
    }
}

/// A guess in place of a value of the state could revoke a key that is in use.
fn damaged(slot: &str, attribute: &str, wanted: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("The state of the {slot} key cannot be read"),
        format!(
            "{slot}.{attribute} is not {wanted}. The state was changed by hand or by something else. Nothing was done; \
             restore the state from a backup."
        ),
    )
}

impl DeliveryStatus {
    fn asked(&self) -> Vec<Asked> {
        let asked = self.asked_for.as_ref_option().into_iter().flatten();
        let asked = asked.filter_map(|marks| marks.as_deref_option());
        asked.map(Asked::recorded).collect()
    }

    fn new(record: &DeliveryRecord) -> Self {
        Self {
            version: record.version.clone().into(),
            fingerprint: record
                .fingerprint
                .as_ref()
                .map(Fingerprint::to_string)
                .into(),
            delivered_at: instant(record.delivered_at),
            state: Value::Value(record.state.to_string()),
            reason: record.reason.clone().into(),
            failing_since: instant(record.failing_since),
            place: record.place.clone().into(),
            asked_for: asked_for(&record.asked),
        }
    }

    /// What it says, for the engine.
    pub fn record(&self) -> DeliveryRecord {
        let state = self.state.as_deref_option();
        let mark = self.fingerprint.as_deref_option();
        let read = |value: &Value<String>| value.as_deref_option().and_then(Instant::parse);
        DeliveryRecord {
            version: self.version.as_deref_option().map(str::to_owned),
            fingerprint: mark.map(Fingerprint::recorded),
            delivered_at: read(&self.delivered_at),
            state: state.and_then(|word| word.parse().ok()).unwrap_or_default(),
            reason: self.reason.as_deref_option().map(str::to_owned),
            failing_since: read(&self.failing_since),
            place: self.place.as_deref_option().map(str::to_owned),
            asked: self.asked(),
        }
    }
}

fn asked_for(asked: &[Asked]) -> Value<Vec<Value<String>>> {
    match asked {
        [] => Value::Null,
        asked => Value::Value(
            asked
                .iter()
                .map(|asked| Value::Value(asked.to_string()))
                .collect(),
        ),
    }
}

/// The word for what the secondary slot holds.
pub fn phase(slots: &Slots) -> &'static str {
    match slots.secondary.as_ref().map(|secondary| secondary.role) {
        None => "single",
        Some(role) => role_word(role),
    }
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Staged => "staged",
        Role::Retiring => "retiring",
    }
}

fn instant(at: Option<Instant>) -> Value<String> {
    at.map(|at| at.to_string()).into()
}
