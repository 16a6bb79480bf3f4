//! The calls to IAM that this issuer makes, for one service account, and their answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::duration::Duration;
use crate::error::Result;
use crate::http::{Body, Call, Refusal, Repeat};
use crate::instant::Instant;
use crate::issuers::{KeyStatus, Listed};
use crate::secret::Secret;
use crate::vendors::google::{GoogleClient, Service};

/// An end after the year 9000 is none: that is how Google writes it.
const ENDLESS: i64 = 221_845_392_000;

pub(super) struct Api {
    pub client: Arc<GoogleClient>,
    /// The e-mail address of the service account.
    pub email: String,
}

/// A key as every answer tells of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    pub name: String,
    pub valid_after_time: Option<Instant>,
    valid_before_time: Option<Instant>,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    key_type: String,
    #[serde(default)]
    private_key_data: Zeroizing<String>,
    #[serde(default)]
    public_key_data: String,
}

#[derive(Deserialize)]
struct Keys {
    #[serde(default)]
    keys: Vec<Key>,
}

impl Key {
    /// Its id.
    pub fn id(&self) -> String {
        let id = self.name.rsplit('/').next();
        id.unwrap_or_default().to_owned()
    }

    /// How long Google lets it live; `None` for one without an end.
    pub fn lasts(&self) -> Option<Duration> {
        let (begins, ends) = (self.valid_after_time?, self.valid_before_time?);
        (ends.unix() < ENDLESS).then(|| ends.since(begins))
    }

    /// The project that its account is in.
    pub fn project(&self) -> Option<&str> {
        let mut parts = self.name.split('/').skip_while(|part| *part != "projects");
        parts.nth(1).filter(|project| *project != "-")
    }

    /// The credentials file, in one line; only the answer to its creation has it.
    pub fn credentials(&self) -> Option<Secret> {
        let file = STANDARD.decode(self.private_key_data.as_bytes()).ok()?;
        let file = Zeroizing::new(file);
        let fields: BTreeMap<String, Zeroizing<String>> = serde_json::from_slice(&file).ok()?;
        serde_json::to_string(&fields).ok().map(Secret::new)
    }

    /// Whether its public part is this one, in whatever form the answer has it.
    pub fn is_of(&self, public: &[u8]) -> bool {
        let Ok(pem) = STANDARD.decode(&self.public_key_data) else {
            return false;
        };
        let pem = String::from_utf8_lossy(&pem).into_owned();
        let lines: String = pem.lines().filter(|it| !it.starts_with("-----")).collect();
        let der = STANDARD.decode(lines).unwrap_or_default();
        der.windows(public.len()).any(|window| window == public)
    }

    fn status(&self) -> KeyStatus {
        let now = Clock::system().wall();
        match self.disabled || self.valid_before_time.is_some_and(|end| end <= now) {
            true => KeyStatus::Inactive,
            false => KeyStatus::Active,
        }
    }
}

impl From<Key> for Listed {
    fn from(key: Key) -> Self {
        Self {
            key_id: key.id(),
            created_at: key.valid_after_time,
            label: None,
            last_used: None,
            status: key.status(),
        }
    }
}

impl Api {
    fn path(&self, rest: &str) -> String {
        format!("/projects/-/serviceAccounts/{}/keys{rest}", self.email)
    }

    /// Google makes the key pair, and keeps the public part.
    pub async fn create(&self) -> Result<Key, Refusal> {
        let path = self.path("");
        let body = json!({
            "privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE",
            "keyAlgorithm": "KEY_ALG_RSA_2048",
        });
        let call = Call {
            body: Body::json(&body)?,
            ..Call::new(
                "CreateServiceAccountKey",
                Method::POST,
                &path,
                Repeat::IfUntouched,
            )
        };
        self.call(&call).await
    }

    /// Google takes the public part of a key pair.
    pub async fn upload(&self, certificate: &str) -> Result<Key, Refusal> {
        let path = self.path(":upload");
        let body = json!({ "publicKeyData": STANDARD.encode(certificate) });
        let call = Call {
            body: Body::json(&body)?,
            may_be_quoted: true,
            ..Call::new(
                "UploadServiceAccountKey",
                Method::POST,
                &path,
                Repeat::IfUntouched,
            )
        };
        self.call(&call).await
    }

