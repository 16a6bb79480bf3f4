//! The pages of `docs/`, in the layout of the Terraform registry: made from the schemas, the tables of issuers
//! and stores, `templates/` and `examples/`.
//!
//! Reference pages are written whole; hand-written ones (README, guides) only have what is made from
//! a file (examples, tables of panels) refreshed. `make generate` writes them, and the tests fail where that was forgotten.

mod checks;
mod examples;
mod page;
mod panels;
mod schema_text;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use apikey::protocol::{Catalogue, Registry};

/// The folders below `docs/` that hold nothing but generated pages.
pub const GENERATED: &[&str] = &[
    "resources",
    "data-sources",
    "ephemeral-resources",
    "list-resources",
    "actions",
    "functions",
];

/// Every page with what it should say, by its path in the checkout at `root`.
pub fn pages(registry: &Registry, root: &Path) -> io::Result<BTreeMap<PathBuf, String>> {
    let Catalogue {
        provider,
        resources,
        identities,
        moves,
        list_resources,
        data_sources,
        ephemeral_resources,
        actions,
        functions,
    } = registry.catalogue();
    let mut pages = BTreeMap::new();
    if let Some(schema) = &provider {
        pages.insert("docs/index.md".into(), page::provider(schema, root)?);
    }
    for (name, schema) in &resources {
        let more = page::More {
            identity: identities.get(name),
            origins: moves.get(name).copied().unwrap_or_default(),
        };
        let text = page::resource(name, schema, &more, root)?;
        pages.insert(place("resources", short(name)), text);
    }
    let others = [
        (page::LIST_RESOURCE, &list_resources),
        (page::EPHEMERAL_RESOURCE, &ephemeral_resources),
        (page::ACTION, &actions),
    ];
    for (sort, schemas) in others {
        for (name, schema) in schemas {
            let text = page::other(sort, name, schema, root)?;
            pages.insert(place(sort.folder, short(name)), text);
        }
    }
    for (name, schema) in &data_sources {
        let text = page::data_source(name, schema, root)?;
        pages.insert(place("data-sources", short(name)), text);
    }
    for (name, schema) in &functions {
        pages.insert(
            place("functions", name),
            page::function(name, schema, root)?,
        );
    }
    for path in examples::hand_written(root)? {
        let text = std::fs::read_to_string(root.join(&path))?;
        pages.insert(path, examples::refreshed(&text, root)?);
    }
    Ok(pages)
}

fn place(folder: &str, name: &str) -> PathBuf {
    PathBuf::from(format!("docs/{folder}/{name}.md"))
}

/// The name of a resource without the provider's.
fn short(name: &str) -> &str {
    name.split_once('_').map_or(name, |(_, rest)| rest)
}
