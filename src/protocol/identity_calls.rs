//! Resource identity: the calls of its own, and what it adds to the calls of a resource.

use serde_json::Value;
use tf_provider::Diagnostics;

use super::codec::{encode, incoming, is_null, outgoing};
use super::conform::conform;
use super::diagnostics::{report, to_wire};
use super::entries::{IdentityEntry, known};
use super::guard::{guard_call, settle};
use super::registry::Registry;
use super::schema_wire;
use super::wire::tfplugin6::{
    ResourceIdentityData, get_resource_identity_schemas, upgrade_resource_identity,
};

impl Registry {
    pub(super) fn get_resource_identity_schemas(&self) -> get_resource_identity_schemas::Response {
        let schemas = self.identities.iter();
        let schemas = schemas.map(|(name, it)| (name.clone(), schema_wire::identity(&it.schema)));
        get_resource_identity_schemas::Response {
            identity_schemas: schemas.collect(),
            diagnostics: Vec::new(),
        }
    }

    pub(super) fn upgrade_resource_identity(
        &self,
        request: upgrade_resource_identity::Request,
    ) -> upgrade_resource_identity::Response {
        let mut diags = Diagnostics::default();
        let name = &request.type_name;
        let stored = request.raw_identity.unwrap_or_default().json;
        let upgraded = known(self.identities.get(name), "identity of", name, &mut diags)
            .and_then(|entry| upgraded(entry, name, request.version, &stored, &mut diags));
        upgrade_resource_identity::Response {
            upgraded_identity: upgraded.map(data),
            diagnostics: to_wire(diags),
        }
    }

    /// The identity to answer with for an object: the one it has, or else the one that its state tells.
    pub(super) fn identity_of(
        &self,
        name: &str,
        state: &[u8],
        earlier: Option<ResourceIdentityData>,
        diags: &mut Diagnostics,
    ) -> Option<ResourceIdentityData> {
        let entry = self.identities.get(name)?;
        let earlier = earlier.filter(|it| !is_null(&it.identity_data));
        if earlier.is_some() {
            return earlier;
        }
        let outcome = guard_call(|| entry.author.of(diags, state));
        let attempted = format!("tell the identity of {name}");
        settle(outcome, diags, &attempted)?.map(data)
    }

    /// The id under which an object of this identity is imported.
    pub(super) fn import_id(
        &self,
        name: &str,
        identity: ResourceIdentityData,
        diags: &mut Diagnostics,
    ) -> Option<String> {
        let entry = known(self.identities.get(name), "identity of", name, diags)?;
        let identity = incoming(identity.identity_data, &entry.shape, diags)?;
        let outcome = guard_call(|| entry.author.import_id(diags, &identity));
        settle(outcome, diags, &format!("import {name} by identity"))
    }
}

/// An identity as a message.
pub(super) fn data(identity: Vec<u8>) -> ResourceIdentityData {
    ResourceIdentityData {
        identity_data: Some(outgoing(identity)),
    }
}

fn upgraded(
    entry: &IdentityEntry,
    name: &str,
    version: i64,
    stored: &[u8],
    diags: &mut Diagnostics,
) -> Option<Vec<u8>> {
    let attempted = format!("upgrade the identity of {name} from version {version}");
    let current = entry.schema.version;
    if version > current {
        diags.root_error(
            format!("The identity of {name} was written by a newer version of the provider"),
            format!(
                "Its version is {version}; this provider knows versions up to {current}. Upgrade the provider: raise \
                 its version in required_providers and run init -upgrade."
            ),
        );
        return None;
    }
    let Ok(stored) = serde_json::from_slice::<Value>(stored) else {
        diags.root_error(
            format!("The stored identity of {name} is not valid JSON"),
            "Restore the state from a backup.",
        );
        return None;
    };
    let outcome = guard_call(|| match version {
        version if version == current => Some(stored),
        version => report(entry.author.upgrade(version, stored), diags),
    });
    let identity = settle(outcome, diags, &attempted)?;
    match conform(identity, &entry.shape) {
        Ok(identity) => encode(&identity, diags),
        Err(misfit) => {
            diags.root_error(
                format!("The stored identity of {name} does not fit its schema"),
                format!("{misfit}. Restore the state from a backup."),
            );
            None
        }
    }
}
