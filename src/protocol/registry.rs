//! What the binary serves: one provider and its resources, data sources and functions, by name.
//!
//! Schemas are asked for when they are first needed, so that the handshake waits for none of them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use tf_provider::schema::Schema;
use tf_provider::{DataSource, Diagnostics, Function, Provider, Resource};

use super::erased::{AnyDataSource, AnyFunction, AnyProvider, AnyResource};
use super::guard::{guard_call, settle};
use super::schema_wire;
use super::shape::Shape;
use super::wire::tfplugin6 as wire;
use crate::error::Result;

/// Brings a state of an older schema version to the current one.
type Upgrade = Box<dyn Fn(i64, serde_json::Value) -> Result<serde_json::Value> + Send + Sync>;

/// Everything there is to serve.
pub struct Registry {
    pub(super) provider: Box<dyn AnyProvider>,
    pub(super) provider_schema: Lazy<Prepared>,
    pub(super) meta_schema: Lazy<Prepared>,
    pub(super) resources: BTreeMap<String, ResourceEntry>,
    pub(super) data_sources: BTreeMap<String, DataSourceEntry>,
    pub(super) functions: BTreeMap<String, FunctionEntry>,
}

impl Registry {
    /// A provider with its own schema and nothing else. Its `get_resources`, `get_data_sources` and
    /// `get_functions` are not asked.
    pub fn new(provider: impl Provider) -> Self {
        Self {
            provider: Box::new(provider),
            provider_schema: Lazy::default(),
            meta_schema: Lazy::default(),
            resources: BTreeMap::new(),
            data_sources: BTreeMap::new(),
            functions: BTreeMap::new(),
        }
    }

    /// Adds a resource under its full type name, such as `apikey_managed`. Its schema never changed
    /// its version.
    pub fn resource(self, name: &str, resource: impl Resource + 'static) -> Self {
        self.add_resource(name, Box::new(resource), None)
    }

    /// Adds a resource whose older states can be read: `upgrade` gets the version and the state, and
    /// returns the state as of the current version. What the schema does not know is dropped and what
    /// is missing becomes null afterwards, so `upgrade` only has to move what was renamed or reshaped.
    pub fn resource_with_upgrade(
        self,
        name: &str,
        resource: impl Resource + 'static,
        upgrade: impl Fn(i64, serde_json::Value) -> Result<serde_json::Value> + Send + Sync + 'static,
    ) -> Self {
        self.add_resource(name, Box::new(resource), Some(Box::new(upgrade)))
    }

    /// Adds a data source under its full type name.
    pub fn data_source(mut self, name: &str, source: impl DataSource + 'static) -> Self {
        let entry = DataSourceEntry {
            source: Box::new(source),
            schema: Lazy::default(),
        };
        self.data_sources.insert(name.into(), entry);
        self
    }

    /// Adds a function under its own name: `provider::apikey::<name>`.
    pub fn function(mut self, name: &str, function: impl Function + 'static) -> Self {
        let entry = FunctionEntry {
            function: Box::new(function),
            schema: Lazy::default(),
        };
        self.functions.insert(name.into(), entry);
        self
    }

    fn add_resource(
        mut self,
        name: &str,
        resource: Box<dyn AnyResource>,
        upgrade: Option<Upgrade>,
    ) -> Self {
        let entry = ResourceEntry {
            resource,
            upgrade,
            schema: Lazy::default(),
        };
        self.resources.insert(name.into(), entry);
        self
    }

    pub(super) fn provider_schema(&self, diags: &mut Diagnostics) -> Option<&Prepared> {
        let provider = &self.provider;
        self.provider_schema
            .get("read the schema of the provider", diags, |diags| {
                provider.schema(diags).as_ref().map(Prepared::new)
            })
    }

    pub(super) fn meta_schema(&self, diags: &mut Diagnostics) -> Option<&Prepared> {
        let provider = &self.provider;
        self.meta_schema
            .get("read the schema of provider_meta", diags, |diags| {
                provider.meta_schema(diags).as_ref().map(Prepared::new)
            })
    }

    /// The resource of this type, with its schema.
    pub(super) fn find_resource(
        &self,
        name: &str,
        diags: &mut Diagnostics,
    ) -> Option<(&ResourceEntry, &Prepared)> {
        let entry = known(self.resources.get(name), "resource", name, diags)?;
        Some((entry, entry.prepared(name, diags)?))
    }

