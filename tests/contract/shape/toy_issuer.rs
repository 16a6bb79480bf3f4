//! An issuer of keys with ids, names and an expiry, as any HTTP API may have it: `POST /keys`, `GET /keys`,
//! `DELETE /keys/{id}`, and `GET /me` with a key.

use std::collections::BTreeMap;
use std::sync::Arc;

use apikey::context::Context;
use apikey::error::{Error, Kind, Result};
use apikey::http::{
    Answer, Body, Call, ErrorBody, Http, Meaning, Refusal, Repeat, Used, Vendor, auth,
    error_in_json, json,
};
use apikey::instant::Instant;
use apikey::issuers::{
    Capabilities, Issuer, IssuerKind, KeyRef, KeyStatus, Label, Listed, Listing, Minted, Overlap,
    Permission, Probe, Revoked,
};
use apikey::schema::{Attributes, attributes, optional, required};
use apikey::secret::Secret;
use apikey::settings::Settings;
use async_trait::async_trait;
use reqwest::{Method, Request, Url};
use serde::Deserialize;
use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;

pub struct Toy;

/// What the server can do, in one word each.
pub const SHAPES: &[&str] = &[
    "many",
    "two",
    "promoted",
    "described",
    "unlistable",
    "nameless",
];

impl IssuerKind for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn description(&self) -> &'static str {
        "Keys of a server that tests start for themselves."
    }

    fn attributes(&self) -> Attributes {
        attributes([
            (
                "url",
                required(AttributeType::String, "Where the server is."),
            ),
            (
                "shape",
                optional(AttributeType::String, "What the server can do, in a word."),
            ),
        ])
    }

    fn identity(&self) -> &'static [&'static str] {
        &["url"]
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let url = super::url();
        BTreeMap::from([("url".to_owned(), ValueAny::String(url))])
    }

    fn permissions(&self) -> &'static [Permission] {
        &[Permission {
            name: "keys:write",
            needed: "to mint and to revoke",
        }]
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Issuer>> {
        let url = Url::parse(settings.required_string("url")?);
        let base =
            url.map_err(|error| settings.wrong("url", "url is not valid", error.to_string()))?;
        let admin = Secret::new("made-up-canary-of-the-admin".into());
        Ok(Box::new(Server {
            http: context.http(),
            base,
            token: admin,
            shape: settings.one_of("shape", SHAPES)?.unwrap_or("many"),
        }))
    }
}

struct Server {
    http: Arc<Http>,
    base: Url,
    token: Secret,
    shape: &'static str,
}

#[derive(Deserialize)]
struct Key {
    id: String,
    created_at: Instant,
    secret: Option<String>,
}

#[async_trait]
impl Issuer for Server {
    fn capabilities(&self) -> Capabilities {
        let usual = Capabilities {
            limit: Some(5),
            listing: Listing::Whole,
            label: Label::Name,
            key_ids: true,
            probe: true,
            serialised: true,
            valid_at_mint: true,
            ..Capabilities::default()
        };
        match self.shape {
            "two" => Capabilities {
                limit: Some(2),
                ..usual
            },
            "promoted" => Capabilities {
                limit: Some(2),
                overlap: Overlap::UntilPromoted,
                ..usual
            },
            "described" => Capabilities {
                listing: Listing::None,
                describes: true,
                ..usual
            },
            "unlistable" => Capabilities {
                listing: Listing::None,
                serialised: false,
                ..usual
            },
            "nameless" => Capabilities {
                listing: Listing::None,
                key_ids: false,
                ..usual
            },
            _ => usual,
        }
    }

    fn account(&self) -> String {
        format!("toy {}", self.base)
    }

