//! The request of `verification`: sends it with a key and judges the answer.
//!
//! The request carries the key and perhaps other secrets of the configuration, and servers like to repeat what they were
//! sent. So the answer is judged by its status alone: nothing else of it is read, let alone shown.

use std::fmt;
use std::sync::Arc;
use std::time::Duration as StdDuration;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use reqwest::{Request, Url};
use tokio_util::sync::CancellationToken;

use super::{Pace, Proof, verify};
use crate::domain::word::Tried;
use crate::duration::Duration;
use crate::error::{Error, Kind, Result};
use crate::http::{Escape, Http, Template, auth, configured};
use crate::issuers::Probe;
use crate::secret::Secret;

/// An HTTP request that proves a key. Exists only if it is sound.
#[derive(Clone)]
pub struct Verification {
    pub(super) http: Arc<Http>,
    pub(super) url: Url,
    pub(super) method: Method,
    pub(super) headers: Vec<(HeaderName, Template)>,
    pub(super) basic_auth: Option<(Template, Template)>,
    pub(super) body: Option<Template>,
    pub(super) expected: Vec<u16>,
    pub(super) timeout: Duration,
    pub(super) request_timeout: Duration,
    pub(super) interval: Duration,
    pub(super) consecutive: u32,
}

/// Shows the method and the address; headers and body may hold secrets of the configuration.
impl fmt::Debug for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verification({})", self.name())
    }
}

impl Verification {
    /// Whether it needs the public id, which not every issuer gives.
    pub fn needs_key_id(&self) -> bool {
        self.templates().any(|template| template.holds("key_id"))
    }

    /// Proves one key: see [`verify`].
    pub async fn verify(
        &self,
        key_id: Option<&str>,
        secret: &Secret,
        stop: &CancellationToken,
    ) -> Result<Proof> {
        let attempt = || self.attempt(key_id, secret);
        let interval = StdDuration::from_secs(self.interval.as_secs());
        let pace = Pace {
            bound: self.timeout,
            after_failure: interval,
            after_success: interval,
            consecutive: self.consecutive,
            unless_refused: self.consecutive,
        };
        verify(attempt, pace, stop).await
    }

    /// Sends the request once.
    ///
    /// An expected status is [`Probe::Accepted`]; 408, 425, 429, 5xx and no answer at all are [`Kind::Unavailable`];
    /// every other status is [`Probe::Refused`].
    pub async fn attempt(&self, key_id: Option<&str>, secret: &Secret) -> Result<Probe> {
        let status = self.answer(key_id, secret).await?;
        if self.expects(status) {
            return Ok(Probe::Accepted);
        }
        // The number and the words of the standard: a server may put anything in place of its own.
        let reason = format!("HTTP {status}");
        match says_nothing(status) {
            true => Err(self.unavailable(reason)),
            false => Ok(Probe::Refused(format!("{reason}{}", hint(status)))),
        }
    }

    /// Sends the request once with a key that may be revoked. Only what a server says of credentials tells that it is: a request
    /// that is refused for another reason is refused to every key.
    pub async fn try_once(&self, key_id: Option<&str>, secret: &Secret) -> Tried {
        match self.answer(key_id, secret).await {
            Ok(status) if self.expects(status) => Tried::Accepted,
            Ok(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Tried::Refused,
            Ok(status) if says_nothing(status) => Tried::Silent,
            Ok(_) => Tried::Declined,
            Err(_) => Tried::Silent,
        }
    }

    async fn answer(&self, key_id: Option<&str>, secret: &Secret) -> Result<StatusCode> {
        let key_id = self.key_id(key_id)?;
        let request = self.request(key_id, secret)?;
        let limit = StdDuration::from_secs(self.request_timeout.as_secs());
        let answered = self.http.status(request, limit).await;
        let status = answered.map_err(|failure| self.unanswered(failure.error))?;
        tracing::debug!(request = %self.name(), status = status.as_u16(), "verification answered");
        Ok(status)
    }

    fn request(&self, key_id: &str, secret: &Secret) -> Result<Request> {
        let values = [("key_id", key_id), ("secret", secret.expose())];
        let mut request = Request::new(self.method.clone(), self.url.clone());
        for (name, template) in &self.headers {
            let filled = template.fill(&values, Escape::None);
            let mut value = HeaderValue::from_str(&filled).map_err(|_| self.unfit(name))?;
            value.set_sensitive(true);
            request.headers_mut().append(name, value);
        }
        if let Some((username, password)) = &self.basic_auth {
            let username = username.fill(&values, Escape::None);
            let password = password.fill(&values, Escape::None);
            let password = Secret::new(password.as_str().to_owned());
            auth::basic(request.headers_mut(), &username, &password, "basic_auth")?;
        }
        if let Some(body) = &self.body {
            let body = body.fill(&values, configured::escape(&self.headers));
            *request.body_mut() = Some(body.as_bytes().to_vec().into());
        }
        Ok(request)
    }

    fn key_id<'a>(&self, key_id: Option<&'a str>) -> Result<&'a str> {
        if key_id.is_none() && self.needs_key_id() {
            return Err(Error::new(
                Kind::Invalid,
                "The verification needs an id that the key does not have",
                "The issuer gives its keys no public id, so {{key_id}} cannot be filled in. Remove it from verification.",
            ));
        }
        Ok(key_id.unwrap_or_default())
    }

    fn expects(&self, status: StatusCode) -> bool {
        match self.expected.as_slice() {
            [] => status.is_success(),
            expected => expected.contains(&status.as_u16()),
        }
    }

    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        let headers = self.headers.iter().map(|(_, template)| template);
        let basic = self
            .basic_auth
            .iter()
            .flat_map(|(username, password)| [username, password]);
        headers.chain(basic).chain(&self.body)
    }

    /// What the request is called in messages: without a query, which may hold a secret.
    fn name(&self) -> String {
        let mut bare = self.url.clone();
        bare.set_query(None);
        format!("{} {bare}", self.method)
    }

    /// A lock that was lost ends the proof; everything else may pass.
    fn unanswered(&self, error: Error) -> Error {
        match error.kind {
            Kind::Unavailable => Error {
                summary: format!("The verification {} was not answered", self.name()),
                detail: format!("{}. {}", error.summary, error.detail),
                ..error
            },
            _ => error,
        }
    }

    fn unavailable(&self, reason: String) -> Error {
        Error::new(
            Kind::Unavailable,
            format!("The verification {} gave no verdict", self.name()),
            format!("{reason}. Check the address and the server, then apply again."),
        )
    }

    fn unfit(&self, name: &HeaderName) -> Error {
        Error::new(
            Kind::Invalid,
            format!("The key does not fit in the header {name}"),
            "It holds a line break or another character that HTTP does not allow in a header. Send it in the body.",
        )
    }
}

/// A status of a server that may answer otherwise in a moment.
fn says_nothing(status: StatusCode) -> bool {
    let passes = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    status.is_server_error() || passes.contains(&status)
}

/// What a status that refuses a key often means, and what to do about it.
fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => {
            ": the server does not accept the key. Check that the request sends it where the server looks for it"
        }
        StatusCode::FORBIDDEN => {
            ": the server may know the key but does not let it do this. Verify with a request that every key of this issuer \
             may make"
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            ": the server does not know this address or this method. Check url and method"
        }
        _ if status.is_redirection() => {
            ". Redirects are not followed, because they could carry the key to another server: set the final address in url"
        }
        _ => ". Its log says more than is shown here, where the answer could repeat the key",
    }
}
