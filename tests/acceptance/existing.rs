//! Keys that exist already: their secret comes in write-only, is taken over and delivered, and nothing is minted.

use crate::acceptance::secrecy::Watch;
use crate::support::gate::Gate;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";
const OURS: &str = "made-up-canary-that-was-here-before";

/// The secret comes from a variable that no state or plan keeps.
fn bringing(version: u32) -> Config {
    Config::new()
        .with("existing_secret_wo = var.existing")
        .with(&format!("existing_secret_wo_version = {version}"))
        .beside("variable \"existing\" {\n  ephemeral = true\n}")
}

fn workspace(config: &Config, secret: &str) -> Workspace {
    let ws = Workspace::with(&config.text());
    ws.env("TF_VAR_existing", secret);
    ws
}

#[test]
fn the_first_key_is_taken_over_instead_of_minted() {
    let ws = workspace(&bringing(1), OURS);
    ws.env("TF_LOG", "TRACE");
    ws.env("TF_LOG_PATH", ws.path("trace.log").to_str().unwrap());
    let mut watch = Watch::over(&ws);
    watch.saw(ws.plan());
    watch
        .saw(ws.run(&["show", "-json", "saved.tfplan"]))
        .saw(ws.apply_plan())
        .saw(ws.run(&["show", "-json"]));
    assert_eq!(ws.secret("k.json", "primary"), OURS);
    watch.nothing_leaked();
    let key = ws.key("k");
    let mark = apikey::secret::Secret::new(OURS.into()).fingerprint();
    assert_eq!(key.primary(), mark.as_str());
    assert_eq!((key.generation(), key.status().as_str()), (1, "ok"));
    ws.plan().ok().code(0);
}

#[test]
fn a_key_that_was_taken_over_is_rotated_like_any_other() {
    let ws = workspace(&bringing(1), OURS);
    ws.apply().ok();
    ws.advance("80s").apply().ok();
    ws.advance("20s").apply().ok();
    assert_eq!(ws.secret("k.json", "secondary"), OURS);
    let next = ws.secret("k.json", "primary");
    assert!(next.starts_with("acme_"), "{next}");
    ws.plan().ok().code(0);
    ws.advance("30s").apply().ok();
    assert!(ws.delivered("k.json")["secondary"].is_null());
    ws.plan().ok().code(0);
}

#[test]
fn a_key_that_is_taken_over_must_pass_its_verification() {
    let gate = Gate::open();
    gate.accept(false);
    let ws = workspace(&bringing(1).with(&gate.setting()), OURS);
    let refused = ws.apply().failed();
    refused.complains(&["payments", "is left as it was"]);
    assert!(ws.find_key("k").is_none());
    assert!(!ws.path("k.json").exists());
    gate.accept(true);
    ws.apply().ok();
    assert_eq!(ws.secret("k.json", "primary"), OURS);
}

#[test]
fn a_secret_whose_copies_are_lost_is_handed_in_again() {
    let ws = workspace(&bringing(1), OURS);
    ws.apply().ok();
    std::fs::remove_file(ws.path("k.json")).unwrap();
    ws.plan()
        .ok()
        .warns(&["payments", "no delivery holds the secret"]);

    ws.write(&bringing(2).text());
    ws.plan().ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), "deliver");
    ws.apply_plan().ok();
    assert_eq!(ws.secret("k.json", "primary"), OURS);
    ws.plan().ok().code(0);
}

#[test]
fn the_secret_of_another_key_is_refused() {
    let ws = workspace(&bringing(1), OURS);
    ws.apply().ok();
    ws.env("TF_VAR_existing", "made-up-canary-of-another-key");
    ws.plan().ok().code(0);
    ws.write(&bringing(2).text());
    let refused = ws.plan().failed();
    assert!(!refused.text().contains("made-up-canary"), "{refused}");
    refused.complains(&[
        "payments",
        "existing_secret_wo is the secret of another key",
    ]);
}

#[test]
fn a_key_with_an_id_is_imported_first() {
    let issuer = r#"{ aws_iam = { user_name = "ci" } }"#;
    let ws = workspace(&bringing(1).issuer(issuer), OURS);
    ws.env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .env("AWS_REGION", "eu-central-1");
    ws.plan()
        .failed()
        .complains(&["payments", "Import the key first"]);
}

#[test]
fn an_empty_secret_is_refused() {
    workspace(&bringing(1), " ")
        .plan()
        .failed()
        .complains(&["The existing secret is empty"]);
}

/// A credential beside the key, that a gateway asks for: in the request, and nowhere else.
#[test]
fn a_write_only_header_of_the_verification_is_sent_and_not_stored() {
    let gate = Gate::open();
    let setting = gate.setting().replace(
        r#"headers     = { Authorization = "Bearer {{secret}}" }"#,
        r#"headers_wo  = { Authorization = "Bearer {{secret}}", X-Tenant = var.existing }
    headers_wo_version = 1"#,
    );
    assert!(setting.contains("headers_wo "), "{setting}");
    let config = Config::new()
        .with(&setting)
        .beside("variable \"existing\" {\n  ephemeral = true\n}");
    let ws = workspace(&config, OURS);
    ws.env("TF_LOG", "TRACE");
    ws.env("TF_LOG_PATH", ws.path("trace.log").to_str().unwrap());
    let mut watch = Watch::over(&ws).knowing(OURS);
    for wait in ["0s", "80s", "20s", "30s"] {
        ws.advance(wait);
        watch.saw(ws.plan()).saw(ws.apply_plan());
    }
    watch.nothing_leaked();
    assert!(gate.bearers().len() >= 3, "{:?}", gate.bearers());
    assert!(gate.heads().iter().all(|head| head.contains(OURS)));
    ws.plan().ok().code(0);
    ws.destroy().ok();
}

#[test]
fn open_and_write_only_settings_of_the_verification_do_not_mix() {
    for (settings, words) in [
        (
            r#"headers = { A = "{{secret}}" }, headers_wo = { a = "x" }"#,
            "The header a is given twice",
        ),
        (
            r#"method = "POST", body = "{{secret}}", body_wo = "x""#,
            "body and body_wo exclude each other",
        ),
        (
            r#"basic_auth = { username = "x", password = "{{secret}}", password_wo = "y" }"#,
            "password and password_wo exclude each other",
        ),
        (
            r#"basic_auth = { username = "{{secret}}" }"#,
            "password is missing",
        ),
    ] {
        let setting = format!(r#"verification = {{ url = "http://127.0.0.1:1/", {settings} }}"#);
        let ws = Workspace::with(&Config::new().with(&setting).text());
        ws.plan().failed().complains(&[words]);
    }
}

#[test]
fn a_key_that_is_taken_over_in_mid_rotation_keeps_the_other_one_and_its_generation() {
    let ws = Config::new().retiring();
    let before = ws.delivered("k.json");
    let primary = ws.secret("k.json", "primary");
    ws.run(&["state", "rm", K]).ok();
    std::fs::remove_file(ws.path(".terraform/apikey/ledger.db")).unwrap();
    ws.env("TF_VAR_existing", &primary);
    ws.write(&bringing(1).text());
    ws.apply().ok();
    assert_eq!(ws.delivered("k.json"), before);
    let key = ws.key("k");
    assert_eq!((key.generation(), key.phase().as_str()), (2, "retiring"));
    ws.plan().ok().code(0);
    ws.advance("30s").apply().ok();
    assert!(ws.delivered("k.json")["secondary"].is_null());
    assert_eq!(ws.secret("k.json", "primary"), primary);
}
