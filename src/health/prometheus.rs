//! The text format of Prometheus, version 0.0.4: for the textfile collector of the node exporter, and the Pushgateway.

use std::fmt::Write;

use super::metrics::{Family, Kind, Sample};

/// What it is sent as.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The families as text. A family without samples is left out: nothing is known of it.
pub fn text(families: &[Family]) -> String {
    let mut text = String::new();
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        let name = sample_name(family);
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge | Kind::Info => "gauge",
        };
        line(&mut text, format_args!("# HELP {name} {}", family.help));
        line(&mut text, format_args!("# TYPE {name} {kind}"));
        samples(&mut text, &name, &family.samples);
    }
    text
}

/// The name of the samples of a family.
pub fn sample_name(family: &Family) -> String {
    let name = family.name;
    match family.kind {
        Kind::Gauge => name.to_owned(),
        Kind::Counter => format!("{name}_total"),
        Kind::Info => format!("{name}_info"),
    }
}

/// A line for each sample.
pub(super) fn samples(text: &mut String, name: &str, samples: &[Sample]) {
    for sample in samples {
        let labels = labels(sample);
        line(text, format_args!("{name}{labels} {}", sample.value));
    }
}

pub(super) fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // A string takes whatever is written to it.
    let _ = writeln!(text, "{content}");
}

fn labels(sample: &Sample) -> String {
    if sample.labels.is_empty() {
        return String::new();
    }
    let labels = sample.labels.iter();
    let labels: Vec<String> = labels
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    format!("{{{}}}", labels.join(","))
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}
