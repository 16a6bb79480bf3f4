use serde_json::{Value, json};

use super::unique;
use crate::support::openbao::{OpenBao, ROOT};
use crate::support::workspace::Workspace;

const POLICY: &str = r#"
resource "apikey_rotation_policy" "p" {
  name              = "fast"
  rotation_interval = "100s"
  stage_before      = "20s"
  propagation_delay = "5s"
  grace_period      = "30s"
}
"#;

fn key(issuer: &str, delivery: &str) -> String {
    format!(
        "{POLICY}
resource \"apikey_managed\" \"k\" {{
  name       = \"payments\"
  policy     = apikey_rotation_policy.p
  issuer     = {{ {issuer} }}
  deliveries = {{ app = {{ {delivery} }} }}
}}
"
    )
}

fn workspace(configuration: &str, bao: &OpenBao, token: &str) -> Workspace {
    let ws = Workspace::with(configuration);
    ws.env("BAO_ADDR", &bao.url()).env("BAO_TOKEN", token);
    ws
}

/// The policy of the guide, for these names.
fn least(kv: &str, role: &str) -> String {
    let read = |name: &str| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(root.join("examples/vault").join(name)).unwrap()
    };
    let texts = [
        read("policy-kv.hcl"),
        read("policy-approle.hcl"),
        read("policy-token.hcl"),
    ];
    texts
        .concat()
        .replace("prod/payments", kv)
        .replace("role/payments", &format!("role/{role}"))
}

/// The examples of the guide about environments.
#[test]
fn the_keys_of_prod_are_read_by_whoever_may_and_not_by_whose_policy_is_merely_broad() {
    let (bao, path) = (OpenBao::shared(), unique("guarded"));
    let secret = format!("secret/data/{path}");
    let document = json!({ "data": { "primary": "made-up" } });
    bao.admin("POST", &secret, document);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/scenarios/environments/access");
    let example = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        text.replace("prod/payments", &path)
    };
    let status = |who: &str, policy: &str| {
        let token = bao.token_with(&format!("{path}-{who}"), policy);
        bao.ask("GET", &secret, &Value::Null, &token).0
    };
    let broad = "path \"secret/*\" { capabilities = [\"read\", \"list\"] }\n";
    let nothing = "path \"secret/data/else\" { capabilities = [\"read\"] }\n";
    assert_eq!(status("nobody", nothing), 403);
    assert_eq!(status("reader", &example("read-prod.hcl")), 200);
    assert_eq!(status("everybody", broad), 200);
    let without = broad.to_owned() + &example("no-prod.hcl");
    assert_eq!(status("most", &without), 403);
    let both = without + &example("read-prod.hcl");
    assert_eq!(
        status("contradiction", &both),
        403,
        "a deny goes before a grant"
    );
}

