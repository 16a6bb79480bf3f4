//! The settings of one delivery to Secret Manager.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::KIND;
use crate::error::Result;
use crate::settings::Settings;
use crate::stores::aws::OnDestroy;
use crate::stores::shape::Shape;
use crate::vendors::google::is_project;

/// The label that marks a secret as created by this provider, and so as one that it may delete.
pub(super) const MARK: (&str, &str) = ("terraform-provider-apikey", "created");

/// The alias that leads to the newest document, unless the settings say otherwise.
const ALIAS: &str = "primary";

/// What a delivery says.
pub(super) struct Place {
    pub secret_id: String,
    pub project: Option<String>,
    /// The only location of the secret; it is served there alone.
    pub location: Option<String>,
    pub shape: Shape,
    /// The alias that follows the newest version; `None` for none.
    pub alias: Option<String>,
    replica_locations: Vec<String>,
    kms_key_name: Option<String>,
    labels: BTreeMap<String, String>,
    pub on_destroy: OnDestroy,
}

impl Place {
    pub fn read(settings: &Settings) -> Result<Self> {
        let place = Self {
            secret_id: settings.required_string("secret_id")?.to_owned(),
            project: filled(settings, "project"),
            location: filled(settings, "location"),
            shape: Shape::from_settings(settings)?,
            alias: match settings.string("version_alias") {
                None => Some(ALIAS.to_owned()),
                Some(_) => filled(settings, "version_alias"),
            },
            replica_locations: settings
                .strings("replica_locations")
                .into_iter()
                .map(str::to_owned)
                .collect(),
            kms_key_name: filled(settings, "kms_key_name"),
            labels: settings
                .string_map("labels")
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            on_destroy: OnDestroy::read(settings)?,
        };
        place.refuse_wrong_names(settings)?;
        place.refuse_contradictions(settings)?;
        Ok(place)
    }

    /// The place, as these settings name it.
    pub fn text(&self) -> String {
        let id = &self.secret_id;
        let location = self.location.iter().map(|it| format!("location {it}"));
        let project = self.project.iter().map(|it| format!("project {it}"));
        let parts: Vec<String> = project.chain(location).collect();
        match parts.is_empty() {
            true => format!("{KIND} {id}"),
            false => format!("{KIND} {id} ({})", parts.join(", ")),
        }
    }

    /// A secret that is to be created.
    pub fn new_secret(&self) -> Value {
        let key = self.kms_key_name.as_ref();
        let encryption = key.map(|name| json!({ "kmsKeyName": name }));
        let labels: BTreeMap<&str, &str> = self
            .labels
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .chain([MARK])
            .collect();
        let mut secret = json!({ "labels": labels });
        let encrypted = |there: &mut Value| {
            if let Some(encryption) = &encryption {
                there["customerManagedEncryption"] = encryption.clone();
            }
        };
        if self.location.is_some() {
            encrypted(&mut secret);
            return secret;
        }
        secret["replication"] = match self.replica_locations.as_slice() {
            [] => {
                let mut automatic = json!({});
                encrypted(&mut automatic);
                json!({ "automatic": automatic })
            }
            locations => {
                let replicas = locations.iter().map(|it| json!({ "location": it }));
                json!({ "userManaged": { "replicas": replicas.collect::<Vec<_>>() } })
            }
        };
        secret
    }

    fn refuse_wrong_names(&self, settings: &Settings) -> Result<()> {
        let wrong = |name: &str, detail: String| {
            Err(settings.wrong(name, format!("{name} is not valid"), detail))
        };
        let id = &self.secret_id;
        if !is_word(id, 255) {
            return wrong(
                "secret_id",
                format!(
                    "{id:?} is no id of a secret: letters, digits, hyphens and underscores, 255 at most. Write the id alone; the \
                     project stands in project."
                ),
            );
        }
        if let Some(project) = self.project.as_ref().filter(|it| !is_project(it)) {
            return wrong(
                "project",
                format!(
                    "{project:?} is not the id of a project, such as \"payments-prod\". Write the id, not the number and not the \
                     name."
                ),
            );
        }
        for (name, location) in self.location.iter().map(|it| ("location", it)).chain(
            self.replica_locations
                .iter()
                .map(|it| ("replica_locations", it)),
        ) {
            if !is_location(location) {
                return wrong(
                    name,
                    format!(
                        "{location:?} is not a location of Google Cloud, such as \"europe-west3\"."
                    ),
                );
            }
        }
        if let Some(alias) = self.alias.as_ref().filter(|it| !is_alias(it)) {
            return wrong(
                "version_alias",
                format!(
                    "{alias:?} is no alias: letters, digits, hyphens and underscores, 63 at most, a letter first, and neither \
                     \"latest\" nor \"NEW\"."
                ),
            );
        }
        match self
            .labels
            .iter()
            .find(|(key, value)| !is_label(key, value))
        {
            Some((key, _)) => wrong(
                "labels",
                format!(
                    "The label {key:?} is none that Google takes: lower-case letters, digits, hyphens and underscores, 63 at most, \
                     and the key begins with a letter."
                ),
            ),
            None => Ok(()),
        }
    }

