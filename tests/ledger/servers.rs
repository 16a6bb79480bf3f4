//! Servers that refuse, and what a person reads then. Never a password.

use std::fs;
use std::time::Duration;

use apikey::error::Kind;
use apikey::ledger::sql::{Database, Target};
use apikey::ledger::{Effect, Journal};

use super::faults::refusal;
use super::samples::intent;
use super::sql::{self, Place};
use crate::support::postgres::{self, Postgres};

const LEASE: Duration = Duration::from_secs(60);

fn ledger(url: &str) -> Database {
    let target = Target::parse(url, Some(&Postgres::schema()), &|_| None).unwrap();
    Database::new(target, LEASE, LEASE)
}

#[tokio::test]
async fn a_server_that_refuses_is_quoted_with_what_to_do() {
    let server = Postgres::shared();
    let plain = server.url();
    let port = server.port().to_string();
    for (url, said, next) in [
        (
            plain.replace(postgres::PASSWORD_IN_URL, "canary-wrong"),
            "password authentication failed",
            "PGPASSWORD",
        ),
        (
            plain.replace(&format!("{}:", postgres::USER), "stranger:"),
            "password authentication failed",
            "PGPASSWORD",
        ),
        (
            server.url_of("127.0.0.1", "nowhere", "sslmode=disable"),
            "database \"nowhere\" does not exist",
            "Create the database",
        ),
        (
            plain
                .replace(&port, "1")
                .replace("?", "?connect_timeout=2&"),
            "No connection could be had in time\u{0}Connection refused",
            "Check the host",
        ),
        (
            plain.replace("127.0.0.1", "nowhere.invalid"),
            "lookup\u{0}Name or service",
            "Check the host",
        ),
    ] {
        let refused = refusal(&ledger(&url)).await;
        assert_eq!(refused.kind, Kind::Unavailable, "{refused}");
        let mut reasons = said.split('\u{0}');
        assert!(
            reasons.any(|reason| refused.detail.contains(reason)),
            "{refused}"
        );
        assert!(refused.detail.contains(next), "{refused}");
    }
}

#[tokio::test]
async fn tls_is_as_strict_as_the_mode_says() {
    let server = Postgres::shared();
    let authority = server.authority();
    let foreign = tempfile::tempdir().unwrap();
    let strange = foreign.path().join("other.pem");
    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::CertificateParams::new(vec![])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    fs::write(&strange, other.pem()).unwrap();
    let strange = strange.display();

    // The database `encrypted` takes nobody without TLS.
    for (host, options, works) in [
        ("localhost", "sslmode=disable".to_owned(), false),
        ("localhost", "sslmode=allow".to_owned(), true),
        ("localhost", "sslmode=prefer".to_owned(), true),
        ("localhost", String::new(), true),
        ("localhost", "sslmode=require".to_owned(), true),
        (
            "localhost",
            format!("sslmode=require&sslrootcert={authority}"),
            true,
        ),
        (
            "localhost",
            format!("sslmode=require&sslrootcert={strange}"),
            false,
        ),
        ("localhost", "sslmode=verify-ca".to_owned(), false),
        (
            "127.0.0.1",
            format!("sslmode=verify-ca&sslrootcert={authority}"),
            true,
        ),
        (
            "localhost",
            format!("sslmode=verify-ca&sslrootcert={strange}"),
            false,
        ),
        (
            "localhost",
            format!("sslmode=verify-full&sslrootcert={authority}"),
            true,
        ),
        (
            "127.0.0.1",
            format!("sslmode=verify-full&sslrootcert={authority}"),
            false,
        ),
        ("localhost", "sslrootcert=system".to_owned(), false),
    ] {
        let ledger = ledger(&server.url_of(host, "encrypted", &options));
        match works {
            true => ledger
                .begin(&intent("i", "k", Effect::Mint))
                .await
                .expect(&options),
            false => assert_eq!(refusal(&ledger).await.kind, Kind::Unavailable, "{options}"),
        }
    }
}

#[tokio::test]
async fn a_user_without_rights_is_told_which_are_missing() {
    let server = Postgres::shared();
    let schema = Postgres::schema();
    let made = server.psql(
        "apikey",
        "CREATE ROLE canary_poor LOGIN PASSWORD 'canary-poor'",
    );
    assert!(made.status.success(), "{made:?}");
    let url = format!(
        "postgres://canary_poor:canary-poor@127.0.0.1:{}/apikey?sslmode=disable",
        server.port()
    );
    let connect = || Target::parse(&url, Some(&schema), &|_| None).unwrap();
    let poor = Database::new(connect(), LEASE, LEASE);
    let refused = poor
        .begin(&intent("i", "k", Effect::Mint))
        .await
        .unwrap_err();
    assert!(refused.detail.contains("permission denied"), "{refused}");
    assert!(
        refused.detail.contains("needs CREATE on the database"),
        "{refused}"
    );

    // A schema of one's own is enough.
    let own = format!("CREATE SCHEMA {schema} AUTHORIZATION canary_poor");
    assert!(server.psql("apikey", &own).status.success());
    let owner = Database::new(connect(), LEASE, LEASE);
    owner.begin(&intent("i", "k", Effect::Mint)).await.unwrap();
}

#[tokio::test]
async fn the_schema_of_the_search_path_is_used_where_none_is_set() {
    let server = Postgres::shared();
    let schema = Postgres::schema();
    let made = server.psql("apikey", &format!("CREATE SCHEMA {schema}"));
    assert!(made.status.success());
    let options = format!("sslmode=disable&options=-csearch_path%3D{schema}");
    let url = server.url_of("127.0.0.1", "apikey", &options);
    let target = Target::parse(&url, None, &|_| None).unwrap();
    let ledger = Database::new(target, LEASE, LEASE);
    ledger.begin(&intent("i", "k", Effect::Mint)).await.unwrap();
    let found = sql::run(Place::Schema(&schema), "SELECT intent FROM intents").await;
    assert_eq!(found.unwrap(), ["i"]);
}

#[tokio::test]
async fn a_failed_connection_is_not_tried_by_everybody_again() {
    let ledger = ledger("postgres://apikey@127.0.0.1:1/apikey?connect_timeout=2");
    let first = refusal(&ledger).await;
    // At once, or this test would take minutes.
    for _ in 0..100 {
        assert_eq!(refusal(&ledger).await, first);
    }
}

#[tokio::test]
async fn a_server_that_goes_away_is_an_unavailable_ledger() {
    let server = Postgres::start();
    let ledger = ledger(&server.url().replace("?", "?connect_timeout=2&"));
    ledger.begin(&intent("i", "k", Effect::Mint)).await.unwrap();
    drop(server);
    for _ in 0..100 {
        assert_eq!(refusal(&ledger).await.kind, Kind::Unavailable);
        let read = ledger.recall("id-of-k").await.unwrap_err();
        assert_eq!(read.kind, Kind::Unavailable);
    }
}
