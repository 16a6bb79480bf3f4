//! What the workflows do on a clock that jumps, and what the linters of their vendors say.

use std::process::{Command, Output};

use super::github::GitHub;
use super::{EXAMPLES, example};
use crate::support::keys::Config;
use crate::support::programs;
use crate::support::workspace::Workspace;

/// One step of a workflow: what stands behind `run:` below its name.
fn step(workflow: &str, name: &str) -> String {
    let text = std::fs::read_to_string(example(workflow)).unwrap();
    let (_, rest) = text.split_once(&format!("- name: {name}\n")).unwrap();
    let (_, rest) = rest.split_once("run: ").unwrap();
    match rest.strip_prefix("|\n") {
        None => rest.lines().next().unwrap().to_owned(),
        Some(block) => block
            .lines()
            .take_while(|line| line.is_empty() || line.starts_with("          "))
            .map(|line| format!("{}\n", line.trim_start_matches("          ")))
            .collect(),
    }
}

/// The provider where `init` puts it, and a shell as GitHub starts it.
fn run(ws: &Workspace, script: &str) -> Output {
    let folder = ws.path(".terraform/providers/x");
    std::fs::create_dir_all(&folder).unwrap();
    let link = folder.join("terraform-provider-apikey_v0.1.0");
    if !link.exists() {
        // `find -type f` passes over links.
        std::fs::hard_link(env!("CARGO_BIN_EXE_terraform-provider-apikey"), &link)
            .or_else(|_| {
                std::fs::copy(env!("CARGO_BIN_EXE_terraform-provider-apikey"), &link).map(|_| ())
            })
            .unwrap();
    }
    let mut command = Command::new("bash");
    command
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
        .current_dir(ws.home())
        .env("TF_CLI_CONFIG_FILE", ws.path("cli.tfrc"))
        .env_remove("APIKEY_LEDGER_URL")
        .envs(ws.environment());
    command.output().unwrap()
}

