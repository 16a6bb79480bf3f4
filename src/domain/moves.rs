//! The moves in the life of a key.

use strum::{IntoStaticStr, VariantArray};

/// One move in the life of a key.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Move {
    /// The first key is minted, delivered and verified.
    Create,
    /// The keys that exist are copied to deliveries that lack them; ended deliveries are taken away.
    Deliver,
    /// The retiring key is revoked.
    Revoke,
    /// Revocations that failed earlier are tried again.
    RevokePending,
    /// A staged key that is not to be promoted is revoked.
    Discard,
    /// A new key is minted, delivered as secondary and verified.
    Stage,
    /// A staged key that has not passed its verification yet is verified.
    Verify,
    /// What makes consumers read the documents is asked for, and waited for.
    Deploy,
    /// The staged key becomes primary; the old primary retires.
    Promote,
    /// A new key is minted and becomes primary at once, because the old one cannot be delivered or used.
    Replace,
    /// The compromised primary is revoked before anything takes its place.
    RevokePrimary,
    /// The key in the secondary slot is revoked at once: it is compromised, or in the way of one that replaces a
    /// compromised primary.
    Contain,
}

impl Move {
    /// The word in `last_action`.
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// Whether a new key comes into being.
    pub fn mints(self) -> bool {
        matches!(self, Self::Create | Self::Stage | Self::Replace)
    }

    /// Whether every wanted delivery is written.
    pub fn writes(self) -> bool {
        !matches!(
            self,
            Self::RevokePending | Self::Verify | Self::Deploy | Self::RevokePrimary
        )
    }
}
