//! What differs between the state and the configuration, and what that means for the key.

use std::collections::BTreeMap;

use tf_provider::AttributePath;
use tf_provider::value::Value;

use crate::domain::situation::{Copy, Facts, Repair, Why};
use crate::resources::managed::connect;
use crate::resources::managed::model::{Fields, ManagedState};

/// Whether a new key can be proved before it becomes primary.
pub fn must_verify(state: &ManagedState) -> bool {
    let by_issuer = connect::issuer(&state.issuer).is_ok_and(|(kind, _)| kind.abilities().probe);
    by_issuer || state.verification.is_value()
}

/// Set to another value; neither added nor removed.
pub fn trigger_changed(prior: &ManagedState, planned: &ManagedState) -> bool {
    match (&prior.rotation_trigger, &planned.rotation_trigger) {
        (Value::Value(old), Value::Value(new)) => old != new,
        _ => false,
    }
}

/// Whether a person hands in the secret of an existing key again.
pub fn version_changed(prior: &ManagedState, planned: &ManagedState) -> bool {
    prior.existing_secret_wo_version != planned.existing_secret_wo_version
}

/// Whether the apply takes over a secret for the primary: an imported key lacks one, or every copy was lost and a
/// person hands it in again. Told without the secret itself, which may be unknown in a plan.
pub fn takes_over(
    prior: &ManagedState,
    planned: &ManagedState,
    config: &ManagedState,
    facts: &Facts,
) -> bool {
    let Some(primary) = prior.primary.as_ref_option() else {
        return false;
    };
    let lost = facts.primary_copy == Copy::Lost && version_changed(prior, planned);
    !config.existing_secret_wo.is_null() && (primary.fingerprint.is_null() || lost)
}

/// Deliveries that the next apply has to write or to take away.
pub fn repairs(prior: &ManagedState, planned: &ManagedState) -> Vec<Repair> {
    let mut repairs = Vec::new();
    let mut repair = |name: &str, why| {
        repairs.push(Repair {
            name: name.to_owned(),
            why,
        });
    };
    let old: BTreeMap<_, _> = connect::entries(&prior.deliveries).collect();
    let records = prior.delivery_status.as_ref_option();
    for (name, fields) in connect::entries(&planned.deliveries) {
        let status = records
            .and_then(|records| records.get(name))
            .and_then(|status| status.as_ref_option()?.state.as_deref_option());
        match (old.get(name), status) {
            (None, _) => repair(name, Why::Added),
            (Some(former), _) if !same_place(former, fields) => repair(name, Why::Moved),
            (_, Some("delivered")) => {}
            (_, Some("missing")) => repair(name, Why::Missing),
            (_, Some("altered")) => repair(name, Why::Altered),
            _ => repair(name, Why::Failed),
        }
    }
    let new: BTreeMap<_, _> = connect::entries(&planned.deliveries).collect();
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        repair(name, Why::Removed);
    }
    let was_kept = prior.stores_secrets();
    let known_secret = prior
        .primary
        .as_ref_option()
        .is_some_and(|key| key.fingerprint.is_value());
    if planned.stores_secrets() && !was_kept && known_secret {
        repair("the state", Why::Added);
    }
    repairs
}

/// Everything but `source`, which only says where to copy from.
fn same_place(old: &Fields, new: &Fields) -> bool {
    let relevant = |fields: &Fields| {
        let mut fields = fields.clone();
        fields.remove("source");
        fields
    };
    relevant(old) == relevant(new)
}

/// Settings of the issuer that say whose keys these are cannot change under a key.
pub fn replacements(prior: &ManagedState, planned: &ManagedState) -> Vec<AttributePath> {
    let (Ok((old, old_settings)), Ok((new, new_settings))) = (
        connect::issuer(&prior.issuer),
        connect::issuer(&planned.issuer),
    ) else {
        return Vec::new();
    };
    if old.name() != new.name() {
        return vec![AttributePath::new("issuer")];
    }
    new.identity()
        .iter()
        .filter(|field| old_settings.value(field) != new_settings.value(field))
        .map(|field| {
            AttributePath::new("issuer")
                .attribute(new.name())
                .attribute(*field)
        })
        .collect()
}

/// Whether anything in the configuration differs from the state.
pub fn edited(prior: &ManagedState, planned: &ManagedState) -> bool {
    labels_edited(prior, planned) || settings_edited(prior, planned)
}

/// Whether something differs that the life of the key depends on.
pub fn settings_edited(prior: &ManagedState, planned: &ManagedState) -> bool {
    prior.policy != planned.policy
        || prior.issuer != planned.issuer
        || prior.deliveries != planned.deliveries
        || prior.verification != planned.verification
        || prior.store_secret_in_state != planned.store_secret_in_state
        || prior.rotation_trigger != planned.rotation_trigger
        || version_changed(prior, planned)
}

/// What people call the key changed.
fn labels_edited(prior: &ManagedState, planned: &ManagedState) -> bool {
    prior.name != planned.name
        || prior.group != planned.group
        || prior.environment != planned.environment
        || prior.owner != planned.owner
        || prior.description != planned.description
        || prior.labels != planned.labels
}
