//! A Secret in Kubernetes: both slots in data keys of their own, written together by server-side apply. Whatever else is in
//! the Secret belongs to others.
//!
//! Here is what a delivery does. What it takes of a Secret is in `content`, the calls are in `api`, the object in `wire`, and
//! `trouble` says what speaks against a write.

mod api;
mod content;
mod settings;
mod trouble;
mod wire;

use std::collections::BTreeMap;

use async_trait::async_trait;
use tf_provider::value::ValueAny;

use super::{
    Capabilities, Document, Found, Observation, Receipt, Store, StoreKind, Version, WriteScope,
    Written, fits_in,
};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::http::Meaning;
use crate::issuers::Permission;
use crate::schema::Attributes;
use crate::settings::Settings;
use crate::vendors::kubernetes;

use api::Api;
use settings::Place;
use wire::Object;

/// The store `kubernetes_secret`.
pub struct KubernetesSecret;

const KIND: &str = "kubernetes_secret";

/// All values of a Secret together.
const LARGEST: usize = 1024 * 1024;

/// How often the Secret may change under a writer, who starts again each time.
const ATTEMPTS: usize = 5;

impl StoreKind for KubernetesSecret {
    fn name(&self) -> &'static str {
        KIND
    }

    fn description(&self) -> &'static str {
        "A Secret in Kubernetes, of type `Opaque`. Both slots are written in one request, by server-side apply with a field \
         manager of their own, and only over what was seen; other data keys of the Secret stay as they are. It is deleted only \
         if it was created here and nothing else is in it. Needs the verbs `get`, `patch` and, where it does not exist yet, \
         `create` on Secrets."
    }

    fn attributes(&self) -> Attributes {
        settings::attributes()
    }

    fn can_be_gone(&self) -> bool {
        true
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let text = |text: &str| ValueAny::String(text.into());
        BTreeMap::from([
            ("namespace".to_owned(), text("payments")),
            ("name".to_owned(), text("api-key")),
        ])
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Store>> {
        let place = Place::read(settings)?;
        Ok(Box::new(Target {
            api: Api {
                client: kubernetes::client(context)?,
                namespace: place.namespace.clone(),
                name: place.name.clone(),
                // One for each delivery: what an applier leaves out is taken away from it.
                manager: format!("apikey:{}", place.content.part()),
            },
            place,
        }))
    }
}

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "get secrets",
        needed: "to see what stands there and to copy from it",
    },
    Permission {
        name: "patch secrets",
        needed: "to deliver to a Secret that exists, and to take a delivery out of one that stays",
    },
    Permission {
        name: "create secrets",
        needed: "where the Secret does not exist yet; Kubernetes cannot narrow it to a name",
    },
    Permission {
        name: "delete secrets",
        needed: "where the last delivery to a Secret ends that was created here",
    },
];

struct Target {
    place: Place,
    api: Api,
}

