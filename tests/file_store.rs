mod access;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use apikey::clock::Clock;
use apikey::context::Context;
use apikey::error::{self, Kind};
use apikey::instant::Instant;
use apikey::ledger::Ledger;
use apikey::ledger::guard::Guard;
use apikey::ledger::hold::hold;
use apikey::ledger::memory::InMemory;
use apikey::secret::Secret;
use apikey::settings::Settings;
use apikey::stores::{self, Document, DocumentKey, Found, Store};
use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

use crate::support::{remove_now, write_over};

/// Every character that a key in a dotenv file may have.
const ALPHABET: &str =
    "azAZ09_-./+=:@%,^!x~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789==";

fn try_store(fields: &[(&str, &str)]) -> error::Result<Box<dyn Store>> {
    let fields: BTreeMap<String, ValueAny> = fields
        .iter()
        .map(|(name, value)| (name.to_string(), ValueAny::String(value.to_string())))
        .collect();
    let context = Context::new(
        Clock::fixed(Instant::from_unix(0)),
        CancellationToken::new(),
        BTreeMap::new(),
    );
    let path = error::Path::root("deliveries").key("app").attribute("file");
    stores::find("file")
        .unwrap()
        .connect(&Settings::new(path, &fields), &context)
}

fn json(path: &Path) -> Box<dyn Store> {
    try_store(&[("path", path.to_str().unwrap()), ("format", "json")]).unwrap()
}

fn dotenv(path: &Path, prefix: &str) -> Box<dyn Store> {
    let path = path.to_str().unwrap();
    try_store(&[("path", path), ("format", "dotenv"), ("prefix", prefix)]).unwrap()
}

fn key(secret: &str, key_id: Option<&str>) -> DocumentKey {
    DocumentKey {
        key_id: key_id.map(Into::into),
        secret: Secret::new(secret.into()),
    }
}

fn document(secret: &str) -> Document {
    Document {
        primary: key(secret, Some("id-1")),
        secondary: Some(key("made-up-second", Some("id-2"))),
        generation: Some(3),
        rotated_at: Instant::parse("2026-11-22T12:00:00Z"),
    }
}

async fn write(store: &dyn Store, secret: &str) -> error::Result<()> {
    write_over(store, &document(secret), &"0".repeat(64))
        .await
        .map(drop)
}

async fn found(store: &dyn Store) -> Document {
    match store.observe().await.unwrap().found {
        Found::Document(document) => document,
        other => panic!("{other:?}"),
    }
}

fn closed(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    mode(path, 0o600);
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn names_in(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn message(error: &error::Error) -> String {
    error.to_string()
}

#[tokio::test]
async fn a_json_file_comes_with_its_directories_and_goes_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/inner/app.json");
    let store = json(&path);
    assert!(matches!(
        store.observe().await.unwrap().found,
        Found::Nothing
    ));
    store.check(None).await.unwrap();
    assert!(names_in(directory.path()).is_empty());

    write(&*store, "made-up").await.unwrap();
    let read = found(&*store).await;
    assert_eq!(read.primary.secret.expose(), "made-up");
    assert_eq!(read.secondary.unwrap().key_id.as_deref(), Some("id-2"));
    assert_eq!(read.generation, Some(3));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(
        fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777,
        0o700
    );
    assert_eq!(
        names_in(path.parent().unwrap()),
        std::slice::from_ref(&path)
    );

    remove_now(&*store).await.unwrap();
    remove_now(&*store).await.unwrap();
    assert!(matches!(
        store.observe().await.unwrap().found,
        Found::Nothing
    ));
}

#[tokio::test]
async fn the_same_document_is_written_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.json");
    write(&*json(&path), "made-up").await.unwrap();
    let first = fs::metadata(&path).unwrap().ino();
    write(&*json(&path), "made-up").await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().ino(), first);
}

