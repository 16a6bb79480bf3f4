//! What earlier applies left behind, as the ledger tells it: keys that belong to no resource, and applies that
//! no state heard of.

mod before_create;
mod words;

use crate::context::Context;
use crate::domain::emergency::{self, Incident};
use crate::domain::expected::Uses;
use crate::domain::situation::Seen;
use crate::engine::catch_up::{self, Position, World};
use crate::engine::connections::{Connections, stale};
use crate::engine::former::Former;
use crate::engine::journal::mark;
use crate::engine::managed::{DeliveryState, Managed};
use crate::engine::observe::Observed;
use crate::engine::precondition::{behind, mark_of};
use crate::engine::recover::{self, Origins, Recovered, Remembered, recover};
use crate::error::{Error, Result};
use crate::instant::Instant;
use crate::issuers::Supply;
use crate::ledger::hold::holder;
use crate::ledger::{Holding, KeyMark, KeyRecord, Ledger, Memory, Noted, Slot};
use crate::resources::managed::amnesia;
use crate::resources::managed::copied;
use crate::resources::managed::expected;
use crate::resources::managed::inventory_entry;
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::managed::telling;
use crate::stores::{Document, DocumentKey};

use before_create::look_before_create;
pub use before_create::{close_repeated, of_a_create};
pub use words::left_by_a_create;
use words::{adopted, busy, followed, not_judged, not_looked};

/// What was left behind of a key that exists.
pub struct Left {
    /// The keys as the state is to have them now.
    pub managed: Managed,
    /// What a person should know.
    pub warnings: Vec<Error>,
    /// The ledger could be asked, so that nothing else is left of the resource than what is known.
    pub is_certain: bool,
    /// Another apply is at work on the key, or its lease has not run out: what was seen may be half of what it does.
    pub is_busy: bool,
    /// What outside is newer than the state, if something is and the state could not follow.
    pub behind: Option<String>,
    /// The keys that applies left behind, by id.
    pub found: Vec<String>,
    /// What the ledger knows of emergencies.
    pub incidents: Vec<Incident>,
    /// What the ledger knows of the use of keys, by their labels.
    pub noticed: Uses,
    /// Keys of which their issuer cannot say that they are gone, and the ledger can.
    pub revoked: Vec<KeyMark>,
    /// What the inventory is to say, once the status is known.
    holding: Option<Holding>,
}

impl Left {
    fn of(managed: &Managed) -> Self {
        Self {
            managed: managed.clone(),
            warnings: Vec::new(),
            is_certain: true,
            is_busy: false,
            behind: None,
            found: Vec::new(),
            incidents: Vec::new(),
            noticed: Uses::new(),
            revoked: Vec::new(),
            holding: None,
        }
    }

    /// Those of the pending revocations that an apply left behind; `known` are those that were so before.
    pub fn orphans(&self, known: Vec<String>) -> Vec<String> {
        let pending = self.managed.pending_revocations.iter();
        pending
            .filter(|id| self.found.contains(id) || known.contains(id))
            .cloned()
            .collect()
    }

    /// A key that the state could not follow is revoked by its id, unless it leads at a place that this state does not know. One
    /// without an id lives in documents alone: where they hold something else it is gone, unless they are not where this state
    /// looks for them.
    fn judge_unacknowledged(
        &mut self,
        recovered: &mut Recovered,
        in_order: bool,
        unseen: Option<&String>,
    ) {
        for record in std::mem::take(&mut recovered.unacknowledged) {
            let unseen = unseen.filter(|_| record.slot == Slot::Primary);
            match (record.key.key_id.clone(), unseen) {
                (Some(id), None) => recovered.orphans.push(id),
                (Some(id), Some(place)) => {
                    self.behind.get_or_insert(format!(
                        "the ledger knows key {id} as primary in {place}, and this state knows neither"
                    ));
                }
                (None, _) if in_order => recovered.gone.push(record.key),
                (None, _) => {
                    self.behind.get_or_insert(format!(
                        "the ledger knows key {} of an apply or an action that this state has not heard of, and its \
                         deliveries do not hold it",
                        record.key.label()
                    ));
                }
            }
        }
    }

    /// A create that failed is destroyed next, and created again: what other creates left behind in the account goes with it,
    /// or the destroy would refuse what no plan has shown.
    async fn with_keys_beside(
        mut self,
        recovered: &mut Recovered,
        state: &ManagedState,
        connections: &Connections,
        context: &Context,
    ) -> Self {
        match look_before_create(state, connections, context).await {
            Ok(beside) => {
                let new = beside.orphans.into_iter();
                let new = new.filter(|id| !recovered.orphans.contains(id));
                recovered.orphans.extend(new.collect::<Vec<_>>());
                self.warnings.extend(beside.warnings);
                self
            }
            Err(error) => self.uncertain(not_looked(state.label(), &error)),
        }
    }

