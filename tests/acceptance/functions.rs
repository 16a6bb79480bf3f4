//! The functions, called by the real CLI.

use serde_json::Value;

use crate::support::keys::Config;
use crate::support::workspace::Workspace;

/// The outputs of a configuration, applied.
#[track_caller]
fn outputs(configuration: &str) -> Value {
    let ws = Workspace::with(configuration);
    ws.apply().ok();
    ws.plan().ok().code(0);
    ws.state()["outputs"].clone()
}

#[test]
fn a_duration_that_is_parsed_suits_the_functions_of_terraform() {
    let outputs = outputs(
        r#"
locals { length = provider::apikey::parse_duration("36h") }
output "later"  { value = timeadd("2026-01-31T12:00:00Z", local.length.go) }
output "double" { value = local.length.seconds * 2 }
"#,
    );
    assert_eq!(outputs["later"]["value"], "2026-02-02T00:00:00Z");
    assert_eq!(outputs["double"]["value"], 259_200);
}

#[test]
fn the_next_rotation_is_the_one_of_the_state() {
    let policy = r#"
  rotation_interval = "100s"
  propagation_delay = "0s"
  stage_before      = "5s"
"#;
    let ws = Workspace::with(
        &Config::new()
            .policy(policy)
            .beside(
                r#"
output "agree" {
  value = provider::apikey::next_rotation(apikey_managed.k.last_rotated_at, "100s") == apikey_managed.k.rotation_due_at
}"#,
            )
            .text(),
    );
    ws.apply().ok();
    assert_eq!(ws.state()["outputs"]["agree"]["value"], true);
}

#[test]
fn the_fingerprint_of_a_delivered_secret_is_the_one_of_the_state_and_stays_sensitive() {
    let ws = Workspace::with(
        &Config::new()
            .deliveries("{}")
            .beside(
                r#"
output "agree" {
  value = nonsensitive(provider::apikey::fingerprint(apikey_managed.k.primary.secret)) == apikey_managed.k.primary.fingerprint
}"#,
            )
            .text(),
    );
    ws.apply().ok();
    assert_eq!(ws.state()["outputs"]["agree"]["value"], true);

    let open = r#"
variable "secret" {
  sensitive = true
  default   = "made-up-canary"
}
output "mark" { value = provider::apikey::fingerprint(var.secret) }
"#;
    Workspace::with(open)
        .plan()
        .failed()
        .complains(&["sensitive"]);
}

/// Terraform's `regexall` is the same RE2 that gitleaks and TruffleHog use.
#[test]
fn a_scan_pattern_finds_keys_and_no_look_alikes() {
    let mut keys = Vec::new();
    for length in ["22", "32", "128"] {
        let issuer = format!(r#"{{ generated = {{ prefix = "acme", length = {length} }} }}"#);
        let ws = Config::new().issuer(&issuer).created();
        keys.push(ws.secret("k.json", "primary"));
    }
    let key = keys[1].clone();
    let finds: Vec<String> = keys
        .iter()
        .flat_map(|key| {
            [
                key.clone(),
                format!("API_KEY={key}\n"),
                format!("https://user:{key}@example.com"),
                format!("{{\"key\":\"{key}\"}}"),
            ]
        })
        .collect();
    let passes = [
        String::new(),
        "acme_".into(),
        key[..key.len() - 11].into(),
        format!("my_{key}"),
        format!("x{key}"),
        format!("{key}_x"),
        key.to_uppercase(),
        key.replacen("acme", "acne", 1),
        key.replacen("acme", "acme_prod", 1),
        format!("{}{}", key, "a".repeat(128)),
        format!("{}-{}", &key[..20], &key[21..]),
    ];
    let lists = serde_json::json!({ "finds": finds, "passes": passes });
    let ws = Workspace::new();
    std::fs::write(ws.path("texts.json"), lists.to_string()).unwrap();
    ws.write(
        r#"
locals {
  rules = provider::apikey::scan_pattern("acme")
  texts = jsondecode(file("texts.json"))
  # What GitHub puts together from the three fields, in RE2, which reads these constructs in the same way.
  github   = "(?:${local.rules.github.before_secret})(${local.rules.github.secret_format})(?:${local.rules.github.after_secret})"
  detector = yamldecode(local.rules.trufflehog).detectors[0]
  all      = [local.rules.regex, local.github, local.detector.regex.key, regex("regex = '''(.*)'''", local.rules.gitleaks)[0]]
}
output "missed" { value = [for p in local.all : [for t in local.texts.finds : t if length(regexall(p, t)) != 1]] }
output "wrong"  { value = [for p in local.all : [for t in local.texts.passes : t if length(regexall(p, t)) != 0]] }
output "group"  { value = regex(local.detector.regex.key, local.texts.finds[1])[0] == local.texts.finds[0] }
"#,
    );
    ws.apply().ok();
    let outputs = &ws.state()["outputs"];
    let none = serde_json::json!([[], [], [], []]);
    assert_eq!(outputs["missed"]["value"], none);
    assert_eq!(outputs["wrong"]["value"], none);
    assert_eq!(outputs["group"]["value"], true);
}

#[test]
fn a_wrong_argument_is_named() {
    for (call, words) in [
        (r#"parse_duration("90 days")"#, "\"text\" parameter"),
        (r#"next_rotation("yesterday", "90d")"#, "\"last\" parameter"),
        (
            r#"next_rotation("2026-01-31T12:00:00Z", "soon")"#,
            "\"interval\" parameter",
        ),
        (r#"fingerprint("")"#, "\"secret\" parameter"),
        (r#"scan_pattern("Acme")"#, "\"prefix\" parameter"),
    ] {
        let ws = Workspace::with(&format!(
            "output \"o\" {{ value = provider::apikey::{call} }}"
        ));
        let refused = ws.plan().failed().complains(&[words]);
        let told = refused.text();
        assert!(!told.replace("...", "").contains(".."), "{told}");
    }
}
