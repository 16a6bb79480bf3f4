//! The names in the objects of one file.

use std::collections::HashMap;
use std::path::Path;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, Object, ObjectKey};
use tf_provider::schema::{Attribute, AttributeType, Schema};

use super::Finding;
use super::blocks::{Block, COMMENT};

/// How alike two names have to be for one to be taken for the other, of 1.
const ALIKE: f64 = 0.6;

/// Functions that give back what one of their arguments holds.
const TRANSPARENT: [&str; 4] = ["merge", "try", "coalesce", "sensitive"];

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
        for (name, value) in &block.arguments {
            if let Some(known) = schema.block.attributes.get(*name) {
                self.value(name, value, &known.attr_type);
            }
        }
    }

    fn value(&mut self, path: &str, value: &Expression, expected: &AttributeType) {
        match value {
            Expression::Parenthesis(inner) => self.value(path, inner.inner(), expected),
            Expression::Conditional(either) => {
                self.value(path, &either.true_expr, expected);
                self.value(path, &either.false_expr, expected);
            }
            Expression::FuncCall(call) if TRANSPARENT.contains(&call.name.name.as_str()) => {
                for argument in call.args.iter() {
                    self.value(path, argument, expected);
                }
            }
            _ => self.nested(path, value, expected),
        }
    }

    fn nested(&mut self, path: &str, value: &Expression, expected: &AttributeType) {
        match (expected, value) {
            (AttributeType::AttributeSingle(attributes), Expression::Object(object)) => {
                self.object(path, object, attributes);
            }
            (AttributeType::AttributeMap(attributes), Expression::Object(object)) => {
                for (key, entry) in object.iter() {
                    let name = named(key).unwrap_or("…");
                    let path = format!("{path}.{name}");
                    let each = AttributeType::AttributeSingle(attributes.clone());
                    self.value(&path, entry.expr(), &each);
                }
            }
            (
                AttributeType::AttributeList(attributes) | AttributeType::AttributeSet(attributes),
                Expression::Array(array),
            ) => {
                for (number, entry) in array.iter().enumerate() {
                    let each = AttributeType::AttributeSingle(attributes.clone());
                    self.value(&format!("{path}[{number}]"), entry, &each);
                }
            }
            (
                AttributeType::AttributeMap(attributes)
                | AttributeType::AttributeList(attributes)
                | AttributeType::AttributeSet(attributes),
                Expression::ForExpr(each),
            ) => {
                let expected = AttributeType::AttributeSingle(attributes.clone());
                self.value(&format!("{path}[*]"), &each.value_expr, &expected);
            }
            _ => {}
        }
    }

    fn object(&mut self, path: &str, object: &Object, attributes: &HashMap<String, Attribute>) {
        for (key, entry) in object.iter() {
            // A name that is calculated is known to nobody yet.
            let Some(name) = named(key) else { continue };
            match attributes.get(name) {
                Some(known) => {
                    self.value(&format!("{path}.{name}"), entry.expr(), &known.attr_type)
                }
                None if name == COMMENT => {}
                None => self.unknown(path, name, key, attributes),
            }
        }
    }

    fn unknown(
        &mut self,
        path: &str,
        name: &str,
        key: &ObjectKey,
        attributes: &HashMap<String, Attribute>,
    ) {
        let start = key.span().map_or(0, |span| span.start);
        let before = &self.text[..start.min(self.text.len())];
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

/// A name that is written out, bare or in quotes.
pub fn named(key: &ObjectKey) -> Option<&str> {
    match key {
        ObjectKey::Ident(name) => Some(name.as_str()),
        ObjectKey::Expression(Expression::String(name)) => Some(name.as_str()),
        ObjectKey::Expression(Expression::Variable(name)) => Some(name.as_str()),
        ObjectKey::Expression(_) => None,
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
