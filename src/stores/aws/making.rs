//! How a place is made, and what becomes of it when its delivery ends. One that exists keeps what it has.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use tf_provider::schema::{Attribute, AttributeType};

use crate::error::Result;
use crate::schema::{optional, string_map};
use crate::settings::Settings;

/// The tag that marks a place as created by this provider, and so as one that it may delete.
const MARK: (&str, &str) = ("terraform-provider-apikey", "created");

/// How a place is made.
#[derive(Debug)]
pub struct Making {
    /// The KMS key that encrypts it.
    pub kms_key_id: Option<String>,
    /// What people read beside its name.
    pub description: Option<String>,
    tags: BTreeMap<String, String>,
}

/// What becomes of a place when the delivery ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDestroy {
    Delete,
    Retain,
    /// As people expect of Terraform: what it created goes, what was there before stays.
    DeleteIfCreated,
}

/// A tag as AWS writes it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

/// The attributes that every sort of place has; `what` is a secret or a parameter.
pub fn attributes(what: &str, default_key: &str) -> [(&'static str, Attribute); 4] {
    let text = |words: String| optional(AttributeType::String, &words);
    [
        (
            "kms_key_id",
            text(format!(
                "KMS key that encrypts a {what} created here: an id, an alias such as `alias/payments`, or an ARN, which \
                 a key of another account needs. A {what} that exists keeps its own. Default: the key `{default_key}`, \
                 which no other account can read."
            )),
        ),
        (
            "description",
            text(format!("Description of a {what} created here.")),
        ),
        (
            "tags",
            optional(
                string_map(),
                &format!(
                    "Tags of a {what} created here. The tag `terraform-provider-apikey` is added, so that the provider \
                     knows later what it created."
                ),
            ),
        ),
        (
            "on_destroy",
            text(format!(
                "What becomes of the {what} when the delivery ends: `delete` or `retain`. Default: a {what} that was \
                 created here is deleted, one that existed before is retained with its last value."
            )),
        ),
    ]
}

impl Making {
    /// Reads the attributes.
    pub fn read(settings: &Settings) -> Result<Self> {
        let description = settings.string("description").filter(|it| !it.is_empty());
        let tags = settings.string_map("tags").into_iter();
        Ok(Self {
            kms_key_id: kms_key_id(settings)?,
            description: description.map(str::to_owned),
            tags: tags
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        })
    }

    /// The tags, and the mark.
    pub fn tags(&self) -> Vec<Tag> {
        let given = self
            .tags
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let tags: BTreeMap<&str, &str> = given.chain([MARK]).collect();
        let tags = tags.into_iter().map(|(key, value)| Tag {
            key: key.to_owned(),
            value: value.to_owned(),
        });
        tags.collect()
    }
}

impl OnDestroy {
    /// Reads the attribute.
    pub fn read(settings: &Settings) -> Result<Self> {
        Ok(
            match settings.one_of("on_destroy", &["delete", "retain"])? {
                Some("delete") => Self::Delete,
                Some(_) => Self::Retain,
                None => Self::DeleteIfCreated,
            },
        )
    }

    /// Why a place stays with its last value, in words that end a sentence; `None` if it is deleted.
    pub fn keeps(self, is_ours: bool) -> Option<&'static str> {
        match self {
            Self::Retain => Some("its on_destroy is \"retain\""),
            Self::DeleteIfCreated if !is_ours => Some(
                "it existed before this provider wrote to it, and its on_destroy is not \"delete\"",
            ),
            Self::Delete | Self::DeleteIfCreated => None,
        }
    }
}

impl Tag {
    /// Whether it is the mark of a place that was created here.
    pub fn is_mark(&self) -> bool {
        (self.key.as_str(), self.value.as_str()) == MARK
    }
}

/// Reads a list of tags that may be null.
pub fn tags_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Tag>, D::Error> {
    let tags: Option<Vec<Tag>> = Deserialize::deserialize(deserializer)?;
    Ok(tags.unwrap_or_default())
}

/// Reads the attribute `kms_key_id` of any object.
pub fn kms_key_id(settings: &Settings) -> Result<Option<String>> {
    let given = settings.string("kms_key_id").filter(|it| !it.is_empty());
    match given {
        Some(text) if !is_kms_key(text) => Err(settings.wrong(
            "kms_key_id",
            "kms_key_id is not valid",
            format!(
                "{text:?} names no KMS key. Write its id (1234abcd-12ab-34cd-56ef-1234567890ab), its alias with the word in \
                 front (\"alias/payments\"), or the ARN of one of the two; a key of another account has to be named by ARN."
            ),
        )),
        given => Ok(given.map(str::to_owned)),
    }
}

/// An id has digits and hyphens (and `mrk-` in front of it, in several regions); an alias begins with its word.
fn is_kms_key(text: &str) -> bool {
    let is_id = |id: &str| {
        let digits = id.strip_prefix("mrk-").unwrap_or(id);
        let fits = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
        digits.len() >= 32 && digits.bytes().all(fits)
    };
    let is_alias = |text: &str| text.strip_prefix("alias/").is_some_and(|it| !it.is_empty());
    // arn:aws:kms:eu-central-1:123456789012:key/… or …:alias/…
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "kms", region, account, key] => {
            let names_a_key = key.strip_prefix("key/").is_some_and(is_id) || is_alias(key);
            !region.is_empty() && !account.is_empty() && names_a_key
        }
        _ => is_id(text) || is_alias(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kms_key_is_named_by_id_alias_or_arn() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let multi_region = "mrk-1234abcd12ab34cd56ef1234567890ab";
        let arn = format!("arn:aws:kms:eu-west-1:210987654321:key/{id}");
        let of_alias = "arn:aws-cn:kms:cn-north-1:210987654321:alias/payments";
        for key in [
            id,
            multi_region,
            "alias/payments",
            "alias/aws/ssm",
            &arn,
            of_alias,
        ] {
            assert!(is_kms_key(key), "{key}");
        }
        for text in [
            "",
            "payments",
            "alias/",
            "arn:aws:kms:eu-west-1::alias/x",
            "arn:aws:s3:::bucket",
            "key/1234",
        ] {
            assert!(!is_kms_key(text), "{text}");
        }
    }
}
