//! The calls to the API server that this store makes, for one Secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Method;
use serde::de::IgnoredAny;
use serde_json::json;
use zeroize::Zeroizing;

use super::wire::{Applied, Object};
use crate::error::{Kind, Result};
use crate::http::{Body, Call, Refusal, Repeat};
use crate::secret::Secret;
use crate::vendors::kubernetes::Client;

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";

/// One Secret.
pub struct Api {
    pub client: Arc<Client>,
    pub namespace: String,
    pub name: String,
    /// By whom fields are owned that are written here.
    pub manager: String,
}

impl Api {
    /// `None` if there is no such Secret.
    pub async fn get(&self) -> Result<Option<Object>, Refusal> {
        let path = self.path();
        match self.client.call(&Call::get("get secrets", &path)).await {
            Err(refusal) if refusal.kind == Kind::NotFound => Ok(None),
            got => got.map(Some),
        }
    }

    /// Creates the Secret. Sent again after a lost answer it says that there is one.
    pub async fn create(&self, data: &BTreeMap<String, Secret>) -> Result<Object, Refusal> {
        let body = Body::json(&Applied::new(&self.name, data))?;
        let query = [("fieldManager", self.manager.as_str())];
        self.send(Method::POST, "create secrets", body, &query, &secrets(data))
            .await
    }

    /// Applies the data keys over the Secret as it was seen. Who else owns them was looked at in it, and it is refused if
    /// anything in it has changed since, so nobody is overrun by force.
    pub async fn apply(
        &self,
        there: &Object,
        data: &BTreeMap<String, Secret>,
    ) -> Result<Object, Refusal> {
        let applied = Body::json(&Applied::over(there, &self.name, data))?;
        let body = applied.called(APPLY);
        let query = [("fieldManager", self.manager.as_str()), ("force", "true")];
        self.send(Method::PATCH, "patch secrets", body, &query, &secrets(data))
            .await
    }

    /// Takes data keys out of the Secret as it was seen.
    pub async fn take_out(&self, there: &Object, keys: &[String]) -> Result<(), Refusal> {
        let nulls: BTreeMap<&str, ()> = keys.iter().map(|key| (key.as_str(), ())).collect();
        let version = &there.metadata.resource_version;
        let patch = json!({ "metadata": { "resourceVersion": version }, "data": nulls });
        let body = Body::new(MERGE, Zeroizing::new(patch.to_string()));
        let query = [("fieldManager", self.manager.as_str())];
        let sent = self.send::<IgnoredAny>(Method::PATCH, "patch secrets", body, &query, &[]);
        sent.await.map(drop)
    }

    /// Deletes the Secret as it was seen.
    pub async fn delete(&self, there: &Object) -> Result<(), Refusal> {
        let preconditions = json!({ "uid": there.metadata.uid, "resourceVersion": there.metadata.resource_version });
        let options =
            json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions });
        let body = Body::json(&options)?;
        let sent = self.send::<IgnoredAny>(Method::DELETE, "delete secrets", body, &[], &[]);
        sent.await.map(drop)
    }

    /// Goes through all that is asked of a write, and writes nothing.
    pub async fn rehearse(&self, exists: bool) -> Result<(), Refusal> {
        let query = [("fieldManager", self.manager.as_str()), ("dryRun", "All")];
        let sent = match exists {
            true => {
                let body = Body::new(MERGE, Zeroizing::new("{}".to_owned()));
                self.send::<IgnoredAny>(Method::PATCH, "patch secrets", body, &query, &[])
                    .await
            }
            false => {
                let nothing = BTreeMap::new();
                let body = Body::json(&Applied::new(&self.name, &nothing))?;
                self.send::<IgnoredAny>(Method::POST, "create secrets", body, &query, &[])
                    .await
            }
        };
        sent.map(drop)
    }

    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        operation: &str,
        body: Body,
        query: &[(&str, &str)],
        secrets: &[&Secret],
    ) -> Result<T, Refusal> {
        let path = match method {
            Method::POST => self.folder(),
            _ => self.path(),
        };
        let strict = [("fieldValidation", "Strict")];
        let query: Vec<_> = match method {
            Method::DELETE => Vec::new(),
            _ => query.iter().chain(&strict).copied().collect(),
        };
        let call = Call {
            query: &query,
            body,
            secrets,
            // Whoever is not content with a value may repeat it.
            may_be_quoted: secrets.is_empty(),
            ..Call::new(operation, method, &path, Repeat::Freely)
        };
        self.client.call(&call).await
    }

    fn folder(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets", self.namespace)
    }

    fn path(&self) -> String {
        format!("{}/{}", self.folder(), self.name)
    }
}

fn secrets(data: &BTreeMap<String, Secret>) -> Vec<&Secret> {
    data.values()
        .filter(|text| !text.expose().is_empty())
        .collect()
}
