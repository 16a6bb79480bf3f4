//! Short words for schema attributes, so that a schema reads as a table.

use std::collections::HashMap;

use tf_provider::schema::{Attribute, AttributeConstraint, AttributeType, Description};

/// The attributes of a block or a nested object, by name.
pub type Attributes = HashMap<String, Attribute>;

/// An attribute that must be set.
pub fn required(kind: AttributeType, text: &str) -> Attribute {
    attribute(kind, AttributeConstraint::Required, text)
}

/// An attribute that may be set and is null otherwise.
pub fn optional(kind: AttributeType, text: &str) -> Attribute {
    attribute(kind, AttributeConstraint::Optional, text)
}

/// An attribute that may be set and is filled in otherwise.
pub fn defaulted(kind: AttributeType, text: &str) -> Attribute {
    attribute(kind, AttributeConstraint::OptionalComputed, text)
}

/// An attribute that only the provider sets.
pub fn computed(kind: AttributeType, text: &str) -> Attribute {
    attribute(kind, AttributeConstraint::Computed, text)
}

/// The same attribute, hidden in every output.
pub fn sensitive(attribute: Attribute) -> Attribute {
    Attribute {
        sensitive: true,
        ..attribute
    }
}

/// Attributes that are in the configuration alone: Terraform hands them to validate, plan and apply, and keeps them
/// out of plans and states. Their names end in `_wo`; the protocol goes by that.
pub mod write_only {
    use std::collections::BTreeMap;

    use tf_provider::schema::{Attribute, AttributeType};
    use tf_provider::value::ValueAny;

    use super::Attributes;

    /// Whether an attribute of this name is write-only.
    pub fn is(name: &str) -> bool {
        name.ends_with("_wo")
    }

    /// The same attributes without those that are write-only, for what Terraform lets have none.
    pub fn without(attributes: Attributes) -> Attributes {
        let kept = attributes.into_iter().filter(|(name, _)| !is(name));
        kept.map(|(name, attribute)| {
            let attr_type = match attribute.attr_type {
                AttributeType::AttributeSingle(inner) => {
                    AttributeType::AttributeSingle(without(inner))
                }
                AttributeType::AttributeList(inner) => AttributeType::AttributeList(without(inner)),
                AttributeType::AttributeMap(inner) => AttributeType::AttributeMap(without(inner)),
                other => other,
            };
            let attribute = Attribute {
                attr_type,
                ..attribute
            };
            (name, attribute)
        })
        .collect()
    }

    /// Takes every write-only value out of an object.
    pub fn forget(fields: &mut BTreeMap<String, ValueAny>) {
        for (name, value) in fields {
            match value {
                _ if is(name) => *value = ValueAny::Null,
                ValueAny::Map(inner) => forget(inner),
                _ => {}
            }
        }
    }
}

/// A list of strings or numbers.
pub fn list_of(element: AttributeType) -> AttributeType {
    AttributeType::List(Box::new(element))
}

/// A map of strings.
pub fn string_map() -> AttributeType {
    AttributeType::Map(Box::new(AttributeType::String))
}

/// Collects `(name, attribute)` pairs.
pub fn attributes<const N: usize>(entries: [(&str, Attribute); N]) -> Attributes {
    entries
        .into_iter()
        .map(|(name, attribute)| (name.to_owned(), attribute))
        .collect()
}

fn attribute(kind: AttributeType, constraint: AttributeConstraint, text: &str) -> Attribute {
    Attribute {
        attr_type: kind,
        description: Description::markdown(text),
        constraint,
        sensitive: false,
        deprecated: false,
    }
}
