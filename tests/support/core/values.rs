//! Values as Terraform holds them: any part may be unknown.

use std::collections::BTreeMap;

use tf_provider::value::ValueAny;

use crate::protocol::client::tfplugin6::schema::{Attribute, Block, nested_block, object};
use crate::protocol::client::tfplugin6::{DynamicValue, RawState, ResourceIdentityData};

/// A known value.
pub fn value(json: serde_json::Value) -> ValueAny {
    serde_json::from_value(json).unwrap()
}

pub fn encoded(value: &ValueAny) -> Option<DynamicValue> {
    Some(DynamicValue {
        msgpack: rmp_serde::to_vec_named(value).unwrap(),
        json: Vec::new(),
    })
}

#[track_caller]
pub fn decoded(value: &Option<DynamicValue>) -> ValueAny {
    let value = value.as_ref().expect("a value");
    rmp_serde::from_slice(&value.msgpack).expect("a value in MessagePack")
}

/// A refreshed object. Its numbers are decimals, as in a state: Terraform up to 1.14 takes an integer for a change.
#[track_caller]
pub fn refreshed(value: &Option<DynamicValue>, block: &Block) -> ValueAny {
    numbers_of_object(decoded(value), &block.attributes)
}

fn numbers_of_object(object: ValueAny, attributes: &[Attribute]) -> ValueAny {
    let ValueAny::Map(mut members) = object else {
        return object;
    };
    for attribute in attributes {
        if let Some(member) = members.get_mut(&attribute.name) {
            *member = numbers_of_attribute(std::mem::take(member), attribute);
        }
    }
    ValueAny::Map(members)
}

fn numbers_of_attribute(value: ValueAny, attribute: &Attribute) -> ValueAny {
    let Some(nested) = &attribute.nested_type else {
        let is_number =
            attribute.r#type.ends_with(b"\"number\"") || attribute.r#type.ends_with(b"\"number\"]");
        return match is_number {
            true => number_of_decimal(value),
            false => value,
        };
    };
    let object = |value| numbers_of_object(value, &nested.attributes);
    match (nesting_of(&nested.nesting()), value) {
        (Nesting::Single, value) => object(value),
        (_, ValueAny::Map(items)) => {
            let items = items.into_iter().map(|(key, item)| (key, object(item)));
            ValueAny::Map(items.collect())
        }
        (_, ValueAny::List(items)) => ValueAny::List(items.into_iter().map(object).collect()),
        (_, value) => value,
    }
}

fn number_of_decimal(value: ValueAny) -> ValueAny {
    match value {
        ValueAny::String(digits) => ValueAny::Number(digits.parse().expect("a decimal")),
        ValueAny::List(items) => ValueAny::List(items.into_iter().map(number_of_decimal).collect()),
        ValueAny::Number(number) => panic!("{number} is no decimal"),
        other => other,
    }
}

/// The identity in an answer; null if there is none.
pub fn identity(data: &Option<ResourceIdentityData>) -> ValueAny {
    match data {
        Some(ResourceIdentityData {
            identity_data: Some(_),
        }) => decoded(&data.as_ref().unwrap().identity_data),
        _ => ValueAny::Null,
    }
}

pub fn identity_data(identity: &ValueAny) -> Option<ResourceIdentityData> {
    (*identity != ValueAny::Null).then(|| ResourceIdentityData {
        identity_data: encoded(identity),
    })
}

/// A value as it is stored.
pub fn stored(value: &ValueAny) -> Option<RawState> {
    Some(RawState {
        json: serde_json::to_vec(value).unwrap(),
        ..Default::default()
    })
}

pub fn is_wholly_known(value: &ValueAny) -> bool {
    match value {
        ValueAny::Unknown => false,
        ValueAny::List(items) => items.iter().all(is_wholly_known),
        ValueAny::Map(items) => items.values().all(is_wholly_known),
        _ => true,
    }
}

/// A member of an object; null if the object is.
pub fn member(object: &ValueAny, name: &str) -> ValueAny {
    match object {
        ValueAny::Map(members) => members.get(name).cloned().unwrap_or_default(),
        ValueAny::Unknown => ValueAny::Unknown,
        _ => ValueAny::Null,
    }
}

/// What is nested, in the ways that it can be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    Single,
    List,
    Set,
    Map,
}

pub fn nesting_of(nested: &object::NestingMode) -> Nesting {
    match nested {
        object::NestingMode::Single => Nesting::Single,
        object::NestingMode::List => Nesting::List,
        object::NestingMode::Set => Nesting::Set,
        object::NestingMode::Map => Nesting::Map,
        object::NestingMode::Invalid => panic!("an invalid nesting mode"),
    }
}

/// The same configuration with null for everything in it that is not given.
pub fn complete(config: ValueAny, block: &Block) -> ValueAny {
    let mut config = complete_object(config, &block.attributes);
    if let ValueAny::Map(members) = &mut config {
        for nested in &block.block_types {
            let absent = match nested.nesting() {
                nested_block::NestingMode::Single | nested_block::NestingMode::Group => {
                    ValueAny::Null
                }
                nested_block::NestingMode::Map => ValueAny::Map(BTreeMap::new()),
                _ => ValueAny::List(Vec::new()),
            };
            members.entry(nested.type_name.clone()).or_insert(absent);
        }
    }
    config
}

fn complete_object(config: ValueAny, attributes: &[Attribute]) -> ValueAny {
    let ValueAny::Map(mut given) = config else {
        return config;
    };
    let members = attributes.iter().map(|attribute| {
        let value = given.remove(&attribute.name).unwrap_or_default();
        (attribute.name.clone(), complete_attribute(value, attribute))
    });
    let members = members.collect();
    assert!(given.is_empty(), "there is no attribute {:?}", given.keys());
    ValueAny::Map(members)
}

fn complete_attribute(value: ValueAny, attribute: &Attribute) -> ValueAny {
    let Some(nested) = &attribute.nested_type else {
        return value;
    };
    let object = |value| complete_object(value, &nested.attributes);
    match (nesting_of(&nested.nesting()), value) {
        (Nesting::Single, value) => object(value),
        (Nesting::Map, ValueAny::Map(items)) => {
            let items = items.into_iter().map(|(key, item)| (key, object(item)));
            ValueAny::Map(items.collect())
        }
        (_, ValueAny::List(items)) => ValueAny::List(items.into_iter().map(object).collect()),
        (_, value) => value,
    }
}
