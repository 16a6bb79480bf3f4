//! The accounts that a configuration may touch.

use super::owned;
use crate::error::{Error, Kind, Path, Result};
use crate::settings::Settings;

const ALLOWED: &str = "allowed_account_ids";
const FORBIDDEN: &str = "forbidden_account_ids";

/// Which accounts the credentials may belong to.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    allowed: Vec<String>,
    forbidden: Vec<String>,
}

impl Accounts {
    /// Reads both lists of the block; one of them is enough to say it.
    pub fn read(block: &Settings<'_>) -> Result<Self> {
        let (allowed, forbidden) = (ids(block, ALLOWED)?, ids(block, FORBIDDEN)?);
        if !allowed.is_empty() && !forbidden.is_empty() {
            return Err(block.wrong(
                FORBIDDEN,
                format!("{ALLOWED} and {FORBIDDEN} are both set"),
                format!("Remove one of them: with {ALLOWED}, every other account is forbidden."),
            ));
        }
        Ok(Self { allowed, forbidden })
    }

    /// Whether every account is as good as any other.
    pub fn all_are_allowed(&self) -> bool {
        self.allowed.is_empty() && self.forbidden.is_empty()
    }

    /// An error if this account, that of `who`, is not to be touched.
    pub fn check(&self, account: &str, who: &str) -> Result<()> {
        let is_in = |ids: &[String]| ids.iter().any(|id| id == account);
        let (list, why) = match () {
            () if is_in(&self.forbidden) => (FORBIDDEN, "is in"),
            () if !self.allowed.is_empty() && !is_in(&self.allowed) => (ALLOWED, "is not in"),
            () => return Ok(()),
        };
        Err(Error::new(
            Kind::Invalid,
            format!("The AWS account {account} is not to be touched"),
            format!(
                "The account of {who} is {account}, which {why} {list} of the provider block. Nothing was asked of it or \
                 changed there. Use credentials of another account, or correct the list."
            ),
        )
        .at(Path::root("aws").attribute(list)))
    }
}

fn ids(block: &Settings<'_>, name: &str) -> Result<Vec<String>> {
    let ids = owned(block.strings(name));
    let is_id = |id: &&String| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
    match ids.iter().find(|id| !is_id(id)) {
        None => Ok(ids),
        Some(wrong) => Err(block.wrong(
            name,
            format!("{name} is not valid"),
            format!("{wrong:?} is not the id of an AWS account: twelve digits in quotes, such as \"123456789012\"."),
        )),
    }
}
