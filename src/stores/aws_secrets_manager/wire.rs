//! What goes over the wire to Secrets Manager and back.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use super::replicas::{Replica, Replicated};
use crate::secret::Secret;
use crate::stores::aws::{Tag, tags_of};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Target<'a> {
    pub secret_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetSecretValue<'a> {
    pub secret_id: &'a str,
    pub version_stage: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateSecret<'a> {
    pub name: &'a str,
    pub client_request_token: &'a str,
    pub secret_string: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    pub tags: Vec<Tag>,
    #[serde(skip_serializing_if = "<[Replica]>::is_empty")]
    pub add_replica_regions: &'a [Replica],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Replicate<'a> {
    pub secret_id: &'a str,
    pub add_replica_regions: &'a [&'a Replica],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StopReplicating<'a> {
    pub secret_id: &'a str,
    pub remove_replica_regions: &'a [&'a str],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutSecretValue<'a> {
    pub secret_id: &'a str,
    pub client_request_token: &'a str,
    pub secret_string: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateSecretVersionStage<'a> {
    pub secret_id: &'a str,
    pub version_stage: &'a str,
    pub move_to_version_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_from_version_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteSecret<'a> {
    pub secret_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_window_in_days: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_delete_without_recovery: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SecretDescription {
    #[serde(rename = "ARN", default)]
    pub arn: String,
    #[serde(default)]
    pub name: String,
    pub deleted_date: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "tags_of")]
    pub tags: Vec<Tag>,
    pub version_ids_to_stages: Option<BTreeMap<String, Vec<String>>>,
    pub primary_region: Option<String>,
    pub replication_status: Option<Vec<Replicated>>,
    pub rotation_enabled: Option<bool>,
    pub owning_service: Option<String>,
}

impl SecretDescription {
    /// The version that has this label.
    pub fn version_with(&self, label: &str) -> Option<String> {
        let mut versions = self.version_ids_to_stages.iter().flatten();
        let labelled = versions.find(|(_, labels)| labels.iter().any(|there| there == label));
        labelled.map(|(version, _)| version.clone())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SecretValue {
    #[serde(rename = "ARN", default)]
    pub arn: String,
    #[serde(default)]
    pub name: String,
    pub version_id: String,
    #[serde(default, deserialize_with = "as_secret")]
    pub secret_string: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutAnswer {
    pub version_stages: Option<Vec<String>>,
}

fn as_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let text: Option<String> = Deserialize::deserialize(deserializer)?;
    Ok(text.map(Secret::new))
}
