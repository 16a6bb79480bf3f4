//! Where a state is behind the world: an older one was restored or copied, an apply or an action ended and no state
//! heard of it. If everything outside agrees on how things are now, the state follows; if not, nothing may be done.

use crate::domain::situation::Seen;
use crate::domain::slots::{Key, Role, Secondary, Slots};
use crate::engine::connections::Connections;
use crate::engine::journal::mark;
use crate::engine::managed::Managed;
use crate::engine::observe::{Statuses, key_statuses, seen};
use crate::engine::precondition::{self, Ours, Stranger, mark_of};
use crate::error::Result;
use crate::instant::Instant;
use crate::issuers::KeyStatus;
use crate::ledger::{KeyMark, KeyRecord, Ledger, Memory, Slot, Status};
use crate::stores::{Document, DocumentKey};

/// How the state stands to the world.
#[derive(Debug)]
pub enum Position {
    /// Nothing outside is newer.
    UpToDate,
    /// Everything outside agrees that these are the keys. Two keys may have had to make room, of which one has no slot any more: by
    /// its id, it awaits its revocation.
    Follows(Slots, Option<String>),
    /// An imported key whose document has it, perhaps beside another one of ours.
    Adopts(Slots),
    /// Something outside is newer, and it does not agree with itself: why.
    Behind(String),
}

/// How many documents have to hold exactly the keys that are to be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// All that nobody changed.
    ByAll,
    /// One, where the ledger or the state know all of its keys: others may have failed to be written, but none is newer.
    ByOne,
}

/// What is looked at.
pub struct World<'a> {
    /// The keys of the state.
    pub managed: &'a Managed,
    /// What the ledger remembers of the resource, if it could be asked.
    pub memory: Option<&'a Memory>,
    /// Keys that an apply which did not finish left behind.
    pub left_behind: &'a [KeyMark],
    /// What stands at the places of the deliveries, as the look saw it that found them out of order: another look might see
    /// less, and hold for nobody's what the first has seen in use.
    pub documents: &'a [(String, Document)],
    /// No place could hold anything else.
    pub saw_all: bool,
    /// The issuer and the deliveries.
    pub connections: &'a Connections,
    /// The account at the issuer.
    pub account: &'a str,
    /// Knows the keys of the account.
    pub ledger: &'a dyn Ledger,
    /// The instant of the look.
    pub now: Instant,
}

/// The keys after a promotion or a replacement of which no state heard.
struct Successor {
    told: Told,
    /// As a document has them.
    as_told: Slots,
    /// As the state is to have them.
    slots: Slots,
    /// The id of a key that has no slot any more.
    displaced: Option<String>,
}

/// Compares the state with the ledger, the issuer and every document.
pub async fn position(world: &World<'_>) -> Result<Position> {
    let Some(slots) = &world.managed.slots else {
        return Ok(Position::UpToDate);
    };
    let ledger = world.by_the_ledger(slots);
    if let Some(candidate) = ledger.filter(|candidate| !holds_the_same(candidate, slots))
        && world.agrees_on(&candidate, Told::ByOne).await?
    {
        return Ok(Position::Follows(candidate, None));
    }
    if let Some(promoted) = world.promoted(slots).await?
        && world.agrees_on(&promoted.as_told, promoted.told).await?
    {
        return Ok(Position::Follows(promoted.slots, promoted.displaced));
    }
    if let Some(successor) = world.successor(slots).await?
        && world.agrees_on(&successor.as_told, successor.told).await?
    {
        return Ok(Position::Follows(successor.slots, successor.displaced));
    }
    if let Some(adopted) = world.by_the_import(slots).await?
        && world.agrees_on(&adopted, Told::ByAll).await?
    {
        return Ok(Position::Adopts(adopted));
    }
    for (place, document) in world.documents {
        if let Some(stranger) = world.stranger(document).await? {
            let found = precondition::found(place, &stranger, slots.generation);
            return Ok(Position::Behind(found));
        }
    }
    if let Some(place) = world.unread().await {
        return Ok(Position::Behind(precondition::unread(&place)));
    }
    world.behind_the_ledger(slots).await
}

