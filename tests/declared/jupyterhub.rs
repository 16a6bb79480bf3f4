use std::fs;

use serde_json::{Value, json};

use super::presets;
use crate::support::programs::{Program, find, free_port};
use crate::support::workspace::Workspace;

/// No user comes in and no notebook starts: only the API is there.
const SETTINGS: &str = r#"
from jupyterhub.proxy import Proxy

class Nothing(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self): return {}

c.JupyterHub.proxy_class = Nothing
c.JupyterHub.hub_ip = "127.0.0.1"
c.JupyterHub.hub_port = PORT
c.JupyterHub.authenticator_class = "null"
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.services = [{"name": "terraform", "api_token": "made-up-admin"}]
c.JupyterHub.load_roles = [
    {"name": "terraform", "scopes": ["admin:users", "tokens"], "services": ["terraform"]},
]
"#;

const TOKENS: &str = "/hub/api/users/payments/tokens";

fn secrets(ws: &Workspace) -> Vec<String> {
    let slots = ["primary", "secondary"].map(|slot| ws.secret("secrets/payments.json", slot));
    slots
        .into_iter()
        .filter(|secret| !secret.is_empty())
        .collect()
}

#[test]
fn a_token_of_a_real_jupyterhub_lives_its_whole_life() {
    let Some(program) = find("jupyterhub") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    fs::write(
        folder.path().join("settings.py"),
        SETTINGS.replace("PORT", &port.to_string()),
    )
    .unwrap();
    let hub = Program::start(&program, &["-f", "settings.py"], folder.path(), port);
    let admin = super::vendors::ADMIN;
    assert_eq!(
        hub.ask("POST", "/hub/api/users/payments", admin, &json!({}))
            .0,
        201
    );
    let listed = || {
        let (status, body) = hub.ask("GET", TOKENS, admin, &Value::Null);
        assert_eq!(status, 200, "{body}");
        body["api_tokens"].as_array().unwrap().len()
    };
    let accepted = |secret: &str| hub.ask("GET", "/hub/api/user", secret, &Value::Null).0;

    let ws = presets::workspace("jupyterhub", &hub.url());
    ws.apply().ok();
    let first = secrets(&ws);
    assert_eq!((listed(), first.len(), accepted(&first[0])), (1, 1, 200));
    ws.advance("84d").apply().ok();
    let staged = secrets(&ws);
    assert_eq!((listed(), staged.len(), accepted(&staged[1])), (2, 2, 200));
    ws.advance("7d").apply().ok();
    assert_eq!(secrets(&ws), [staged[1].clone(), staged[0].clone()]);
    assert_eq!(accepted(&first[0]), 200, "in its grace");
    ws.advance("2d").apply().ok().does_not_warn("proved dead");
    assert_eq!(
        (listed(), accepted(&first[0]), accepted(&staged[1])),
        (1, 403, 200)
    );
    ws.plan().ok().code(0);

    // Somebody deletes it by hand.
    let id = ws.key("payments").0["primary"]["key_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        hub.ask("DELETE", &format!("{TOKENS}/{id}"), admin, &Value::Null)
            .0,
        204
    );
    ws.plan().ok().warns(&["no longer exists at the issuer"]);
    ws.destroy().ok();
    assert_eq!(listed(), 0);
}
