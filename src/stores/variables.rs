//! What is delivered, as variables: `<PREFIX>_PRIMARY`, `<PREFIX>_SECONDARY`, their ids and the generation. A store of
//! variables writes and reads these; how a value is quoted is its own business.

use zeroize::Zeroizing;

use super::{Document, DocumentKey, Found, Version};
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;
use crate::settings::Settings;

const DEFAULT_PREFIX: &str = "API_KEY";
const LONGEST_PREFIX: usize = 100;

/// In the order in which they are written. No suffix ends in another one, so two prefixes never share a variable.
pub const SUFFIXES: [&str; 5] = [
    "_PRIMARY",
    "_SECONDARY",
    "_PRIMARY_ID",
    "_SECONDARY_ID",
    "_GENERATION",
];
const PRIMARY: usize = 0;
const SECONDARY: usize = 1;
const PRIMARY_ID: usize = 2;
const SECONDARY_ID: usize = 3;
const GENERATION: usize = 4;

/// The variables of one delivery.
#[derive(Clone, Debug)]
pub struct Names {
    prefix: String,
}

/// The values of the variables, in the order of [`SUFFIXES`]; a variable without one is not there.
pub type Values = [Option<Zeroizing<String>>; SUFFIXES.len()];

impl Names {
    /// Reads the `prefix` field.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        let prefix = settings.string("prefix").unwrap_or(DEFAULT_PREFIX);
        if prefix.is_empty() || prefix.len() > LONGEST_PREFIX || !is_name(prefix) {
            return Err(settings.wrong(
                "prefix",
                "prefix is not valid",
                format!(
                    "{prefix:?} cannot begin the name of a shell variable. Write a letter or underscore, then letters, \
                     digits or underscores, at most {LONGEST_PREFIX}."
                ),
            ));
        }
        Ok(Self::new(prefix))
    }

    /// With a prefix that is known to be one.
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// The prefix of the variable that holds the primary, if that is what this is.
    pub fn of_primary(variable: &str) -> Option<Self> {
        variable.strip_suffix(SUFFIXES[PRIMARY]).map(Self::new)
    }

    /// What the variables begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The whole name of a variable.
    pub fn variable(&self, index: usize) -> String {
        format!("{}{}", self.prefix, SUFFIXES[index])
    }

    /// Which variable a name is.
    pub fn index_of(&self, name: &[u8]) -> Option<usize> {
        let suffix = name.strip_prefix(self.prefix.as_bytes())?;
        SUFFIXES.iter().position(|known| known.as_bytes() == suffix)
    }

    /// What the values of these variables mean.
    pub fn understand(&self, mut values: Values) -> Found {
        let mut take = |index: usize| values[index].take().filter(|value| !value.is_empty());
        let generation = take(GENERATION).and_then(|count| count.parse().ok());
        let mut key = |secret: usize, id: usize| {
            let key_id = take(id).map(|id| id.to_string());
            take(secret).map(|secret| DocumentKey {
                key_id,
                secret: Secret::new(secret.to_string()),
            })
        };
        match (key(PRIMARY, PRIMARY_ID), key(SECONDARY, SECONDARY_ID)) {
            (Some(primary), secondary) => Found::Document(Document {
                primary,
                secondary,
                generation,
                rotated_at: None,
            }),
            (None, None) => Found::Nothing,
            (None, Some(_)) => Found::foreign(format!(
                "{} has a value and {} has none",
                self.variable(SECONDARY),
                self.variable(PRIMARY)
            )),
        }
    }
}

/// The variables of a document. Ids are there only where one of its keys has one.
pub fn values(document: &Document) -> Values {
    let written = |text: &str| Some(Zeroizing::new(text.to_owned()));
    let (primary, secondary) = (&document.primary, document.secondary.as_ref());
    let id = |key: Option<&DocumentKey>| key.and_then(|key| key.key_id.clone()).unwrap_or_default();
    let (primary_id, secondary_id) = (id(Some(primary)), id(secondary));
    let some_id = !(primary_id.is_empty() && secondary_id.is_empty());
    [
        written(primary.secret.expose()),
        written(secondary.map_or("", |key| key.secret.expose())),
        some_id.then(|| Zeroizing::new(primary_id)),
        some_id.then(|| Zeroizing::new(secondary_id)),
        document
            .generation
            .map(|count| Zeroizing::new(count.to_string())),
    ]
}

