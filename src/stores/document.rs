//! What is delivered: both slots of one key, as JSON in two layouts.

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

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
    /// Counts promotions; a layout without room for it reads back as `None`.
    pub generation: Option<u64>,
    /// When the primary was created or promoted; a layout without room for it reads back as `None`.
    pub rotated_at: Option<Instant>,
}

/// How a document is laid out as JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// An object for each slot, with ids, generation and instant.
    #[default]
    Slots,
    /// Two strings.
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
            Self::Flat => json!({
                "primary": document.primary.secret.expose(),
                "secondary": document.secondary.as_ref().map_or("", |key| key.secret.expose()),
            }),
        };
        Zeroizing::new(value.to_string())
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
            Written::Flat { primary, secondary } => Document {
                primary: bare(primary),
                secondary: (!secondary.is_empty()).then(|| bare(secondary)),
                generation: None,
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
        secondary: String,
    },
}

#[derive(Deserialize)]
struct WrittenKey {
    key_id: Option<String>,
    secret: String,
}

impl From<WrittenKey> for DocumentKey {
    fn from(key: WrittenKey) -> Self {
        Self {
            key_id: key.key_id,
            secret: Secret::new(key.secret),
        }
    }
}

fn bare(secret: String) -> DocumentKey {
    DocumentKey {
        key_id: None,
        secret: Secret::new(secret),
    }
}

fn slot(key: &DocumentKey) -> Value {
    json!({ "key_id": key.key_id, "secret": key.secret.expose() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(secondary: Option<&str>) -> Document {
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
                assert_eq!(read.secondary.is_some(), secondary.is_some());
                assert_eq!(read.generation.is_some(), layout == Layout::Slots);
            }
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
