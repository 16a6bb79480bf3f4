//! Places that are new to a key, looked at in its plan: what stands there may be the only copy of something.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::domain::situation::Why;
use crate::engine::collision::{
    Newcomer, claim, holds_ours, judge, judge_opaque, refuse_foreign, refuse_one_place_twice,
    refuse_others,
};
use crate::engine::connections::{Connections, Delivery, in_delivery};
use crate::engine::managed::Managed;
use crate::error::{Error, Kind, Path, Result};
use crate::protocol;
use crate::resources::managed::changes::{repairs, replacements};
use crate::resources::managed::crossing::refuse_crossing;
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::managed::read::named;
use crate::resources::managed::{connect, inventory_entry};
use crate::stores::Found;

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

/// Looks at the places of deliveries that are added or moved. The plan right before an apply leaves that to the apply.
pub async fn of_an_update(
    prior: &ManagedState,
    planned: &ManagedState,
    private: &Private,
    context: &Context,
) -> Result<()> {
    let settled = planned.inputs_known() && !context.awaits_settings();
    if !settled || protocol::call().repeats_a_plan() || !replacements(prior, planned).is_empty() {
        return Ok(());
    }
    let managed = prior.managed(private)?;
    let crossing = refuse_crossing(prior, planned, &managed.former, context);
    crossing.map_err(|error| named(planned, error))?;
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
    for (name, delivery) in deliveries.filter(|(name, _)| is_new(name)) {
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
    let resource = inventory_entry::resource(planned, context);
    let newcomer = Place {
        managed,
        who: Newcomer {
            resource: &resource,
            is_created: managed.slots.is_none(),
            is_planned: true,
            brings: None,
        },
        connections: &connections,
        context,
    };
    let mut looked = Looked::default();
    for (name, (delivery, found)) in observed {
        newcomer.note(&mut looked, name, delivery, found).await?;
    }
    Ok(looked)
}

/// What a judgement of a place depends on.
struct Place<'a> {
    managed: &'a Managed,
    who: Newcomer<'a>,
    connections: &'a Connections,
    context: &'a Context,
}

impl Place<'_> {
    /// Whether other settings lead to the place where this key is delivered already.
    async fn stays(&self, name: &str, delivery: &Delivery) -> bool {
        let record = self.managed.deliveries.get(name);
        let place = record.and_then(|record| record.place.as_ref());
        place.is_some() && place == delivery.store.identity().await.ok().as_ref()
    }

    async fn note(
        &self,
        looked: &mut Looked,
        name: &str,
        delivery: &Delivery,
        found: Found,
    ) -> Result<()> {
        let ledger = self.context.ledger.as_ref();
        if let Found::Document(document) = &found
            && holds_ours(self.managed, document)
        {
            return Ok(());
        }
        let others = refuse_others(Some(&found), delivery, &self.who, ledger).await;
        // Whose it is, is said before what could be done about it.
        unless_unasked(name, others)?;
        refuse_foreign(name, delivery, &found)?;
        if !self.stays(name, delivery).await {
            let opaque = judge_opaque(delivery, &found, &self.who);
            let told = in_delivery(name, opaque)?;
            let told = told.and_then(|told| in_delivery::<()>(name, Err(told)).err());
            looked.warnings.extend(told);
        }
        let Found::Document(document) = found else {
            looked.seen.insert(name.to_owned(), None);
            return Ok(());
        };
        let judged = judge(&document, delivery, &self.who, self.connections, ledger).await;
        let Some(told) = unless_unasked(name, judged)? else {
            return Ok(());
        };
        let mark = document.primary.secret.fingerprint().to_string();
        looked.seen.insert(name.to_owned(), Some(mark));
        let told = told.and_then(|told| in_delivery::<()>(name, Err(told)).err());
        looked.warnings.extend(told);
        Ok(())
    }
}

/// Without its ledger or its issuer a plan goes on, and the apply looks again.
fn unless_unasked<T>(name: &str, judged: Result<T>) -> Result<Option<T>> {
    match judged {
        Ok(told) => Ok(Some(told)),
        Err(error) if error.kind == Kind::Invalid => in_delivery(name, Err(error)),
        Err(error) => {
            tracing::info!(delivery = %name, %error, "nobody could be asked whose place this is");
            Ok(None)
        }
    }
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