/// What tells these values from every other, for a store that keeps no version of them together.
pub fn version(values: &Values) -> Version {
    if values.iter().all(Option::is_none) {
        return Version::Absent;
    }
    let texts: Vec<Option<&str>> = values
        .iter()
        .map(|value| value.as_ref().map(|value| value.as_str()))
        .collect();
    let whole = Zeroizing::new(serde_json::json!(texts).to_string());
    Version::of_bytes(whole.as_bytes())
}

/// Whether readers find the same in both: a variable that is empty and one that is not there are alike.
pub fn is_same(one: &Values, other: &Values) -> bool {
    let text = |value: &Option<Zeroizing<String>>| {
        Zeroizing::new(
            value
                .as_ref()
                .map_or_else(String::new, |value| value.to_string()),
        )
    };
    one.iter()
        .zip(other)
        .all(|(one, other)| text(one) == text(other))
}

/// Some stores replace `${NAME}` in a value by another one before they hand it out, so that readers would get something
/// else than the key.
pub fn refuse_references(values: &Values, place: &str) -> Result<()> {
    let is_reference = |value: &Zeroizing<String>| value.contains("${");
    match values.iter().flatten().any(is_reference) {
        false => Ok(()),
        true => Err(Error::new(
            Kind::Other,
            format!("{place} cannot hold this key"),
            "The key contains \"${\", which this store takes for a reference to another secret, so that readers would get \
             something else. Nothing was written. Deliver it elsewhere.",
        )),
    }
}

fn is_name(text: &str) -> bool {
    let fits = |(index, byte): (usize, u8)| {
        byte == b'_' || byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit())
    };
    text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(id: Option<&str>, secondary: bool) -> Document {
        let key = |secret: &str| DocumentKey {
            key_id: id.map(str::to_owned),
            secret: Secret::new(secret.to_owned()),
        };
        Document {
            primary: key("made-up-one"),
            secondary: secondary.then(|| key("made-up-two")),
            generation: Some(3),
            rotated_at: None,
        }
    }

    #[test]
    fn variables_read_back_what_they_wrote() {
        let names = Names::new("APP");
        for (id, secondary) in [
            (None, false),
            (Some("id"), false),
            (None, true),
            (Some("id"), true),
        ] {
            let Found::Document(read) = names.understand(values(&document(id, secondary))) else {
                panic!("{id:?} {secondary}");
            };
            assert_eq!(read.primary.key_id.as_deref(), id);
            assert_eq!(read.primary.secret.expose(), "made-up-one");
            assert_eq!(read.secondary.is_some(), secondary);
            assert_eq!(read.generation, Some(3));
        }
    }

    #[test]
    fn values_are_told_apart_and_an_empty_one_is_as_good_as_none() {
        let both = values(&document(Some("id"), true));
        let one = values(&document(Some("id"), false));
        assert_ne!(version(&both), version(&one));
        assert!(!is_same(&both, &one));
        let mut without = one.clone();
        without[SECONDARY] = None;
        assert_ne!(version(&one), version(&without));
        assert!(is_same(&one, &without));
        assert_eq!(version(&Values::default()), Version::Absent);
    }

    #[test]
    fn what_would_be_replaced_by_something_else_is_not_written() {
        let mut values = values(&document(None, false));
        assert!(refuse_references(&values, "there").is_ok());
        values[PRIMARY] = Some(Zeroizing::new("made-up-${USER}".to_owned()));
        let error = refuse_references(&values, "there").unwrap_err();
        assert!(!error.to_string().contains("made-up"), "{error}");
    }

    #[test]
    fn a_secondary_alone_is_no_document() {
        let mut values = values(&document(None, true));
        values[PRIMARY] = None;
        let found = Names::new("APP").understand(values);
        assert!(
            matches!(found, Found::Foreign(foreign) if foreign.why == "APP_SECONDARY has a value and APP_PRIMARY has none")
        );
    }
}
