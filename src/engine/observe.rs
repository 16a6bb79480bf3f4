//! Looks at the issuer and the stores and reports what it saw. Changes nothing anywhere.
//!
//! Only a positive answer counts: a timeout or a refused credential is never "gone". At the issuer it ends the look. A
//! place that cannot be looked at is a fact, and what may stand there is neither lost nor delivered.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::expected::Uses;
use crate::domain::gates::Peers;
use crate::domain::situation::{self, Facts, Seen};
use crate::domain::slots::{Key, Slots};
use crate::domain::word::Doubted;
use crate::engine::approvals;
use crate::engine::by_hand;
use crate::engine::connections::{Connections, in_delivery};
use crate::engine::declared::refuse_partial_list;
use crate::engine::elsewhere::confirm_place;
use crate::engine::former::FormerPlace;
use crate::engine::managed::{DeliveryRecord, DeliveryState, Managed};
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::issuers::{KeyStatus, Supply};
use crate::secret::Fingerprint;
use crate::stores::{Document, DocumentKey, Found, Observation};

/// What one look told.
#[derive(Debug, Default)]
pub struct Observed {
    /// What the rules need to know.
    pub facts: Facts,
    /// Every delivery as it stands now.
    pub deliveries: BTreeMap<String, DeliveryRecord>,
    /// The mark of the primary secret, learned from a delivery that names the imported key.
    pub learned: Option<Fingerprint>,
    /// The issuer and every store say for certain that nothing of this resource is left.
    pub vanished: bool,
    /// What the places said that could not be looked at.
    pub unreadable: Vec<Error>,
    /// Changes that would put an older document in its place, or did.
    pub outdated: Vec<Error>,
    /// The documents of the deliveries, by their places. One that could not be read speaks neither for nor against anything.
    pub documents: Vec<(String, Document)>,
    /// Those at places that deliveries have left, where they are newer than the state: an apply whose answer was lost may have
    /// moved everything there.
    pub newer: Vec<(String, Document)>,
}

impl Observed {
    /// Every document holds exactly what the state says.
    pub fn is_in_order(&self) -> bool {
        let mut records = self.deliveries.values();
        self.learned.is_none() && records.all(DeliveryRecord::is_in_order)
    }
}

/// Looks at everything that one managed key consists of. `in_state` says which secrets the state itself holds.
pub async fn observe(
    managed: &Managed,
    connections: &Connections,
    in_state: Copies,
    now: Instant,
) -> Result<Observed> {
    let Some(slots) = &managed.slots else {
        return Ok(Observed {
            deliveries: managed.deliveries.clone(),
            ..Observed::default()
        });
    };
    let Statuses {
        primary,
        secondary,
        doubted,
        primary_refused,
    } = key_statuses(slots, connections).await?;
    let judged = refuse_partial_list(slots, primary, secondary.flatten(), connections).await?;
    let secondary = secondary.map(|_| judged);
    let observed = look_at_deliveries(managed, slots, connections, in_state, now).await;
    let mut gone_at_issuer = primary == Some(KeyStatus::Missing)
        && secondary.is_none_or(|s| s == Some(KeyStatus::Missing));
    if gone_at_issuer && !observed.anything_found {
        gone_at_issuer = all_missing(&managed.pending_revocations, connections).await?;
    }
    Ok(Observed {
        facts: Facts {
            primary: seen(primary),
            primary_copy: observed.primary_copy(),
            // Where there is no key there is none to lose: a refresh right after an apply finds nothing new.
            secondary_copy: match slots.secondary.is_some() {
                true => observed.secondary_copy(),
                false => situation::Copy::Available,
            },
            secondary: seen(secondary.flatten()),
            // Who wants to know how the keys are used asks for it.
            hold: None,
            uses: Uses::new(),
            orphans: Vec::new(),
            behind: None,
            // The ledger tells of them.
            peers: Peers::NotAsked,
            full: None,
            doubted,
            primary_refused,
        },
        vanished: gone_at_issuer && !observed.anything_found,
        deliveries: observed.deliveries,
        learned: observed.learned,
        unreadable: observed.unreadable,
        outdated: observed.outdated,
        documents: observed.documents,
        newer: observed.newer,
    })
}

/// How the keys of both slots stand at the issuer; `None` where it cannot say.
#[derive(Debug, Default)]
pub struct Statuses {
    /// The primary.
    pub primary: Option<KeyStatus>,
    /// The secondary, if there is one.
    pub secondary: Option<Option<KeyStatus>>,
    /// See [`Facts::doubted`].
    pub doubted: Vec<Doubted>,
    /// See [`Facts::primary_refused`].
    pub primary_refused: bool,
}

