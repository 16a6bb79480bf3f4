//! What differs between the state and the configuration, and what that means for the key.

use std::collections::BTreeMap;

use tf_provider::AttributePath;
use tf_provider::value::{Value, ValueAny};

use crate::context::Context;
use crate::domain::situation::{Copy, Facts, Repair, Why};
use crate::engine::managed::{DeliveryRecord, DeliveryState};
use crate::resources::managed::connect;
use crate::resources::managed::elsewhere;
use crate::resources::managed::gates::place;
use crate::resources::managed::model::{DeliveryStatus, Fields, KeyState, ManagedState};
use crate::secret::Fingerprint;

/// Whether a new key can be proved before it becomes primary.
pub fn must_verify(state: &ManagedState, context: &Context) -> bool {
    let able = connect::capabilities(&state.issuer, context);
    let by_issuer = able.is_some_and(|able| able.probe);
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
    let old: BTreeMap<_, _> = connect::entries(&prior.deliveries).collect();
    let new: BTreeMap<_, _> = connect::entries(&planned.deliveries).collect();
    let written = new.iter().filter_map(|(name, fields)| {
        let record = status(prior, name).map(DeliveryStatus::record);
        let record = record.unwrap_or_default();
        let why = wrong(old.get(name).copied(), fields, &record);
        // Nothing can be taken away as long as the document holds two keys.
        let why = why.filter(|why| *why != Why::Lingers || prior.secondary.is_null())?;
        let told = !matches!(why, Why::Added | Why::Moved);
        let leads = |key: &Value<KeyState>| {
            let mark = record.fingerprint.as_ref().map(Fingerprint::as_str);
            let key = key.as_ref_option();
            told && mark.is_some()
                && key.is_some_and(|key| key.fingerprint.as_deref_option() == mark)
        };
        let (holds_primary, holds_secondary) = (leads(&prior.primary), leads(&prior.secondary));
        Some(Repair {
            required: connect::is_required(fields),
            reason: match why {
                Why::Moved => last_written(&record),
                _ => record.reason.filter(|_| told),
            },
            failing_since: record.failing_since.filter(|_| told),
            holds_primary,
            is_rolled_back: why == Why::Altered && holds_secondary && is_retiring(prior),
            asked: record.asked.last().filter(|_| told).cloned(),
            ..Repair::new(*name, why)
        })
    });
    let removed = old.iter().filter(|(name, _)| !new.contains_key(*name));
    let removed = removed.map(|(name, fields)| Repair {
        reason: status(prior, name).and_then(|status| last_written(&status.record())),
        stays: is_retained(fields),
        ..Repair::new(*name, Why::Removed)
    });
    let was_kept = prior.stores_secrets();
    let kept = planned.stores_secrets() && !was_kept && knows_its_secret(prior);
    written.chain(removed).chain(kept.then(the_state)).collect()
}

fn last_written(record: &DeliveryRecord) -> Option<String> {
    let place = record.place.as_ref()?;
    Some(format!("last written to {place}"))
}

/// Whether a place keeps its last value when its delivery ends. By default that depends on who created it, which its store tells
/// the apply.
fn is_retained(fields: &Fields) -> bool {
    let retains = |settings: &ValueAny| match settings {
        ValueAny::Map(settings) => {
            matches!(settings.get("on_destroy"), Some(ValueAny::String(text)) if text == "retain")
        }
        _ => false,
    };
    fields.values().any(retains)
}

/// The state as one more place for the secrets.
pub fn the_state() -> Repair {
    Repair {
        required: false,
        ..Repair::new("the state", Why::Added)
    }
}

fn wrong(former: Option<&Fields>, fields: &Fields, record: &DeliveryRecord) -> Option<Why> {
    match (former, record.state) {
        (None, _) => Some(Why::Added),
        (Some(former), _) if !same_place(former, fields) => Some(Why::Moved),
        (_, DeliveryState::Delivered) => None,
        (_, DeliveryState::Lingering) => Some(Why::Lingers),
        (_, DeliveryState::AwaitingApproval) => Some(Why::Awaited),
        (_, DeliveryState::Rejected) => Some(Why::Rejected),
        (_, DeliveryState::Missing) => Some(Why::Missing),
        (_, DeliveryState::Altered) => Some(Why::Altered),
        (_, DeliveryState::Elsewhere) if elsewhere::is_lost(fields, record) => Some(Why::Missing),
        (_, DeliveryState::Unreadable | DeliveryState::Elsewhere) => Some(Why::Unreadable),
        (_, DeliveryState::Failed) => Some(Why::Failed),
    }
}

fn status<'a>(state: &'a ManagedState, name: &str) -> Option<&'a DeliveryStatus> {
    let records = state.delivery_status.as_ref_option()?;
    records.get(name)?.as_ref_option()
}

fn is_retiring(state: &ManagedState) -> bool {
    let secondary = state.secondary.as_ref_option();
    secondary.is_some_and(|key| key.role.as_deref_option() == Some("retiring"))
}

fn knows_its_secret(state: &ManagedState) -> bool {
    let primary = state.primary.as_ref_option();
    primary.is_some_and(|key| key.fingerprint.is_value())
}

/// Some delivery of the plan holds the keys as it should, or there is none at all.
pub fn any_in_order(planned: &ManagedState, repairs: &[Repair]) -> bool {
    let mut names = connect::entries(&planned.deliveries)
        .map(|(name, _)| name)
        .peekable();
    let lacks = |repair: &&Repair| repair.why != Why::Lingers;
    let in_order = |name: &String| {
        !repairs
            .iter()
            .filter(lacks)
            .any(|repair| repair.name == *name)
    };
    names.peek().is_none() || names.any(in_order)
}

/// The places that deliveries of the state had and that the configuration wants no more.
pub fn left(prior: &ManagedState, planned: &ManagedState) -> Vec<(String, Fields)> {
    let wanted: BTreeMap<_, _> = connect::entries(&planned.deliveries).collect();
    connect::entries(&prior.deliveries)
        .filter(|(name, fields)| !wanted.get(name).is_some_and(|new| same_place(fields, new)))
        .map(|(name, fields)| (name.clone(), fields.clone()))
        .collect()
}

/// Everything but what only says how the place is to be treated.
pub fn same_place(old: &Fields, new: &Fields) -> bool {
    let relevant = |fields: &Fields| {
        let mut fields = fields.clone();
        fields.remove("source");
        fields.remove("required");
        fields.remove("overwrite");
        fields.remove("lost_place");
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
        .filter(|field| new.canonical(field, &old_settings) != new.canonical(field, &new_settings))
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
        || prior.deployments != planned.deployments
        || prior.store_secret_in_state != planned.store_secret_in_state
        || prior.rotation_trigger != planned.rotation_trigger
        || prior.emergency != planned.emergency
        || prior.expected_usage != planned.expected_usage
        || (prior.owner != planned.owner && (names_owners(planned) || names_owners(prior)))
        || (place(prior).environment != place(planned).environment && is_ordered(planned))
        || (place(prior).group != place(planned).group && is_ordered(planned))
        || version_changed(prior, planned)
}

/// Its policy says who has left.
fn names_owners(state: &ManagedState) -> bool {
    let policy = state.policy.as_ref_option();
    policy.is_some_and(|policy| !policy.offboarded_owners.is_null())
}

/// Its policy has environments in order.
fn is_ordered(state: &ManagedState) -> bool {
    let policy = state.policy.as_ref_option();
    policy.is_some_and(|policy| !policy.environment_order.is_null())
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
