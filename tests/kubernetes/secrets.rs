use apikey::error::Kind;
use apikey::stores::{Found, Store, Version};
use serde_json::json;
use tf_provider::value::ValueAny;

use super::{connect, document, text, token};
use crate::support::kubernetes::{ADMIN, Cluster, encoded};
use crate::support::{remove_now, write_over};

/// A delivery with these settings beside namespace and name.
fn place(cluster: &Cluster, namespace: &str, more: &[(&str, ValueAny)]) -> Box<dyn Store> {
    let own = [("namespace", text(namespace)), ("name", text("key"))];
    connect(&cluster.context(ADMIN), &[&own, more].concat()).unwrap()
}

async fn leader(store: &dyn Store) -> Option<String> {
    match store.observe().await.unwrap().found {
        Found::Document(document) => document.primary.key_id,
        _ => None,
    }
}

#[tokio::test]
async fn every_layout_is_written_and_read_back_and_other_data_keys_stay() {
    for cluster in Cluster::all() {
        for more in [
            vec![],
            vec![("layout", text("slots"))],
            vec![("layout", text("flat")), ("key", text("k"))],
        ] {
            let namespace = cluster.namespace("layouts");
            cluster.create(
                &namespace,
                "kubectl-create",
                json!({ "metadata": { "name": "key" }, "type": "Opaque", "data": { "theirs": encoded("x") } }),
            );
            let store = place(&cluster, &namespace, &more);
            store.check(None).await.unwrap();
            assert_eq!(store.observe().await.unwrap().version, Version::Absent);
            write_over(store.as_ref(), &document("one", None, 1), &token())
                .await
                .unwrap();
            write_over(store.as_ref(), &document("two", Some("one"), 2), &token())
                .await
                .unwrap();
            let Found::Document(read) = store.observe().await.unwrap().found else {
                panic!("{}", cluster.name());
            };
            assert_eq!(read.primary.secret.expose(), "made-up-canary-two");
            assert_eq!(read.secondary.unwrap().key_id.as_deref(), Some("one"));
            assert_eq!(read.generation, Some(2));
            assert_eq!(cluster.data(&namespace, "key")["theirs"], "x");
            remove_now(store.as_ref()).await.unwrap();
            let left = cluster.data(&namespace, "key");
            assert_eq!(left.len(), 1, "{}: {left:?}", cluster.name());
        }
    }
}

#[tokio::test]
async fn the_variables_are_plain_data_keys() {
    for cluster in Cluster::all() {
        let namespace = cluster.namespace("variables");
        let store = place(&cluster, &namespace, &[("prefix", text("APP"))]);
        write_over(store.as_ref(), &document("one", None, 1), &token())
            .await
            .unwrap();
        let data = cluster.data(&namespace, "key");
        assert_eq!(data["APP_PRIMARY"], "made-up-canary-one");
        assert_eq!(data["APP_SECONDARY"], "");
        assert_eq!(data["APP_PRIMARY_ID"], "one");
        assert_eq!(data["APP_GENERATION"], "1");
        let labels = &cluster.secret(&namespace, "key")["metadata"]["labels"];
        assert_eq!(
            labels["app.kubernetes.io/managed-by"],
            "terraform-provider-apikey"
        );
    }
}

#[tokio::test]
async fn a_secret_goes_only_if_it_was_created_here_and_nothing_else_is_in_it() {
    for cluster in Cluster::all() {
        let namespace = cluster.namespace("removal");
        let [one, two] =
            ["ONE", "TWO"].map(|prefix| place(&cluster, &namespace, &[("prefix", text(prefix))]));
        for store in [&one, &two] {
            write_over(store.as_ref(), &document("one", None, 1), &token())
                .await
                .unwrap();
        }
        remove_now(one.as_ref()).await.unwrap();
        assert_eq!(leader(two.as_ref()).await.as_deref(), Some("one"));
        assert_eq!(leader(one.as_ref()).await, None);
        remove_now(one.as_ref()).await.unwrap();
        remove_now(two.as_ref()).await.unwrap();
        assert!(
            cluster.secret(&namespace, "key").is_null(),
            "{}",
            cluster.name()
        );

        cluster.create(
            &namespace,
            "kubectl-create",
            json!({ "metadata": { "name": "key" } }),
        );
        write_over(one.as_ref(), &document("one", None, 1), &token())
            .await
            .unwrap();
        remove_now(one.as_ref()).await.unwrap();
        assert!(
            !cluster.secret(&namespace, "key").is_null(),
            "{}",
            cluster.name()
        );
    }
}

#[tokio::test]
async fn deliveries_that_share_a_secret_write_at_the_same_time() {
    for cluster in Cluster::all() {
        let namespace = cluster.namespace("crowd");
        let prefixes = ["A", "B", "C"];
        let stores =
            prefixes.map(|prefix| place(&cluster, &namespace, &[("prefix", text(prefix))]));
        for generation in 1..4 {
            let writes = stores.iter().map(|store| async {
                let (document, token) = (document("one", None, generation), token());
                write_over(store.as_ref(), &document, &token)
                    .await
                    .map(drop)
            });
            for outcome in futures::future::join_all(writes).await {
                outcome.unwrap();
            }
        }
        let data = cluster.data(&namespace, "key");
        for prefix in prefixes {
            assert_eq!(
                data[&format!("{prefix}_GENERATION")],
                "3",
                "{}",
                cluster.name()
            );
        }
    }
}

