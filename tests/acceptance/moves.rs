//! `moved` blocks from a `random_password`: the password that is in use becomes the primary.

use std::fs;

use crate::acceptance::secrecy::Watch;
use crate::support::cli;
use crate::support::foreign;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";
const OLD: &str = "made-up-canary-of-a-random-password";
const MOVED: &str = "moved {\n  from = random_password.k\n  to   = apikey_managed.k\n}";

/// A workspace whose state holds a `random_password`.
fn with_password() -> Workspace {
    let ws = Workspace::with(&format!(
        "resource \"random_password\" \"k\" {{\n  id = \"none\"\n  result = {OLD:?}\n}}\n"
    ));
    foreign::install(&ws);
    ws.apply().ok();
    assert_eq!(
        ws.state()["resources"][0]["provider"],
        format!(
            "provider[\"{}/hashicorp/random\"]",
            cli::version().registry()
        )
    );
    ws
}

#[test]
fn a_random_password_becomes_the_primary_and_nothing_is_minted() {
    let ws = with_password();
    ws.advance("30s");
    let moved_at = ws.now().to_string();
    ws.write(&Config::new().beside(MOVED).text());
    ws.plan().ok().code(2);
    let change = ws.change(K);
    assert_eq!(change.0["previous_address"], "random_password.k");
    assert_eq!(
        (change.actions().as_str(), change.after("last_action")),
        ("update", &"deliver".into())
    );
    ws.apply_plan().ok();
    assert_eq!(ws.secret("k.json", "primary"), OLD);
    let key = ws.key("k");
    let mark = apikey::secret::Secret::new(OLD.into()).fingerprint();
    assert_eq!(
        (key.primary().as_str(), key.generation()),
        (mark.as_str(), 1)
    );
    assert_eq!(key.text("primary.created_at"), moved_at);
    ws.plan().ok().code(0);

    // From here on it lives like any other key.
    ws.advance("80s").apply().ok();
    ws.advance("20s").apply().ok();
    assert_eq!(ws.secret("k.json", "secondary"), OLD);
    assert!(ws.secret("k.json", "primary").starts_with("acme_"));
    ws.plan().ok().code(0);
}

/// Terraform keeps backups of a state; this one is told not to.
#[test]
fn a_moved_secret_leaves_the_state_with_its_delivery() {
    let ws = with_password();
    assert!(ws.state().to_string().contains(OLD));
    ws.write(&Config::new().beside(MOVED).text());
    ws.env("TF_LOG", "TRACE");
    ws.env("TF_LOG_PATH", ws.path("trace.log").to_str().unwrap());
    let mut watch = Watch::over(&ws).knowing(OLD);
    watch.saw(ws.apply_with(&["-backup=-"]));
    watch.saw(ws.plan());
    watch.nothing_leaked();
    assert!(fs::read_to_string(ws.path("trace.log")).unwrap().len() > 1000);
}

#[test]
fn a_moved_secret_stays_in_the_state_where_that_is_asked_for() {
    let ws = with_password();
    let config = Config::new().with("store_secret_in_state = true");
    ws.write(&config.beside(MOVED).text()).apply().ok();
    assert_eq!(ws.key("k").text("primary.secret"), OLD);
    ws.plan().ok().code(0);

    let ws = with_password();
    let config = Config::new().deliveries("{}").beside(MOVED);
    ws.write(&config.text()).apply().ok();
    assert_eq!(ws.key("k").text("primary.secret"), OLD);
    ws.plan().ok().code(0);
}

#[test]
fn a_delivery_that_fails_leaves_the_moved_secret_in_the_state() {
    let ws = with_password();
    fs::create_dir(ws.path("k.json")).unwrap();
    ws.write(&Config::new().beside(MOVED).text());
    ws.apply()
        .failed()
        .complains(&["payments", "k.json"])
        .reads("move-to-a-place-of-another");
    assert!(ws.state().to_string().contains(OLD));
    fs::remove_dir(ws.path("k.json")).unwrap();
    ws.apply().ok();
    assert_eq!(ws.secret("k.json", "primary"), OLD);
    assert!(!ws.state().to_string().contains(OLD));
}

#[test]
fn another_type_cannot_be_moved() {
    let ws = with_password();
    let config =
        Config::new().beside(&MOVED.replace("apikey_managed.k", "apikey_rotation_policy.p"));
    ws.write(&config.text());
    ws.plan().failed().complains(&[
        "random_password",
        "apikey_rotation_policy takes over no other",
    ]);
}
