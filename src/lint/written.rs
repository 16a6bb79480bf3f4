//! What is written in a file, in whichever of the two syntaxes: the names, and where they stand. What has no names of its own is
//! left out, so that both read alike.

use hcl_edit::Span;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::Body;
use jsonc_parser::ast;
use jsonc_parser::{CollectOptions, ParseOptions};

/// Functions that give back what one of their arguments holds.
const TRANSPARENT: [&str; 4] = ["merge", "try", "coalesce", "sensitive"];

/// Terraform takes JSON by the letter.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// A value, as far as names can be in it.
pub enum Value {
    /// An object or a map.
    Object(Vec<Property>),
    /// A list or a set.
    Array(Vec<Value>),
    /// One of these or all of them together: the arms of a conditional, the arguments of `merge`.
    AnyOf(Vec<Value>),
    /// What a `for` expression makes of each element.
    Each(Box<Value>),
    /// A text. In JSON the whole of it, with what is to be filled in.
    Text(String),
    /// What has no names.
    Other,
}

/// A name and its value. A name may stand more than once.
pub struct Property {
    /// None, if it is calculated: nobody knows it yet.
    pub name: Option<String>,
    /// Bytes of the text before it.
    pub at: usize,
    /// What it is set to.
    pub value: Value,
}

impl Property {
    /// The name, if it is written out.
    pub fn named(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// A file of HCL.
pub fn native(text: &str) -> Result<Body, String> {
    let parsed = hcl_edit::parser::parse_body(text);
    parsed.map_err(|error| unreadable(error.location().line(), "HCL"))
}

/// A file of JSON.
pub fn json(text: &str) -> Result<Value, String> {
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &STRICT);
    let parsed = parsed.map_err(|error| unreadable(error.line_display(), "JSON"))?;
    Ok(parsed.value.map_or(Value::Other, in_json))
}

fn unreadable(line: usize, form: &str) -> String {
    format!("line {line}: it is no {form} that can be read")
}

/// The arguments of a body of HCL.
pub fn arguments(body: &Body) -> impl Iterator<Item = Property> {
    body.attributes().map(|it| Property {
        name: Some(it.key.as_str().to_owned()),
        at: start(&it.key),
        value: in_hcl(&it.value),
    })
}

fn in_hcl(value: &Expression) -> Value {
    match value {
        Expression::Object(object) => {
            let properties = object.iter().map(|(key, value)| Property {
                name: written_out(key),
                at: start(key),
                value: in_hcl(value.expr()),
            });
            Value::Object(properties.collect())
        }
        Expression::Array(array) => Value::Array(array.iter().map(in_hcl).collect()),
        Expression::Parenthesis(inner) => in_hcl(inner.inner()),
        Expression::Conditional(either) => {
            Value::AnyOf([&either.true_expr, &either.false_expr].map(in_hcl).into())
        }
        Expression::FuncCall(call) if TRANSPARENT.contains(&call.name.name.as_str()) => {
            Value::AnyOf(call.args.iter().map(in_hcl).collect())
        }
        Expression::ForExpr(each) => Value::Each(Box::new(in_hcl(&each.value_expr))),
        Expression::String(text) => Value::Text(text.as_str().to_owned()),
        _ => Value::Other,
    }
}

/// A name, bare or in quotes.
fn written_out(key: &ObjectKey) -> Option<String> {
    let name = match key {
        ObjectKey::Ident(name) => name.as_str(),
        ObjectKey::Expression(Expression::String(name)) => name.as_str(),
        ObjectKey::Expression(Expression::Variable(name)) => name.as_str(),
        ObjectKey::Expression(_) => return None,
    };
    Some(name.to_owned())
}

fn start(it: &impl Span) -> usize {
    it.span().map_or(0, |span| span.start)
}

fn in_json(value: ast::Value) -> Value {
    match value {
        ast::Value::Object(object) => {
            let properties = object.properties.into_iter().map(|it| Property {
                // A name with something to fill in is calculated.
                name: Some(it.name.as_str().to_owned()).filter(|name| !name.contains("${")),
                at: it.range.start,
                value: in_json(it.value),
            });
            Value::Object(properties.collect())
        }
        ast::Value::Array(array) => Value::Array(array.elements.into_iter().map(in_json).collect()),
        ast::Value::StringLit(text) => Value::Text(text.value.into_owned()),
        _ => Value::Other,
    }
}
