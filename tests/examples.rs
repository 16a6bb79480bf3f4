//! Every file of `examples/` is applied with the real CLI: what people copy must work.

/// What only newer versions of the CLI know, or what takes more than one apply.
mod newer;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::fake::{Fake, Reply};
use crate::support::github::{self, Github};
use crate::support::google::{self, Google};
use crate::support::kubernetes::{self, Cluster};
use crate::support::moto::Moto;
use crate::support::openbao::{self, OpenBao};
use crate::support::postgres::{self, Postgres};
use crate::support::workspace::Workspace;
use crate::support::{cloudtrail, doppler, infisical, stripe, twilio};

const NEED_NOTHING: &[&str] = &[
    "data-sources/apikey_inventory/data-source.tf",
    "data-sources/apikey_inventory/data-source_check.tf",
    "data-sources/apikey_inventory/data-source_gate.tf",
    "data-sources/apikey_inventory/data-source_offboarding.tf",
    "functions/fingerprint/function.tf",
    "functions/next_rotation/function.tf",
    "functions/parse_duration/function.tf",
    "functions/scan_pattern/function.tf",
    "functions/verify_checksum/function.tf",
    "provider/provider.tf",
    "quickstart/main.tf",
    "scenarios/emergency/main.tf",
    "scenarios/environments/main.tf",
    "scenarios/offboarding/main.tf",
    "resources/apikey_managed/resource.tf",
    "resources/apikey_managed/resource_state.tf",
    "resources/apikey_managed/resource_trigger.tf",
    "resources/apikey_rotation_policy/resource.tf",
];
const VERIFICATION: &str = "resources/apikey_managed/resource_verification.tf";
const MANUAL: &str = "resources/apikey_managed/resource_manual.tf";
const AWS: &str = "resources/apikey_managed/resource_aws.tf";
const AWS_PARAMETER: &str = "resources/apikey_managed/resource_aws_parameter.tf";
const AWS_CROSS_ACCOUNT: &str = "aws/cross_account.tf";
const DOPPLER: &str = "resources/apikey_managed/resource_doppler.tf";
const INFISICAL: &str = "resources/apikey_managed/resource_infisical.tf";
const STRIPE: &str = "resources/apikey_managed/resource_stripe.tf";
const TWILIO: &str = "resources/apikey_managed/resource_twilio.tf";
const GITHUB: &str = "resources/apikey_managed/resource_github.tf";
const KUBERNETES: &str = "resources/apikey_managed/resource_kubernetes.tf";
const VAULT: &str = "resources/apikey_managed/resource_vault.tf";
const VAULT_TOKEN: &str = "resources/apikey_managed/resource_vault_token.tf";
/// Enforced by a server in the tests of `vault`.
const VAULT_POLICIES: [&str; 3] = [
    "vault/policy-approle.hcl",
    "vault/policy-kv.hcl",
    "vault/policy-token.hcl",
];
/// Who may read the keys of prod: in the tests of `vault`, and as Terraform of another provider.
const ACCESS: [&str; 3] = ["github.tf", "no-prod.hcl", "read-prod.hcl"];
const GOOGLE: &str = "resources/apikey_managed/resource_google.tf";
const GOOGLE_API_KEY: &str = "resources/apikey_managed/resource_google_api_key.tf";
const NOTIFICATIONS: &str = "scenarios/notifications/main.tf";
const LEDGER: &str = "provider/provider_ledger.tf";
const PIPELINE: &str = "data-sources/apikey_inventory/data-source_ci.sh";
const INCIDENT: &str = "data-sources/apikey_incident/data-source.tf";
const KEY_USAGE: &str = "data-sources/apikey_key_usage/data-source.tf";
const LEAKS: &str = "data-sources/apikey_leaks/data-source.tf";
const IMPORT_BLOCK: &str = "resources/apikey_managed/import-by-string-id.tf";
const IMPORT_COMMAND: &str = "resources/apikey_managed/import.sh";

/// The id in the examples of an import; no account has it.
const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn text(example: &str) -> String {
    fs::read_to_string(examples().join(example)).unwrap()
}

