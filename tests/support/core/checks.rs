//! What Terraform checks of an answer. A fault is a sentence about a place.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use tf_provider::value::ValueAny;

use super::values::{Nesting, is_wholly_known, member, nesting_of};
use crate::protocol::client::tfplugin6::Schema;
use crate::protocol::client::tfplugin6::schema::{Attribute, Block};

pub type Faults = Vec<String>;

/// Terraform refuses a provider with a schema that breaks these rules.
pub fn schema_is_valid(name: &str, schema: &Schema, write_only_allowed: bool) {
    fn attributes(place: &str, all: &[Attribute], write_only_allowed: bool) {
        let mut names = BTreeSet::new();
        for attribute in all {
            let place = format!("{place}.{}", attribute.name);
            let fair = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(attribute.name.chars().all(fair), "{place}: not a name");
            assert!(names.insert(&attribute.name), "{place} is there twice");
            assert!(
                attribute.r#type.is_empty() == attribute.nested_type.is_some(),
                "{place}: a type or a nested type"
            );
            let (required, optional) = (attribute.required, attribute.optional);
            let computed = attribute.computed;
            assert!(required || optional || computed, "{place}: of no use");
            assert!(
                !(required && (optional || computed)),
                "{place}: required, and not"
            );
            assert!(
                !attribute.write_only || (write_only_allowed && !computed),
                "{place}: write-only where it cannot be"
            );
            assert!(
                !(attribute.write_only && attribute.sensitive),
                "{place}: one more sensitive path, for a value that is null in every state"
            );
            if let Some(nested) = &attribute.nested_type {
                attributes(&place, &nested.attributes, write_only_allowed);
            }
        }
    }
    let block = schema.block.as_ref().unwrap();
    attributes(name, &block.attributes, write_only_allowed);
}

/// A value has every attribute of its schema, no other, and each of its type; null only where it may be.
pub fn fits(block: &Block, value: &ValueAny) -> Faults {
    let mut faults = Faults::new();
    if !matches!(value, ValueAny::Null | ValueAny::Unknown) {
        object_fits("", &block.attributes, value, &mut faults);
    }
    faults
}

