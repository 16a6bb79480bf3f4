//! The dashboard for Grafana.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use super::rules::{metrics_in, reported};
use super::{Said, shipped};
use crate::support::programs;

fn dashboard() -> Value {
    let text = std::fs::read_to_string(shipped("grafana/prometheus.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    targets
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn panels_are_told_apart_and_none_lies_on_another() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        let title = &panel["title"];
        assert!(ids.insert(panel["id"].as_i64().unwrap()), "{title}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let at = |name: &str| panel["gridPos"][name].as_i64().unwrap();
        assert!(at("x") + at("w") <= 24, "{title}");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(cells.insert((x, y)), "{title} lies on another");
            }
        }
    }
}

#[test]
fn queries_ask_for_metrics_that_are_reported() {
    let asked = metrics_in(&expressions(&dashboard()).join("\n"));
    let missing: Vec<_> = asked.difference(&reported()).cloned().collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_query_can_be_parsed() {
    let Some(promtool) = programs::find("promtool") else {
        return;
    };
    let rules: Vec<Value> = expressions(&dashboard())
        .iter()
        .enumerate()
        .map(|(number, expr)| {
            let expr = expr.replace("$environment", ".*").replace("$owner", ".*");
            json!({ "record": format!("panel:query:{number}"), "expr": expr })
        })
        .collect();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("queries.yaml");
    // JSON is YAML.
    let groups = json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    std::fs::write(&file, groups.to_string()).unwrap();
    let mut command = Command::new(promtool);
    Said::from(
        command
            .args(["check", "rules"])
            .arg(&file)
            .output()
            .unwrap(),
    )
    .code(0);
}
