//! The calls of one place in a key/value engine.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::place::{Engine, Place};
use crate::error::{Error, Kind, Result};
use crate::http::{Body, Call, Meaning, Refusal, Repeat};
use crate::secret::Secret;
use crate::stores::Version;
use crate::vendors::vault::{Looked, VaultClient, call};

/// The mounts that this run has looked at and found right, with their namespaces.
#[derive(Default)]
pub(super) struct Mounts(Mutex<HashSet<(String, String, bool)>>);

/// The calls.
pub(super) struct Api {
    pub client: Arc<VaultClient>,
    pub mounts: Arc<Mounts>,
}

/// What stands at a place.
pub(super) struct Stored {
    /// The fields, as JSON.
    pub text: Secret,
    /// Which content that is.
    pub version: Version,
    /// What the engine tells of the version, where there are versions.
    pub about: Option<About>,
}

/// What the engine tells of a version.
#[derive(Deserialize)]
pub(super) struct About {
    pub version: u64,
    created_time: String,
    /// Empty for one that stays.
    #[serde(default)]
    pub deletion_time: String,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct VersionRead {
    data: Map<String, Value>,
    metadata: About,
}

#[derive(Deserialize)]
struct Mount {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    options: Option<BTreeMap<String, String>>,
}

impl About {
    /// The number alone comes again where a secret was deleted with all that it had.
    pub fn content(&self) -> Version {
        Version::Of(format!("{} {}", self.version, self.created_time))
    }
}

impl Stored {
    /// Whether these very fields stand there.
    pub fn holds(&self, text: &str) -> bool {
        let read = |text: &str| serde_json::from_str::<Value>(text).ok();
        read(self.text.expose()) == read(text)
    }
}

impl Api {
    /// What stands there now.
    pub async fn read(&self, place: &Place) -> Result<Looked<Stored>, Refusal> {
        let (path, namespace) = (place.side("data"), place.namespace.as_deref());
        let operation = format!("GET {}", &path[1..]);
        let get = Call::get(&operation, &path);
        let text = |fields: Map<String, Value>| Secret::new(Value::Object(fields).to_string());
        Ok(match place.engine {
            Engine::Versioned => match self
                .client
                .look::<Answer<VersionRead>>(namespace, &get)
                .await?
            {
                Looked::There(Answer { data }) => Looked::There(Stored {
                    version: data.metadata.content(),
                    text: text(data.data),
                    about: Some(data.metadata),
                }),
                Looked::Gone(remains) => Looked::Gone(remains),
                Looked::Nothing => Looked::Nothing,
            },
            Engine::Plain => match self
                .client
                .look::<Answer<Map<String, Value>>>(namespace, &get)
                .await?
            {
                Looked::There(Answer { data }) => {
                    let text = text(data);
                    Looked::There(Stored {
                        version: Version::of_bytes(text.expose().as_bytes()),
                        about: None,
                        text,
                    })
                }
                _ => Looked::Nothing,
            },
        })
    }

