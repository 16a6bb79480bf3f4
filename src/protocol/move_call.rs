//! `MoveResourceState`: a `moved` block changes the resource type of an object, or the address of its provider.

use serde_json::Value;
use tf_provider::Diagnostics;

use super::authoring::{Origin, Source};
use super::codec::outgoing;
use super::diagnostics::to_wire;
use super::erased::Object;
use super::guard::{guard, settle};
use super::private;
use super::registry::Registry;
use super::upgrade_call::stored_json;
use super::wire::tfplugin6::move_resource_state;
use super::write_only::withheld;

impl Registry {
    pub(super) async fn move_resource_state(
        &self,
        request: move_resource_state::Request,
    ) -> move_resource_state::Response {
        let mut diags = Diagnostics::default();
        let name = request.target_type_name.clone();
        let moved = self.moved(request, &mut diags).await;
        let identity = moved
            .as_ref()
            .and_then(|(state, _)| self.identity_of(&name, state, None, &mut diags));
        let (target_state, target_private) = moved.unzip();
        move_resource_state::Response {
            target_state: target_state.map(outgoing),
            target_private: target_private.unwrap_or_default(),
            target_identity: identity,
            diagnostics: to_wire(diags),
        }
    }

    async fn moved(
        &self,
        request: move_resource_state::Request,
        diags: &mut Diagnostics,
    ) -> Option<Object> {
        let name = request.target_type_name.as_str();
        let source_name = request.source_type_name.as_str();
        let (_, schema) = self.find_resource(name, diags)?;
        if source_name == name && ours(&request.source_provider_address, name) {
            let stored = request.source_state.unwrap_or_default();
            let version = request.source_schema_version;
            let state = self.upgraded(name, version, stored, diags)?;
            let (_, private) = private::split(&request.source_private);
            return Some((state, private.to_vec()));
        }
        let moves = self.moves.get(name);
        let origins = moves.map_or(&[][..], |moves| moves.origins());
        let origin = origins
            .iter()
            .find(|origin| origin.is(&request.source_provider_address, source_name));
        let (Some(moves), Some(origin)) = (moves, origin) else {
            unheard_of(&request, origins, diags);
            return None;
        };
        let identity = request.source_identity.unwrap_or_default().json;
        let source = Source {
            origin: *origin,
            state: stored_json(source_name, request.source_state.unwrap_or_default(), diags)?,
            identity: serde_json::from_slice(&identity)
                .ok()
                .filter(|it| *it != Value::Null),
            provider_address: request.source_provider_address,
            schema_version: request.source_schema_version,
            private: request.source_private,
        };
        let attempted = format!("move the state of {source_name} to {name}");
        let outcome = guard(moves.moved(diags, source)).await;
        let (state, private) = settle(outcome, diags, &attempted)?;
        Some((withheld(state, schema, diags)?, private))
    }
}

/// Whether this is another address of the provider that has this resource type.
fn ours(provider_address: &str, type_name: &str) -> bool {
    let provider = provider_address.rsplit('/').next();
    provider == type_name.split('_').next()
}

fn unheard_of(request: &move_resource_state::Request, origins: &[Origin], diags: &mut Diagnostics) {
    let known: Vec<String> = origins
        .iter()
        .map(|origin| format!("{} of {}", origin.type_name, origin.provider))
        .collect();
    let name = &request.target_type_name;
    let known = match known.as_slice() {
        [] => format!("{name} takes over no other resource type"),
        known => format!("{name} takes over {}", known.join(", ")),
    };
    diags.root_error(
        format!("Cannot move {} to {name}", request.source_type_name),
        format!(
            "It belongs to {}; {known}. Remove the moved block, and import or create the object instead.",
            request.source_provider_address
        ),
    );
}
