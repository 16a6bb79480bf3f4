//! Each slot as the JSON of a parameter of its own.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::instant::Instant;
use crate::secret::Secret;
use crate::stores::{Document, DocumentKey, Found};

/// What a slot without a key holds: Parameter Store takes no empty value, and readers take no missing parameter.
pub const EMPTY: &str = "{}";

#[derive(Serialize)]
struct Slot<'a> {
    key_id: Option<&'a str>,
    secret: &'a str,
    generation: Option<u64>,
    rotated_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    key_id: Option<String>,
    secret: String,
    generation: Option<u64>,
    rotated_at: Option<String>,
}

/// The values of both parameters.
pub fn render(document: &Document) -> [Zeroizing<String>; 2] {
    let slot = |key: &DocumentKey| {
        let slot = Slot {
            key_id: key.key_id.as_deref(),
            secret: key.secret.expose(),
            generation: document.generation,
            rotated_at: document.rotated_at.map(|instant| instant.to_string()),
        };
        // Strings and numbers are always JSON.
        Zeroizing::new(serde_json::json!(slot).to_string())
    };
    let secondary = document.secondary.as_ref().map(slot);
    [
        slot(&document.primary),
        secondary.unwrap_or_else(|| Zeroizing::new(EMPTY.to_owned())),
    ]
}

/// What the values of both parameters mean. While a swap is written, the key that becomes primary stands in both; the
/// primary tells the generation. Where the first is gone, the key of the second is still there, to be replaced or taken away.
pub fn understand(primary: Option<&Secret>, secondary: Option<&Secret>) -> Found {
    let (first, second) = match (parse(primary), parse(secondary)) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(text), _) | (_, Err(text)) => {
            let why = "a parameter of it holds something else than a delivered slot";
            return Found::foreign(why).in_content(text.expose().as_bytes());
        }
    };
    let (first, second) = match (first, second) {
        (None, None) => return Found::Nothing,
        // A swap was cut off between the two: the key that retires stands in neither.
        (Some(first), Some(second)) if second.secret == first.secret => (first, None),
        (Some(first), second) => (first, second),
        (None, Some(second)) => (second, None),
    };
    Found::Document(Document {
        generation: first.generation,
        rotated_at: first.rotated_at.as_deref().and_then(Instant::parse),
        primary: first.into(),
        secondary: second.map(Into::into),
    })
}

fn parse(text: Option<&Secret>) -> Result<Option<Written>, &Secret> {
    let Some(text) = text.filter(|text| !matches!(text.expose().trim(), "" | EMPTY)) else {
        return Ok(None);
    };
    serde_json::from_str(text.expose())
        .map(Some)
        .map_err(|_| text)
}

impl From<Written> for DocumentKey {
    fn from(written: Written) -> Self {
        Self {
            key_id: written.key_id,
            secret: Secret::new(written.secret),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::document::tests::document;

    #[test]
    fn both_slots_read_back_what_they_wrote() {
        for secondary in [None, Some("two")] {
            let written = document(secondary);
            let [first, second] = render(&written).map(|text| Secret::new(text.to_string()));
            let Found::Document(read) = understand(Some(&first), Some(&second)) else {
                panic!("{secondary:?}");
            };
            assert_eq!(read.primary.secret.expose(), "made-up-one");
            let second = read.secondary.and_then(|key| key.key_id);
            assert_eq!(second.as_deref(), secondary);
            assert_eq!(
                (read.generation, read.rotated_at),
                (written.generation, written.rotated_at)
            );
        }
    }

    #[test]
    fn another_text_is_foreign_and_a_secondary_alone_is_a_key() {
        let [first, _] = render(&document(None)).map(|text| Secret::new(text.to_string()));
        let (empty, other) = (
            Secret::new(EMPTY.to_owned()),
            Secret::new("DB=x".to_owned()),
        );
        for (primary, secondary) in [(Some(&other), None), (Some(&first), Some(&other))] {
            assert!(matches!(understand(primary, secondary), Found::Foreign(_)));
        }
        assert!(matches!(understand(Some(&empty), None), Found::Nothing));
        for gone in [None, Some(&empty)] {
            let Found::Document(alone) = understand(gone, Some(&first)) else {
                panic!("a key that nobody sees is a key that nobody takes away");
            };
            assert_eq!(alone.primary.key_id.as_deref(), Some("one"));
        }
    }
}
