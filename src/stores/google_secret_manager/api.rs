//! The calls to Secret Manager that this store makes, for one secret.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc::{CRC_32_ISCSI, Crc};
use reqwest::Method;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;
use zeroize::Zeroizing;

use super::answers::{
    Accessed, Added, Described, Listed, Newest, Permitted, Value, Versions, number_in, number_of,
};
use crate::error::{Error, Kind, Result};
use crate::http::{Body, Call, Refusal, Repeat, pages};
use crate::secret::Secret;
use crate::vendors::google::{GoogleClient, Service};

const CRC_32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// One secret.
pub(super) struct Api {
    pub client: Arc<GoogleClient>,
    pub project: Option<String>,
    pub location: Option<String>,
    pub secret_id: String,
}

/// What is written, and what must not come back in a message.
pub(super) struct Content<'a> {
    pub data: &'a [u8],
    pub hidden: &'a [&'a Secret],
}

impl Api {
    /// `projects/p`, or `projects/p/locations/l`.
    async fn parent(&self) -> Result<String> {
        let project = match &self.project {
            Some(project) => project.clone(),
            None => self.client.project().await?,
        };
        Ok(match &self.location {
            Some(location) => format!("projects/{project}/locations/{location}"),
            None => format!("projects/{project}"),
        })
    }

    /// Its whole name.
    pub async fn name(&self) -> Result<String> {
        Ok(format!(
            "{}/secrets/{}",
            self.parent().await?,
            self.secret_id
        ))
    }

    /// `None` if there is no such secret.
    pub async fn describe(&self) -> Result<Option<Described>, Refusal> {
        let path = format!("/{}", self.name().await?);
        unless_missing(self.call(&open(Call::get("GetSecret", &path))).await)
    }

    /// Those of the permissions that the caller has. Needs none itself.
    pub async fn permitted(&self, permissions: &[&str]) -> Result<Vec<String>, Refusal> {
        let path = format!("/{}:testIamPermissions", self.name().await?);
        let call = Call {
            body: Body::json(&json!({ "permissions": permissions }))?,
            ..Call::new("TestIamPermissions", Method::POST, &path, Repeat::Freely)
        };
        let permitted: Permitted = self.call(&open(call)).await?;
        Ok(permitted.permissions)
    }

    pub async fn create(&self, secret: &serde_json::Value) -> Result<(), Refusal> {
        let path = format!("/{}/secrets", self.parent().await?);
        let query = [("secretId", self.secret_id.as_str())];
        let call = Call {
            query: &query,
            body: Body::json(secret)?,
            ..Call::new("CreateSecret", Method::POST, &path, Repeat::Freely)
        };
        self.call::<Described>(&open(call)).await.map(drop)
    }

