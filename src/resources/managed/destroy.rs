//! A destroy: the keys are revoked and taken out of the stores, or everything is left as it is.

use crate::context::Context;
use crate::domain::policy::OnDestroy;
use crate::domain::slots::{Key, Slots};
use crate::engine::account_lock::AccountLock;
use crate::engine::connections::{Connections, Delivery, in_delivery};
use crate::engine::declared::refuse_living;
use crate::engine::deliver::{self, Past};
use crate::engine::elsewhere::refuse_elsewhere;
use crate::engine::former::Former;
use crate::engine::journal::{Deed, mark};
use crate::engine::managed::Managed;
use crate::engine::precondition::{Ours, Stranger, refuse_unread, refused, stranger};
use crate::error::{Error, Kind, Result};
use crate::issuers::{KeyRef, Supply};
use crate::ledger::hold::holder;
use crate::ledger::{Effect, KeyMark, Slot, Status};
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::managed::read::{named, policy};
use crate::resources::managed::records::Records;
use crate::resources::managed::{amnesia, brought, connect, copied, inventory_entry, leftovers};
use crate::secret::Fingerprint;
use crate::stores::Found;

const ACTION: &str = "destroy";

/// Revokes the keys and takes them out of the stores, or leaves everything, as the policy in the state says.
///
/// Whatever can be done is done. What is given back are places that could not be emptied although nothing in them works
/// any more, or that are not required.
pub async fn destroy(
    state: ManagedState,
    mut private: Private,
    context: &Context,
) -> Result<Vec<Error>> {
    amnesia::recall(&state, &mut private, context).await;
    let name = |error| named(&state, error);
    let mut managed = state.managed(&private)?;
    let connections = connect::without_verification(&state, context).map_err(name)?;
    let mut connections = connections.with_places_of(&managed);
    connections.former = connect::former(&managed.former, context);
    if policy(&state).is_some_and(|policy| policy.on_destroy == OnDestroy::Retain) {
        retain(&state, &managed, connections, context).await;
        return Ok(Vec::new());
    }
    copied::refuse_to_end(&state, context).await.map_err(name)?;
    refuse_elsewhere(&connections).await.map_err(name)?;
    let known = managed.account.as_deref();
    let lock = AccountLock::take(context, &connections, known, &managed.lock())
        .await
        .map_err(name)?;
    let left_behind = leftovers::left_behind(&state, &managed, &connections, context);
    let left_behind = left_behind.await.map_err(name)?;
    let beside: Vec<Error> = left_behind.unseen.iter().map(|id| along(id)).collect();
    let unseen = left_behind.unseen.iter().cloned();
    managed.pending_revocations.extend(unseen);
    refuse_newer(&managed, &left_behind.keys, &connections, context)
        .await
        .map_err(name)?;
    let begun = Records::begin(
        &state,
        &managed,
        connections,
        lock,
        left_behind,
        ACTION.to_owned(),
        context,
    );
    let records = begun.await.map_err(name)?;
    match revoke_and_withdraw(&managed, &records, context).await {
        Ok(warnings) => {
            // Whoever has the lock by now may have made a key of it again.
            records.close().await.map_err(name)?;
            // What was done is done, so nothing of this makes an error of it.
            if let Ok(connections) = connect::without_verification(&state, context) {
                let is_minted = connections.capabilities.supply == Supply::Minted;
                let all_is_gone = warnings.is_empty() && is_minted;
                let close = leftovers::close_with_the_resource;
                close(&state, &managed, &connections, all_is_gone, context).await;
            }
            if let Some(alive) = left_to_a_person(managed, &state, context) {
                let connections = connect::without_verification(&state, context).map_err(name)?;
                retain(&state, &alive, connections, context).await;
            }
            Ok(beside.into_iter().chain(warnings).map(name).collect())
        }
        Err(error) => {
            records.abandon(&error).await;
            Err(named(&state, error))
        }
    }
}

/// No plan has told of it.
fn along(id: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("key {id} is revoked as well"),
        "An apply that did not finish had left it behind. It was of this resource, and nothing holds it.",
    )
}

/// A newer key of this very resource would lose its document and live on. The key of another resource stays where it is.
async fn refuse_newer(
    managed: &Managed,
    left_behind: &[KeyMark],
    connections: &Connections,
    context: &Context,
) -> Result<()> {
    // Without a key of its own it takes away none of the documents.
    if managed.slots.is_none() {
        return Ok(());
    }
    let ours = Ours {
        managed,
        minted: None,
        left_behind,
    };
    let ledger = context.ledger.as_ref();
    for (name, delivery) in &connections.deliveries {
        // What cannot be read is found out when it is to be taken away.
        let Ok(seen) = delivery.look(name).await else {
            continue;
        };
        let Found::Document(document) = seen.found else {
            refuse_unread(name, delivery, &seen, managed, ledger).await?;
            continue;
        };
        let found = stranger(&document, &ours, connections, ledger).await?;
        let is_ours = |stranger: &Stranger| match &stranger.owner {
            Some(owner) => owner.id == managed.id,
            None => stranger.is_newer || stranger.is_beside_ours,
        };
        if let Some(stranger) = found.filter(is_ours) {
            let generation = managed.slots.as_ref().map_or(0, |slots| slots.generation);
            let place = delivery.store.place();
            return in_delivery(
                name,
                Err(refused(&place, &stranger, &managed.id, generation)),
            );
        }
    }
    Ok(())
}

