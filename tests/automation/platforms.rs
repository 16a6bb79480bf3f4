//! Platforms that run Terraform themselves: the scripts that start them, and what can be read of their configuration here.

use std::process::{Command, Output};

use serde_json::{Value, json};

use super::example;
use super::workflows::{has_jq, told};
use crate::support::fake::{Fake, Reply};
use crate::support::keys::Config;
use crate::support::programs;
use crate::support::workspace::Workspace;

const TOKEN: &str = "made-up-canary-of-a-platform";

fn script(name: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new("bash");
    command.arg(example(name)).envs(variables.iter().copied());
    command.output().unwrap()
}

/// A run of HCP Terraform that goes through these states, looked at three times at most.
fn hcp(states: &[&str]) -> (Output, Vec<String>) {
    let run =
        |status: &str| json!({ "data": { "id": "run-7", "attributes": { "status": status } } });
    let states = states
        .iter()
        .map(|status| Reply::of(200, run(status).to_string()));
    let started = Reply::of(201, run("pending").to_string());
    let fake = Fake::start([started].into_iter().chain(states));
    let output = script(
        "hcp-terraform/rotate.sh",
        &[
            ("TFE_ADDRESS", &fake.url()),
            ("TFE_TOKEN", TOKEN),
            ("WORKSPACE_ID", "ws-1"),
            ("LOOKS", "3"),
            ("PAUSE", "0"),
        ],
    );
    (output, fake.requests())
}

#[test]
fn a_run_of_hcp_terraform_is_started_and_waited_for() {
    if !has_jq() {
        return;
    }
    let (output, requests) = hcp(&["planning", "applying", "applied"]);
    assert_eq!(told(&output, 0), "run-7: applied\n");
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /api/v2/runs "), "{head}");
    assert!(head.contains(&format!("Authorization: Bearer {TOKEN}")));
    let sent: Value = serde_json::from_str(body).unwrap();
    assert_eq!(sent["data"]["attributes"]["auto-apply"], true);
    assert_eq!(
        sent["data"]["relationships"]["workspace"]["data"]["id"],
        "ws-1"
    );
    assert!(requests[1].starts_with("GET /api/v2/runs/run-7 "));

    for (states, code) in [
        (&["planned_and_finished"][..], 0),
        (&["planning", "errored"], 1),
        (&["discarded"], 1),
        // Somebody has to decide, or does not come.
        (&["policy_override"], 3),
        (&["planned"], 3),
    ] {
        let said = told(&hcp(states).0, code);
        assert!(!said.contains(TOKEN), "{said}");
    }
}

fn atlantis(answers: &[(u16, Value)]) -> (Output, Vec<String>) {
    let answers = answers
        .iter()
        .map(|(status, body)| Reply::of(*status, body.to_string()));
    let fake = Fake::start(answers);
    let output = script(
        "atlantis/rotate.sh",
        &[
            ("ATLANTIS_URL", &fake.url()),
            ("ATLANTIS_TOKEN", TOKEN),
            ("REPOSITORY", "acme/keys"),
        ],
    );
    (output, fake.requests())
}

#[test]
fn atlantis_applies_only_what_it_could_plan() {
    if !has_jq() {
        return;
    }
    let project = |error: Value, failure: &str| json!({ "Error": error, "Failure": failure, "RepoRelDir": "." });
    let result = |projects: &[Value]| {
        (
            200,
            json!({ "Error": null, "Failure": "", "ProjectResults": projects }),
        )
    };
    let fine = result(&[project(Value::Null, "")]);
    let (output, requests) = atlantis(&[fine.clone(), fine.clone()]);
    told(&output, 0);
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /api/plan ") && head.contains(&format!("X-Atlantis-Token: {TOKEN}"))
    );
    let sent: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        sent,
        json!({ "Repository": "acme/keys", "Ref": "main", "Type": "Github", "Projects": ["apikeys"] })
    );
    assert!(requests[1].starts_with("POST /api/apply "));

    for fault in [
        // An error is an empty object there.
        result(&[project(Value::Null, ""), project(json!({}), "")]),
        result(&[project(Value::Null, "it is locked by a pull request")]),
        // No project of that name.
        result(&[]),
        (
            401,
            json!({ "error": "header X-Atlantis-Token did not match expected secret" }),
        ),
    ] {
        let (output, requests) = atlantis(std::slice::from_ref(&fault));
        let said = told(&output, 1);
        assert!(
            said.contains("The plan failed.") && !said.contains(TOKEN),
            "{said}"
        );
        assert_eq!(requests.len(), 1, "nothing was applied after {fault:?}");
        told(&atlantis(&[fine.clone(), fault]).0, 1);
    }
}

/// Their providers are not here, so this reads the language and no names.
#[test]
fn the_configurations_of_platforms_are_written_as_terraform_writes_them() {
    let folder = example("").display().to_string();
    Workspace::new()
        .run(&["fmt", "-check", "-diff", "-recursive", &folder])
        .ok();
}

#[test]
fn the_server_of_atlantis_knows_every_word_of_its_configuration() {
    let Some(program) = programs::find("check-jsonschema") else {
        return;
    };
    let schema = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/automation/atlantis.schema.json"
    );
    let mut command = Command::new(program);
    command
        .args(["--schemafile", schema])
        .arg(example("atlantis/repos.yaml"));
    told(&command.output().unwrap(), 0);
}

/// Such as one that a platform holds until a person confirms it.
#[test]
fn a_plan_that_waited_for_days_does_its_step_and_no_more() {
    let ws = Config::new().created();
    ws.advance("80s").plan().ok();
    ws.advance("10d");
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "staged", "a rotation is long due");
    ws.advance("5s").plan().ok();
    // A run that did not wait comes before it.
    ws.apply().ok();
    assert_eq!(ws.key("k").phase(), "retiring");
    ws.apply_plan().failed();
}
