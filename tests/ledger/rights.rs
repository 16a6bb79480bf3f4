//! Reading and writing apart: a plan needs SELECT and nothing else, and nobody waits for ever for whoever holds the tables.

use std::process::Command;
use std::time::Duration;

use apikey::error::Kind;
use apikey::ledger::inventory::Query;
use apikey::ledger::sql::{Database, Target};
use apikey::ledger::{Effect, Inventory, Journal, Ledger, Memory, Slot, Status};

use super::samples::{self, at, holding, intent, key, mark};
use super::sql::{self, Place};
use crate::aws_life::world::{KEY as IMPORTED, World};
use crate::notifications;
use crate::support::postgres::Postgres;
use crate::support::receiver::Receiver;
use crate::support::workspace::Workspace;

const LEASE: Duration = Duration::from_secs(60);

/// A role of the shared server that may read a schema and nothing else.
struct Reader {
    name: String,
    schema: String,
}

impl Reader {
    /// Of a ledger in a schema.
    fn of(schema: &str) -> Self {
        let name = format!("reader_of_{schema}");
        let made = Postgres::shared().psql(
            "apikey",
            &format!(
                "CREATE ROLE {name} LOGIN PASSWORD 'canary-reader'; GRANT USAGE ON SCHEMA {schema} TO {name}; \
                 GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {name}"
            ),
        );
        assert!(made.status.success(), "{made:?}");
        Self {
            name,
            schema: schema.to_owned(),
        }
    }

    fn url(&self) -> String {
        let (name, port) = (&self.name, Postgres::shared().port());
        format!("postgres://{name}:canary-reader@127.0.0.1:{port}/apikey?sslmode=disable")
    }

    fn ledger(&self) -> Database {
        let target = Target::parse(&self.url(), Some(&self.schema), &|_| None).unwrap();
        Database::new(target, LEASE, Duration::ZERO)
    }
}

#[tokio::test]
async fn a_ledger_that_is_not_there_remembers_nothing_and_is_not_made_by_looking() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("a/ledger.db");
    let schema = Postgres::schema();
    let ledgers: [(&str, Box<dyn Ledger>); 2] = [
        ("sqlite", Box::new(samples::sqlite(&file, LEASE))),
        ("postgres", Box::new(samples::postgres(&schema, LEASE))),
    ];
    for (name, ledger) in &ledgers {
        let nothing = Memory::default();
        assert_eq!(ledger.recall("k").await.unwrap(), nothing, "{name}");
        let account = ledger.recall_never_confirmed("account").await.unwrap();
        assert_eq!(account, nothing, "{name}");
        assert_eq!(ledger.keys_in("account").await.unwrap(), [], "{name}");
        assert_eq!(ledger.find_keys(&[mark("a")]).await.unwrap(), [], "{name}");
        let places = ["file /a".to_owned()];
        assert_eq!(ledger.who_delivers_to(&places).await.unwrap(), [], "{name}");
        assert_eq!(ledger.lock_holder("account").await.unwrap(), None, "{name}");
        let all = ledger.list(&Query::all(at(0), 10)).await.unwrap();
        assert_eq!(all.total, 0, "{name}");
    }
    assert!(!file.parent().unwrap().exists());
    let schemas = format!("SELECT nspname::text FROM pg_namespace WHERE nspname = '{schema}'");
    let found = sql::run(Place::Schema(&schema), &schemas).await.unwrap();
    assert!(found.is_empty());

    // Whoever looked first sees what somebody else wrote later.
    let seen = holding("k", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
    samples::sqlite(&file, LEASE)
        .record(&seen, at(9))
        .await
        .unwrap();
    samples::postgres(&schema, LEASE)
        .record(&seen, at(9))
        .await
        .unwrap();
    for (name, ledger) in &ledgers {
        let keys = ledger.recall("id-of-k").await.unwrap().keys;
        assert_eq!(keys, seen.keys, "{name}");
    }
}

