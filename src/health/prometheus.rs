//! The text format of Prometheus, version 0.0.4: for the textfile collector of the node exporter, and the Pushgateway.

use std::borrow::Borrow;
use std::fmt::{self, Write};

use super::metrics::{Family, Kind, Sample};

/// What it is sent as.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The families as text. A family without samples is left out: nothing is known of it.
pub fn write(
    to: &mut dyn Write,
    families: impl IntoIterator<Item = impl Borrow<Family>>,
) -> fmt::Result {
    for family in families {
        let Some(family) = known(family.borrow()) else {
            continue;
        };
        let name = sample_name(family);
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge | Kind::Info => "gauge",
        };
        writeln!(to, "# HELP {name} {}", family.help)?;
        writeln!(to, "# TYPE {name} {kind}")?;
        samples(to, &name, &family.samples)?;
    }
    Ok(())
}

/// The same as one text.
pub fn text(families: impl IntoIterator<Item = impl Borrow<Family>>) -> String {
    let mut text = String::new();
    // A string takes whatever is written to it.
    let _ = write(&mut text, families);
    text
}

/// A family of which something is known.
pub(super) fn known(family: &Family) -> Option<&Family> {
    Some(family).filter(|family| !family.samples.is_empty())
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
pub(super) fn samples(to: &mut dyn Write, name: &str, samples: &[Sample]) -> fmt::Result {
    for sample in samples {
        to.write_str(name)?;
        let mut mark = '{';
        for (label, value) in sample.labels() {
            write!(to, "{mark}{label}=\"")?;
            escaped(to, value)?;
            to.write_char('"')?;
            mark = ',';
        }
        if mark == ',' {
            to.write_char('}')?;
        }
        writeln!(to, " {}", sample.value)?;
    }
    Ok(())
}

fn escaped(to: &mut dyn Write, value: &str) -> fmt::Result {
    let mut rest = value;
    while let Some(at) = rest.find(['\\', '"', '\n']) {
        to.write_str(&rest[..at])?;
        to.write_str(match rest.as_bytes()[at] {
            b'\n' => r"\n",
            b'"' => "\\\"",
            _ => r"\\",
        })?;
        rest = &rest[at + 1..];
    }
    to.write_str(rest)
}
