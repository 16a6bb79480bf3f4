//! What is wrong with a configuration, found before anything is planned. Unknown parts are judged later.

use std::collections::BTreeMap;

use tf_provider::value::{Value, ValueAny};

use crate::context::Context;
use crate::engine::verification::Verification;
use crate::error::{Error, Path};
use crate::resources::managed::connect;
use crate::resources::managed::model::{Fields, ManagedState};
use crate::settings::{Settings, known};

/// Every fault of a configuration that can be seen without asking anybody.
pub fn faults(config: &ManagedState, context: &Context) -> Vec<Error> {
    let mut faults = Vec::new();
    if config
        .name
        .as_deref_option()
        .is_some_and(|name| name.trim().is_empty())
    {
        faults.push(Error::invalid(
            Path::root("name"),
            "A managed key needs a name",
            "name is empty. Plans and errors call the key by it.",
        ));
    }
    if let Value::Value(policy) = &config.policy {
        if policy.wholly_known() {
            faults.extend(
                policy
                    .policy(&Path::root("policy"))
                    .err()
                    .unwrap_or_default(),
            );
        }
    }
    faults.extend(issuer(&config.issuer, context));
    faults.extend(deliveries(config, context));
    if let Value::Value(fields) = &config.verification {
        let settings = Settings::new(Path::root("verification"), fields);
        if settings.wholly_known() {
            faults.extend(Verification::from_settings(&settings).err());
        }
    }
    faults.extend(homeless_secret(config, context));
    faults
}

fn issuer(value: &Value<Fields>, context: &Context) -> Option<Error> {
    let Value::Value(fields) = value else {
        return None;
    };
    if fields
        .values()
        .any(|field| matches!(field, ValueAny::Unknown))
    {
        return None;
    }
    match connect::issuer(value) {
        Err(error) => Some(error),
        Ok((kind, settings)) if settings.wholly_known() => context
            .connector()
            .issuer(kind, &settings, context)
            .err()
            .map(|error| error.at(settings.path().clone())),
        Ok(_) => None,
    }
}

fn deliveries(config: &ManagedState, context: &Context) -> Vec<Error> {
    let mut faults = Vec::new();
    let mut places: BTreeMap<String, &String> = BTreeMap::new();
    let mut source: Option<&String> = None;
    for (name, fields) in connect::entries(&config.deliveries) {
        if !fields.values().all(known) {
            continue;
        }
        let path = Path::root("deliveries").key(name);
        let delivery = match connect::delivery(name, fields, context) {
            Ok(delivery) => delivery,
            Err(error) => {
                faults.push(error);
                continue;
            }
        };
        let place = delivery.store.place();
        if let Some(other) = places.insert(place.clone(), name) {
            faults.push(Error::invalid(
                path.clone(),
                "Two deliveries write to one place",
                format!(
                    "deliveries {other:?} and {name:?} both write to {place}. Remove one of them."
                ),
            ));
        }
        if delivery.source {
            if let Some(other) = source.replace(name) {
                faults.push(Error::invalid(
                    path.attribute("source"),
                    "Two sources",
                    format!("deliveries {other:?} and {name:?} both set source = true. Keep one of them."),
                ));
            }
            if !delivery.readable {
                faults.push(Error::invalid(
                    path.attribute("source"),
                    "A source that cannot be read",
                    format!("{place} cannot be read back, so it cannot be copied from. Choose another source."),
                ));
            }
        }
    }
    faults
}

/// Slots are swapped by copying secrets, so at least one copy must be readable.
fn homeless_secret(config: &ManagedState, context: &Context) -> Option<Error> {
    if config.deliveries.is_unknown() || config.store_secret_in_state.is_unknown() {
        return None;
    }
    if config.stores_secrets() {
        return None;
    }
    let explicit = matches!(config.store_secret_in_state, Value::Value(false));
    let mut all = connect::entries(&config.deliveries).peekable();
    if all.peek().is_none() {
        return explicit.then(|| {
            Error::invalid(
                Path::root("store_secret_in_state"),
                "The secret would be lost",
                "There is no delivery, and store_secret_in_state is false, so nothing would hold the secret. Add a \
                 delivery or remove store_secret_in_state.",
            )
        });
    }
    let readable = all.any(|(name, fields)| {
        !fields.values().all(known)
            || connect::delivery(name, fields, context).map_or(true, |delivery| delivery.readable)
    });
    (!readable).then(|| {
        Error::invalid(
            Path::root("deliveries"),
            "No delivery can be read back",
            "Rotation copies the secrets from a delivery, but none of these can be read. Add one that can, or set \
             store_secret_in_state = true.",
        )
    })
}
