use apikey::context::Context;
use apikey::error::{Kind, Result};
use apikey::secret::Secret;
use apikey::stores::{Document, DocumentKey, Found, Receipt, Store, Version};
use serde_json::json;
use tf_provider::value::ValueAny;

use super::{block_with, deploying, secret, text};
use crate::support::google::{self, Google, secret_name};
use crate::support::write_over;

fn key(id: &str) -> DocumentKey {
    DocumentKey {
        key_id: Some(id.to_owned()),
        secret: Secret::new(format!("made-up-{id}")),
    }
}

fn document(primary: &str, secondary: Option<&str>, generation: u64) -> Document {
    Document {
        primary: key(primary),
        secondary: secondary.map(key),
        generation: Some(generation),
        rotated_at: None,
    }
}

fn payments(context: &Context) -> Box<dyn Store> {
    secret(context, &[("secret_id", text("payments"))])
}

async fn write(store: &dyn Store, document: &Document) -> Result<Receipt> {
    write_over(store, document, &"a".repeat(64)).await
}

async fn leads(store: &dyn Store) -> Option<String> {
    match store.observe().await.unwrap().found {
        Found::Document(document) => document.primary.key_id,
        _ => None,
    }
}

/// A secret that somebody else made.
fn add_by_hand(google: &Google, data: &str) {
    let mut state = google.state();
    let secret = state.secrets.entry(secret_name("payments")).or_default();
    secret.add(data.as_bytes());
}

#[tokio::test]
async fn versions_stay_readable_through_the_grace_and_are_disabled_after_it() {
    let google = Google::start();
    let context = deploying(&google);
    let store = payments(&context);
    write(&*store, &document("one", None, 1)).await.unwrap();
    write(&*store, &document("one", Some("two"), 1))
        .await
        .unwrap();
    let receipt = write(&*store, &document("two", Some("one"), 2))
        .await
        .unwrap();
    assert_eq!(receipt.version.as_deref(), Some("3"));
    assert_eq!(google.version_states("payments"), ["ENABLED"; 3]);
    assert_eq!(
        google.state().secrets[&secret_name("payments")].aliases["primary"],
        "3"
    );

    write(&*store, &document("two", None, 2)).await.unwrap();
    let expected = ["DISABLED", "DISABLED", "DISABLED", "ENABLED"];
    assert_eq!(google.version_states("payments"), expected);
    let state = google.state();
    let there = &state.secrets[&secret_name("payments")];
    assert_eq!(there.aliases["primary"], "4");
    assert_eq!(there.labels["terraform-provider-apikey"], "created");
    assert_eq!(there.document["replication"], json!({ "automatic": {} }));
}

#[tokio::test]
async fn a_version_that_somebody_else_added_is_neither_overwritten_nor_disabled() {
    let google = Google::start();
    add_by_hand(&google, "DB=x");
    let context = deploying(&google);
    let store = payments(&context);
    let seen = store.observe().await.unwrap();
    assert!(matches!(seen.found, Found::Foreign(_)), "{seen:?}");
    let document = document("one", None, 1);
    let unasked = store.write(&document, "", &Version::Absent).await;
    assert_eq!(unasked.unwrap_err().kind, Kind::Stale);
    // Only where it is asked for.
    store.write(&document, "", &seen.version).await.unwrap();
    assert_eq!(google.version_states("payments"), ["ENABLED"; 2]);
    assert_eq!(leads(&*store).await.as_deref(), Some("one"));
}

#[tokio::test]
async fn former_versions_that_may_not_be_disabled_hold_no_delivery_up() {
    let google = Google::start();
    let context = deploying(&google);
    let store = payments(&context);
    google
        .state()
        .denied
        .insert("secretmanager.versions.disable");
    write(&*store, &document("one", None, 1)).await.unwrap();
    let seen = store.observe().await.unwrap().version;
    let written = store.write(&document("two", None, 2), "", &seen).await;
    let lingers = written.unwrap().lingers().unwrap();
    assert!(
        lingers.detail.contains("secretmanager.versions.disable"),
        "{lingers}"
    );
    assert_eq!(google.version_states("payments"), ["ENABLED"; 2]);
    google.state().denied.clear();
    write(&*store, &document("three", None, 3)).await.unwrap();
    assert_eq!(
        google.version_states("payments"),
        ["DISABLED", "DISABLED", "ENABLED"]
    );
}

