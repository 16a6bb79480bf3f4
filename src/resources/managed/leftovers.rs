//! What earlier applies left behind, as the ledger tells it: keys that are nobody's, and applies that no state heard of.

use crate::context::Context;
use crate::domain::slots::Slots;
use crate::engine::connections::{Connections, stale};
use crate::engine::gather::{Copies, gather};
use crate::engine::managed::{DeliveryState, Managed};
use crate::engine::recover::{Recovered, Remembered, follow, is_served, recover};
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::{Holding, KeyMark, KeyRecord, Ledger, Memory, Slot, Status};
use crate::resources::managed::model::ManagedState;
use crate::resources::managed::{connect, remember};

/// What was left behind of a key that exists.
pub struct Left {
    /// The keys as the state is to have them now.
    pub managed: Managed,
    /// What a person should know.
    pub warnings: Vec<Error>,
    /// The ledger could be asked, so that nothing else is left of the resource than what is known.
    pub is_certain: bool,
    found: Vec<String>,
}

impl Left {
    /// Those of the pending revocations that an apply left behind; `known` are those that were so before.
    pub fn orphans(&self, known: Vec<String>) -> Vec<String> {
        let pending = self.managed.pending_revocations.iter();
        pending
            .filter(|id| self.found.contains(id) || known.contains(id))
            .cloned()
            .collect()
    }
}

/// Looks at a key that exists, and brings the ledger up to its state.
pub async fn of(
    state: &ManagedState,
    managed: &Managed,
    connections: &Connections,
    account: &str,
    context: &Context,
) -> Result<Left> {
    let mut left = Left {
        managed: managed.clone(),
        warnings: Vec::new(),
        is_certain: true,
        found: Vec::new(),
    };
    let ledger = context.ledger.as_ref();
    if !ledger.remembers() {
        return Ok(left);
    }
    let held = remember::held(managed);
    let remembered = match remembered(managed, &held, account, ledger).await {
        Ok(remembered) => remembered,
        Err(error) => {
            left.warnings.push(remember::without_ledger(error));
            left.is_certain = false;
            return Ok(left);
        }
    };
    if remembered.memory.busy {
        left.warnings.push(busy(state.label()));
        left.is_certain = false;
        return Ok(left);
    }
    let mut recovered = understand(state, &remembered, &held, connections, context).await?;
    left.warnings.append(&mut recovered.warnings);
    for unheard in &recovered.unheard {
        match follow_up(managed, unheard, connections, context).await? {
            Some(slots) => {
                left.warnings.push(followed(state.label(), unheard, &slots));
                left.managed.slots = Some(slots);
            }
            None => recovered.orphans.extend(unheard.key.key_id.clone()),
        }
    }
    let new = recovered.orphans.iter();
    let new = new.filter(|id| !managed.pending_revocations.contains(id));
    left.managed.pending_revocations.extend(new.cloned());
    left.found = recovered.orphans.clone();
    let now = context.clock.now();
    recovered.settle(ledger, now).await;
    let confirmed = Some(now);
    let holding = remember::holding(
        state,
        managed,
        connections,
        account.to_owned(),
        context,
        confirmed,
    );
    let holding = with_the_gone(holding, &remembered.memory, &recovered.gone, now);
    if let Err(error) = ledger.record(&holding, now).await {
        left.warnings.push(remember::without_ledger(error));
    }
    Ok(left)
}

async fn remembered(
    managed: &Managed,
    held: &[KeyMark],
    account: &str,
    ledger: &dyn Ledger,
) -> Result<Remembered> {
    let memory = ledger.recall(&managed.id).await?;
    Remembered::complete(memory, held, account, ledger).await
}

async fn understand(
    state: &ManagedState,
    remembered: &Remembered,
    held: &[KeyMark],
    connections: &Connections,
    context: &Context,
) -> Result<Recovered> {
    let now = context.clock.wall();
    recover(state.label(), remembered, held, connections, now).await
}

/// The slots after an apply that no state heard of, if everything outside is as that apply left it.
async fn follow_up(
    managed: &Managed,
    unheard: &KeyRecord,
    connections: &Connections,
    context: &Context,
) -> Result<Option<Slots>> {
    let Some(slots) = &managed.slots else {
        return Ok(None);
    };
    let Some(slots) = follow(slots, unheard, connections).await? else {
        return Ok(None);
    };
    let candidate = Managed {
        slots: Some(slots.clone()),
        ..managed.clone()
    };
    let now = context.clock.now();
    let sight = gather(&candidate, connections, None, Copies::default(), now).await?;
    let mut records = sight.deliveries.values();
    Ok(records
        .all(|record| record.state == DeliveryState::Delivered)
        .then_some(slots))
}

