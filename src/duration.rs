//! Durations as people write them: `90d`, `36h`, `1h30m`, `20s`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A hundred years: longer is a typing error.
const LONGEST: u64 = 100 * 365 * 86_400;

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    /// From whole minutes.
    pub const fn from_mins(minutes: u64) -> Self {
        Self(minutes * 60)
    }

    /// From whole hours.
    pub const fn from_hours(hours: u64) -> Self {
        Self(hours * 3_600)
    }

    /// From days of 24 hours.
    pub const fn from_days(days: u64) -> Self {
        Self(days * 86_400)
    }

    /// Whole seconds.
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// Whether there is no time in it.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// A whole fraction of this length, rounded down.
    pub const fn divided_by(self, parts: u64) -> Self {
        Self(self.0 / parts)
    }

    /// This length several times over.
    pub const fn times(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// Two lengths, one after the other.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Reads `1h30m` and its like. The error says what is wrong with the text and what is right.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse(text).map_err(|problem| {
            format!(
                "{text:?} {problem}. Write whole numbers with the units d, h, m or s, largest first \
                 and without spaces, such as \"90d\", \"36h\", \"1h30m\" or \"20s\"."
            )
        })
    }
}

fn parse(text: &str) -> Result<Duration, &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.starts_with('-') {
        return Err("is negative");
    }
    let mut total: u64 = 0;
    let mut units = UNITS.iter();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        if number.is_empty() {
            return Err("is not a duration");
        }
        let unit = tail.chars().next().ok_or("has a number without a unit")?;
        let (_, seconds) = units
            .find(|(letter, _)| *letter == unit)
            .ok_or("is not a duration")?;
        let number: u64 = number.parse().map_err(|_| "is longer than 100 years")?;
        total = number
            .checked_mul(*seconds)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= LONGEST)
            .ok_or("is longer than 100 years")?;
        rest = &tail[1..];
    }
    Ok(Duration(total))
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (letter, seconds) in UNITS {
            let count = rest / seconds;
            rest %= seconds;
            if count > 0 {
                write!(f, "{count}{letter}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["90d", "1d12h", "1h30m", "20s", "0s", "1d1h1m1s"] {
            assert_eq!(Duration::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Duration::parse("36h").unwrap().to_string(), "1d12h");
    }

    #[test]
    fn a_wrong_text_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "is empty"),
            ("-5s", "is negative"),
            ("90 days", "is not a duration"),
            ("90days", "is not a duration"),
            ("90", "has a number without a unit"),
            ("d", "is not a duration"),
            ("1m1h", "is not a duration"),
            ("1h1h", "is not a duration"),
            ("1.5h", "is not a duration"),
            ("９d", "is not a duration"),
            ("99999999999999999999d", "is longer than 100 years"),
            ("36501d", "is longer than 100 years"),
        ] {
            let message = Duration::parse(text).unwrap_err();
            assert!(message.contains(reason), "{text:?}: {message}");
        }
    }
}