#[tokio::test]
async fn what_was_written_since_the_look_is_neither_overwritten_nor_removed() {
    for cluster in Cluster::all() {
        let namespace = cluster.namespace("stale");
        let store = place(&cluster, &namespace, &[]);
        let first = write_over(store.as_ref(), &document("one", None, 1), &token())
            .await
            .unwrap();
        write_over(store.as_ref(), &document("two", None, 2), &token())
            .await
            .unwrap();
        for expected in [Version::Absent, first.content] {
            let late = store
                .write(&document("late", None, 3), &token(), &expected)
                .await;
            assert_eq!(late.unwrap_err().kind, Kind::Stale, "{}", cluster.name());
            let removed = store.remove(&expected).await;
            assert_eq!(removed.unwrap_err().kind, Kind::Stale, "{}", cluster.name());
        }
        assert_eq!(leader(store.as_ref()).await.as_deref(), Some("two"));
    }
}

/// Whoever applies its own values again would bring back a key that is revoked by then.
#[tokio::test]
async fn a_data_key_that_somebody_else_manages_is_left_to_him_unless_told_otherwise() {
    for cluster in Cluster::all() {
        let namespace = cluster.namespace("owned");
        let store = place(&cluster, &namespace, &[]);
        write_over(store.as_ref(), &document("one", None, 1), &token())
            .await
            .unwrap();
        let theirs = json!({ "data": { "API_KEY_PRIMARY": encoded("made-up-canary-three") } });
        cluster.edit(&namespace, "key", "kubectl-edit", theirs);
        let before_a_mint = store.check(None).await.unwrap_err();
        assert!(
            before_a_mint.summary.contains("managed by kubectl-edit"),
            "{before_a_mint}"
        );
        let refused = write_over(store.as_ref(), &document("two", None, 2), &token())
            .await
            .unwrap_err();
        assert_eq!(refused.kind, Kind::Stale, "{}", cluster.name());
        assert!(
            refused.summary.contains("managed by kubectl-edit"),
            "{refused}"
        );
        assert!(refused.detail.contains("data.API_KEY_PRIMARY"), "{refused}");
        assert!(!refused.to_string().contains("made-up-canary"), "{refused}");
        let data = cluster.data(&namespace, "key");
        assert_eq!(data["API_KEY_PRIMARY"], "made-up-canary-three");
        assert_eq!(data["API_KEY_GENERATION"], "1", "nothing was written");

        let force = place(
            &cluster,
            &namespace,
            &[("force_conflicts", ValueAny::Bool(true))],
        );
        write_over(force.as_ref(), &document("two", None, 2), &token())
            .await
            .unwrap();
        // From now on it is ours alone.
        write_over(store.as_ref(), &document("four", None, 3), &token())
            .await
            .unwrap();
        assert_eq!(leader(store.as_ref()).await.as_deref(), Some("four"));
    }
}

#[tokio::test]
async fn an_immutable_secret_and_one_of_another_type_are_refused_and_left_alone() {
    for cluster in Cluster::all() {
        for (object, expected) in [
            (
                json!({ "immutable": true, "type": "Opaque" }),
                "is immutable",
            ),
            (
                json!({ "type": "kubernetes.io/basic-auth", "data": { "username": encoded("x"), "password": encoded("x") } }),
                "is of type kubernetes.io/basic-auth",
            ),
        ] {
            let namespace = cluster.namespace("unfit");
            let mut object = object;
            object["metadata"] = json!({ "name": "key" });
            cluster.create(&namespace, "kubectl-create", object);
            let before = cluster.secret(&namespace, "key");
            let store = place(&cluster, &namespace, &[]);
            let checked = store.check(None).await.unwrap_err();
            let written = write_over(store.as_ref(), &document("one", None, 1), &token())
                .await
                .unwrap_err();
            for refused in [checked, written] {
                assert_eq!(refused.kind, Kind::Invalid, "{}: {refused}", cluster.name());
                assert!(refused.summary.contains(expected), "{refused}");
            }
            remove_now(store.as_ref()).await.unwrap();
            assert_eq!(cluster.secret(&namespace, "key"), before);
        }
    }
}

#[tokio::test]
async fn a_namespace_is_never_created_and_its_absence_is_found_out_before_a_key_is_minted() {
    for cluster in Cluster::all() {
        let store = place(&cluster, "nowhere", &[]);
        let refused = store.check(None).await.unwrap_err();
        assert!(
            refused.detail.contains("kubectl create namespace nowhere"),
            "{refused}"
        );
        let written = write_over(store.as_ref(), &document("one", None, 1), &token())
            .await
            .unwrap_err();
        assert!(
            written.detail.contains("no namespace \"nowhere\""),
            "{written}"
        );
    }
}