    /// Brings the inventory up to what the look has seen. Others go by the status and the dates: they are those of this look,
    /// not of the one before.
    pub async fn record(
        &mut self,
        state: &ManagedState,
        private: &Private,
        uses: &Uses,
        context: &Context,
    ) {
        let Some(mut holding) = self.holding.take() else {
            return;
        };
        // Who only looks at a copy says nothing of what the workspace keeps that applies it.
        let is_own = holding.resource.workspace == context.workspace;
        holding.private_data = amnesia::kept(private).filter(|_| is_own);
        expected::note(&mut holding.keys, state, uses);
        let holding = inventory_entry::as_it_stands(holding, state, context);
        let recorded = context.ledger.record(&holding, context.clock.now()).await;
        if let Err(error) = recorded {
            self.warnings.push(inventory_entry::without_ledger(error));
        }
    }

    /// Nothing of the resource is left anywhere, so that its state gives it up.
    pub fn give_up(&mut self) {
        if let Some(holding) = &mut self.holding {
            holding.left_by = Some(holder());
        }
    }

    fn note_revoked(&mut self, memory: &Memory) {
        let records = memory.keys.iter();
        let revoked = records.filter(|it| it.revoked_at.is_some() && it.key.key_id.is_some());
        self.revoked = revoked.map(|record| record.key.clone()).collect();
        let revoked = &self.revoked;
        let is_alive = |id: &String| {
            let mut ids = revoked.iter().filter_map(|key| key.key_id.as_ref());
            !ids.any(|dead| dead == id)
        };
        self.managed.pending_revocations.retain(is_alive);
    }

    /// Nothing is said of it while another apply is at work, or while the ledger cannot be asked.
    fn uncertain(mut self, warning: Error) -> Self {
        self.warnings.push(warning);
        self.is_certain = false;
        self
    }
}

