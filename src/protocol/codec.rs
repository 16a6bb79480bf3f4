//! Values on the wire to and from the types of the authoring traits. Error texts never quote a value.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tf_provider::{AttributePath, AttributePathStep, Diagnostics};

use super::normalise::{Excess, Fault, LONGEST_TEXT, Problem, normalise, normalise_configuration};
use super::shape::Shape;
use super::unpack::unpack;
use super::wire::tfplugin6::DynamicValue;

/// MessagePack's null.
pub(super) const NULL: &[u8] = &[0xc0];
/// MessagePack's empty map.
const EMPTY: &[u8] = &[0x80];
/// The most bytes that the configuration of one object may take: many times what anybody writes.
const LARGEST_CONFIGURATION: usize = 1 << 20;

/// A value from Terraform in MessagePack, ready to decode; an absent one is null.
pub(super) fn incoming(
    value: Option<DynamicValue>,
    shape: &Shape,
    diags: &mut Diagnostics,
) -> Option<Vec<u8>> {
    let bytes = msgpack_of(value.unwrap_or_default(), diags)?;
    let changed = match normalise(&bytes, shape) {
        Ok(normal) => owned(normal),
        Err(problem) => {
            unfit(problem, diags);
            return None;
        }
    };
    Some(changed.unwrap_or(bytes))
}

/// The same for a configuration: what is required has a value, and nothing is larger than a person would write it.
pub(super) fn configuration(
    value: Option<DynamicValue>,
    shape: &Shape,
    diags: &mut Diagnostics,
) -> Option<Vec<u8>> {
    let bytes = msgpack_of(value.unwrap_or_default(), diags)?;
    let (changed, found) = match normalise_configuration(&bytes, shape) {
        Ok((normal, found)) => (owned(normal), found),
        Err(problem) => {
            unfit(problem, diags);
            return None;
        }
    };
    if !found.is_empty() {
        found.into_iter().for_each(|excess| refuse(excess, diags));
        return None;
    }
    if bytes.len() > LARGEST_CONFIGURATION {
        diags.root_error(
            "This configuration is too large",
            format!(
                "It takes {} bytes; {LARGEST_CONFIGURATION} are the most that is read. Shorten its texts, lists and maps.",
                bytes.len()
            ),
        );
        return None;
    }
    Some(changed.unwrap_or(bytes))
}

/// What had to be changed, if anything.
fn owned(normal: Cow<[u8]>) -> Option<Vec<u8>> {
    match normal {
        Cow::Owned(normal) => Some(normal),
        Cow::Borrowed(_) => None,
    }
}

fn refuse(excess: Excess, diags: &mut Diagnostics) {
    let path = AttributePath {
        steps: excess.steps.into_iter().rev().collect(),
    };
    let name = match path.steps.last() {
        Some(AttributePathStep::Attribute(name) | AttributePathStep::Key(name)) => name.as_ref(),
        _ => "A value",
    };
    let (summary, detail) = match excess.what {
        Fault::Null => (
            format!("{name} is null"),
            "It is required, and null is no value. If it comes from a variable, a condition or another object, see what \
             that gives."
                .to_owned(),
        ),
        Fault::Long(bytes) => (
            format!("{name} is too long"),
            format!("It has {bytes} bytes; {LONGEST_TEXT} are the most that is read. Make it shorter."),
        ),
    };
    diags.error(summary, detail, path);
}

fn unfit(problem: Problem, diags: &mut Diagnostics) {
    match problem {
        Problem::Malformed(why) => unreadable(diags, "value", why),
        Problem::Number(steps) => {
            let path = AttributePath {
                steps: steps.into_iter().rev().collect(),
            };
            diags.error(
                "Not a whole number",
                "This attribute takes a whole number of at most 64 bits. Round it, for example with floor().",
                path,
            );
        }
    }
}

fn msgpack_of(value: DynamicValue, diags: &mut Diagnostics) -> Option<Vec<u8>> {
    if !value.msgpack.is_empty() {
        return Some(value.msgpack);
    }
    if value.json.is_empty() {
        return Some(NULL.to_vec());
    }
    match serde_json::from_slice::<serde_json::Value>(&value.json) {
        Ok(json) => encode(&json, diags),
        Err(_) => {
            unreadable(diags, "value", "it is not valid JSON");
            None
        }
    }
}

