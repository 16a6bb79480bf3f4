//! Whose place it is. What stands where a key is delivered for the first time may be the only copy of another key, or
//! something that has nothing to do with keys.

mod words;

use std::collections::BTreeMap;

use crate::engine::connections::{Connections, Delivery, in_delivery, stale};
use crate::engine::managed::{DeliveryRecord, Managed};
use crate::engine::precondition::{exists, is, is_alive, is_of_this_account, mark_of};
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};
use crate::ledger::{KeyMark, KeyRecord, Ledger, ResourceRef, Status};
use crate::stores::{Claims, Document, Found, WriteScope};

use words::{
    at_work, former_self, hidden, label, listed, occupied, recorded_elsewhere, taken, taken_over,
    unknowable, unsigned,
};

/// Fails if a delivery would take the place of another key or of something else. Nothing has happened yet.
///
/// `planned` is what the plan of a create saw at each place. A key that is only now created may take over a document that
/// the plan showed, unless the ledger knows that it belongs to another resource.
pub async fn check_collisions(
    run: &mut Run<'_>,
    who: &ResourceRef,
    planned: &BTreeMap<String, Option<String>>,
    claims: &Claims,
) -> Result<()> {
    refuse_one_place_twice(&run.connections.deliveries).await?;
    let who = Newcomer {
        resource: who,
        is_created: run.managed.slots.is_none(),
        is_planned: false,
        brings: run
            .brought
            .as_ref()
            .map(|(secret, _)| KeyMark::new(None, Some(&secret.fingerprint()))),
    };
    for (name, delivery) in &run.connections.deliveries {
        // Two resources that are applied at the same moment both find the place empty.
        if claim(delivery, claims, &run.managed.id).await.is_some() {
            return in_delivery(name, Err(taken(delivery)));
        }
        if is_new(run, name, delivery).await {
            // A first key is judged by this look alone, so nothing is written there however well it is read later.
            if who.is_created
                && let Some(Err(error)) = run.observed.get(name)
            {
                let error = error.clone();
                if delivery.required {
                    return Err(error);
                }
                run.leave_alone(name, error);
                continue;
            }
            let warning = judge_place(run, name, delivery, &who, planned).await?;
            run.warnings.extend(warning);
        }
    }
    Ok(())
}

/// Whether the first document may be written to a place, which was looked at under the lock.
async fn judge_place(
    run: &Run<'_>,
    name: &str,
    delivery: &Delivery,
    who: &Newcomer<'_>,
    planned: &BTreeMap<String, Option<String>>,
) -> Result<Option<Error>> {
    let ledger = run.journal.ledger();
    let seen = run.observed.get(name).and_then(|seen| seen.as_ref().ok());
    let found = seen.map(|seen| &seen.found);
    if let Some(Found::Document(document)) = found
        && holds_ours(&run.managed, document)
    {
        return Ok(None);
    }
    let others = refuse_others(found, delivery, who, ledger).await;
    in_delivery(name, others)?;
    let Some(Found::Document(document)) = found else {
        let foreign = found.map_or(Ok(()), |found| refuse_foreign(name, delivery, found));
        let opaque = found.map_or(Ok(None), |found| judge_opaque(delivery, found, who));
        return foreign.and(in_delivery(name, opaque));
    };
    let judged = judge(document, delivery, who, run.connections, ledger).await;
    let Some(warning) = in_delivery(name, judged)? else {
        return Ok(None);
    };
    let mark = document.primary.secret.fingerprint().to_string();
    match planned.get(name) {
        // The plan said so.
        Some(Some(seen)) if *seen == mark => Ok(None),
        Some(_) => {
            let place = delivery.store.place();
            let unseen = stale(format!("{place} holds key {} by now", label(document)));
            in_delivery(name, Err(unseen))
        }
        None => Ok(in_delivery::<()>(name, Err(warning)).err()),
    }
}

/// Refused if the ledger knows a live key of another resource in what stands at a place, wherever it stands there, or
/// another resource that delivers to it.
pub async fn refuse_others(
    found: Option<&Found>,
    delivery: &Delivery,
    who: &Newcomer<'_>,
    ledger: &dyn Ledger,
) -> Result<()> {
    let keys = match found {
        // Of the first key more is to be said, see [`judge`].
        Some(Found::Document(document)) => document.secondary.iter().map(mark_of).collect(),
        Some(Found::Foreign(foreign)) => {
            let marks = foreign.marks();
            marks.map(|mark| KeyMark::new(None, Some(mark))).collect()
        }
        _ => Vec::new(),
    };
    if !keys.is_empty() {
        let known = ledger.find_keys(&keys).await?;
        if let Some((owner, record)) = who.kept_from(&known, delivery, ledger).await? {
            return Err(hidden(delivery, record.key.label(), owner));
        }
    }
    match found {
        Some(Found::Document(_)) => Ok(()),
        _ => refuse_recorded(delivery, who, ledger).await,
    }
}