fn object_fits(place: &str, attributes: &[Attribute], value: &ValueAny, faults: &mut Faults) {
    let ValueAny::Map(members) = value else {
        if !matches!(value, ValueAny::Null | ValueAny::Unknown) {
            faults.push(format!("{place} is not an object"));
        }
        return;
    };
    let known: BTreeSet<_> = attributes.iter().map(|it| &it.name).collect();
    let there: BTreeSet<_> = members.keys().collect();
    if known != there {
        faults.push(format!("{place} has {there:?} and should have {known:?}"));
    }
    for attribute in attributes {
        let place = format!("{place}.{}", attribute.name);
        let value = member(value, &attribute.name);
        match &attribute.nested_type {
            Some(nested) => {
                let mut object = |place: &str, value: &ValueAny| {
                    object_fits(place, &nested.attributes, value, faults);
                };
                each(&place, nesting_of(&nested.nesting()), &value, &mut object);
            }
            None => {
                let kind: Json = serde_json::from_slice(&attribute.r#type).unwrap();
                type_fits(&place, &kind, &value, faults);
            }
        }
    }
}

fn type_fits(place: &str, kind: &Json, value: &ValueAny, faults: &mut Faults) {
    let fits = match (kind, value) {
        (_, ValueAny::Null | ValueAny::Unknown) => true,
        (Json::String(kind), value) => match kind.as_str() {
            "string" => matches!(value, ValueAny::String(_)),
            "number" => matches!(value, ValueAny::Number(_)),
            "bool" => matches!(value, ValueAny::Bool(_)),
            "dynamic" => true,
            _ => false,
        },
        (Json::Array(kind), value) => match (kind[0].as_str().unwrap(), value) {
            ("list" | "set", ValueAny::List(items)) => {
                items
                    .iter()
                    .for_each(|item| type_fits(place, &kind[1], item, faults));
                true
            }
            ("map", ValueAny::Map(items)) => {
                items
                    .values()
                    .for_each(|item| type_fits(place, &kind[1], item, faults));
                true
            }
            ("object", ValueAny::Map(items)) => {
                let kinds = kind[1].as_object().unwrap();
                let place = |name: &String| format!("{place}.{name}");
                kinds.iter().for_each(|(name, kind)| {
                    type_fits(&place(name), kind, &member(value, name), faults);
                });
                items.keys().all(|name| kinds.contains_key(name))
            }
            _ => false,
        },
        _ => false,
    };
    if !fits {
        faults.push(format!("{place} is not of type {kind}"));
    }
}

/// Every object in a nested value.
fn each(place: &str, nesting: Nesting, value: &ValueAny, object: &mut dyn FnMut(&str, &ValueAny)) {
    match (nesting, value) {
        (Nesting::Single, value) => object(place, value),
        (Nesting::Map, ValueAny::Map(items)) => {
            for (key, item) in items {
                object(&format!("{place}[{key:?}]"), item);
            }
        }
        (_, ValueAny::List(items)) => {
            for (index, item) in items.iter().enumerate() {
                object(&format!("{place}[{index}]"), item);
            }
        }
        _ => {}
    }
}

/// What is write-only is null.
pub fn withheld(block: &Block, value: &ValueAny) -> Faults {
    fn attributes(place: &str, all: &[Attribute], value: &ValueAny, faults: &mut Faults) {
        for attribute in all {
            let place = format!("{place}.{}", attribute.name);
            let value = member(value, &attribute.name);
            if attribute.write_only && value != ValueAny::Null {
                faults.push(format!("{place} is write-only, and is in the answer"));
            } else if let Some(nested) = &attribute.nested_type {
                let mut object = |place: &str, value: &ValueAny| {
                    attributes(place, &nested.attributes, value, faults);
                };
                each(&place, nesting_of(&nested.nesting()), &value, &mut object);
            }
        }
    }
    let mut faults = Faults::new();
    if *value != ValueAny::Unknown {
        attributes("", &block.attributes, value, &mut faults);
    }
    faults
}

/// A plan keeps to the configuration, and to the prior state where it does not: only what is computed and not
/// configured is up to the provider.
pub fn plan_is_valid(
    block: &Block,
    prior: &ValueAny,
    config: &ValueAny,
    planned: &ValueAny,
) -> Faults {
    let mut faults = Faults::new();
    object_is_planned("", &block.attributes, [prior, config, planned], &mut faults);
    faults
}

fn object_is_planned(
    place: &str,
    attributes: &[Attribute],
    [prior, config, planned]: [&ValueAny; 3],
    faults: &mut Faults,
) {
    match (config, planned) {
        (ValueAny::Map(_), ValueAny::Map(_)) => {}
        _ if config == planned => return,
        _ => {
            let kinds = [config, planned].map(|value| match value {
                ValueAny::Null => "null",
                ValueAny::Unknown => "unknown",
                _ => "known",
            });
            faults.push(format!(
                "{place} is {} in the configuration, {} in the plan",
                kinds[0], kinds[1]
            ));
            return;
        }
    }
    for attribute in attributes {
        let of = |value| member(value, &attribute.name);
        let place = format!("{place}.{}", attribute.name);
        value_is_planned(
            &place,
            attribute,
            [of(prior), of(config), of(planned)],
            faults,
        );
    }
}

fn value_is_planned(
    place: &str,
    attribute: &Attribute,
    [prior, config, planned]: [ValueAny; 3],
    faults: &mut Faults,
) {
    if attribute.write_only {
        return;
    }
    // Taken as configured, or kept because the two mean the same.
    let kept = planned == prior && prior != ValueAny::Null && config != ValueAny::Null;
    if planned == config || kept {
        return;
    }
    if attribute.computed && config == ValueAny::Null {
        return;
    }
    let Some(nested) = &attribute.nested_type else {
        faults.push(format!("{place} is neither as configured nor computed"));
        return;
    };
    let mut objects = |place: &str, values: [&ValueAny; 3]| {
        object_is_planned(place, &nested.attributes, values, faults);
    };
    match (nesting_of(&nested.nesting()), &config, &planned) {
        (Nesting::Single, _, _) => objects(place, [&prior, &config, &planned]),
        (Nesting::Map, ValueAny::Map(configured), ValueAny::Map(items))
            if configured.keys().eq(items.keys()) =>
        {
            for (key, item) in items {
                let place = format!("{place}[{key:?}]");
                objects(&place, [&member(&prior, key), &configured[key], item]);
            }
        }
        (_, ValueAny::List(configured), ValueAny::List(items))
            if configured.len() == items.len() =>
        {
            for (index, item) in items.iter().enumerate() {
                let before = match &prior {
                    ValueAny::List(before) => before.get(index).unwrap_or(&ValueAny::Null),
                    _ => &ValueAny::Null,
                };
                objects(
                    &format!("{place}[{index}]"),
                    [before, &configured[index], item],
                );
            }
        }
        _ => faults.push(format!("{place} has other elements than the configuration")),
    }
}

/// What became of a planned value, in a second plan or in an apply: what was known is the same, what was unknown
/// may be anything.
pub fn kept_promises(place: &str, promised: &ValueAny, became: &ValueAny) -> Faults {
    match (promised, became) {
        (ValueAny::Unknown, _) => Faults::new(),
        (ValueAny::Map(old), ValueAny::Map(new)) if old.keys().eq(new.keys()) => old
            .iter()
            .flat_map(|(key, item)| kept_promises(&format!("{place}.{key}"), item, &new[key]))
            .collect(),
        (ValueAny::List(old), ValueAny::List(new)) if old.len() == new.len() => old
            .iter()
            .zip(new)
            .enumerate()
            .flat_map(|(index, (old, new))| kept_promises(&format!("{place}[{index}]"), old, new))
            .collect(),
        (old, new) if old == new => Faults::new(),
        _ => vec![format!("{place} was planned otherwise")],
    }
}

/// Nothing is left open.
pub fn known(value: &ValueAny) -> Faults {
    match is_wholly_known(value) {
        true => Faults::new(),
        false => vec!["something is still unknown".to_owned()],
    }
}

/// Fails the test if there is a fault.
#[track_caller]
pub fn none(what: &str, faults: impl IntoIterator<Item = Faults>) {
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    assert!(faults.is_empty(), "{what}: {faults:#?}");
}