#[tokio::test]
async fn a_file_of_somebody_else_is_foreign_and_never_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.json");
    closed(&path, "{\"canary\": true}");
    let store = json(&path);
    assert!(matches!(
        store.observe().await.unwrap().found,
        Found::Foreign(_)
    ));
    assert_eq!(
        message(&remove_now(&*store).await.unwrap_err()),
        format!(
            "file {0} is not ours to overwrite: {0}: it holds something else than a delivered document. Move the \
             file away, or choose another path.",
            path.display()
        )
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"canary\": true}");
    // Whoever expects it may write over it: whether that is right is not for the store to say.
    write(&*store, "made-up").await.unwrap();
}

#[tokio::test]
async fn a_file_of_ours_in_the_other_format_is_converted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.env");
    let (json, dotenv) = (json(&path), dotenv(&path, "API_KEY"));
    write(&*json, "made-up").await.unwrap();
    for (there, other) in [(&json, &dotenv), (&dotenv, &json)] {
        let converted = found(&**other).await;
        assert_eq!(converted.primary.secret.expose(), "made-up");
        assert_eq!(converted.generation, Some(3));
        other.check(None).await.unwrap();
        write(&**other, "made-up").await.unwrap();
        assert_eq!(found(&**there).await.primary.secret.expose(), "made-up");
    }
    write(&*dotenv, "made-up").await.unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("API_KEY_PRIMARY=made-up\n"), "{text}");

    // With a line of somebody else it is no longer ours alone.
    closed(&path, &format!("{text}OTHER=1\n"));
    assert!(matches!(
        json.observe().await.unwrap().found,
        Found::Foreign(_)
    ));
    assert!(remove_now(&*json).await.is_err());
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        format!("{text}OTHER=1\n")
    );
}

#[tokio::test]
async fn what_was_written_since_the_look_is_neither_overwritten_nor_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.json");
    let store = json(&path);
    let token = "0".repeat(64);
    let seen = store.observe().await.unwrap().version;
    write(&*store, "made-up-newer").await.unwrap();
    let (old, newer) = (document("made-up-older"), document("made-up-newer"));
    let error = store.write(&old, &token, &seen).await.unwrap_err();
    assert_eq!(error.kind, Kind::Stale);
    assert_eq!(store.remove(&seen).await.unwrap_err().kind, Kind::Stale);
    // This very document is already what was wanted.
    store.write(&newer, &token, &seen).await.unwrap();
    assert_eq!(
        found(&*store).await.primary.secret.expose(),
        "made-up-newer"
    );
}

#[tokio::test]
async fn lines_that_others_added_since_the_look_stay_and_do_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.env");
    let (one, two) = (dotenv(&path, "ONE"), dotenv(&path, "TWO"));
    let seen = one.observe().await.unwrap().version;
    write(&*two, "made-up-two").await.unwrap();
    let document = document("made-up-one");
    one.write(&document, &"0".repeat(64), &seen).await.unwrap();
    assert_eq!(found(&*two).await.primary.secret.expose(), "made-up-two");
}

#[tokio::test]
async fn a_file_that_others_can_read_is_refused_with_the_command_that_closes_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.env");
    let store = dotenv(&path, "API_KEY");
    for open in [0o640, 0o604, 0o620, 0o644] {
        fs::write(&path, "A=1\n").unwrap();
        mode(&path, open);
        for refused in [
            store.check(None).await,
            write(&*store, "made-up").await,
            store.observe().await.map(drop),
        ] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind, Kind::Denied);
            assert_eq!(
                message(&error),
                format!(
                    "{0} is open to other users: Its mode is {open:04o}, and a file with keys must be closed to group \
                     and others. Close it (chmod 600 {0}).",
                    path.display()
                )
            );
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "A=1\n");
    }
}

