//! The audit trail: only ever added to, and every change of it shows.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use apikey::ledger::sql::{Broken, Database};
use apikey::ledger::{Effect, Inventory, Journal, Ledger, Outcome, Slot};
use tempfile::TempDir;

use super::samples::{self, at, holding, intent, key, mark};
use super::sql::{self, Place};
use crate::support::postgres::Postgres;

const LEASE: Duration = Duration::from_secs(60);

/// A ledger with a story, and the way in for somebody who means harm.
struct Told {
    database: Database,
    schema: Option<String>,
    home: TempDir,
}

impl Told {
    async fn both() -> Vec<Self> {
        let file = tempfile::tempdir().unwrap();
        let sqlite = samples::sqlite(&file.path().join("ledger.db"), LEASE);
        let schema = Postgres::schema();
        let postgres = samples::postgres(&schema, LEASE);
        let both = [
            (sqlite, None, file),
            (postgres, Some(schema), tempfile::tempdir().unwrap()),
        ];
        let mut told = Vec::new();
        for (database, schema, home) in both {
            story(&database).await;
            told.push(Self {
                database,
                schema,
                home,
            });
        }
        told
    }

    /// Runs SQL with every right.
    async fn sql(&self, text: &str) -> Result<Vec<String>, String> {
        let file = self.home.path().join("ledger.db");
        let place = match &self.schema {
            None => Place::File(&file),
            Some(schema) => Place::Schema(schema),
        };
        sql::run(place, text).await
    }

    /// Changes what triggers protect.
    async fn tamper(&self, text: &str) {
        let (off, on) = match self.schema {
            None => (
                "DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_removed;",
                "",
            ),
            Some(_) => (
                "ALTER TABLE events DISABLE TRIGGER USER;",
                "ALTER TABLE events ENABLE TRIGGER USER;",
            ),
        };
        self.sql(&format!("{off} {text} {on}")).await.unwrap();
    }

    async fn broken(&self) -> Option<Broken> {
        self.database.verify(None).await.unwrap().broken
    }
}

