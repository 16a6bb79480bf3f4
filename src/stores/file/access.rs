//! Who else could read a key at a path, or put a file of their own in its place. Looked at before a key is minted, with
//! the right of ownership and the mode of a file that was just created there: that tells what the system really keeps.

#[cfg(unix)]
use std::fs;
use std::fs::Metadata;
use std::path::Path;

#[cfg(unix)]
use super::disk::{Entry, directory_of, entry, failed};
use crate::error::Result;
#[cfg(unix)]
use crate::error::{Error, Kind};

/// The superuser may do everything anyhow.
#[cfg(unix)]
const ROOT: u32 = 0;

/// Refuses a place where others could get at a key. `sample` is what was just created there, open to its owner only.
#[cfg(unix)]
pub fn refuse_open_place(path: &Path, sample: &Metadata) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let directory = directory_of(path);
    refuse_lost_mode(directory, sample.mode())?;
    // The way that the path names, and the one that its links lead to.
    let real = directory
        .ancestors()
        .find_map(|existing| fs::canonicalize(existing).ok());
    let ways = [Some(directory), real.as_deref()];
    for directory in ways.into_iter().flatten().flat_map(Path::ancestors) {
        match fs::metadata(directory) {
            Ok(metadata) => refuse_open_directory(path, directory, &metadata, sample.uid())?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("look at", directory, &error)),
        }
    }
    refuse_planted_file(path, sample.uid())
}

/// Windows: a file has an access list of its own. Who may write to its directory is for the administrator to judge.
#[cfg(not(unix))]
pub fn refuse_open_place(_: &Path, _: &Metadata) -> Result<()> {
    Ok(())
}

/// Drives of Windows in WSL and some network shares show every file as open, whatever mode it was created with.
#[cfg(unix)]
fn refuse_lost_mode(directory: &Path, mode: u32) -> Result<()> {
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::new(
        Kind::Denied,
        format!(
            "{} cannot keep a file closed to other users",
            directory.display()
        ),
        format!(
            "A file that was created there with mode 0600 has the mode {:04o}: its file system keeps no modes, as with \
             the drives of Windows in WSL. Choose a path on a file system that does.",
            mode & 0o777
        ),
    ))
}

/// Whoever may write to a directory on the way may put another file, or another directory, in the place of ours. In a
/// sticky directory everybody may only move what is theirs, and its owner everything.
#[cfg(unix)]
fn refuse_open_directory(
    path: &Path,
    directory: &Path,
    metadata: &Metadata,
    ourselves: u32,
) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let refused = |why: String| {
        Err(Error::new(
            Kind::Denied,
            format!("{} can be written by other users", directory.display()),
            format!(
                "Its mode is {:04o}, so others could put a file of theirs in the place of {} and be given the key. {why}",
                metadata.mode() & 0o7777,
                path.display()
            ),
        ))
    };
    if !others_may_write(metadata) {
        Ok(())
    } else if !is_sticky(metadata) {
        refused(format!("Close it (chmod go-w {}).", directory.display()))
    } else if [ROOT, ourselves].contains(&metadata.uid()) {
        Ok(())
    } else {
        refused(format!(
            "It belongs to user id {}, who may move every file in it. Choose a directory of your own.",
            metadata.uid()
        ))
    }
}

/// In a directory where everybody may create files, a file of another user was put there to be given a key.
#[cfg(unix)]
fn refuse_planted_file(path: &Path, ourselves: u32) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let directory = directory_of(path);
    let (Entry::File(file), Ok(around)) = (entry(path)?, fs::metadata(directory)) else {
        return Ok(());
    };
    if file.uid() == ourselves || !others_may_write(&around) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Denied,
        format!("{} belongs to another user", path.display()),
        format!(
            "Its owner has the user id {}, and other users may create files in {}, so it may have been put there to be \
             given the key. Remove the file, or choose a directory that only you can write.",
            file.uid(),
            directory.display()
        ),
    ))
}

/// A group with the number of its owner is that user's own, as Linux distributions set it up: nobody else is in it.
#[cfg(unix)]
fn others_may_write(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let by_group = metadata.mode() & 0o020 != 0 && metadata.gid() != metadata.uid();
    by_group || metadata.mode() & 0o002 != 0
}

#[cfg(unix)]
fn is_sticky(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.mode() & 0o1000 != 0
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_system_that_keeps_no_modes_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.json");
        let sample = directory.path().join("sample");
        fs::write(&sample, "").unwrap();
        for (mode, accepted) in [(0o600, true), (0o640, false), (0o777, false)] {
            fs::set_permissions(&sample, fs::Permissions::from_mode(mode)).unwrap();
            let judged = refuse_open_place(&path, &fs::metadata(&sample).unwrap());
            assert_eq!(judged.is_ok(), accepted, "{mode:o}: {judged:?}");
        }
    }
}