#[tokio::test]
async fn a_check_writes_nothing() {
    for cluster in Cluster::all() {
        let namespace = cluster.namespace("check");
        let store = place(&cluster, &namespace, &[]);
        store.check(None).await.unwrap();
        assert!(cluster.secret(&namespace, "key").is_null());
        write_over(store.as_ref(), &document("one", None, 1), &token())
            .await
            .unwrap();
        let before = cluster.secret(&namespace, "key");
        store.check(None).await.unwrap();
        assert_eq!(
            cluster.secret(&namespace, "key"),
            before,
            "{}",
            cluster.name()
        );
    }
}

#[tokio::test]
async fn two_ways_to_one_cluster_lead_to_one_place() {
    for cluster in Cluster::all() {
        let namespace = cluster.namespace("identity");
        let [one, two] =
            ["ONE", "TWO"].map(|prefix| place(&cluster, &namespace, &[("prefix", text(prefix))]));
        let before = one.identity().await.unwrap();
        write_over(one.as_ref(), &document("one", None, 1), &token())
            .await
            .unwrap();
        assert_eq!(one.identity().await.unwrap(), before);
        assert_ne!(two.identity().await.unwrap(), before);
        assert!(!before.contains("127.0.0.1"), "{before}");
    }
}

/// A plan may run under a role that may read less than that of the apply, and a right may come or go.
#[tokio::test]
async fn a_cluster_is_the_same_to_a_role_that_may_not_read_its_uid_and_never_another_one() {
    let (here, there) = (Cluster::fake(), Cluster::fake());
    let at = |cluster: &Cluster, reserved: bool| {
        cluster.as_fake().reserve(reserved);
        place(cluster, "payments", &[])
    };
    let by_uid = at(&here, false).identity().await.unwrap();
    let by_url = at(&here, true).identity().await.unwrap();
    assert_ne!(by_uid, by_url);
    for reserved in [false, true] {
        assert!(at(&here, reserved).is_at(&by_url).await.unwrap());
    }
    assert!(at(&here, false).is_at(&by_uid).await.unwrap());
    // Nobody can tell, so that nothing is refused and nothing counts as gone.
    let unsure = at(&here, true).is_at(&by_uid).await.unwrap_err();
    assert_eq!(unsure.kind, Kind::Denied);
    assert!(unsure.detail.contains("the verb get"), "{unsure}");

    assert!(!at(&there, true).is_at(&by_url).await.unwrap());
    here.as_fake().build_anew();
    assert!(!at(&here, false).is_at(&by_uid).await.unwrap());
}

#[tokio::test]
async fn what_others_put_into_the_data_keys_is_foreign() {
    for cluster in Cluster::all() {
        let namespace = cluster.namespace("foreign");
        let data = json!({ "API_KEY_SECONDARY": encoded("made-up-of-somebody") });
        cluster.create(
            &namespace,
            "kubectl-create",
            json!({ "metadata": { "name": "key" }, "data": data }),
        );
        let store = place(&cluster, &namespace, &[]);
        let seen = store.observe().await.unwrap();
        assert!(
            matches!(seen.found, Found::Foreign(_)),
            "{}",
            cluster.name()
        );
        let kept = store.remove(&seen.version).await.unwrap_err();
        assert_eq!(kept.kind, Kind::Stale);
        let json = place(
            &cluster,
            &namespace,
            &[("layout", text("slots")), ("key", text("other"))],
        );
        assert!(matches!(
            json.observe().await.unwrap().found,
            Found::Nothing
        ));
    }
}

/// Between the look and the change, another data key is nobody's business, and ours is not written over.
#[tokio::test]
async fn what_comes_between_the_look_and_the_change_is_seen() {
    let cluster = Cluster::fake();
    let Cluster::Fake(fake) = &cluster else {
        unreachable!();
    };
    let namespace = cluster.namespace("between");
    let store = place(&cluster, &namespace, &[]);
    let first = write_over(store.as_ref(), &document("one", None, 1), &token())
        .await
        .unwrap();
    fake.meddle(json!({ "theirs": encoded("x") }));
    let second = store
        .write(&document("two", None, 2), &token(), &first.content)
        .await
        .unwrap();
    let second = second.completed("there").unwrap().content;
    assert_eq!(cluster.data(&namespace, "key")["theirs"], "x");

    let theirs = json!({ "API_KEY_PRIMARY": encoded("made-up-of-somebody") });
    fake.meddle(theirs.clone());
    let written = store
        .write(&document("three", None, 3), &token(), &second)
        .await;
    assert_eq!(written.unwrap_err().kind, Kind::Stale);
    assert_eq!(
        cluster.data(&namespace, "key")["API_KEY_PRIMARY"],
        "made-up-of-somebody"
    );

    let seen = store.observe().await.unwrap();
    fake.meddle(json!({ "API_KEY_PRIMARY": encoded("made-up-of-another") }));
    assert_eq!(
        store.remove(&seen.version).await.unwrap_err().kind,
        Kind::Stale
    );
    assert_eq!(
        cluster.data(&namespace, "key")["API_KEY_PRIMARY"],
        "made-up-of-another"
    );
}
