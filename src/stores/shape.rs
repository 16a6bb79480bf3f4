//! How a document is laid out in a store that holds JSON: in one of the layouts of [`Layout`], as variables with a prefix, or
//! under names that a consumer gives. Whatever the settings say, every shape reads back, so that a delivery may change its own.

use serde_json::{Map, Value};
use tf_provider::schema::{Attribute, AttributeType};
use zeroize::Zeroizing;

use super::Found;
use super::document::{Document, Layout};
use super::fields::{self, Fields};
use super::variables::{self, Names, SUFFIXES, Values};
use crate::error::Result;
use crate::schema::{optional, string_map};
use crate::settings::Settings;

/// The layout of variables in JSON.
const VARIABLES: &str = "variables";

/// How a document is laid out.
#[derive(Clone, Debug)]
pub enum Shape {
    /// As an object for each slot, or flat.
    Layout(Layout),
    /// As variables with a prefix.
    Variables(Names),
    /// Under names of the consumer.
    Fields(Fields),
}

/// What the layouts are.
pub const LAYOUT_WORDS: &str = "Layout of the JSON: `slots` (default), an object for each slot; `flat`: `primary` and `secondary` are the \
     secrets themselves, with `primary_key_id`, `secondary_key_id` and `generation` beside them; or `variables`: \
     `<prefix>_PRIMARY`, `<prefix>_SECONDARY` and so on, as in a dotenv file.";

