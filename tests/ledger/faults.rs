//! Files that cannot be used, and what a person reads then. Never a password.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use apikey::error::{Error, Kind};
use apikey::ledger::{Effect, Journal, Ledger, Outcome};

use super::samples::{self, at, intent};
use super::sql::{self, Place};
use crate::support::is_superuser;
use crate::support::keys::Config;
use crate::support::postgres;
use crate::support::programs;
use crate::support::workspace::Workspace;

const LEASE: Duration = Duration::from_secs(60);

/// What is said when an intent cannot be written.
pub async fn refusal(ledger: &dyn Ledger) -> Error {
    let refused = ledger
        .begin(&intent("i", "k", Effect::Mint))
        .await
        .unwrap_err();
    for secret in ["canary", postgres::PASSWORD, postgres::PASSWORD_IN_URL] {
        assert!(!refused.to_string().contains(secret), "{refused}");
    }
    assert!(!ledger.place().contains("canary"), "{}", ledger.place());
    refused
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ledger.db");
    let notes = "These are notes and no database. ".repeat(100);
    fs::write(&file, &notes).unwrap();
    let refused = refusal(&samples::sqlite(&file, LEASE)).await;
    assert_eq!(refused.kind, Kind::Other);
    assert!(
        refused.detail.contains("file is not a database"),
        "{refused}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), notes);

    // A ledger with a hole in its middle.
    let holed = home.path().join("holed.db");
    let ledger = samples::sqlite(&holed, LEASE);
    for number in 0..200 {
        let id = format!("i{number}");
        ledger.begin(&intent(&id, &id, Effect::Mint)).await.unwrap();
    }
    drop(ledger);
    sql::run(Place::File(&holed), "PRAGMA wal_checkpoint(TRUNCATE)")
        .await
        .unwrap();
    let mut bytes = fs::read(&holed).unwrap();
    let middle = bytes.len() / 4..bytes.len() * 3 / 4;
    bytes[middle].fill(0x5a);
    fs::write(&holed, bytes).unwrap();
    let damaged = samples::sqlite(&holed, LEASE)
        .verify(None)
        .await
        .unwrap_err();
    assert_eq!(damaged.kind, Kind::Other);
    assert!(
        damaged.detail.contains("Restore it from a backup"),
        "{damaged}"
    );
}

#[tokio::test]
async fn a_file_and_what_lies_beside_it_are_for_their_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("new/ledger.db");
    let ledger = samples::sqlite(&file, LEASE);
    ledger.begin(&intent("i", "k", Effect::Mint)).await.unwrap();
    let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    let files: Vec<PathBuf> = fs::read_dir(file.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for path in files {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

/// The binary as somebody who may not do everything.
fn as_nobody(directory: &Path) -> std::process::Output {
    // Where everybody may start it.
    let binary = directory.join("provider");
    fs::copy(env!("CARGO_BIN_EXE_terraform-provider-apikey"), &binary).unwrap();
    let mut command = Command::new(binary);
    command
        .args(["audit", "verify", "--url", "sqlite://here/ledger.db"])
        .current_dir(directory);
    if is_superuser() {
        command.uid(65534).gid(65534);
    }
    command.output().unwrap()
}

#[tokio::test]
async fn a_file_that_may_not_be_written_is_read() {
    for (directory_mode, file_mode) in [(0o555, 0o444), (0o755, 0o444), (0o555, 0o666)] {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("here/ledger.db");
        let ledger = samples::sqlite(&file, LEASE);
        ledger.begin(&intent("i", "k", Effect::Mint)).await.unwrap();
        drop(ledger);
        sql::run(Place::File(&file), "PRAGMA wal_checkpoint(TRUNCATE)")
            .await
            .unwrap();
        fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(file_mode)).unwrap();
        let directory = file.parent().unwrap();
        fs::set_permissions(directory, Permissions::from_mode(directory_mode)).unwrap();
        for beside in ["ledger.db-wal", "ledger.db-shm"] {
            let _ = fs::remove_file(directory.join(beside));
        }
        let before = fs::read(&file).unwrap();
        let read = as_nobody(home.path());
        assert_eq!(fs::read(&file).unwrap(), before);
        fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(read.status.code(), Some(0), "{read:?}");
    }
}

#[tokio::test]
async fn a_directory_that_may_not_be_written_is_said_so() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("plain");
    fs::write(&file, "").unwrap();
    let refused = refusal(&samples::sqlite(&file.join("ledger.db"), LEASE)).await;
    assert_eq!(refused.kind, Kind::Unavailable);
    assert!(
        refused.detail.contains("the file cannot be created"),
        "{refused}"
    );
}

/// Writes intents until the disk is full.
async fn fill(ledger: &dyn Ledger, written: &mut i64) -> Error {
    loop {
        let id = format!("i{written}");
        match ledger.begin(&intent(&id, "k", Effect::Mint)).await {
            Ok(()) => *written += 1,
            Err(error) => return error,
        }
        assert!(*written < 100_000, "the disk never filled up");
    }
}

/// A file system with room for little; `None` where mounting is not allowed.
struct Small(PathBuf);

impl Small {
    fn mount(directory: &Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m,mode=0755", "apikey-test"])
            .arg(directory)
            .output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        mounted.then(|| Self(directory.to_owned()))
    }

    fn resize(&self, size: &str) {
        self.remount(&format!("remount,size={size}"));
    }

    fn remount(&self, how: &str) {
        let mount = Command::new("mount")
            .args(["-o", how])
            .arg(&self.0)
            .status();
        assert!(mount.unwrap().success(), "{how}");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_plan_and_a_refresh_need_no_more_than_to_read_the_file() {
    let ws = Workspace::new();
    let place = ws.path("mounted");
    fs::create_dir(&place).unwrap();
    let Some(small) = Small::mount(&place) else {
        programs::skip("mounting a small file system is not allowed here");
        return;
    };
    ws.env("APIKEY_LEDGER_URL", "sqlite://mounted/ledger.db");
    ws.write(&Config::new().text());
    ws.apply().ok();
    small.remount("remount,ro");
    ws.plan().ok().code(0).does_not_warn("The ledger");
    ws.advance("80s");
    ws.plan_with(&["-refresh-only"])
        .ok()
        .does_not_warn("The ledger");
    ws.plan().ok().code(2).does_not_warn("The ledger");
    assert_eq!(ws.change("apikey_managed.k").after("last_action"), "stage");
    let document = ws.delivered("k.json");
    ws.apply_plan()
        .failed()
        .complains(&["payments", "The ledger cannot be used"]);
    assert_eq!(ws.delivered("k.json"), document);
    assert_eq!(ws.key("k").phase(), "single");

    small.remount("remount,rw");
    ws.apply().ok();
    assert_eq!(ws.key("k").phase(), "staged");
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_written() {
    let home = tempfile::tempdir().unwrap();
    let Some(small) = Small::mount(home.path()) else {
        programs::skip("mounting a small file system is not allowed here");
        return;
    };
    let file = small.0.join("ledger.db");
    let ledger = samples::sqlite(&file, LEASE);
    let mut written = 0;
    // The disk is full at another place of a transaction each time: some of them SQLite ends by itself, some not.
    for room in ["2100k", "2216k", "2332k", "2448k", "2564k", "2680k", "8m"] {
        let refused = fill(&ledger, &mut written).await;
        assert_eq!(refused.kind, Kind::Unavailable, "{refused}");
        assert!(
            refused.detail.contains("Make room on the disk"),
            "{refused}"
        );
        assert!(written > 10, "{written}");
        small.resize(room);
    }

    // With room again, everything is there and it goes on.
    let done = Outcome::Done(None);
    ledger.finish("i0", &done, at(9)).await.unwrap();
    let verdict = ledger.verify(None).await.unwrap();
    assert_eq!((verdict.sound, verdict.broken), (written + 1, None));
    assert_eq!(
        ledger.recall("id-of-k").await.unwrap().open.len() as i64,
        written - 1
    );
}
