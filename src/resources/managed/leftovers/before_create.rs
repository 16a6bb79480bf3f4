//! What was left behind in an account by creates that no state ever heard of.

use super::understand;
use super::words::{busy, not_looked};
use crate::context::Context;
use crate::engine::connections::Connections;
use crate::engine::recover::{Origins, Remembered};
use crate::error::{Error, Kind, Result};
use crate::ledger::{KeyMark, Memory, ResourceRef};
use crate::resources::managed::model::ManagedState;
use crate::resources::managed::{connect, inventory_entry};

/// What was left behind in an account by creates that no state ever heard of.
#[derive(Default)]
pub struct LeftByCreate {
    /// Keys that belong to no resource, by id.
    pub orphans: Vec<String>,
    /// The mints that some of them came of.
    pub origins: Origins,
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
        warnings: recovered.warnings,
    })
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