/// A value for Terraform.
pub(super) fn outgoing(msgpack: Vec<u8>) -> DynamicValue {
    let json = Vec::new();
    DynamicValue { msgpack, json }
}

/// The null value, which stands for "no object".
pub(super) fn null() -> DynamicValue {
    outgoing(NULL.to_vec())
}

/// Whether a value from Terraform stands for "no object".
pub(super) fn is_null(value: &Option<DynamicValue>) -> bool {
    value.as_ref().is_none_or(|value| {
        let nothing = value.msgpack.is_empty() && value.json.is_empty();
        nothing || value.msgpack == NULL || value.json == b"null"
    })
}

/// Decodes what [`incoming`] gave.
pub(super) fn decode<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    what: &str,
    diags: &mut Diagnostics,
) -> Option<T> {
    match unpack(bytes) {
        Ok(value) => Some(value),
        Err(unfit) => {
            unreadable(diags, what, &unfit.to_string());
            None
        }
    }
}

/// Decodes private data. None at all reads as null, or as an object with nothing set.
pub(super) fn decode_private<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    diags: &mut Diagnostics,
) -> Option<T> {
    if bytes.is_empty() {
        if let Ok(value) = unpack(NULL) {
            return Some(value);
        }
        return decode(EMPTY, "private data", diags);
    }
    decode(bytes, "private data", diags)
}

/// Encodes a value with the names of its fields.
pub(super) fn encode<T: Serialize>(value: &T, diags: &mut Diagnostics) -> Option<Vec<u8>> {
    match rmp_serde::to_vec_named(value) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            diags.root_error(
                "Cannot encode a result",
                format!(
                    "{}. This is a bug in the provider; please report it.",
                    without_values(&error)
                ),
            );
            None
        }
    }
}

fn unreadable(diags: &mut Diagnostics, what: &str, why: &str) {
    diags.root_error(
        format!("Cannot read the {what} that Terraform sent"),
        format!(
            "The provider does not understand it: {why}. If the state was written by another \
             version of the provider, use that version; otherwise please report this as a bug."
        ),
    );
}

/// What went wrong, without the value with which it did: it may be secret.
fn without_values(error: &rmp_serde::encode::Error) -> &'static str {
    use rmp_serde::encode::Error;
    match error {
        Error::InvalidValueWrite(_) => "it cannot be written",
        Error::UnknownLength => "a list or a map does not know its length",
        Error::InvalidDataModel(_) => "it is of a sort that MessagePack has not",
        Error::DepthLimitExceeded => "it is nested too deeply",
        Error::Syntax(_) => "a value cannot be written",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tf_provider::value::{Value, ValueEmpty, ValueString};

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, Serialize)]
    struct Memory {
        #[serde(default)]
        seen: u32,
    }

    #[test]
    fn empty_private_data_reads_as_null_or_as_nothing_set() {
        let mut diags = Diagnostics::default();
        assert_eq!(decode_private(&[], &mut diags), Some(ValueEmpty::Null));
        assert_eq!(decode_private(&[], &mut diags), Some(Memory { seen: 0 }));
        assert_eq!(decode_private(&[], &mut diags), Some(()));
        assert!(diags.errors.is_empty());
    }

    #[test]
    fn a_decode_error_does_not_quote_the_value() {
        let mut diags = Diagnostics::default();
        let bytes = rmp_serde::to_vec("made-up-canary").unwrap();
        assert_eq!(decode::<i64>(&bytes, "state", &mut diags), None);
        assert!(!format!("{diags:?}").contains("made-up-canary"));
    }

    #[test]
    fn a_value_in_json_is_understood_too() {
        let mut diags = Diagnostics::default();
        let value = DynamicValue {
            msgpack: Vec::new(),
            json: br#"{"a":"x"}"#.to_vec(),
        };
        let shape = Shape::Map(Shape::Plain.into());
        let bytes = incoming(Some(value), &shape, &mut diags).unwrap();
        let decoded: BTreeMap<String, ValueString> = decode(&bytes, "state", &mut diags).unwrap();
        assert_eq!(decoded["a"], Value::Value("x".into()));
    }
}
