//! What Secret Manager answers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::place::MARK;
use crate::stores::Version;

/// What a secret is, beside its versions.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Described {
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The numbers of versions, as texts.
    #[serde(default)]
    pub version_aliases: BTreeMap<String, String>,
    #[serde(default)]
    pub etag: String,
}

/// One version of it.
pub(super) struct Value {
    pub number: u64,
    pub data: Zeroizing<Vec<u8>>,
}

/// The newest version.
pub(super) enum Newest {
    /// There is none.
    None,
    Value(Value),
    /// It is disabled or destroyed, so that nobody can read it.
    Withheld {
        number: u64,
        state: String,
    },
}

/// A version in a list.
#[derive(Deserialize)]
pub(super) struct Listed {
    pub name: String,
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub etag: String,
}

impl Described {
    /// Whether this provider created it.
    pub fn is_ours(&self) -> bool {
        self.labels.get(MARK.0).map(String::as_str) == Some(MARK.1)
    }

    /// The version that an alias leads to.
    pub fn aliased(&self, alias: &str) -> Option<u64> {
        self.version_aliases.get(alias)?.parse().ok()
    }
}

impl Value {
    pub fn holds(&self, data: &[u8]) -> bool {
        *self.data == data
    }

    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.data).ok()
    }

    /// Tells it from every other content. The number alone would not: it starts anew with a secret that is deleted and
    /// made again.
    pub fn mark(&self) -> String {
        mark(self.number, &self.data)
    }
}

impl Newest {
    pub fn number(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Value(Value { number, .. }) | Self::Withheld { number, .. } => *number,
        }
    }
}

impl Listed {
    pub fn number(&self) -> u64 {
        number_of(&self.name).unwrap_or_default()
    }

    pub fn is_enabled(&self) -> bool {
        self.state == "ENABLED"
    }
}

pub(super) fn mark(number: u64, data: &[u8]) -> String {
    match Version::of_bytes(data) {
        Version::Of(digest) => format!("{number} {digest}"),
        Version::Absent => number.to_string(),
    }
}

/// `projects/…/secrets/…/versions/7`
pub(super) fn number_of(name: &str) -> Option<u64> {
    name.rsplit('/').next()?.parse().ok()
}

#[derive(Deserialize)]
pub(super) struct Accessed {
    pub name: String,
    pub payload: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payload {
    #[serde(default)]
    pub data: Zeroizing<String>,
    pub data_crc32c: Option<Json>,
}

#[derive(Deserialize)]
pub(super) struct Added {
    pub name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Versions {
    #[serde(default)]
    pub versions: Vec<Listed>,
    pub next_page_token: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Permitted {
    #[serde(default)]
    pub permissions: Vec<String>,
}

/// Google writes whole numbers of 64 bits as texts.
pub(super) fn number_in(value: &Json) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_number_of_a_version_is_the_end_of_its_name() {
        assert_eq!(number_of("projects/1/secrets/x/versions/12"), Some(12));
        assert_eq!(number_of("projects/1/secrets/x/versions/latest"), None);
        assert_eq!(number_in(&json!("7")), Some(7));
        assert_eq!(number_in(&json!(7)), Some(7));
    }
}