/// Looks at a key that exists, and brings the ledger up to its state. `observed` is what stands at its places.
pub async fn of(
    state: &ManagedState,
    managed: &Managed,
    observed: &Observed,
    connections: &Connections,
    account: &str,
    context: &Context,
) -> Result<Left> {
    let mut left = Left::of(managed);
    let ledger = context.ledger.as_ref();
    let held = inventory_entry::held(managed);
    let remembered = match remembered(managed, &held, account, ledger).await {
        Ok(remembered) => remembered,
        Err(error) => {
            left = left.uncertain(inventory_entry::without_ledger(error));
            Remembered::nothing()
        }
    };
    left.incidents.clone_from(&remembered.memory.incidents);
    left.noticed = expected::noticed(&remembered.memory.keys);
    if !connections.capabilities.inspects() {
        left.note_revoked(&remembered.memory);
    }
    if remembered.memory.is_busy() {
        left.is_busy = true;
        return Ok(left.uncertain(busy(state.label())));
    }
    let mut recovered = understand(state, &remembered, &held, connections, context).await?;
    left.warnings.append(&mut recovered.warnings);
    if observed.is_in_order() {
        // A key without an id lives in documents alone, and they hold what they should.
        let (alive, gone) = std::mem::take(&mut recovered.forgotten)
            .into_iter()
            .partition(|key| key.key_id.is_some());
        recovered.forgotten = alive;
        recovered.gone.extend::<Vec<KeyMark>>(gone);
    }
    let is_known = recovered.unacknowledged.is_empty() && recovered.forgotten.is_empty();
    if !(observed.is_in_order() && is_known) {
        let look = Look {
            state,
            documents: &documents(observed, &remembered.memory),
            saw_all: observed.unreadable.is_empty() && managed.former.is_empty(),
            connections,
            account,
            context,
        };
        // Both looks are boxed, as they are rare: they would make every refresh larger.
        Box::pin(look.catch_up(&mut left, &mut recovered, &remembered.memory)).await?;
    }
    match (
        recovered.unacknowledged.first(),
        observed.unreadable.first(),
    ) {
        // It may be in use at the place that cannot be looked at.
        (Some(unacknowledged), Some(error)) => {
            left = left.uncertain(not_judged(state.label(), unacknowledged, error));
        }
        _ if connections.capabilities.supply == Supply::Brought => {
            let unheard = std::mem::take(&mut recovered.unacknowledged).into_iter();
            recovered.untaken.extend(unheard.map(|record| record.key));
        }
        _ => {
            let unseen = unseen_place(&remembered.memory, connections, observed);
            left.judge_unacknowledged(&mut recovered, observed.is_in_order(), unseen);
        }
    }
    if managed.slots.is_none() {
        let beside = left.with_keys_beside(&mut recovered, state, connections, context);
        left = Box::pin(beside).await;
    }
    let new = recovered.orphans.iter();
    let new = new.filter(|id| !managed.pending_revocations.contains(id));
    left.managed.pending_revocations.extend(new.cloned());
    left.found = recovered.orphans.clone();
    if !left.is_certain || !ledger.remembers() {
        return Ok(left);
    }
    if left.behind.is_some() {
        return Ok(left);
    }
    let now = context.clock.now();
    recovered.settle(ledger, now).await;
    let holding = inventory_entry::holding(
        state,
        &left.managed,
        connections,
        account.to_owned(),
        context,
        Some(now),
    );
    let is_gone = observed.facts.primary == Seen::Gone;
    if let Some(slots) = managed.slots.as_ref().filter(|_| is_gone) {
        let primary = mark(&slots.primary);
        let mut held = inventory_entry::held(&left.managed).into_iter();
        // The state follows another one that has taken its place.
        let is_replaced = !held.any(|key| key.is(&primary));
        recovered.gone.extend(is_replaced.then_some(primary));
    }
    let mut holding = with_the_gone(holding, &remembered.memory, &recovered.gone, now);
    // What this look brought into the state is in no state yet: a plan writes none.
    for record in &mut holding.keys {
        let is_in_state = held.iter().any(|key| key.is(&record.key));
        record.confirmed_at = record.confirmed_at.filter(|_| is_in_state);
    }
    // A state may be the copy of another: not who looks at a key has it, but who applies it.
    if let Some(workspace) = &remembered.memory.workspace {
        if *workspace != context.workspace {
            let told = copied::taken_over(state.label(), workspace, context);
            left.warnings.push(told);
        }
        holding.resource.workspace.clone_from(workspace);
    }
    keep_revoked(&mut holding, &remembered.memory, |record| {
        let is_revoked = || left.revoked.iter().any(|dead| dead.is(&record.key));
        (is_gone && record.slot == Slot::Primary) || is_revoked()
    });
    if observed.vanished {
        // A state that outlived a destroy makes no dead key live again.
        holding.keys.iter_mut().for_each(|key| key.end(now));
    }
    left.holding = Some(holding);
    Ok(left)
}

/// What stands at the places of this resource, those included that no state has heard of, where all keys are its own.
fn documents(observed: &Observed, memory: &Memory) -> Vec<(String, Document)> {
    let is_known = |key: &DocumentKey| {
        let key = mark_of(key);
        memory.keys.iter().any(|record| record.key.is(&key))
    };
    let is_ours = |document: &Document| {
        is_known(&document.primary) && document.secondary.as_ref().is_none_or(is_known)
    };
    let newer = observed.newer.iter();
    let newer = newer.filter(|(_, document)| is_ours(document));
    let all = observed.documents.iter().chain(newer);
    all.map(|(place, document)| (place.clone(), document.duplicate()))
        .collect()
}

/// A place that the resource was delivered to and that this look has not seen.
fn unseen_place<'a>(
    memory: &'a Memory,
    connections: &Connections,
    observed: &Observed,
) -> Option<&'a String> {
    let is_seen = |place: &String| {
        let mut deliveries = connections.deliveries.iter();
        deliveries.any(|(name, delivery)| {
            let record = observed.deliveries.get(name);
            delivery.recorded.as_ref() == Some(place)
                && delivery.lost_place.as_ref() != Some(place)
                && record.is_some_and(|record| record.state != DeliveryState::Elsewhere)
        })
    };
    memory.places.iter().find(|place| !is_seen(place))
}

/// What a look at a key needs.
struct Look<'a> {
    state: &'a ManagedState,
    documents: &'a [(String, Document)],
    saw_all: bool,
    connections: &'a Connections,
    account: &'a str,
    context: &'a Context,
}

