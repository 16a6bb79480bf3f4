//! Finds keys where none should be: in files, in what is about to be committed, in what ever was.
//!
//! What a key looks like, the table of issuers says. A key of the issuer `generated` proves itself by its checksum.

pub mod files;
pub mod format;
pub mod git;
pub mod rules;

use memchr::{memchr_iter, memrchr};

use crate::domain::keys::KeyMark;
use crate::issuers::ISSUERS;
use crate::secret::Secret;
use format::Format;

/// A line with this word says that what stands there is meant to.
pub const ALLOW: &[u8] = b"apikey:allow";

/// A key that was found. It does not hold the secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What it is called.
    pub what: &'static str,
    /// The public id, or the beginning of the secret that says nothing of the rest.
    pub shown: String,
    /// The public id, if that is what was found.
    pub key_id: Option<String>,
    /// The mark of the secret, by which the ledger knows it.
    pub mark: Option<String>,
}

/// Where something was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The commit, in history.
    pub commit: Option<String>,
    /// The file; `-` for the standard input.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The byte in the line, from 1.
    pub column: usize,
}

impl Finding {
    /// As the ledger looks for it.
    pub fn key(&self) -> KeyMark {
        KeyMark {
            key_id: self.key_id.clone(),
            mark: self.mark.clone(),
        }
    }
}

/// The keys in a text, in its order. `line` is the number of its first line.
pub fn find(text: &[u8], place: &Place, line: usize) -> Vec<Finding> {
    let formats = ISSUERS.iter().flat_map(|issuer| issuer.formats());
    let mut findings: Vec<Finding> = formats
        .flat_map(|format| of_format(text, format, place, line))
        .collect();
    findings.sort();
    findings
}

fn of_format(text: &[u8], format: &Format, place: &Place, line: usize) -> Vec<Finding> {
    let found = (format.find)(text).into_iter();
    let kept = found.filter(|found| !is_allowed(text, found.at.start));
    kept.filter_map(|found| {
        let key = std::str::from_utf8(&text[found.at.clone()]).ok()?;
        let shown = match format.is_id {
            true => key.to_owned(),
            false => format!("{}…", &key[..found.shown]),
        };
        let fingerprint = Secret::new(key.to_owned()).fingerprint();
        let mark = match format.is_id {
            true => KeyMark::new(Some(key.to_owned()), None),
            false => KeyMark::new(None, Some(&fingerprint)),
        };
        let before = &text[..found.at.start];
        let place = Place {
            line: line + memchr_iter(b'\n', before).count(),
            column: found.at.start - memrchr(b'\n', before).map_or(0, |at| at + 1) + 1,
            ..place.clone()
        };
        Some(Finding {
            place,
            what: format.name,
            shown,
            key_id: mark.key_id,
            mark: mark.mark,
        })
    })
    .collect()
}

/// Whether the line around a place says so.
fn is_allowed(text: &[u8], at: usize) -> bool {
    let start = memrchr(b'\n', &text[..at]).map_or(0, |at| at + 1);
    let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |length| at + length);
    memchr::memmem::find(&text[start..end], ALLOW).is_some()
}

#[cfg(test)]
mod tests;
