//! Two keys a user, and what the administrator may not do: seen before a key is minted, and explained.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::door::Door;
use super::world::{KEY, World, issuer, secrets_manager};
use crate::aws::unique;
use crate::support::keys::FAST;

#[test]
fn a_user_with_two_keys_gets_no_third_and_both_are_named() {
    let world = World::new();
    let first = world.cloud.create_key(&world.user).id;
    let second = world.cloud.create_key(&world.user).id;
    let says = format!("user {} already has 2 keys", world.user);
    world.ws.apply().failed().complains(&[
        "payments",
        &says,
        &first,
        &second,
        "created 20",
        "owns none of them",
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
fn a_key_that_takes_the_room_of_a_rotation_is_told_of_by_the_first_plan() {
    let world = World::new();
    let foreign = world.cloud.create_key(&world.user).id;
    let no_room = ["payments", "no room for a rotation", foreign.as_str()];
    let planned = world.ws.plan().ok().code(2).warns(&no_room);
    let delete = format!(
        "delete-access-key --user-name {} --access-key-id {foreign}",
        world.user
    );
    planned.warns(&[&delete, "neither this resource nor the ledger knows"]);
    world.ws.apply_plan().ok();
    world.in_order();
    assert_eq!(world.key().status(), "blocked");
    assert!(
        world.key().reason().contains(&foreign),
        "{}",
        world.key().reason()
    );
    world.ws.plan().ok().code(0).warns(&no_room);

    world.cloud.delete_key(&world.user, &foreign);
    world.ws.apply_with(&["-refresh-only"]).ok();
    assert_eq!(world.key().status(), "ok");
    world.ws.plan().ok().code(0).does_not_warn("no room");
}

#[test]
fn a_key_that_the_ledger_knows_is_named_by_its_owner_and_nobody_is_advised_to_delete_it() {
    let world = World::new().created();
    let own = world.key().text("primary.key_id");
    let ledger = format!(
        "sqlite://{}",
        world.ws.path(".terraform/apikey/ledger.db").display()
    );
    let other = World::new();
    other.ws.env("APIKEY_LEDGER_URL", &ledger);
    other.write(&other.config().name("billing").issuer(&issuer(&world.user)));
    let told = [
        "billing",
        "no room for a rotation",
        own.as_str(),
        "\"payments\"",
    ];
    let planned = other.ws.plan().ok().code(2).warns(&told);
    planned
        .does_not_warn("delete-access-key")
        .does_not_warn("import");
    other.ws.apply_plan().ok();
    assert_eq!(other.key().status(), "blocked");

    // Both are there: neither can rotate, and each is told of the other.
    let told = ["payments", "no room for a rotation", "\"billing\""];
    world
        .ws
        .plan()
        .ok()
        .warns(&told)
        .does_not_warn("delete-access-key");
    world.ws.advance("80s").plan().ok().code(2).warns(&told);
    let refused = world.ws.apply_plan().failed();
    let refused = refused
        .complains(&["payments", "already has 2 keys", "\"billing\""])
        .reads("no-room-beside-the-key-of-another");
    assert!(!refused.text().contains("delete-access-key"), "{refused}");
    assert_eq!(world.ids().len(), 2);
    world.in_order();
}

#[test]
fn a_key_of_a_resource_of_the_same_name_may_be_that_of_a_former_self() {
    let world = World::new().created();
    let (own, id) = (world.key().text("primary.key_id"), world.key().text("id"));
    // A refresh tells the ledger that a state holds the key.
    world.ws.plan().ok().code(0);
    world.ws.run(&["state", "rm", KEY]).ok();
    let told = world.ws.plan().ok().code(2);
    let forget = format!("ledger forget {id}");
    told.warns(&[
        "no room for a rotation",
        &own,
        "perhaps this very resource as it was before",
        &forget,
    ])
    .does_not_warn("delete-access-key");
}

#[test]
fn two_resources_on_one_user_are_noticed_in_their_plan() {
    let world = World::new();
    let beside = format!(
        r#"
resource "apikey_managed" "other" {{
  name       = "billing"
  policy     = apikey_rotation_policy.p
  issuer     = {}
  deliveries = {{ app = {} }}
}}"#,
        issuer(&world.user),
        secrets_manager(&unique("billing"))
    );
    world.write(&world.config().beside(&beside));
    let told = [
        "another resource manages keys of the same account",
        "\"payments\"",
        "\"billing\"",
    ];
    world.ws.plan().ok().code(2).warns(&told);
    world.ws.apply_plan().ok();
    world.ws.plan().ok().warns(&told);
}

#[test]
fn an_imported_key_that_is_switched_off_is_announced() {
    let world = World::new();
    let key = world.cloud.create_key(&world.user);
    world.cloud.deactivate_key(&world.user, &key.id);
    let import = world.ws.import(KEY, &format!("aws_iam:{}", key.id)).ok();
    assert!(
        import
            .text()
            .contains(&format!("Key {} is switched off at the issuer", key.id)),
        "{import}"
    );
}

/// How often each operation was asked for.
fn counted(door: &Door) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for operation in door.take_operations() {
        *counted.entry(operation).or_insert(0) += 1;
    }
    counted
}

fn asked(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let expected = expected.iter();
    expected
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[test]
fn aws_is_asked_no_more_than_it_takes_and_nothing_is_tried_that_is_expected_to_fail() {
    let world = World::new();
    let door = Door::before(&world.cloud.url());
    world.ws.env("AWS_ENDPOINT_URL", &door.url());
    // Each run asks once who it is, however many keys there are; what each request guards stands in the design guide.
    let look = [
        ("GetCallerIdentity", 1),
        ("GetSecretValue", 1),
        ("ListAccessKeys", 1),
    ];
    world.ws.plan().ok().code(2);
    assert_eq!(counted(&door), asked(&look));
    world.ws.apply_plan().ok();
    let created = [
        ("CreateAccessKey", 1),
        ("CreateSecret", 1),
        // The run, and the proof of the new key.
        ("GetCallerIdentity", 2),
        ("GetSecretValue", 1),
        ("ListAccessKeys", 1),
    ];
    assert_eq!(counted(&door), asked(&created));
    world.ws.plan().ok().code(0);
    assert_eq!(counted(&door), asked(&look));

    world.ws.advance("80s").plan().ok().code(2);
    // A plan that writes asks who else does.
    let look_before_a_write = [&look[..], &[("DescribeSecret", 1)]].concat();
    assert_eq!(counted(&door), asked(&look_before_a_write));
    world.ws.apply_plan().ok();
    let staged = [
        ("CreateAccessKey", 1),
        // In the plan that Terraform makes again, before the mint, before the write and after it.
        ("DescribeSecret", 4),
        // The run, and three proofs.
        ("GetCallerIdentity", 4),
        ("GetSecretValue", 1),
        ("ListAccessKeys", 1),
        ("PutSecretValue", 1),
    ];
    assert_eq!(counted(&door), asked(&staged));
}

#[test]
fn a_permission_that_is_missing_is_named_before_a_key_is_minted() {
    for action in [
        "iam:ListAccessKeys",
        "iam:CreateAccessKey",
        "secretsmanager:GetSecretValue",
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
fn a_store_that_may_not_be_written_any_more_costs_the_new_key_and_nothing_else() {
    let world = World::new().created();
    let (ids, document) = (world.ids(), world.document());
    world.ws.advance("80s").plan().ok().code(2);
    // What a look can tell is told before a key is minted.
    let describe = "secretsmanager:DescribeSecret";
    world.cloud.deny(&world.admin, &format!("{describe:?}"));
    let refused = world.ws.apply_plan().failed();
    let refused = refused.complains(&["payments", "app", describe]);
    assert!(!refused.text().contains("was revoked again"), "{refused}");

    world
        .cloud
        .deny(&world.admin, r#""secretsmanager:PutSecretValue""#);
    world.ws.plan().ok().code(2);
    let refused = world.ws.apply_plan().failed();
    refused.complains(&[
        "payments",
        "app",
        "secretsmanager:PutSecretValue",
        "was revoked again; nothing else has changed",
    ]);
    assert_eq!(world.ids(), ids);
    assert_eq!(world.document(), document);
    assert_eq!(world.key().phase(), "single");
    assert_eq!(world.key().text("pending_revocations"), "[]");

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
    let says = format!("user {} already has 2 keys", world.admin);
    world
        .ws
        .apply()
        .failed()
        .complains(&[&says, "owns none of them"]);
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
    applied.complains(&["key-2", "already has 2 keys"]);
    for (index, user) in users.iter().enumerate() {
        let expected = if index == 2 { "single" } else { "staged" };
        assert_eq!(world.ws.key(&format!("k{index}")).phase(), expected);
        let document = world.cloud.secret(user);
        assert_eq!(document["secondary"].is_null(), index == 2, "{user}");
        assert_eq!(world.cloud.keys_of(user).len(), 2);
    }
}
