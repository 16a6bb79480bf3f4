//! The calls that concern the provider as a whole, its data sources and its functions.

use std::collections::BTreeMap;

use tf_provider::{AttributePath, AttributePathStep, Diagnostics};

use super::codec::{NULL, configuration, incoming, outgoing};
use super::diagnostics::{to_function_error, to_wire};
use super::entries::{find, messages};
use super::guard::{guard, settle};
use super::normalise::holds_unknown;
use super::registry::Registry;
use super::wire::tfplugin6::{
    ActionSchema, DynamicValue, Schema, ServerCapabilities, call_function, configure_provider,
    get_functions, get_metadata, get_provider_schema, read_data_source,
    validate_data_resource_config, validate_provider_config,
};

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: true,
        generate_resource_config: true,
    }
}

impl Registry {
    pub(super) fn get_metadata(&self) -> get_metadata::Response {
        use get_metadata::*;
        get_metadata::Response {
            server_capabilities: Some(capabilities()),
            diagnostics: Vec::new(),
            resources: named(&self.resources, |type_name| ResourceMetadata { type_name }),
            data_sources: named(&self.data_sources, |type_name| DataSourceMetadata {
                type_name,
            }),
            functions: named(&self.functions, |name| FunctionMetadata { name }),
            ephemeral_resources: named(&self.ephemeral_resources, |type_name| {
                EphemeralResourceMetadata { type_name }
            }),
            list_resources: named(&self.list_resources, |type_name| ListResourceMetadata {
                type_name,
            }),
            actions: named(&self.actions, |type_name| ActionMetadata { type_name }),
            state_stores: Vec::new(),
        }
    }

    pub(super) fn get_provider_schema(&self) -> get_provider_schema::Response {
        let mut diags = Diagnostics::default();
        let mut response = get_provider_schema::Response {
            server_capabilities: Some(capabilities()),
            ..Default::default()
        };
        response.provider = self
            .provider_schema(&mut diags)
            .map(|it| it.message.clone());
        response.provider_meta = self
            .meta_schema(&mut diags)
            .filter(|schema| !schema.is_empty())
            .map(|schema| schema.message.clone());
        response.resource_schemas = messages(&self.resources, &mut diags, same);
        response.data_source_schemas = messages(&self.data_sources, &mut diags, same);
        response.ephemeral_resource_schemas = messages(&self.ephemeral_resources, &mut diags, same);
        response.list_resource_schemas = messages(&self.list_resources, &mut diags, same);
        response.action_schemas = messages(&self.actions, &mut diags, |schema| ActionSchema {
            schema: Some(schema),
        });
        let functions = self.get_functions();
        response.functions = functions.functions;
        response.diagnostics = to_wire(diags);
        response.diagnostics.extend(functions.diagnostics);
        response
    }

    pub(super) fn get_functions(&self) -> get_functions::Response {
        let mut diags = Diagnostics::default();
        let functions = self.functions.iter().filter_map(|(name, entry)| {
            let signature = entry.prepared(name, &mut diags)?;
            Some((name.clone(), signature.message.clone()))
        });
        get_functions::Response {
            functions: functions.collect(),
            diagnostics: to_wire(diags),
        }
    }

    pub(super) async fn validate_provider_config(
        &self,
        request: validate_provider_config::Request,
    ) -> validate_provider_config::Response {
        let mut diags = Diagnostics::default();
        if let Some(config) = self.provider_config(request.config, &mut diags) {
            let outcome = guard(self.provider.validate(&mut diags, &config)).await;
            settle(outcome, &mut diags, "validate the provider configuration");
        }
        let diagnostics = to_wire(diags);
        validate_provider_config::Response { diagnostics }
    }

    pub(super) async fn configure_provider(
        &self,
        request: configure_provider::Request,
    ) -> configure_provider::Response {
        let mut diags = Diagnostics::default();
        if let Some(config) = self.provider_config(request.config, &mut diags) {
            let version = request.terraform_version;
            let configured = self.provider.configure(&mut diags, version, &config);
            settle(
                guard(configured).await,
                &mut diags,
                "configure the provider",
            );
        }
        let diagnostics = to_wire(diags);
        configure_provider::Response { diagnostics }
    }

    fn provider_config(
        &self,
        config: Option<DynamicValue>,
        diags: &mut Diagnostics,
    ) -> Option<Vec<u8>> {
        let schema = self.provider_schema(diags)?;
        configuration(config, &schema.shape, diags)
    }

