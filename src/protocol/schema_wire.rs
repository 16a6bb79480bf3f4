//! Schemas of the authoring traits, as messages. The order is by name, so equal schemas are equal bytes.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use tf_provider::schema::{
    Attribute, AttributeConstraint, AttributeType, Block, Description, FunctionSchema, NestedBlock,
    Parameter, Schema, StringKind, Type,
};

use super::authoring::IdentitySchema;
use super::wire::tfplugin6::{self as wire, schema as nested};
use super::write_only;

/// The schema of the provider, of a resource or of a data source.
pub(super) fn schema(schema: &Schema) -> wire::Schema {
    wire::Schema {
        version: schema.version,
        block: Some(block(&schema.block)),
    }
}

/// The signature of a function.
pub(super) fn function(schema: &FunctionSchema) -> wire::Function {
    wire::Function {
        parameters: schema.parameters.iter().map(parameter).collect(),
        variadic_parameter: schema.variadic.as_ref().map(parameter),
        r#return: Some(wire::function::Return {
            r#type: bytes(&type_json(&schema.return_type)),
        }),
        summary: schema.summary.clone(),
        description: schema.description.content.clone(),
        description_kind: kind(&schema.description),
        deprecation_message: schema.deprecated.clone().unwrap_or_default(),
    }
}

/// The schema of an identity.
pub(super) fn identity(schema: &IdentitySchema) -> wire::ResourceIdentitySchema {
    use wire::resource_identity_schema::IdentityAttribute;
    let attributes = schema.attributes.iter();
    let attributes = attributes.map(|(name, attribute)| IdentityAttribute {
        name: name.clone(),
        r#type: bytes(&type_json(&attribute.kind)),
        required_for_import: attribute.required_for_import,
        optional_for_import: !attribute.required_for_import,
        description: attribute.description.clone(),
    });
    wire::ResourceIdentitySchema {
        version: schema.version,
        identity_attributes: attributes.collect(),
    }
}

fn parameter(parameter: &Parameter) -> wire::function::Parameter {
    wire::function::Parameter {
        name: parameter.name.clone(),
        r#type: bytes(&type_json(&parameter.param_type)),
        allow_null_value: parameter.allow_null,
        allow_unknown_values: parameter.allow_unknown,
        description: parameter.description.content.clone(),
        description_kind: kind(&parameter.description),
    }
}

fn block(block: &Block) -> nested::Block {
    nested::Block {
        version: block.version,
        attributes: attributes(&block.attributes),
        block_types: sorted(&block.blocks).map(nested_block).collect(),
        description: block.description.content.clone(),
        description_kind: kind(&block.description),
        deprecated: block.deprecated,
        ..Default::default()
    }
}

fn nested_block((name, nested_block): (&String, &NestedBlock)) -> nested::NestedBlock {
    use nested::nested_block::NestingMode;
    // No bound is written as zero.
    let (inner, nesting, min_items, max_items) = match nested_block {
        NestedBlock::Single(block) => (block, NestingMode::Single, 1, 1),
        NestedBlock::List(block) => (block, NestingMode::List, 0, 0),
        NestedBlock::Set(block) => (block, NestingMode::Set, 0, 0),
        NestedBlock::Map(block) => (block, NestingMode::Map, 0, 0),
        NestedBlock::Group(block) => (block, NestingMode::Group, 0, 0),
        NestedBlock::Optional(block) => (block, NestingMode::List, 0, 1),
    };
    nested::NestedBlock {
        type_name: name.clone(),
        block: Some(block(inner)),
        nesting: nesting.into(),
        min_items,
        max_items,
    }
}

fn attributes(attributes: &HashMap<String, Attribute>) -> Vec<nested::Attribute> {
    sorted(attributes).map(attribute).collect()
}

fn attribute((name, attribute): (&String, &Attribute)) -> nested::Attribute {
    use AttributeConstraint::{Computed, Optional, OptionalComputed, Required};
    let nested_type = nested_type(&attribute.attr_type);
    let write_only = name.ends_with(write_only::SUFFIX);
    let r#type = match &nested_type {
        Some(_) => Vec::new(),
        None => bytes(&attribute_type_json(&attribute.attr_type)),
    };
    nested::Attribute {
        name: name.clone(),
        r#type,
        nested_type,
        description: attribute.description.content.clone(),
        description_kind: kind(&attribute.description),
        required: attribute.constraint == Required,
        optional: matches!(attribute.constraint, Optional | OptionalComputed),
        computed: matches!(attribute.constraint, Computed | OptionalComputed),
        // What is write-only is shown nowhere anyway. Marked as sensitive too, it would be one more sensitive path of every
        // state, and up to 1.14 Terraform keeps these in no order: two equal states then differ by chance.
        sensitive: attribute.sensitive && !write_only,
        deprecated: attribute.deprecated,
        write_only,
        ..Default::default()
    }
}

