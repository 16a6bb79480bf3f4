//! The only place that asks for the time.

use std::time::{Duration, SystemTime};

use crate::error::{Error, Kind, Result};
use crate::instant::Instant;

/// The variable that sets the clock in tests and demonstrations.
pub const OVERRIDE: &str = "APIKEY_CLOCK";

/// Where "now" comes from. It is passed down; below the resources only instants travel.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Option<Instant>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still.
    pub fn fixed(at: Instant) -> Self {
        Self(Some(at))
    }

    /// The machine's clock, unless `APIKEY_CLOCK` sets another.
    pub fn from_environment() -> Result<Self> {
        match std::env::var(OVERRIDE) {
            Err(_) => Ok(Self::system()),
            Ok(text) => Instant::parse(&text).map(Self::fixed).ok_or_else(|| {
                Error::new(
                    Kind::Invalid,
                    format!("{OVERRIDE} is not an instant"),
                    format!(
                        "{OVERRIDE} holds {text:?}. Set it to an RFC 3339 instant such as \
                         2026-11-22T12:00:00Z, or unset it."
                    ),
                )
            }),
        }
    }

    /// The instant that the override sets, so that every plan can say so.
    pub fn overridden(self) -> Option<Instant> {
        self.0
    }

    /// Now, in whole seconds.
    pub fn now(self) -> Instant {
        self.0.unwrap_or_else(|| self.wall())
    }

    /// The machine's time, even where `APIKEY_CLOCK` sets another: to be compared with the clocks of others.
    pub fn wall(self) -> Instant {
        let since_epoch = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Instant::from_unix(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX))
    }
}

/// A moment to count from, also over a time in which the machine was asleep.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    running: std::time::Instant,
    wall: SystemTime,
}

impl Moment {
    /// This moment.
    pub fn now() -> Self {
        Self {
            running: std::time::Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// How long ago it was at least. Most systems stop the one clock while they sleep; the other goes on, but may be set.
    /// The longer time of the two counts.
    pub fn elapsed(self) -> Duration {
        let by_the_wall = self.wall.elapsed().unwrap_or_default();
        self.running.elapsed().max(by_the_wall)
    }
}

/// The machine's time for a line of a log, in microseconds of UTC. Decides nothing, so `APIKEY_CLOCK` does
/// not change it.
pub fn log_stamp() -> String {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let second = Instant::from_unix(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX));
    let second = second.to_string();
    let second = second.trim_end_matches('Z');
    format!("{second}.{:06}Z", since_epoch.subsec_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_counts_the_time_in_which_the_machine_slept() {
        let hour = Duration::from_secs(3600);
        let slept = Moment {
            wall: SystemTime::now() - hour,
            ..Moment::now()
        };
        assert!(slept.elapsed() >= hour);
        // A clock that was set back says nothing.
        let set_back = Moment {
            wall: SystemTime::now() + hour,
            ..Moment::now()
        };
        assert!(set_back.elapsed() < hour);
    }
}
