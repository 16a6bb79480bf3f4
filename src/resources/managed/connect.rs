//! From the settings of a managed key to its issuer and its stores. Nothing is sent from here.

use std::collections::BTreeMap;

use tf_provider::value::{Value, ValueAny};

use crate::context::Context;
use crate::domain::capabilities::Capabilities;
use crate::engine::account::Account;
use crate::engine::connections::{Connections, Delivery};
use crate::engine::former::{Former, FormerPlace};
use crate::engine::verification::Verification;
use crate::error::{Error, Path, Result};
use crate::issuers::{self, Issuer, IssuerKind, Supply};
use crate::resources::managed::deploying;
use crate::resources::managed::model::{Fields, ManagedState};
use crate::resources::managed::rotate_now::has_write_only_settings;
use crate::settings::{DROPPED, Settings};
use crate::stores;

/// Everything outside that a managed key uses, as its settings say.
pub fn connections(state: &ManagedState, context: &Context) -> Result<Connections> {
    let verification = match &state.verification {
        Value::Value(fields) => {
            let settings = Settings::new(Path::root("verification"), fields);
            Some(Verification::from_settings(&settings, context.http())?)
        }
        _ => None,
    };
    Ok(Connections {
        verification,
        deployments: deploying::wanted(state, context)?,
        ..without_verification(state, context)?
    })
}

/// The same for a look: keys that a person revokes are tried, unless a part of the request is write-only.
pub fn for_a_look(state: &ManagedState, context: &Context) -> Result<Connections> {
    let by_hand =
        capabilities(&state.issuer, context).is_some_and(|able| able.supply == Supply::Brought);
    match by_hand && !has_write_only_settings(state) {
        true => connections(state, context),
        false => without_verification(state, context),
    }
}

/// The same for a destroy, which proves no key and asks for no deployment. A state lacks what is write-only, so the request that it
/// holds may be a part only.
pub fn without_verification(state: &ManagedState, context: &Context) -> Result<Connections> {
    let (kind, issuer) = connected(&state.issuer, context)?;
    Ok(Connections {
        kind: kind.name(),
        capabilities: issuer.capabilities(),
        issuer: Account::new(issuer, context)?,
        deliveries: deliveries(&state.deliveries, context)?,
        deployments: BTreeMap::new(),
        former: Vec::new(),
        verification: None,
    })
}

/// The issuer that is set, ready to be called.
pub fn connected(
    value: &Value<Fields>,
    context: &Context,
) -> Result<(&'static dyn IssuerKind, Box<dyn Issuer>)> {
    let (kind, settings) = issuer(value)?;
    let issuer = context.connector().issuer(kind, &settings, context);
    Ok((
        kind,
        issuer.map_err(|error| error.at(settings.path().clone()))?,
    ))
}

/// What the issuer can do that is set; `None` while its settings are wrong, or not known yet.
pub fn capabilities(value: &Value<Fields>, context: &Context) -> Option<Capabilities> {
    let (_, issuer) = connected(value, context).ok()?;
    Some(issuer.capabilities())
}

/// The stores of some deliveries, by name.
pub fn deliveries(
    value: &Value<BTreeMap<String, Value<Fields>>>,
    context: &Context,
) -> Result<BTreeMap<String, Delivery>> {
    if let Some(error) = null_entries(value).next() {
        return Err(error);
    }
    entries(value)
        .map(|(name, fields)| Ok((name.clone(), delivery(name, fields, context)?)))
        .collect()
}

/// The deliveries that are set, by name.
pub fn entries(
    value: &Value<BTreeMap<String, Value<Fields>>>,
) -> impl Iterator<Item = (&String, &Fields)> {
    let entries = value.as_ref_option().into_iter().flatten();
    entries.filter_map(|(name, fields)| Some((name, fields.as_ref_option()?)))
}

/// An entry that is null is no delivery, and nobody meant to lose one.
pub fn null_entries(value: &Value<BTreeMap<String, Value<Fields>>>) -> impl Iterator<Item = Error> {
    let entries = value.as_ref_option().into_iter().flatten();
    let null = entries.filter(|(_, fields)| fields.is_null());
    null.map(|(name, _)| {
        Error::invalid(
            path_of(name),
            format!("The delivery {name:?} is null"),
            "Leave out an entry that is not wanted: { for name, delivery in {…} : name => delivery if delivery != null }.",
        )
    })
}

