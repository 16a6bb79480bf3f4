use std::fs;

use serde_json::{Value, json};

use super::{delivered, workspace};
use crate::support::programs::{Program, find, free_port};

/// Whoever shows no token is nobody, and is answered all the same: `expect` tells a key from that.
const SETTINGS: &str = "
storage: ./storage
auth: { htpasswd: { file: ./htpasswd } }
uplinks: {}
packages: { '**': { access: $all } }
security: { api: { legacy: true } }
flags: { token: true }
log: { type: stdout, level: error }
listen: 127.0.0.1:PORT
";

fn declaration(url: &str, token: &str) -> String {
    format!(
        r#"
      base_url    = "{url}"
      headers     = {{ Authorization = "Bearer {token}" }}
      create = {{
        path   = "/-/npm/v1/tokens"
        json   = jsonencode({{ password = "made-up-password", readonly = false, cidr_whitelist = [] }})
        id     = "/key"
        secret = "/token"
      }}
      list = {{
        path       = "/-/npm/v1/tokens"
        items      = "/objects"
        id         = "/key"
        created_at = "/created"
        paging     = {{ style = "url", next = "/urls/next" }}
      }}
      revoke = {{ path = "/-/npm/v1/tokens/token/{{{{key_id}}}}" }}
      verify = {{
        path    = "/-/whoami"
        headers = {{ Authorization = "Bearer {{{{secret}}}}" }}
        expect  = {{ "/username" = "bot" }}
      }}
"#
    )
}

#[test]
fn a_token_of_a_real_verdaccio_counts_as_dead_once_it_is_refused() {
    let Some(program) = find("verdaccio") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    fs::write(
        folder.path().join("config.yaml"),
        SETTINGS.replace("PORT", &port.to_string()),
    )
    .unwrap();
    let registry = Program::start(&program, &["-c", "config.yaml"], folder.path(), port);
    let user = json!({ "name": "bot", "password": "made-up-password" });
    let (status, body) = registry.ask("PUT", "/-/user/org.couchdb.user:bot", "", &user);
    assert_eq!(status, 201, "{body}");
    let admin = body["token"].as_str().unwrap();
    let listed = || {
        let (status, body) = registry.ask("GET", "/-/npm/v1/tokens", admin, &Value::Null);
        assert_eq!(status, 200, "{body}");
        body["objects"].as_array().unwrap().len()
    };

    let text = declaration(&registry.url(), admin);
    let ws = workspace(&text);
    let main = ws.path("main.tf");
    let with_parameters = fs::read_to_string(&main).unwrap();
    fs::write(
        &main,
        with_parameters.replace(", parameters = { user = \"svc\" }", ""),
    )
    .unwrap();
    ws.apply().ok();
    let first = delivered(&ws);
    ws.advance("80s").apply().ok();
    ws.advance("20s").apply().ok();
    assert_eq!((listed(), delivered(&ws).len()), (2, 2));
    let who = |secret: &str| registry.ask("GET", "/-/whoami", secret, &Value::Null);
    assert_eq!(who(&first[0]).1["username"], "bot", "in its grace");
    ws.advance("30s").apply().ok().does_not_warn("proved dead");
    assert_eq!((listed(), delivered(&ws).len()), (1, 1));
    assert_eq!(who(&first[0]).0, 403);
    assert_eq!(who("").0, 200, "a status alone says nothing here");
    ws.destroy().ok();
    assert_eq!(listed(), 0);
}
