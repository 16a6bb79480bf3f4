//! What the binary serves: one provider and everything it has, by name.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use tf_provider::{DataSource, Diagnostics, Function, Provider, Resource};

use super::authoring::action::AnyAction;
use super::authoring::ephemeral::AnyEphemeralResource;
use super::authoring::list::AnyListResource;
use super::authoring::moves::AnyMoveState;
use super::authoring::{Action, EphemeralResource, Identity, ListResource, MoveState};
use super::entries::{
    self, Entries, Entry, FunctionEntry, IdentityEntry, Lazy, Prepared, Signature, known,
};
use super::erased::{AnyDataSource, AnyProvider, AnyResource};
use crate::error::Result;

/// Brings a state of an older schema version to the current one.
type Upgrade = Box<dyn Fn(i64, serde_json::Value) -> Result<serde_json::Value> + Send + Sync>;

/// Everything there is to serve.
pub struct Registry {
    pub(super) provider: Box<dyn AnyProvider>,
    pub(super) provider_schema: Lazy<Prepared>,
    pub(super) meta_schema: Lazy<Prepared>,
    pub(super) resources: Entries<dyn AnyResource>,
    pub(super) upgrades: BTreeMap<String, Upgrade>,
    pub(super) identities: BTreeMap<String, IdentityEntry>,
    pub(super) moves: BTreeMap<String, Box<dyn AnyMoveState>>,
    pub(super) data_sources: Entries<dyn AnyDataSource>,
    pub(super) ephemeral_resources: Entries<dyn AnyEphemeralResource>,
    pub(super) list_resources: Entries<dyn AnyListResource>,
    pub(super) actions: Entries<dyn AnyAction>,
    pub(super) functions: BTreeMap<String, FunctionEntry>,
    /// Terraform has begun to apply: a provider is started for a plan or for an apply, never for both.
    pub(super) applies: AtomicBool,
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
            upgrades: BTreeMap::new(),
            identities: BTreeMap::new(),
            moves: BTreeMap::new(),
            data_sources: BTreeMap::new(),
            ephemeral_resources: BTreeMap::new(),
            list_resources: BTreeMap::new(),
            actions: BTreeMap::new(),
            functions: BTreeMap::new(),
            applies: AtomicBool::new(false),
        }
    }

    /// Adds a resource under its full type name, such as `apikey_managed`. Its schema never changed
    /// its version. An attribute whose name ends in `_wo` is write-only, at any depth.
    pub fn resource(mut self, name: &str, resource: impl Resource + 'static) -> Self {
        let entry = Entry::new(Box::new(resource) as Box<dyn AnyResource>);
        self.resources.insert(name.into(), entry);
        self
    }

    /// Adds a resource whose older states can be read: `upgrade` gets the version and the state, and
    /// returns the state as of the current version. What the schema does not know is dropped and what
    /// is missing becomes null afterwards, so `upgrade` only has to move what was renamed or reshaped.
    pub fn resource_with_upgrade(
        mut self,
        name: &str,
        resource: impl Resource + 'static,
        upgrade: impl Fn(i64, serde_json::Value) -> Result<serde_json::Value> + Send + Sync + 'static,
    ) -> Self {
        self.upgrades.insert(name.into(), Box::new(upgrade));
        self.resource(name, resource)
    }

    /// Gives the resource of this name an identity.
    pub fn identity(mut self, name: &str, identity: impl Identity + 'static) -> Self {
        let entry = IdentityEntry::new(Box::new(identity));
        self.identities.insert(name.into(), entry);
        self
    }

    /// Lets the resource of this name take over states of other resource types.
    pub fn moves(mut self, name: &str, moves: impl MoveState + 'static) -> Self {
        self.moves.insert(name.into(), Box::new(moves));
        self
    }

    /// Lists what exists of the resource of this name, which has an identity.
    pub fn list_resource(mut self, name: &str, list: impl ListResource + 'static) -> Self {
        let entry = Entry::new(Box::new(list) as Box<dyn AnyListResource>);
        self.list_resources.insert(name.into(), entry);
        self
    }

    /// Adds a data source under its full type name.
    pub fn data_source(mut self, name: &str, source: impl DataSource + 'static) -> Self {
        let entry = Entry::new(Box::new(source) as Box<dyn AnyDataSource>);
        self.data_sources.insert(name.into(), entry);
        self
    }

    /// Adds an ephemeral resource under its full type name.
    pub fn ephemeral_resource(
        mut self,
        name: &str,
        resource: impl EphemeralResource + 'static,
    ) -> Self {
        let entry = Entry::new(Box::new(resource) as Box<dyn AnyEphemeralResource>);
        self.ephemeral_resources.insert(name.into(), entry);
        self
    }

    /// Adds an action under its full type name.
    pub fn action(mut self, name: &str, action: impl Action + 'static) -> Self {
        let entry = Entry::new(Box::new(action) as Box<dyn AnyAction>);
        self.actions.insert(name.into(), entry);
        self
    }

    /// Adds a function under its own name: `provider::apikey::<name>`.
    pub fn function(mut self, name: &str, function: impl Function + 'static) -> Self {
        let entry = FunctionEntry::new(Box::new(function));
        self.functions.insert(name.into(), entry);
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
    ) -> Option<(&dyn AnyResource, &Prepared)> {
        entries::find(&self.resources, name, diags)
    }

    /// The function of this name, with its signature.
    pub(super) fn find_function(
        &self,
        name: &str,
        diags: &mut Diagnostics,
    ) -> Option<(&FunctionEntry, &Signature)> {
        let entry = known(self.functions.get(name), "function", name, diags)?;
        Some((entry, entry.prepared(name, diags)?))
    }
}
