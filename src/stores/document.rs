//! What is delivered: both slots of one key, as JSON in two layouts. Both hold the generation, by which a document that
//! is newer than a restored state is recognised.

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Found;
use crate::domain::approval::Asked;
use crate::error::Result;
use crate::instant::Instant;
use crate::secret::Secret;
use crate::settings::Settings;

/// One slot of a delivered document.
#[derive(Debug)]
pub struct DocumentKey {
    /// The public id, where the key has one.
    pub key_id: Option<String>,
    /// The secret.
    pub secret: Secret,
}

/// Both slots of one managed key.
#[derive(Debug)]
pub struct Document {
    /// The key that consumers try first.
    pub primary: DocumentKey,
    /// The key that consumers try next.
    pub secondary: Option<DocumentKey>,
    /// Counts promotions; `None` where somebody took it out.
    pub generation: Option<u64>,
    /// When the primary was created or promoted; a layout without room for it reads back as `None`.
    pub rotated_at: Option<Instant>,
}

impl DocumentKey {
    fn duplicate(&self) -> Self {
        Self {
            key_id: self.key_id.clone(),
            secret: self.secret.duplicate(),
        }
    }
}

impl Document {
    /// What a change asks for that puts it in a place.
    pub fn asked(&self) -> Asked {
        let second = self.secondary.as_ref();
        Asked {
            leads: Some(self.primary.secret.fingerprint()),
            second: second.map(|key| key.secret.fingerprint()),
        }
    }

    /// A second copy, for as long as the first is still written.
    pub(crate) fn duplicate(&self) -> Self {
        Self {
            primary: self.primary.duplicate(),
            secondary: self.secondary.as_ref().map(DocumentKey::duplicate),
            ..*self
        }
    }
}

/// How a document is laid out as JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// An object for each slot, with ids, generation and instant.
    #[default]
    Slots,
    /// Plain fields: the secrets as strings, ids and generation beside them.
    Flat,
}

impl Layout {
    /// The words for it in a configuration.
    pub const WORDS: &'static [&'static str] = &["slots", "flat"];

    /// Reads the `layout` field.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        Ok(match settings.one_of("layout", Self::WORDS)? {
            Some("flat") => Self::Flat,
            _ => Self::Slots,
        })
    }

    /// The document as one line of JSON.
    pub fn render(self, document: &Document) -> Zeroizing<String> {
        let value = match self {
            Self::Slots => json!({
                "primary": slot(&document.primary),
                "secondary": document.secondary.as_ref().map(slot),
                "generation": document.generation,
                "rotated_at": document.rotated_at.map(|instant| instant.to_string()),
            }),
            // What is not there is an empty text: ECS makes "<nil>" of a null.
            Self::Flat => json!({
                "primary": document.primary.secret.expose(),
                "primary_key_id": id_of(Some(&document.primary)),
                "secondary": document.secondary.as_ref().map_or("", |key| key.secret.expose()),
                "secondary_key_id": id_of(document.secondary.as_ref()),
                "generation": document.generation,
            }),
        };
        Zeroizing::new(value.to_string())
    }

    /// What a text means to whoever delivers there. A placeholder without a value, `{}` or white space, is nothing.
    pub fn understand(text: &str) -> Found {
        let text = text.trim();
        if matches!(text, "" | "{}") {
            return Found::Nothing;
        }
        Self::parse(text).map_or_else(
            || {
                let why = "it holds something else than a delivered document";
                Found::foreign(why).in_content(text.as_bytes())
            },
            Found::Document,
        )
    }

    /// Reads either layout; `None` if it is neither.
    pub fn parse(text: &str) -> Option<Document> {
        let document = match serde_json::from_str(text).ok()? {
            Written::Slots {
                primary,
                secondary,
                generation,
                rotated_at,
            } => Document {
                primary: primary.into(),
                secondary: secondary.map(Into::into),
                generation: Some(generation),
                rotated_at: rotated_at.as_deref().and_then(Instant::parse),
            },
            Written::Flat {
                primary,
                primary_key_id,
                secondary,
                secondary_key_id,
                generation,
            } => Document {
                primary: key(primary_key_id, primary),
                secondary: (!secondary.is_empty()).then(|| key(secondary_key_id, secondary)),
                generation,
                rotated_at: None,
            },
        };
        Some(document)
    }
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Written {
    Slots {
        primary: WrittenKey,
        secondary: Option<WrittenKey>,
        generation: u64,
        rotated_at: Option<String>,
    },
    Flat {
        primary: String,
        primary_key_id: Option<String>,
        secondary: String,
        secondary_key_id: Option<String>,
        generation: Option<u64>,
    },
}

#[derive(Deserialize)]
struct WrittenKey {
    key_id: Option<String>,
    secret: String,
}

impl From<WrittenKey> for DocumentKey {
    fn from(written: WrittenKey) -> Self {
        key(written.key_id, written.secret)
    }
}

fn id_of(key: Option<&DocumentKey>) -> &str {
    let id = key.and_then(|key| key.key_id.as_deref());
    id.unwrap_or_default()
}

fn key(key_id: Option<String>, secret: String) -> DocumentKey {
    DocumentKey {
        key_id: key_id.filter(|id| !id.is_empty()),
        secret: Secret::new(secret),
    }
}

fn slot(key: &DocumentKey) -> Value {
    json!({ "key_id": key.key_id, "secret": key.secret.expose() })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn document(secondary: Option<&str>) -> Document {
        let key = |id: &str| DocumentKey {
            key_id: Some(id.into()),
            secret: Secret::new(format!("made-up-{id}")),
        };
        Document {
            primary: key("one"),
            secondary: secondary.map(key),
            generation: Some(2),
            rotated_at: Instant::parse("2026-11-22T12:00:00Z"),
        }
    }

    #[test]
    fn both_layouts_read_back_what_they_wrote() {
        for layout in [Layout::Slots, Layout::Flat] {
            for secondary in [None, Some("two")] {
                let text = layout.render(&document(secondary));
                let read = Layout::parse(&text).unwrap();
                assert_eq!(read.primary.secret.expose(), "made-up-one");
                assert_eq!(read.primary.key_id.as_deref(), Some("one"));
                let second = read.secondary.and_then(|key| key.key_id);
                assert_eq!(second.as_deref(), secondary);
                assert_eq!(read.generation, Some(2));
            }
        }
    }

    #[test]
    fn the_flat_layout_has_a_text_in_every_field_whatever_is_missing() {
        let mut document = document(None);
        document.primary.key_id = None;
        let text = Layout::Flat.render(&document);
        let fields: Value = serde_json::from_str(&text).unwrap();
        for field in ["primary_key_id", "secondary", "secondary_key_id"] {
            assert_eq!(fields[field], "", "{field}");
        }
        assert_eq!(Layout::parse(&text).unwrap().primary.key_id, None);
    }

    #[test]
    fn a_placeholder_without_a_value_is_nothing() {
        for text in ["", " \n", "{}", " {}\n"] {
            assert!(
                matches!(Layout::understand(text), Found::Nothing),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_file_of_somebody_else_is_not_taken_for_ours() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"primary":"a"}"#,
            r#"{"primary":"a","secondary":"","name":"x"}"#,
        ] {
            assert!(Layout::parse(text).is_none(), "{text}");
        }
    }
}
