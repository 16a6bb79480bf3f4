//! Makes MessagePack from Terraform digestible for `tf_provider::Value`: refined unknowns become plain
//! ones, and numbers arrive as integers. Bytes that need no change are not copied.
//!
//! The input is not trusted: the depth is bounded, and `msgpack` sees to the rest.

use std::borrow::Cow;
use std::fmt::Display;
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
/// The longest text of a configuration, in bytes. Texts are copied into plans, states, errors and every line of a ledger.
pub(super) const LONGEST_TEXT: usize = 64 << 10;
/// How much of a name is shown, in characters.
const LONGEST_NAME: usize = 128;

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

/// The same for a configuration, with everything in it that no configuration may hold.
pub(super) fn normalise_configuration<'a>(
    bytes: &'a [u8],
    shape: &Shape,
) -> Result<(Cow<'a, [u8]>, Vec<Excess>), Problem> {
    let mut walk = Walk::new(bytes, Purpose::Configuration);
    walk.whole(shape)?;
    let found = std::mem::take(&mut walk.found);
    Ok((walk.patched(), found))
}

/// Whether any part of a value is unknown.
pub(super) fn holds_unknown(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    while reader.left() > 0 {
        match reader.head() {
            Ok(Head::Extension(..)) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    false
}

/// The same value with null for everything that is write-only.
pub(super) fn withhold<'a>(bytes: &'a [u8], shape: &Shape) -> Result<Cow<'a, [u8]>, Problem> {
    Walk::through(bytes, shape, Purpose::Withhold)
}

/// The same value with its numbers as decimals, which is how Terraform reads them from a state.
///
/// Up to 1.14, Terraform compares a refreshed object with the stored one bit by bit, and keeps an integer with another
/// precision than a decimal. `plan -refresh-only -detailed-exitcode` then ends with 2 although nothing has changed.
pub(super) fn in_decimals<'a>(bytes: &'a [u8], shape: &Shape) -> Result<Cow<'a, [u8]>, Problem> {
    Walk::through(bytes, shape, Purpose::Decimals)
}

/// Something that no configuration may hold. The steps lead to it, innermost first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excess {
    pub(super) what: Fault,
    pub(super) steps: Vec<AttributePathStep>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Null where a value is required.
    Null,
    /// A text of so many bytes.
    Long(usize),
}

/// What a walk changes on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Normalise,
    /// Normalise, and look for what a configuration may not hold.
    Configuration,
    Withhold,
    Decimals,
}

struct Walk<'a> {
    reader: Reader<'a>,
    purpose: Purpose,
    patches: Vec<(Range<usize>, Vec<u8>)>,
    found: Vec<Excess>,
}