/// A workspace with this example, and with the source of the provider where the example leaves it out.
fn workspace(example: &str) -> Workspace {
    let ws = Workspace::new();
    if !example.contains("required_providers") {
        ws.write("");
    }
    fs::write(ws.path("example.tf"), example).unwrap();
    ws
}

fn applies_and_settles(ws: &Workspace) {
    ws.run(&["fmt", "-check", "-diff", "example.tf"]).ok();
    ws.apply().ok();
    ws.plan().ok().code(0);
    ws.destroy().ok();
}

#[test]
fn no_example_is_forgotten_here() {
    let mut known: BTreeSet<PathBuf> = NEED_NOTHING.iter().map(PathBuf::from).collect();
    known.extend(
        [
            VERIFICATION,
            MANUAL,
            AWS,
            AWS_PARAMETER,
            AWS_CROSS_ACCOUNT,
            DOPPLER,
            INFISICAL,
            STRIPE,
            TWILIO,
            GITHUB,
            KUBERNETES,
            VAULT,
            VAULT_TOKEN,
            GOOGLE,
            GOOGLE_API_KEY,
            LEDGER,
            NOTIFICATIONS,
            PIPELINE,
            INCIDENT,
            KEY_USAGE,
            LEAKS,
            IMPORT_BLOCK,
            IMPORT_COMMAND,
        ]
        .map(PathBuf::from),
    );
    let presets = crate::declared::presets::PRESETS.iter();
    known.extend(presets.map(|(name, _)| PathBuf::from(format!("issuers/http/{name}.tf"))));
    known.extend(VAULT_POLICIES.iter().map(PathBuf::from));
    let access = ACCESS.iter();
    known.extend(access.map(|name| PathBuf::from("scenarios/environments/access").join(name)));
    known.extend(newer::ALL.iter().map(PathBuf::from));
    // In the tests of `github`.
    known.insert("scanning/github.sh".into());
    known.extend(crate::automation::EXAMPLES.iter().map(PathBuf::from));
    known.extend(
        crate::monitoring::installed::EXAMPLES
            .iter()
            .map(PathBuf::from),
    );

    let mut found = BTreeSet::new();
    let mut folders = vec![examples()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("tf" | "sh" | "hcl") => {
                    found.insert(path.strip_prefix(examples()).unwrap().to_owned());
                }
                _ if path.is_dir() && !path.ends_with(".terraform") => folders.push(path),
                _ => {}
            }
        }
    }
    assert_eq!(found, known);
}

#[test]
fn an_example_that_needs_no_server_is_applied_and_settles() {
    for example in NEED_NOTHING {
        applies_and_settles(&workspace(&text(example)));
    }
}

/// What the guide tells to type at two in the morning.
#[test]
fn the_scenario_of_an_emergency_replaces_the_key_once_for_each_incident() {
    let ws = workspace(&text("scenarios/emergency/main.tf"));
    let file = || fs::read_to_string(ws.path("secrets/payments.env")).unwrap();
    let holds = |secret: &str| file().contains(secret);
    let played = |incident: &str, order: &str| {
        ws.env("TF_VAR_incident", incident)
            .env("TF_VAR_order", order);
        let warned = format!("EMERGENCY {incident}");
        ws.plan().ok().code(2).warns(&[&warned]);
        ws.apply_plan().ok();
        primary(&file())
    };
    ws.apply().ok();
    let first = primary(&file());
    let second = played("INC-42", "replace_first");
    assert!(first != second && !holds(&first));
    ws.plan().ok().code(0);
    let third = played("INC-43", "revoke_first");
    assert!(second != third && !holds(&second));
    ws.destroy().ok();
}

