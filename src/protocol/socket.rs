//! The Unix socket and its directory, which only we can enter and which goes when we go. What a process left that was
//! killed, the next one that starts takes away.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// What a directory is called while it is being made, and from then on.
const UNFINISHED: &str = "apikey-new-";
const FINISHED: &str = "apikey-plugin-";
/// A file that is locked for as long as its process lives, however that ends.
const ALIVE: &str = "alive";
const SOCKET: &str = "socket";

/// A directory with a socket. It is removed when this is dropped.
pub(super) struct SocketDirectory {
    path: PathBuf,
    _alive: File,
}

impl SocketDirectory {
    /// Makes one below `parent`, and listens in it.
    pub(super) fn listen(parent: &Path) -> io::Result<(Self, UnixListener)> {
        let unfinished = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        let alive = File::create_new(unfinished.path().join(ALIVE))?;
        let is_locked = alive.lock().is_ok();
        let listener = UnixListener::bind(unfinished.path().join(SOCKET))?;
        let mut path = unfinished.path().to_owned();
        if is_locked {
            // Whoever cleans up looks at finished directories only, and so at none that is not locked yet.
            path = parent.join(finished(&path));
            fs::rename(unfinished.path(), &path)?;
        }
        let _ = unfinished.keep();
        let directory = Self {
            path,
            _alive: alive,
        };
        Ok((directory, listener))
    }

    /// Where the socket is.
    pub(super) fn socket(&self) -> PathBuf {
        self.path.join(SOCKET)
    }
}

impl Drop for SocketDirectory {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn finished(unfinished: &Path) -> String {
    let name = unfinished.file_name().unwrap_or_default().to_string_lossy();
    let own = name.strip_prefix(UNFINISHED).unwrap_or(&name);
    format!("{FINISHED}{own}")
}

/// Removes the directories of processes that are no more. One that is not ours cannot be opened, and stays.
pub(super) fn clean_up(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| name.starts_with(FINISHED));
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            clean_up_one(&entry.path());
        }
    }
}

fn clean_up_one(directory: &Path) {
    match File::open(directory.join(ALIVE)) {
        Ok(alive) if alive.try_lock().is_ok() => remove(directory),
        // Somebody was cut off who removed it: nothing but an empty directory goes in this way.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let _ = fs::remove_dir(directory);
        }
        _ => {}
    }
}

/// The lock goes last, so that what is cut off here is taken up again.
fn remove(directory: &Path) {
    // What cannot be removed is left to the next process.
    let _ = fs::remove_file(directory.join(SOCKET));
    let _ = fs::remove_file(directory.join(ALIVE));
    let _ = fs::remove_dir(directory);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(parent: &Path) -> usize {
        fs::read_dir(parent).unwrap().count()
    }

    #[tokio::test]
    async fn only_what_dead_processes_left_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let (living, _listener) = SocketDirectory::listen(parent.path()).unwrap();
        let (dead, listener) = SocketDirectory::listen(parent.path()).unwrap();
        let left = dead.path.clone();
        let SocketDirectory { path: _, _alive } = &dead;
        _alive.unlock().unwrap();
        std::mem::forget(dead);
        drop(listener);
        let strangers = parent.path().join(format!("{FINISHED}stranger"));
        fs::create_dir(&strangers).unwrap();
        fs::write(strangers.join("file"), "").unwrap();
        assert_eq!(there(parent.path()), 3);

        clean_up(parent.path());
        assert!(!left.exists());
        assert!(living.socket().exists() && strangers.join("file").exists());
        drop(living);
        assert_eq!(there(parent.path()), 1);
    }
}
