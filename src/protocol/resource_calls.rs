//! The calls that concern one resource.
//!
//! Whatever fails, what Terraform knew before stays known: a failed read, update or destroy answers
//! with the state and the private data from before.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use tf_provider::{AttributePath, Diagnostics};

use super::call::Call;
use super::codec::{NULL, configuration, incoming, is_null, null, outgoing};
use super::diagnostics::{path_to_wire, to_wire};
use super::erased::Object;
use super::guard::{guard, settle};
use super::normalise::in_decimals;
use super::private;
use super::registry::Registry;
use super::wire::tfplugin6::{
    DynamicValue, apply_resource_change, plan_resource_change, read_resource,
    validate_resource_config,
};
use super::write_only::{self, withheld};

impl Registry {
    pub(super) async fn validate_resource(
        &self,
        request: validate_resource_config::Request,
    ) -> validate_resource_config::Response {
        let mut diags = Diagnostics::default();
        let name = &request.type_name;
        let call = Call::of(request.client_capabilities);
        if let Some((resource, schema)) = self.find_resource(name, &mut diags)
            && let Some(config) = configuration(request.config, &schema.shape, &mut diags)
        {
            if !call.write_only_attributes_allowed {
                write_only::refuse(&config, schema, &mut diags);
            }
            let validated = call.scope(resource.validate(&mut diags, &config));
            let outcome = guard(validated).await;
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
        let name = request.type_name.clone();
        let identity = request.current_identity.clone();
        let (_, prior) = private::split(&request.private);
        let prior = (request.current_state.clone(), prior.to_vec(), identity);
        let found = self.read(request, &mut diags).await;
        let (new_state, private, new_identity) = match found {
            _ if !diags.errors.is_empty() => prior,
            Some((state, private)) => {
                let identity = self.identity_of(&name, &state, prior.2, &mut diags);
                (Some(self.refreshed(&name, state)), private, identity)
            }
            // Gone, and the resource is sure of it.
            None => (Some(null()), Vec::new(), None),
        };
        read_resource::Response {
            new_state,
            private,
            new_identity,
            deferred: None,
            diagnostics: to_wire(diags),
        }
    }

    /// `None` without an error means that it is gone.
    async fn read(
        &self,
        request: read_resource::Request,
        diags: &mut Diagnostics,
    ) -> Option<Object> {
        let name = &request.type_name;
        let (resource, schema) = self.find_resource(name, diags)?;
        let state = incoming(request.current_state, &schema.shape, diags)?;
        let meta = self.provider_meta(request.provider_meta, diags)?;
        let (private, _) = private::split(&request.private);
        let outcome = guard(resource.read(diags, &state, private, &meta)).await;
        let (state, private) = settle(outcome.map(Some), diags, &format!("read {name}"))??;
        Some((withheld(state, schema, diags)?, private))
    }

    /// A state that was read, in the form in which Terraform compares it with the stored one.
    fn refreshed(&self, name: &str, state: Vec<u8>) -> DynamicValue {
        let schema = self.find_resource(name, &mut Diagnostics::default());
        let decimals = schema.and_then(|(_, schema)| in_decimals(&state, &schema.shape).ok());
        outgoing(decimals.map_or_else(|| state.clone(), Cow::into_owned))
    }

    pub(super) async fn plan_resource(
        &self,
        request: plan_resource_change::Request,
    ) -> plan_resource_change::Response {
        let mut diags = Diagnostics::default();
        let call = Call::of(request.client_capabilities)
            .after_plan(&request.planned_private)
            .in_an_apply(self.applies.load(Ordering::Relaxed))
            .may_wait_for(request.config.as_ref());
        let name = request.type_name.clone();
        let proposed = request.proposed_new_state.clone();
        let prior_identity = request.prior_identity.clone();
        let prior_private = private::split(&request.prior_private).1.to_vec();
        let planned = call.scope(self.plan(request, &mut diags)).await;
        let (planned_state, planned_private, replace, planned_identity) = match planned {
            Some(((state, planned), replace)) => {
                let identity = match state == NULL {
                    true => prior_identity,
                    false => self.identity_of(&name, &state, prior_identity, &mut diags),
                };
                let planned = private::join(&planned, &prior_private);
                (Some(outgoing(state)), planned, replace, identity)
            }
            None => (proposed, prior_private, Vec::new(), prior_identity),
        };
        plan_resource_change::Response {
            planned_state,
            planned_private,
            planned_identity,
            requires_replace: replace.into_iter().map(path_to_wire).collect(),
            deferred: call.deferred(),
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
        let (resource, schema) = self.find_resource(name, diags)?;
        let creates = is_null(&request.prior_state);
        let destroys = is_null(&request.proposed_new_state);
        let prior = incoming(request.prior_state, &schema.shape, diags)?;
        let proposed = incoming(request.proposed_new_state, &schema.shape, diags)?;
        let config = configuration(request.config, &schema.shape, diags)?;
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
            let (state, private) = settle(outcome, diags, &attempted)?;
            return Some(((withheld(state, schema, diags)?, private), Vec::new()));
        }
        let update = resource.plan_update(diags, &prior, &proposed, &config, private, &meta);
        let outcome = guard(update).await;
        let ((state, private), replace) = settle(outcome, diags, &attempted)?;
        Some(((withheld(state, schema, diags)?, private), replace))
    }

    pub(super) async fn apply_resource(
        &self,
        request: apply_resource_change::Request,
    ) -> apply_resource_change::Response {
        self.applies.store(true, Ordering::Relaxed);
        let mut diags = Diagnostics::default();
        let name = request.type_name.clone();
        let identity = request.planned_identity.clone();
        let (_, prior_private) = private::split(&request.planned_private);
        let prior = (request.prior_state.clone(), prior_private.to_vec());
        let applied = self.apply(request, &mut diags).await;
        let (new_state, private, new_identity) = match applied {
            Some((state, private)) if state == NULL => (Some(outgoing(state)), private, None),
            Some((state, private)) => {
                let identity = self.identity_of(&name, &state, identity, &mut diags);
                (Some(outgoing(state)), private, identity)
            }
            None => (prior.0, prior.1, identity),
        };
        apply_resource_change::Response {
            new_state: new_state.or_else(|| Some(null())),
            private,
            new_identity,
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
        let (resource, schema) = self.find_resource(name, diags)?;
        let creates = is_null(&request.prior_state);
        let destroys = is_null(&request.planned_state);
        let prior = incoming(request.prior_state, &schema.shape, diags)?;
        let planned = incoming(request.planned_state, &schema.shape, diags)?;
        let config = configuration(request.config, &schema.shape, diags)?;
        let meta = self.provider_meta(request.provider_meta, diags)?;
        let (private, _) = private::split(&request.planned_private);
        if destroys {
            let outcome = guard(resource.destroy(diags, &prior, private, &meta)).await;
            settle(outcome, diags, &format!("destroy {name}"))?;
            let gone = (NULL.to_vec(), Vec::new());
            return diags.errors.is_empty().then_some(gone);
        }
        let (state, private) = if creates {
            let create = resource.create(diags, &planned, &config, private, &meta);
            settle(guard(create).await, diags, &format!("create {name}"))?
        } else {
            let update = resource.update(diags, &prior, &planned, &config, private, &meta);
            settle(guard(update).await, diags, &format!("update {name}"))?
        };
        Some((withheld(state, schema, diags)?, private))
    }
}
