//! What the ledger costs with a million keys in it, in SQLite and in a PostgreSQL that is started for it (not on Windows).
//!
//! And what the commands cost that read it: the same rows are asked for by bare SQL in the same run.
//!
//! `cargo bench --bench ledger -- [--keys 1000000] [--rounds 40]`

#[cfg(unix)]
#[path = "../tests/support/postgres.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod postgres;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant as Moment};

use apikey::domain::notices::Audience;
use apikey::instant::Instant;
use apikey::ledger::inventory::{Query, Sort};
use apikey::ledger::sql::{Database, Target};
use apikey::ledger::{
    Effect, Intent, Inventory, Journal, KeyMark, Locks, Outcome, ResourceRef, Status,
};
#[cfg(unix)]
use postgres::Postgres;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

/// When it is asked.
const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;
/// How many keys a resource has had in two years.
const KEYS_EACH: u64 = 4;
/// Of every resource.
const EVERY: &str = "1 = 1";
const LEASE: Duration = Duration::from_secs(60);

#[cfg(unix)]
fn is_superuser() -> bool {
    use std::os::unix::fs::MetadataExt;
    tempfile::tempdir()
        .unwrap()
        .path()
        .metadata()
        .unwrap()
        .uid()
        == 0
}

#[tokio::main]
async fn main() {
    let keys = argument("--keys", 1_000_000);
    let rounds = argument("--rounds", 40);
    let home = tempfile::Builder::new()
        .prefix("apikey-bench-")
        .tempdir_in("target")
        .unwrap();
    let file = home.path().join("ledger.db");
    let sqlite = Database::new(Target::file(file.clone()), LEASE, LEASE);
    bench("SQLite", sqlite, &sqlite_url(&file), true, keys, rounds).await;
    let asked = [
        (
            &["status", "--name", "key-7"][..],
            "resources.name = 'key-7'",
        ),
        (
            &["status", "--owner", "team-7"],
            "resources.owner = 'team-7'",
        ),
        (&["status"], EVERY),
    ];
    commands(&file, &asked, rounds).await;
    // As many keys, but most of them of long ago: what a team has after years.
    let older = home.path().join("older.db");
    filled("SQLite", &older, keys, 500).await;
    commands(&older, &[(&["status"], EVERY)], rounds).await;
    let smaller = home.path().join("smaller.db");
    let ledger = filled("SQLite", &smaller, 40_000, KEYS_EACH).await;
    for number in 0..20_000 {
        bracket(&ledger, &format!("past-{number}")).await;
    }
    let asked = [(&["status"][..], EVERY), (&["metrics"], EVERY)];
    commands(&smaller, &asked, rounds).await;
    #[cfg(unix)]
    bench_postgres(keys, rounds).await;
}

#[cfg(unix)]
async fn bench_postgres(keys: u64, rounds: u64) {
    let server = Postgres::start();
    // The tests do without it.
    let durable = server.psql("apikey", "ALTER SYSTEM SET fsync = on");
    assert!(
        durable.status.success()
            && server
                .psql("apikey", "SELECT pg_reload_conf()")
                .status
                .success()
    );
    let url = server.url();
    let target = Target::parse(&url, Some("bench"), &|_| None).unwrap();
    bench(
        "PostgreSQL",
        Database::new(target, LEASE, LEASE),
        &url,
        false,
        keys,
        rounds,
    )
    .await;
}

fn argument(name: &str, default: u64) -> u64 {
    let mut words = std::env::args().skip_while(|word| word != name);
    words.nth(1).map_or(default, |value| value.parse().unwrap())
}

fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}", std::path::absolute(file).unwrap().display())
}

async fn bench(name: &str, ledger: Database, url: &str, sqlite: bool, keys: u64, rounds: u64) {
    fill(name, &ledger, url, sqlite, keys, KEYS_EACH).await;
    questions(&ledger, keys, rounds).await;
    let ledger = Arc::new(ledger);
    writes(&ledger, rounds * 5).await;
}

