//! Text from outside, fit for a terminal: nothing in it moves the cursor, colours the screen or hides what stands there.
//!
//! Whatever is printed goes through here, once, where it leaves: diagnostics, progress, logs, the command line.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

/// Prints lines to the standard output. A reader that has gone, such as `head`, is no fault.
pub fn say(text: impl Display) {
    say_clean(printable(&text.to_string()));
}

/// The same to the standard error.
pub fn say_aside(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{}", printable(&text.to_string()));
}

/// Prints a line of text whose parts went through here already, so that the colours in it are ours.
pub fn say_clean(text: impl Display) {
    print_clean(&format_args!("{text}\n"));
}

/// Prints such a text as it is made, without an end of its own.
pub fn print_clean(text: &dyn Display) {
    print(|output| write!(output, "{text}"));
}

/// Prints JSON as it is made. What a terminal would obey is escaped as JSON does it, so that a program reads what was meant.
pub fn say_json(told: &impl Serialize) {
    print(|output| {
        serde_json::to_writer_pretty(Escaped(&mut *output), told)?;
        writeln!(output)
    });
}

fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
    let mut output = BufWriter::new(std::io::stdout());
    let written = write(&mut output).and_then(|()| output.flush());
    let has_gone = |error: &io::Error| error.kind() == ErrorKind::BrokenPipe;
    if written.is_err_and(|error| !has_gone(&error)) {
        LOST.store(true, Ordering::Relaxed);
    }
}

/// Whether something that was to be printed is not: a disk that is full, for instance.
pub fn was_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

static LOST: AtomicBool = AtomicBool::new(false);

/// A writer of JSON, whose strings come in whole characters.
struct Escaped<W>(W);

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_odd = |character: char| acts(character) && character != '\n';
        match std::str::from_utf8(bytes) {
            Ok(text) if text.contains(is_odd) => {
                let mut units = [0; 2];
                for character in text.chars() {
                    if !is_odd(character) {
                        write!(self.0, "{character}")?;
                        continue;
                    }
                    for unit in character.encode_utf16(&mut units) {
                        write!(self.0, "\\u{unit:04x}")?;
                    }
                }
            }
            _ => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Several lines, whose control characters are shown instead of obeyed.
pub fn printable(text: &str) -> Cow<'_, str> {
    clean(text, |character| matches!(character, '\n' | '\t'))
}

/// The same on one line.
pub fn printable_line(text: &str) -> Cow<'_, str> {
    match clean(text, |character| character == '\n') {
        text if text.contains('\n') => text.split_whitespace().collect::<Vec<_>>().join(" ").into(),
        text => text,
    }
}

fn clean(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_odd = |character: char| acts(character) && !keep(character);
    if !text.contains(is_odd) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for character in text.replace("\r\n", "\n").chars() {
        match is_odd(character) {
            true => clean.extend(character.escape_unicode()),
            false => clean.push(character),
        }
    }
    Cow::Owned(clean)
}

/// Whether a terminal acts on a character, or a reader does not see it.
fn acts(character: char) -> bool {
    let invisible = matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    character.is_control() || invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        for (text, shown) in [
            ("plain, żółć\n\tand more", "plain, żółć\n\tand more"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\u{9b}2Jb\u{7f}\u{7}", "a\\u{9b}2Jb\\u{7f}\\u{7}"),
            ("over\rwritten\r\nnext", "over\\u{d}written\nnext"),
            ("\u{202e}txt.exe\u{2066}", "\\u{202e}txt.exe\\u{2066}"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_json_that_says_the_same() {
        let odd = [
            "plain, żółć",
            "a\u{1b}[31m\u{9b}2J\n",
            "\u{202e}txt\u{e0041}\"",
        ];
        let mut written = Vec::new();
        serde_json::to_writer_pretty(Escaped(&mut written), &odd).unwrap();
        let text = String::from_utf8(written).unwrap();
        assert_eq!(printable(&text), text);
        assert!(text.contains("żółć"), "{text}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), odd);
    }

    #[test]
    fn a_line_stays_one() {
        assert_eq!(printable_line("a\n b\tc"), "a b\\u{9}c");
        assert_eq!(printable_line("as it  is"), "as it  is");
    }
}
