//! What placeholders stand for.

use super::pick::TimeFormat;
use crate::duration::Duration;
use crate::instant::Instant;

/// Of every request.
pub(super) const KEY_ID: &str = "key_id";
pub(super) const SECRET: &str = "secret";
pub(super) const TOKEN: &str = "token";

/// Times that `create` may write, in every format.
pub(super) const NOW: [&str; 4] = ["now", "now:date", "now:seconds", "now:milliseconds"];
pub(super) const EXPIRES: [&str; 5] = [
    "expires_at",
    "expires_at:date",
    "expires_at:seconds",
    "expires_at:milliseconds",
    "expires_in",
];

/// The times of a mint, by the names of their placeholders.
pub(super) fn times(now: Instant, expires_in: Option<Duration>) -> Vec<(&'static str, String)> {
    let mut times: Vec<(&str, String)> = in_all_formats(&NOW, now).collect();
    if let Some(length) = expires_in {
        times.extend(in_all_formats(&EXPIRES, now + length));
        times.push(("expires_in", length.as_secs().to_string()));
    }
    times
}

fn in_all_formats(
    names: &'static [&'static str],
    at: Instant,
) -> impl Iterator<Item = (&'static str, String)> {
    names.iter().filter_map(move |name| {
        let word = match name.split_once(':') {
            Some((_, word)) => word,
            None if *name == "expires_in" => return None,
            None => "rfc3339",
        };
        Some((*name, word.parse::<TimeFormat>().ok()?.write(at)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_value() {
        let now = Instant::parse("2026-01-01T12:00:00Z").unwrap();
        let times = times(now, Some(Duration::from_days(1)));
        for name in NOW.iter().chain(&EXPIRES) {
            assert!(times.iter().any(|(there, _)| there == name), "{name}");
        }
        assert!(times.contains(&("expires_at:date", "2026-01-02".to_owned())));
        assert!(times.contains(&("expires_in", "86400".to_owned())));
        assert!(times.contains(&("now:milliseconds", "1767268800000".to_owned())));
    }
}