/// The one issuer that is set, with its settings.
pub fn issuer(value: &Value<Fields>) -> Result<(&'static dyn IssuerKind, Settings<'_>)> {
    let path = Path::root("issuer");
    let empty = &EMPTY;
    let fields = value.as_ref_option().unwrap_or(empty);
    let names: Vec<&str> = issuers::all().map(|kind| kind.name()).collect();
    let (name, settings) = the_one_of(fields, &path, &names, "issuer")?;
    // the_one_of only answers with a name of the table.
    let kind = issuers::find(name).ok_or_else(|| unknown(&path, name))?;
    Ok((kind, settings))
}

/// The store of one delivery, ready to be called.
pub fn delivery(name: &str, fields: &Fields, context: &Context) -> Result<Delivery> {
    delivery_at(path_of(name), fields, context)
}

/// Where one delivery stands in the configuration.
pub fn path_of(name: &str) -> Path {
    Path::root("deliveries").key(name)
}

/// Whether a promotion waits for a delivery.
pub fn is_required(fields: &Fields) -> bool {
    !matches!(fields.get("required"), Some(ValueAny::Bool(false)))
}

/// The place that a person calls gone for good.
pub fn lost_place(fields: &Fields) -> Option<&str> {
    match fields.get("lost_place") {
        Some(ValueAny::String(place)) => Some(place),
        _ => None,
    }
}

/// The former places that a resource remembers, reached by the settings that they had.
pub fn former(remembered: &[Former], context: &Context) -> Vec<FormerPlace> {
    let reached = remembered.iter().map(|former| {
        let delivery = delivery(&former.name, &former.settings, context);
        FormerPlace {
            delivery: delivery.map(|delivery| Delivery {
                recorded: former.identity.clone(),
                ..delivery
            }),
            former: former.clone(),
        }
    });
    reached.collect()
}

/// The same for the settings of a delivery that stand elsewhere.
pub fn delivery_at(path: Path, fields: &Fields, context: &Context) -> Result<Delivery> {
    let names: Vec<&str> = stores::all().map(|kind| kind.name()).collect();
    let (chosen, settings) = the_one_of(fields, &path, &names, "store")?;
    let kind = stores::find(chosen).ok_or_else(|| unknown(&path, chosen))?;
    let store = context.connector().store(kind, &settings, context);
    let store = store.map_err(|error| error.at(settings.path().clone()))?;
    Ok(Delivery {
        readable: store.capabilities().readable,
        store,
        source: matches!(fields.get("source"), Some(ValueAny::Bool(true))),
        required: is_required(fields),
        overwrite: matches!(fields.get("overwrite"), Some(ValueAny::Bool(true))),
        recorded: None,
        leads: None,
        lost_place: lost_place(fields).map(str::to_owned),
    })
}

static EMPTY: Fields = BTreeMap::new();

/// The one of these fields that is set, with its settings.
pub fn the_one_of<'a>(
    fields: &'a Fields,
    path: &Path,
    names: &[&'static str],
    what: &str,
) -> Result<(&'static str, Settings<'a>)> {
    let set: Vec<(&'static str, &'a Fields)> = names
        .iter()
        .filter_map(|name| match fields.get(*name) {
            Some(ValueAny::Map(inner)) => Some((*name, inner)),
            _ => None,
        })
        .collect();
    match set.as_slice() {
        [(name, inner)] => Ok((*name, Settings::new(path.attribute(name), inner))),
        [] => Err(Error::invalid(
            path.clone(),
            format!("No {what}"),
            format!("Set {} in {path}. {DROPPED}", names.join(" or ")),
        )),
        [(first, _), (second, _), ..] => Err(Error::invalid(
            path.clone(),
            format!("More than one {what}"),
            format!("{path} sets both {first} and {second}. Keep one of them."),
        )),
    }
}

fn unknown(path: &Path, name: &str) -> Error {
    Error::invalid(
        path.attribute(name),
        format!("{name} is not known"),
        "Update the provider.",
    )
}
