//! Lives through the events of a history and holds what must never happen.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use apikey::clock::Clock;
use apikey::context::Context;
use apikey::instant::Instant;
use apikey::ledger::memory::InMemory;
use apikey::ledger::{Effect, Inventory, Journal, KeyMark, Memory, ResourceRef};
use apikey::resources::managed::model::Private;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::config::{Config, DELIVERIES, PLACES};
use super::events::{End, Event, Tamper};
use super::mortal::Mortal;
use super::news::{News, vendors};
use super::terraform::Kept;
use super::values::tree;
use crate::support::world::{Region, World};

/// Longer than a lease.
const LONG: Duration = Duration::from_secs(3_600);
const SOON: Duration = Duration::from_secs(60);

/// What must not happen, in words.
pub type Violation = String;

pub struct Player {
    pub world: World,
    pub now: i64,
    pub config: Config,
    pub kept: Option<Kept>,
    pub diary: Vec<String>,
    pub ledger: Arc<InMemory>,
    /// An apply did not finish, or nobody heard of it: until the next one that does, a key may be in no state.
    pub shaken: bool,
    pub end: End,
    /// The action rotates the key between the plan and its apply.
    pub between: bool,
    /// The state of the other workspace.
    other: Option<Kept>,
    /// States that were there once, oldest first.
    pub past: Vec<Kept>,
    /// The newest state, while an older one stands in its place.
    pub displaced: Option<Option<Kept>>,
    /// How many applies in a row came to nothing while everything was in order again.
    refused: u32,
    /// Tells the process that runs now from those before.
    process: u32,
    /// Emergencies that a state knew as over, while nothing was restored, copied or lost.
    pub over: BTreeSet<String>,
    /// When the key of the environment before was promoted, and whether it is well.
    pub before: Option<(i64, bool)>,
    /// What somebody has to hear of.
    pub news: News,
    /// At which generation a key was rotated for an owner who left, by its resource and the owner.
    pub rotated_for: BTreeMap<(String, String), i64>,
    /// Keys of creates that came to their end and that no state ever heard of.
    forsaken: BTreeSet<String>,
}

impl Player {
    pub fn new() -> Self {
        Self {
            world: World::default(),
            now: 1_000_000,
            config: Config::new(),
            kept: None,
            diary: Vec::new(),
            ledger: Arc::default(),
            shaken: false,
            end: End::default(),
            between: false,
            other: None,
            past: Vec::new(),
            displaced: None,
            refused: 0,
            process: 0,
            over: BTreeSet::new(),
            before: None,
            news: News::default(),
            rotated_for: BTreeMap::new(),
            forsaken: BTreeSet::new(),
        }
    }

    /// What happened, for a failed test.
    pub fn diary(&self) -> String {
        self.diary.join("\n")
    }

    pub async fn live(&mut self, event: &Event) -> Result<(), Violation> {
        self.diary.push(format!("at {}: {event:?}", self.now));
        match event {
            Event::Wait(seconds) => self.now += i64::from(*seconds),
            Event::Edit(edit) => self.config.edit(edit),
            Event::Tamper(tamper) => self.tamper(tamper),
            Event::Refresh { faults } => {
                self.set_faults(*faults, false);
                // A refresh that fails changes nothing.
                let _ = self.refresh().await?;
            }
            Event::Apply {
                refresh,
                late,
                faults,
                refuse_probes,
                between,
                end,
            } => {
                self.set_faults(*faults, *refuse_probes);
                self.end = *end;
                // An apply that breaks the glass and is cut off is left to a person, as its warning says.
                if self.breaks_glass() {
                    self.end = End::default();
                }
                self.world.state().lost = self.end.lost;
                self.shaken |= self.end.lost != 0;
                self.between = *between;
                self.apply(*refresh, *late).await?;
                self.between = false;
                self.end = End::default();
                self.world.state().lost = 0;
            }
            Event::LoseLedger(lost) => self.ledger.lose(*lost),
            Event::FreshLedger => self.fresh_ledger().await?,
            Event::Destroy { faults } => {
                self.set_faults(*faults, false);
                self.destroy().await?;
            }
            Event::Restore(back) => self.restore(*back),
            Event::Copy => self.other = self.kept.as_ref().map(Kept::copied),
            Event::Switch if self.other.is_none() => {}
            Event::Switch => {
                std::mem::swap(&mut self.kept, &mut self.other);
                self.shaken = true;
            }
            Event::Travel(away) => {
                self.world.state().region = match away {
                    true => Region::Elsewhere,
                    false => Region::Home,
                };
            }
            Event::Fail(place, fails) => {
                let place = PLACES[*place].to_owned();
                let mut state = self.world.state();
                match fails {
                    true => drop(state.failing.insert(place)),
                    false => drop(state.failing.remove(&place)),
                }
            }
            Event::PromoteBefore(is_well) => self.before = Some((self.now, *is_well)),
            Event::RotateNow { faults } => {
                self.set_faults(*faults, false);
                self.rotate_now().await?;
            }
        }
        self.set_faults(0, false);
        self.note_what_is_over(event);
        self.remember();
        self.no_violation()
    }