async fn revoke_and_withdraw(
    managed: &Managed,
    records: &Records<'_>,
    context: &Context,
) -> Result<Vec<Error>> {
    // A key that exists where it is delivered and nowhere else ends by being taken away, and is not called revoked before.
    if lives_in_documents(&records.connections) {
        let mut told = empty_all(managed, records).await?;
        told.extend(revoke_all(managed, records, context).await?);
        return Ok(told);
    }
    let mut told = revoke_all(managed, records, context).await?;
    told.extend(empty_all(managed, records).await?);
    Ok(told)
}

fn lives_in_documents(connections: &Connections) -> bool {
    let able = connections.capabilities;
    able.local && able.supply == Supply::Minted
}

async fn revoke_all(
    managed: &Managed,
    records: &Records<'_>,
    context: &Context,
) -> Result<Vec<Error>> {
    let mut told = Vec::new();
    for id in &managed.pending_revocations {
        let pending = KeyMark::new(Some(id.clone()), None);
        let survivor = managed
            .slots
            .as_ref()
            .map(|slots| reference(&slots.primary));
        let revoke = |_| {
            records
                .connections
                .issuer
                .revoke(KeyRef::of_id(id), survivor)
        };
        let revoked = effect(records, pending, revoke).await;
        told.extend(unless_by_hand(id, revoked, &records.connections)?);
    }
    let Some(slots) = &managed.slots else {
        return Ok(told);
    };
    for key in keys(slots) {
        let survivor = Some(&slots.primary).filter(|primary| *primary != key);
        let connections = &records.connections;
        let revoke = async |_| {
            let issuer = &connections.issuer;
            issuer
                .revoke(reference(key), survivor.map(reference))
                .await?;
            refuse_living(key, connections, &context.stop).await
        };
        let revoked = effect(records, mark(key), revoke).await;
        told.extend(unless_by_hand(key.label(), revoked, connections)?);
        tracing::info!(revoked = %key.label(), "revoked, or left to a person");
    }
    Ok(told)
}

fn keys(slots: &Slots) -> impl Iterator<Item = &Key> {
    [slots.secondary_key(), Some(&slots.primary)]
        .into_iter()
        .flatten()
}

async fn empty_all(managed: &Managed, records: &Records<'_>) -> Result<Vec<Error>> {
    let Some(slots) = &managed.slots else {
        return Ok(Vec::new());
    };
    let past = Past::of(managed, records.journal.ledger()).await?;
    let is_ours = |mark: &Fingerprint| {
        let mut keys = keys(slots);
        let mut records = managed.deliveries.values();
        keys.any(|key| key.fingerprint.as_ref() == Some(mark))
            || records.any(|record| record.fingerprint.as_ref() == Some(mark))
            || past.has(mark)
    };
    let mut told = withdraw(&is_ours, records).await?;
    told.extend(to_be_rejected(managed));
    Ok(told)
}

/// What was asked for and is not approved yet is nothing that a destroy could take back.
fn to_be_rejected(managed: &Managed) -> impl Iterator<Item = Error> {
    let records = managed.deliveries.iter();
    let waits = records.filter(|(_, record)| record.awaits_approval());
    waits.map(|(name, record)| {
        let why = record
            .reason
            .as_deref()
            .unwrap_or("a change awaits approval");
        Error::new(
            Kind::Awaiting,
            format!("delivery {name:?}: {why}"),
            "Reject it: approved, it would deliver a dead key.",
        )
    })
}

/// A key that only a person can revoke does not keep a resource, and is told of. The attributes in which its end could be
/// confirmed go with the resource.
fn unless_by_hand(
    key: &str,
    revoked: Result<()>,
    connections: &Connections,
) -> Result<Option<Error>> {
    let hand = connections.issuer.by_hand();
    let told =
        |summary: String, detail: String| Ok(Some(Error::new(Kind::Awaiting, summary, detail)));
    match (revoked, hand) {
        (Ok(()), None) => Ok(None),
        (Ok(()), Some(hand)) => told(
            format!("That key {key} is revoked is the word of a person"),
            format!(
                "{} names it, and a destroy has no secret to try it with. If no plan has tried it, look whether it is still accepted.",
                hand.confirm
            ),
        ),
        (Err(error), Some(hand)) if error.kind == Kind::Awaiting => told(
            format!("Key {key} lives on"),
            format!(
                "The resource is gone, and nothing asks for its end any more: {}. The ledger lists it as orphaned.",
                hand.revoke
            ),
        ),
        (Err(error), _) => Err(error),
    }
}

