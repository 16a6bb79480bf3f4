//! AWS Secrets Manager: both slots as the value of one secret.
//!
//! The token of a write becomes the id of the version, so a write that is repeated is written once. The new
//! version gets the label `AWSCURRENT`, the former one `AWSPREVIOUS`.

mod api;
mod place;

use std::time::Duration;

use async_trait::async_trait;

use super::document::Layout;
use super::{Document, Found, Observation, Receipt, Store, StoreKind, Version};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::schema::Attributes;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::vendors::aws::{self, Refusal};

use api::{Api, Content, Described, Value};
use place::{OnDestroy, Place};

/// A value just written may be read a moment late; after these waits it is taken for lost.
const REREAD_DELAYS: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// The store `aws_secrets_manager`.
pub struct AwsSecretsManager;

impl StoreKind for AwsSecretsManager {
    fn name(&self) -> &'static str {
        "aws_secrets_manager"
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

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Store>> {
        let place = Place::read(settings)?;
        Ok(Box::new(SecretPlace {
            api: Api {
                client: aws::client(context)?,
                region: place.region.clone(),
                secret_id: place.secret_id.clone(),
            },
            place,
        }))
    }
}

struct SecretPlace {
    api: Api,
    place: Place,
}

#[async_trait]
impl Store for SecretPlace {
    fn place(&self) -> String {
        let id = &self.place.secret_id;
        match &self.place.region {
            Some(region) if !self.place.is_arn() => format!("aws_secrets_manager {id} ({region})"),
            _ => format!("aws_secrets_manager {id}"),
        }
    }

