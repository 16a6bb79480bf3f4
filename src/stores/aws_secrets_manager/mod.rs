//! AWS Secrets Manager: both slots as the value of one secret.
//!
//! The token of a write becomes the id of the version, so a write that is repeated is written once. The new
//! version gets the label `AWSCURRENT`, the former one `AWSPREVIOUS`.
//!
//! Secrets Manager has no condition for a put. So the current version is compared right before it, and the labels tell
//! right after it which version was really superseded: another one is put back in front.

mod api;
mod identity;
mod place;
mod replicas;
mod wire;
mod writing;

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use tf_provider::value::ValueAny;

use super::aws::{Identities, explain};
use super::shape::Shape;
use super::{Capabilities, Document, Found, Observation, Store, StoreKind, Version, Written, fits};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::http::Refusal;
use crate::issuers::Permission;
use crate::schema::Attributes;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::vendors::aws::Session;

use api::{Api, Content, Described, Value};
use place::Place;
use writing::There;

/// The store `aws_secrets_manager`.
pub struct AwsSecretsManager;

impl StoreKind for AwsSecretsManager {
    fn name(&self) -> &'static str {
        KIND
    }

    fn description(&self) -> &'static str {
        "A secret in AWS Secrets Manager. Its value is one JSON document with both slots. Needs \
         the permissions `secretsmanager:DescribeSecret`, `GetSecretValue`, `PutSecretValue` and \
         `UpdateSecretVersionStage`; to create secrets also `CreateSecret`, `TagResource` and \
         `RestoreSecret`, to delete them `DeleteSecret`."
    }

    fn attributes(&self) -> Attributes {
        place::attributes()
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let id = ValueAny::String("prod/payments".into());
        BTreeMap::from([("secret_id".to_owned(), id)])
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Store>> {
        let place = Place::read(settings)?;
        Ok(Box::new(SecretPlace {
            api: Api {
                session: Session::new(&place.access, context)?,
                secret_id: place.secret_id.clone(),
                place: place.text(),
                identities: context.shared(|| Ok(Identities::default()))?,
            },
            place,
            seen: Mutex::default(),
        }))
    }
}

const KIND: &str = "aws_secrets_manager";

/// What Secrets Manager takes as the value of a secret.
const SIZE_LIMIT: usize = 65_536;

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "secretsmanager:DescribeSecret",
        needed: "to see which version is the current one, and who else writes there",
    },
    Permission {
        name: "secretsmanager:GetSecretValue",
        needed: "to copy from it, and to see what stands there before it is written",
    },
    Permission {
        name: "secretsmanager:PutSecretValue",
        needed: "to deliver",
    },
    Permission {
        name: "secretsmanager:UpdateSecretVersionStage",
        needed: "to put a version of somebody else back in front",
    },
    Permission {
        name: "secretsmanager:CreateSecret",
        needed: "where the secret does not exist yet, with `secretsmanager:TagResource`",
    },
    Permission {
        name: "secretsmanager:ReplicateSecretToRegions",
        needed: "where `replica` is set; `RemoveRegionsFromReplication` where such a secret is deleted",
    },
    Permission {
        name: "secretsmanager:RestoreSecret",
        needed: "where it was deleted and its recovery window is not over",
    },
    Permission {
        name: "secretsmanager:DeleteSecret",
        needed: "where a delivery ends",
    },
];

struct SecretPlace {
    api: Api,
    place: Place,
    /// What was seen or written here last: a version never changes its value.
    seen: Mutex<Option<There>>,
}

#[async_trait]
impl Store for SecretPlace {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            size_limit: Some(SIZE_LIMIT),
            versions: true,
            ..Capabilities::default()
        }
    }

    fn place(&self) -> String {
        self.api.place.clone()
    }

    async fn identity(&self) -> Result<String> {
        self.find_identity().await
    }

    async fn check(&self, seen: Option<&Observation>) -> Result<()> {
        let is_missing = seen.is_some_and(|seen| seen.version == Version::Absent);
        if is_missing && !self.place.is_arn() {
            // Its creation is refused if it is there after all.
            return Ok(());
        }
        match self.describe().await? {
            None if self.place.is_arn() => Err(self.no_such_arn()),
            None => Ok(()),
            Some(secret) if secret.deleted => self.may_restore(&secret),
            Some(secret) => {
                self.refuse_what_others_write(&secret)?;
                match seen {
                    Some(_) => Ok(()),
                    None => self.current().await.map(drop),
                }
            }
        }
    }

    async fn observe(&self) -> Result<Observation> {
        let value = match self.api.current().await {
            Ok(value) => value,
            Err(refusal) if refusal.is("InvalidRequestException") => {
                return self.observe_deleted(refusal).await;
            }
            Err(refusal) => return Err(self.unread(refusal)),
        };
        let Some(value) = value else {
            return Ok(Observation::nothing());
        };
        self.remember(There::of(&value));
        Ok(Observation {
            found: match &value.text {
                Some(text) => Shape::understand(text.expose()),
                None => Found::foreign("its value is binary"),
            },
            version: Version::Of(value.version),
        })
    }

    async fn lacks(&self) -> Result<Option<String>> {
        self.lacking().await
    }

    async fn write(&self, document: &Document, token: &str, expected: &Version) -> Result<Written> {
        let text = self.place.shape.render(document);
        fits(&text, Some(SIZE_LIMIT), &self.place())?;
        let text = Secret::new(text.as_str().to_owned());
        let mut hidden = vec![&text, &document.primary.secret];
        hidden.extend(document.secondary.as_ref().map(|key| &key.secret));
        let content = Content {
            text: &text,
            hidden: &hidden,
        };
        let written = self.write_over(expected, &content, token).await?;
        if let Some(version) = &written.version {
            self.remember(There::written(version, &text));
        }
        Ok(Written::Done(written))
    }

    async fn obstacle(&self) -> Result<()> {
        match self.describe().await? {
            Some(secret) if !secret.deleted => self.refuse_what_others_write(&secret),
            _ => Ok(()),
        }
    }

    async fn keeps(&self) -> Result<Option<&'static str>> {
        let secret = self.describe().await?;
        let secret = secret.filter(|secret| !secret.deleted);
        Ok(secret.and_then(|secret| self.place.on_destroy.keeps(secret.ours)))
    }

    async fn remove(&self, expected: &Version) -> Result<()> {
        let Some(secret) = self.describe().await? else {
            return Ok(());
        };
        if self.place.on_destroy.keeps(secret.ours).is_some() || secret.deleted {
            return Ok(());
        }
        self.refuse_another(self.there().await?.as_ref(), expected)?;
        self.delete_copies(&secret).await?;
        let deleted = self.api.delete(self.place.recovery_days).await;
        deleted.map_err(|refusal| refusal.explain(format!("{} could not be deleted", self.place())))
    }
}

