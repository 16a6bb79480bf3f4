//! Namespaces, mounts and paths as they are written in a configuration, and the one form of each.

use tf_provider::schema::{Attribute, AttributeType};

use crate::error::Result;
use crate::schema::optional;
use crate::settings::Settings;

/// The attribute `namespace` of an issuer or a delivery.
pub fn namespace_attribute(what: &str) -> (&'static str, Attribute) {
    (
        "namespace",
        optional(
            AttributeType::String,
            &format!("Namespace of {what}, whole, in place of that of the provider block."),
        ),
    )
}

/// Reads `namespace`; an empty one counts as not set. The root has the empty name, so that it is told from what is not set.
pub fn namespace(settings: &Settings<'_>) -> Result<Option<String>> {
    match settings.string("namespace").map(bare) {
        None | Some("") => Ok(None),
        Some(name) => {
            checked(settings, "namespace", name).map(|name| Some(named(&name).to_owned()))
        }
    }
}

/// The name of a namespace; empty for the root, which Vault also calls so.
pub fn named(text: &str) -> &str {
    match bare(text) {
        "root" => "",
        name => name,
    }
}

/// Reads the attribute of this name as the place of a mount.
pub fn mount(settings: &Settings<'_>, usual: Option<&str>) -> Result<String> {
    match (settings.string("mount"), usual) {
        (None, Some(usual)) => Ok(usual.to_owned()),
        _ => checked(settings, "mount", bare(settings.required_string("mount")?)),
    }
}

/// Reads the attribute of this name as a path below a mount, or as the name of a role.
pub fn path(settings: &Settings<'_>, name: &str) -> Result<String> {
    checked(settings, name, bare(settings.required_string(name)?))
}

/// The same without the slashes that say nothing.
fn bare(text: &str) -> &str {
    text.trim().trim_matches('/')
}

/// A path is a part of an address: what an address reads as something else would lead elsewhere.
fn checked(settings: &Settings<'_>, name: &str, text: &str) -> Result<String> {
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..");
    let is_plain = |letter: char| !letter.is_control() && !"%?#\\*".contains(letter);
    if text.split('/').all(is_segment) && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err(settings.wrong(
        name,
        format!("{name} is not valid"),
        format!(
            "{text:?} is no path of Vault. Write names with single slashes between them, without . and .. and without the \
             characters % ? # \\ *."
        ),
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tf_provider::value::ValueAny;

    use super::*;
    use crate::error::Path;

    fn read(text: &str) -> Result<String> {
        let fields = BTreeMap::from([("path".to_owned(), ValueAny::String(text.into()))]);
        path(&Settings::new(Path::root("here"), &fields), "path")
    }

    #[test]
    fn one_path_has_one_form() {
        for text in [
            "app/payments",
            "/app/payments",
            "app/payments/",
            " app/payments",
        ] {
            assert_eq!(read(text).unwrap(), "app/payments");
        }
    }

    #[test]
    fn the_root_namespace_has_no_name_whatever_it_is_called() {
        for (text, name) in [
            ("root", Some("")),
            ("/root/", Some("")),
            ("root/a", Some("root/a")),
            ("", None),
        ] {
            let fields = BTreeMap::from([("namespace".to_owned(), ValueAny::String(text.into()))]);
            let settings = Settings::new(Path::root("here"), &fields);
            assert_eq!(namespace(&settings).unwrap().as_deref(), name, "{text:?}");
        }
    }

    #[test]
    fn what_would_lead_elsewhere_is_refused() {
        for text in [
            "a//b", "a/../b", "./a", "a%2fb", "a?b", "a#b", "a\nb", "/", "a/*",
        ] {
            assert_eq!(
                read(text).unwrap_err().path.to_string(),
                "here.path",
                "{text}"
            );
        }
    }
}
