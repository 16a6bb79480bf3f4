//! Calls of Twilio's products, and what their errors mean.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use reqwest::{Request, Url};
use serde::de::DeserializeOwned;

use super::settings::{Config, Credentials, nobody};
use crate::error::{Error, Kind, Result};
use crate::http::{
    Answer, Asked, Call, ErrorBody, Http, Meaning, Refusal, Used, Vendor, advice, auth, capital,
    error_in_json, json, query_of_next,
};
use crate::instant::Instant;

/// The client of the provider block.
pub struct Twilio {
    http: Arc<Http>,
    config: Config,
    /// By how many seconds its clock is ahead of the machine's.
    ahead: AtomicI64,
}

/// What has a host of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// The API of 2010, keys among much else.
    Api,
    /// Keys with permissions.
    Iam,
    /// Auth tokens.
    Accounts,
}

/// One product, called as somebody.
pub struct Side<'a> {
    twilio: &'a Twilio,
    product: Product,
    /// In place of the credentials of the provider.
    credentials: Option<&'a Credentials>,
}

impl Twilio {
    pub(super) fn new(config: Config, http: Arc<Http>) -> Self {
        Self {
            http,
            config,
            ahead: AtomicI64::new(0),
        }
    }

    /// A product, called with the credentials of the provider.
    pub fn side(&self, product: Product) -> Side<'_> {
        Side {
            twilio: self,
            product,
            credentials: None,
        }
    }

    /// By how many seconds its clock was ahead of the machine's when it answered last.
    pub fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// The account whose auth token the provider has.
    pub fn own_account(&self) -> Option<&str> {
        let credentials = self.config.credentials.as_ref()?;
        (!credentials.is_key).then_some(credentials.user.as_str())
    }
}

impl<'a> Side<'a> {
    /// The same, called as somebody else.
    pub fn called_as(self, credentials: &'a Credentials) -> Self {
        Self {
            credentials: Some(credentials),
            ..self
        }
    }

    /// Makes a call whose answer has a body.
    pub async fn read<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Refusal> {
        json(&self.twilio.http.call(self, call).await?, self, call)
    }

    /// Makes a call whose answer has none. A body would be that of somebody else on the way.
    pub async fn tell(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let answer = self.twilio.http.call(self, call).await?;
        match answer.body.is_empty() {
            true => Ok(()),
            false => Err(self.not_understood(call)),
        }
    }

    /// The call succeeded, but what came back is no answer of Twilio.
    pub fn not_understood(&self, call: &Call<'_>) -> Refusal {
        Refusal::not_understood(self.side(), self.name(), call.operation)
    }

    /// What leads to the page that a list names as its next, given as a URL or as a path.
    pub async fn query_of_next(&self, next: &str) -> Result<Vec<(String, String)>> {
        query_of_next(&self.base().await?, next)
    }

    fn credentials(&self) -> Result<&Credentials> {
        let own = self.twilio.config.credentials.as_ref();
        self.credentials.or(own).ok_or_else(nobody)
    }
}

#[async_trait]
impl Vendor for Side<'_> {
    fn name(&self) -> &str {
        "Twilio"
    }

    fn side(&self) -> &str {
        match self.product {
            Product::Api => "Twilio's API",
            Product::Iam => "Twilio's IAM",
            Product::Accounts => "Twilio's accounts",
        }
    }

    async fn base(&self) -> Result<Url> {
        let config = &self.twilio.config;
        config.settled()?;
        if let Some(endpoint) = &config.endpoint {
            return Ok(endpoint.clone());
        }
        let product = match self.product {
            Product::Api => "api",
            Product::Iam => "iam",
            Product::Accounts => "accounts",
        };
        let text = format!("https://{product}{}twilio.com", config.location);
        Url::parse(&text).map_err(|_| {
            Error::new(
                Kind::Invalid,
                format!("{text} is no address"),
                "Check region and edge of the twilio block, TWILIO_REGION and TWILIO_EDGE.",
            )
        })
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        let Credentials {
            user,
            password,
            who,
            ..
        } = self.credentials()?;
        auth::basic(request.headers_mut(), user, password, who)
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        error_in_json(answer, "/code", "/message")
    }

    fn meaning(&self, error: &ErrorBody, status: u16) -> Meaning {
        match error.code.as_str() {
            "20003" => Meaning::Unknown,
            "20404" => Meaning::Missing,
            "20429" => Meaning::Throttled,
            _ => Meaning::of_status(status),
        }
    }

    fn is_code(&self, code: &str) -> bool {
        code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn advice(&self, meaning: Meaning, asked: &Asked<'_>, wait: Option<Duration>) -> String {
        let usual = advice(self.name(), meaning, asked, wait);
        let is_key = self.credentials.is_none() && self.credentials().is_ok_and(|own| own.is_key);
        match meaning {
            // Twilio says the same of a key that is not there and of one that may not.
            Meaning::Unknown | Meaning::Forbidden if is_key => format!(
                "{usual} Only an auth token or a Main API key, which is made in the Console, may manage keys: Twilio refuses a \
                 Standard or restricted one."
            ),
            Meaning::Forbidden => format!(
                "{} may not do this. Use the auth token of the account or of its parent, or a Main API key.",
                capital(asked.credentials)
            ),
            _ => usual,
        }
    }

    fn note_clock(&self, ahead: i64) {
        self.twilio.ahead.store(ahead, Ordering::Relaxed);
    }
}

/// An instant as Twilio writes it: after RFC 2822, in newer products after ISO 8601.
pub fn instant(text: &str) -> Option<Instant> {
    let mail = DateTime::parse_from_rfc2822(text).ok();
    mail.map(|at| Instant::from_unix(at.timestamp()))
        .or_else(|| Instant::parse(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_both_forms() {
        let expected = Instant::parse("2016-06-13T22:50:08Z");
        assert!(expected.is_some());
        for text in ["Mon, 13 Jun 2016 22:50:08 +0000", "2016-06-13T22:50:08Z"] {
            assert_eq!(instant(text), expected, "{text}");
        }
        assert_eq!(instant("yesterday"), None);
    }
}
