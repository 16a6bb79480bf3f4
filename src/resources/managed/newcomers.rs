//! Places that are new to a key, looked at in its plan: what stands there may be the only copy of something.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::domain::situation::Why;
use crate::engine::collision::{Newcomer, claim, judge, refuse_foreign, refuse_one_place_twice};
use crate::engine::connections::{Connections, Delivery, in_delivery};
use crate::engine::managed::Managed;
use crate::engine::precondition::is;
use crate::error::{Error, Path, Result};
use crate::resources::managed::changes::{repairs, replacements};
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::managed::read::named;
use crate::resources::managed::{connect, inventory_entry};
use crate::stores::{Document, Found};

/// What the plan saw.
#[derive(Default)]
pub struct Looked {
    /// What a person should know.
    pub warnings: Vec<Error>,
    /// The mark of the key that a document leads with, or nothing, by the name of the delivery.
    pub seen: BTreeMap<String, Option<String>>,
}

/// Looks at every place of a key that is to be created.
pub async fn of_a_create(planned: &ManagedState, context: &Context) -> Result<Looked> {
    look(planned, &Managed::default(), |_| true, context).await
}

/// Looks at the places of deliveries that are added or moved.
pub async fn of_an_update(
    prior: &ManagedState,
    planned: &ManagedState,
    private: &Private,
    context: &Context,
) -> Result<()> {
    let settled = planned.inputs_known() && !context.awaits_settings();
    if !settled || !replacements(prior, planned).is_empty() {
        return Ok(());
    }
    let managed = prior.managed(private)?;
    let repairs = repairs(prior, planned);
    let is_new = |name: &str| {
        let mut repairs = repairs.iter().filter(|repair| repair.name == name);
        repairs.any(|repair| matches!(repair.why, Why::Added | Why::Moved))
    };
    let looked = look(planned, &managed, is_new, context).await;
    looked.map(drop).map_err(|error| named(planned, error))
}

/// Looks at the places of these deliveries, and refuses what would destroy something. A place that cannot be looked at
/// now is looked at by the apply, before it does anything.
async fn look(
    planned: &ManagedState,
    managed: &Managed,
    is_new: impl Fn(&str) -> bool,
    context: &Context,
) -> Result<Looked> {
    // What cannot be connected is refused elsewhere.
    let Ok(connections) = connect::without_verification(planned, context) else {
        return Ok(Looked::default());
    };
    let mut observed = BTreeMap::new();
    let deliveries = connections.deliveries.iter();
    for (name, delivery) in deliveries.filter(|(name, delivery)| is_new(name) && delivery.readable)
    {
        match delivery.store.observe().await {
            Ok(seen) => drop(observed.insert(name, (delivery, seen.found))),
            Err(error) => {
                tracing::info!(delivery = %name, %error, "a new place could not be looked at")
            }
        }
    }
    // What a place is, the answer of a store may have told already.
    refuse_one_place_twice(&connections.deliveries).await?;
    for (name, delivery) in &connections.deliveries {
        refuse_place_of_another(planned, name, delivery, context).await?;
    }
    let mut looked = Looked::default();
    for (name, (delivery, found)) in observed {
        refuse_foreign(name, delivery, &found)?;
        let there = (planned, managed, name.as_str(), delivery);
        note(&mut looked, there, found, &connections, context).await?;
    }
    Ok(looked)
}

async fn note(
    looked: &mut Looked,
    (planned, managed, name, delivery): (&ManagedState, &Managed, &str, &Delivery),
    found: Found,
    connections: &Connections,
    context: &Context,
) -> Result<()> {
    let Found::Document(document) = found else {
        looked.seen.insert(name.to_owned(), None);
        return Ok(());
    };
    if holds_ours(managed, &document) {
        return Ok(());
    }
    let resource = inventory_entry::resource(planned, context);
    let who = Newcomer {
        resource: &resource,
        is_created: managed.slots.is_none(),
    };
    let ledger = context.ledger.as_ref();
    let told = match judge(&document, delivery, &who, connections, ledger).await {
        Err(error) if error.kind == crate::error::Kind::Invalid => {
            return in_delivery(name, Err(error));
        }
        // Without its ledger or its issuer a plan goes on, and the apply looks again.
        Err(error) => {
            tracing::info!(delivery = %name, %error, "nobody could be asked whose document this is");
            return Ok(());
        }
        Ok(told) => told,
    };
    let mark = document.primary.secret.fingerprint().to_string();
    looked.seen.insert(name.to_owned(), Some(mark));
    let told = told.and_then(|told| in_delivery::<()>(name, Err(told)).err());
    looked.warnings.extend(told);
    Ok(())
}

fn holds_ours(managed: &Managed, document: &Document) -> bool {
    let slots = managed.slots.iter();
    let mut keys = slots
        .flat_map(|slots| [Some(&slots.primary), slots.secondary_key()])
        .flatten();
    let there = [Some(&document.primary), document.secondary.as_ref()];
    keys.any(|key| there.into_iter().flatten().any(|there| is(key, there)))
}

/// Two keys of one configuration whose settings give one place different names.
async fn refuse_place_of_another(
    planned: &ManagedState,
    name: &str,
    delivery: &Delivery,
    context: &Context,
) -> Result<()> {
    let key = planned.label();
    match claim(delivery, &context.configured, key).await {
        None => Ok(()),
        Some(other) => Err(place_of_another(key, &other, name, delivery)),
    }
}

/// The error for a place that another key of the configuration delivers to.
pub fn place_of_another(key: &str, other: &str, name: &str, delivery: &Delivery) -> Error {
    Error::invalid(
        Path::root("deliveries").key(name),
        format!("{key}: another key delivers to the same place"),
        format!(
            "{other} delivers to {} too, and each would overwrite the keys of the other. Give each key a place of its \
             own.",
            delivery.store.place()
        ),
    )
}
