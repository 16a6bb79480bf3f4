//! The schemas of everything that is served, for whoever documents it.

use std::collections::BTreeMap;

use tf_provider::Diagnostics;
use tf_provider::schema::{FunctionSchema, Schema};

use super::authoring::{IdentitySchema, Origin};
use super::entries::{Described, Entries};
use super::registry::Registry;

/// Every schema there is, by name.
#[derive(Debug)]
pub struct Catalogue {
    /// The provider block.
    pub provider: Option<Schema>,
    /// Resources by their full type name.
    pub resources: BTreeMap<String, Schema>,
    /// The identities of resources, by the resource's type name.
    pub identities: BTreeMap<String, IdentitySchema>,
    /// What resources can be moved from, by the resource's type name.
    pub moves: BTreeMap<String, &'static [Origin]>,
    /// The configurations of list resources, by the resource's type name.
    pub list_resources: BTreeMap<String, Schema>,
    /// Data sources by their full type name.
    pub data_sources: BTreeMap<String, Schema>,
    /// Ephemeral resources by their full type name.
    pub ephemeral_resources: BTreeMap<String, Schema>,
    /// Actions by their full type name.
    pub actions: BTreeMap<String, Schema>,
    /// Functions by their own name.
    pub functions: BTreeMap<String, FunctionSchema>,
}

impl Registry {
    /// The schemas as they are written, before they take the form of the wire. One that cannot be made is left out.
    pub fn catalogue(&self) -> Catalogue {
        let mut diags = Diagnostics::default();
        let diags = &mut diags;
        Catalogue {
            provider: self.provider.schema(diags),
            resources: schemas(&self.resources, diags),
            identities: named(&self.identities, |entry| Some(entry.schema.clone())),
            moves: named(&self.moves, |moves| Some(moves.origins())),
            list_resources: schemas(&self.list_resources, diags),
            data_sources: schemas(&self.data_sources, diags),
            ephemeral_resources: schemas(&self.ephemeral_resources, diags),
            actions: schemas(&self.actions, diags),
            functions: named(&self.functions, |entry| entry.function.schema(diags)),
        }
    }
}

fn schemas<A: Described + ?Sized>(
    entries: &Entries<A>,
    diags: &mut Diagnostics,
) -> BTreeMap<String, Schema> {
    named(entries, |entry| entry.author.describe(diags))
}

fn named<E, S>(
    entries: &BTreeMap<String, E>,
    mut schema: impl FnMut(&E) -> Option<S>,
) -> BTreeMap<String, S> {
    let pairs = entries.iter();
    pairs
        .filter_map(|(name, entry)| Some((name.clone(), schema(entry)?)))
        .collect()
}
