//! Directories that are kept and put back.

use std::fs;
use std::path::Path;

/// Makes `to` the same as `from`.
pub fn put_back(from: &Path, to: &Path) {
    for entry in fs::read_dir(to).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => fs::remove_dir_all(&path).unwrap(),
            false => fs::remove_file(&path).unwrap(),
        }
    }
    copy(from, to);
}

/// Copies everything in a directory.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, from.metadata().unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}
