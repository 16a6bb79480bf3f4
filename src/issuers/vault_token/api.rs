//! The calls for tokens.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::duration::Duration;
use crate::http::{Call, Refusal, Repeat};
use crate::instant::Instant;
use crate::issuers::vault::seconds;
use crate::secret::Secret;
use crate::vendors::vault::{VaultClient, call};

/// The calls.
pub(super) struct Api {
    pub client: Arc<VaultClient>,
    pub namespace: Option<String>,
}

/// What a new token is to be.
pub(super) struct NewToken<'a> {
    pub role: Option<&'a str>,
    pub policies: &'a [String],
    pub ttl: Option<Duration>,
    pub period: Option<Duration>,
    pub display_name: Option<&'a str>,
    pub metadata: BTreeMap<String, String>,
}

/// A new token.
pub(super) struct Made {
    pub accessor: String,
    pub secret: Secret,
    /// How often it can be used; 0 for as often as one likes.
    pub uses: u64,
    /// Whether it outlives the token that made it.
    pub orphan: bool,
    /// How long it lasts; 0 if it has no end.
    pub seconds: u64,
}

#[derive(Deserialize)]
struct Created {
    auth: Token,
}

#[derive(Deserialize)]
struct Token {
    client_token: Zeroizing<String>,
    accessor: String,
    #[serde(default)]
    num_uses: u64,
    orphan: bool,
    lease_duration: u64,
}

#[derive(Deserialize)]
struct Told {
    warnings: Option<Vec<String>>,
    data: Option<About>,
}

#[derive(Deserialize)]
struct About {
    creation_time: i64,
}

impl Api {
    /// The namespace that the tokens are in; empty for the root.
    pub fn namespace(&self) -> String {
        self.client.namespace(self.namespace.as_deref())
    }

    /// Creates a token. Never sent again unless the server surely did nothing.
    pub async fn create(&self, new: &NewToken<'_>) -> Result<Made, Refusal> {
        let path = match new.role {
            Some(role) => format!("/auth/token/create/{role}"),
            None => "/auth/token/create-orphan".to_owned(),
        };
        let operation = format!("POST {}", &path[1..]);
        let mut body = json!({ "meta": new.metadata });
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body[name] = value;
            }
        };
        set(
            "policies",
            (!new.policies.is_empty()).then(|| json!(new.policies)),
        );
        set("ttl", new.ttl.map(|ttl| json!(seconds(ttl))));
        set("period", new.period.map(|period| json!(seconds(period))));
        set("display_name", new.display_name.map(|name| json!(name)));
        let call = call(&operation, Method::POST, &path, &body, Repeat::IfUntouched)?;
        let created: Created = self.client.json(self.namespace.as_deref(), &call).await?;
        Ok(Made {
            accessor: created.auth.accessor,
            secret: Secret::new(created.auth.client_token.as_str().to_owned()),
            uses: created.auth.num_uses,
            orphan: created.auth.orphan,
            seconds: created.auth.lease_duration,
        })
    }

    /// When the token with this accessor was created; `None` if there is none.
    pub async fn created(&self, accessor: &str) -> Result<Option<Instant>, Refusal> {
        match self.of_accessor("lookup-accessor", accessor).await {
            Ok(told) => {
                let about = told.and_then(|told| told.data);
                Ok(about.map(|about| Instant::from_unix(about.creation_time)))
            }
            Err(refusal) if refusal.is("invalid accessor") => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Whether there is a token with this accessor.
    pub async fn exists(&self, accessor: &str) -> Result<bool, Refusal> {
        match self.of_accessor("lookup-accessor", accessor).await {
            Ok(_) => Ok(true),
            Err(refusal) if refusal.is("invalid accessor") => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }

    /// Ends a token. Whether there was one.
    pub async fn revoke(&self, accessor: &str) -> Result<bool, Refusal> {
        match self.of_accessor("revoke-accessor", accessor).await {
            // Vault says "done" of what was never there as well, with a warning.
            Ok(answer) => Ok(answer.and_then(|answer| answer.warnings).is_none()),
            Err(refusal) if refusal.is("invalid accessor") => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }

    async fn of_accessor(&self, what: &str, accessor: &str) -> Result<Option<Told>, Refusal> {
        let path = format!("/auth/token/{what}");
        let operation = format!("POST {}", &path[1..]);
        let body = json!({ "accessor": accessor });
        let call = Call {
            may_be_quoted: true,
            ..call(&operation, Method::POST, &path, &body, Repeat::Freely)?
        };
        self.client
            .json_or_nothing(self.namespace.as_deref(), &call)
            .await
    }

    /// Has a token look at itself.
    pub async fn look_at_itself(&self, token: &Secret) -> Result<(), Refusal> {
        let get = Call::get("GET auth/token/lookup-self", "/auth/token/lookup-self");
        let looked: Result<Looked, _> = self
            .client
            .as_token(token, self.namespace.as_deref(), &get)
            .await;
        looked.map(drop)
    }
}

#[derive(Deserialize)]
struct Looked {
    #[serde(rename = "data")]
    _data: IgnoredAny,
}