    /// An older state, another workspace or another ledger may know less of emergencies.
    fn note_what_is_over(&mut self, event: &Event) {
        let forgets = matches!(
            event,
            Event::FreshLedger
                | Event::LoseLedger(_)
                | Event::Restore(_)
                | Event::Copy
                | Event::Switch
                | Event::Destroy { .. }
        );
        if forgets {
            self.over.clear();
            return;
        }
        let incidents = self.kept.iter().flat_map(|kept| &kept.private.incidents);
        let over = incidents.filter(|incident| incident.contained_at.is_some());
        self.over.extend(over.map(|incident| incident.id.clone()));
    }

    fn breaks_glass(&self) -> bool {
        self.config.break_glass && self.config.emergency.is_some() && self.ledger.is_lost()
    }

    /// Keeps the state as one that was there once.
    fn remember(&mut self) {
        let Some(kept) = &self.kept else { return };
        let last = self.past.last();
        if last.is_none_or(|last| tree(&last.state) != tree(&kept.state)) {
            self.past.push(kept.copied());
        }
    }

    fn restore(&mut self, back: usize) {
        let older = self.past.len().checked_sub(back + 1);
        if let Some(older) = older {
            let newest = self.kept.replace(self.past[older].copied());
            self.displaced.get_or_insert(newest);
            self.shaken = true;
        }
    }

    /// The places that are wanted, by what they are.
    pub fn wanted(&self) -> BTreeSet<String> {
        let names = self.config.places().into_iter();
        names.map(|name| self.world.identity_of(&name)).collect()
    }

    /// The wanted places whose readers are let in.
    pub fn places_that_lead_with_a_live_key(&self) -> BTreeSet<String> {
        let live = self.world.live();
        let leads_with_one = |place: &String| {
            let ids = self.holds(place);
            ids.first().is_some_and(|id| live.contains(id))
        };
        self.wanted().into_iter().filter(leads_with_one).collect()
    }

    /// With everything in order again, a few applies bring the key into order too.
    pub async fn recover(&mut self) -> Result<(), Violation> {
        self.diary.push("recovery".into());
        self.ledger.lose(false);
        // What could not be given back while it was lost has run out by now.
        self.ledger.expire_locks();
        self.world.state().failing.clear();
        self.come_home();
        self.clean_up();
        self.end_keys_of_former_names().await;
        self.config.paused = false;
        self.config.on_drift = 1;
        self.config.hold = false;
        self.config.policy = 0;
        self.config.is_ordered = false;
        self.config.is_expected = false;
        self.config.is_announced = false;
        // The list may not vanish, and whoever has left gives the key to somebody else.
        (self.config.owner, self.config.offboarded) = (2, 2);
        // Two deliveries to one place are refused until a person removes one of them.
        if self.config.deliveries == DELIVERIES.len() - 1 {
            self.config.deliveries = 1;
        }
        let mut unwell = Err("nothing was applied".to_owned());
        for wait in [0, 0, 40, 40, 40, 40, 40, 40, 40, 40, 40, 0, 0, 0, 0] {
            self.now += wait;
            self.apply(true, 0).await?;
            self.no_violation()?;
            self.follow_advice().await;
            unwell = self.is_well();
            if unwell.is_ok() {
                break;
            }
        }
        unwell?;
        self.everybody_has_heard().await
    }

    /// The environment points to where the key lives: the primary, as the places of an older one have been left.
    pub fn come_home(&mut self) {
        let ids = self.known_ids();
        let kept = self.kept.as_ref();
        let managed = kept.and_then(|kept| kept.state.managed(&kept.private).ok());
        let primary = managed.and_then(|managed| managed.slots?.primary.key_id);
        let mut state = self.world.state();
        let mut issued = primary.iter().chain(&ids);
        let issued = issued.find_map(|id| state.issued.get(id));
        state.region = issued.map(|issued| issued.born).unwrap_or_default();
    }

