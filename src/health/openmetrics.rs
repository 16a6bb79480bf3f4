//! OpenMetrics 1.0.

use super::metrics::{Family, Kind};
use super::prometheus::{line, sample_name, samples};

/// What it is sent as.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The families as text. A family without samples is left out: nothing is known of it.
pub fn text(families: &[Family]) -> String {
    let mut text = String::new();
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        let name = family.name;
        let kind = match family.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Info => "info",
        };
        line(&mut text, format_args!("# TYPE {name} {kind}"));
        if let Some(unit) = family.unit {
            line(&mut text, format_args!("# UNIT {name} {unit}"));
        }
        line(&mut text, format_args!("# HELP {name} {}", family.help));
        samples(&mut text, &sample_name(family), &family.samples);
    }
    line(&mut text, format_args!("# EOF"));
    text
}
