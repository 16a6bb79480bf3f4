//! Stand-ins for the providers of others: their resource types under their real addresses, with whatever values the
//! configuration gives. Served from this test binary.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use apikey::protocol::Registry;
use apikey::schema::{Attributes, defaulted, sensitive};
use async_trait::async_trait;
use tf_provider::schema::{AttributeType, Block, Description, Schema};
use tf_provider::value::{ValueAny, ValueEmpty};
use tf_provider::{AttributePath, Diagnostics, Provider, Resource};

use crate::support::workspace::Workspace;

/// What each type stores. All of it may be set.
const TYPES: [(&str, &[&str]); 2] = [
    ("random_password", &["id", "result", "bcrypt_hash"]),
    (
        "aws_iam_access_key",
        &[
            "id",
            "user",
            "secret",
            "encrypted_secret",
            "pgp_key",
            "status",
            "create_date",
        ],
    ),
];
const SENSITIVE: [&str; 3] = ["result", "bcrypt_hash", "secret"];

/// Makes `hashicorp/random` and `hashicorp/aws` available in a workspace.
pub fn install(ws: &Workspace) {
    let folder = ws.path("foreign");
    fs::create_dir(&folder).unwrap();
    let this = std::env::current_exe().unwrap();
    for name in ["random", "aws"] {
        let script = format!(
            "#!/bin/sh\nexec '{}' --exact support::the_foreign_plugin --ignored --nocapture 3>&1 1>/dev/null\n",
            this.display()
        );
        let plugin = folder.join(format!("terraform-provider-{name}"));
        fs::write(&plugin, script).unwrap();
        fs::set_permissions(&plugin, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let ours = Path::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"));
    let ours = ours.parent().unwrap();
    let settings = format!(
        "provider_installation {{\n  dev_overrides {{\n    \"apikey-dev/apikey\" = {ours:?}\n    \
         \"hashicorp/random\" = {folder:?}\n    \"hashicorp/aws\" = {folder:?}\n  }}\n  direct {{}}\n}}\n"
    );
    fs::write(ws.path("cli.tfrc"), settings).unwrap();
}

pub fn registry() -> Registry {
    TYPES
        .into_iter()
        .fold(Registry::new(Foreign), |registry, (name, fields)| {
            registry.resource(name, Passive(fields))
        })
}

struct Foreign;

#[async_trait]
impl Provider for Foreign {
    type Config<'a> = ValueEmpty;
    type MetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(schema(Attributes::new()))
    }
}

fn schema(attributes: Attributes) -> Schema {
    Schema {
        version: 0,
        block: Block {
            attributes,
            description: Description::plain("For tests."),
            ..Block::default()
        },
    }
}

/// Stores what it is told.
struct Passive(&'static [&'static str]);

type Fields = BTreeMap<String, ValueAny>;

fn settled(mut fields: Fields) -> Fields {
    for value in fields.values_mut() {
        if *value == ValueAny::Unknown {
            *value = ValueAny::Null;
        }
    }
    fields
}

#[async_trait]
impl Resource for Passive {
    type State<'a> = Fields;
    type PrivateState<'a> = ValueEmpty;
    type ProviderMetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        let attribute = |name: &&str| {
            let plain = defaulted(AttributeType::String, "For tests.");
            let hidden = SENSITIVE.contains(name);
            let attribute = if hidden { sensitive(plain) } else { plain };
            ((*name).to_owned(), attribute)
        };
        Some(schema(self.0.iter().map(attribute).collect()))
    }

    async fn read<'a>(
        &self,
        _: &mut Diagnostics,
        state: Fields,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<(Fields, ValueEmpty)> {
        Some((state, private))
    }

    async fn plan_create<'a>(
        &self,
        _: &mut Diagnostics,
        proposed: Fields,
        _: Fields,
        _: ValueEmpty,
    ) -> Option<(Fields, ValueEmpty)> {
        Some((settled(proposed), ValueEmpty::default()))
    }

    async fn plan_update<'a>(
        &self,
        _: &mut Diagnostics,
        _: Fields,
        proposed: Fields,
        _: Fields,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<(Fields, ValueEmpty, Vec<AttributePath>)> {
        Some((settled(proposed), private, Vec::new()))
    }

    async fn plan_destroy<'a>(
        &self,
        _: &mut Diagnostics,
        _: Fields,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<ValueEmpty> {
        Some(private)
    }

    async fn create<'a>(
        &self,
        _: &mut Diagnostics,
        planned: Fields,
        _: Fields,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<(Fields, ValueEmpty)> {
        Some((planned, private))
    }

    async fn update<'a>(
        &self,
        _: &mut Diagnostics,
        _: Fields,
        planned: Fields,
        _: Fields,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<(Fields, ValueEmpty)> {
        Some((planned, private))
    }

    async fn destroy<'a>(
        &self,
        _: &mut Diagnostics,
        _: Fields,
        _: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<()> {
        Some(())
    }
}
