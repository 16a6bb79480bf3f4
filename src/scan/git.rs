//! What git has: lines that are about to be committed, and lines that ever were.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use zeroize::Zeroizing;

use super::{Finding, Place, find};
use crate::error::{Error, Kind, Result};

/// The lines that are added are all that is looked at, as they are: no colours, no helper of the user's settings.
const DIFF: [&str; 8] = [
    "--unified=0",
    // Attributes would call a text binary, and hide it.
    "--text",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--src-prefix=a/",
    "--dst-prefix=b/",
];

/// What a commit of the history is announced by. No line of a diff begins so.
const COMMIT: &str = "\u{1}commit ";

/// The keys in what is staged.
pub fn staged(repository: &Path) -> Result<Vec<Finding>> {
    ask(repository, &["rev-parse", "--git-dir"])?;
    added(repository, &["diff", "--cached"])
}

/// Whether commits are missing that others have.
pub fn is_cut_off(repository: &Path) -> Result<bool> {
    let said = ask(repository, &["rev-parse", "--is-shallow-repository"])?;
    Ok(said.trim_ascii() == b"true")
}

/// The files below a directory that are tracked although a pattern ignores them. None where git knows nothing of it.
pub fn tracked_but_ignored(directory: &Path) -> Vec<PathBuf> {
    let words = [
        "ls-files",
        "-z",
        "--cached",
        "--ignored",
        "--exclude-standard",
    ];
    let listed = ask(directory, &words).unwrap_or_default();
    let names = listed
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    let paths = names.map(|name| directory.join(String::from_utf8_lossy(name).as_ref()));
    // One that was deleted and not staged is tracked, and not there.
    paths.filter(|path| path.is_file()).collect()
}

/// The keys in every line that any commit ever added, each at the oldest commit that did. A key that was removed later is
/// still there for whoever has the repository.
pub fn history(repository: &Path) -> Result<Vec<Finding>> {
    let format = format!("--format={COMMIT}%H");
    let found = added(repository, &["log", "--all", "--patch", "-m", &format])?;
    // Newest first, so the last one is the oldest.
    let by_key = found.into_iter().map(|finding| {
        (
            (finding.what, finding.key_id.clone(), finding.mark.clone()),
            finding,
        )
    });
    let by_key: BTreeMap<_, _> = by_key.collect();
    let mut oldest: Vec<Finding> = by_key.into_values().collect();
    oldest.sort();
    Ok(oldest)
}

fn git(repository: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .args(["-c", "core.quotePath=false", "-C"])
        .arg(repository)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn failed(repository: &Path, reason: impl Display) -> Error {
    let place = repository.display();
    Error::new(
        Kind::Other,
        "git could not be asked",
        format!("{place}: {reason}. It takes a git repository, and git on the PATH."),
    )
}

fn answer(repository: &Path, ended: Output) -> Result<Vec<u8>> {
    if ended.status.success() {
        return Ok(ended.stdout);
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    Err(failed(repository, said.lines().next().unwrap_or_default()))
}

fn ask(repository: &Path, words: &[&str]) -> Result<Vec<u8>> {
    let ended = git(repository, words).output();
    answer(
        repository,
        ended.map_err(|error| failed(repository, error))?,
    )
}

fn added(repository: &Path, words: &[&str]) -> Result<Vec<Finding>> {
    let failed = |error| failed(repository, error);
    let mut child = git(repository, words).args(DIFF).spawn().map_err(failed)?;
    let read = match child.stdout.take() {
        Some(lines) => read(BufReader::new(lines)),
        None => Ok(Vec::new()),
    };
    let ended = child.wait_with_output().map_err(failed)?;
    answer(repository, ended)?;
    read.map_err(failed)
}

/// The keys in the added lines of a diff.
fn read(mut diff: impl BufRead) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut place = Place::default();
    // How many lines of the hunk are still to come; what follows it is no content, whatever it looks like.
    let mut hunk = Hunk::default();
    // A key may stand on several lines, so those that are added in one place are one text.
    let mut added = Zeroizing::new(Vec::new());
    let mut line = Zeroizing::new(Vec::new());
    while diff.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if hunk.added > 0 && line.starts_with(b"+") {
            added.extend_from_slice(&line[1..]);
            hunk.added -= 1;
            if hunk.added == 0 {
                findings.extend(find(&added, &place, hunk.first));
                added.clear();
            }
        } else if hunk.removed > 0 && line.starts_with(b"-") {
            hunk.removed -= 1;
        } else if let Some(commit) = text.strip_prefix(COMMIT) {
            place.commit = Some(commit.to_owned());
        } else if let Some(file) = text.strip_prefix("+++ ") {
            place.file = name(file);
        } else if let Some(next) = Hunk::parse(text) {
            hunk = next;
        }
        line.clear();
    }
    Ok(findings)
}