impl World<'_> {
    /// A place that cannot be read back and holds what no known write left there.
    async fn unread(&self) -> Option<String> {
        for (name, delivery) in &self.connections.deliveries {
            let Ok(seen) = delivery.look(name).await else {
                continue;
            };
            let unexplained =
                precondition::is_unexplained(name, delivery, &seen, self.managed, self.ledger);
            match unexplained.await {
                Ok(true) => return Some(delivery.store.place()),
                Ok(false) => {}
                // The apply asks again, and writes nothing as long as nobody knows.
                Err(error) => tracing::warn!(%error, "nobody can tell who wrote to {name}"),
            }
        }
        None
    }

    /// The keys that the ledger has in slots, with the marks that the documents have of them. Where it has the primary of the
    /// state for one too, it was told of no slot that this has now.
    fn by_the_ledger(&self, slots: &Slots) -> Option<Slots> {
        let (memory, documents) = (self.memory?, self.documents);
        let live = |wanted: fn(Slot) -> bool| {
            memory.keys.iter().filter(move |record| {
                wanted(record.slot) && record.status == Status::Live && record.revoked_at.is_none()
            })
        };
        let latest = |wanted: fn(Slot) -> bool| {
            live(wanted).max_by_key(|record| record.promoted_at.max(Some(record.created_at)))
        };
        let is_primary = |slot| slot == Slot::Primary;
        let primary = latest(is_primary)?;
        let own = mark(&slots.primary);
        if !own.is(&primary.key) && live(is_primary).any(|other| own.is(&other.key)) {
            return None;
        }
        let secondary = latest(|slot| matches!(slot, Slot::Staged | Slot::Retiring))
            .filter(|record| !record.key.is(&primary.key));
        let secondary = match secondary {
            None => None,
            Some(record) => Some(Secondary {
                role: match record.slot {
                    Slot::Staged => Role::Staged,
                    _ => Role::Retiring,
                },
                key: recorded(record, slots, documents)?,
            }),
        };
        let generation = documents.iter().filter_map(|(_, there)| there.generation);
        Some(Slots {
            primary: recorded(primary, slots, documents)?,
            secondary,
            generation: generation.max().unwrap_or(slots.generation),
            // What was asked for is done once there is another primary.
            requested_at: slots
                .requested_at
                .filter(|_| mark(&slots.primary).is(&primary.key)),
        })
    }

    /// A newer document leads with the staged key. The primary retires even where it does not stand beside it, for whoever
    /// left it out has not revoked it; unless its issuer says that it is gone.
    async fn promoted(&self, slots: &Slots) -> Result<Option<Successor>> {
        let there = self.documents.iter().map(|(_, there)| there);
        let Some(as_told) = by_the_documents(slots, there, self.now) else {
            return Ok(None);
        };
        let mut followed = as_told.clone();
        if followed.secondary.is_none() {
            let Statuses { primary, .. } = key_statuses(slots, self.connections).await?;
            let key = Key {
                retired_at: followed.primary.promoted_at,
                ..slots.primary.clone()
            };
            let role = Role::Retiring;
            followed.secondary =
                (primary != Some(KeyStatus::Missing)).then_some(Secondary { role, key });
        }
        Ok(Some(Successor {
            told: Told::ByOne,
            as_told,
            slots: followed,
            displaced: None,
        }))
    }

    /// A document of the next generation leads with a key of which no state heard: a promotion or a replacement. The ledger
    /// knows it as a live key of this resource; or it never heard of it, being lost or as old as the state, and the primary
    /// beside it tells whose it is, if every document says the same. The primary retires, even where somebody took it out of
    /// the documents: it keeps its grace. Where it is gone, as after an emergency that revokes first, the key that retires
    /// already stays beside the new one.
    async fn successor(&self, slots: &Slots) -> Result<Option<Successor>> {
        let Statuses {
            primary, secondary, ..
        } = key_statuses(slots, self.connections).await?;
        let Some(document) = next_of(slots, self.documents) else {
            return Ok(None);
        };
        // A second key that is gone gives way to whatever succeeds the primary.
        let second = slots.secondary.clone();
        let second = second.filter(|_| secondary.flatten() != Some(KeyStatus::Missing));
        let is_gone = primary == Some(KeyStatus::Missing);
        let holds = |key: &Key| {
            let there = document.secondary.as_ref();
            there.is_some_and(|there| precondition::is(key, there))
        };
        // One of the two had to make room for the new key: not the one that the document still has.
        let keeps_second = second
            .as_ref()
            .is_some_and(|second| holds(&second.key) || (is_gone && document.secondary.is_none()));
        let displaced = match (&second, keeps_second) {
            (None, _) => None,
            (Some(_), true) => Some(&slots.primary).filter(|_| !is_gone),
            (Some(second), false) => Some(&second.key),
        };
        // A key without an id is gone with its last document. The primary keeps its slot until that is so, and with it whatever
        // stood beside it.
        let may_stand = |key: &Key| !self.saw_all || self.stands_somewhere(key);
        if keeps_second && displaced.is_some_and(|key| key.key_id.is_none() && may_stand(key)) {
            return Ok(None);
        }
        let keys = self.memory.map_or(&[][..], |memory| &memory.keys);
        let first = mark_of(&document.primary);
        let mut known = keys.iter().filter(|record| record.key.is(&first));
        let is_known = known.any(|record| record.status == Status::Live);
        let is_beside = holds(&slots.primary);
        let is_unheard = is_beside && self.ledger.find_keys(&[first]).await?.is_empty();
        if !is_known && !is_unheard {
            return Ok(None);
        }
        let at = document.rotated_at.unwrap_or(self.now);
        let swapped = |second: Option<Secondary>, old_lives| {
            let retires = old_lives && second.is_none();
            let mut slots = slots.clone();
            slots.secondary = second;
            slots.swap_in(existing(&document.primary, at), at, retires);
            slots
        };
        let told = second.clone().filter(|second| holds(&second.key));
        let displaced = displaced.and_then(|key| key.key_id.clone());
        Ok(Some(Successor {
            told: match is_known {
                true => Told::ByOne,
                false => Told::ByAll,
            },
            as_told: swapped(told, is_beside),
            slots: swapped(second.filter(|_| keeps_second), is_beside || !is_gone),
            displaced,
        }))
    }

    fn stands_somewhere(&self, key: &Key) -> bool {
        let documents = self.documents.iter();
        let mut there = documents.flat_map(|(_, document)| {
            let slots = [Some(&document.primary), document.secondary.as_ref()];
            slots.into_iter().flatten()
        });
        there.any(|there| precondition::is(key, there))
    }

    /// An imported key: its document tells its secret, its generation, and perhaps a second key that would lose its only
    /// copy if it were not taken over.
    async fn by_the_import(&self, slots: &Slots) -> Result<Option<Slots>> {
        let mut records = self.managed.deliveries.values();
        let is_imported = slots.secondary.is_none()
            && slots.primary.fingerprint.is_none()
            && records.all(|record| record.delivered_at.is_none());
        let Some((_, document)) = self.documents.first().filter(|_| is_imported) else {
            return Ok(None);
        };
        if !precondition::is(&slots.primary, &document.primary) {
            return Ok(None);
        }
        let mut adopted = slots.clone();
        adopted.primary.fingerprint = Some(document.primary.secret.fingerprint());
        adopted.generation = document.generation.unwrap_or(slots.generation);
        if let Some(second) = &document.secondary {
            adopted.secondary = self.second(second, document).await?;
        }
        Ok(Some(adopted))
    }

    /// The second key of an imported one, in the role that the ledger knows it in; without a ledger it is the old one,
    /// whose grace began with the document. `None` if the issuer does not know it.
    async fn second(&self, second: &DocumentKey, document: &Document) -> Result<Option<Secondary>> {
        let Some(id) = &second.key_id else {
            return Ok(None);
        };
        let key_statuses = self.connections.issuer.inspect(std::slice::from_ref(id));
        let status = key_statuses.await?.first().copied().flatten();
        if !matches!(status, Some(KeyStatus::Active | KeyStatus::Inactive)) {
            return Ok(None);
        }
        let at = document.rotated_at.unwrap_or(self.now);
        let known = self.ledger.keys_in(self.account).await?;
        let known = known.iter().find(|record| record.key.is(&mark_of(second)));
        let is_staged = known.is_some_and(|record| record.slot == Slot::Staged);
        let mut key = existing(second, known.map_or(at, |record| record.created_at));
        key.promoted_at = known.and_then(|record| record.promoted_at);
        key.retired_at = (!is_staged).then_some(at);
        let role = match is_staged {
            true => Role::Staged,
            false => Role::Retiring,
        };
        Ok(Some(Secondary { role, key }))
    }

    /// Whether the documents hold exactly these keys, and the issuer has the first.
    async fn agrees_on(&self, slots: &Slots, told: Told) -> Result<bool> {
        if !self.is_told(slots, told) {
            return Ok(false);
        }
        // A second key that is gone is of no use, and the rules end it.
        let Statuses { primary, .. } = key_statuses(slots, self.connections).await?;
        Ok(seen(primary) != Seen::Gone)
    }

    /// Every document that nobody changed tells the same; one that somebody changed says nothing.
    fn is_told(&self, slots: &Slots, told: Told) -> bool {
        let known = self.managed.slots.iter().chain([slots]);
        let known: Vec<&Key> = known.flat_map(keys).collect();
        let documents = self.documents.iter().map(|(_, there)| there);
        let untouched: Vec<&Document> = documents
            .filter(|there| is_untouched(there, &known))
            .collect();
        let is_newer = |there: &Document| there.generation > Some(slots.generation);
        untouched.iter().any(|there| holds_exactly(there, slots))
            && untouched.iter().all(|there| match told {
                Told::ByAll => holds_exactly(there, slots),
                Told::ByOne => !is_newer(there),
            })
    }

    async fn stranger(&self, document: &Document) -> Result<Option<Stranger>> {
        let ours = Ours {
            managed: self.managed,
            minted: None,
            left_behind: self.left_behind,
        };
        precondition::stranger(document, &ours, self.connections, self.ledger).await
    }

    /// A state held a primary once that this state has never heard of, and it lives.
    async fn behind_the_ledger(&self, slots: &Slots) -> Result<Position> {
        let Some(memory) = self.memory else {
            return Ok(Position::UpToDate);
        };
        // Two promotions of one instant are told apart by their generations.
        let of_the_state = (slots.primary.promoted_at, Some(slots.generation));
        let newer = memory.keys.iter();
        let newer: Vec<&KeyRecord> = newer
            .filter(|record| record.slot == Slot::Primary && record.status == Status::Live)
            .filter(|record| record.revoked_at.is_none() && record.confirmed_at.is_some())
            .filter(|record| (record.promoted_at, memory.generation) > of_the_state)
            .filter(|record| !holds(slots, &record.key))
            .collect();
        for record in newer {
            let lives = match (&record.key.key_id, self.connections.capabilities.inspects()) {
                (Some(id), true) => {
                    let status = self.connections.issuer.inspect(std::slice::from_ref(id));
                    status.await?.first().copied().flatten() != Some(KeyStatus::Missing)
                }
                _ => true,
            };
            if lives {
                return Ok(Position::Behind(format!(
                    "the ledger knows key {} as primary since {}, and this state does not know it",
                    record.key.label(),
                    record
                        .promoted_at
                        .map_or_else(String::new, |at| at.to_string())
                )));
            }
        }
        Ok(Position::UpToDate)
    }
}

