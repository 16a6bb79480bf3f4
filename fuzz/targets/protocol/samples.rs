//! Values that schemas accept.

use serde_json::{Map, Value, json};

use super::super::codec::encode;
use super::super::conform::conform;
use super::super::normalise::UNKNOWN;
use super::super::shape::Shape;

const MANAGED: &str = include_str!("../../seeds/managed.json");

/// Values of a schema in JSON: a real one where there is one, one with everything set, one with nothing set.
pub(super) fn objects(name: &str, shape: &Shape) -> Vec<Value> {
    let mut objects = vec![full(shape, 0), empty(shape)];
    if name == "apikey_managed"
        && let Ok(real) = serde_json::from_str(MANAGED)
        && let Ok(real) = conform(real, shape)
    {
        objects.push(real);
    }
    objects
}

pub(super) fn in_json(name: &str, shape: &Shape) -> Vec<Vec<u8>> {
    let objects = objects(name, shape).into_iter();
    objects
        .map(|object| object.to_string().into_bytes())
        .collect()
}

/// The same in MessagePack, also with every null as unknown, which is how configurations arrive.
pub(super) fn values(name: &str, shape: &Shape) -> Vec<Vec<u8>> {
    let mut diags = Default::default();
    let objects = objects(name, shape).into_iter();
    let mut values: Vec<_> = objects
        .filter_map(|object| encode(&object, &mut diags))
        .collect();
    let open: Vec<_> = values.iter().map(|value| opened(value)).collect();
    values.extend(open);
    values
}

/// Every null that stands alone becomes unknown: in a sample, the byte of null is found nowhere else.
fn opened(value: &[u8]) -> Vec<u8> {
    let unknown: &[u8] = &UNKNOWN;
    let pieces: Vec<&[u8]> = value.split(|byte| *byte == 0xc0).collect();
    pieces.join(unknown)
}

fn full(shape: &Shape, depth: u8) -> Value {
    match shape {
        Shape::Plain => json!("x"),
        Shape::Number => json!(depth),
        Shape::List(item) | Shape::Set(item) => json!([full(item, depth + 1)]),
        Shape::Map(item) => json!({ "k": full(item, depth + 1) }),
        Shape::Tuple(items) => items.iter().map(|item| full(item, depth + 1)).collect(),
        Shape::Object(fields) => {
            let members = fields.iter();
            let members =
                members.map(|(name, field)| (name.clone(), full(&field.shape, depth + 1)));
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}

fn empty(shape: &Shape) -> Value {
    match shape {
        Shape::Object(fields) => {
            let members = fields.keys().map(|name| (name.clone(), Value::Null));
            Value::Object(members.collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}
