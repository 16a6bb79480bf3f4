//! One secret under several names, in several regions, and secrets that hold something else.

use serde_json::{Value, json};

use super::world::{World, secrets_manager};
use crate::support::keys::Config;

fn arn(world: &World) -> String {
    let described = world.cloud.describe(&world.secret_id);
    described["ARN"].as_str().unwrap().to_owned()
}

fn delivered_to(world: &World, deliveries: &str) -> Config {
    world.config().deliveries(deliveries)
}

#[test]
fn another_name_for_the_same_secret_takes_nothing_away() {
    let world = World::new().created();
    let (key, arn, id) = (world.delivered("primary"), arn(&world), &world.secret_id);
    let (bare, _) = arn.rsplit_once('-').unwrap();
    let with_region =
        format!(r#"{{ aws_secrets_manager = {{ secret_id = "{id}", region = "eu-central-1" }} }}"#);
    for place in [
        secrets_manager(&arn),
        secrets_manager(bare),
        with_region,
        world.delivery(),
    ] {
        let config = delivered_to(&world, &format!("{{ app = {place} }}"));
        world.write(&config).ws.apply().ok();
        world.in_order();
        assert_eq!(world.delivered("primary"), key, "{place}");
        assert_eq!(world.cloud.describe(id)["DeletedDate"], Value::Null);
        world.ws.plan().code(0);
    }
}

#[test]
fn one_secret_under_two_names_is_refused_in_the_plan() {
    let world = World::new().created();
    let (key, arn) = (world.delivered("primary"), arn(&world));
    let twice = format!(
        "{{ app = {}, more = {} }}",
        world.delivery(),
        secrets_manager(&arn)
    );
    world.write(&delivered_to(&world, &twice));
    let complaint = "Two deliveries write to one place";
    world
        .ws
        .plan()
        .failed()
        .complains(&[complaint])
        .reads("one-secret-under-two-names");
    assert_eq!(world.delivered("primary"), key);
}

#[test]
fn another_region_or_account_is_refused_and_both_places_are_named() {
    let world = World::new().created();
    let (key, ids) = (world.delivered("primary"), world.ids());
    let place = world.key().text("delivery_status.app.place");
    assert_eq!(
        place,
        format!(
            "aws_secrets_manager {} (123456789012, eu-central-1)",
            world.secret_id
        )
    );
    world.ws.env("AWS_REGION", "us-east-1");
    let there = format!(
        "aws_secrets_manager {} (123456789012, us-east-1)",
        world.secret_id
    );
    let both = [place.as_str(), &there];
    let refused = world.ws.plan().failed().complains(&both);
    refused.reads("another-region");
    world.ws.advance("80s");
    let unrefreshed = world.ws.apply_with(&["-refresh=false"]);
    unrefreshed.failed().complains(&both);
    world.ws.destroy().failed().complains(&both);
    assert_eq!(world.ids(), ids);

    world.ws.env("AWS_REGION", "eu-central-1");
    assert_eq!(world.delivered("primary"), key);
    world.takes("stage");
}

#[test]
fn a_secret_that_holds_other_values_is_refused_in_the_plan_unless_it_may_be_replaced() {
    let world = World::new();
    let value = json!({ "DB_PASSWORD": "made-up" });
    world
        .cloud
        .create_secret(&world.secret_id, &value.to_string());
    let way_on = "overwrite = true";
    let refused = ["is not ours to overwrite", way_on];
    let outcome = world.ws.plan().failed().complains(&refused);
    outcome.reads("secret-with-other-values");
    world.ws.apply().failed();
    assert_eq!(world.document(), value);
    assert!(world.ids().is_empty());

    let replacing = format!(
        r#"{{ app = {{ aws_secrets_manager = {{ secret_id = "{}" }}, overwrite = true }} }}"#,
        world.secret_id
    );
    world.write(&delivered_to(&world, &replacing));
    let world = world.created();
    world.ws.plan().code(0);
}

#[test]
fn a_secret_that_holds_an_empty_placeholder_is_filled() {
    let world = World::new();
    world.cloud.create_secret(&world.secret_id, "{}");
    world.created();
}

#[test]
fn an_empty_secret_that_by_the_ledger_another_configuration_delivers_to_is_refused_in_the_plan() {
    let world = World::new().created();
    // The first refresh notes that a state holds the key.
    world.ws.plan().code(0);
    let ledger = world.ws.path(".terraform/apikey/ledger.db");
    let other = World::new();
    let url = format!("sqlite://{}", ledger.display());
    other.ws.env("APIKEY_LEDGER_URL", &url);
    other
        .write(&delivered_to(&other, &format!("{{ app = {} }}", world.delivery())).name("billing"));
    world.cloud.overwrite(&world.secret_id, "{}");
    let told = ["belongs to another key", "\"payments\"", "ledger forget"];
    let refused = other.ws.plan().failed().complains(&told);
    refused.reads("place-of-another-configuration");
    other.ws.apply_with(&["-refresh=false"]).failed();
    assert!(other.ids().is_empty());

    // Once that one is destroyed, the place is free.
    world.ws.destroy().ok();
    other.ws.apply().ok();
    assert_eq!(world.delivered("primary").0, other.ids()[0]);
}

/// Another configuration, of another user, that delivers to the secret of the first.
fn of_another_user(world: &World) -> World {
    let other = World::new();
    other
        .write(&delivered_to(&other, &format!("{{ app = {} }}", world.delivery())).name("billing"));
    other
}

fn shares_the_ledger(world: &World, other: &World) {
    let ledger = world.ws.path(".terraform/apikey/ledger.db");
    let url = format!("sqlite://{}", ledger.display());
    other.ws.env("APIKEY_LEDGER_URL", &url);
}

#[test]
fn the_live_key_of_another_user_is_not_replaced() {
    let world = World::new().created();
    let key = world.delivered("primary");
    let other = of_another_user(&world);
    shares_the_ledger(&world, &other);
    let told = ["holds another key", "\"payments\"", key.0.as_str()];
    let refused = other.ws.plan().failed().complains(&told);
    refused.reads("live-key-of-another-user");
    other.ws.apply_with(&["-refresh=false"]).failed();
    assert!(other.ids().is_empty());

    // Nor by a key that exists and is moved there.
    other.write(&other.config().name("billing"));
    other.ws.apply().ok();
    other
        .write(&delivered_to(&other, &format!("{{ app = {} }}", world.delivery())).name("billing"));
    other.ws.plan().failed().complains(&told);
    other.ws.apply_with(&["-refresh=false"]).failed();
    assert_eq!(world.delivered("primary"), key);
    world.in_order();
}

#[test]
fn without_a_common_ledger_a_plan_tells_of_the_key_of_another_user() {
    let world = World::new().created();
    let key = world.delivered("primary");
    let other = of_another_user(&world);
    let told = ["holds another key", key.0.as_str()];
    other.ws.plan().ok().code(2).warns(&told);

    // A key that exists has nothing to replace there.
    other.write(&other.config().name("billing"));
    other.ws.apply().ok();
    other
        .write(&delivered_to(&other, &format!("{{ app = {} }}", world.delivery())).name("billing"));
    other.ws.plan().failed().complains(&told);
    assert_eq!(world.delivered("primary"), key);
    world.in_order();
}

#[test]
fn a_document_that_another_user_took_over_is_not_taken_back() {
    let world = World::new().created();
    let other = of_another_user(&world);
    other.ws.apply().ok();
    let (taken, ids) = (world.delivered("primary"), world.ids());
    world.ws.advance("80s");
    for refused in [world.ws.apply(), world.ws.apply_with(&["-refresh=false"])] {
        refused.failed().complains(&["payments", taken.0.as_str()]);
        assert_eq!(world.delivered("primary"), taken);
        assert_eq!(world.ids(), ids);
    }
}

/// A state and its ledger are lost, and the key is not.
#[test]
fn a_key_that_its_issuer_lists_is_not_written_over_although_no_ledger_knows_it() {
    let world = World::new().created();
    let key = world.delivered("primary");
    world.ws.run(&["state", "rm", "apikey_managed.k"]).ok();
    std::fs::remove_dir_all(world.ws.path(".terraform/apikey")).unwrap();
    let told = ["holds a live key", key.0.as_str(), "import it"];
    world.ws.plan().ok().warns(&told);
    let refused = world.ws.apply_plan().failed();
    refused
        .complains(&told)
        .reads("live-key-that-no-ledger-knows");
    assert_eq!(
        (world.delivered("primary"), world.ids()),
        (key.clone(), vec![key.0.clone()])
    );

    // One that is replaced is ended first.
    let world = World::new();
    let config = world
        .config()
        .beside(r#"provider "apikey" { ledger = { disabled = true } }"#);
    world.write(&config).ws.apply().ok();
    let old = world.delivered("primary");
    world.ws.apply_with(&["-replace=apikey_managed.k"]).ok();
    assert_ne!(world.delivered("primary"), old);
    assert_eq!(world.ids(), [world.delivered("primary").0]);
}
