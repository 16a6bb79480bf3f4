//! What the guide for AWS tells people to copy: policies and readers.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use apikey::secret::Secret;
use apikey::stores::document::Layout;
use apikey::stores::{Document, DocumentKey};
use serde_json::{Value, json};

use super::accounts;
use super::door::Door;
use super::world::{KEY, World};
use crate::aws::unique;
use crate::support::fake::{Fake, Reply};
use crate::support::programs;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/aws")
        .join(name)
}

fn json_of(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(example(name)).unwrap()).unwrap()
}

/// The actions of a policy. The engine of moto knows no resources but those of S3, so only these are tried.
fn actions(policy: &str) -> String {
    // AWS needs no permission for this one; moto does.
    let actions = of_policy(policy)
        .into_iter()
        .chain([json!("sts:GetCallerIdentity")]);
    let quoted: BTreeSet<String> = actions.map(|action| action.to_string()).collect();
    quoted.into_iter().collect::<Vec<_>>().join(",")
}

/// The operations that a policy allows, without their services.
fn named(policy: &str) -> Vec<String> {
    let names = of_policy(policy).into_iter();
    let names = names.filter_map(|action| Some(action.as_str()?.split_once(':')?.1.to_owned()));
    names.collect()
}

fn of_policy(policy: &str) -> Vec<Value> {
    let policy = json_of(policy);
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        action => vec![action.clone()],
    });
    actions.collect()
}

/// Runs a reader against the server; `None` if what runs it is not installed.
fn run(world: &World, program: &str, arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new(program);
    let key = &world.admin_key;
    command
        .args(arguments)
        .env("AWS_ENDPOINT_URL", world.cloud.url())
        .env("AWS_DEFAULT_REGION", "eu-central-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", &key.id)
        .env("AWS_SECRET_ACCESS_KEY", &key.secret)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            programs::skip(&format!("{program} cannot be run: {error}"));
            None
        }
    }
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_policies_are_enough_for_a_whole_life_and_that_of_the_plan_changes_nothing() {
    let world = World::new();
    let name = unique("/prod/payments");
    let place = format!(
        r#"{{ app = {}, ssm = {{ aws_ssm_parameter = {{ name = "{name}" }} }} }}"#,
        world.delivery()
    );
    world.write(&world.config().deliveries(&place));
    let may = |policy: &str| world.cloud.allow(&world.admin, &actions(policy));
    let door = Door::before(&world.cloud.url());
    world.ws.env("AWS_ENDPOINT_URL", &door.url());
    may("policy-apply.json");
    world.ws.apply().ok();
    let (ids, document) = (world.ids(), world.document());

    may("policy-plan.json");
    world.ws.plan().ok().code(0);
    world.ws.advance("80s").plan().ok().code(2);
    world.ws.apply_plan().failed();
    assert_eq!((world.ids(), world.document()), (ids, document));

    may("policy-apply.json");
    for (after, action) in [("0s", "stage"), ("20s", "promote"), ("30s", "revoke")] {
        world.ws.advance(after).apply().ok();
        assert_eq!(world.key().last_action(), action);
        world.in_order();
    }
    world.ws.destroy().ok();
    assert!(world.ids().is_empty() && world.cloud.parameter(&name).is_null());
    // The secret is in its recovery window, and is taken back from there.
    world.ws.apply().ok();
    world.alters();
    world.ws.apply().ok();
    world.in_order();
    world.ws.destroy().ok();

    let brought = world.cloud.create_key(&world.user);
    world
        .ws
        .import(KEY, &format!("aws_iam:{}", brought.id))
        .ok();
    world.ws.destroy().ok();
    assert!(world.ids().is_empty());

    // The first two AWS asks for within the creation. The third takes somebody else who writes at the same moment.
    let within = [
        "TagResource",
        "AddTagsToResource",
        "UpdateSecretVersionStage",
    ];
    let asked: BTreeSet<String> = door.take_operations().into_iter().collect();
    let idle = named("policy-apply.json").into_iter();
    let idle = idle.filter(|it| !asked.contains(it) && !within.contains(&it.as_str()));
    assert_eq!(idle.collect::<Vec<_>>(), [""; 0], "{asked:?}");
}

