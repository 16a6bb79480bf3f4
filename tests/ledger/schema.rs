//! The tables: made once by whoever comes first, left alone if they are newer, and as the guide says.

use std::collections::BTreeMap;
use std::time::Duration;

use apikey::error::Kind;
use apikey::ledger::{Effect, Journal, Ledger};

use super::samples::{self, intent};
use super::sql::{self, Place};
use crate::support::postgres::Postgres;

const LEASE: Duration = Duration::from_secs(60);
const GUIDE: &str = include_str!("../../docs/guides/ledger.md");

/// The columns of every table in the order of the guide.
fn documented() -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut table = None;
    for line in GUIDE.lines() {
        if line.starts_with('#') {
            let name = line
                .strip_prefix("### `")
                .and_then(|rest| rest.strip_suffix('`'));
            table = name.map(str::to_owned);
        }
        let column = line
            .strip_prefix("| `")
            .and_then(|rest| rest.split_once('`'));
        if let (Some(table), Some((column, _))) = (&table, column) {
            tables
                .entry(table.clone())
                .or_default()
                .push(column.to_owned());
        }
    }
    tables
}

fn by_table(lines: Vec<String>) -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines {
        let (table, column) = line.split_once('|').unwrap();
        tables
            .entry(table.to_owned())
            .or_default()
            .push(column.to_owned());
    }
    tables
}

/// Nothing is made before something is written.
async fn make(ledger: &dyn Ledger) {
    ledger
        .begin(&intent("i", "k", Effect::Apply))
        .await
        .unwrap();
}

#[tokio::test]
async fn the_guide_describes_every_column_of_every_table() {
    let documented = documented();
    assert_eq!(documented.len(), 11);

    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ledger.db");
    make(&samples::sqlite(&file, LEASE)).await;
    let columns = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                   WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid";
    let sqlite = sql::run(Place::File(&file), columns).await.unwrap();
    assert_eq!(by_table(sqlite), documented);

    let schema = Postgres::schema();
    make(&samples::postgres(&schema, LEASE)).await;
    let columns = format!(
        "SELECT table_name::text, column_name::text FROM information_schema.columns \
         WHERE table_schema = '{schema}' ORDER BY table_name, ordinal_position"
    );
    let postgres = sql::run(Place::Schema(&schema), &columns).await.unwrap();
    assert_eq!(by_table(postgres), documented);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_that_come_at_once_make_one_schema() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("a/ledger.db");
    let schema = Postgres::schema();
    for postgres in [false, true] {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..20 {
            let ledger = match postgres {
                true => samples::postgres(&schema, LEASE),
                false => samples::sqlite(&file, LEASE),
            };
            tasks.spawn(async move {
                let id = format!("i{number}");
                ledger.begin(&intent(&id, "k", Effect::Apply)).await
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap().unwrap();
        }
    }
    for place in [Place::File(&file), Place::Schema(&schema)] {
        let counts =
            "SELECT (SELECT COUNT(*) FROM schema_versions), (SELECT COUNT(*) FROM intents)";
        assert_eq!(sql::run(place, counts).await.unwrap(), ["1|20"]);
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ledger.db");
    let schema = Postgres::schema();
    make(&samples::sqlite(&file, LEASE)).await;
    make(&samples::postgres(&schema, LEASE)).await;
    let newer = "INSERT INTO schema_versions VALUES (7, '2030-01-01T00:00:00Z')";
    for (place, again) in [
        (Place::File(&file), samples::sqlite(&file, LEASE)),
        (Place::Schema(&schema), samples::postgres(&schema, LEASE)),
    ] {
        sql::run(place, newer).await.unwrap();
        let refused = again
            .begin(&intent("i", "k", Effect::Apply))
            .await
            .unwrap_err();
        assert_eq!(refused.kind, Kind::Invalid);
        assert!(
            refused.detail.contains("has schema version 7;"),
            "{refused}"
        );
        assert!(
            refused.detail.contains("knows version 1 and older"),
            "{refused}"
        );
        assert!(!refused.detail.contains("canary"), "{refused}");
    }
    for place in [Place::File(&file), Place::Schema(&schema)] {
        let kept =
            "SELECT (SELECT COUNT(*) FROM intents), (SELECT MAX(version) FROM schema_versions)";
        assert_eq!(sql::run(place, kept).await.unwrap(), ["1|7"]);
    }
}
