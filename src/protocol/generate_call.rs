//! `GenerateResourceConfig`: what a configuration of an object that exists would say.

use tf_provider::Diagnostics;
use tf_provider::value::ValueAny;

use super::codec::{decode, encode, incoming, outgoing};
use super::diagnostics::to_wire;
use super::registry::Registry;
use super::wire::tfplugin6::{generate_resource_config, schema};

impl Registry {
    pub(super) fn generate_resource_config(
        &self,
        request: generate_resource_config::Request,
    ) -> generate_resource_config::Response {
        let mut diags = Diagnostics::default();
        let config = self.config_of(request, &mut diags);
        generate_resource_config::Response {
            config: config.map(outgoing),
            diagnostics: to_wire(diags),
        }
    }

    fn config_of(
        &self,
        request: generate_resource_config::Request,
        diags: &mut Diagnostics,
    ) -> Option<Vec<u8>> {
        let (_, schema) = self.find_resource(&request.type_name, diags)?;
        let state = incoming(request.state, &schema.shape, diags)?;
        let mut config = decode::<ValueAny>(&state, "state", diags)?;
        if let Some(block) = &schema.message.block {
            leave_what_can_be_set(&mut config, block);
        }
        encode(&config, diags)
    }
}

fn leave_what_can_be_set(value: &mut ValueAny, block: &schema::Block) {
    leave_attributes(value, &block.attributes);
    for nested in &block.block_types {
        if let (Some(value), Some(block)) = (member(value, &nested.type_name), &nested.block) {
            each_object(value, nested.nesting().into(), &|it| {
                leave_what_can_be_set(it, block)
            });
        }
    }
}

fn leave_attributes(object: &mut ValueAny, attributes: &[schema::Attribute]) {
    for attribute in attributes {
        let Some(value) = member(object, &attribute.name) else {
            continue;
        };
        let settable = attribute.required || attribute.optional;
        if !settable || attribute.write_only {
            *value = ValueAny::Null;
        } else if let Some(nested) = &attribute.nested_type {
            each_object(value, nested.nesting().into(), &|it| {
                leave_attributes(it, &nested.attributes)
            });
        }
    }
}

fn member<'a>(object: &'a mut ValueAny, name: &str) -> Option<&'a mut ValueAny> {
    match object {
        ValueAny::Map(members) => members.get_mut(name),
        _ => None,
    }
}

/// How objects are nested.
enum Nesting {
    One,
    Many,
}

impl From<schema::object::NestingMode> for Nesting {
    fn from(mode: schema::object::NestingMode) -> Self {
        match mode {
            schema::object::NestingMode::Single => Self::One,
            _ => Self::Many,
        }
    }
}

impl From<schema::nested_block::NestingMode> for Nesting {
    fn from(mode: schema::nested_block::NestingMode) -> Self {
        use schema::nested_block::NestingMode::{Group, Single};
        match mode {
            Single | Group => Self::One,
            _ => Self::Many,
        }
    }
}

fn each_object(value: &mut ValueAny, nesting: Nesting, change: &dyn Fn(&mut ValueAny)) {
    match (nesting, value) {
        (Nesting::One, value) => change(value),
        (Nesting::Many, ValueAny::List(items)) => items.iter_mut().for_each(change),
        (Nesting::Many, ValueAny::Map(items)) => items.values_mut().for_each(change),
        _ => {}
    }
}
