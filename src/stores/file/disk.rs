//! Files on the disk: looked at without following links, and what to say when the system refuses.
//!
//! Knows nothing of what stands in them, and changes none; that is in `replace`.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::Bytes;
use crate::error::{Error, Kind, Result};

/// A delivered document is below a kilobyte; a file this long is something else.
const LARGEST: u64 = 1024 * 1024;

/// What a path names.
pub enum Entry {
    /// Nothing.
    Missing,
    /// An ordinary file.
    File(Metadata),
    /// Something that is neither, in words.
    Other(&'static str),
}

/// What stands at the path itself; a link is not followed.
pub fn entry(path: &Path) -> Result<Entry> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        // Where a part of the path is no directory there is no file either.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Entry::Missing);
        }
        Err(error) => return Err(failed("look at", path, &error)),
    };
    Ok(match metadata.file_type() {
        kind if kind.is_file() => Entry::File(metadata),
        kind if kind.is_symlink() => Entry::Other("a symbolic link"),
        kind if kind.is_dir() => Entry::Other("a directory"),
        _ => Entry::Other("not an ordinary file"),
    })
}

/// The bytes of a file that only its owner may use; `None` if there is none.
pub fn read(path: &Path) -> Result<Option<Bytes>> {
    if let Entry::File(metadata) = entry(path)? {
        private(path, &metadata)?;
    }
    read_whoever_may(path)
}

/// The bytes of a file, even if others may read it.
pub fn read_whoever_may(path: &Path) -> Result<Option<Bytes>> {
    match entry(path)? {
        Entry::Missing => return Ok(None),
        Entry::Other(what) => return Err(odd(path, what)),
        Entry::File(_) => {}
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path, &error)),
    };
    let opened = file
        .metadata()
        .map_err(|error| failed("read", path, &error))?;
    // A link that came since the file was looked at would have been followed.
    if let Entry::Other(what) = entry(path)? {
        return Err(odd(path, what));
    }
    // Room for all of it and the end, so that growing leaves no copy in freed memory.
    let room = opened.len().min(LARGEST) as usize + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed("read", path, &error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::new(
            Kind::Invalid,
            format!("{} is too large", path.display()),
            "A file with keys is not expected to exceed 1 MiB. Choose another path.",
        ));
    }
    Ok(Some(bytes))
}

/// The error for something that is not an ordinary file.
pub fn odd(path: &Path, what: &str) -> Error {
    Error::new(
        Kind::Invalid,
        format!("{} is {what}", path.display()),
        "Keys are only written to an ordinary file, never through a link. Name the file itself, or remove what \
         stands there.",
    )
}

#[cfg(unix)]
fn private(path: &Path, metadata: &Metadata) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::new(
        Kind::Denied,
        format!("{} is open to other users", path.display()),
        format!(
            "Its mode is {mode:04o}, and a file with keys must be closed to group and others. Close it (chmod 600 {}).",
            path.display()
        ),
    ))
}

/// Windows has no such bits. What this provider creates is closed there, and what others created it replaces.
#[cfg(not(unix))]
fn private(_: &Path, _: &Metadata) -> Result<()> {
    Ok(())
}

/// The directory that a file is in.
pub fn directory_of(path: &Path) -> &Path {
    // A target always has a name, so it has a parent.
    path.parent().unwrap_or(path)
}

/// The error for something that the operating system refused.
pub fn failed(act: &str, path: &Path, error: &io::Error) -> Error {
    let (kind, next) = match error.kind() {
        ErrorKind::PermissionDenied => (
            Kind::Denied,
            "Give the user who runs Terraform the right to, or choose another path.",
        ),
        ErrorKind::ReadOnlyFilesystem => (
            Kind::Denied,
            "Choose a path on a file system that can be written.",
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (Kind::Limit, "Make room and apply again.")
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists | ErrorKind::InvalidFilename => (
            Kind::Invalid,
            "A part of the path is not a directory, or cannot be a name. Correct the path.",
        ),
        ErrorKind::TimedOut
        | ErrorKind::Interrupted
        | ErrorKind::ResourceBusy
        | ErrorKind::StaleNetworkFileHandle => (Kind::Unavailable, "Apply again."),
        _ => (Kind::Other, "Correct the cause and apply again."),
    };
    Error::new(
        kind,
        format!("Could not {act} {}", path.display()),
        format!("The operating system says: {error}. {next}"),
    )
}