    fn refuse_contradictions(&self, settings: &Settings) -> Result<()> {
        let has_replicas = !self.replica_locations.is_empty();
        if has_replicas && self.location.is_some() {
            return Err(settings.wrong(
                "replica_locations",
                "location and replica_locations exclude each other",
                "A regional secret lies in its location alone. Leave one of the two out.",
            ));
        }
        let Some(key) = &self.kms_key_name else {
            return Ok(());
        };
        if has_replicas {
            return Err(settings.wrong(
                "kms_key_name",
                "kms_key_name and replica_locations exclude each other",
                "Each location would need a key of its own. Create the secret beforehand (google_secret_manager_secret) and deliver \
                 to it, or leave one of the two out.",
            ));
        }
        match key.starts_with("projects/") && key.contains("/cryptoKeys/") {
            true => Ok(()),
            false => Err(settings.wrong(
                "kms_key_name",
                "kms_key_name is not valid",
                format!(
                    "{key:?} names no key of Cloud KMS. Write projects/…/locations/…/keyRings/…/cryptoKeys/…"
                ),
            )),
        }
    }
}

fn filled(settings: &Settings, name: &str) -> Option<String> {
    let text = settings.string(name).map(str::trim);
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn is_word(text: &str, most: usize) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=most).contains(&text.len()) && text.bytes().all(fits)
}

fn is_alias(text: &str) -> bool {
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
    is_word(text, 63) && begins && !["latest", "NEW"].contains(&text)
}

/// The host of everything that is sent is made of it.
fn is_location(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(fits)
}

fn is_label(key: &str, value: &str) -> bool {
    let fits = |c: char| (c.is_alphanumeric() && !c.is_uppercase()) || "_-".contains(c);
    let fits_all = |text: &str| text.chars().count() <= 63 && text.chars().all(fits);
    key.starts_with(char::is_alphabetic) && fits_all(key) && fits_all(value)
}

#[cfg(test)]
mod tests {
    use tf_provider::value::ValueAny;

    use super::*;
    use crate::error::Path;

    fn read(entries: &[(&str, &str)]) -> Result<Place> {
        let value = |name: &str, text: &str| match name {
            "replica_locations" => ValueAny::List(vec![ValueAny::String(text.into())]),
            _ => ValueAny::String(text.into()),
        };
        let fields: BTreeMap<String, ValueAny> = entries
            .iter()
            .map(|(name, text)| ((*name).to_owned(), value(name, text)))
            .collect();
        Place::read(&Settings::new(Path::root("here"), &fields))
    }

    #[test]
    fn a_wrong_setting_is_blamed_on_its_attribute() {
        let id = ("secret_id", "payments");
        let key = (
            "kms_key_name",
            "projects/p/locations/l/keyRings/r/cryptoKeys/k",
        );
        for (entries, path) in [
            (vec![], "here.secret_id"),
            (
                vec![("secret_id", "projects/p/secrets/x")],
                "here.secret_id",
            ),
            (vec![id, ("project", "123456789012")], "here.project"),
            (vec![id, ("location", "Europe/West")], "here.location"),
            (vec![id, ("version_alias", "latest")], "here.version_alias"),
            (vec![id, ("layout", "wide")], "here.layout"),
            (vec![id, ("on_destroy", "burn")], "here.on_destroy"),
            (vec![id, ("kms_key_name", "k")], "here.kms_key_name"),
            (
                vec![id, key, ("replica_locations", "europe-west3")],
                "here.kms_key_name",
            ),
            (
                vec![id, ("location", "l"), ("replica_locations", "europe-west3")],
                "here.replica_locations",
            ),
        ] {
            let error = read(&entries).err().unwrap();
            assert_eq!(error.path.to_string(), path, "{error}");
        }
    }

    #[test]
    fn a_new_secret_says_where_it_lies_and_who_made_it() {
        let secret = |entries: &[(&str, &str)]| read(entries).ok().unwrap().new_secret();
        let labels = json!({ "terraform-provider-apikey": "created" });
        assert_eq!(
            secret(&[("secret_id", "x")]),
            json!({ "labels": labels, "replication": { "automatic": {} } })
        );
        assert_eq!(
            secret(&[("secret_id", "x"), ("location", "europe-west3")]),
            json!({ "labels": labels })
        );
        let replicas = json!({ "userManaged": { "replicas": [{ "location": "europe-west3" }] } });
        assert_eq!(
            secret(&[("secret_id", "x"), ("replica_locations", "europe-west3")]),
            json!({ "labels": labels, "replication": replicas })
        );
    }

    #[test]
    fn an_empty_alias_is_none() {
        let alias = |text: &str| {
            let place = read(&[("secret_id", "x"), ("version_alias", text)]);
            place.ok().unwrap().alias
        };
        assert_eq!(alias(""), None);
        assert_eq!(alias("current").as_deref(), Some("current"));
        let usual = read(&[("secret_id", "x")]).ok().unwrap();
        assert_eq!(usual.alias.as_deref(), Some("primary"));
    }
}