/// Refused if by the ledger another resource with live keys delivers to the place, whatever stands there now: the next
/// apply of that one would find a stranger. A path on a disk says nothing about the disk of another machine.
async fn refuse_recorded(
    delivery: &Delivery,
    who: &Newcomer<'_>,
    ledger: &dyn Ledger,
) -> Result<()> {
    if delivery.store.capabilities().local {
        return Ok(());
    }
    let place = delivery.store.identity().await?;
    let recorded = ledger.who_delivers_to(&[place]).await?;
    let is_other = |owner: &ResourceRef| {
        owner.id != who.resource.id && !(who.is_created && who.is_named_like(owner))
    };
    match recorded.iter().find(|(_, owner)| is_other(owner)) {
        Some((_, owner)) => Err(recorded_elsewhere(delivery, owner)),
        None => Ok(()),
    }
}

/// The resource whose key is to be delivered to a place for the first time.
pub struct Newcomer<'a> {
    /// Which it is, as far as it has an id yet.
    pub resource: &'a ResourceRef,
    /// It has no key yet. Then a document of its name may be that of a former self, which was replaced or forgotten.
    pub is_created: bool,
    /// This is its plan, and its apply looks again.
    pub is_planned: bool,
    /// The key that a person hands in, who may do so again after an apply that nobody heard of.
    pub brings: Option<KeyMark>,
}

/// Whether a document may be replaced by the first one of `who`: refused if it is that of another resource, or if the issuer
/// lists its key and nobody knows whose it is, with a
/// warning if it may be that of a former self or nobody knows whose it is.
pub async fn judge(
    document: &Document,
    delivery: &Delivery,
    who: &Newcomer<'_>,
    connections: &Connections,
    ledger: &dyn Ledger,
) -> Result<Option<Error>> {
    let key = &document.primary;
    let known = ledger.find_keys(&[mark_of(key)]).await?;
    let revoked = !known.is_empty() && !known.iter().any(|(_, record)| is_alive(record));
    // What was left behind of a key that is dead is nobody's only copy.
    if revoked {
        return Ok(None);
    }
    let is_own = known.iter().any(|(owner, _)| owner.id == who.resource.id);
    let is_known_here =
        is_own || (!known.is_empty() && is_of_this_account(key, connections, ledger).await?);
    if is_known_here && exists(key, connections).await? == Some(false) {
        return Ok(None);
    }
    // What this provider writes says of which generation it is, unless a template leaves that out.
    if known.is_empty() && document.generation.is_none() && !delivery.overwrite {
        return Err(unsigned(delivery, document));
    }
    // Its issuer is as good a witness as a ledger. A plan cannot tell a replacement, whose apply ends the old key first.
    let is_new = known.is_empty() && who.is_created && !delivery.overwrite;
    if is_new && is_listed(document, connections).await? {
        let told = listed(delivery, document, connections);
        return if who.is_planned {
            Ok(Some(told))
        } else {
            Err(told)
        };
    }
    match who.kept_from(&known, delivery, ledger).await? {
        Some((owner, record)) if who.is_named_like(owner) && record.status == Status::Live => {
            Err(former_self(delivery, document, owner))
        }
        Some((owner, _)) => Err(occupied(delivery, document, Some(owner))),
        None if !who.is_created => Err(occupied(delivery, document, None)),
        None => Ok(Some(taken_over(delivery, document))),
    }
}

/// Whether the issuer has one of the keys of a document.
async fn is_listed(document: &Document, connections: &Connections) -> Result<bool> {
    for key in [Some(&document.primary), document.secondary.as_ref()] {
        if let Some(key) = key
            && exists(key, connections).await? == Some(true)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether what nobody can read back may be replaced by the first key of `who`. A plan cannot tell a replacement, whose apply
/// empties the place first; and of a key that exists, only the plan tells a place that is new from one with new settings.
pub fn judge_opaque(
    delivery: &Delivery,
    found: &Found,
    who: &Newcomer<'_>,
) -> Result<Option<Error>> {
    match found {
        Found::Opaque if delivery.overwrite => Ok(None),
        Found::Opaque if who.is_created && who.is_planned => Ok(Some(unknowable(delivery))),
        Found::Opaque if who.is_created || who.is_planned => Err(unknowable(delivery)),
        _ => Ok(None),
    }
}

impl Newcomer<'_> {
    /// The first of these keys that is alive and does not give way.
    async fn kept_from<'k>(
        &self,
        known: &'k [(ResourceRef, KeyRecord)],
        delivery: &Delivery,
        ledger: &dyn Ledger,
    ) -> Result<Option<&'k (ResourceRef, KeyRecord)>> {
        for known in known.iter().filter(|(_, record)| is_alive(record)) {
            let (owner, record) = known;
            if !self.may_follow(owner, record, delivery, ledger).await? {
                return Ok(Some(known));
            }
        }
        Ok(None)
    }

    /// Whether a document of `owner` may give way. A plan cannot tell a replacement, whose apply ends the old keys first,
    /// from a resource that lost its state. Keys that no state held, or whose resource was forgotten, are nobody's any more.
    async fn may_follow(
        &self,
        owner: &ResourceRef,
        record: &KeyRecord,
        delivery: &Delivery,
        ledger: &dyn Ledger,
    ) -> Result<bool> {
        let is_former_self = self.is_created && self.is_named_like(owner);
        let is_brought = self.brings.as_ref().is_some_and(|key| record.key.is(key));
        let is_asked =
            self.is_planned || delivery.overwrite || (is_brought && record.confirmed_at.is_none());
        Ok(owner.id == self.resource.id
            || (is_former_self && (is_asked || !is_held(owner, record, ledger).await?)))
    }

    fn is_named_like(&self, owner: &ResourceRef) -> bool {
        owner.name == self.resource.name && owner.workspace == self.resource.workspace
    }
}

