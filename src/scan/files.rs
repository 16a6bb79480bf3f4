//! Every file below a directory, as git sees it: what is ignored is not there, what is hidden is.

use std::io;
use std::path::Path;
use std::sync::Mutex;

use ignore::{WalkBuilder, WalkState};

use super::{Finding, Place, find};

/// What holds a zero byte so early is no text.
const LOOKED_AT: usize = 8 * 1024;

/// What was found, and what could not be looked at.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The keys, by place.
    pub findings: Vec<Finding>,
    /// The files that could not be read, each with the reason.
    pub unread: Vec<String>,
}

/// Looks into a file, or every file below a directory.
pub fn look(path: &Path, with_ignored: bool) -> Outcome {
    let walk = WalkBuilder::new(path)
        .hidden(false)
        .standard_filters_but_hidden(!with_ignored)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build_parallel();
    let outcome = Mutex::new(Outcome::default());
    let keep = |read: Result<Vec<Finding>, String>| {
        let mut outcome = outcome
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match read {
            Ok(findings) => outcome.findings.extend(findings),
            Err(reason) => outcome.unread.push(reason),
        }
    };
    walk.run(|| {
        Box::new(|entry| {
            match entry {
                Err(error) => keep(Err(error.to_string())),
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                    let path = entry.path();
                    keep(of_file(path).map_err(|error| format!("{}: {error}", path.display())));
                }
                Ok(_) => {}
            }
            WalkState::Continue
        })
    });
    let mut outcome = outcome
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    outcome.findings.sort();
    outcome.unread.sort();
    outcome
}

fn of_file(path: &Path) -> io::Result<Vec<Finding>> {
    let text = std::fs::read(path)?;
    let place = Place {
        file: path.strip_prefix(".").unwrap_or(path).display().to_string(),
        ..Place::default()
    };
    Ok(of_text(&text, &place))
}

/// The keys in what may be a text.
pub fn of_text(text: &[u8], place: &Place) -> Vec<Finding> {
    let beginning = &text[..text.len().min(LOOKED_AT)];
    match beginning.contains(&0) {
        true => Vec::new(),
        false => find(text, place, 1),
    }
}

/// `standard_filters` would set what is hidden, too.
trait Filters {
    fn standard_filters_but_hidden(&mut self, on: bool) -> &mut Self;
}

impl Filters for WalkBuilder {
    fn standard_filters_but_hidden(&mut self, on: bool) -> &mut Self {
        self.ignore(on)
            .git_ignore(on)
            .git_global(on)
            .git_exclude(on)
            .parents(on)
    }
}