    pub async fn newest(&self) -> Result<Newest, Refusal> {
        match self.access("latest").await {
            Ok(Some(value)) => Ok(Newest::Value(value)),
            Ok(None) => Ok(Newest::None),
            Err(refusal) if refusal.is("FAILED_PRECONDITION") => {
                let (versions, _) = self.page("", 1, None).await?;
                let newest = versions.into_iter().next();
                Ok(newest.map_or(Newest::None, |version| Newest::Withheld {
                    number: version.number(),
                    state: version.state,
                }))
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// `None` if there is no such version, or it cannot be read any more.
    pub async fn version(&self, number: u64) -> Result<Option<Value>, Refusal> {
        match self.access(&number.to_string()).await {
            Err(refusal) if refusal.is("FAILED_PRECONDITION") => Ok(None),
            accessed => accessed,
        }
    }

    async fn access(&self, version: &str) -> Result<Option<Value>, Refusal> {
        let path = format!("/{}/versions/{version}:access", self.name().await?);
        let call = Call::get("AccessSecretVersion", &path);
        let Some(accessed): Option<Accessed> = unless_missing(self.call(&call).await)? else {
            return Ok(None);
        };
        let data = STANDARD.decode(accessed.payload.data.as_bytes());
        let (Ok(data), Some(number)) = (data, number_of(&accessed.name)) else {
            let side = Service::SecretManager.name();
            return Err(Refusal::not_understood(side, "Google", call.operation));
        };
        let data = Zeroizing::new(data);
        match accessed.payload.data_crc32c.as_ref().map(number_in) {
            Some(sum) if sum != Some(CRC_32C.checksum(&data).into()) => Err(damaged(&path).into()),
            _ => Ok(Some(Value { number, data })),
        }
    }

    /// Adds a version, and tells its number. Sent again, it would add another.
    pub async fn add(&self, content: &Content<'_>) -> Result<u64, Refusal> {
        let path = format!("/{}:addVersion", self.name().await?);
        let data = Secret::new(STANDARD.encode(content.data));
        let sum = CRC_32C.checksum(content.data).to_string();
        let payload = json!({ "data": data.expose(), "dataCrc32c": sum });
        let mut secrets = vec![&data];
        secrets.extend(content.hidden);
        let call = Call {
            body: Body::json(&json!({ "payload": payload }))?,
            secrets: &secrets,
            ..Call::new("AddSecretVersion", Method::POST, &path, Repeat::IfUntouched)
        };
        let added: Added = self.call(&call).await?;
        number_of(&added.name).ok_or_else(|| {
            Refusal::not_understood(Service::SecretManager.name(), "Google", call.operation)
        })
    }

    /// Leads an alias to a version, unless the secret is another than the one that was described.
    pub async fn point(
        &self,
        described: &Described,
        alias: &str,
        number: u64,
    ) -> Result<(), Refusal> {
        let path = format!("/{}", self.name().await?);
        let mut aliases = described.version_aliases.clone();
        aliases.insert(alias.to_owned(), number.to_string());
        let call = Call {
            query: &[("updateMask", "versionAliases")],
            body: Body::json(&json!({ "versionAliases": aliases, "etag": described.etag }))?,
            ..Call::new("UpdateSecret", Method::PATCH, &path, Repeat::Freely)
        };
        self.call::<IgnoredAny>(&open(call)).await.map(drop)
    }

    /// The versions that can be read.
    pub async fn enabled(&self) -> Result<Vec<Listed>, Refusal> {
        let what = format!("The list of the versions of secret {}", self.secret_id);
        let page =
            |token: Option<String>| async move { self.page("state:ENABLED", 100, token).await };
        pages(&what, page).await
    }

    async fn page(
        &self,
        filter: &str,
        size: u32,
        token: Option<String>,
    ) -> Result<(Vec<Listed>, Option<String>), Refusal> {
        let path = format!("/{}/versions", self.name().await?);
        let size = size.to_string();
        let mut query = vec![("pageSize", size.as_str())];
        query.extend(Some(("filter", filter)).filter(|_| !filter.is_empty()));
        query.extend(token.as_deref().map(|token| ("pageToken", token)));
        let call = Call {
            query: &query,
            ..Call::get("ListSecretVersions", &path)
        };
        let page: Versions = self.call(&open(call)).await?;
        Ok((page.versions, page.next_page_token))
    }

    pub async fn disable(&self, version: &Listed) -> Result<(), Refusal> {
        let name = self.name().await?;
        let path = format!("/{name}/versions/{}:disable", version.number());
        let call = Call {
            body: Body::json(&json!({ "etag": version.etag }))?,
            ..Call::new("DisableSecretVersion", Method::POST, &path, Repeat::Freely)
        };
        self.call::<IgnoredAny>(&open(call)).await.map(drop)
    }

    pub async fn delete(&self, described: &Described) -> Result<(), Refusal> {
        let path = format!("/{}", self.name().await?);
        let call = Call {
            query: &[("etag", described.etag.as_str())],
            ..Call::new("DeleteSecret", Method::DELETE, &path, Repeat::Freely)
        };
        unless_missing(self.call::<IgnoredAny>(&open(call)).await).map(drop)
    }

    async fn call<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Refusal> {
        let location = self.location.as_deref();
        self.client
            .call(Service::SecretManager, location, call)
            .await
    }
}

/// A call that neither carries nor returns a secret.
fn open(call: Call<'_>) -> Call<'_> {
    Call {
        may_be_quoted: true,
        ..call
    }
}

fn unless_missing<T>(outcome: Result<T, Refusal>) -> Result<Option<T>, Refusal> {
    match outcome {
        Err(refusal) if refusal.kind == Kind::NotFound => Ok(None),
        outcome => outcome.map(Some),
    }
}

fn damaged(path: &str) -> Error {
    Error::new(
        Kind::Unavailable,
        "A value of Secret Manager arrived damaged",
        format!("Its checksum (CRC-32C) does not fit what came of {path}. Run the command again."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_castagnoli() {
        assert_eq!(CRC_32C.checksum(b"123456789"), 0xE306_9283);
    }
}
