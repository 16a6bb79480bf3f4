//! Undoes the escapes of URLs, HTML, JSON and programming languages, and remembers where each character stood.

use std::iter;

/// One character as it is meant, and the bytes that write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyph {
    /// What is meant.
    pub character: char,
    /// Where it begins in the text.
    pub start: usize,
    /// Where it has ended.
    pub end: usize,
}

/// A text without any escape undone.
pub fn glyphs(text: &str) -> Vec<Glyph> {
    let characters = text.char_indices();
    characters
        .map(|(start, character)| Glyph {
            character,
            start,
            end: start + character.len_utf8(),
        })
        .collect()
}

/// Undoes one layer of `%41`, `&#65;`, `&#x41;`, `&quot;`, `\u0041`, `\x41`, `\101` and `\"`.
pub fn undo(text: &[Glyph]) -> Vec<Glyph> {
    undone(text, usual)
}

/// Undoes one layer of `0x41` and `=41`, which may also stand for themselves.
pub fn undo_rare(text: &[Glyph]) -> Vec<Glyph> {
    undone(text, rare)
}

/// What the beginning of a text is meant as, and how many characters write it.
type Read = fn(&[Glyph]) -> Option<(char, usize)>;

fn undone(text: &[Glyph], read: Read) -> Vec<Glyph> {
    let mut rest = text;
    let next = iter::from_fn(move || {
        let first = rest.first()?;
        let (character, length) = read(rest).unwrap_or((first.character, 1));
        let last = rest[length - 1];
        rest = &rest[length..];
        Some(Glyph {
            character,
            start: first.start,
            end: last.end,
        })
    });
    next.collect()
}

fn usual(text: &[Glyph]) -> Option<(char, usize)> {
    match text.first()?.character {
        '%' => number(text, 1, 2, 16).map(|character| (character, 3)),
        '&' => entity(text),
        '\\' => backslash(text),
        _ => None,
    }
}

fn rare(text: &[Glyph]) -> Option<(char, usize)> {
    match (text.first()?.character, text.get(1)?.character) {
        ('0', 'x' | 'X') => number(text, 2, 2, 16).map(|character| (character, 4)),
        ('=', _) => number(text, 1, 2, 16).map(|character| (character, 3)),
        _ => None,
    }
}

fn entity(text: &[Glyph]) -> Option<(char, usize)> {
    const LONGEST: usize = 10;
    let end = text
        .iter()
        .take(LONGEST)
        .position(|glyph| glyph.character == ';')?;
    let hash = text.get(1)?.character == '#';
    let hexadecimal = hash && matches!(text.get(2)?.character, 'x' | 'X');
    let character = match (hash, hexadecimal) {
        (true, true) => number(text, 3, end.checked_sub(3)?, 16)?,
        (true, false) => number(text, 2, end.checked_sub(2)?, 10)?,
        // Names are given to punctuation and to letters with accents; neither counts.
        (false, _)
            if text[1..end]
                .iter()
                .all(|it| it.character.is_ascii_alphanumeric()) =>
        {
            '&'
        }
        (false, _) => return None,
    };
    Some((character, end + 1))
}

fn backslash(text: &[Glyph]) -> Option<(char, usize)> {
    let second = text.get(1)?.character;
    let coded = match second {
        'u' | 'U' if text.get(2)?.character == '{' => {
            let end = text.iter().take(10).position(|it| it.character == '}')?;
            number(text, 3, end.checked_sub(3)?, 16).map(|character| (character, end + 1))
        }
        'u' => number(text, 2, 4, 16).map(|character| (character, 6)),
        'x' => number(text, 2, 2, 16).map(|character| (character, 4)),
        '0'..='3' => number(text, 1, 3, 8).map(|character| (character, 4)),
        _ => None,
    };
    // Otherwise the escape of a control character, or of what stands for itself.
    let plain = match second {
        'n' | 'r' | 't' | 'b' | 'f' | 'v' | 'a' | 'e' | '0' => '\n',
        other => other,
    };
    Some(coded.unwrap_or((plain, 2)))
}

/// The character whose number is written in these digits.
fn number(text: &[Glyph], from: usize, digits: usize, radix: u32) -> Option<char> {
    let written = text.get(from..from + digits)?;
    let number = written.iter().try_fold(0u32, |number, glyph| {
        let digit = glyph.character.to_digit(radix)?;
        number.checked_mul(radix)?.checked_add(digit)
    })?;
    (digits > 0).then(|| char::from_u32(number)).flatten()
}
