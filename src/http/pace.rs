//! No more calls in a time than a vendor takes: each waits for its turn.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::transport::Http;
use crate::error::Result;

/// How far apart calls are that share a limit.
pub struct Pace {
    apart: Duration,
    /// When the next call may be made, by what shares a limit.
    next: Mutex<HashMap<String, Instant>>,
}

impl Pace {
    /// Calls that are this far apart.
    pub fn new(apart: Duration) -> Self {
        Self {
            apart,
            next: Mutex::default(),
        }
    }

    /// Waits until it is the turn of a call. An error if a person asks to stop meanwhile.
    pub async fn turn(&self, of: &str, http: &Http) -> Result<()> {
        let now = Instant::now();
        let mine = {
            // Every entry is whole, so a panic elsewhere leaves nothing half done.
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let mine = next.get(of).copied().unwrap_or(now).max(now);
            next.insert(of.to_owned(), mine + self.apart);
            mine
        };
        http.wait(mine - now).await
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_that_share_a_limit_take_turns_and_others_do_not_wait() {
        let http = Http::new(CancellationToken::new());
        let pace = Pace::new(Duration::from_millis(500));
        let begun = Instant::now();
        let turn = async |of: &str| {
            pace.turn(of, &http).await.unwrap();
            begun.elapsed().as_millis()
        };
        let turns = futures::future::join_all(["a", "a", "b", "a"].map(turn)).await;
        assert_eq!(turns, [0, 500, 0, 1000]);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(turn("a").await, begun.elapsed().as_millis());
    }
}
