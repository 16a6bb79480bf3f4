//! `metrics` for OpenTelemetry and Datadog: read by their own models, and taken by servers that say no.

use std::process::Command;

use serde_json::Value;

use super::metrics::{piped_into, two_keys};
use super::{Said, ask, by_hand};
use crate::support::fake::{Fake, Reply};
use crate::support::programs;
use crate::support::workspace::Workspace;

const OTLP: &str = "
import sys
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
import json
read = ParseDict(json.load(sys.stdin), ExportMetricsServiceRequest())
metrics = read.resource_metrics[0].scope_metrics[0].metrics
for metric in metrics:
    points = metric.gauge.data_points or metric.sum.data_points
    print(metric.name, metric.unit or '-', len(points), points[0].time_unix_nano // 10**9)
";

const DATADOG: &str = "
import sys, json
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v2.model.metric_payload import MetricPayload
from datadog_api_client import Configuration
for line in sys.stdin:
    read = validate_and_convert_types(json.loads(line), (MetricPayload,), ['body'], True, True, Configuration())
    assert not getattr(read, '_unparsed', False)
    for series in read.series:
        assert not series._unparsed and str(series.type) == '3', series
        print(series.metric, len(series.points), series.points[0].timestamp)
";

/// What a reader of Python says of a text; `None` if its module is not installed.
pub fn read_by(script: &str, module: &str, text: &str) -> Option<String> {
    let python = programs::python_with(module)?;
    let read = piped_into(Command::new(python).args(["-c", script]), text).code(0);
    Some(read.stdout)
}

#[test]
fn the_model_of_opentelemetry_reads_every_metric() {
    let ws = two_keys();
    let text = ask(&ws, &["metrics", "--format", "otlp"]).code(0).stdout;
    let Some(read) = read_by(OTLP, "opentelemetry.proto", &text) else {
        return;
    };
    let families = ask(&ws, &["metrics"])
        .code(0)
        .stdout
        .matches("# TYPE ")
        .count();
    assert_eq!(read.lines().count(), families, "{read}");
    let due = format!(
        "apikey_rotation_due_timestamp_seconds s 2 {}",
        ws.now().unix()
    );
    for line in [due.as_str(), "apikey_keys - 1 ", "apikey_effects_total - "] {
        assert!(read.contains(line), "{line}: {read}");
    }
}

#[test]
fn the_model_of_datadog_reads_every_series() {
    let ws = two_keys();
    let text = ask(&ws, &["metrics", "--format", "datadog"]).code(0).stdout;
    let body: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let series = body["series"].as_array().unwrap();
    let of = |metric: &str| {
        let named = |one: &&Value| {
            one["metric"] == metric && one["tags"].to_string().contains("name:payments")
        };
        series
            .iter()
            .find(named)
            .unwrap_or_else(|| panic!("{metric}: {text}"))
    };
    let due = of("apikey.rotation_due.seconds_since");
    assert_eq!(due["points"][0]["value"], -100, "it is ahead");
    assert_eq!(due["unit"], "second");
    assert_eq!(
        of("apikey.rotation_last.seconds_since")["points"][0]["value"],
        0
    );
    let tags = due["tags"].to_string();
    assert!(
        tags.contains("owner:alice") && tags.contains("environment:none"),
        "{tags}"
    );
    let Some(read) = read_by(DATADOG, "datadog_api_client", &text) else {
        return;
    };
    assert_eq!(read.lines().count(), series.len(), "{read}");
}

/// `metrics` with a key in the environment.
fn pushed(ws: &Workspace, words: &[&str], key: (&str, &str)) -> Said {
    let mut command = by_hand(ws);
    command
        .env_remove("DD_API_KEY")
        .env_remove("OTEL_EXPORTER_OTLP_HEADERS");
    command.arg("metrics").args(words).env(key.0, key.1);
    command.output().unwrap().into()
}

#[test]
fn a_collector_gets_one_request_and_says_what_it_left_out() {
    let ws = two_keys();
    let left_out = r#"{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too old"}}"#;
    let collector = Fake::start([
        Reply::of(200, "{}"),
        Reply::of(200, left_out),
        Reply::of(400, "no: canary"),
    ]);
    let url = collector.url();
    let words = ["--format", "otlp", "--push", &url];
    let key = (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "x-tenant=keys,authorization=Bearer%20canary",
    );
    assert_eq!(pushed(&ws, &words, key).code(0).stdout, "");
    pushed(&ws, &words, key)
        .code(1)
        .says(&["taken in part", "left out 3", "too old"]);
    let refused = pushed(&ws, &words, key)
        .code(1)
        .says(&["The metrics were not taken"]);
    assert!(!refused.stderr.contains("canary"), "{}", refused.stderr);
    let asked = collector.requests();
    let first = asked[0].to_lowercase();
    for part in [
        "post /v1/metrics http/1.1\r\n",
        "content-type: application/json\r\n",
        "x-tenant: keys\r\n",
        "authorization: bearer canary\r\n",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
    pushed(&ws, &words, (key.0, "canary"))
        .code(1)
        .says(&["OTEL_EXPORTER_OTLP_HEADERS"]);
    let far = [
        "--format",
        "otlp",
        "--push",
        "http://collector.example.com:4318",
    ];
    pushed(&ws, &far, key).code(1).says(&["unencrypted"]);
}

#[test]
fn datadog_gets_its_key_from_the_environment_alone() {
    let ws = two_keys();
    let site = Fake::start([
        Reply::of(202, r#"{"errors":[]}"#),
        Reply::of(403, r#"{"errors":["canary"]}"#),
    ]);
    let url = site.url();
    let words = ["--format", "datadog", "--push", &url];
    pushed(&ws, &words, ("DD_API_KEY", "canary")).code(0);
    let refused = pushed(&ws, &words, ("DD_API_KEY", "canary")).code(1);
    assert!(!refused.stderr.contains("canary"), "{}", refused.stderr);
    let asked = site.requests();
    assert!(
        asked[0].starts_with("POST /api/v2/series HTTP/1.1\r\n"),
        "{}",
        asked[0]
    );
    assert!(
        asked[0].to_lowercase().contains("dd-api-key: canary\r\n"),
        "{}",
        asked[0]
    );
    pushed(&ws, &words, ("DD_API_KEY", ""))
        .code(1)
        .says(&["Set DD_API_KEY"]);
    let login = [&words[..], &["--login", "file"]].concat();
    std::fs::write(ws.path("file"), "a:b").unwrap();
    pushed(&ws, &login, ("DD_API_KEY", "canary"))
        .code(1)
        .says(&["--login is for a Pushgateway"]);
    let with_login = url.replace("http://", "http://canary@");
    let refused = pushed(&ws, &["--format", "otlp", "--push", &with_login], ("X", "")).code(1);
    assert!(!refused.stderr.contains("canary"), "{}", refused.stderr);
}
