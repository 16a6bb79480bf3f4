//! A store that refuses a write by itself if something else stands there: `GET`, `PUT` and `DELETE` of one place, with the
//! version in `ETag` and `If-Match`.

use std::collections::BTreeMap;
use std::sync::Arc;

use apikey::context::Context;
use apikey::error::{Error, Kind, Result};
use apikey::http::{
    Answer, Body, Call, ErrorBody, Http, Meaning, Refusal, Repeat, Used, Vendor, error_in_json,
};
use apikey::issuers::Permission;
use apikey::schema::{Attributes, attributes, required};
use apikey::secret::Secret;
use apikey::settings::Settings;
use apikey::stores::document::Layout;
use apikey::stores::{
    Capabilities, Document, Observation, Receipt, Store, StoreKind, Version, Written, fits,
};
use async_trait::async_trait;
use reqwest::header::{ETAG, HeaderMap, HeaderValue, IF_MATCH};
use reqwest::{Method, Request, Url};
use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;

pub struct Toy;

impl StoreKind for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn description(&self) -> &'static str {
        "A place at a server that tests start for themselves."
    }

    fn attributes(&self) -> Attributes {
        attributes([(
            "url",
            required(AttributeType::String, "Where the place is."),
        )])
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let url = super::url();
        BTreeMap::from([(
            "url".to_owned(),
            ValueAny::String(format!("{url}/places/payments")),
        )])
    }

    fn permissions(&self) -> &'static [Permission] {
        &[Permission {
            name: "places:write",
            needed: "to deliver",
        }]
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Store>> {
        let url = Url::parse(settings.required_string("url")?);
        let url =
            url.map_err(|error| settings.wrong("url", "url is not valid", error.to_string()))?;
        Ok(Box::new(Place {
            http: context.http(),
            url,
        }))
    }
}

struct Place {
    http: Arc<Http>,
    url: Url,
}

#[async_trait]
impl Store for Place {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            size_limit: Some(4096),
            conditional: true,
            ..Capabilities::default()
        }
    }

    fn place(&self) -> String {
        format!("toy {}", self.url)
    }

    async fn check(&self, _: Option<&Observation>) -> Result<()> {
        self.observe().await.map(drop)
    }

    async fn observe(&self) -> Result<Observation> {
        match self.http.call(self, &Call::get("GET", "")).await {
            Ok(answer) => {
                let text = std::str::from_utf8(&answer.body).unwrap_or("?");
                let found = Layout::understand(text);
                let Some(version) = version(&answer) else {
                    return Err(odd("GET"));
                };
                Ok(Observation { found, version })
            }
            Err(refusal) if refusal.kind == Kind::NotFound => Ok(Observation::nothing()),
            Err(refusal) => Err(refusal.explain(format!("{} could not be read", self.place()))),
        }
    }

    async fn write(&self, document: &Document, token: &str, expected: &Version) -> Result<Written> {
        let text = Layout::Slots.render(document);
        fits(&text, self.capabilities().size_limit, &self.place())?;
        let hidden = Secret::new(text.to_string());
        let mut headers = if_match(expected);
        headers.insert("idempotency-key", HeaderValue::from_str(token).unwrap());
        let call = Call {
            headers,
            body: Body::new("application/json", text),
            secrets: &[&hidden],
            ..Call::new("PUT", Method::PUT, "", Repeat::Freely)
        };
        let answer = self
            .http
            .call(self, &call)
            .await
            .map_err(|refusal| self.explain(refusal, "written"))?;
        match version(&answer) {
            Some(content) => Ok(Written::Done(Receipt {
                content,
                version: None,
            })),
            None => Err(odd("PUT")),
        }
    }

    async fn remove(&self, expected: &Version) -> Result<()> {
        let call = Call {
            headers: if_match(expected),
            ..Call::new("DELETE", Method::DELETE, "", Repeat::Freely)
        };
        match self.http.call(self, &call).await {
            Err(refusal) if refusal.kind != Kind::NotFound => Err(self.explain(refusal, "removed")),
            _ => Ok(()),
        }
    }
}

impl Place {
    fn explain(&self, refusal: Refusal, what: &str) -> Error {
        let place = self.place();
        match refusal.meaning {
            Meaning::Conflict => Error::new(
                Kind::Stale,
                format!("{place} was changed in the meantime"),
                "Plan again.",
            ),
            _ => refusal.explain(format!("{place} could not be {what}")),
        }
    }
}

fn if_match(expected: &Version) -> HeaderMap {
    let value = match expected {
        Version::Absent => "none",
        Version::Of(version) => version,
    };
    let value = HeaderValue::from_str(value).unwrap();
    HeaderMap::from_iter([(IF_MATCH, value)])
}

fn version(answer: &Answer) -> Option<Version> {
    let version = answer.headers.get(ETAG)?.to_str().ok()?;
    Some(Version::Of(version.to_owned()))
}

fn odd(operation: &str) -> Error {
    Refusal::not_understood("the toy", "the toy", operation)
        .explain("The place did not answer as a place")
}

#[async_trait]
impl Vendor for Place {
    fn name(&self) -> &str {
        "the toy"
    }

    async fn base(&self) -> Result<Url> {
        Ok(self.url.clone())
    }

    async fn authorize(&self, _: &mut Request, _: &[u8]) -> Result<Used> {
        Ok(Used::default())
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        error_in_json(answer, "/error/code", "/error/message")
    }
}
