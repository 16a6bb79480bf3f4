//! What was left behind in an account by creates that no state ever heard of.

use std::collections::BTreeSet;

use super::understand;
use super::words::{busy, not_looked};
use crate::context::Context;
use crate::engine::connections::Connections;
use crate::engine::former::Former;
use crate::engine::managed::Managed;
use crate::engine::precondition::mark_of;
use crate::engine::recover::{Origins, Remembered};
use crate::error::{Error, Kind, Result};
use crate::ledger::{Intent, KeyMark, Memory, ResourceRef};
use crate::resources::managed::model::ManagedState;
use crate::resources::managed::{amnesia, connect, elsewhere, inventory_entry};
use crate::stores::{Found, Version};

/// What was left behind in an account by creates that no state ever heard of.
#[derive(Default)]
pub struct LeftByCreate {
    /// Keys that belong to no resource, by id.
    pub orphans: Vec<String>,
    /// The mints that some of them came of.
    pub origins: Origins,
    /// Places that they may have written to, and where nothing is delivered any more.
    pub former: Vec<Former>,
    /// There are some that this one repeats.
    pub repeats: bool,
    /// The issuer has room for a key beside them, so that they are revoked only once their successor is delivered.
    pub has_room: bool,
    /// There is more than was looked at.
    pub more: bool,
    /// What a person should know.
    pub warnings: Vec<Error>,
}

/// Looks before a create. Whatever cannot be asked is told, and looked at again by the apply.
pub async fn of_a_create(planned: &ManagedState, context: &Context) -> LeftByCreate {
    let looked = match connect::without_verification(planned, context) {
        Ok(connections) => look_before_create(planned, &connections, context).await,
        Err(error) => Err(error),
    };
    looked.unwrap_or_else(|error| LeftByCreate {
        warnings: vec![not_looked(planned.label(), &error)],
        ..LeftByCreate::default()
    })
}

pub(super) async fn look_before_create(
    planned: &ManagedState,
    connections: &Connections,
    context: &Context,
) -> Result<LeftByCreate> {
    let ledger = context.ledger.as_ref();
    if !ledger.remembers() {
        return Ok(LeftByCreate::default());
    }
    let Ok(account) = connections.issuer.lock().await else {
        // The apply asks again, and says what is wrong.
        return Ok(LeftByCreate::default());
    };
    let memory = ledger.recall_never_confirmed(&account).await?;
    let memory = of_this_name(memory, &account, planned, context).await?;
    if memory == Memory::default() {
        return Ok(LeftByCreate::default());
    }
    if memory.is_busy() {
        return Ok(LeftByCreate {
            warnings: vec![busy(planned.label())],
            ..LeftByCreate::default()
        });
    }
    let former = left_places(&memory, planned, connections);
    let repeats = memory.open.iter().any(Intent::creates);
    let remembered = Remembered::complete(memory, &[], &account, ledger).await?;
    let more = remembered.memory.more;
    // A key whose apply came to its end is in the state that it answered with, although no refresh has seen that yet.
    let recovered = understand(planned, &remembered, &[], connections, context).await?;
    recovered.settle(ledger, context.clock.now()).await;
    let has_room = connections.issuer.check(&recovered.orphans).await;
    Ok(LeftByCreate {
        has_room: !has_room.is_err_and(|error| error.kind == Kind::Limit),
        more,
        orphans: recovered.orphans,
        origins: recovered.origins,
        former,
        repeats,
        warnings: recovered.warnings,
    })
}

/// Where creates were going to write, and nothing is delivered any more.
fn left_places(memory: &Memory, planned: &ManagedState, connections: &Connections) -> Vec<Former> {
    let attempts = memory.open.iter().filter(|intent| intent.creates());
    let places = attempts.flat_map(amnesia::places_of_a_create);
    let mut left: Vec<Former> = places
        .filter(|former| delivered_at(&former.place, connections).is_none())
        .collect();
    elsewhere::let_go(planned, &mut left);
    left
}

/// The delivery that leads to a place.
fn delivered_at<'a>(place: &str, connections: &'a Connections) -> Option<&'a String> {
    let mut deliveries = connections.deliveries.iter();
    let wanted = deliveries.find(|(_, delivery)| delivery.store.place() == place);
    wanted.map(|(name, _)| name)
}

