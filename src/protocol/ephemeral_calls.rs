//! The calls that concern ephemeral resources. Nothing of them is ever stored.

use tf_provider::Diagnostics;

use super::authoring::Opened;
use super::codec::{configuration, outgoing};
use super::diagnostics::to_wire;
use super::entries::find;
use super::guard::{guard, settle};
use super::registry::Registry;
use super::wire::tfplugin6::{
    Timestamp, close_ephemeral_resource, open_ephemeral_resource, renew_ephemeral_resource,
    validate_ephemeral_resource_config,
};
use crate::instant::Instant;

impl Registry {
    pub(super) async fn validate_ephemeral_resource(
        &self,
        request: validate_ephemeral_resource_config::Request,
    ) -> validate_ephemeral_resource_config::Response {
        let mut diags = Diagnostics::default();
        let name = &request.type_name;
        if let Some((resource, schema)) = find(&self.ephemeral_resources, name, &mut diags)
            && let Some(config) = configuration(request.config, &schema.shape, &mut diags)
        {
            let outcome = guard(resource.validate(&mut diags, &config)).await;
            settle(outcome, &mut diags, &format!("validate ephemeral.{name}"));
        }
        let diagnostics = to_wire(diags);
        validate_ephemeral_resource_config::Response { diagnostics }
    }

    pub(super) async fn open_ephemeral_resource(
        &self,
        request: open_ephemeral_resource::Request,
    ) -> open_ephemeral_resource::Response {
        let mut diags = Diagnostics::default();
        let (result, private, renew_at) = match self.open(request, &mut diags).await {
            Some(it) => (Some(outgoing(it.result)), Some(it.private), it.renew_at),
            None => (None, None, None),
        };
        open_ephemeral_resource::Response {
            result,
            private,
            renew_at: renew_at.map(timestamp),
            deferred: None,
            diagnostics: to_wire(diags),
        }
    }

    async fn open(
        &self,
        request: open_ephemeral_resource::Request,
        diags: &mut Diagnostics,
    ) -> Option<Opened<Vec<u8>, Vec<u8>>> {
        let name = &request.type_name;
        let (resource, schema) = find(&self.ephemeral_resources, name, diags)?;
        let config = configuration(request.config, &schema.shape, diags)?;
        let outcome = guard(resource.open(diags, &config)).await;
        settle(outcome, diags, &format!("open ephemeral.{name}"))
    }

    pub(super) async fn renew_ephemeral_resource(
        &self,
        request: renew_ephemeral_resource::Request,
    ) -> renew_ephemeral_resource::Response {
        let mut diags = Diagnostics::default();
        let name = &request.type_name;
        let private = request.private.unwrap_or_default();
        let mut renewed = None;
        if let Some((resource, _)) = find(&self.ephemeral_resources, name, &mut diags) {
            let outcome = guard(resource.renew(&mut diags, &private)).await;
            renewed = settle(outcome, &mut diags, &format!("renew ephemeral.{name}"));
        }
        let (private, renew_at) = match renewed {
            Some(renewed) => (renewed.private, renewed.renew_at),
            // It is still to be closed.
            None => (private, None),
        };
        renew_ephemeral_resource::Response {
            private: Some(private),
            renew_at: renew_at.map(timestamp),
            diagnostics: to_wire(diags),
        }
    }

    pub(super) async fn close_ephemeral_resource(
        &self,
        request: close_ephemeral_resource::Request,
    ) -> close_ephemeral_resource::Response {
        let mut diags = Diagnostics::default();
        let name = &request.type_name;
        let private = request.private.unwrap_or_default();
        if let Some((resource, _)) = find(&self.ephemeral_resources, name, &mut diags) {
            let outcome = guard(resource.close(&mut diags, &private)).await;
            settle(outcome, &mut diags, &format!("close ephemeral.{name}"));
        }
        let diagnostics = to_wire(diags);
        close_ephemeral_resource::Response { diagnostics }
    }
}

fn timestamp(instant: Instant) -> Timestamp {
    Timestamp {
        seconds: instant.unix(),
        nanos: 0,
    }
}