#[tokio::test]
async fn a_version_whose_answer_was_lost_is_added_once() {
    let google = Google::start();
    let context = deploying(&google);
    let store = payments(&context);
    for (generation, lost) in [":addVersion", "POST /secretmanager", "PATCH"]
        .into_iter()
        .enumerate()
    {
        let id = format!("key{generation}");
        google.state().lost = Some(lost);
        write(&*store, &document(&id, Some("other"), 1))
            .await
            .unwrap();
        assert_eq!(leads(&*store).await.as_deref(), Some(id.as_str()), "{lost}");
        assert_eq!(
            google.version_states("payments").len(),
            generation + 1,
            "{lost}"
        );
    }
}

#[tokio::test]
async fn a_version_that_came_in_between_is_the_newest_again() {
    let google = Google::start();
    let context = deploying(&google);
    let store = payments(&context);
    write(&*store, &document("one", None, 1)).await.unwrap();
    google.state().meanwhile = Some((
        ":addVersion",
        Box::new(|state: &mut google::State| {
            let secret = state.secrets.get_mut(&secret_name("payments")).unwrap();
            secret.add(b"theirs");
        }),
    ));
    let error = write(&*store, &document("two", None, 2)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Stale, "{error}");
    assert!(error.detail.contains("as version 4"), "{error}");
    let state = google.state();
    let there = &state.secrets[&secret_name("payments")];
    assert_eq!(there.versions.last().unwrap().data, b"theirs");
    assert_eq!(
        there.aliases["primary"], "1",
        "its readers get what they had"
    );
}

#[tokio::test]
async fn a_change_of_the_secret_itself_does_not_keep_the_alias_behind() {
    let google = Google::start();
    let context = deploying(&google);
    let store = payments(&context);
    google.state().meanwhile = Some((
        "PATCH",
        Box::new(|state: &mut google::State| {
            let secret = state.secrets.get_mut(&secret_name("payments")).unwrap();
            secret.touch();
            secret.aliases.insert("canary".into(), "1".into());
        }),
    ));
    write(&*store, &document("one", None, 1)).await.unwrap();
    let state = google.state();
    let aliases = &state.secrets[&secret_name("payments")].aliases;
    assert_eq!(
        (aliases["primary"].as_str(), aliases["canary"].as_str()),
        ("1", "1")
    );
}

