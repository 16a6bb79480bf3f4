//! `terraform import` of a key that exists, by `<issuer>:<id>`. The secret stays where it is.

use tf_provider::value::{Value, ValueAny};

use crate::context::Context;
use crate::domain::slots::{Key, Slots};
use crate::engine::managed::Managed;
use crate::error::{Error, Kind, Result};
use crate::issuers::{self, ISSUERS, Imported};
use crate::resources::managed::model::{Fields, ManagedState};

/// The state of an imported key. Everything that only a configuration knows is null.
pub async fn import(id: &str, context: &Context) -> Result<ManagedState> {
    let (issuer, key_id) = id
        .split_once(':')
        .filter(|(_, key)| !key.is_empty())
        .ok_or_else(|| wrong_id(id, "It does not name an issuer and a key".into()))?;
    let kind = issuers::find(issuer)
        .ok_or_else(|| wrong_id(id, format!("There is no issuer {issuer:?}")))?;
    let Imported {
        settings,
        key_id,
        created_at,
    } = kind.import(key_id, context).await?;
    let key = Key {
        key_id: Some(key_id),
        fingerprint: None,
        created_at,
        delivered_at: None,
        verified_at: None,
        promoted_at: Some(created_at),
        retired_at: None,
    };
    let managed = Managed {
        slots: Some(Slots::first(key)),
        ..Managed::default()
    };
    let mut state = ManagedState {
        id: Value::Value(id.to_owned()),
        issuer: Value::Value(issuer_fields(kind.name(), settings)),
        last_action: Value::Value("import".into()),
        store_secret_in_state: Value::Value(false),
        ..ManagedState::default()
    };
    state.record(&managed, None, None);
    Ok(state)
}

/// An object with every issuer in it, one of them set: the shape that the schema demands.
fn issuer_fields(name: &str, settings: Fields) -> Fields {
    ISSUERS
        .iter()
        .map(|kind| {
            let value = if kind.name() == name {
                let all = kind.attributes().into_keys();
                ValueAny::Map(
                    all.map(|field| {
                        let value = settings.get(&field).cloned().unwrap_or_default();
                        (field, value)
                    })
                    .collect(),
                )
            } else {
                ValueAny::Null
            };
            (kind.name().to_owned(), value)
        })
        .collect()
}

fn wrong_id(id: &str, why: String) -> Error {
    let names: Vec<&str> = ISSUERS
        .iter()
        .filter(|kind| kind.abilities().import)
        .map(|kind| kind.name())
        .collect();
    Error::new(
        Kind::Invalid,
        format!("{id:?} is not an import id"),
        format!(
            "{why}. Write <issuer>:<id of the key>, such as aws_iam:AKIAIOSFODNN7EXAMPLE. Issuers that can import: {}.",
            names.join(", ")
        ),
    )
}
