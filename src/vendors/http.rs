//! The one HTTP client of all vendors, and the one place that repeats a failed call.
//!
//! Here live connections, timeouts and the decision whether a call may be sent again. What an answer
//! means is the business of each vendor.

use std::error::Error as _;
use std::sync::OnceLock;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Request, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(15);

/// A vendor that asks for more patience than this is told of instead of waited for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// No vendor answers with more than this; what does is not an answer.
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;

/// The shared client. Nothing is loaded or opened before the first call.
#[derive(Debug)]
pub struct Http {
    client: OnceLock<reqwest::Client>,
    answer_timeout: Duration,
    stop: CancellationToken,
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

/// One attempt that failed, and what that means for another one.
#[derive(Debug)]
pub struct Failure<E = Error> {
    /// What happened.
    pub error: E,
    /// Whether another attempt may end better.
    pub passing: bool,
    /// Whether the other side may have done what it was asked although it did not say so.
    pub maybe_done: bool,
    /// How long the other side asked to wait.
    pub wait: Option<Duration>,
}

/// Which calls may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Reading, or writing that ends the same however often it is done.
    Freely,
    /// Creating: only when the other side surely did nothing.
    IfUntouched,
}

impl Http {
    /// A client that stops repeating calls once `stop` is cancelled.
    pub fn new(stop: CancellationToken) -> Self {
        Self::with_answer_timeout(stop, ANSWER_TIMEOUT)
    }

    /// The same with another limit for one whole attempt.
    pub fn with_answer_timeout(stop: CancellationToken, answer_timeout: Duration) -> Self {
        Self {
            client: OnceLock::new(),
            answer_timeout,
            stop,
        }
    }

    /// The client itself, for building requests.
    pub fn client(&self) -> Result<&reqwest::Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let built = build(self.answer_timeout)?;
        Ok(self.client.get_or_init(|| built))
    }

    /// Sends one request once and reads the whole answer. Every status is an answer.
    pub async fn send(&self, request: Request) -> Result<Answer, Failure> {
        let host = host_of(&request);
        let client = self.client().map_err(Failure::settled)?;
        let mut response = client
            .execute(request)
            .await
            .map_err(|error| self.unanswered(&host, error))?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let mut body = Zeroizing::new(Vec::new());
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|error| self.unanswered(&host, error))? {
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

    /// Makes attempts until one succeeds, at most `retries` after the first. Waits longer each time, at
    /// least as long as the other side asks, and not at all once a person asked to stop.
    pub async fn retry<T, E, F, Attempt>(
        &self,
        repeat: Repeat,
        retries: usize,
        mut attempt: F,
    ) -> Result<T, Failure<E>>
    where
        F: FnMut() -> Attempt,
        Attempt: Future<Output = Result<T, Failure<E>>>,
    {
        let mut delays = delays(retries);
        loop {
            let failure = match attempt().await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            let Some(delay) = failure
                .worth_another(repeat)
                .then(|| delays.next())
                .flatten()
            else {
                return Err(failure);
            };
            let delay = delay.max(failure.wait.unwrap_or_default());
            if failure.wait > Some(LONGEST_RETRY_AFTER) || !self.waited(delay).await {
                return Err(failure);
            }
        }
    }

    /// Waits before looking again. An error if a person asks to stop meanwhile: what was seen so far proves
    /// nothing yet.
    pub async fn wait(&self, delay: Duration) -> Result<()> {
        if self.waited(delay).await {
            return Ok(());
        }
        Err(Error::new(
            Kind::Unavailable,
            "Stopped on request",
            "The run ended before the outcome was certain. Run the command again.",
        ))
    }

    async fn waited(&self, delay: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(delay) => true,
        }
    }

    fn unanswered(&self, host: &str, error: reqwest::Error) -> Failure {
        // Only a connection that was never made proves that nothing was sent.
        let maybe_done = !error.is_connect() && !error.is_builder();
        let reason = if error.is_timeout() && !error.is_connect() {
            format!("There was no answer within {:?}.", self.answer_timeout)
        } else {
            format!("{}.", causes(&error.without_url()))
        };
        Failure {
            error: Error::new(
                Kind::Unavailable,
                format!("{host} did not answer"),
                format!(
                    "{reason} Check the network, the proxy (HTTPS_PROXY, NO_PROXY) and the \
                     endpoint, then run the command again."
                ),
            ),
            passing: true,
            maybe_done,
            wait: None,
        }
    }
}