    async fn check(&self) -> Result<()> {
        match self.describe().await? {
            None if self.place.is_arn() => Err(self.no_such_arn()),
            None => Ok(()),
            Some(secret) if secret.deleted => self.may_restore(&secret),
            Some(_) => {
                self.current().await?;
                self.api
                    .may_put()
                    .await
                    .map_err(|refusal| self.unwritten(refusal))
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
        let parsed = value.text.as_ref().map(|text| Layout::parse(text.expose()));
        Ok(Observation {
            found: match parsed {
                None => Found::Foreign("its value is binary".to_owned()),
                Some(None) => {
                    Found::Foreign("its value is not a document of this provider".to_owned())
                }
                Some(Some(document)) => Found::Document(document),
            },
            version: Version::Of(value.version),
        })
    }

    async fn write(&self, document: &Document, token: &str, expected: &Version) -> Result<Receipt> {
        let text = Secret::new(self.place.layout.render(document).as_str().to_owned());
        let mut hidden = vec![&text, &document.primary.secret];
        hidden.extend(document.secondary.as_ref().map(|key| &key.secret));
        let content = Content {
            text: &text,
            hidden: &hidden,
        };
        let restored = self.make_ready(&content, token).await?;
        let current = self.current().await?;
        if let Some(current) = current.as_ref().filter(|value| value.holds(&text)) {
            return Ok(receipt(current));
        }
        if !restored {
            self.refuse_another(current.as_ref(), expected)?;
        }
        let is_current = self.put(&content, token).await?;
        if !is_current {
            self.make_current(token).await?;
        }
        self.read_back(&text).await
    }

    async fn remove(&self, expected: &Version) -> Result<()> {
        let Some(secret) = self.describe().await? else {
            return Ok(());
        };
        let delete = match self.place.on_destroy {
            OnDestroy::Delete => true,
            OnDestroy::Retain => false,
            OnDestroy::DeleteIfCreated => secret.ours,
        };
        if !delete || secret.deleted {
            return Ok(());
        }
        self.refuse_another(self.current().await?.as_ref(), expected)?;
        let deleted = self.api.delete(self.place.recovery_days).await;
        deleted.map_err(|refusal| refusal.explain(format!("{} could not be deleted", self.place())))
    }
}

impl SecretPlace {
    /// Sees to it that there is a secret to put a version into. One made here has its first version at once.
    /// Tells whether it had to be restored, with a value that nobody could see before.
    async fn make_ready(&self, content: &Content<'_>, token: &str) -> Result<bool> {
        match self.describe().await? {
            None if self.place.is_arn() => Err(self.no_such_arn()),
            None => match self.api.create(&self.place.making, content, token).await {
                Ok(()) => Ok(false),
                // Somebody was faster, or an earlier attempt of ours did arrive.
                Err(refusal) if refusal.is("ResourceExistsException") => Ok(false),
                Err(refusal) => {
                    Err(refusal.explain(format!("{} could not be created", self.place())))
                }
            },
            Some(secret) if secret.deleted => {
                self.may_restore(&secret)?;
                let restored = self.api.restore().await;
                restored.map_err(|refusal| {
                    refusal.explain(format!("{} could not be restored", self.place()))
                })?;
                Ok(true)
            }
            Some(_) => Ok(false),
        }
    }

    async fn put(&self, content: &Content<'_>, token: &str) -> Result<bool> {
        self.api.put(content, token).await.map_err(|refusal| {
            if !refusal.is("ResourceExistsException") {
                return self.unwritten(refusal);
            }
            Error::new(
                Kind::Stale,
                format!("{} has another value for this write", self.place()),
                format!(
                    "Version {token} was to be written now, but exists already and holds \
                     something else. Somebody wrote it by hand, or two runs went on at the same \
                     time. Run terraform plan again."
                ),
            )
        })
    }

    /// The version exists but was superseded, by an older copy restored by hand for example: it is put
    /// back in front, taking the label from whoever has it now.
    async fn make_current(&self, version: &str) -> Result<()> {
        let former = self.current().await?.map(|value| value.version);
        if former.as_deref() == Some(version) {
            return Ok(());
        }
        let moved = self.api.make_current(version, former.as_deref()).await;
        moved.map_err(|refusal| {
            refusal.explain(format!(
                "{} could not be set to version {version}",
                self.place()
            ))
        })
    }

    async fn read_back(&self, text: &Secret) -> Result<Receipt> {
        let mut delays = REREAD_DELAYS.iter();
        loop {
            if let Some(current) = self.current().await?.filter(|value| value.holds(text)) {
                return Ok(receipt(&current));
            }
            match delays.next() {
                Some(delay) => self.api.wait(*delay).await?,
                None => return Err(self.overwritten()),
            }
        }
    }

    /// Somebody else was here since the place was looked at.
    fn refuse_another(&self, current: Option<&Value>, expected: &Version) -> Result<()> {
        let version = current.map_or(Version::Absent, |value| Version::Of(value.version.clone()));
        if version == *expected {
            return Ok(());
        }
        Err(Error::new(
            Kind::Stale,
            format!("{} was changed in the meantime", self.place()),
            "Somebody else wrote a value since this apply looked at it. It was left as it is. Plan again.",
        ))
    }

    async fn observe_deleted(&self, refusal: Refusal) -> Result<Observation> {
        match self.describe().await? {
            Some(secret) if secret.deleted && secret.ours => Ok(Observation::nothing()),
            Some(secret) if secret.deleted => Ok(Observation {
                found: Found::Foreign("it is scheduled for deletion".to_owned()),
                version: Version::Of("deleted".to_owned()),
            }),
            _ => Err(self.unread(refusal)),
        }
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

    fn overwritten(&self) -> Error {
        Error::new(
            Kind::Stale,
            format!("{} does not hold what was written", self.place()),
            "Somebody else wrote a value at the same time. Find out who does (a rotation Lambda, \
             another Terraform configuration), stop it, then run terraform plan again.",
        )
    }

    fn unread(&self, refusal: Refusal) -> Error {
        refusal.explain(format!("{} could not be read", self.place()))
    }

    fn unwritten(&self, refusal: Refusal) -> Error {
        refusal.explain(format!("{} could not be written", self.place()))
    }
}

impl Value {
    fn holds(&self, wanted: &Secret) -> bool {
        let text = self.text.as_ref();
        text.is_some_and(|text| text.expose() == wanted.expose())
    }
}

fn receipt(value: &Value) -> Receipt {
    Receipt {
        version: Some(value.version.clone()),
    }
}
