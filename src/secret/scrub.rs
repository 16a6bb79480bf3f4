//! Takes secrets out of text that came from outside, in whatever form it repeats them.
//!
//! The text is read in several ways: as it stands, and with its escapes undone, up to three of them around each other. In
//! every reading only letters and digits count, and their case does not, so that a secret is found although it was
//! wrapped, split or quoted. Looked for are the secret, its base64, its hexadecimal and its decimal form, and every
//! few characters in a row of each, so that a part of a secret is found as well.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Secret;
use super::escapes::{self, Glyph};

/// What stands in place of a secret.
const HIDDEN: &str = "[secret]";

/// So many letters and digits in a row of a secret give it away.
const WINDOW: usize = 10;

/// What is shorter would be found everywhere.
const SHORTEST: usize = 4;
const SHORTEST_ENCODED: usize = 6;

/// How many escapes around each other are undone, such as a URL in JSON in HTML.
const LAYERS: usize = 3;

/// Nobody reads more than this, and its end may be the beginning of a secret, too short to be recognised.
const READ: usize = 8 * 1024;
const SHOWN: usize = 2 * 1024;
const UNSURE: usize = 512;

/// The text without any trace of the secrets; the beginning of a long one.
pub fn scrub(text: &str, secrets: &[&Secret]) -> String {
    if text.len() <= READ {
        return scrubbed(text, secrets);
    }
    let mut shown = scrubbed(&text[..text.floor_char_boundary(READ)], secrets);
    let end = shown.len().saturating_sub(UNSURE).min(SHOWN);
    shown.truncate(shown.floor_char_boundary(end));
    shown.push('…');
    shown
}

fn scrubbed(text: &str, secrets: &[&Secret]) -> String {
    let forms = Forms::of(secrets);
    let mut hidden = vec![false; text.len()];
    for secret in secrets.iter().filter(|it| it.expose().len() >= SHORTEST) {
        for (start, found) in text.match_indices(secret.expose()) {
            hidden[start..start + found.len()].fill(true);
        }
    }
    if !forms.is_empty() {
        for reading in readings(text) {
            forms.mark(&reading, &mut hidden);
        }
    }
    without(text, &hidden)
}

/// Everything that is looked for: letters and digits in lower case.
struct Forms {
    /// Every [`WINDOW`] of a longer form, sorted.
    windows: Zeroizing<Vec<[u8; WINDOW]>>,
    /// Forms that are shorter than a window, as a whole.
    short: Vec<Zeroizing<Vec<u8>>>,
}

impl Forms {
    fn of(secrets: &[&Secret]) -> Self {
        let mut forms = Self {
            windows: Zeroizing::default(),
            short: Vec::new(),
        };
        for secret in secrets {
            let bytes = secret.expose().as_bytes();
            forms.add(bytes, SHORTEST);
            for encoded in encodings(bytes) {
                forms.add(&encoded, SHORTEST_ENCODED);
            }
        }
        forms.windows.sort_unstable();
        forms
    }

    fn add(&mut self, form: &[u8], shortest: usize) {
        let bare: Zeroizing<Vec<u8>> = Zeroizing::new(
            form.iter()
                .filter(|byte| byte.is_ascii_alphanumeric())
                .map(u8::to_ascii_lowercase)
                .collect(),
        );
        if bare.len() < shortest {
            return;
        }
        if bare.len() < WINDOW {
            self.short.push(bare);
            return;
        }
        let windows = bare.windows(WINDOW);
        self.windows
            .extend(windows.filter_map(|window| <[u8; WINDOW]>::try_from(window).ok()));
    }

    fn is_empty(&self) -> bool {
        self.windows.is_empty() && self.short.is_empty()
    }

    /// Marks what shows a form. What stands between two characters of it, a line break or a quote, goes with them.
    fn mark(&self, reading: &[Glyph], hidden: &mut [bool]) {
        let bare: Vec<&Glyph> = reading
            .iter()
            .filter(|glyph| glyph.character.is_ascii_alphanumeric())
            .collect();
        let letters: Zeroizing<Vec<u8>> = Zeroizing::new(
            bare.iter()
                .map(|glyph| glyph.character.to_ascii_lowercase() as u8)
                .collect(),
        );
        let mut hide = |at: usize, length: usize| {
            hidden[bare[at].start..bare[at + length - 1].end].fill(true);
        };
        for (at, window) in letters.windows(WINDOW).enumerate() {
            if self
                .windows
                .binary_search_by(|it| it.as_slice().cmp(window))
                .is_ok()
            {
                hide(at, WINDOW);
            }
        }
        for form in &self.short {
            let windows = letters.windows(form.len()).enumerate();
            windows
                .filter(|(_, window)| *window == form.as_slice())
                .for_each(|(at, _)| hide(at, form.len()));
        }
    }
}

/// Base64 wherever in a longer text the secret begins, hexadecimal digits, and the decimal numbers of a list.
/// The alphabets of base64 differ in characters that do not count here.
fn encodings(bytes: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut all: Vec<Zeroizing<Vec<u8>>> = (0..3).map(|offset| base64_at(bytes, offset)).collect();
    all.push(Zeroizing::new(hex::encode(bytes).into_bytes()));
    let mut decimal = Zeroizing::new(Vec::with_capacity(bytes.len() * 3));
    for byte in bytes {
        decimal.extend_from_slice(byte.to_string().as_bytes());
    }
    all.push(decimal);
    all
}

/// Only the characters that depend on the secret alone.
fn base64_at(bytes: &[u8], offset: usize) -> Zeroizing<Vec<u8>> {
    let padded = Zeroizing::new([&[0; 2][..offset], bytes].concat());
    let encoded = Zeroizing::new(STANDARD.encode(&*padded));
    let first = (offset * 8).div_ceil(6);
    let last = (padded.len() * 8) / 6;
    Zeroizing::new(encoded.as_bytes()[first.min(last)..last].to_vec())
}

fn readings(text: &str) -> Vec<Vec<Glyph>> {
    let mut plain = escapes::glyphs(text);
    let mut all = Vec::new();
    for _ in 0..LAYERS {
        let undone = escapes::undo(&plain);
        all.push(escapes::undo_rare(&plain));
        all.push(std::mem::replace(&mut plain, undone));
    }
    all.push(escapes::undo_rare(&plain));
    all.push(plain);
    all
}

fn without(text: &str, hidden: &[bool]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut in_secret = false;
    for (at, character) in text.char_indices() {
        match (hidden[at], in_secret) {
            (false, _) => shown.push(character),
            (true, false) => shown.push_str(HIDDEN),
            (true, true) => {}
        }
        in_secret = hidden[at];
    }
    shown
}

#[cfg(test)]
#[path = "scrub_tests.rs"]
mod tests;