/// A mint, a state that confirms it, a revocation that fails, another owner: eight events.
async fn story(ledger: &dyn Ledger) {
    ledger.begin(&intent("m", "k", Effect::Mint)).await.unwrap();
    let minted = Outcome::Done(Some(mark("AKIAEXAMPLE2")));
    ledger.finish("m", &minted, at(5)).await.unwrap();
    let seen = holding("k", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
    ledger.record(&seen, at(9)).await.unwrap();
    let mut revoke = intent("r", "k", Effect::Revoke);
    revoke.key = Some(mark("AKIAEXAMPLE2"));
    revoke.at = at(10);
    ledger.begin(&revoke).await.unwrap();
    let failed = Outcome::Failed("it said no".into());
    ledger.finish("r", &failed, at(11)).await.unwrap();
    let mut owned = holding("k", vec![key("AKIAEXAMPLE2", Slot::Retiring)]);
    owned.owner = Some("alice".into());
    ledger.record(&owned, at(12)).await.unwrap();
    let mut apply = intent("a", "k", Effect::Apply);
    apply.known.clear();
    ledger.begin(&apply).await.unwrap();
    ledger
        .finish("a", &Outcome::Settled("it was over".into()), at(13))
        .await
        .unwrap();
}

#[tokio::test]
async fn the_trail_explains_what_its_last_write_left_and_what_nobody_saw_end() {
    for told in Told::both().await {
        let owner = intent("d1", "k", Effect::Deliver).resource.id;
        let ledger = &told.database;
        let explains = async |version| ledger.explains(&owner, "app: it", version).await.unwrap();
        assert!(!explains("v1").await);
        for (id, version) in [("d1", "v1"), ("d2", "v2")] {
            let mut write = intent(id, "k", Effect::Deliver);
            write.place = Some("app: it".into());
            ledger.begin(&write).await.unwrap();
            assert!(explains("whatever").await, "it is under way");
            let outcome = Outcome::Written(version.into());
            ledger.finish(id, &outcome, at(5)).await.unwrap();
            assert!(explains(version).await && !explains("whatever").await);
        }
        assert!(!explains("v1").await);
        assert!(!ledger.explains(&owner, "other: it", "v2").await.unwrap());
        assert!(!ledger.explains("another", "app: it", "v2").await.unwrap());
    }
}

#[tokio::test]
async fn a_story_is_told_in_its_order_and_is_sound() {
    for told in Told::both().await {
        let verdict = told.database.verify(None).await.unwrap();
        assert_eq!(
            (verdict.sound, verdict.backwards, verdict.broken),
            (8, 0, None)
        );
        let lines = told
            .sql("SELECT event, effect, detail FROM events ORDER BY seq")
            .await;
        assert_eq!(
            lines.unwrap(),
            [
                "begun|mint|known keys 2, sha256:185f3572ac6821cca3174d0a24c931ce3f3362354fcfe078afb124c6e70c81c5",
                "done|mint|",
                "confirmed||slot none -> primary",
                "begun|revoke|known keys 2, sha256:185f3572ac6821cca3174d0a24c931ce3f3362354fcfe078afb124c6e70c81c5",
                "failed|revoke|it said no",
                "changed||owner none -> alice",
                "changed||slot primary -> retiring",
                "settled|apply|it was over",
            ]
        );
    }
}

#[tokio::test]
async fn a_state_that_says_nothing_new_adds_nothing() {
    for told in Told::both().await {
        let mut owned = holding("k", vec![key("AKIAEXAMPLE2", Slot::Retiring)]);
        owned.owner = Some("alice".into());
        told.database.record(&owned, at(99)).await.unwrap();
        for table in ["keys", "resources"] {
            let updated = told.sql(&format!("SELECT updated_at FROM {table}")).await;
            assert_eq!(updated.unwrap(), [at(12).to_string()], "{table}");
        }
        assert_eq!(told.database.verify(None).await.unwrap().sound, 8);
    }
}

#[tokio::test]
async fn events_can_be_neither_changed_nor_removed() {
    for told in Told::both().await {
        for text in [
            "UPDATE events SET detail = 'nothing' WHERE seq = 3;",
            "DELETE FROM events WHERE seq = 3;",
            "DELETE FROM events;",
        ] {
            let why = told.sql(text).await.unwrap_err();
            assert!(why.contains("events are append-only"), "{why}");
        }
        if told.schema.is_some() {
            assert!(told.sql("TRUNCATE events").await.is_err());
        }
        assert_eq!(told.broken().await, None);
    }
}

#[tokio::test]
async fn the_first_broken_link_is_named() {
    let copy = "INSERT INTO events SELECT {seq}, at, event, effect, action, resource_id, name, workspace, issuer, \
                account, key_id, mark, place, intent, detail, previous, hash FROM events WHERE seq = 8;";
    for (harm, found) in [
        (
            "UPDATE events SET detail = 'it said yes' WHERE seq = 5;",
            Broken::Edited(5),
        ),
        (
            "UPDATE events SET at = '2026-01-01T00:00:00Z' WHERE seq = 2;",
            Broken::Edited(2),
        ),
        (
            "UPDATE events SET hash = previous WHERE seq = 4;",
            Broken::Edited(4),
        ),
        ("DELETE FROM events WHERE seq = 4;", Broken::Removed(4)),
        ("DELETE FROM events WHERE seq = 1;", Broken::Removed(1)),
        ("DELETE FROM events WHERE seq > 5;", Broken::CutOff(5, 8)),
        ("DELETE FROM events;", Broken::CutOff(0, 8)),
        ("UPDATE chain SET hash = 'x';", Broken::Replaced(8)),
        ("UPDATE chain SET seq = 7;", Broken::Added(8)),
        (&copy.replace("{seq}", "9"), Broken::Edited(9)),
        (&copy.replace("{seq}", "0"), Broken::Unlinked(0)),
    ] {
        for told in Told::both().await {
            told.tamper(harm).await;
            assert_eq!(told.broken().await, Some(found.clone()), "{harm}");
        }
    }
}

/// What recovery acts on, and what it passes by.
#[tokio::test]
async fn a_row_of_a_key_that_is_gone_or_says_another_end_is_named() {
    let name = || "AKIAEXAMPLE2".to_owned();
    for told in Told::both().await {
        let set = async |status: &str| {
            let text = format!("UPDATE keys SET status = '{status}'");
            told.sql(&text).await.unwrap();
        };
        set("revoked").await;
        let ended = "says that it was revoked, and no event does";
        assert_eq!(
            told.broken().await,
            Some(Broken::Contradicted(name(), ended))
        );
        set("live").await;
        assert_eq!(told.broken().await, None);

        let mut revoke = intent("r2", "k", Effect::Revoke);
        revoke.key = Some(mark("AKIAEXAMPLE2"));
        revoke.known.clear();
        told.database.begin(&revoke).await.unwrap();
        told.database
            .finish("r2", &Outcome::Done(None), at(20))
            .await
            .unwrap();
        assert_eq!(told.broken().await, None);
        set("live").await;
        let revived = "says that it lives, and events that it was revoked";
        assert_eq!(
            told.broken().await,
            Some(Broken::Contradicted(name(), revived))
        );
        told.sql("DELETE FROM keys").await.unwrap();
        assert_eq!(told.broken().await, Some(Broken::Forgotten(name())));
    }
}

/// Left open, it would claim the next key that a person makes.
#[tokio::test]
async fn a_mint_is_settled_by_the_revocation_of_the_key_that_came_of_it() {
    for told in Told::both().await {
        let ledger = &told.database;
        ledger
            .begin(&intent("lost", "k", Effect::Mint))
            .await
            .unwrap();
        let mut revoke = intent("r2", "k", Effect::Revoke);
        revoke.key = Some(mark("AKIAORPHAN"));
        revoke.known = vec!["lost".into()];
        ledger.begin(&revoke).await.unwrap();
        ledger
            .finish("r2", &Outcome::Done(None), at(20))
            .await
            .unwrap();
        assert!(ledger.recall("k").await.unwrap().open.is_empty());
        assert_eq!(told.broken().await, None);
    }
}

#[tokio::test]
async fn a_trail_that_was_written_anew_does_not_fit_an_older_seal() {
    for told in Told::both().await {
        let before = told.database.verify(None).await.unwrap();
        let seal = (before.sound, before.hash);
        assert_eq!(
            told.database.verify(Some(&seal)).await.unwrap().broken,
            None
        );

        // The end is cut off, the chain corrected, and other events are added by the provider itself.
        told.tamper(
            "DELETE FROM events WHERE seq > 3; UPDATE chain SET seq = 3, hash = (SELECT hash FROM events WHERE seq = 3);",
        ).await;
        assert_eq!(told.broken().await, None);
        let short = told.database.verify(Some(&seal)).await.unwrap();
        assert_eq!(short.broken, Some(Broken::CutOff(3, 8)));
        for id in ["a", "b", "c", "d", "e"] {
            let mint = intent(id, "other", Effect::Mint);
            let mut mint = mint;
            mint.id = format!("other-{id}");
            told.database.begin(&mint).await.unwrap();
        }
        assert_eq!(told.broken().await, None);
        let anew = told.database.verify(Some(&seal)).await.unwrap();
        assert_eq!(anew.broken, Some(Broken::Resealed(8)));
    }
}

#[tokio::test]
async fn a_clock_that_runs_backwards_loses_nothing() {
    for told in Told::both().await {
        for (id, seconds) in [("late", 500), ("early", -500), ("again", 600)] {
            let mut mint = intent(id, "k", Effect::Mint);
            mint.at = at(seconds);
            told.database.begin(&mint).await.unwrap();
        }
        let verdict = told.database.verify(None).await.unwrap();
        assert_eq!(
            (verdict.sound, verdict.backwards, verdict.broken),
            (11, 1, None)
        );
        let open = told.database.recall("id-of-k").await.unwrap().open;
        let ids: Vec<&str> = open.iter().map(|intent| intent.id.as_str()).collect();
        assert_eq!(ids, ["late", "early", "again"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_appended_at_once_does_not_fork() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ledger.db");
    let schema = Postgres::schema();
    for postgres in [false, true] {
        // Each as a process of its own would: with its own connections and its own task that writes.
        let ledgers: Vec<Arc<Database>> = (0..8)
            .map(|_| match postgres {
                true => Arc::new(samples::postgres(&schema, LEASE)),
                false => Arc::new(samples::sqlite(&file, LEASE)),
            })
            .collect();
        let mut tasks = tokio::task::JoinSet::new();
        for (number, ledger) in ledgers.iter().enumerate() {
            for turn in 0..10 {
                let ledger = Arc::clone(ledger);
                tasks.spawn(async move {
                    let id = format!("{number}-{turn}");
                    ledger.begin(&intent(&id, &id, Effect::Mint)).await.unwrap();
                    let minted = Outcome::Done(Some(mark(&id)));
                    ledger.finish(&id, &minted, at(5)).await.unwrap();
                });
            }
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let verdict = ledgers[0].verify(None).await.unwrap();
        assert_eq!((verdict.sound, verdict.broken), (160, None));
    }
}

fn verify_cli(arguments: &[&str], directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"))
        .args(["audit", "verify"])
        .args(arguments)
        .current_dir(directory)
        .env_remove("TF_DATA_DIR")
        .env_remove("APIKEY_LEDGER_URL")
        .output()
        .unwrap()
}

#[test]
fn a_reader_that_has_gone_is_no_fault() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    for arguments in [
        &["audit", "verify", "--help"][..],
        &["--help"],
        &["--version"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"));
        let finished = command.args(arguments).stdout(writer.try_clone().unwrap());
        let finished = finished
            .stderr(std::process::Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8(finished.stderr).unwrap();
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        assert_eq!(finished.status.code(), Some(0));
    }
}

#[tokio::test]
async fn a_person_verifies_by_hand() {
    for told in Told::both().await {
        let url = match &told.schema {
            None => format!("sqlite://{}", told.home.path().join("ledger.db").display()),
            Some(_) => Postgres::shared().url(),
        };
        let schema = told.schema.clone().unwrap_or_default();
        let mut arguments = vec!["--url", &url];
        if told.schema.is_some() {
            arguments.extend(["--schema", &schema]);
        }
        let sound = verify_cli(&arguments, told.home.path());
        assert_eq!(sound.status.code(), Some(0), "{sound:?}");
        let said = String::from_utf8(sound.stdout).unwrap();
        assert!(said.contains("is sound: 8 events.\nSeal: 8:"), "{said}");
        assert!(!said.contains("canary"), "{said}");

        let seal = said.trim().rsplit(' ').next().unwrap();
        let with_seal = [&arguments[..], &["--seal", seal]].concat();
        assert_eq!(
            verify_cli(&with_seal, told.home.path()).status.code(),
            Some(0)
        );

        told.tamper("UPDATE events SET name = 'other' WHERE seq = 3;")
            .await;
        let broken = verify_cli(&arguments, told.home.path());
        assert_eq!(broken.status.code(), Some(3), "{broken:?}");
        let said = String::from_utf8(broken.stderr).unwrap();
        assert!(said.contains("event 3 was edited"), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
}

#[tokio::test]
async fn a_ledger_that_is_not_there_or_empty_is_not_sound_and_none_is_made() {
    let home = tempfile::tempdir().unwrap();
    let missing = verify_cli(&[], home.path());
    assert_eq!(missing.status.code(), Some(1));
    let said = String::from_utf8(missing.stderr).unwrap();
    assert!(said.contains("There is no ledger"), "{said}");
    assert!(said.contains(".terraform/apikey/ledger.db"), "{said}");
    assert_eq!(home.path().read_dir().unwrap().count(), 0);

    let schema = Postgres::schema();
    let url = Postgres::shared().url();
    let arguments = ["--url", &url, "--schema", &schema];
    let missing = verify_cli(&arguments, home.path());
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");

    // An apply that did nothing worth an event.
    let mut apply = intent("a", "k", Effect::Apply);
    apply.known.clear();
    samples::postgres(&schema, LEASE)
        .begin(&apply)
        .await
        .unwrap();
    let empty = verify_cli(&arguments, home.path());
    assert_eq!(empty.status.code(), Some(1), "{empty:?}");
    let said = String::from_utf8(empty.stderr).unwrap();
    assert!(said.contains("is empty, so it proves nothing"), "{said}");
}
