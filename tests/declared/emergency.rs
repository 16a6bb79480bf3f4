//! Compromised keys of an API that cannot list its keys, so that nobody can say whether one is gone.

use serde_json::{Value, json};

use super::{configuration, delivered};
use crate::contract::hub;
use crate::emergency::block;
use crate::support::keyring::{Answer, Keyring, Request, World};
use crate::support::workspace::Workspace;

fn declaration(url: &str, more: &str) -> String {
    format!(
        r#"
      base_url   = "{url}/api"
      headers    = {{ Authorization = "Bearer made-up-canary-of-the-admin" }}
      parameters = ["user"]
      create = {{
        path   = "/users/{{{{user}}}}/tokens"
        json   = jsonencode({{ note = "apikey {{{{token}}}}" }})
        id     = "/id"
        secret = "/token"
      }}
      revoke = {{
        path = "/users/{{{{user}}}}/tokens/{{{{key_id}}}}"
        {more}
      }}
"#
    )
}

fn write(ws: &Workspace, keyring: &Keyring, order: &str, more: &str) {
    let text = configuration(&declaration(&keyring.url(), more));
    let block = block("INC-1", order, "primary");
    ws.write(&text.replace("  deliveries =", &format!("  {block}\n  deliveries =")));
}

fn created(speak: fn(&mut World, &Request) -> Option<Answer>) -> (Keyring, Workspace) {
    let keyring = Keyring::start(speak);
    let ws = Workspace::with(&configuration(&declaration(&keyring.url(), "")));
    ws.apply().ok();
    (keyring, ws)
}

/// The second mint is refused.
fn speak_once(world: &mut World, request: &Request) -> Option<Answer> {
    let mints = world.requests.iter().filter(|it| it.method == "POST");
    match mints.count() == 2 && request.method == "POST" {
        true => Some((403, json!({ "message": "Not now." }))),
        false => hub::speak(world, request),
    }
}

#[test]
fn what_was_revoked_first_is_not_revoked_again_although_nobody_can_say_that_it_is_gone() {
    let (keyring, ws) = created(speak_once);
    write(&ws, &keyring, "revoke_first", "");
    let failed = ws.apply().failed();
    failed
        .complains(&["payments", "403", "was revoked"])
        .reads("emergency-that-revoked-and-has-no-successor");
    assert!(keyring.secrets().is_empty());
    assert_eq!(ws.key("k").status(), "compromised");

    ws.plan()
        .ok()
        .code(2)
        .warns(&["EMERGENCY INC-1", "1 key is minted"]);
    ws.apply_plan().ok();
    assert_eq!(delivered(&ws), ["made-up-secret-2"]);
    assert_eq!(keyring.secrets(), delivered(&ws));
    assert_eq!(ws.key("k").at("pending_revocations"), &json!([]));
    ws.plan().ok().code(0);
}

#[test]
fn a_revocation_whose_answer_was_lost_names_the_way_on_and_the_way_on_works() {
    let (keyring, ws) = created(hub::speak);
    write(&ws, &keyring, "revoke_first", "");
    ws.plan().ok().code(2);
    keyring.world().troubles = vec![None];
    let stopped = ws.apply_plan().failed();
    stopped.complains(&["payments", "is NOT revoked", "replace_first"]);
    assert_eq!(delivered(&ws), ["made-up-secret-1"]);

    write(&ws, &keyring, "replace_first", "");
    ws.apply().failed().complains(&["is NOT revoked", "404"]);
    assert_eq!(delivered(&ws), ["made-up-secret-2"]);
    assert_eq!(keyring.secrets(), ["made-up-secret-2"]);
    assert_eq!(ws.key("k").status(), "compromised");

    // Whoever knows that the key is gone says so in the declaration.
    write(&ws, &keyring, "replace_first", "gone = [404]");
    ws.apply().ok();
    assert_eq!(ws.key("k").status(), "ok");
    assert_eq!(ws.key("k").at("pending_revocations"), &Value::Array(vec![]));
    ws.plan().ok().code(0);
}