    /// Whether everything is in order.
    fn is_well(&self) -> Result<(), Violation> {
        if let Some(lost) = self.world.live().difference(&self.known_ids()).next() {
            return Err(format!("{lost} is live and nobody knows of it"));
        }
        let kept = self.kept.as_ref().ok_or("there is no key in the end")?;
        let managed = kept
            .state
            .managed(&kept.private)
            .map_err(|error| error.to_string())?;
        let slots = managed.slots.ok_or("there is no primary in the end")?;
        let wanted = self.wanted();
        let state = self.world.state();
        for place in wanted {
            let holds = state
                .places
                .get(&place)
                .and_then(|written| written.primary.0.clone());
            if holds != slots.primary.key_id {
                return Err(format!("{place} holds {holds:?} in the end"));
            }
        }
        let status = kept.state.status.as_deref_option().unwrap_or_default();
        let reason = kept
            .state
            .status_reason
            .as_deref_option()
            .unwrap_or_default();
        let mark = slots.primary.fingerprint.map(|mark| mark.to_string());
        if state.shown.is_some() && state.shown != mark {
            return Err("the consumers read another key in the end".into());
        }
        match (status, managed.pending_revocations.is_empty()) {
            ("ok", true) => Ok(()),
            _ => Err(format!("{status} in the end: {reason}")),
        }
    }

    pub fn no_violation(&mut self) -> Result<(), Violation> {
        let known = self.known_ids();
        match self.world.live().difference(&known).next() {
            Some(lost) if !self.shaken => {
                return Err(format!("{lost} is live and nobody knows of it"));
            }
            Some(_) => {}
            None => self.shaken = false,
        }
        match self.world.state().violations.first() {
            Some(violation) => Err(violation.clone()),
            None => Ok(()),
        }
    }

    pub fn known_ids(&self) -> BTreeSet<String> {
        let states = [&self.kept, &self.other].into_iter().flatten();
        let managed = states.filter_map(|kept| kept.state.managed(&kept.private).ok());
        managed.flat_map(|managed| managed.owned_ids()).collect()
    }

    pub fn context(&self) -> Context {
        let clock = Clock::fixed(Instant::from_unix(self.now));
        Context::new(clock, CancellationToken::new(), vendors())
            .with_connector(self.world.of_process(self.process))
            .with_ledger(Arc::new(Mortal {
                inner: Arc::clone(&self.ledger),
                world: self.world.of_process(self.process),
                before: self.before,
            }))
    }

    /// A part of an apply, which may be killed, or suspended until another one is over: then `None`.
    pub async fn mortal<T>(&mut self, is_apply: bool, part: impl Future<Output = T>) -> Option<T> {
        self.world.state().kill_in = self.end.killed;
        self.world.state().suspend_in = self.end.suspended;
        let mut part = pin!(part);
        let world = self.world.clone();
        let lived = tokio::select! {
            biased;
            done = &mut part => Some(done),
            () = world.death() => None,
            _ = world.suspension() => {
                self.another_process().await;
                // The newer state was written by then, so that nothing becomes of its answer.
                drop(part.await);
                self.diary.push("  woke up and came to an end".into());
                return None;
            }
        };
        self.world.state().kill_in = None;
        self.world.state().suspend_in = None;
        if lived.is_none() || self.end.unacknowledged {
            self.diary.push("  nobody heard of its end".into());
            self.shaken = true;
            if self.kept.is_none() {
                let left = self.ledger.recall_never_confirmed("the account").await;
                self.forsaken.extend(finished(left.unwrap_or_default()));
            }
            self.ledger.expire_locks();
            if lived.is_none() && is_apply {
                // Terraform writes the state of before, and without private data.
                let kept = self.kept.iter_mut();
                kept.for_each(|kept| kept.private = Private::lost());
            }
            return None;
        }
        lived
    }

    /// While a process sleeps its lock runs out, and another one applies the same state.
    async fn another_process(&mut self) {
        let end = std::mem::take(&mut self.end);
        self.process += 1;
        self.diary
            .push("  suspended; another process applies".into());
        self.ledger.expire_locks();
        sleep(LONG).await;
        self.shaken = true;
        let applied: Pin<Box<dyn Future<Output = _> + '_>> = Box::pin(self.apply(true, 0));
        if let Err(violation) = applied.await {
            self.world.state().violations.push(violation);
        }
        self.end = end;
        self.process += 1;
        self.world.wake();
        // What renews the lock is awake before the work goes on. That every attempt asks by itself takes real time to show.
        sleep(SOON).await;
    }

