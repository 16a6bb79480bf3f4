//! `metrics`: read by the programs that they are for.

use std::io::Write;
use std::process::{Command, Stdio};

use super::exporters::read_by;
use super::{Said, ask, by_hand};
use crate::support::fake::{Fake, Reply};
use crate::support::keys::Config;
use crate::support::programs::{self, Program};
use crate::support::workspace::Workspace;

pub fn two_keys() -> Workspace {
    let other = r#"
resource "apikey_managed" "odd" {
  name       = "a \"name\" with \\ and żółć"
  policy     = apikey_rotation_policy.p
  issuer     = { generated = { prefix = "acme" } }
  deliveries = { app = { file = { path = "odd.json" } } }
}"#;
    Config::new()
        .with(r#"owner = "alice""#)
        .beside(other)
        .retiring()
}

pub fn piped_into(program: &mut Command, text: &str) -> Said {
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn promtool_reads_them_without_a_complaint() {
    let Some(promtool) = programs::find("promtool") else {
        return;
    };
    let text = ask(&two_keys(), &["metrics"]).code(0).stdout;
    let checked = piped_into(Command::new(promtool).args(["check", "metrics"]), &text).code(0);
    assert_eq!(
        (checked.stdout.as_str(), checked.stderr.as_str()),
        ("", ""),
        "{text}"
    );
}

#[test]
fn the_strict_reader_of_openmetrics_reads_every_family() {
    let script = "import sys\n\
                  from prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
                  print(sorted(family.name for family in read(sys.stdin.read())))";
    let text = ask(&two_keys(), &["metrics", "--format", "openmetrics"])
        .code(0)
        .stdout;
    let Some(read) = read_by(script, "prometheus_client", &text) else {
        return;
    };
    let told = text
        .lines()
        .filter(|line| line.starts_with("# TYPE"))
        .count();
    assert_eq!(read.matches("'apikey_").count(), told, "{}", read);
}

#[test]
fn numbers_say_what_happened() {
    let ws = two_keys();
    let text = ask(&ws, &["metrics"]).code(0).stdout;
    let value = |start: &str, label: &str| {
        let mut lines = text.lines();
        let line = lines.find(|line| line.starts_with(start) && line.contains(label));
        let line = line.unwrap_or_else(|| panic!("{start} with {label} is not in\n{text}"));
        line.rsplit(' ').next().unwrap().to_owned()
    };
    let now = ws.now().unix();
    assert_eq!(value("apikey_keys ", ""), "2");
    assert_eq!(value("apikey_keys_without_owner ", ""), "1");
    assert_eq!(
        value("apikey_effects_total{", r#"effect="mint",outcome="done""#),
        "4"
    );
    assert_eq!(
        value(
            "apikey_status{",
            r#"name="payments",group="payments",environment="",owner="alice",issuer="generated",workspace="default",status="ok""#
        ),
        "1"
    );
    assert_eq!(
        value("apikey_rotation_last_timestamp_seconds{", "payments"),
        now.to_string()
    );
    assert_eq!(
        value("apikey_rotation_due_timestamp_seconds{", "payments"),
        (now + 100).to_string()
    );
    assert_eq!(
        value("apikey_revocation_due_timestamp_seconds{", "payments"),
        (now + 30).to_string()
    );
    assert_eq!(value("apikey_audit_trail_intact ", ""), "1");
    assert_eq!(
        value("apikey_exported_timestamp_seconds ", ""),
        now.to_string()
    );
    assert!(
        !text.contains("apikey_apply_failed"),
        "nothing failed:\n{text}"
    );
}

/// Each time it is another process, which shuffles what has no order.
#[test]
fn the_same_ledger_at_the_same_instant_gives_the_same_bytes() {
    let ws = two_keys();
    let formats = ["prometheus", "openmetrics", "otlp", "datadog"];
    let metrics = formats.map(|format| vec!["metrics", "--format", format]);
    for words in metrics.into_iter().chain([vec!["status", "--json"]]) {
        let said = || ask(&ws, &words).code(0).stdout;
        let first = said();
        assert!(first.contains("payments"), "{words:?}: {first}");
        for _ in 0..3 {
            assert_eq!(said(), first, "{words:?}");
        }
    }
}

#[test]
fn a_file_is_written_whole_and_for_everybody_or_stays_as_it_was() {
    use std::os::unix::fs::PermissionsExt;
    let ws = two_keys();
    ask(&ws, &["metrics", "--out", "apikey.prom"]).code(0);
    let file = ws.path("apikey.prom");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.ends_with("\n") && text.contains("apikey_build_info"));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    std::os::unix::fs::symlink("apikey.prom", ws.path("link.prom")).unwrap();
    ask(&ws, &["metrics", "--out", "link.prom"])
        .code(1)
        .says(&["no ordinary file"]);
    let before = std::fs::read_dir(ws.home()).unwrap().count();
    ask(&ws, &["metrics", "--out", "nowhere/apikey.prom"])
        .code(1)
        .says(&["The file cannot be written", "nowhere"]);
    ask(
        &ws,
        &[
            "metrics",
            "--url",
            "sqlite://none.db",
            "--out",
            "apikey.prom",
        ],
    )
    .code(1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    for format in ["openmetrics", "otlp", "datadog", "prometheus"] {
        ask(
            &ws,
            &["metrics", "--out", "apikey.prom", "--format", format],
        )
        .code(0);
    }
    let config = std::fs::read(ws.path("main.tf")).unwrap();
    ask(&ws, &["metrics", "--out", "main.tf"])
        .code(1)
        .says(&["no metrics of this command"]);
    assert_eq!(std::fs::read(ws.path("main.tf")).unwrap(), config);
    assert_eq!(std::fs::read_dir(ws.home()).unwrap().count(), before);
}

#[test]
fn a_push_replaces_what_the_gateway_had() {
    let Some(program) = programs::find("prometheus-pushgateway") else {
        return;
    };
    let ws = two_keys();
    let port = programs::free_port();
    let address = format!("--web.listen-address=127.0.0.1:{port}");
    let gateway = Program::start(&program, &[&address], ws.home(), port);
    let url = format!("http://127.0.0.1:{port}/metrics/job/apikey");
    ask(&ws, &["metrics", "--push", &url]).code(0);
    let odd = "żółć";
    assert!(gateway.page("/metrics").contains(odd));
    ws.run(&["destroy", "-auto-approve", "-target=apikey_managed.odd"])
        .ok();
    ask(&ws, &["metrics", "--push", &url]).code(0);
    let left = gateway.page("/metrics");
    assert!(!left.contains(odd) && left.contains("payments"), "{left}");
    let wrong = format!("http://127.0.0.1:{port}/metrics");
    ask(&ws, &["metrics", "--push", &wrong])
        .code(1)
        .says(&["names no group"]);
}

#[test]
fn a_login_comes_from_a_file_and_is_not_repeated() {
    let ws = two_keys();
    let gateway = Fake::start([Reply::of(403, "no: canary-password")]);
    let url = format!("{}/metrics/job/apikey", gateway.url());
    std::fs::write(ws.path("login"), "ci:canary-password\n").unwrap();
    let said = by_hand(&ws)
        .args(["metrics", "--push", &url, "--login", "login"])
        .output()
        .unwrap();
    let said = Said::from(said)
        .code(1)
        .says(&["The metrics were not taken"]);
    assert!(!said.stderr.contains("canary-password"), "{}", said.stderr);
    let asked = gateway.requests();
    assert!(
        asked[0].starts_with("PUT /metrics/job/apikey HTTP/1.1\r\n"),
        "{}",
        asked[0]
    );
    // base64 of ci:canary-password.
    assert!(
        asked[0].contains("Basic Y2k6Y2FuYXJ5LXBhc3N3b3Jk\r\n"),
        "{}",
        asked[0]
    );
    let with_password = url.replace("http://", "http://ci:canary-password@");
    let said = ask(&ws, &["metrics", "--push", &with_password])
        .code(1)
        .says(&["--login"]);
    assert!(!said.stderr.contains("canary-password"), "{}", said.stderr);
}
