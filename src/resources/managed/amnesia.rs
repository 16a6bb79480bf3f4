//! What is lost with the private data: where the provider was killed in an apply, Terraform writes the state without it.

use tf_provider::value::Value;

use crate::context::Context;
use crate::domain::deployments::Record;
use crate::engine::connections::Connections;
use crate::engine::managed::Managed;
use crate::error::{Error, Kind};
use crate::resources::managed::connect::entries;
use crate::resources::managed::model::{ManagedState, Private};

/// Deployments of which nothing is remembered may have shown any key to those who read it: they are asked for again.
pub fn deployments(state: &ManagedState, private: &mut Private) {
    for (name, _) in entries(&state.deployments) {
        let known = private.deployments.entry(name.clone());
        known.or_insert_with(Record::unknown);
    }
}

/// The account that the keys are in. Under other credentials they would seem to be gone; the ledger remembers it too.
pub async fn account(
    managed: &Managed,
    connections: &Connections,
    context: &Context,
) -> Option<String> {
    let is_lost = managed.account.is_none() && managed.slots.is_some();
    if !is_lost || !connections.capabilities.is_bound_to_its_account() {
        return managed.account.clone();
    }
    match context.ledger.recall(&managed.id).await {
        Ok(memory) => memory.account,
        Err(error) => {
            tracing::warn!(%error, "nobody can tell which account the keys are in");
            None
        }
    }
}

/// How former places were reached is remembered nowhere else.
pub fn former_places(state: &ManagedState, private: &Private) -> Option<Error> {
    let places = match &state.pending_removals {
        Value::Value(places) if private.former.is_empty() => places.iter(),
        _ => return None,
    };
    let places: Vec<&str> = places.filter_map(Value::as_deref_option).collect();
    if places.is_empty() {
        return None;
    }
    let (name, places) = (state.label(), places.join(", "));
    Some(Error::new(
        Kind::Other,
        format!("{name}: nobody empties {places} any more"),
        "It may still hold keys of this resource: a delivery has left it, and it was not emptied yet when the provider was \
         killed in an apply, which lost how it is reached. Take the keys out by hand; or add the delivery again as it was, \
         apply, and take it out again.",
    ))
}