#[test]
fn copies_in_other_regions_need_what_the_guide_says_beside_the_policy() {
    let world = World::new();
    let id = &world.secret_id;
    let place = format!(
        r#"{{ app = {{ aws_secrets_manager = {{ secret_id = "{id}", replica = [{{ region = "eu-west-1" }}] }} }} }}"#
    );
    let copies = ["ReplicateSecretToRegions", "RemoveRegionsFromReplication"];
    let copies = copies
        .map(|it| format!("\"secretsmanager:{it}\""))
        .join(",");
    let apply = actions("policy-apply.json");
    let may = |actions: &str| world.cloud.allow(&world.admin, actions);
    may(&apply);
    world.ws.apply().ok();
    let with_a_copy = world.config().deliveries(&place);
    world.write(&with_a_copy);
    let told = ["secretsmanager:ReplicateSecretToRegions"];
    world.ws.apply().failed().complains(&told);
    // What was refused is not forgotten, although the document is what it should be.
    let planned = world.ws.plan().ok().code(2);
    planned.warns(&["its copy in eu-west-1 is missing"]);
    may(&format!("{apply},{copies}"));
    world.ws.apply_plan().ok();
    let copy = &world.cloud.describe(id)["ReplicationStatus"][0]["Region"];
    assert_eq!(copy, "eu-west-1");
    world.ws.plan().ok().code(0);
    may(&apply);
    // The key is gone, and nobody's any more; what is left is told of.
    let told = ["secretsmanager:RemoveRegionsFromReplication", "by hand"];
    world.ws.destroy().ok().warns(&told);
    assert!(world.ids().is_empty());
}

#[test]
fn the_policies_are_enough_for_a_document_in_another_account_and_each_of_both_is_needed() {
    let deliver = "arn:aws:iam::210987654321:role/deliver";
    let world = World::on(accounts::cloud());
    let place = format!(
        r#"{{ app = {{ aws_secrets_manager = {{ secret_id = "{}", assume_role = [{{ role_arn = "{deliver}" }}] }} }} }}"#,
        world.secret_id
    );
    world.write(&world.config().deliveries(&place));
    let may = |policies: &[&str]| {
        let actions: Vec<String> = policies.iter().map(|policy| actions(policy)).collect();
        world.cloud.allow(&world.admin, &actions.join(","));
    };
    may(&["policy-apply.json"]);
    world.ws.apply().failed().complains(&["sts:AssumeRole"]);
    assert!(world.ids().is_empty());
    may(&["policy-apply.json", "policy-assume.json"]);
    world.ws.apply().ok();

    may(&["policy-plan.json"]);
    world.ws.plan().ok().warns(&["sts:AssumeRole"]);
    may(&["policy-plan.json", "policy-assume.json"]);
    let quiet = world.ws.plan().ok().code(0).text();
    assert!(!quiet.contains("sts:AssumeRole"), "{quiet}");
    may(&["policy-apply.json", "policy-assume.json"]);
    for (after, action) in [("80s", "stage"), ("20s", "promote"), ("30s", "revoke")] {
        world.ws.advance(after).apply().ok();
        assert_eq!(world.key().last_action(), action);
    }
    world.ws.destroy().ok();
    assert!(world.ids().is_empty());
}

