//! Two keys and one place: neither overwrites the other, whose document may be the only copy. And one place under two
//! names.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use apikey::secret::Secret;

use crate::monitoring::ask;
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
    let id = ws.key("k").text("id");
    ws.run(&["state", "rm", "apikey_managed.k"]).ok();
    ask(&ws, &["ledger", "forget", &id]).code(0);
    ws.apply()
        .ok()
        .warns(&["holds another key", &mark, "k.json"]);
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
    let whose = "by the ledger a live key of \"billing\"";
    ws.plan().failed().complains(&["holds another key", whose]);
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
    // In one plan it would depend on which of them comes first.
    let first = "move that one first, in an apply of its own";
    ws.plan().failed().complains(&["holds another key", first]);
    let there = &Config::new().deliveries(moved);
    ws.write(&there.clone().beside(&other("other.json")).text());
    ws.apply().ok();
    ws.write(&there.clone().beside(&other("k.json")).text());
    ws.apply().ok();
    assert!(ws.secret("k.json", "primary").starts_with("other_"));
    assert!(ws.secret("new.json", "primary").starts_with("acme_"));
}

/// The directory of the workspace under another name.
fn linked(ws: &Workspace) {
    symlink(ws.path(""), ws.path("link")).unwrap();
}

#[test]
fn another_path_to_the_same_file_takes_nothing_away() {
    let ws = Config::new().created();
    let secret = ws.secret("k.json", "primary");
    linked(&ws);
    for path in ["link/k.json", "k.json"] {
        let renamed = format!(r#"{{ app = {{ file = {{ path = "{path}" }} }} }}"#);
        ws.write(&Config::new().deliveries(&renamed).text());
        ws.apply().ok();
        assert_eq!(ws.secret("k.json", "primary"), secret, "{path}");
        ws.plan().code(0);
    }
}

#[test]
fn one_file_under_two_names_is_refused_in_the_plan() {
    let ws = Config::new().created();
    let secret = ws.secret("k.json", "primary");
    linked(&ws);
    let twice =
        r#"{ app = { file = { path = "k.json" } }, more = { file = { path = "link/k.json" } } }"#;
    ws.write(&Config::new().deliveries(twice).text());
    ws.plan()
        .failed()
        .complains(&["Two deliveries write to one place"]);
    ws.write(&Config::new().beside(&other("link/k.json")).text());
    ws.plan()
        .failed()
        .complains(&["another key delivers to the same place"]);
    assert_eq!(ws.secret("k.json", "primary"), secret);
}

#[test]
fn a_path_that_leads_elsewhere_is_refused_and_both_places_are_named() {
    let ws = Workspace::new();
    for name in ["one", "two"] {
        fs::create_dir(ws.path(name)).unwrap();
        fs::set_permissions(ws.path(name), fs::Permissions::from_mode(0o700)).unwrap();
    }
    symlink(ws.path("one"), ws.path("keys")).unwrap();
    let config = Config::new().deliveries(r#"{ app = { file = { path = "keys/k.json" } } }"#);
    ws.write(&config.text());
    ws.apply().ok();
    let secret = ws.secret("one/k.json", "primary");
    let place = ws.key("k").text("delivery_status.app.place");
    assert!(place.ends_with("one/k.json"), "{place}");

    fs::remove_file(ws.path("keys")).unwrap();
    symlink(ws.path("two"), ws.path("keys")).unwrap();
    let both = ["one/k.json", "two/k.json", "its settings lead to"];
    ws.plan().failed().complains(&both);
    ws.apply_with(&["-refresh=false"]).ok();
    ws.advance("80s");
    ws.apply_with(&["-refresh=false"]).failed().complains(&both);
    ws.destroy().failed().complains(&both);
    assert_eq!(ws.secret("one/k.json", "primary"), secret);
    assert!(ws.delivered("two/k.json").is_null());

    fs::remove_file(ws.path("keys")).unwrap();
    symlink(ws.path("one"), ws.path("keys")).unwrap();
    ws.apply().ok();
    assert_eq!(ws.secret("one/k.json", "primary"), secret);
}

/// As with a cluster that was built anew under the same address.
#[test]
fn a_place_that_is_gone_for_good_holds_up_no_emergency_and_is_let_go_by_its_name() {
    let ws = Workspace::new();
    for name in ["one", "two"] {
        fs::create_dir(ws.path(name)).unwrap();
        fs::set_permissions(ws.path(name), fs::Permissions::from_mode(0o700)).unwrap();
    }
    symlink(ws.path("one"), ws.path("keys")).unwrap();
    let config = |more: &str, emergency: &str| {
        let app = format!(r#"app = {{ file = {{ path = "keys/k.json" }}{more} }}"#);
        let deliveries = format!(r#"{{ {app}, other = {{ file = {{ path = "other.json" }} }} }}"#);
        let config = Config::new().deliveries(&deliveries);
        match emergency {
            "" => config.text(),
            emergency => config.with(emergency).text(),
        }
    };
    ws.write(&config("", "")).apply().ok();
    let place = ws.key("k").text("delivery_status.app.place");
    fs::remove_file(ws.path("keys")).unwrap();
    symlink(ws.path("two"), ws.path("keys")).unwrap();
    fs::remove_dir_all(ws.path("one")).unwrap();

    let way_out = format!("lost_place = {place:?}");
    ws.plan().failed().complains(&[&way_out]);
    let another = config(", lost_place = \"file /somewhere/else\"", "");
    ws.write(&another).plan().failed().complains(&[&way_out]);

    // A generated key is accepted wherever it stands, so that only a person can say that nobody reads it there.
    let emergency = r#"emergency = { id = "INC-1", reason = "made up" }"#;
    let former = ws.secret("other.json", "primary");
    ws.write(&config("", emergency))
        .apply()
        .failed()
        .warns(&[&way_out]);
    let secret = ws.secret("other.json", "primary");
    assert_ne!(secret, former);
    assert!(ws.delivered("two/k.json").is_null());
    let lost = config(&format!(", {way_out}"), emergency);
    let trusted = format!("nobody looks whether {place} still holds the compromised key");
    ws.write(&lost).apply().ok().warns(&[&trusted]);
    assert_eq!(ws.key("k").text("status"), "ok");
    assert_eq!(ws.secret("two/k.json", "primary"), secret);
    ws.plan().ok().code(0);
    ws.destroy().ok();
    assert!(ws.delivered("two/k.json").is_null());
}

#[test]
fn a_place_that_is_gone_for_good_is_let_go_even_after_its_delivery_has_left_it() {
    let ws = Workspace::new();
    for name in ["one", "two"] {
        fs::create_dir(ws.path(name)).unwrap();
        fs::set_permissions(ws.path(name), fs::Permissions::from_mode(0o700)).unwrap();
    }
    symlink(ws.path("one"), ws.path("keys")).unwrap();
    let app = |settings: &str, trigger: u8| {
        Config::new()
            .deliveries(&format!("{{ app = {{ {settings} }} }}"))
            .with(&format!("rotation_trigger = \"{trigger}\""))
            .text()
    };
    ws.write(&app(r#"file = { path = "keys/k.json" }"#, 0));
    ws.apply().ok();
    let place = ws.key("k").text("delivery_status.app.place");
    fs::remove_file(ws.path("keys")).unwrap();
    symlink(ws.path("two"), ws.path("keys")).unwrap();
    fs::remove_dir_all(ws.path("one")).unwrap();

    let moved = r#"file = { path = "keys/new.json" }"#;
    ws.write(&app(moved, 0)).apply().ok();
    assert_eq!(ws.key("k").status(), "pending");
    let lost = format!("{moved}, lost_place = {place:?}");
    ws.write(&app(&lost, 0)).apply().ok();
    assert_eq!(ws.key("k").status(), "blocked");
    ws.write(&app(&lost, 1));
    ws.apply().ok();
    let secret = ws.secret("two/new.json", "primary");
    assert!(secret.starts_with("acme_"), "{secret}");
    let key = ws.key("k");
    assert_eq!(
        (key.status().as_str(), key.text("pending_removals").as_str()),
        ("ok", "[]")
    );
}

#[test]
fn what_somebody_else_keeps_in_a_file_is_refused_in_the_plan_unless_it_may_be_replaced() {
    let ws = Workspace::with(&Config::new().text());
    let foreign = r#"{"DB_PASSWORD":"made-up"}"#;
    fs::write(ws.path("k.json"), foreign).unwrap();
    fs::set_permissions(ws.path("k.json"), fs::Permissions::from_mode(0o600)).unwrap();
    ws.plan()
        .failed()
        .complains(&["is not ours to overwrite", "overwrite = true"]);
    ws.apply().failed();
    assert_eq!(fs::read_to_string(ws.path("k.json")).unwrap(), foreign);

    let replacing = r#"{ app = { file = { path = "k.json" }, overwrite = true } }"#;
    ws.write(&Config::new().deliveries(replacing).text());
    ws.apply().ok();
    assert!(ws.secret("k.json", "primary").starts_with("acme_"));
    ws.plan().code(0);
}

#[test]
fn a_second_workspace_does_not_take_the_file_of_the_first() {
    let ws = Config::new().created();
    let secret = ws.secret("k.json", "primary");
    ws.run(&["workspace", "new", "second"]).ok();
    let whose = "by the ledger a live key of";
    ws.plan().failed().complains(&["holds another key", whose]);
    assert_eq!(ws.secret("k.json", "primary"), secret);
}

#[test]
fn a_file_that_gets_another_format_keeps_its_keys() {
    let ws = Config::new().created();
    let secret = ws.secret("k.json", "primary");
    let dotenv = r#"{ app = { file = { path = "k.json", format = "dotenv" } } }"#;
    ws.write(&Config::new().deliveries(dotenv).text());
    ws.apply().ok();
    let text = fs::read_to_string(ws.path("k.json")).unwrap();
    assert!(text.starts_with(&format!("API_KEY_PRIMARY={secret}\n")));
    ws.plan().code(0);
    ws.write(&Config::new().text());
    ws.apply().ok();
    assert_eq!(ws.secret("k.json", "primary"), secret);
    ws.plan().code(0);
}