fn nested_type(kind: &AttributeType) -> Option<nested::Object> {
    use nested::object::NestingMode;
    let (nesting, inner) = match kind {
        AttributeType::AttributeSingle(inner) => (NestingMode::Single, inner),
        AttributeType::AttributeList(inner) => (NestingMode::List, inner),
        AttributeType::AttributeSet(inner) => (NestingMode::Set, inner),
        AttributeType::AttributeMap(inner) => (NestingMode::Map, inner),
        _ => return None,
    };
    Some(nested::Object {
        attributes: attributes(inner),
        nesting: nesting.into(),
        ..Default::default()
    })
}

/// A type in Terraform's JSON notation. A nested attribute inside a plain type loses all but its types.
fn attribute_type_json(kind: &AttributeType) -> Value {
    let list = |of: &str, item: Value| json!([of, item]);
    let object_of = |inner| object(inner, |it: &Attribute| attribute_type_json(&it.attr_type));
    match kind {
        AttributeType::String => json!("string"),
        AttributeType::Number => json!("number"),
        AttributeType::Bool => json!("bool"),
        AttributeType::Any => json!("dynamic"),
        AttributeType::List(item) => list("list", attribute_type_json(item)),
        AttributeType::Set(item) => list("set", attribute_type_json(item)),
        AttributeType::Map(item) => list("map", attribute_type_json(item)),
        AttributeType::Tuple(items) => {
            list("tuple", items.iter().map(attribute_type_json).collect())
        }
        AttributeType::Object(entries) => object(entries, attribute_type_json),
        AttributeType::AttributeSingle(inner) => object_of(inner),
        AttributeType::AttributeList(inner) => list("list", object_of(inner)),
        AttributeType::AttributeSet(inner) => list("set", object_of(inner)),
        AttributeType::AttributeMap(inner) => list("map", object_of(inner)),
    }
}

fn type_json(kind: &Type) -> Value {
    match kind {
        Type::String => json!("string"),
        Type::Number => json!("number"),
        Type::Bool => json!("bool"),
        Type::Any => json!("dynamic"),
        Type::List(item) => json!(["list", type_json(item)]),
        Type::Set(item) => json!(["set", type_json(item)]),
        Type::Map(item) => json!(["map", type_json(item)]),
        Type::Tuple(items) => {
            let items: Vec<Value> = items.iter().map(type_json).collect();
            json!(["tuple", items])
        }
        Type::Object(entries) => object(entries, type_json),
    }
}

fn object<T>(entries: &HashMap<String, T>, json_of: impl Fn(&T) -> Value) -> Value {
    let members: Map<String, Value> = sorted(entries)
        .map(|(name, item)| (name.clone(), json_of(item)))
        .collect();
    json!(["object", members])
}

fn sorted<T>(entries: &HashMap<String, T>) -> impl Iterator<Item = (&String, &T)> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    entries.into_iter()
}

fn bytes(json: &Value) -> Vec<u8> {
    json.to_string().into_bytes()
}

fn kind(description: &Description) -> i32 {
    match description.kind {
        StringKind::Plain => wire::StringKind::Plain.into(),
        StringKind::Markdown => wire::StringKind::Markdown.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{attributes as table, computed, list_of, optional, required};

    fn example() -> Schema {
        let inner = table([
            ("b", required(AttributeType::String, "B.")),
            ("a", optional(list_of(AttributeType::Number), "A.")),
        ]);
        let attributes = table([
            (
                "nested",
                optional(AttributeType::AttributeMap(inner), "Nested."),
            ),
            ("id", computed(AttributeType::String, "Id.")),
        ]);
        let block = Block {
            attributes,
            ..Default::default()
        };
        Schema { version: 3, block }
    }

    #[test]
    fn an_attribute_has_a_type_or_a_nested_type_but_never_both() {
        let block = schema(&example()).block.unwrap();
        for attribute in &block.attributes {
            assert!(attribute.r#type.is_empty() == attribute.nested_type.is_some());
        }
    }

    #[test]
    fn attributes_are_in_the_order_of_their_names() {
        let block = schema(&example()).block.unwrap();
        let nested = block.attributes[1].nested_type.as_ref().unwrap();
        assert_eq!(block.attributes[0].name, "id");
        assert_eq!(nested.attributes[0].name, "a");
        assert_eq!(nested.attributes[0].r#type, br#"["list","number"]"#);
    }
}
