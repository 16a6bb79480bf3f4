//! The calls to Secrets Manager that this store makes, and their answers.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::KIND;
use super::replicas::{Replica, Replicated};
use super::wire::{
    CreateSecret, DeleteSecret, GetSecretValue, PutAnswer, PutSecretValue, Replicate,
    SecretDescription, SecretValue, StopReplicating, Target, UpdateSecretVersionStage,
};
use crate::error::Result;
use crate::http::Refusal;
use crate::secret::Secret;
use crate::stores::aws::{Identities, Making, Tag, unless_missing};
use crate::vendors::aws::{Service, Session};

/// The label of the version that readers get.
const CURRENT: &str = "AWSCURRENT";

/// The label of the version that had it before. Secrets Manager moves it together with the other.
const PREVIOUS: &str = "AWSPREVIOUS";

pub(super) struct Api {
    pub session: Session,
    pub secret_id: String,
    /// The place, as its settings name it.
    pub place: String,
    pub identities: Arc<Identities>,
}

/// What is written, and what must not come back in a message.
pub(super) struct Content<'a> {
    pub text: &'a Secret,
    pub hidden: &'a [&'a Secret],
}

pub(super) struct Described {
    pub name: String,
    arn: String,
    pub ours: bool,
    pub deleted: bool,
    /// The version that readers get.
    pub current: Option<String>,
    /// The version that they got before.
    pub previous: Option<String>,
    /// The region of the secret itself, if it has copies or is one.
    pub primary_region: Option<String>,
    /// Its copies.
    pub replicas: Vec<Replicated>,
    /// AWS calls a function by the calendar that replaces the value.
    pub rotates_itself: bool,
    /// The service of AWS that made it for itself.
    pub owning_service: Option<String>,
}

impl Described {
    /// The region that was asked.
    pub fn region(&self) -> Option<&str> {
        self.arn.split(':').nth(3)
    }
}

/// The value behind [`CURRENT`].
pub(super) struct Value {
    pub version: String,
    /// `None` for a binary value.
    pub text: Option<Secret>,
}

impl Api {
    /// `None` if there is no such secret.
    pub async fn describe(&self) -> Result<Option<Described>, Refusal> {
        let described = self.call("DescribeSecret", &self.target(), &[]).await;
        let Some(secret): Option<SecretDescription> = unless_missing(described)? else {
            return Ok(None);
        };
        self.note(&secret.arn, &secret.name);
        Ok(Some(Described {
            ours: secret.tags.iter().any(Tag::is_mark),
            deleted: secret.deleted_date.is_some(),
            current: secret.version_with(CURRENT),
            previous: secret.version_with(PREVIOUS),
            name: secret.name,
            arn: secret.arn,
            primary_region: secret.primary_region,
            replicas: secret.replication_status.unwrap_or_default(),
            rotates_itself: secret.rotation_enabled.unwrap_or_default(),
            owning_service: secret.owning_service,
        }))
    }

    /// `None` if there is no such secret, or it has no value yet.
    pub async fn current(&self) -> Result<Option<Value>, Refusal> {
        let input = GetSecretValue {
            secret_id: &self.secret_id,
            version_stage: CURRENT,
        };
        let value = self.call("GetSecretValue", &input, &[]).await;
        let Some(value): Option<SecretValue> = unless_missing(value)? else {
            return Ok(None);
        };
        self.note(&value.arn, &value.name);
        Ok(Some(Value {
            version: value.version_id,
            text: value.secret_string,
        }))
    }

    fn note(&self, arn: &str, name: &str) {
        self.identities.note(&self.place, KIND, arn, name);
    }

    pub async fn create(
        &self,
        making: &Making,
        replicas: &[Replica],
        content: &Content<'_>,
        token: &str,
    ) -> Result<(), Refusal> {
        let input = CreateSecret {
            name: &self.secret_id,
            client_request_token: token,
            secret_string: content.text.expose(),
            kms_key_id: making.kms_key_id.as_deref(),
            description: making.description.as_deref(),
            tags: making.tags(),
            add_replica_regions: replicas,
        };
        self.call::<_, IgnoredAny>("CreateSecret", &input, content.hidden)
            .await?;
        Ok(())
    }

    /// Writes a version and tells whether it is the current one. A token that already stands for this very
    /// value changes nothing, and its version may have been superseded meanwhile.
    pub async fn put(&self, content: &Content<'_>, token: &str) -> Result<bool, Refusal> {
        let input = PutSecretValue {
            secret_id: &self.secret_id,
            client_request_token: token,
            secret_string: content.text.expose(),
        };
        let put: PutAnswer = self.call("PutSecretValue", &input, content.hidden).await?;
        let mut stages = put.version_stages.iter().flatten();
        Ok(stages.any(|stage| stage == CURRENT))
    }

    pub async fn make_current(&self, version: &str, former: Option<&str>) -> Result<(), Refusal> {
        let input = UpdateSecretVersionStage {
            secret_id: &self.secret_id,
            version_stage: CURRENT,
            move_to_version_id: version,
            remove_from_version_id: former,
        };
        let moved = self.call::<_, IgnoredAny>("UpdateSecretVersionStage", &input, &[]);
        moved.await.map(drop)
    }

    pub async fn restore(&self) -> Result<(), Refusal> {
        let target = self.target();
        let restored = self.call::<_, IgnoredAny>("RestoreSecret", &target, &[]);
        restored.await.map(drop)
    }

    /// Copies the secret to more regions.
    pub async fn replicate(&self, replicas: &[&Replica]) -> Result<(), Refusal> {
        let input = Replicate {
            secret_id: &self.secret_id,
            add_replica_regions: replicas,
        };
        let made = self.call::<_, IgnoredAny>("ReplicateSecretToRegions", &input, &[]);
        made.await.map(drop)
    }

    /// Deletes the copies in these regions: a secret with copies cannot be deleted.
    pub async fn stop_replicating(&self, regions: &[&str]) -> Result<(), Refusal> {
        let input = StopReplicating {
            secret_id: &self.secret_id,
            remove_replica_regions: regions,
        };
        let stopped = self.call::<_, IgnoredAny>("RemoveRegionsFromReplication", &input, &[]);
        stopped.await.map(drop)
    }

    /// Deletes after so many days, or for good with none.
    pub async fn delete(&self, recovery_days: Option<u64>) -> Result<(), Refusal> {
        let input = DeleteSecret {
            secret_id: &self.secret_id,
            recovery_window_in_days: recovery_days,
            force_delete_without_recovery: recovery_days.is_none().then_some(true),
        };
        let deleted = self
            .call::<_, IgnoredAny>("DeleteSecret", &input, &[])
            .await;
        unless_missing(deleted).map(drop)
    }

    /// Waits before looking again; an error if a person asks to stop meanwhile.
    pub async fn wait(&self, delay: Duration) -> Result<()> {
        self.session.wait(delay).await
    }

    fn target(&self) -> Target<'_> {
        Target {
            secret_id: &self.secret_id,
        }
    }

    async fn call<Input: Serialize, Output: DeserializeOwned>(
        &self,
        operation: &str,
        input: &Input,
        secrets: &[&Secret],
    ) -> Result<Output, Refusal> {
        let service = Service::SecretsManager;
        let called = self.session.call(service, operation, input, secrets);
        called.await
    }
}
