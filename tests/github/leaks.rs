use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use apikey::context::Context;
use apikey::error::{Error, Kind};
use apikey::vendors::github::alerts::{Alert, Holder, Query, alerts};
use serde_json::json;

use crate::monitoring::ask;
use crate::support::action;
use crate::support::forms::assert_hidden;
use crate::support::github::{Github, TOKEN};
use crate::support::keys::{Config, FAST};
use crate::support::programs;
use crate::support::workspace::Workspace;

const CANARY: &str = "made-up-canary-of-somebody-else";

/// A key that hears of the alerts of an organization.
fn config(on_leak: &str, source: &str) -> Config {
    Config::new()
        .policy(&format!("{FAST}\n  on_leak = \"{on_leak}\""))
        .with("leaks_wo = data.apikey_leaks.acme.open")
        .beside(&format!(
            r#"
data "apikey_leaks" "acme" {{
  organization = "acme"
  {source}
}}

output "leaks" {{
  value = data.apikey_leaks.acme
}}"#
        ))
}

fn workspace(github: &Github, config: &Config) -> Workspace {
    let ws = Workspace::new();
    ws.env("GITHUB_BASE_URL", &github.url())
        .env("GITHUB_TOKEN", TOKEN);
    ws.write(&config.text());
    ws
}

fn told(ws: &Workspace) -> serde_json::Value {
    let output = ws.run(&["output", "-json", "leaks"]).ok().stdout.clone();
    serde_json::from_str(&output).unwrap()
}

#[test]
fn a_key_that_has_leaked_is_replaced_and_revoked_once_and_nobody_reads_it_on_the_way() {
    let github = Github::start();
    let ws = workspace(&github, &config("rotate", ""));
    ws.env("TF_LOG", "TRACE");
    ws.env("TF_LOG_PATH", ws.path("trace.log").to_str().unwrap());
    let mut printed = ws.apply().ok().stdout.clone();
    let old = ws.secret("k.json", "primary");
    // What others have leaked stands before it, each on a page of its own.
    let url = {
        let alerts = &mut github.state().alerts;
        alerts.page = 1;
        alerts.find("acme/wiki", CANARY);
        alerts.find("acme/wiki", "made-up-canary-2");
        alerts.find("acme/payments", &old)
    };

    let resolve =
        |ws: &Workspace| action::invoke(ws, "apikey_resolve_leak", json!({ "alert": url }));
    let emergency = format!("EMERGENCY {url}");
    let reason = "a scanner of secrets has found the key";
    let planned = ws.plan().ok().code(2).warns(&[&emergency, reason]);
    let change = ws.change("apikey_managed.k");
    assert_eq!(change.after("last_action"), "emergency");
    printed += &planned.stdout;
    let status = ["status", "--fail-on", "leaked"];
    ask(&ws, &status)
        .code(3)
        .says(&["payments has leaked and works", &url]);
    ask(&ws, &["metrics"])
        .code(0)
        .says(&["apikey_leaks_open{", "validity=\"unknown\"} 1\n"]);
    assert!(resolve(&ws).unwrap_err().contains("lives"));
    let plan = ws.plan_file();
    printed += &ws.apply_plan().ok().stdout;
    let new = ws.secret("k.json", "primary");
    assert_ne!(new, old);
    assert!(ws.delivered("k.json")["secondary"].is_null());
    assert_eq!(ws.key("k").text("status"), "ok");

    // The alert stays open, and was handled.
    ws.apply().ok();
    ws.plan().ok().code(0);
    assert_eq!(ws.secret("k.json", "primary"), new);
    let told = told(&ws);
    assert_eq!(told["total"], 3);
    assert_eq!(told["alerts"].as_array().unwrap().len(), 1);
    let alert = &told["alerts"][0];
    assert_eq!(alert["url"], url);
    assert_eq!(
        (&alert["name"], &alert["key_status"]),
        (&"payments".into(), &"revoked".into())
    );

    ask(&ws, &status)
        .code(0)
        .says(&["1 open alert is about a key that is revoked"]);
    assert!(
        resolve(&ws)
            .unwrap()
            .join(" ")
            .contains("resolved as revoked")
    );
    let alert = github.state().alerts.all[2].clone();
    assert_eq!(alert.resolution.as_deref(), Some("revoked"));
    assert!(
        alert
            .comment
            .unwrap()
            .contains("apikey_managed payments was revoked at")
    );
    assert!(resolve(&ws).unwrap().join(" ").contains("nothing to do"));
    ws.apply().ok();
    let said = ask(&ws, &status).code(0);
    assert!(!said.stdout.contains("open alert"), "{}", said.stdout);

    let ledger = fs::read_dir(ws.path(".terraform/apikey")).unwrap();
    let ledger = ledger.flat_map(|file| fs::read(file.unwrap().path()).unwrap());
    let mut bytes = plan;
    bytes.extend(ledger);
    bytes.extend(fs::read(ws.path("terraform.tfstate")).unwrap());
    bytes.extend(fs::read(ws.path("trace.log")).unwrap());
    bytes.extend(printed.into_bytes());
    for secret in [&old, CANARY, TOKEN] {
        assert_hidden("what was printed or kept", &bytes, secret);
    }
}