/// Asks the issuer; where that is a person, what is said is compared with what trying the keys tells.
pub async fn key_statuses(slots: &Slots, connections: &Connections) -> Result<Statuses> {
    if connections.capabilities.supply == Supply::Brought {
        return Ok(Box::pin(by_hand::hear(slots, connections)).await);
    }
    if !connections.capabilities.inspects() {
        return Ok(Statuses {
            secondary: slots.secondary.as_ref().map(|_| None),
            ..Statuses::default()
        });
    }
    let id = |key: &Key| key.key_id.clone().unwrap_or_default();
    let ids: Vec<String> = [Some(&slots.primary), slots.secondary_key()]
        .into_iter()
        .flatten()
        .map(id)
        .collect();
    let mut answers = connections.issuer.inspect(&ids).await?.into_iter();
    Ok(Statuses {
        primary: answers.next().flatten(),
        secondary: answers.next(),
        ..Statuses::default()
    })
}

/// Keys whose revocation failed are still owned: forgetting them would leave them alive for good.
async fn all_missing(key_ids: &[String], connections: &Connections) -> Result<bool> {
    if key_ids.is_empty() {
        return Ok(true);
    }
    let key_statuses = connections.issuer.inspect(key_ids).await?;
    Ok(key_statuses
        .into_iter()
        .all(|status| status == Some(KeyStatus::Missing)))
}

/// What the rules make of the word of the issuer; one that cannot say is believed.
pub fn seen(status: Option<KeyStatus>) -> Seen {
    match status {
        Some(KeyStatus::Missing) => Seen::Gone,
        Some(KeyStatus::Inactive) => Seen::Inactive,
        Some(KeyStatus::Active) | None => Seen::Present,
    }
}

#[derive(Default)]
struct ObservedDeliveries {
    deliveries: BTreeMap<String, DeliveryRecord>,
    copies: Copies,
    learned: Option<Fingerprint>,
    anything_found: bool,
    unreadable: Vec<Error>,
    outdated: Vec<Error>,
    documents: Vec<(String, Document)>,
    newer: Vec<(String, Document)>,
    /// A secret stands, or may stand, in something that is not a delivered document: not a copy, and not lost either.
    elsewhere: Copies,
}

/// Of which secrets there is a copy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Copies {
    /// Of the primary.
    pub primary: bool,
    /// Of the key in the secondary slot.
    pub secondary: bool,
}

async fn look_at_deliveries(
    managed: &Managed,
    slots: &Slots,
    connections: &Connections,
    in_state: Copies,
    now: Instant,
) -> ObservedDeliveries {
    let mut looks = BTreeMap::new();
    let mut elsewhere = BTreeSet::new();
    for (name, delivery) in &connections.deliveries {
        if let Err(error) = confirm_place(delivery).await
            && error.kind == Kind::Invalid
        {
            looks.insert(name, in_delivery(name, Err(error)));
            elsewhere.insert(name);
            continue;
        }
        let seen = delivery.look(name).await;
        if delivery.readable || tells_of_a_change(&seen, managed.deliveries.get(name)) {
            looks.insert(name, seen.map(|seen| seen.found));
        }
    }
    let mut lacking = BTreeMap::new();
    for (name, delivery) in &connections.deliveries {
        if !matches!(looks.get(name), Some(Ok(Found::Document(_)))) {
            continue;
        }
        match delivery.store.lacks().await {
            Ok(lacks) => lacking.extend(lacks.map(|why| (name, why))),
            Err(error) => tracing::info!(delivery = %name, %error, "nobody can tell what it lacks"),
        }
    }
    let mut changes = BTreeMap::new();
    for (name, delivery) in &connections.deliveries {
        if let (Some(Ok(found)), Some(record)) = (looks.get(name), managed.deliveries.get(name)) {
            changes.insert(name, approvals::look(delivery, record, found).await);
        }
    }
    let mut observed = ObservedDeliveries {
        copies: in_state,
        // A store that cannot be read is believed; it may still hold something.
        anything_found: looks.len() < connections.deliveries.len(),
        ..ObservedDeliveries::default()
    };
    for look in looks.values() {
        observed.note_look(slots, look);
    }
    let mut newer = Vec::new();
    for place in &connections.former {
        let look = look_at_former(place).await;
        observed.note_look(slots, &look);
        // An apply whose answer was lost may have moved everything there: what the state is to follow stands nowhere else.
        if let Ok(Found::Document(document)) = look
            && document.generation > Some(slots.generation)
        {
            newer.push((place.former.place.clone(), document));
        }
    }
    observed.believe_what_cannot_be_read(slots, connections);
    observed.believe_what_awaits_approval(managed, connections);
    for name in connections.deliveries.keys() {
        let record = managed.deliveries.get(name).cloned().unwrap_or_default();
        let record = match looks.get(name) {
            Some(Ok(found)) => {
                let changes = changes.remove(name).flatten();
                let record = record.judged(found, changes.as_deref());
                let late = approvals::outdated(name, &record, found, changes.as_deref());
                observed.outdated.extend(late);
                let since = record.failing_since.unwrap_or(now);
                let record = observed.record(slots, record, found);
                match lacking.remove(name) {
                    // What was refused beside the document once is to be tried again.
                    Some(why) if record.is_in_order() => DeliveryRecord {
                        state: DeliveryState::Failed,
                        reason: Some(why),
                        failing_since: Some(since),
                        ..record
                    },
                    _ => record,
                }
            }
            Some(Err(error)) => {
                let state = match elsewhere.contains(name) {
                    true => DeliveryState::Elsewhere,
                    false => DeliveryState::Unreadable,
                };
                record.failing(state, name, error, now)
            }
            None => record,
        };
        observed.deliveries.insert(name.clone(), record);
    }
    observed.documents = documents(looks, connections);
    observed.newer = newer;
    observed
}