#[test]
fn the_scenario_of_a_colleague_who_leaves_rotates_the_keys_of_nobody_else() {
    let ws = workspace(&text("scenarios/offboarding/main.tf"));
    let file = |name: &str| fs::read_to_string(ws.path(&format!("secrets/{name}.env"))).unwrap();
    let keys = || ["payments", "mail"].map(|name| primary(&file(name)));
    ws.apply().ok();
    let [payments, mail] = keys();
    ws.env("TF_VAR_offboarded_owners", r#"["bob"]"#);
    let planned = ws.plan().ok().code(2);
    planned
        .warns(&["payments", "\"bob\" is offboarded"])
        .does_not_warn("mail");
    for wait in ["0s", "3s", "4s"] {
        ws.advance(wait).apply().ok();
    }
    assert_ne!(keys()[0], payments);
    assert_eq!(keys()[1], mail);
    assert!(!file("payments").contains(&payments), "it is revoked");
    ws.env("TF_VAR_owners", r#"{"payments":"ann","mail":"ann"}"#);
    ws.apply().ok();
    ws.plan().ok().code(0).does_not_warn("offboarded");
    ws.destroy().ok();
}

#[test]
fn the_scenario_of_environments_promotes_one_after_the_other() {
    let ws = workspace(&text("scenarios/environments/main.tf"));
    ws.apply().ok();
    let order = ["dev", "staging", "prod"];
    let promoted = || {
        let generation = |name: &&str| {
            let state = ws.state();
            let resources = state["resources"].as_array().unwrap();
            let keys = resources.iter().find(|it| it["type"] == "apikey_managed");
            let mut keys = keys.unwrap()["instances"].as_array().unwrap().iter();
            let key = keys.find(|it| it["index_key"] == **name).unwrap();
            key["attributes"]["generation"].as_u64().unwrap()
        };
        order.iter().filter(|name| generation(name) > 1).count()
    };
    // Staged; due, and a soak for each that waits for another.
    let mut seen = Vec::new();
    for wait in ["11s", "9s", "5s", "5s"] {
        ws.advance(wait).apply().ok();
        seen.push(promoted());
    }
    assert_eq!(seen, [0, 1, 2, 3]);
    ws.destroy().ok();
}

/// Of a file of variables.
fn primary(file: &str) -> String {
    let mut lines = file.lines();
    let found = lines.find_map(|line| line.strip_prefix("API_KEY_PRIMARY="));
    found.unwrap().trim_matches('"').to_owned()
}

/// Nothing listens at the address of the example, so a server of the test stands in for it.
#[test]
fn the_example_of_a_verification_asks_the_service_before_it_settles() {
    let gateway = Fake::start([Reply::of(200, "{}")]);
    let example = text(VERIFICATION);
    let local = example.replace("https://gateway.example.com", &gateway.url());
    assert_ne!(local, example);

    let ws = workspace(&local);
    ws.apply().ok();
    ws.plan().ok().code(0);
    let secret = ws.delivered("secrets/gateway.json")["primary"]
        .as_str()
        .unwrap()
        .to_owned();
    let requests = gateway.requests();
    assert!(requests.len() >= 3, "{requests:?}");
    for request in requests {
        assert!(request.contains(&format!("Bearer {secret}")));
    }
    ws.destroy().ok();
}

#[test]
fn the_example_of_a_key_that_a_person_brings_asks_whoever_accepts_it() {
    let vendor = Fake::start([Reply::of(200, "{}")]);
    let example = text(MANUAL);
    let local = example.replace("https://api.stripe.com", &vendor.url());
    assert_ne!(local, example);
    let ws = workspace(&local);
    ws.env("TF_VAR_payments_key", "made-up-vendor-key");
    applies_and_settles(&ws);
    assert!(!vendor.requests().is_empty());
}

#[test]
fn the_example_of_a_ledger_for_a_team_is_applied_and_settles() {
    let server = Postgres::shared();
    let example = text(LEDGER);
    let address = format!("localhost:{}", server.port());
    let local = example.replace("db.example.com", &address).replace(
        "verify-full",
        &format!("verify-full&sslrootcert={}", server.authority()),
    );
    assert!(
        local.contains(&address) && local.contains("sslrootcert"),
        "{local}"
    );
    let ws = workspace(&local);
    ws.env("TF_VAR_ledger_password", postgres::PASSWORD);
    applies_and_settles(&ws);
}

/// Nobody hears of a key that is created or destroyed there, so nobody is called.
#[test]
fn the_example_of_notifications_is_applied_and_settles() {
    let ws = workspace(&text(NOTIFICATIONS));
    ws.env("TF_VAR_slack_url", "https://localhost:1/made-up")
        .env("TF_VAR_routing_key", "made-up");
    let signing_secret = format!("whsec_{}", "A".repeat(44));
    let partners = json!({ "url": "https://localhost:1/", "signing_secret": signing_secret });
    ws.env("TF_VAR_partners", &partners.to_string());
    applies_and_settles(&ws);
}

#[test]
fn the_pipeline_of_the_example_applies_what_is_due_and_is_quiet_afterwards() {
    let ws = workspace(&text("resources/apikey_managed/resource.tf"));
    // As a step of GitHub Actions does.
    let run = || ws.shell(&format!("set -e\n{}", text(PIPELINE)));
    run().ok().says("Apply complete");
    assert!(!ws.path("keys.tfplan").exists());
    run().ok().says("There is nothing to apply.");
}

#[test]
fn the_examples_for_aws_are_applied_and_settle() {
    let trail = cloudtrail::start();
    // It tells of the key of the first.
    let usage = format!("{}\n{}", text(AWS), text(KEY_USAGE));
    for (example, user) in [
        (usage, "ci"),
        (text(AWS_PARAMETER), "reports"),
        (text(AWS_CROSS_ACCOUNT), "reports"),
    ] {
        let cloud = Cloud::with_user(user);
        let ws = cloud.workspace(&example);
        ws.env("AWS_ENDPOINT_URL_CLOUDTRAIL", &trail.url());
        applies_and_settles(&ws);
    }
}

#[test]
fn the_example_for_twilio_is_applied_and_settles() {
    let site = twilio::start();
    let ws = workspace(&text(TWILIO));
    let endpoint = format!("{:?}", site.url());
    fs::write(
        ws.path("provider.tf"),
        format!("provider \"apikey\" {{\n  twilio = {{ endpoint = {endpoint} }}\n}}\n"),
    )
    .unwrap();
    ws.env("TWILIO_ACCOUNT_SID", &twilio::account())
        .env("TWILIO_AUTH_TOKEN", twilio::TOKEN);
    applies_and_settles(&ws);
}

#[test]
fn the_example_for_stripe_is_applied_and_settles() {
    let site = stripe::start();
    let ws = workspace(&text(STRIPE));
    let endpoint = format!("{:?}", site.url());
    fs::write(
        ws.path("provider.tf"),
        format!("provider \"apikey\" {{\n  stripe = {{ endpoint = {endpoint} }}\n}}\n"),
    )
    .unwrap();
    ws.env("STRIPE_API_KEY", stripe::TEST);
    applies_and_settles(&ws);
}

#[test]
fn the_examples_for_doppler_and_infisical_are_applied_and_settle() {
    let site = doppler::start();
    let ws = workspace(&text(DOPPLER));
    ws.env("DOPPLER_API_HOST", &site.url())
        .env("DOPPLER_TOKEN", doppler::TOKEN);
    applies_and_settles(&ws);

    let site = infisical::start();
    let ws = workspace(&text(INFISICAL));
    ws.env("INFISICAL_HOST", &site.url())
        .env("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", infisical::CLIENT_ID)
        .env(
            "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET",
            infisical::CLIENT_SECRET,
        );
    applies_and_settles(&ws);
}

#[test]
fn the_examples_for_github_are_applied_and_settle() {
    let github = Github::start();
    for example in [GITHUB, LEAKS] {
        let ws = workspace(&text(example));
        ws.env("GITHUB_BASE_URL", &github.url());
        ws.env("GITHUB_TOKEN", github::TOKEN);
        applies_and_settles(&ws);
    }
    assert!(github.values("repos/acme/payments/actions").is_empty());
}

#[test]
fn the_example_for_kubernetes_is_applied_and_settles() {
    let cluster = Cluster::fake();
    cluster.create_namespace("payments");
    let ws = workspace(&text(KUBERNETES));
    for (name, value) in cluster.environment(kubernetes::ADMIN) {
        ws.env(name, &value);
    }
    applies_and_settles(&ws);
    assert!(cluster.secret("payments", "api-key").is_null());
}

#[test]
fn the_examples_for_google_are_applied_and_settle() {
    let google = Google::start();
    for example in [GOOGLE, GOOGLE_API_KEY] {
        let ws = workspace(&text(example));
        ws.env("GOOGLE_CREDENTIALS", &google.credentials())
            .env("GOOGLE_PROJECT", google::PROJECT);
        for (name, url) in google.endpoints() {
            ws.env(&format!("GOOGLE_{}", name.to_uppercase()), &url);
        }
        applies_and_settles(&ws);
    }
}

#[test]
fn the_examples_for_vault_are_applied_and_settle() {
    let bao = OpenBao::start();
    bao.role("payments", json!({ "secret_id_ttl": "200d" }));
    let longer = json!({ "max_lease_ttl": "60d" });
    bao.admin("POST", "sys/auth/token/tune", longer);
    let role = json!({ "allowed_policies": "default", "orphan": true });
    bao.admin("POST", "auth/token/roles/backup", role);
    for example in [VAULT, VAULT_TOKEN] {
        let example = text(example).replace("https://vault.example.com:8200", &bao.url());
        let ws = workspace(&example);
        ws.env("VAULT_ADDR", &bao.url())
            .env("VAULT_TOKEN", openbao::ROOT);
        applies_and_settles(&ws);
    }
}

#[test]
fn the_import_block_of_the_example_imports_a_key() {
    let cloud = Cloud::with_user("ci");
    let id = cloud.create_key("ci");
    let example = format!("{}\n{}", text(AWS), text(IMPORT_BLOCK));
    let ws = cloud.workspace(&example.replace(KEY_ID, &id));
    ws.plan().ok().code(2);
    let imported = &ws.change("apikey_managed.ci").0["change"]["importing"]["id"];
    assert_eq!(imported, &format!("aws_iam:{id}"));
}

#[test]
fn the_import_command_of_the_example_imports_a_key() {
    let cloud = Cloud::with_user("ci");
    let id = cloud.create_key("ci");
    let ws = cloud.workspace(&text(AWS));
    let script = text(IMPORT_COMMAND).replace(KEY_ID, &id);
    let command = script.lines().find(|line| !line.starts_with('#')).unwrap();
    let words: Vec<&str> = command.split_whitespace().skip(2).collect();
    ws.import(words[0], words[1]).ok();
    assert_eq!(ws.key("ci").text("primary.key_id"), id);
}

/// A cloud of its own for each test: the examples all use the same names.
struct Cloud(Moto);

impl Cloud {
    fn with_user(user: &str) -> Self {
        let cloud = Self(Moto::start());
        cloud.iam(&format!("Action=CreateUser&UserName={user}"));
        cloud
    }

    /// A workspace whose provider finds this cloud where Amazon's own tools would.
    fn workspace(&self, example: &str) -> Workspace {
        let ws = workspace(example);
        ws.env("AWS_ENDPOINT_URL", &self.0.url())
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "example");
        ws
    }

    /// The id of a key that somebody created by hand.
    fn create_key(&self, user: &str) -> String {
        let answer = self.iam(&format!("Action=CreateAccessKey&UserName={user}"));
        let (_, rest) = answer.split_once("<AccessKeyId>").unwrap();
        rest.split('<').next().unwrap().to_owned()
    }

    /// Calls IAM without a signature, which this server does not ask for.
    fn iam(&self, query: &str) -> String {
        let host = self.0.url().replace("http://", "");
        let body = format!("{query}&Version=2010-05-08");
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, \
             SignedHeaders=host, Signature=x\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(&host).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }
}

#[test]
fn an_emergency_that_was_handled_is_read_as_the_example_reads_it() {
    let key = r#"
resource "apikey_rotation_policy" "p" {
  name              = "fast"
  rotation_interval = "90d"
}

resource "apikey_managed" "payments" {
  name       = "payments"
  policy     = apikey_rotation_policy.p
  issuer     = { generated = { prefix = "acme" } }
  deliveries = { app = { file = { path = "k.json" } } }
  emergency  = { id = "INC-42", reason = "a laptop was stolen" }
}"#;
    let before = key.replace("INC-42", "INC-0");
    let ws = workspace("");
    ws.write(&before).apply().ok();
    ws.write(key).apply().ok();
    fs::write(ws.path("example.tf"), text(INCIDENT)).unwrap();
    applies_and_settles(&ws);
}
