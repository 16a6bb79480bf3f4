//! The schemas of everything that is served, for whoever documents it.

use std::collections::BTreeMap;

use tf_provider::Diagnostics;
use tf_provider::schema::{FunctionSchema, Schema};

use super::registry::Registry;

/// Every schema there is, by name.
#[derive(Debug)]
pub struct Catalogue {
    /// The provider block.
    pub provider: Option<Schema>,
    /// Resources by their full type name.
    pub resources: BTreeMap<String, Schema>,
    /// Data sources by their full type name.
    pub data_sources: BTreeMap<String, Schema>,
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
            resources: named(&self.resources, |entry| entry.resource.schema(diags)),
            data_sources: named(&self.data_sources, |entry| entry.source.schema(diags)),
            functions: named(&self.functions, |entry| entry.function.schema(diags)),
        }
    }
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