/// A ledger of its own in a file.
async fn filled(name: &str, file: &Path, keys: u64, each: u64) -> Database {
    let ledger = Database::new(Target::file(file.to_owned()), LEASE, LEASE);
    fill(name, &ledger, &sqlite_url(file), true, keys, each).await;
    ledger
}

/// So many keys for each resource, one of them live; a thousand owners; two years.
async fn fill(name: &str, ledger: &Database, url: &str, sqlite: bool, keys: u64, each: u64) {
    // The first write makes the tables.
    ledger.try_lock("nobody", "bench").await.unwrap();
    let begun = Moment::now();
    rows(url, sqlite, keys, each).await;
    println!(
        "{name}: {keys} keys of {} resources, filled in {:.0} s",
        keys / each,
        begun.elapsed().as_secs_f64()
    );
}

async fn rows(url: &str, sqlite: bool, keys: u64, each: u64) {
    let instant = |seconds: &str| match sqlite {
        true => format!("strftime('%Y-%m-%dT%H:%M:%SZ', {seconds}, 'unixepoch')"),
        false => format!(
            "to_char(to_timestamp({seconds}) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
        ),
    };
    let minted = format!("({NOW} - 730 * {DAY} + i * (730.0 * {DAY} / {keys}))");
    let minted = format!("CAST({minted} AS BIGINT)");
    let created = instant(&minted);
    let used = instant(&format!("CAST({NOW} - (i % 200) * {DAY} AS BIGINT)"));
    let revoked = instant(&format!("({minted} + 90 * {DAY})"));
    let live = format!("i % {each} = 0");
    let numbers = |last: u64| {
        format!("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last})")
    };
    let resources = format!(
        "INSERT INTO resources (resource_id, name, workspace, key_group, environment, owner, policy, status, \
         generation, updated_at) {} \
         SELECT 'resource-' || i, 'key-' || i, 'workspace-' || (i % 7), 'group-' || (i / 10), \
         CASE i % 3 WHEN 0 THEN 'prod' WHEN 1 THEN 'staging' ELSE 'dev' END, \
         CASE WHEN i % 500 = 0 THEN NULL ELSE 'team-' || (i % 1000) END, \
         CASE i % 5 WHEN 0 THEN 'high' ELSE 'standard' END, 'ok', 1, {} FROM n",
        numbers(keys / each),
        instant(&NOW.to_string())
    );
    let insert = format!(
        "INSERT INTO keys (resource_id, issuer, account, key_id, mark, slot, status, created_at, delivered_at, \
         promoted_at, revoked_at, last_used_at, confirmed_at, minted_by, updated_at) {} \
         SELECT 'resource-' || (i / {each}), \
         CASE i % 3 WHEN 0 THEN 'aws_iam' WHEN 1 THEN 'generated' ELSE 'twilio' END, 'account-' || (i % 5000), \
         'AKIAEXAMPLE' || i, 'sha256:' || (100000 + i % 900000), \
         CASE WHEN {live} THEN 'primary' ELSE 'none' END, \
         CASE WHEN i % 20001 = 1 THEN 'orphaned' WHEN {live} THEN 'live' ELSE 'revoked' END, \
         {created}, {created}, {created}, CASE WHEN {live} THEN NULL ELSE {revoked} END, \
         CASE WHEN i % 8 = 0 THEN {used} ELSE NULL END, \
         CASE WHEN i % 10000 = 4 THEN NULL ELSE {created} END, 'apply-' || i, {created} FROM n",
        numbers(keys - 1)
    );
    // A server does this by itself; SQLite is to do without.
    let analyse = if sqlite {
        "PRAGMA wal_checkpoint"
    } else {
        "VACUUM ANALYZE keys, resources"
    };
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.unwrap();
    let greeting = if sqlite {
        "PRAGMA busy_timeout = 30000"
    } else {
        "SET search_path TO bench"
    };
    for text in [greeting, &resources, &insert, analyse] {
        let statement = sqlx::raw_sql(AssertSqlSafe(text.to_owned()));
        statement.execute(&mut connection).await.unwrap();
    }
}

