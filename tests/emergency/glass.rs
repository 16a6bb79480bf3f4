//! Emergencies whose ledger fails.

use std::fs;

use crate::aws_life::world::World;
use crate::emergency::declared;
use crate::monitoring::ask;
use crate::support::keys::Config;

const UNREACHABLE: &str = r#"
provider "apikey" {
  ledger = { url = "postgres://apikey@127.0.0.1:1/apikey" }
}"#;

const INSISTS: &str =
    r#"emergency = { id = "INC-1", reason = "a laptop was stolen", break_glass = true }"#;

#[test]
fn without_its_ledger_an_emergency_goes_on_only_if_a_person_breaks_the_glass() {
    let config = Config::new();
    let ws = config.created();
    // A refresh has seen the key in the state.
    ws.plan().ok().code(0);
    let secrets = || ["primary", "secondary"].map(|slot| ws.secret("k.json", slot));
    let [old, _] = secrets();
    let lost = config.clone().beside(UNREACHABLE);
    ws.write(&lost.clone().with(&declared("INC-1")).text());
    let refused = ws.apply().failed();
    refused
        .complains(&["payments", "break_glass = true"])
        .reads("emergency-without-its-ledger");
    assert_eq!(secrets()[0], old);

    ws.write(&lost.with(INSISTS).text());
    ws.apply()
        .ok()
        .warns(&["THE GLASS WAS BROKEN"])
        .reads_warnings("emergency-behind-the-glass");
    let [new, none] = secrets();
    assert!(new != old && none.is_empty());

    // The ledger is back, and hears of it.
    ws.write(&config.with(INSISTS).text());
    let back = ws.apply().ok();
    back.does_not_warn("the state does not");
    assert_eq!(secrets()[0], new);
    ws.plan().ok().code(0).does_not_warn("the state does not");
    let listed = ask(&ws, &["inventory", "--format", "json"])
        .code(0)
        .json()
        .to_string();
    assert_eq!(listed.matches("\"live\"").count(), 1, "{listed}");
}

#[test]
fn a_ledger_in_disorder_is_one_that_fails_and_the_key_is_refused_without_it() {
    let world = World::new().created();
    let (old, secret) = world.delivered("primary");
    fs::write(
        world.ws.path("ledger.db"),
        "this is no database, but it is long enough to look like one",
    )
    .unwrap();
    let broken = world
        .config()
        .beside("provider \"apikey\" {\n  ledger = { url = \"sqlite://ledger.db\" }\n}");
    world.write(&broken.clone().with(&declared("INC-1")));
    world.ws.apply().failed().complains(&["break_glass = true"]);
    assert!(world.cloud.accepts(&old, &secret));
    assert_eq!(world.ids(), [old.as_str()]);

    world.write(&broken.with(INSISTS));
    world.ws.apply().ok().warns(&["THE GLASS WAS BROKEN"]);
    assert!(!world.cloud.accepts(&old, &secret));
    world.in_order();
    assert_eq!(world.ids().len(), 1);
}
