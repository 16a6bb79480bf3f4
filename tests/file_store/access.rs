//! Who else could get at a key in a file, or put a file of their own in its place.

use super::*;

/// What check and write say, which must be the same, and that nothing was written.
async fn refused(path: &Path) -> String {
    let before = fs::read(path).ok();
    let store = json(path);
    let error = store.check(None).await.unwrap_err();
    assert_eq!(error.kind, Kind::Denied, "{error}");
    assert_eq!(write(&*store, "made-up").await.unwrap_err(), error);
    assert_eq!(fs::read(path).ok(), before);
    message(&error)
}

#[tokio::test]
async fn an_empty_file_that_another_user_put_there_is_not_given_the_key() {
    if !is_root() {
        return; // Only the superuser can play another user.
    }
    let directory = tempfile::tempdir().unwrap();
    mode(directory.path(), 0o1777);
    let path = directory.path().join("app.json");
    closed(&path, "");
    write(&*json(&path), "made-up").await.unwrap();

    closed(&path, "");
    chown(&path, Some(12_345), Some(12_345)).unwrap();
    assert_eq!(
        refused(&path).await,
        format!(
            "{} belongs to another user: Its owner has the user id 12345, and other users may create files in {}, so it \
             may have been put there to be given the key. Remove the file, or choose a directory that only you can write.",
            path.display(),
            directory.path().display()
        )
    );
    assert_eq!(fs::metadata(&path).unwrap().uid(), 12_345);
}

#[tokio::test]
async fn a_directory_that_others_may_write_is_refused_with_the_command_that_closes_it() {
    let directory = tempfile::tempdir().unwrap();
    let open = directory.path().join("open");
    fs::create_dir(&open).unwrap();
    mode(&open, 0o777);
    let expected = |path: &Path| {
        format!(
            "{0} can be written by other users: Its mode is 0777, so others could put a file of theirs in the place of \
             {1} and be given the key. Close it (chmod go-w {0}).",
            open.display(),
            path.display()
        )
    };
    let below = open.join("closed/app.json");
    assert_eq!(refused(&below).await, expected(&below));
    fs::create_dir_all(below.parent().unwrap()).unwrap();
    mode(below.parent().unwrap(), 0o700);
    assert_eq!(refused(&below).await, expected(&below));
    // The same directory by a way that does not look like it.
    let link = directory.path().join("link");
    symlink(open.join("closed"), &link).unwrap();
    let through = link.join("app.json");
    assert_eq!(refused(&through).await, expected(&through));

    mode(&open, 0o755);
    write(&*json(&below), "made-up").await.unwrap();
    // What others can read had better go, wherever it lies.
    mode(&open, 0o777);
    remove_now(&*json(&below)).await.unwrap();
}

#[tokio::test]
async fn a_directory_of_a_group_is_open_unless_it_is_the_group_of_its_owner() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.json");
    mode(directory.path(), 0o775);
    chown(directory.path(), Some(0), Some(0)).unwrap();
    write(&*json(&path), "made-up").await.unwrap();
    chown(directory.path(), Some(0), Some(12_345)).unwrap();
    mode(directory.path(), 0o775);
    let path = directory.path().join("other.json");
    assert!(refused(&path).await.contains("chmod go-w"));
}

#[tokio::test]
async fn a_sticky_directory_is_as_good_as_its_owner() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.json");
    mode(directory.path(), 0o1777);
    json(&path).check(None).await.unwrap();
    chown(directory.path(), Some(12_345), Some(12_345)).unwrap();
    mode(directory.path(), 0o1777);
    let text = refused(&path).await;
    assert!(text.contains("It belongs to user id 12345"), "{text}");
}
