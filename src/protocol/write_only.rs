//! Write-only attributes: their values are in configurations and nowhere else. Which ones they are is told by
//! their names, since `tf_provider` has no mark for them.

use tf_provider::value::ValueAny;
use tf_provider::{AttributePath, AttributePathStep, Diagnostics};

use super::codec::decode;
use super::entries::Prepared;
use super::normalise::withhold;
use super::shape::Shape;

/// What the name of a write-only attribute ends in.
pub(super) const SUFFIX: &str = "_wo";

/// The same object without the values that no state may hold.
pub(super) fn withheld(
    object: Vec<u8>,
    schema: &Prepared,
    diags: &mut Diagnostics,
) -> Option<Vec<u8>> {
    if !schema.withholds {
        return Some(object);
    }
    match withhold(&object, &schema.shape) {
        Ok(object) => Some(object.into_owned()),
        Err(_) => {
            diags.root_error(
                "Cannot encode a result",
                "Its write-only values cannot be told from the others. This is a bug in the provider; please report it.",
            );
            None
        }
    }
}

/// Refuses write-only values for a client that would store them.
pub(super) fn refuse(config: &[u8], schema: &Prepared, diags: &mut Diagnostics) {
    if !schema.withholds {
        return;
    }
    let Some(config) = decode::<ValueAny>(config, "configuration", diags) else {
        return;
    };
    let mut found = Vec::new();
    collect(&config, &schema.shape, &mut Vec::new(), &mut found);
    for steps in found {
        diags.error(
            "This command line does not know write-only attributes",
            "It would store the value in the state. A write-only attribute needs Terraform 1.11 or OpenTofu 1.11; \
             upgrade, or use the way to pass this value that needs no write-only attribute.",
            AttributePath { steps },
        );
    }
}

type Steps = Vec<AttributePathStep>;

fn collect(value: &ValueAny, shape: &Shape, at: &mut Steps, found: &mut Vec<Steps>) {
    match (shape, value) {
        (Shape::Object(fields), ValueAny::Map(values)) => {
            for (name, field) in fields {
                let value = values.get(name).unwrap_or(&ValueAny::Null);
                at.push(AttributePathStep::Attribute(name.clone().into()));
                match field.write_only {
                    true if *value != ValueAny::Null => found.push(at.clone()),
                    _ => collect(value, &field.shape, at, found),
                }
                at.pop();
            }
        }
        (Shape::Map(item), ValueAny::Map(values)) => {
            for (key, value) in values {
                at.push(AttributePathStep::Key(key.clone().into()));
                collect(value, item, at, found);
                at.pop();
            }
        }
        (Shape::List(item), ValueAny::List(values)) => {
            for (index, value) in values.iter().enumerate() {
                at.push(AttributePathStep::Index(index as i64));
                collect(value, item, at, found);
                at.pop();
            }
        }
        _ => {}
    }
}
