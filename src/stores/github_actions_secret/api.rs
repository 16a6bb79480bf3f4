//! The calls to GitHub that this store makes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto_box::PublicKey;
use crypto_box::aead::OsRng;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::settings::Scope;
use crate::error::{Kind, Result};
use crate::http::{Body, Call, Refusal, Repeat, pages};
use crate::secret::Secret;
use crate::vendors::github::Client;

/// The most that a page can have.
const PAGE: usize = 100;

/// The secrets of one holder.
pub struct Api {
    client: Arc<Client>,
    /// `/repos/acme/payments/actions`
    folder: String,
    /// The same with the names of GitHub's own documentation.
    described: &'static str,
    visibility: Option<&'static str>,
    repositories: Vec<i64>,
}

/// When each secret was made and written last.
pub type Stamps = BTreeMap<String, String>;

#[derive(Deserialize)]
struct Page {
    secrets: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    created_at: String,
    updated_at: String,
}

/// What values are sealed for.
#[derive(Deserialize)]
pub struct Recipient {
    key_id: String,
    key: String,
}

#[derive(Serialize)]
struct Sealed<'a> {
    encrypted_value: String,
    key_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    visibility: Option<&'static str>,
    #[serde(skip_serializing_if = "<[i64]>::is_empty")]
    selected_repository_ids: &'a [i64],
}

impl Api {
    pub fn new(client: Arc<Client>, scope: &Scope) -> Self {
        let (folder, described) = match scope {
            Scope::Repository { owner, name } => (
                format!("/repos/{owner}/{name}/actions"),
                "/repos/{owner}/{repo}/actions/secrets",
            ),
            Scope::Environment {
                owner,
                name,
                environment,
            } => (
                format!(
                    "/repos/{owner}/{name}/environments/{}",
                    in_path(environment)
                ),
                "/repos/{owner}/{repo}/environments/{environment_name}/secrets",
            ),
            Scope::Organization { name, .. } => (
                format!("/orgs/{name}/actions"),
                "/orgs/{org}/actions/secrets",
            ),
        };
        let (visibility, repositories) = match scope {
            Scope::Organization {
                visibility,
                repositories,
                ..
            } => (Some(*visibility), repositories.clone()),
            _ => (None, Vec::new()),
        };
        Self {
            client,
            folder,
            described,
            visibility,
            repositories,
        }
    }

    /// Those of these secrets that are there. A list, and not one request for each: where there is no such holder, or where
    /// it may not be seen, a list says so, and a single secret would seem to be missing.
    pub async fn stamps(&self, names: &BTreeSet<String>) -> Result<Stamps, Refusal> {
        let path = format!("{}/secrets", self.folder);
        let operation = format!("GET {}", self.described);
        let listed = pages("The list of secrets", |page: Option<usize>| {
            let (path, operation) = (&path, &operation);
            async move {
                let number = page.unwrap_or(1);
                let (size, page) = (PAGE.to_string(), number.to_string());
                let query = [("per_page", size.as_str()), ("page", page.as_str())];
                let Page { secrets } = self.client.ask(operation, path, &query).await?;
                let next = (secrets.len() == PAGE).then_some(number + 1);
                Ok::<_, Refusal>((secrets, next))
            }
        });
        let listed = listed.await?.into_iter();
        let ours = listed.filter(|it| names.contains(&it.name));
        Ok(ours
            .map(|it| (it.name, format!("{}/{}", it.created_at, it.updated_at)))
            .collect())
    }

    /// Which GitHub it is.
    pub fn host(&self) -> &str {
        self.client.host()
    }

    /// For whom values are sealed now.
    pub async fn recipient(&self) -> Result<Recipient, Refusal> {
        let path = format!("{}/secrets/public-key", self.folder);
        let operation = format!("GET {}/public-key", self.described);
        self.client.ask(&operation, &path, &[]).await
    }

    /// Writes a secret. The same value is sealed anew each time, so nobody can tell it by what is sent.
    pub async fn put(
        &self,
        name: &str,
        value: &Secret,
        recipient: &Recipient,
    ) -> Result<(), Refusal> {
        let operation = format!("PUT {}/{{secret_name}}", self.described);
        let encrypted_value = recipient
            .sealed(value)
            .ok_or_else(|| self.odd_recipient())?;
        let sealed = Sealed {
            encrypted_value,
            key_id: &recipient.key_id,
            visibility: self.visibility,
            selected_repository_ids: &self.repositories,
        };
        let path = format!("{}/secrets/{name}", self.folder);
        let call = Call {
            body: Body::json(&sealed)?,
            secrets: &[value],
            ..Call::new(&operation, Method::PUT, &path, Repeat::Freely)
        };
        self.client.send(call).await.map(drop)
    }

    /// Takes a secret away; one that is not there is gone already.
    pub async fn delete(&self, name: &str) -> Result<(), Refusal> {
        let operation = format!("DELETE {}/{{secret_name}}", self.described);
        let path = format!("{}/secrets/{name}", self.folder);
        let call = Call::new(&operation, Method::DELETE, &path, Repeat::Freely);
        match self.client.send(call).await {
            Err(refusal) if refusal.kind != Kind::NotFound => Err(refusal),
            _ => Ok(()),
        }
    }

    fn odd_recipient(&self) -> Refusal {
        let operation = format!("GET {}/public-key", self.described);
        Refusal::not_understood("GitHub", "GitHub", &operation)
    }
}

impl Recipient {
    /// A sealed box, which only GitHub opens. `None` if the key is none.
    fn sealed(&self, value: &Secret) -> Option<String> {
        let key: [u8; 32] = STANDARD.decode(&self.key).ok()?.try_into().ok()?;
        let sealed = PublicKey::from(key).seal(&mut OsRng, value.expose().as_bytes());
        sealed.ok().map(|bytes| STANDARD.encode(bytes))
    }
}

/// As one part of a path.
fn in_path(text: &str) -> String {
    let part = |byte: u8| match byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_part_of_a_path() {
        assert_eq!(in_path("prod/eu west"), "prod%2Feu%20west");
    }
}
