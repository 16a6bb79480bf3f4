//! Documents in Parameter Store, against moto and against servers that misbehave.

use apikey::context::Context;
use apikey::error::Kind;
use apikey::instant::Instant;
use apikey::secret::Secret;
use apikey::stores::{Document, DocumentKey, Found, Store, Version};
use apikey::vendors::aws::{self, Json, Service};
use serde_json::{Value, json};

use super::{block, connect, context, fields, open, text, unique};
use crate::support::fake::{Fake, Reply};
use crate::support::golden::error_reads;
use crate::support::moto::Moto;
use crate::support::{remove_now, write_over};

const KIND: &str = "aws_ssm_parameter";

fn document(primary: &str, secondary: Option<&str>) -> Document {
    let key = |name: &str| DocumentKey {
        key_id: Some(name.into()),
        secret: Secret::new(format!("made-up-canary-{name}")),
    };
    Document {
        primary: key(primary),
        secondary: secondary.map(key),
        generation: Some(1),
        rotated_at: Instant::parse("2026-11-22T12:00:00Z"),
    }
}

fn token() -> String {
    "a".repeat(64)
}

fn world() -> (Context, String) {
    (open(&Moto::shared().url()), unique("/prod/app"))
}

fn at(context: &Context, name: &str) -> Box<dyn Store> {
    connect(KIND, context, &[("name", text(name))]).unwrap()
}

fn two(context: &Context, name: &str) -> Box<dyn Store> {
    let second = text(&format!("{name}-secondary"));
    let settings = [("name", text(name)), ("secondary_name", second)];
    connect(KIND, context, &settings).unwrap()
}

async fn call(context: &Context, operation: &str, input: Value) -> Value {
    let json = Json {
        service: Service::Ssm,
        region: None,
        operation,
        input: &input,
        secrets: &[],
    };
    aws::client(context).unwrap().json(json).await.unwrap()
}

async fn parameter(context: &Context, name: &str) -> Value {
    let input = json!({ "Name": name, "WithDecryption": true });
    call(context, "GetParameter", input).await["Parameter"].clone()
}

async fn described(context: &Context, name: &str) -> Value {
    let filter = json!([{ "Key": "Name", "Values": [name] }]);
    let input = json!({ "ParameterFilters": filter });
    call(context, "DescribeParameters", input).await["Parameters"][0].clone()
}

async fn put(context: &Context, name: &str, value: &str, more: Value) {
    let mut input = json!({ "Name": name, "Value": value, "Type": "SecureString" });
    let more = more.as_object().unwrap().clone();
    input.as_object_mut().unwrap().extend(more);
    call(context, "PutParameter", input).await;
}

