//! `ImportResourceState`: an object that exists is taken over, by its id or by its identity.

use tf_provider::Diagnostics;

use super::call::Call;
use super::codec::{is_null, outgoing, unknown};
use super::diagnostics::to_wire;
use super::erased::Object;
use super::guard::{guard, settle};
use super::registry::Registry;
use super::wire::tfplugin6::import_resource_state::{self, ImportedResource};
use super::write_only::withheld;

impl Registry {
    pub(super) async fn import_resource(
        &self,
        request: import_resource_state::Request,
    ) -> import_resource_state::Response {
        let mut diags = Diagnostics::default();
        let call = Call::of(request.client_capabilities);
        let type_name = request.type_name.clone();
        let identity = request.identity.clone();
        let imported = match self.must_wait(&call, &mut diags) {
            true => None,
            false => call.scope(self.import(request, &mut diags)).await,
        };
        let deferred = call.deferred();
        let imported = match imported {
            Some((state, private)) => Some(ImportedResource {
                identity: self.identity_of(&type_name, &state, None, &mut diags),
                type_name,
                state: Some(outgoing(state)),
                private,
            }),
            // What is not there yet has an unknown value.
            None => deferred.map(|_| ImportedResource {
                type_name,
                state: Some(unknown()),
                private: Vec::new(),
                identity,
            }),
        };
        import_resource_state::Response {
            imported_resources: imported.into_iter().collect(),
            diagnostics: to_wire(diags),
            deferred,
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
        let outcome = guard(resource.import(diags, id)).await;
        let (state, private) = settle(outcome, diags, &format!("import {name}"))?;
        Some((withheld(state, schema, diags)?, private))
    }
}
