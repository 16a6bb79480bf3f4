//! OpenMetrics 1.0.

use std::borrow::Borrow;
use std::fmt::{self, Write};

use super::metrics::{Family, Kind};
use super::prometheus::{known, sample_name, samples};

/// What it is sent as.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The families as text. A family without samples is left out: nothing is known of it.
pub fn write(
    to: &mut dyn Write,
    families: impl IntoIterator<Item = impl Borrow<Family>>,
) -> fmt::Result {
    for family in families {
        let Some(family) = known(family.borrow()) else {
            continue;
        };
        let name = family.name;
        let kind = match family.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Info => "info",
        };
        writeln!(to, "# TYPE {name} {kind}")?;
        if let Some(unit) = family.unit {
            writeln!(to, "# UNIT {name} {unit}")?;
        }
        writeln!(to, "# HELP {name} {}", family.help)?;
        samples(to, &sample_name(family), &family.samples)?;
    }
    writeln!(to, "# EOF")
}
