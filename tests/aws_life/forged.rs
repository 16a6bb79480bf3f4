//! Rows that somebody wrote into the tables of the ledger, to have another's live key revoked.

use std::process::Command;

use super::world::World;
use crate::ledger::sql::{self, Place};

const FILE: &str = ".terraform/apikey/ledger.db";

/// A row of `intents` like one of an apply that was killed a moment ago.
fn intent(world: &World, effect: &str, key_id: &str, known: &str) -> String {
    format!(
        "INSERT INTO intents (intent, apply, resource_id, name, workspace, issuer, account, effect, action, key_id, \
         known_keys, begun_at) SELECT 'f0', 'f0', resource_id, name, workspace, issuer, account, '{effect}', 'stage', \
         {key_id}, '{known}', strftime('%Y-%m-%dT%H:%M:%SZ', 'now') FROM keys JOIN resources USING (resource_id) \
         WHERE key_id = '{}'",
        world.key().text("primary.key_id")
    )
}

fn run(world: &World, text: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let file = world.ws.path(FILE);
    let done = runtime.block_on(sql::run(Place::File(&file), text));
    done.unwrap();
}

/// The exit code of a check by hand, and what it said.
fn verified(world: &World) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"))
        .args(["audit", "verify", "--url"])
        .arg(format!("sqlite://{}", world.ws.path(FILE).display()))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

#[test]
fn a_row_that_was_put_in_gets_no_key_revoked() {
    for (what, table) in [
        ("key", "keys"),
        ("mint", "intents"),
        ("revoke", "intents"),
        ("apply", "intents"),
    ] {
        let world = World::new().created();
        let before = world.document();
        let theirs = world.cloud.create_key(&world.user);
        let named = format!("'{}'", theirs.id);
        let row = match what {
            "key" => format!(
                "INSERT INTO keys (resource_id, issuer, account, key_id, slot, status, created_at, minted_by, updated_at) \
                 SELECT resource_id, issuer, account, {named}, 'none', 'live', created_at, minted_by, updated_at \
                 FROM keys"
            ),
            "apply" => intent(&world, what, "NULL", &format!("[\"{}\"]", theirs.id)),
            "revoke" => intent(&world, what, &named, "[]"),
            _ => intent(&world, what, "NULL", "[]"),
        };
        assert_eq!(verified(&world).0, Some(0), "{what}");
        run(&world, &row);
        let (code, said) = verified(&world);
        assert_eq!(code, Some(3), "{what}");
        let expected = format!("in the table {table}: something else than the provider wrote it");
        assert!(said.contains(&expected), "{what}: {said}");

        let planned = world.ws.plan().ok().code(0);
        if what == "key" {
            planned.warns(&[&theirs.id, "its audit trail does not know", "by hand"]);
        }
        world.ws.apply().ok();
        assert!(world.cloud.accepts(&theirs.id, &theirs.secret), "{what}");
        assert_eq!(world.ids().len(), 2, "{what}");
        assert_eq!(world.document(), before, "{what}");
        world.in_order();
    }
}

#[test]
fn a_hundred_thousand_effects_without_an_outcome_hold_no_plan_up_and_nothing_is_minted_beside_them()
{
    let world = World::new().created();
    let rows = intent(&world, "mint", "NULL", "[]")
        .replace("'f0', 'f0'", "'f' || n.i, 'f' || n.i")
        .replace(
            "FROM keys",
            "FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n) \
             AS n CROSS JOIN keys",
        );
    run(&world, &rows);
    let more = "more than 5000 effects without an outcome";
    world
        .ws
        .plan()
        .ok()
        .code(0)
        .warns(&["payments", more, "Plan again"]);
    let before = world.ids();
    world.ws.advance("80s");
    world.ws.plan().ok().code(2);
    let more = "more effects without an outcome than are looked at together";
    let refused = world.ws.apply_plan().failed();
    refused
        .complains(&["payments", more])
        .reads("ledger-with-too-much-that-is-open");
    assert_eq!(world.ids(), before);
    world.in_order();

    run(&world, "DELETE FROM intents WHERE outcome IS NULL");
    world.ws.apply().ok();
    assert_eq!(world.key().phase(), "staged");
    world.in_order();
}
