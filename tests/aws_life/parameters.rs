//! The life of a key that is delivered to Parameter Store.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::door::Door;
use super::world::World;
use crate::aws::unique;

/// An apply that was killed holds its lock no longer than this.
const PROVIDER: &str = r#"provider "apikey" { ledger = { lock_lease = "2s" } }"#;

/// A key whose delivery has these settings beside the name, and the name.
fn world(more: &str) -> (World, String) {
    let (world, name) = (World::new(), unique("/prod/payments"));
    let place = format!(r#"{{ app = {{ aws_ssm_parameter = {{ name = "{name}"{more} }} }} }}"#);
    world.write(&world.config().deliveries(&place));
    (world, name)
}

fn value(world: &World, name: &str) -> Value {
    let parameter = world.cloud.parameter(name);
    let text = parameter["Value"].as_str().unwrap_or("null");
    serde_json::from_str(text).unwrap()
}

/// Plans, applies, and looks that the plan after it is empty.
#[track_caller]
fn step(world: &World, after: &str, action: &str) {
    world.ws.advance(after).plan().ok().code(2);
    world.ws.apply_plan().ok();
    assert_eq!(world.key().last_action(), action);
    world.ws.plan().ok().code(0);
}

/// The ids in both slots of one document.
fn slots(document: &Value) -> [Value; 2] {
    ["primary", "secondary"].map(|slot| document[slot]["key_id"].clone())
}

#[test]
fn a_key_lives_from_create_to_destroy_in_one_parameter() {
    let (world, name) = world(r#", tier = "Standard""#);
    step(&world, "0s", "create");
    let first = world.ids()[0].clone();
    assert_eq!(slots(&value(&world, &name)), [json!(first), Value::Null]);
    assert_eq!(world.cloud.parameter(&name)["Type"], "SecureString");
    let place = world.key().text("delivery_status.app.place");
    assert_eq!(
        place,
        format!("aws_ssm_parameter {name} (123456789012, eu-central-1)")
    );

    step(&world, "80s", "stage");
    let second = world.key().text("secondary.key_id");
    assert_eq!(slots(&value(&world, &name)), [json!(first), json!(second)]);

    step(&world, "20s", "promote");
    let document = value(&world, &name);
    assert_eq!(slots(&document), [json!(second), json!(first)]);
    let secret = document["primary"]["secret"].as_str().unwrap();
    assert!(world.cloud.accepts(&second, secret));

    step(&world, "30s", "revoke");
    assert_eq!(slots(&value(&world, &name)), [json!(second), Value::Null]);
    assert_eq!(world.key().text("delivery_status.app.version"), "4");
    assert_eq!(world.cloud.parameter(&name)["Version"], 4);
    assert_eq!(world.ids(), [second]);

    world.ws.destroy().ok();
    assert!(world.ids().is_empty());
    assert_eq!(world.cloud.parameter(&name), Value::Null);
}

#[test]
fn a_key_lives_from_create_to_destroy_in_two_parameters() {
    let second_name = unique("/prod/payments/next");
    let (world, name) = world(&format!(r#", secondary_name = "{second_name}""#));
    let ids = || [&name, &second_name].map(|name| value(&world, name)["key_id"].clone());
    step(&world, "0s", "create");
    let first = world.ids()[0].clone();
    assert_eq!(ids(), [json!(first), Value::Null]);
    step(&world, "80s", "stage");
    let second = world.key().text("secondary.key_id");
    assert_eq!(ids(), [json!(first), json!(second)]);
    assert_eq!(world.cloud.parameter(&name)["Version"], 1);
    step(&world, "20s", "promote");
    assert_eq!(ids(), [json!(second), json!(first)]);
    assert_eq!(value(&world, &name)["generation"], 2);
    step(&world, "30s", "revoke");
    assert_eq!(ids(), [json!(second), Value::Null]);
    world.ws.destroy().ok();
    for name in [&name, &second_name] {
        assert_eq!(world.cloud.parameter(name), Value::Null);
    }
}

#[test]
fn a_swap_that_reaches_the_first_parameter_alone_is_taken_back() {
    let (world, name) = world(r#", secondary_name = "/torn/secondary""#);
    step(&world, "0s", "create");
    step(&world, "80s", "stage");
    let before = [value(&world, &name), value(&world, "/torn/secondary")];
    let door = Door::before(&world.cloud.url());
    world.ws.env("AWS_ENDPOINT_URL_SSM", &door.url());
    door.refuse(r#""Name":"/torn/secondary","Value""#, "\0");
    world.ws.advance("20s").apply();
    let after = [value(&world, &name), value(&world, "/torn/secondary")];
    assert_eq!(after, before);
    assert_eq!(world.key().generation(), 1);
    assert_eq!(world.ids().len(), 2);

    door.open();
    world.ws.apply().ok();
    assert_eq!(world.key().generation(), 2);
    assert_eq!(
        value(&world, "/torn/secondary")["key_id"],
        before[0]["key_id"]
    );
}

/// No moment lies between the two writes of a swap that a test could name, so the second is taken back by hand.
#[test]
fn a_swap_that_is_killed_between_both_parameters_is_followed_and_revokes_nothing_before_its_time() {
    let second_name = unique("/killed/secondary");
    let (world, name) = world("");
    let config = world.config().deliveries(&both(&name, &second_name));
    world.write(&config.beside(PROVIDER));
    step(&world, "0s", "create");
    step(&world, "80s", "stage");
    let ids = || [&name, &second_name].map(|name| value(&world, name)["key_id"].clone());
    let [first, second] = ids();
    let before = [&name, &second_name].map(|name| world.cloud.parameter(name)["Value"].clone());
    let put = |name: &str, value: &Value| {
        let input =
            json!({ "Name": name, "Value": value, "Type": "SecureString", "Overwrite": true });
        world.cloud.ssm("PutParameter", input);
    };
    world.ws.env("APIKEY_KILL", "promote:deliver:done#1");
    world.ws.advance("20s").apply().failed();
    world.ws.env("APIKEY_KILL", "");
    assert_eq!(ids(), [second.clone(), first.clone()]);
    put(&second_name, &before[1]);
    assert_eq!(ids(), [second.clone(), second.clone()]);

    sleep(Duration::from_millis(2_200));
    world.ws.apply().ok();
    assert_eq!(ids()[0], second);
    assert_eq!(json!(world.key().text("secondary.key_id")), first);
    assert_eq!(world.ids().len(), 2);
    assert_eq!(world.key().generation(), 2);
    world.ws.plan().ok().code(0);
    step(&world, "30s", "revoke");
    assert_eq!(ids(), [second.clone(), Value::Null]);
    assert_eq!(json!(world.ids()), json!([second]));
}

#[test]
fn a_write_whose_answer_is_lost_is_done_once() {
    let (world, name) = world("");
    let door = Door::before(&world.cloud.url());
    world.ws.env("AWS_ENDPOINT_URL_SSM", &door.url());
    for (after, action) in [("0s", "create"), ("80s", "stage"), ("20s", "promote")] {
        world.ws.advance(after).plan().ok().code(2);
        door.lose("AmazonSSM.PutParameter");
        world.ws.apply_plan().ok();
        assert!(!door.is_waiting(), "nothing was lost");
        assert_eq!(world.key().last_action(), action);
        let ids = slots(&value(&world, &name));
        assert_eq!(ids[0], json!(world.key().text("primary.key_id")));
        world.ws.plan().ok().code(0);
    }
}

#[test]
fn what_somebody_else_writes_is_noticed_and_repaired_and_what_is_not_encrypted_is_refused() {
    let (world, name) = world("");
    step(&world, "0s", "create");
    let document = value(&world, &name);
    let mut altered = document.clone();
    altered["primary"]["secret"] = json!("made-up-by-hand");
    let put = |value: &str, kind: &str| {
        let input = json!({ "Name": name, "Value": value, "Type": kind, "Overwrite": true });
        world.cloud.ssm("PutParameter", input);
    };
    // The only copy is altered, and nobody can repair it: it is told, and nothing else happens.
    put(&altered.to_string(), "SecureString");
    world
        .ws
        .plan()
        .ok()
        .warns(&["payments", "no delivery holds the secret"]);
    put(&document.to_string(), "SecureString");
    world.ws.plan().ok().code(0);

    let (world, name) = self::world("");
    let input = json!({ "Name": name, "Value": "{}", "Type": "String" });
    world.cloud.ssm("PutParameter", input);
    let refused = world.ws.plan().failed();
    refused
        .complains(&["is not ours to overwrite"])
        .reads("parameter-that-is-not-encrypted");
    let place =
        format!(r#"{{ app = {{ aws_ssm_parameter = {{ name = "{name}" }}, overwrite = true }} }}"#);
    world.write(&world.config().deliveries(&place));
    let refused = world.ws.apply().failed();
    refused
        .complains(&["is not encrypted", "delete-parameter"])
        .reads("parameter-that-cannot-be-encrypted");
    assert!(world.ids().is_empty());
    assert_eq!(value(&world, &name), json!({}));
}

#[test]
fn a_delivery_that_moves_from_a_secret_to_a_parameter_takes_its_keys_along() {
    let world = World::new().created();
    let (primary, _) = world.delivered("primary");
    let name = unique("/prod/payments");
    let place = format!(r#"{{ app = {{ aws_ssm_parameter = {{ name = "{name}" }} }} }}"#);
    world.write(&world.config().deliveries(&place));
    world.ws.apply().ok();
    assert_eq!(slots(&value(&world, &name))[0], json!(primary));
    assert!(world.document().is_null(), "the secret is gone");
    assert_eq!(world.ids(), [primary]);
    world.ws.plan().ok().code(0);
}

#[test]
fn a_right_that_is_missing_is_named_before_anything_is_minted() {
    let (world, _) = world("");
    world.cloud.deny(&world.admin, r#""ssm:GetParameter""#);
    let refused = world.ws.apply().failed();
    refused
        .complains(&["payments", "ssm:GetParameter"])
        .reads("parameter-that-may-not-be-read");
    assert!(world.ids().is_empty());
}

fn both(name: &str, second: &str) -> String {
    format!(
        r#"{{ app = {{ aws_ssm_parameter = {{ name = "{name}", secondary_name = "{second}" }} }} }}"#
    )
}

#[test]
fn a_move_between_places_that_share_a_parameter_is_refused_and_takes_nothing_away() {
    let [second, third, fourth] = ["b", "c", "d"].map(|it| unique(&format!("/prod/payments/{it}")));
    let (world, name) = world(&format!(r#", secondary_name = "{second}""#));
    step(&world, "0s", "create");
    step(&world, "80s", "stage");
    let texts = || [&name, &second].map(|name| value(&world, name));
    let (before, ids) = (texts(), world.ids());
    let one = format!(r#"{{ app = {{ aws_ssm_parameter = {{ name = "{name}" }} }} }}"#);
    for crossing in [
        one,
        both(&second, &name),
        both(&name, &third),
        both(&third, &second),
        both(&second, &third),
    ] {
        world.write(&world.config().deliveries(&crossing));
        let said = ["shares a part with", "Nothing was changed"];
        world.ws.plan().failed().complains(&said);
        world
            .ws
            .apply_with(&["-refresh=false"])
            .failed()
            .complains(&said);
        assert_eq!(texts(), before, "{crossing}");
    }
    world.write(&world.config().deliveries(&both(&second, &name)));
    world
        .ws
        .plan()
        .failed()
        .reads("parameters-that-change-places");
    assert_eq!(world.ids(), ids);
    assert_eq!(value(&world, &third), Value::Null);

    // The way on that the error names.
    world.write(&world.config().deliveries(&both(&third, &fourth)));
    world.ws.apply().ok();
    assert_eq!([&third, &fourth].map(|name| value(&world, name)), before);
    assert_eq!(
        [&name, &second].map(|name| world.cloud.parameter(name)),
        [Value::Null, Value::Null]
    );
    world.write(&world.config().deliveries(&both(&second, &name)));
    world.ws.apply().ok();
    assert_eq!([&second, &name].map(|name| value(&world, name)), before);
}

#[test]
fn a_former_pair_that_could_not_be_emptied_is_not_moved_back_to_in_part() {
    let [second, third, fourth] = ["b", "c", "d"].map(|it| unique(&format!("/prod/payments/{it}")));
    let (world, name) = world(&format!(r#", secondary_name = "{second}""#));
    step(&world, "0s", "create");
    let door = Door::before(&world.cloud.url());
    world.ws.env("AWS_ENDPOINT_URL_SSM", &door.url());
    door.refuse("AmazonSSM.DeleteParameter", "\0");
    world.write(&world.config().deliveries(&both(&third, &fourth)));
    world.ws.apply().ok().warns(&["is not emptied yet"]);
    let one = format!(r#"{{ app = {{ aws_ssm_parameter = {{ name = "{second}" }} }} }}"#);
    world.write(&world.config().deliveries(&one));
    world
        .ws
        .apply()
        .failed()
        .complains(&["shares a part with", &name]);
    door.open();
    world.write(&world.config().deliveries(&both(&third, &fourth)));
    world.ws.apply().ok();
    assert_eq!(world.cloud.parameter(&name), Value::Null);
    world.write(&world.config().deliveries(&one));
    world.ws.apply().ok();
    assert_eq!(slots(&value(&world, &second))[0], json!(world.ids()[0]));
    world.ws.plan().ok().code(0);
}

/// Readers find no primary, and the key of the other slot still works.
#[test]
fn a_pair_whose_first_parameter_is_gone_still_holds_a_key() {
    let next = unique("/prod/payments/next");
    let (world, name) = world(&format!(r#", secondary_name = "{next}""#));
    step(&world, "0s", "create");
    step(&world, "80s", "stage");
    world.cloud.ssm("DeleteParameter", json!({ "Name": name }));
    world.ws.destroy().ok();
    assert_eq!(world.cloud.parameter(&next), Value::Null);
    assert!(world.ids().is_empty());
}
