//! The one type that holds a secret. It cannot be printed, copied or serialised by accident.
//!
//! `expose()` is the only way in; grep for it to see every place that touches secret text.

mod escapes;
mod scrub;

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub use scrub::scrub;

/// Secret text, wiped from memory when dropped.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of secret text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the one call that must send or write it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A second copy, for a document that is written while the original is still needed.
    pub(crate) fn duplicate(&self) -> Self {
        Self::new(self.expose().to_owned())
    }

    /// A short public mark that tells two secrets apart without revealing either.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.expose().as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// `sha256:` and the first 12 hexadecimal digits of the SHA-256 of a secret: enough to compare,
/// too little to search for the secret behind it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of text that may be a secret.
    pub fn of(text: &[u8]) -> Self {
        let digest = Sha256::digest(text);
        Self(format!("sha256:{}", hex::encode(&digest[..6])))
    }

    /// A fingerprint that was written down earlier (in the state).
    pub fn recorded(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether a text is a whole one, and not the part of one that the ledger keeps.
    pub fn is_whole(text: &str) -> bool {
        let digits = text.strip_prefix("sha256:").unwrap_or_default();
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        digits.len() == 12 && digits.bytes().all(is_digit)
    }

    /// The text form, safe to show.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        let secret = Secret::new("made-up-canary".into());
        assert_eq!(format!("{secret:?}"), "[secret]");
    }

    #[test]
    fn a_fingerprint_tells_secrets_apart_and_is_stable() {
        let one = Secret::new("one".into()).fingerprint();
        assert_eq!(one, Secret::new("one".into()).fingerprint());
        assert_ne!(one, Secret::new("two".into()).fingerprint());
        assert_eq!(one.as_str().len(), "sha256:".len() + 12);
    }
}