#[test]
fn the_readers_in_python_fall_back_to_the_secondary() {
    let Some(python) = programs::python_with("boto3") else {
        return;
    };
    let python = python.display().to_string();
    let world = World::new();
    let live = world.cloud.create_key(&world.user);
    let dead = json!({ "key_id": "AKIAIOSFODNN7EXAMPLE", "secret": "made-up" });
    let live_slot = json!({ "key_id": live.id, "secret": live.secret });
    world.cloud.create_secret(&world.secret_id, "{}");
    let reader = fs::read_to_string(example("consumer.py")).unwrap();
    let consumer = world.ws.path("consumer.py");
    fs::write(
        &consumer,
        reader.replace("prod/reports/aws", &world.secret_id),
    )
    .unwrap();
    let process = example("credential_process.py").display().to_string();
    for (primary, secondary) in [
        (&live_slot, &Value::Null),
        (&live_slot, &dead),
        (&dead, &live_slot),
    ] {
        let document = json!({ "primary": primary, "secondary": secondary, "generation": 1 });
        world
            .cloud
            .overwrite(&world.secret_id, &document.to_string());
        let consumer = consumer.display().to_string();
        let output = run(&world, &python, &[&consumer]).unwrap();
        let who = format!(":user/{}", world.user);
        assert!(printed(&output).trim().ends_with(&who), "{output:?}");

        let output = run(&world, &python, &[&process, &world.secret_id]).unwrap();
        let answer: Value = serde_json::from_str(&printed(&output)).unwrap();
        assert_eq!(answer["Version"], 1);
        assert_eq!(answer["AccessKeyId"], live.id.as_str());
        assert_eq!(answer["SecretAccessKey"], live.secret.as_str());
        assert!(answer["Expiration"].is_string());
    }
    let document = json!({ "primary": dead, "secondary": null, "generation": 1 });
    world
        .cloud
        .overwrite(&world.secret_id, &document.to_string());
    let refused = run(&world, &python, &[&process, &world.secret_id]).unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && refused.stdout.is_empty());
    assert!(told.contains("AWS accepts no key of"), "{told}");
}

#[test]
fn the_readers_in_javascript_and_go_fall_back_to_the_secondary() {
    let world = World::new();
    let file = world.ws.path("document.json").display().to_string();
    let document = json!({
        "primary": { "key_id": null, "secret": "made-up-first" },
        "secondary": { "key_id": null, "secret": "made-up-second" },
        "generation": 1,
    });
    fs::write(&file, document.to_string()).unwrap();
    let compiled = world.ws.path("consumer").display().to_string();
    let go = example("consumer.go").display().to_string();
    let javascript = example("consumer.mjs").display().to_string();
    let built = run(&world, "go", &["build", "-o", &compiled, &go]);
    let in_go = built.map(|built| {
        printed(&built);
        (compiled.as_str(), Vec::new())
    });
    let readers = [Some(("node", vec![javascript])), in_go];
    for (program, arguments) in readers.into_iter().flatten() {
        for (first, status, asked) in [
            (401, "204", 2),
            (403, "204", 2),
            (204, "204", 1),
            (500, "500", 1),
        ] {
            let fake = Fake::start([Reply::of(first, ""), Reply::of(204, "")]);
            let url = fake.url();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let all: Vec<&str> = arguments.into_iter().chain([url.as_str(), &file]).collect();
            let Some(output) = run(&world, program, &all) else {
                break;
            };
            assert_eq!(printed(&output).trim(), status, "{program}: {first}");
            let requests = fake.requests();
            assert_eq!(requests.len(), asked, "{program}: {first}");
            let last = requests.last().unwrap();
            let secret = if asked == 2 {
                "made-up-second"
            } else {
                "made-up-first"
            };
            assert!(
                last.contains(&format!("Bearer {secret}")),
                "{program}: {last}"
            );
        }
    }
}

#[test]
fn the_task_definition_asks_for_fields_that_every_flat_document_has() {
    let document = Document {
        primary: DocumentKey {
            key_id: None,
            secret: Secret::new("made-up".into()),
        },
        secondary: None,
        generation: Some(1),
        rotated_at: None,
    };
    let flat: Value = serde_json::from_str(&Layout::Flat.render(&document)).unwrap();
    let task = json_of("task-definition.json");
    let secrets = task["containerDefinitions"][0]["secrets"]
        .as_array()
        .unwrap();
    let mut fields = BTreeSet::new();
    for secret in secrets {
        let from: Vec<&str> = secret["valueFrom"].as_str().unwrap().split(':').collect();
        if from[2] == "secretsmanager" {
            assert_eq!((from.len(), &from[8..]), (10, &["", ""][..]), "{from:?}");
            assert!(flat[from[7]].is_string(), "{from:?}: {flat}");
            fields.insert(from[7]);
        }
    }
    let wanted = ["primary", "primary_key_id", "secondary", "secondary_key_id"];
    assert_eq!(fields, BTreeSet::from(wanted));
}
