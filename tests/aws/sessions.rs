//! Credentials that are asked for with settings of the block, and kept. Where credentials come from is in `aws_wire`.

use apikey::context::Context;
use apikey::error::Kind;
use tf_provider::value::ValueAny;

use super::{administer, context, fields, keys_of, open, text, unique};
use crate::support::child::inside;
use crate::support::fake::{Fake, Reply};
use crate::support::moto::Moto;

const NOBODY: &str = "<ListAccessKeysResponse><ListAccessKeysResult>\
                      <IsTruncated>false</IsTruncated></ListAccessKeysResult>\
                      </ListAccessKeysResponse>";

/// A server on which every user has no key yet.
fn empty() -> Fake {
    Fake::start([Reply::of(200, NOBODY)])
}

/// The id of the key that signed the last request.
fn signer(fake: &Fake) -> String {
    let requests = fake.requests();
    let head = requests.last().unwrap();
    let (_, rest) = head.split_once("Credential=").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

async fn list(context: &Context) {
    keys_of(context, "ci").inspect(&[]).await.unwrap();
}

#[tokio::test]
async fn a_role_is_assumed_once_for_all_resources() {
    let moto = Moto::shared();
    let setup = open(&moto.url());
    let name = unique("deployer");
    let parameters = [
        ("RoleName", name.as_str()),
        ("AssumeRolePolicyDocument", "{}"),
    ];
    administer(&setup, "CreateRole", &parameters).await.unwrap();
    let arn = format!("arn:aws:iam::123456789012:role/{name}");
    let role = ValueAny::Map(fields(&[
        ("role_arn", text(&arn)),
        ("session_name", text("apply")),
        ("external_id", text("e-1")),
        ("duration", text("15m")),
    ]));
    let mut block = super::block(&moto.url(), "AKIATEST", "made-up");
    block.insert("assume_role".into(), ValueAny::List(vec![role]));
    let context = context(block);
    let keys = super::issuer(&context, &[("caller", ValueAny::Bool(true))]);
    let error = keys.check(&[]).await.unwrap_err();
    let session = format!("assumed-role/{name}/apply");
    assert!(
        error.detail.contains(&session),
        "it runs as the role: {error}"
    );
}

#[tokio::test]
async fn a_role_is_asked_for_with_its_settings_and_kept() {
    let session = "<AssumeRoleResponse><AssumeRoleResult><Credentials>\
                   <AccessKeyId>ASIAROLE</AccessKeyId>\
                   <SecretAccessKey>made-up-canary</SecretAccessKey>\
                   <SessionToken>made-up-token</SessionToken>\
                   <Expiration>9999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>\
                   </AssumeRoleResponse>";
    let sts = Fake::start([Reply::of(200, session)]);
    let iam = empty();
    let role = ValueAny::Map(fields(&[
        ("role_arn", text("arn:aws:iam::1:role/r")),
        (
            "policy_arns",
            ValueAny::List(vec![text("arn:aws:iam::aws:policy/x")]),
        ),
        ("tags", ValueAny::Map(fields(&[("team", text("pay"))]))),
        ("transitive_tag_keys", ValueAny::List(vec![text("team")])),
    ]));
    let urls = fields(&[("iam", text(&iam.url())), ("sts", text(&sts.url()))]);
    let context = context(fields(&[
        ("access_key", text("AKIABASE")),
        ("secret_key", text("made-up")),
        ("assume_role", ValueAny::List(vec![role])),
        ("endpoints", ValueAny::Map(urls)),
    ]));
    let (first, second) = (keys_of(&context, "a"), keys_of(&context, "b"));
    let (one, two) = tokio::join!(first.inspect(&[]), second.inspect(&[]));
    one.and(two).unwrap();

    let [asked] = &sts.requests()[..] else {
        panic!("asked more than once")
    };
    for words in [
        "Action=AssumeRole&",
        "RoleSessionName=terraform-provider-apikey",
        "PolicyArns.member.1.arn=arn",
        "Tags.member.1.Key=team&Tags.member.1.Value=pay",
        "TransitiveTagKeys.member.1=team",
        "Credential=AKIABASE/",
    ] {
        assert!(asked.contains(words), "{words}: {asked}");
    }
    assert_eq!(signer(&iam), "ASIAROLE");
    assert!(iam.requests()[0].contains("x-amz-security-token: made-up-token"));
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_named() {
    let denied = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>\
                  </ErrorResponse>";
    let fake = Fake::start([Reply::of(403, denied)]);
    let role = ValueAny::Map(fields(&[("role_arn", text("arn:aws:iam::1:role/r"))]));
    let mut block = super::block(&fake.url(), "AKIABASE", "made-up-canary");
    block.insert("assume_role".into(), ValueAny::List(vec![role]));
    let error = keys_of(&context(block), "ci").check(&[]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    for words in [
        "arn:aws:iam::1:role/r could not be assumed",
        "sts:AssumeRole",
        "AKIABASE",
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn credentials_come_from_the_container_once() {
    let iam = empty();
    let container = Fake::start([Reply::Answer(
        200,
        vec!["Content-Type: application/json".to_owned()],
        r#"{"AccessKeyId":"ASIACONTAINER","SecretAccessKey":"made-up","Token":"made-up-token",
            "Expiration":"9999-01-01T00:00:00Z"}"#
            .to_owned(),
    )]);
    let uri = format!("{}/keys", container.url());
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_ENDPOINT_URL_IAM", &iam.url()),
    ];
    if inside(
        module_path!(),
        "credentials_come_from_the_container_once",
        &variables,
    ) {
        let context = context(fields(&[]));
        list(&context).await;
        return list(&context).await;
    }
    assert_eq!(signer(&iam), "ASIACONTAINER");
    assert_eq!(container.requests().len(), 1);
}
