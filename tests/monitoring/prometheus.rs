//! The whole way of an alert: our files, an exporter, a gateway, and a Prometheus that reads both and our rules.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use apikey::clock::Clock;
use apikey::duration::Duration as Days;
use serde_json::Value;

use super::{ask, shipped};
use crate::support::keys::Config;
use crate::support::programs::{Program, find, free_port};
use crate::support::workspace::Workspace;

/// Our rules without their waits, and both sources every second.
const CONFIGURATION: &str = r#"
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [rules.yaml]
scrape_configs:
  - job_name: node
    static_configs: [{ targets: ["127.0.0.1:NODE"] }]
  - job_name: pushgateway
    honor_labels: true
    static_configs: [{ targets: ["127.0.0.1:GATEWAY"] }]
"#;

/// The three servers in the directory of a workspace.
struct Watch<'a> {
    ws: &'a Workspace,
    gateway: Program,
    prometheus: Program,
    _exporter: Program,
}

impl<'a> Watch<'a> {
    /// `None` where one of them is not installed.
    fn over(ws: &'a Workspace) -> Option<Self> {
        let home = ws.home();
        std::fs::create_dir(home.join("textfiles")).unwrap();
        let textfiles = [
            "--collector.disable-defaults",
            "--collector.textfile",
            "--collector.textfile.directory=textfiles",
        ];
        let exporter = started(&find("prometheus-node-exporter")?, &textfiles, home);
        let gateway = started(&find("prometheus-pushgateway")?, &[], home);

        let rules = std::fs::read_to_string(shipped("prometheus/apikey.rules.yaml")).unwrap();
        let lines = rules
            .lines()
            .filter(|line| !line.trim().starts_with("for: "));
        let rules: Vec<&str> = lines.collect();
        std::fs::write(home.join("rules.yaml"), rules.join("\n")).unwrap();
        let configuration = CONFIGURATION
            .replace("NODE", &exporter.port.to_string())
            .replace("GATEWAY", &gateway.port.to_string());
        std::fs::write(home.join("prometheus.yaml"), configuration).unwrap();
        let files = [
            "--config.file=prometheus.yaml",
            "--storage.tsdb.path=series",
        ];
        Some(Self {
            ws,
            prometheus: started(&find("prometheus")?, &files, home),
            gateway,
            _exporter: exporter,
        })
    }

    /// Hands the metrics over both ways.
    fn report(&self) {
        let push = format!("{}/metrics/job/payments", self.gateway.url());
        ask(self.ws, &["metrics", "--out", "textfiles/apikey.prom"]).code(0);
        ask(self.ws, &["metrics", "--push", &push]).code(0);
    }

    /// What fires, and in which job.
    fn firing(&self) -> BTreeSet<(String, String)> {
        let (_, answer) = self
            .prometheus
            .ask("GET", "/api/v1/alerts", "", &Value::Null);
        let alerts = answer["data"]["alerts"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        let text = |alert: &Value, label| alert["labels"][label].as_str().unwrap_or("-").to_owned();
        firing
            .map(|alert| (text(alert, "alertname"), text(alert, "job")))
            .collect()
    }

    #[track_caller]
    fn fires(&self, expected: &[(&str, &str)]) {
        let owned = |(alert, job): &(&str, &str)| (alert.to_string(), job.to_string());
        let expected: BTreeSet<_> = expected.iter().map(owned).collect();
        let is_so = (0..240).any(|_| {
            sleep(Duration::from_millis(250));
            self.firing() == expected
        });
        assert!(is_so, "{:?} fire, not {expected:?}", self.firing());
    }
}

fn started(program: &Path, arguments: &[&str], home: &Path) -> Program {
    let port = free_port();
    let address = format!("--web.listen-address=127.0.0.1:{port}");
    let arguments = [arguments, &[address.as_str()]].concat();
    Program::start(program, &arguments, home, port)
}

/// Prometheus has no clock but the machine's, so the key has lived its life until now.
#[test]
fn an_overdue_key_is_an_alert_at_a_prometheus_until_an_apply_has_rotated_it() {
    let config = Config::new()
        .policy(r#"rotation_interval = "90d""#)
        .with(r#"owner = "alice""#);
    let ws = Workspace::with(&config.text());
    let began = Clock::system().wall() - Days::from_days(130) - Days::from_hours(25);
    ws.at(&began.to_string()).apply().ok();
    ws.advance("130d");
    let Some(watch) = Watch::over(&ws) else {
        return;
    };
    watch.fires(&[("ApikeyMetricsAbsent", "-")]);
    watch.report();
    let overdue = "ApikeyRotationOverdue";
    watch.fires(&[(overdue, "node"), (overdue, "payments")]);

    ws.apply().ok();
    ws.advance("25h").apply().ok();
    watch.report();
    watch.fires(&[]);
}
