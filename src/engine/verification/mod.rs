//! Proves that a new key works before anything relies on it.
//!
//! [`verify`] is the one loop, for an issuer's own probe as for the request that a resource names in
//! `verification`. That request is described in `schema`, read in `config` and sent in `request`.

mod config;
mod request;
mod schema;

use std::time::Duration as StdDuration;

use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::duration::Duration;
use crate::error::{Error, Kind, Result};
use crate::issuers::Probe;
use crate::ledger::guard;

pub use request::Verification;
pub use schema::attributes;

/// How long a proof may take, unless the configuration says otherwise. Some issuers need 15 seconds
/// until a new key is known everywhere.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// The pause between two attempts, unless the configuration says otherwise.
pub const INTERVAL: Duration = Duration::from_secs(2);

/// How many successes in a row prove a key, unless the configuration says otherwise. One may come from the
/// only server that has heard of the key.
pub const CONSECUTIVE: u32 = 3;

/// How often a key is tried, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long a proof may take.
    pub bound: Duration,
    /// The pause after an attempt that was no success.
    pub after_failure: StdDuration,
    /// The pause after a success.
    pub after_success: StdDuration,
    /// How many successes in a row prove a key.
    pub consecutive: u32,
    /// How many are enough as long as nobody has refused it.
    pub unless_refused: u32,
}

/// How an attempt to prove a key ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Whether the key is proved.
    pub verdict: Verdict,
    /// How often the key was tried.
    pub attempts: u32,
    /// Why the last attempt that failed did so, scrubbed; `None` if none failed.
    pub last_reason: Option<String>,
}

/// What is known of the key now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was accepted as often in a row as was asked for.
    Verified,
    /// It was not, within the bound.
    Unverified,
    /// A person asked to stop before it was known.
    Stopped,
}

impl Proof {
    /// Whether the key may be relied on.
    pub fn is_verified(&self) -> bool {
        self.verdict == Verdict::Verified
    }
}

/// Tries a key until it was accepted as often in a row as the pace asks for, or the bound is over.
///
/// A refusal starts the count again: right after a mint it often means "not yet", and an acceptance after it "not everywhere
/// yet". [`Kind::Unavailable`] says nothing about the key, so it is tried again and leaves the count as it is. Any other error
/// ends the proof, for no repetition would mend it. A request that is under way when the bound is over, or when `stop` is
/// cancelled, is abandoned.
///
/// `probe` is a closure that returns a future, not an async closure: the future of the latter cannot be shown to be
/// `Send` when it borrows, and a proof runs inside requests that move between threads.
pub async fn verify<F: Future<Output = Result<Probe>>>(
    mut probe: impl FnMut() -> F,
    pace: Pace,
    stop: &CancellationToken,
) -> Result<Proof> {
    let bound = pace.bound;
    let mut consecutive = pace.unless_refused;
    let deadline = Instant::now() + StdDuration::from_secs(bound.as_secs());
    let mut in_a_row = 0;
    let mut proof = Proof {
        verdict: Verdict::Unverified,
        attempts: 0,
        last_reason: None,
    };
    let attempts = async {
        loop {
            guard::confirm().await?;
            proof.attempts = proof.attempts.saturating_add(1);
            let mut pause = pace.after_failure;
            match probe().await {
                Ok(Probe::Accepted) => {
                    in_a_row += 1;
                    pause = pace.after_success;
                }
                Ok(Probe::Refused(reason)) => {
                    in_a_row = 0;
                    consecutive = pace.consecutive;
                    proof.last_reason = Some(reason);
                }
                Err(error) if error.kind == Kind::Unavailable => {
                    proof.last_reason = Some(error.to_string());
                }
                Err(error) => return Err::<(), Error>(error),
            }
            if in_a_row >= consecutive {
                return Ok(());
            }
            sleep(pause).await;
        }
    };
    // Biased, so that a stop that was asked for before the first attempt sends nothing.
    let verdict = tokio::select! {
        biased;
        () = stop.cancelled() => Verdict::Stopped,
        ended = timeout_at(deadline, attempts) => match ended {
            Ok(verified) => verified.map(|()| Verdict::Verified)?,
            Err(_) => Verdict::Unverified,
        },
    };
    if verdict == Verdict::Unverified && proof.last_reason.is_none() {
        proof.last_reason = Some(format!(
            "{in_a_row} of {consecutive} successes within {bound}"
        ));
    }
    Ok(Proof { verdict, ..proof })
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
