//! What is wrong with a configuration, found before anything is planned. Unknown parts are judged later.

use tf_provider::value::{Value, ValueAny};

use crate::context::Context;
use crate::engine::connections::Delivery;
use crate::engine::verification::Verification;
use crate::error::{Error, Path};
use crate::resources::managed::bounds;
use crate::resources::managed::connect;
use crate::resources::managed::deploying;
use crate::resources::managed::expected;
use crate::resources::managed::gates;
use crate::resources::managed::leaks;
use crate::resources::managed::lifetime;
use crate::resources::managed::model::{Fields, ManagedState};
use crate::resources::managed::newcomers::place_of_another;
use crate::resources::managed::owners;
use crate::resources::managed::telling;
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
            "name is empty. Plans and errors call the key by it, so give it one.",
        ));
    }
    if let Value::Value(policy) = &config.policy
        && policy.wholly_known()
    {
        faults.extend(
            policy
                .policy(&Path::root("policy"))
                .err()
                .unwrap_or_default(),
        );
    }
    if let Some(block) = config
        .emergency
        .as_ref_option()
        .filter(|it| it.wholly_known())
    {
        let declared = block.declared(&Path::root("emergency"));
        faults.extend(declared.err().unwrap_or_default());
    }
    faults.extend(leaks::faults(config));
    faults.extend(owners::missing(config));
    faults.extend(gates::unknown_environment(config));
    faults.extend(telling::unknown_destinations(config, context));
    faults.extend(bounds::excesses(config));
    faults.extend(issuer(&config.issuer, context));
    faults.extend(lifetime::ends_too_soon(config, context));
    faults.extend(expected::faults(config, context));
    faults.extend(connect::null_entries(&config.deliveries));
    faults.extend(deliveries(config, context));
    faults.extend(deploying::faults(config, context));
    faults.extend(verification(config, context));
    faults.extend(homeless_secret(config, context));
    faults.extend(empty_secret(config));
    faults
}

fn empty_secret(config: &ManagedState) -> Option<Error> {
    let secret = config.existing_secret_wo.as_ref_option()?;
    secret.expose().trim().is_empty().then(|| {
        Error::invalid(
            Path::root("existing_secret_wo"),
            "The existing secret is empty",
            "Set it to the secret of the key that is to be taken over, or leave it out.",
        )
    })
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

fn verification(config: &ManagedState, context: &Context) -> Option<Error> {
    let Value::Value(fields) = &config.verification else {
        return None;
    };
    let settings = Settings::new(Path::root("verification"), fields);
    if !settings.wholly_known() {
        return None;
    }
    let verification = match Verification::from_settings(&settings, context.http()) {
        Ok(verification) => verification,
        Err(error) => return Some(error),
    };
    let (kind, _) = connect::issuer(&config.issuer).ok()?;
    let able = connect::capabilities(&config.issuer, context)?;
    (verification.needs_key_id() && !able.key_ids).then(|| {
        Error::invalid(
            settings.path().clone(),
            "The verification needs an id that the keys do not have",
            format!(
                "It holds the placeholder {{{{key_id}}}}, but keys of the issuer {} have no public id. Leave the \
                 placeholder out, or prove the key by {{{{secret}}}} alone.",
                kind.name()
            ),
        )
    })
}

fn deliveries(config: &ManagedState, context: &Context) -> Vec<Error> {
    let mut faults = Vec::new();
    let mut sound: Vec<(&String, Delivery)> = Vec::new();
    for (name, fields) in connect::entries(&config.deliveries) {
        if !fields.values().all(known) {
            continue;
        }
        match connect::delivery(name, fields, context) {
            Ok(delivery) => sound.push((name, delivery)),
            Err(error) => faults.push(error),
        }
    }
    for (index, (name, delivery)) in sound.iter().enumerate() {
        faults.extend(
            same_place(&sound[..index], name, delivery)
                .or_else(|| claimed_by_another(config, name, delivery, context)),
        );
        faults.extend(wrong_source(&sound[..index], name, delivery));
    }
    faults
}

fn same_place(others: &[(&String, Delivery)], name: &str, delivery: &Delivery) -> Option<Error> {
    let write_scope = delivery.store.write_scope();
    let (other, there) = others
        .iter()
        .find(|(_, other)| other.store.write_scope().overlaps(&write_scope))?;
    let (place, other_place) = (delivery.store.place(), there.store.place());
    let summary = "Two deliveries write to one place";
    let detail = if place == other_place {
        format!("The deliveries {other:?} and {name:?} both write to {place}. Remove one of them.")
    } else {
        format!(
            "The delivery {other:?} writes to {other_place}, and {name:?} to {place}: one would overwrite the other. \
             Choose another place for one of them."
        )
    };
    Some(Error::invalid(connect::path_of(name), summary, detail))
}

fn claimed_by_another(
    config: &ManagedState,
    name: &str,
    delivery: &Delivery,
    context: &Context,
) -> Option<Error> {
    let key = config.name.as_deref_option()?;
    let other = context.configured.take(delivery.store.write_scope(), key)?;
    Some(place_of_another(key, &other, name, delivery))
}

fn wrong_source(others: &[(&String, Delivery)], name: &str, delivery: &Delivery) -> Option<Error> {
    if !delivery.source {
        return None;
    }
    let wrong = |summary: &str, detail: String| {
        Some(Error::invalid(
            connect::path_of(name).attribute("source"),
            summary,
            detail,
        ))
    };
    if !delivery.readable {
        let place = delivery.store.place();
        return wrong(
            "A source that cannot be read",
            format!(
                "{place} cannot be read back, so it cannot be copied from. Choose another source."
            ),
        );
    }
    let (other, _) = others.iter().find(|(_, other)| other.source)?;
    wrong(
        "Two sources",
        format!("The deliveries {other:?} and {name:?} both set source = true. Keep one of them."),
    )
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
