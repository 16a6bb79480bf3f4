//! An administrator who is refused, and a server that is down: errors, and nothing is forgotten.

use super::world::{KEY, World};
use crate::aws::{administer, block, context, unique};
use crate::support::fake::{Fake, Reply};
use crate::support::keys::Config;
use crate::support::moto::Moto;
use crate::support::workspace::Workspace;

#[test]
fn a_refused_administrator_is_an_error_and_the_key_stays_in_the_state() {
    let world = World::new().created();
    let (before, ids) = (world.ws.state(), world.ids());
    let id = world.admin_key.id.clone();

    world.run_as(&id, "made-up-canary-wrong-secret-of-the-admin");
    for refused in [
        world.ws.plan(),
        world.ws.apply(),
        world.ws.apply_with(&["-refresh-only"]),
        world.ws.destroy(),
    ] {
        assert!(!refused.text().contains("made-up-canary"));
        let phrases = ["payments", "SignatureDoesNotMatch", id.as_str()];
        refused.failed().complains(&phrases);
        assert_eq!(world.ws.state(), before);
    }

    world.cloud.delete_key(&world.admin, &id);
    world.run_as(&id, &world.admin_key.secret);
    let refused = world.ws.apply_with(&["-refresh-only"]).failed();
    refused.complains(&["payments", "InvalidClientTokenId", &id]);
    assert_eq!(world.ws.state(), before);

    assert_eq!(world.ids(), ids);
    let fresh = world.cloud.create_key(&world.admin);
    world.run_as(&fresh.id, &fresh.secret);
    world.ws.plan().ok().code(0);
}

/// In the words of the AWS command line, whose attempts are one more than our retries. The block goes before both.
#[test]
fn a_call_is_made_as_often_as_the_environment_the_profile_and_the_block_say() {
    let tried = |environment: Option<&str>, profile: &str, block: &str| {
        let fake = Fake::start([Reply::of(503, "")]);
        let ws = Workspace::new();
        let provider = format!("provider \"apikey\" {{ aws = {{ {block} }} }}");
        let issuer = r#"{ aws_iam = { user_name = "nobody" } }"#;
        ws.write(&Config::new().issuer(issuer).beside(&provider).text());
        std::fs::write(ws.path("config"), format!("[default]\n{profile}")).unwrap();
        ws.env("AWS_ENDPOINT_URL", &fake.url())
            .env("AWS_CONFIG_FILE", ws.path("config").to_str().unwrap())
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "made-up");
        if let Some(attempts) = environment {
            ws.env("AWS_MAX_ATTEMPTS", attempts);
        }
        ws.apply().failed().complains(&["HTTP 503"]);
        let requests = fake.requests();
        let body = |request: &String| request.rsplit_once("\r\n\r\n").map(|it| it.1.to_owned());
        let first = body(&requests[0]);
        requests.iter().filter(|it| body(it) == first).count()
    };
    // As often as it is asked for the same in one run.
    let asked = tried(Some("3"), "max_attempts = 5", "max_retries = 0");
    assert_eq!(tried(Some("3"), "max_attempts = 5", ""), 3 * asked);
    assert_eq!(tried(None, "max_attempts = 2", ""), 2 * asked);
}

