//! The monitors and the dashboard for Datadog.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::exporters::read_by;
use super::rules::{self, reported};
use super::shipped;

const MODELS: &str = "
import sys, json
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v1.model.monitor import Monitor
from datadog_api_client.v1.model.dashboard import Dashboard
from datadog_api_client import Configuration
def whole(value):
    assert not getattr(value, '_unparsed', False), value
    for part in getattr(value, '_data_store', {}).values():
        for one in part if isinstance(part, list) else [part]:
            whole(one)
for line in sys.stdin:
    name, body = json.loads(line)
    model = {'monitor': Monitor, 'dashboard': Dashboard}[name]
    whole(validate_and_convert_types(body, (model,), [name], True, True, Configuration()))
    print('read')
";

fn read(file: &str) -> Value {
    let text = std::fs::read_to_string(shipped("datadog").join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub fn monitors() -> Vec<Value> {
    read("monitors.json").as_array().unwrap().clone()
}

/// The name that Datadog has a metric of Prometheus by.
fn renamed(name: &str) -> String {
    let bare = name.trim_start_matches("apikey_");
    let instant = bare
        .strip_suffix("_timestamp_seconds")
        .map(|it| format!("{it}.seconds_since"));
    let info = bare.strip_suffix("_info").map(|it| format!("{it}.info"));
    let plain = bare.trim_end_matches("_total").to_owned();
    format!("apikey.{}", instant.or(info).unwrap_or(plain))
}

/// The metrics that a text of queries asks for.
fn asked_in(text: &str) -> BTreeSet<String> {
    let words = text
        .split(|character: char| !(character.is_ascii_alphanumeric() || "_.".contains(character)));
    words
        .filter(|word| word.starts_with("apikey."))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_models_of_datadog_read_all_of_it() {
    let all = monitors()
        .into_iter()
        .map(|monitor| json!(["monitor", monitor]));
    let lines: Vec<String> = all
        .chain([json!(["dashboard", read("dashboard.json")])])
        .map(|line| line.to_string())
        .collect();
    let Some(said) = read_by(
        MODELS,
        "datadog_api_client",
        &format!("{}\n", lines.join("\n")),
    ) else {
        return;
    };
    assert_eq!(said.lines().count(), lines.len());
}

#[test]
fn queries_ask_for_metrics_that_are_sent() {
    let sent: BTreeSet<String> = reported().iter().map(|name| renamed(name)).collect();
    let mut asked = asked_in(&read("dashboard.json").to_string());
    for monitor in monitors() {
        asked.extend(asked_in(monitor["query"].as_str().unwrap()));
    }
    assert!(asked.len() > 10, "{asked:?}");
    assert_eq!(
        asked.difference(&sent).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}

#[test]
fn a_monitor_has_the_threshold_of_its_query_and_the_entry_of_its_alert_in_the_runbook() {
    let alerts = rules::names();
    for monitor in monitors() {
        let query = monitor["query"].as_str().unwrap();
        let critical = monitor["options"]["thresholds"]["critical"].to_string();
        assert_eq!(query.rsplit(' ').next().unwrap(), critical, "{query}");
        let tag = monitor["tags"][1].as_str().unwrap();
        let alert = tag.strip_prefix("alert:").unwrap();
        assert!(alerts.iter().any(|it| it == alert), "{alert}");
        let link = format!("runbook.md#{}", alert.to_lowercase());
        assert!(
            monitor["message"].as_str().unwrap().ends_with(&link),
            "{alert}"
        );
    }
}

/// A monitor of its own, or the second message of one that lasts.
#[test]
fn each_alert_of_prometheus_has_its_counterpart() {
    let monitors = json!(monitors()).to_string();
    for alert in rules::names() {
        let link = format!("runbook.md#{}\"", alert.to_lowercase());
        assert!(monitors.contains(&link), "{alert}");
    }
}
