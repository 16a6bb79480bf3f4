use std::collections::BTreeMap;

use apikey::context::Context;
use apikey::error::Kind;
use apikey::secret::Secret;
use apikey::stores::{Document, DocumentKey, Found, Observation, Store, Version, Written};
use serde_json::{Value, json};
use tf_provider::value::ValueAny;

use super::{admin, block, context, store, text, unique};
use crate::aws_life::door::Door;
use crate::support::openbao::{OpenBao, ROOT};

fn document(primary: &str, generation: u64) -> Document {
    let key = |secret: &str| DocumentKey {
        key_id: Some(format!("id-of-{secret}")),
        secret: Secret::new(secret.into()),
    };
    Document {
        primary: key(primary),
        secondary: Some(key("made-up-second")),
        generation: Some(generation),
        rotated_at: None,
    }
}

fn place(path: &str) -> Vec<(&'static str, ValueAny)> {
    vec![("mount", text("secret")), ("path", text(path))]
}

async fn write(
    store: &dyn Store,
    primary: &str,
    expected: &Version,
) -> apikey::error::Result<Version> {
    let written = store
        .write(&document(primary, 1), &"a".repeat(64), expected)
        .await?;
    match written {
        Written::Done(receipt) | Written::Lingering(receipt, _) => Ok(receipt.content),
        Written::AwaitsApproval(at) => panic!("{at}"),
    }
}

fn leads(seen: &Observation) -> Option<&str> {
    match &seen.found {
        Found::Document(document) => Some(document.primary.secret.expose()),
        _ => None,
    }
}

/// A mount of the first version, which all tests share.
fn plain_mount() -> &'static str {
    let bao = OpenBao::shared();
    let mounts = bao.admin("GET", "sys/mounts", Value::Null);
    if mounts["plain/"].is_null() {
        let engine = json!({ "type": "kv", "options": { "version": "1" } });
        bao.ask("POST", "sys/mounts/plain", &engine, ROOT);
    }
    "plain"
}

#[tokio::test]
async fn every_layout_reads_back_in_both_versions_of_the_engine() {
    let bao = OpenBao::shared();
    let names = BTreeMap::from([
        ("username".to_owned(), text("{{primary.key_id}}")),
        ("password".to_owned(), text("{{primary.secret}}")),
    ]);
    let layouts = [
        vec![],
        vec![("layout", text("flat"))],
        vec![("layout", text("variables")), ("prefix", text("SHOP"))],
        vec![("fields", ValueAny::Map(names))],
    ];
    for layout in layouts {
        for version in [1, 2] {
            let path = unique("layouts");
            let mount = if version == 1 {
                plain_mount()
            } else {
                "secret"
            };
            let mut entries = vec![
                ("mount", text(mount)),
                ("path", text(&path)),
                ("version", ValueAny::Number(version)),
            ];
            entries.extend(layout.clone());
            let store = store(&admin(), &entries).unwrap();
            store.check(None).await.unwrap();
            let written = write(store.as_ref(), "made-up-first", &Version::Absent)
                .await
                .unwrap();
            let seen = store.observe().await.unwrap();
            assert_eq!(leads(&seen), Some("made-up-first"));
            assert_eq!(seen.version, written);
            let Found::Document(read) = seen.found else {
                unreachable!()
            };
            assert_eq!(read.generation, Some(1));
            assert_eq!(read.primary.key_id.as_deref(), Some("id-of-made-up-first"));
            assert_eq!(read.secondary.unwrap().secret.expose(), "made-up-second");
            store.remove(&seen.version).await.unwrap();
            assert!(leads(&store.observe().await.unwrap()).is_none());
        }
    }
    let path = unique("names");
    let names = BTreeMap::from([("token".to_owned(), text("Bearer {{primary.secret}}"))]);
    let mut entries = place(&path);
    entries.push(("fields", ValueAny::Map(names)));
    let store = store(&admin(), &entries).unwrap();
    write(store.as_ref(), "made-up-first", &Version::Absent)
        .await
        .unwrap();
    assert_eq!(bao.fields(&path)["token"], "Bearer made-up-first");
}