impl<E> Failure<E> {
    /// A failure that no further attempt would change and that did nothing.
    pub fn settled(error: E) -> Self {
        Self {
            error,
            passing: false,
            maybe_done: false,
            wait: None,
        }
    }

    /// An answer that cannot be understood: the call may have been carried out, and asking again gives no more.
    pub fn broken(error: E) -> Self {
        Self {
            maybe_done: true,
            ..Self::settled(error)
        }
    }

    /// The same failure with its error said in other words.
    pub fn map<F>(self, say: impl FnOnce(E) -> F) -> Failure<F> {
        Failure {
            error: say(self.error),
            passing: self.passing,
            maybe_done: self.maybe_done,
            wait: self.wait,
        }
    }

    fn worth_another(&self, repeat: Repeat) -> bool {
        self.passing && (repeat == Repeat::Freely || !self.maybe_done)
    }
}

impl Answer {
    /// How long the `Retry-After` header asks to wait, in seconds or until a date.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = OffsetDateTime::parse(text, &Rfc2822).ok()?.unix_timestamp();
        // The vendor means the real time, so an overridden clock has no say here.
        let now = Clock::system().now().unix();
        u64::try_from(until - now).ok().map(Duration::from_secs)
    }
}

fn build(answer_timeout: Duration) -> Result<reqwest::Client> {
    // Fails only if a provider is installed already, and then that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!(
            "terraform-provider-apikey/",
            env!("CARGO_PKG_VERSION")
        ))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(answer_timeout)
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

fn delays(retries: usize) -> impl Iterator<Item = Duration> {
    let mut seed = [0; 8];
    // Without randomness the delays are merely alike on every machine.
    let _ = getrandom::fill(&mut seed);
    ExponentialBuilder::default()
        .with_min_delay(FIRST_DELAY)
        .with_max_delay(LONGEST_DELAY)
        .with_max_times(retries)
        .with_jitter()
        .with_jitter_seed(u64::from_ne_bytes(seed))
        .build()
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
    use std::cell::Cell;

    use super::*;

    fn failure(passing: bool, maybe_done: bool) -> Failure<&'static str> {
        Failure {
            error: "no",
            passing,
            maybe_done,
            wait: None,
        }
    }

    async fn attempts_of(
        http: &Http,
        repeat: Repeat,
        retries: usize,
        failure_of: impl Fn() -> Failure<&'static str>,
    ) -> usize {
        let attempts = Cell::new(0);
        let outcome: Result<(), _> = http
            .retry(repeat, retries, || {
                attempts.set(attempts.get() + 1);
                std::future::ready(Err(failure_of()))
            })
            .await;
        assert!(outcome.is_err());
        attempts.get()
    }

    fn answer(retry_after: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        Answer {
            status: StatusCode::TOO_MANY_REQUESTS,
            headers,
            body: Zeroizing::default(),
        }
    }

    #[tokio::test]
    async fn a_passing_failure_is_repeated_up_to_the_limit() {
        let http = Http::new(CancellationToken::new());
        for (passing, retries, attempts) in [(true, 2, 3), (true, 0, 1), (false, 2, 1)] {
            let made = attempts_of(&http, Repeat::Freely, retries, || failure(passing, true));
            assert_eq!(made.await, attempts, "{passing} {retries}");
        }
    }

    #[tokio::test]
    async fn a_creating_call_is_repeated_only_if_nothing_was_done() {
        let http = Http::new(CancellationToken::new());
        for (maybe_done, attempts) in [(true, 1), (false, 3)] {
            let made = attempts_of(&http, Repeat::IfUntouched, 2, || failure(true, maybe_done));
            assert_eq!(made.await, attempts, "{maybe_done}");
        }
    }

    #[tokio::test]
    async fn a_request_to_stop_ends_the_repeating() {
        let stop = CancellationToken::new();
        let http = Http::new(stop.clone());
        stop.cancel();
        assert_eq!(
            attempts_of(&http, Repeat::Freely, 9, || failure(true, false)).await,
            1
        );
    }

    #[tokio::test]
    async fn a_vendor_that_asks_for_an_hour_is_not_waited_for() {
        let http = Http::new(CancellationToken::new());
        let patient = || Failure {
            wait: Some(Duration::from_secs(3600)),
            ..failure(true, false)
        };
        assert_eq!(attempts_of(&http, Repeat::Freely, 9, patient).await, 1);
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
        assert!(far > Some(LONGEST_RETRY_AFTER));
        assert_eq!(answer("soon").retry_after(), None);
    }
}
