//! `terraform import` of a key that exists, by `<issuer>:` and what [`import_id`](issuers::IssuerKind::import_id) asks for. The secret stays where it is.

use tf_provider::value::{Value, ValueAny};

use crate::context::Context;
use crate::domain::slots::{Key, Slots};
use crate::engine::managed::Managed;
use crate::engine::secret_cache::SecretCache;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::issuers::{self, Imported, KeyStatus};
use crate::ledger::{KeyMark, KeyRecord, ResourceRef, Slot, Status};
use crate::resources::managed::model::{Fields, ManagedState};
use crate::secret::Secret;

/// The state of an imported key, and what a person should know of it. Everything that only a configuration knows is
/// null.
pub async fn import(id: &str, context: &Context) -> Result<(ManagedState, Option<Error>)> {
    let (issuer, key) = id
        .split_once(':')
        .filter(|(_, key)| !key.is_empty())
        .ok_or_else(|| wrong_id(id, "It does not name an issuer and a key".into()))?;
    let kind = issuers::find(issuer)
        .ok_or_else(|| wrong_id(id, format!("There is no issuer {issuer:?}")))?;
    let imported = kind.import(key, context).await?;
    refuse_held(id, &imported, context).await?;
    let warning = (imported.status != KeyStatus::Active).then(|| inactive(&imported.key_id));
    Ok((state_of(id.to_owned(), kind.name(), imported), warning))
}

fn inactive(key_id: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("Key {key_id} is switched off at the issuer"),
        "It is imported all the same and becomes the primary key, but nobody gets in with it. Switch it on at the issuer \
         before the next apply; or let the policy replace it, with on_drift = \"rotate\".",
    )
}

/// Two states that hold one key would each rotate and revoke it. A ledger that cannot be asked is told of by the refresh
/// that follows.
async fn refuse_held(id: &str, key: &Imported, context: &Context) -> Result<()> {
    let ledger = context.ledger.as_ref();
    let mark = KeyMark::new(Some(key.key_id.clone()), None);
    let known = ledger.find_keys(&[mark]).await.unwrap_or_default();
    let is_held = |record: &KeyRecord| record.status == Status::Live && record.slot != Slot::None;
    let others = known
        .iter()
        .filter(|(other, record)| other.id != id && is_held(record));
    for (other, _) in others {
        // Another account may well have a key 17 of its own.
        let memory = ledger.recall(&other.id).await.unwrap_or_default();
        let is_elsewhere = key.account.is_some() && memory.account != key.account;
        if !(is_elsewhere && memory.account.is_some()) {
            return Err(held(&key.key_id, other));
        }
    }
    Ok(())
}

fn held(key_id: &str, other: &ResourceRef) -> Error {
    Error::new(
        Kind::Invalid,
        format!("{key_id} is held by apikey_managed {:?}", other.name),
        format!(
            "By the ledger it is in workspace {:?}, with the id {}. Two resources would each rotate the key and revoke it under \
             the other. Nothing was imported. If that resource left its state without a destroy (state rm, a removed block), say \
             so: terraform-provider-apikey ledger forget {}",
            other.workspace, other.id, other.id
        ),
    )
}

/// The id of an import. It stays the id of the resource, whatever keys follow.
pub fn id_of(issuer: &str, key: &str) -> String {
    format!("{issuer}:{key}")
}

/// The state of a key that the issuer told of.
pub fn state_of(id: String, issuer: &str, imported: Imported) -> ManagedState {
    let key = existing(Some(imported.key_id), imported.created_at);
    let mut state = adopted(id, issuer, imported.settings, key, None);
    state.last_action = Value::Value("import".into());
    state
}

/// A key that was created elsewhere and counts as primary since then.
pub fn existing(key_id: Option<String>, created_at: Instant) -> Key {
    Key {
        key_id,
        fingerprint: None,
        created_at,
        delivered_at: None,
        verified_at: None,
        promoted_at: Some(created_at),
        retired_at: None,
    }
}

/// A resource whose first key exists already. With its secret at hand, the state keeps it until the next apply has
/// delivered it.
pub fn adopted(
    id: String,
    issuer: &str,
    settings: Fields,
    key: Key,
    secret: Option<Secret>,
) -> ManagedState {
    let mut secrets = SecretCache::default();
    let mut key = key;
    let stored = secret.is_some();
    if let Some(secret) = secret {
        key.fingerprint = Some(secret.fingerprint());
        secrets.keep(secret);
    }
    let managed = Managed {
        slots: Some(Slots::first(key)),
        ..Managed::default()
    };
    let mut state = ManagedState {
        id: Value::Value(id),
        issuer: Value::Value(issuer_fields(issuer, settings)),
        // What only a configuration knows is null, so that a generated one leaves it out.
        store_secret_in_state: stored.then_some(true).into(),
        ..ManagedState::default()
    };
    state.record(&managed, None, Some(&secrets));
    state
}

/// An object with every issuer in it, one of them set: the shape that the schema demands.
fn issuer_fields(name: &str, settings: Fields) -> Fields {
    issuers::all()
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
    let forms: Vec<String> = issuers::all()
        .filter_map(|kind| Some(id_of(kind.name(), kind.import_id()?)))
        .collect();
    Error::new(
        Kind::Invalid,
        format!("{id:?} is not an import id"),
        format!("{why}. It is one of these:\n  {}", forms.join("\n  ")),
    )
}
