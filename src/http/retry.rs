//! The one place that repeats a failed call: whether it may be sent again, how often, and after what pause.
//!
//! What a failure is, the caller says; sending is for `transport`.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::Instant;

use super::transport::Http;
use crate::error::{Error, Kind, Result};

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(15);

/// A vendor that asks for more patience than this is told of instead of waited for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For one attempt: to connect, to send, and to read the whole answer.
    pub attempt: Duration,
    /// For a call whose attempts get no answer.
    pub silent: Duration,
    /// For a call that is told to come back later.
    pub busy: Duration,
    /// For a call that gets no answer or fails, where the last call to this side was given up: what comes next in the run does
    /// not wait all over again. And for a look that fails while a compromised key is alive. Never for a call that creates.
    pub again: Duration,
}

tokio::task_local! {
    static HURRIES: ();
}

/// Looks at something while a compromised key is alive: whoever does not answer soon counts as not answering.
pub async fn in_a_hurry<F: Future>(is_urgent: bool, look: F) -> F::Output {
    match is_urgent {
        true => HURRIES.scope((), look).await,
        false => look.await,
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(30),
            silent: Duration::from_secs(60),
            busy: Duration::from_secs(180),
            again: Duration::from_secs(10),
        }
    }
}

fn hurries() -> bool {
    HURRIES.try_with(|()| ()).is_ok()
}

/// How long a call goes on whose attempts get no answer, and one whose attempts fail.
struct Bounds {
    silent: Duration,
    failing: Duration,
}

/// What is asked of whom.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The other side, such as `IAM`.
    pub whom: &'a str,
    /// The call, such as `ListAccessKeys`.
    pub what: &'a str,
    /// Whether it may be sent again.
    pub repeat: Repeat,
}

/// One attempt that failed, and what that means for another one.
#[derive(Debug)]
pub struct Failure<E = Error> {
    /// What happened.
    pub error: E,
    /// Whether another attempt may end better.
    pub transient: bool,
    /// Whether the other side may have done what it was asked although it did not say so.
    pub outcome_unknown: bool,
    /// Whether the other side said anything.
    pub answered: bool,
    /// How long the other side asked to wait.
    pub wait: Option<Duration>,
    /// How often and how long it was tried, in a sentence, if more than once.
    pub tried: Option<String>,
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
    /// Makes attempts until one succeeds, at most `retries` after the first, within the bounds of [`Patience`]. Waits
    /// longer each time, at least as long as the other side asks, and not at all once a person asked to stop. An
    /// attempt is given the time that it has.
    pub async fn retry<T, E, F, Attempt>(
        &self,
        ask: Ask<'_>,
        retries: usize,
        mut attempt: F,
    ) -> Result<T, Failure<E>>
    where
        F: FnMut(Duration) -> Attempt,
        Attempt: Future<Output = Result<T, Failure<E>>>,
    {
        let patience = self.patience();
        let bounds = self.bounds(ask);
        let begun = Instant::now();
        let mut delays = delays(retries);
        let mut bound = bounds.silent;
        let mut attempts: u32 = 0;
        loop {
            attempts = attempts.saturating_add(1);
            let rest = bound.saturating_sub(begun.elapsed());
            let failure = match attempt(patience.attempt.min(rest)).await {
                Ok(value) => {
                    self.note_given_up(ask.whom, false);
                    return Ok(value);
                }
                Err(failure) => failure,
            };
            bound = match (failure.answered, failure.outcome_unknown) {
                (true, true) => bounds.failing,
                (true, false) => patience.busy,
                (false, _) => bounds.silent,
            };
            let delay = failure
                .worth_another(ask.repeat)
                .then(|| delays.next())
                .flatten()
                .map(|delay| delay.max(failure.wait.unwrap_or_default()))
                .filter(|delay| begun.elapsed() + *delay < bound)
                .filter(|_| failure.wait <= Some(LONGEST_RETRY_AFTER));
            let goes_on = match delay {
                Some(delay) => self.waited(delay).await,
                None => false,
            };
            if !goes_on {
                // Others need not hurry.
                if !hurries() {
                    self.note_given_up(ask.whom, failure.is_given_up(attempts));
                }
                return Err(failure.after(ask.what, attempts, begun.elapsed()));
            }
        }
    }