#[test]
fn a_server_that_is_down_is_an_error_and_the_key_stays_in_the_state() {
    let world = World::new().created();
    let before = world.ws.state();
    world
        .write(
            &world
                .config()
                .beside(r#"provider "apikey" { aws = { max_retries = 2 } }"#),
        )
        .ws
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    for down in [world.ws.plan(), world.ws.apply(), world.ws.destroy()] {
        down.failed()
            .complains(&["payments", "127.0.0.1:1 did not answer"]);
        assert_eq!(world.ws.state(), before);
    }
    world.ws.env("AWS_ENDPOINT_URL", &world.cloud.url());
    world.ws.plan().ok().code(0);
}

#[test]
fn credentials_of_another_account_are_refused_before_every_key_seems_to_be_gone() {
    // A server that checks nothing, but keeps accounts apart.
    let (moto, user) = (Moto::shared(), unique("ci"));
    let cli = context(block(&moto.url(), "AKIATEST", "made-up-canary"));
    let created = async {
        let user = [("UserName", user.as_str())];
        administer(&cli, "CreateUser", &user).await.unwrap();
    };
    tokio::runtime::Runtime::new().unwrap().block_on(created);

    let config = Config::new().issuer(&format!(r#"{{ aws_iam = {{ user_name = "{user}" }} }}"#));
    let at_home = config.text();
    let role = "arn:aws:iam::210987654321:role/elsewhere";
    let elsewhere = config.beside(&format!(
        r#"provider "apikey" {{ aws = {{ assume_role = [{{ role_arn = "{role}" }}] }} }}"#
    ));
    let ws = Workspace::new();
    ws.env("AWS_ENDPOINT_URL", &moto.url())
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIATEST")
        .env("AWS_SECRET_ACCESS_KEY", "made-up-canary");
    ws.write(&at_home);
    ws.apply().ok();
    let before = ws.key("k").text("primary.key_id");

    ws.write(&elsewhere.text());
    let here = format!("aws_iam 123456789012 user {user}");
    let there = format!("aws_iam 210987654321 user {user}");
    for refused in [
        ws.plan(),
        ws.apply_with(&["-refresh-only"]),
        ws.destroy(),
        ws.run(&["destroy", "-auto-approve", "-refresh=false", "-json"]),
    ] {
        let phrases = ["payments", "those of another account", &here, &there];
        refused.failed().complains(&phrases);
        assert_eq!(ws.key("k").text("primary.key_id"), before);
    }
    ws.write(&at_home);
    ws.plan().ok().code(0);
    ws.destroy().ok();
}

#[test]
fn an_account_that_is_not_to_be_touched_is_refused_by_its_id() {
    let (moto, user) = (Moto::shared(), unique("ci"));
    let config = Config::new().issuer(&format!(r#"{{ aws_iam = {{ user_name = "{user}" }} }}"#));
    let with = |settings: &str| {
        let block = format!(r#"provider "apikey" {{ aws = {{ {settings} }} }}"#);
        config.clone().beside(&block).text()
    };
    let ws = Workspace::new();
    ws.env("AWS_ENDPOINT_URL", &moto.url())
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIATEST")
        .env("AWS_SECRET_ACCESS_KEY", "made-up-canary");
    // The roles are assumed one after the other: the account of the last one counts.
    let elsewhere = r#"assume_role = [
      { role_arn = "arn:aws:iam::123456789012:role/hub" },
      { role_arn = "arn:aws:iam::210987654321:role/spoke" },
    ]"#;
    for (settings, golden) in [
        (
            r#"allowed_account_ids = ["210987654321"]"#.to_owned(),
            "account-that-is-not-allowed",
        ),
        (
            r#"forbidden_account_ids = ["123456789012"]"#.to_owned(),
            "account-that-is-forbidden",
        ),
        (
            format!(r#"{elsewhere}, allowed_account_ids = ["123456789012"]"#),
            "account-of-the-last-role",
        ),
    ] {
        ws.write(&with(&settings));
        ws.plan().failed().complains(&["is not to be touched"]);
        ws.apply().failed().reads(golden);
        assert!(ws.find_key("k").is_none());
    }
    // Those of an issuer or a delivery are no way around the list.
    let role = r#"assume_role = [{ role_arn = "arn:aws:iam::210987654321:role/spoke" }]"#;
    let issuer = format!(r#"{{ aws_iam = {{ user_name = "{user}", {role} }} }}"#);
    let delivery = format!(
        r#"{{ app = {{ aws_secrets_manager = {{ secret_id = "prod/elsewhere", {role} }} }} }}"#
    );
    let forbidden = r#"provider "apikey" { aws = { forbidden_account_ids = ["210987654321"] } }"#;
    for (config, golden) in [
        (config.clone().issuer(&issuer), "account-of-an-issuer"),
        (
            config.clone().deliveries(&delivery),
            "account-of-a-delivery",
        ),
    ] {
        ws.write(&config.beside(forbidden).text());
        ws.apply().failed().reads(golden);
        assert!(ws.find_key("k").is_none());
    }
    // Past the list, what is missing is the user.
    ws.write(&with(&format!(
        r#"{elsewhere}, allowed_account_ids = ["210987654321"]"#
    )));
    ws.apply().failed().complains(&["NoSuchEntity", &user]);
}

#[test]
fn an_account_that_is_not_to_be_touched_is_refused_to_destroy_and_import_as_well() {
    let world = World::new().created();
    let ids = world.ids();
    let forbidden = r#"provider "apikey" { aws = { forbidden_account_ids = ["123456789012"] } }"#;
    let told = ["The AWS account 123456789012 is not to be touched"];
    world.write(&world.config().beside(forbidden));
    world.ws.destroy().failed().complains(&told);
    let without_a_look = ["destroy", "-auto-approve", "-refresh=false", "-json"];
    world.ws.run(&without_a_look).failed().complains(&told);
    assert_eq!(world.ids(), ids);
    assert_eq!(world.key().text("primary.key_id"), ids[0]);

    let other = World::new();
    let key = other.cloud.create_key(&other.user);
    other.write(&other.config().beside(forbidden));
    let refused = other
        .ws
        .import(KEY, &format!("aws_iam:{}", key.id))
        .failed();
    assert!(refused.text().contains(told[0]), "{refused}");
    assert!(other.ws.find_key("k").is_none());
    assert_eq!(other.ids(), [key.id]);
}
