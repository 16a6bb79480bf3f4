//! Between the state of a managed key and the ledger.

use crate::context::Context;
use crate::domain::notices::Telling;
use crate::domain::slots::{Key, Role, Slots};
use crate::engine::connections::Connections;
use crate::engine::journal::mark;
use crate::engine::managed::Managed;
use crate::error::{Error, Kind};
use crate::instant::Instant;
use crate::ledger::{Holding, KeyMark, KeyRecord, ResourceRef, Slot, Status};
use crate::resources::managed::model::ManagedState;
use crate::resources::managed::{read, telling};

/// Whose keys these are.
pub fn resource(state: &ManagedState, context: &Context) -> ResourceRef {
    ResourceRef {
        id: state.id.as_deref_option().unwrap_or_default().to_owned(),
        name: state.label().to_owned(),
        workspace: context.workspace.clone(),
    }
}

/// The keys that a state holds.
pub fn held(managed: &Managed) -> Vec<KeyMark> {
    let slots = managed.slots.iter();
    let pending = managed.pending_revocations.iter();
    slots
        .flat_map(|slots| [Some(&slots.primary), slots.secondary_key()])
        .flatten()
        .map(mark)
        .chain(pending.map(|id| KeyMark::new(Some(id.clone()), None)))
        .collect()
}

/// What the inventory is to say of a resource. `confirmed_at` is set by a refresh: the keys are in a state.
pub fn holding(
    state: &ManagedState,
    managed: &Managed,
    connections: &Connections,
    account: String,
    context: &Context,
    confirmed_at: Option<Instant>,
) -> Holding {
    let text =
        |value: &tf_provider::value::Value<String>| value.as_deref_option().map(str::to_owned);
    let policy = state.policy.as_ref_option();
    let slots = managed.slots.as_ref();
    let rules = read::policy(state);
    let holding = Holding {
        resource: resource(state, context),
        issuer: connections.kind.to_owned(),
        account,
        group: text(&state.group).unwrap_or_default(),
        environment: text(&state.environment),
        // An empty one names nobody.
        owner: text(&state.owner).filter(|owner| !owner.trim().is_empty()),
        policy: policy.and_then(|policy| text(&policy.name)),
        rotation_due_at: None,
        overdue_at: None,
        revocation_due_at: slots
            .zip(rules.as_ref())
            .and_then(|(slots, policy)| slots.revoke_after(policy)),
        status: String::new(),
        status_reason: String::new(),
        left_by: None,
        generation: slots.map_or(0, |slots| slots.generation),
        // The record of a delivery does not say yet what its place is.
        places: places(managed),
        private_data: None,
        keys: records(managed, confirmed_at),
        telling: Telling::default(),
    };
    as_it_stands(holding, state, context)
}

/// The same with the status and the dates of a state.
pub fn as_it_stands(holding: Holding, state: &ManagedState, context: &Context) -> Holding {
    let due_at = state.rotation_due_at.as_deref_option();
    let due_at = due_at.and_then(Instant::parse);
    let alert_after = read::policy(state).map(|policy| policy.alert_after);
    let words = |value: &tf_provider::value::Value<String>| {
        value.as_deref_option().unwrap_or_default().to_owned()
    };
    Holding {
        rotation_due_at: due_at,
        overdue_at: due_at
            .zip(alert_after)
            .map(|(due_at, after)| due_at + after),
        status: words(&state.status),
        status_reason: words(&state.status_reason),
        telling: telling::telling(state, context.clock.now()),
        ..holding
    }
}

/// What its places are, as far as it was ever written there.
fn places(managed: &Managed) -> Vec<String> {
    let records = managed.deliveries.values();
    records.filter_map(|record| record.place.clone()).collect()
}

fn records(managed: &Managed, confirmed_at: Option<Instant>) -> Vec<KeyRecord> {
    let in_slots = managed.slots.iter().flat_map(slots);
    in_slots
        .map(|(slot, key)| KeyRecord {
            key: mark(key),
            slot,
            status: Status::Live,
            created_at: key.created_at,
            delivered_at: key.delivered_at,
            verified_at: key.verified_at,
            promoted_at: key.promoted_at,
            retired_at: key.retired_at,
            revoked_at: None,
            last_used_at: None,
            noticed: None,
            confirmed_at,
            minted_by: None,
            minted: false,
        })
        .collect()
}

fn slots(slots: &Slots) -> Vec<(Slot, &Key)> {
    let secondary = slots.secondary.as_ref().map(|secondary| {
        let slot = match secondary.role {
            Role::Staged => Slot::Staged,
            Role::Retiring => Slot::Retiring,
        };
        (slot, &secondary.key)
    });
    [Some((Slot::Primary, &slots.primary)), secondary]
        .into_iter()
        .flatten()
        .collect()
}

/// A plan or a refresh goes on without a ledger, and says so.
pub fn without_ledger(error: Error) -> Error {
    Error::new(
        Kind::Unavailable,
        "The ledger cannot be reached, so nothing is checked against it",
        format!(
            "{}: {} Refreshes and plans go on without it; an apply that would mint or revoke a key is refused before it \
             does anything, but for an emergency with break_glass = true.",
            error.summary, error.detail
        ),
    )
}
