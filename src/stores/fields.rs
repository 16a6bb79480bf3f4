//! A document under names that a consumer gives: `username = "{{primary.key_id}}"`.
//!
//! Templates cannot be read backwards, so one more field, `apikey`, holds the whole document and the templates that it was
//! written by. What stands in the other fields has to be what they make of it; anything else was changed by somebody.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::document::{Document, DocumentKey, Layout};
use crate::error::Result;
use crate::settings::{Settings, choice};

/// The field that holds what the templates cannot give back.
pub const MARK: &str = "apikey";

/// What a template may hold.
const PLACEHOLDERS: [&str; 6] = [
    "primary.key_id",
    "primary.secret",
    "secondary.key_id",
    "secondary.secret",
    "generation",
    "rotated_at",
];

/// Names and templates of one delivery.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Fields(BTreeMap<String, String>);

#[derive(Deserialize)]
struct Mark {
    fields: Fields,
    document: Value,
}

impl Fields {
    /// Reads the attribute `fields`, if it is set.
    pub fn from_settings(settings: &Settings<'_>) -> Result<Option<Self>> {
        if settings
            .value("fields")
            .is_none_or(|value| *value == tf_provider::value::ValueAny::Null)
        {
            return Ok(None);
        }
        let fields = settings.string_map("fields").into_iter();
        let fields = Self(
            fields
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .collect(),
        );
        let wrong = |detail: String| settings.wrong("fields", "fields is not valid", detail);
        if fields.0.contains_key(MARK) {
            return Err(wrong(format!(
                "The name {MARK:?} is taken: the provider keeps there what it needs to read the document back."
            )));
        }
        for (name, template) in &fields.0 {
            parts(template)
                .map_err(|problem| wrong(format!("{name:?} is {template:?}: {problem}")))?;
        }
        match fields
            .0
            .values()
            .any(|template| template.contains("{{primary.secret}}"))
        {
            true => Ok(Some(fields)),
            false => Err(wrong(
                "None of the fields holds {{primary.secret}}, so no reader would get the key."
                    .to_owned(),
            )),
        }
    }

    /// The document as one line of JSON.
    pub fn render(&self, document: &Document) -> Zeroizing<String> {
        let mut object = self.filled(document);
        let whole: Value =
            serde_json::from_str(&Layout::Slots.render(document)).unwrap_or_default();
        let mark = json!({ "fields": self, "document": whole }).to_string();
        object.insert(MARK.to_owned(), Value::String(mark));
        Zeroizing::new(Value::Object(object).to_string())
    }

    fn filled(&self, document: &Document) -> Map<String, Value> {
        let fields = self.0.iter();
        let fields =
            fields.map(|(name, template)| (name.clone(), Value::String(fill(template, document))));
        fields.collect()
    }
}

/// Reads a document that was written by templates, whichever they were; `None` if it is none, or if a field was changed.
pub fn parse(text: &str) -> Option<Document> {
    let mut object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let mark: Mark = serde_json::from_str(object.remove(MARK)?.as_str()?).ok()?;
    let document = Layout::parse(&mark.document.to_string())?;
    (mark.fields.filled(&document) == object).then_some(document)
}

fn fill(template: &str, document: &Document) -> String {
    // Every template was taken apart when its settings were read, or it stands in a document of ours.
    let parts = parts(template).unwrap_or_default();
    parts
        .into_iter()
        .map(|part| match part {
            Part::Text(text) => text.to_owned(),
            Part::Value(name) => value(name, document),
        })
        .collect()
}

/// What is not there is an empty text.
fn value(name: &str, document: &Document) -> String {
    let secondary = document.secondary.as_ref();
    let id = |key: Option<&DocumentKey>| key.and_then(|key| key.key_id.clone()).unwrap_or_default();
    match name {
        "primary.key_id" => id(Some(&document.primary)),
        "primary.secret" => document.primary.secret.expose().to_owned(),
        "secondary.key_id" => id(secondary),
        "secondary.secret" => {
            secondary.map_or_else(String::new, |key| key.secret.expose().to_owned())
        }
        "generation" => document
            .generation
            .map_or_else(String::new, |count| count.to_string()),
        "rotated_at" => document
            .rotated_at
            .map_or_else(String::new, |at| at.to_string()),
        _ => String::new(),
    }
}

enum Part<'a> {
    Text(&'a str),
    Value(&'a str),
}

fn parts(template: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, beyond) = after
            .split_once("}}")
            .ok_or("a placeholder begins with {{ and has no end }}.")?;
        if !PLACEHOLDERS.contains(&name) {
            return Err(format!(
                "{{{{{name}}}}} is not known. Between {{{{ and }}}} write {}.",
                choice(&PLACEHOLDERS)
            ));
        }
        parts.push(Part::Text(before));
        parts.push(Part::Value(name));
        rest = beyond;
    }
    parts.push(Part::Text(rest));
    Ok(parts)
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
