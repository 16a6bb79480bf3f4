//! What the workflows do on a clock that jumps, and what the linters of their vendors say.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::github::GitHub;
use super::{EXAMPLES, example};
use crate::monitoring::exporters::read_by;
use crate::support::fake::{Fake, Reply};
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

    // Somebody's own issue is about no key, so nothing makes it settled.
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
    assert_eq!(told(&tell(), 0), format!("brought up to date: {title}\n"));
    assert!(
        github.body(2).contains("owner: alice"),
        "{}",
        github.body(2)
    );
    assert_eq!(mine(), [(title.clone(), "open".into())]);
    ws.advance("5s").apply().ok();
    assert!(told(&tell(), 0).contains("closed: API key payments"));
    assert_eq!(mine(), [(title, "closed".into())]);
    assert_eq!(github.issues()[0].1, "open");
}

/// A hundred copies of an issue about one key, so that the others are on the second page; and a pull request.
#[test]
fn every_page_of_issues_is_read_and_only_one_about_a_key_that_is_fine_is_closed() {
    if !has_jq() {
        return;
    }
    let (ws, github) = (Workspace::new(), GitHub::start());
    let key = |number: u8, name: &str, status: &str, leaks: &[&str]| {
        json!({
            "resource_id": format!("key_{number}"), "name": name, "status": status, "leaks": leaks,
            "last_rotated_at": "2026-01-01T00:00:00Z", "rotation_due_at": "2026-02-01T00:00:00Z",
        })
    };
    let keys = json!([
        key(1, "payments", "overdue", &[]),
        key(2, "mail", "ok", &[]),
        key(3, "maps", "ok", &["https://example.com/alert"]),
        key(4, "search", "compromised", &["https://example.com/alert"]),
    ]);
    let tells = |orphans: u8| {
        let status = json!({ "keys": keys, "leaks_of_orphans": orphans }).to_string();
        std::fs::write(ws.path("status.json"), status).unwrap();
    };
    tells(0);
    // The resource of key_5 was destroyed, that of key_6 has left a key behind.
    let inventory = json!([
        { "resource_id": "key_1", "status": "live" },
        { "resource_id": "key_2", "status": "live" },
        { "resource_id": "key_3", "status": "live" },
        { "resource_id": "key_4", "status": "live" },
        { "resource_id": "key_5", "status": "revoked" },
        { "resource_id": "key_6", "status": "revoked" },
        { "resource_id": "key_6", "status": "orphaned" },
    ]);
    std::fs::write(ws.path("inventory.json"), inventory.to_string()).unwrap();
    std::fs::write(ws.path("apikey"), "#!/bin/sh\ncat \"$1.json\"\n").unwrap();
    ws.shell("chmod +x apikey").ok();
    ws.env("APIKEY", "./apikey")
        .env("GITHUB_API_URL", &github.url())
        .env("GITHUB_REPOSITORY", "acme/keys")
        .env("GITHUB_TOKEN", "made-up-token");
    let left: Vec<usize> = ["key_6", "key_of_another_ledger"]
        .map(|key| github.open_about("left", Some(&format!("<!-- apikey {key} -->"))))
        .into_iter()
        .chain([
            github.open_about("about no key", None),
            github.open_pull_request("a pull request"),
        ])
        .collect();
    github.open_about("destroyed", Some("<!-- apikey key_5 -->"));
    github.open_about("fine", Some("<!-- apikey key_2 -->"));
    for copy in 1..=100 {
        github.open_about(&format!("copy {copy}"), Some("<!-- apikey key_1 -->"));
    }
    let tell = || {
        run(
            &ws,
            example("github-actions/overdue-issues.sh")
                .to_str()
                .unwrap(),
        )
    };
    assert_eq!(
        told(&tell(), 0),
        "brought up to date: API key payments is overdue\n\
         opened: API key maps has leaked and works\n\
         opened: API key search is compromised\n\
         closed: fine\nclosed: destroyed\n"
    );
    for number in left {
        assert_eq!(github.issues()[number - 1].1, "open", "issue {number}");
    }
    assert_eq!(told(&tell(), 0), "");
    tells(1);
    assert!(told(&tell(), 3).contains("that no resource holds has leaked"));

    let told = github.told();
    let many = told.as_array().unwrap().len();
    if let Some(read) = read_by(
        ISSUES,
        "githubkit_schemas.v2022_11_28.models",
        &told.to_string(),
    ) {
        assert_eq!(read, format!("{many} issues\n"));
    }
}

/// GitHub's own schema, as models that refuse what lacks a property or has another type.
const ISSUES: &str = "
import sys
from githubkit_schemas.v2022_11_28.models import Issue
from pydantic import TypeAdapter
issues = TypeAdapter(list[Issue]).validate_json(sys.stdin.read(), strict=True)
print(len(issues), 'issues')
";

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

    let gateway = Fake::start([Reply::of(200, "")]);
    let group = format!("{}/metrics/job/apikey", gateway.url());
    ws.env("PUSHGATEWAY_URL", &group);
    let report = step("github-actions/rotate.yaml", "Report the metrics");
    told(&run(&ws, &report), 0);
    pushed(&gateway);
}