#[tokio::test]
async fn without_an_alias_the_secret_itself_is_left_alone() {
    let google = Google::start();
    let context = deploying(&google);
    let settings = [("secret_id", text("payments")), ("version_alias", text(""))];
    let store = secret(&context, &settings);
    google.state().denied.insert("secretmanager.secrets.update");
    write(&*store, &document("one", None, 1)).await.unwrap();
    store.check(None).await.unwrap();
    let state = google.state();
    assert!(state.secrets[&secret_name("payments")].aliases.is_empty());
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named_before_anything_is_written() {
    let google = Google::start();
    add_by_hand(&google, "{}");
    let context = deploying(&google);
    let store = payments(&context);
    store.check(None).await.unwrap();
    for permission in [
        "secretmanager.versions.add",
        "secretmanager.secrets.update",
        "secretmanager.versions.access",
    ] {
        google.state().denied.insert(permission);
        let error = store.check(None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Denied);
        assert!(error.detail.contains(permission), "{error}");
        google.state().denied.clear();
    }
    assert_eq!(google.version_states("payments").len(), 1);
}

#[tokio::test]
async fn a_secret_whose_newest_version_is_disabled_is_not_lost_and_the_way_back_is_named() {
    let google = Google::start();
    let context = deploying(&google);
    let store = payments(&context);
    write(&*store, &document("one", None, 1)).await.unwrap();
    let disable = || {
        let mut state = google.state();
        let secret = state.secrets.get_mut(&secret_name("payments")).unwrap();
        secret.versions.last_mut().unwrap().state = "DISABLED";
    };
    disable();
    let seen = store.observe().await.unwrap();
    let Found::Deleted(way_back) = &seen.found else {
        panic!("{seen:?}");
    };
    assert!(
        way_back.contains("gcloud secrets versions enable 1"),
        "{way_back}"
    );
    write(&*store, &document("two", None, 2)).await.unwrap();
    assert_eq!(leads(&*store).await.as_deref(), Some("two"));

    let other = Google::start();
    add_by_hand(&other, "DB=x");
    {
        let mut state = other.state();
        let theirs = state.secrets.get_mut(&secret_name("payments")).unwrap();
        theirs.versions[0].state = "DISABLED";
    }
    let context = deploying(&other);
    let seen = payments(&context).observe().await.unwrap();
    assert!(matches!(seen.found, Found::Foreign(_)), "{seen:?}");
}

#[tokio::test]
async fn a_regional_secret_lies_in_its_location_and_is_another_place() {
    let google = Google::start();
    let context = deploying(&google);
    let settings = [
        ("secret_id", text("payments")),
        ("location", text("europe-west3")),
    ];
    let store = secret(&context, &settings);
    write(&*store, &document("one", None, 1)).await.unwrap();
    let name = "projects/payments-prod/locations/europe-west3/secrets/payments";
    assert!(google.state().secrets[name].document["replication"].is_null());
    assert_eq!(
        store.identity().await.unwrap(),
        format!("google_secret_manager {name}")
    );
    let global = payments(&context);
    assert_ne!(
        global.identity().await.unwrap(),
        store.identity().await.unwrap()
    );
}

#[tokio::test]
async fn a_place_is_the_same_whether_or_not_its_project_is_named() {
    let google = Google::start();
    let context = deploying(&google);
    let named = [
        ("secret_id", text("payments")),
        ("project", text("payments-prod")),
    ];
    let named = secret(&context, &named).identity().await.unwrap();
    assert_eq!(payments(&context).identity().await.unwrap(), named);
    // Without a project in the block it is that of the credentials.
    let mut block = block_with(&google, &google.credentials());
    block.remove("project");
    let context = super::context(block.clone());
    assert_eq!(payments(&context).identity().await.unwrap(), named);
    // Under another project in the environment or the block, the same settings lead elsewhere.
    block.insert("project".to_owned(), text("payments-dev"));
    let elsewhere = payments(&super::context(block));
    assert!(!elsewhere.is_at(&named).await.unwrap());
}

#[tokio::test]
async fn only_what_was_created_here_is_deleted_unless_it_is_asked_for() {
    let google = Google::start();
    let context = deploying(&google);
    let with = |on_destroy: Option<&str>| {
        let mut settings = vec![("secret_id", text("payments"))];
        settings.extend(on_destroy.map(|word| ("on_destroy", text(word))));
        let settings: Vec<(&str, ValueAny)> = settings;
        secret(&context, &settings)
    };
    for (existed, on_destroy, remains) in [
        (false, None, false),
        (false, Some("retain"), true),
        (true, None, true),
        (true, Some("delete"), false),
    ] {
        google.state().secrets.clear();
        if existed {
            add_by_hand(&google, "{}");
        }
        let store = with(on_destroy);
        let receipt = write(&*store, &document("one", None, 1)).await.unwrap();
        store.remove(&receipt.content).await.unwrap();
        let there = google
            .state()
            .secrets
            .contains_key(&secret_name("payments"));
        assert_eq!(there, remains, "{existed} {on_destroy:?}");
    }
}

#[tokio::test]
async fn a_consumer_finds_the_names_that_it_knows_and_former_documents_of_any_shape_are_disabled() {
    let google = Google::start();
    let context = deploying(&google);
    let names = [
        ("user".to_owned(), text("{{primary.key_id}}")),
        ("password".to_owned(), text("{{primary.secret}}")),
    ];
    let named = [
        ("secret_id", text("payments")),
        ("fields", ValueAny::Map(names.into())),
    ];
    let named = secret(&context, &named);
    write(&*named, &document("one", Some("two"), 1))
        .await
        .unwrap();
    assert_eq!(google.document("payments")["password"], "made-up-one");
    assert_eq!(leads(&*named).await.as_deref(), Some("one"));
    let variables = [
        ("secret_id", text("payments")),
        ("layout", text("variables")),
    ];
    let variables = secret(&context, &variables);
    write(&*variables, &document("two", Some("one"), 2))
        .await
        .unwrap();
    assert_eq!(
        google.document("payments")["API_KEY_PRIMARY"],
        "made-up-two"
    );
    write(&*payments(&context), &document("two", None, 2))
        .await
        .unwrap();
    assert_eq!(
        google.version_states("payments"),
        ["DISABLED", "DISABLED", "ENABLED"]
    );
}
