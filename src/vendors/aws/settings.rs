//! The values of the provider block `aws`.
//!
//! What is left out here comes from where Amazon's own tools look; see `credentials` and `client`.

mod accounts;
mod endpoints;
mod network;
mod role;

use std::collections::BTreeMap;

use super::endpoint::{Service, is_region};
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;
use crate::settings::Settings;

pub use accounts::Accounts;
pub use endpoints::parse_endpoint;
pub use network::Network;
pub use role::{Role, WebIdentity, roles};

use endpoints::endpoints;

/// What the provider block says.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The region, if the block sets one.
    pub region: Option<String>,
    /// The region of the Security Token Service, if the block sets another one.
    pub sts_region: Option<String>,
    /// The profile of the shared files, if the block sets one.
    pub profile: Option<String>,
    /// The setting that names the profile, for messages.
    pub profile_by: &'static str,
    /// A key given in the block itself.
    pub key: Option<GivenKey>,
    /// Files to read in place of `~/.aws/config`.
    pub config_files: Vec<String>,
    /// Files to read in place of `~/.aws/credentials`.
    pub credentials_files: Vec<String>,
    /// Roles to assume one after the other, the first with the credentials found.
    pub roles: Vec<Role>,
    /// The accounts that the credentials may belong to in the end.
    pub accounts: Accounts,
    /// A role for whoever shows a token; it goes before `roles`.
    pub web_identity: Option<WebIdentity>,
    /// Whether only what is validated after FIPS 140 is called.
    pub fips: Option<bool>,
    /// Whether the hosts that are reached over IPv6 too are called.
    pub dual_stack: Option<bool>,
    /// Proxies, and whose certificates are trusted.
    pub network: Network,
    /// How often a failed call is repeated, if the block says so.
    pub max_retries: Option<usize>,
    endpoints: BTreeMap<&'static str, String>,
    /// Why nothing may be found or sent with these settings: some of them are not known yet. What the environment says
    /// does not take their place.
    awaited: Option<Error>,
}

/// A key given in the provider block.
#[derive(Debug)]
pub struct GivenKey {
    /// The access key id.
    pub id: String,
    /// The secret key.
    pub secret: Secret,
    /// The session token of a temporary key.
    pub token: Option<Secret>,
}

impl Config {
    /// Reads the block; a provider without one gets every default.
    pub fn read(block: Option<&Settings<'_>>) -> Result<Self> {
        let Some(block) = block else {
            return Ok(Self::default());
        };
        if !block.wholly_known() {
            return Ok(Self {
                awaited: Some(unknown(block)),
                ..Self::default()
            });
        }
        Ok(Self {
            region: region(block)?,
            sts_region: region_named(block, "sts_region")?,
            profile: filled(block, "profile"),
            profile_by: "aws.profile of the provider block",
            key: key(block)?,
            config_files: owned(block.strings("shared_config_files")),
            credentials_files: owned(block.strings("shared_credentials_files")),
            roles: roles(block, "assume_role")?,
            accounts: Accounts::read(block)?,
            web_identity: block
                .object("assume_role_with_web_identity")
                .map(|it| role::web_identity(&it))
                .transpose()?,
            fips: block.boolean("use_fips_endpoint"),
            dual_stack: block.boolean("use_dualstack_endpoint"),
            network: Network::read(block)?,
            max_retries: max_retries(block)?,
            endpoints: match block.object("endpoints") {
                Some(settings) => endpoints(&settings)?,
                None => BTreeMap::new(),
            },
            awaited: None,
        })
    }

    /// An error while some settings are not known yet.
    pub fn settled(&self) -> Result<()> {
        self.awaited.clone().map_or(Ok(()), Err)
    }

    /// The endpoint that the block sets for a service.
    pub fn endpoint(&self, service: Service) -> Option<&str> {
        self.endpoints.get(service.name()).map(String::as_str)
    }
}

/// Reads the attribute `region` of any object.
pub fn region(settings: &Settings<'_>) -> Result<Option<String>> {
    region_named(settings, "region")
}

fn region_named(settings: &Settings<'_>, name: &str) -> Result<Option<String>> {
    match filled(settings, name) {
        Some(text) if !is_region(&text) => Err(settings.wrong(
            name,
            format!("{name} is not valid"),
            format!("{text:?} is not the name of an AWS region, such as \"eu-central-1\"."),
        )),
        region => Ok(region),
    }
}

fn key(block: &Settings<'_>) -> Result<Option<GivenKey>> {
    let token = filled(block, "token");
    match (filled(block, "access_key"), filled(block, "secret_key")) {
        (Some(id), Some(secret)) => Ok(Some(GivenKey {
            id,
            secret: Secret::new(secret),
            token: token.map(Secret::new),
        })),
        (Some(_), None) => Err(incomplete(block, "secret_key", "access_key")),
        (None, Some(_)) => Err(incomplete(block, "access_key", "secret_key")),
        (None, None) if token.is_some() => Err(incomplete(block, "access_key", "token")),
        (None, None) => Ok(None),
    }
}

fn incomplete(block: &Settings<'_>, missing: &str, given: &str) -> Error {
    block.wrong(
        missing,
        format!("{missing} is missing"),
        format!(
            "{} is set but {} is not. Set both access_key and secret_key, or neither and let the \
             provider find credentials where Amazon's own tools look.",
            block.path_of(given),
            block.path_of(missing)
        ),
    )
}

fn max_retries(block: &Settings<'_>) -> Result<Option<usize>> {
    let Some(retries) = block.integer("max_retries") else {
        return Ok(None);
    };
    match usize::try_from(retries) {
        Ok(retries) if retries <= 100 => Ok(Some(retries)),
        _ => Err(block.wrong(
            "max_retries",
            "max_retries is not valid",
            format!("{retries} is not between 0 and 100."),
        )),
    }
}

fn unknown(block: &Settings<'_>) -> Error {
    Error::new(
        Kind::Unavailable,
        "The AWS settings of the provider are not known yet",
        "A value of the aws block comes from something that is created in this same run. Create \
         that first (terraform apply -target=…), or set the value directly.",
    )
    .at(block.path().clone())
}

fn filled(settings: &Settings<'_>, name: &str) -> Option<String> {
    settings
        .string(name)
        .filter(|text| !text.trim().is_empty())
        .map(str::to_owned)
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

impl Clone for GivenKey {
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            secret: self.secret.duplicate(),
            token: self.token.as_ref().map(Secret::duplicate),
        }
    }
}

#[cfg(test)]
#[path = "settings/tests.rs"]
mod tests;
