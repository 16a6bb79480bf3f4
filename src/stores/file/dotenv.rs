//! How both slots stand in a dotenv file, between lines that are none of our business.
//!
//! A value is written bare, without quotes: `docker --env-file` would hand quotes to the program, and an
//! escape means something else to every reader. So only characters that `sh`, Docker and dotenv
//! libraries all read as themselves are written, and a key with others is refused.
//!
//! Everything is done on bytes: lines of others stay as they are, whatever their encoding or line ending.

use zeroize::Zeroizing;

use super::Bytes;
use super::scan::{Line, Scan, closing, quoted};
use crate::stores::variables::{SUFFIXES, Values, values};
use crate::stores::{Document, DocumentKey, Found};

pub use crate::stores::variables::Names;

impl Names {
    fn scan<'a>(&self, bytes: &'a [u8]) -> Scan<'a> {
        Scan::of(bytes, |name| self.index_of(name))
    }
}

/// The values of our variables, in the order of [`SUFFIXES`]; a variable without one has no line.
pub struct Lines(Values);

impl Lines {
    /// No line at all, to take away what stands there.
    pub fn none() -> Self {
        Self(Default::default())
    }

    /// The lines of a document. The error names what cannot be written bare.
    pub fn of(document: &Document) -> std::result::Result<Self, &'static str> {
        let (primary, secondary) = (&document.primary, document.secondary.as_ref());
        let secret =
            |key: &DocumentKey| !key.secret.expose().is_empty() && is_bare(key.secret.expose());
        let id = |key: &DocumentKey| key.key_id.as_deref().is_none_or(is_bare);
        for (fits, what) in [
            (secret(primary), "primary key"),
            (secondary.is_none_or(secret), "secondary key"),
            (id(primary), "id of the primary key"),
            (secondary.is_none_or(id), "id of the secondary key"),
        ] {
            if !fits {
                return Err(what);
            }
        }
        Ok(Self(values(document)))
    }
}

/// Whether every reader takes this text for itself when it stands after `NAME=` without quotes.
///
/// A shell replaces `~` at the start and after `:` or `=`; elsewhere it is itself.
fn is_bare(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./+=:@%,^!~".contains(&byte);
    text.bytes().all(plain)
        && !text.starts_with('~')
        && !text.contains(":~")
        && !text.contains("=~")
}

/// Whether one of these variables stands in a file, however broken the file is.
pub fn mentions(bytes: &[u8], names: &Names) -> bool {
    names
        .scan(bytes)
        .lines
        .iter()
        .any(|line| line.ours.is_some())
}

/// What a file means for these variables.
pub fn read(bytes: &[u8], names: &Names) -> Found {
    if bytes.contains(&0) || matches!(bytes.trim_ascii().first(), Some(b'{' | b'[' | b'<')) {
        return Found::foreign("it is not a dotenv file");
    }
    let scan = names.scan(bytes);
    let mut values = Values::default();
    for (number, line) in scan.lines.iter().enumerate() {
        let Some(ours) = &line.ours else { continue };
        let at = format!("line {}, {}", number + 1, names.variable(ours.index));
        if line.inside {
            return Found::foreign(format!("{at}, stands inside a value of several lines"));
        }
        match decode(ours.value) {
            Some(value) => values[ours.index] = Some(value),
            None => {
                return Found::foreign(format!(
                    "{at}, has a value that readers understand differently"
                ));
            }
        }
    }
    if scan.open_at_end && values.iter().all(Option::is_none) {
        return Found::foreign("its last value is not closed, so nothing can be added after it");
    }
    names.understand(values)
}

