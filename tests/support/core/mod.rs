//! Terraform's part of the protocol, played by the tests: what it proposes, in which order it calls, and what it
//! checks of every answer. A provider that breaks one of its rules fails the test at once.
//!
//! The rules are those of Terraform's own `objchange` package and of its plan and apply nodes, written anew.

mod checks;
mod life;
mod others;
mod proposed;
#[cfg(test)]
mod tests;
mod values;

use std::collections::{BTreeMap, HashMap};

pub use self::life::Object;
pub use self::values::{encoded, value};

use tf_provider::value::ValueAny;

use crate::protocol::client::Plugin;
use crate::protocol::client::tfplugin6::*;

/// A plugin, and what the command line knows of it.
pub struct Core {
    pub plugin: Plugin,
    pub capabilities: ClientCapabilities,
    pub schemas: get_provider_schema::Response,
    pub identities: HashMap<String, ResourceIdentitySchema>,
}

/// The diagnostics of a call that failed, as `(summary, detail)`.
pub type Errors = Vec<(String, String)>;

impl Core {
    /// Reads the schemas, and checks what Terraform checks of them.
    pub async fn new(mut plugin: Plugin) -> Self {
        let request = get_provider_schema::Request {};
        let schemas = plugin.provider.get_provider_schema(request).await.unwrap();
        let schemas = schemas.into_inner();
        succeeded(&schemas.diagnostics).unwrap();
        let request = get_resource_identity_schemas::Request {};
        let identities = plugin.provider.get_resource_identity_schemas(request).await;
        let identities = identities.unwrap().into_inner();
        succeeded(&identities.diagnostics).unwrap();
        let core = Self {
            plugin,
            capabilities: ClientCapabilities {
                deferral_allowed: false,
                write_only_attributes_allowed: true,
                store_planned_private: false,
                computed_blocks_allowed: false,
            },
            schemas,
            identities: identities.identity_schemas,
        };
        core.check_schemas().await;
        core
    }

    async fn check_schemas(&self) {
        let schemas = &self.schemas;
        for (name, schema) in &schemas.resource_schemas {
            checks::schema_is_valid(name, schema, true);
        }
        let others = [
            &schemas.data_source_schemas,
            &schemas.ephemeral_resource_schemas,
            &schemas.list_resource_schemas,
        ];
        for (name, schema) in others.into_iter().flatten() {
            checks::schema_is_valid(name, schema, false);
        }
        let provider = schemas.provider.as_ref().unwrap();
        checks::schema_is_valid("provider", provider, false);
        for (name, action) in &schemas.action_schemas {
            checks::schema_is_valid(name, action.schema.as_ref().unwrap(), true);
        }
        for (name, identity) in &self.identities {
            assert!(
                schemas.resource_schemas.contains_key(name),
                "{name} has an identity only"
            );
            assert!(
                !identity.identity_attributes.is_empty(),
                "{name}: an empty identity"
            );
            for attribute in &identity.identity_attributes {
                assert!(
                    attribute.required_for_import != attribute.optional_for_import,
                    "{name}: {} is to be set at import, or may be",
                    attribute.name
                );
            }
        }
        for name in schemas.list_resource_schemas.keys() {
            assert!(
                self.identities.contains_key(name),
                "{name} is listed, but has no identity"
            );
        }
    }

    /// Configures the provider, with everything that is not given as null.
    pub async fn configure(&mut self, config: serde_json::Value) -> Result<(), Errors> {
        let schema = self.schemas.provider.clone().unwrap();
        let config = values::complete(value(config), block(&schema));
        self.configure_with(config).await
    }

    /// The same, where one setting is unknown.
    pub async fn configure_unknown(&mut self, unknown: &str) -> Result<(), Errors> {
        let schema = self.schemas.provider.clone().unwrap();
        let config = BTreeMap::from([(unknown.to_owned(), ValueAny::Unknown)]);
        let config = values::complete(ValueAny::Map(config), block(&schema));
        self.configure_with(config).await
    }

    async fn configure_with(&mut self, config: ValueAny) -> Result<(), Errors> {
        let request = validate_provider_config::Request {
            config: encoded(&config),
        };
        let answer = self.plugin.provider.validate_provider_config(request).await;
        succeeded(&answer.unwrap().into_inner().diagnostics)?;
        let request = configure_provider::Request {
            terraform_version: "1.16.0".into(),
            config: encoded(&config),
            client_capabilities: Some(self.capabilities),
        };
        let answer = self.plugin.provider.configure_provider(request).await;
        succeeded(&answer.unwrap().into_inner().diagnostics)
    }

    /// A configuration of a resource, with everything that is not given as null.
    pub fn config(&self, type_name: &str, config: serde_json::Value) -> ValueAny {
        self.config_of(type_name, value(config))
    }

    /// The same, where parts are unknown.
    pub fn config_of(&self, type_name: &str, config: ValueAny) -> ValueAny {
        values::complete(config, block(self.schema(type_name)))
    }

    pub fn schema(&self, type_name: &str) -> &Schema {
        &self.schemas.resource_schemas[type_name]
    }
}

fn block(schema: &Schema) -> &schema::Block {
    schema.block.as_ref().unwrap()
}

fn succeeded(diagnostics: &[Diagnostic]) -> Result<(), Errors> {
    let error = i32::from(diagnostic::Severity::Error);
    let errors = diagnostics.iter().filter(|it| it.severity == error);
    let errors: Errors = errors
        .map(|it| (it.summary.clone(), it.detail.clone()))
        .collect();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(errors),
    }
}