#[async_trait]
impl Store for Target {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            size_limit: Some(LARGEST),
            conditional: true,
            ..Capabilities::default()
        }
    }

    fn place(&self) -> String {
        format!("{} ({})", self.place.object(), self.place.content.part())
    }

    fn write_scope(&self) -> WriteScope {
        WriteScope::part(self.place.object(), self.place.content.part())
    }

    async fn identity(&self) -> Result<String> {
        Ok(self.in_cluster(self.api.client.identity().await?))
    }

    /// One role may read the uid that the cluster is known by, and another one knows no more than its URL.
    async fn is_at(&self, recorded: &str) -> Result<bool> {
        let by_url = self.in_cluster(&self.api.client.url().await?);
        let now = self.identity().await?;
        if recorded == now || recorded == by_url {
            return Ok(true);
        }
        match now == by_url && !recorded.contains("://") {
            true => Err(self.unnamed()),
            false => Ok(false),
        }
    }

    async fn check(&self, _: Option<&Observation>) -> Result<()> {
        let there = self.look().await?;
        if let Some(there) = &there {
            self.refuse_unfit(there)?;
            self.refuse_managed(there, self.place.content.keys().iter())?;
        }
        let rehearsed = self.api.rehearse(there.is_some()).await;
        rehearsed.map_err(|refusal| self.not_written(refusal))
    }

    async fn observe(&self) -> Result<Observation> {
        let Some(there) = self.look().await? else {
            return Ok(Observation::nothing());
        };
        let data = there.data();
        Ok(Observation {
            found: self.place.content.understand(&data),
            version: self.place.content.version(&data),
        })
    }

    async fn write(&self, document: &Document, _: &str, expected: &Version) -> Result<Written> {
        let content = &self.place.content;
        let wanted = content.render(document);
        let sum: usize = wanted.values().map(|text| text.expose().len()).sum();
        fits_in(sum, Some(LARGEST), &self.place())?;
        let written = content.version(&content::data(&wanted));
        for _ in 0..ATTEMPTS {
            let there = self.look().await?;
            if self.version_of(there.as_ref()) == written {
                return Ok(done(written));
            }
            self.refuse_another(there.as_ref(), expected)?;
            let outcome = match &there {
                None => self.api.create(&wanted).await,
                Some(there) => {
                    self.refuse_unfit(there)?;
                    self.refuse_managed(there, there.changed(&wanted))?;
                    self.api.apply(there, &wanted).await
                }
            };
            match outcome {
                Ok(now) if self.version_of(Some(&now)) == written => return Ok(done(written)),
                Ok(_) => return Err(self.altered()),
                // Somebody wrote to the Secret since it was looked at, perhaps beside us.
                Err(refusal) if refusal.meaning == Meaning::Conflict => {}
                Err(refusal) => return Err(self.not_written(refusal)),
            }
        }
        Err(self.restless())
    }

    async fn remove(&self, expected: &Version) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let Some(there) = self.look().await? else {
                return Ok(());
            };
            let data = there.data();
            match self.place.content.understand(&data) {
                Found::Nothing => return Ok(()),
                Found::Foreign(foreign) => return Err(self.foreign(&foreign)),
                _ => self.refuse_another(Some(&there), expected)?,
            }
            let keys = self.place.content.keys();
            let is_alone = data.keys().all(|key| keys.contains(key));
            let outcome = match there.is_ours() && is_alone {
                true => self.api.delete(&there).await,
                false => {
                    self.refuse_unfit(&there)?;
                    let ours: Vec<String> = keys
                        .into_iter()
                        .filter(|key| data.contains_key(key))
                        .collect();
                    self.api.take_out(&there, &ours).await
                }
            };
            match outcome {
                Err(refusal) if matches!(refusal.meaning, Meaning::Conflict | Meaning::Missing) => {
                }
                Err(refusal) => {
                    return Err(refusal.explain(format!("{} could not be removed", self.place())));
                }
                Ok(()) => return Ok(()),
            }
        }
        Err(self.restless())
    }
}

impl Target {
    async fn look(&self) -> Result<Option<Object>> {
        let there = self.api.get().await;
        there.map_err(|refusal| refusal.explain(format!("{} could not be read", self.place())))
    }

    fn in_cluster(&self, cluster: &str) -> String {
        format!("{} in cluster {cluster}", self.place())
    }

    /// The uid was known to whoever wrote there.
    fn unnamed(&self) -> Error {
        Error::new(
            Kind::Denied,
            "the namespace kube-system may not be read, whose uid tells the cluster",
            format!(
                "{} was written to by a role that may read it. Give this role the verb get on that namespace as well.",
                self.place()
            ),
        )
    }

    fn version_of(&self, there: Option<&Object>) -> Version {
        there.map_or(Version::Absent, |there| {
            self.place.content.version(&there.data())
        })
    }
}

fn done(content: Version) -> Written {
    Written::Done(Receipt {
        content,
        version: None,
    })
}
