//! The blocks of a file, in whichever of the two syntaxes it is written.

use hcl_edit::expr::{Expression, Object};
use hcl_edit::structure::{Block as NativeBlock, Body};

use super::names::named;

/// The inner block of an action and of a list resource, which holds the arguments.
const CONFIG: &str = "config";

/// A property of JSON in which somebody says something.
pub const COMMENT: &str = "//";

/// What is written in a file.
pub enum Syntax {
    /// HCL.
    Native(Body),
    /// JSON: objects by type and label. Every JSON reads as an expression of HCL, which knows where it stands.
    Json(Expression),
}

/// A block at the top of a file.
pub struct Block<'c> {
    /// Such as `resource`.
    pub kind: &'c str,
    /// Such as `apikey_managed` and `payments`.
    pub labels: Vec<&'c str>,
    /// The names and values in it, and in its inner block of arguments.
    pub arguments: Vec<(&'c str, &'c Expression)>,
}

impl Syntax {
    /// Reads a text, as the name of its file says.
    pub fn parse(text: &str, is_json: bool) -> Result<Self, String> {
        let parsed = match is_json {
            true => hcl_edit::parser::parse_expr(text.trim_end()).map(Self::Json),
            false => hcl_edit::parser::parse_body(text).map(Self::Native),
        };
        let form = if is_json { "JSON" } else { "HCL" };
        parsed.map_err(|error| {
            let line = error.location().line();
            format!("line {line}: it is no {form} that can be read")
        })
    }

    /// What stands in it.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        match self {
            Self::Native(body) => body.blocks().map(native).collect(),
            Self::Json(whole) => {
                let kinds = objects(whole).into_iter().flat_map(properties);
                kinds
                    .flat_map(|(kind, value)| in_json(kind, value))
                    .collect()
            }
        }
    }
}

fn native(block: &NativeBlock) -> Block<'_> {
    let inner = block.body.blocks();
    let inner = inner.filter(|block| block.ident.as_str() == CONFIG);
    let bodies = inner.map(|block| &block.body).chain([&block.body]);
    let attributes = bodies.flat_map(|body| body.attributes());
    Block {
        kind: block.ident.as_str(),
        labels: block.labels.iter().map(|label| label.as_str()).collect(),
        arguments: attributes.map(|it| (it.key.as_str(), &it.value)).collect(),
    }
}

/// The blocks of a type.
fn in_json<'c>(kind: &'c str, value: &'c Expression) -> Vec<Block<'c>> {
    let labels = match kind {
        "provider" | "module" => 1,
        "resource" | "data" | "ephemeral" | "list" | "action" => 2,
        _ => return Vec::new(),
    };
    let mut open = vec![(Vec::new(), value)];
    for _ in 0..labels {
        let labelled = open.into_iter().flat_map(|(labels, value)| {
            let inner = objects(value).into_iter().flat_map(properties);
            inner.map(move |(label, value)| ([labels.clone(), vec![label]].concat(), value))
        });
        open = labelled.collect();
    }
    let bodies = open.into_iter().flat_map(|(labels, value)| {
        let bodies = objects(value).into_iter();
        bodies.map(move |body| (labels.clone(), body))
    });
    bodies
        .map(|(labels, body)| Block {
            kind,
            labels,
            arguments: arguments(body),
        })
        .collect()
}

fn arguments(body: &Object) -> Vec<(&str, &Expression)> {
    let all: Vec<_> = properties(body).collect();
    let inner = all.iter().filter(|(name, _)| *name == CONFIG);
    let inner = inner
        .flat_map(|(_, value)| objects(value))
        .flat_map(properties);
    inner.chain(all.iter().copied()).collect()
}

/// Where one may stand, several may stand in an array.
fn objects(value: &Expression) -> Vec<&Object> {
    match value {
        Expression::Object(object) => vec![object],
        Expression::Array(array) => array.iter().flat_map(objects).collect(),
        _ => Vec::new(),
    }
}

fn properties(object: &Object) -> impl Iterator<Item = (&str, &Expression)> {
    let all = object.iter();
    all.filter_map(|(key, value)| Some((named(key)?, value.expr())))
}
