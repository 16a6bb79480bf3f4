//! Makes MessagePack from Terraform digestible for `tf_provider::Value`: refined unknowns become plain
//! ones, and numbers arrive as integers. Bytes that need no change are not copied.
//!
//! The input is not trusted: every step consumes at least one byte and the depth is bounded.

use std::borrow::Cow;
use std::ops::Range;

use tf_provider::AttributePathStep;

use super::codec::NULL;
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
    bytes: &'a [u8],
    purpose: Purpose,
    at: usize,
    patches: Vec<(Range<usize>, Vec<u8>)>,
}

impl<'a> Walk<'a> {
    fn through(bytes: &'a [u8], shape: &Shape, purpose: Purpose) -> Result<Cow<'a, [u8]>, Problem> {
        let mut walk = Self {
            bytes,
            purpose,
            at: 0,
            patches: Vec::new(),
        };
        walk.value(Some(shape), 0)?;
        if walk.at != bytes.len() {
            return Err(Problem::Malformed("there are bytes after its end"));
        }
        Ok(walk.patched())
    }

    fn value(&mut self, shape: Option<&Shape>, depth: usize) -> Result<(), Problem> {
        if depth > DEEPEST {
            return Err(Problem::Malformed("it is nested too deeply"));
        }
        let start = self.at;
        match self.byte()? {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => Ok(()),
            0xcc | 0xd0 => self.take(1).map(drop),
            0xcd | 0xd1 => self.take(2).map(drop),
            0xce | 0xd2 => self.take(4).map(drop),
            0xcf => self.unsigned(shape),
            0xd3 => self.take(8).map(drop),
            0xca => {
                let bits = self.array::<4>()?;
                self.number(start, shape, whole_float(f32::from_be_bytes(bits).into()))
            }
            0xcb => {
                let bits = self.array::<8>()?;
                self.number(start, shape, whole_float(f64::from_be_bytes(bits)))
            }
            marker @ (0xa0..=0xbf | 0xd9..=0xdb) => {
                let text = self.text(marker)?;
                let number = std::str::from_utf8(text).ok().and_then(whole);
                self.number(start, shape, number)
            }
            marker @ 0xc4..=0xc6 => {
                let length = self.length(1 << (marker - 0xc4))?;
                self.take(length).map(drop)
            }
            marker @ 0x90..=0x9f => self.items(usize::from(marker & 0x0f), shape, depth),
            marker @ 0xdc..=0xdd => {
                let count = self.length(2 << (marker - 0xdc))?;
                self.items(count, shape, depth)
            }
            marker @ 0x80..=0x8f => self.entries(usize::from(marker & 0x0f), shape, depth),
            marker @ 0xde..=0xdf => {
                let count = self.length(2 << (marker - 0xde))?;
                self.entries(count, shape, depth)
            }
            marker @ 0xd4..=0xd8 => self.extension(start, 1 << (marker - 0xd4)),
            marker @ 0xc7..=0xc9 => {
                let length = self.length(1 << (marker - 0xc7))?;
                self.extension(start, length)
            }
            0xc1 => Err(Problem::Malformed("it holds a byte that means nothing")),
        }
    }

    fn unsigned(&mut self, shape: Option<&Shape>) -> Result<(), Problem> {
        let number = u64::from_be_bytes(self.array()?);
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
        number: Option<i64>,
    ) -> Result<(), Problem> {
        if shape != Some(&Shape::Number) || self.purpose != Purpose::Normalise {
            return Ok(());
        }
        let number = number.ok_or_else(|| Problem::Number(Vec::new()))?;
        let mut encoded = vec![0xd3];
        encoded.extend(number.to_be_bytes());
        self.patches.push((start..self.at, encoded));
        Ok(())
    }

    fn extension(&mut self, start: usize, length: usize) -> Result<(), Problem> {
        let kind = self.byte()?;
        self.take(length)?;
        if kind == REFINED_UNKNOWN && self.purpose == Purpose::Normalise {
            self.patches.push((start..self.at, UNKNOWN.to_vec()));
        }
        Ok(())
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
            let marker = self.byte()?;
            let key = self.text(marker)?;
            let key = std::str::from_utf8(key)
                .map_err(|_| Problem::Malformed("a name in it is not UTF-8"))?;
            let field = match shape {
                Some(Shape::Object(fields)) => fields.get(key),
                _ => None,
            };
            let item = match shape {
                Some(Shape::Map(item)) => Some(item.as_ref()),
                _ => field.map(|field| &field.shape),
            };
            let start = self.at;
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
        if self.purpose == Purpose::Withhold && self.bytes[start..self.at] != *NULL {
            self.patches.retain(|(range, _)| range.start < start);
            self.patches.push((start..self.at, NULL.to_vec()));
        }
    }

    fn text(&mut self, marker: u8) -> Result<&'a [u8], Problem> {
        let length = match marker {
            0xa0..=0xbf => usize::from(marker & 0x1f),
            0xd9..=0xdb => self.length(1 << (marker - 0xd9))?,
            _ => return Err(Problem::Malformed("a name in it is not a string")),
        };
        self.take(length)
    }

    /// A length in big-endian, `width` bytes wide (1, 2 or 4).
    fn length(&mut self, width: usize) -> Result<usize, Problem> {
        let digits = self.take(width)?;
        Ok(digits
            .iter()
            .fold(0, |length, digit| length << 8 | usize::from(*digit)))
    }

    fn byte(&mut self) -> Result<u8, Problem> {
        self.array().map(|[byte]: [u8; 1]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| TRUNCATED)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Problem> {
        let end = self.at.checked_add(length).ok_or(TRUNCATED)?;
        let taken = self.bytes.get(self.at..end).ok_or(TRUNCATED)?;
        self.at = end;
        Ok(taken)
    }

    fn patched(self) -> Cow<'a, [u8]> {
        if self.patches.is_empty() {
            return Cow::Borrowed(self.bytes);
        }
        let mut out = Vec::with_capacity(self.bytes.len());
        let mut copied = 0;
        // The walk goes forward, so the patches are in order and do not overlap.
        for (range, replacement) in self.patches {
            out.extend_from_slice(&self.bytes[copied..range.start]);
            out.extend(replacement);
            copied = range.end;
        }
        out.extend_from_slice(&self.bytes[copied..]);
        Cow::Owned(out)
    }
}

const TRUNCATED: Problem = Problem::Malformed("it ends too early");

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
