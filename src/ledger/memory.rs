//! A ledger in memory, with the same rules as one in a database. For tests that live a million lives.

mod outbox;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::domain::emergency::Incident;
use crate::domain::gates::Peer;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::locks::first_number;
use crate::ledger::{
    Effect, Fence, Holding, Intent, Inventory, Journal, KeyMark, KeyRecord, Lease, Ledger, Locks,
    Memory, Noted, Outcome, ResourceRef, Slot, Status, news,
};

pub use outbox::Letter;

/// Everything in one lock: tests want it small and whole, not fast.
#[derive(Default)]
pub struct InMemory(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    keys: Vec<Row>,
    resources: BTreeMap<String, Resource>,
    open: Vec<Intent>,
    locks: BTreeMap<String, (i64, Option<String>)>,
    incidents: BTreeMap<String, Vec<Incident>>,
    /// The version that the last write of a resource left at a place; `None` where its end is not known.
    written: BTreeMap<(String, String), Option<String>>,
    /// Everything that was ever to be told, oldest first.
    letters: Vec<Letter>,
    lost: bool,
}

struct Resource {
    resource: ResourceRef,
    generation: u64,
    private_data: Option<String>,
    places: BTreeSet<String>,
}

#[derive(Clone)]
struct Row {
    resource: ResourceRef,
    account: String,
    key: KeyRecord,
}

impl InMemory {
    /// Ends every lease, as time does when a holder died.
    pub fn expire_locks(&self) {
        self.tables()
            .locks
            .values_mut()
            .for_each(|lock| lock.1 = None);
    }

    /// Every call fails until it is found again.
    pub fn lose(&self, lost: bool) {
        self.tables().lost = lost;
    }

    /// Whether every call fails.
    pub fn is_lost(&self) -> bool {
        self.tables().lost
    }

    /// Forgets everything, as a fresh ledger would.
    pub fn wipe(&self) {
        *self.tables() = Tables::default();
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<MutexGuard<'_, Tables>> {
        let tables = self.tables();
        if tables.lost {
            return Err(Error::new(
                Kind::Unavailable,
                "The ledger cannot be reached",
                "It was lost. Try again.",
            ));
        }
        Ok(tables)
    }
}

impl Tables {
    fn note_write(&mut self, intent: &Intent, version: Option<String>) {
        if let (Effect::Deliver, Some(place)) = (intent.effect, &intent.place) {
            let place = (intent.resource.id.clone(), place.clone());
            self.written.insert(place, version);
        }
    }

    fn is_held(&self, fence: &Fence) -> bool {
        let lock = self.locks.get(&fence.name);
        lock.is_some_and(|(number, holder)| *number == fence.number && holder.is_some())
    }

    /// Those whose apply still has its lock.
    fn alive(&self, open: &[Intent]) -> BTreeSet<String> {
        let is_held = |intent: &&Intent| intent.fence.as_ref().is_some_and(|it| self.is_held(it));
        let alive = open.iter().filter(is_held);
        alive.map(|intent| intent.id.clone()).collect()
    }

    fn is_minted(&mut self, intent: &Intent, key: &KeyMark, at: Instant) {
        self.keys.push(Row {
            resource: intent.resource.clone(),
            account: intent.account.clone(),
            key: KeyRecord::minted(key.clone(), &intent.apply, at),
        });
    }

    fn is_gone(&mut self, create: &Intent, at: Instant) {
        for record in self.keys.iter_mut().map(|row| &mut row.key) {
            let is_of_it = record.minted_by.as_ref() == Some(&create.id);
            if is_of_it && record.key.key_id.is_none() && record.confirmed_at.is_none() {
                record.end(at);
            }
        }
    }

    fn tell_of_outcome(&mut self, intent: &Intent, outcome: &Outcome, at: Instant) {
        let was_in_a_slot = self.keys.iter().any(|row| {
            let is_of_it = row.resource.id == intent.resource.id;
            let mut dead = intent.key.iter();
            is_of_it && row.key.slot != Slot::None && dead.any(|dead| row.key.key.is(dead))
        });
        if let Some(what) = news::of_outcome(intent, outcome, was_in_a_slot) {
            let whose = (&intent.resource, intent.issuer.as_str());
            self.tell(&intent.audience, whose, &what, at);
        }
    }

    /// What people hear of a resource and its keys, before that is written over what was known.
    fn tell_of(&mut self, holding: &Holding, at: Instant) {
        let known = self.resources.get(&holding.resource.id);
        let mut all = news::of_resource(holding, known.map(|known| known.generation));
        for seen in &holding.keys {
            let mut rows = self.keys.iter();
            let is_it =
                |row: &&Row| row.resource.id == holding.resource.id && row.key.key.is(&seen.key);
            let before = rows.find(is_it).map(|row| &row.key);
            let now = before.map_or_else(|| seen.clone(), |before| before.seen_as(seen));
            all.extend(news::of_key(before, &now));
        }
        let whose = (&holding.resource, holding.issuer.as_str());
        for what in all {
            self.tell(&holding.telling.audience, whose, &what, at);
        }
    }