#[tokio::test]
async fn a_role_that_may_only_read_reads_and_leaves_the_rest_to_the_next_apply() {
    let schema = Postgres::schema();
    let writer = samples::postgres(&schema, LEASE);
    let seen = holding("k", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
    writer.record(&seen, at(9)).await.unwrap();
    writer
        .begin(&intent("i", "k", Effect::Deliver))
        .await
        .unwrap();
    let reader = Reader::of(&schema).ledger();

    let memory = reader.recall("id-of-k").await.unwrap();
    assert_eq!(memory.keys, seen.keys);
    let moved = holding("k", vec![key("AKIAEXAMPLE2", Slot::Retiring)]);
    reader.record(&moved, at(10)).await.unwrap();
    let unusual = samples::unusual("AKIAEXAMPLE2");
    reader.note_anomalies(&unusual, at(10)).await.unwrap();
    let told = reader.health(&Query::all(at(10), 1)).await.unwrap();
    assert!(told.keys[0].anomalies.is_empty());
    reader
        .settle(&[("i".into(), "seen")], at(10))
        .await
        .unwrap();
    assert_eq!(writer.recall("id-of-k").await.unwrap(), memory);
    assert_eq!(reader.verify(None).await.unwrap().broken, None);

    let refused = reader.begin(&intent("m", "k", Effect::Mint)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind, Kind::Denied, "{refused}");
    assert!(
        refused
            .detail
            .contains("an apply needs INSERT, UPDATE and DELETE"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_role_that_may_not_even_use_the_schema_is_not_told_that_there_is_nothing() {
    let schema = Postgres::schema();
    let writer = samples::postgres(&schema, LEASE);
    writer.begin(&intent("i", "k", Effect::Mint)).await.unwrap();
    let reader = Reader::of(&schema);
    let revoke = format!("REVOKE USAGE ON SCHEMA {schema} FROM {}", reader.name);
    let revoked = Postgres::shared().psql("apikey", &revoke);
    assert!(revoked.status.success());
    let refused = reader.ledger().recall("id-of-k").await.unwrap_err();
    assert_eq!(refused.kind, Kind::Denied, "{refused}");
    assert!(refused.detail.contains("A plan needs USAGE"), "{refused}");
}

const KEY: &str = r#"
resource "apikey_managed" "k" {
  name       = "payments"
  policy     = { name = "standard", rotation_interval = "100s", stage_before = "20s", grace_period = "30s", propagation_delay = "5s" }
  issuer     = { generated = { prefix = "acme" } }
  deliveries = { app = { file = { path = "k.json" } } }
}

data "apikey_inventory" "all" {}

output "total" {
  value = data.apikey_inventory.all.total
}
"#;

fn configuration(url: &str, schema: &str) -> String {
    format!(
        "provider \"apikey\" {{\n  ledger = {{ url = \"{url}\", schema = \"{schema}\" }}\n}}\n{KEY}"
    )
}

#[test]
fn what_a_plan_may_not_write_down_is_told_by_its_apply() {
    let schema = Postgres::schema();
    let ledger = |url: &str| format!("{url}&options=-csearch_path%3D{schema}");
    let made = Postgres::shared().psql("apikey", &format!("CREATE SCHEMA {schema}"));
    assert!(made.status.success(), "{made:?}");
    let receiver = Receiver::start();
    let config = notifications::telling(&["notice"]).beside(&notifications::provider(""));
    let ws = notifications::reaching(&config, &receiver);
    ws.env("APIKEY_LEDGER_URL", &ledger(&Postgres::shared().url()));
    ws.apply().ok();
    let reader = Reader::of(&schema);
    ws.env("APIKEY_LEDGER_URL", &ledger(&reader.url()));
    let planned = ws.advance("75s").plan().ok().code(2);
    planned.warns(&["payments: somebody is told", "notice to hook"]);
    ws.env("APIKEY_LEDGER_URL", &ledger(&Postgres::shared().url()));
    ws.apply_plan().ok();
    assert_eq!(notifications::events(&receiver), ["notice"]);
    ws.plan().ok().code(0);
}

#[test]
fn a_plan_a_refresh_and_a_data_source_need_to_read_only_and_an_apply_says_what_it_lacks() {
    let schema = Postgres::schema();
    let ws = Workspace::with(&configuration(&Postgres::shared().url(), &schema));
    ws.apply().ok();
    ws.advance("80s");
    let reader = Reader::of(&schema);
    ws.write(&configuration(&reader.url(), &schema));
    let planned = ws.plan().ok().code(2);
    planned.does_not_warn("The ledger");
    assert_eq!(ws.change("apikey_managed.k").after("last_action"), "stage");
    ws.plan_with(&["-refresh-only"])
        .ok()
        .does_not_warn("The ledger");

    let document = ws.delivered("k.json");
    ws.plan().ok().code(2);
    ws.apply_plan().failed().complains(&[
        "payments",
        "The ledger cannot be used",
        "permission denied",
        "an apply needs INSERT, UPDATE and DELETE",
    ]);
    assert_eq!(ws.delivered("k.json"), document);
    assert_eq!(ws.key("k").phase(), "single");

    ws.write(&configuration(&Postgres::shared().url(), &schema));
    ws.apply().ok();
    assert_eq!(ws.key("k").phase(), "staged");
}

#[test]
fn an_import_is_planned_by_a_role_that_may_only_read_and_is_checked_against_the_ledger() {
    let schema = Postgres::schema();
    let world = World::new();
    let key_id = world.cloud.create_key(&world.user).id;
    world.at_the_servers_time();
    let mut theirs = key(&key_id, Slot::Primary);
    let writer = samples::postgres(&schema, LEASE);
    let held = holding("theirs", vec![theirs.clone()]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(writer.record(&held, at(9))).unwrap();
    let reader = Reader::of(&schema);
    let url = format!("{}&options=-csearch_path%3D{schema}", reader.url());
    world.ws.env("APIKEY_LEDGER_URL", &url);
    let import = format!("import {{\n  to = {IMPORTED}\n  id = \"aws_iam:{key_id}\"\n}}");
    world.write(&world.config().beside(&import));
    let refused = world.ws.plan().failed();
    refused.complains(&[&key_id, "is held by apikey_managed \"theirs\""]);

    theirs.status = Status::Revoked;
    let given_up = holding("theirs", vec![theirs]);
    runtime.block_on(writer.record(&given_up, at(10))).unwrap();
    let planned = world.ws.plan().ok().code(2);
    planned.does_not_warn("The ledger");
    assert_eq!(world.ids(), [key_id]);
}

#[test]
fn an_open_transaction_of_somebody_else_ends_an_apply_with_what_to_do() {
    let server = Postgres::shared();
    let schema = Postgres::schema();
    // The bound is half a minute unless the role or the URL sets another.
    let url = format!("{}&options=-clock_timeout%3D1s", server.url());
    let ws = Workspace::with(&configuration(&url, &schema));
    ws.apply().ok();
    ws.advance("80s");
    ws.plan().ok().code(2);
    let open = Blocker::on(&schema);
    let document = ws.delivered("k.json");
    ws.apply_plan()
        .failed()
        .reads("ledger-with-an-open-transaction");
    assert_eq!(ws.delivered("k.json"), document);
    assert_eq!(ws.key("k").phase(), "single");
    drop(open);
    ws.apply().ok();
    assert_eq!(ws.key("k").phase(), "staged");
}

/// A person who looked at the chain for update and went to lunch.
struct Blocker(std::process::Child);

impl Blocker {
    fn on(schema: &str) -> Self {
        let server = Postgres::shared();
        let query = format!("BEGIN; SELECT * FROM {schema}.chain FOR UPDATE; SELECT pg_sleep(600)");
        let child = Command::new("psql")
            .args([&server.url(), "-X", "-c", &query])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let held = format!(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE '%{schema}.chain FOR UPDATE%' \
             AND wait_event = 'PgSleep' AND pid <> pg_backend_pid()"
        );
        while String::from_utf8_lossy(&server.psql("apikey", &held).stdout).trim() != "1" {
            std::thread::sleep(Duration::from_millis(50));
        }
        Self(child)
    }
}

impl Drop for Blocker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        // The server notices that it is gone only when it wakes up.
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%.chain FOR UPDATE%' \
                   AND wait_event = 'PgSleep'";
        let _ = Postgres::shared().psql("apikey", end);
    }
}

/// The grants of the guide, for a schema and a role each.
fn grants(schema: &str, reads: &str, applies: &str) -> String {
    const GUIDE: &str = include_str!("../../docs/guides/ledger.md");
    let lines = GUIDE.lines().filter(|line| line.starts_with("GRANT "));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.replace("SCHEMA apikey", &format!("SCHEMA {schema}"))
        .replace("apikey.", &format!("{schema}."))
        .replace("plans", reads)
        .replace("applies", applies)
}

#[test]
fn the_grants_of_the_guide_are_enough_for_a_plan_and_for_an_apply() {
    let server = Postgres::shared();
    let schema = Postgres::schema();
    let ws = Workspace::with(&configuration(&server.url(), &schema));
    ws.apply().ok();
    let owner = samples::postgres(&schema, LEASE);
    let watched = holding("watched", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(owner.record(&watched, at(9))).unwrap();
    let [plans, applies] = ["plans", "applies"].map(|role| Reader {
        name: format!("{role}_of_{schema}"),
        schema: schema.clone(),
    });
    let text: String = [&plans, &applies]
        .map(|role| format!("CREATE ROLE {} LOGIN PASSWORD 'canary-reader';", role.name))
        .concat();
    let text = text + &grants(&schema, &plans.name, &applies.name);
    let made = server.psql("apikey", &text);
    assert!(made.status.success(), "{made:?}");
    runtime.block_on(async {
        let unusual = samples::unusual("AKIAEXAMPLE2");
        for (role, many) in [(&plans, 0), (&applies, 1), (&applies, 1)] {
            let ledger = role.ledger();
            ledger.note_anomalies(&unusual, at(10)).await.unwrap();
            let told = ledger.list(&Query::all(at(10), 10)).await.unwrap().keys;
            let told = told.iter().flat_map(|it| &it.anomalies);
            assert_eq!(told.count(), many, "{}", role.name);
        }
    });

    for (after, phase) in [("80s", "staged"), ("100s", "retiring"), ("30s", "single")] {
        let rotated = ws.key("k").text("last_rotated_at");
        ws.at(&rotated)
            .advance(if phase == "single" { "30s" } else { after });
        ws.write(&configuration(&plans.url(), &schema));
        ws.plan().ok().code(2).does_not_warn("The ledger");
        ws.write(&configuration(&applies.url(), &schema));
        ws.apply().ok();
        assert_eq!(ws.key("k").phase(), phase);
    }
}
