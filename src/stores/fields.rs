//! A document under names that a consumer gives: `username = "{{primary.key_id}}"`.
//!
//! Templates cannot be read backwards, so one more field, `apikey`, holds the whole document and the templates that it was
//! written by. What stands in the other fields has to be what they make of it; anything else was changed by somebody.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tf_provider::value::ValueAny;
use zeroize::Zeroizing;

use super::document::{Document, DocumentKey, Layout};
use crate::error::Result;
use crate::http::{Escape, Template};
use crate::settings::Settings;

/// The field that holds what the templates cannot give back.
pub const MARK: &str = "apikey";

/// Without it in one of the fields, no reader would get the key.
const SECRET: &str = "primary.secret";

/// What a template may hold.
const PLACEHOLDERS: [&str; 6] = [
    "primary.key_id",
    SECRET,
    "secondary.key_id",
    "secondary.secret",
    "generation",
    "rotated_at",
];

/// Names and templates of one delivery.
#[derive(Clone)]
pub struct Fields(BTreeMap<String, Field>);

#[derive(Clone)]
struct Field {
    /// As it was written.
    text: String,
    template: Template,
}

#[derive(Deserialize, Serialize)]
struct Mark {
    fields: BTreeMap<String, String>,
    document: Value,
}

impl Fields {
    /// Reads the attribute `fields`, if it is set.
    pub fn from_settings(settings: &Settings<'_>) -> Result<Option<Self>> {
        if !is_set(settings) {
            return Ok(None);
        }
        let texts = settings.string_map("fields").into_iter();
        let texts = texts.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let fields = Self::read(texts.collect());
        fields
            .map(Some)
            .map_err(|problem| settings.wrong("fields", "fields is not valid", problem))
    }

    fn read(texts: BTreeMap<String, String>) -> Result<Self, String> {
        if texts.contains_key(MARK) {
            return Err(format!(
                "The name {MARK:?} is taken: the provider keeps there what it needs to read the document back."
            ));
        }
        let mut fields = BTreeMap::new();
        for (name, text) in texts {
            let template = Template::parse(&text, &PLACEHOLDERS)
                .map_err(|problem| format!("{name:?} is {text:?}: {problem}"))?;
            fields.insert(name, Field { text, template });
        }
        match fields.values().any(|field| field.template.holds(SECRET)) {
            true => Ok(Self(fields)),
            false => Err(format!(
                "None of the fields holds {{{{{SECRET}}}}}, so no reader would get the key."
            )),
        }
    }

    /// The document as one line of JSON.
    pub fn render(&self, document: &Document) -> Zeroizing<String> {
        let mut object = self.filled(document);
        let mark = Mark {
            fields: self.texts(),
            document: serde_json::from_str(&Layout::Slots.render(document)).unwrap_or_default(),
        };
        object.insert(MARK.to_owned(), Value::String(json!(mark).to_string()));
        Zeroizing::new(Value::Object(object).to_string())
    }

    fn filled(&self, document: &Document) -> Map<String, Value> {
        let secondary = document.secondary.as_ref();
        let generation = document.generation.map(|count| count.to_string());
        let rotated_at = document.rotated_at.map(|at| at.to_string());
        // What is not there is an empty text.
        let values = [
            ("primary.key_id", id(Some(&document.primary))),
            (SECRET, document.primary.secret.expose()),
            ("secondary.key_id", id(secondary)),
            (
                "secondary.secret",
                secondary.map_or("", |key| key.secret.expose()),
            ),
            ("generation", generation.as_deref().unwrap_or_default()),
            ("rotated_at", rotated_at.as_deref().unwrap_or_default()),
        ];
        let fields = self.0.iter().map(|(name, field)| {
            let text = field.template.fill(&values, Escape::None);
            (name.clone(), Value::String(text.as_str().to_owned()))
        });
        fields.collect()
    }

    fn texts(&self) -> BTreeMap<String, String> {
        let fields = self.0.iter();
        fields
            .map(|(name, field)| (name.clone(), field.text.clone()))
            .collect()
    }
}

/// Whether the attribute is set at all, be it to no names.
pub fn is_set(settings: &Settings<'_>) -> bool {
    settings
        .value("fields")
        .is_some_and(|value| *value != ValueAny::Null)
}

/// Reads a document that was written by templates, whichever they were; `None` if it is none, or if a field was changed.
pub fn parse(text: &str) -> Option<Document> {
    let mut object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let mark: Mark = serde_json::from_str(object.remove(MARK)?.as_str()?).ok()?;
    let fields = Fields::read(mark.fields).ok()?;
    let document = Layout::parse(&mark.document.to_string())?;
    (fields.filled(&document) == object).then_some(document)
}

fn id(key: Option<&DocumentKey>) -> &str {
    let id = key.and_then(|key| key.key_id.as_deref());
    id.unwrap_or_default()
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use tf_provider::value::ValueAny;

    use super::*;
    use crate::error::Path;
    use crate::stores::document::tests::document;

    fn read(entries: &[(&str, &str)]) -> Result<Option<Fields>> {
        let text = |text: &str| ValueAny::String(text.into());
        let entries = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), text(value)));
        let fields = BTreeMap::from([("fields".to_owned(), ValueAny::Map(entries.collect()))]);
        Fields::from_settings(&Settings::new(Path::root("here"), &fields))
    }

    fn login() -> Fields {
        let fields = read(&[
            ("username", "{{primary.key_id}}"),
            ("password", "{{primary.secret}}"),
            (
                "url",
                "https://{{secondary.key_id}}:{{secondary.secret}}@example.com/{{generation}}",
            ),
        ]);
        fields.unwrap().unwrap()
    }

    #[test]
    fn consumers_find_the_names_that_they_know_and_the_document_reads_back() {
        for secondary in [None, Some("two")] {
            let text = login().render(&document(secondary));
            let object: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(object["username"], "one");
            assert_eq!(object["password"], "made-up-one");
            let read = parse(&text).unwrap();
            assert_eq!(read.primary.secret.expose(), "made-up-one");
            assert_eq!(
                read.secondary.and_then(|key| key.key_id).as_deref(),
                secondary
            );
            assert_eq!(read.generation, Some(2));
            assert_eq!(read.rotated_at, document(None).rotated_at);
        }
    }

    #[test]
    fn a_field_that_somebody_changed_added_or_took_away_makes_it_foreign() {
        let text = login().render(&document(Some("two")));
        let changed = |change: fn(&mut Map<String, Value>)| {
            let mut object: Map<String, Value> = serde_json::from_str(&text).unwrap();
            change(&mut object);
            parse(&Value::Object(object).to_string()).is_none()
        };
        assert!(changed(|object| object["password"] = json!("theirs")));
        assert!(changed(|object| drop(
            object.insert("more".into(), json!("x"))
        )));
        assert!(changed(|object| drop(object.remove("username"))));
        assert!(changed(|object| object[MARK] = json!("{}")));
        assert!(!changed(|_| ()));
    }

    #[test]
    fn templates_that_cannot_be_meant_are_refused() {
        for entries in [
            vec![("username", "{{primary.key_id}}")],
            vec![("a", "{{primary.secret}}"), ("b", "{{primary.id}}")],
            vec![("a", "{{primary.secret")],
            vec![("a", "{{primary.secret}}"), (MARK, "x")],
            vec![],
        ] {
            let error = read(&entries).unwrap_err();
            assert_eq!(error.path.to_string(), "here.fields", "{error}");
        }
    }
}
