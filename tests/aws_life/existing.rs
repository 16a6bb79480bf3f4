//! Access keys that exist already and whose secret somebody still has: imported or moved, and delivered unchanged.

use serde_json::json;

use super::cloud::HandMade;
use super::world::{KEY, World};
use crate::support::foreign;
use crate::support::keys::Config;

const VARIABLE: &str = "variable \"existing\" {\n  ephemeral = true\n}";

fn made_by_hand() -> (World, HandMade) {
    let world = World::new();
    let key = world.cloud.create_key(&world.user);
    world.at_the_servers_time();
    (world, key)
}

fn bringing(world: &World) -> Config {
    world
        .config()
        .with("existing_secret_wo = var.existing")
        .beside(VARIABLE)
}

#[test]
fn an_imported_key_is_delivered_with_the_secret_that_is_brought() {
    let (world, key) = made_by_hand();
    let ws = &world.ws;
    let import = format!("import {{\n  to = {KEY}\n  id = \"aws_iam:{}\"\n}}", key.id);
    world.write(&bringing(&world).beside(&import));
    ws.env("TF_VAR_existing", &key.secret);
    ws.plan().ok().code(2);
    assert_eq!(ws.change(KEY).after("last_action"), "deliver");
    ws.apply_plan().ok();
    world.in_order();
    assert_eq!(world.ids(), std::slice::from_ref(&key.id));
    assert_eq!(
        world.delivered("primary"),
        (key.id.clone(), key.secret.clone())
    );
    assert!(!world.key().text("primary.verified_at").is_empty());
    assert!(!ws.state().to_string().contains(&key.secret));
    ws.plan().ok().code(0).does_not_warn("payments");

    ws.advance("80s");
    world.takes("stage");
    ws.advance("20s");
    world.takes("promote");
    assert_eq!(world.delivered("secondary"), (key.id, key.secret));
}

#[test]
fn a_secret_that_does_not_open_the_imported_key_is_refused() {
    let (world, key) = made_by_hand();
    let ws = &world.ws;
    let import = format!("import {{\n  to = {KEY}\n  id = \"aws_iam:{}\"\n}}", key.id);
    world.write(&bringing(&world).beside(&import));
    ws.env("TF_VAR_existing", "made-up-canary-of-another-key");
    ws.plan().ok().code(2);
    let refused = ws.apply_plan().failed();
    assert!(!refused.text().contains("made-up-canary"), "{refused}");
    refused.complains(&["payments", "is not the secret of", &key.id]);
    assert!(world.document().is_null());

    ws.env("TF_VAR_existing", &key.secret);
    ws.apply().ok();
    world.in_order();
    ws.plan().ok().code(0);
}

/// The state of an `aws_iam_access_key`, as hashicorp/aws would have left it.
fn moved(world: &World, fields: &str) {
    let ws = &world.ws;
    foreign::install(ws);
    ws.write(&format!(
        "resource \"aws_iam_access_key\" \"k\" {{\n  user = {:?}\n  {fields}\n}}\n",
        world.user
    ));
    ws.apply().ok();
}

const MOVED: &str = "moved {\n  from = aws_iam_access_key.k\n  to   = apikey_managed.k\n}";

#[test]
fn a_moved_access_key_is_delivered_and_its_age_counts() {
    let (world, key) = made_by_hand();
    let ws = &world.ws;
    let created = ws.now().to_string();
    moved(
        &world,
        &format!(
            "id = {:?}\n  secret = {:?}\n  create_date = {created:?}\n  status = \"Active\"",
            key.id, key.secret
        ),
    );
    world.write(&world.config().beside(MOVED));
    ws.advance("30s").plan().ok().code(2);
    assert_eq!(ws.change(KEY).actions(), "update");
    ws.apply_plan().ok();
    world.in_order();
    assert_eq!(world.ids(), std::slice::from_ref(&key.id));
    assert_eq!(
        world.delivered("primary"),
        (key.id.clone(), key.secret.clone())
    );
    assert!(!ws.state().to_string().contains(&key.secret));
    assert_eq!(world.key().text("primary.created_at"), created);
    ws.plan().ok().code(0);

    // 80 s after its creation, not after its move.
    ws.advance("50s");
    world.takes("stage");
}

#[test]
fn an_encrypted_access_key_moves_without_its_secret_and_takes_it_later() {
    let (world, key) = made_by_hand();
    let ws = &world.ws;
    let created = ws.now().to_string();
    moved(
        &world,
        &format!(
            "id = {:?}\n  encrypted_secret = \"bWFkZS11cA==\"\n  pgp_key = \"keybase:x\"\n  create_date = {created:?}",
            key.id
        ),
    );
    world.write(&world.config().beside(MOVED));
    ws.apply()
        .ok()
        .warns(&[&key.id, "PGP", "existing_secret_wo"]);
    assert_eq!(world.key().text("primary.key_id"), key.id);
    assert!(world.document().is_null());

    world.write(&bringing(&world).beside(MOVED));
    ws.env("TF_VAR_existing", &key.secret);
    ws.apply().ok();
    world.in_order();
    assert_eq!(world.delivered("primary"), (key.id, key.secret));
    ws.plan().ok().code(0);
}

