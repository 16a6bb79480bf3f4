//! What an issuer lists.

use crate::instant::Instant;

/// A key in the list of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The public id of the key.
    pub key_id: String,
    /// When the issuer created it, if it says so.
    pub created_at: Option<Instant>,
    /// The name or note that it carries. Only of an issuer whose mints put their token into it, so that a key whose label
    /// lacks the token did not come of that mint.
    pub label: Option<String>,
    /// When it was last used, or that it never was; `None` where the list does not say.
    pub last_used: Option<Option<Instant>>,
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

impl Listed {
    /// Whether it came of the mint of this token; `None` if its label cannot tell.
    pub fn came_of(&self, token: &str) -> Option<bool> {
        let label = self.label.as_deref()?;
        Some(label.contains(token))
    }
}