/// The document of a file that holds the variables of one delivery, whatever its prefix, and nothing else.
pub fn read_alone(bytes: &[u8]) -> Option<Document> {
    let first = bytes
        .trim_ascii_start()
        .split(|byte| *byte == b'=')
        .next()?;
    let names = Names::of_primary(std::str::from_utf8(first).ok()?)?;
    let ours = |line: &Line| line.ours.is_some() || line.raw.trim_ascii().is_empty();
    match read(bytes, &names) {
        Found::Document(document) if names.scan(bytes).lines.iter().all(ours) => Some(document),
        _ => None,
    }
}

/// The file with our variables set to `values`, every other byte as before.
///
/// A variable keeps its line; of several lines for one variable the last stays, for it is the one that counts.
/// New lines go after our others, or to the end. They end in LF even among CRLF lines: a shell would take
/// the CR into the key, while the readers that know CRLF also read LF.
pub fn set(before: &[u8], names: &Names, values: &Lines) -> Bytes {
    let scan = names.scan(before);
    let last = |index: usize| {
        scan.lines
            .iter()
            .rposition(|line| line.index() == Some(index))
    };
    let last_of_ours = scan.lines.iter().rposition(|line| line.ours.is_some());
    let missing = || (0..SUFFIXES.len()).filter(|index| last(*index).is_none());

    let longest_line = names.prefix().len() + 32;
    let room = values
        .0
        .iter()
        .flatten()
        .map(|value| value.len() + longest_line)
        .sum::<usize>();
    // Room for all of it, so that growing leaves no copy of a key in freed memory.
    let mut writer = Writer(Zeroizing::new(Vec::with_capacity(before.len() + room + 8)));

    for (number, line) in scan.lines.iter().enumerate() {
        match &line.ours {
            None => writer.copy(line.raw),
            Some(ours) if last(ours.index) == Some(number) => {
                writer.assign(ours.lead, names, ours.index, values)
            }
            Some(_) => {}
        }
        if last_of_ours == Some(number) {
            missing().for_each(|index| writer.assign(b"", names, index, values));
        }
    }
    if last_of_ours.is_none() {
        missing().for_each(|index| writer.assign(b"", names, index, values));
    }
    writer.finish(before.is_empty() || before.ends_with(b"\n"))
}

struct Writer(Bytes);

impl Writer {
    fn copy(&mut self, raw: &[u8]) {
        self.start_line();
        self.0.extend_from_slice(raw);
    }

    fn assign(&mut self, lead: &[u8], names: &Names, index: usize, values: &Lines) {
        let Some(value) = &values.0[index] else {
            return;
        };
        self.start_line();
        for part in [
            lead,
            names.prefix().as_bytes(),
            SUFFIXES[index].as_bytes(),
            b"=",
            value.as_bytes(),
            b"\n",
        ] {
            self.0.extend_from_slice(part);
        }
    }

    /// Closes a last line that had no newline.
    fn start_line(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with(b"\n") {
            self.0.push(b'\n');
        }
    }

    /// A file whose last line had no newline still has none.
    fn finish(mut self, newline_at_end: bool) -> Bytes {
        if !newline_at_end && self.0.ends_with(b"\n") {
            self.0.pop();
            if self.0.ends_with(b"\r") {
                self.0.pop();
            }
        }
        self.0
    }
}

/// A value as we write it, or in simple quotes, or with a comment after it; `None` for everything else.
fn decode(value: &[u8]) -> Option<Zeroizing<String>> {
    let bare = match quoted(value) {
        Some((quote, rest)) => {
            let (inner, after) = rest.split_at(closing(rest, quote)?);
            let after = after[1..].trim_ascii();
            (quote != b'`' && (after.is_empty() || after.starts_with(b"#"))).then_some(inner)?
        }
        None => {
            let comment = value
                .windows(2)
                .position(|pair| matches!(pair, b" #" | b"\t#"));
            comment.map_or(value, |at| &value[..at]).trim_ascii_end()
        }
    };
    let text = std::str::from_utf8(bare)
        .ok()
        .filter(|text| is_bare(text))?;
    Some(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
#[path = "dotenv_tests.rs"]
mod tests;