#[tokio::test]
async fn a_link_or_directory_in_place_of_the_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().join("real.env");
    let link = directory.path().join("link.env");
    let inner = directory.path().join("dir.env");
    closed(&real, "A=1\n");
    symlink(&real, &link).unwrap();
    fs::create_dir(&inner).unwrap();
    for (path, what) in [(link, "a symbolic link"), (inner, "a directory")] {
        let store = dotenv(&path, "API_KEY");
        for refused in [
            store.observe().await.map(drop),
            store.check(None).await,
            write(&*store, "made-up").await,
            remove_now(&*store).await,
        ] {
            assert_eq!(
                message(&refused.unwrap_err()),
                format!(
                    "{} is {what}: Keys are only written to an ordinary file, never through a link. Name the file itself, \
                     or remove what stands there.",
                    path.display()
                )
            );
        }
    }
    assert_eq!(fs::read_to_string(&real).unwrap(), "A=1\n");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_found_before() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = json(&file.join("app.json")).check(None).await.unwrap_err();
    assert_eq!(error.kind, Kind::Invalid);
    assert!(error.detail.contains("Correct the path"), "{error}");
    if cfg!(target_os = "linux") {
        let error = json(Path::new("/proc/apikey/app.json"))
            .check(None)
            .await
            .unwrap_err();
        assert!(error.summary.ends_with("/proc"), "{error}");
    }
}

#[tokio::test]
async fn a_directory_that_is_closed_to_us_is_found_before() {
    let directory = tempfile::tempdir().unwrap();
    mode(directory.path(), 0o555);
    let path = directory.path().join("app.env");
    let mut child = child("check", &path, "A");
    if is_root() {
        child.uid(65_534).gid(65_534);
    }
    let output = child.stdout(Stdio::piped()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("Denied: Could not create"), "{text}");
    assert!(
        text.contains("the right to, or choose another path"),
        "{text}"
    );
}

#[tokio::test]
async fn a_replaced_file_stays_with_the_user_who_reads_it() {
    if !is_root() {
        return; // Only the superuser can give files away.
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.env");
    closed(&path, "A=1\n");
    chown(&path, Some(12_345), Some(12_345)).unwrap();
    dotenv(&path, "API_KEY").check(None).await.unwrap();
    write(&*dotenv(&path, "API_KEY"), "made-up").await.unwrap();
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.uid(), metadata.mode() & 0o777), (12_345, 0o600));
}

#[tokio::test]
async fn shells_and_libraries_read_what_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.env");
    closed(&path, "# shared\nexport OTHER='it is # here'");
    let store = dotenv(&path, "my_Key");
    write(&*store, ALPHABET).await.unwrap();
    assert_eq!(found(&*store).await.primary.secret.expose(), ALPHABET);

    let variables = [
        ("my_Key_PRIMARY", ALPHABET),
        ("my_Key_SECONDARY", "made-up-second"),
        ("my_Key_PRIMARY_ID", "id-1"),
        ("OTHER", "it is # here"),
    ];
    for (variable, value) in variables {
        for shell in ["sh", "dash", "bash"] {
            let script = format!(". \"$1\"; printf %s \"${variable}\"");
            if let Some(read) =
                output_of(Command::new(shell).args(["-c", &script, shell]).arg(&path))
            {
                assert_eq!(read, value, "{shell} {variable}");
            }
        }
        let script = "import sys\nfrom dotenv import dotenv_values\nprint(dotenv_values(sys.argv[1])[sys.argv[2]], end='')";
        if output_of(Command::new("python3").args(["-c", "import dotenv"])).is_some() {
            let read = output_of(
                Command::new("python3")
                    .args(["-c", script])
                    .arg(&path)
                    .arg(variable),
            );
            assert_eq!(read.as_deref(), Some(value), "python-dotenv {variable}");
        }
    }
    // Docker takes every byte after the first = of a line.
    let text = fs::read_to_string(&path).unwrap();
    let docker: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    assert_eq!(docker["my_Key_PRIMARY"], ALPHABET);
}

/// What a program prints; `None` if it is not installed or fails.
fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn a_key_that_cannot_be_written_changes_nothing_and_is_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.env");
    let error = write(&*dotenv(&path, "API_KEY"), "canary $(x)")
        .await
        .unwrap_err();
    assert!(error.detail.contains("Set format = \"json\""), "{error}");
    assert!(!format!("{error} {error:?}").contains("canary"));
    assert!(names_in(directory.path()).is_empty());
    write(&*json(&path), "canary $(x)").await.unwrap();
}