    /// A create whose answer was lost is followed by the next one only if that delivers to the same places. Otherwise
    /// the inventory shows its key as orphaned, and a person revokes it.
    fn clean_up(&mut self) {
        let known = self.known_ids();
        let mut state = self.world.state();
        for id in self.forsaken.difference(&known) {
            if let Some(issued) = state.issued.get_mut(id) {
                issued.live = false;
            }
        }
    }

    fn copy_is_dead(&self) -> bool {
        let kept = self.kept.as_ref();
        let managed = kept.and_then(|kept| kept.state.managed(&kept.private).ok());
        let slots = managed.and_then(|managed| managed.slots);
        let primary = slots.and_then(|slots| slots.primary.key_id);
        primary.is_none_or(|id| !self.world.live().contains(&id))
    }

    /// A create under another name looks after none of them: the inventory shows them, and a person revokes them. So does
    /// whoever is told of a mint under a former name that was never answered.
    async fn end_keys_of_former_names(&mut self) {
        let left = self.ledger.recall_never_confirmed("the account").await;
        let mut mints = left.unwrap_or_default().open;
        mints.retain(|intent| intent.effect == Effect::Mint);
        let mut mints = mints.iter();
        let are_former =
            mints.len() > 0 && mints.all(|intent| intent.resource.name != self.config.name);
        for (id, owners) in self.unknown_keys().await {
            let is_former = |owner: &ResourceRef| owner.name != self.config.name;
            let is_of_a_former_name = match owners.is_empty() {
                true => are_former,
                false => owners.iter().all(is_former),
            };
            if is_of_a_former_name {
                let mut state = self.world.state();
                state.issued.entry(id).and_modify(|it| it.live = false);
            }
        }
    }

    /// Live keys that no state knows and that are not of the resource in the state, with their owners by the ledger.
    async fn unknown_keys(&self) -> Vec<(String, Vec<ResourceRef>)> {
        let kept = self.kept.as_ref();
        let kept = kept.and_then(|kept| kept.state.id.as_deref_option());
        let mut unknown = Vec::new();
        for id in self.world.live().difference(&self.known_ids()) {
            let mark = KeyMark::new(Some(id.clone()), None);
            let owners = self.ledger.find_keys(&[mark]).await.unwrap_or_default();
            let owners: Vec<ResourceRef> = owners.into_iter().map(|(owner, _)| owner).collect();
            if owners.iter().all(|owner| Some(owner.id.as_str()) != kept) {
                unknown.push((id.clone(), owners));
            }
        }
        unknown
    }

    /// A document that somebody altered while it was the only one is not overwritten: the error says to delete it. Where a
    /// key that is to be revoked still leads in a document, and leaves no room for another, the error says to revoke one. Where
    /// an older state was put back and could not follow, the first advice is to restore the newest one.
    async fn follow_advice(&mut self) {
        let told = self.diary.last().map(String::as_str).unwrap_or_default();
        match told.contains("refused") || told.contains("failed") {
            true => self.refused += 1,
            false => self.refused = 0,
        }
        if let Some(newest) = self.displaced.take_if(|_| self.refused > 2) {
            self.diary.push("  the newest state is put back".into());
            self.kept = newest;
        }
        // A copy of a state that was left behind is given up for the workspace that went on.
        if self.refused > 4 && self.other.is_some() && self.copy_is_dead() {
            self.diary.push("  the other workspace is used".into());
            self.kept = self.other.take();
        }
        let told = self.diary.last().cloned().unwrap_or_default();
        if self.refused > 2 && told.contains("already has 2 keys") {
            self.diary.push("  a person makes room".into());
            let mut ended = self.pending();
            ended.extend(self.unknown_keys().await.into_iter().map(|(id, _)| id));
            for id in ended {
                let mut state = self.world.state();
                state.issued.entry(id).and_modify(|it| it.live = false);
            }
        }
        let told = Some(told).filter(|line| line.contains("holds another key"));
        let place = told.and_then(|line| PLACES.into_iter().find(|place| line.contains(place)));
        if let Some(place) = place {
            self.world.state().places.remove(place);
        }
    }

