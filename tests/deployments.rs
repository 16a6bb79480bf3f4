//! Consumers are made to read what was delivered, and waited for, through the real command line.

use std::collections::VecDeque;
use std::fs;

use serde_json::json;

use crate::acceptance::secrecy::Watch;
use crate::support::keys::Config;
use crate::support::service::{Answer, Asked, Service, json as answer, nothing};
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";
const CREDENTIAL: &str = "made-up-credential-of-the-pipeline";

/// What runs deployments: each has an id, and is looked at by it.
#[derive(Default)]
struct Pipelines {
    /// The bodies of the requests, in their order.
    started: Vec<String>,
    /// The ids that were looked at.
    looked_at: Vec<String>,
    /// What the next looks see; `completed` when there is no more.
    answers: VecDeque<&'static str>,
    /// What every look sees, instead.
    always: Option<&'static str>,
    /// Is touched at the first look.
    touches: Option<std::path::PathBuf>,
}

fn pipelines() -> Service<Pipelines> {
    Service::start(Pipelines::default(), |state, asked: &Asked| -> Answer {
        if asked.bearer() != Some(CREDENTIAL) {
            return nothing(401);
        }
        match (asked.method.as_str(), asked.parts().as_slice()) {
            ("POST", ["web", "runs"]) => {
                state.started.push(asked.body.clone());
                answer(201, &json!({ "run": { "id": state.started.len() } }))
            }
            ("GET", ["runs", id]) => {
                state.looked_at.push((*id).to_owned());
                if let Some(path) = state.touches.take() {
                    fs::write(path, "").unwrap();
                }
                let next = state.always.or_else(|| state.answers.pop_front());
                // A server may repeat what it was sent.
                answer(
                    200,
                    &json!({ "status": next.unwrap_or("completed"), "you": CREDENTIAL }),
                )
            }
            _ => nothing(404),
        }
    })
}

fn deploying(site: &Service<Pipelines>) -> Config {
    let url = site.url();
    let config = Config::new().with(&format!(
        r#"deployments = {{
    web = {{
      request = {{
        url        = "{url}/web/runs"
        headers    = {{ "Content-Type" = "application/json" }}
        headers_wo = {{ Authorization = "Bearer ${{var.pipeline}}" }}
        body       = "{{\"key\":\"{{{{name}}}}\",\"generation\":{{{{generation}}}},\"mark\":\"{{{{fingerprint}}}}\"}}"
        id         = "/run/id"
      }}
      poll = {{
        url      = "{url}/runs/{{{{id}}}}"
        until    = {{ "/status" = "completed" }}
        fails_if = {{ "/status" = "failed" }}
      }}
      timeout = "3s"
    }}
  }}"#
    ));
    config.beside("variable \"pipeline\" {\n  type      = string\n  ephemeral = true\n}")
}

/// A workspace in which the credential of the pipelines is known.
fn workspace(config: &Config) -> Workspace {
    let ws = Workspace::with(&config.text());
    ws.env("TF_VAR_pipeline", CREDENTIAL);
    ws
}

fn created(config: &Config) -> Workspace {
    let ws = workspace(config);
    ws.apply().ok();
    ws
}

fn started(site: &Service<Pipelines>) -> usize {
    site.state().started.len()
}

#[test]
fn each_key_is_shown_to_its_consumers_before_the_next_step_is_taken() {
    let site = pipelines();
    let ws = workspace(&deploying(&site));
    let mut watch = Watch::over(&ws).knowing(CREDENTIAL);
    watch.saw(ws.apply());
    assert_eq!(started(&site), 0, "nobody reads another key yet");
    ws.plan().ok().code(0);

    site.state().answers = VecDeque::from(["queued", "running"]);
    watch.saw(ws.advance("80s").apply());
    let staged = ws.key("k");
    assert_eq!(
        (
            staged.text("last_action").as_str(),
            staged.status().as_str()
        ),
        ("stage+deploy", "ok")
    );
    let mark = staged.text("secondary.fingerprint");
    let expected = json!({ "key": "payments", "generation": 1, "mark": mark }).to_string();
    let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(same(&site.state().started[0]), same(&expected));
    assert_eq!(site.state().looked_at, ["1", "1", "1"]);
    ws.plan().ok().code(0);

    // A saved plan that did not refresh: the same steps.
    watch.saw(ws.advance("20s").plan_with(&["-refresh=false"]));
    assert_eq!(ws.change(K).after("last_action"), "promote+deploy");
    watch.saw(ws.apply_plan());
    assert_eq!(
        (ws.key("k").phase().as_str(), started(&site)),
        ("retiring", 2)
    );
    ws.plan().ok().code(0);

    watch.saw(ws.advance("30s").apply());
    assert_eq!(
        (ws.key("k").phase().as_str(), started(&site)),
        ("single", 2)
    );
    let told = site.state().started.concat();
    for slot in ["primary", "secondary"] {
        let secret = ws.secret("k.json", slot);
        assert!(secret.is_empty() || !told.contains(&secret));
    }
    watch.nothing_leaked();
}

