//! A month or a quarter, in UTC.

use std::fmt;

use crate::instant::Instant;

/// From its first moment until the first one after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    name: String,
    /// The first moment.
    pub from: Instant,
    /// The first moment that is not in it.
    pub until: Instant,
}

impl Period {
    /// Of a month such as `2026-11`.
    pub fn month(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let (year, number) = (number(year, 4)?, number(month, 2)?);
        Self::of_months(text, year, number, 1)
    }

    /// Of a quarter such as `2026-Q4`.
    pub fn quarter(text: &str) -> Option<Self> {
        let (year, quarter) = text.split_once("-Q")?;
        let (year, quarter) = (number(year, 4)?, number(quarter, 1)?);
        let first = (1..=4).contains(&quarter).then(|| quarter * 3 - 2)?;
        Self::of_months(text, year, first, 3)
    }

    /// The month of an instant.
    pub fn month_of(now: Instant) -> Option<Self> {
        Self::month(now.to_string().get(..7)?)
    }

    /// The quarter of an instant.
    pub fn quarter_of(now: Instant) -> Option<Self> {
        let text = now.to_string();
        let month = number(text.get(5..7)?, 2)?;
        Self::quarter(&format!("{}-Q{}", text.get(..4)?, month.div_ceil(3)))
    }

    fn of_months(name: &str, year: u32, month: u32, many: u32) -> Option<Self> {
        let first =
            |year: u32, month: u32| Instant::parse(&format!("{year:04}-{month:02}-01T00:00:00Z"));
        let until = match month + many {
            13 => first(year + 1, 1),
            next => first(year, next),
        };
        Some(Self {
            name: name.to_owned(),
            from: first(year, month)?,
            until: until?,
        })
    }

    /// Whether it is in it.
    pub fn has(&self, at: Option<Instant>) -> bool {
        at.is_some_and(|at| self.from <= at && at < self.until)
    }
}

fn number(text: &str, digits: usize) -> Option<u32> {
    let is_plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_ends_where_the_next_begins() {
        let spans = |period: Period| (period.from.to_string(), period.until.to_string());
        let text = |from: &str, until: &str| (from.to_owned(), until.to_owned());
        assert_eq!(
            spans(Period::month("2026-12").unwrap()),
            text("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")
        );
        assert_eq!(
            spans(Period::quarter("2026-Q1").unwrap()),
            text("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z")
        );
        let now = Instant::parse("2026-11-26T15:05:00Z").unwrap();
        assert_eq!(Period::month_of(now).unwrap().to_string(), "2026-11");
        assert_eq!(Period::quarter_of(now).unwrap().to_string(), "2026-Q4");
    }

    #[test]
    fn what_is_no_period_is_none() {
        for text in [
            "2026-13", "2026-00", "2026-1", "26-01", "2026", "+026-01", "2026-Q4",
        ] {
            assert_eq!(Period::month(text), None, "{text}");
        }
        for text in ["2026-Q0", "2026-Q5", "2026-04", "2026-q1"] {
            assert_eq!(Period::quarter(text), None, "{text}");
        }
    }
}
