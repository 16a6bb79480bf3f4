//! What only newer command lines can do: identities, actions and queries.

use std::fs;

use super::Feature;
use crate::aws_life::world::{KEY, World};
use crate::support::keys::Config;

/// How a block, an argument or an option is refused that a command line does not know.
pub const UNSUPPORTED: [&str; 3] = [
    "Unsupported block type",
    "Unsupported argument",
    "flag provided but not defined",
];

/// Terraform 1.13 reads actions and does nothing with them; to run one is refused.
const INVOKE: &str = "-invoke=action.apikey_rotate_now.k";

#[test]
fn a_key_is_imported_by_its_identity() {
    let feature = Feature {
        name: "`import` by identity",
        terraform: Some([1, 12]),
        opentofu: Some([1, 12]),
    };
    let world = World::new();
    let made = world.cloud.create_key(&world.user);
    let import = format!(
        "import {{\n  to       = {KEY}\n  identity = {{ id = \"aws_iam:{}\" }}\n}}",
        made.id
    );
    world.at_the_servers_time();
    world.write(&world.config().beside(&import));
    let here = || {
        world.ws.apply().ok();
        assert_eq!(world.key().text("primary.key_id"), made.id);
        assert_eq!(world.ids(), std::slice::from_ref(&made.id));
        let settled = world.ws.plan().ok().code(0);
        settled.warns(&["imported without its secret"]);
    };
    let refusals = ["Unsupported argument", "Missing required argument"];
    feature.works(here, || world.ws.plan(), &refusals);
}

const ROTATE: &str =
    "action \"apikey_rotate_now\" \"k\" {\n  config {\n    key = apikey_managed.k\n  }\n}";

#[test]
fn an_action_rotates_a_key() {
    let feature = Feature::of_terraform("action `apikey_rotate_now`", [1, 14]);
    let ws = Config::new().created();
    let first = ws.secret("k.json", "primary");
    ws.write(&Config::new().beside(ROTATE).text());
    let here = || {
        ws.apply_with(&[INVOKE]).ok().says("is primary");
        assert_ne!(ws.secret("k.json", "primary"), first);
        assert_eq!(ws.secret("k.json", "secondary"), first);
        // The state follows what was delivered.
        ws.apply().ok();
        assert_eq!(ws.key("k").generation(), 2);
        ws.plan().ok().code(0);
        ws.advance("31s").apply().ok();
        assert!(ws.delivered("k.json")["secondary"].is_null());
    };
    feature.works(here, || ws.apply_with(&[INVOKE]), &UNSUPPORTED);
}

/// Whatever changes beside the key brings it a successor.
#[test]
fn an_action_rotates_a_key_after_a_change() {
    let feature = Feature::of_terraform("`action_trigger` with `apikey_rotate_now`", [1, 14]);
    let ws = Config::new().created();
    let first = ws.secret("k.json", "primary");
    let trigger = format!(
        "{ROTATE}\nresource \"terraform_data\" \"release\" {{\n  input = \"2\"\n  lifecycle {{\n    action_trigger {{\n      \
         events  = [after_create]\n      actions = [action.apikey_rotate_now.k]\n    }}\n  }}\n}}"
    );
    ws.write(&Config::new().beside(&trigger).text());
    let here = || {
        ws.apply().ok();
        assert_eq!(ws.secret("k.json", "secondary"), first);
        ws.apply().ok();
        assert_eq!(ws.key("k").generation(), 2);
        ws.plan().ok().code(0);
    };
    feature.works(here, || ws.apply_with(&[INVOKE]), &UNSUPPORTED);
}

#[test]
fn an_action_revokes_a_key() {
    let feature = Feature::of_terraform("action `apikey_revoke`", [1, 14]);
    let world = World::new().created();
    let leaked = world.cloud.create_key(&world.user);
    let revoke_of = |user: &str| {
        let revoke = format!(
            "action \"apikey_revoke\" \"leaked\" {{\n  config {{\n    issuer = {{ aws_iam = {{ user_name = {user:?} }} }}\n    \
             key_id = {:?}\n  }}\n}}",
            leaked.id
        );
        world.write(&world.config().beside(&revoke));
    };
    let invoke = "-invoke=action.apikey_revoke.leaked";
    revoke_of(&world.admin);
    let here = || {
        let elsewhere = world.ws.apply_with(&[invoke]).failed();
        elsewhere.reads("action-on-a-key-of-another-user");
        assert!(world.cloud.accepts(&leaked.id, &leaked.secret));
        revoke_of(&world.user);
        world.ws.apply_with(&[invoke]).ok().says("is dead");
        assert_eq!(world.ids(), [world.key().text("primary.key_id")]);
        assert!(!world.cloud.accepts(&leaked.id, &leaked.secret));
        world.in_order();
        world.ws.plan().ok().code(0);
    };
    feature.works(here, || world.ws.apply_with(&[invoke]), &UNSUPPORTED);
}

#[test]
fn a_query_finds_keys_and_writes_their_imports() {
    let feature = Feature::of_terraform("`query` of `apikey_managed`", [1, 14]);
    let world = World::new().created();
    // No state holds it any more, and no refresh has ever seen it in one.
    let lost = world.key().text("primary.key_id");
    world.ws.run(&["state", "rm", KEY]).ok();
    let made = world.cloud.create_key(&world.user);
    world.ws.write("");
    let query = format!(
        "list \"apikey_managed\" \"all\" {{\n  provider = apikey\n  config {{\n    \
         issuer = {{ aws_iam = {{ user_name = {:?} }} }}\n  }}\n}}\n",
        world.user
    );
    fs::write(world.ws.path("keys.tfquery.hcl"), query).unwrap();
    let run = || {
        let generate = "-generate-config-out=found.tf";
        world.ws.run(&["query", "-no-color", generate])
    };
    let here = || {
        let found = run().ok();
        let told = found.says(&made.id).text();
        let left_out = "Keys are left out that may be in no state any more";
        assert!(told.contains(left_out) && told.contains(&lost), "{told}");
        let found = fs::read_to_string(world.ws.path("found.tf")).unwrap();
        assert!(found.contains("resource \"apikey_managed\""), "{found}");
        let identity = format!("aws_iam:{}", made.id);
        assert!(
            found.contains("import {") && found.contains(&identity) && !found.contains(&lost),
            "{found}"
        );
    };
    feature.works(here, run, &["no command named \"query\""]);
}
