use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// Replaces whatever stands there now.
fn replace(path: &Path, bytes: &[u8]) -> Result<bool> {
    let lock = Lock::take(path)?;
    lock.replace(disk::read(path)?.as_ref(), bytes)
}

fn names_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_replaced_file_is_closed_to_others_and_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.env");
    replace(&path, b"one").unwrap();
    replace(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(names_in(directory.path()), ["a.env"]);
}

#[test]
fn a_failed_replacement_leaves_no_draft_behind() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.env");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("full"), "").unwrap();
    let lock = Lock::take(&path).unwrap();
    assert!(lock.replace(None, b"secret").is_err());
    drop(lock);
    assert_eq!(names_in(directory.path()), ["a.env"]);
}

#[test]
fn what_a_killed_writer_left_is_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.env");
    for role in ["lock", "tmp"] {
        fs::write(
            beside(&path, role),
            "left over and longer than the new content",
        )
        .unwrap();
        fs::set_permissions(beside(&path, role), fs::Permissions::from_mode(0o644)).unwrap();
    }
    replace(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(names_in(directory.path()), ["a.env"]);
}

#[test]
fn a_link_planted_in_place_of_the_draft_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.env");
    let elsewhere = directory.path().join("elsewhere");
    fs::write(&elsewhere, "untouched").unwrap();
    symlink(&elsewhere, beside(&path, "tmp")).unwrap();
    replace(&path, b"new").unwrap();
    assert_eq!(fs::read(&elsewhere).unwrap(), b"untouched");
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn a_link_planted_in_place_of_the_lock_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.env");
    symlink("/nonexistent", beside(&path, "lock")).unwrap();
    let error = Lock::take(&path).err().unwrap();
    assert!(
        error.summary.ends_with(".a.env.apikey.lock is in the way"),
        "{error}"
    );
}

#[test]
fn a_directory_planted_in_place_of_lock_or_draft_goes_or_is_named() {
    for role in ["lock", "tmp"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.env");
        let planted = beside(&path, role);
        fs::create_dir(&planted).unwrap();
        assert!(replace(&path, b"new").unwrap());
        assert_eq!(names_in(directory.path()), ["a.env"]);

        fs::create_dir(&planted).unwrap();
        fs::write(planted.join("full"), "").unwrap();
        let error = replace(&path, b"newer").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{} is in the way: It is a directory. The provider keeps a file of this name beside the one that it \
                 writes, for a moment. Remove what stands there and apply again.",
                planted.display()
            )
        );
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}

#[test]
fn a_file_that_was_changed_since_it_was_read_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.env");
    replace(&path, b"old\n").unwrap();
    let lock = Lock::take(&path).unwrap();
    let before = disk::read(&path).unwrap();
    fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(b"appended\n")
        .unwrap();
    assert!(!lock.replace(before.as_ref(), b"new\n").unwrap());
    assert!(!lock.replace(None, b"new\n").unwrap());
    drop(lock);
    assert_eq!(fs::read(&path).unwrap(), b"old\nappended\n");
    assert_eq!(names_in(directory.path()), ["a.env"]);
}

#[test]
fn only_one_holds_the_lock_at_a_time() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.env");
    let inside = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..40 {
                    let _lock = Lock::take(&path).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert!(names_in(directory.path()).is_empty());
}

#[test]
fn missing_directories_are_created_for_the_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/inner/a.env");
    rehearse(&path).unwrap();
    assert!(names_in(directory.path()).is_empty());
    create_directories(&path).unwrap();
    for created in ["new", "new/inner"] {
        let mode = fs::metadata(directory.path().join(created))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
