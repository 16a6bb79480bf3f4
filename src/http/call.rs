//! One call of an API: written, authenticated, sent as often as it may be, and understood.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::refusal::{self, Asked, ErrorBody, Meaning, Refusal};
use super::retry::{Ask, Failure, Repeat};
use super::transport::{Answer, Http};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// How often a call is sent again that was throttled or met a transient failure: about a minute and a half of growing
/// delays.
const RETRIES: usize = 9;

/// What a vendor adds to the client: where it is, who calls, and how it says no.
#[async_trait]
pub trait Vendor: Send + Sync {
    /// Its name in messages, such as `AWS`.
    fn name(&self) -> &str;

    /// The side that is asked, where a vendor has several, such as `IAM`. A side that was silent is not waited for again.
    fn side(&self) -> &str {
        self.name()
    }

    /// How often a call is sent again.
    fn retries(&self) -> usize {
        RETRIES
    }

    /// The address that the paths of calls are added to.
    async fn base(&self) -> Result<Url>;

    /// Puts the credentials into a request, and says whose they are.
    async fn authorize(&self, request: &mut Request, body: &[u8]) -> Result<Used>;

    /// Reads the answer of a call that failed. What it gives may still hold secrets.
    fn error_body(&self, answer: &Answer) -> ErrorBody;

    /// What an error means. Decisions are taken from it alone.
    fn meaning(&self, error: &ErrorBody, status: u16) -> Meaning {
        let _ = error;
        Meaning::of_status(status)
    }

    /// Whether a code is a word of the vendor, so that nothing can be hidden in it.
    fn is_code(&self, code: &str) -> bool {
        let _ = code;
        false
    }

    /// What to do about an error.
    fn advice(&self, meaning: Meaning, asked: &Asked<'_>, wait: Option<Duration>) -> String {
        refusal::advice(self.name(), meaning, asked, wait)
    }

    /// What the credentials have to be allowed for a call, in the words of the vendor.
    fn permission(&self, call: &Call<'_>) -> String {
        call.operation.to_owned()
    }

    /// The credentials have run out. Whether others can be found.
    async fn renew(&self) -> bool {
        false
    }

    /// By how many seconds its clock was ahead of the machine's just now.
    fn note_clock(&self, ahead: i64) {
        let _ = ahead;
    }
}

/// The credentials of one request.
#[derive(Debug, Default)]
pub struct Used {
    /// Whose they are, for people: `access key AKIA… (from profile "ci")`.
    pub who: String,
    /// What must never appear in a message.
    pub hidden: Vec<Secret>,
}

/// One call.
pub struct Call<'a> {
    /// What it is called in messages: `CreateAccessKey`, `POST /v1/keys`.
    pub operation: &'a str,
    /// The method.
    pub method: Method,
    /// What is added to the address of the vendor.
    pub path: &'a str,
    /// The query, encoded on the way.
    pub query: &'a [(&'a str, &'a str)],
    /// Headers beside those of the credentials.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Body,
    /// Whether it may be sent again.
    pub repeat: Repeat,
    /// What it carries that must not come back in a message.
    pub secrets: &'a [&'a Secret],
    /// It neither carries nor returns a secret, so the words of an error may be shown.
    pub may_be_quoted: bool,
}

/// What is sent, and what it is called in `Content-Type`.
#[derive(Clone, Default)]
pub struct Body {
    content_type: Option<&'static str>,
    text: Zeroizing<String>,
}

impl Body {
    /// A text of this type.
    pub fn new(content_type: &'static str, text: Zeroizing<String>) -> Self {
        Self {
            content_type: Some(content_type),
            text,
        }
    }

