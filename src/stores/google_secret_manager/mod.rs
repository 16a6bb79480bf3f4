//! Google Secret Manager: both slots as the versions of one secret.
//!
//! A version is added without any condition. So the newest one is compared right before, and its number tells right after
//! whether another one came between. An alias, which moves only while the secret is as it was seen, follows the newest
//! document. Former versions stay readable through the grace: once the document holds one key alone, they are disabled.

mod answers;
mod api;
mod place;
mod schema;
mod writing;

use std::collections::BTreeMap;

use async_trait::async_trait;
use tf_provider::value::ValueAny;

use super::shape::Shape;
use super::{Capabilities, Document, Found, Observation, Store, StoreKind, Version, Written, fits};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::http::Refusal;
use crate::issuers::Permission;
use crate::schema::Attributes;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::vendors::google;

use answers::{Described, Newest};
use api::{Api, Content};
use place::Place;

/// The store `google_secret_manager`.
pub struct GoogleSecretManager;

const KIND: &str = "google_secret_manager";

/// What Secret Manager takes as a version.
const SIZE_LIMIT: usize = 65_536;

impl StoreKind for GoogleSecretManager {
    fn name(&self) -> &'static str {
        KIND
    }

    fn description(&self) -> &'static str {
        "A secret in Google Secret Manager. Its newest version is one JSON document with both slots; the alias `primary` leads to it. \
         Former versions stay enabled as long as their keys are in use, and are disabled, not destroyed, at the end of the grace \
         period. Needs `roles/secretmanager.viewer`, `roles/secretmanager.secretAccessor` and \
         `roles/secretmanager.secretVersionManager` on the secret, and to create it, to move its alias and to delete it \
         `roles/secretmanager.admin`."
    }

    fn attributes(&self) -> Attributes {
        schema::attributes()
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let text = |text: &str| ValueAny::String(text.into());
        BTreeMap::from([
            ("secret_id".to_owned(), text("payments-key")),
            ("project".to_owned(), text("payments-prod")),
        ])
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Store>> {
        let place = Place::read(settings)?;
        Ok(Box::new(SecretPlace {
            api: Api {
                client: google::client(context)?,
                project: place.project.clone(),
                location: place.location.clone(),
                secret_id: place.secret_id.clone(),
            },
            place,
        }))
    }
}

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "secretmanager.secrets.get",
        needed: "to see whether the secret exists, and where its alias leads",
    },
    Permission {
        name: "secretmanager.versions.access",
        needed: "to see what stands there, to copy from it, and to read back what was written",
    },
    Permission {
        name: "secretmanager.versions.add",
        needed: "to deliver",
    },
    Permission {
        name: "secretmanager.secrets.update",
        needed: "to move the alias, unless `version_alias` is empty",
    },
    Permission {
        name: "secretmanager.versions.list",
        needed: "to find former versions, with `secretmanager.versions.disable` to disable them after the grace period",
    },
    Permission {
        name: "secretmanager.secrets.create",
        needed: "where the secret does not exist yet",
    },
    Permission {
        name: "secretmanager.secrets.delete",
        needed: "where a delivery ends",
    },
];

struct SecretPlace {
    api: Api,
    place: Place,
}

/// One look at a secret.
struct Look {
    secret: Option<Described>,
    newest: Newest,
}

impl Look {
    /// What tells it from every other look.
    fn version(&self) -> Version {
        match &self.newest {
            Newest::Value(value) => Version::Of(value.mark()),
            Newest::Withheld { number, state } if !self.is_ours() => {
                Version::Of(format!("{number} {state}"))
            }
            Newest::Withheld { .. } | Newest::None => Version::Absent,
        }
    }

