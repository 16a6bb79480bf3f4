//! The alerts for Prometheus.

use std::process::Command;

use super::{Said, an_apply_fails, ask, shipped};
use crate::support::keys::Config;
use crate::support::programs;

#[test]
fn each_alert_fires_and_only_then() {
    let Some(promtool) = programs::find("promtool") else {
        return;
    };
    let run = |words: &[&str]| {
        let mut command = Command::new(&promtool);
        command.args(words).current_dir(shipped("prometheus"));
        Said::from(command.output().unwrap()).code(0)
    };
    run(&["check", "rules", "--lint-fatal", "apikey.rules.yaml"]);
    run(&["test", "rules", "apikey.rules.test.yaml"]);
}

#[test]
fn each_alert_is_tried_and_has_its_entry_in_the_runbook() {
    let rules = std::fs::read_to_string(shipped("prometheus/apikey.rules.yaml")).unwrap();
    let tests = std::fs::read_to_string(shipped("prometheus/apikey.rules.test.yaml")).unwrap();
    let runbook = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guides/runbook.md");
    let runbook = std::fs::read_to_string(runbook).unwrap();
    let names: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(names.len() > 10);
    for name in names {
        assert!(
            tests.contains(&format!("alertname=\"{name}\"")),
            "{name} is not tried"
        );
        assert!(
            runbook.contains(&format!("## {name}\n")),
            "{name} is not in the runbook"
        );
        let link = format!("runbook.md#{}\n", name.to_lowercase());
        assert!(rules.contains(&link), "{link}");
    }
}

/// The names of our metrics in a text.
pub fn metrics_in(text: &str) -> std::collections::BTreeSet<String> {
    let words =
        text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    let ours = words.filter(|word| word.starts_with("apikey_"));
    ours.map(str::to_owned).collect()
}

/// What a life has reported that saw a failure and a retiring key, with and without what an issuer has to tell.
pub fn reported() -> std::collections::BTreeSet<String> {
    let ws = Config::new().retiring();
    ws.advance("30s");
    an_apply_fails(&ws);
    let mut names = metrics_in(&ask(&ws, &["metrics"]).code(0).stdout);
    // No issuer of this life tells of the last use.
    names.insert("apikey_key_last_used_timestamp_seconds".into());
    names.insert("apikey_usage_anomalies".into());
    names
}

#[test]
fn alerts_ask_for_metrics_that_are_reported() {
    let rules = std::fs::read_to_string(shipped("prometheus/apikey.rules.yaml")).unwrap();
    let asked = metrics_in(&rules);
    let missing: Vec<_> = asked.difference(&reported()).cloned().collect();
    assert_eq!(missing, Vec::<String>::new());
}