/// The metrics, in place of those of the last run.
#[track_caller]
fn pushed(gateway: &Fake) {
    let requests = gateway.requests();
    let [request] = &requests[..] else {
        panic!("{requests:?}");
    };
    assert!(request.starts_with("PUT /metrics/job/apikey "), "{request}");
    assert!(request.contains(r#",name="payments","#), "{request}");
}

/// A command line that is called as the files call it. There is nothing to initialise: the provider is the one under test.
fn terraform_on_the_path(ws: &Workspace) -> String {
    let bin = ws.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let real = crate::support::cli::path().display();
    let script = format!("#!/bin/sh\n[ \"$1\" = init ] || exec {real} \"$@\"\n");
    std::fs::write(bin.join("terraform"), script).unwrap();
    ws.shell("chmod +x bin/terraform").ok();
    format!("export PATH={}:$PATH\n", bin.display())
}

/// The commands below some names of a file of YAML, as the runners of both take them: one after another, in one shell.
fn commands(file: &str, names: &[&str]) -> String {
    let text = std::fs::read_to_string(example(file)).unwrap();
    let all: Value = serde_saphyr::from_str(&text).unwrap();
    let commands = names.iter().fold(&all, |below, name| &below[name]);
    let commands = commands.as_array().unwrap().iter();
    let lines: Vec<_> = commands.map(|line| line.as_str().unwrap()).collect();
    assert!(!lines.is_empty(), "{file} {names:?}");
    lines.join("\n")
}

/// The hook of a platform that looks for what is overdue.
fn hook(file: &str) -> String {
    let text = std::fs::read_to_string(example(file)).unwrap();
    let (before, behind) = text.split_once("$(find -L .terraform/providers").unwrap();
    let ends = if before.ends_with('"') { '"' } else { '\n' };
    let (rest, _) = behind.split_once(ends).unwrap();
    format!("$(find -L .terraform/providers{rest}")
}

#[test]
fn the_commands_of_the_other_platforms_rotate_tell_and_flag() {
    let (ws, gateway) = (keys().created(), Fake::start([Reply::of(200, "")]));
    let terraform = terraform_on_the_path(&ws);
    let run = |script: &str| run(&ws, &format!("{terraform}{script}"));
    let gitlab = |name: &str, of: &str| commands("gitlab/.gitlab-ci.yml", &[name, of]);
    let build = |phase: &str| {
        commands(
            "aws-codebuild/buildspec.yml",
            &["phases", phase, "commands"],
        )
    };
    ws.env("AWS_ID_TOKEN", "made-up-canary")
        .env("CI_BUILDS_DIR", ws.home().to_str().unwrap());

    ws.advance("80s");
    told(&run(&gitlab("rotate", "script")), 0);
    assert_eq!(ws.key("k").phase(), "staged");
    let token = ws.path("aws-token");
    assert_eq!(std::fs::read_to_string(&token).unwrap(), "made-up-canary");
    let mode = std::fs::metadata(&token).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    ws.advance("20s");
    told(&run(&build("build")), 0);
    assert_eq!(ws.key("k").phase(), "retiring");

    // Nobody has to have a gateway.
    let metrics = gitlab("rotate", "after_script");
    told(&run(&metrics), 0);
    assert_eq!(gateway.requests().len(), 0);
    let group = format!("{}/metrics/job/apikey", gateway.url());
    ws.env("PUSHGATEWAY_URL", &group);
    told(&run(&metrics), 0);
    pushed(&gateway);

    let flags = [
        gitlab("overdue", "script"),
        build("post_build"),
        hook("spacelift/main.tf"),
        hook("scalr/main.tf"),
        hook("atlantis/repos.yaml"),
    ];
    for flag in &flags {
        told(&run(flag), 0);
    }
    ws.advance("301s");
    let mark = ws.key("k").primary();
    let leak = format!(r#"leaks_wo = {{ "ticket-42" = "{mark}" }}"#);
    ws.write(&keys().with(&leak).text()).plan().ok();
    for flag in &flags {
        let said = told(&run(flag), 3);
        assert!(said.contains("Found: leaked, overdue."), "{flag}: {said}");
        assert!(flag.contains("compromised,leaked"), "{flag}");
    }
}

#[test]
fn a_pipeline_that_only_flags_warns_of_what_is_due_and_fails_on_what_is_overdue() {
    let ws = keys().created();
    let terraform = crate::support::cli::path().display().to_string();
    let plan = step("github-actions/flag.yaml", "Plan")
        .replace("terraform plan", &format!("{terraform} plan"));
    let fail = step(
        "github-actions/flag.yaml",
        "Fail on what is overdue or in the wrong hands",
    );
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