/// What cannot be read back is believed to stand there, unless the store says that nothing does, or something else than what
/// was written last.
fn tells_of_a_change(seen: &Result<Observation>, record: Option<&DeliveryRecord>) -> bool {
    let Ok(seen) = seen else { return false };
    let is_of_last_write = || record.is_none_or(|record| record.is_of_last_write(&seen.version));
    matches!(seen.found, Found::Nothing) || !is_of_last_write()
}

fn documents(
    looks: BTreeMap<&String, Result<Found>>,
    connections: &Connections,
) -> Vec<(String, Document)> {
    let looks = looks.into_iter();
    let documents = looks.filter_map(|(name, look)| match look {
        Ok(Found::Document(document)) => Some((name, document)),
        _ => None,
    });
    documents
        .filter_map(|(name, document)| {
            Some((connections.deliveries.get(name)?.store.place(), document))
        })
        .collect()
}

/// It may hold the only copy as long as what takes its place is not written.
async fn look_at_former(place: &FormerPlace) -> Result<Found> {
    let delivery = place.reached()?;
    match delivery.readable {
        true => delivery
            .look(&place.former.name)
            .await
            .map(|seen| seen.found),
        false => Ok(Found::Opaque),
    }
}

impl ObservedDeliveries {
    fn note_look(&mut self, slots: &Slots, look: &Result<Found>) {
        match look {
            Ok(found) => self.note(slots, found),
            Err(error) => {
                self.anything_found = true;
                self.unreadable.push(error.clone());
            }
        }
    }

    fn primary_copy(&self) -> situation::Copy {
        self.copy(self.copies.primary, self.elsewhere.primary)
    }

    fn secondary_copy(&self) -> situation::Copy {
        self.copy(self.copies.secondary, self.elsewhere.secondary)
    }

    fn copy(&self, available: bool, elsewhere: bool) -> situation::Copy {
        match available {
            true => situation::Copy::Available,
            false if elsewhere || !self.unreadable.is_empty() => situation::Copy::Unseen,
            false => situation::Copy::Lost,
        }
    }

    /// Where no store can be read nothing speaks against a copy in it. What nobody ever knew, the secret of an
    /// imported key, cannot be lost.
    fn believe_what_cannot_be_read(&mut self, slots: &Slots, connections: &Connections) {
        self.copies.primary |= slots.primary.fingerprint.is_none();
        let mut all = connections.deliveries.values();
        if !connections.deliveries.is_empty() && all.all(|delivery| !delivery.readable) {
            self.copies = Copies {
                primary: true,
                secondary: true,
            };
        }
    }

    /// It may be the only copy, and nobody can read it before it is approved.
    fn believe_what_awaits_approval(&mut self, managed: &Managed, connections: &Connections) {
        let wanted = connections.deliveries.keys();
        let mut records = wanted.filter_map(|name| managed.deliveries.get(name));
        if records.any(DeliveryRecord::is_for_a_person) {
            self.anything_found = true;
            self.elsewhere = Copies {
                primary: true,
                secondary: true,
            };
        }
    }

