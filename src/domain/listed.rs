//! What an issuer lists.

use crate::instant::Instant;

/// A key in the list of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The public id of the key.
    pub key_id: String,
    /// When the issuer created it.
    pub created_at: Instant,
    /// Whether it works.
    pub status: KeyStatus,
}

/// What the issuer says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// It exists and works.
    Active,
    /// It exists and is switched off.
    Inactive,
    /// The issuer says for certain that there is no such key.
    Missing,
}
