//! What a secret is under each of its names, and who may write over what.

use apikey::context::Context;
use apikey::error::Kind;
use apikey::secret::Secret;
use apikey::stores::{Document, DocumentKey, Found, Version};
use apikey::vendors::aws::{self, Json, Service};
use serde_json::{Value, json};

use super::{block, context, open, store, text, unique};
use crate::support::fake::{Fake, Reply};
use crate::support::golden::error_reads;
use crate::support::moto::Moto;
use crate::support::{remove_now, write_over};

fn document(name: &str) -> Document {
    Document {
        primary: DocumentKey {
            key_id: Some(name.into()),
            secret: Secret::new(format!("made-up-canary-{name}")),
        },
        secondary: None,
        generation: Some(1),
        rotated_at: None,
    }
}

fn token(digit: char) -> String {
    digit.to_string().repeat(64)
}

async fn call(context: &Context, operation: &str, input: Value) -> Value {
    let json = Json {
        service: Service::SecretsManager,
        region: None,
        operation,
        input: &input,
        secrets: &[],
    };
    aws::client(context).unwrap().json(json).await.unwrap()
}

async fn identity(context: &Context, id: &str, region: Option<&str>) -> String {
    let mut settings = vec![("secret_id", text(id))];
    settings.extend(region.map(|region| ("region", text(region))));
    store(context, &settings).identity().await.unwrap()
}

#[tokio::test]
async fn every_name_of_a_secret_has_one_identity_before_and_after_it_exists() {
    let (there, id) = (open(&Moto::shared().url()), unique("prod/app"));
    let expected = format!("aws_secrets_manager {id} (123456789012, eu-central-1)");
    assert_eq!(identity(&there, &id, None).await, expected);
    assert_eq!(identity(&there, &id, Some("eu-central-1")).await, expected);

    let created = call(&there, "CreateSecret", json!({ "Name": id })).await;
    let arn = created["ARN"].as_str().unwrap();
    let (bare, _) = arn.rsplit_once('-').unwrap();
    for name in [arn, bare, &id] {
        assert_eq!(identity(&there, name, None).await, expected, "{name}");
    }
    // A context that has heard nothing of the secret, and a secret that is gone.
    let later = open(&Moto::shared().url());
    let input = json!({ "SecretId": id, "ForceDeleteWithoutRecovery": true });
    call(&there, "DeleteSecret", input).await;
    assert_eq!(identity(&later, arn, None).await, expected);

    let elsewhere = identity(&there, &id, Some("us-east-1")).await;
    assert_eq!(
        elsewhere,
        format!("aws_secrets_manager {id} (123456789012, us-east-1)")
    );
}

#[tokio::test]
async fn a_secret_whose_name_ends_like_an_arn_keeps_its_name() {
    let there = open(&Moto::shared().url());
    let id = format!("{}-AbCdEf", unique("odd"));
    let created = call(&there, "CreateSecret", json!({ "Name": id })).await;
    let arn = created["ARN"].as_str().unwrap();
    assert_eq!(
        identity(&there, arn, None).await,
        identity(&there, &id, None).await
    );
}

#[tokio::test]
async fn what_was_written_since_the_look_is_neither_overwritten_nor_removed() {
    let (there, id) = (open(&Moto::shared().url()), unique("prod/app"));
    let place = store(&there, &[("secret_id", text(&id))]);
    write_over(&*place, &document("one"), &token('a'))
        .await
        .unwrap();
    let seen = place.observe().await.unwrap().version;
    let input = json!({ "SecretId": id, "SecretString": "DB_PASSWORD=x" });
    call(&there, "PutSecretValue", input).await;

    let written = place.write(&document("two"), &token('b'), &seen).await;
    let removed = place.remove(&seen).await;
    let created = place
        .write(&document("two"), &token('b'), &Version::Absent)
        .await;
    for error in [
        written.unwrap_err(),
        removed.unwrap_err(),
        created.unwrap_err(),
    ] {
        assert_eq!(error.kind, Kind::Stale, "{error}");
        assert!(
            error.summary.contains("was changed in the meantime"),
            "{error}"
        );
        error_reads("secret-changed-in-the-meantime", &error);
    }
    let value = call(&there, "GetSecretValue", json!({ "SecretId": id })).await;
    assert_eq!(value["SecretString"], "DB_PASSWORD=x");
}

#[tokio::test]
async fn a_secret_that_vanished_since_the_look_is_not_made_again() {
    let (there, id) = (open(&Moto::shared().url()), unique("prod/app"));
    let settings = [("secret_id", text(&id)), ("recovery_window", text("0s"))];
    let place = store(&there, &settings);
    write_over(&*place, &document("one"), &token('a'))
        .await
        .unwrap();
    let seen = place.observe().await.unwrap().version;
    remove_now(&*place).await.unwrap();
    let error = place
        .write(&document("two"), &token('b'), &seen)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Stale, "{error}");
    let found = place.observe().await.unwrap().found;
    assert!(matches!(found, Found::Nothing), "{found:?}");
}

#[tokio::test]
async fn a_value_that_came_between_look_and_write_is_put_back_in_front() {
    let described = r#"{"ARN":"x","Name":"x","VersionIdsToStages":{"seen":["AWSCURRENT"]}}"#;
    let current = r#"{"ARN":"x","Name":"x","VersionId":"seen","SecretString":"{}"}"#;
    let put = r#"{"VersionId":"ours","VersionStages":["AWSCURRENT"]}"#;
    let labels = format!(
        r#"{{"ARN":"x","Name":"x","VersionIdsToStages":{{"{}":["AWSCURRENT"],"theirs":["AWSPREVIOUS"],"seen":[]}}}}"#,
        token('b')
    );
    let answers = [described, current, put, &labels, "{}"];
    let fake = Fake::start(answers.map(|body| Reply::of(200, body)));
    let there = context(block(&fake.url(), "AKIATEST", "made-up-admin-canary"));
    let place = store(&there, &[("secret_id", text("x"))]);
    let seen = Version::Of("seen".into());
    let error = place
        .write(&document("two"), &token('b'), &seen)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Stale);
    assert!(
        error
            .detail
            .starts_with("Its version theirs is the current one again"),
        "{error}"
    );
    error_reads("secret-written-at-the-same-moment", &error);
    let requests = fake.requests();
    assert_eq!(requests.len(), 5);
    let last = requests.last().unwrap();
    assert!(last.contains("UpdateSecretVersionStage"), "{last}");
    assert!(last.contains(r#""MoveToVersionId":"theirs""#), "{last}");
    let from = format!(r#""RemoveFromVersionId":"{}""#, token('b'));
    assert!(last.contains(&from), "{last}");
}

#[tokio::test]
async fn a_placeholder_without_a_value_is_nothing_and_any_other_value_is_foreign() {
    let (there, id) = (open(&Moto::shared().url()), unique("prod/app"));
    let place = store(&there, &[("secret_id", text(&id))]);
    call(&there, "CreateSecret", json!({ "Name": id })).await;
    for (value, empty) in [("{}", true), (" ", true), ("changeme", false)] {
        let input = json!({ "SecretId": id, "SecretString": value });
        call(&there, "PutSecretValue", input).await;
        let found = place.observe().await.unwrap().found;
        assert_eq!(
            matches!(found, Found::Nothing),
            empty,
            "{value:?}: {found:?}"
        );
    }
}
