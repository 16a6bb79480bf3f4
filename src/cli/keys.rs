//! Which keys a command is about.

use clap::Args;

use super::{Named, now, wait};
use crate::error::{Error, Kind, Result};
use crate::health::{Health, ManagedKey};
use crate::ledger::Ledger;
use crate::ledger::sql::Database;

/// Which keys; what is not given filters nothing.
#[derive(Args, Debug, Default)]
pub struct Keys {
    /// Only the keys of this name.
    #[arg(long)]
    name: Option<String>,
    /// Only the keys of this group.
    #[arg(long)]
    group: Option<String>,
    /// Only the keys of this environment.
    #[arg(long)]
    environment: Option<String>,
    /// Only the keys of this owner.
    #[arg(long)]
    owner: Option<String>,
    /// Only the keys of this workspace.
    #[arg(long)]
    workspace: Option<String>,
}

impl Keys {
    /// Whether all keys are asked for.
    pub fn is_everything(&self) -> bool {
        let asked = [
            &self.name,
            &self.group,
            &self.environment,
            &self.owner,
            &self.workspace,
        ];
        asked.into_iter().all(Option::is_none)
    }

    fn has(&self, key: &ManagedKey) -> bool {
        let is =
            |asked: &Option<String>, of: Option<&String>| asked.is_none() || asked.as_ref() == of;
        is(&self.name, Some(&key.resource.name))
            && is(&self.group, key.group.as_ref())
            && is(&self.environment, key.environment.as_ref())
            && is(&self.owner, key.owner.as_ref())
            && is(&self.workspace, Some(&key.resource.workspace))
    }
}

/// How the keys are doing that are asked for. A ledger that knows none of them is an error: nothing can be told of them,
/// least of all that they are fine.
pub fn health(named: &Named, keys: &Keys) -> Result<(Database, Health)> {
    let ledger = Database::for_reading(named.target()?);
    let health = wait(ledger.health(now()?))?;
    let is_empty = health.keys.is_empty();
    if keys.is_everything() && (!is_empty || health.orphaned > 0 || health.unfinished > 0) {
        return Ok((ledger, health));
    }
    let health = health.only(|key| keys.has(key));
    if !health.keys.is_empty() {
        return Ok((ledger, health));
    }
    let detail = match is_empty {
        true => {
            "it knows no key that a state holds. Keys appear with the first apply or refresh. If this is not the ledger \
                 of the keys that you mean, name it with --url and --schema"
        }
        false => {
            "it knows keys, but none that is asked for. Check the spelling of --name, --group, --environment, --owner \
                  and --workspace"
        }
    };
    Err(Error::new(
        Kind::NotFound,
        "There is no such key",
        format!("{}: {detail}.", ledger.place()),
    ))
}
