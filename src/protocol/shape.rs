//! What a schema says about the layout of a value: just enough to walk one, in MessagePack or in JSON.

use std::collections::{BTreeMap, HashMap};

use tf_provider::schema::{
    Attribute, AttributeConstraint, AttributeType, Block, NestedBlock, Type,
};

use super::write_only;

/// The layout of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A string, a truth value or anything that is not looked into.
    Plain,
    /// A number, which the authoring traits hold as an `i64`.
    Number,
    /// Elements of one shape, found by their position.
    List(Box<Shape>),
    /// Elements of one shape, which no path can point into.
    Set(Box<Shape>),
    /// Elements of one shape, found by a key.
    Map(Box<Shape>),
    /// Elements of their own shapes, found by their position.
    Tuple(Vec<Shape>),
    /// Attributes of their own shapes, found by name.
    Object(BTreeMap<String, Field>),
}

/// One attribute or nested block of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) shape: Shape,
    pub(super) absent: Absent,
    /// Its value belongs into no state.
    pub(super) write_only: bool,
    /// A configuration must give it a value, and null is none.
    pub(super) required: bool,
}

/// How Terraform writes a field that nobody set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    Null,
    EmptyList,
    EmptyMap,
}

impl Shape {
    /// The object that a block describes.
    pub(super) fn of_block(block: &Block) -> Self {
        let mut fields = fields_of(&block.attributes);
        for (name, nested) in &block.blocks {
            fields.insert(name.clone(), Field::of_nested_block(nested));
        }
        Self::Object(fields)
    }

    /// The arguments of a function, as one list.
    pub(super) fn of_type(kind: &Type) -> Self {
        match kind {
            Type::String | Type::Bool | Type::Any => Self::Plain,
            Type::Number => Self::Number,
            Type::List(item) => Self::List(Self::of_type(item).into()),
            Type::Set(item) => Self::Set(Self::of_type(item).into()),
            Type::Map(item) => Self::Map(Self::of_type(item).into()),
            Type::Tuple(items) => Self::Tuple(items.iter().map(Self::of_type).collect()),
            Type::Object(entries) => Self::object(entries, Self::of_type),
        }
    }

    fn of_attribute_type(kind: &AttributeType) -> Self {
        match kind {
            AttributeType::String | AttributeType::Bool | AttributeType::Any => Self::Plain,
            AttributeType::Number => Self::Number,
            AttributeType::List(item) => Self::List(Self::of_attribute_type(item).into()),
            AttributeType::Set(item) => Self::Set(Self::of_attribute_type(item).into()),
            AttributeType::Map(item) => Self::Map(Self::of_attribute_type(item).into()),
            AttributeType::Tuple(items) => {
                Self::Tuple(items.iter().map(Self::of_attribute_type).collect())
            }
            AttributeType::Object(entries) => Self::object(entries, Self::of_attribute_type),
            AttributeType::AttributeSingle(nested) => Self::Object(fields_of(nested)),
            AttributeType::AttributeList(nested) => {
                Self::List(Self::Object(fields_of(nested)).into())
            }
            AttributeType::AttributeSet(nested) => {
                Self::Set(Self::Object(fields_of(nested)).into())
            }
            AttributeType::AttributeMap(nested) => {
                Self::Map(Self::Object(fields_of(nested)).into())
            }
        }
    }

    fn object<T>(entries: &HashMap<String, T>, shape_of: impl Fn(&T) -> Self) -> Self {
        let field = |(name, kind): (&String, &T)| (name.clone(), Field::nullable(shape_of(kind)));
        Self::Object(entries.iter().map(field).collect())
    }

    /// An object with attributes of these types.
    pub(super) fn of_types<'a>(types: impl Iterator<Item = (&'a str, &'a Type)>) -> Self {
        let fields = types.map(|(name, kind)| (name.into(), Field::nullable(Self::of_type(kind))));
        Self::Object(fields.collect())
    }

    /// Whether any value in it is write-only.
    pub(super) fn holds_write_only(&self) -> bool {
        match self {
            Self::Plain | Self::Number => false,
            Self::List(item) | Self::Set(item) | Self::Map(item) => item.holds_write_only(),
            Self::Tuple(items) => items.iter().any(Self::holds_write_only),
            Self::Object(fields) => fields
                .values()
                .any(|field| field.write_only || field.shape.holds_write_only()),
        }
    }
}

impl Field {
    pub(super) fn nullable(shape: Shape) -> Self {
        Self {
            shape,
            absent: Absent::Null,
            write_only: false,
            required: false,
        }
    }

    fn of_nested_block(nested: &NestedBlock) -> Self {
        let object = |block| Shape::of_block(block);
        let (shape, absent) = match nested {
            NestedBlock::Single(block) | NestedBlock::Group(block) => (object(block), Absent::Null),
            NestedBlock::List(block) | NestedBlock::Optional(block) => {
                (Shape::List(object(block).into()), Absent::EmptyList)
            }
            NestedBlock::Set(block) => (Shape::Set(object(block).into()), Absent::EmptyList),
            NestedBlock::Map(block) => (Shape::Map(object(block).into()), Absent::EmptyMap),
        };
        Self {
            absent,
            ..Self::nullable(shape)
        }
    }
}

fn fields_of(attributes: &HashMap<String, Attribute>) -> BTreeMap<String, Field> {
    let field = |(name, attribute): (&String, &Attribute)| {
        let shape = Shape::of_attribute_type(&attribute.attr_type);
        let field = Field {
            write_only: name.ends_with(write_only::SUFFIX),
            required: attribute.constraint == AttributeConstraint::Required,
            ..Field::nullable(shape)
        };
        (name.clone(), field)
    };
    attributes.iter().map(field).collect()
}

/// A whole number in decimal, such as `3`, `3.0` or `3e2`, if it fits.
pub(super) fn whole(text: &str) -> Option<i64> {
    let exact = text.split_once('.').map_or(text, |(head, fraction)| {
        let nothing_lost = fraction.bytes().all(|digit| digit == b'0');
        if nothing_lost { head } else { text }
    });
    exact
        .parse()
        .ok()
        .or_else(|| whole_float(text.parse().ok()?))
}

/// A float that stands for a whole number, if it fits.
pub(super) fn whole_float(float: f64) -> Option<i64> {
    // 2^63 itself no longer fits; below it every whole float converts without loss.
    let fits = float.fract() == 0.0
        && (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&float);
    fits.then_some(float as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        for (text, number) in [
            ("3", Some(3)),
            ("-3.000", Some(-3)),
            ("3e2", Some(300)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("3.5", None),
            ("NaN", None),
            ("inf", None),
            ("", None),
        ] {
            assert_eq!(whole(text), number, "{text:?}");
        }
    }
}