/// The attributes that say it.
pub fn attributes() -> [(&'static str, Attribute); 3] {
    let prefix = "What the names begin with where `layout` is `variables`. Default `API_KEY`.";
    [
        ("layout", optional(AttributeType::String, LAYOUT_WORDS)),
        ("prefix", optional(AttributeType::String, prefix)),
        ("fields", fields_attribute("")),
    ]
}

/// The attribute `fields`.
pub fn fields_attribute(of: &str) -> Attribute {
    optional(
        string_map(),
        &format!(
            "{of}Names that a consumer expects, in place of a layout, with what stands there: `{{{{primary.key_id}}}}`, \
             `{{{{primary.secret}}}}`, `{{{{secondary.key_id}}}}`, `{{{{secondary.secret}}}}`, `{{{{generation}}}}` and \
             `{{{{rotated_at}}}}` in texts of your own; what is not there is empty. One more field, `apikey`, holds what the \
             provider needs to read the document back."
        ),
    )
}

impl Shape {
    /// Reads the attributes.
    pub fn from_settings(settings: &Settings<'_>) -> Result<Self> {
        let refuse = |name: &str, beside: &str, why: &str| match settings.string(name) {
            None => Ok(()),
            Some(_) => Err(settings.wrong(name, format!("{name} does not go with {beside}"), why)),
        };
        if let Some(fields) = Fields::from_settings(settings)? {
            refuse(
                "layout",
                "fields",
                "fields is a layout of its own. Keep one of the two.",
            )?;
            refuse(
                "prefix",
                "fields",
                "fields gives each name whole. Remove prefix.",
            )?;
            return Ok(Self::Fields(fields));
        }
        let words = [Layout::WORDS, &[VARIABLES]].concat();
        match settings.one_of("layout", &words)? {
            Some(VARIABLES) => Names::from_settings(settings).map(Self::Variables),
            other => {
                refuse(
                    "prefix",
                    "this layout",
                    "Only layout = \"variables\" has a prefix. Remove prefix, or set the layout.",
                )?;
                Ok(Self::Layout(match other {
                    Some("flat") => Layout::Flat,
                    _ => Layout::Slots,
                }))
            }
        }
    }

    /// The document as one line of JSON.
    pub fn render(&self, document: &Document) -> Zeroizing<String> {
        match self {
            Self::Layout(layout) => layout.render(document),
            Self::Fields(fields) => fields.render(document),
            Self::Variables(names) => {
                Zeroizing::new(Value::Object(variables_of(names, document)).to_string())
            }
        }
    }

    /// What a text means to whoever delivers there, in any shape.
    pub fn understand(text: &str) -> Found {
        match Layout::understand(text) {
            Found::Foreign(foreign) => match Self::parse(text) {
                Some(document) => Found::Document(document),
                None => Found::Foreign(foreign),
            },
            found => found,
        }
    }

    /// Reads any shape; `None` if it is none.
    pub fn parse(text: &str) -> Option<Document> {
        Layout::parse(text)
            .or_else(|| fields::parse(text))
            .or_else(|| in_variables(text))
    }
}

fn variables_of(names: &Names, document: &Document) -> Map<String, Value> {
    let values = variables::values(document).into_iter().enumerate();
    let there = values.filter_map(|(index, value)| {
        Some((names.variable(index), Value::String(value?.to_string())))
    });
    there.collect()
}

/// Only what is written for a document with a generation, to the last variable: others have a `DB_PRIMARY` as well.
fn in_variables(text: &str) -> Option<Document> {
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let names = object.keys().find_map(|name| Names::of_primary(name))?;
    let mut values: Values = [const { None }; SUFFIXES.len()];
    for (name, value) in &object {
        let index = names.index_of(name.as_bytes())?;
        values[index] = Some(Zeroizing::new(value.as_str()?.to_owned()));
    }
    match names.understand(values) {
        Found::Document(document) => (document.generation.is_some()
            && variables_of(&names, &document) == object)
            .then_some(document),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tf_provider::value::ValueAny;

    use super::*;
    use crate::error::Path;
    use crate::stores::document::tests::document;

    fn read(entries: &[(&str, ValueAny)]) -> Result<Shape> {
        let entries = entries.iter();
        let fields: BTreeMap<String, ValueAny> = entries
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        Shape::from_settings(&Settings::new(Path::root("here"), &fields))
    }

    fn text(value: &str) -> ValueAny {
        ValueAny::String(value.into())
    }

    fn fields() -> ValueAny {
        ValueAny::Map(BTreeMap::from([(
            "token".to_owned(),
            text("{{primary.secret}}"),
        )]))
    }

    #[test]
    fn every_shape_reads_back_whatever_the_settings_say_by_then() {
        for entries in [
            vec![],
            vec![("layout", text("flat"))],
            vec![("layout", text("variables"))],
            vec![("layout", text("variables")), ("prefix", text("SHOP"))],
            vec![("fields", fields())],
        ] {
            for secondary in [None, Some("two")] {
                let text = read(&entries).unwrap().render(&document(secondary));
                let Found::Document(read) = Shape::understand(&text) else {
                    panic!("{}", *text);
                };
                assert_eq!(read.primary.key_id.as_deref(), Some("one"));
                assert_eq!(read.primary.secret.expose(), "made-up-one");
                let second = read.secondary.map(|key| key.secret.expose().to_owned());
                assert_eq!(second.as_deref(), secondary.map(|_| "made-up-two"));
                assert_eq!(read.generation, Some(2));
            }
        }
    }

    #[test]
    fn what_contradicts_itself_is_blamed_on_its_attribute() {
        for (entries, path) in [
            (vec![("layout", text("wide"))], "here.layout"),
            (vec![("prefix", text("SHOP"))], "here.prefix"),
            (
                vec![("layout", text("variables")), ("prefix", text("1"))],
                "here.prefix",
            ),
            (
                vec![("fields", fields()), ("layout", text("flat"))],
                "here.layout",
            ),
            (
                vec![("fields", fields()), ("prefix", text("SHOP"))],
                "here.prefix",
            ),
        ] {
            assert_eq!(read(&entries).unwrap_err().path.to_string(), path);
        }
    }

    #[test]
    fn variables_of_others_are_not_taken_for_ours() {
        for odd in [
            r#"{"API_KEY_PRIMARY":"a","OTHER":"b"}"#,
            r#"{"API_KEY_PRIMARY":"a","SHOP_PRIMARY":"b"}"#,
            r#"{"API_KEY_PRIMARY":1}"#,
            r#"{"DB_PRIMARY":"a"}"#,
            r#"{"DB_PRIMARY":"a","DB_SECONDARY":"b"}"#,
            r#"{"DB_PRIMARY":"a","DB_GENERATION":"1"}"#,
            r#"{"DB_PRIMARY":"a","DB_SECONDARY":"b","DB_GENERATION":"01"}"#,
        ] {
            assert!(matches!(Shape::understand(odd), Found::Foreign(_)), "{odd}");
        }
    }
}
