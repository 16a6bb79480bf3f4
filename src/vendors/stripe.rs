//! Stripe: the provider block `stripe` and its client.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Request, Url};
use serde::de::DeserializeOwned;
use tf_provider::schema::AttributeType;

use super::given::{Given, endpoint, given, wrong};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::http::{
    Answer, Asked, Call, ErrorBody, Http, Meaning, Refusal, Used, Vendor, advice, auth,
    error_in_json, json, query_of_next,
};
use crate::schema::{Attributes, attributes as table, optional, sensitive};
use crate::secret::Secret;
use crate::settings::Settings;

const API: &str = "https://api.stripe.com";

/// The version that has keys. Stripe names versions by their day.
const VERSION: &str = "2026-08-26.preview";

/// The codes of what is not there, in the two generations of the API.
const MISSING: [&str; 2] = ["not_found", "resource_missing"];

/// Who may manage keys, and what everybody else does.
pub const GATED: &str = "Only an approved Stripe App whose permissions include api_key_write may manage keys; no ordinary key of an \
    account may. Everybody else uses the issuer manual.";

/// The client of the provider block.
pub struct Stripe {
    http: Arc<Http>,
    base: Url,
    version: HeaderValue,
    key: Option<Key>,
    /// By how many seconds its clock is ahead of the machine's.
    ahead: AtomicI64,
    /// Why nothing may be sent with these settings: some of them are not known yet.
    awaited: Option<Error>,
}

struct Key {
    secret: Secret,
    who: String,
    mode: Mode,
}

/// Keys of one mode do nothing in the other, and lists show those of one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Where money moves. Secrets are answered encrypted.
    Live,
    /// Test mode, and sandboxes.
    Test,
}

/// The API, called as somebody.
pub struct Side<'a> {
    stripe: &'a Stripe,
    /// In place of the key of the provider: its secret, and whose it is.
    key: Option<(&'a Secret, &'a str)>,
}

/// The attributes of the provider block `stripe`.
pub fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    table([
        (
            "api_key",
            sensitive(text(
                "Secret key of an approved Stripe App that may manage keys. Its mode (`_live_` or `_test_`) is that of the keys. \
                 Default: `STRIPE_API_KEY`.",
            )),
        ),
        (
            "api_version",
            text("Version of the API. Default: `2026-08-26.preview`, the first that has keys."),
        ),
        (
            "endpoint",
            text("Address in place of `https://api.stripe.com`."),
        ),
    ])
}

/// The client that everything of this provider shares.
pub fn client(context: &Context) -> Result<Arc<Stripe>> {
    let http = context.http();
    context.shared(|| match context.needs("stripe") {
        Ok(()) => Stripe::read(context.vendor("stripe").as_ref(), http),
        Err(awaited) => Ok(Stripe {
            http,
            base: usual()?,
            version: HeaderValue::from_static(VERSION),
            key: None,
            ahead: AtomicI64::new(0),
            awaited: Some(awaited),
        }),
    })
}

impl Stripe {
    fn read(block: Option<&Settings>, http: Arc<Http>) -> Result<Self> {
        let base = endpoint(block, "endpoint", &[], API)?;
        let key = given(block, "api_key", &["STRIPE_API_KEY"]);
        Ok(Self {
            http,
            base: base.map_or_else(usual, Ok)?,
            version: version(block)?,
            key: key.map(|key| read_key(block, key)).transpose()?,
            ahead: AtomicI64::new(0),
            awaited: None,
        })
    }

    /// The API, called with the key of the provider.
    pub fn side(&self) -> Side<'_> {
        Side {
            stripe: self,
            key: None,
        }
    }

    /// The API, called with another key.
    pub fn called_with<'a>(&'a self, secret: &'a Secret, who: &'a str) -> Side<'a> {
        Side {
            stripe: self,
            key: Some((secret, who)),
        }
    }

    /// What a call about the keys of an account carries.
    pub fn headers(&self, account: &str) -> Result<HeaderMap> {
        let account = HeaderValue::from_str(account).map_err(|_| odd("The account"))?;
        Ok(HeaderMap::from_iter([
            (
                HeaderName::from_static("stripe-version"),
                self.version.clone(),
            ),
            (HeaderName::from_static("stripe-context"), account),
        ]))
    }

    /// The mode of the provider's key.
    pub fn mode(&self) -> Result<Mode> {
        if let Some(awaited) = &self.awaited {
            return Err(awaited.clone());
        }
        let key = self.key.as_ref().ok_or_else(nobody)?;
        Ok(key.mode)
    }

    /// By how many seconds its clock was ahead of the machine's when it answered last.
    pub fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }
}

