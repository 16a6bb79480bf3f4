//! The settings of one delivery to a Secret.

use tf_provider::schema::AttributeType;

use super::KIND;
use super::content::Content;
use crate::error::Result;
use crate::schema::{Attributes, attributes as table, optional, required};
use crate::settings::Settings;
use crate::stores::document::Layout;
use crate::stores::variables::{Names, SUFFIXES};

const DEFAULT_KEY: &str = "api-key.json";

/// The longest name of an object.
const LONGEST: usize = 253;

/// A Secret could have longer keys, but the name of a field manager, which has this in it, ends after 128 characters.
const LONGEST_KEY: usize = 120;

/// What a delivery says.
pub struct Place {
    pub namespace: String,
    pub name: String,
    pub content: Content,
    /// Whether data keys are taken over that others manage.
    pub force: bool,
}

pub fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    table([
        (
            "namespace",
            required(
                AttributeType::String,
                "Namespace of the Secret. It must exist.",
            ),
        ),
        (
            "name",
            required(
                AttributeType::String,
                "Name of the Secret. One that does not exist yet is created; in one that exists, everything else stays as it is.",
            ),
        ),
        (
            "layout",
            text(
                "`variables` (default): a data key for each value, `<prefix>_PRIMARY`, `<prefix>_SECONDARY`, \
                 `<prefix>_PRIMARY_ID`, `<prefix>_SECONDARY_ID` and `<prefix>_GENERATION`, empty where there is no such value. \
                 `slots` or `flat`: one data key with JSON, as in a file.",
            ),
        ),
        (
            "prefix",
            text("What the data keys of `layout = \"variables\"` begin with. Default: `API_KEY`."),
        ),
        (
            "key",
            text("The data key that holds the JSON of the other layouts. Default: `api-key.json`."),
        ),
        (
            "force_conflicts",
            optional(
                AttributeType::Bool,
                "Whether data keys are written over that another field manager owns, such as after `kubectl edit`. Default: \
                 `false`, for one that applies its own values again would bring back a key that is revoked by then.",
            ),
        ),
    ])
}

impl Place {
    pub fn read(settings: &Settings) -> Result<Self> {
        let namespace = settings.required_string("namespace")?;
        let name = settings.required_string("name")?;
        for (field, text, most) in [("namespace", namespace, 63), ("name", name, LONGEST)] {
            refuse_wrong_name(settings, field, text, most)?;
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            content: content(settings)?,
            force: settings.boolean("force_conflicts").unwrap_or_default(),
        })
    }

    /// The Secret, for people.
    pub fn object(&self) -> String {
        format!("{KIND} {}/{}", self.namespace, self.name)
    }
}

fn content(settings: &Settings) -> Result<Content> {
    let refuse = |name: &str, layout: &str| match settings.string(name) {
        None => Ok(()),
        Some(_) => Err(settings.wrong(
            name,
            format!("{name} does not go with this layout"),
            format!("{name} is for {layout} only. Remove {name}, or set the layout."),
        )),
    };
    match settings.one_of("layout", &["variables", "slots", "flat"])? {
        None | Some("variables") => {
            refuse("key", "layout = \"slots\" and \"flat\"")?;
            Ok(Content::Variables(Names::from_settings(settings)?))
        }
        Some(layout) => {
            refuse("prefix", "layout = \"variables\"")?;
            let layout = match layout {
                "flat" => Layout::Flat,
                _ => Layout::Slots,
            };
            Ok(Content::Json(layout, key(settings)?))
        }
    }
}

fn key(settings: &Settings) -> Result<String> {
    let key = settings.string("key").unwrap_or(DEFAULT_KEY);
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let fits = !key.is_empty()
        && key.len() <= LONGEST_KEY
        && !matches!(key, "." | "..")
        && key.bytes().all(is_part);
    if !fits {
        return Err(settings.wrong(
            "key",
            "key is not valid",
            format!("{key:?} is no key in a Secret: letters, digits and - _ . , {LONGEST_KEY} characters at most."),
        ));
    }
    match SUFFIXES.iter().find(|suffix| key.ends_with(*suffix)) {
        Some(suffix) => Err(settings.wrong(
            "key",
            "key is not valid",
            format!(
                "{key:?} ends in {suffix}, so that it could be a variable of another delivery to the same Secret. Choose \
                 another ending."
            ),
        )),
        None => Ok(key.to_owned()),
    }
}

fn refuse_wrong_name(settings: &Settings, field: &str, name: &str, most: usize) -> Result<()> {
    let is_end = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let has_dots = most == LONGEST;
    let is_part = |byte: u8| is_end(&byte) || byte == b'-' || (has_dots && byte == b'.');
    let bytes = name.as_bytes();
    let ends = bytes.first().is_some_and(is_end) && bytes.last().is_some_and(is_end);
    if ends && name.len() <= most && name.bytes().all(is_part) {
        return Ok(());
    }
    Err(settings.wrong(
        field,
        format!("{field} is not valid"),
        format!(
            "{name:?} is no {field} in Kubernetes: small letters, digits and hyphens{}, with a letter or a digit at both ends, \
             {most} characters at most.",
            if has_dots { " (dots too)" } else { "" }
        ),
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tf_provider::value::ValueAny;

    use super::*;
    use crate::error::Path;

    fn read(entries: &[(&str, &str)]) -> Result<Place> {
        let fields: BTreeMap<String, ValueAny> = [("namespace", "payments"), ("name", "key")]
            .iter()
            .chain(entries)
            .map(|(name, value)| ((*name).to_owned(), ValueAny::String((*value).into())))
            .collect();
        Place::read(&Settings::new(Path::root("here"), &fields))
    }

    #[test]
    fn a_wrong_setting_is_blamed_on_its_attribute() {
        let long = "x".repeat(254);
        let long_key = &long[..121];
        for (entries, path) in [
            (&[("namespace", "")][..], "here.namespace"),
            (&[("namespace", "a.b")], "here.namespace"),
            (&[("name", "Payments")], "here.name"),
            (&[("name", "a_b")], "here.name"),
            (&[("name", "-a")], "here.name"),
            (&[("name", long.as_str())], "here.name"),
            (&[("layout", "dotenv")], "here.layout"),
            (&[("prefix", "1")], "here.prefix"),
            (&[("key", "x")], "here.key"),
            (&[("layout", "slots"), ("prefix", "X")], "here.prefix"),
            (&[("layout", "slots"), ("key", "a/b")], "here.key"),
            (&[("layout", "slots"), ("key", long_key)], "here.key"),
            (
                &[("layout", "flat"), ("key", "API_KEY_PRIMARY")],
                "here.key",
            ),
        ] {
            let error = read(entries).err().unwrap();
            assert_eq!(error.path.to_string(), path, "{error}");
        }
    }

    #[test]
    fn names_with_dots_are_taken() {
        assert_eq!(read(&[("name", "a.b-1")]).ok().unwrap().name, "a.b-1");
    }
}
