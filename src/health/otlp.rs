//! Metrics as OTLP 1, in JSON: for an OpenTelemetry collector, and whatever else takes that.
//!
//! The names are those of Prometheus, units and all, so that a query fits however a number arrived.

use std::borrow::Borrow;

use serde_json::{Value, json};

use super::metrics::{Family, Kind, Sample};
use super::prometheus::sample_name;
use crate::instant::Instant;

/// What it is sent as.
pub const CONTENT_TYPE: &str = "application/json";

/// What it is sent to, where an address has no path.
pub const PATH: &str = "/v1/metrics";

/// Since the beginning; OTLP has words for it, JSON a number.
const CUMULATIVE: u8 = 2;

/// The families at an instant, as the body of one request.
pub fn text(families: impl IntoIterator<Item = impl Borrow<Family>>, now: Instant) -> String {
    let metric = |family: &Family| (!family.samples.is_empty()).then(|| metric(family, now));
    let metrics = families.into_iter();
    let metrics: Vec<Value> = metrics.filter_map(|it| metric(it.borrow())).collect();
    let (name, version) = ("apikey", env!("CARGO_PKG_VERSION"));
    let attributes = [("service.name", name), ("service.version", version)]
        .map(|(key, text)| attribute(key, text));
    let body = json!({
        "resourceMetrics": [{
            "resource": { "attributes": attributes },
            "scopeMetrics": [{
                "scope": { "name": name, "version": version },
                "metrics": metrics,
            }],
        }],
    });
    body.to_string()
}

fn metric(family: &Family, now: Instant) -> Value {
    let points: Vec<Value> = family
        .samples
        .iter()
        .map(|sample| point(sample, now))
        .collect();
    let mut metric = json!({
        "name": sample_name(family),
        "description": family.help,
    });
    if family.unit.is_some() {
        metric["unit"] = json!("s");
    }
    match family.kind {
        Kind::Gauge | Kind::Info => metric["gauge"] = json!({ "dataPoints": points }),
        Kind::Counter => {
            metric["sum"] = json!({
                "aggregationTemporality": CUMULATIVE,
                "isMonotonic": true,
                "dataPoints": points,
            });
        }
    }
    metric
}

/// Whole numbers of 64 bits are texts in JSON.
fn point(sample: &Sample, now: Instant) -> Value {
    let attributes: Vec<Value> = sample
        .labels()
        .map(|(name, text)| attribute(name, text))
        .collect();
    json!({
        "timeUnixNano": format!("{}000000000", now.unix()),
        "asInt": sample.value.to_string(),
        "attributes": attributes,
    })
}

fn attribute(name: &str, text: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": text } })
}
