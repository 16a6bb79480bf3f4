//! One thing that is served, and its schema in the forms that the calls need.
//!
//! Schemas are asked for when they are first needed, so that the handshake waits for none of them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use tf_provider::Diagnostics;
use tf_provider::schema::{Parameter, Schema};

use super::authoring::IdentitySchema;
use super::authoring::action::AnyAction;
use super::authoring::ephemeral::AnyEphemeralResource;
use super::authoring::identity::AnyIdentity;
use super::authoring::list::AnyListResource;
use super::erased::{AnyDataSource, AnyFunction, AnyResource};
use super::guard::{guard_call, settle};
use super::schema_wire;
use super::shape::Shape;
use super::wire::tfplugin6 as wire;

/// What an author wrote, with its schema.
pub(super) struct Entry<A: ?Sized> {
    pub(super) author: Box<A>,
    schema: Lazy<Prepared>,
}

/// By their names.
pub(super) type Entries<A> = BTreeMap<String, Entry<A>>;

/// What has a schema.
pub(super) trait Described {
    /// What a person calls this sort of thing.
    const SORT: &'static str;
    fn describe(&self, diags: &mut Diagnostics) -> Option<Schema>;
}

macro_rules! described {
    ($($author:ty: $sort:literal),+ $(,)?) => {$(
        impl Described for $author {
            const SORT: &'static str = $sort;
            fn describe(&self, diags: &mut Diagnostics) -> Option<Schema> {
                self.schema(diags)
            }
        }
    )+};
}

described! {
    dyn AnyResource: "resource",
    dyn AnyDataSource: "data source",
    dyn AnyEphemeralResource: "ephemeral resource",
    dyn AnyListResource: "list resource",
    dyn AnyAction: "action",
}

impl<A: ?Sized> Entry<A> {
    pub(super) fn new(author: Box<A>) -> Self {
        let schema = Lazy::default();
        Self { author, schema }
    }
}

impl<A: Described + ?Sized> Entry<A> {
    pub(super) fn prepared(&self, name: &str, diags: &mut Diagnostics) -> Option<&Prepared> {
        let attempted = format!("read the schema of the {} {name}", A::SORT);
        self.schema.get(&attempted, diags, |diags| {
            self.author.describe(diags).as_ref().map(Prepared::new)
        })
    }
}

/// The entry of this name, with its schema.
pub(super) fn find<'a, A: Described + ?Sized>(
    entries: &'a Entries<A>,
    name: &str,
    diags: &mut Diagnostics,
) -> Option<(&'a A, &'a Prepared)> {
    let entry = known(entries.get(name), A::SORT, name, diags)?;
    Some((entry.author.as_ref(), entry.prepared(name, diags)?))
}

/// The schemas of all of them, as messages.
pub(super) fn messages<A: Described + ?Sized, M>(
    entries: &Entries<A>,
    diags: &mut Diagnostics,
    message: impl Fn(wire::Schema) -> M,
) -> std::collections::HashMap<String, M> {
    let named = entries.iter().filter_map(|(name, entry)| {
        let schema = entry.prepared(name, diags)?;
        Some((name.clone(), message(schema.message.clone())))
    });
    named.collect()
}

pub(super) struct FunctionEntry {
    pub(super) function: Box<dyn AnyFunction>,
    signature: Lazy<Signature>,
}

impl FunctionEntry {
    pub(super) fn new(function: Box<dyn AnyFunction>) -> Self {
        let signature = Lazy::default();
        Self {
            function,
            signature,
        }
    }

    pub(super) fn prepared(&self, name: &str, diags: &mut Diagnostics) -> Option<&Signature> {
        let attempted = format!("read the signature of the function {name}");
        self.signature.get(&attempted, diags, |diags| {
            let schema = self.function.schema(diags)?;
            Some(Signature {
                message: schema_wire::function(&schema),
                parameters: schema.parameters.iter().map(Argument::of).collect(),
                variadic: schema.variadic.as_ref().map(Argument::of),
            })
        })
    }
}

pub(super) struct IdentityEntry {
    pub(super) author: Box<dyn AnyIdentity>,
    pub(super) schema: IdentitySchema,
    pub(super) shape: Shape,
}

impl IdentityEntry {
    pub(super) fn new(author: Box<dyn AnyIdentity>) -> Self {
        let schema = author.schema();
        let kinds = schema.attributes.iter();
        let shape = Shape::of_types(kinds.map(|(name, it)| (name.as_str(), &it.kind)));
        Self {
            author,
            schema,
            shape,
        }
    }
}

/// A schema in the forms that the calls need.
pub(super) struct Prepared {
    pub(super) message: wire::Schema,
    pub(super) shape: Shape,
    /// Whether any value of it is to be kept out of states.
    pub(super) withholds: bool,
}

impl Prepared {
    pub(super) fn new(schema: &Schema) -> Self {
        let shape = Shape::of_block(&schema.block);
        Self {
            message: schema_wire::schema(schema),
            withholds: shape.holds_write_only(),
            shape,
        }
    }

    /// Whether it has nothing to set.
    pub(super) fn is_empty(&self) -> bool {
        self.shape == Shape::Object(BTreeMap::new())
    }
}

/// A signature in the forms that a call needs.
pub(super) struct Signature {
    pub(super) message: wire::Function,
    parameters: Vec<Argument>,
    variadic: Option<Argument>,
}

/// What a function takes at one position.
pub(super) struct Argument {
    pub(super) shape: Shape,
    pub(super) allow_null: bool,
    pub(super) allow_unknown: bool,
}

impl Argument {
    fn of(parameter: &Parameter) -> Self {
        Self {
            shape: Shape::of_type(&parameter.param_type),
            allow_null: parameter.allow_null,
            allow_unknown: parameter.allow_unknown,
        }
    }
}

impl Signature {
    /// What is taken at this position.
    pub(super) fn argument(&self, position: usize) -> Option<&Argument> {
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
    pub(super) fn get(
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

/// The entry, or an error that there is none of this name.
pub(super) fn known<'a, T>(
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