    /// A form.
    pub fn form<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        // A URL is the encoder at hand, and one that always parses; only its query is used.
        let mut form = Zeroizing::new(String::new());
        if let Ok(mut url) = Url::parse("form:") {
            url.query_pairs_mut().extend_pairs(pairs);
            form.push_str(url.query().unwrap_or_default());
        }
        Self::new("application/x-www-form-urlencoded", form)
    }

    /// JSON.
    pub fn json(value: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_string(value).map_err(|_| odd("The body"))?;
        Ok(Self::new("application/json", Zeroizing::new(text)))
    }

    /// The same with another type: that of a format that JSON is a part of.
    pub fn called(self, content_type: &'static str) -> Self {
        Self {
            content_type: Some(content_type),
            ..self
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<'a> Call<'a> {
    /// A call that changes nothing and may be sent as often as needed.
    pub fn get(operation: &'a str, path: &'a str) -> Self {
        Self::new(operation, Method::GET, path, Repeat::Freely)
    }

    /// A call of any method.
    pub fn new(operation: &'a str, method: Method, path: &'a str, repeat: Repeat) -> Self {
        Self {
            operation,
            method,
            path,
            query: &[],
            headers: HeaderMap::new(),
            body: Body::default(),
            repeat,
            secrets: &[],
            may_be_quoted: false,
        }
    }

    fn request(&self, base: Url) -> Result<Request> {
        let mut url = base;
        if !self.path.is_empty() {
            let path = format!("{}{}", url.path().trim_end_matches('/'), self.path);
            url.set_path(&path);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(self.query);
        }
        let mut request = Request::new(self.method.clone(), url);
        *request.headers_mut() = self.headers.clone();
        if let Some(content_type) = self.body.content_type {
            let value = HeaderValue::from_static(content_type);
            request.headers_mut().insert(CONTENT_TYPE, value);
            *request.body_mut() = Some(self.body.text.as_bytes().to_vec().into());
        }
        Ok(request)
    }
}

impl Http {
    /// Makes a call: sends it, and sends it again where it may be. Only a success is an answer.
    pub async fn call(&self, vendor: &impl Vendor, call: &Call<'_>) -> Result<Answer, Refusal> {
        let ask = Ask {
            whom: vendor.side(),
            what: call.operation,
            repeat: call.repeat,
        };
        let attempt = |limit| self.attempt(vendor, call, limit);
        let answer = self.retry(ask, vendor.retries(), attempt).await;
        answer.map_err(Refusal::from)
    }

    async fn attempt(
        &self,
        vendor: &impl Vendor,
        call: &Call<'_>,
        limit: Duration,
    ) -> Result<Answer, Failure<Refusal>> {
        let prepared = async {
            let mut request = call.request(vendor.base().await?)?;
            let body = call.body.text.as_bytes();
            let used = vendor.authorize(&mut request, body).await?;
            Ok::<_, Error>((request, used))
        };
        let (request, used) = prepared
            .await
            .map_err(|error| Failure::settled(Refusal::from(error)))?;
        let sent = self.send(request, limit).await;
        let answer = sent.map_err(|failure| failure.map(Refusal::unanswered))?;
        tracing::debug!(
            side = vendor.side(),
            operation = call.operation,
            status = answer.status.as_u16(),
            "answered"
        );
        if let Some(theirs) = answer.served_at() {
            let ours = Clock::system().now();
            vendor.note_clock(theirs.unix().saturating_sub(ours.unix()));
        }
        if answer.status.is_success() {
            return Ok(answer);
        }
        let mut failure = refusal::read(vendor, call, &used, &answer);
        if failure.error.meaning == Meaning::Expired && vendor.renew().await {
            failure.transient = true;
        }
        Err(failure)
    }
}

/// Reads a successful answer as JSON.
pub fn json<T: DeserializeOwned>(
    answer: &Answer,
    vendor: &impl Vendor,
    call: &Call<'_>,
) -> Result<T, Refusal> {
    serde_json::from_slice(&answer.body)
        .map_err(|_| Refusal::not_understood(vendor.side(), vendor.name(), call.operation))
}

fn odd(what: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("{what} of a call could not be written"),
        "Report this as a bug of the provider.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded() {
        let pairs = [("Action", "X"), ("UserName", "a+b@c d&e=f")];
        let form = Body::form(pairs.into_iter());
        assert_eq!(form.text(), "Action=X&UserName=a%2Bb%40c+d%26e%3Df");
    }

    #[test]
    fn a_path_is_added_to_that_of_the_base_and_the_query_is_encoded() {
        let base = Url::parse("https://api.example.com/v2/").unwrap();
        let call = Call {
            query: &[("after", "a b&c")],
            ..Call::get("GET /keys", "/keys")
        };
        let url = call.request(base.clone()).unwrap().url().to_string();
        assert_eq!(url, "https://api.example.com/v2/keys?after=a+b%26c");
        let bare = Call::get("X", "").request(base.clone()).unwrap();
        assert_eq!(*bare.url(), base);
    }
}
