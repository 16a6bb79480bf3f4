//! The last use of a key of a declared API, which decides when it is revoked.

use serde_json::{Value, json};

use super::{configuration, delivered};
use crate::contract::hub;
use crate::emergency::block;
use crate::support::keyring::{Answer, Keyring, Request, World};
use crate::support::workspace::Workspace;

/// In place of a use: it has had too many questions, and it refuses to answer.
const LIMITED: i64 = -1;
const REFUSED: i64 = -2;

fn speak(world: &mut World, request: &Request) -> Option<Answer> {
    let ("GET", ["api", "tokens", id, "use"]) = (request.method.as_str(), &steps(request)[..])
    else {
        return hub::speak(world, request);
    };
    let key = world.keys.iter().find(|key| key.id == *id)?;
    Some(match key.used {
        Some(LIMITED) => (200, json!({ "error": "rate limited" })),
        Some(REFUSED) => (403, json!({ "message": "Not yours." })),
        used => (200, json!({ "at": used })),
    })
}

fn steps(request: &Request) -> Vec<&str> {
    request.steps.iter().map(String::as_str).collect()
}

/// A key whose predecessor is kept for 60 s after a use, which the API may tell 10 s late.
fn write(ws: &Workspace, keyring: &Keyring, trigger: u8, more: &str) {
    let declaration = format!(
        r#"
      base_url     = "{}/api"
      headers      = {{ Authorization = "Bearer made-up-canary-of-the-admin" }}
      parameters   = ["user"]
      time_format  = "seconds"
      last_use_lag = "10s"
      create = {{
        path   = "/users/{{{{user}}}}/tokens"
        json   = jsonencode({{ note = "apikey {{{{token}}}}" }})
        id     = "/id"
        secret = "/token"
      }}
      last_used = {{ path = "/tokens/{{{{key_id}}}}/use", at = "/at" }}
      revoke    = {{ path = "/users/{{{{user}}}}/tokens/{{{{key_id}}}}" }}
"#,
        keyring.url()
    );
    let held = "grace_period      = \"30s\"\n  revoke_only_if_unused_for = \"60s\"";
    let text = configuration(&declaration)
        .replace("\"100s\"", "\"30d\"")
        .replace("\"5s\"", "\"0s\"")
        .replace("grace_period      = \"30s\"", held)
        .replace(
            "  deliveries =",
            &format!("  rotation_trigger = \"{trigger}\"\n  {more}\n  deliveries ="),
        );
    ws.write(&text);
}

#[test]
fn a_use_that_was_told_counts_whatever_is_told_later_and_no_emergency_waits_for_an_answer() {
    let keyring = Keyring::start(speak);
    let ws = Workspace::new();
    write(&ws, &keyring, 1, "");
    ws.apply().ok();
    write(&ws, &keyring, 2, "");
    ws.apply().ok();
    assert_eq!(delivered(&ws), ["made-up-secret-2", "made-up-secret-1"]);

    let used = ws.advance("31s").now().unix();
    let tells = |used: Option<i64>| keyring.world().keys[0].used = used;
    tells(Some(used));
    ws.apply().ok().warns(&["blocked", "still in use"]);
    assert_eq!(ws.key("k").status(), "blocked");

    // It forgets, or goes back, and then its answer is none.
    let held = ["payments", "blocked", "still in use"];
    for forgotten in [None, Some(used - 100)] {
        tells(forgotten);
        let plan = ws.plan().ok().code(0);
        plan.warns(&["payments", "went backwards"]).warns(&held);
    }
    ws.advance("65s");
    tells(Some(used));
    let late = ws.plan().ok().code(0);
    late.warns(&["blocked", "still in use"])
        .does_not_warn("backwards");
    ws.advance("5s");
    tells(Some(LIMITED));
    let untold = "nobody can tell whether retiring key";
    let plan = ws.plan().ok().code(0);
    plan.warns(&["blocked", untold, "could not be read"])
        .warns(&["payments", "no time at \"/at\""]);
    tells(Some(REFUSED));
    ws.apply().ok().warns(&["blocked", untold]).warns(&["403"]);
    assert_eq!(keyring.secrets().len(), 2);
    let reason = ws.key("k").text("status_reason");
    assert!(reason.contains(untold), "{reason}");

    // What it does not tell keeps nobody from an emergency.
    let emergency = block("INC-1", "replace_first", "primary");
    write(&ws, &keyring, 2, &emergency);
    ws.plan().ok().code(2).warns(&["EMERGENCY INC-1"]);
    ws.apply_plan().ok();
    assert_eq!(delivered(&ws), ["made-up-secret-3"]);
    assert_eq!(keyring.secrets(), ["made-up-secret-3"]);
    assert_eq!(ws.key("k").at("pending_revocations"), &Value::Array(vec![]));

    // Nor does it keep a key alive for good.
    write(&ws, &keyring, 3, &emergency);
    ws.apply().ok();
    tells(Some(REFUSED));
    ws.advance("209s").plan().ok().code(0).warns(&["blocked"]);
    ws.advance("1s").apply().ok().warns(&["This apply revokes"]);
    assert_eq!(keyring.secrets(), ["made-up-secret-4"]);
    ws.destroy().ok();
    assert!(keyring.secrets().is_empty());
}