/// The keys that nobody has revoked yet, as far as a person says; `None` if there is none.
fn left_to_a_person(
    mut managed: Managed,
    state: &ManagedState,
    context: &Context,
) -> Option<Managed> {
    let hand = brought::standing(state, context)?;
    let slots = managed.slots.as_mut()?;
    slots
        .secondary
        .take_if(|second| hand.is_revoked(&second.key));
    match (hand.is_revoked(&slots.primary), slots.secondary.is_some()) {
        (true, false) => None,
        _ => Some(managed),
    }
}

/// Empties every place. At an issuer that keeps no record of its keys a document is the key, so one that stays fails the
/// destroy; elsewhere what stays is dead by now.
async fn withdraw(
    is_ours: &(dyn Fn(&Fingerprint) -> bool + Sync),
    records: &Records<'_>,
) -> Result<Vec<Error>> {
    let connections = &records.connections;
    let (mut left, mut alive) = (Vec::new(), None);
    for (name, delivery) in &connections.deliveries {
        let emptied = empty(name, delivery, None, is_ours, records).await;
        let matters = delivery.required && !connections.capabilities.inspects();
        match emptied
            .err()
            .map(|error| stays(error, &delivery.store.place(), !matters))
        {
            Some(error) if matters => alive = alive.or(Some(error)),
            error => left.extend(error),
        }
    }
    for place in &connections.former {
        let ours = |mark: &Fingerprint| is_ours(mark) || place.wrote(mark);
        let emptied = match place.reached() {
            Ok(delivery) => {
                let former = &place.former;
                empty(&former.name, delivery, Some(former), ours, records).await
            }
            Err(error) => Err(error),
        };
        let matters = !connections.capabilities.inspects();
        match emptied
            .err()
            .map(|error| stays(error, &place.former.place, !matters))
        {
            Some(error) if matters => alive = alive.or(Some(error)),
            error => left.extend(error),
        }
    }
    alive.map_or(Ok(left), Err)
}

async fn empty(
    name: &str,
    delivery: &Delivery,
    former: Option<&Former>,
    ours: impl Fn(&Fingerprint) -> bool,
    records: &Records<'_>,
) -> Result<()> {
    let Some(seen) = deliver::ours(name, delivery, ours).await? else {
        return Ok(());
    };
    if let Some(former) = former {
        let journal = &records.journal;
        let (id, ledger) = (&journal.resource().id, journal.ledger());
        // What somebody else has written there since stays.
        if !former
            .is_known_to_be_ours(delivery, &seen, id, ledger)
            .await?
        {
            return Ok(());
        }
    }
    if let Some(why) = delivery.store.keeps().await? {
        return in_delivery(name, Err(retained(why)));
    }
    let remove = |_| deliver::remove(name, delivery, &seen);
    let deed = Deed::at(delivery.place(name));
    let removed = records
        .journal
        .effect(Effect::Withdraw, ACTION, deed, remove, |()| None);
    removed.await
}

fn retained(why: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("it keeps its last value: {why}"),
        "The keys that were written last stand in it.",
    )
}

fn stays(error: Error, place: &str, is_over: bool) -> Error {
    let next = match is_over {
        true => format!("The resource is gone all the same: delete what is left at {place} by hand."),
        false => "What stands there may still be accepted, so the resource stays. Everything else is done; mend this, and \
                  destroy again."
            .to_owned(),
    };
    Error {
        summary: format!("{place} was not emptied: {}", error.summary),
        detail: format!("{} {next}", error.detail),
        ..error
    }
}

/// A destroy has no secret at hand.
fn reference(key: &Key) -> KeyRef<'_> {
    KeyRef {
        key_id: key.key_id.as_deref(),
        secret: None,
    }
}

async fn effect<F: Future<Output = Result<()>>>(
    records: &Records<'_>,
    key: KeyMark,
    revoke: impl FnOnce(String) -> F,
) -> Result<()> {
    let journal = &records.journal;
    let revoked = journal.effect(Effect::Revoke, ACTION, Deed::to(key), revoke, |()| None);
    revoked.await
}

/// The keys live on and belong to no resource; only the ledger still knows them.
async fn retain(
    state: &ManagedState,
    managed: &Managed,
    connections: Connections,
    context: &Context,
) {
    // Of a copy nothing is left behind: the keys are in use where they belong.
    let is_copy = copied::owner(&managed.id, context).await;
    if !context.ledger.remembers() || is_copy.is_ok_and(|owner| owner.is_some()) {
        return;
    }
    // The name that the ledger has it under; an issuer that cannot be asked now is named as the settings do.
    let account = connections.issuer.lock().await;
    let account = account.unwrap_or_else(|_| connections.issuer.account());
    let mut holding =
        inventory_entry::holding(state, managed, &connections, account, context, None);
    holding.left_by = Some(holder());
    for record in &mut holding.keys {
        record.slot = Slot::None;
        record.status = Status::Orphaned;
    }
    if let Err(error) = context.ledger.record(&holding, context.clock.now()).await {
        tracing::warn!(%error, "the ledger does not know that the keys were left behind");
    }
}