#[test]
fn a_generated_key_lives_its_whole_life_in_a_secret_of_vault() {
    let (bao, path) = (OpenBao::shared(), unique("generated"));
    let token = bao.token_with(&path, &least(&path, "nobody"));
    let delivery = format!("vault_kv = {{ mount = \"secret\", path = \"{path}\" }}");
    let ws = workspace(
        &key("generated = { prefix = \"acme\" }", &delivery),
        bao,
        &token,
    );
    let stands = || {
        let fields = bao.fields(&path);
        ["primary", "secondary"].map(|slot| {
            fields[slot]["secret"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
    };
    ws.apply().ok();
    let [first, none] = stands();
    assert!(first.starts_with("acme_") && none.is_empty());
    ws.plan().ok().code(0);
    ws.advance("80s").apply().ok();
    let [primary, second] = stands();
    assert_eq!(primary, first);
    ws.advance("20s").apply().ok();
    assert_eq!(stands(), [second.clone(), first]);
    ws.advance("30s").apply().ok();
    assert_eq!(stands(), [second, String::new()]);
    ws.plan().ok().code(0);
    assert_eq!(ws.key("k").text("delivery_status.app.version"), "4");
    ws.destroy().ok();
    assert_eq!(bao.fields(&path), Value::Null);
}

#[test]
fn a_secret_id_lives_its_whole_life_with_the_least_permissions() {
    let (bao, name) = (OpenBao::shared(), unique("secret-id"));
    bao.role(&name, json!({ "secret_id_ttl": "2h" }));
    let token = bao.token_with(&name, &least(&name, &name));
    let issuer = format!("vault_approle = {{ role = \"{name}\", ttl = \"1h\" }}");
    let delivery = format!(
        "vault_kv = {{ mount = \"secret\", path = \"{name}\", layout = \"flat\", delete_all_versions = true }}"
    );
    let ws = workspace(&key(&issuer, &delivery), bao, &token);
    let stands = |step: &str, live: usize| {
        let fields = bao.fields(&name);
        let secrets = ["primary", "secondary"]
            .map(|slot| fields[slot].as_str().unwrap_or_default().to_owned());
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            assert!(bao.lets_in(&name, secret), "{step}");
        }
        assert_eq!(bao.accessors(&name).len(), live, "{step}");
        let delivered = secrets.iter().filter(|secret| !secret.is_empty()).count();
        assert_eq!(delivered, live, "{step}");
        assert_eq!(
            fields["primary_key_id"],
            ws.key("k").text("primary.key_id"),
            "{step}"
        );
        secrets
    };
    ws.apply().ok();
    let [first, _] = stands("create", 1);
    ws.advance("80s").apply().ok();
    let [_, second] = stands("stage", 2);
    ws.advance("20s").apply().ok();
    assert_eq!(stands("promote", 2), [second.clone(), first.clone()]);
    ws.advance("30s").apply().ok();
    stands("revoke", 1);
    assert!(!bao.lets_in(&name, &first));
    ws.plan().ok().code(0);
    ws.destroy().ok();
    assert!(!bao.lets_in(&name, &second));
    assert!(bao.accessors(&name).is_empty());
    let (status, _) = bao.ask(
        "GET",
        &format!("secret/metadata/{name}"),
        &Value::Null,
        ROOT,
    );
    assert_eq!(status, 404, "delete_all_versions");
}

#[test]
fn a_token_lives_its_whole_life_in_a_file() {
    let (bao, name) = (OpenBao::shared(), unique("token"));
    let role = json!({ "allowed_policies": "default", "orphan": true });
    bao.admin("POST", "auth/token/roles/payments", role);
    let token = bao.token_with(&name, &least("nothing", "nobody"));
    let issuer = "vault_token = { role = \"payments\", ttl = \"1h\" }";
    let text = key(issuer, "file = { path = \"secrets/k.json\" }");
    let ws = workspace(&text, bao, &token);
    ws.apply().ok();
    let first = ws.secret("secrets/k.json", "primary");
    assert!(bao.knows(&first));
    ws.plan().ok().code(0);
    let may = |accessor: &str| {
        let body = json!({ "accessor": accessor });
        let told = bao.admin("POST", "auth/token/lookup-accessor", body);
        ["policies", "orphan", "creation_ttl", "path"].map(|what| told["data"][what].clone())
    };
    let rights = may(&ws.key("k").text("primary.key_id"));
    let emergency = crate::emergency::declared("INC-1");
    ws.write(&text.replace("  deliveries =", &format!("  {emergency}\n  deliveries =")));
    ws.apply().ok();
    assert!(!bao.knows(&first));
    let first = ws.secret("secrets/k.json", "primary");
    assert!(bao.knows(&first));
    let new = ws.key("k").text("primary.key_id");
    assert_eq!(may(&new), rights, "an emergency gives the same rights");
    ws.advance("80s").apply().ok();
    let second = ws.secret("secrets/k.json", "secondary");
    assert!(bao.knows(&first) && bao.knows(&second));
    ws.advance("20s").apply().ok();
    assert_eq!(ws.secret("secrets/k.json", "primary"), second);
    ws.advance("30s").apply().ok();
    assert!(!bao.knows(&first) && bao.knows(&second));
    ws.destroy().ok();
    assert!(!bao.knows(&second));
}

#[test]
fn a_provider_that_logs_in_writes_under_the_names_of_a_consumer() {
    let (bao, name) = (OpenBao::shared(), unique("names"));
    bao.admin(
        "POST",
        &format!("sys/policies/acl/{name}"),
        json!({ "policy": least(&name, &name) }),
    );
    bao.role(&name, json!({ "token_policies": [name] }));
    let made = bao.admin(
        "POST",
        &format!("auth/approle/role/{name}/secret-id"),
        json!({}),
    );
    let provider = format!(
        "variable \"secret_id\" {{\n  ephemeral = true\n  sensitive = true\n  type = string\n}}\n\
         provider \"apikey\" {{\n  vault = {{\n    address = \"{}\"\n    auth = {{ approle = {{ role_id = \"{}\", secret_id = \
         var.secret_id }} }}\n  }}\n}}\n",
        bao.url(),
        bao.role_id(&name)
    );
    let fields = "fields = { username = \"shop\", password = \"{{primary.secret}}\", previous = \"{{secondary.secret}}\" }";
    let delivery = format!("vault_kv = {{ mount = \"secret\", path = \"{name}\", {fields} }}");
    let ws = Workspace::with(&format!(
        "{provider}{}",
        key("generated = { prefix = \"acme\" }", &delivery)
    ));
    ws.env(
        "TF_VAR_secret_id",
        made["data"]["secret_id"].as_str().unwrap(),
    );
    ws.apply().ok();
    ws.plan().ok().code(0);
    ws.advance("80s").apply().ok();
    ws.advance("20s").apply().ok();
    let there = bao.fields(&name);
    assert_eq!(there["username"], "shop");
    let own: Value = serde_json::from_str(there["apikey"].as_str().unwrap()).unwrap();
    assert_eq!(own["document"]["primary"]["secret"], there["password"]);
    assert_eq!(own["document"]["secondary"]["secret"], there["previous"]);
    assert_eq!(ws.key("k").generation(), 2);
    // Somebody turns it into a layout of its own, and back into names.
    ws.write(&format!(
        "{provider}{}",
        key(
            "generated = { prefix = \"acme\" }",
            &delivery.replace(fields, "layout = \"flat\"")
        )
    ));
    ws.apply().ok();
    assert_eq!(bao.fields(&name)["primary"], there["password"]);
    ws.plan().ok().code(0);
    ws.destroy().ok();
}

#[test]
fn a_key_that_ends_before_its_successor_leads_is_refused_by_the_plan() {
    let bao = OpenBao::shared();
    for (issuer, name) in [
        (
            "vault_approle = { role = \"payments\", ttl = \"149s\" }",
            "secret-id-that-ends-too-soon",
        ),
        (
            "vault_token = { policies = [\"default\"], ttl = \"149s\" }",
            "token-that-ends-too-soon",
        ),
    ] {
        let ws = workspace(
            &key(issuer, "file = { path = \"secrets/k.json\" }"),
            bao,
            ROOT,
        );
        ws.plan().failed().reads(name);
    }
}

#[test]
fn a_secret_id_that_was_destroyed_by_hand_is_noticed() {
    let (bao, name) = (OpenBao::shared(), unique("gone"));
    bao.role(&name, json!({}));
    let issuer = format!("vault_approle = {{ role = \"{name}\", ttl = \"1h\" }}");
    let ws = workspace(
        &key(&issuer, "file = { path = \"secrets/k.json\" }"),
        bao,
        ROOT,
    );
    ws.apply().ok();
    let accessor = ws.key("k").text("primary.key_id");
    let body = json!({ "secret_id_accessor": accessor });
    bao.admin(
        "POST",
        &format!("auth/approle/role/{name}/secret-id-accessor/destroy"),
        body,
    );
    let planned = ws.plan();
    assert!(
        planned
            .warnings()
            .iter()
            .any(|warning| warning.detail.contains(&accessor) || warning.summary.contains("gone")),
        "{planned}"
    );
}

#[test]
fn what_vault_refuses_is_told_with_the_path_and_the_capability() {
    let (bao, name) = (OpenBao::shared(), unique("weak"));
    let policy = "path \"secret/data/weak\" { capabilities = [\"read\"] }";
    let token = bao.token_with(&name, policy);
    let delivery = "vault_kv = { mount = \"secret\", path = \"weak\" }";
    let ws = workspace(
        &key("generated = { prefix = \"acme\" }", delivery),
        bao,
        &token,
    );
    ws.apply()
        .failed()
        .reads("vault-secret-that-may-not-be-written");
    assert!(ws.find_key("k").is_none());

    let ws = workspace(
        &key(
            "vault_approle = { role = \"weak\", ttl = \"1h\" }",
            delivery,
        ),
        bao,
        &token,
    );
    ws.apply().failed().reads("vault-role-that-may-not-be-read");
    assert!(ws.find_key("k").is_none());

    bao.admin(
        "POST",
        "secret/data/taken",
        json!({ "data": { "password": "theirs" } }),
    );
    let delivery = "vault_kv = { mount = \"secret\", path = \"taken\" }";
    let ws = workspace(
        &key("generated = { prefix = \"acme\" }", delivery),
        bao,
        ROOT,
    );
    ws.apply().failed().reads("vault-secret-of-somebody-else");
    assert_eq!(bao.fields("taken"), json!({ "password": "theirs" }));
}

/// It is one place, so nothing is copied from it to itself and then taken away.
#[test]
fn a_delivery_that_names_the_root_namespace_and_then_does_not_keeps_its_only_copy() {
    let (bao, path) = (OpenBao::shared(), unique("rooted"));
    let delivery = |namespace: &str| {
        format!(
            "vault_kv = {{ mount = \"secret\", path = \"{path}\", delete_all_versions = true {namespace} }}"
        )
    };
    let generated = "generated = { prefix = \"acme\" }";
    let named = key(generated, &delivery(", namespace = \"root\""));
    let ws = workspace(&named, bao, ROOT);
    ws.apply().ok();
    let secret = bao.fields(&path)["primary"]["secret"].clone();
    assert!(secret.is_string());
    ws.write(&key(generated, &delivery(""))).apply().ok();
    assert_eq!(bao.fields(&path)["primary"]["secret"], secret);
    ws.write(&named).apply().ok();
    assert_eq!(bao.fields(&path)["primary"]["secret"], secret);
    ws.plan().ok().code(0);
}
