//! Changes files: under a lock, in one step, durably. Everything here blocks, for a short time.
//!
//! Knows nothing of what stands in a file. A killed writer leaves the old file whole; what it leaves
//! beside it is taken over by the next one.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Bytes;
use super::access::refuse_open_place;
use super::disk::{self, Entry, directory_of, entry, failed};
use super::file_id::FileId;
use crate::error::{Error, Kind, Result};
use crate::ledger::guard;

/// 30 seconds in all: a writer needs milliseconds, so whoever holds the lock longer hangs.
const LOCK_ATTEMPTS: u32 = 6_000;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Creates what is missing above the file, for its owner only.
pub fn create_directories(path: &Path) -> Result<()> {
    let directory = directory_of(path);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(directory)
        .map_err(|error| failed("create", directory, &error))
}

/// Does everything that a write does, short of touching the file.
pub fn rehearse(path: &Path) -> Result<()> {
    let directory = directory_of(path);
    let existing = directory
        .ancestors()
        .find(|ancestor| ancestor.exists())
        .unwrap_or(directory);
    if existing == directory {
        let lock = Lock::take(path)?;
        return Draft::create(&lock).map(drop);
    }
    // Its own text would add the random name, which nobody knows.
    let refused =
        |error: io::Error| failed("create a directory in", existing, &error.kind().into());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let created = builder
        .prefix(".apikey-")
        .tempdir_in(existing)
        .map_err(refused)?;
    let sample = fs::metadata(created.path()).map_err(refused)?;
    refuse_open_place(path, &sample)?;
    created.close().map_err(refused)
}

/// The right to change one file, against every thread and process that asks for it too.
///
/// It is a lock on a file beside it, which is deleted while it is still held. Whoever waited for
/// the deleted one notices that the name is gone or names another file, and starts again.
pub struct Lock {
    target: PathBuf,
    sidecar: PathBuf,
    _held: File,
}

impl Lock {
    /// Waits for the lock. The directory must exist.
    pub fn take(target: &Path) -> Result<Self> {
        let sidecar = beside(target, "lock");
        for _ in 0..LOCK_ATTEMPTS {
            if let Some(held) = try_sidecar(&sidecar)? {
                return Ok(Self {
                    target: target.to_owned(),
                    sidecar,
                    _held: held,
                });
            }
            std::thread::sleep(LOCK_PAUSE);
        }
        Err(Error::new(
            Kind::Unavailable,
            format!("{} is locked", target.display()),
            format!(
                "Another process has held the lock {} for 30 seconds. Wait for it to end, or end it, and apply again.",
                sidecar.display()
            ),
        ))
    }

    /// Puts new bytes in the place of the file in one step: a reader sees the old or the new file, never a part.
    /// `false`, and nothing is replaced, if the file does not hold the bytes of `before` by now: programs that do not
    /// know of the lock append to it.
    pub fn replace(&self, before: Option<&Bytes>, bytes: &[u8]) -> Result<bool> {
        let mut draft = Draft::create(self)?;
        draft
            .file
            .write_all(bytes)
            .and_then(|()| draft.file.sync_all())
            .map_err(|error| failed("write", &draft.path, &error))?;
        guard::confirm_now()?;
        if disk::read(&self.target)?.as_ref() != before {
            return Ok(false);
        }
        fs::rename(&draft.path, &self.target)
            .map_err(|error| failed("replace", &self.target, &error))?;
        draft.in_place = true;
        self.make_durable()?;
        Ok(true)
    }

    /// Deletes the file. It may be gone already.
    pub fn delete(&self) -> Result<()> {
        guard::confirm_now()?;
        match fs::remove_file(&self.target) {
            Ok(()) => self.make_durable(),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed("delete", &self.target, &error)),
        }
    }

    /// Without this, the old name could be back after a power failure.
    #[cfg(unix)]
    fn make_durable(&self) -> Result<()> {
        let directory = directory_of(&self.target);
        match File::open(directory).and_then(|directory| directory.sync_all()) {
            // Some network file systems cannot do it for a directory, and do not need it.
            Err(error)
                if !matches!(
                    error.kind(),
                    ErrorKind::InvalidInput | ErrorKind::Unsupported
                ) =>
            {
                Err(failed("save", directory, &error))
            }
            _ => Ok(()),
        }
    }

    /// Windows cannot open a directory as a file; its file systems keep a journal of names.
    #[cfg(not(unix))]
    fn make_durable(&self) -> Result<()> {
        Ok(())
    }
}

