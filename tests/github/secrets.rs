use std::collections::BTreeMap;

use apikey::error::Kind;
use apikey::stores::{Found, Version};
use tf_provider::value::ValueAny;

use super::{REPOSITORY, connect, document, payments, text, token};
use crate::support::github::Github;
use crate::support::{remove_now, write_over};

#[tokio::test]
async fn what_is_sealed_is_what_was_to_be_written_for_every_holder() {
    let github = Github::start();
    let ids = ValueAny::List(vec![ValueAny::Number(7), ValueAny::Number(8)]);
    for (holder, settings) in [
        (REPOSITORY, vec![("repository", text("acme/payments"))]),
        (
            "repos/acme/payments/environments/prod%2Feu",
            vec![
                ("repository", text("Acme/Payments")),
                ("environment", text("prod/eu")),
            ],
        ),
        (
            "orgs/acme/actions",
            vec![
                ("organization", text("acme")),
                ("visibility", text("selected")),
                ("selected_repository_ids", ids),
            ],
        ),
    ] {
        let store = connect(&github.context(), &settings);
        store.check(None).await.unwrap();
        write_over(store.as_ref(), &document("one", Some("two"), 3), &token(1))
            .await
            .unwrap();
        let values = github.values(holder);
        let expected = [
            ("API_KEY_GENERATION", "3"),
            ("API_KEY_PRIMARY", "made-up-canary-one"),
            ("API_KEY_PRIMARY_ID", "one"),
            ("API_KEY_SECONDARY", "made-up-canary-two"),
            ("API_KEY_SECONDARY_ID", "two"),
        ];
        let expected: BTreeMap<_, _> = expected
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        assert_eq!(values, expected, "{holder}");
        remove_now(store.as_ref()).await.unwrap();
        assert!(github.values(holder).is_empty());
    }
    let bodies = &github.state().bodies;
    let last = bodies.last().unwrap();
    assert_eq!(last["visibility"], "selected");
    assert_eq!(last["selected_repository_ids"], serde_json::json!([7, 8]));
    assert!(bodies[0].get("visibility").is_none());
}

/// At any moment there is a slot whose id and secret belong together and that was live before or is live after the write.
#[tokio::test]
async fn a_workflow_finds_a_slot_that_works_at_any_moment() {
    let github = Github::start();
    let store = payments(&github.context());
    let documents = [
        document("one", None, 1),
        document("one", Some("two"), 1),
        document("two", Some("one"), 2),
        document("two", None, 2),
    ];
    for (number, document) in documents.iter().enumerate() {
        github.state().seen.clear();
        write_over(store.as_ref(), document, &token(number as u64))
            .await
            .unwrap();
        if number == 0 {
            continue;
        }
        for seen in &github.state().seen {
            let fits = |slot: &str| {
                let id = seen.get(&format!("API_KEY_{slot}_ID"));
                let secret = seen.get(&format!("API_KEY_{slot}"));
                id.zip(secret)
                    .is_some_and(|(id, secret)| *secret == format!("made-up-canary-{id}"))
            };
            assert!(fits("PRIMARY") || fits("SECONDARY"), "{number}: {seen:?}");
            let live = ["made-up-canary-one", "made-up-canary-two"];
            assert!(
                live.contains(&seen["API_KEY_PRIMARY"].as_str()),
                "{number}: {seen:?}"
            );
        }
    }
    let names: Vec<String> = github.values(REPOSITORY).into_keys().collect();
    assert_eq!(
        names,
        [
            "API_KEY_GENERATION",
            "API_KEY_PRIMARY",
            "API_KEY_PRIMARY_ID"
        ]
    );
}

#[tokio::test]
async fn as_json_both_slots_change_in_one_request() {
    let github = Github::start();
    let settings = [
        ("repository", text("acme/payments")),
        ("layout", text("slots")),
        ("prefix", text("KEYS")),
    ];
    let store = connect(&github.context(), &settings);
    write_over(store.as_ref(), &document("one", Some("two"), 1), &token(1))
        .await
        .unwrap();
    let values = github.values(REPOSITORY);
    assert_eq!(
        values.keys().collect::<Vec<_>>(),
        ["KEYS", "KEYS_GENERATION"]
    );
    let there: serde_json::Value = serde_json::from_str(&values["KEYS"]).unwrap();
    assert_eq!(there["secondary"]["secret"], "made-up-canary-two");
}