#[test]
fn what_fails_holds_up_the_promotion_and_the_revocation_but_not_for_ever() {
    let site = pipelines();
    let ws = created(&deploying(&site));
    let first = ws.key("k").primary();
    site.state().always = Some("failed");
    ws.advance("80s")
        .apply()
        .ok()
        .warns(&["payments", "deployment \"web\"", "/status is \"failed\""])
        .reads_warnings("deployment-that-fails");
    assert_eq!(ws.key("k").status(), "pending");
    ws.advance("20s")
        .plan()
        .ok()
        .code(2)
        .warns(&["payments: deploy", "asks for deployment \"web\" again"])
        .reads_warnings("deployment-that-is-asked-for-again");
    assert_eq!(ws.change(K).after("last_action"), "deploy");
    ws.apply_plan().ok();
    let key = ws.key("k");
    assert_eq!(
        (key.primary(), key.status().as_str()),
        (first.clone(), "blocked")
    );
    assert!(
        key.reason()
            .contains("is not promoted before deployment \"web\" is done"),
        "{}",
        key.reason()
    );

    site.state().always = None;
    ws.apply().ok();
    ws.plan().ok().code(2);
    // What fails in the very apply is what no plan could know.
    site.state().always = Some("failed");
    ws.apply_plan().ok().warns(&["deployment \"web\""]);
    assert_eq!(ws.key("k").phase(), "retiring");
    ws.advance("30s").apply().ok();
    let key = ws.key("k");
    assert_eq!((key.phase().as_str(), key.secondary()), ("retiring", first));
    assert!(
        key.reason()
            .contains("at the latest, because deployment \"web\""),
        "{}",
        key.reason()
    );
    ws.advance("180s")
        .plan()
        .ok()
        .code(2)
        .warns(&["max_grace_period is over", "although deployment \"web\""])
        .reads_warnings("deployment-that-holds-nothing-any-longer");
    ws.apply_plan().ok();
    assert_ne!(ws.key("k").phase(), "retiring");
}

#[test]
fn a_promotion_that_was_planned_waits_for_a_deployment_that_begins_to_fail() {
    let site = pipelines();
    let ws = created(&deploying(&site));
    let first = ws.key("k").primary();
    site.state().always = Some("failed");
    // Staged and promoted in one apply, as far as the plan knows.
    let swift = deploying(&site).policy(
        "rotation_interval = \"100s\"\n  propagation_delay = \"0s\"\n  grace_period = \"30s\"",
    );
    ws.advance("100s").write(&swift.text());
    ws.apply()
        .failed()
        .complains(&[
            "the staged key is not promoted",
            "Deployment \"web\" is required",
        ])
        .reads("deployment-that-begins-to-fail");
    assert_eq!(ws.key("k").primary(), first);
    ws.apply().ok();
    assert_eq!(ws.key("k").primary(), first);
    // Whoever asks for it goes on without.
    let asked = swift.with("rotation_trigger = \"1\"");
    ws.write(&asked.text()).apply().ok();
    ws.advance("1s")
        .write(&asked.text().replace("\"1\"", "\"2\""))
        .apply()
        .ok();
    assert_eq!(ws.key("k").secondary(), first);
}

#[test]
fn an_interruption_while_it_is_waited_for_is_gone_on_from() {
    let site = pipelines();
    let ws = created(&deploying(&site));
    let patient = deploying(&site).text().replace("\"3s\"", "\"60s\"");
    ws.write(&patient);
    ws.apply().ok();
    site.state().always = Some("running");
    site.state().touches = Some(ws.path("looked"));
    ws.advance("80s").shell(
        "terraform apply -json -auto-approve & until [ -f looked ]; do sleep 0.2; done; kill -TERM $!; wait $!",
    );
    assert_eq!(
        (ws.key("k").phase().as_str(), started(&site)),
        ("staged", 1)
    );
    assert_eq!(ws.key("k").status(), "pending");
    site.state().always = None;
    ws.apply().ok();
    assert_eq!((ws.key("k").status().as_str(), started(&site)), ("ok", 1));
    // One that takes longer than its time is looked at before it is asked for again.
    site.state().always = Some("running");
    ws.write(&deploying(&site).text());
    ws.advance("20s")
        .apply()
        .ok()
        .warns(&["was not done within 3s", "/status is not \"completed\" yet"])
        .reads_warnings("deployment-that-takes-too-long");
    site.state().always = None;
    ws.advance("5s").apply().ok();
    assert_eq!((ws.key("k").status().as_str(), started(&site)), ("ok", 2));
}

