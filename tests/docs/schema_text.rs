//! A schema as Markdown, in the order and with the anchors that readers of the registry know.

use std::fmt::Write as _;

use tf_provider::schema::{
    Attribute, AttributeConstraint, AttributeType, FunctionSchema, Parameter, Schema, Type,
};

use apikey::protocol::authoring::IdentitySchema;
use apikey::schema::{Attributes, write_only};

/// The link that every page of the registry gives to the word.
const WRITE_ONLY: &str = ", [Write-only](https://developer.hashicorp.com/terraform/language/resources/ephemeral#write-only-arguments)";

/// The section `### Identity Schema`.
pub fn identity(schema: &IdentitySchema) -> String {
    let mut text = String::from("\n### Identity Schema\n");
    for (title, required) in [("Required", true), ("Optional", false)] {
        let mut group = schema
            .attributes
            .iter()
            .filter(|(_, attribute)| attribute.required_for_import == required)
            .peekable();
        if group.peek().is_some() {
            let _ = write!(text, "\n#### {title}\n\n");
        }
        for (name, attribute) in group {
            let kind = words(&attribute.kind);
            let _ = writeln!(text, "- `{name}` ({kind}) {}", attribute.description);
        }
    }
    text
}

/// The section `## Schema`.
pub fn schema(schema: &Schema) -> String {
    let mut text = String::from("## Schema\n");
    let attributes = &schema.block.attributes;
    for (title, group) in groups(attributes) {
        let _ = write!(text, "\n### {title}\n\n{}", lines(&group, ""));
    }
    for (name, attribute) in sorted(attributes) {
        nested(&mut text, name, attribute);
    }
    text
}

/// The sections `## Signature` and `## Arguments`.
pub fn signature(name: &str, schema: &FunctionSchema) -> String {
    let parameters: Vec<&Parameter> = schema.parameters.iter().chain(&schema.variadic).collect();
    let list: Vec<String> = parameters
        .iter()
        .map(|parameter| {
            format!(
                "{} {}",
                parameter.name,
                words(&parameter.param_type).to_lowercase()
            )
        })
        .collect();
    let mut text = format!(
        "## Signature\n\n```text\n{name}({}) {}\n```\n\n## Arguments\n\n",
        list.join(", "),
        words(&schema.return_type).to_lowercase()
    );
    for (position, parameter) in parameters.iter().enumerate() {
        let _ = writeln!(
            text,
            "{}. `{}` ({}{}) {}",
            position + 1,
            parameter.name,
            words(&parameter.param_type),
            if parameter.allow_null {
                ", Nullable"
            } else {
                ""
            },
            parameter.description.content
        );
    }
    text
}

type Group<'a> = Vec<(&'a String, &'a Attribute)>;

/// The attributes by who sets them; a group without any is left out.
fn groups(attributes: &Attributes) -> Vec<(&'static str, Group<'_>)> {
    let group = |title, constraints: &[AttributeConstraint]| {
        let mut found = sorted(attributes);
        found.retain(|(_, attribute)| constraints.contains(&attribute.constraint));
        (title, found)
    };
    let mut groups = vec![
        group("Required", &[AttributeConstraint::Required]),
        group(
            "Optional",
            &[
                AttributeConstraint::Optional,
                AttributeConstraint::OptionalComputed,
            ],
        ),
        group("Read-Only", &[AttributeConstraint::Computed]),
    ];
    groups.retain(|(_, group)| !group.is_empty());
    groups
}

fn sorted(attributes: &Attributes) -> Group<'_> {
    let mut all: Group = attributes.iter().collect();
    all.sort_by_key(|(name, _)| *name);
    all
}

fn lines(group: &Group, parent: &str) -> String {
    let mut text = String::new();
    for (name, attribute) in group {
        let mut kind = type_words(&attribute.attr_type);
        if attribute.sensitive {
            kind.push_str(", Sensitive");
        }
        if write_only::is(name) {
            kind.push_str(WRITE_ONLY);
        }
        if attribute.deprecated {
            kind.push_str(", Deprecated");
        }
        let _ = write!(
            text,
            "- `{name}` ({kind}) {}",
            attribute.description.content
        );
        if children(&attribute.attr_type).is_some() {
            let _ = write!(
                text,
                " (see [below for nested schema](#{}))",
                anchor(&path(parent, name))
            );
        }
        text.push('\n');
    }
    text
}

/// The schema of a nested attribute and of everything inside it.
fn nested(text: &mut String, path_of: &str, attribute: &Attribute) {
    let Some(attributes) = children(&attribute.attr_type) else {
        return;
    };
    let _ = write!(
        text,
        "\n<a id=\"{}\"></a>\n### Nested Schema for `{path_of}`\n",
        anchor(path_of)
    );
    for (title, group) in groups(attributes) {
        let _ = write!(text, "\n{title}:\n\n{}", lines(&group, path_of));
    }
    for (name, attribute) in sorted(attributes) {
        nested(text, &path(path_of, name), attribute);
    }
}

fn path(parent: &str, name: &str) -> String {
    match parent {
        "" => name.to_owned(),
        parent => format!("{parent}.{name}"),
    }
}

fn anchor(path: &str) -> String {
    format!("nestedatt--{}", path.replace('.', "--"))
}

/// The attributes inside a nested attribute.
pub fn children(kind: &AttributeType) -> Option<&Attributes> {
    match kind {
        AttributeType::AttributeSingle(attributes)
        | AttributeType::AttributeList(attributes)
        | AttributeType::AttributeSet(attributes)
        | AttributeType::AttributeMap(attributes) => Some(attributes),
        _ => None,
    }
}

fn type_words(kind: &AttributeType) -> String {
    match kind {
        AttributeType::String => "String".into(),
        AttributeType::Number => "Number".into(),
        AttributeType::Bool => "Boolean".into(),
        AttributeType::List(element) => format!("List of {}", type_words(element)),
        AttributeType::Set(element) => format!("Set of {}", type_words(element)),
        AttributeType::Map(element) => format!("Map of {}", type_words(element)),
        AttributeType::Object(_) => "Object".into(),
        AttributeType::Tuple(_) => "Tuple".into(),
        AttributeType::AttributeSingle(_) => "Attributes".into(),
        AttributeType::AttributeList(_) => "Attributes List".into(),
        AttributeType::AttributeSet(_) => "Attributes Set".into(),
        AttributeType::AttributeMap(_) => "Attributes Map".into(),
        AttributeType::Any => "Dynamic".into(),
    }
}

fn words(kind: &Type) -> String {
    match kind {
        Type::String => "String".into(),
        Type::Number => "Number".into(),
        Type::Bool => "Boolean".into(),
        Type::List(element) => format!("List of {}", words(element)),
        Type::Set(element) => format!("Set of {}", words(element)),
        Type::Map(element) => format!("Map of {}", words(element)),
        Type::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields = fields
                .iter()
                .map(|(name, kind)| format!("{name} = {}", words(kind)));
            format!("Object({{ {} }})", fields.collect::<Vec<_>>().join(", "))
        }
        Type::Tuple(_) => "Tuple".into(),
        Type::Any => "Dynamic".into(),
    }
}
