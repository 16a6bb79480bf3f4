//! The deployments of a managed key: from its settings and its private data to what the rules and an apply know of them.

use std::collections::BTreeMap;

use tf_provider::value::Value;

use crate::context::Context;
use crate::deployments::{Wanted, is_required};
use crate::domain::deployments::{Deployment, Record};
use crate::domain::slots::Slots;
use crate::error::{Error, Path, Result};
use crate::resources::managed::connect::entries;
use crate::resources::managed::model::{Fields, ManagedState, Private};
use crate::settings::Settings;

/// What is known of the deployments that are wanted, for the rules.
pub fn of(state: &ManagedState, private: &Private, slots: Option<&Slots>) -> Vec<Deployment> {
    let mut records = records(state, private, slots);
    settings(state)
        .map(|(name, settings)| Deployment {
            required: is_required(&settings),
            record: records.remove(name).unwrap_or_default(),
            tried: None,
            name: name.clone(),
        })
        .collect()
}

/// The same as an apply changes it.
pub fn records(
    state: &ManagedState,
    private: &Private,
    slots: Option<&Slots>,
) -> BTreeMap<String, Record> {
    let record = |name: &String| {
        let known = private.deployments.get(name).cloned();
        (name.clone(), known.unwrap_or_default().over(slots))
    };
    entries(&state.deployments)
        .map(|(name, _)| record(name))
        .collect()
}

/// The deployments, ready to be asked. Nothing is sent.
pub fn wanted(state: &ManagedState, context: &Context) -> Result<BTreeMap<String, Wanted>> {
    settings(state)
        .map(|(name, settings)| Ok((name.clone(), connected(&settings, context)?)))
        .collect()
}

/// What is wrong with them.
pub fn faults(config: &ManagedState, context: &Context) -> Vec<Error> {
    let known = settings(config).filter(|(_, settings)| settings.wholly_known());
    let wrong = known.filter_map(|(_, settings)| connected(&settings, context).err());
    null_entries(&config.deployments).chain(wrong).collect()
}

/// Whether one of them holds up a promotion.
pub fn hold_promotions(state: &ManagedState) -> bool {
    settings(state).any(|(_, settings)| is_required(&settings))
}

fn connected(settings: &Settings, context: &Context) -> Result<Wanted> {
    let wanted = context.connector().deployment(settings, context);
    wanted.map_err(|error| error.at(settings.path().clone()))
}

fn settings(state: &ManagedState) -> impl Iterator<Item = (&String, Settings<'_>)> {
    let all = entries(&state.deployments);
    all.map(|(name, fields)| (name, Settings::new(path_of(name), fields)))
}

fn path_of(name: &str) -> Path {
    Path::root("deployments").key(name)
}

/// Nobody meant to lose one.
fn null_entries(value: &Value<BTreeMap<String, Value<Fields>>>) -> impl Iterator<Item = Error> {
    let entries = value.as_ref_option().into_iter().flatten();
    let null = entries.filter(|(_, fields)| fields.is_null());
    null.map(|(name, _)| {
        Error::invalid(
            path_of(name),
            format!("The deployment {name:?} is null"),
            "Leave out an entry that is not wanted.",
        )
    })
}
