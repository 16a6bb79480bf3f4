//! Copies of a secret in other regions: AWS keeps them in step, and they can be read only.

use serde::{Deserialize, Serialize};
use tf_provider::schema::{Attribute, AttributeType};

use super::SecretPlace;
use super::api::Described;
use crate::error::{Error, Kind, Result};
use crate::schema::{attributes as table, optional, required};
use crate::settings::Settings;
use crate::stores::Store;
use crate::stores::aws::kms_key_id;
use crate::vendors::aws;

/// A copy that is wanted.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Replica {
    region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
}

/// A copy that there is.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Replicated {
    pub region: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    status_message: Option<String>,
}

pub fn attribute() -> Attribute {
    let replica = table([
        (
            "region",
            required(AttributeType::String, "Region of the copy."),
        ),
        (
            "kms_key_id",
            optional(
                AttributeType::String,
                "KMS key of that region that encrypts the copy. Default: the key `aws/secretsmanager` there.",
            ),
        ),
    ]);
    optional(
        AttributeType::AttributeList(replica),
        "Regions that the secret is copied to, for readers there. A copy that is missing is made at the next delivery; one that \
         is no longer listed stays until the secret is deleted. Needs `secretsmanager:ReplicateSecretToRegions`, and to delete \
         the secret `RemoveRegionsFromReplication`.",
    )
}

/// Reads the attribute; `own` is the region of the secret, if it is known.
pub fn read(settings: &Settings, own: Option<&str>) -> Result<Vec<Replica>> {
    let mut replicas: Vec<Replica> = Vec::new();
    for entry in settings.objects("replica") {
        entry.required_string("region")?;
        let region = aws::region(&entry)?.unwrap_or_default();
        let is_known = replicas.iter().any(|replica| replica.region == region);
        if is_known || own == Some(region.as_str()) {
            return Err(entry.wrong(
                "region",
                "A region has the secret twice",
                format!("The secret is in {region:?} already. List every other region once."),
            ));
        }
        replicas.push(Replica {
            region,
            kms_key_id: kms_key_id(&entry)?,
        });
    }
    Ok(replicas)
}

impl SecretPlace {
    /// Makes the copies that are missing, and tells of one that could not be made.
    pub(super) async fn replicate(&self, secret: &Described) -> Result<()> {
        let is_there = |wanted: &&Replica| {
            let mut there = secret.replicas.iter();
            there.any(|replica| replica.region == wanted.region)
        };
        let wanted = self.place.replicas.iter();
        let missing: Vec<&Replica> = wanted.filter(|it| !is_there(it)).collect();
        if !missing.is_empty() {
            let made = self.api.replicate(&missing).await;
            return made.map_err(|refusal| {
                refusal.explain(format!(
                    "{} could not be copied to other regions",
                    self.place()
                ))
            });
        }
        let is_wanted = |there: &&Replicated| {
            let mut wanted = self.place.replicas.iter();
            wanted.any(|replica| replica.region == there.region)
        };
        let mut there = secret.replicas.iter().filter(is_wanted);
        match there.find(|replica| replica.status == "Failed") {
            Some(failed) => Err(self.not_replicated(failed)),
            None => Ok(()),
        }
    }

    /// Which copy is missing, or could not be made.
    pub(super) async fn lacking(&self) -> Result<Option<String>> {
        if self.place.replicas.is_empty() {
            return Ok(None);
        }
        let described = self.describe().await?;
        let there = described.map_or_else(Vec::new, |secret| secret.replicas);
        let lacks = self.place.replicas.iter().find_map(|wanted| {
            let region = &wanted.region;
            match there.iter().find(|copy| copy.region == *region) {
                None => Some(format!("its copy in {region} is missing")),
                Some(copy) if copy.status == "Failed" => {
                    Some(format!("its copy in {region} could not be made"))
                }
                Some(_) => None,
            }
        });
        Ok(lacks)
    }

    fn not_replicated(&self, failed: &Replicated) -> Error {
        let region = &failed.region;
        let why = failed
            .status_message
            .as_deref()
            .unwrap_or("it gave no reason");
        let id = &self.place.secret_id;
        Error::new(
            Kind::Other,
            format!("{} has no copy in {region}", self.place()),
            format!(
                "AWS could not make it: {}. Readers in {region} do not get what was delivered. Remove the cause, then the \
                 copy (aws secretsmanager remove-regions-from-replication --secret-id {id} --remove-replica-regions \
                 {region}), and apply again.",
                why.trim_end_matches('.')
            ),
        )
    }

    /// A copy can be read only, and names nothing of its own.
    pub(super) fn refuse_replica(&self, secret: &Described) -> Result<()> {
        let (Some(primary), Some(own)) = (&secret.primary_region, secret.region()) else {
            return Ok(());
        };
        if primary == own {
            return Ok(());
        }
        let name = &secret.name;
        Err(Error::new(
            Kind::Invalid,
            format!("{} is a copy of a secret in {primary}", self.place()),
            format!(
                "AWS keeps the copy in {own} in step with the secret itself and takes no value for it. Deliver to the secret: \
                 secret_id = {name:?}, region = {primary:?}. Readers in {own} get what is delivered there."
            ),
        ))
    }
}