/// What the guide for AWS says of a state with `encrypted_secret`.
#[test]
fn a_key_encrypted_with_pgp_is_taken_over_as_the_guide_says() {
    let encrypted = |world: &World, key: &HandMade| {
        let fields = format!(
            "id = {:?}\n  encrypted_secret = \"bWFkZS11cA==\"\n  pgp_key = \"keybase:x\"",
            key.id
        );
        moved(world, &fields);
        world.ws.run(&["state", "rm", "aws_iam_access_key.k"]).ok();
        format!("import {{\n  to = {KEY}\n  id = \"aws_iam:{}\"\n}}", key.id)
    };
    let (world, key) = made_by_hand();
    let import = encrypted(&world, &key);
    let handed_in = bringing(&world).with("existing_secret_wo_version = 1");
    world.write(&handed_in.beside(&import));
    world.ws.env("TF_VAR_existing", &key.secret);
    world.ws.apply().ok();
    world.in_order();
    assert_eq!(world.delivered("primary"), (key.id.clone(), key.secret));
    // What is to be removed afterwards. Only the number of the secret leaves the state with it.
    let document = world.document();
    world.write(&world.config());
    world.ws.apply().ok();
    assert_eq!(world.document(), document);
    world.ws.plan().ok().code(0);
    world.ws.advance("80s");
    world.takes("stage");

    // Nobody can open the secret any more.
    let (world, key) = made_by_hand();
    let import = encrypted(&world, &key);
    let triggered = |word: &str| world.config().with(&format!("rotation_trigger = {word:?}"));
    world.write(&triggered("imported").beside(&import));
    world.ws.apply().ok();
    assert_eq!(world.ids(), std::slice::from_ref(&key.id));
    assert!(world.document().is_null());
    world.write(&triggered("replace it"));
    world.ws.apply().ok();
    for _ in 0..3 {
        world.ws.advance("30s").apply().ok();
    }
    world.in_order();
    assert!(!world.ids().contains(&key.id), "{:?}", world.ids());
    world.ws.plan().ok().code(0);
}

/// A provider block that is fed by a key which another block of the same provider manages.
#[test]
fn a_provider_runs_with_a_key_that_is_read_in_the_same_run() {
    let world = World::new();
    world.cloud.allow(&world.user, r#""secretsmanager:*""#);
    let ws = &world.ws;
    let other = crate::aws::unique("prod/other");
    let fed = format!(
        r#"
ephemeral "apikey_secret" "k" {{
  delivery    = apikey_managed.k.deliveries["app"]
  fingerprint = apikey_managed.k.primary.fingerprint
}}

provider "apikey" {{
  alias = "as_k"
  aws = {{
    access_key = ephemeral.apikey_secret.k.primary.key_id
    secret_key = ephemeral.apikey_secret.k.primary.secret
  }}
}}

resource "apikey_managed" "other" {{
  provider   = apikey.as_k
  name       = "other"
  policy     = {{ name = "slow", rotation_interval = "1000d" }}
  issuer     = {{ generated = {{ prefix = "acme" }} }}
  deliveries = {{ app = {{ aws_secrets_manager = {{ secret_id = "{other}" }} }} }}
}}
"#
    );
    world.write(&world.config().beside(&fed));
    ws.plan()
        .ok()
        .warns(&["The settings of the provider are not known yet"]);
    ws.apply_with(&["-target=apikey_managed.k"]).ok();
    ws.apply().ok();
    let (_, secret) = world.delivered("primary");
    assert!(!world.cloud.secret(&other).is_null());
    assert!(!ws.state().to_string().contains(&secret));
    ws.plan().ok().code(0);

    // The user may write secrets and nothing else: it was the key of `k` that let this in.
    world.cloud.deny(&world.user, r#""secretsmanager:*""#);
    ws.plan().ok().warns(&["other", "AccessDenied"]);
    world.cloud.allow(&world.user, r#""secretsmanager:*""#);

    // After a rotation the next run uses the next key.
    ws.advance("80s").apply().ok();
    ws.advance("20s").apply().ok();
    ws.advance("30s").apply().ok();
    assert_eq!(world.ids().len(), 1);
    ws.plan().ok().code(0);
    let document = world.document();
    assert_eq!(document["secondary"], json!(null));
}