/// A newer document leads with the staged key: a promotion of which no state heard. Where it did not get to every place, it
/// goes on from here: a document never goes back.
pub fn by_the_documents<'a>(
    slots: &Slots,
    documents: impl Iterator<Item = &'a Document>,
    now: Instant,
) -> Option<Slots> {
    let staged = slots.staged()?;
    let known: Vec<&Key> = keys(slots).collect();
    let first = documents
        .filter(|there| is_untouched(there, &known))
        .max_by_key(|there| there.generation)?;
    let is_newer = first.generation > Some(slots.generation);
    if !is_newer || !precondition::is(staged, &first.primary) {
        return None;
    }
    let old_lives = first
        .secondary
        .as_ref()
        .is_some_and(|second| precondition::is(&slots.primary, second));
    let mut followed = slots.clone();
    // A layout without the instant leaves the instant at which it was noticed.
    followed.promote_staged(first.rotated_at.unwrap_or(now), old_lives);
    followed.generation = first.generation?;
    Some(followed)
}

/// A document of the next generation that has the primary as the second key, or else the secondary or, at worst, no second key.
fn next_of<'a>(slots: &Slots, documents: &'a [(String, Document)]) -> Option<&'a Document> {
    let documents = documents.iter().map(|(_, there)| there);
    let next = documents.filter(|there| {
        there.generation == Some(slots.generation + 1)
            && !keys(slots).any(|key| precondition::is(key, &there.primary))
    });
    let next: Vec<&Document> = next.collect();
    let has = |there: &Document, key: &Key| {
        let second = there.secondary.as_ref();
        second.is_some_and(|second| precondition::is(key, second))
    };
    let beside = keys(slots).find_map(|key| next.iter().find(|there| has(there, key)));
    let alone = || next.iter().find(|there| there.secondary.is_none());
    beside.or_else(alone).copied()
}