    async fn mint(&self, token: &str) -> Result<Minted> {
        let call = Call {
            body: Body::json(&serde_json::json!({ "name": token }))?,
            ..Call::new("POST /keys", Method::POST, "/keys", Repeat::IfUntouched)
        };
        let minted = self.call::<Key>(&call).await;
        let key = minted.map_err(|refusal| match refusal.outcome_unknown {
            true => Error {
                kind: Kind::Uncertain,
                ..refusal.explain("It is not certain whether a key was created")
            },
            false => refusal.explain("No key was created"),
        })?;
        Ok(Minted {
            key_id: Some(key.id).filter(|_| self.shape != "nameless"),
            secret: Secret::new(key.secret.unwrap_or_default()),
            created_at: Some(key.created_at),
        })
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        let keys: Result<Vec<Key>, Refusal> = self.call(&Call::get("GET /keys", "/keys")).await;
        let keys = keys.map_err(|refusal| refusal.explain("The keys could not be listed"))?;
        Ok(keys
            .into_iter()
            .map(|key| Listed {
                key_id: key.id,
                created_at: Some(key.created_at),
                label: None,
                last_used: None,
                status: KeyStatus::Active,
            })
            .collect())
    }

    async fn probe(&self, _: Option<&str>, secret: &Secret) -> Result<Probe> {
        let key = Self {
            http: Arc::clone(&self.http),
            base: self.base.clone(),
            token: Secret::new(secret.expose().to_owned()),
            shape: self.shape,
        };
        match key
            .call::<serde::de::IgnoredAny>(&Call::get("GET /me", "/me"))
            .await
        {
            Ok(_) => Ok(Probe::Accepted),
            Err(refusal) if refusal.meaning == Meaning::Unknown => Ok(Probe::Refused(format!(
                "the server answered {}",
                refusal.code
            ))),
            Err(refusal) => Err(refusal.explain("The key could not be tried")),
        }
    }

    async fn describe(&self, key_id: &str) -> Result<KeyStatus> {
        let path = format!("/keys/{key_id}");
        match self.call::<Key>(&Call::get("GET /keys/{id}", &path)).await {
            Ok(_) => Ok(KeyStatus::Active),
            Err(refusal) if refusal.kind == Kind::NotFound => Ok(KeyStatus::Missing),
            Err(refusal) => Err(refusal.explain("The key could not be looked at")),
        }
    }

    async fn revoke(&self, key: KeyRef<'_>, survivor: Option<KeyRef<'_>>) -> Result<Revoked> {
        if matches!(self.shape, "promoted" | "nameless") {
            return self.promote(key, survivor).await;
        }
        let path = format!("/keys/{}", key.key_id.unwrap_or_default());
        let call = Call::new("DELETE /keys/{id}", Method::DELETE, &path, Repeat::Freely);
        match self.http.call(self, &call).await {
            Ok(answer) => match answer.body.is_empty() {
                true => Ok(Revoked::Ended),
                false => Err(
                    Refusal::not_understood("the toy", "the toy", call.operation)
                        .explain("No key was deleted"),
                ),
            },
            Err(refusal) if refusal.kind == Kind::NotFound => Ok(Revoked::NotFound),
            Err(refusal) => Err(refusal.explain("The key could not be deleted")),
        }
    }
}

impl Server {
    /// The survivor takes the place of the key, which ends with that.
    async fn promote(&self, key: KeyRef<'_>, survivor: Option<KeyRef<'_>>) -> Result<Revoked> {
        let secret = |key: Option<KeyRef<'_>>| {
            let secret = key.and_then(|key| key.secret);
            secret.map(|secret| secret.expose().to_owned())
        };
        let body = serde_json::json!({ "key": secret(Some(key)), "survivor": secret(survivor) });
        let call = Call {
            body: Body::json(&body)?,
            ..Call::new("POST /promote", Method::POST, "/promote", Repeat::Freely)
        };
        let promoted = self.http.call(self, &call).await;
        let promoted = promoted.map(|_| Revoked::Ended);
        promoted.map_err(|refusal| refusal.explain("The key could not be promoted"))
    }

    async fn call<T: serde::de::DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Refusal> {
        json(&self.http.call(self, call).await?, self, call)
    }
}

#[async_trait]
impl Vendor for Server {
    fn name(&self) -> &str {
        "the toy"
    }

    async fn base(&self) -> Result<Url> {
        Ok(self.base.clone())
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        auth::bearer(request.headers_mut(), &self.token, "the token of the toy")
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        error_in_json(answer, "/error/code", "/error/message")
    }
}
