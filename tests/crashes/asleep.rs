//! The provider is suspended in the middle of an apply, for longer than its lock lasts, and wakes up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use apikey::ledger::sql::{Database, Target};
use apikey::ledger::{Fence, Locks};
use tokio::runtime::Runtime;

use super::scenes::{PROVIDER, Scene};
use crate::ledger::sql::{self, Place};
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const LEDGER: &str = ".terraform/apikey/ledger.db";
/// The lease of the lock is two seconds.
const OVERSLEPT: Duration = Duration::from_millis(2_500);

/// Somebody with the same ledger.
struct Heir {
    runtime: Runtime,
    ledger: Database,
    file: PathBuf,
    home: PathBuf,
}

impl Heir {
    fn of(ws: &Workspace) -> Self {
        let file = ws.path(LEDGER);
        Self {
            runtime: Runtime::new().unwrap(),
            ledger: Database::new(
                Target::file(file.clone()),
                Duration::from_secs(600),
                Duration::ZERO,
            ),
            file,
            home: home(ws),
        }
    }

    /// Takes the one lock that there is over, once its lease has ended.
    fn takes_over(&self) -> Fence {
        self.runtime.block_on(async {
            let name = "SELECT name FROM locks WHERE holder IS NOT NULL";
            let names = sql::run(Place::File(&self.file), name).await.unwrap();
            assert_eq!(names.len(), 1);
            for look in 1.. {
                if let Ok(Some(lease)) = self.ledger.try_lock(&names[0], "heir").await {
                    return lease.fence;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                // Whoever was stopped within a transaction has to end it first, or holds up the file for ever.
                if look % 60 == 0 {
                    stirs(&self.home);
                }
            }
            unreachable!("it looks until it has the lock")
        })
    }

    fn gives_back(&self, fence: &Fence) {
        self.runtime.block_on(self.ledger.unlock(fence)).unwrap();
    }
}

/// The provider of a directory that is stopped now.
fn stopped_in(directory: &Path) -> Option<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.map(|process| process.path()).find_map(|process| {
        let here = fs::read_link(process.join("cwd")).ok()? == directory;
        let status = fs::read_to_string(process.join("status")).ok()?;
        let stopped = status.contains("\nState:\tT");
        let pid = process.file_name()?.to_str()?.to_owned();
        (here && stopped).then_some(pid)
    })
}

/// Lets the provider of a directory go on for a moment.
fn stirs(directory: &Path) {
    let Some(pid) = stopped_in(directory) else {
        return;
    };
    for signal in ["-CONT", "-STOP"] {
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.unwrap().success());
    }
}

/// Waits until the provider is stopped, does something, and lets it go on.
fn while_it_sleeps<T: Send + 'static>(
    directory: PathBuf,
    event: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    thread::spawn(move || {
        let looks = (0..3_000).find_map(|_| {
            thread::sleep(Duration::from_millis(20));
            stopped_in(&directory)
        });
        let pid = looks.expect("the point was not passed");
        let done = event();
        let woken = Command::new("kill").args(["-CONT", &pid]).status();
        assert!(woken.unwrap().success());
        done
    })
}

fn home(ws: &Workspace) -> PathBuf {
    ws.path("").canonicalize().unwrap()
}

#[test]
fn whoever_wakes_up_after_its_lock_was_taken_over_does_nothing_more() {
    thread::scope(|scope| {
        for (point, keys) in [
            ("stage:apply:begun#1", 1),
            ("stage:mint:begun#1", 1),
            ("stage:mint:done#1", 2),
            ("stage:deliver:begun#1", 2),
            ("stage:deliver:begun#2", 2),
            ("stage:apply:done#1", 2),
        ] {
            scope.spawn(move || oversleeps(point, keys));
        }
    });
}

/// Somebody takes the lock over as soon as the provider sleeps.
fn taken_over(ws: &Workspace) -> thread::JoinHandle<(Heir, Fence)> {
    let heir = Heir::of(ws);
    while_it_sleeps(home(ws), move || {
        let fence = heir.takes_over();
        (heir, fence)
    })
}

/// A key of an account where everybody may work at once has a lock of its own.
#[test]
fn whoever_wakes_up_with_a_key_that_only_its_documents_hold_leaves_them_as_they_are() {
    let ws = Config::new().beside(PROVIDER).staged();
    let (key, document) = (ws.key("k"), ws.delivered("k.json"));
    ws.advance("20s")
        .env("APIKEY_SUSPEND", "promote:deliver:begun#1");
    let sleep = taken_over(&ws);
    let late = ws.apply();
    let (heir, fence) = sleep.join().unwrap();
    late.failed().reads("lock-that-was-lost");
    assert_eq!(ws.delivered("k.json"), document);
    assert_eq!(ws.key("k").primary(), key.primary());
    assert_eq!(ws.key("k").last_action(), "stage");

    ws.env("APIKEY_SUSPEND", "");
    heir.gives_back(&fence);
    ws.apply().ok();
    assert_eq!(ws.key("k").primary(), key.secondary());
    ws.plan().ok().code(0);
}

/// Falls asleep at a point, with this many keys, until the lock belongs to somebody else.
fn oversleeps(point: &str, keys: usize) {
    let scene = Scene::new("");
    scene.settle("single");
    scene.at_rotation("80s");
    let before = scene.documents();
    let ids = scene.living_ids();

    scene.ws().env("APIKEY_SUSPEND", point);
    let sleep = taken_over(scene.ws());
    let late = scene.ws().apply();
    let (heir, fence) = sleep.join().unwrap();
    late.failed()
        .complains(&["payments", "The lock of aws_iam", "was lost"]);
    assert_eq!(scene.ids().len(), keys, "{point}");
    assert!(scene.ids().contains(&ids[0]), "{point}");
    // Two deliveries: the first in the order of their names was written before the second was to be.
    let written = match point {
        "stage:deliver:begun#2" => 1,
        "stage:apply:done#1" => 2,
        _ => 0,
    };
    let after = scene.documents();
    let changed = before.iter().zip(&after).filter(|(was, is)| was != is);
    assert_eq!(changed.count(), written, "{point}: {before:?} {after:?}");
    let key = scene.ws().key("k");
    assert_eq!(key.phase(), "single", "{point}");
    assert_eq!(key.text("primary.key_id"), ids[0], "{point}");
    assert_eq!(key.last_action(), "create", "{point}");

    // Who comes later understands what it left behind.
    scene.ws().env("APIKEY_SUSPEND", "");
    heir.gives_back(&fence);
    scene.ws().apply().ok();
    assert_eq!(scene.is_in_order(&ids), Ok(()), "{point}");
    scene.settle("staged");
    assert_eq!(scene.is_in_order(&ids), Ok(()), "{point}");
}

#[test]
fn whoever_wakes_up_and_still_has_its_lock_goes_on() {
    for point in ["stage:mint:begun#1", "stage:deliver:begun#2"] {
        let scene = Scene::new("");
        scene.settle("single");
        scene.at_rotation("80s");
        scene.ws().env("APIKEY_SUSPEND", point);
        let sleep = while_it_sleeps(home(scene.ws()), || thread::sleep(OVERSLEPT));
        scene.ws().apply().ok();
        sleep.join().unwrap();
        assert_eq!(scene.is_in_order(&[]), Ok(()), "{point}");
        scene.ws().env("APIKEY_SUSPEND", "");
        scene.settle("staged");
    }
}
