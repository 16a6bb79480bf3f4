//! The same directories with hashicorp/aws and boto3: whoever asks the same hosts, signed by the same for the same region,
//! is in the same account.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use super::site::Site;
use super::table::{Case, cases, for_each};
use crate::support::{cli, programs};

const QUESTIONS: &str = r#"
data "aws_caller_identity" "me" {}
data "aws_iam_user" "nobody" { user_name = "nobody" }
data "aws_secretsmanager_secret" "payments" { name = "payments" }
"#;

const SCRIPT: &str = r#"
import boto3
for service, call, arguments in (
    ("sts", "get_caller_identity", {}),
    ("iam", "get_user", {"UserName": "nobody"}),
    ("secretsmanager", "describe_secret", {"SecretId": "payments"}),
):
    try:
        getattr(boto3.client(service), call)(**arguments)
    except Exception as problem:
        print(type(problem).__name__, problem)
"#;

#[test]
fn hashicorp_aws_asks_the_same_of_the_same() {
    let Some(plugin) = plugin() else {
        programs::skip("HASHICORP_AWS names no plugin of hashicorp/aws");
        return;
    };
    for_each(with("hashicorp"), |case| {
        let (_, block) = case
            .peers
            .iter()
            .find(|(peer, _)| peer == "hashicorp")
            .unwrap();
        let site = Site::new(case, "");
        let block = site.filled(block).replace(", ", "\n  ").replace(';', "\n");
        let configuration = format!("provider \"aws\" {{\n  {block}\n}}\n{QUESTIONS}");
        fs::write(site.ws.path("main.tf"), configuration).unwrap();
        let override_to = plugin.display();
        let settings = format!(
            "provider_installation {{\n  dev_overrides {{\n    \"hashicorp/aws\" = \"{override_to}\"\n  }}\n  direct {{}}\n}}\n"
        );
        fs::write(site.ws.path("cli.tfrc"), settings).unwrap();
        let said = site.ws.run(&["plan", "-json"]).to_string();
        same(case, &site, &said);
    });
}

#[test]
fn boto3_asks_the_same_of_the_same() {
    let Some(python) = programs::python_with("boto3") else {
        return;
    };
    let python = python.display();
    for_each(with("boto3"), |case| {
        let site = Site::new(case, "");
        let mut command = cli::script(
            site.ws.home(),
            &site.ws.path("cli.tfrc"),
            &format!("exec {python} -c \"$SCRIPT\""),
        );
        command.env("SCRIPT", SCRIPT).envs(site.ws.environment());
        // The one variable that it calls otherwise.
        for (name, value) in &case.variables {
            if name == "AWS_REGION" {
                command.env("AWS_DEFAULT_REGION", value);
            }
        }
        let finished = cli::run(command);
        same(
            case,
            &site,
            &format!("{}{}", finished.stdout, finished.stderr),
        );
    });
}

fn with(peer: &str) -> Vec<Case> {
    let cases = cases().into_iter();
    cases
        .filter(|case| case.peers.iter().any(|(name, _)| name == peer))
        .collect()
}

#[track_caller]
fn same(case: &Case, site: &Site, said: &str) {
    let theirs = site.recorder.take();
    let (ours, theirs) = (signed(&case.wire), signed(&theirs));
    assert!(
        ours == theirs,
        "ours\n  {ours:#?}\ntheirs\n  {theirs:#?}\n{said}"
    );
}

/// Hosts, and who signs for where; which of its calls each makes is its own affair. Where IAM has another endpoint, the
/// others sign for the region that is set, which IAM itself would refuse; we sign for that of the partition.
fn signed(lines: &[String]) -> BTreeSet<String> {
    let signed = lines.iter().filter(|line| !line.ends_with("unsigned"));
    signed
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let (signer, scope) = (words[words.len() - 2], words[words.len() - 1]);
            match words[0].contains(".invalid") && scope.ends_with("/iam") {
                true => format!("{} {signer} iam", words[0]),
                false => format!("{} {signer} {scope}", words[0]),
            }
        })
        .collect()
}

/// The directory of the plugin that scripts/lib.sh has found.
fn plugin() -> Option<PathBuf> {
    let plugin = env::var_os("HASHICORP_AWS").filter(|path| !path.is_empty())?;
    Path::new(&plugin).parent().map(Path::to_owned)
}