#[tokio::test]
async fn what_was_deleted_is_brought_back_by_hand_or_written_over() {
    let (bao, path) = (OpenBao::shared(), unique("deleted"));
    let store = store(&admin(), &place(&path)).unwrap();
    let first = write(store.as_ref(), "made-up-first", &Version::Absent)
        .await
        .unwrap();
    store.remove(&first).await.unwrap();
    let seen = store.observe().await.unwrap();
    let Found::Deleted(words) = &seen.found else {
        panic!("{seen:?}")
    };
    assert!(
        words.ends_with(&format!(
            "vault kv undelete -mount=secret {path} -versions=1"
        )),
        "{words}"
    );
    assert_eq!(seen.version, Version::Absent);

    let undelete = json!({ "versions": [1] });
    bao.admin("POST", &format!("secret/undelete/{path}"), undelete.clone());
    let seen = store.observe().await.unwrap();
    assert_eq!(leads(&seen), Some("made-up-first"));
    bao.admin("POST", &format!("secret/delete/{path}"), undelete);

    let second = write(store.as_ref(), "made-up-later", &Version::Absent)
        .await
        .unwrap();
    let seen = store.observe().await.unwrap();
    assert_eq!(
        (leads(&seen), &seen.version),
        (Some("made-up-later"), &second)
    );

    bao.admin(
        "POST",
        &format!("secret/destroy/{path}"),
        json!({ "versions": [2] }),
    );
    let seen = store.observe().await.unwrap();
    assert!(matches!(seen.found, Found::Nothing), "{seen:?}");
    write(store.as_ref(), "made-up-last", &seen.version)
        .await
        .unwrap();
}

#[tokio::test]
async fn all_versions_go_where_that_is_asked_for() {
    let (bao, path) = (OpenBao::shared(), unique("all"));
    let mut entries = place(&path);
    entries.push(("delete_all_versions", ValueAny::Bool(true)));
    let store = store(&admin(), &entries).unwrap();
    let first = write(store.as_ref(), "made-up-first", &Version::Absent)
        .await
        .unwrap();
    let second = write(store.as_ref(), "made-up-later", &first)
        .await
        .unwrap();
    store.remove(&second).await.unwrap();
    let (status, _) = bao.ask(
        "GET",
        &format!("secret/metadata/{path}"),
        &Value::Null,
        ROOT,
    );
    assert_eq!(status, 404);
}