#[tokio::test]
async fn two_deliveries_share_a_dotenv_file_and_part_without_a_trace() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.env");
    let before = "# mine\r\nexport A='x'\r\n\r\nB=last";
    closed(&path, before);
    let (one, two) = (dotenv(&path, "ONE"), dotenv(&path, "TWO"));
    write(&*one, "made-up-one").await.unwrap();
    write(&*two, "made-up-two").await.unwrap();
    assert_eq!(found(&*one).await.primary.secret.expose(), "made-up-one");
    remove_now(&*one).await.unwrap();
    assert!(matches!(one.observe().await.unwrap().found, Found::Nothing));
    assert_eq!(found(&*two).await.primary.secret.expose(), "made-up-two");
    remove_now(&*two).await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
}

#[tokio::test]
async fn a_dotenv_file_that_held_nothing_else_goes_with_its_variables() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.env");
    let store = dotenv(&path, "API_KEY");
    write(&*store, "made-up").await.unwrap();
    remove_now(&*store).await.unwrap();
    assert!(names_in(directory.path()).is_empty());
}

#[test]
fn one_place_has_one_text() {
    let here = std::env::current_dir().unwrap();
    let place = |path: &str| try_store(&[("path", path)]).unwrap().place();
    let absolute = format!("file {}", here.join("keys/app.json").display());
    let long = here.join("keys/app.json");
    for path in [
        "keys/app.json",
        "./keys//app.json",
        "x/../keys/./app.json",
        long.to_str().unwrap(),
    ] {
        assert_eq!(place(path), absolute);
    }
    assert_eq!(place("/../../a.json"), "file /a.json");
    assert_eq!(
        dotenv(Path::new("/srv/app.env"), "API_KEY").place(),
        "file /srv/app.env (API_KEY)"
    );
}

