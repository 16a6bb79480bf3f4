//! Connections, timeouts, answers: everything that is sent goes out here, once.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::net::IpAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{CONNECTION, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Request, Response, StatusCode, Url};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::guard;

use super::network::{Network, is_near};
use super::retry::{Failure, Patience};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// No vendor answers with more than this; what does is not an answer.
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;

/// The shared client. Nothing is loaded or opened before the first call.
#[derive(Debug)]
pub struct Http {
    remote: OnceLock<reqwest::Client>,
    /// What is near bypasses any proxy.
    near: OnceLock<reqwest::Client>,
    network: Network,
    patience: Patience,
    /// Who did not answer the last call, or failed however often it was repeated.
    given_up: Mutex<BTreeSet<String>>,
    pub(super) stop: CancellationToken,
}

/// What came back, whatever its status.
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; wiped when dropped, since it may hold a new key.
    pub body: Zeroizing<Vec<u8>>,
}

impl Http {
    /// A client that stops repeating calls once `stop` is cancelled.
    pub fn new(stop: CancellationToken) -> Self {
        Self::with_patience(stop, Patience::default())
    }

    /// The same with other bounds.
    pub fn with_patience(stop: CancellationToken, patience: Patience) -> Self {
        Self {
            remote: OnceLock::new(),
            near: OnceLock::new(),
            network: Network::default(),
            patience,
            given_up: Mutex::default(),
            stop,
        }
    }

    /// The same client with the proxies and the certificates of a vendor.
    pub fn through(&self, network: Network) -> Self {
        Self {
            network,
            ..Self::with_patience(self.stop.clone(), self.patience)
        }
    }

    pub(super) fn patience(&self) -> Patience {
        self.patience
    }

    /// Whether the last call to this side was given up.
    pub(super) fn is_given_up(&self, whom: &str) -> bool {
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.contains(whom)
    }

    pub(super) fn note_given_up(&self, whom: &str, is_given_up: bool) {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        match is_given_up {
            true => given_up.insert(whom.to_owned()),
            false => given_up.remove(whom),
        };
    }

    fn client(&self, is_near: bool) -> Result<&reqwest::Client> {
        let slot = match is_near {
            true => &self.near,
            false => &self.remote,
        };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let built = build(&self.network, is_near)?;
        Ok(slot.get_or_init(|| built))
    }

    /// Sends one request once over a connection of its own, and gives the status alone: of an answer that may repeat what
    /// was sent, nothing else is read. Behind a load balancer a connection that is kept would reach the same server again.
    pub async fn status(
        &self,
        mut request: Request,
        limit: Duration,
    ) -> Result<StatusCode, Failure> {
        let close = HeaderValue::from_static("close");
        request.headers_mut().insert(CONNECTION, close);
        let is_near = is_near(request.url());
        let response = self.execute(request, limit, is_near).await?;
        Ok(response.status())
    }

    /// Sends one request once and reads the whole answer, all within the limit. Every status is an answer.
    pub async fn send(&self, request: Request, limit: Duration) -> Result<Answer, Failure> {
        let is_near = is_near(request.url());
        self.ask(request, limit, is_near).await
    }

    /// The same past every proxy, wherever it leads.
    pub async fn send_directly(
        &self,
        request: Request,
        limit: Duration,
    ) -> Result<Answer, Failure> {
        self.ask(request, limit, true).await
    }

