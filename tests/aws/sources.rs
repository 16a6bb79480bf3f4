//! Where credentials, regions and endpoints come from.
//!
//! What depends on the environment runs in a process of its own.

use std::fs;

use apikey::context::Context;
use apikey::error::{Error, Kind};
use tempfile::TempDir;
use tf_provider::value::ValueAny;

use super::{Fields, administer, context, endpoints, fields, keys_of, open, store, text, unique};
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

fn write(folder: &TempDir, name: &str, lines: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, lines).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn failure(block: Fields) -> Error {
    keys_of(&context(block), "ci").check(&[]).await.unwrap_err()
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
async fn a_profile_comes_from_the_files_that_the_block_names() {
    let (fake, folder) = (empty(), TempDir::new().unwrap());
    let credentials = "[other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = made-up\n\
                       [ci]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = made-up\n";
    let config = format!(
        "[profile ci]\nregion = eu-west-3\nendpoint_url = {}\n",
        fake.url()
    );
    let file = |name, lines: &str| ValueAny::List(vec![text(&write(&folder, name, lines))]);
    let context = context(fields(&[
        ("profile", text("ci")),
        ("shared_credentials_files", file("credentials", credentials)),
        ("shared_config_files", file("config", &config)),
    ]));
    list(&context).await;
    assert_eq!(signer(&fake), "AKIAPROFILE");
    let _ = store(&context, &[("secret_id", text("x"))]).observe().await;
    let last = fake.requests().pop().unwrap();
    assert!(
        last.contains("/eu-west-3/secretsmanager/"),
        "the region of the profile: {last}"
    );
}

#[tokio::test]
async fn a_profile_that_does_not_exist_or_holds_nothing_is_named() {
    let folder = TempDir::new().unwrap();
    let file = ValueAny::List(vec![text(&write(
        &folder,
        "config",
        "[profile empty]\nregion = eu-west-3\n",
    ))]);
    for name in ["missing", "empty"] {
        let error = failure(fields(&[
            ("profile", text(name)),
            ("shared_config_files", file.clone()),
            ("shared_credentials_files", file.clone()),
        ]))
        .await;
        assert_eq!(error.kind, Kind::Invalid, "{error}");
        assert!(error.detail.contains(name), "{error}");
    }
}

#[tokio::test]
async fn a_profile_that_needs_a_browser_says_what_to_run() {
    let folder = TempDir::new().unwrap();
    let lines = "[profile web]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n\
                 [sso-session corp]\nsso_region = eu-west-3\n\
                 sso_start_url = https://example.invalid/start\n";
    let file = ValueAny::List(vec![text(&write(&folder, "config", lines))]);
    let error = failure(fields(&[
        ("profile", text("web")),
        ("shared_config_files", file),
    ]))
    .await;
    assert_eq!(error.kind, Kind::Invalid);
    assert!(
        error.detail.contains("export-credentials --profile web"),
        "{error}"
    );
}

#[tokio::test]
async fn a_process_may_give_the_credentials_and_its_failure_is_told() {
    let (fake, folder) = (empty(), TempDir::new().unwrap());
    let script = write(
        &folder,
        "keys.sh",
        r#"echo '{"Version":1,"AccessKeyId":"AKIAPROCESS","SecretAccessKey":"made-up-canary"}'"#,
    );
    let broken = write(
        &folder,
        "broken.sh",
        "echo 'the vault is sealed' >&2; exit 3\n",
    );
    let lines = format!(
        "[profile good]\ncredential_process = sh {script}\n\
         [profile bad]\ncredential_process = sh {broken}\n"
    );
    let file = ValueAny::List(vec![text(&write(&folder, "config", &lines))]);
    let block = |name| {
        fields(&[
            ("profile", text(name)),
            ("shared_config_files", file.clone()),
            ("endpoints", endpoints(&fake.url())),
        ])
    };
    list(&context(block("good"))).await;
    assert_eq!(signer(&fake), "AKIAPROCESS");
    let error = failure(block("bad")).await;
    assert!(
        error
            .detail
            .contains("credential_process ended with exit status 3"),
        "{error}"
    );
    assert!(!error.to_string().contains("sealed"), "{error}");
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
    let error = failure(block).await;
    assert_eq!(error.kind, Kind::Denied);
    for words in [
        "arn:aws:iam::1:role/r could not be assumed",
        "sts:AssumeRole",
        "AKIABASE",
    ] {
        assert!(error.detail.contains(words), "{error}");
    }
}

#[tokio::test]
async fn keys_and_endpoint_come_from_the_environment() {
    let fake = empty();
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIAENV"),
        ("AWS_SECRET_ACCESS_KEY", "made-up"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_IAM", &fake.url()),
    ];
    let test = "keys_and_endpoint_come_from_the_environment";
    if inside(module_path!(), test, &variables) {
        return list(&context(fields(&[]))).await;
    }
    assert_eq!(signer(&fake), "AKIAENV");
}

#[tokio::test]
async fn a_profile_in_the_block_goes_before_keys_in_the_environment() {
    let (fake, folder) = (empty(), TempDir::new().unwrap());
    let file = write(
        &folder,
        "credentials",
        "[ci]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = made-up\n",
    );
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIAENV"),
        ("AWS_SECRET_ACCESS_KEY", "made-up"),
        ("AWS_SHARED_CREDENTIALS_FILE", file.as_str()),
        ("AWS_ENDPOINT_URL", &fake.url()),
    ];
    let test = "a_profile_in_the_block_goes_before_keys_in_the_environment";
    if inside(module_path!(), test, &variables) {
        return list(&context(fields(&[("profile", text("ci"))]))).await;
    }
    assert_eq!(signer(&fake), "AKIAPROFILE");
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

#[tokio::test]
async fn without_credentials_the_error_lists_what_was_tried() {
    if !inside(
        module_path!(),
        "without_credentials_the_error_lists_what_was_tried",
        &[],
    ) {
        return;
    }
    let error = failure(fields(&[])).await;
    assert_eq!(error.kind, Kind::Invalid);
    for words in [
        "AWS_ACCESS_KEY_ID",
        "~/.aws/config",
        "AWS_PROFILE",
        "profile = ",
    ] {
        assert!(error.detail.contains(words), "{error}");
    }
}

#[tokio::test]
async fn without_a_region_secrets_manager_asks_for_one_and_iam_does_not() {
    let fake = empty();
    let test = "without_a_region_secrets_manager_asks_for_one_and_iam_does_not";
    if !inside(module_path!(), test, &[]) {
        return;
    }
    let mut block = super::block(&fake.url(), "AKIATEST", "made-up");
    block.remove("region");
    let context = context(block);
    list(&context).await;
    let place = store(&context, &[("secret_id", text("x"))]);
    let error = place.check().await.unwrap_err();
    assert_eq!(error.kind, Kind::Invalid);
    assert_eq!(error.path.to_string(), "aws.region");
    assert!(error.detail.contains("AWS_REGION"), "{error}");
}

#[tokio::test]
async fn a_region_of_the_environment_that_is_none_is_refused_before_it_becomes_a_host() {
    let test = "a_region_of_the_environment_that_is_none_is_refused_before_it_becomes_a_host";
    if !inside(module_path!(), test, &[("AWS_REGION", "evil.example/")]) {
        return;
    }
    let mut block = super::block("http://127.0.0.1:1", "AKIATEST", "made-up");
    block.remove("region");
    let error = failure(block).await;
    assert_eq!(error.kind, Kind::Invalid, "{error}");
    assert!(error.detail.contains("evil.example/"), "{error}");
}

#[tokio::test]
async fn what_amazons_tools_read_about_repetitions_is_not_read() {
    let (fake, folder) = (empty(), TempDir::new().unwrap());
    let config = write(&folder, "config", "[default]\nmax_attempts = 0\n");
    let test = "what_amazons_tools_read_about_repetitions_is_not_read";
    for (name, value) in [
        ("AWS_MAX_ATTEMPTS", ""),
        ("AWS_MAX_ATTEMPTS", "abc"),
        ("AWS_MAX_ATTEMPTS", "0"),
        ("AWS_RETRY_MODE", ""),
        ("AWS_RETRY_MODE", "bogus"),
        ("AWS_RETRY_MODE", "legacy"),
        ("AWS_CONFIG_FILE", &config),
    ] {
        let variables = [
            (name, value),
            ("AWS_ACCESS_KEY_ID", "AKIAENV"),
            ("AWS_SECRET_ACCESS_KEY", "made-up"),
            ("AWS_ENDPOINT_URL", &fake.url()),
        ];
        if inside(module_path!(), test, &variables) {
            return list(&context(fields(&[]))).await;
        }
        assert_eq!(signer(&fake), "AKIAENV", "{name}={value}");
    }
}

#[tokio::test]
async fn empty_variables_count_as_not_set() {
    let (fake, folder) = (empty(), TempDir::new().unwrap());
    let credentials =
        "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = made-up\n";
    let config = format!(
        "[default]\nregion = eu-west-3\nendpoint_url = {}\n",
        fake.url()
    );
    let (credentials, config) = (
        write(&folder, "credentials", credentials),
        write(&folder, "config", &config),
    );
    let variables = [
        ("AWS_PROFILE", ""),
        ("AWS_REGION", ""),
        ("AWS_DEFAULT_REGION", ""),
        ("AWS_ENDPOINT_URL", ""),
        ("AWS_ENDPOINT_URL_IAM", ""),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", ""),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", ""),
        ("AWS_SHARED_CREDENTIALS_FILE", &credentials),
        ("AWS_CONFIG_FILE", &config),
    ];
    if inside(
        module_path!(),
        "empty_variables_count_as_not_set",
        &variables,
    ) {
        let context = context(fields(&[]));
        list(&context).await;
        let _ = store(&context, &[("secret_id", text("x"))]).observe().await;
        return;
    }
    assert_eq!(signer(&fake), "AKIADEFAULT");
    let last = fake.requests().pop().unwrap();
    assert!(last.contains("/eu-west-3/secretsmanager/"), "{last}");
}