    fn is_revoked(&mut self, intent: &Intent, at: Instant) {
        let Some(dead) = &intent.key else { return };
        for row in &mut self.keys {
            let record = &mut row.key;
            // A mark alone is too short to look beyond its own resource.
            let same = record.key.is(dead)
                && (record.key.key_id == dead.key_id && dead.key_id.is_some()
                    || row.resource.id == intent.resource.id);
            if row.account == intent.account && same && record.revoked_at.is_none() {
                record.revoked_at = Some(at);
                record.status = Status::Revoked;
                record.slot = Slot::None;
            }
        }
    }
}

/// Nobody writes into memory but the ledger itself.
fn ids(open: &[Intent]) -> BTreeSet<String> {
    open.iter().map(|intent| intent.id.clone()).collect()
}

impl Ledger for InMemory {
    fn place(&self) -> String {
        "memory".into()
    }
}

#[async_trait]
impl Journal for InMemory {
    async fn begin(&self, intent: &Intent) -> Result<()> {
        let mut tables = self.open()?;
        if let Some(fence) = intent.fence.as_ref().filter(|fence| !tables.is_held(fence)) {
            return Err(fence.passed_on());
        }
        tables.note_write(intent, None);
        tables.open.push(intent.clone());
        Ok(())
    }

    async fn finish(&self, intent: &str, outcome: &Outcome, at: Instant) -> Result<()> {
        let mut tables = self.open()?;
        let Some(position) = tables.open.iter().position(|open| open.id == intent) else {
            return Ok(());
        };
        let intent = tables.open[position].clone();
        if let (Effect::Apply, Outcome::Done(_), Some(fence)) =
            (intent.effect, outcome, &intent.fence)
            && !tables.is_held(fence)
        {
            return Err(fence.passed_on());
        }
        tables.open.remove(position);
        tables.tell_of_outcome(&intent, outcome, at);
        match (intent.effect, outcome) {
            (_, Outcome::Written(version)) => tables.note_write(&intent, Some(version.clone())),
            (Effect::Mint, Outcome::Done(Some(key))) => tables.is_minted(&intent, key, at),
            (Effect::Revoke, Outcome::Done(_)) => {
                tables.is_revoked(&intent, at);
                tables.open.retain(|open| !intent.known.contains(&open.id));
            }
            _ if outcome.ends_keys_of(&intent) => tables.is_gone(&intent, at),
            _ => {}
        }
        Ok(())
    }

    async fn note_incident(&self, noted: &Noted) -> Result<()> {
        let mut tables = self.open()?;
        let whose = (&noted.resource, noted.issuer.as_str());
        tables.tell(&noted.audience, whose, &news::of_incident(noted), noted.at);
        let of = tables.incidents.entry(noted.resource.id.clone());
        let all = of.or_default();
        match all.iter_mut().find(|known| known.id == noted.incident.id) {
            Some(known) if known.contained_at.is_none() => *known = noted.incident.clone(),
            Some(_) => {}
            None => all.push(noted.incident.clone()),
        }
        Ok(())
    }

    async fn explains(&self, resource_id: &str, place: &str, version: &str) -> Result<bool> {
        let tables = self.open()?;
        let last = tables
            .written
            .get(&(resource_id.to_owned(), place.to_owned()));
        Ok(last.is_some_and(|last| last.as_deref().is_none_or(|last| last == version)))
    }

    async fn recall(&self, resource_id: &str) -> Result<Memory> {
        let tables = self.open()?;
        let keys = tables.keys.iter();
        let open = tables.open.iter();
        let open: Vec<Intent> = open
            .filter(|intent| intent.resource.id == resource_id)
            .cloned()
            .collect();
        let resource = tables.resources.get(resource_id);
        Ok(Memory {
            generation: resource.map(|resource| resource.generation),
            workspace: resource.map(|resource| resource.resource.workspace.clone()),
            places: resource.map_or_else(BTreeSet::new, |resource| resource.places.clone()),
            private_data: resource.and_then(|resource| resource.private_data.clone()),
            account: tables
                .keys
                .iter()
                .rev()
                .find(|row| row.resource.id == resource_id)
                .map(|row| row.account.clone()),
            more: false,
            incidents: tables
                .incidents
                .get(resource_id)
                .cloned()
                .unwrap_or_default(),
            keys: keys
                .filter(|row| row.resource.id == resource_id)
                .map(|row| row.key.clone())
                .collect(),
            sealed: ids(&open),
            alive: tables.alive(&open),
            open,
        })
    }

