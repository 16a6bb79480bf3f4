//! Two keys and one place: neither overwrites the other, whose document may be the only copy.

use apikey::secret::Secret;

use crate::support::keys::Config;
use crate::support::workspace::Workspace;

/// A second key `apikey_managed.other` that is delivered to this file.
fn other(file: &str) -> String {
    format!(
        r#"
resource "apikey_managed" "other" {{
  name       = "billing"
  policy     = apikey_rotation_policy.p
  issuer     = {{ generated = {{ prefix = "other" }} }}
  deliveries = {{ app = {{ file = {{ path = "{file}" }} }} }}
}}
"#
    )
}

/// Two keys that only the state can tell apart: the name is the same.
const TWINS: &str = r#"
resource "apikey_managed" "twin" {
  count      = 2
  name       = "twin"
  policy     = { name = "standard", tier = "standard" }
  issuer     = { generated = { prefix = "acme" } }
  deliveries = { app = { file = { path = "twin.json" } } }
}
"#;

#[test]
fn of_two_keys_that_are_created_in_one_place_at_once_only_one_is() {
    let ws = Workspace::with(TWINS);
    ws.apply()
        .failed()
        .complains(&["where another key is delivered"]);
    let state = ws.state();
    let instances = state["resources"][0]["instances"].as_array().unwrap();
    assert_eq!(instances.len(), 1, "{state}");
    let created = instances[0]["attributes"]["primary"]["fingerprint"].clone();

    // The mark is of the key that the file holds.
    let secret = Secret::new(ws.secret("twin.json", "primary"));
    assert_eq!(created, secret.fingerprint().to_string());
}

#[test]
fn a_new_key_that_takes_over_a_document_says_whose() {
    let ws = Config::new().created();
    let mark = Secret::new(ws.secret("k.json", "primary"))
        .fingerprint()
        .to_string();
    ws.run(&["state", "rm", "apikey_managed.k"]).ok();
    ws.apply()
        .ok()
        .warns(&["held another key", &mark, "k.json"]);
}

#[test]
fn a_delivery_is_not_added_where_another_key_lies() {
    let ws = Config::new().beside(&other("other.json")).created();
    let secret = ws.secret("other.json", "primary");

    // The other key is gone from the configuration, but not from the world.
    let both =
        r#"{ app = { file = { path = "k.json" } }, more = { file = { path = "other.json" } } }"#;
    ws.run(&["state", "rm", "apikey_managed.other"]).ok();
    ws.write(&Config::new().deliveries(both).text());
    ws.apply().failed().complains(&["holds another key"]);
    assert_eq!(ws.secret("other.json", "primary"), secret);
}

#[test]
fn a_delivery_is_not_moved_to_where_another_key_lies() {
    let ws = Config::new().beside(&other("other.json")).created();
    let secret = ws.secret("other.json", "primary");
    ws.run(&["state", "rm", "apikey_managed.other"]).ok();
    let moved = r#"{ app = { file = { path = "other.json" } } }"#;
    ws.write(&Config::new().deliveries(moved).text());
    ws.apply().failed().complains(&["holds another key"]);
    assert_eq!(ws.secret("other.json", "primary"), secret);
    assert_ne!(ws.secret("k.json", "primary"), "");
}

#[test]
fn a_delivery_that_gets_another_name_stays_where_it_is() {
    let ws = Config::new().created();
    let secret = ws.secret("k.json", "primary");
    let renamed = r#"{ web = { file = { path = "k.json" } } }"#;
    ws.write(&Config::new().deliveries(renamed).text());
    ws.apply().ok();
    assert_eq!(ws.secret("k.json", "primary"), secret);
    ws.plan().code(0);
}

#[test]
fn a_place_that_one_key_leaves_another_may_take() {
    let ws = Config::new().beside(&other("other.json")).created();
    let moved = r#"{ app = { file = { path = "new.json" } } }"#;
    ws.write(
        &Config::new()
            .deliveries(moved)
            .beside(&other("k.json"))
            .text(),
    );
    // Whichever comes first; the one that finds the place taken gets it in the next apply.
    ws.apply();
    ws.apply().ok();
    assert!(ws.secret("k.json", "primary").starts_with("other_"));
    assert!(ws.secret("new.json", "primary").starts_with("acme_"));
}
