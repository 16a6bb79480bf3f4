//! The built-in issuer: keys for your own services, minted here without a server.
//!
//! A key is `<prefix>_<random><checksum>`. The random part holds `length` base62 characters from the
//! operating system's generator, each equally likely. The checksum is the CRC-32 (ISO-HDLC, as in
//! zip and Ethernet) of every byte before it, written as 6 base62 digits, most significant first
//! and filled with `0`. The digits are `0-9`, `A-Z`, `a-z`, in this order.
//!
//! The checksum protects nothing: anyone can compute it. It lets a secret scanner or a gateway tell a
//! key from a look-alike without asking anyone.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;
use zeroize::Zeroizing;

use super::{Capabilities, Issuer, IssuerKind, KeyRef, Minted, Permission, Revoked};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::scan::format::{Format, Found};
use crate::schema::{Attributes, attributes, optional, required};
use crate::secret::Secret;
use crate::settings::Settings;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// 62^6 is more than 2^32, so every CRC-32 fits.
const CHECKSUM_DIGITS: usize = 6;

const DEFAULT_LENGTH: usize = 32;

/// 22 characters hold 130 bits, the first length above 128; 21 hold only 125.
const SHORTEST: usize = 22;
const LONGEST: usize = 128;

const LONGEST_PREFIX: usize = 31;

/// The table entry of the built-in issuer.
pub struct Generated;

impl IssuerKind for Generated {
    fn name(&self) -> &'static str {
        "generated"
    }

    fn description(&self) -> &'static str {
        "Mints keys for your own services from the operating system's random generator: \
         `<prefix>_<random><checksum>`. There is no server behind it: a service accepts the keys in the \
         document that is delivered to it, and a key is revoked as soon as that document no longer holds it. \
         The function `verify_checksum` tells such a key from a look-alike."
    }

    fn attributes(&self) -> Attributes {
        attributes([
            (
                "prefix",
                required(
                    AttributeType::String,
                    "What every key begins with, so that people and secret scanners recognise it: a lower-case \
                     letter, then up to 30 lower-case letters, digits or single underscores, not ending in an \
                     underscore. A change applies from the next key on.",
                ),
            ),
            (
                "length",
                optional(
                    AttributeType::Number,
                    "How many random characters a key has: 22 (more than 128 bits) to 128. Default `32` (190 bits). \
                     A change applies from the next key on.",
                ),
            ),
        ])
    }

    /// Empty: a changed prefix or length says how the next key looks, not whose it is.
    fn identity(&self) -> &'static [&'static str] {
        &[]
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        BTreeMap::from([("prefix".to_owned(), ValueAny::String("acme_live".into()))])
    }

    /// None: nobody is asked.
    fn permissions(&self) -> &'static [Permission] {
        &[]
    }

    fn formats(&self) -> &'static [Format] {
        FORMATS
    }

    fn connect(&self, settings: &Settings, _: &Context) -> Result<Box<dyn Issuer>> {
        Ok(Box::new(Generator::from_settings(settings)?))
    }
}

/// The settings of one built-in issuer.
#[derive(Debug)]
struct Generator {
    prefix: String,
    length: usize,
}

impl Generator {
    fn from_settings(settings: &Settings) -> Result<Self> {
        let prefix = settings.required_string("prefix")?;
        if !is_prefix(prefix) {
            return Err(settings.wrong("prefix", "prefix is not valid", wrong_prefix(prefix)));
        }
        let length = match settings.integer("length") {
            None => DEFAULT_LENGTH,
            Some(number) => usize::try_from(number)
                .ok()
                .filter(|length| (SHORTEST..=LONGEST).contains(length))
                .ok_or_else(|| {
                    settings.wrong(
                        "length",
                        "length is not valid",
                        format!(
                            "{number} is not between {SHORTEST} and {LONGEST}. {SHORTEST} is the first length with \
                             128 bits of randomness."
                        ),
                    )
                })?,
        };
        Ok(Self {
            prefix: prefix.to_owned(),
            length,
        })
    }
}

#[async_trait]
impl Issuer for Generator {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            local: true,
            ..Capabilities::default()
        }
    }

    fn account(&self) -> String {
        format!("generated {}", self.prefix)
    }

    async fn mint(&self, _token: &str) -> Result<Minted> {
        Ok(Minted {
            key_id: None,
            secret: new_key(&self.prefix, self.length)?,
            created_at: None,
        })
    }

    /// Done at once: consumers stop accepting the key when the delivered document no longer holds it.
    async fn revoke(&self, _: KeyRef<'_>, _: Option<KeyRef<'_>>) -> Result<Revoked> {
        Ok(Revoked::Ended)
    }
}