impl Drop for Lock {
    /// Windows keeps the name of a deleted file until its last handle is closed, which would make others
    /// fail instead of wait: there the empty file stays.
    fn drop(&mut self) {
        if cfg!(unix) {
            // If it cannot be deleted it stays as an empty file that the next writer takes over.
            let _ = fs::remove_file(&self.sidecar);
        }
    }
}

/// The locked sidecar, or `None` if another has it.
fn try_sidecar(path: &Path) -> Result<Option<File>> {
    let Some(file) = open_sidecar(path)? else {
        return Ok(None);
    };
    match file.try_lock() {
        Ok(()) => Ok(still_named(&file, path)?.then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed("lock", path, &error)),
    }
}

/// `None` if it came or went in between.
fn open_sidecar(path: &Path) -> Result<Option<File>> {
    let opened = match create_new(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match entry(path)? {
            Entry::Missing => return Ok(None),
            Entry::Other(what) => return clear(path, what).map(|()| None),
            Entry::File(_) => OpenOptions::new().read(true).write(true).open(path),
        },
        created => created,
    };
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound && directory_of(path).exists() => {
            Ok(None)
        }
        // It exists and is not for us to open.
        Err(error)
            if error.kind() == ErrorKind::PermissionDenied
                && matches!(entry(path), Ok(Entry::File(_))) =>
        {
            Err(in_the_way(path, "a file of another user"))
        }
        Err(error) => Err(failed("create", path, &error)),
    }
}

fn still_named(file: &File, path: &Path) -> Result<bool> {
    let lock = |error: io::Error| failed("lock", path, &error);
    let held = FileId::of(file).map_err(lock)?;
    match FileId::of_path(path) {
        Ok(named) => Ok(held == named),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(lock(error)),
    }
}

/// The next content of a file, beside it. Deleted again unless it gets into place.
struct Draft {
    path: PathBuf,
    file: File,
    in_place: bool,
}

impl Draft {
    /// Under the lock nobody else writes a draft, so one that is there was left by a killed writer.
    fn create(lock: &Lock) -> Result<Self> {
        let path = beside(&lock.target, "tmp");
        match (entry(&path)?, fs::remove_file(&path)) {
            (_, Ok(())) | (Entry::Missing, _) => {}
            (Entry::Other(what), Err(_)) => clear(&path, what)?,
            (Entry::File(_), Err(_)) => {
                return Err(in_the_way(&path, "a file of another user"));
            }
        }
        let file = create_new(&path).map_err(|error| failed("create", &path, &error))?;
        let draft = Self {
            path,
            file,
            in_place: false,
        };
        let made = draft
            .file
            .metadata()
            .map_err(|error| failed("read", &draft.path, &error))?;
        refuse_open_place(&lock.target, &made)?;
        draft.take_owner_of(&lock.target, &made)?;
        Ok(draft)
    }

    /// Replacing a file must not take it away from the user who reads it.
    #[cfg(unix)]
    fn take_owner_of(&self, target: &Path, new: &Metadata) -> Result<()> {
        use std::os::unix::fs::{MetadataExt, fchown};
        let Entry::File(old) = entry(target)? else {
            return Ok(());
        };
        let changed = fchown(&self.file, Some(old.uid()), Some(old.gid()));
        if old.uid() == new.uid() || changed.is_ok() {
            // The group has no rights in the file, so it matters little which one it is.
            return Ok(());
        }
        Err(Error::new(
            Kind::Denied,
            format!("{} belongs to another user", target.display()),
            format!(
                "Its owner has the user id {}, and replacing it would lock that user out. Run Terraform as that user, \
                 or choose another path.",
                old.uid()
            ),
        ))
    }

    /// Windows: whoever runs Terraform owns the new file; administrators and the system may read it as well.
    #[cfg(not(unix))]
    fn take_owner_of(&self, _: &Path, _: &Metadata) -> Result<()> {
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.in_place {
            // The next writer deletes it if this fails.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Somebody put something else where a lock or a draft belongs. An empty directory holds nothing of anybody and goes.
fn clear(path: &Path, what: &str) -> Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(in_the_way(path, what)),
        _ => Ok(()),
    }
}

fn in_the_way(path: &Path, what: &str) -> Error {
    Error::new(
        Kind::Denied,
        format!("{} is in the way", path.display()),
        format!(
            "It is {what}. The provider keeps a file of this name beside the one that it writes, for a moment. Remove what \
             stands there and apply again."
        ),
    )
}

/// A file that was not there before, for its owner only.
#[cfg(unix)]
fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(windows)]
use super::windows::create_new;

fn beside(target: &Path, role: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.apikey.{role}"))
}

#[cfg(all(test, unix))]
#[path = "replace_tests.rs"]
mod tests;
