//! Stands in for an API while the provider block is not known: before the provider is configured, and in a plan that does
//! not know it yet. It can do all that a declaration can make it do, so nothing is refused too early; it does nothing.

use async_trait::async_trait;

use super::NAME;
use crate::error::{Error, Kind, Path, Result};
use crate::issuers::{
    Capabilities, Issuer, KeyRef, Label, LastUse, Listed, Listing, Minted, Probe, Revoked, Use,
};
use crate::secret::Secret;

pub(super) struct Undeclared {
    api: String,
}

impl Undeclared {
    pub fn new(api: &str) -> Self {
        Self {
            api: api.to_owned(),
        }
    }

    fn unknown(&self) -> Error {
        Error::new(
            Kind::Unavailable,
            format!("The API {:?} is not known yet", self.api),
            "Nothing was sent. A value of the provider block http comes from something that this run changes. Apply that \
             first (-target), or set the value to one that is known.",
        )
        .at(Path::root(NAME))
    }
}

#[async_trait]
impl Issuer for Undeclared {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            listing: Listing::Whole,
            label: Label::Name,
            disables: true,
            last_use: Some(LastUse::default()),
            key_ids: true,
            probe: true,
            serialised: true,
            valid_at_mint: true,
            ..Capabilities::default()
        }
    }

    fn account(&self) -> String {
        format!("{NAME} {}", self.api)
    }

    async fn lock(&self) -> Result<String> {
        Err(self.unknown())
    }

    async fn check(&self) -> Result<()> {
        Err(self.unknown())
    }

    async fn mint(&self, _: &str) -> Result<Minted> {
        Err(self.unknown())
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        Err(self.unknown())
    }

    async fn last_use(&self, _: &str) -> Result<Option<Use>> {
        Err(self.unknown())
    }

    async fn probe(&self, _: Option<&str>, _: &Secret) -> Result<Probe> {
        Err(self.unknown())
    }

    async fn revoke(&self, _: KeyRef<'_>, _: Option<KeyRef<'_>>) -> Result<Revoked> {
        Err(self.unknown())
    }
}
