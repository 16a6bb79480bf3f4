//! Metrics as series of Datadog.
//!
//! Its queries have no "now", so an instant is told as the seconds since then: below zero as long as it is ahead. What only grows
//! is told as what it has come to, for no run knows what another one has sent.

use std::borrow::Borrow;

use serde_json::{Value, json};

use super::metrics::{Family, Kind, Sample};
use crate::instant::Instant;

/// What they are sent as.
pub const CONTENT_TYPE: &str = "application/json";

/// What they are sent to, where an address has no path.
pub const PATH: &str = "/api/v2/series";

/// Datadog refuses half a megabyte and more.
const MOST_BYTES: usize = 400_000;

/// A gauge, by its number.
const GAUGE: u8 = 3;

/// Stands for what a key does not have: a monitor by owner passes over whatever has no tag of that name.
pub const NONE: &str = "none";

/// How names of instants end.
const TIMESTAMP: &str = "_timestamp_seconds";

/// The families at an instant, as the bodies of as many requests as they need.
pub fn texts(families: impl IntoIterator<Item = impl Borrow<Family>>, now: Instant) -> Vec<String> {
    let series = families.into_iter().flat_map(|family| {
        let family = family.borrow();
        let (name, samples) = (name(family), family.samples.iter());
        let series = samples.map(|sample| series(family, &name, sample, now).to_string());
        series.collect::<Vec<_>>()
    });
    let mut texts = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut length = 0;
    for one in series {
        if length + one.len() > MOST_BYTES && !open.is_empty() {
            texts.push(body(&std::mem::take(&mut open)));
            length = 0;
        }
        length += one.len() + 1;
        open.push(one);
    }
    texts.push(body(&open));
    texts
}

fn body(series: &[String]) -> String {
    format!(r#"{{"series":[{}]}}"#, series.join(","))
}

/// `apikey.rotation_due.seconds_since`
fn name(family: &Family) -> String {
    let bare = family.name.trim_start_matches("apikey_");
    match (family.kind, bare.strip_suffix(TIMESTAMP)) {
        (_, Some(instant)) => format!("apikey.{instant}.seconds_since"),
        (Kind::Info, None) => format!("apikey.{bare}.info"),
        _ => format!("apikey.{bare}"),
    }
}

fn series(family: &Family, name: &str, sample: &Sample, now: Instant) -> Value {
    let is_instant = family.name.ends_with(TIMESTAMP);
    let value = match is_instant {
        true => now.unix().saturating_sub(sample.value),
        false => sample.value,
    };
    let tags: Vec<String> = sample.labels().map(tag).collect();
    let mut series = json!({
        "metric": name,
        "type": GAUGE,
        "points": [{ "timestamp": now.unix(), "value": value }],
        "tags": tags,
    });
    if is_instant {
        series["unit"] = json!("second");
    }
    series
}

fn tag((name, text): &(&str, String)) -> String {
    match text.as_str() {
        "" => format!("{name}:{NONE}"),
        text => format!("{name}:{text}"),
    }
}