    async fn ask(
        &self,
        request: Request,
        limit: Duration,
        is_near: bool,
    ) -> Result<Answer, Failure> {
        let host = host_of(&request);
        let mut response = self.execute(request, limit, is_near).await?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let mut body = Zeroizing::new(Vec::new());
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|error| self.unanswered(&host, limit, error))? {
                None => break,
                Some(chunk) if body.len() + chunk.len() > LARGEST_ANSWER => {
                    return Err(Failure::broken(too_large(&host)));
                }
                Some(chunk) => body.extend_from_slice(&chunk),
            }
        }
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    async fn execute(
        &self,
        mut request: Request,
        limit: Duration,
        is_near: bool,
    ) -> Result<Response, Failure> {
        guard::confirm().await.map_err(Failure::settled)?;
        *request.timeout_mut() = Some(limit);
        let host = host_of(&request);
        let client = self.client(is_near).map_err(Failure::settled)?;
        let response = client.execute(request).await;
        response.map_err(|error| self.unanswered(&host, limit, error))
    }

    fn unanswered(&self, host: &str, limit: Duration, error: reqwest::Error) -> Failure {
        // Only a connection that was never made proves that nothing was sent.
        let outcome_unknown = !error.is_connect() && !error.is_builder();
        let (is_timeout, is_connect) = (error.is_timeout(), error.is_connect());
        let causes = causes(&error.without_url());
        let is_untrusted = causes.contains("UnknownIssuer");
        let detail = match (is_timeout, is_connect) {
            (true, true) => checked("No connection could be made in time."),
            (true, false) => checked(&format!(
                "There was no whole answer within {} seconds.",
                limit.as_secs()
            )),
            _ if is_untrusted => self.untrusted(host),
            _ => checked(&format!("{causes}.")),
        };
        let error = Error::new(Kind::Unavailable, format!("{host} did not answer"), detail);
        Failure {
            // Whom nobody knows now, nobody knows a moment later.
            transient: !is_untrusted,
            outcome_unknown,
            answered: false,
            ..Failure::settled(error)
        }
    }

    fn untrusted(&self, host: &str) -> String {
        let place = match self.network.trust {
            "" => "the certificates of this machine, or a file that SSL_CERT_FILE names",
            place => place,
        };
        format!(
            "Its certificate was issued by an authority that is not known here (UnknownIssuer). If {host} is to be trusted, \
             such as a proxy that reads along, put the certificate of the authority into {place}."
        )
    }
}

fn checked(reason: &str) -> String {
    format!(
        "{reason} Check the network, the proxy (HTTPS_PROXY, NO_PROXY) and the endpoint, then run the command again."
    )
}

impl Answer {
    /// The time of the other side when it answered, if it says so.
    pub fn served_at(&self) -> Option<Instant> {
        let text = self.headers.get(DATE)?.to_str().ok()?.trim();
        let date = DateTime::parse_from_rfc2822(text).ok()?;
        Some(Instant::from_unix(date.timestamp()))
    }

    /// How long the `Retry-After` header asks to wait, in seconds or until a date.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = DateTime::parse_from_rfc2822(text).ok()?.timestamp();
        // The vendor means the real time, so an overridden clock has no say here.
        let now = Clock::system().now().unix();
        u64::try_from(until - now).ok().map(Duration::from_secs)
    }
}

/// Whether an address leads to this machine alone.
pub fn is_on_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    match address {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost",
    }
}

/// Whether nobody on the way can read what is sent there, or answer it.
pub fn is_encrypted_or_local(url: &Url) -> bool {
    url.scheme() == "https" || is_on_this_machine(url)
}

fn build(network: &Network, is_near: bool) -> Result<reqwest::Client> {
    // Fails only if a provider is installed already, and then that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    network
        .client(reqwest::Client::builder(), is_near)
        .user_agent(concat!(
            "terraform-provider-apikey/",
            env!("CARGO_PKG_VERSION")
        ))
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirect would carry credentials to a host that nobody configured.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| {
            Error::new(
                Kind::Other,
                "The HTTP client could not be built",
                format!(
                    "{}. Check the certificates of this machine and the proxy settings in the \
                     environment.",
                    causes(&error)
                ),
            )
        })
}

fn host_of(request: &Request) -> String {
    let url = request.url();
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "the server".to_owned(),
    }
}

fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text = format!("{text}: {reason}");
        }
        cause = error.source();
    }
    text
}

fn too_large(host: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("{host} sent an answer that is too large"),
        "Check that the endpoint is the vendor's API and not some other server.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(retry_after: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        Answer {
            status: StatusCode::TOO_MANY_REQUESTS,
            headers,
            body: Zeroizing::default(),
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        assert_eq!(answer("7").retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(
            answer("Wed, 21 Oct 2015 07:28:00 GMT").retry_after(),
            None,
            "a date in the past"
        );
        let far = answer("Fri, 31 Dec 9999 23:59:59 GMT").retry_after();
        assert!(far > Some(Duration::from_secs(60)));
        assert_eq!(answer("soon").retry_after(), None);
    }
}