async fn questions(ledger: &Database, keys: u64, rounds: u64) {
    let now = Instant::from_unix(NOW);
    let ago = |days: i64| Some(Instant::from_unix(NOW - days * DAY));
    let live = || Query {
        status: Some(Status::Live),
        ..Query::all(now, 100)
    };
    let some = |text: String| Some(text);
    type Ask<'a> = Box<dyn Fn(u64) -> Query + 'a>;
    let asks: Vec<(&str, Ask)> = vec![
        (
            "owner",
            Box::new(|i| Query {
                owner: some(format!("team-{}", i * 17 % 1000)),
                ..live()
            }),
        ),
        (
            "owner, dead ones too, by name",
            Box::new(|i| Query {
                owner: some(format!("team-{}", i * 17 % 1000)),
                status: None,
                sort_by: Sort::Name,
                ..live()
            }),
        ),
        (
            "live and older than 600 days",
            Box::new(|i| Query {
                created_until: ago(600 + i as i64 % 20),
                ..live()
            }),
        ),
        (
            "live and older than 90 days",
            Box::new(|i| Query {
                created_until: ago(90 + i as i64 % 20),
                ..live()
            }),
        ),
        (
            "the same, 1000 on a page",
            Box::new(|i| Query {
                created_until: ago(90 + i as i64 % 20),
                limit: 1000,
                ..live()
            }),
        ),
        (
            "orphaned",
            Box::new(|_| Query {
                orphaned: true,
                ..Query::all(now, 100)
            }),
        ),
        (
            "no owner",
            Box::new(|_| Query {
                without_owner: true,
                ..live()
            }),
        ),
        (
            "group",
            Box::new(|i| Query {
                group: some(format!("group-{}", i * 31 % (keys / 40))),
                ..live()
            }),
        ),
        (
            "name",
            Box::new(|i| Query {
                name: some(format!("key-{}", i * 1237 % (keys / 4))),
                ..Query::all(now, 100)
            }),
        ),
        (
            "unused for 150 days",
            Box::new(|i| Query {
                used_until: ago(150 + i as i64 % 9),
                ..live()
            }),
        ),
        (
            "prod, high, older than 300 days",
            Box::new(|_| Query {
                environment: some("prod".into()),
                policy: some("high".into()),
                created_until: ago(300),
                ..live()
            }),
        ),
    ];
    for (what, ask) in &asks {
        let mut times = Vec::new();
        let mut total = 0;
        for round in 0..rounds {
            let query = ask(round);
            let begun = Moment::now();
            total = ledger.list(&query).await.unwrap().total;
            times.push(begun.elapsed());
        }
        report(what, times, &format!("{total} found"));
    }
    // Page after page of all live keys.
    let mut query = live();
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begun = Moment::now();
        let page = ledger.list(&query).await.unwrap();
        times.push(begun.elapsed());
        query.after = page.next;
    }
    report("live, page after page", times, "");
    let mut times = Vec::new();
    let mut deep = live();
    for round in 0..rounds {
        deep.after = Some(apikey::ledger::inventory::Mark {
            value: Instant::from_unix(NOW - (400 - round as i64) * DAY).to_string(),
            id: 0,
        });
        let begun = Moment::now();
        ledger.list(&deep).await.unwrap();
        times.push(begun.elapsed());
    }
    report("live, a page in the middle", times, "");
}