    /// The value of `provider_meta`, null where there is none.
    pub(super) fn provider_meta(
        &self,
        meta: Option<DynamicValue>,
        diags: &mut Diagnostics,
    ) -> Option<Vec<u8>> {
        let schema = self.meta_schema(diags)?;
        incoming(meta, &schema.shape, diags)
    }

    pub(super) async fn validate_data_source(
        &self,
        request: validate_data_resource_config::Request,
    ) -> validate_data_resource_config::Response {
        let mut diags = Diagnostics::default();
        let name = &request.type_name;
        if let Some((source, schema)) = find(&self.data_sources, name, &mut diags)
            && let Some(config) = configuration(request.config, &schema.shape, &mut diags)
        {
            let outcome = guard(source.validate(&mut diags, &config)).await;
            settle(outcome, &mut diags, &format!("validate data.{name}"));
        }
        let diagnostics = to_wire(diags);
        validate_data_resource_config::Response { diagnostics }
    }

    pub(super) async fn read_data_source(
        &self,
        request: read_data_source::Request,
    ) -> read_data_source::Response {
        let mut diags = Diagnostics::default();
        let state = self.data_source_state(request, &mut diags).await;
        read_data_source::Response {
            state: state.map(outgoing),
            diagnostics: to_wire(diags),
            deferred: None,
        }
    }

    async fn data_source_state(
        &self,
        request: read_data_source::Request,
        diags: &mut Diagnostics,
    ) -> Option<Vec<u8>> {
        let name = &request.type_name;
        let (source, schema) = find(&self.data_sources, name, diags)?;
        let config = configuration(request.config, &schema.shape, diags)?;
        let meta = self.provider_meta(request.provider_meta, diags)?;
        let outcome = guard(source.read(diags, &config, &meta)).await;
        settle(outcome, diags, &format!("read data.{name}"))
    }

    pub(super) async fn call_function(
        &self,
        request: call_function::Request,
    ) -> call_function::Response {
        let mut diags = Diagnostics::default();
        let result = self.function_result(request, &mut diags).await;
        for warning in &diags.warnings {
            // The protocol has no place for the warning of a function.
            tracing::warn!("{}", warning.summary);
        }
        match to_function_error(diags) {
            None => call_function::Response {
                result: result.map(outgoing),
                error: None,
            },
            error => call_function::Response {
                result: None,
                error,
            },
        }
    }

    async fn function_result(
        &self,
        request: call_function::Request,
        diags: &mut Diagnostics,
    ) -> Option<Vec<u8>> {
        let name = &request.name;
        let (entry, signature) = self.find_function(name, diags)?;
        let mut arguments = array_header(request.arguments.len());
        for (position, argument) in request.arguments.into_iter().enumerate() {
            let Some(taken) = signature.argument(position) else {
                diags.function_error(position as i64, format!("{name} takes fewer arguments"));
                return None;
            };
            let mut problems = Diagnostics::default();
            let Some(argument) = configuration(Some(argument), &taken.shape, &mut problems) else {
                diags.add_diagnostics(blamed_on(position, problems));
                return None;
            };
            let unfit = match argument.as_slice() {
                NULL if !taken.allow_null => Some("it is null, and a value is required"),
                value if !taken.allow_unknown && holds_unknown(value) => {
                    Some("it is not known yet")
                }
                _ => None,
            };
            if let Some(unfit) = unfit {
                diags.function_error(position as i64, unfit);
                return None;
            }
            arguments.extend(argument);
        }
        let outcome = guard(entry.function.call(diags, &arguments)).await;
        settle(outcome, diags, &format!("call {name}"))
    }
}

fn named<E, M>(entries: &BTreeMap<String, E>, message: impl Fn(String) -> M) -> Vec<M> {
    entries.keys().cloned().map(message).collect()
}

fn same(schema: Schema) -> Schema {
    schema
}

/// The start of a MessagePack array.
fn array_header(length: usize) -> Vec<u8> {
    match u8::try_from(length) {
        Ok(short @ 0..=15) => vec![0x90 | short],
        _ => {
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            [&[0xdd][..], &length.to_be_bytes()].concat()
        }
    }
}

fn blamed_on(position: usize, mut diags: Diagnostics) -> Diagnostics {
    for error in &mut diags.errors {
        let steps = vec![AttributePathStep::Index(position as i64)];
        error.attribute = AttributePath { steps };
    }
    diags
}
