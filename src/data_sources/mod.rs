//! Data sources: what a configuration can ask for. One file each, and the words that their schemas and answers share.

pub mod incident;
pub mod inventory;
pub mod key_usage;
pub mod leaks;

use serde_json::Value;
use tf_provider::schema::{Attribute, AttributeType, Block, Description, Schema};
use tf_provider::value::ValueAny;

use crate::schema::{Attributes, computed, list_of};

/// The schema of a data source with these arguments and attributes.
fn described(inputs: Attributes, outputs: Attributes, about: &str) -> Schema {
    Schema {
        version: 0,
        block: Block {
            attributes: inputs.into_iter().chain(outputs).collect(),
            description: Description::markdown(about),
            ..Block::default()
        },
    }
}

/// JSON as Terraform has it.
fn plain(value: Value) -> ValueAny {
    match value {
        Value::Null => ValueAny::Null,
        Value::Bool(flag) => ValueAny::Bool(flag),
        // Counts and numbers of events.
        Value::Number(number) => ValueAny::Number(number.as_i64().unwrap_or(i64::MAX)),
        Value::String(text) => ValueAny::String(text),
        Value::Array(items) => ValueAny::List(items.into_iter().map(plain).collect()),
        Value::Object(fields) => ValueAny::Map(
            fields
                .into_iter()
                .map(|(name, value)| (name, plain(value)))
                .collect(),
        ),
    }
}

fn text(about: &str) -> Attribute {
    computed(AttributeType::String, about)
}

fn flag(about: &str) -> Attribute {
    computed(AttributeType::Bool, about)
}

fn number(about: &str) -> Attribute {
    computed(AttributeType::Number, about)
}

fn rows(fields: Attributes, about: &str) -> Attribute {
    computed(AttributeType::AttributeList(fields), about)
}

fn texts(about: &str) -> Attribute {
    computed(list_of(AttributeType::String), about)
}
