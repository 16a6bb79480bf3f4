//! What Terraform proposes: the configuration, and for what is computed and not configured the prior value.

use std::collections::BTreeMap;

use tf_provider::value::ValueAny;

use super::values::{Nesting, member, nesting_of};
use crate::protocol::client::tfplugin6::schema::{Attribute, Block, Object};

/// The proposed new state of an object.
pub fn proposed(block: &Block, prior: &ValueAny, config: &ValueAny) -> ValueAny {
    assert!(block.block_types.is_empty(), "nested blocks are not played");
    match config {
        ValueAny::Null | ValueAny::Unknown => config.clone(),
        _ => attributes(&block.attributes, prior, config),
    }
}

fn attributes(all: &[Attribute], prior: &ValueAny, config: &ValueAny) -> ValueAny {
    let members = all.iter().map(|attribute| {
        let prior = member(prior, &attribute.name);
        let config = member(config, &attribute.name);
        (attribute.name.clone(), one(attribute, prior, config))
    });
    ValueAny::Map(members.collect())
}

fn one(attribute: &Attribute, prior: ValueAny, config: ValueAny) -> ValueAny {
    if attribute.write_only {
        return ValueAny::Null;
    }
    if attribute.computed && config == ValueAny::Null {
        // A prior value that only a configuration can have set is not kept when the configuration is gone.
        return match attribute.optional && was_configured(attribute, &prior) {
            true => config,
            false => prior,
        };
    }
    match &attribute.nested_type {
        Some(nested) => nested_value(nested, &prior, config),
        None => config,
    }
}

fn was_configured(attribute: &Attribute, prior: &ValueAny) -> bool {
    let Some(nested) = &attribute.nested_type else {
        return false;
    };
    let set_by_hand = |object: &ValueAny| {
        nested.attributes.iter().any(|attribute| {
            !attribute.computed && member(object, &attribute.name) != ValueAny::Null
        })
    };
    match (nesting_of(&nested.nesting()), prior) {
        (Nesting::Single, prior) => set_by_hand(prior),
        (_, ValueAny::List(items)) => items.iter().any(set_by_hand),
        (_, ValueAny::Map(items)) => items.values().any(set_by_hand),
        _ => false,
    }
}

fn nested_value(nested: &Object, prior: &ValueAny, config: ValueAny) -> ValueAny {
    let object = |prior: &ValueAny, config: ValueAny| match config {
        ValueAny::Map(_) => attributes(&nested.attributes, prior, &config),
        other => other,
    };
    match (nesting_of(&nested.nesting()), config) {
        (Nesting::Single, config) => object(prior, config),
        (Nesting::Map, ValueAny::Map(items)) => {
            let items = items.into_iter().map(|(key, item)| {
                let prior = member(prior, &key);
                (key, object(&prior, item))
            });
            ValueAny::Map(items.collect::<BTreeMap<_, _>>())
        }
        (Nesting::List, ValueAny::List(items)) => {
            let none = Vec::new();
            let before = match prior {
                ValueAny::List(before) => before,
                _ => &none,
            };
            let items = items
                .into_iter()
                .enumerate()
                .map(|(index, item)| object(before.get(index).unwrap_or(&ValueAny::Null), item));
            ValueAny::List(items.collect())
        }
        (Nesting::Set, ValueAny::List(_)) => panic!("nested sets are not played"),
        (_, other) => other,
    }
}
