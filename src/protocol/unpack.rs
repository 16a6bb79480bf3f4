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

/// Deeper than any value; a bound for what is not one.
const DEEPEST: usize = 256;

/// Reads one value.
pub(super) fn unpack<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Unfit> {
    let mut unpacker = Unpacker { bytes, depth: 0 };
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

struct Unpacker<'de> {
    bytes: &'de [u8],
    depth: usize,
}

impl<'de> Unpacker<'de> {
    fn take(&mut self, length: usize) -> Result<&'de [u8], Unfit> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or(Unfit::Malformed)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// A number in big-endian, `width` bytes wide.
    fn number(&mut self, width: usize) -> Result<u64, Unfit> {
        let digits = self.take(width)?;
        Ok(digits
            .iter()
            .fold(0, |number, digit| number << 8 | u64::from(*digit)))
    }

    fn length(&mut self, width: usize) -> Result<usize, Unfit> {
        usize::try_from(self.number(width)?).map_err(|_| Unfit::Malformed)
    }

    fn text(&mut self, length: usize) -> Result<&'de str, Unfit> {
        std::str::from_utf8(self.take(length)?).map_err(|_| Unfit::Malformed)
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Unfit>) -> Result<T, Unfit> {
        if self.depth == DEEPEST {
            return Err(Unfit::Malformed);
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn items<V: Visitor<'de>>(&mut self, count: usize, visitor: V) -> Result<V::Value, Unfit> {
        self.nested(|unpacker| {
            let mut items = Items {
                unpacker,
                left: count,
            };
            let value = visitor.visit_seq(&mut items)?;
            if items.left == 0 {
                Ok(value)
            } else {
                Err(Unfit::Type)
            }
        })
    }

    fn entries<V: Visitor<'de>>(&mut self, count: usize, visitor: V) -> Result<V::Value, Unfit> {
        self.nested(|unpacker| {
            let mut entries = Items {
                unpacker,
                left: count,
            };
            let value = visitor.visit_map(&mut entries)?;
            if entries.left == 0 {
                Ok(value)
            } else {
                Err(Unfit::Type)
            }
        })
    }

    fn extension<V: Visitor<'de>>(&mut self, length: usize, visitor: V) -> Result<V::Value, Unfit> {
        let kind = self.number(1)? as u8 as i8;
        let data = self.take(length)?;
        visitor.visit_newtype_struct(Extension {
            kind: Some(kind),
            data: Some(data),
        })
    }
}

impl<'de> Deserializer<'de> for &mut Unpacker<'de> {
    type Error = Unfit;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        let marker = self.number(1)? as u8;
        match marker {
            0x00..=0x7f => visitor.visit_u64(marker.into()),
            0xe0..=0xff => visitor.visit_i64((marker as i8).into()),
            0xc0 => visitor.visit_unit(),
            0xc2 | 0xc3 => visitor.visit_bool(marker == 0xc3),
            0xcc..=0xcf => {
                let number = self.number(1 << (marker - 0xcc))?;
                visitor.visit_u64(number)
            }
            0xd0 => visitor.visit_i64((self.number(1)? as i8).into()),
            0xd1 => visitor.visit_i64((self.number(2)? as i16).into()),
            0xd2 => visitor.visit_i64((self.number(4)? as i32).into()),
            0xd3 => visitor.visit_i64(self.number(8)? as i64),
            0xca => visitor.visit_f32(f32::from_bits(self.number(4)? as u32)),
            0xcb => visitor.visit_f64(f64::from_bits(self.number(8)?)),
            0xa0..=0xbf => visitor.visit_borrowed_str(self.text(usize::from(marker & 0x1f))?),
            0xd9..=0xdb => {
                let length = self.length(1 << (marker - 0xd9))?;
                visitor.visit_borrowed_str(self.text(length)?)
            }
            0xc4..=0xc6 => {
                let length = self.length(1 << (marker - 0xc4))?;
                visitor.visit_borrowed_bytes(self.take(length)?)
            }
            0x90..=0x9f => self.items(usize::from(marker & 0x0f), visitor),
            0xdc..=0xdd => {
                let count = self.length(2 << (marker - 0xdc))?;
                self.items(count, visitor)
            }
            0x80..=0x8f => self.entries(usize::from(marker & 0x0f), visitor),
            0xde..=0xdf => {
                let count = self.length(2 << (marker - 0xde))?;
                self.entries(count, visitor)
            }
            0xd4..=0xd8 => self.extension(1 << (marker - 0xd4), visitor),
            0xc7..=0xc9 => {
                let length = self.length(1 << (marker - 0xc7))?;
                self.extension(length, visitor)
            }
            0xc1 => Err(Unfit::Malformed),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self.bytes.first() {
            Some(0xc0) => {
                self.take(1)?;
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
        match self.bytes.first() {
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
        if self.bytes.first() == Some(&0x81) {
            self.take(1)?;
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
        Some(self.left.min(self.unpacker.bytes.len()))
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
