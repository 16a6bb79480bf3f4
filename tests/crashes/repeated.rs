//! A create that was killed is repeated, with the same deliveries or with others.

use std::fs;
use std::thread;

use serde_json::json;
use tokio::runtime::Runtime;

use super::scenes::{LEASE, PROVIDER, Scene};
use crate::aws_life::world::World;
use crate::emergency::declared;
use crate::ledger::sql::{Place, run};
use crate::monitoring::ask;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const SECOND_ALONE: &str = r#"{ b = { file = { path = "b.json" } } }"#;

fn config() -> Config {
    Config::new().two_deliveries().beside(PROVIDER)
}

/// Within the lease of the apply that was killed nobody can tell how far it came.
#[test]
fn an_emergency_that_was_cut_off_after_the_swap_is_finished_although_its_block_is_gone() {
    let world = World::new();
    let config = world.config().beside(PROVIDER);
    world.write(&config).ws.apply().ok();
    let (old, secret) = world.delivered("primary");
    world.write(&config.clone().with(&declared("INC-1")));
    world
        .ws
        .env("APIKEY_KILL", "contain:revoke:begun#1")
        .apply()
        .failed();
    world.ws.env("APIKEY_KILL", "");
    world.write(&config);
    world.ws.plan().does_not_warn("is called off");
    world.ws.apply().does_not_warn("is called off");
    thread::sleep(LEASE);
    world.ws.apply().ok();
    assert!(!world.cloud.accepts(&old, &secret));
    assert_eq!(world.key().status(), "ok");
    ask(&world.ws, &["status", "--fail-on", "compromised"]).code(0);
}

/// No state has heard of it, and after a change of the name no plan looks for it.
#[test]
fn a_create_that_was_killed_at_its_mint_is_named_by_the_status_with_the_way_to_close_it() {
    let world = World::new();
    let config = world.config().beside(PROVIDER);
    world.write(&config);
    killed(&world.ws, "create:mint:done#1");
    let told = ask(&world.ws, &["status", "--json"]).code(0).json();
    let lost = &told["lost_creates"][0];
    assert_eq!(
        (&lost["name"], &lost["workspace"]),
        (&json!("payments"), &json!("default"))
    );
    let mint = lost["mint"].as_str().unwrap();
    let way_on = format!("ledger settle {mint}");
    ask(&world.ws, &["status"])
        .code(0)
        .says(&["A create of payments", &way_on]);
    ask(&world.ws, &["ledger", "settle", mint]).code(0);
    let told = ask(&world.ws, &["status"]).stdout.clone();
    assert!(!told.contains("A create of"), "{told}");
}

fn killed(ws: &Workspace, point: &str) {
    ws.env("APIKEY_KILL", point).apply().failed();
    ws.env("APIKEY_KILL", "");
    ask(ws, &["status", "--fail-on", "unfinished"])
        .code(3)
        .says(&["no outcome: an apply is at work, or was killed"]);
    let open = ledger(ws, "SELECT COUNT(*) FROM intents WHERE outcome IS NULL");
    ask(ws, &["metrics"])
        .code(0)
        .says(&[&format!("apikey_effects_unfinished {}\n", open[0])]);
    thread::sleep(LEASE);
}

fn ledger(ws: &Workspace, question: &str) -> Vec<String> {
    let ledger = ws.path(".terraform/apikey/ledger.db");
    let answer = run(Place::File(&ledger), question);
    Runtime::new().unwrap().block_on(answer).unwrap()
}

/// The keys that the ledger holds for alive, and whether somebody has them.
fn alive(ws: &Workspace) -> Vec<String> {
    ledger(
        ws,
        "SELECT slot FROM keys WHERE status <> 'revoked' ORDER BY id",
    )
}

/// The key of the state is the only one, nothing is open, and nothing is left to do.
fn all_is_told(ws: &Workspace) {
    assert_eq!(alive(ws), ["primary"]);
    let open = "SELECT action, effect FROM intents WHERE outcome IS NULL";
    assert_eq!(ledger(ws, open), [""; 0]);
    assert_eq!(ws.key("k").at("pending_removals"), &json!([]));
    ws.plan().ok().code(0);
    ask(ws, &["audit", "verify"]).code(0);
}

