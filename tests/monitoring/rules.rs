//! The alerts for Prometheus.

use std::collections::BTreeSet;
use std::process::Command;

use apikey::health::{Health, History, Trail, metrics, prometheus};
use apikey::instant::Instant;

use super::{Said, shipped};
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

/// What the alerts are called.
pub fn names() -> Vec<String> {
    let rules = std::fs::read_to_string(shipped("prometheus/apikey.rules.yaml")).unwrap();
    let names = rules.lines();
    let names = names.filter_map(|line| line.trim().strip_prefix("- alert: "));
    let names: Vec<String> = names.map(str::to_owned).collect();
    assert!(names.len() > 10);
    names
}

#[test]
fn each_alert_is_tried_and_has_its_entry_in_the_runbook() {
    let rules = std::fs::read_to_string(shipped("prometheus/apikey.rules.yaml")).unwrap();
    let tests = std::fs::read_to_string(shipped("prometheus/apikey.rules.test.yaml")).unwrap();
    let runbook = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guides/runbook.md");
    let runbook = std::fs::read_to_string(runbook).unwrap();
    for name in names() {
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
pub fn metrics_in(text: &str) -> BTreeSet<String> {
    let words =
        text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    let ours = words.filter(|word| word.starts_with("apikey_"));
    ours.map(str::to_owned).collect()
}

/// Every metric that there can be. That each is written once there is something to tell is shown where they are made.
pub fn reported() -> BTreeSet<String> {
    let nothing = Health {
        now: Instant::from_unix(0),
        keys: Vec::new(),
        orphaned: 0,
        leaks_of_dead_keys: 0,
        leaks_of_orphans: 0,
        anomalies_of_orphans: Vec::new(),
        unfinished: 0,
        lost_creates: Vec::new(),
    };
    let trail = Trail {
        is_intact: true,
        events: 0,
    };
    let history = History {
        effects: Vec::new(),
        runs: Vec::new(),
    };
    let measured = metrics::Measured {
        health: &nothing,
        history: &history,
        trail: Some(trail),
    };
    let families = measured.families();
    families
        .map(|family| prometheus::sample_name(&family))
        .collect()
}

#[test]
fn alerts_ask_for_metrics_that_are_reported() {
    let rules = std::fs::read_to_string(shipped("prometheus/apikey.rules.yaml")).unwrap();
    let asked = metrics_in(&rules);
    let missing: Vec<_> = asked.difference(&reported()).cloned().collect();
    assert_eq!(missing, Vec::<String>::new());
}
