//! What else a secret has and does: copies, keys of KMS, a rotation of its own, a recovery window.

use serde_json::{Value, json};

use crate::support::keys::Config;

use super::door::Door;
use super::world::{KEY, World};

const REGION: &str = "eu-central-1";
const COPY: &str = "eu-west-1";

/// The delivery with more settings.
fn with(world: &World, more: &str) {
    let id = &world.secret_id;
    let place =
        format!(r#"{{ app = {{ aws_secrets_manager = {{ secret_id = "{id}"{more} }} }} }}"#);
    world.write(&world.config().deliveries(&place));
}

#[test]
fn a_secret_that_is_scheduled_for_deletion_is_not_lost_and_the_way_back_is_named() {
    let world = World::new();
    world.write(&world.config().and_policy(r#"on_drift = "rotate""#));
    let world = world.created();
    let (document, ids) = (world.document(), world.ids());
    world.cloud.delete_secret(&world.secret_id);
    let way_back = format!("restore-secret --secret-id {}", world.secret_id);
    world.ws.apply().ok().warns(&["payments", &way_back]);
    assert_eq!(world.ids(), ids, "nothing was minted in its place");
    assert_eq!(world.key().delivery("app"), "missing");
    assert!(world.document().is_null());
    world.ws.plan().ok().code(0);

    let restore = json!({ "SecretId": world.secret_id });
    world.cloud.secrets_in(REGION, "RestoreSecret", restore);
    world.ws.apply().ok();
    assert_eq!(world.document(), document);
    world.in_order();
    world.ws.plan().ok().code(0);
}

#[test]
fn a_secret_that_somebody_else_made_and_deleted_is_neither_lost_nor_taken() {
    let world = World::new();
    world.cloud.create_secret(&world.secret_id, "{}");
    let world = world.created();
    let ids = world.ids();
    world.cloud.delete_secret(&world.secret_id);
    world.write(&world.config().and_policy(r#"on_drift = "rotate""#));
    world.ws.apply();
    assert_eq!(world.ids(), ids);
    let restore = json!({ "SecretId": world.secret_id });
    world.cloud.secrets_in(REGION, "RestoreSecret", restore);
    world.ws.apply().ok();
    world.in_order();
    assert_eq!(world.ids(), ids);

    let other = World::new();
    other.cloud.create_secret(&other.secret_id, "{}");
    other.cloud.delete_secret(&other.secret_id);
    let refused = other.ws.plan().failed().complains(&["restore-secret"]);
    refused.reads("secret-of-others-scheduled-for-deletion");
    assert!(other.ids().is_empty());
}

#[test]
fn a_secret_that_aws_rotates_itself_is_refused_before_anything_is_minted() {
    let world = World::new();
    world.cloud.create_secret(&world.secret_id, "{}");
    rotated_by_aws(&world);
    let refused = world.ws.apply().failed();
    refused
        .complains(&["RotationEnabled", "cancel-rotate-secret"])
        .reads("secret-that-aws-rotates");
    assert!(world.ids().is_empty());
    assert_eq!(world.document(), json!({}));
}

#[test]
fn a_rotation_of_aws_that_is_switched_on_later_is_told_by_plans_and_refused_by_every_write() {
    for (world, wait, action) in [
        (World::new().created(), "80s", "stage"),
        (World::new().created().staged(), "20s", "promote"),
        (World::new().created().staged().promoted(), "30s", "revoke"),
    ] {
        let (ids, document) = (world.ids(), world.document());
        rotated_by_aws(&world);
        // Without a function, moto puts an older value in front.
        world
            .cloud
            .overwrite(&world.secret_id, &document.to_string());
        let told = ["payments", "app", "is rotated by AWS itself"];
        world.ws.advance(wait).plan().ok().code(2).warns(&told);
        assert_eq!(world.ws.change(KEY).after("last_action"), action);
        let refused = world.ws.apply_plan().failed();
        refused.complains(&["RotationEnabled", "cancel-rotate-secret"]);
        assert_eq!(world.ids(), ids, "{action}");
        assert_eq!(world.document(), document, "{action}");
    }
}

#[test]
fn a_rotation_of_aws_refuses_the_copy_of_a_key_that_is_delivered_elsewhere() {
    let world = World::new();
    let file = r#"{ local = { file = { path = "k.json" } } }"#;
    world
        .write(&world.config().deliveries(file))
        .ws
        .apply()
        .ok();
    let ids = world.ids();
    world.cloud.create_secret(&world.secret_id, "{}");
    rotated_by_aws(&world);
    world.write(&world.config_with_a_file());
    let told = ["app", "RotationEnabled", "cancel-rotate-secret"];
    // The key works on from where it is delivered, so the run goes on.
    world.ws.apply().ok().warns(&told);
    assert_eq!(world.key().delivery("app"), "failed");
    world.ws.plan().ok().code(2).warns(&told);
    assert_eq!(world.ids(), ids);
    assert_eq!(world.document(), json!({}));
}

fn rotated_by_aws(world: &World) {
    let rotation = json!({
        "SecretId": world.secret_id,
        "RotateImmediately": false,
        "RotationRules": { "AutomaticallyAfterDays": 30 },
    });
    world.cloud.secrets_in(REGION, "RotateSecret", rotation);
}

#[test]
fn copies_in_other_regions_are_made_kept_in_step_and_go_with_the_secret() {
    let world = World::new();
    with(&world, &format!(r#", replica = [{{ region = "{COPY}" }}]"#));
    let world = world.created();
    let there = || {
        let input = json!({ "SecretId": world.secret_id, "VersionStage": "AWSCURRENT" });
        let value = world.cloud.secrets_in(COPY, "GetSecretValue", input);
        let text = value["SecretString"].as_str().unwrap().to_owned();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(there(), world.document());
    world.ws.plan().ok().code(0);
    // Another region in the settings is enough, and takes nothing away from the first.
    let both = format!(r#", replica = [{{ region = "{COPY}" }}, {{ region = "us-east-1" }}]"#);
    with(&world, &both);
    world.ws.apply().ok();
    let copies = world.cloud.describe(&world.secret_id)["ReplicationStatus"].clone();
    let regions: Vec<&Value> = copies
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["Region"])
        .collect();
    assert_eq!(regions, [COPY, "us-east-1"]);
    world.ws.advance("80s").apply().ok();
    assert_eq!(there(), world.document());
    assert!(there()["secondary"].is_object());
    world.ws.plan().ok().code(0);

    world.ws.destroy().ok();
    assert!(world.cloud.describe(&world.secret_id)["DeletedDate"].is_number());
    assert!(world.ids().is_empty());
}

#[test]
fn a_copy_is_refused_with_the_name_and_region_of_the_secret_itself() {
    let world = World::new();
    world.cloud.create_secret(&world.secret_id, "{}");
    let replicate =
        json!({ "SecretId": world.secret_id, "AddReplicaRegions": [{ "Region": COPY }] });
    world
        .cloud
        .secrets_in(REGION, "ReplicateSecretToRegions", replicate);
    let described = world.cloud.describe(&world.secret_id);
    let arn = described["ARN"].as_str().unwrap().replace(REGION, COPY);
    let primary = format!("region = \"{REGION}\"");
    let told = ["is a copy of a secret in", &world.secret_id, &primary];
    let by_arn = format!(r#"{{ app = {{ aws_secrets_manager = {{ secret_id = "{arn}" }} }} }}"#);
    world.write(&world.config().deliveries(&by_arn));
    world.ws.apply().failed().complains(&told);
    with(&world, &format!(r#", region = "{COPY}""#));
    world
        .ws
        .apply()
        .failed()
        .complains(&told)
        .reads("copy-of-a-secret");
    assert!(world.ids().is_empty());
}

#[test]
fn a_secret_that_exists_keeps_its_key_its_policy_and_its_tags() {
    let world = World::new();
    let key = "arn:aws:kms:eu-central-1:210987654321:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let made = json!({
        "Name": world.secret_id,
        "SecretString": "{}",
        "KmsKeyId": key,
        "Tags": [{ "Key": "team", "Value": "billing" }],
    });
    world.cloud.secrets_in(REGION, "CreateSecret", made);
    // That of the guide about environments.
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/scenarios/environments/access");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let policy = read("secret-policy.json");
    serde_json::from_str::<Value>(&read("key-policy.json")).unwrap();
    let put = json!({ "SecretId": world.secret_id, "ResourcePolicy": policy });
    world.cloud.secrets_in(REGION, "PutResourcePolicy", put);
    with(
        &world,
        r#", kms_key_id = "alias/other", tags = { team = "payments" }"#,
    );
    let world = world.created().staged().promoted();
    let described = world.cloud.describe(&world.secret_id);
    assert_eq!(described["KmsKeyId"], key);
    assert_eq!(
        described["Tags"],
        json!([{ "Key": "team", "Value": "billing" }])
    );
    let asked = json!({ "SecretId": world.secret_id });
    let kept = world.cloud.secrets_in(REGION, "GetResourcePolicy", asked);
    assert_eq!(kept["ResourcePolicy"], policy);
    world.ws.destroy().ok();
    assert!(world.cloud.describe(&world.secret_id)["DeletedDate"].is_null());
}

#[test]
fn a_secret_without_room_for_another_version_is_told_of_as_that() {
    let world = World::new();
    let door = Door::before(&world.cloud.url());
    let endpoint = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
    world.ws.env(endpoint, &door.url());
    let world = world.created();
    world.ws.advance("80s").plan().ok().code(2);
    door.shut();
    let refused = world.ws.apply_plan().failed();
    refused
        .complains(&["LimitExceededException", "24 hours"])
        .reads("secret-without-room-for-a-version");
    assert_eq!(world.ids().len(), 1);
}

#[test]
fn a_secret_that_stays_with_its_last_value_is_told_of_and_a_generated_key_in_it_is_not_called_gone()
{
    let world = World::new();
    let id = &world.secret_id;
    world.cloud.create_secret(id, "{}");
    let file = r#"local = { file = { path = "k.json" } }"#;
    let both = format!("{{ {file}, app = {} }}", world.delivery());
    let with = |deliveries: &str| Config::new().deliveries(deliveries);
    world.write(&with(&both)).ws.apply().ok();
    let was = world.document();

    let refused = world.ws.destroy().failed();
    refused
        .complains(&[id, "it existed before this provider wrote to it"])
        .reads("destroy-of-a-generated-key-in-a-secret-that-stays");
    assert_eq!(
        world.document(),
        was,
        "whoever checks it there goes on accepting it"
    );
    assert!(world.ws.find_key("k").is_some());

    world.ws.apply().ok();
    let left = world.write(&with(&format!("{{ {file} }}"))).ws.apply().ok();
    left.warns(&[id, "keeps the keys that were written there"]);
    world.ws.plan().ok().code(0);
}
