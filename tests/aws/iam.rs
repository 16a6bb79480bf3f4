//! Access keys of IAM users, against moto.

use apikey::context::Context;
use apikey::engine::account::Account;
use apikey::error::Kind;
use apikey::http::Repeat;
use apikey::issuers::{KeyRef, KeyStatus, Minted, Probe};
use apikey::secret::Secret;
use apikey::vendors::aws::{self, Query, Service};
use serde::Deserialize;
use tf_provider::value::ValueAny;

use super::{administer, block, context, create_user, import, issuer, keys_of, open, text, unique};
use crate::support::golden::error_reads;
use crate::support::moto::Moto;

const EVERYTHING: &str = r#""iam:*","secretsmanager:*","sts:*""#;

/// A server that checks signatures and policies, and the context of a user who may do `actions` there.
pub async fn guarded(user: &str, actions: &str) -> (Moto, Context) {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Response {
        create_access_key_result: Outcome,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Outcome {
        access_key: Key,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Key {
        access_key_id: String,
        secret_access_key: String,
    }

    let moto = Moto::start_guarded(3);
    let setup = open(&moto.url());
    create_user(&setup, user).await;
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}}]}}"#
    );
    let parameters = [
        ("UserName", user),
        ("PolicyName", "test"),
        ("PolicyDocument", policy.as_str()),
    ];
    administer(&setup, "PutUserPolicy", &parameters)
        .await
        .unwrap();
    let query = Query {
        service: Service::Iam,
        operation: "CreateAccessKey",
        parameters: &[("UserName", user)],
        repeat: Repeat::Freely,
    };
    let client = aws::client(&setup).unwrap();
    let response: Response = client.query(query).await.unwrap();
    let key = response.create_access_key_result.access_key;
    let block = block(&moto.url(), &key.access_key_id, &key.secret_access_key);
    (moto, context(block))
}

async fn mint(issuer: &Account) -> (String, Minted) {
    let minted = issuer.mint("token").await.unwrap();
    (minted.key_id.clone().unwrap(), minted)
}

async fn key_statuses(issuer: &Account, ids: &[&str]) -> Vec<Option<KeyStatus>> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    issuer.inspect(&ids).await.unwrap()
}

#[tokio::test]
async fn a_key_is_minted_proved_and_revoked_for_good() {
    let (_moto, context) = guarded("admin", EVERYTHING).await;
    create_user(&context, "ci").await;
    let keys = keys_of(&context, "ci");

    keys.check(&[]).await.unwrap();
    let (id, minted) = mint(&keys).await;
    assert_eq!(
        keys.probe(Some(&id), &minted.secret).await.unwrap(),
        Probe::Accepted
    );
    assert_eq!(key_statuses(&keys, &[&id]).await, [Some(KeyStatus::Active)]);
    assert!(keys.last_use(&id).await.unwrap().is_some());
    let imported = import(&context, &id).await.unwrap();
    assert_eq!(imported.settings.get("user_name"), Some(&text("ci")));

    keys.revoke(KeyRef::of_id(&id), None).await.unwrap();
    assert_eq!(
        key_statuses(&keys, &[&id]).await,
        [Some(KeyStatus::Missing)]
    );
    let probe = keys.probe(Some(&id), &minted.secret).await.unwrap();
    assert!(matches!(probe, Probe::Refused(words) if words.contains("InvalidClientTokenId")));
    keys.revoke(KeyRef::of_id(&id), None).await.unwrap();
    assert_eq!(
        import(&context, &id).await.unwrap_err().kind,
        Kind::NotFound,
        "a key that is gone cannot be imported"
    );
}

#[tokio::test]
async fn a_key_with_another_secret_is_refused() {
    let (_moto, context) = guarded("admin", EVERYTHING).await;
    create_user(&context, "ci").await;
    let keys = keys_of(&context, "ci");
    let (id, _) = mint(&keys).await;
    let wrong = Secret::new("made-up-canary".into());
    let probe = keys.probe(Some(&id), &wrong).await.unwrap();
    assert!(matches!(probe, Probe::Refused(words) if words.contains("SignatureDoesNotMatch")));
}

