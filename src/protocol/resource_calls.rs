//! The calls that concern one resource.
//!
//! Whatever fails, what Terraform knew before stays known: a failed read, update or destroy answers
//! with the state and the private data from before.

use tf_provider::{AttributePath, Diagnostics};

use super::codec::{NULL, incoming, is_null, null, outgoing};
use super::diagnostics::{path_to_wire, to_wire};
use super::erased::Object;
use super::guard::{guard, settle};
use super::private;
use super::registry::Registry;
use super::wire::tfplugin6::{
    apply_resource_change, import_resource_state, plan_resource_change, read_resource,
    validate_resource_config,
};

impl Registry {
    pub(super) async fn validate_resource(
        &self,
        request: validate_resource_config::Request,
    ) -> validate_resource_config::Response {
        let mut diags = Diagnostics::default();
        let name = &request.type_name;
        if let Some((entry, schema)) = self.find_resource(name, &mut diags)
            && let Some(config) = incoming(request.config, &schema.shape, &mut diags)
        {
            let outcome = guard(entry.resource.validate(&mut diags, &config)).await;
            settle(outcome, &mut diags, &format!("validate {name}"));
        }
        let diagnostics = to_wire(diags);
        validate_resource_config::Response { diagnostics }
    }

    pub(super) async fn read_resource(
        &self,
        request: read_resource::Request,
    ) -> read_resource::Response {
        let mut diags = Diagnostics::default();
        let (_, prior) = private::split(&request.private);
        let prior = (request.current_state.clone(), prior.to_vec());
        let found = self.read(request, &mut diags).await;
        let (new_state, private) = match found {
            _ if !diags.errors.is_empty() => prior,
            Some(Some((state, private))) => (Some(outgoing(state)), private),
            // Gone, and the resource is sure of it.
            Some(None) | None => (Some(null()), Vec::new()),
        };
        read_resource::Response {
            new_state,
            private,
            diagnostics: to_wire(diags),
            ..Default::default()
        }
    }

    /// `None` if it could not be asked, `Some(None)` if it answered that it is gone.
    async fn read(
        &self,
        request: read_resource::Request,
        diags: &mut Diagnostics,
    ) -> Option<Option<Object>> {
        let name = &request.type_name;
        let (entry, schema) = self.find_resource(name, diags)?;
        let state = incoming(request.current_state, &schema.shape, diags)?;
        let meta = self.provider_meta(request.provider_meta, diags)?;
        let (private, _) = private::split(&request.private);
        let outcome = guard(entry.resource.read(diags, &state, private, &meta)).await;
        settle(outcome.map(Some), diags, &format!("read {name}"))
    }

    pub(super) async fn plan_resource(
        &self,
        request: plan_resource_change::Request,
    ) -> plan_resource_change::Response {
        let mut diags = Diagnostics::default();
        let proposed = request.proposed_new_state.clone();
        let prior_private = private::split(&request.prior_private).1.to_vec();
        let planned = self.plan(request, &mut diags).await;
        let (planned_state, planned_private, replace) = match planned {
            Some(((state, planned), replace)) => {
                let planned = private::join(&planned, &prior_private);
                (Some(outgoing(state)), planned, replace)
            }
            None => (proposed, prior_private, Vec::new()),
        };
        plan_resource_change::Response {
            planned_state,
            planned_private,
            requires_replace: replace.into_iter().map(path_to_wire).collect(),
            diagnostics: to_wire(diags),
            ..Default::default()
        }
    }