impl Look<'_> {
    /// Lets the state follow what is newer than it, or says that it cannot.
    async fn catch_up(
        &self,
        left: &mut Left,
        recovered: &mut Recovered,
        memory: &Memory,
    ) -> Result<()> {
        let position = self.position(&left.managed, recovered, memory).await?;
        let name = self.state.label();
        match position {
            Position::UpToDate => {
                let forgotten = recovered.forgotten.iter();
                left.warnings
                    .extend(forgotten.map(|key| recover::forgotten(name, key)));
            }
            Position::Behind(found) => left.behind = Some(found),
            Position::Adopts(slots) => {
                left.warnings.extend(adopted(name, &slots));
                left.managed.slots = Some(slots);
            }
            Position::Follows(slots, displaced) => {
                left.warnings.push(followed(name, &slots));
                let is_held = |key: &KeyMark| {
                    let keys = [Some(&slots.primary), slots.secondary_key()];
                    keys.into_iter().flatten().any(|own| mark(own).is(key))
                };
                let is_held_by_id = |id: &String| is_held(&KeyMark::new(Some(id.clone()), None));
                left.managed
                    .pending_revocations
                    .retain(|id| !is_held_by_id(id));
                let pending = &mut left.managed.pending_revocations;
                pending.extend(displaced.filter(|id| !pending.contains(id)));
                recovered.orphans.retain(|id| !is_held_by_id(id));
                recovered
                    .unacknowledged
                    .retain(|record| !is_held(&record.key));
                // One without an id counts as gone with the apply that never ended, unless the documents say otherwise.
                recovered.gone.retain(|key| !is_held(key));
                left.managed.slots = Some(slots);
            }
        }
        Ok(())
    }

    async fn position(
        &self,
        managed: &Managed,
        recovered: &Recovered,
        memory: &Memory,
    ) -> Result<Position> {
        let mut left_behind = recovered.left_behind();
        left_behind.extend(
            recovered
                .unacknowledged
                .iter()
                .map(|record| record.key.clone()),
        );
        let world = World {
            managed,
            left_behind: &left_behind,
            memory: Some(memory),
            documents: self.documents,
            saw_all: self.saw_all,
            connections: self.connections,
            account: self.account,
            ledger: self.context.ledger.as_ref(),
            now: self.context.clock.now(),
        };
        catch_up::position(&world).await
    }
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

/// The state is the truth for live keys, and the issuer for dead ones.
pub fn with_the_gone(holding: Holding, memory: &Memory, gone: &[KeyMark], now: Instant) -> Holding {
    let records = memory.keys.iter();
    let gone = records.filter(|record| gone.contains(&record.key));
    let gone = gone.cloned().map(|mut record| {
        record.end(now);
        record
    });
    Holding {
        keys: holding.keys.into_iter().chain(gone).collect(),
        ..holding
    }
}

/// An apply may have revoked what keeps its slot in the state: that makes it no live key.
fn keep_revoked(holding: &mut Holding, memory: &Memory, is_dead: impl Fn(&KeyRecord) -> bool) {
    for record in holding.keys.iter_mut().filter(|record| is_dead(record)) {
        let known = memory.keys.iter().find(|it| it.key.is(&record.key));
        if let Some(at) = known.and_then(|it| it.revoked_at) {
            record.end(at);
        }
    }
}

/// What applies which did not finish left behind, as an apply sees it under the lock.
#[derive(Default)]
pub struct LeftBehind {
    /// Keys whose documents may be written over.
    pub keys: Vec<KeyMark>,
    /// The mints that some of the keys came of that nobody holds.
    pub origins: Origins,
    /// What the ledger knows of emergencies.
    pub incidents: Vec<Incident>,
    /// Places of which no state has heard: creates may have written to them that were cut off, and nothing is delivered there any
    /// more, or any other apply.
    pub former: Vec<Former>,
    /// Creates that were cut off are repeated.
    pub repeats: bool,
    /// Keys that belong to no resource and that the state does not list as such.
    pub unseen: Vec<String>,
}

/// Under the lock, before anything is done: nothing may be there that the plan did not show.
pub async fn refuse_unseen(
    planned: &ManagedState,
    managed: &Managed,
    connections: &Connections,
    context: &Context,
) -> Result<LeftBehind> {
    let left_behind = left_behind(planned, managed, connections, context).await?;
    match left_behind.unseen.first() {
        None => Ok(left_behind),
        Some(id) => Err(stale(format!(
            "an apply that did not finish left key {id} behind"
        ))),
    }
}