#[track_caller]
pub fn told(output: &Output, code: i32) -> String {
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

fn keys() -> Config {
    Config::new()
        .and_policy(r#"alert_after = "200s""#)
        .with(r#"environment = "prod""#)
}

/// jq is not everywhere.
pub fn has_jq() -> bool {
    programs::find("jq").is_some() && programs::find("curl").is_some()
}

#[test]
fn an_overdue_key_has_one_issue_that_is_closed_when_it_was_rotated() {
    if !has_jq() {
        return;
    }
    let (ws, github) = (keys().created(), GitHub::start());
    ws.env("GITHUB_API_URL", &github.url())
        .env("GITHUB_REPOSITORY", "acme/keys")
        .env("GITHUB_TOKEN", "made-up-token");
    github.open("somebody's own, which was given the label");
    let script = example("github-actions/overdue-issues.sh");
    let tell = || run(&ws, script.to_str().unwrap());
    let mine = || github.issues().split_off(1);

    // Somebody's own issue is closed once: it is about no key.
    assert!(told(&tell(), 0).contains("closed: somebody's own"));
    assert_eq!(told(&tell(), 0), "");
    assert_eq!(mine(), []);

    ws.advance("301s");
    assert_eq!(
        told(&tell(), 0),
        "opened: API key payments is overdue in prod\n"
    );
    let title = "API key payments is overdue in prod".to_owned();
    assert_eq!(mine(), [(title.clone(), "open".into())]);
    assert!(
        github.body(2).contains("owner: nobody"),
        "{}",
        github.body(2)
    );
    assert_eq!(told(&tell(), 0), "", "nothing is said twice");

    ws.write(&keys().with(r#"owner = "alice""#).text());
    ws.run(&["apply", "-refresh-only", "-auto-approve"]).ok();
    ws.apply().ok();
    ws.advance("5s").apply().ok();
    assert!(told(&tell(), 0).contains("closed: API key payments"));
    assert_eq!(mine(), [(title, "closed".into())]);
}

#[test]
fn where_nobody_can_tell_no_issue_is_closed() {
    if !has_jq() {
        return;
    }
    let (ws, github) = (keys().created(), GitHub::start());
    ws.env("GITHUB_API_URL", &github.url())
        .env("GITHUB_REPOSITORY", "acme/keys")
        .env("GITHUB_TOKEN", "made-up-token");
    let script = example("github-actions/overdue-issues.sh");
    ws.advance("301s");
    told(&run(&ws, script.to_str().unwrap()), 0);
    std::fs::rename(ws.path(".terraform/apikey"), ws.path("aside")).unwrap();
    assert!(told(&run(&ws, script.to_str().unwrap()), 1).contains("There is no ledger"));
    std::fs::rename(ws.path("aside"), ws.path(".terraform/apikey")).unwrap();
    assert_eq!(github.issues()[0].1, "open");

    ws.env("GITHUB_TOKEN", "made-up-wrong-canary");
    let said = told(&run(&ws, script.to_str().unwrap()), 22);
    assert!(
        said.contains("Bad credentials") && !said.contains("canary"),
        "{said}"
    );
}

#[test]
fn what_is_due_is_rotated_by_the_step_of_the_workflow() {
    let ws = keys().created();
    let apply = step("github-actions/rotate.yaml", "Rotate what is due");
    assert!(apply.starts_with("terraform apply "), "{apply}");
    let terraform = crate::support::cli::path().display().to_string();
    let apply = apply.replacen("terraform", &terraform, 1);
    ws.advance("80s");
    told(&run(&ws, &apply), 0);
    assert_eq!(ws.key("k").phase(), "staged");
    ws.advance("20s");
    told(&run(&ws, &apply), 0);
    assert_eq!(ws.key("k").phase(), "retiring");
}

#[test]
fn a_pipeline_that_only_flags_warns_of_what_is_due_and_fails_on_what_is_overdue() {
    let ws = keys().created();
    let terraform = crate::support::cli::path().display().to_string();
    let plan = step("github-actions/flag.yaml", "Plan")
        .replace("terraform plan", &format!("{terraform} plan"));
    let fail = step("github-actions/flag.yaml", "Fail on what is overdue");
    assert!(told(&run(&ws, &plan), 0).contains("Nothing is due."));
    told(&run(&ws, &fail), 0);
    ws.advance("80s");
    assert!(told(&run(&ws, &plan), 0).contains("::warning::A step is due."));
    told(&run(&ws, &fail), 0);
    ws.advance("221s");
    assert!(told(&run(&ws, &fail), 3).contains("Found: overdue."));
    std::fs::write(ws.path("main.tf"), "nonsense").unwrap();
    told(&run(&ws, &plan), 1);
}

#[test]
fn the_linters_of_the_vendors_find_nothing() {
    let home = tempfile::tempdir().unwrap();
    let workflows = home.path().join(".github/workflows");
    std::fs::create_dir_all(&workflows).unwrap();
    let mut files = Vec::new();
    for name in ["rotate.yaml", "flag.yaml"] {
        let file = workflows.join(name);
        std::fs::copy(example("github-actions").join(name), &file).unwrap();
        files.push(file.display().to_string());
    }
    let gitlab = example("gitlab/.gitlab-ci.yml").display().to_string();
    let scripts = EXAMPLES.iter().filter(|name| name.ends_with(".sh"));
    let scripts: Vec<_> = scripts.map(|name| format!("examples/{name}")).collect();
    let schema = ["--builtin-schema", "vendor.github-workflows"];
    let gitlab_schema = [
        "--builtin-schema",
        "vendor.gitlab-ci",
        "--data-transform",
        "gitlab-ci",
    ];
    for (program, options, files) in [
        ("actionlint", &[][..], &files[..]),
        ("zizmor", &["--offline"], &files),
        ("check-jsonschema", &schema, &files),
        ("check-jsonschema", &gitlab_schema, &[gitlab]),
        ("shellcheck", &[], &scripts),
    ] {
        let Some(program) = programs::find(program) else {
            continue;
        };
        let mut command = Command::new(program);
        told(&command.args(options).args(files).output().unwrap(), 0);
    }
}