    fn is_ours(&self) -> bool {
        self.secret.as_ref().is_some_and(Described::is_ours)
    }
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
        self.place.text()
    }

    async fn identity(&self) -> Result<String> {
        Ok(format!("{KIND} {}", self.api.name().await?))
    }

    async fn check(&self, seen: Option<&Observation>) -> Result<()> {
        if self.describe().await?.is_none() {
            return Ok(());
        }
        self.refuse_missing_permissions().await?;
        match seen {
            Some(_) => Ok(()),
            None => self.newest().await.map(drop),
        }
    }

    async fn observe(&self) -> Result<Observation> {
        let look = self.look().await?;
        let found = match &look.newest {
            Newest::None => Found::Nothing,
            Newest::Withheld { number, state } => {
                let way_back = self.way_back(*number, state);
                match look.is_ours() {
                    true => Found::Deleted(way_back),
                    false => Found::hidden(way_back),
                }
            }
            Newest::Value(value) => match value.text() {
                Some(text) => Shape::understand(text),
                None => Found::foreign("its value is binary"),
            },
        };
        self.tell_of_alias(&look);
        Ok(Observation {
            found,
            version: look.version(),
        })
    }

    async fn write(&self, document: &Document, _: &str, expected: &Version) -> Result<Written> {
        let text = self.place.shape.render(document);
        fits(&text, Some(SIZE_LIMIT), &self.place())?;
        let whole = Secret::new(text.as_str().to_owned());
        let mut hidden = vec![&whole, &document.primary.secret];
        hidden.extend(document.secondary.as_ref().map(|key| &key.secret));
        let content = Content {
            data: text.as_bytes(),
            hidden: &hidden,
        };
        let receipt = self.write_over(expected, &content).await?;
        let newest = receipt.version.as_deref();
        match newest.filter(|_| document.secondary.is_none()) {
            Some(newest) => match self.disable_former(newest).await {
                Ok(()) => Ok(Written::Done(receipt)),
                Err(error) => Ok(Written::Lingering(receipt, error)),
            },
            None => Ok(Written::Done(receipt)),
        }
    }

    async fn keeps(&self) -> Result<Option<&'static str>> {
        let secret = self.describe().await?;
        Ok(secret.and_then(|secret| self.place.on_destroy.keeps(secret.is_ours())))
    }

    async fn remove(&self, expected: &Version) -> Result<()> {
        let look = self.look().await?;
        let Some(secret) = &look.secret else {
            return Ok(());
        };
        if self.place.on_destroy.keeps(secret.is_ours()).is_some() {
            return Ok(());
        }
        self.refuse_another(&look, expected)?;
        let deleted = self.api.delete(secret).await;
        deleted.map_err(|refusal| refusal.explain(format!("{} could not be deleted", self.place())))
    }
}

impl SecretPlace {
    async fn look(&self) -> Result<Look> {
        let secret = self.describe().await?;
        let newest = match &secret {
            None => Newest::None,
            Some(_) => self.newest().await?,
        };
        Ok(Look { secret, newest })
    }

    async fn describe(&self) -> Result<Option<Described>> {
        let described = self.api.describe().await;
        described.map_err(|refusal| self.unread(refusal))
    }

    async fn newest(&self) -> Result<Newest> {
        let newest = self.api.newest().await;
        newest.map_err(|refusal| self.unread(refusal))
    }

    fn unread(&self, refusal: Refusal) -> Error {
        refusal.explain(format!("{} could not be read", self.place()))
    }

    /// Secret Manager tells what may be done without doing it.
    async fn refuse_missing_permissions(&self) -> Result<()> {
        let mut needed = vec![
            "secretmanager.versions.add",
            "secretmanager.versions.access",
        ];
        needed.extend(
            self.place
                .alias
                .as_ref()
                .map(|_| "secretmanager.secrets.update"),
        );
        let permitted = self.api.permitted(&needed).await;
        let permitted = permitted.map_err(|refusal| self.unread(refusal))?;
        let is_missing = |permission: &&str| !permitted.iter().any(|there| there == permission);
        let missing: Vec<&str> = needed.into_iter().filter(is_missing).collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(Error::new(
                Kind::Denied,
                format!("{} cannot be delivered to", self.place()),
                format!(
                    "The credentials of the provider lack {} on it. Grant a role with it{}. Nothing was written.",
                    missing.join(", "),
                    match missing.as_slice() {
                        ["secretmanager.secrets.update"] =>
                            ", or do without the alias (version_alias = \"\")",
                        _ => "",
                    }
                ),
            )),
        }
    }

    fn way_back(&self, number: u64, state: &str) -> String {
        let id = &self.place.secret_id;
        match state {
            "DISABLED" => format!(
                "its newest version {number} is disabled, and comes back by: gcloud secrets versions enable {number} --secret={id}"
            ),
            _ => format!(
                "its newest version {number} was destroyed; add another, or deliver to another secret"
            ),
        }
    }

    /// Whoever moved the alias did so on purpose, so it is left until the next document is written.
    fn tell_of_alias(&self, look: &Look) {
        let (Some(alias), Some(secret), Newest::Value(newest)) =
            (&self.place.alias, &look.secret, &look.newest)
        else {
            return;
        };
        if let Some(number) = secret.aliased(alias).filter(|it| *it != newest.number) {
            tracing::warn!(
                place = %self.place(),
                %alias,
                leads_to = number,
                newest = newest.number,
                "the alias does not lead to the newest version; the next delivery moves it"
            );
        }
    }
}
