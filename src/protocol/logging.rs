//! Logs: one JSON object a line on stderr, as Terraform reads them. Off unless `TF_LOG` asks for them.
//!
//! Only this crate is logged in detail. The libraries below it see requests, headers and bytes, so
//! nothing more than their warnings is let through.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock;
use crate::printable::printable;

/// The variables that set the level, the most specific first.
const LEVEL_VARIABLES: [&str; 3] = ["TF_LOG_PROVIDER_APIKEY", "TF_LOG_PROVIDER", "TF_LOG"];

/// Starts logging if the environment asks for it.
pub(super) fn start() {
    let level = level_from(|name| std::env::var(name).ok());
    if level == LevelFilter::OFF {
        return;
    }
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level);
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Lines)
        // Nobody reads any more once the command line was killed; a complaint about that would be a panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // Fails only if something else logs already, and then there is nothing to start.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .try_init();
}

fn level_from(get: impl Fn(&str) -> Option<String>) -> LevelFilter {
    let named = LEVEL_VARIABLES
        .iter()
        .find_map(|name| get(name).filter(|value| !value.is_empty()));
    match named.unwrap_or_default().to_ascii_uppercase().as_str() {
        "" | "OFF" => LevelFilter::OFF,
        "ERROR" => LevelFilter::ERROR,
        "WARN" => LevelFilter::WARN,
        "INFO" => LevelFilter::INFO,
        "DEBUG" => LevelFilter::DEBUG,
        // TRACE, JSON, and what Terraform itself reads as trace: anything else.
        _ => LevelFilter::TRACE,
    }
}

struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut line = Line(Map::new());
        event.record(&mut line);
        line.set("@level", metadata.level().as_str().to_ascii_lowercase());
        line.set("@module", metadata.target().replace("::", "."));
        line.set("@timestamp", clock::log_stamp());
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

struct Line(Map<String, Value>);

impl Line {
    fn set(&mut self, name: &str, value: impl Into<Value>) {
        let name = if name == "message" { "@message" } else { name };
        self.0.insert(name.to_owned(), value.into());
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), printable(&format!("{value:?}")).as_ref());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), printable(value).as_ref());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_variable_sets_the_level() {
        let level = |entries: &[(&str, &str)]| {
            level_from(|name| {
                let entry = entries.iter().find(|(key, _)| *key == name);
                entry.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(level(&[]), LevelFilter::OFF);
        assert_eq!(level(&[("TF_LOG", "debug")]), LevelFilter::DEBUG);
        assert_eq!(level(&[("TF_LOG", "JSON")]), LevelFilter::TRACE);
        let both = [("TF_LOG", "TRACE"), ("TF_LOG_PROVIDER", "ERROR")];
        assert_eq!(level(&both), LevelFilter::ERROR);
    }
}
