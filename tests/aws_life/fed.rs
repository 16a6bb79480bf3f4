//! A provider block whose settings only the apply knows: what is planned meanwhile, and that nobody else's are used.

use crate::aws::unique;
use crate::aws_life::EVERYTHING;
use crate::aws_life::world::{KEY, World, issuer};

/// The settings come from an object that every new `round` replaces, so that a plan does not know them.
fn fed_by_a_resource(world: &World, round: &str) -> String {
    let (id, secret) = (&world.admin_key.id, &world.admin_key.secret);
    format!(
        r#"
resource "terraform_data" "settings" {{
  input            = {{ id = "{id}", secret = "{secret}" }}
  triggers_replace = "{round}"
}}

provider "apikey" {{
  aws = {{
    access_key = terraform_data.settings.output.id
    secret_key = terraform_data.settings.output.secret
  }}
}}
"#
    )
}

#[test]
fn a_key_lives_its_whole_life_under_settings_that_no_plan_knows() {
    let world = World::new();
    // Whoever falls back to the environment is refused by the server.
    world.run_as("AKIAOFNOBODYEXAMPLE", "made-up-canary-of-nobody");
    for (wait, action, keys, phase) in [
        ("0s", "create", 1, "single"),
        ("80s", "stage", 2, "staged"),
        ("20s", "promote", 2, "retiring"),
        ("30s", "revoke", 1, "single"),
    ] {
        world.ws.advance(wait);
        let round = world.ws.now().to_string();
        let settings = fed_by_a_resource(&world, &round);
        world.write(&world.config().beside(&settings));
        let planned = world.ws.plan().ok().code(2);
        let blind = "settings of the provider are not known yet";
        let warned = planned.warnings();
        let warned = warned.iter().filter(|it| it.summary.contains(blind));
        assert_eq!(warned.count(), 1, "{planned}");
        assert_eq!(world.ws.change(KEY).after("last_action"), action);
        world.ws.apply_plan().ok();
        world.in_order();
        assert_eq!(world.ids().len(), keys, "{action:?}");
        assert_eq!(world.key().phase(), phase);
        // Now that they are known, everything is looked at, and all is well.
        world.ws.plan().ok().code(0);
    }
}

#[test]
fn the_apply_looks_again_before_it_does_what_a_blind_plan_says() {
    let world = World::new();
    world.write(&world.config().beside(&fed_by_a_resource(&world, "one")));
    world.ws.apply().ok();
    let first = world.key().text("primary.key_id");
    world.ws.advance("80s");
    world.write(&world.config().beside(&fed_by_a_resource(&world, "two")));
    world.ws.plan().ok().code(2);
    world.cloud.deactivate_key(&world.user, &first);
    let before = world.document();
    world
        .ws
        .apply_plan()
        .failed()
        .complains(&["payments", &first]);
    assert_eq!(world.ids(), [first]);
    assert_eq!(world.document(), before);
}

#[test]
fn what_cannot_be_planned_without_the_settings_says_which_it_needs() {
    let world = World::new();
    let import = format!(
        "import {{\n  to = {KEY}\n  id = \"aws_iam:{}\"\n}}",
        world.cloud.create_key(&world.user).id
    );
    let settings = fed_by_a_resource(&world, "one");
    world.write(&world.config().beside(&settings).beside(&import));
    world
        .ws
        .plan()
        .failed()
        .complains(&["AWS settings of the provider are not known yet"]);
}

/// The example of `apikey_secret`: a provider that runs as the key which another provider block rotates.
#[test]
fn a_provider_that_is_fed_by_a_rotated_key_rotates_its_own_keys_in_the_same_apply() {
    let world = World::new();
    let admin = unique("rotated-admin");
    world.cloud.create_user(&admin);
    world.cloud.allow(&admin, EVERYTHING);
    let fed = format!(
        r#"
provider "apikey" {{}}

provider "apikey" {{
  alias = "fed"
  aws = {{
    access_key = ephemeral.apikey_secret.admin.primary.key_id
    secret_key = ephemeral.apikey_secret.admin.primary.secret
  }}
}}

resource "apikey_managed" "admin" {{
  name   = "admin"
  issuer = {}
  policy = {{
    name              = "at once"
    rotation_interval = "100s"
    stage_before      = "0s"
    propagation_delay = "0s"
    grace_period      = "10s"
  }}
  deliveries = {{ app = {{ file = {{ path = "admin.json" }} }} }}
}}

ephemeral "apikey_secret" "admin" {{
  delivery    = apikey_managed.admin.deliveries["app"]
  fingerprint = apikey_managed.admin.primary.fingerprint
}}
"#,
        issuer(&admin)
    );
    let policy = r#"
  rotation_interval = "200s"
  stage_before      = "90s"
  propagation_delay = "5s"
  grace_period      = "30s"
"#;
    let config = world.config().policy(policy).with("provider = apikey.fed");
    world.write(&config.beside(&fed));
    world.ws.apply().ok();
    world.in_order();
    let first = world.key().text("primary.key_id");
    for (wait, phase) in [("110s", "staged"), ("100s", "retiring"), ("100s", "single")] {
        world.ws.advance(wait);
        let planned = world.ws.plan().ok().code(2);
        planned.warns(&["settings of the provider are not known yet"]);
        let before = world.ws.key("admin").text("primary.key_id");
        world.ws.apply_plan().ok();
        assert_ne!(world.ws.key("admin").text("primary.key_id"), before);
        world.in_order();
        assert_eq!(world.key().phase(), phase);
        world.ws.plan().ok().code(0);
    }
    assert!(!world.ids().contains(&first), "the first key was revoked");
}