#[tokio::test]
async fn an_empty_variable_of_one_service_leaves_the_one_of_all() {
    let fake = empty();
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIAENV"),
        ("AWS_SECRET_ACCESS_KEY", "made-up"),
        ("AWS_ENDPOINT_URL_IAM", ""),
        ("AWS_ENDPOINT_URL", &fake.url()),
    ];
    let test = "an_empty_variable_of_one_service_leaves_the_one_of_all";
    if inside(module_path!(), test, &variables) {
        return list(&context(fields(&[]))).await;
    }
    assert_eq!(signer(&fake), "AKIAENV");
}

#[tokio::test]
async fn a_profile_of_the_environment_comes_after_keys_in_it_and_need_not_exist_then() {
    let (fake, folder) = (empty(), TempDir::new().unwrap());
    let file = write(
        &folder,
        "credentials",
        "[ci]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = made-up\n",
    );
    let test = "a_profile_of_the_environment_comes_after_keys_in_it_and_need_not_exist_then";
    for profile in ["ci", "nowhere"] {
        let variables = [
            ("AWS_ACCESS_KEY_ID", "AKIAENV"),
            ("AWS_SECRET_ACCESS_KEY", "made-up"),
            ("AWS_PROFILE", profile),
            ("AWS_SHARED_CREDENTIALS_FILE", file.as_str()),
            ("AWS_ENDPOINT_URL", &fake.url()),
        ];
        if inside(module_path!(), test, &variables) {
            return list(&context(fields(&[]))).await;
        }
        assert_eq!(signer(&fake), "AKIAENV");
    }
}

#[tokio::test]
async fn a_profile_of_the_environment_that_does_not_exist_leads_to_no_other_identity() {
    let container = Fake::start([Reply::Answer(
        200,
        vec!["Content-Type: application/json".to_owned()],
        r#"{"AccessKeyId":"ASIACONTAINER","SecretAccessKey":"made-up","Token":"made-up-token",
            "Expiration":"9999-01-01T00:00:00Z"}"#
            .to_owned(),
    )]);
    let uri = format!("{}/keys", container.url());
    let variables = [
        ("AWS_PROFILE", "nowhere"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ];
    let test = "a_profile_of_the_environment_that_does_not_exist_leads_to_no_other_identity";
    if inside(module_path!(), test, &variables) {
        let error = failure(fields(&[])).await;
        assert_eq!(error.kind, Kind::Invalid, "{error}");
        for words in ["AWS_PROFILE names \"nowhere\"", "the container"] {
            assert!(error.detail.contains(words), "{error}");
        }
    }
}