async fn writes(ledger: &Arc<Database>, rounds: u64) {
    let mut times = Vec::new();
    for number in 0..rounds {
        let begun = Moment::now();
        bracket(ledger, &format!("alone-{number}")).await;
        times.push(begun.elapsed());
    }
    report("begin and finish of an effect (2 events)", times, "");
    let begun = Moment::now();
    let mut tasks = tokio::task::JoinSet::new();
    for lane in 0..10 {
        let ledger = Arc::clone(ledger);
        tasks.spawn(async move {
            for number in 0..rounds {
                bracket(&ledger, &format!("lane-{lane}-{number}")).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let each = begun.elapsed().as_secs_f64() * 1000.0 / (rounds * 10) as f64;
    println!("  {:<44} {each:7.2} ms each", "the same, ten at a time");
    let mut times = Vec::new();
    for number in 0..rounds {
        let id = format!("resource-{}", number * 997);
        let begun = Moment::now();
        ledger.recall(&id).await.unwrap();
        times.push(begun.elapsed());
    }
    report("recall of a resource", times, "");
    let begun = Moment::now();
    // No event tells of the keys that were put in, and that is all that it finds.
    let verdict = ledger.verify(None).await.unwrap();
    println!(
        "  {:<44} {:7.2} ms, {} events",
        "verify",
        begun.elapsed().as_secs_f64() * 1000.0,
        verdict.sound
    );
}

/// The commands, each in a process of its own, beside a bare query for every row that its answer is made of.
async fn commands(file: &Path, asked: &[(&[&str], &str)], rounds: u64) {
    let url = sqlite_url(file);
    let rows = |condition: &str| {
        format!(
            "SELECT * FROM resources CROSS JOIN keys INDEXED BY keys_held ON keys.resource_id = resources.resource_id \
             WHERE keys.status = 'live' AND keys.slot <> 'none' AND {condition}"
        )
    };
    for (words, condition) in asked {
        let (mut times, mut bare, mut peak) = (Vec::new(), Vec::new(), 0);
        for _ in 0..rounds.min(10) {
            let begun = Moment::now();
            peak = peak.max(peak_of(words, &url));
            times.push(begun.elapsed());
            let mut connection = AnyConnection::connect(&url).await.unwrap();
            let begun = Moment::now();
            let statement = sqlx::query(AssertSqlSafe(rows(condition)));
            statement.fetch_all(&mut connection).await.unwrap();
            bare.push(begun.elapsed());
        }
        bare.sort();
        let bare = bare[bare.len() / 2].as_secs_f64() * 1000.0;
        let more = format!("(bare SQL {bare:.2} ms; {peak} MB at its peak, 0: unknown here)");
        report(&words.join(" "), times, &more);
    }
}

/// Runs a command whose answer nobody reads, and gives the most memory that it took, in MB. Where the system keeps no account
/// of children, 0.
fn peak_of(words: &[&str], url: &str) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"))
        .args(words)
        .args(["--url", url])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let told = std::fs::read_to_string(&status).unwrap_or_default();
        let mut lines = told.lines();
        let line = lines.find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or_default() / 1024);
        sleep(Duration::from_millis(1));
    }
    peak
}

async fn bracket(ledger: &Database, id: &str) {
    let intent = Intent {
        id: id.to_owned(),
        apply: "apply".into(),
        resource: ResourceRef {
            id: "bench".into(),
            name: "bench".into(),
            workspace: "default".into(),
        },
        issuer: "generated".into(),
        account: "bench".into(),
        effect: Effect::Deliver,
        action: "stage".into(),
        key: Some(KeyMark {
            key_id: None,
            mark: Some("sha256:0a1b2c".into()),
        }),
        audience: Audience::default(),
        place: Some("app: secrets/bench.json".into()),
        known: Vec::new(),
        private_data: None,
        at: Instant::from_unix(NOW),
        fence: None,
    };
    ledger.begin(&intent).await.unwrap();
    ledger
        .finish(id, &Outcome::Done(None), Instant::from_unix(NOW))
        .await
        .unwrap();
}

fn report(what: &str, mut times: Vec<Duration>, more: &str) {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1000.0;
    println!(
        "  {what:<44} p50 {:7.2} ms  p95 {:7.2} ms  {more}",
        at(50),
        at(95)
    );
}