    /// The data source of this type, with its schema.
    pub(super) fn find_data_source(
        &self,
        name: &str,
        diags: &mut Diagnostics,
    ) -> Option<(&DataSourceEntry, &Prepared)> {
        let entry = known(self.data_sources.get(name), "data source", name, diags)?;
        Some((entry, entry.prepared(name, diags)?))
    }

    /// The function of this name, with its signature.
    pub(super) fn find_function(
        &self,
        name: &str,
        diags: &mut Diagnostics,
    ) -> Option<(&FunctionEntry, &PreparedFunction)> {
        let entry = known(self.functions.get(name), "function", name, diags)?;
        Some((entry, entry.prepared(name, diags)?))
    }
}

pub(super) struct ResourceEntry {
    pub(super) resource: Box<dyn AnyResource>,
    pub(super) upgrade: Option<Upgrade>,
    schema: Lazy<Prepared>,
}

impl ResourceEntry {
    pub(super) fn prepared(&self, name: &str, diags: &mut Diagnostics) -> Option<&Prepared> {
        let attempted = format!("read the schema of {name}");
        self.schema.get(&attempted, diags, |diags| {
            self.resource.schema(diags).as_ref().map(Prepared::new)
        })
    }
}

pub(super) struct DataSourceEntry {
    pub(super) source: Box<dyn AnyDataSource>,
    schema: Lazy<Prepared>,
}

impl DataSourceEntry {
    pub(super) fn prepared(&self, name: &str, diags: &mut Diagnostics) -> Option<&Prepared> {
        let attempted = format!("read the schema of the data source {name}");
        self.schema.get(&attempted, diags, |diags| {
            self.source.schema(diags).as_ref().map(Prepared::new)
        })
    }
}

pub(super) struct FunctionEntry {
    pub(super) function: Box<dyn AnyFunction>,
    schema: Lazy<PreparedFunction>,
}

impl FunctionEntry {
    pub(super) fn prepared(
        &self,
        name: &str,
        diags: &mut Diagnostics,
    ) -> Option<&PreparedFunction> {
        let attempted = format!("read the signature of the function {name}");
        self.schema.get(&attempted, diags, |diags| {
            let schema = self.function.schema(diags)?;
            Some(PreparedFunction {
                message: schema_wire::function(&schema),
                parameters: schema
                    .parameters
                    .iter()
                    .map(|parameter| Shape::of_type(&parameter.param_type))
                    .collect(),
                variadic: schema
                    .variadic
                    .as_ref()
                    .map(|parameter| Shape::of_type(&parameter.param_type)),
            })
        })
    }
}

/// A schema in the forms that the calls need.
pub(super) struct Prepared {
    pub(super) message: wire::Schema,
    pub(super) shape: Shape,
}

impl Prepared {
    fn new(schema: &Schema) -> Self {
        Self {
            message: schema_wire::schema(schema),
            shape: Shape::of_block(&schema.block),
        }
    }

    /// Whether it has nothing to set.
    pub(super) fn is_empty(&self) -> bool {
        self.shape == Shape::Object(BTreeMap::new())
    }
}

/// A signature in the forms that a call needs.
pub(super) struct PreparedFunction {
    pub(super) message: wire::Function,
    parameters: Vec<Shape>,
    variadic: Option<Shape>,
}

impl PreparedFunction {
    /// The layout of the argument at this position.
    pub(super) fn shape(&self, position: usize) -> Option<&Shape> {
        self.parameters.get(position).or(self.variadic.as_ref())
    }
}

/// Made at the first successful use.
pub(super) struct Lazy<T>(OnceLock<T>);

impl<T> Default for Lazy<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T> Lazy<T> {
    fn get(
        &self,
        attempted: &str,
        diags: &mut Diagnostics,
        make: impl FnOnce(&mut Diagnostics) -> Option<T>,
    ) -> Option<&T> {
        if let Some(made) = self.0.get() {
            return Some(made);
        }
        let outcome = guard_call(|| make(diags));
        let made = settle(outcome, diags, attempted)?;
        Some(self.0.get_or_init(|| made))
    }
}

fn known<'a, T>(
    entry: Option<&'a T>,
    sort: &str,
    name: &str,
    diags: &mut Diagnostics,
) -> Option<&'a T> {
    if entry.is_none() {
        diags.root_error(
            format!("There is no {sort} {name}"),
            "This version of the provider does not have it. Check the name, or the version of the \
             provider in required_providers.",
        );
    }
    entry
}