#[tokio::test]
async fn of_many_writers_at_once_one_wins() {
    let path = unique("race");
    let writes = (0..12).map(|number| {
        let path = path.clone();
        async move {
            let store = store(&admin(), &place(&path)).unwrap();
            write(
                store.as_ref(),
                &format!("made-up-{number}"),
                &Version::Absent,
            )
            .await
        }
    });
    let outcomes = futures::future::join_all(writes).await;
    let (done, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    assert!(
        lost.into_iter()
            .all(|lost| lost.unwrap_err().kind == Kind::Stale)
    );
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_recognised() {
    let (bao, path) = (OpenBao::shared(), unique("lost"));
    let door = Door::before(&bao.url());
    let store = store(&context(block(&door.url(), ROOT)), &place(&path)).unwrap();
    store.check(None).await.unwrap();
    door.lose(r#""cas":0"#);
    let written = write(store.as_ref(), "made-up-first", &Version::Absent)
        .await
        .unwrap();
    let seen = store.observe().await.unwrap();
    assert_eq!(
        (leads(&seen), &seen.version),
        (Some("made-up-first"), &written)
    );
    let about = bao.admin("GET", &format!("secret/metadata/{path}"), Value::Null);
    assert_eq!(about["data"]["current_version"], 1);
}

#[tokio::test]
async fn fields_of_somebody_else_are_foreign() {
    let (bao, path) = (OpenBao::shared(), unique("foreign"));
    bao.admin(
        "POST",
        &format!("secret/data/{path}"),
        json!({ "data": { "password": "theirs" } }),
    );
    let store = store(&admin(), &place(&path)).unwrap();
    let seen = store.observe().await.unwrap();
    assert!(matches!(seen.found, Found::Foreign(_)), "{seen:?}");
    let refused = write(store.as_ref(), "made-up-first", &Version::Absent).await;
    assert_eq!(refused.unwrap_err().kind, Kind::Stale);
    assert_eq!(bao.fields(&path)["password"], "theirs");
}

#[tokio::test]
async fn a_mount_that_is_not_what_the_settings_say_is_refused_before_anything_is_written() {
    let mount = plain_mount();
    for (entries, says) in [
        (
            vec![("mount", text(mount)), ("path", text("x"))],
            "Set version = 1",
        ),
        (
            vec![
                ("mount", text("secret")),
                ("path", text("x")),
                ("version", ValueAny::Number(1)),
            ],
            "Set version = 2",
        ),
        (
            vec![("mount", text("secret/app")), ("path", text("x"))],
            "Set mount to \"secret\"",
        ),
        (
            vec![("mount", text("sys")), ("path", text("x"))],
            "of the type \"system\"",
        ),
        (
            vec![("mount", text("nowhere")), ("path", text("x"))],
            "nothing is mounted at \"nowhere\"",
        ),
        (
            vec![
                ("mount", text("secret")),
                ("path", text("x")),
                ("namespace", text("nowhere")),
            ],
            "There is no namespace \"nowhere\"",
        ),
    ] {
        let store = store(&admin(), &entries).unwrap();
        for refused in [
            store.check(None).await.unwrap_err(),
            write(store.as_ref(), "made-up-first", &Version::Absent)
                .await
                .unwrap_err(),
        ] {
            assert!(refused.to_string().contains(says), "{refused}");
            assert!(
                !matches!(refused.kind, Kind::NotFound | Kind::Unavailable),
                "{refused:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_namespace_in_the_settings_and_one_in_the_path_are_one_place() {
    let bao = OpenBao::shared();
    let name = unique("team");
    bao.admin("POST", &format!("sys/namespaces/{name}"), json!({}));
    let engine = json!({ "type": "kv", "options": { "version": "2" } });
    bao.admin("POST", &format!("{name}/sys/mounts/kv"), engine);
    let by_header = [
        ("mount", text("kv")),
        ("path", text("app")),
        ("namespace", text(&name)),
    ];
    let by_header = store(&admin(), &by_header).unwrap();
    let whole = format!("{name}/kv");
    let by_path = store(&admin(), &[("mount", text(&whole)), ("path", text("app"))]).unwrap();
    assert_eq!(
        by_header.identity().await.unwrap(),
        by_path.identity().await.unwrap()
    );
    by_header.check(None).await.unwrap();
    by_path.check(None).await.unwrap();
    write(by_header.as_ref(), "made-up-first", &Version::Absent)
        .await
        .unwrap();
    assert_eq!(
        leads(&by_path.observe().await.unwrap()),
        Some("made-up-first")
    );
    // The same settings lead elsewhere where nothing, or something else, names the namespace.
    let settings = [("mount", text("kv")), ("path", text("app"))];
    let named = by_header.identity().await.unwrap();
    let is_there = async |context: Context| {
        let store = store(&context, &settings).unwrap();
        store.is_at(&named).await.unwrap()
    };
    let mut around = block(&bao.url(), ROOT);
    around.insert("namespace".to_owned(), text(&name));
    assert!(is_there(context(around)).await);
    assert!(!is_there(admin()).await);
}

#[tokio::test]
async fn a_secret_that_deletes_its_versions_by_itself_is_refused() {
    let bao = OpenBao::shared();
    let settings = json!({ "delete_version_after": "1h" });
    let door = Door::before(&bao.url());
    for loses_an_answer in [false, true] {
        let path = unique("passing");
        bao.admin("POST", &format!("secret/metadata/{path}"), settings.clone());
        let store = store(&context(block(&door.url(), ROOT)), &place(&path)).unwrap();
        store.check(None).await.unwrap();
        if loses_an_answer {
            door.lose(r#""cas":0"#);
        }
        let refused = write(store.as_ref(), "made-up-first", &Version::Absent)
            .await
            .unwrap_err();
        assert_eq!(refused.kind, Kind::Invalid, "{refused}");
        assert!(refused.detail.contains("delete_version_after"), "{refused}");
        assert_eq!(bao.fields(&path), Value::Null);
    }
}

#[tokio::test]
async fn a_secret_that_begins_to_delete_its_versions_by_itself_leaves_its_readers_a_key() {
    let (bao, path) = (OpenBao::shared(), unique("begins"));
    let store = store(&admin(), &place(&path)).unwrap();
    let first = write(store.as_ref(), "made-up-first", &Version::Absent)
        .await
        .unwrap();
    bao.admin(
        "POST",
        &format!("secret/metadata/{path}"),
        json!({ "delete_version_after": "1h" }),
    );
    let refused = write(store.as_ref(), "made-up-later", &first)
        .await
        .unwrap_err();
    assert_eq!(refused.kind, Kind::Invalid, "{refused}");
    assert_eq!(bao.fields(&path)["primary"]["secret"], "made-up-later");
}

#[tokio::test]
async fn what_the_token_may_not_do_is_told_before_anything_is_written() {
    let bao = OpenBao::shared();
    let allowed = |capabilities: &str, path: &str| {
        format!("path \"secret/data/{path}\" {{ capabilities = [{capabilities}] }}\n")
    };
    for (capabilities, lacks) in [(r#""read""#, "create"), (r#""create", "update""#, "read")] {
        let path = unique("denied");
        let token = bao.token_with(&path, &allowed(capabilities, &path));
        let store = store(&context(block(&bao.url(), &token)), &place(&path)).unwrap();
        let seen = Observation::nothing();
        let refused = store.check(Some(&seen)).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Denied);
        assert!(
            refused
                .detail
                .contains(&format!("lacks the capability {lacks:?}")),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_none_is_told_from_one_that_may_not() {
    let bao = OpenBao::shared();
    let path = unique("unread");
    let weak = bao.token_with(
        &path,
        r#"path "secret/data/elsewhere" { capabilities = ["read"] }"#,
    );
    for (token, says) in [
        ("made-up-token", "Vault does not accept"),
        (&weak, "Allow it the capability \"read\""),
    ] {
        let store = store(&context(block(&bao.url(), token)), &place(&path)).unwrap();
        let refused = store.observe().await.unwrap_err();
        assert_eq!(refused.kind, Kind::Denied);
        assert!(refused.detail.contains(says), "{refused}");
    }
}

#[tokio::test]
async fn a_server_with_an_authority_of_its_own_is_trusted_by_its_certificate_alone() {
    let bao = OpenBao::start_with_tls();
    let entries = place("app");
    let mut settings = block(&bao.tls_url(), ROOT);
    let stranger = store(&context(settings.clone()), &entries).unwrap();
    let refused = stranger.observe().await.unwrap_err();
    assert_eq!(refused.kind, Kind::Unavailable);
    assert!(refused.detail.contains("ca_cert_file"), "{refused}");

    settings.insert(
        "ca_cert_file".into(),
        text(&bao.authority().display().to_string()),
    );
    let store = store(&context(settings), &entries).unwrap();
    store.check(None).await.unwrap();
    write(store.as_ref(), "made-up-first", &Version::Absent)
        .await
        .unwrap();
    assert_eq!(
        leads(&store.observe().await.unwrap()),
        Some("made-up-first")
    );
    let place = store.identity().await.unwrap();
    assert!(place.ends_with(" secret/app"));
    // The same path on another server is another place.
    let elsewhere = super::store(&admin(), &entries).unwrap();
    assert!(!elsewhere.is_at(&place).await.unwrap());
}

#[tokio::test]
async fn the_root_namespace_is_one_place_under_both_of_its_names() {
    let path = unique("rooted");
    let plain = [("mount", text("secret")), ("path", text(&path))];
    let mut named = plain.to_vec();
    named.push(("namespace", text("root/")));
    let (plain, named) = (
        store(&admin(), &plain).unwrap(),
        store(&admin(), &named).unwrap(),
    );
    assert_eq!(plain.place(), named.place());
    assert_eq!(
        plain.identity().await.unwrap(),
        named.identity().await.unwrap()
    );
}