fn keys(slots: &Slots) -> impl Iterator<Item = &Key> {
    [Some(&slots.primary), slots.secondary_key()]
        .into_iter()
        .flatten()
}

/// Whether both have the same keys in the same roles, whatever instants they know of them.
fn holds_the_same(one: &Slots, other: &Slots) -> bool {
    let second = |slots: &Slots| {
        let secondary = slots.secondary.as_ref()?;
        Some((secondary.role, mark(&secondary.key)))
    };
    one.generation == other.generation
        && mark(&one.primary) == mark(&other.primary)
        && second(one) == second(other)
}

/// Every secret in the document is known.
fn is_untouched(document: &Document, known: &[&Key]) -> bool {
    let there = [Some(&document.primary), document.secondary.as_ref()];
    let mut there = there.into_iter().flatten();
    there.all(|there| known.iter().any(|key| precondition::is(key, there)))
}

fn holds_exactly(document: &Document, slots: &Slots) -> bool {
    let second = match (slots.secondary_key(), &document.secondary) {
        (Some(key), Some(there)) => precondition::is(key, there),
        (None, None) => true,
        _ => false,
    };
    let generation = document
        .generation
        .is_none_or(|there| there == slots.generation);
    second && generation && precondition::is(&slots.primary, &document.primary)
}

