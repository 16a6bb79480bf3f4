//! Keys of APIs that a configuration declares, under the real command line.

/// Keys that somebody else may have.
mod emergency;
/// A real JupyterHub.
mod jupyterhub;
/// The whole life of a key, and what may happen to it.
mod life;
/// Every declaration of `examples/issuers/http/`.
pub mod presets;
/// When keys were last used, and an API that does not tell.
mod usage;
/// How the APIs of the presets speak.
mod vendors;
/// A real Verdaccio, whose tokens have no name.
mod verdaccio;

use crate::support::workspace::Workspace;

/// A policy that is quick, and a key of the API `hub`.
const KEY: &str = r#"
resource "apikey_rotation_policy" "p" {
  name              = "fast"
  rotation_interval = "100s"
  stage_before      = "20s"
  propagation_delay = "5s"
  grace_period      = "30s"
}

resource "apikey_managed" "k" {
  name       = "payments"
  policy     = apikey_rotation_policy.p
  issuer     = { http = { api = "hub", parameters = { user = "svc" } } }
  deliveries = { app = { file = { path = "k.json" } } }
}
"#;

/// A workspace with a key of a declared API.
fn workspace(declaration: &str) -> Workspace {
    Workspace::with(&configuration(declaration))
}

fn configuration(declaration: &str) -> String {
    format!(
        "provider \"apikey\" {{\n  http = {{\n    hub = {{\n{declaration}\n    }}\n  }}\n}}\n{KEY}"
    )
}

/// The secrets that are delivered, in the order of the slots.
fn delivered(ws: &Workspace) -> Vec<String> {
    let slots = ["primary", "secondary"].map(|slot| ws.secret("k.json", slot));
    slots
        .into_iter()
        .filter(|secret| !secret.is_empty())
        .collect()
}
