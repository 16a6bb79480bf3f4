//! What is lost with the private data: where the provider was killed in an apply, Terraform writes the state without it. The
//! state tells most of it, and the ledger keeps what nothing else does.

use serde::{Deserialize, Serialize};
use tf_provider::value::Value;

use crate::context::Context;
use crate::domain::deployments::Record;
use crate::engine::connections::Connections;
use crate::engine::former::Former;
use crate::engine::managed::Managed;
use crate::instant::Instant;
use crate::ledger::Intent;
use crate::resources::managed::changes::{left, same_place};
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::managed::{connect, emergencies, owners, read};

/// What the ledger keeps of the private data.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    former: Vec<Former>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotated_for: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requested_at: Option<Instant>,
}

/// What the ledger is to keep, as JSON. `None` where it was lost: what the ledger has is not written over.
pub fn kept(private: &Private) -> Option<String> {
    kept_with(private, &[])
}

/// The same with places that an apply writes to and that no state knows yet: before it does, and at its end, as nobody knows
/// whether the state is ever written. Whatever becomes of it, they are looked after.
pub fn kept_with(private: &Private, new: &[Former]) -> Option<String> {
    match private.is_lost {
        true => None,
        false => written(private, private.former.iter().chain(new).cloned().collect()),
    }
}

/// The same of a create, for the journal: no state hears of it if it is cut off.
pub async fn kept_of_a_create(planned: &ManagedState, connections: &Connections) -> Option<String> {
    let new = ahead(&ManagedState::default(), planned, connections).await;
    written(&Private::default(), new)
}

/// The places that the ledger keeps and of which this state has not heard: those of an apply that was cut off, or whose answer
/// nobody wrote down. `held` is what the places are that it has.
pub fn unheard(private_data: Option<&str>, held: &Managed) -> Vec<Former> {
    let kept = read_back(private_data).unwrap_or_default();
    let is_held = |former: &Former| {
        let mut records = held.deliveries.values();
        former.identity.is_some() && records.any(|record| record.place == former.identity)
    };
    kept.former.into_iter().filter(|it| !is_held(it)).collect()
}

/// The state has heard of it since, as a delivery with the same settings. Before there is anything its place may have another
/// name: where nobody tells upper from lower case, the one that was asked for, and what awaits approval has none yet.
fn is_heard_of(former: &Former, state: &ManagedState, held: &Managed) -> bool {
    let mut wanted = connect::entries(&state.deliveries);
    wanted.any(|(name, fields)| {
        let record = held.deliveries.get(name);
        let place = record.and_then(|record| record.place.as_deref());
        let is_same = |there: &str| {
            let known = former.identity.as_deref();
            known.is_none_or(|known| known.eq_ignore_ascii_case(there))
        };
        same_place(&former.settings, fields) && place.is_none_or(is_same)
    })
}

/// Where a create was going to write that was cut off, as the journal has it.
pub fn places_of_a_create(attempt: &Intent) -> Vec<Former> {
    let kept = read_back(attempt.private_data.as_deref()).unwrap_or_default();
    let former = kept.former.into_iter().map(|former| Former {
        attempt: Some(attempt.resource.id.clone()),
        ..former
    });
    former.collect()
}

/// The places that an apply is going to write to and that the state does not have.
pub async fn ahead(
    prior: &ManagedState,
    planned: &ManagedState,
    connections: &Connections,
) -> Vec<Former> {
    let mut new = Vec::new();
    for (name, settings) in left(planned, prior) {
        if let Some(delivery) = connections.deliveries.get(&name) {
            let place = delivery.store.place();
            let identity = delivery.store.identity().await.ok();
            new.push(Former {
                identity,
                ..Former::at(name, place, settings)
            });
        }
    }
    new
}

fn written(private: &Private, former: Vec<Former>) -> Option<String> {
    // The trail knows the marks of what was written, by fewer digits.
    let former = former.into_iter().map(|it| Former { mark: None, ..it });
    let kept = Kept {
        former: former.filter(|former| !former.is_lost()).collect(),
        rotated_for: private.rotated_for.clone(),
        requested_at: private.requested_at,
    };
    serde_json::to_string(&kept).ok()
}

