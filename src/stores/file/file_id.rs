//! What the system knows a file or a directory by, whatever path leads to it.

use std::fs::File;
use std::io;
use std::path::Path;

/// The file system and the number of the file in it. It may be another after a restart, so it is only compared, never kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    pub volume: u64,
    pub index: u64,
}

impl FileId {
    /// Of an open file.
    #[cfg(unix)]
    pub fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(Self::from)
    }

    /// Of what a path names, which may be a link.
    #[cfg(unix)]
    pub fn of_path(path: &Path) -> io::Result<Self> {
        path.symlink_metadata().map(Self::from)
    }

    /// Of what a path leads to.
    #[cfg(unix)]
    pub fn at_the_end_of(path: &Path) -> io::Result<Self> {
        path.metadata().map(Self::from)
    }
}

#[cfg(unix)]
impl From<std::fs::Metadata> for FileId {
    fn from(metadata: std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            volume: metadata.dev(),
            index: metadata.ino(),
        }
    }
}

/// Windows tells it of what is open only.
#[cfg(windows)]
impl FileId {
    /// Of an open file.
    pub fn of(file: &File) -> io::Result<Self> {
        let told = winapi_util::file::information(file)?;
        Ok(Self {
            volume: told.volume_serial_number(),
            index: told.file_index(),
        })
    }

    /// Of what a path names, which may be a link.
    pub fn of_path(path: &Path) -> io::Result<Self> {
        Self::of(&open(path, FILE_FLAG_OPEN_REPARSE_POINT)?)
    }

    /// Of what a path leads to.
    pub fn at_the_end_of(path: &Path) -> io::Result<Self> {
        Self::of(&open(path, 0)?)
    }
}

#[cfg(windows)]
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT,
};

/// To be looked at, not read. Without the first flag no directory is opened.
#[cfg(windows)]
fn open(path: &Path, flags: u32) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .access_mode(0)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | flags)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_same_under_every_name_and_another_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let [one, two, name] = ["one", "two", "name"].map(|name| directory.path().join(name));
        std::fs::write(&one, "a").unwrap();
        std::fs::write(&two, "a").unwrap();
        std::fs::hard_link(&one, &name).unwrap();
        let id = FileId::of_path(&one).unwrap();
        assert_eq!(id, FileId::of_path(&name).unwrap());
        assert_eq!(id, FileId::of(&File::open(&one).unwrap()).unwrap());
        assert_eq!(id, FileId::at_the_end_of(&one).unwrap());
        assert_ne!(id, FileId::of_path(&two).unwrap());
    }

    #[test]
    fn a_directory_is_the_same_by_every_way_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let id = FileId::at_the_end_of(directory.path()).unwrap();
        assert_eq!(id, FileId::at_the_end_of(&inner.join("..")).unwrap());
        assert_ne!(id, FileId::at_the_end_of(&inner).unwrap());
    }
}