async fn primary(store: &dyn Store) -> String {
    match store.observe().await.unwrap().found {
        Found::Document(document) => document.primary.key_id.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_document_is_written_once_however_often_it_is_sent_and_every_change_counts() {
    let (context, name) = world();
    let place = at(&context, &name);
    place.check(None).await.unwrap();
    for _ in 0..3 {
        let receipt = write_over(&*place, &document("one", None), &token())
            .await
            .unwrap();
        assert_eq!(receipt.version.as_deref(), Some("1"));
    }
    let receipt = write_over(&*place, &document("two", Some("one")), &token())
        .await
        .unwrap();
    assert_eq!(receipt.version.as_deref(), Some("2"));
    let there = parameter(&context, &name).await;
    assert_eq!(there["Type"], "SecureString");
    assert_eq!(there["Version"], 2);
    let value: Value = serde_json::from_str(there["Value"].as_str().unwrap()).unwrap();
    assert_eq!(value["secondary"]["secret"], "made-up-canary-one");
    assert_eq!(primary(&*place).await, "two");
}

#[tokio::test]
async fn each_slot_has_a_parameter_of_its_own_where_two_are_named() {
    let (context, name) = world();
    let (place, second) = (two(&context, &name), format!("{name}-secondary"));
    let receipt = write_over(&*place, &document("one", None), &token())
        .await
        .unwrap();
    assert_eq!(receipt.version.as_deref(), Some("1 + 1"));
    assert_eq!(parameter(&context, &second).await["Value"], "{}");

    // A staged key touches the second alone.
    let staged = write_over(&*place, &document("one", Some("two")), &token())
        .await
        .unwrap();
    assert_eq!(staged.version.as_deref(), Some("1 + 2"));
    let there = parameter(&context, &second).await;
    let value: Value = serde_json::from_str(there["Value"].as_str().unwrap()).unwrap();
    assert_eq!(
        value,
        json!({ "key_id": "two", "secret": "made-up-canary-two", "generation": 1, "rotated_at": "2026-11-22T12:00:00Z" })
    );
    let seen = place.observe().await.unwrap();
    assert_eq!(seen.version, staged.content);
    let Found::Document(read) = seen.found else {
        panic!("{:?}", seen.found);
    };
    assert_eq!(read.secondary.unwrap().key_id.as_deref(), Some("two"));
    assert_eq!(read.generation, Some(1));

    remove_now(&*place).await.unwrap();
    remove_now(&*place).await.unwrap();
    let seen = place.observe().await.unwrap();
    assert!(matches!(seen.found, Found::Nothing), "{:?}", seen.found);
    assert_eq!(seen.version, Version::Absent);
}

#[tokio::test]
async fn a_new_parameter_gets_its_settings_and_one_that_exists_keeps_what_it_has() {
    let (context, name) = world();
    let tags = super::ValueAny::Map(fields(&[("team", text("payments"))]));
    let settings = [
        ("name", text(&name)),
        ("kms_key_id", text("alias/payments")),
        ("tier", text("Advanced")),
        ("description", text("Keys of payments")),
        ("tags", tags),
    ];
    let place = connect(KIND, &context, &settings).unwrap();
    write_over(&*place, &document("one", None), &token())
        .await
        .unwrap();
    // Somebody else has other wishes for the same parameter.
    let other = connect(
        KIND,
        &context,
        &[("name", text(&name)), ("kms_key_id", text("alias/other"))],
    )
    .unwrap();
    write_over(&*other, &document("two", None), &token())
        .await
        .unwrap();
    let there = described(&context, &name).await;
    assert_eq!(there["KeyId"], "alias/payments");
    assert_eq!(there["Tier"], "Advanced");
    assert_eq!(there["Description"], "Keys of payments");
    assert_eq!(there["Version"], 2);
    let input = json!({ "ResourceType": "Parameter", "ResourceId": name });
    let tags = call(&context, "ListTagsForResource", input).await["TagList"].clone();
    let team = json!({ "Key": "team", "Value": "payments" });
    assert!(tags.as_array().unwrap().contains(&team), "{tags}");
}

#[tokio::test]
async fn a_parameter_that_existed_before_is_retained_unless_told_otherwise() {
    let (context, name) = world();
    put(&context, &name, "{}", json!({})).await;
    let place = at(&context, &name);
    let seen = place.observe().await.unwrap();
    assert!(matches!(seen.found, Found::Nothing), "{:?}", seen.found);
    write_over(&*place, &document("one", None), &token())
        .await
        .unwrap();
    remove_now(&*place).await.unwrap();
    assert_eq!(primary(&*place).await, "one");

    let settings = [("name", text(&name)), ("on_destroy", text("delete"))];
    let deleting = connect(KIND, &context, &settings).unwrap();
    remove_now(&*deleting).await.unwrap();
    let seen = place.observe().await.unwrap();
    assert!(matches!(seen.found, Found::Nothing), "{:?}", seen.found);
}

#[tokio::test]
async fn a_parameter_that_is_not_encrypted_is_foreign_and_never_written() {
    let (context, name) = world();
    put(&context, &name, "{}", json!({ "Type": "String" })).await;
    let place = at(&context, &name);
    let found = place.observe().await.unwrap().found;
    assert!(
        matches!(&found, Found::Foreign(why) if why.why.contains("SecureString")),
        "{found:?}"
    );
    for error in [
        place.check(None).await.unwrap_err(),
        write_over(&*place, &document("one", None), &token())
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind, Kind::Invalid, "{error}");
        let way_on = format!("delete-parameter --name {name}");
        assert!(error.detail.contains(&way_on), "{error}");
        error_reads("parameter-that-is-no-secure-string", &error);
    }
    assert_eq!(parameter(&context, &name).await["Value"], "{}");
}

#[tokio::test]
async fn what_was_written_since_the_look_is_neither_overwritten_nor_removed() {
    let (context, name) = world();
    let place = at(&context, &name);
    write_over(&*place, &document("one", None), &token())
        .await
        .unwrap();
    let seen = place.observe().await.unwrap().version;
    put(&context, &name, "DB=x", json!({ "Overwrite": true })).await;
    let absent = Version::Absent;
    for error in [
        place
            .write(&document("two", None), &token(), &seen)
            .await
            .unwrap_err(),
        place.remove(&seen).await.unwrap_err(),
        place
            .write(&document("two", None), &token(), &absent)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind, Kind::Stale, "{error}");
        error_reads("parameter-changed-in-the-meantime", &error);
    }
    assert_eq!(parameter(&context, &name).await["Value"], "DB=x");

    // Nor one that was deleted and made anew meanwhile, with the same number of versions.
    put(&context, &name, "{}", json!({ "Overwrite": true })).await;
    let seen = place.observe().await.unwrap().version;
    call(&context, "DeleteParameter", json!({ "Name": name })).await;
    for value in ["a", "b", "DB=y"] {
        put(&context, &name, value, json!({ "Overwrite": true })).await;
    }
    let written = place.write(&document("two", None), &token(), &seen).await;
    assert_eq!(written.unwrap_err().kind, Kind::Stale);
    assert_eq!(parameter(&context, &name).await["Value"], "DB=y");
}