    async fn recall_never_confirmed(&self, account: &str) -> Result<Memory> {
        let tables = self.open()?;
        let confirmed: BTreeSet<&str> = tables
            .keys
            .iter()
            .filter(|row| row.key.confirmed_at.is_some())
            .map(|row| row.resource.id.as_str())
            .collect();
        let mine = |id: &str, at: &str| at == account && !confirmed.contains(id);
        let open = tables.open.iter();
        let open: Vec<Intent> = open
            .filter(|intent| mine(&intent.resource.id, &intent.account))
            .cloned()
            .collect();
        Ok(Memory {
            generation: None,
            workspace: None,
            places: BTreeSet::new(),
            private_data: None,
            account: None,
            more: false,
            incidents: Vec::new(),
            sealed: ids(&open),
            keys: tables
                .keys
                .iter()
                .filter(|row| mine(&row.resource.id, &row.account))
                .filter(|row| row.key.status == Status::Live)
                .map(|row| row.key.clone())
                .collect(),
            alive: tables.alive(&open),
            open,
        })
    }
}

#[async_trait]
impl Inventory for InMemory {
    async fn keys_in(&self, account: &str) -> Result<Vec<KeyRecord>> {
        let tables = self.open()?;
        let rows = tables.keys.iter().filter(|row| row.account == account);
        Ok(rows.map(|row| row.key.clone()).collect())
    }

    async fn find_keys(&self, keys: &[KeyMark]) -> Result<Vec<(ResourceRef, KeyRecord)>> {
        let tables = self.open()?;
        let rows = tables.keys.iter();
        let asked = |row: &&Row| keys.iter().any(|key| row.key.key.is(key));
        Ok(rows
            .filter(asked)
            .map(|row| (row.resource.clone(), row.key.clone()))
            .collect())
    }

    async fn who_delivers_to(&self, places: &[String]) -> Result<Vec<(String, ResourceRef)>> {
        let tables = self.open()?;
        let lives = |id: &str| {
            let mut keys = tables.keys.iter().filter(|row| row.resource.id == id);
            keys.any(|row| row.key.status == Status::Live && row.key.confirmed_at.is_some())
        };
        let resources = tables.resources.values();
        let living = resources.filter(|resource| lives(&resource.resource.id));
        Ok(living
            .flat_map(|resource| {
                let shared = places
                    .iter()
                    .filter(|place| resource.places.contains(*place));
                shared.map(|place| (place.clone(), resource.resource.clone()))
            })
            .collect())
    }

    async fn peers(&self, _: &str, _: &str) -> Result<Vec<Peer>> {
        // It is the ledger of one key.
        self.open().map(|_| Vec::new())
    }

    async fn keep(&self, resource_id: &str, private_data: &str) -> Result<()> {
        let mut tables = self.open()?;
        if let Some(resource) = tables.resources.get_mut(resource_id) {
            resource.private_data = Some(private_data.to_owned());
        }
        Ok(())
    }

    async fn record(&self, holding: &Holding, at: Instant) -> Result<()> {
        let mut tables = self.open()?;
        tables.tell_of(holding, at);
        let before = tables.resources.get(&holding.resource.id);
        let before = before.and_then(|resource| resource.private_data.clone());
        let resource = Resource {
            resource: holding.resource.clone(),
            generation: holding.generation,
            private_data: holding.private_data.clone().or(before),
            places: holding.places.iter().cloned().collect(),
        };
        tables
            .resources
            .insert(holding.resource.id.clone(), resource);
        for seen in &holding.keys {
            let mut rows = tables.keys.iter_mut();
            let known = rows.find(|row| {
                let mine = row.resource.id == holding.resource.id;
                // Somebody left it to itself, and now it is held again.
                let adopted = row.key.status == Status::Orphaned
                    && row.account == holding.account
                    && seen.key.key_id.is_some();
                (mine || adopted) && row.key.key.is(&seen.key)
            });
            match known {
                Some(row) => {
                    row.resource = holding.resource.clone();
                    row.key = row.key.seen_as(seen);
                }
                None => {
                    let row = Row {
                        resource: holding.resource.clone(),
                        account: holding.account.clone(),
                        key: seen.clone(),
                    };
                    tables.keys.push(row);
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Locks for InMemory {
    async fn try_lock(&self, name: &str, holder: &str) -> Result<Option<Lease>> {
        let mut tables = self.open()?;
        let lock = tables.locks.entry(name.to_owned()).or_default();
        if lock.1.is_some() {
            return Ok(None);
        }
        let number = match lock.0 {
            0 => first_number(),
            last => last + 1,
        };
        *lock = (number, Some(holder.to_owned()));
        Ok(Some(Lease {
            fence: Fence {
                name: name.to_owned(),
                number: lock.0,
            },
            length: std::time::Duration::from_secs(60),
        }))
    }

    async fn renew(&self, fence: &Fence) -> Result<()> {
        let held = self.open()?.is_held(fence);
        held.then_some(()).ok_or_else(|| fence.passed_on())
    }

    async fn unlock(&self, fence: &Fence) -> Result<()> {
        let mut tables = self.open()?;
        if let Some(lock) = tables.locks.get_mut(&fence.name)
            && lock.0 == fence.number
        {
            lock.1 = None;
        }
        Ok(())
    }
}
