//! Instants: whole seconds of UTC, written as RFC 3339. Nothing here asks for the time.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::duration::Duration;

/// A moment, as seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

/// 9999-12-31T23:59:59Z: the last moment that RFC 3339 can write.
const LAST: i64 = 253_402_300_799;

impl Instant {
    /// From seconds since the Unix epoch, held within what RFC 3339 can write.
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(0, LAST))
    }

    /// Seconds since the Unix epoch.
    pub fn unix(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339, dropping fractions of a second.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// How long after `earlier` this is; zero if it is before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0).max(0) as u64)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, length: Duration) -> Self {
        Self::from_unix(self.0.saturating_add_unsigned(length.as_secs()))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, length: Duration) -> Self {
        Self::from_unix(self.0.saturating_sub_unsigned(length.as_secs()))
    }
}

impl FromStr for Instant {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let moment = DateTime::parse_from_rfc3339(text)?;
        Ok(Self::from_unix(moment.timestamp()))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The clamp of from_unix keeps every value within what RFC 3339 can write.
        let moment = DateTime::from_timestamp(self.0, 0).unwrap_or_default();
        f.write_str(&moment.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not an RFC 3339 instant")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_in_whole_seconds_of_utc() {
        let instant = Instant::parse("2026-11-22T21:41:12.860781+01:00").unwrap();
        assert_eq!(instant.to_string(), "2026-11-22T20:41:12Z");
    }

    #[test]
    fn arithmetic_stays_within_what_can_be_written() {
        let late = Instant::from_unix(i64::MAX) + Duration::from_secs(u64::MAX);
        assert_eq!(late.to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(
            (Instant::from_unix(5) - Duration::from_secs(9)).to_string(),
            "1970-01-01T00:00:00Z"
        );
    }
}
