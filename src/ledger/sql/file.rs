//! The file of a SQLite ledger: made by us, for its owner alone.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The absolute path, without making anything.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(directory)), Some(name)) => Ok(directory.join(name)),
        _ => Ok(path),
    }
}

/// Whether SQLite keeps a log of changes beside the file.
pub fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    Path::new(&log).metadata().is_ok_and(|log| log.len() > 0)
}

/// Makes sure that there is a file, and gives back its absolute path. A new file has mode 0600 and a new directory
/// 0700 from the moment they exist; SQLite gives its log and its index the mode of the file.
pub fn prepared(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it names no file"));
    };
    private_directory().create(directory)?;
    let path = directory.canonicalize()?.join(name);
    match private_file().open(&path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(path),
    }
}

fn private_directory() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The path in a form that no URL parser changes.
pub fn encoded(path: &Path) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let text = path.to_str()?;
    Some(
        text.bytes()
            .map(|byte| match plain(byte) {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            })
            .collect(),
    )
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_created_is_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = prepared(&home.path().join("a/b/ledger.db")).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(prepared(&path).unwrap(), path);
    }

    #[test]
    fn a_path_with_strange_characters_survives_a_url() {
        assert_eq!(
            encoded(Path::new("/a b/ü?#%.db")).unwrap(),
            "/a%20b/%C3%BC%3F%23%25.db"
        );
    }
}
