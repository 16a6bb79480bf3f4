//! Makes MessagePack from Terraform digestible for `tf_provider::Value`: refined unknowns become plain
//! ones, and numbers arrive as integers. Bytes that need no change are not copied.
//!
//! The input is not trusted: the depth is bounded, and `msgpack` sees to the rest.

use std::borrow::Cow;
use std::ops::Range;

use tf_provider::AttributePathStep;

use super::codec::NULL;
use super::msgpack::{Broken, Head, Reader};
use super::shape::{Shape, whole, whole_float};

/// An unknown value, as an extension of type 0.
pub(super) const UNKNOWN: [u8; 3] = [0xd4, 0x00, 0x00];
/// The extension type of an unknown value about which something is known.
const REFINED_UNKNOWN: u8 = 12;
/// Deeper than any schema; a bound for what was not described by one.
const DEEPEST: usize = 128;

/// Why bytes cannot be a value of the schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// They are not one MessagePack value.
    Malformed(&'static str),
    /// A number is not whole or does not fit. The steps lead to it, innermost first.
    Number(Vec<AttributePathStep>),
}

/// The same value in the form that `tf_provider` can decode.
pub(super) fn normalise<'a>(bytes: &'a [u8], shape: &Shape) -> Result<Cow<'a, [u8]>, Problem> {
    Walk::through(bytes, shape, Purpose::Normalise)
}

/// The same value with null for everything that is write-only.
pub(super) fn withhold<'a>(bytes: &'a [u8], shape: &Shape) -> Result<Cow<'a, [u8]>, Problem> {
    Walk::through(bytes, shape, Purpose::Withhold)
}

/// What a walk changes on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Normalise,
    Withhold,
}

struct Walk<'a> {
    reader: Reader<'a>,
    purpose: Purpose,
    patches: Vec<(Range<usize>, Vec<u8>)>,
}

impl<'a> Walk<'a> {
    fn through(bytes: &'a [u8], shape: &Shape, purpose: Purpose) -> Result<Cow<'a, [u8]>, Problem> {
        let mut walk = Self {
            reader: Reader::new(bytes),
            purpose,
            patches: Vec::new(),
        };
        walk.value(Some(shape), 0)?;
        if walk.reader.left() > 0 {
            return Err(Problem::Malformed("there are bytes after its end"));
        }
        Ok(walk.patched())
    }

    fn value(&mut self, shape: Option<&Shape>, depth: usize) -> Result<(), Problem> {
        if depth > DEEPEST {
            return Err(Problem::Malformed("it is nested too deeply"));
        }
        let start = self.reader.at();
        match self.reader.head()? {
            Head::Null | Head::Bool(_) | Head::Signed(_) | Head::Bytes(_) => Ok(()),
            Head::Unsigned(number) => self.unsigned(number, shape),
            Head::Single(number) => self.number(start, shape, || whole_float(number.into())),
            Head::Double(number) => self.number(start, shape, || whole_float(number)),
            Head::Text(text) => self.number(start, shape, || whole(str::from_utf8(text).ok()?)),
            Head::Items(count) => self.items(count, shape, depth),
            Head::Entries(count) => self.entries(count, shape, depth),
            Head::Extension(kind, _) => {
                self.extension(start, kind);
                Ok(())
            }
        }
    }

    fn unsigned(&self, number: u64, shape: Option<&Shape>) -> Result<(), Problem> {
        match shape {
            Some(Shape::Number)
                if self.purpose == Purpose::Normalise && i64::try_from(number).is_err() =>
            {
                Err(Problem::Number(Vec::new()))
            }
            _ => Ok(()),
        }
    }

    /// Where the schema wants a number, writes it as an integer.
    fn number(
        &mut self,
        start: usize,
        shape: Option<&Shape>,
        number: impl FnOnce() -> Option<i64>,
    ) -> Result<(), Problem> {
        if !matches!(shape, Some(Shape::Number)) || self.purpose != Purpose::Normalise {
            return Ok(());
        }
        let number = number().ok_or_else(|| Problem::Number(Vec::new()))?;
        let mut encoded = vec![0xd3];
        encoded.extend(number.to_be_bytes());
        self.patches.push((start..self.reader.at(), encoded));
        Ok(())
    }

    fn extension(&mut self, start: usize, kind: u8) {
        if kind == REFINED_UNKNOWN && self.purpose == Purpose::Normalise {
            self.patches
                .push((start..self.reader.at(), UNKNOWN.to_vec()));
        }
    }

    fn items(&mut self, count: usize, shape: Option<&Shape>, depth: usize) -> Result<(), Problem> {
        for index in 0..count {
            let item = match shape {
                Some(Shape::List(item) | Shape::Set(item)) => Some(item.as_ref()),
                Some(Shape::Tuple(items)) => items.get(index),
                _ => None,
            };
            self.value(item, depth + 1).map_err(|problem| match shape {
                Some(Shape::Set(_)) => problem.ending_here(),
                _ => problem.within(AttributePathStep::Index(index as i64)),
            })?;
        }
        Ok(())
    }

    fn entries(
        &mut self,
        count: usize,
        shape: Option<&Shape>,
        depth: usize,
    ) -> Result<(), Problem> {
        for _ in 0..count {
            let key = self.name()?;
            let field = match shape {
                Some(Shape::Object(fields)) => fields.get(key),
                _ => None,
            };
            let item = match shape {
                Some(Shape::Map(item)) => Some(item.as_ref()),
                _ => field.map(|field| &field.shape),
            };
            let start = self.reader.at();
            self.value(item, depth + 1).map_err(|problem| {
                let name = key.to_owned().into();
                problem.within(match shape {
                    Some(Shape::Map(_)) => AttributePathStep::Key(name),
                    _ => AttributePathStep::Attribute(name),
                })
            })?;
            if field.is_some_and(|field| field.write_only) {
                self.withhold(start);
            }
        }
        Ok(())
    }

    /// Replaces what was walked over since `start`.
    fn withhold(&mut self, start: usize) {
        if self.purpose == Purpose::Withhold
            && self.reader.bytes()[start..self.reader.at()] != *NULL
        {
            self.patches.retain(|(range, _)| range.start < start);
            self.patches.push((start..self.reader.at(), NULL.to_vec()));
        }
    }

    fn name(&mut self) -> Result<&'a str, Problem> {
        let text = self.reader.text()?;
        let text = text.ok_or(Problem::Malformed("a name in it is not a string"))?;
        std::str::from_utf8(text).map_err(|_| Problem::Malformed("a name in it is not UTF-8"))
    }

    fn patched(self) -> Cow<'a, [u8]> {
        let bytes = self.reader.bytes();
        if self.patches.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len());
        let mut copied = 0;
        // The walk goes forward, so the patches are in order and do not overlap.
        for (range, replacement) in self.patches {
            out.extend_from_slice(&bytes[copied..range.start]);
            out.extend(replacement);
            copied = range.end;
        }
        out.extend_from_slice(&bytes[copied..]);
        Cow::Owned(out)
    }
}

impl From<Broken> for Problem {
    fn from(Broken(why): Broken) -> Self {
        Self::Malformed(why)
    }
}

impl Problem {
    fn within(mut self, step: AttributePathStep) -> Self {
        if let Self::Number(steps) = &mut self {
            steps.push(step);
        }
        self
    }

    /// Nothing can point at an element of a set, so the path ends at the set.
    fn ending_here(self) -> Self {
        match self {
            Self::Number(_) => Self::Number(Vec::new()),
            other => other,
        }
    }
}

#[cfg(test)]
#[path = "normalise_tests.rs"]
mod tests;
