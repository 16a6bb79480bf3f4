//! Files that a command writes: whoever opens one at any time finds the old content or the new one, and never a part.

use std::fmt::Display;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::{Serialize, Serializer};
use tempfile::NamedTempFile;

use crate::error::{Error, Kind, Result};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Whoever writes it.
    Owner,
    /// Everybody of this machine.
    Everybody,
}

/// A list in JSON, each element of which is made when it is written.
pub struct List<F>(pub F);

impl<F: Fn() -> I, I: IntoIterator<Item: Serialize>> Serialize for List<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// Writes a whole file, in place of what is there.
pub fn write(file: &Path, content: &dyn Display, readers: Readers) -> Result<()> {
    let fresh = beside(file)?;
    let mut buffer = BufWriter::new(fresh.as_file());
    let written = write!(buffer, "{content}").and_then(|()| buffer.flush());
    written.map_err(|error| failed(file, &error))?;
    drop(buffer);
    keep(fresh, file, readers)
}

/// A new and empty file beside another, readable for its owner alone.
pub fn beside(file: &Path) -> Result<NamedTempFile> {
    if file.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        let other = std::io::Error::other("it is no ordinary file, and is not replaced");
        return Err(failed(file, &other));
    }
    let directory = file.parent().filter(|path| !path.as_os_str().is_empty());
    let fresh = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")));
    fresh.map_err(|error| failed(file, &error))
}

/// Puts the new file in place of the other.
pub fn keep(fresh: NamedTempFile, file: &Path, readers: Readers) -> Result<()> {
    let kept = readable(fresh.as_file(), readers)
        .and_then(|()| fresh.as_file().sync_all())
        .and_then(|()| fresh.persist(file).map_err(|error| error.error));
    kept.map(|_| ()).map_err(|error| failed(file, &error))
}

/// The error for a file that could not be written.
pub fn failed(file: &Path, error: &std::io::Error) -> Error {
    Error::new(
        Kind::Other,
        "The file cannot be written",
        format!(
            "{}: {error}. What was there before is still there. The directory must exist and be writable.",
            file.display()
        ),
    )
}

#[cfg(unix)]
fn readable(file: &std::fs::File, readers: Readers) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Everybody => 0o644,
    };
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn readable(_: &std::fs::File, _: Readers) -> std::io::Result<()> {
    Ok(())
}
