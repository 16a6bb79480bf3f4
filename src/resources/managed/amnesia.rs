//! What is lost with the private data: where the provider was killed in an apply, Terraform writes the state without it. The
//! state tells most of it, and the ledger keeps what nothing else does.

use serde::{Deserialize, Serialize};
use tf_provider::value::Value;

use crate::context::Context;
use crate::domain::deployments::Record;
use crate::engine::former::Former;
use crate::instant::Instant;
use crate::ledger::Intent;
use crate::resources::managed::changes::left;
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::managed::{connect, emergencies, owners, read};

/// What the ledger keeps of the private data.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    former: Vec<Former>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotated_for: Option<String>,
}

/// What the ledger is to keep, as JSON. `None` where it was lost: what the ledger has is not written over.
pub fn kept(private: &Private) -> Option<String> {
    match private.is_lost {
        true => None,
        false => written(private, private.former.clone()),
    }
}

/// The same before an apply writes to places that no state knows yet: whatever becomes of it, they are looked after.
pub fn kept_before(
    prior: &ManagedState,
    planned: &ManagedState,
    private: &Private,
    context: &Context,
) -> Option<String> {
    let new = ahead(prior, planned, context);
    // No ledger has a row yet of what is created, see [`kept_of_a_create`].
    if new.is_empty() || private.is_lost || !prior.primary.is_value() {
        return None;
    }
    let former = private.former.iter().cloned();
    written(private, former.chain(new).collect())
}

/// The same of a create, for the journal: no state hears of it if it is cut off.
pub fn kept_of_a_create(planned: &ManagedState, context: &Context) -> Option<String> {
    let new = ahead(&ManagedState::default(), planned, context);
    written(&Private::default(), new)
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
fn ahead(prior: &ManagedState, planned: &ManagedState, context: &Context) -> Vec<Former> {
    let new = left(planned, prior).into_iter();
    let new = new.filter_map(|(name, settings)| {
        let delivery = connect::delivery(&name, &settings, context).ok()?;
        Some(Former::at(name, delivery.store.place(), settings))
    });
    new.collect()
}

fn written(private: &Private, former: Vec<Former>) -> Option<String> {
    // The trail knows the marks of what was written, by fewer digits.
    let former = former.into_iter().map(|it| Former { mark: None, ..it });
    let kept = Kept {
        former: former.filter(|former| !former.is_lost()).collect(),
        rotated_for: private.rotated_for.clone(),
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
        private.former = merged(&private.former, &kept.former);
        let rotated_for = kept.rotated_for.filter(|_| private.is_lost);
        private.rotated_for = private.rotated_for.take().or(rotated_for);
    }
    if std::mem::take(&mut private.is_lost) {
        let capabilities = connect::capabilities(&state.issuer, context);
        // Under other credentials the keys would seem to be gone.
        let is_bound = capabilities.is_some_and(|able| able.is_bound_to_its_account());
        let known = private.account.take().or(memory.account);
        private.account = known.filter(|_| is_bound);
    }
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