impl SecretPlace {
    async fn observe_deleted(&self, refusal: Refusal) -> Result<Observation> {
        match self.describe().await? {
            Some(secret) if secret.deleted && secret.ours => Ok(Observation {
                found: Found::Deleted(self.way_back()),
                version: Version::Absent,
            }),
            Some(secret) if secret.deleted => Ok(Observation {
                found: Found::hidden(self.way_back()),
                version: Version::Of("deleted".to_owned()),
            }),
            _ => Err(self.unread(refusal)),
        }
    }

    /// Until the recovery window has passed, its value is still there.
    fn way_back(&self) -> String {
        format!(
            "it is scheduled for deletion, and brought back by: aws secretsmanager restore-secret --secret-id {}",
            self.place.secret_id
        )
    }

    async fn delete_copies(&self, secret: &Described) -> Result<()> {
        let regions: Vec<&str> = secret
            .replicas
            .iter()
            .map(|it| it.region.as_str())
            .collect();
        if regions.is_empty() {
            return Ok(());
        }
        let stopped = self.api.stop_replicating(&regions).await;
        stopped.map_err(|refusal| {
            refusal.explain(format!(
                "The copies of {} in other regions could not be deleted",
                self.place()
            ))
        })
    }

    /// Whoever else writes there would take the keys away from their readers.
    fn refuse_what_others_write(&self, secret: &Described) -> Result<()> {
        self.refuse_replica(secret)?;
        let id = &self.place.secret_id;
        let (who, detail) = match &secret.owning_service {
            Some(service) => (
                format!("is a secret of the AWS service {service}"),
                "That service made it for itself and writes there whenever it likes. Deliver to another secret.".to_owned(),
            ),
            None if secret.rotates_itself => (
                "is rotated by AWS itself".to_owned(),
                format!(
                    "Its rotation is switched on (RotationEnabled), so a function replaces its value by a calendar of its own, \
                     and readers would lose the delivered keys. Nothing was changed. Switch it off (aws secretsmanager \
                     cancel-rotate-secret --secret-id {id}), or deliver to another secret."
                ),
            ),
            None => return Ok(()),
        };
        Err(Error::new(
            Kind::Invalid,
            format!("{} {who}", self.place()),
            detail,
        ))
    }

    async fn describe(&self) -> Result<Option<Described>> {
        self.api
            .describe()
            .await
            .map_err(|refusal| self.unread(refusal))
    }

    async fn current(&self) -> Result<Option<Value>> {
        self.api
            .current()
            .await
            .map_err(|refusal| self.unread(refusal))
    }

    /// What this provider created, and later deleted, it may take back. What others deleted it may not.
    fn may_restore(&self, secret: &Described) -> Result<()> {
        if secret.ours {
            return Ok(());
        }
        let id = &self.place.secret_id;
        Err(Error::new(
            Kind::Invalid,
            format!("{} is scheduled for deletion", self.place()),
            format!(
                "Somebody deleted it, and until the recovery window has passed its name cannot \
                 be used. Restore it (aws secretsmanager restore-secret --secret-id {id}), \
                 delete it for good (aws secretsmanager delete-secret \
                 --force-delete-without-recovery --secret-id {id}), or deliver to another secret."
            ),
        ))
    }

    fn no_such_arn(&self) -> Error {
        Error::new(
            Kind::NotFound,
            format!("{} does not exist", self.place()),
            "An ARN can only name a secret that exists. Give the name of the secret in secret_id \
             and it is created, or correct the ARN.",
        )
    }

    fn unread(&self, refusal: Refusal) -> Error {
        explain(refusal, format!("{} could not be read", self.place()))
    }

    fn unwritten(&self, refusal: Refusal) -> Error {
        let is_full = refusal.is("LimitExceededException");
        let error = explain(refusal, format!("{} could not be written", self.place()));
        match is_full {
            false => error,
            true => Error {
                detail: "AWS answered LimitExceededException: the secret has no room for another version. It keeps every version of \
                     the last 24 hours. Wait until the older ones are a day old, then apply again, and deliver more seldom: AWS \
                     asks for ten minutes between two values in the long run.".to_owned(),
                ..error
            },
        }
    }
}
