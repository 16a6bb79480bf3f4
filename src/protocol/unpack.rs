//! Reads MessagePack into the types of authors. Like `rmp_serde`, with errors that cost nothing.
//!
//! `tf_provider::Value` is an untagged enum: for every null, reading it as something else is tried first, and fails.
//! With an error that is put into words each time, that took most of the time of a plan. The words would not be
//! shown anyway, for they may quote a secret; only the names of fields are kept.

use std::fmt;

use serde::de::value::{BorrowedBytesDeserializer, I8Deserializer};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::msgpack::{Broken, Head, Reader};

/// Deeper than any value; a bound for what is not one.
const DEEPEST: usize = 256;

/// Reads one value.
pub(super) fn unpack<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Unfit> {
    let mut unpacker = Unpacker {
        reader: Reader::new(bytes),
        depth: 0,
    };
    T::deserialize(&mut unpacker)
}

/// Why bytes are not a value of the type.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// A field is missing, unknown or there twice.
    Field(&'static str, String),
    /// Something is not of the type that it should be.
    Type,
    /// The bytes are not MessagePack.
    Malformed,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(fault, name) => write!(f, "{fault} field `{name}`"),
            Self::Type => f.write_str("a value is not of the type of its attribute"),
            Self::Malformed => f.write_str("it is not MessagePack"),
        }
    }
}

impl std::error::Error for Unfit {}

impl de::Error for Unfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Type
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Field("missing", field.to_owned())
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::Field("unknown", field.to_owned())
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Field("duplicate", field.to_owned())
    }
}

impl From<Broken> for Unfit {
    fn from(_: Broken) -> Self {
        Self::Malformed
    }
}

struct Unpacker<'de> {
    reader: Reader<'de>,
    depth: usize,
}

impl<'de> Unpacker<'de> {
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Unfit>) -> Result<T, Unfit> {
        if self.depth == DEEPEST {
            return Err(Unfit::Malformed);
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Has all of `count` items visited, or it is an error.
    fn items<T>(
        &mut self,
        count: usize,
        visit: impl FnOnce(&mut Items<'_, 'de>) -> Result<T, Unfit>,
    ) -> Result<T, Unfit> {
        self.nested(|unpacker| {
            let mut items = Items {
                unpacker,
                left: count,
            };
            let value = visit(&mut items)?;
            if items.left == 0 {
                Ok(value)
            } else {
                Err(Unfit::Type)
            }
        })
    }
}

impl<'de> Deserializer<'de> for &mut Unpacker<'de> {
    type Error = Unfit;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self.reader.head()? {
            Head::Null => visitor.visit_unit(),
            Head::Bool(truth) => visitor.visit_bool(truth),
            Head::Unsigned(number) => visitor.visit_u64(number),
            Head::Signed(number) => visitor.visit_i64(number),
            Head::Single(number) => visitor.visit_f32(number),
            Head::Double(number) => visitor.visit_f64(number),
            // Text that is not UTF-8 is bytes, as for `rmp_serde`: no attribute takes them.
            Head::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(text),
            },
            Head::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Head::Items(count) => self.items(count, |items| visitor.visit_seq(items)),
            Head::Entries(count) => self.items(count, |entries| visitor.visit_map(entries)),
            Head::Extension(kind, data) => visitor.visit_newtype_struct(Extension {
                kind: Some(kind as i8),
                data: Some(data),
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self.reader.first() {
            Some(0xc0) => {
                self.reader.head()?;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        match self.reader.first() {
            Some(0xd4..=0xd8 | 0xc7..=0xc9) => self.deserialize_any(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    /// A variant is its name, or a map of its name to what it holds.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        if self.reader.first() == Some(0x81) {
            self.reader.head()?;
            return self.nested(|unpacker| visitor.visit_enum(Variant(unpacker)));
        }
        let name = <&str>::deserialize(self)?;
        visitor.visit_enum(name.into_deserializer())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'a, 'de> {
    unpacker: &'a mut Unpacker<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Unfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unfit> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        seed.deserialize(&mut *self.unpacker).map(Some)
    }

    /// Every item takes at least one byte, so a count beyond the bytes is a lie.
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.unpacker.reader.left()))
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Unfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unfit> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unfit> {
        seed.deserialize(&mut *self.unpacker)
    }
}

struct Variant<'a, 'de>(&'a mut Unpacker<'de>);

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Unfit;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Unfit> {
        let name = seed.deserialize(&mut *self.0)?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Unfit;

    fn unit_variant(self) -> Result<(), Unfit> {
        <()>::deserialize(self.0)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Unfit> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unfit> {
        self.0.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        self.0.deserialize_any(visitor)
    }
}

/// An extension reads as the pair of its type and its bytes, which is how `tf_provider` knows an unknown value.
struct Extension<'de> {
    kind: Option<i8>,
    data: Option<&'de [u8]>,
}

impl<'de> Deserializer<'de> for Extension<'de> {
    type Error = Unfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_seq(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for Extension<'de> {
    type Error = Unfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unfit> {
        if let Some(kind) = self.kind.take() {
            return seed.deserialize(I8Deserializer::new(kind)).map(Some);
        }
        match self.data.take() {
            Some(data) => seed
                .deserialize(BorrowedBytesDeserializer::new(data))
                .map(Some),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