#[test]
fn an_emergency_waits_for_it_once_and_revokes_then() {
    let site = pipelines();
    let ws = created(&deploying(&site));
    let first = ws.key("k").primary();
    site.state().always = Some("failed");
    let block = "emergency = { id = \"INC-1\", reason = \"stolen\" }";
    ws.write(&deploying(&site).with(block).text());
    ws.plan()
        .ok()
        .code(2)
        .warns(&[
            "EMERGENCY INC-1",
            "Whether or not it comes about, the compromised key is revoked then",
        ])
        .reads_warnings("emergency-that-waits-for-a-deployment");
    ws.apply_plan()
        .ok()
        .warns(&["deployment \"web\""])
        .reads_warnings("emergency-whose-deployment-fails");
    let key = ws.key("k");
    assert_eq!(
        (key.phase().as_str(), key.status().as_str()),
        ("single", "pending")
    );
    assert_ne!(key.primary(), first);
    site.state().always = None;
    ws.apply().ok();
    assert_eq!(ws.key("k").status(), "ok");
    ws.plan().ok().code(0);
}

/// The runs of a workflow: what each was dispatched with, and how it ends.
#[derive(Default)]
struct Workflows {
    dispatched: Vec<serde_json::Value>,
    fails: bool,
}

/// As GitHub answers: with the run only where that is asked for.
fn github() -> Service<Workflows> {
    Service::start(Workflows::default(), |state, asked: &Asked| -> Answer {
        let is_told = asked.bearer() == Some(CREDENTIAL)
            && asked.header("accept") == "application/vnd.github+json";
        let parts = asked.parts();
        let ["repos", "acme", "site", "actions", rest @ ..] = &parts[..] else {
            return nothing(404);
        };
        match (asked.method.as_str(), rest) {
            _ if !is_told => nothing(401),
            ("POST", ["workflows", "deploy.yml", "dispatches"]) => {
                state.dispatched.push(asked.json());
                match asked.json()["return_run_details"] == true {
                    true => answer(200, &json!({ "workflow_run_id": state.dispatched.len() })),
                    false => nothing(204),
                }
            }
            ("GET", ["runs", id]) if *id == state.dispatched.len().to_string() => {
                let conclusion = if state.fails { "failure" } else { "success" };
                let run = json!({ "status": "completed", "conclusion": conclusion });
                answer(200, &run)
            }
            _ => nothing(404),
        }
    })
}

#[test]
fn a_workflow_of_github_is_dispatched_by_the_block_of_the_guide() {
    let site = github();
    let guide = include_str!("../docs/guides/deployments.md");
    let (_, rest) = guide.split_once("```terraform\nsite = {").unwrap();
    let (block, _) = rest.split_once("\n```").unwrap();
    let block = block.replace("https://api.github.com", &site.url());
    let config = Config::new()
        .with(&format!("deployments = {{\n  site = {{{block}\n  }}"))
        .beside("variable \"github_token\" {\n  type      = string\n  ephemeral = true\n}");
    let ws = Workspace::with(&config.text());
    ws.env("TF_VAR_github_token", CREDENTIAL);
    ws.apply().ok();
    ws.advance("80s").apply().ok();
    assert_eq!(ws.key("k").text("last_action"), "stage+deploy");
    assert_eq!(site.state().dispatched[0]["ref"], "main");

    site.state().fails = true;
    let failed = ws.advance("20s").apply().ok();
    failed.warns(&["deployment \"site\"", "/status is \"completed\""]);
    assert_eq!(ws.key("k").status(), "pending");
    site.state().fails = false;
    ws.apply().ok();
    assert_eq!(ws.key("k").status(), "ok");
    // The run is looked at before another one is asked for.
    assert_eq!(site.state().dispatched.len(), 2);
    ws.plan().ok().code(0);
}

/// Without a deployment: other resources of the configuration follow the key.
#[test]
fn other_resources_follow_a_promotion_and_nothing_else() {
    let beside = r#"
resource "terraform_data" "by_generation" {
  triggers_replace = apikey_managed.k.generation
}

resource "terraform_data" "by_key" {
  input = apikey_managed.k.primary.fingerprint
}

resource "terraform_data" "restarted" {
  lifecycle {
    replace_triggered_by = [apikey_managed.k.generation]
  }
}
"#;
    let ws = Config::new().beside(beside).created();
    let replaced = || {
        let state = ws.state();
        let of = |name: &str, field: &str| {
            let mut resources = state["resources"].as_array().unwrap().iter();
            let found = resources.find(|it| it["name"] == name).unwrap();
            found["instances"][0]["attributes"][field].to_string()
        };
        [
            of("by_generation", "id"),
            of("restarted", "id"),
            of("by_key", "output"),
        ]
    };
    let before = replaced();
    ws.advance("80s").apply().ok();
    assert_eq!(replaced(), before, "a staged key changes neither");
    ws.advance("20s").apply().ok();
    let promoted = replaced();
    for (new, old) in promoted.iter().zip(&before) {
        assert_ne!(new, old);
    }
    ws.advance("30s").apply().ok();
    assert_eq!(ws.key("k").phase(), "single");
    assert_eq!(replaced(), promoted, "a revocation changes neither");
}