#[tokio::test]
async fn what_cannot_be_read_back_is_written_once_in_a_run_and_a_change_is_told_by_its_moment() {
    let github = Github::start();
    let store = payments(&github.context());
    let one = document("one", None, 1);
    let first = store
        .write(&one, &token(1), &Version::Absent)
        .await
        .unwrap();
    let written = github.state().bodies.len();
    let again = store
        .write(&one, &token(1), &Version::Absent)
        .await
        .unwrap();
    assert_eq!(first, again);
    assert_eq!(
        github.state().bodies.len(),
        written,
        "nothing was sent again"
    );

    let seen = store.observe().await.unwrap();
    assert!(matches!(seen.found, Found::Opaque));
    github.put(REPOSITORY, "API_KEY_PRIMARY", "made-up-of-somebody");
    for refused in [
        store
            .write(&document("two", None, 2), &token(2), &seen.version)
            .await
            .map(drop),
        store.remove(&seen.version).await,
    ] {
        assert_eq!(refused.unwrap_err().kind, Kind::Stale);
    }
    assert_eq!(
        github.values(REPOSITORY)["API_KEY_PRIMARY"],
        "made-up-of-somebody"
    );
}

#[tokio::test]
async fn a_secret_of_the_same_name_that_was_there_before_is_foreign() {
    let github = Github::start();
    github.put(REPOSITORY, "API_KEY_PRIMARY", "made-up-of-somebody");
    github.put(REPOSITORY, "ANOTHER", "x");
    let store = payments(&github.context());
    let seen = store.observe().await.unwrap();
    let Found::Foreign(foreign) = &seen.found else {
        panic!("{seen:?}");
    };
    assert!(
        foreign
            .to_string()
            .contains("none of the name API_KEY_GENERATION"),
        "{foreign}"
    );
    assert_eq!(
        store.remove(&seen.version).await.unwrap_err().kind,
        Kind::Stale
    );
    // Whoever was told to overwrite does.
    store
        .write(&document("one", None, 1), &token(1), &seen.version)
        .await
        .unwrap();
    remove_now(store.as_ref()).await.unwrap();
    assert_eq!(
        github.values(REPOSITORY).into_keys().collect::<Vec<_>>(),
        ["ANOTHER"]
    );
}

#[tokio::test]
async fn a_holder_of_many_secrets_is_read_page_by_page() {
    let github = Github::start();
    for number in 0..150 {
        github.put("orgs/acme/actions", &format!("A{number:03}"), "x");
    }
    let settings = [
        ("organization", text("acme")),
        ("visibility", text("all")),
        ("prefix", text("Z")),
    ];
    let store = connect(&github.context(), &settings);
    write_over(store.as_ref(), &document("one", None, 1), &token(1))
        .await
        .unwrap();
    assert!(matches!(
        store.observe().await.unwrap().found,
        Found::Opaque
    ));
}

/// Without the mark nothing is ours, whichever of the names it has.
#[tokio::test]
async fn every_secret_without_the_mark_is_foreign() {
    let github = Github::start();
    github.put(REPOSITORY, "API_KEY_SECONDARY", "made-up-of-somebody");
    let store = payments(&github.context());
    let seen = store.observe().await.unwrap();
    assert!(matches!(seen.found, Found::Foreign(_)), "{seen:?}");
    let kept = store.remove(&seen.version).await.unwrap_err();
    assert_eq!(kept.kind, Kind::Stale);
    assert!(github.values(REPOSITORY).contains_key("API_KEY_SECONDARY"));
}

#[tokio::test]
async fn what_is_still_listed_was_not_deleted() {
    let github = Github::start();
    let store = payments(&github.context());
    write_over(store.as_ref(), &document("one", None, 1), &token(1))
        .await
        .unwrap();
    github.state().frozen.insert("API_KEY_PRIMARY".to_owned());
    let error = remove_now(store.as_ref()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Stale, "{error}");
    assert!(github.values(REPOSITORY).contains_key("API_KEY_PRIMARY"));
    // It is still known whose that is, so that it goes as soon as it can.
    github.state().frozen.clear();
    remove_now(store.as_ref()).await.unwrap();
    assert!(github.values(REPOSITORY).is_empty());
}

#[tokio::test]
async fn a_repository_of_the_same_name_at_another_server_is_another_place() {
    let (here, there) = (Github::start(), Github::start());
    let place = payments(&here.context()).identity().await.unwrap();
    assert!(payments(&here.context()).is_at(&place).await.unwrap());
    assert!(!payments(&there.context()).is_at(&place).await.unwrap());
}