/// The state is the truth for live keys, and the issuer for dead ones.
fn with_the_gone(holding: Holding, memory: &Memory, gone: &[KeyMark], now: Instant) -> Holding {
    let records = memory.keys.iter();
    let gone = records.filter(|record| gone.contains(&record.key));
    let gone = gone.map(|record| KeyRecord {
        slot: Slot::None,
        status: Status::Revoked,
        revoked_at: Some(now),
        ..record.clone()
    });
    Holding {
        keys: holding.keys.into_iter().chain(gone).collect(),
        ..holding
    }
}

/// What was left behind in an account by creates that no state ever heard of.
#[derive(Default)]
pub struct LeftByCreate {
    /// Keys that are nobody's, by id.
    pub orphans: Vec<String>,
    /// The issuer has room for a key beside them, so that they are revoked only once their successor is delivered.
    pub has_room: bool,
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

async fn look_before_create(
    planned: &ManagedState,
    connections: &Connections,
    context: &Context,
) -> Result<LeftByCreate> {
    let ledger = context.ledger.as_ref();
    if !ledger.remembers() || !connections.abilities.inspect {
        return Ok(LeftByCreate::default());
    }
    let Ok(account) = connections.issuer.lock().await else {
        // The apply asks again, and says what is wrong.
        return Ok(LeftByCreate::default());
    };
    let memory = ledger.recall_never_confirmed(&account).await?;
    if memory == Memory::default() {
        return Ok(LeftByCreate::default());
    }
    if memory.busy {
        return Ok(LeftByCreate {
            warnings: vec![busy(planned.label())],
            ..LeftByCreate::default()
        });
    }
    let remembered = Remembered::complete(memory, &[], &account, ledger).await?;
    let mut recovered = understand(planned, &remembered, &[], connections, context).await?;
    for unheard in &recovered.unheard {
        // Once this create is delivered over it, nobody can read it any more.
        if is_served(&unheard.key, connections).await? {
            recovered.orphans.extend(unheard.key.key_id.clone());
        }
    }
    recovered.settle(ledger, context.clock.now()).await;
    let has_room = connections.issuer.check(&recovered.orphans).await;
    Ok(LeftByCreate {
        has_room: !has_room.is_err_and(|error| error.kind == Kind::Limit),
        orphans: recovered.orphans,
        warnings: recovered.warnings,
    })
}

/// Under the lock, before a key is minted or the resource ends: nothing may be there that the plan did not show.
pub async fn refuse_unseen(
    planned: &ManagedState,
    managed: &Managed,
    connections: &Connections,
    context: &Context,
) -> Result<()> {
    let ledger = context.ledger.as_ref();
    let found = if managed.slots.is_none() {
        let left = look_before_create(planned, connections, context);
        left.await?.orphans
    } else {
        let account = connections.issuer.lock().await?;
        let held = remember::held(managed);
        let remembered = remembered(managed, &held, &account, ledger).await?;
        let recovered = understand(planned, &remembered, &held, connections, context).await?;
        let unheard = recovered.unheard.into_iter();
        let unheard = unheard.filter_map(|record| record.key.key_id);
        recovered.orphans.into_iter().chain(unheard).collect()
    };
    let shown = &managed.pending_revocations;
    match found.iter().find(|id| !shown.contains(id)) {
        None => Ok(()),
        Some(id) => Err(stale(format!(
            "an apply that did not finish left key {id} behind"
        ))),
    }
}

fn not_looked(name: &str, error: &Error) -> Error {
    Error::new(
        error.kind,
        format!("{name}: nobody knows yet what earlier applies left behind"),
        format!("{error} The apply looks again before it mints, and does nothing if it cannot."),
    )
}

fn busy(name: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("{name}: another apply is at work on this key"),
        "It holds the lock in the ledger, or was cut off a moment ago and its lease has not run out. What it did is not \
         judged yet; plan again when it is over.",
    )
}

fn followed(name: &str, unheard: &KeyRecord, slots: &Slots) -> Error {
    let role = match unheard.slot {
        Slot::Primary => "primary",
        _ => "staged",
    };
    Error::new(
        Kind::Other,
        format!("{name}: an earlier apply is made up for in the state"),
        format!(
            "It made {} the {role} key and came to its end, but its result never reached the state. The deliveries hold \
             exactly its keys, so the state follows: generation {}.",
            unheard.key.label(),
            slots.generation
        ),
    )
}