/// What is there under the lock. A destroy takes all of it along: where its block was taken out, no state keeps what a refresh has
/// seen, so that no plan could ever show it.
pub async fn left_behind(
    planned: &ManagedState,
    managed: &Managed,
    connections: &Connections,
    context: &Context,
) -> Result<LeftBehind> {
    let ledger = context.ledger.as_ref();
    let (found, left_behind) = if managed.slots.is_none() {
        let left = look_before_create(planned, connections, context).await?;
        refuse_too_many(left.more)?;
        let left_behind = LeftBehind {
            origins: left.origins,
            former: left.former,
            repeats: left.repeats,
            ..LeftBehind::default()
        };
        (left.orphans, left_behind)
    } else {
        let account = connections.issuer.lock().await?;
        let held = inventory_entry::held(managed);
        let remembered = remembered(managed, &held, &account, ledger).await?;
        refuse_too_many(remembered.memory.more)?;
        let recovered = understand(planned, &remembered, &held, connections, context).await?;
        let keys = recovered.left_behind();
        // What is to be revoked is held by now, and came of its mint all the same.
        let in_slots = inventory_entry::held(&Managed {
            pending_revocations: Vec::new(),
            ..managed.clone()
        });
        let unheld = understand(planned, &remembered, &in_slots, connections, context).await?;
        let origins = unheld.origins;
        let generation = managed.slots.as_ref().map(|slots| slots.generation);
        if remembered.memory.generation > generation {
            let known = remembered.memory.generation.unwrap_or_default();
            return Err(behind(format!(
                "{}: the ledger knows generation {known}, this state has {}",
                planned.label(),
                generation.unwrap_or_default()
            )));
        }
        // A key that a person brought in vain can be brought again; a document that holds it is still not written over.
        let is_minted = connections.capabilities.supply == Supply::Minted;
        if let Some(record) = recovered.unacknowledged.first().filter(|_| is_minted) {
            return Err(behind(format!(
                "{}: this state has not heard of key {}",
                planned.label(),
                record.key.label()
            )));
        }
        let left_behind = LeftBehind {
            keys,
            origins,
            incidents: remembered.memory.incidents,
            former: amnesia::unheard(remembered.memory.private_data.as_deref(), managed),
            ..LeftBehind::default()
        };
        (recovered.orphans, left_behind)
    };
    let shown = &managed.pending_revocations;
    let unseen = found.into_iter().filter(|id| !shown.contains(id));
    Ok(LeftBehind {
        unseen: unseen.collect(),
        ..left_behind
    })
}

/// Nothing looks after a resource that is gone: what its applies have left open ends with it, as far as it is understood.
pub async fn close_with_the_resource(
    state: &ManagedState,
    managed: &Managed,
    connections: &Connections,
    all_is_gone: bool,
    context: &Context,
) {
    let ledger = context.ledger.as_ref();
    let closed = async {
        let account = connections.issuer.lock().await?;
        let remembered = remembered(managed, &[], &account, ledger).await?;
        let memory = &remembered.memory;
        if !memory.open.is_empty() && !memory.is_busy() {
            let recovered = understand(state, &remembered, &[], connections, context).await?;
            recovered.settle(ledger, context.clock.now()).await;
        }
        // Its keys are dead, and nobody else will ever say so of an emergency.
        let mut incidents = remembered.memory.incidents.clone();
        let now = context.clock.now();
        emergency::contained(&mut incidents, None, &[], now);
        let ended = incidents
            .into_iter()
            .filter(|it| it.contained_at == Some(now));
        for incident in ended.filter(|_| all_is_gone) {
            let noted = Noted {
                resource: inventory_entry::resource(state, context),
                issuer: connections.kind.to_owned(),
                account: account.clone(),
                incident,
                at: now,
                audience: telling::audience(state),
            };
            ledger.note_incident(&noted).await?;
        }
        Ok::<_, Error>(())
    };
    if let Err(error) = closed.await {
        tracing::warn!(%error, "what applies left open stays open in the ledger");
    }
}

impl LeftBehind {
    /// They are looked after as the plan showed it.
    pub fn refuse_unseen_places(&self, shown: &[&String]) -> Result<()> {
        let is_shown = |new: &&Former| {
            let mut names = [Some(&new.place), new.identity.as_ref()]
                .into_iter()
                .flatten();
            names.any(|name| shown.contains(&name))
        };
        match self.former.iter().find(|new| !is_shown(new)) {
            None => Ok(()),
            Some(new) => Err(stale(format!(
                "an apply that did not finish may have written a key to {}",
                new.place
            ))),
        }
    }
}

fn refuse_too_many(more: bool) -> Result<()> {
    match more {
        true => Err(stale(
            "the ledger holds more effects without an outcome than are looked at together",
        )),
        false => Ok(()),
    }
}
