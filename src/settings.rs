//! Reads the settings of one issuer, store or vendor block: plain fields out of a Terraform object,
//! with the attribute path at hand when a value is wrong.

use std::collections::BTreeMap;

use tf_provider::value::ValueAny;

use crate::duration::Duration;
use crate::error::{Error, Path, Result};

/// What to add where something is missing inside an object: the person may well have written it, misspelt.
pub const DROPPED: &str = "If it is there, check its spelling: inside an object, Terraform drops a name that does \
                           not exist without a word.";

/// `"json" or "dotenv"`
pub fn choice(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The longest name of anything, in characters.
pub const LONGEST_NAME: usize = 256;

/// The error for a text of more than `most` characters.
pub fn too_long(path: Path, what: &str, text: &str, most: usize) -> Option<Error> {
    let length = text.chars().count();
    (length > most).then(|| {
        Error::invalid(
            path,
            format!("{what} is too long"),
            format!(
                "It has {length} characters; {most} are the most that is taken. Make it shorter."
            ),
        )
    })
}

/// The fields of one object of the configuration or the state.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    path: Path,
    fields: &'a BTreeMap<String, ValueAny>,
}

impl<'a> Settings<'a> {
    /// The fields of the object at `path`.
    pub fn new(path: Path, fields: &'a BTreeMap<String, ValueAny>) -> Self {
        Self { path, fields }
    }

    /// Where this object stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where one of its fields stands.
    pub fn path_of(&self, name: &str) -> Path {
        self.path.attribute(name)
    }

    /// Whether nothing in it is still unknown. Only then can it be judged.
    pub fn wholly_known(&self) -> bool {
        self.fields.values().all(known)
    }

    /// The value as it was written.
    pub fn value(&self, name: &str) -> Option<&'a ValueAny> {
        self.fields.get(name)
    }

    /// A string, or `None` where it is not set.
    pub fn string(&self, name: &str) -> Option<&'a str> {
        match self.fields.get(name) {
            Some(ValueAny::String(text)) => Some(text),
            _ => None,
        }
    }

    /// A string that must be there and must not be empty.
    pub fn required_string(&self, name: &str) -> Result<&'a str> {
        match self.string(name) {
            Some(text) if !text.trim().is_empty() => Ok(text),
            Some(_) => Err(self.wrong(
                name,
                format!("{name} is empty"),
                format!("Set {} to a value that is not empty.", self.path_of(name)),
            )),
            None => Err(self.wrong(
                name,
                format!("{name} is missing"),
                format!("Set {}. {DROPPED}", self.path_of(name)),
            )),
        }
    }

    /// A whole number, or `None` where it is not set.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.fields.get(name) {
            Some(ValueAny::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// A truth value, or `None` where it is not set.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        match self.fields.get(name) {
            Some(ValueAny::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// A duration, or `None` where it is not set.
    pub fn duration(&self, name: &str) -> Result<Option<Duration>> {
        self.string(name)
            .map(|text| {
                Duration::parse(text)
                    .map_err(|problem| self.wrong(name, format!("{name} is not valid"), problem))
            })
            .transpose()
    }

    /// One of the listed words, or `None` where it is not set.
    pub fn one_of(&self, name: &str, words: &[&'static str]) -> Result<Option<&'static str>> {
        let Some(text) = self.string(name) else {
            return Ok(None);
        };
        let found = words.iter().find(|word| **word == text);
        found.map(|word| Some(*word)).ok_or_else(|| {
            self.wrong(
                name,
                format!("{name} is not valid"),
                format!("{text:?} is not known here. Write {}.", choice(words)),
            )
        })
    }

    /// An object inside this one, or `None` where it is not set.
    pub fn object(&self, name: &str) -> Option<Settings<'a>> {
        match self.fields.get(name) {
            Some(ValueAny::Map(fields)) => Some(Settings::new(self.path_of(name), fields)),
            _ => None,
        }
    }

    /// Every object of a map, by its key in it.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, Settings<'a>)> {
        let path = self.path.clone();
        self.fields
            .iter()
            .filter_map(move |(key, value)| match value {
                ValueAny::Map(fields) => Some((key.as_str(), Settings::new(path.key(key), fields))),
                _ => None,
            })
    }

    /// The objects of a list; none where it is not set.
    pub fn objects(&self, name: &str) -> Vec<Settings<'a>> {
        let Some(ValueAny::List(items)) = self.fields.get(name) else {
            return Vec::new();
        };
        let path = self.path_of(name);
        items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| match item {
                ValueAny::Map(fields) => Some(Settings::new(path.index(index), fields)),
                _ => None,
            })
            .collect()
    }

    /// A list of strings; empty where it is not set.
    pub fn strings(&self, name: &str) -> Vec<&'a str> {
        let Some(ValueAny::List(items)) = self.fields.get(name) else {
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| match item {
                ValueAny::String(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// A list of whole numbers; empty where it is not set.
    pub fn integers(&self, name: &str) -> Vec<i64> {
        let Some(ValueAny::List(items)) = self.fields.get(name) else {
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| match item {
                ValueAny::Number(number) => Some(*number),
                _ => None,
            })
            .collect()
    }

    /// A map of strings; empty where it is not set.
    pub fn string_map(&self, name: &str) -> BTreeMap<&'a str, &'a str> {
        let Some(ValueAny::Map(entries)) = self.fields.get(name) else {
            return BTreeMap::new();
        };
        entries
            .iter()
            .filter_map(|(key, value)| match value {
                ValueAny::String(text) => Some((key.as_str(), text.as_str())),
                _ => None,
            })
            .collect()
    }

    /// The error for a wrong value of one field.
    pub fn wrong(
        &self,
        name: &str,
        summary: impl Into<String>,
        detail: impl Into<String>,
    ) -> Error {
        Error::invalid(self.path_of(name), summary, detail)
    }
}

/// Whether nothing in a value is still unknown.
pub fn known(value: &ValueAny) -> bool {
    match value {
        ValueAny::Unknown => false,
        ValueAny::List(items) => items.iter().all(known),
        ValueAny::Map(entries) => entries.values().all(known),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_reads_as_a_sentence() {
        assert_eq!(choice(&["a"]), "\"a\"");
        assert_eq!(choice(&["a", "b", "c"]), "\"a\", \"b\" or \"c\"");
    }

    #[test]
    fn what_is_missing_may_be_misspelt_and_what_is_empty_is_not() {
        let fields = BTreeMap::from([("empty".to_owned(), ValueAny::String(" ".into()))]);
        let settings = Settings::new(Path::root("here"), &fields);
        let missing = settings.required_string("absent").unwrap_err();
        assert!(missing.detail.contains("spelling"), "{missing}");
        let empty = settings.required_string("empty").unwrap_err();
        assert!(!empty.detail.contains("spelling"), "{empty}");
    }
}
