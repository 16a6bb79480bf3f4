//! `plan -refresh-only -detailed-exitcode`: 0 where nothing has changed, for whoever watches for drift in CI.

use crate::support::keys::Config;
use crate::support::workspace::Workspace;

/// Numbers in the state and in the issuer's settings, and a secret that the state holds.
const COUNTED: &str = r#"
resource "apikey_managed" "n" {
  name   = "counted"
  policy = { name = "slow", rotation_interval = "1000d" }
  issuer = { generated = { prefix = "acme", length = 40 } }
}
"#;

/// More often than once: a core that compares what it keeps in no order is right by chance.
fn is_steady(ws: &Workspace) {
    for _ in 0..5 {
        let args = ["plan", "-json", "-refresh-only", "-detailed-exitcode"];
        ws.run(&args).ok().code(0);
    }
}

#[test]
fn a_refresh_that_finds_nothing_ends_with_0() {
    let ws = Workspace::with(&Config::new().beside(COUNTED).text());
    ws.apply().ok();
    is_steady(&ws);
    ws.run(&["apply", "-json", "-refresh-only", "-auto-approve"])
        .ok();
    is_steady(&ws);
    ws.plan().ok().code(0);
}

#[test]
fn a_refresh_that_finds_something_ends_with_2() {
    let ws = Config::new().created();
    std::fs::remove_file(ws.path("k.json")).unwrap();
    let args = ["plan", "-json", "-refresh-only", "-detailed-exitcode"];
    ws.run(&args).ok().code(2);
}