    /// Which secrets can be copied from here.
    fn note(&mut self, slots: &Slots, found: &Found) {
        self.anything_found |= !matches!(found, Found::Nothing | Found::Deleted(_));
        let document = match found {
            Found::Nothing | Found::Opaque => return,
            Found::Deleted(_) => {
                self.elsewhere = Copies {
                    primary: true,
                    secondary: true,
                };
                return;
            }
            Found::Foreign(foreign) => {
                let holds = |key: Option<&Key>| {
                    let mark = key.and_then(|key| key.fingerprint.as_ref());
                    mark.is_some_and(|own| foreign.may_hold(|mark| mark == own))
                };
                self.elsewhere.primary |= holds(Some(&slots.primary));
                self.elsewhere.secondary |= holds(slots.secondary_key());
                return;
            }
            Found::Document(document) => document,
        };
        let marks = [
            mark(Some(&document.primary)),
            mark(document.secondary.as_ref()),
        ];
        let holds = |key: Option<&Key>| {
            key.is_some_and(|key| key.fingerprint.is_some() && marks.contains(&key.fingerprint))
        };
        self.copies.primary |= holds(Some(&slots.primary));
        self.copies.secondary |= holds(slots.secondary_key());
        if slots.primary.fingerprint.is_none()
            && slots.primary.key_id.is_some()
            && document.primary.key_id == slots.primary.key_id
        {
            self.learned = mark(Some(&document.primary));
            self.copies.primary = true;
        }
    }

    /// How a delivery stands, once it is known what could be copied to it. It is in order, or it failed and still does
    /// not hold what it should, or somebody else changed it.
    fn record(&self, slots: &Slots, record: DeliveryRecord, found: &Found) -> DeliveryRecord {
        let leads = match found {
            Found::Document(document) => {
                let is_ours = |mark: &Fingerprint| {
                    // What was written there last is ours although its key may be dead by now.
                    is_ours(slots, mark) || record.fingerprint.as_ref() == Some(mark)
                };
                mark(Some(&document.primary)).filter(is_ours)
            }
            _ => None,
        };
        let state = match found {
            // What stands there now tells nothing of what stood there before.
            Found::Document(document)
                if record.lingers() && self.is_as_expected(slots, document) =>
            {
                return record;
            }
            Found::Document(document)
                if (self.is_as_expected(slots, document) && !record.is_to_change(found))
                    || record.is_rid_of_the_retiring_key(slots, document) =>
            {
                return DeliveryRecord {
                    state: DeliveryState::Delivered,
                    reason: None,
                    failing_since: None,
                    ..record
                };
            }
            _ if record.state == DeliveryState::Failed || record.is_for_a_person() => {
                return DeliveryRecord {
                    fingerprint: leads,
                    ..record
                };
            }
            Found::Nothing | Found::Deleted(_) => DeliveryState::Missing,
            Found::Foreign(_) | Found::Opaque | Found::Document(_) => DeliveryState::Altered,
        };
        let reason = match found {
            Found::Foreign(foreign) => Some(foreign.to_string()),
            Found::Deleted(way_back) => Some(way_back.clone()),
            Found::Opaque => Some("it was written or changed since, and nobody can read it".into()),
            _ => None,
        };
        DeliveryRecord {
            state,
            fingerprint: leads,
            reason,
            failing_since: None,
            ..record
        }
    }

    /// A secondary whose every copy is lost cannot be expected anywhere.
    fn is_as_expected(&self, slots: &Slots, document: &Document) -> bool {
        let primary = slots.primary.fingerprint.as_ref().or(self.learned.as_ref());
        let is_lost = self.secondary_copy() == situation::Copy::Lost;
        let secondary = slots.secondary_key().filter(|_| !is_lost);
        mark(Some(&document.primary)).as_ref() == primary
            && mark(document.secondary.as_ref())
                == secondary.and_then(|key| key.fingerprint.clone())
    }
}

fn is_ours(slots: &Slots, mark: &Fingerprint) -> bool {
    let mut keys = [Some(&slots.primary), slots.secondary_key()]
        .into_iter()
        .flatten();
    keys.any(|key| key.fingerprint.as_ref() == Some(mark))
}

fn mark(key: Option<&DocumentKey>) -> Option<Fingerprint> {
    key.map(|key| key.secret.fingerprint())
}
