//! A state that is older than the world, and a list of revocations that is wrong.

use std::fs;

use serde_json::json;

use super::world::World;
use crate::support::action;

fn promoted_with_the_first_state() -> (World, serde_json::Value) {
    let world = World::new().created();
    let older = world.ws.state();
    let world = world.staged().promoted();
    world.ws.plan().ok().code(0);
    (world, older)
}

#[test]
fn an_older_state_follows_and_no_key_is_revoked_or_lost() {
    let (world, older) = promoted_with_the_first_state();
    let (ids, document) = (world.ids(), world.document());
    world.ws.put_back(&older);
    world.ws.apply().ok();
    assert_eq!((world.ids(), world.document()), (ids, document));
    world.in_order();
    assert_eq!(world.key().generation(), 2);
    world.ws.plan().ok().code(0);

    world.ws.advance("30s");
    world.takes("revoke");
}

#[test]
fn without_its_ledger_an_older_state_is_refused_and_nothing_changes() {
    let (world, older) = promoted_with_the_first_state();
    world.ws.advance("30s");
    world.takes("revoke");
    let (ids, document) = (world.ids(), world.document());
    let newest = world.ws.state();
    fs::remove_dir_all(world.ws.path(".terraform/apikey")).unwrap();
    world.ws.put_back(&older);
    let refused = world.ws.apply().failed();
    refused
        .complains(&["payments", "of generation 2", "Restore the newest state"])
        .reads("older-state-of-an-aws-key");
    assert_eq!(
        (world.ids(), world.document()),
        (ids.clone(), document.clone())
    );

    world.ws.put_back(&newest);
    world.ws.apply().ok();
    assert_eq!((world.ids(), world.document()), (ids, document));
}

#[test]
fn a_plan_that_was_saved_before_the_action_changes_nothing() {
    let world = World::new().created();
    world.ws.advance("80s").plan().ok().code(2);
    action::rotate_now(&world.ws);
    let (ids, document) = (world.ids(), world.document());
    let refused = world.ws.apply_plan().failed();
    refused.complains(&["payments", "apikey_rotate_now", "apply -refresh-only"]);
    assert_eq!(
        (world.ids(), world.document()),
        (ids.clone(), document.clone())
    );

    world.ws.apply().ok();
    world.in_order();
    assert_eq!((world.ids(), world.document()), (ids, document));
}

#[test]
fn a_list_of_revocations_that_names_the_primary_revokes_nothing() {
    let world = World::new().created();
    let (ids, document) = (world.ids(), world.document());
    world.ws.edit_state(|state| {
        for resource in state["resources"].as_array_mut().unwrap() {
            if resource["type"] == "apikey_managed" {
                resource["instances"][0]["attributes"]["pending_revocations"] = json!(ids);
            }
        }
    });
    let told = world.ws.apply_with(&["-refresh=false"]).ok();
    told.reads_warnings("revocation-of-a-key-in-use");
    assert_eq!((world.ids(), world.document()), (ids, document));
    assert_eq!(world.key().at("pending_revocations"), &json!([]));
    world.ws.plan().ok().code(0);
    world.in_order();
}

#[test]
fn a_destroy_that_does_not_know_the_staged_key_is_refused() {
    let world = World::new().created();
    let older = world.ws.state();
    let world = world.staged();
    let (ids, document) = (world.ids(), world.document());
    fs::remove_dir_all(world.ws.path(".terraform/apikey")).unwrap();
    world.ws.put_back(&older);
    let destroy = ["destroy", "-json", "-auto-approve", "-refresh=false"];
    let refused = world.ws.run(&destroy).failed();
    let told = ["payments", ids[1].as_str(), "Restore the newest state"];
    refused
        .complains(&told)
        .reads("destroy-that-does-not-know-the-staged-key");
    assert_eq!((world.ids(), world.document()), (ids, document));
}

#[test]
fn a_state_that_outlived_a_destroy_makes_no_key_live_again() {
    let world = World::new().created();
    let ws = &world.ws;
    ws.plan().ok().code(0);
    let state = ws.state();
    ws.destroy().ok();
    ws.put_back(&state);
    ws.apply_with(&["-refresh-only"]).ok();
    let inventory = r#"
        data "apikey_inventory" "live" { status = "live" }
        output "live" { value = length(data.apikey_inventory.live.keys) }
    "#;
    ws.write(inventory).apply().ok();
    assert_eq!(ws.state()["outputs"]["live"]["value"], json!(0));
}
