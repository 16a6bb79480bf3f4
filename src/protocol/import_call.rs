//! `ImportResourceState`: an object that exists is taken over, by its id or by its identity.

use tf_provider::Diagnostics;

use super::codec::{is_null, outgoing};
use super::diagnostics::to_wire;
use super::erased::Object;
use super::guard::{guard, settle};
use super::registry::Registry;
use super::wire::tfplugin6::import_resource_state::{self, ImportedResource};
use super::write_only::withheld;

/// The longest id of an import, in bytes.
const LONGEST_ID: usize = 1024;

impl Registry {
    pub(super) async fn import_resource(
        &self,
        request: import_resource_state::Request,
    ) -> import_resource_state::Response {
        let mut diags = Diagnostics::default();
        let type_name = request.type_name.clone();
        let imported = self.import(request, &mut diags).await;
        let imported = imported.map(|(state, private)| ImportedResource {
            identity: self.identity_of(&type_name, &state, None, &mut diags),
            type_name,
            state: Some(outgoing(state)),
            private,
        });
        import_resource_state::Response {
            imported_resources: imported.into_iter().collect(),
            diagnostics: to_wire(diags),
            deferred: None,
        }
    }

    async fn import(
        &self,
        request: import_resource_state::Request,
        diags: &mut Diagnostics,
    ) -> Option<Object> {
        let name = &request.type_name;
        let (resource, schema) = self.find_resource(name, diags)?;
        let identity = request.identity;
        let identity = identity.filter(|identity| !is_null(&identity.identity_data));
        let id = match identity {
            Some(identity) => self.import_id(name, identity, diags)?,
            None => request.id,
        };
        if id.is_empty() {
            diags.root_error(
                format!("Cannot import {name} without an id"),
                "Set `id` in the import block, or `identity` where this resource has one.",
            );
            return None;
        }
        if id.len() > LONGEST_ID {
            diags.root_error(
                format!("Cannot import {name} by so long an id"),
                format!(
                    "It has {} bytes; {LONGEST_ID} are the most that is read.",
                    id.len()
                ),
            );
            return None;
        }
        let outcome = guard(resource.import(diags, id)).await;
        let (state, private) = settle(outcome, diags, &format!("import {name}"))?;
        Some((withheld(state, schema, diags)?, private))
    }
}