impl<'a> Walk<'a> {
    fn through(bytes: &'a [u8], shape: &Shape, purpose: Purpose) -> Result<Cow<'a, [u8]>, Problem> {
        let mut walk = Self::new(bytes, purpose);
        walk.whole(shape)?;
        Ok(walk.patched())
    }

    fn new(bytes: &'a [u8], purpose: Purpose) -> Self {
        Self {
            reader: Reader::new(bytes),
            purpose,
            patches: Vec::new(),
            found: Vec::new(),
        }
    }

    fn whole(&mut self, shape: &Shape) -> Result<(), Problem> {
        self.value(Some(shape), 0)?;
        match self.reader.left() {
            0 => Ok(()),
            _ => Err(Problem::Malformed("there are bytes after its end")),
        }
    }

    fn value(&mut self, shape: Option<&Shape>, depth: usize) -> Result<(), Problem> {
        if depth > DEEPEST {
            return Err(Problem::Malformed("it is nested too deeply"));
        }
        let start = self.reader.at();
        match self.reader.head()? {
            Head::Null | Head::Bool(_) | Head::Bytes(_) => Ok(()),
            Head::Signed(number) => {
                self.decimal(start, number, shape);
                Ok(())
            }
            Head::Unsigned(number) => {
                self.decimal(start, number, shape);
                self.unsigned(number, shape)
            }
            Head::Single(number) => self.number(start, shape, || whole_float(number.into())),
            Head::Double(number) => self.number(start, shape, || whole_float(number)),
            Head::Text(text) => {
                self.bound(text);
                self.number(start, shape, || whole(str::from_utf8(text).ok()?))
            }
            Head::Items(count) => self.items(count, shape, depth),
            Head::Entries(count) => self.entries(count, shape, depth),
            Head::Extension(kind, _) => {
                self.extension(start, kind);
                Ok(())
            }
        }
    }

    fn normalises(&self) -> bool {
        matches!(self.purpose, Purpose::Normalise | Purpose::Configuration)
    }

    fn unsigned(&self, number: u64, shape: Option<&Shape>) -> Result<(), Problem> {
        match shape {
            Some(Shape::Number) if self.normalises() && i64::try_from(number).is_err() => {
                Err(Problem::Number(Vec::new()))
            }
            _ => Ok(()),
        }
    }

    /// Where the schema wants a number, writes it as a decimal.
    fn decimal(&mut self, start: usize, number: impl Display, shape: Option<&Shape>) {
        if matches!(shape, Some(Shape::Number)) && self.purpose == Purpose::Decimals {
            let digits = number.to_string();
            // At most twenty digits, and a sign: a short string.
            let marker = 0xa0 | digits.len() as u8;
            let encoded = [&[marker], digits.as_bytes()].concat();
            self.patches.push((start..self.reader.at(), encoded));
        }
    }

    /// Where the schema wants a number, writes it as an integer.
    fn number(
        &mut self,
        start: usize,
        shape: Option<&Shape>,
        number: impl FnOnce() -> Option<i64>,
    ) -> Result<(), Problem> {
        if !matches!(shape, Some(Shape::Number)) || !self.normalises() {
            return Ok(());
        }
        let number = number().ok_or_else(|| Problem::Number(Vec::new()))?;
        let mut encoded = vec![0xd3];
        encoded.extend(number.to_be_bytes());
        self.patches.push((start..self.reader.at(), encoded));
        Ok(())
    }

    fn extension(&mut self, start: usize, kind: u8) {
        if kind == REFINED_UNKNOWN && self.normalises() {
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
            let before = self.found.len();
            // Nothing can point at an element of a set, so a path ends at the set.
            let in_set = matches!(shape, Some(Shape::Set(_)));
            let step = || AttributePathStep::Index(index as i64);
            self.value(item, depth + 1)
                .map_err(|problem| match in_set {
                    true => problem.ending_here(),
                    false => problem.within(step()),
                })?;
            for excess in &mut self.found[before..] {
                match in_set {
                    true => excess.steps.clear(),
                    false => excess.steps.push(step()),
                }
            }
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
            let before = self.found.len();
            self.bound(key.as_bytes());
            let step = || match shape {
                Some(Shape::Map(_)) => AttributePathStep::Key(shortened(key).into()),
                _ => AttributePathStep::Attribute(shortened(key).into()),
            };
            self.value(item, depth + 1)
                .map_err(|problem| problem.within(step()))?;
            if field.is_some_and(|field| field.required) {
                self.demand(start);
            }
            for excess in &mut self.found[before..] {
                excess.steps.push(step());
            }
            if field.is_some_and(|field| field.write_only) {
                self.withhold(start);
            }
        }
        Ok(())
    }

    /// Notes that what was walked over since `start` is null.
    fn demand(&mut self, start: usize) {
        let is_null = self.reader.bytes()[start..self.reader.at()] == *NULL;
        if self.purpose == Purpose::Configuration && is_null {
            self.find(Fault::Null);
        }
    }

    /// Notes a text that is too long.
    fn bound(&mut self, text: &[u8]) {
        if self.purpose == Purpose::Configuration && text.len() > LONGEST_TEXT {
            self.find(Fault::Long(text.len()));
        }
    }

    fn find(&mut self, what: Fault) {
        let steps = Vec::new();
        self.found.push(Excess { what, steps });
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

/// As much of a name as a message can bear.
fn shortened(name: &str) -> String {
    let end = name.char_indices().nth(LONGEST_NAME).map(|(end, _)| end);
    end.map_or_else(|| name.to_owned(), |end| format!("{}…", &name[..end]))
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
