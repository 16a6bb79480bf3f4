//! `examples/monitoring`: Terraform that installs dashboards and alerts. Its providers are not here, so what it hands to them is
//! looked at: the local values.

use std::path::Path;

use serde_json::Value;

use super::{datadog, rules, shipped};
use crate::support::workspace::Workspace;

/// Their files below `examples/`.
pub const EXAMPLES: [&str; 2] = ["monitoring/datadog/main.tf", "monitoring/grafana/main.tf"];

/// A local value of an example, as Terraform makes it out of the files.
fn local(example: &str, name: &str) -> Value {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let text = std::fs::read_to_string(examples.join(example)).unwrap();
    let (_, locals) = text.split_once("locals {\n").unwrap();
    let (locals, _) = locals.split_once("\n}\n").unwrap();
    let files = shipped("").display().to_string();
    let locals = locals.replace("${path.module}/../../../monitoring", &files);
    let ws = Workspace::new();
    let folder = examples.join("monitoring").display().to_string();
    ws.run(&["fmt", "-check", "-diff", "-recursive", &folder])
        .ok();
    let notify = r#"variable "notify" { default = "@keys" }"#;
    ws.write(&format!(
        "{notify}\nlocals {{\n{locals}\n}}\noutput \"it\" {{ value = local.{name} }}\n"
    ));
    ws.apply().ok();
    ws.state()["outputs"]["it"]["value"].clone()
}

#[test]
fn each_alert_of_prometheus_becomes_a_rule_of_grafana() {
    let made = local(EXAMPLES[1], "rules");
    let made = made.as_array().unwrap();
    let names: Vec<&str> = made
        .iter()
        .map(|rule| rule["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, rules::names());
    let absent = &made[0];
    assert_eq!(
        (&absent["for"], &absent["labels"]["severity"]),
        (&"1h".into(), &"critical".into())
    );
    let text = made.iter().map(Value::to_string).collect::<String>();
    assert!(text.contains("{{ $values.A.Value | humanizeDuration }}") && !text.contains("$value "));
    assert!(made.iter().any(|rule| rule["for"] == "0s"), "{text}");
}

#[test]
fn each_monitor_of_datadog_gets_whoever_hears_of_it() {
    let made = local(EXAMPLES[0], "monitors");
    let made = made.as_object().unwrap();
    assert_eq!(made.len(), datadog::monitors().len());
    for (alert, monitor) in made {
        assert_eq!(monitor["tags"][1], format!("alert:{alert}"));
        let texts = [
            &monitor["message"],
            &monitor["options"]["escalation_message"],
        ];
        for text in texts.map(|text| text.as_str().unwrap()) {
            assert!(
                text.is_empty() || text.ends_with("\n\n@keys"),
                "{alert}: {text}"
            );
        }
    }
    let failing = &made["ApikeyApplyFailing"]["options"]["escalation_message"];
    assert_ne!(failing, "");
}