#[test]
fn what_was_begun_about_a_leak_goes_on_when_its_alert_is_closed() {
    let github = Github::start();
    let ws = workspace(&github, &config("rotate", ""));
    ws.apply().ok();
    let old = ws.secret("k.json", "primary");
    let url = github.state().alerts.find("acme/payments", &old);
    ws.plan().ok();
    let open_to = |mode| {
        fs::set_permissions(ws.path("k.json"), Permissions::from_mode(mode)).unwrap();
    };
    open_to(0o644);
    ws.apply_plan().failed();

    github.state().alerts.all.clear();
    let emergency = format!("EMERGENCY {url}");
    ws.apply().failed().warns(&[&emergency]);
    assert_eq!(ws.key("k").status(), "compromised");
    ask(&ws, &["status", "--fail-on", "compromised"]).code(3);
    ws.write(&config("warn", "").text());
    let called_off = ["is called off", "on_leak is \"warn\" now"];
    ws.plan().ok().warns(&[&emergency]).warns(&called_off);
    ws.write(&config("rotate", "").text());
    open_to(0o600);
    ws.apply().ok();
    assert_ne!(ws.secret("k.json", "primary"), old);
    assert_eq!(ws.key("k").status(), "ok");
}

#[test]
fn what_has_leaked_is_warned_of_and_a_source_that_fails_is_no_good_news() {
    let github = Github::start();
    let by_type = r#"secret_types = ["acme_api_key"]"#;
    let no_ledger = r#"provider "apikey" { ledger = { disabled = true } }"#;
    let ws = workspace(&github, &config("warn", by_type).beside(no_ledger));
    ws.apply().ok();
    let before = ws.secret("k.json", "primary");
    let url = github.state().alerts.find("acme/payments", &before);
    // The key is no other one by it, and the outputs of the data source are.
    let leaked = ["HAS LEAKED and works", &url];
    ws.apply().ok().warns(&leaked);
    ws.plan().ok().code(0).warns(&leaked);
    assert_eq!(ws.secret("k.json", "primary"), before);

    github.state().alerts.refusal = Some((403, "Resource not accessible by personal access token"));
    ws.plan().failed().complains(&[
        "organization acme",
        "the repository permission Secret scanning alerts (read)",
        "no emergency either: if that cannot wait, set required = false",
    ]);
    let tolerant = config("rotate", &format!("{by_type}\n  required = false"));
    ws.write(&tolerant.beside(no_ledger).text());
    ws.apply().ok().warns(&["nothing is known of leaks"]);
    assert_eq!(ws.secret("k.json", "primary"), before);

    github.state().alerts.refusal = None;
    ws.apply().ok().warns(&[&format!("EMERGENCY {url}")]);
    assert_ne!(ws.secret("k.json", "primary"), before);
}

