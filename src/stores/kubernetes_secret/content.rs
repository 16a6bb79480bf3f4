//! What a delivery takes of a Secret: some data keys, each with a value of its own, or one with JSON.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::stores::document::Layout;
use crate::stores::variables::{self, Names, SUFFIXES};
use crate::stores::{Document, Found, Version};

/// The values of data keys, wiped when dropped.
pub type Data = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// How a document lies in a Secret.
pub enum Content {
    Variables(Names),
    Json(Layout, String),
}

impl Content {
    /// What tells it from other deliveries to the same Secret.
    pub fn part(&self) -> &str {
        match self {
            Self::Variables(names) => names.prefix(),
            Self::Json(_, key) => key,
        }
    }

    /// The data keys that are its own.
    pub fn keys(&self) -> Vec<String> {
        match self {
            Self::Variables(names) => (0..SUFFIXES.len())
                .map(|index| names.variable(index))
                .collect(),
            Self::Json(_, key) => vec![key.clone()],
        }
    }

    /// All of its data keys, empty where the document has no such value: whoever applies less would leave a key to others.
    pub fn render(&self, document: &Document) -> BTreeMap<String, Secret> {
        match self {
            Self::Variables(_) => {
                let values = variables::values(document).into_iter();
                let values =
                    values.map(|value| Secret::new(value.as_deref().cloned().unwrap_or_default()));
                self.keys().into_iter().zip(values).collect()
            }
            Self::Json(layout, key) => {
                let text = Secret::new(layout.render(document).to_string());
                BTreeMap::from([(key.clone(), text)])
            }
        }
    }

    /// What its data keys mean.
    pub fn understand(&self, data: &Data) -> Found {
        let text = |key: &String| {
            data.get(key)
                .map(|value| std::str::from_utf8(value))
                .transpose()
        };
        let keys = self.keys();
        let texts: Result<Vec<Option<&str>>, _> = keys.iter().map(text).collect();
        let Ok(texts) = texts else {
            return Found::foreign("a data key of it holds bytes that are no text");
        };
        match self {
            Self::Variables(names) => {
                let mut values = variables::Values::default();
                for (value, text) in values.iter_mut().zip(&texts) {
                    *value = text.map(|text| Zeroizing::new(text.to_owned()));
                }
                texts
                    .iter()
                    .flatten()
                    .fold(names.understand(values), |found, text| {
                        found.in_content(text.as_bytes())
                    })
            }
            Self::Json(..) => texts[0].map_or(Found::Nothing, Layout::understand),
        }
    }

    /// Tells what stands in its data keys from everything else. What others have in the Secret does not count.
    pub fn version(&self, data: &Data) -> Version {
        if matches!(self.understand(data), Found::Nothing) {
            return Version::Absent;
        }
        let mut bytes = Zeroizing::new(Vec::new());
        for key in self.keys() {
            if let Some(value) = data.get(&key) {
                // Neither a key nor its length can be taken for a part of a value.
                bytes.extend_from_slice(format!("{key}:{}:", value.len()).as_bytes());
                bytes.extend_from_slice(value);
            }
        }
        Version::of_bytes(&bytes)
    }
}

/// As it is written.
pub fn data(rendered: &BTreeMap<String, Secret>) -> Data {
    let bytes = |text: &Secret| Zeroizing::new(text.expose().as_bytes().to_vec());
    rendered
        .iter()
        .map(|(key, text)| (key.clone(), bytes(text)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::document::tests::document;

    fn contents() -> [Content; 3] {
        [
            Content::Variables(Names::new("APP")),
            Content::Json(Layout::Slots, "k".to_owned()),
            Content::Json(Layout::Flat, "k".to_owned()),
        ]
    }

    #[test]
    fn every_layout_reads_back_what_it_wrote() {
        for content in contents() {
            for secondary in [None, Some("two")] {
                let there = data(&content.render(&document(secondary)));
                assert_eq!(there.keys().cloned().collect::<Vec<_>>(), {
                    let mut keys = content.keys();
                    keys.sort();
                    keys
                });
                let Found::Document(read) = content.understand(&there) else {
                    panic!("{secondary:?}");
                };
                assert_eq!(read.primary.secret.expose(), "made-up-one");
                assert_eq!(read.generation, Some(2));
                let second = read.secondary.and_then(|key| key.key_id);
                assert_eq!(second.as_deref(), secondary);
            }
        }
    }

    #[test]
    fn what_others_have_beside_it_does_not_count() {
        for content in contents() {
            let mut there = data(&content.render(&document(None)));
            let version = content.version(&there);
            there.insert("theirs".to_owned(), Zeroizing::new(b"x".to_vec()));
            assert_eq!(content.version(&there), version);
            let key = content.keys()[0].clone();
            there.insert(key.clone(), Zeroizing::new(b"another".to_vec()));
            assert_ne!(content.version(&there), version);
            there.insert(key, Zeroizing::new(vec![0xff]));
            assert!(matches!(content.understand(&there), Found::Foreign(_)));
            let empty = Data::from([("theirs".to_owned(), Zeroizing::default())]);
            assert_eq!(content.version(&empty), Version::Absent);
        }
    }
}