#[tokio::test]
async fn a_wrong_administrator_key_is_denied_and_never_missing() {
    let (moto, good) = guarded("admin", EVERYTHING).await;
    create_user(&good, "ci").await;
    let (id, _) = mint(&keys_of(&good, "ci")).await;
    let calls = ["list", "mint", "inspect", "revoke", "last-use", "import"];
    for (key_id, code) in [
        (id.as_str(), "SignatureDoesNotMatch"),
        ("AKIANOBODYKNOWSTHIS", "InvalidClientTokenId"),
    ] {
        let bad = context(block(&moto.url(), key_id, "made-up-canary"));
        let keys = keys_of(&bad, "ci");
        let errors = [
            keys.check(&[]).await.unwrap_err(),
            keys.mint("token").await.unwrap_err(),
            keys.inspect(std::slice::from_ref(&id)).await.unwrap_err(),
            keys.revoke(KeyRef::of_id(&id), None).await.unwrap_err(),
            keys.last_use(&id).await.unwrap_err(),
            import(&bad, &id).await.unwrap_err(),
        ];
        for (call, error) in calls.iter().zip(errors) {
            if code == "InvalidClientTokenId" {
                error_reads(&format!("aws-unknown-administrator-{call}"), &error);
            }
            assert_eq!(error.kind, Kind::Denied, "{error}");
            assert!(error.detail.contains(code), "{error}");
            let who = format!("access key {key_id} (from the provider block)");
            assert!(error.detail.contains(&who), "{error}");
            assert!(!format!("{error} {error:?}").contains("made-up-canary"));
        }
    }
}

#[tokio::test]
async fn a_full_user_is_explained_and_gets_no_third_key() {
    let context = open(&Moto::shared().url());
    let user = unique("full");
    create_user(&context, &user).await;
    let keys = keys_of(&context, &user);
    let (first, _) = mint(&keys).await;
    let (second, _) = mint(&keys).await;

    let error = keys.check(std::slice::from_ref(&first)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Limit);
    for words in [
        format!("aws_iam user {user} already has 2 keys"),
        format!("This resource owns only {first}"),
        format!("{second} (active, created 20"),
    ] {
        assert!(error.to_string().contains(&words), "{words}: {error}");
    }
    let (limit, others) = keys
        .crowd(std::slice::from_ref(&first))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((limit, others.len()), (2, 1));
    assert_eq!(others[0].key_id, second);
    let third = keys.mint("token").await.unwrap_err();
    assert_eq!(third.kind, Kind::Limit);
    error_reads("aws-third-key", &third);
    assert_eq!(
        key_statuses(&keys, &[&second, &first]).await,
        [Some(KeyStatus::Active), Some(KeyStatus::Active)]
    );
}

#[tokio::test]
async fn the_caller_is_the_user_of_the_providers_own_key() {
    let (_moto, context) = guarded("team-bot", EVERYTHING).await;
    let keys = issuer(&context, &[("caller", ValueAny::Bool(true))]);
    keys.check(&[]).await.unwrap();
    let (id, _) = mint(&keys).await;
    let imported = import(&context, &id).await.unwrap();
    assert_eq!(imported.settings.get("user_name"), Some(&text("team-bot")));
}

#[tokio::test]
async fn a_user_who_is_gone_has_no_keys_left_to_revoke() {
    let context = open(&Moto::shared().url());
    let keys = keys_of(&context, &unique("nobody"));
    assert_eq!(keys.check(&[]).await.unwrap_err().kind, Kind::NotFound);
    let minted = keys.mint("token").await.unwrap_err();
    assert_eq!(minted.kind, Kind::NotFound);
    error_reads("aws-key-for-nobody", &minted);
    let id = "AKIAIOSFODNN7EXAMPLE";
    assert_eq!(key_statuses(&keys, &[id]).await, [Some(KeyStatus::Missing)]);
    keys.revoke(KeyRef::of_id(id), None).await.unwrap();
}

#[tokio::test]
async fn whose_keys_they_are_must_be_said_aloud() {
    let context = open("http://127.0.0.1:1");
    for (settings, path) in [
        (vec![], "issuer.aws_iam.user_name"),
        (
            vec![("caller", ValueAny::Bool(false))],
            "issuer.aws_iam.user_name",
        ),
        (
            vec![("user_name", text("arn:aws:iam::1:user/ci"))],
            "issuer.aws_iam.user_name",
        ),
        (
            vec![("user_name", text("ci")), ("caller", ValueAny::Bool(true))],
            "issuer.aws_iam.caller",
        ),
    ] {
        let fields = super::fields(&settings);
        let path_of_issuer = apikey::error::Path::root("issuer").attribute("aws_iam");
        let settings = apikey::settings::Settings::new(path_of_issuer, &fields);
        let kind = apikey::issuers::find("aws_iam").unwrap();
        let error = kind.connect(&settings, &context).err().unwrap();
        assert_eq!(error.path.to_string(), path, "{error}");
    }
}