impl Side<'_> {
    /// Makes a call whose answer has a body.
    pub async fn read<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Refusal> {
        json(&self.stripe.http.call(self, call).await?, self, call)
    }

    /// The call succeeded, but what came back is no answer of Stripe.
    pub fn not_understood(&self, call: &Call<'_>) -> Refusal {
        Refusal::not_understood(self.side(), self.name(), call.operation)
    }

    /// What leads to the page that a list names as its next, given as a URL or as a path.
    pub fn query_of_next(&self, next: &str) -> Result<Vec<(String, String)>> {
        query_of_next(&self.stripe.base, next)
    }
}

#[async_trait]
impl Vendor for Side<'_> {
    fn name(&self) -> &str {
        "Stripe"
    }

    async fn base(&self) -> Result<Url> {
        match &self.stripe.awaited {
            Some(awaited) => Err(awaited.clone()),
            None => Ok(self.stripe.base.clone()),
        }
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        let own = self.stripe.key.as_ref();
        let (secret, who) = self
            .key
            .or(own.map(|key| (&key.secret, key.who.as_str())))
            .ok_or_else(nobody)?;
        auth::bearer(request.headers_mut(), secret, who)
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        error_in_json(answer, "/error/code", "/error/message")
    }

    /// Stripe says of what somebody may not know of that it is not there, and gives no code. That must not be taken for a key
    /// that is gone.
    fn meaning(&self, error: &ErrorBody, status: u16) -> Meaning {
        match Meaning::of_status(status) {
            Meaning::Missing if !MISSING.contains(&error.code.as_str()) => Meaning::Forbidden,
            meaning => meaning,
        }
    }

    fn is_code(&self, code: &str) -> bool {
        let is_of_it = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        (1..=64).contains(&code.len()) && code.bytes().all(is_of_it)
    }

    fn advice(&self, meaning: Meaning, asked: &Asked<'_>, wait: Option<Duration>) -> String {
        let usual = advice(self.name(), meaning, asked, wait);
        match meaning {
            Meaning::Unknown | Meaning::Forbidden if self.key.is_none() => {
                format!("{usual} {GATED}")
            }
            _ => usual,
        }
    }

    fn permission(&self, _: &Call<'_>) -> String {
        "api_key_write".to_owned()
    }

    fn note_clock(&self, ahead: i64) {
        self.stripe.ahead.store(ahead, Ordering::Relaxed);
    }
}

fn read_key(block: Option<&Settings>, key: Given) -> Result<Key> {
    let mode = mode_of(&key.text).ok_or_else(|| {
        let problem = "A secret key of Stripe has _live_ or _test_ in front, such as sk_test_….";
        wrong(block, "api_key", &key.from, problem)
    })?;
    Ok(Key {
        who: format!("the Stripe key (from {})", key.from),
        secret: Secret::new(key.text),
        mode,
    })
}

fn mode_of(key: &str) -> Option<Mode> {
    let is_secret = ["sk_", "rk_"].iter().any(|prefix| key.starts_with(prefix));
    let modes = [("_live_", Mode::Live), ("_test_", Mode::Test)];
    let named = modes.into_iter().find(|(name, _)| key.contains(name));
    named.filter(|_| is_secret).map(|(_, mode)| mode)
}

fn version(block: Option<&Settings>) -> Result<HeaderValue> {
    let Some(given) = given(block, "api_version", &[]) else {
        return Ok(HeaderValue::from_static(VERSION));
    };
    let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    HeaderValue::from_str(&given.text)
        .ok()
        .filter(|_| given.text.bytes().all(is_of_it))
        .ok_or_else(|| {
            let problem = "A version is a day and a name, such as 2026-08-26.preview.";
            wrong(block, "api_version", &given.from, problem)
        })
}

fn nobody() -> Error {
    Error::new(
        Kind::Denied,
        "No key for Stripe",
        format!(
            "Set api_key in the stripe block of the provider, or STRIPE_API_KEY in the environment. {GATED}"
        ),
    )
}

fn usual() -> Result<Url> {
    Url::parse(API).map_err(|_| odd("The address of Stripe"))
}

fn odd(what: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("{what} could not be written"),
        "Report this as a bug of the provider.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_of_a_key_stands_in_it() {
        for (key, mode) in [
            ("sk_live_madeup", Some(Mode::Live)),
            ("rk_test_madeup", Some(Mode::Test)),
            ("sk_org_live_madeup", Some(Mode::Live)),
            ("pk_live_madeup", None),
            ("sk_madeup", None),
            ("whsec_test_madeup", None),
        ] {
            assert_eq!(mode_of(key), mode, "{key}");
        }
    }
}
