//! The key in one account, the secret in another.

use std::fs;
use std::sync::OnceLock;

use serde_json::Value;

use super::cloud::Cloud;
use super::world::{World, issuer, secrets_manager};
use crate::aws::unique;

/// A role in the account that keys are delivered to.
const DELIVER: &str = "arn:aws:iam::210987654321:role/deliver";

pub fn cloud() -> &'static Cloud {
    static CLOUD: OnceLock<Cloud> = OnceLock::new();
    CLOUD.get_or_init(|| Cloud::with_role(DELIVER))
}

/// What a reader in the other account finds.
fn document(world: &World) -> Value {
    world.cloud.in_role(DELIVER).secret(&world.secret_id)
}

/// A file of profiles of which `there` has these lines.
pub fn profile(world: &World, lines: &str) {
    let file = world.ws.path("credentials");
    fs::write(&file, format!("[there]\n{lines}")).unwrap();
    let path = file.display().to_string();
    world.ws.env("AWS_SHARED_CREDENTIALS_FILE", &path);
}

pub fn of_admin(world: &World) -> String {
    let key = &world.admin_key;
    format!(
        "aws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.id, key.secret
    )
}

#[test]
fn a_key_is_delivered_to_another_account_from_create_to_destroy() {
    let world = World::on(cloud());
    let (id, parameter) = (&world.secret_id, unique("/prod/payments"));
    let roles = format!(r#"assume_role = [{{ role_arn = "{DELIVER}" }}]"#);
    world.write(&world.config().deliveries(&format!(
        r#"{{
            app  = {{ aws_secrets_manager = {{ secret_id = "{id}", {roles} }} }}
            ours = {{ aws_secrets_manager = {{ secret_id = "{id}" }} }}
            ssm  = {{ aws_ssm_parameter = {{ name = "{parameter}", {roles} }} }}
        }}"#
    )));
    let ids = |document: &Value| {
        ["primary", "secondary"].map(|slot| document[slot]["key_id"].as_str().map(str::to_owned))
    };
    let holds = |primary: &str, secondary: Option<&str>| {
        let wanted = [Some(primary.to_owned()), secondary.map(str::to_owned)];
        assert_eq!(ids(&document(&world)), wanted);
        assert_eq!(ids(&world.document()), wanted);
        let there = world.cloud.in_role(DELIVER).parameter(&parameter);
        let there: Value = serde_json::from_str(there["Value"].as_str().unwrap()).unwrap();
        assert_eq!(ids(&there), wanted);
        world.ws.plan().ok().code(0);
    };
    world.ws.apply().ok();
    let first = world.key().text("primary.key_id");
    holds(&first, None);
    let place = |name: &str| world.key().text(&format!("delivery_status.{name}.place"));
    let at = |account: &str| format!("aws_secrets_manager {id} ({account}, eu-central-1)");
    assert_eq!(place("app"), at("210987654321"));
    assert_eq!(place("ours"), at("123456789012"));

    world.ws.advance("80s").apply().ok();
    let second = world.key().text("secondary.key_id");
    holds(&first, Some(&second));
    world.ws.advance("20s").apply().ok();
    holds(&second, Some(&first));
    world.ws.advance("30s").apply().ok();
    holds(&second, None);
    assert_eq!(world.ids(), [second]);
    assert!(world.cloud.parameter(&parameter).is_null());

    world.ws.destroy().ok();
    assert!(world.ids().is_empty());
    assert!(document(&world).is_null() && world.document().is_null());
}

