//! Fifty processes that make, rotate and end keys of one IAM user, with one ledger between them. One of them is killed
//! while it holds the lock.

use std::collections::BTreeMap;
use std::env;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use apikey::clock::Clock;
use apikey::context::Context;
use apikey::ledger::sql::{Database, Target};
use apikey::ledger::{Inventory, Status};
use apikey::resources::managed::model::{Fields, ManagedState};
use apikey::resources::managed::{apply, destroy, plan};
use apikey::resources::rotation_policy::PolicyState;
use tf_provider::Diagnostics;
use tf_provider::value::{Value, ValueAny};
use tokio_util::sync::CancellationToken;

use crate::aws::{block, unique};
use crate::aws_life::cloud::{Cloud, EVERYTHING};
use crate::support::postgres::Postgres;

const CROWD: usize = 50;
/// The process that is killed.
const VICTIM: usize = 7;
const LEASE: Duration = Duration::from_secs(2);
/// Much more than the whole takes; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(900);

/// What a process of the crowd is told, in its environment.
const TOLD: [&str; 6] = [
    "CROWD_URL",
    "CROWD_LEDGER",
    "CROWD_ID",
    "CROWD_SECRET",
    "CROWD_USER",
    "CROWD_NAME",
];

#[test]
fn fifty_processes_share_one_user_and_a_ledger_in_sqlite() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ledger.db");
    crowd(&format!("sqlite://{}", path.display()));
}

#[test]
fn fifty_processes_share_one_user_and_a_ledger_in_postgresql() {
    crowd(&format!(
        "{} {}",
        Postgres::shared().url(),
        Postgres::schema()
    ));
}

fn crowd(ledger: &str) {
    let cloud = Cloud::shared();
    let (admin, user) = (unique("crowd-admin"), unique("crowd"));
    cloud.create_user(&admin);
    cloud.create_user(&user);
    cloud.allow(&admin, EVERYTHING);
    let key = cloud.create_key(&admin);
    let start = |index: usize, killed_at: &str| {
        let told = [
            cloud.url(),
            ledger.to_owned(),
            key.id.clone(),
            key.secret.clone(),
            user.clone(),
            format!("key{index}"),
        ];
        Command::new(env::current_exe().unwrap())
            .args([
                "crashes::crowd::one_of_the_crowd",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .envs(TOLD.iter().zip(told))
            .env("APIKEY_KILL", killed_at)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap()
    };
    let killed_at = |index| {
        if index == VICTIM {
            "create:mint:done#1"
        } else {
            ""
        }
    };
    let mut running: Vec<(usize, Child)> = (0..CROWD)
        .map(|index| (index, start(index, killed_at(index))))
        .collect();
    let deadline = Instant::now() + PATIENCE;
    let mut failed = Vec::new();
    while !running.is_empty() {
        assert!(Instant::now() < deadline, "{} still run", running.len());
        let keys = cloud.keys_of(&user);
        assert!(keys.len() <= 2, "{keys:?}");
        running.retain_mut(|(index, child)| match child.try_wait().unwrap() {
            None => true,
            Some(status) => {
                if !status.success() {
                    failed.push(*index);
                }
                false
            }
        });
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(failed, [VICTIM], "only the one that was killed fails");
    // What it left is looked after by the next create of its name, and by nobody else's.
    assert_eq!(cloud.ids_of(&user).len(), 1);
    assert!(start(VICTIM, "").wait().unwrap().success());
    assert_eq!(cloud.ids_of(&user), Vec::<String>::new());

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let ledger = database(ledger);
        let account = format!("aws_iam 123456789012 user {user}");
        let keys = ledger.keys_in(&account).await.unwrap();
        // One key for each, at least; whoever rotated had two, and the one of the dead was never written down.
        assert!(keys.len() >= CROWD - 1, "{}", keys.len());
        let alive = keys.iter().filter(|key| key.status != Status::Revoked);
        assert_eq!(alive.count(), 0);
        let verdict = ledger.verify(None).await.unwrap();
        println!("{} keys, audit trail: {verdict:?}", keys.len());
        assert!(verdict.broken.is_none(), "{verdict:?}");
    });
}

fn database(url: &str) -> Database {
    // A schema may stand behind the URL.
    let (url, schema) = url
        .split_once(' ')
        .map_or((url, None), |(url, schema)| (url, Some(schema)));
    let target = Target::parse(url, schema, &|_| None).unwrap();
    Database::new(target, LEASE, PATIENCE)
}

/// Makes a key, rotates it where there is room, and ends it: again and again until it worked once.
#[tokio::test]
#[ignore = "one process of a test of many"]
async fn one_of_the_crowd() {
    let [url, ledger, id, secret, user, name] = TOLD.map(|name| env::var(name).unwrap());
    let vendors = BTreeMap::from([("aws".to_owned(), block(&url, &id, &secret))]);
    let context = Context::new(Clock::system(), CancellationToken::new(), vendors)
        .with_ledger(Arc::new(database(&ledger)));
    for _ in 0..400 {
        if let Some(state) = create(&config(&name, &user, "1"), &context).await {
            let state = match name.ends_with('5') {
                true => rotate(state, &config(&name, &user, "2"), &context).await,
                false => state,
            };
            destroy::destroy(state.0, state.1, &context).await.unwrap();
            return;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    panic!("{name} never got a key");
}

type Kept = (ManagedState, apikey::resources::managed::model::Private);

async fn create(config: &ManagedState, context: &Context) -> Option<Kept> {
    let mut diags = Diagnostics::default();
    let proposed = copy(config);
    let (planned, private) = plan::create(&mut diags, proposed, config, context)
        .await
        .unwrap();
    let created = apply::create(&mut diags, planned, private, context).await;
    let errors: Vec<_> = diags
        .errors
        .iter()
        .map(|error| error.summary.to_string())
        .collect();
    // What is full may have room later, and what changed since the plan is planned again.
    let passing = |text: &String| text.contains("already has 2") || text.contains("left key");
    assert!(errors.iter().all(passing), "{errors:?}");
    created
}

/// The key as it is if there is no room for another.
async fn rotate(kept: Kept, config: &ManagedState, context: &Context) -> Kept {
    let mut diags = Diagnostics::default();
    let mut proposed = copy(&kept.0);
    proposed.rotation_trigger = config.rotation_trigger.clone();
    let prior = (copy(&kept.0), kept.1.clone());
    let planned = plan::update(&mut diags, &kept.0, proposed, config, kept.1, context);
    let (planned, private, _) = planned.unwrap();
    let applied = apply::update(&mut diags, copy(&prior.0), planned, private, context).await;
    applied.unwrap_or(prior)
}

fn config(name: &str, user: &str, trigger: &str) -> ManagedState {
    let text = |text: &str| Value::Value(text.to_owned());
    let policy = PolicyState {
        name: text("p"),
        rotation_interval: text("100d"),
        stage_before: text("1d"),
        propagation_delay: text("0s"),
        grace_period: text("1d"),
        ..PolicyState::default()
    };
    let settings = Fields::from([("user_name".to_owned(), ValueAny::String(user.into()))]);
    ManagedState {
        name: text(name),
        policy: Value::Value(policy),
        issuer: Value::Value(Fields::from([("aws_iam".into(), ValueAny::Map(settings))])),
        store_secret_in_state: Value::Value(true),
        rotation_trigger: text(trigger),
        ..ManagedState::default()
    }
}

fn copy(state: &ManagedState) -> ManagedState {
    rmp_serde::from_slice(&rmp_serde::to_vec_named(state).unwrap()).unwrap()
}
