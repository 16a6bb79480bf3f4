//! Which keys a command is about.

use clap::Args;

use super::{Named, now, wait};
use crate::error::{Error, Kind, Result};
use crate::health::Health;
use crate::ledger::Ledger;
use crate::ledger::inventory::{MOST_COUNTED, Query};
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

    fn query(&self) -> Result<Query> {
        Ok(Query {
            name: self.name.clone(),
            group: self.group.clone(),
            environment: self.environment.clone(),
            owner: self.owner.clone(),
            workspace: self.workspace.clone(),
            ..Query::all(now()?, MOST_COUNTED)
        })
    }
}

/// How the keys are doing that are asked for. A ledger that knows none of them is an error: nothing can be told of them,
/// least of all that they are fine.
pub fn health(named: &Named, keys: &Keys) -> Result<(Database, Health)> {
    let ledger = Database::for_reading(named.target()?);
    let query = keys.query()?;
    let health = wait(ledger.health(&query))?;
    let leftovers = [health.orphaned, health.unfinished, health.leaks_of_orphans];
    let is_any_left = leftovers != [0; 3] || !health.anomalies_of_orphans.is_empty();
    if !health.keys.is_empty() || is_any_left {
        return Ok((ledger, health));
    }
    let everything = Query::all(query.now, MOST_COUNTED);
    let is_empty = keys.is_everything() || wait(ledger.health(&everything))?.keys.is_empty();
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