/// No issuer tells of such a key: what the ledger says of it decides whether the next create may take its place.
#[test]
fn a_creation_of_a_generated_key_that_was_killed_is_simply_repeated() {
    for point in ["create:deliver:done#1", "create:deliver:done#2"] {
        let ws = Workspace::with(&config().text());
        killed(&ws, point);
        let left = ws.delivered("a.json")["primary"]["secret"].clone();
        assert!(left.is_string(), "{point}");
        // A plan alone looks at what was left, and as often as it is made.
        for _ in 0..2 {
            ws.plan().ok().does_not_warn("a.json, where nothing");
        }
        assert_eq!(alive(&ws), ["none"], "{point}");
        ws.apply().ok();
        assert_ne!(ws.delivered("a.json")["primary"]["secret"], left);
        assert_eq!(ws.delivered("a.json"), ws.delivered("b.json"));
        all_is_told(&ws);
    }
}

/// What is accepted where a document holds it is accepted there until somebody empties the place.
#[test]
fn what_a_killed_creation_has_written_is_emptied_where_nothing_is_delivered_any_more() {
    let ws = Workspace::with(&config().text());
    killed(&ws, "create:deliver:done#1");
    let moved = r#"{ a = { file = { path = "c.json" } }, b = { file = { path = "b.json" } } }"#;
    ws.write(&config().deliveries(moved).text());
    for _ in 0..2 {
        ws.plan().ok().warns(&[
            "did not finish",
            "a.json, where nothing is delivered",
            "empties",
        ]);
    }
    ws.apply_plan().ok();
    assert!(!ws.path("a.json").exists());
    assert_eq!(ws.delivered("c.json"), ws.delivered("b.json"));
    all_is_told(&ws);

    // One that cannot be emptied is remembered, and so is the key that still stands in it.
    let ws = Workspace::with(&config().text());
    killed(&ws, "create:deliver:done#1");
    let by_hand = format!("copied: {}", ws.secret("a.json", "primary"));
    fs::write(ws.path("a.json"), &by_hand).unwrap();
    ws.write(&config().deliveries(SECOND_ALONE).text());
    let applied = ws.apply().ok();
    applied.warns(&["a.json", "still holds a key", "pending_removals"]);
    assert!(ws.key("k").text("pending_removals").contains("a.json"));
    assert_eq!(fs::read_to_string(ws.path("a.json")).unwrap(), by_hand);
    assert_eq!(alive(&ws), ["none", "primary"]);
    fs::remove_file(ws.path("a.json")).unwrap();
    ws.apply().ok();
    all_is_told(&ws);

    // What somebody else put there is nobody's to take away.
    let ws = Workspace::with(&config().text());
    killed(&ws, "create:deliver:done#1");
    let foreign = fs::read_to_string(ws.path("a.json")).unwrap();
    let foreign = foreign.replace(&ws.secret("a.json", "primary"), "somebody-elses");
    fs::write(ws.path("a.json"), &foreign).unwrap();
    ws.write(&config().deliveries(SECOND_ALONE).text());
    ws.apply().ok();
    assert_eq!(fs::read_to_string(ws.path("a.json")).unwrap(), foreign);
    all_is_told(&ws);
}

/// A key with an id is revoked, and a dead one is of no use to whoever reads it.
#[test]
fn a_killed_creation_with_another_delivery_leaves_neither_a_key_nor_a_document() {
    let scene = Scene::new("");
    let ws = scene.ws();
    killed(ws, "create:deliver:done#2");
    let left = scene.ids();
    assert!(ws.path("k.json").exists());
    scene.deliver_to_the_secret_alone();
    ws.plan()
        .ok()
        .warns(&["did not finish", &left[0]])
        .warns(&["did not finish", "k.json, where nothing is delivered"]);
    ws.apply_plan().ok();
    assert!(!ws.path("k.json").exists());
    assert_eq!(scene.ids().len(), 1);
    assert!(!scene.ids().contains(&left[0]));
    all_is_told(ws);
}

/// Where a block was taken out, no state keeps what a refresh has seen: no plan could ever show the key that a killed apply minted.
#[test]
fn a_destroy_takes_along_what_a_killed_mint_has_left_and_closes_what_it_left_open() {
    let world = World::new();
    let config = world.config().beside(PROVIDER);
    world.write(&config).ws.apply().ok();
    world.ws.advance("80s");
    killed(&world.ws, "stage:mint:done#1");
    assert_eq!(world.ids().len(), 2);
    world.ws.write(config.without_the_key());
    let destroyed = world.ws.apply().ok();
    destroyed.warns(&["is revoked as well"]);
    assert_eq!(world.ids(), [""; 0]);
    let open = "SELECT action, effect FROM intents WHERE outcome IS NULL";
    assert_eq!(ledger(&world.ws, open), [""; 0]);
    ask(&world.ws, &["status", "--fail-on", "unfinished"]).code(1);
}