    async fn plan(
        &self,
        request: plan_resource_change::Request,
        diags: &mut Diagnostics,
    ) -> Option<(Object, Vec<AttributePath>)> {
        let name = &request.type_name;
        let (entry, schema) = self.find_resource(name, diags)?;
        let resource = &entry.resource;
        let creates = is_null(&request.prior_state);
        let destroys = is_null(&request.proposed_new_state);
        let prior = incoming(request.prior_state, &schema.shape, diags)?;
        let proposed = incoming(request.proposed_new_state, &schema.shape, diags)?;
        let config = incoming(request.config, &schema.shape, diags)?;
        let meta = self.provider_meta(request.provider_meta, diags)?;
        // When a replacement is planned, this is the private data of the plan that asked for it.
        let (private, _) = private::split(&request.prior_private);
        let attempted = format!("plan {name}");
        if destroys {
            let outcome = guard(resource.plan_destroy(diags, &prior, private, &meta)).await;
            let private = settle(outcome, diags, &attempted)?;
            return Some(((NULL.to_vec(), private), Vec::new()));
        }
        if creates {
            let outcome = guard(resource.plan_create(diags, &proposed, &config, &meta)).await;
            let object = settle(outcome, diags, &attempted)?;
            return Some((object, Vec::new()));
        }
        let update = resource.plan_update(diags, &prior, &proposed, &config, private, &meta);
        let outcome = guard(update).await;
        settle(outcome, diags, &attempted)
    }

    pub(super) async fn apply_resource(
        &self,
        request: apply_resource_change::Request,
    ) -> apply_resource_change::Response {
        let mut diags = Diagnostics::default();
        let (_, prior_private) = private::split(&request.planned_private);
        let prior = (request.prior_state.clone(), prior_private.to_vec());
        let (new_state, private) = match self.apply(request, &mut diags).await {
            Some((state, private)) => (Some(outgoing(state)), private),
            None => prior,
        };
        apply_resource_change::Response {
            new_state: new_state.or_else(|| Some(null())),
            private,
            diagnostics: to_wire(diags),
            ..Default::default()
        }
    }

    /// The object after the change. `None`, with an error, leaves it as it was.
    async fn apply(
        &self,
        request: apply_resource_change::Request,
        diags: &mut Diagnostics,
    ) -> Option<Object> {
        let name = &request.type_name;
        let (entry, schema) = self.find_resource(name, diags)?;
        let resource = &entry.resource;
        let creates = is_null(&request.prior_state);
        let destroys = is_null(&request.planned_state);
        let prior = incoming(request.prior_state, &schema.shape, diags)?;
        let planned = incoming(request.planned_state, &schema.shape, diags)?;
        let config = incoming(request.config, &schema.shape, diags)?;
        let meta = self.provider_meta(request.provider_meta, diags)?;
        let (private, _) = private::split(&request.planned_private);
        if destroys {
            let outcome = guard(resource.destroy(diags, &prior, private, &meta)).await;
            settle(outcome, diags, &format!("destroy {name}"))?;
            let gone = (NULL.to_vec(), Vec::new());
            return diags.errors.is_empty().then_some(gone);
        }
        if creates {
            let create = resource.create(diags, &planned, &config, private, &meta);
            let outcome = guard(create).await;
            return settle(outcome, diags, &format!("create {name}"));
        }
        let update = resource.update(diags, &prior, &planned, &config, private, &meta);
        let outcome = guard(update).await;
        settle(outcome, diags, &format!("update {name}"))
    }

    pub(super) async fn import_resource(
        &self,
        request: import_resource_state::Request,
    ) -> import_resource_state::Response {
        use import_resource_state::ImportedResource;
        let mut diags = Diagnostics::default();
        let type_name = request.type_name.clone();
        let imported = self.import(request, &mut diags).await;
        let imported = imported.map(|(state, private)| ImportedResource {
            type_name,
            state: Some(outgoing(state)),
            private,
            identity: None,
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
        let (entry, _) = self.find_resource(name, diags)?;
        if request.id.is_empty() {
            diags.root_error(
                format!("Cannot import {name} without an id"),
                "This resource is imported by id. Set `id` in the import block; `identity` is not \
                 supported.",
            );
            return None;
        }
        let outcome = guard(entry.resource.import(diags, request.id)).await;
        settle(outcome, diags, &format!("import {name}"))
    }
}
