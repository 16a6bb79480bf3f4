//! The settings of one delivery to a key/value engine of Vault.

use tf_provider::schema::AttributeType;

use super::KIND;
use crate::error::Result;
use crate::schema::{Attributes, attributes as table, optional, required};
use crate::settings::Settings;
use crate::stores::shape::{self, Shape};
use crate::vendors::vault::{self, VaultClient};

/// What a delivery says.
pub(super) struct Place {
    pub namespace: Option<String>,
    pub mount: String,
    pub path: String,
    pub engine: Engine,
    pub shape: Shape,
    /// Whether nothing at all stays of it when the delivery ends.
    pub delete_all_versions: bool,
}

/// The version of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// It keeps one value, and overwrites it whoever comes.
    Plain,
    /// It keeps versions, and refuses a write over another than the one that is named.
    Versioned,
}

pub(super) fn attributes() -> Attributes {
    let own = table([
        (
            "mount",
            required(
                AttributeType::String,
                "Where the key/value engine is mounted, such as `secret`.",
            ),
        ),
        (
            "path",
            required(
                AttributeType::String,
                "Path of the secret below the mount, without `data/`. One that does not exist yet is created.",
            ),
        ),
        vault::namespace_attribute("the secret"),
        (
            "version",
            optional(
                AttributeType::Number,
                "Version of the engine: `2` (default) or `1`, which cannot refuse to overwrite a change of somebody else in the \
                 same moment and keeps no versions.",
            ),
        ),
        (
            "delete_all_versions",
            optional(
                AttributeType::Bool,
                "What becomes of the secret when the delivery ends. `false` (default): the version that stands there is \
                 deleted as by `vault kv delete`, so that `vault kv undelete` brings it back, and older versions stay. `true`: \
                 all versions and what describes them, for good. Version 1 of the engine has nothing to keep.",
            ),
        ),
    ]);
    own.into_iter().chain(table(shape::attributes())).collect()
}

impl Place {
    pub fn read(settings: &Settings<'_>) -> Result<Self> {
        let engine = match settings.integer("version") {
            None | Some(2) => Engine::Versioned,
            Some(1) => Engine::Plain,
            Some(other) => {
                return Err(settings.wrong(
                    "version",
                    "version is not valid",
                    format!("{other} is not a version of the key/value engine. Write 1 or 2."),
                ));
            }
        };
        Ok(Self {
            namespace: vault::namespace(settings)?,
            mount: vault::mount(settings, None)?,
            path: vault::path(settings, "path")?,
            engine,
            shape: Shape::from_settings(settings)?,
            delete_all_versions: settings.boolean("delete_all_versions").unwrap_or_default(),
        })
    }

    /// The path below the API of one of the sides of the engine: `data`, `delete`, `metadata`.
    pub fn side(&self, side: &str) -> String {
        let Self { mount, path, .. } = self;
        match self.engine {
            Engine::Plain => format!("/{mount}/{path}"),
            Engine::Versioned => format!("/{mount}/{side}/{path}"),
        }
    }

    /// Namespace, mount and path in one: a namespace may be named in a header or in front of the path.
    pub fn whole(&self, client: &VaultClient) -> String {
        let namespace = client.namespace(self.namespace.as_deref());
        let parts = [namespace.as_str(), &self.mount, &self.path];
        parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("/")
    }

    /// The place, as these settings name it.
    pub fn text(&self, client: &VaultClient) -> String {
        format!("{KIND} {}", self.whole(client))
    }

    /// The command line with the namespace, up to the subcommand of `kv`.
    pub fn command(&self, client: &VaultClient, what: &str) -> String {
        let namespace = match client.namespace(self.namespace.as_deref()) {
            name if name.is_empty() => name,
            name => format!(" -namespace={name}"),
        };
        format!(
            "vault kv {what}{namespace} -mount={} {}",
            self.mount, self.path
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tf_provider::value::ValueAny;

    use super::*;
    use crate::error::Path;

    fn read(entries: &[(&str, ValueAny)]) -> Result<Place> {
        let usual = [("mount", "secret"), ("path", "app/payments")];
        let usual = usual.map(|(name, value)| (name.to_owned(), ValueAny::String(value.into())));
        let mut fields = BTreeMap::from(usual);
        fields.extend(
            entries
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        Place::read(&Settings::new(Path::root("here"), &fields))
    }

    #[test]
    fn a_wrong_setting_is_blamed_on_its_attribute() {
        let text = |value: &str| ValueAny::String(value.into());
        for (entry, path) in [
            (("mount", ValueAny::Null), "here.mount"),
            (("path", text("")), "here.path"),
            (("path", text("a/../b")), "here.path"),
            (("version", ValueAny::Number(3)), "here.version"),
            (("layout", text("wide")), "here.layout"),
            (("namespace", text("a b?")), "here.namespace"),
        ] {
            let error = read(&[entry]).err().unwrap();
            assert_eq!(error.path.to_string(), path, "{error}");
        }
    }

    #[test]
    fn each_version_of_the_engine_has_paths_of_its_own() {
        assert_eq!(
            read(&[]).ok().unwrap().side("data"),
            "/secret/data/app/payments"
        );
        let plain = read(&[("version", ValueAny::Number(1))]).ok().unwrap();
        assert_eq!(plain.side("data"), "/secret/app/payments");
    }
}