    /// How long a side that does not work is asked. One that only asks to come back later works, and what creates is given its
    /// whole time: of an attempt that is cut nobody knows what came of it.
    fn bounds(&self, ask: Ask<'_>) -> Bounds {
        let patience = self.patience();
        let (silent, failing) = match ask.repeat {
            Repeat::IfUntouched => (patience.silent, patience.busy),
            Repeat::Freely if self.is_given_up(ask.whom) => (patience.again, patience.again),
            // Whoever is slow gets one attempt.
            Repeat::Freely if hurries() => (patience.attempt, patience.again),
            Repeat::Freely => (patience.silent, patience.busy),
        };
        Bounds { silent, failing }
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
            transient: false,
            outcome_unknown: false,
            answered: true,
            wait: None,
            tried: None,
        }
    }

    /// An answer that cannot be understood: the call may have been carried out, and asking again gives no more.
    pub fn broken(error: E) -> Self {
        Self {
            outcome_unknown: true,
            ..Self::settled(error)
        }
    }

    /// The same failure with its error said in other words.
    pub fn map<F>(self, say: impl FnOnce(E) -> F) -> Failure<F> {
        Failure {
            error: say(self.error),
            transient: self.transient,
            outcome_unknown: self.outcome_unknown,
            answered: self.answered,
            wait: self.wait,
            tried: self.tried,
        }
    }

    fn after(self, what: &str, attempts: u32, time: Duration) -> Self {
        let tried = (attempts > 1).then(|| {
            format!(
                "{what} was tried {attempts} times in {} seconds.",
                time.as_secs()
            )
        });
        Self { tried, ..self }
    }

    /// The other side does not work, as far as one can tell; one that only asks to come back later does.
    fn is_given_up(&self, attempts: u32) -> bool {
        !self.answered || (attempts > 1 && self.transient && self.outcome_unknown)
    }

    fn worth_another(&self, repeat: Repeat) -> bool {
        self.transient && (repeat == Repeat::Freely || !self.outcome_unknown)
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

    fn failure(transient: bool, outcome_unknown: bool) -> Failure<&'static str> {
        Failure {
            transient,
            outcome_unknown,
            ..Failure::settled("no")
        }
    }

    fn ask(repeat: Repeat) -> Ask<'static> {
        Ask {
            whom: "somebody",
            what: "Something",
            repeat,
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
            .retry(ask(repeat), retries, |_| {
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
        for (transient, retries, attempts) in [(true, 2, 3), (true, 0, 1), (false, 2, 1)] {
            let made = attempts_of(&http, Repeat::Freely, retries, || failure(transient, true));
            assert_eq!(made.await, attempts, "{transient} {retries}");
        }
    }

    #[tokio::test]
    async fn a_creating_call_is_repeated_only_if_nothing_was_done() {
        let http = Http::new(CancellationToken::new());
        for (outcome_unknown, attempts) in [(true, 1), (false, 3)] {
            let made = attempts_of(&http, Repeat::IfUntouched, 2, || {
                failure(true, outcome_unknown)
            });
            assert_eq!(made.await, attempts, "{outcome_unknown}");
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

    /// How long calls take one after the other, and what is said of the last.
    async fn seconds_of(
        calls: usize,
        failure_of: impl Fn() -> Failure<&'static str>,
    ) -> (Vec<u64>, String) {
        let http = Http::new(CancellationToken::new());
        let (mut seconds, mut tried) = (Vec::new(), String::new());
        for _ in 0..calls {
            let begun = Instant::now();
            let outcome: Result<(), _> = http
                .retry(ask(Repeat::Freely), 100, async |limit| {
                    let failure = failure_of();
                    if !failure.answered {
                        tokio::time::sleep(limit).await;
                    }
                    Err(failure)
                })
                .await;
            tried = outcome.unwrap_err().tried.unwrap_or_default();
            seconds.push(begun.elapsed().as_secs());
        }
        (seconds, tried)
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_is_silent_is_waited_for_once_and_hardly_again() {
        let silent = || Failure {
            answered: false,
            ..failure(true, true)
        };
        let (seconds, tried) = seconds_of(3, silent).await;
        assert!(seconds[0] <= 60 && seconds[0] >= 30, "{seconds:?}");
        assert!(seconds[1..].iter().all(|it| *it <= 10), "{seconds:?}");
        assert_eq!(tried, "");
        let (_, tried) = seconds_of(1, silent).await;
        assert!(
            tried.starts_with("Something was tried 2 times in "),
            "{tried}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_fails_is_asked_for_a_while_and_hardly_again() {
        let (seconds, _) = seconds_of(3, || failure(true, true)).await;
        assert!(seconds[0] >= 120, "{seconds:?}");
        assert!(seconds[1..].iter().all(|it| *it <= 10), "{seconds:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_in_a_hurry() {
        for (answered, most) in [(true, 10), (false, 30)] {
            let look = seconds_of(1, || Failure {
                answered,
                ..failure(true, true)
            });
            let (seconds, _) = in_a_hurry(true, look).await;
            assert!(seconds[0] <= most, "{seconds:?}");
        }
        // Whoever asks to come back later works.
        let (seconds, _) = in_a_hurry(true, seconds_of(1, || failure(true, false))).await;
        assert!(seconds[0] >= 120, "{seconds:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_creates_has_its_whole_time() {
        let http = Http::new(CancellationToken::new());
        http.note_given_up("somebody", true);
        let given = Cell::new(Duration::ZERO);
        let outcome: Result<(), Failure<&str>> = http
            .retry(ask(Repeat::IfUntouched), 9, |limit| {
                given.set(limit);
                std::future::ready(Err(failure(true, true)))
            })
            .await;
        assert!(outcome.is_err());
        assert_eq!(given.get(), Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_is_busy_is_asked_for_a_bounded_time() {
        let (seconds, _) = seconds_of(2, || failure(true, false)).await;
        assert!(
            seconds.iter().all(|it| (120..=180).contains(it)),
            "{seconds:?}"
        );
    }
}
