//! The one place that repeats a failed call: whether it may be sent again, how often, and after what pause.
//!
//! What a failure is, the caller says; sending is for `http`.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::http::Http;
use crate::error::{Error, Kind, Result};

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(15);

/// A vendor that asks for more patience than this is told of instead of waited for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio_util::sync::CancellationToken;

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
}
