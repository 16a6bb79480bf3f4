//! What a file is, whatever path leads to it: the directory as the system knows it, and a name in it.

use std::fs;
use std::path::{Path, PathBuf};

use super::disk::directory_of;
use super::file_id::FileId;

/// The path without links, and in small letters where the file system does not tell capital ones apart.
pub fn of(path: &Path) -> PathBuf {
    let (existing, real) = real_ancestor(directory_of(path));
    // The ancestor is one of the path, so this strips it.
    let rest = path.strip_prefix(existing).unwrap_or(path);
    if is_caseless(&real) {
        real.join(rest.to_string_lossy().to_lowercase())
    } else {
        real.join(rest)
    }
}

/// What the file system says of the directory: the same for two mounts of one directory, which have different paths. It
/// may be another after a restart, so it is only compared, never kept.
pub fn handle(path: &Path) -> Option<String> {
    let FileId { volume, index } = FileId::at_the_end_of(directory_of(path)).ok()?;
    let real = of(path);
    let name = real.file_name()?.to_string_lossy();
    Some(format!("{volume}:{index}/{name}"))
}

/// The first directory above that exists, as it was written and as the system knows it.
fn real_ancestor(directory: &Path) -> (&Path, PathBuf) {
    directory
        .ancestors()
        .find_map(|existing| Some((existing, fs::canonicalize(existing).ok()?)))
        .unwrap_or((directory, directory.to_owned()))
}

/// Whether a directory is found under a name that differs in capital letters only.
fn is_caseless(directory: &Path) -> bool {
    if cfg!(windows) {
        return true;
    }
    let named = |directory: &&Path| {
        let name = directory.file_name().unwrap_or_default();
        name.to_string_lossy()
            .contains(|letter: char| letter.is_ascii_alphabetic())
    };
    directory
        .ancestors()
        .find(named)
        .is_some_and(|directory| is_found_by(directory, &with_other_case(directory)))
}

fn with_other_case(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let flip = |letter: char| match letter.is_ascii_lowercase() {
        true => letter.to_ascii_uppercase(),
        false => letter.to_ascii_lowercase(),
    };
    path.with_file_name(name.chars().map(flip).collect::<String>())
}

/// Whether both paths name one directory.
fn is_found_by(directory: &Path, other: &Path) -> bool {
    match (
        FileId::at_the_end_of(directory),
        FileId::at_the_end_of(other),
    ) {
        (Ok(one), Ok(two)) => one == two,
        _ => false,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_way_to_a_file_leads_to_one_identity() {
        let directory = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(directory.path()).unwrap();
        fs::create_dir(real.join("keys")).unwrap();
        symlink(real.join("keys"), real.join("link")).unwrap();
        for file in ["a.json", "new/a.json"] {
            let plain = of(&real.join("keys").join(file));
            assert_eq!(plain, real.join("keys").join(file));
            assert_eq!(of(&real.join("link").join(file)), plain);
        }
        assert_ne!(of(&real.join("keys/a.json")), of(&real.join("keys/b.json")));
        assert_eq!(handle(&real.join("keys/a")), handle(&real.join("link/a")));
        assert_ne!(handle(&real.join("keys/a")), handle(&real.join("keys/b")));
    }

    #[test]
    fn another_case_is_another_name_only_where_the_file_system_says_so() {
        assert_eq!(
            with_other_case(Path::new("/a/Keys-1")),
            Path::new("/a/kEYS-1")
        );
        let directory = tempfile::tempdir().unwrap();
        let keys = directory.path().join("keys");
        fs::create_dir(&keys).unwrap();
        // What a file system without capital letters would do.
        symlink(&keys, with_other_case(&keys)).unwrap();
        assert!(is_caseless(&keys));
        assert_eq!(of(&keys.join("PAY.json")), of(&keys.join("pay.json")));
    }
}