/// A key that was found in a document.
pub fn existing(key: &DocumentKey, at: Instant) -> Key {
    Key {
        key_id: key.key_id.clone(),
        fingerprint: Some(key.secret.fingerprint()),
        created_at: at,
        delivered_at: Some(at),
        verified_at: None,
        promoted_at: None,
        retired_at: None,
    }
}

fn holds(slots: &Slots, key: &KeyMark) -> bool {
    keys(slots).any(|own| mark(own).is(key))
}

/// A key of the ledger, with its whole mark from a document or the state; `None` if neither has it.
fn recorded(record: &KeyRecord, slots: &Slots, documents: &[(String, Document)]) -> Option<Key> {
    let there = documents
        .iter()
        .flat_map(|(_, there)| [Some(&there.primary), there.secondary.as_ref()])
        .flatten()
        .find(|there| mark_of(there) == record.key)
        .map(|there| there.secret.fingerprint());
    let own = [Some(&slots.primary), slots.secondary_key()];
    let own = own
        .into_iter()
        .flatten()
        .find(|own| mark(own) == record.key);
    Some(Key {
        key_id: record.key.key_id.clone(),
        fingerprint: Some(there.or_else(|| own?.fingerprint.clone())?),
        created_at: record.created_at,
        delivered_at: record.delivered_at,
        verified_at: record.verified_at,
        promoted_at: record.promoted_at,
        retired_at: record.retired_at,
    })
}