/// The name of a file as it stands in a diff: one with blanks is followed by a tab, one with quotes or line breaks stands in
/// quotes, and stays as git escapes it.
fn name(file: &str) -> String {
    let file = file.trim_end_matches('\t').trim_matches('"');
    file.strip_prefix("b/").unwrap_or(file).to_owned()
}

/// `@@ -1,2 +3,4 @@`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hunk {
    removed: usize,
    first: usize,
    added: usize,
}

impl Hunk {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("@@ ")?.split(' ');
        let (_, removed) = range(words.next()?.strip_prefix('-')?)?;
        let (first, added) = range(words.next()?.strip_prefix('+')?)?;
        Some(Self {
            removed,
            first,
            added,
        })
    }
}

fn range(text: &str) -> Option<(usize, usize)> {
    let (first, many) = text.split_once(',').unwrap_or((text, "1"));
    Some((first.parse().ok()?, many.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_looks_like_a_header_is_content_inside_of_a_hunk() {
        let key = crate::issuers::generated::sample("acme");
        let diff = format!(
            "{COMMIT}abc\n\ndiff --git a/a b/a\n--- a/a\n+++ b/a b.txt\t\n@@ -1,0 +7,2 @@ x\n+++ b/other\n+k={key}\n\
             @@ -9 +9 @@\n--- {key}\n+nothing\n"
        );
        let found = read(diff.as_bytes()).unwrap();
        let places: Vec<Place> = found.into_iter().map(|finding| finding.place).collect();
        let expected = Place {
            commit: Some("abc".into()),
            file: "a b.txt".into(),
            line: 8,
            column: 3,
        };
        assert_eq!(places, [expected]);
    }

    #[test]
    fn a_key_on_several_lines_is_found_where_they_are_added_together() {
        let id = "0123456789".repeat(4);
        let begin = format!("-----BEGIN {} KEY-----", "PRIVATE");
        let (told, key) = (
            format!("+  \"private_key_id\": \"{id}\",\n"),
            format!("+  \"private_key\": \"{begin}\\nMIIEvmadeup\",\n"),
        );
        let file = "+++ b/key.json\n";
        let together = format!("{file}@@ -1,2 +4,2 @@\n-a\n-b\n{told}{key}");
        let apart = format!("{file}@@ -1 +1 @@\n-a\n{told}@@ -9 +9 @@\n-b\n{key}");
        let found = read(together.as_bytes()).unwrap();
        let places: Vec<_> = found
            .iter()
            .map(|it| (it.place.line, it.place.column))
            .collect();
        assert_eq!(places, [(4, 22)]);
        assert_eq!(found[0].key_id.as_ref(), Some(&id));
        assert_eq!(read(apart.as_bytes()).unwrap(), []);
    }

    #[test]
    fn a_hunk_without_counts_is_of_one_line() {
        let hunk = Hunk {
            removed: 1,
            first: 4,
            added: 1,
        };
        assert_eq!(Hunk::parse("@@ -3 +4 @@ fn a() {"), Some(hunk));
        assert_eq!(Hunk::parse("@@ nonsense"), None);
    }
}