    /// Writes a version over the one of this number, or over none if it is 0.
    pub async fn put_over(
        &self,
        place: &Place,
        number: u64,
        text: &str,
        secrets: &[&Secret],
    ) -> Result<About, Refusal> {
        let (path, namespace) = (place.side("data"), place.namespace.as_deref());
        let operation = format!("POST {}", &path[1..]);
        let body = Zeroizing::new(format!(r#"{{"options":{{"cas":{number}}},"data":{text}}}"#));
        let call = Call {
            body: Body::new("application/json", body),
            secrets,
            ..Call::new(&operation, Method::POST, &path, Repeat::Freely)
        };
        let written: Answer<About> = self.client.json(namespace, &call).await?;
        Ok(written.data)
    }

    /// Writes whatever stands there.
    pub async fn put(&self, place: &Place, text: &str, secrets: &[&Secret]) -> Result<(), Refusal> {
        let (path, namespace) = (place.side("data"), place.namespace.as_deref());
        let operation = format!("POST {}", &path[1..]);
        let call = Call {
            body: Body::new("application/json", Zeroizing::new(text.to_owned())),
            secrets,
            ..Call::new(&operation, Method::POST, &path, Repeat::Freely)
        };
        self.client.done(namespace, &call).await
    }

    /// Deletes the version of this number, and no other.
    pub async fn delete_version(&self, place: &Place, number: u64) -> Result<(), Refusal> {
        let (path, namespace) = (place.side("delete"), place.namespace.as_deref());
        let operation = format!("POST {}", &path[1..]);
        let body = json!({ "versions": [number] });
        let call = Call {
            may_be_quoted: true,
            ..call(&operation, Method::POST, &path, &body, Repeat::Freely)?
        };
        self.client.done(namespace, &call).await
    }

    /// Deletes the value, or all versions and what describes them.
    pub async fn delete_all(&self, place: &Place) -> Result<(), Refusal> {
        let (path, namespace) = (place.side("metadata"), place.namespace.as_deref());
        let operation = format!("DELETE {}", &path[1..]);
        let call = Call {
            may_be_quoted: true,
            ..Call::new(&operation, Method::DELETE, &path, Repeat::Freely)
        };
        self.client.done(namespace, &call).await
    }

    /// What the token may do at a path; `None` if it may not even ask.
    pub async fn capabilities(
        &self,
        place: &Place,
        path: &str,
    ) -> Result<Option<Vec<String>>, Refusal> {
        let path = path.trim_start_matches('/');
        let body = json!({ "paths": [path] });
        let operation = "POST sys/capabilities-self";
        let ask = Call {
            may_be_quoted: true,
            ..call(
                operation,
                Method::POST,
                "/sys/capabilities-self",
                &body,
                Repeat::Freely,
            )?
        };
        let namespace = place.namespace.as_deref();
        let answer: Result<Answer<BTreeMap<String, Vec<String>>>, _> =
            self.client.json(namespace, &ask).await;
        match answer {
            Ok(mut answer) => Ok(answer.data.remove(path)),
            Err(refusal) if refusal.meaning == Meaning::Forbidden => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Makes sure that what is mounted there is an engine of this version: written to the wrong one, the keys would stand
    /// where no reader looks.
    pub async fn confirm_mount(&self, place: &Place) -> Result<()> {
        let namespace = self.client.namespace(place.namespace.as_deref());
        let known = (
            namespace,
            place.mount.clone(),
            place.engine == Engine::Plain,
        );
        if self.mounts.known().contains(&known) {
            return Ok(());
        }
        let path = format!("/sys/internal/ui/mounts/{}", place.mount);
        let operation = format!("GET {}", &path[1..]);
        let get = Call {
            may_be_quoted: true,
            ..Call::get(&operation, &path)
        };
        let mount: Result<Answer<Mount>, _> =
            self.client.json(place.namespace.as_deref(), &get).await;
        let mount = mount.map_err(|refusal| {
            let error = refusal.explain(format!(
                "{} cannot be delivered to",
                place.text(&self.client)
            ));
            match error.kind {
                Kind::Denied => Error {
                    detail: format!(
                        "{} Vault answers the same where nothing is mounted at {:?}.",
                        error.detail, place.mount
                    ),
                    ..error
                },
                _ => error,
            }
        })?;
        self.judge(place, &mount.data)?;
        self.mounts.known().insert(known);
        Ok(())
    }

    fn judge(&self, place: &Place, mount: &Mount) -> Result<()> {
        let there = mount.path.trim_end_matches('/');
        let version = mount
            .options
            .as_ref()
            .and_then(|options| options.get("version"));
        let engine = match version.map(String::as_str) {
            Some("2") => Engine::Versioned,
            _ => Engine::Plain,
        };
        let detail = if there != place.mount {
            format!(
                "Nothing is mounted at {:?}; it lies in the mount {there:?}. Set mount to {there:?} and path to the rest.",
                place.mount
            )
        } else if !matches!(mount.kind.as_str(), "kv" | "generic") {
            format!(
                "What is mounted at {there:?} is of the type {:?}. Choose a mount of the type \"kv\".",
                mount.kind
            )
        } else if engine != place.engine {
            let version = if engine == Engine::Plain { 1 } else { 2 };
            format!("The engine at {there:?} is of version {version}. Set version = {version}.")
        } else {
            return Ok(());
        };
        let summary = format!("{} cannot be delivered to", place.text(&self.client));
        Err(Error::new(Kind::Invalid, summary, detail))
    }
}

impl Mounts {
    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<(String, String, bool)>> {
        // Entries are only ever added whole, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
