//! The blocks of a file, in whichever of the two syntaxes it is written.

use hcl_edit::structure::Block as NativeBlock;

use super::written::{self, Property, Value};

/// The inner block of an action and of a list resource, which holds the arguments.
const CONFIG: &str = "config";

/// A property of JSON in which somebody says something.
pub const COMMENT: &str = "//";

/// A block at the top of a file.
pub struct Block {
    /// Such as `resource`.
    pub kind: String,
    /// Such as `apikey_managed` and `payments`.
    pub labels: Vec<String>,
    /// What is in it, and in its inner block of arguments.
    pub arguments: Vec<Property>,
}

/// The blocks of a text, which is read as the name of its file says.
pub fn blocks(text: &str, is_json: bool) -> Result<Vec<Block>, String> {
    if !is_json {
        let body = written::native(text)?;
        return Ok(body.blocks().map(native).collect());
    }
    let kinds = objects(written::json(text)?).flatten();
    Ok(kinds.flat_map(in_json).collect())
}

fn native(block: &NativeBlock) -> Block {
    let inner = block.body.blocks();
    let inner = inner.filter(|block| block.ident.as_str() == CONFIG);
    let bodies = inner.map(|block| &block.body).chain([&block.body]);
    let label = |label: &hcl_edit::structure::BlockLabel| label.as_str().to_owned();
    Block {
        kind: block.ident.as_str().to_owned(),
        labels: block.labels.iter().map(label).collect(),
        arguments: bodies.flat_map(written::arguments).collect(),
    }
}

/// The blocks of a type: objects by its labels.
fn in_json(Property { name, value, .. }: Property) -> Vec<Block> {
    let kind = name.unwrap_or_default();
    let labels = match kind.as_str() {
        "provider" | "module" => 1,
        "resource" | "data" | "ephemeral" | "list" | "action" => 2,
        _ => return Vec::new(),
    };
    let mut open = vec![(Vec::new(), value)];
    for _ in 0..labels {
        let labelled = open.into_iter().flat_map(|(labels, value)| {
            let inner = objects(value).flatten();
            inner.map(move |it| {
                let label = it.name.unwrap_or_default();
                ([labels.clone(), vec![label]].concat(), it.value)
            })
        });
        open = labelled.collect();
    }
    let bodies = open.into_iter().flat_map(|(labels, value)| {
        let bodies = objects(value);
        bodies.map(move |body| (labels.clone(), body))
    });
    bodies
        .map(|(labels, body)| Block {
            kind: kind.clone(),
            labels,
            arguments: arguments(body),
        })
        .collect()
}

fn arguments(body: Vec<Property>) -> Vec<Property> {
    let (inner, outer): (Vec<_>, Vec<_>) =
        body.into_iter().partition(|it| it.named() == Some(CONFIG));
    let inner = inner.into_iter().flat_map(|it| objects(it.value).flatten());
    inner.chain(outer).collect()
}

/// Where one may stand, several may stand in an array.
fn objects(value: Value) -> Box<dyn Iterator<Item = Vec<Property>>> {
    match value {
        Value::Object(properties) => Box::new(std::iter::once(properties)),
        Value::Array(values) => Box::new(values.into_iter().flat_map(objects)),
        _ => Box::new(std::iter::empty()),
    }
}
