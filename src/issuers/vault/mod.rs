//! What the issuers of Vault share: how long a key lasts, what it carries.

use std::collections::BTreeMap;

use tf_provider::schema::{Attribute, AttributeType};

use crate::duration::Duration;
use crate::error::Result;
use crate::schema::{optional, string_map};
use crate::settings::Settings;

/// What every key carries that was made here.
const MARK: (&str, &str) = ("managed-by", "terraform-provider-apikey");
/// What is unique to one mint.
const MINT: &str = "apikey-mint";

/// The attribute `metadata`.
pub fn metadata_attribute(what: &str) -> (&'static str, Attribute) {
    (
        "metadata",
        optional(
            string_map(),
            &format!(
                "What {what} carries and the audit log shows. `{}` and `{MINT}` are added, by which the provider knows what it \
                 made.",
                MARK.0
            ),
        ),
    )
}

/// Reads `metadata`.
pub fn metadata(settings: &Settings<'_>) -> Result<BTreeMap<String, String>> {
    let given = settings.string_map("metadata").into_iter();
    let given: BTreeMap<String, String> = given
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    match [MARK.0, MINT]
        .into_iter()
        .find(|name| given.contains_key(*name))
    {
        None => Ok(given),
        Some(name) => Err(settings.wrong(
            "metadata",
            "metadata is not valid",
            format!(
                "The name {name:?} is taken: the provider knows by it what it made. Leave it out."
            ),
        )),
    }
}

/// The metadata of one mint.
pub fn marked(given: &BTreeMap<String, String>, token: &str) -> BTreeMap<String, String> {
    let own = [(MARK.0, MARK.1), (MINT, token)];
    let own = own.map(|(name, text)| (name.to_owned(), text.to_owned()));
    given.clone().into_iter().chain(own).collect()
}

/// The mark of the mint that a key with this metadata came of; `None` if it was not made here.
pub fn mint_of(metadata: &BTreeMap<String, String>) -> Option<&str> {
    let is_ours = metadata.get(MARK.0).is_some_and(|by| by == MARK.1);
    let mint = metadata.get(MINT).filter(|_| is_ours);
    mint.map(String::as_str)
}

/// The attribute `ttl`.
pub fn ttl_words(what: &str) -> String {
    format!(
        "How long {what} lasts, such as `120d`. It has to outlast its whole life here (`stage_before` + `rotation_interval` + \
         `grace_period`), and a plan refuses what does not."
    )
}

/// A duration in the words of Vault.
pub fn seconds(length: Duration) -> String {
    format!("{}s", length.as_secs())
}

/// A text attribute that may be set.
pub fn text(words: &str) -> Attribute {
    optional(AttributeType::String, words)
}
