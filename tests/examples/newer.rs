//! Examples for ephemeral values and moves are applied. Actions, queries and imports by identity need a CLI newer than
//! 1.11: of these the settings are read by the CLI, as a plain object, and given to the provider through the protocol; the
//! blocks around them (`action`, `list`, `import`) are not parsed by anybody here.

use serde_json::Value as Json;

use super::{AWS, Cloud, KEY_ID, text, workspace};
use crate::protocol::client::Plugin;
use crate::support::action;
use crate::support::core::{Core, value};
use crate::support::fake::{Fake, Reply};
use crate::support::foreign;
use crate::support::github::{self, Github};
use crate::support::workspace::Workspace;

const EPHEMERAL: &str = "ephemeral-resources/apikey_secret/ephemeral-resource.tf";
const WRITE_ONLY: &str = "ephemeral-resources/apikey_secret/ephemeral-resource_write_only.tf";
const EXISTING: &str = "resources/apikey_managed/resource_existing.tf";
const MOVE_PASSWORD: &str = "resources/apikey_managed/move_random_password.tf";
const MOVE_ACCESS_KEY: &str = "resources/apikey_managed/move_access_key.tf";
const KEY_BY_IDENTITY: &str = "resources/apikey_managed/import-by-identity.tf";
const POLICY_BY_ID: &str = "resources/apikey_rotation_policy/import-by-string-id.tf";
const POLICY_BY_IDENTITY: &str = "resources/apikey_rotation_policy/import-by-identity.tf";
const REVOKE: &str = "actions/apikey_revoke/action.tf";
const RESOLVE: &str = "actions/apikey_resolve_leak/action.tf";
const ROTATE: &str = "actions/apikey_rotate_now/action.tf";
const QUERY: &str = "list-resources/apikey_managed/list-resource.tfquery.hcl";
const QUERY_ONE: &str = "list-resources/apikey_managed/list-resource_one_user.tfquery.hcl";

pub const ALL: [&str; 13] = [
    EPHEMERAL,
    WRITE_ONLY,
    EXISTING,
    MOVE_PASSWORD,
    MOVE_ACCESS_KEY,
    KEY_BY_IDENTITY,
    POLICY_BY_ID,
    POLICY_BY_IDENTITY,
    REVOKE,
    RESOLVE,
    ROTATE,
    QUERY,
    QUERY_ONE,
];

#[test]
fn the_example_of_an_ephemeral_secret_is_applied_and_settles() {
    let cloud = Cloud::with_user("deployer");
    let ws = cloud.workspace(&text(EPHEMERAL));
    ws.run(&["fmt", "-check", "-diff", "example.tf"]).ok();
    ws.apply().ok();
    ws.plan().ok().code(0);
}

#[test]
fn the_example_that_hands_a_key_on_sends_it_and_settles() {
    let partner = Fake::start([Reply::of(200, "{}")]);
    let local = text(WRITE_ONLY).replace("https://partner.example.com", &partner.url());
    let ws = workspace(&local);
    ws.apply().ok();
    let secret = ws.secret("secrets/payments.json", "primary");
    assert!(!secret.is_empty());
    for request in partner.requests() {
        assert!(request.to_lowercase().contains("x-api-key"), "{request}");
        assert!(request.contains(&secret));
    }
    assert!(!ws.state().to_string().contains(&secret));
    ws.plan().ok().code(0);
}

#[test]
fn the_example_of_an_existing_key_takes_it_over() {
    let ws = workspace(&text(EXISTING));
    ws.env("TF_VAR_existing_key", "made-up-canary-in-use-today");
    ws.apply().ok();
    assert_eq!(
        ws.secret("secrets/legacy.json", "primary"),
        "made-up-canary-in-use-today"
    );
    ws.plan().ok().code(0);
}

#[test]
fn the_examples_of_moves_take_over_what_was_there() {
    let ws = workspace("");
    foreign::install(&ws);
    let before = "resource \"random_password\" \"payments\" {\n  result = \"made-up-canary\"\n}\n";
    std::fs::write(ws.path("example.tf"), before).unwrap();
    ws.apply().ok();
    std::fs::write(ws.path("example.tf"), text(MOVE_PASSWORD)).unwrap();
    ws.apply().ok();
    assert_eq!(
        ws.secret("secrets/payments.json", "primary"),
        "made-up-canary"
    );
    ws.plan().ok().code(0);

    let cloud = Cloud::with_user("ci");
    let id = cloud.create_key("ci");
    let ws = cloud.workspace("");
    foreign::install(&ws);
    let before = format!(
        "resource \"aws_iam_access_key\" \"ci\" {{\n  id = {id:?}\n  user = \"ci\"\n  secret = \"made-up-canary\"\n}}\n"
    );
    std::fs::write(ws.path("example.tf"), before).unwrap();
    ws.apply().ok();
    std::fs::write(ws.path("example.tf"), text(MOVE_ACCESS_KEY)).unwrap();
    ws.apply().ok();
    assert_eq!(ws.key("ci").text("primary.key_id"), id);
    ws.plan().ok().code(0);
}

