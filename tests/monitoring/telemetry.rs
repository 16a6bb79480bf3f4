//! The block `telemetry`: a run hands its metrics over when it ends, and nothing fails by it.

use std::time::Duration;

use serde_json::Value;

use crate::support::fake::{Fake, Reply};
use crate::support::keys::Config;
use crate::support::programs::free_port;
use crate::support::workspace::Workspace;

fn to(url: &str, more: &str) -> Config {
    Config::new().beside(&format!(
        "provider \"apikey\" {{\n  telemetry = {{ push = \"{url}\"{more} }}\n}}"
    ))
}

#[test]
fn a_run_hands_over_what_it_has_just_done() {
    let collector = Fake::start([Reply::of(200, "{}")]);
    let ws = to(&collector.url(), "").created();
    let asked = collector.requests();
    let last = asked.last().unwrap();
    assert!(last.starts_with("POST /v1/metrics HTTP/1.1\r\n"), "{last}");
    let body: Value = serde_json::from_str(last.split_once("\r\n\r\n").unwrap().1).unwrap();
    let metrics = &body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    let named = |name: &str| {
        let mut all = metrics.as_array().unwrap().iter();
        all.find(|metric| metric["name"] == name)
            .unwrap_or_else(|| panic!("{name}: {metrics:#}"))
    };
    let keys = named("apikey_keys");
    assert_eq!(keys["gauge"]["dataPoints"][0]["asInt"], "1");
    let at = named("apikey_exported_timestamp_seconds");
    assert_eq!(
        at["gauge"]["dataPoints"][0]["asInt"],
        ws.now().unix().to_string()
    );
    let secret = ws.secret("k.json", "primary");
    assert!(asked.iter().all(|request| !request.contains(&secret)));
    let before = asked.len();
    ws.plan().ok().code(0);
    assert_eq!(collector.requests().len(), before + 1, "once for a process");
    ws.run(&["validate"]).ok();
    assert_eq!(
        collector.requests().len(),
        before + 1,
        "nothing was configured"
    );
}

#[test]
fn nothing_fails_by_whoever_does_not_take_them() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let silent = Fake::start([Reply::Silence(Duration::from_secs(30))]);
    let refusing = Fake::start([Reply::of(403, "no")]);
    for url in [nobody, silent.url(), refusing.url()] {
        let ws = to(&url, "").created();
        ws.plan().ok().code(0);
        ws.advance("80s").apply().ok();
        assert_eq!(ws.key("k").phase(), "staged");
    }
    assert!(!silent.requests().is_empty() && !refusing.requests().is_empty());
}

#[test]
fn settings_that_lead_nowhere_are_told() {
    let ws = Workspace::with(&to("localhost:4318", "").text());
    ws.plan().failed().complains(&["telemetry", "http://"]);
    ws.write(&to("http://localhost:9091", ", format = \"prometheus\"").text());
    ws.plan().failed().complains(&["names no group"]);
    ws.write(&to("http://localhost:1", ", format = \"datadog\"").text());
    ws.env("DD_API_KEY", "")
        .apply()
        .ok()
        .warns(&["There is no key of Datadog"]);
}
