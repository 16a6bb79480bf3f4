//! `ephemeral "apikey_secret"`: what was delivered is read for the same run, and stays out of state, plan and log.
//!
//! The reader's result goes into `existing_secret_wo` of a second key, whose delivery shows what was read.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::acceptance::secrecy::Watch;
use crate::support::cli;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const COPY: &str = r#"
resource "apikey_managed" "copy" {
  name               = "copy"
  policy             = { name = "slow", rotation_interval = "1000d" }
  issuer             = { generated = { prefix = "acme" } }
  deliveries         = { app = { file = { path = "copy.json" } } }
  existing_secret_wo = ephemeral.apikey_secret.k.primary.secret
}
"#;

fn reader(settings: &str) -> String {
    format!(
        r#"
ephemeral "apikey_secret" "k" {{
  delivery = apikey_managed.k.deliveries["app"]
  {settings}
}}
{COPY}"#
    )
}

const EXPECTED: &str = "fingerprint = apikey_managed.k.primary.fingerprint";

#[test]
fn a_secret_is_read_in_the_apply_that_mints_it() {
    let ws = Workspace::with(&Config::new().beside(&reader(EXPECTED)).text());
    ws.plan().ok().code(2);
    ws.apply_plan().ok();
    let secret = ws.secret("k.json", "primary");
    assert!(!secret.is_empty());
    assert_eq!(ws.secret("copy.json", "primary"), secret);
    ws.plan().ok().code(0);
}

#[test]
fn what_is_read_is_in_no_state_plan_or_log() {
    let ws = Workspace::with(&Config::new().beside(&reader(EXPECTED)).text());
    ws.env("TF_LOG", "TRACE");
    ws.env("TF_LOG_PATH", ws.path("trace.log").to_str().unwrap());
    let mut watch = Watch::over(&ws).also("copy.json");
    for wait in ["0s", "80s", "20s", "30s"] {
        ws.advance(wait);
        watch
            .saw(ws.plan())
            .saw(ws.run(&["show", "-json", "saved.tfplan"]));
        watch.saw(ws.apply_plan()).saw(ws.run(&["show", "-json"]));
        watch.nothing_leaked();
    }
}

#[test]
fn a_plan_before_the_first_delivery_says_how_to_wait_for_it() {
    for order in ["", "depends_on = [apikey_managed.k]"] {
        let ws = Workspace::with(&Config::new().beside(&reader(order)).text());
        if cli::version().is_opentofu() {
            // It opens nothing in a plan that has a step for the key, so that nothing has to wait.
            ws.plan().ok().code(2);
            ws.apply_plan().ok();
            let secrets = ["k.json", "copy.json"].map(|file| ws.secret(file, "primary"));
            assert_eq!(secrets[0], secrets[1]);
            continue;
        }
        ws.plan()
            .failed()
            .complains(&["There is no document at file", "Set fingerprint"]);
    }
}

#[test]
fn a_document_with_another_key_is_refused_where_one_is_expected() {
    let config = Config::new().beside(&reader(EXPECTED));
    let ws = Workspace::with(&config.text());
    ws.apply().ok();
    // The state is older than the document, as for a run that did not refresh.
    let mut document = ws.delivered("k.json");
    document["primary"]["secret"] = "made-up-canary-of-somebody-else".into();
    fs::write(ws.path("k.json"), document.to_string()).unwrap();
    let refused = ws.plan_with(&["-refresh=false"]).failed();
    assert!(!refused.text().contains("made-up-canary"), "{refused}");
    refused.complains(&["does not hold the expected key", "sha256:"]);
}

#[test]
fn a_file_of_somebody_else_is_no_document() {
    let ws = Workspace::with(
        r#"
ephemeral "apikey_secret" "k" {
  delivery = { file = { path = "other.json" } }
}
"#,
    );
    let file = ws.path("other.json");
    fs::write(&file, r#"{"made-up":"canary"}"#).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let refused = ws.plan().failed();
    refused.complains(&["other.json", "holds no document of this provider"]);
}

/// The plan of a promotion knows the fingerprint of the next primary, which the document still holds as secondary.
#[test]
fn the_key_that_is_being_promoted_is_read_before_and_after() {
    let config = Config::new().beside(&reader(EXPECTED));
    let ws = Workspace::with(&config.text());
    ws.apply().ok();
    ws.advance("80s").apply().ok();
    ws.advance("20s").plan().ok().code(2);
    assert_eq!(
        ws.change("apikey_managed.k").after("last_action"),
        "promote"
    );
    ws.apply_plan().ok();
    ws.plan().ok().code(0);
}

#[test]
fn a_store_is_chosen_as_in_a_delivery() {
    for (delivery, words) in [
        ("{}", "No store"),
        (r#"{ file = {} }"#, "\"path\" is required"),
        (
            r#"{ file = { path = "a" }, aws_secrets_manager = { secret_id = "a" } }"#,
            "More than one store",
        ),
    ] {
        let ws = Workspace::with(&format!(
            "ephemeral \"apikey_secret\" \"k\" {{\n  delivery = {delivery}\n}}\n"
        ));
        ws.plan().failed().complains(&[words]);
    }
}