/// What a server answers to a read.
fn holding(version: u64, value: &str) -> String {
    let parameter =
        json!({ "ARN": "arn", "Type": "SecureString", "Value": value, "Version": version });
    json!({ "Parameter": parameter }).to_string()
}

const KEPT: &str = r#"{"Parameters":[{"KeyId":"alias/payments","Tier":"Advanced"}]}"#;

#[tokio::test]
async fn a_value_that_came_between_look_and_write_is_put_back_in_front() {
    let (put, back) = (r#"{"Version":7}"#.to_owned(), r#"{"Version":8}"#.to_owned());
    let fake = Fake::start(
        [
            holding(5, "{}"),
            holding(5, "{}"),
            KEPT.to_owned(),
            put,
            holding(6, "theirs"),
            KEPT.to_owned(),
            back,
        ]
        .map(|body| Reply::of(200, body)),
    );
    let there = context(block(&fake.url(), "AKIATEST", "made-up-admin-canary"));
    let place = at(&there, "/x/key");
    let error = write_over(&*place, &document("two", None), &token())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Stale, "{error}");
    let outcome = "Its version 6, which came in between, is the newest again, as version 8.";
    assert!(error.detail.starts_with(outcome), "{error}");
    error_reads("parameter-written-at-the-same-moment", &error);
    assert!(!format!("{error} {error:?}").contains("theirs"));
    let requests = fake.requests();
    assert_eq!(requests.len(), 7, "{requests:#?}");
    assert!(requests[4].contains(r#""Name":"/x/key:6""#));
    let last = requests.last().unwrap();
    assert!(last.contains(r#""Value":"theirs""#), "{last}");
    for put in [&requests[3], last] {
        assert!(put.contains(r#""KeyId":"alias/payments""#), "{put}");
        assert!(put.contains(r#""Tier":"Advanced""#), "{put}");
    }
}

#[tokio::test]
async fn a_write_that_does_not_come_about_is_told_of_with_what_others_did() {
    let not_there = || Reply::of(400, r#"{"__type":"ParameterNotFound"}"#);
    let exists = || Reply::of(400, r#"{"__type":"ParameterAlreadyExists"}"#);
    let denied = || Reply::of(400, r#"{"__type":"AccessDeniedException"}"#);
    let value = |version, text| Reply::of(200, holding(version, text));
    for (name, answers) in [
        (
            "parameter-overwritten-right-after",
            vec![
                value(5, "{}"),
                value(5, "{}"),
                Reply::of(200, KEPT),
                Reply::of(200, r#"{"Version":6}"#),
                value(7, "theirs"),
            ],
        ),
        (
            "parameter-deleted-a-moment-ago",
            vec![not_there(), not_there(), exists(), not_there()],
        ),
        (
            "parameter-that-may-not-be-written",
            vec![
                value(5, "{}"),
                value(5, "{}"),
                Reply::of(200, KEPT),
                denied(),
            ],
        ),
        (
            "parameter-whose-version-in-between-may-not-be-read",
            vec![
                value(5, "{}"),
                value(5, "{}"),
                Reply::of(200, KEPT),
                Reply::of(200, r#"{"Version":7}"#),
                denied(),
            ],
        ),
        (
            "parameter-that-may-not-be-created",
            vec![not_there(), not_there(), denied()],
        ),
    ] {
        let fake = Fake::start(answers);
        let there = context(block(&fake.url(), "AKIATEST", "made-up-admin-canary"));
        let write = write_over(&*at(&there, "/x/key"), &document("two", None), &token()).await;
        error_reads(name, &write.unwrap_err());
    }
}

/// They tell whether a destroy takes it away.
#[tokio::test]
async fn a_parameter_whose_tags_may_not_be_read_is_told_of() {
    let denied = Reply::of(400, r#"{"__type":"AccessDeniedException"}"#);
    let fake = Fake::start([Reply::of(200, holding(5, "{}")), denied]);
    let there = context(block(&fake.url(), "AKIATEST", "made-up-admin-canary"));
    let kept = at(&there, "/x/key").keeps().await;
    error_reads("parameter-whose-tags-may-not-be-read", &kept.unwrap_err());
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_recognised_by_its_text() {
    let text = apikey::stores::document::Layout::Slots.render(&document("two", None));
    let fake = Fake::start([
        Reply::of(200, holding(5, "{}")),
        Reply::of(200, holding(5, "{}")),
        Reply::of(200, KEPT),
        Reply::Reset,
        Reply::of(200, r#"{"Version":7}"#),
        Reply::of(200, holding(6, &text)),
        Reply::of(200, holding(7, &text)),
    ]);
    let there = context(block(&fake.url(), "AKIATEST", "made-up-admin-canary"));
    let place = at(&there, "/x/key");
    let receipt = write_over(&*place, &document("two", None), &token())
        .await
        .unwrap();
    assert_eq!(receipt.version.as_deref(), Some("7"));

    // The same for one that was to make the parameter.
    let fake = Fake::start([
        Reply::of(400, r#"{"__type":"ParameterNotFound"}"#),
        Reply::of(400, r#"{"__type":"ParameterNotFound"}"#),
        Reply::Reset,
        Reply::of(400, r#"{"__type":"ParameterAlreadyExists"}"#),
        Reply::of(200, holding(1, &text)),
    ]);
    let there = context(block(&fake.url(), "AKIATEST", "made-up-admin-canary"));
    let receipt = write_over(&*at(&there, "/x/key"), &document("two", None), &token())
        .await
        .unwrap();
    assert_eq!(receipt.version.as_deref(), Some("1"));
}

#[tokio::test]
async fn every_name_of_a_parameter_has_one_identity_before_and_after_it_exists() {
    let (context, name) = (open(&Moto::shared().url()), unique("flat"));
    let identity = async |name: &str| at(&context, name).identity().await.unwrap();
    let expected = format!("aws_ssm_parameter {name} (123456789012, eu-central-1)");
    let rooted = format!("/{name}");
    assert_eq!(identity(&name).await, expected);
    assert_eq!(identity(&rooted).await, expected);
    put(&context, &name, "{}", json!({})).await;
    at(&context, &name).check(None).await.unwrap();
    assert_eq!(identity(&name).await, expected);
    assert_eq!(
        identity("/prod/app").await,
        "aws_ssm_parameter /prod/app (123456789012, eu-central-1)"
    );
}

#[test]
fn a_parameter_that_belongs_to_two_deliveries_is_noticed_whichever_slot_it_holds() {
    let context = open("http://127.0.0.1:1");
    let both = two(&context, "/x/key").write_scope();
    assert!(both.overlaps(&at(&context, "/x/key").write_scope()));
    assert!(both.overlaps(&at(&context, "/x/key-secondary").write_scope()));
    assert!(!both.overlaps(&at(&context, "/x/other").write_scope()));
}
