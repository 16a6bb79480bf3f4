//! How a key looks, so that it is found in a text: each issuer says it of its own.

use std::ops::{Range, RangeInclusive};

use memchr::memmem;

/// One sort of key.
pub struct Format {
    /// What it is called, such as `AWS access key id`.
    pub name: &'static str,
    /// It is the public id of a key, and not its secret.
    pub is_id: bool,
    /// Where it stands in a text.
    pub find: fn(&[u8]) -> Vec<Found>,
}

/// A key in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub at: Range<usize>,
    /// How much of its beginning may be shown.
    pub shown: usize,
}

/// Every place where a prefix stands, and behind it so many characters of an alphabet and no more. It begins a word, also behind
/// the last letter of an escape such as `\n` or `%3D`.
pub fn prefixed(
    text: &[u8],
    prefix: &str,
    is_of_it: impl Fn(u8) -> bool,
    length: RangeInclusive<usize>,
) -> Vec<Found> {
    let places = memmem::find_iter(text, prefix);
    let found = places.filter_map(|start| {
        let begins = begins_a_word(&text[..start]);
        let body = &text[start + prefix.len()..];
        let run = body.iter().take_while(|byte| is_of_it(**byte)).count();
        (begins && length.contains(&run)).then(|| Found {
            at: start..start + prefix.len() + run,
            shown: prefix.len(),
        })
    });
    found.collect()
}

fn begins_a_word(before: &[u8]) -> bool {
    match before {
        [.., b'\\', b'a'..=b'z'] => true,
        [.., b'%', one, two] if one.is_ascii_hexdigit() && two.is_ascii_hexdigit() => true,
        [.., last] => !is_of_a_word(*last),
        [] => true,
    }
}

/// A letter or a digit.
pub fn is_of_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// The alphabet of base64 in URLs.
pub fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// A digit of lower-case hexadecimal numbers.
pub fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