/// What the state itself tells. Deployments of which nothing is remembered may have shown any key to those who read it: they
/// are asked for again.
pub fn note_loss(state: &ManagedState, private: &mut Private) {
    if state.primary.is_value() && *private == Private::lost() {
        private.requested_at = requested_at(state);
        private.rotated_for = owners::of_a_create(state);
        private.former = former_places(state);
        emergencies::note_what_is_over(state, &mut private.incidents);
    }
    for (name, _) in connect::entries(&state.deployments) {
        let known = private.deployments.entry(name.clone());
        known.or_insert_with(Record::unknown);
    }
}

/// Takes over what the ledger remembers; one that cannot be asked now is asked by the next refresh. An apply keeps to its plan,
/// which may have been made without one.
pub async fn recall(state: &ManagedState, private: &mut Private, context: &Context) {
    note_loss(state, private);
    let id = state.id.as_deref_option().unwrap_or_default();
    let memory = match context.ledger.recall(id).await {
        Ok(memory) => memory,
        Err(error) => {
            tracing::warn!(%error, "nobody can tell what the ledger keeps of the private data");
            // It is not written over before it was read.
            private.is_lost = true;
            return;
        }
    };
    if let Some(kept) = read_back(memory.private_data.as_deref()) {
        // Those that no state knows as well: an apply that was cut off may have written to them.
        let held = state.managed(private).unwrap_or_default();
        let unheard = unheard(memory.private_data.as_deref(), &held);
        private.former = merged(&private.former, &unheard);
        private
            .former
            .retain(|former| !is_heard_of(former, state, &held));
        private.rotated_for = match private.rotated_for.take() {
            // A state from before a rotation knows less of whom that was for.
            known if memory.generation > generation(state) => kept.rotated_for.or(known),
            None if private.is_lost => kept.rotated_for,
            known => known,
        };
        // The rotation for an owner who left is not over because the ledger knows of it.
        let asked = kept.requested_at.filter(|_| private.is_lost);
        private.requested_at = private.requested_at.or(asked);
    }
    if std::mem::take(&mut private.is_lost) {
        let capabilities = connect::capabilities(&state.issuer, context);
        // Under other credentials the keys would seem to be gone.
        let is_bound = capabilities.is_some_and(|able| able.is_bound_to_its_account());
        let known = private.account.take().or(memory.account);
        private.account = known.filter(|_| is_bound);
    }
}

fn generation(state: &ManagedState) -> Option<u64> {
    u64::try_from(state.generation.as_option().unwrap_or(1)).ok()
}

fn read_back(private_data: Option<&str>) -> Option<Kept> {
    let kept = serde_json::from_str(private_data?);
    if let Err(error) = &kept {
        tracing::warn!(%error, "what the ledger keeps of the private data cannot be read");
    }
    kept.ok()
}

/// The ledger was told at the end of every apply, so that it knows all those of which a state has the names alone.
fn merged(known: &[Former], kept: &[Former]) -> Vec<Former> {
    let known = known.iter().filter(|one| !one.is_lost());
    let mut all: Vec<Former> = known.cloned().collect();
    let is_in = |list: &[Former], one: &Former| list.iter().any(|it| it.place == one.place);
    let new = kept.iter().filter(|one| !is_in(&all, one));
    let new: Vec<Former> = new.cloned().collect();
    all.extend(new);
    all
}

/// A rotation that is due before the interval is over was asked for.
fn requested_at(state: &ManagedState) -> Option<Instant> {
    let slots = state.managed(&Private::default()).ok()?.slots?;
    let due_at = Instant::parse(state.rotation_due_at.as_deref_option()?)?;
    (due_at < slots.due_at(&read::policy(state)?)).then_some(due_at)
}

/// Their names are all that a state has of them.
fn former_places(state: &ManagedState) -> Vec<Former> {
    let places = state.pending_removals.as_ref_option().into_iter().flatten();
    let places = places.filter_map(Value::as_deref_option);
    places.map(Former::lost).collect()
}