    /// A fresh ledger knows nothing, and that changes no plan. What only the old one knew is lost with it, so this
    /// happens in quiet times.
    async fn fresh_ledger(&mut self) -> Result<(), Violation> {
        self.ledger.lose(false);
        if self.shaken || !self.refresh().await? || self.is_beside_others() {
            return Ok(());
        }
        let before = self.kept.as_ref().map(|kept| tree(&kept.state));
        self.wipe_the_ledger();
        self.refresh().await?;
        let after = self.kept.as_ref().map(|kept| tree(&kept.state));
        match before == after {
            true => Ok(()),
            false => Err(format!("a fresh ledger made {before:?} into {after:?}")),
        }
    }

    /// Whether a document has a key that is, or will be, dead, and only the ledger could tell.
    fn is_beside_others(&self) -> bool {
        let state = self.kept.as_ref();
        let state = state.and_then(|kept| kept.state.managed(&kept.private).ok());
        let mut kept = state.map_or_else(Vec::new, |managed| managed.owned_ids());
        let ending = self.pending();
        kept.retain(|id| !ending.contains(id));
        let state = self.world.state();
        let mut written = state.places.values();
        written.any(|written| !written.ids().iter().all(|id| kept.contains(id)))
    }

    pub fn set_faults(&mut self, faults: u64, refuse_probes: bool) {
        let mut state = self.world.state();
        state.faults = faults;
        state.refuse_probes = refuse_probes;
        // Others than those of the calls, so that a destination more moves none of them.
        state.deaf = faults.rotate_right(7);
        let log = std::mem::take(&mut state.log);
        drop(state);
        self.diary
            .extend(log.into_iter().map(|line| format!("    {line}")));
    }

    pub fn tamper(&mut self, tamper: &Tamper) {
        let kept = self.kept.as_ref();
        let managed = kept.and_then(|kept| kept.state.managed(&kept.private).ok());
        let slots = managed.and_then(|managed| managed.slots);
        let primary = slots
            .as_ref()
            .and_then(|slots| slots.primary.key_id.clone());
        let secondary = slots
            .as_ref()
            .and_then(|slots| slots.secondary_key()?.key_id.clone());
        let now = Instant::from_unix(self.now);
        let mut state = self.world.state();
        match tamper {
            Tamper::Alter(index) => {
                if let Some(written) = state.places.get_mut(PLACES[*index]) {
                    written.primary.1 = "made-up".into();
                }
            }
            Tamper::Erase(index) => {
                if state.places.remove(PLACES[*index]).is_some() {
                    state.emptied.insert(PLACES[*index].to_owned());
                }
            }
            Tamper::DropSecondary(index) => {
                if let Some(written) = state.places.get_mut(PLACES[*index]) {
                    written.secondary = None;
                }
            }
            Tamper::KillPrimary | Tamper::KillSecondary => {
                let victim = if matches!(tamper, Tamper::KillPrimary) {
                    primary
                } else {
                    secondary
                };
                if let Some(issued) = victim.and_then(|id| state.issued.get_mut(&id)) {
                    issued.live = false;
                }
            }
            Tamper::UseSecondary => {
                if let Some(id) = secondary {
                    state.last_used.insert(id, now);
                }
            }
        }
    }

    pub fn status(&self) -> String {
        let status = self
            .kept
            .as_ref()
            .and_then(|kept| kept.state.status.as_deref_option());
        status.unwrap_or_default().to_owned()
    }

    pub fn generation(&self) -> i64 {
        let generation = self
            .kept
            .as_ref()
            .and_then(|kept| kept.state.generation.as_option());
        generation.unwrap_or_default()
    }

    /// The keys whose revocation failed.
    pub fn pending(&self) -> Vec<String> {
        let kept = self.kept.as_ref();
        let managed = kept.and_then(|kept| kept.state.managed(&kept.private).ok());
        managed
            .map(|managed| managed.pending_revocations)
            .unwrap_or_default()
    }

    /// The ids at a place, the primary first.
    pub fn holds(&self, place: &str) -> Vec<String> {
        let state = self.world.state();
        let written = state.places.get(place).cloned().unwrap_or_default();
        let keys = [Some(written.primary), written.secondary];
        keys.into_iter()
            .flatten()
            .filter_map(|(id, _)| id)
            .collect()
    }
}

/// The keys of applies that came to their end.
fn finished(left: Memory) -> Vec<String> {
    let is_open = |apply: &Option<String>| {
        let mut open = left.open.iter();
        open.any(|intent| Some(&intent.apply) == apply.as_ref())
    };
    let keys = left.keys.iter().filter(|key| !is_open(&key.minted_by));
    keys.filter_map(|key| key.key.key_id.clone()).collect()
}
