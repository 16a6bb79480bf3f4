//! Two keys a user, and what the administrator may not do: seen before a key is minted, and explained.

use std::fmt::Write as _;

use super::world::{World, issuer, secrets_manager};
use crate::aws::unique;
use crate::support::keys::FAST;

#[test]
fn a_user_with_two_keys_gets_no_third_and_both_are_named() {
    let world = World::new();
    let first = world.cloud.create_key(&world.user).id;
    let second = world.cloud.create_key(&world.user).id;
    let says = format!("User {} already has two access keys", world.user);
    world.ws.apply().failed().complains(&[
        "payments",
        &says,
        &first,
        &second,
        "created 20",
        "owns neither",
    ]);
    assert_eq!(world.ids(), [first, second.clone()]);
    assert!(world.ws.find_key("k").is_none());
    assert!(world.document().is_null());

    world.cloud.delete_key(&world.user, &second);
    let world = world.created();
    world.ws.advance("80s");
    world.ws.plan().ok().code(2);
    let own = world.key().text("primary.key_id");
    world
        .ws
        .apply_plan()
        .failed()
        .complains(&["payments", &says, &format!("owns only {own}")]);
    assert_eq!(world.key().phase(), "single");
    assert_eq!(world.ids().len(), 2);
    world.in_order();
}

#[test]
fn a_permission_that_is_missing_is_named_before_a_key_is_minted() {
    for action in [
        "iam:DeleteAccessKey",
        "iam:UpdateAccessKey",
        "iam:ListAccessKeys",
        "iam:CreateAccessKey",
        "secretsmanager:DescribeSecret",
    ] {
        let world = World::new();
        world.cloud.deny(&world.admin, &format!("{action:?}"));
        let refused = world.ws.apply().failed();
        refused.complains(&["payments", &format!("is not allowed to call {action}")]);
        assert!(world.ids().is_empty(), "{action}");
        assert!(world.ws.find_key("k").is_none(), "{action}");
        assert!(world.document().is_null(), "{action}");
    }
}

#[test]
fn a_store_that_may_not_be_written_any_more_is_seen_before_the_next_key_is_minted() {
    let world = World::new().created();
    world
        .cloud
        .deny(&world.admin, r#""secretsmanager:PutSecretValue""#);
    world.ws.advance("80s");
    world.ws.plan().ok().code(2);
    let phrases = ["payments", "app", "secretsmanager:PutSecretValue"];
    world.ws.apply_plan().failed().complains(&phrases);
    assert_eq!(world.key().phase(), "single");
    assert_eq!(world.ids().len(), 1);

    world.cloud.deny(&world.admin, r#""iam:DeleteUser""#);
    world.takes("stage");
}

#[test]
fn a_user_named_in_two_ways_is_still_one_user_with_two_keys() {
    let world = World::new();
    // The administrator has one key already, so there is room for one more.
    let named = secrets_manager(&unique("named"));
    let caller = secrets_manager(&unique("caller"));
    let config = format!(
        r#"
resource "apikey_rotation_policy" "p" {{
  name = "fast"
  {FAST}
}}
resource "apikey_managed" "named" {{
  name       = "named"
  policy     = apikey_rotation_policy.p
  issuer     = {}
  deliveries = {{ app = {named} }}
}}
resource "apikey_managed" "caller" {{
  name       = "caller"
  policy     = apikey_rotation_policy.p
  issuer     = {{ aws_iam = {{ caller = true }} }}
  deliveries = {{ app = {caller} }}
}}
"#,
        issuer(&world.admin)
    );
    world.ws.write(&config);
    let says = format!("User {} already has two access keys", world.admin);
    world
        .ws
        .apply()
        .failed()
        .complains(&[&says, "owns neither"]);
    assert_eq!(world.cloud.ids_of(&world.admin).len(), 2);
    let created = ["named", "caller"].map(|name| world.ws.find_key(name).is_some());
    assert_ne!(created[0], created[1], "one of them got the room");
}

#[test]
fn keys_that_rotate_together_do_not_wait_for_one_that_cannot() {
    let world = World::new();
    let users: Vec<String> = (0..5).map(|_| unique("together")).collect();
    let mut config =
        format!("resource \"apikey_rotation_policy\" \"p\" {{\n name = \"fast\"\n{FAST}\n}}\n");
    for (index, user) in users.iter().enumerate() {
        world.cloud.create_user(user);
        write!(
            config,
            "resource \"apikey_managed\" \"k{index}\" {{\n name = \"key-{index}\"\n policy = apikey_rotation_policy.p\n \
             issuer = {}\n deliveries = {{ app = {} }}\n}}\n",
            issuer(user),
            secrets_manager(user)
        )
        .unwrap();
    }
    world.ws.write(&config);
    world.ws.apply().ok();
    world.cloud.create_key(&users[2]);

    world.ws.advance("80s");
    let applied = world.ws.apply().failed();
    assert_eq!(applied.errors().len(), 1, "{applied}");
    applied.complains(&["key-2", "already has two access keys"]);
    for (index, user) in users.iter().enumerate() {
        let expected = if index == 2 { "single" } else { "staged" };
        assert_eq!(world.ws.key(&format!("k{index}")).phase(), expected);
        let document = world.cloud.secret(user);
        assert_eq!(document["secondary"].is_null(), index == 2, "{user}");
        assert_eq!(world.cloud.keys_of(user).len(), 2);
    }
}
