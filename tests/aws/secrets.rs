//! Documents in Secrets Manager, against moto.

use apikey::context::Context;
use apikey::error::Kind;
use apikey::instant::Instant;
use apikey::secret::Secret;
use apikey::stores::document::Layout;
use apikey::stores::{Document, DocumentKey, Found, Store};
use apikey::vendors::aws::{self, Json, Service};
use serde_json::{Value, json};

use super::{open, store, text, try_store, unique};
use crate::support::golden::error_reads;
use crate::support::moto::Moto;
use crate::support::{remove_now, write_over};

fn key(name: &str) -> DocumentKey {
    DocumentKey {
        key_id: Some(name.into()),
        secret: Secret::new(format!("made-up-canary-{name}")),
    }
}

fn document(primary: &str, secondary: Option<&str>) -> Document {
    Document {
        primary: key(primary),
        secondary: secondary.map(key),
        generation: Some(1),
        rotated_at: Instant::parse("2026-11-22T12:00:00Z"),
    }
}

fn token(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn world() -> (Context, String) {
    (open(&Moto::shared().url()), unique("prod/app"))
}

fn at(context: &Context, id: &str) -> Box<dyn Store> {
    store(context, &[("secret_id", text(id))])
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

async fn primary(store: &dyn Store) -> String {
    match store.observe().await.unwrap().found {
        Found::Document(document) => document.primary.key_id.unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn stages(context: &Context, id: &str) -> Value {
    let described = call(context, "DescribeSecret", json!({ "SecretId": id })).await;
    described["VersionIdsToStages"].clone()
}

#[tokio::test]
async fn a_document_is_written_once_however_often_it_is_sent() {
    let (context, id) = world();
    let place = at(&context, &id);
    place.check(None).await.unwrap();
    assert!(matches!(
        place.observe().await.unwrap().found,
        Found::Nothing
    ));

    for _ in 0..3 {
        let receipt = write_over(&*place, &document("one", None), &token('a'))
            .await
            .unwrap();
        assert_eq!(receipt.version, Some(token('a')));
    }
    place.check(None).await.unwrap();
    let receipt = write_over(&*place, &document("two", Some("one")), &token('b'))
        .await
        .unwrap();
    assert_eq!(receipt.version, Some(token('b')));

    let stages = stages(&context, &id).await;
    assert_eq!(stages.as_object().unwrap().len(), 2, "{stages}");
    assert_eq!(stages[token('a')], json!(["AWSPREVIOUS"]));
    assert_eq!(stages[token('b')], json!(["AWSCURRENT"]));
    assert_eq!(primary(&*place).await, "two");
}

#[tokio::test]
async fn a_document_that_was_superseded_by_hand_comes_back_to_the_front() {
    let (context, id) = world();
    let place = at(&context, &id);
    write_over(&*place, &document("one", None), &token('a'))
        .await
        .unwrap();
    write_over(&*place, &document("two", None), &token('b'))
        .await
        .unwrap();
    let receipt = write_over(&*place, &document("one", None), &token('a'))
        .await
        .unwrap();
    assert_eq!(receipt.version, Some(token('a')));
    assert_eq!(primary(&*place).await, "one");
    assert_eq!(
        stages(&context, &id).await[token('b')],
        json!(["AWSPREVIOUS"])
    );
}

#[tokio::test]
async fn a_token_that_stands_for_another_value_is_a_conflict_that_shows_no_secret() {
    let (context, id) = world();
    let place = at(&context, &id);
    write_over(&*place, &document("one", None), &token('a'))
        .await
        .unwrap();
    let error = write_over(&*place, &document("two", None), &token('a'))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Stale);
    assert!(error.summary.contains(&id), "{error}");
    assert!(!format!("{error} {error:?}").contains("made-up-canary"));
    error_reads("secret-with-another-value-for-a-write", &error);
    assert_eq!(primary(&*place).await, "one");
}

#[tokio::test]
async fn what_somebody_else_wrote_is_foreign() {
    let (context, id) = world();
    let place = at(&context, &id);
    call(&context, "CreateSecret", json!({ "Name": id })).await;
    assert!(
        matches!(place.observe().await.unwrap().found, Found::Nothing),
        "a secret without a value"
    );
    for (value, reason) in [
        (
            json!({ "SecretId": id, "SecretString": "password=x" }),
            "than a delivered document",
        ),
        (json!({ "SecretId": id, "SecretBinary": "AAEC" }), "binary"),
    ] {
        call(&context, "PutSecretValue", value).await;
        let found = place.observe().await.unwrap().found;
        assert!(
            matches!(&found, Found::Foreign(why) if why.why.contains(reason)),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn a_secret_that_was_created_here_is_deleted_and_taken_back_when_needed() {
    let (context, id) = world();
    let place = at(&context, &id);
    write_over(&*place, &document("one", None), &token('a'))
        .await
        .unwrap();
    remove_now(&*place).await.unwrap();
    remove_now(&*place).await.unwrap();
    let described = call(&context, "DescribeSecret", json!({ "SecretId": id })).await;
    assert!(described["DeletedDate"].is_number(), "{described}");
    let found = place.observe().await.unwrap().found;
    assert!(
        matches!(&found, Found::Deleted(way) if way.contains("restore-secret")),
        "{found:?}"
    );

    place.check(None).await.unwrap();
    write_over(&*place, &document("two", None), &token('b'))
        .await
        .unwrap();
    assert_eq!(primary(&*place).await, "two");
}

#[tokio::test]
async fn a_secret_that_existed_before_is_retained_unless_told_otherwise() {
    let (context, id) = world();
    call(&context, "CreateSecret", json!({ "Name": id })).await;
    let place = at(&context, &id);
    write_over(&*place, &document("one", None), &token('a'))
        .await
        .unwrap();
    remove_now(&*place).await.unwrap();
    assert_eq!(primary(&*place).await, "one");

    let settings = [
        ("secret_id", text(&id)),
        ("on_destroy", text("delete")),
        ("recovery_window", text("0s")),
    ];
    remove_now(&*store(&context, &settings)).await.unwrap();
    assert!(matches!(
        place.observe().await.unwrap().found,
        Found::Nothing
    ));
}

#[tokio::test]
async fn on_destroy_retain_keeps_even_what_was_created_here() {
    let (context, id) = world();
    let settings = [("secret_id", text(&id)), ("on_destroy", text("retain"))];
    let place = store(&context, &settings);
    write_over(&*place, &document("one", None), &token('a'))
        .await
        .unwrap();
    remove_now(&*place).await.unwrap();
    assert_eq!(primary(&*place).await, "one");
}

#[tokio::test]
async fn a_secret_that_others_deleted_is_not_taken_back() {
    let (context, id) = world();
    call(
        &context,
        "CreateSecret",
        json!({ "Name": id, "SecretString": "x" }),
    )
    .await;
    call(&context, "DeleteSecret", json!({ "SecretId": id })).await;
    let place = at(&context, &id);
    let found = place.observe().await.unwrap().found;
    assert!(
        matches!(&found, Found::Foreign(why) if why.why.contains("deletion")),
        "{found:?}"
    );
    for error in [
        place.check(None).await.unwrap_err(),
        write_over(&*place, &document("one", None), &token('a'))
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind, Kind::Invalid);
        assert!(
            error
                .detail
                .contains(&format!("restore-secret --secret-id {id}")),
            "{error}"
        );
        error_reads("secret-that-others-deleted", &error);
    }
}

#[tokio::test]
async fn a_secret_can_be_named_by_its_arn_but_not_created_by_it() {
    let (context, id) = world();
    let created = call(&context, "CreateSecret", json!({ "Name": id })).await;
    let arn = created["ARN"].as_str().unwrap();
    let place = at(&context, arn);
    place.check(None).await.unwrap();
    write_over(&*place, &document("one", None), &token('a'))
        .await
        .unwrap();
    assert_eq!(primary(&*at(&context, &id)).await, "one");

    let nobody = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/nobody-AbCdEf";
    let other = at(&context, nobody);
    for error in [
        other.check(None).await.unwrap_err(),
        write_over(&*other, &document("one", None), &token('a'))
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind, Kind::NotFound, "{error}");
        error_reads("secret-whose-arn-names-none", &error);
    }
}

#[tokio::test]
async fn a_document_as_large_as_aws_takes_it_is_written_and_one_byte_more_is_refused() {
    let (context, id) = world();
    let place = at(&context, &id);
    let sized = |bytes: usize| {
        let mut document = document("one", None);
        document.primary.secret = Secret::new(String::new());
        let rest = bytes - Layout::Slots.render(&document).len();
        document.primary.secret = Secret::new("x".repeat(rest));
        document
    };
    let refused = write_over(&*place, &sized(65_537), &token('a')).await;
    error_reads("secret-that-is-too-large", &refused.unwrap_err());
    let found = place.observe().await.unwrap().found;
    assert!(matches!(found, Found::Nothing), "{found:?}");
    write_over(&*place, &sized(65_536), &token('a'))
        .await
        .unwrap();
    let value = call(&context, "GetSecretValue", json!({ "SecretId": id })).await;
    assert_eq!(value["SecretString"].as_str().unwrap().len(), 65_536);
}

#[tokio::test]
async fn a_new_secret_gets_its_settings_and_the_region_of_the_delivery() {
    let (context, id) = world();
    let tags = super::ValueAny::Map(super::fields(&[("team", text("payments"))]));
    let place = store(
        &context,
        &[
            ("secret_id", text(&id)),
            ("region", text("us-west-2")),
            ("layout", text("flat")),
            ("description", text("Keys of payments")),
            ("tags", tags),
        ],
    );
    write_over(&*place, &document("one", None), &token('a'))
        .await
        .unwrap();
    assert_eq!(
        place.place(),
        format!("aws_secrets_manager {id} (us-west-2)")
    );
    assert!(
        matches!(
            at(&context, &id).observe().await.unwrap().found,
            Found::Nothing
        ),
        "another region"
    );

    let json = Json {
        service: Service::SecretsManager,
        region: Some("us-west-2"),
        operation: "DescribeSecret",
        input: &json!({ "SecretId": id }),
        secrets: &[],
    };
    let described: Value = aws::client(&context).unwrap().json(json).await.unwrap();
    assert_eq!(described["Description"], "Keys of payments");
    let tags = described["Tags"].as_array().unwrap();
    assert!(
        tags.contains(&json!({ "Key": "team", "Value": "payments" })),
        "{tags:?}"
    );
}

#[test]
fn a_wrong_place_is_refused_before_anything_is_sent() {
    let context = open("http://127.0.0.1:1");
    let error = try_store(&context, &[("secret_id", text("no good"))])
        .err()
        .unwrap();
    assert_eq!(error.path.to_string(), "store.secret_id");
}