#[test]
fn the_import_block_of_a_policy_imports_it() {
    let policy = "resource \"apikey_rotation_policy\" \"high\" {\n  name = \"high-privilege\"\n  tier = \"high_privilege\"\n}\n";
    let ws = workspace(&format!("{}\n{policy}", text(POLICY_BY_ID)));
    ws.apply().ok();
    ws.plan().ok().code(0);
}

/// The object that stands after `name` in an example, as the CLI reads it.
fn object(ws: &Workspace, example: &str, name: &str) -> Json {
    let (_, rest) = example.split_once(name).unwrap();
    let from = rest.find('{').unwrap();
    let mut depth = 0;
    let end = rest[from..].find(|c| {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        c == '}' && depth == 0
    });
    let body = &rest[from..=from + end.unwrap()];
    let output = format!("output \"it\" {{\n  sensitive = true\n  value = {body}\n}}\n");
    std::fs::write(ws.path("output.tf"), output).unwrap();
    ws.apply().ok();
    ws.state()["outputs"]["it"]["value"].clone()
}

async fn core(ws: &Workspace, aws: Option<&str>) -> Core {
    let now = ws.now().to_string();
    let mut environment = vec![("APIKEY_CLOCK", now.as_str())];
    environment.extend(aws.into_iter().flat_map(|url| {
        [
            ("AWS_ENDPOINT_URL", url),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
        ]
    }));
    let plugin = Plugin::real(&ws.path(""), &environment).await;
    let mut core = Core::new(plugin).await;
    core.configure(serde_json::json!({})).await.unwrap();
    core
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

#[test]
fn the_settings_of_the_action_that_revokes_revoke_a_key() {
    let cloud = Cloud::with_user("ci");
    let id = cloud.create_key("ci");
    let config = object(
        &workspace(""),
        &text(REVOKE).replace(KEY_ID, &id),
        "  config",
    );
    let ws = workspace("");
    let url = cloud.0.url();
    let said = run(async {
        let mut core = core(&ws, Some(&url)).await;
        core.action("apikey_revoke", config).await.unwrap()
    });
    assert!(said.join("\n").contains("is dead"), "{said:?}");
}

#[test]
fn the_settings_of_the_action_that_resolves_name_an_alert() {
    let github = Github::start();
    for number in 1..=7 {
        let secret = format!("made-up-canary-{number}");
        github.state().alerts.find("acme/payments", &secret);
    }
    let ws = workspace("");
    ws.env("GITHUB_BASE_URL", &github.url())
        .env("GITHUB_TOKEN", github::TOKEN);
    let config = object(&ws, &text(RESOLVE), "  config");
    let refused = action::invoke(&ws, "apikey_resolve_leak", config).unwrap_err();
    assert!(refused.contains("does not know the key"), "{refused}");
}

#[test]
fn the_settings_of_the_action_that_rotates_rotate_a_key() {
    let key = text(MOVE_PASSWORD);
    let (_, key) = key.split_once("\n}\n").unwrap();
    let ws = workspace(key);
    ws.apply().ok();
    let first = ws.secret("secrets/payments.json", "primary");
    let config = object(&ws, &text(ROTATE), "  config");
    let said = run(async {
        let mut core = core(&ws, None).await;
        core.action("apikey_rotate_now", config).await.unwrap()
    });
    assert!(said.join("\n").contains("is primary"), "{said:?}");
    assert_eq!(ws.secret("secrets/payments.json", "secondary"), first);
    ws.apply_with(&["-refresh-only"]).ok();
    assert_eq!(ws.key("payments").generation(), 2);
    ws.plan().ok().code(0);
}

#[test]
fn the_settings_of_the_queries_find_keys() {
    let cloud = Cloud::with_user("ci");
    let id = cloud.create_key("ci");
    let ws = workspace("");
    let configs = [QUERY, QUERY_ONE].map(|query| object(&workspace(""), &text(query), "  config"));
    let url = cloud.0.url();
    run(async {
        let mut core = core(&ws, Some(&url)).await;
        let [machines, one] = configs;
        let found = core.list("apikey_managed", machines, false, 0).await;
        // The only user is no machine.
        assert!(found.unwrap().is_empty());
        let found = core.list("apikey_managed", one, true, 10).await.unwrap();
        assert!(found[0].display_name.contains(&id), "{found:?}");
    });
}

#[test]
fn the_identities_of_the_import_blocks_import() {
    let cloud = Cloud::with_user("ci");
    let id = cloud.create_key("ci");
    let key = object(
        &workspace(""),
        &text(KEY_BY_IDENTITY).replace(KEY_ID, &id),
        "identity",
    );
    let policy = object(&workspace(""), &text(POLICY_BY_IDENTITY), "identity");
    assert!(text(AWS).contains("\"ci\""), "the example to import into");
    let ws = workspace("");
    let url = cloud.0.url();
    run(async {
        let mut core = core(&ws, Some(&url)).await;
        for (name, identity) in [("apikey_managed", key), ("apikey_rotation_policy", policy)] {
            let identity = value(identity);
            let imported = core.import(name, "", &identity).await.unwrap();
            assert_eq!(imported.identity, identity);
        }
    });
}
