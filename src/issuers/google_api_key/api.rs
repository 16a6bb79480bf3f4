//! The calls to API Keys that this issuer makes, for one project, and their answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::http::{Body, Call, Refusal, Repeat, pages};
use crate::instant::Instant;
use crate::secret::Secret;
use crate::vendors::google::{GoogleClient, Service};

/// An operation is looked at after these waits, in seconds; most are done at the first look.
const LOOKS: [u64; 10] = [1, 1, 2, 2, 4, 4, 8, 8, 15, 15];

pub(super) struct Api {
    pub client: Arc<GoogleClient>,
    pub project: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    pub name: String,
    pub create_time: Option<Instant>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    pub delete_time: Option<Instant>,
}

impl Key {
    /// Its id.
    pub fn id(&self) -> String {
        let id = self.name.rsplit('/').next();
        id.unwrap_or_default().to_owned()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    #[serde(default)]
    keys: Vec<Key>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyString {
    key_string: String,
}

/// Something that was begun.
#[derive(Deserialize)]
struct Operation {
    name: String,
    #[serde(default)]
    done: bool,
    error: Option<Failed>,
}

#[derive(Deserialize)]
struct Failed {
    #[serde(default)]
    code: i64,
}

impl Api {
    /// The name of a key.
    pub fn name(&self, key_id: &str) -> String {
        format!("{}/{key_id}", self.parent())
    }

    fn parent(&self) -> String {
        format!("projects/{}/locations/global/keys", self.project)
    }

    /// Creates a key under an id, and waits until it is there.
    pub async fn create(&self, key_id: &str, key: &Value) -> Result<(), Refusal> {
        let path = format!("/{}", self.parent());
        let call = Call {
            query: &[("keyId", key_id)],
            body: Body::json(key)?,
            ..Call::new("CreateKey", Method::POST, &path, Repeat::IfUntouched)
        };
        let begun: Operation = self.call(&call).await?;
        self.done(begun, "The creation of an API key").await
    }

    pub async fn get(&self, key_id: &str) -> Result<Key, Refusal> {
        let path = format!("/{}", self.name(key_id));
        self.call(&Call::get("GetKey", &path)).await
    }

    /// The text of a key.
    pub async fn key_string(&self, key_id: &str) -> Result<Secret, Refusal> {
        let path = format!("/{}/keyString", self.name(key_id));
        let answer: KeyString = self.call(&Call::get("GetKeyString", &path)).await?;
        Ok(Secret::new(answer.key_string))
    }

    /// All keys of the project but those that were deleted.
    pub async fn list(&self) -> Result<Vec<Key>, Refusal> {
        let what = format!("The list of the API keys of project {}", self.project);
        pages(&what, |token| self.page(token)).await
    }

    async fn page(&self, token: Option<String>) -> Result<(Vec<Key>, Option<String>), Refusal> {
        let path = format!("/{}", self.parent());
        let mut query = vec![("pageSize", "300")];
        query.extend(token.as_deref().map(|token| ("pageToken", token)));
        let call = Call {
            query: &query,
            may_be_quoted: true,
            ..Call::get("ListKeys", &path)
        };
        let page: Keys = self.call(&call).await?;
        Ok((page.keys, page.next_page_token))
    }

    pub async fn delete(&self, key_id: &str) -> Result<(), Refusal> {
        let path = format!("/{}", self.name(key_id));
        let call = Call {
            may_be_quoted: true,
            ..Call::new("DeleteKey", Method::DELETE, &path, Repeat::Freely)
        };
        let begun: Operation = self.call(&call).await?;
        self.done(begun, "The deletion of an API key").await
    }

    async fn done(&self, begun: Operation, what: &str) -> Result<(), Refusal> {
        let mut operation = begun;
        let mut looks = LOOKS.iter();
        while !operation.done {
            let Some(seconds) = looks.next() else {
                return Err(still_going_on(what, &operation.name));
            };
            // Whoever stops does not know how it ended.
            let pause = self.client.http().wait(Duration::from_secs(*seconds));
            let name = operation.name.clone();
            pause.await.map_err(|_| still_going_on(what, &name))?;
            let path = format!("/{name}");
            let look = self.call(&Call::get("GetOperation", &path)).await;
            operation = look.map_err(unknown)?;
        }
        match operation.error {
            None => Ok(()),
            Some(failed) => Err(ended_badly(what, failed.code).into()),
        }
    }

    async fn call<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Refusal> {
        self.client.call(Service::ApiKeys, None, call).await
    }
}

fn still_going_on(what: &str, operation: &str) -> Refusal {
    let error = Error::new(
        Kind::Unavailable,
        format!("{what} has not come to its end"),
        format!("It goes on at Google as {operation}. Run the command again in a few minutes."),
    );
    unknown(error.into())
}

/// It was begun, and nobody knows how it ended.
fn unknown(refusal: Refusal) -> Refusal {
    let mut refusal = refusal;
    refusal.outcome_unknown = true;
    refusal
}

/// The code is one of `google.rpc.Code`; the words could repeat what was sent.
fn ended_badly(what: &str, code: i64) -> Error {
    let (kind, name) = match code {
        5 => (Kind::NotFound, "NOT_FOUND"),
        6 => (Kind::Stale, "ALREADY_EXISTS"),
        7 => (Kind::Denied, "PERMISSION_DENIED"),
        8 => (Kind::Limit, "RESOURCE_EXHAUSTED"),
        14 => (Kind::Unavailable, "UNAVAILABLE"),
        _ => (Kind::Other, "an error"),
    };
    Error::new(
        kind,
        format!("{what} failed"),
        format!(
            "Google began it, and ended it with {name} (code {code}). Check the settings of the issuer and the quota of the project, then \
             apply again."
        ),
    )
}
