//! The names in the objects of one file.

use std::collections::HashMap;
use std::path::Path;

use tf_provider::schema::{Attribute, AttributeType, Schema};

use super::Finding;
use super::blocks::{Block, COMMENT};
use super::written::{Property, Value};

/// How alike two names have to be for one to be taken for the other, of 1.
const ALIKE: f64 = 0.6;

/// Looks through the blocks of a file.
pub struct Names<'f> {
    file: &'f Path,
    text: &'f str,
    block: String,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl<'f> Names<'f> {
    /// In a file with this text.
    pub fn new(file: &'f Path, text: &'f str) -> Self {
        Self {
            file,
            text,
            block: String::new(),
            findings: Vec::new(),
        }
    }

    /// Looks through a block. Its own arguments are checked by the command line.
    pub fn block(&mut self, label: &str, block: &Block, schema: &Schema) {
        label.clone_into(&mut self.block);
        for argument in &block.arguments {
            let Some(name) = argument.named() else {
                continue;
            };
            if let Some(known) = schema.block.attributes.get(name) {
                self.value(name, &argument.value, &known.attr_type);
            }
        }
    }

    fn value(&mut self, path: &str, value: &Value, expected: &AttributeType) {
        match (expected, value) {
            (_, Value::AnyOf(values)) => {
                for value in values {
                    self.value(path, value, expected);
                }
            }
            (AttributeType::AttributeSingle(attributes), Value::Object(properties)) => {
                self.object(path, properties, attributes);
            }
            (AttributeType::AttributeMap(attributes), Value::Object(properties)) => {
                for property in properties {
                    let name = property.named().unwrap_or("…");
                    let each = AttributeType::AttributeSingle(attributes.clone());
                    self.value(&format!("{path}.{name}"), &property.value, &each);
                }
            }
            (
                AttributeType::AttributeList(attributes) | AttributeType::AttributeSet(attributes),
                Value::Array(values),
            ) => {
                for (number, value) in values.iter().enumerate() {
                    let each = AttributeType::AttributeSingle(attributes.clone());
                    self.value(&format!("{path}[{number}]"), value, &each);
                }
            }
            (
                AttributeType::AttributeMap(attributes)
                | AttributeType::AttributeList(attributes)
                | AttributeType::AttributeSet(attributes),
                Value::Each(value),
            ) => {
                let each = AttributeType::AttributeSingle(attributes.clone());
                self.value(&format!("{path}[*]"), value, &each);
            }
            _ => {}
        }
    }

    fn object(
        &mut self,
        path: &str,
        properties: &[Property],
        attributes: &HashMap<String, Attribute>,
    ) {
        for property in properties {
            let Some(name) = property.named() else {
                continue;
            };
            match attributes.get(name) {
                Some(known) => {
                    self.value(&format!("{path}.{name}"), &property.value, &known.attr_type)
                }
                None if name == COMMENT => {}
                None => self.unknown(path, name, property.at, attributes),
            }
        }
    }

    fn unknown(
        &mut self,
        path: &str,
        name: &str,
        at: usize,
        attributes: &HashMap<String, Attribute>,
    ) {
        let before = &self.text[..at.min(self.text.len())];
        let line = before.rsplit('\n').next().unwrap_or_default();
        self.findings.push(Finding {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            block: self.block.clone(),
            object: path.to_owned(),
            name: name.to_owned(),
            nearest: nearest(name, attributes.keys().map(String::as_str)).map(str::to_owned),
        });
    }
}

/// The name that somebody meant who wrote another, if one is like it.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness =
        |other: &str| strsim::normalized_damerau_levenshtein(&name.to_lowercase(), other);
    let mut near: Vec<(f64, &str)> = known.map(|other| (likeness(other), other)).collect();
    near.retain(|(likeness, _)| *likeness >= ALIKE);
    near.sort_by(|(one, first), (two, second)| two.total_cmp(one).then(first.cmp(second)));
    near.first().map(|(_, name)| *name)
}
