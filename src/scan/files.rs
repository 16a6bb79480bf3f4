//! Every file below a directory, as git sees it: what is ignored is not there, what is hidden is.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ignore::{WalkBuilder, WalkState};
use zeroize::Zeroizing;

use super::{Finding, Place, find, git};

/// What was found, and what could not be looked at.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The keys, by place.
    pub findings: Vec<Finding>,
    /// The files that could not be read, each with the reason.
    pub unread: Vec<String>,
}

/// Looks into a file, whatever it is, or every file below a directory.
pub fn look(path: &Path, with_ignored: bool) -> Outcome {
    if !path.is_dir() {
        let mut outcome = Outcome::default();
        outcome.keep(path, of_file(path));
        return outcome;
    }
    let mut outcome = walk(path, with_ignored);
    if !with_ignored {
        // What is tracked is not ignored, whatever the patterns say.
        for file in git::tracked_but_ignored(path) {
            let read = of_file(&file);
            outcome.keep(&file, read);
        }
    }
    outcome.findings.sort();
    outcome.findings.dedup();
    outcome.unread.sort();
    outcome
}

impl Outcome {
    fn keep(&mut self, path: &Path, read: io::Result<Vec<Finding>>) {
        match read {
            Ok(findings) => self.findings.extend(findings),
            Err(error) => self.unread.push(format!("{}: {error}", path.display())),
        }
    }
}

fn walk(path: &Path, with_ignored: bool) -> Outcome {
    let walk = WalkBuilder::new(path)
        .hidden(false)
        // Files of this name are no matter of git.
        .ignore(false)
        .git_ignore(!with_ignored)
        .git_global(!with_ignored)
        .git_exclude(!with_ignored)
        .parents(!with_ignored)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build_parallel();
    let outcome = Mutex::new(Outcome::default());
    let kept = || outcome.lock().unwrap_or_else(PoisonError::into_inner);
    walk.run(|| {
        Box::new(|entry| {
            match entry {
                Err(error) => kept().unread.push(error.to_string()),
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                    let read = of_file(entry.path());
                    kept().keep(entry.path(), read);
                }
                Ok(_) => {}
            }
            WalkState::Continue
        })
    });
    outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn of_file(path: &Path) -> io::Result<Vec<Finding>> {
    let text = std::fs::read(path)?;
    let place = Place {
        file: path.strip_prefix(".").unwrap_or(path).display().to_string(),
        ..Place::default()
    };
    Ok(of_text(&text, &place))
}

/// The keys in whatever it is: a key in a file that is no text has leaked as well.
pub fn of_text(text: &[u8], place: &Place) -> Vec<Finding> {
    match utf16(text) {
        Some(decoded) => find(decoded.as_bytes(), place, 1),
        None => find(text, place, 1),
    }
}

/// A text of Windows, by the mark at its beginning.
fn utf16(text: &[u8]) -> Option<Zeroizing<String>> {
    let (rest, unit): (_, fn([u8; 2]) -> u16) = match text {
        [0xff, 0xfe, rest @ ..] => (rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => (rest, u16::from_be_bytes),
        _ => return None,
    };
    let units = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let characters = char::decode_utf16(units).map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER));
    Some(Zeroizing::new(characters.collect()))
}