#[test]
fn a_delivery_whose_profile_leads_to_another_account_later_is_refused_in_every_command() {
    let world = World::on(cloud());
    profile(&world, &world.cloud.profile_of_role(DELIVER));
    let id = &world.secret_id;
    let place = format!(
        r#"{{ app = {{ aws_secrets_manager = {{ secret_id = "{id}", profile = "there" }} }} }}"#
    );
    world.write(&world.config().deliveries(&place));
    world.ws.apply().ok();
    let (delivered, ids) = (document(&world), world.ids());
    assert_eq!(delivered["primary"]["key_id"], ids[0].as_str());

    profile(&world, &of_admin(&world));
    let both = ["210987654321", "123456789012"];
    let refused = world.ws.plan().failed().complains(&both);
    refused.reads("delivery-in-another-account");
    world.ws.advance("80s");
    world
        .ws
        .apply_with(&["-refresh=false"])
        .failed()
        .complains(&both);
    world.ws.destroy().failed().complains(&both);
    assert_eq!((document(&world), world.ids()), (delivered, ids));
    assert!(world.document().is_null(), "nothing was written there");

    profile(&world, &world.cloud.profile_of_role(DELIVER));
    world.ws.apply().ok();
    assert_eq!(world.key().phase(), "staged");
    assert!(document(&world)["secondary"].is_object());
}

#[test]
fn an_issuer_whose_profile_leads_to_another_account_later_is_refused_in_every_command() {
    let world = World::on(cloud());
    profile(&world, &of_admin(&world));
    let user = &world.user;
    let named = format!(r#"{{ aws_iam = {{ user_name = "{user}", profile = "there" }} }}"#);
    world.write(&world.config().issuer(&named));
    // The credentials of the provider belong to the other account, and so does the secret.
    world.cloud.deny(&world.admin, r#""secretsmanager:*""#);
    let admin = world.cloud.profile_of_role(DELIVER);
    let values: Vec<&str> = admin
        .lines()
        .map(|line| line.split(" = ").nth(1).unwrap())
        .collect();
    world.run_as(values[0], values[1]);
    world.ws.env("AWS_SESSION_TOKEN", values[2]);
    world.ws.apply().ok();
    let ids = world.ids();
    assert_eq!(document(&world)["primary"]["key_id"], ids[0].as_str());

    profile(&world, &admin);
    let both = ["123456789012", "210987654321"];
    let refused = world.ws.plan().failed().complains(&both);
    refused.reads("issuer-in-another-account");
    world.ws.advance("80s");
    world
        .ws
        .apply_with(&["-refresh=false"])
        .failed()
        .complains(&both);
    world.ws.destroy().failed().complains(&both);
    assert_eq!(world.ids(), ids);

    // An import asks with the credentials of the provider, and those are of another account.
    let other = World::on(cloud());
    let key = other.cloud.create_key(&other.user);
    other.write(&other.config().issuer(&issuer(&other.user)));
    other.run_as(values[0], values[1]);
    other.ws.env("AWS_SESSION_TOKEN", values[2]);
    let refused = other
        .ws
        .import("apikey_managed.k", &format!("aws_iam:{}", key.id));
    let refused = refused.failed().text();
    for told in [
        "Check the name, the account and the region.",
        "It was looked for in account 210987654321",
    ] {
        assert!(refused.contains(told), "{refused}");
    }
    assert_eq!(other.ids(), [key.id]);
    assert!(other.ws.find_key("k").is_none());

    profile(&world, &of_admin(&world));
    world.ws.apply().ok();
    assert_eq!(world.key().phase(), "staged");
    world.ws.destroy().ok();
    assert!(world.ids().is_empty());
}

#[test]
fn a_role_that_may_not_be_assumed_is_named_with_the_delivery_and_nothing_is_minted() {
    let world = World::on(cloud());
    world.cloud.allow(
        &world.admin,
        r#""iam:*","secretsmanager:*","sts:GetCallerIdentity""#,
    );
    let id = &world.secret_id;
    let place = secrets_manager(id).replace(
        " } }",
        &format!(r#", assume_role = [{{ role_arn = "{DELIVER}" }}] }} }}"#),
    );
    world.write(&world.config().deliveries(&format!("{{ app = {place} }}")));
    let refused = world.ws.apply().failed();
    refused
        .complains(&[DELIVER, "sts:AssumeRole"])
        .reads("role-of-a-delivery-that-may-not-be-assumed");
    assert!(world.ids().is_empty());
}
