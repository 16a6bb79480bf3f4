//! `UpgradeResourceState`: Terraform sends every stored object through here, also when its schema
//! version is the current one.

use serde_json::Value;
use tf_provider::Diagnostics;

use super::codec::{encode, outgoing};
use super::conform::conform;
use super::diagnostics::{report, to_wire};
use super::guard::{guard_call, settle};
use super::registry::Registry;
use super::wire::tfplugin6::{RawState, upgrade_resource_state};
use super::write_only::withheld;

impl Registry {
    pub(super) fn upgrade_resource_state(
        &self,
        request: upgrade_resource_state::Request,
    ) -> upgrade_resource_state::Response {
        let mut diags = Diagnostics::default();
        let stored = request.raw_state.unwrap_or_default();
        let state = self.upgraded(&request.type_name, request.version, stored, &mut diags);
        upgrade_resource_state::Response {
            upgraded_state: state.map(outgoing),
            diagnostics: to_wire(diags),
        }
    }

    /// A stored state of this version, as of today's.
    pub(super) fn upgraded(
        &self,
        name: &str,
        version: i64,
        stored: RawState,
        diags: &mut Diagnostics,
    ) -> Option<Vec<u8>> {
        let (_, schema) = self.find_resource(name, diags)?;
        let stored = stored_json(name, stored, diags)?;
        let current = schema.message.version;
        let migrated = match version {
            version if version == current => stored,
            version if version > current => {
                newer(name, version, current, diags);
                return None;
            }
            version => self.migrated(name, version, stored, diags)?,
        };
        match conform(migrated, &schema.shape) {
            Ok(state) => withheld(encode(&state, diags)?, schema, diags),
            Err(misfit) => {
                diags.root_error(
                    format!("The stored state of {name} does not fit its schema"),
                    format!(
                        "{misfit}. Restore the state from a backup, or remove the object from the \
                         state and import it again."
                    ),
                );
                None
            }
        }
    }

    fn migrated(
        &self,
        name: &str,
        version: i64,
        stored: Value,
        diags: &mut Diagnostics,
    ) -> Option<Value> {
        let attempted = format!("upgrade the state of {name} from schema version {version}");
        let Some(upgrade) = self.upgrades.get(name) else {
            diags.root_error(
                format!("Cannot {attempted}"),
                "This provider does not know that version. Apply once with a provider version between \
                 the two, then upgrade again.",
            );
            return None;
        };
        let outcome = guard_call(|| report(upgrade(version, stored), diags));
        settle(outcome, diags, &attempted)
    }
}

/// The JSON of a stored state.
pub(super) fn stored_json(name: &str, raw: RawState, diags: &mut Diagnostics) -> Option<Value> {
    if raw.json.is_empty() {
        diags.root_error(
            format!("The stored state of {name} is too old"),
            "It was written by Terraform 0.11 or earlier, in a format that this provider never \
             wrote. Remove the object from the state and import it again.",
        );
        return None;
    }
    match serde_json::from_slice(&raw.json) {
        Ok(value) => Some(value),
        Err(error) => {
            diags.root_error(
                format!("The stored state of {name} is not valid JSON"),
                format!(
                    "It cannot be read from line {}, column {}. Restore the state from a backup.",
                    error.line(),
                    error.column()
                ),
            );
            None
        }
    }
}

fn newer(name: &str, version: i64, current: i64, diags: &mut Diagnostics) {
    diags.root_error(
        format!("The state of {name} was written by a newer version of the provider"),
        format!(
            "Its schema version is {version}; this provider knows versions up to {current}. Upgrade \
             the provider: raise its version in required_providers and run init -upgrade."
        ),
    );
}