#[test]
fn a_leaked_key_that_no_resource_holds_any_more_is_a_finding() {
    let github = Github::start();
    let config = config("warn", "").and_policy(r#"on_destroy = "retain""#);
    let ws = workspace(&github, &config);
    ws.apply().ok();
    let secret = ws.secret("k.json", "primary");
    ws.write(config.without_the_key()).apply().ok();
    let status = ["status", "--fail-on", "leaked"];
    ask(&ws, &status).code(0);
    github.state().alerts.find("acme/payments", &secret);
    ws.plan().ok();
    ask(&ws, &status)
        .code(3)
        .says(&["1 open alert is about a live key that no resource holds"]);
}

/// A token that sees one repository less lists less, and resolves nothing by it.
#[test]
fn an_alert_is_over_when_it_is_resolved_and_not_when_it_is_out_of_sight() {
    let github = Github::start();
    let ws = workspace(&github, &config("warn", ""));
    ws.apply().ok();
    let secret = ws.secret("k.json", "primary");
    let url = github.state().alerts.find("acme/payments", &secret);
    ws.plan().ok();
    let status = ["status", "--fail-on", "leaked"];
    ask(&ws, &status).code(3).says(&[&url]);

    github.state().alerts.out_of_sight = true;
    ws.plan().ok();
    ask(&ws, &status).code(3).says(&[&url]);
    github.state().alerts.out_of_sight = false;
    // Nobody asks the first question any more.
    let by_type = config("warn", r#"secret_types = ["acme_api_key"]"#);
    ws.write(&by_type.text()).plan().ok();
    ask(&ws, &status).code(3).says(&[&url]);
    github.state().alerts.all[0].resolution = Some("revoked".into());
    ws.plan().ok();
    ask(&ws, &status).code(0);
}

/// Whichever scanner has found it.
#[test]
fn what_another_scanner_has_found_is_in_the_status_until_it_is_passed_in_no_more() {
    let with = |leaks: &str| {
        let config = Config::new().policy(&format!("{FAST}\n  on_leak = \"warn\""));
        config.with(&format!("leaks_wo = {leaks}")).text()
    };
    let ws = Workspace::new();
    ws.write(&with("{}")).apply().ok();
    let key = ws.key("k").primary();
    let status = ["status", "--fail-on", "leaked"];
    ask(&ws, &status).code(0);
    ws.write(&with(&format!("{{ \"ticket-42\" = \"{key}\" }}")));
    ws.plan().ok().code(0).warns(&["HAS LEAKED and works"]);
    ask(&ws, &status)
        .code(3)
        .says(&["payments has leaked and works", "ticket-42"]);
    ask(&ws, &["metrics"]).says(&["apikey_leaks_open{", "validity=\"unknown\"} 1\n"]);

    // Where nothing could be read, what was known stays known; to a provider no such attribute is the same.
    for unknown in [with("null"), Config::new().text()] {
        ws.write(&unknown).plan().ok();
        ask(&ws, &status).code(3);
    }
    // What the copy of a state is told of is not all that is known where the keys belong.
    fs::write(ws.path("copied.tfstate"), ws.state().to_string()).unwrap();
    ws.begin_workspace("copy", "copied.tfstate");
    ws.write(&with("{}")).plan().ok();
    ask(&ws, &status).code(3);
    ws.run(&["workspace", "select", "default"]).ok();
    ws.plan().ok();
    ask(&ws, &status).code(0);
}

async fn read(context: &Context, holder: Holder) -> Result<Vec<Alert>, Error> {
    let client = apikey::vendors::github::client(context)?;
    let query = Query {
        holder,
        state: Some("open"),
        types: Vec::new(),
    };
    alerts(&client, &query).await
}

#[tokio::test]
async fn alerts_that_cannot_be_read_are_never_taken_for_none() {
    let github = Github::start();
    let context = github.context();
    let holder = || Holder::Repository {
        owner: "acme".into(),
        name: "payments".into(),
    };
    assert!(read(&context, holder()).await.unwrap().is_empty());
    github.state().alerts.refusal = Some((404, "Secret scanning is disabled on this repository."));
    let error = read(&context, holder()).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert!(error.detail.contains("says nothing of leaks"), "{error}");
    assert!(
        error.detail.contains("Secret scanning alerts (read)"),
        "{error}"
    );

    github.state().alerts.refusal = None;
    for number in 0..5 {
        let secret = format!("{CANARY}-{number}");
        github.state().alerts.find("acme/payments", &secret);
    }
    github.state().alerts.page = 2;
    for holder in [holder(), Holder::Enterprise("acme".into())] {
        let all = read(&context, holder).await.unwrap();
        let numbers: Vec<i64> = all.iter().map(|alert| alert.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        assert!(!format!("{all:?}").contains(CANARY));
    }
}

#[test]
fn the_script_of_the_example_gives_github_one_pattern_for_each_prefix() {
    if ["jq", "curl"]
        .iter()
        .any(|name| programs::find(name).is_none())
    {
        return;
    }
    let github = Github::start();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scanning/github.sh");
    let ws = Workspace::new();
    ws.env("GITHUB_API_URL", &github.url())
        .env("GITHUB_TOKEN", TOKEN);
    let line = |prefixes: &str| {
        let binary = env!("CARGO_BIN_EXE_terraform-provider-apikey");
        format!(
            "{binary} rules github {prefixes} | bash {} acme",
            script.display()
        )
    };
    ws.shell(&line("acme")).ok().says("Created: API key acme.");
    github.state().alerts.patterns[0]["pattern"] = json!("an older one");
    let told = ws.shell(&line("acme acme_prod")).ok();
    told.says("Brought up to date: API key acme.");
    let patterns = github.state().alerts.patterns.clone();
    let patterns: Vec<_> = patterns
        .iter()
        .map(|it| it["pattern"].as_str().unwrap())
        .collect();
    assert_eq!(
        patterns,
        ["acme_[0-9A-Za-z]{28,134}", "acme_prod_[0-9A-Za-z]{28,134}"]
    );
}