/// Whether a state holds a key: one that was seen, or the one that the apply which minted the key answered with. What was cut
/// off answered nobody.
async fn is_held(owner: &ResourceRef, record: &KeyRecord, ledger: &dyn Ledger) -> Result<bool> {
    if record.status != Status::Live || record.confirmed_at.is_some() {
        return Ok(record.status == Status::Live);
    }
    let memory = ledger.recall(&owner.id).await?;
    let mut open = memory.open.iter().map(|intent| &intent.id);
    match open.find(|open| Some(*open) == record.minted_by.as_ref()) {
        Some(open) if memory.alive.contains(open) => Err(at_work(owner)),
        open => Ok(open.is_none()),
    }
}

/// What this provider did not write stays, unless the delivery says otherwise.
pub fn refuse_foreign(name: &str, delivery: &Delivery, found: &Found) -> Result<()> {
    let Found::Foreign(foreign) = found else {
        return Ok(());
    };
    if delivery.overwrite {
        return Ok(());
    }
    let place = delivery.store.place();
    let placeholder = match foreign.is_fixed() {
        true => "",
        false => " If it is a placeholder, set overwrite = true in the delivery.",
    };
    in_delivery(
        name,
        Err(Error::new(
            Kind::Invalid,
            format!("{place} is not ours to overwrite"),
            format!(
                "{place}: {foreign}. Move what stands there away, or choose another place.{placeholder}"
            ),
        )),
    )
}

/// Two deliveries of one key that lead to one place: ending one of them would take the other away.
pub async fn refuse_one_place_twice(deliveries: &BTreeMap<String, Delivery>) -> Result<()> {
    let mut known: Vec<(&String, String)> = Vec::new();
    for (name, delivery) in deliveries {
        // What cannot be asked now is found out when it is looked at.
        let Ok(place) = delivery.store.identity().await else {
            continue;
        };
        if let Some((other, _)) = known.iter().find(|(_, there)| *there == place) {
            return in_delivery(
                name,
                Err(Error::new(
                    Kind::Invalid,
                    "Two deliveries write to one place",
                    format!(
                        "The deliveries {other:?} and {name:?} both write to {place}. Remove one of them."
                    ),
                )),
            );
        }
        known.push((name, place));
    }
    Ok(())
}

/// Takes the place for `owner`, under the name that the settings give it and as what it is. Another owner is the answer.
pub async fn claim(delivery: &Delivery, claims: &Claims, owner: &str) -> Option<String> {
    let taken = claims.take(delivery.store.write_scope(), owner);
    if taken.is_some() {
        return taken;
    }
    let identity = delivery.store.identity().await.ok()?;
    claims.take(WriteScope::whole(identity), owner)
}

/// Whether nothing of this key was ever written there, under whatever name. What was may be repaired.
async fn is_new(run: &Run<'_>, name: &str, delivery: &Delivery) -> bool {
    let record = run.managed.deliveries.get(name);
    if record.is_some_and(DeliveryRecord::was_written) {
        return false;
    }
    for former in &run.connections.former {
        if let Ok(former) = former.reached()
            && matches!(former.meets(delivery).await, Ok(true))
        {
            return false;
        }
    }
    true
}

/// Whether a document holds a key of this resource.
pub fn holds_ours(managed: &Managed, document: &Document) -> bool {
    let Some(slots) = &managed.slots else {
        return false;
    };
    let there = [Some(&document.primary), document.secondary.as_ref()];
    let ours = [Some(&slots.primary), slots.secondary_key()];
    let pending = &managed.pending_revocations;
    there.into_iter().flatten().any(|there| {
        // What awaits its revocation is ours to take away.
        there.key_id.as_ref().is_some_and(|id| pending.contains(id))
            || ours.into_iter().flatten().any(|key| is(key, there))
    })
}
