//! The inventory and the ledger as a person meets them: through the real command line.

use std::fs;

use apikey::ledger::{Inventory, Slot};
use serde_json::Value;

use super::samples::{self, holding, key};
use crate::support::postgres::{self, Postgres};
use crate::support::workspace::Workspace;
use crate::support::zip;

const LEASE: std::time::Duration = std::time::Duration::from_secs(60);

const KEYS: &str = r#"
resource "apikey_managed" "k" {
  for_each   = { payments = "alice", billing = null }
  name       = each.key
  owner      = each.value
  policy     = { name = "standard", tier = "standard" }
  issuer     = { generated = { prefix = "acme" } }
  deliveries = { app = { file = { path = "${each.key}.json" } } }
}
"#;

const QUESTIONS: &str = r#"
data "apikey_inventory" "all" {
  sort_by    = "name"
  depends_on = [apikey_managed.k]
}

data "apikey_inventory" "hers" {
  owner      = "alice"
  depends_on = [apikey_managed.k]
}

output "all" {
  value = { total = data.apikey_inventory.all.total, keys = data.apikey_inventory.all.keys }
}

output "hers" {
  value = data.apikey_inventory.hers.keys[*].name
}
"#;

fn output(ws: &Workspace, name: &str) -> Value {
    ws.state()["outputs"][name]["value"].clone()
}

#[test]
fn the_inventory_shows_what_was_applied_and_settles() {
    let ws = Workspace::with(KEYS);
    ws.apply().ok();
    ws.write(&format!("{KEYS}{QUESTIONS}"));
    ws.apply().ok();
    assert_eq!(output(&ws, "hers"), serde_json::json!(["payments"]));
    let all = output(&ws, "all");
    assert_eq!(all["total"], 2);
    let first = &all["keys"][0];
    for (column, value) in [
        ("name", "billing"),
        ("workspace", "default"),
        ("issuer", "generated"),
        ("group", "billing"),
        ("policy", "standard"),
        ("slot", "primary"),
        ("status", "live"),
        ("resource_status", "ok"),
    ] {
        assert_eq!(first[column], value, "{column} in {first}");
    }
    assert_eq!(first["owner"], Value::Null);
    assert_eq!(first["orphaned"], false);
    assert_eq!(first["created_at"], ws.now().to_string());
    ws.plan().code(0);

    // No secret, and of the fingerprint only what is too short to confirm a guess.
    let secret = ws.secret("billing.json", "primary");
    let stored = fs::read(ws.path(".terraform/apikey/ledger.db")).unwrap();
    let text = String::from_utf8_lossy(&stored);
    assert!(!text.contains(&secret) && !ws.state().to_string().contains(&secret));
    let print = apikey::secret::Secret::new(secret)
        .fingerprint()
        .to_string();
    assert!(!text.contains(&print));
    assert_eq!(first["mark"], print[.."sha256:".len() + 6]);
}

#[test]
fn a_page_leads_to_the_next() {
    let ws = Workspace::new();
    let file = ws.path("team.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let ledger = samples::sqlite(&file, LEASE);
        for number in 0..5 {
            let keys = vec![key(&format!("AKIAEXAMPLE{number}"), Slot::Primary)];
            let holding = holding(&format!("k{number}"), keys);
            ledger.record(&holding, samples::at(9)).await.unwrap();
        }
    });
    ws.write(
        r#"
provider "apikey" {
  ledger = { url = "sqlite://team.db" }
}

data "apikey_inventory" "first" {
  limit = 3
}

data "apikey_inventory" "second" {
  limit      = 3
  page_token = data.apikey_inventory.first.next_page_token
}

output "pages" {
  value = [
    data.apikey_inventory.first.keys[*].name,
    data.apikey_inventory.second.keys[*].name,
    [data.apikey_inventory.second.next_page_token],
  ]
}
"#,
    );
    ws.apply().ok();
    let pages = serde_json::json!([["k0", "k1", "k2"], ["k3", "k4"], [null]]);
    assert_eq!(output(&ws, "pages"), pages);
}

#[test]
fn the_password_of_the_ledger_shows_up_nowhere() {
    let server = Postgres::shared();
    let ws = Workspace::new();
    let schema = Postgres::schema();
    let provider = format!(
        r#"
variable "password" {{
  type      = string
  sensitive = true
}}

provider "apikey" {{
  ledger = {{
    url    = "postgres://{}:${{urlencode(var.password)}}@localhost:{}/apikey?sslmode=require"
    schema = "{schema}"
  }}
}}
"#,
        postgres::USER,
        server.port()
    );
    ws.write(&format!("{provider}{KEYS}{QUESTIONS}"));
    let log = ws.path("trace.log");
    ws.env("TF_LOG_PROVIDER", "TRACE")
        .env("TF_LOG_PATH", &log.display().to_string());
    // A saved plan holds the values of variables, so this one comes from the environment of each command.
    ws.env("TF_VAR_password", postgres::PASSWORD);
    let applied = ws.apply().ok();
    let planned = ws.plan().code(0);
    assert_eq!(output(&ws, "all")["total"], 2);

    // Now with a password that the server refuses.
    ws.env("TF_VAR_password", "canary/wrong:word");
    let refused = ws.plan().failed();
    let said = [applied, planned, refused].map(|it| it.stdout + &it.stderr);
    let logged = fs::read_to_string(&log).unwrap();
    assert!(logged.contains("apikey"), "the log was not written");
    let state = ws.state().to_string();
    for text in said.iter().chain([&logged, &state]) {
        for secret in [postgres::PASSWORD, postgres::PASSWORD_IN_URL, "canary"] {
            let at = text.find(secret).map(|at| {
                let start = text[..at].rfind('\n').unwrap_or(0);
                text[start..].chars().take(300).collect::<String>()
            });
            assert_eq!(at, None);
        }
    }
    // Of a saved plan, Terraform's own record of the variables may hold it; nothing of ours does.
    ws.env("TF_VAR_password", postgres::PASSWORD);
    ws.plan().code(0);
    for (name, content) in zip::entries(&ws.plan_file()) {
        if name != "tfplan" {
            let text = String::from_utf8_lossy(&content).into_owned();
            assert!(!text.contains("canary"), "{name}");
        }
    }
}
