//! Doppler: the provider block `doppler` and its client.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::{Request, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tf_provider::schema::AttributeType;
use tokio::sync::OnceCell;

use super::given::{endpoint, given};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::http::{
    Answer, Call, ErrorBody, Http, Refusal, Used, Vendor, auth, error_in_json, json,
};
use crate::schema::{Attributes, attributes as table, optional, sensitive};
use crate::secret::Secret;
use crate::settings::Settings;

const API: &str = "https://api.doppler.com";

/// The code that stands for a refusal of which Doppler's words, which may repeat a secret, say that a person has to make a
/// change request.
pub const CHANGE_REQUEST_REQUIRED: &str = "change_request_required";

/// The client of the provider block.
pub struct Doppler {
    http: Arc<Http>,
    base: Url,
    token: Option<Token>,
    workplace: OnceCell<String>,
    /// Why nothing may be sent with these settings: some of them are not known yet.
    awaited: Option<Error>,
}

struct Token {
    secret: Secret,
    who: String,
}

#[derive(Deserialize)]
struct Me {
    workplace: Workplace,
}

#[derive(Deserialize)]
struct Workplace {
    slug: String,
}

/// The attributes of the provider block `doppler`.
pub fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    table([
        (
            "token",
            sensitive(text(
                "Token that may read and write the secrets of the configs: a service account token, a service token with \
                 read and write access, or a personal one. Default: `DOPPLER_TOKEN`.",
            )),
        ),
        (
            "api_host",
            text("Address in place of `https://api.doppler.com`. Default: `DOPPLER_API_HOST`."),
        ),
    ])
}

/// The client that everything of this provider shares.
pub fn client(context: &Context) -> Result<Arc<Doppler>> {
    let http = context.http();
    context.shared(|| match context.needs("doppler") {
        Ok(()) => Doppler::read(context.vendor("doppler").as_ref(), http),
        Err(awaited) => Ok(Doppler {
            http,
            base: usual()?,
            token: None,
            workplace: OnceCell::new(),
            awaited: Some(awaited),
        }),
    })
}

impl Doppler {
    fn read(block: Option<&Settings>, http: Arc<Http>) -> Result<Self> {
        let base = endpoint(block, "api_host", &["DOPPLER_API_HOST"], API)?;
        let token = given(block, "token", &["DOPPLER_TOKEN"]);
        Ok(Self {
            http,
            base: base.map_or_else(usual, Ok)?,
            awaited: None,
            workplace: OnceCell::new(),
            token: token.map(|token| Token {
                who: format!("the Doppler token (from {})", token.from),
                secret: Secret::new(token.text),
            }),
        })
    }

    /// The workplace that the token belongs to.
    pub async fn workplace(&self) -> Result<&str> {
        let asked = self.workplace.get_or_try_init(async || {
            let me = self.read_answer::<Me>(&Call::get("GET me", "/v3/me")).await;
            let explained = |refusal: Refusal| {
                refusal.explain("Doppler does not tell which workplace the token belongs to")
            };
            me.map(|me| me.workplace.slug).map_err(explained)
        });
        asked.await.map(String::as_str)
    }

    /// Makes a call whose answer has a body.
    pub async fn read_answer<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Refusal> {
        json(&self.http.call(self, call).await?, self, call)
    }
}

#[async_trait]
impl Vendor for Doppler {
    fn name(&self) -> &str {
        "Doppler"
    }

    async fn base(&self) -> Result<Url> {
        match &self.awaited {
            Some(awaited) => Err(awaited.clone()),
            None => Ok(self.base.clone()),
        }
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        let Token { secret, who } = self.token.as_ref().ok_or_else(nobody)?;
        auth::bearer(request.headers_mut(), secret, who)
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        let told = error_in_json(answer, "/code", "/messages/0");
        let is_required = answer.status == StatusCode::FORBIDDEN
            && told.message.to_lowercase().contains("change request");
        match is_required {
            true => ErrorBody {
                code: CHANGE_REQUEST_REQUIRED.to_owned(),
                ..told
            },
            false => told,
        }
    }

    fn is_code(&self, code: &str) -> bool {
        code == CHANGE_REQUEST_REQUIRED
    }

    fn permission(&self, call: &Call<'_>) -> String {
        match call.method {
            reqwest::Method::GET => "to read the secrets of this config".to_owned(),
            _ => "to write the secrets of this config (access \"read/write\")".to_owned(),
        }
    }
}

fn nobody() -> Error {
    Error::new(
        Kind::Denied,
        "No token for Doppler",
        "Set token in the doppler block of the provider, or DOPPLER_TOKEN in the environment.",
    )
}

fn usual() -> Result<Url> {
    Url::parse(API).map_err(|_| {
        Error::new(
            Kind::Other,
            "Doppler has no address",
            "Report this as a bug of the provider.",
        )
    })
}