    /// The keys that users manage. Those of Google itself come and go by themselves.
    pub async fn list(&self) -> Result<Vec<Key>, Refusal> {
        let path = self.path("");
        let call = Call {
            query: &[("keyTypes", "USER_MANAGED")],
            may_be_quoted: true,
            ..Call::get("ListServiceAccountKeys", &path)
        };
        let listed: Keys = self.call(&call).await?;
        let is_users = |key: &Key| key.key_type != "SYSTEM_MANAGED";
        Ok(listed.keys.into_iter().filter(is_users).collect())
    }

    /// A key with its public part.
    pub async fn get(&self, key_id: &str) -> Result<Key, Refusal> {
        let path = self.path(&format!("/{key_id}"));
        let call = Call {
            query: &[("publicKeyType", "TYPE_X509_PEM_FILE")],
            may_be_quoted: true,
            ..Call::get("GetServiceAccountKey", &path)
        };
        self.call(&call).await
    }

    pub async fn disable(&self, key_id: &str) -> Result<(), Refusal> {
        let path = self.path(&format!("/{key_id}:disable"));
        let call = Call {
            body: Body::json(&json!({}))?,
            may_be_quoted: true,
            ..Call::new(
                "DisableServiceAccountKey",
                Method::POST,
                &path,
                Repeat::Freely,
            )
        };
        self.call::<IgnoredAny>(&call).await.map(drop)
    }

    pub async fn delete(&self, key_id: &str) -> Result<(), Refusal> {
        let path = self.path(&format!("/{key_id}"));
        let call = Call {
            may_be_quoted: true,
            ..Call::new(
                "DeleteServiceAccountKey",
                Method::DELETE,
                &path,
                Repeat::Freely,
            )
        };
        self.call::<IgnoredAny>(&call).await.map(drop)
    }

    async fn call<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Refusal> {
        self.client.call(Service::Iam, None, call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fields: serde_json::Value) -> Key {
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn a_key_is_known_by_the_end_of_its_name() {
        let name = "projects/payments-prod/serviceAccounts/ci@p.example/keys/0a1b";
        let key = key(json!({ "name": name }));
        assert_eq!(key.id(), "0a1b");
        assert_eq!(key.project(), Some("payments-prod"));
    }

    #[test]
    fn an_end_that_nobody_lives_to_see_is_none() {
        let lasts = |ends: &str| {
            let times = json!({ "name": "x", "validAfterTime": "2026-01-01T00:00:00Z", "validBeforeTime": ends });
            key(times).lasts()
        };
        assert_eq!(lasts("9999-12-31T23:59:59Z"), None);
        let hours = lasts("2026-01-01T08:00:00Z");
        assert_eq!(hours, Some(Duration::from_secs(8 * 3600)));
    }

    #[test]
    fn the_credentials_file_becomes_one_line() {
        let file = "{\n  \"type\": \"service_account\",\n  \"private_key\": \"made\\nup\"\n}\n";
        let key = key(json!({ "name": "x", "privateKeyData": STANDARD.encode(file) }));
        let line = key.credentials().unwrap();
        assert_eq!(
            line.expose(),
            r#"{"private_key":"made\nup","type":"service_account"}"#
        );
    }

    #[test]
    fn a_key_that_is_disabled_or_over_does_not_work() {
        for (fields, status) in [
            (json!({ "name": "x" }), KeyStatus::Active),
            (
                json!({ "name": "x", "disabled": true }),
                KeyStatus::Inactive,
            ),
            (
                json!({ "name": "x", "validBeforeTime": "2020-01-01T00:00:00Z" }),
                KeyStatus::Inactive,
            ),
            (
                json!({ "name": "x", "validBeforeTime": "9999-12-31T23:59:59Z" }),
                KeyStatus::Active,
            ),
        ] {
            assert_eq!(key(fields.clone()).status(), status, "{fields}");
        }
    }
}
