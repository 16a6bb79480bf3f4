//! The key/value engine of Vault and OpenBao: both slots as the fields of one secret.
//!
//! Version 2 writes over the version that is named and over no other, so a write whose answer was lost is recognised by what
//! stands there. Version 1 knows no condition: it is looked at right before and right after.

mod api;
mod place;
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
use crate::vendors::vault::{self, Looked};

use api::{Api, Mounts};
use place::{Engine, Place};

/// The store `vault_kv`.
pub struct VaultKv;

const KIND: &str = "vault_kv";

/// What every storage of Vault takes as one entry; that of Consul takes no more.
const SIZE_LIMIT: usize = 512 * 1024;

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "create, read, update on <mount>/data/<path>",
        needed: "to deliver, to see what stands there before it is written, and to copy from it",
    },
    Permission {
        name: "update on <mount>/delete/<path>",
        needed: "where a delivery ends",
    },
    Permission {
        name: "delete on <mount>/metadata/<path>",
        needed: "in its place, where `delete_all_versions` is set",
    },
    Permission {
        name: "create, read, update, delete on <mount>/<path>",
        needed: "in place of all of these, where `version` is 1",
    },
    Permission {
        name: "update on sys/capabilities-self",
        needed: "to tell before a mint what is missing; the policy `default` allows it",
    },
];

impl StoreKind for VaultKv {
    fn name(&self) -> &'static str {
        KIND
    }

    fn description(&self) -> &'static str {
        "A secret in a key/value engine of HashiCorp Vault or OpenBao. Its fields are one document with both slots. Fields of \
         somebody else are refused. See the guide [Vault and OpenBao](../guides/vault.md) for a policy with the least that it \
         needs."
    }

    fn attributes(&self) -> Attributes {
        place::attributes()
    }

    fn can_be_gone(&self) -> bool {
        true
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let text = |text: &str| ValueAny::String(text.into());
        BTreeMap::from([
            ("mount".to_owned(), text("secret")),
            ("path".to_owned(), text("prod/payments")),
        ])
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Store>> {
        let place = Place::read(settings)?;
        let client = vault::client(context)?;
        let mounts = context.shared(|| Ok(Mounts::default()))?;
        Ok(Box::new(SecretPlace {
            place,
            api: Api { client, mounts },
        }))
    }
}

struct SecretPlace {
    place: Place,
    api: Api,
}

#[async_trait]
impl Store for SecretPlace {
    fn capabilities(&self) -> Capabilities {
        let is_versioned = self.place.engine == Engine::Versioned;
        Capabilities {
            readable: true,
            size_limit: Some(SIZE_LIMIT),
            conditional: is_versioned,
            versions: is_versioned,
            ..Capabilities::default()
        }
    }

    fn place(&self) -> String {
        self.place.text(&self.api.client)
    }

    async fn identity(&self) -> Result<String> {
        let cluster = self.api.client.cluster_id().await?;
        Ok(format!(
            "{KIND} {cluster} {}",
            self.place.whole(&self.api.client)
        ))
    }

    async fn check(&self, seen: Option<&Observation>) -> Result<()> {
        self.api.confirm_mount(&self.place).await?;
        let path = self.place.side("data");
        let able = self.api.capabilities(&self.place, &path).await;
        if let Some(able) = able.map_err(|refusal| self.unread(refusal))? {
            self.refuse_what_is_not_allowed(&able, seen)?;
        }
        match seen {
            Some(_) => Ok(()),
            None => self.observe().await.map(drop),
        }
    }

    async fn observe(&self) -> Result<Observation> {
        let looked = self.api.read(&self.place).await;
        Ok(match looked.map_err(|refusal| self.unread(refusal))? {
            Looked::Nothing => Observation::nothing(),
            Looked::Gone(remains) if remains.destroyed => Observation::nothing(),
            Looked::Gone(remains) => Observation {
                found: Found::Deleted(format!(
                    "version {version} was deleted, and is brought back by: {} -versions={version}",
                    self.place.command(&self.api.client, "undelete"),
                    version = remains.version
                )),
                version: Version::Absent,
            },
            Looked::There(stored) => Observation {
                found: Shape::understand(stored.text.expose()),
                version: stored.version,
            },
        })
    }

    async fn write(&self, document: &Document, _: &str, expected: &Version) -> Result<Written> {
        let text = self.place.shape.render(document);
        fits(&text, Some(SIZE_LIMIT), &self.place())?;
        self.api.confirm_mount(&self.place).await?;
        let whole = Secret::new(text.as_str().to_owned());
        let mut hidden = vec![&whole, &document.primary.secret];
        hidden.extend(document.secondary.as_ref().map(|key| &key.secret));
        let receipt = match self.place.engine {
            Engine::Versioned => self.write_version(&text, expected, &hidden).await,
            Engine::Plain => self.write_plainly(&text, expected, &hidden).await,
        };
        receipt.map(Written::Done)
    }

    async fn remove(&self, expected: &Version) -> Result<()> {
        let looked = self.api.read(&self.place).await;
        let Looked::There(stored) = looked.map_err(|refusal| self.unread(refusal))? else {
            return Ok(());
        };
        if stored.version != *expected {
            return Err(writing::changed_meanwhile(&self.place()));
        }
        let removed = match stored.about {
            Some(about) if !self.place.delete_all_versions => {
                self.api.delete_version(&self.place, about.version).await
            }
            _ => self.api.delete_all(&self.place).await,
        };
        removed.map_err(|refusal| refusal.explain(format!("{} could not be deleted", self.place())))
    }
}

impl SecretPlace {
    /// A write that is expected to be refused is told before a key is minted for it.
    fn refuse_what_is_not_allowed(
        &self,
        able: &[String],
        seen: Option<&Observation>,
    ) -> Result<()> {
        let has = |capability: &str| {
            able.iter()
                .any(|there| there == capability || there == "root")
        };
        let missing = match seen.map(|seen| &seen.version) {
            _ if !has("read") => "read",
            Some(Version::Of(_)) if !has("update") => "update",
            Some(Version::Absent) if !has("create") && !has("update") => "create",
            None if !has("create") && !has("update") => "update",
            _ => return Ok(()),
        };
        let path = self.place.side("data");
        Err(Error::new(
            Kind::Denied,
            format!("{} cannot be delivered to", self.place()),
            format!(
                "The token of the provider lacks the capability {missing:?} on {:?}: it has {}. Nothing was changed. Allow \
                 create, read and update there by a policy, or work with another token.",
                &path[1..],
                able.join(", ")
            ),
        ))
    }

    fn unread(&self, refusal: Refusal) -> Error {
        refusal.explain(format!("{} could not be read", self.place()))
    }

    fn unwritten(&self, refusal: Refusal) -> Error {
        refusal.explain(format!("{} could not be written", self.place()))
    }
}