#[test]
fn settings_that_cannot_work_are_refused_with_their_attribute() {
    let long = "x".repeat(201);
    for (fields, attribute, words) in [
        (vec![], "path", "path is missing"),
        (
            vec![("path", "~/app.env")],
            "path",
            "Write pathexpand(\"~/app.env\")",
        ),
        (vec![("path", "secrets/")], "path", "is a directory"),
        (
            vec![("path", "app.env")],
            "format",
            "is the name of a dotenv file",
        ),
        (
            vec![("path", ".env.local")],
            "format",
            "is the name of a dotenv file",
        ),
        (vec![("path", "/")], "path", "is a directory"),
        (vec![("path", "a/..")], "path", "is a directory"),
        (vec![("path", "a\0b")], "path", "NUL"),
        (
            vec![("path", long.as_str())],
            "path",
            "longer than 200 bytes",
        ),
        (
            vec![("path", "a"), ("format", "yaml")],
            "format",
            "Write \"json\" or \"dotenv\"",
        ),
        (
            vec![("path", "a"), ("prefix", "X")],
            "prefix",
            "for format = \"dotenv\" only",
        ),
        (
            vec![("path", "a"), ("format", "dotenv"), ("layout", "flat")],
            "layout",
            "for format = \"json\" only",
        ),
        (
            vec![("path", "a"), ("format", "dotenv"), ("prefix", "1X")],
            "prefix",
            "cannot begin the name",
        ),
        (
            vec![("path", "a"), ("format", "dotenv"), ("prefix", "A-B")],
            "prefix",
            "cannot begin the name",
        ),
        (
            vec![("path", "a"), ("format", "dotenv"), ("prefix", "")],
            "prefix",
            "cannot begin the name",
        ),
    ] {
        let error = try_store(&fields).err().unwrap();
        assert_eq!(
            error.path.to_string(),
            format!("deliveries[\"app\"].file.{attribute}")
        );
        assert!(message(&error).contains(words), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_in_many_processes_and_threads_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shared.env");
    closed(&path, "# shared\nKEEP='me'\n");
    let prefixes: Vec<String> = (0..8).map(|number| format!("P{number}")).collect();
    let mut children: Vec<Child> = prefixes
        .iter()
        .map(|prefix| child("write", &path, prefix).spawn().unwrap())
        .collect();
    let mut threads = Vec::new();
    for number in 0..8 {
        let store = dotenv(&path, &format!("T{number}"));
        threads.push(tokio::spawn(async move {
            for round in 0..ROUNDS {
                write(&*store, &format!("made-up-{round}")).await.unwrap();
            }
        }));
    }
    for thread in threads {
        thread.await.unwrap();
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let last = format!("made-up-{}", ROUNDS - 1);
    for prefix in prefixes
        .into_iter()
        .chain((0..8).map(|number| format!("T{number}")))
    {
        assert_eq!(
            found(&*dotenv(&path, &prefix))
                .await
                .primary
                .secret
                .expose(),
            last,
            "{prefix}"
        );
    }
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .starts_with("# shared\nKEEP='me'\n")
    );
    assert_eq!(names_in(directory.path()), [path]);
}

#[tokio::test]
async fn a_killed_writer_leaves_the_file_whole_and_the_way_free() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shared.env");
    closed(&path, "KEEP='me'\n");
    let store = dotenv(&path, "P");
    write(&*store, "made-up").await.unwrap();
    for round in 0..20 {
        let mut child = child("write for ever", &path, "P").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 + 7 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(
            found(&*store)
                .await
                .primary
                .secret
                .expose()
                .starts_with("made-up")
        );
        assert!(
            fs::read_to_string(&path)
                .unwrap()
                .starts_with("KEEP='me'\n")
        );
    }
    write(&*store, "made-up-after").await.unwrap();
    assert_eq!(
        found(&*store).await.primary.secret.expose(),
        "made-up-after"
    );
    assert_eq!(names_in(directory.path()), [path]);
}

const ROUNDS: u32 = 15;
const ROLE: &str = "APIKEY_TEST_ROLE";

/// This test binary once more, to run [`another_process`] only.
fn child(role: &str, path: &Path, prefix: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "file_store::another_process",
            "--ignored",
            "--nocapture",
        ])
        .env(ROLE, format!("{role}|{}|{prefix}", path.display()))
        .current_dir("/")
        .stdout(Stdio::null());
    command
}

#[tokio::test]
#[ignore = "is started by other tests"]
async fn another_process() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let [role, path, prefix] = role.split('|').collect::<Vec<_>>().try_into().unwrap();
    let store = dotenv(Path::new(path), prefix);
    let rounds = match role {
        "check" => {
            let error = store.check(None).await.unwrap_err();
            return println!("{:?}: {error}", error.kind);
        }
        "write" => ROUNDS,
        // Killed long before.
        _ => 100_000,
    };
    for round in 0..rounds {
        write(&*store, &format!("made-up-{round}")).await.unwrap();
    }
}

fn is_root() -> bool {
    tempfile::tempfile().unwrap().metadata().unwrap().uid() == 0
}

#[tokio::test]
async fn nothing_is_written_or_removed_once_the_lock_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let store = json(&home.path().join("k.json"));
    let (ledger, stop): (Arc<dyn Ledger>, _) =
        (Arc::new(InMemory::default()), CancellationToken::new());
    let local = Arc::default();
    let held = hold(&ledger, "account", &local, "one", Duration::ZERO, &stop);
    let held = held.await.unwrap();

    write(store.as_ref(), "first").await.unwrap();
    held.guard().lose();
    let refused = Guard::protect(Some(held.guard()), write(store.as_ref(), "second")).await;
    assert_eq!(refused.unwrap_err().summary, "The lock of account was lost");
    assert_eq!(found(store.as_ref()).await.primary.secret.expose(), "first");
    assert_eq!(names_in(home.path()).len(), 1);

    let refused = Guard::protect(Some(held.guard()), remove_now(store.as_ref())).await;
    assert_eq!(refused.unwrap_err().summary, "The lock of account was lost");
    assert_eq!(found(store.as_ref()).await.primary.secret.expose(), "first");
}
