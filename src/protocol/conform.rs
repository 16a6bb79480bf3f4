//! Fits a stored state (JSON) to today's schema: attributes that are gone are dropped, missing ones
//! become null. Terraform refuses unknown attributes, so this runs for every stored object.

use serde_json::{Map, Number, Value};

use super::shape::{Absent, Field, Shape, whole, whole_float};

/// A value of the state that cannot be what the schema says, and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    path: Vec<String>,
    wanted: &'static str,
}

impl Misfit {
    fn new(wanted: &'static str) -> Self {
        let path = Vec::new();
        Self { path, wanted }
    }

    fn within(mut self, step: impl Into<String>) -> Self {
        self.path.push(step.into());
        self
    }
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
        write!(f, "{} should hold {}", path.join("."), self.wanted)
    }
}

/// The same state, as the schema has it.
pub(super) fn conform(value: Value, shape: &Shape) -> Result<Value, Misfit> {
    match (shape, value) {
        (_, Value::Null) => Ok(Value::Null),
        (Shape::Plain, value) => Ok(value),
        (Shape::Number, value) => number(&value).ok_or(Misfit::new("a whole number")),
        (Shape::List(item) | Shape::Set(item), Value::Array(items)) => {
            elements(items, |_| item.as_ref())
        }
        (Shape::Tuple(shapes), Value::Array(items)) if shapes.len() == items.len() => {
            elements(items, |index| &shapes[index])
        }
        (Shape::Map(item), Value::Object(entries)) => map(entries, item),
        (Shape::Object(fields), Value::Object(mut entries)) => {
            let fitted = fields
                .iter()
                .map(|(name, field)| attribute(name, field, entries.remove(name)));
            Ok(Value::Object(fitted.collect::<Result<_, _>>()?))
        }
        (Shape::List(_) | Shape::Set(_), _) => Err(Misfit::new("a list")),
        (Shape::Tuple(_), _) => Err(Misfit::new("a list of another length")),
        (Shape::Map(_) | Shape::Object(_), _) => Err(Misfit::new("an object")),
    }
}

fn attribute(name: &str, field: &Field, value: Option<Value>) -> Result<(String, Value), Misfit> {
    let value = match value {
        None | Some(Value::Null) => match field.absent {
            Absent::Null => Value::Null,
            Absent::EmptyList => Value::Array(Vec::new()),
            Absent::EmptyMap => Value::Object(Map::new()),
        },
        Some(value) => conform(value, &field.shape).map_err(|misfit| misfit.within(name))?,
    };
    Ok((name.to_owned(), value))
}

fn elements<'a>(items: Vec<Value>, shape_of: impl Fn(usize) -> &'a Shape) -> Result<Value, Misfit> {
    let fitted = items.into_iter().enumerate().map(|(index, item)| {
        conform(item, shape_of(index)).map_err(|misfit| misfit.within(index.to_string()))
    });
    Ok(Value::Array(fitted.collect::<Result<_, _>>()?))
}

fn map(entries: Map<String, Value>, item: &Shape) -> Result<Value, Misfit> {
    let fitted = entries.into_iter().map(|(key, value)| {
        let value = conform(value, item).map_err(|misfit| misfit.within(key.clone()))?;
        Ok((key, value))
    });
    Ok(Value::Object(fitted.collect::<Result<_, _>>()?))
}

fn number(value: &Value) -> Option<Value> {
    let whole = match value {
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().and_then(whole_float)),
        Value::String(text) => whole(text),
        _ => None,
    };
    whole.map(|number| Value::Number(Number::from(number)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn object<const N: usize>(fields: [(&str, Shape, Absent); N]) -> Shape {
        let field = |(name, shape, absent): (&str, Shape, Absent)| {
            let field = Field {
                absent,
                ..Field::nullable(shape)
            };
            (name.to_owned(), field)
        };
        Shape::Object(fields.into_iter().map(field).collect::<BTreeMap<_, _>>())
    }

    fn schema() -> Shape {
        let nested = object([
            ("kept", Shape::Plain, Absent::Null),
            ("new", Shape::Number, Absent::Null),
        ]);
        object([
            ("by_name", Shape::Map(nested.clone().into()), Absent::Null),
            ("block", Shape::List(nested.into()), Absent::EmptyList),
        ])
    }

    #[test]
    fn removed_attributes_are_dropped_and_missing_ones_are_null_at_any_depth() {
        let stored = json!({"gone": 1, "by_name": {"a": {"kept": "x", "gone": true}}});
        assert_eq!(
            conform(stored, &schema()),
            Ok(json!({"block": [], "by_name": {"a": {"kept": "x", "new": null}}}))
        );
    }

    #[test]
    fn a_number_may_be_stored_in_any_notation() {
        for stored in [json!(3), json!(3.0), json!("3")] {
            assert_eq!(conform(stored, &Shape::Number), Ok(json!(3)));
        }
    }

    #[test]
    fn a_misfit_names_its_place_and_not_its_value() {
        let stored = json!({"by_name": {"a": "made-up-canary"}});
        let text = conform(stored, &schema()).unwrap_err().to_string();
        assert_eq!(text, "by_name.a should hold an object");
    }
}