/// Closes the creates that this resource repeats, as soon as nothing of what they wrote stands anywhere: their keys without an
/// id are gone by that.
pub async fn close_repeated(
    state: &ManagedState,
    managed: &Managed,
    connections: &Connections,
    account: &str,
    context: &Context,
) -> Result<()> {
    let ledger = context.ledger.as_ref();
    let memory = ledger.recall_never_confirmed(account).await?;
    let mut memory = of_this_name(memory, account, state, context).await?;
    let mut over = BTreeSet::new();
    for attempt in memory.open.iter().filter(|intent| intent.creates()) {
        let is_cut_off = attempt.resource.id != managed.id && !memory.alive.contains(&attempt.id);
        if is_cut_off && is_nowhere(attempt, managed, connections, context).await? {
            over.insert(attempt.id.clone());
        }
    }
    if over.is_empty() {
        return Ok(());
    }
    memory.open.retain(|intent| over.contains(&intent.apply));
    memory
        .keys
        .retain(|key| key.minted_by.as_ref().is_some_and(|by| over.contains(by)));
    let remembered = Remembered {
        repeated: true,
        ..Remembered::complete(memory, &[], account, ledger).await?
    };
    let recovered = understand(state, &remembered, &[], connections, context).await?;
    recovered.settle(ledger, context.clock.now()).await;
    Ok(())
}

/// Whether no place that a create was going to write to holds a key of it any more.
async fn is_nowhere(
    attempt: &Intent,
    managed: &Managed,
    connections: &Connections,
    context: &Context,
) -> Result<bool> {
    let ledger = context.ledger.as_ref();
    let keys = ledger.recall(&attempt.resource.id).await?.keys;
    let is_of_it = |mark: &KeyMark| keys.iter().any(|record| record.key.is(mark));
    for former in amnesia::places_of_a_create(attempt) {
        if let Some(name) = delivered_at(&former.place, connections) {
            match managed.deliveries.get(name) {
                Some(record) if record.is_in_order() => continue,
                _ => return Ok(false),
            }
        }
        let delivery = connect::delivery(&former.name, &former.settings, context)?;
        if delivery.store.place() != former.place {
            // A relative path, from another directory.
            return Ok(false);
        }
        let seen = delivery.store.observe().await?;
        let stands = match (&seen.found, &seen.version) {
            (Found::Document(document), _) => {
                let keys = [Some(&document.primary), document.secondary.as_ref()];
                keys.into_iter()
                    .flatten()
                    .any(|key| is_of_it(&mark_of(key)))
            }
            (Found::Foreign(foreign), _) => {
                foreign.holds(|mark| is_of_it(&KeyMark::new(None, Some(mark))))
            }
            (Found::Opaque, Version::Of(version)) => {
                let place = delivery.place(&former.name);
                ledger
                    .explains(&attempt.resource.id, &place, version)
                    .await?
            }
            (Found::Opaque | Found::Nothing | Found::Deleted(_), _) => false,
        };
        if stands {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What creates of this name left behind, whatever their ids were. A key of another resource may stand in documents of
/// which nothing is known here: its next apply looks after it. But who works on the whole account may just have made a key
/// of it.
async fn of_this_name(
    mut memory: Memory,
    account: &str,
    planned: &ManagedState,
    context: &Context,
) -> Result<Memory> {
    let who = inventory_entry::resource(planned, context);
    let is_named_alike =
        |other: &ResourceRef| other.name == who.name && other.workspace == who.workspace;
    let beside = memory.open.iter().filter(|intent| {
        let lock = intent.fence.as_ref().map(|fence| fence.name.as_str());
        !is_named_alike(&intent.resource) && lock != Some(account)
    });
    for intent in beside {
        memory.alive.remove(&intent.id);
    }
    memory
        .open
        .retain(|intent| is_named_alike(&intent.resource));
    let marks: Vec<KeyMark> = memory
        .keys
        .iter()
        .map(|record| record.key.clone())
        .collect();
    let owners = context.ledger.find_keys(&marks).await?;
    memory.keys.retain(|record| {
        let mut owners = owners.iter().filter(|(_, known)| known.key.is(&record.key));
        owners.any(|(owner, _)| is_named_alike(owner))
    });
    Ok(memory)
}