fn new_key(prefix: &str, length: usize) -> Result<Secret> {
    // Room for all of it, so that growing leaves no copy of the key in freed memory.
    let mut key = String::with_capacity(prefix.len() + 1 + length + CHECKSUM_DIGITS);
    key.push_str(prefix);
    key.push('_');
    push_random(&mut key, length)?;
    let checksum = checksum(key.as_bytes());
    key.extend(checksum.iter().map(|digit| char::from(*digit)));
    Ok(Secret::new(key))
}

/// Appends `length` random digits. A byte of 248 or more is thrown away, for 256 is not a multiple of
/// 62: keeping it would make the first digits likelier than the last.
fn push_random(key: &mut String, length: usize) -> Result<()> {
    const FAIR: u8 = 62 * 4;
    let mut bytes = Zeroizing::new([0u8; 64]);
    let mut missing = length;
    while missing > 0 {
        getrandom::fill(&mut *bytes).map_err(no_randomness)?;
        for byte in bytes.iter().filter(|byte| **byte < FAIR).take(missing) {
            key.push(char::from(DIGITS[usize::from(byte % 62)]));
            missing -= 1;
        }
    }
    Ok(())
}

fn no_randomness(error: getrandom::Error) -> Error {
    Error::new(
        Kind::Unavailable,
        "No key was generated",
        format!("The operating system gave no random numbers: {error}. Apply again."),
    )
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_DIGITS] {
    let mut rest = crc32fast::hash(bytes);
    let mut digits = [b'0'; CHECKSUM_DIGITS];
    for digit in digits.iter_mut().rev() {
        // A remainder of 62 always fits the table.
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

/// Whether a text has the form of a key of this issuer and its checksum is right.
///
/// Says nothing about whether the key was ever minted or is still accepted.
pub fn verify_checksum(text: &str) -> bool {
    // Digits are ASCII, so a prefix and a tail that pass are ASCII as well and can be cut anywhere.
    let Some((prefix, tail)) = text.rsplit_once('_') else {
        return false;
    };
    let lengths = SHORTEST + CHECKSUM_DIGITS..=LONGEST + CHECKSUM_DIGITS;
    is_prefix(prefix)
        && lengths.contains(&tail.len())
        && tail.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text
            .as_bytes()
            .split_last_chunk()
            .is_some_and(|(body, written)| checksum(body) == *written)
}

const FORMATS: &[Format] = &[Format {
    name: "key of the issuer generated",
    is_id: false,
    find,
}];

/// Every key in a text: what stands around an underscore as in a key, and has the right checksum. The prefix may be the end
/// of a longer word, such as `TOKEN_acme_…` or `\nacme_…`.
fn find(text: &[u8]) -> Vec<Found> {
    let found = memchr::memchr_iter(b'_', text).filter_map(|underscore| {
        let tail = text[underscore + 1..].iter();
        let tail = tail.take_while(|byte| byte.is_ascii_alphanumeric()).count();
        if tail < SHORTEST + CHECKSUM_DIGITS {
            return None;
        }
        let end = underscore + 1 + tail;
        let before = text[..underscore].iter().rev().take(LONGEST_PREFIX);
        let is_of_it = |byte: &&u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        let longest = before.take_while(is_of_it).count();
        // The checksum says where the key begins, so it may stand right behind other letters, such as those of an escape.
        let mut starts = underscore - longest..underscore;
        let is_key =
            |start: &usize| std::str::from_utf8(&text[*start..end]).is_ok_and(verify_checksum);
        let start = starts.find(is_key)?;
        Some(Found {
            at: start..end,
            shown: underscore + 1 - start,
        })
    });
    found.collect()
}

/// A regular expression that every key with this prefix matches, without anything around it; `None` if no key can
/// have the prefix. A prefix holds no character that means something in an expression.
pub fn pattern(prefix: &str) -> Option<String> {
    let (shortest, longest) = (SHORTEST + CHECKSUM_DIGITS, LONGEST + CHECKSUM_DIGITS);
    is_prefix(prefix).then(|| format!("{prefix}_[0-9A-Za-z]{{{shortest},{longest}}}"))
}

/// What is wrong with a prefix that does not fit, and what would be right.
pub fn wrong_prefix(prefix: &str) -> String {
    format!("{prefix:?} does not fit. {PREFIX_FORM}")
}

/// What fits.
pub const PREFIX_FORM: &str = "Write a lower-case letter, then up to 30 lower-case letters, digits or single underscores, and no \
                               underscore at the end (one is added), such as \"acme_prod\".";

fn is_prefix(text: &str) -> bool {
    text.len() <= LONGEST_PREFIX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.split('_').all(|word| {
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            !word.is_empty() && word.bytes().all(fits)
        })
}

/// A key that nobody minted.
#[cfg(test)]
pub fn sample(prefix: &str) -> String {
    let body = format!("{prefix}_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0u");
    let checksum = checksum(body.as_bytes()).map(char::from);
    format!("{body}{}", String::from_iter(checksum))
}

#[cfg(test)]
#[path = "generated_tests.rs"]
mod tests;
