//! Plays Terraform's part: refreshes, plans, plans again while it applies, applies, and compares what was
//! planned with what came of it.

use std::collections::BTreeSet;

use apikey::domain::emergency::Incident;
use apikey::domain::moves::Move;
use apikey::domain::situation::{Copy, Seen};
use apikey::domain::slots::Slots;
use apikey::instant::Instant;
use apikey::ledger::Journal;
use apikey::resources::managed::model::{ManagedState, Private};
use apikey::resources::managed::{apply, destroy, plan, read, rotate_now, telling};
use tf_provider::Diagnostics;
use tf_provider::value::{Value, ValueAny};

use super::config::{OWNERS, SOAK};
use super::player::{Player, Violation};
use super::values::{broken_promise, copy, summaries, tree};

/// What Terraform keeps of the key.
pub struct Kept {
    pub state: ManagedState,
    pub private: Private,
    pub tainted: bool,
}

impl Kept {
    pub fn copied(&self) -> Self {
        Self {
            state: copy(&self.state),
            private: self.private.clone(),
            tainted: self.tainted,
        }
    }
}

pub struct Planned {
    pub prior: ManagedState,
    pub prior_private: Private,
    pub planned: ManagedState,
    pub private: Private,
    pub warnings: String,
}

impl Planned {
    /// Places that were seen failing by the time somebody asked for the rotation: a key that has leaked does not wait for
    /// them, and the status goes on telling of them.
    fn excused(&self, now: i64) -> BTreeSet<String> {
        let Ok(managed) = self.prior.managed(&self.prior_private) else {
            return BTreeSet::new();
        };
        let asked = match self.private.is_asked {
            true => Some(Instant::from_unix(now)),
            false => managed.slots.and_then(|slots| slots.requested_at),
        };
        if self
            .private
            .decision
            .as_ref()
            .is_some_and(|it| it.is_emergency)
        {
            return self.failing();
        }
        let records = managed.deliveries.into_values();
        let failing = records.filter(|record| record.is_failing() && record.failing_since <= asked);
        failing.filter_map(|record| record.place).collect()
    }

    /// Places that could not be read or written by the time of the plan, which says so.
    fn failing(&self) -> BTreeSet<String> {
        let Ok(managed) = self.prior.managed(&self.prior_private) else {
            return BTreeSet::new();
        };
        let records = managed.deliveries.into_values();
        let failing = records.filter(|record| record.is_failing());
        failing.filter_map(|record| record.place).collect()
    }
}

impl Player {
    /// Whether it worked.
    pub async fn refresh(&mut self) -> Result<bool, Violation> {
        let Some(kept) = &self.kept else {
            return Ok(true);
        };
        let context = self.context();
        let failed = self.world.state().failures();
        let seen = match read::read(copy(&kept.state), kept.private.clone(), &context).await {
            Ok(seen) => seen,
            Err(error) => {
                self.diary.push(format!("  refresh failed: {error}"));
                return Ok(false);
            }
        };
        let Some(read::Refreshed { state, private, .. }) = seen else {
            self.diary.push("  gone, said a refresh".into());
            self.kept = None;
            return Ok(true);
        };
        // What could not be seen the first time may well be seen the second time.
        let was_blind = self.world.state().failures() > failed;
        let faults = std::mem::take(&mut self.world.state().faults);
        let again = read::read(copy(&state), private.clone(), &context).await;
        self.world.state().faults = faults;
        match again {
            _ if was_blind => {}
            Ok(Some(read::Refreshed {
                state: second,
                private: mut second_private,
                ..
            })) => {
                // What the first one has written down is news for the second.
                second_private.untold = private.untold.clone();
                if let Some(change) =
                    broken_promise(&tree(&state), &tree(&second), "second refresh")
                {
                    return Err(change);
                }
                if private != second_private {
                    return Err(format!(
                        "second refresh: {private:?} became {second_private:?}"
                    ));
                }
            }
            other => {
                return Err(format!(
                    "a second refresh gave {:?}",
                    other.map(|seen| seen.is_some())
                ));
            }
        }
        let tainted = kept.tainted;
        self.kept = Some(Kept {
            state,
            private,
            tainted,
        });
        self.note_the_news();
        Ok(true)
    }

    pub async fn apply(&mut self, refresh: bool, late: u32) -> Result<(), Violation> {
        if refresh && !self.refresh().await? {
            return Ok(());
        }
        self.come_home_to_move();
        if self.kept.as_ref().is_some_and(|kept| kept.tainted) {
            let end = std::mem::take(&mut self.end);
            self.destroy().await?;
            self.end = end;
            // What could not be destroyed is not created anew.
            if self.kept.is_some() {
                return Ok(());
            }
        }
        let deployed = self.kept.as_ref().map(|kept| &kept.state.deployments);
        if deployed.is_none_or(|deployments| !deployments.is_value()) {
            // Whoever reads a key at rest has read it.
            self.world.state().shown = None;
        }
        match self.kept.is_some() {
            true => self.update(late).await,
            false => self.create(late).await,
        }
    }

    /// Nothing tells where a new place is meant to be but where the environment points to; so nobody moves a key while it
    /// points somewhere else.
    fn come_home_to_move(&mut self) {
        let config = self.config.state().deliveries;
        let kept = self.kept.as_ref().map(|kept| &kept.state.deliveries);
        if kept.is_some_and(|former| *former != config) {
            self.come_home();
        }
    }

    pub async fn create(&mut self, late: u32) -> Result<(), Violation> {
        let mut diags = Diagnostics::default();
        let blank = ManagedState::default();
        let config = self.config.state();
        let proposal = self.config.proposed(&blank);
        let planned = plan::create(&mut diags, proposal, &config, &self.context()).await;
        let Some((planned, private)) = planned else {
            self.diary
                .push(format!("  create refused: {:?}", diags.errors));
            return match diags.errors.is_empty() {
                true => Err("a plan gave neither a state nor an error".into()),
                false => Ok(()),
            };
        };
        self.now += i64::from(late);
        let orphans = private.facts.orphans.clone();
        let shown = format!("{:?}", diags.warnings);
        if let Some(silent) = orphans.iter().find(|id| !shown.contains(id.as_str())) {
            return Err(format!("the plan does not say that {silent} is revoked"));
        }
        self.begin(&orphans);
        let promised = tree(&planned);
        let context = self.context();
        let create = async {
            let mut created = apply::create(&mut diags, planned, private, &context).await;
            let state = created.as_mut().map(|(state, _)| state);
            telling::send(&mut diags, state, Value::Null, &context).await;
            created
        };
        let Some(created) = self.mortal(true, create).await else {
            return Ok(());
        };
        let failed = !diags.errors.is_empty();
        self.diary
            .push(format!("  create failed: {failed} {:?}", summaries(&diags)));
        self.kept = match created {
            Some((state, private)) => {
                if !failed {
                    self.kept_promise(&promised, &state)?;
                    // What was displaced is of another resource now.
                    self.displaced = None;
                }
                Some(Kept {
                    state,
                    private,
                    tainted: failed,
                })
            }
            None if failed => None,
            None => return Err("a create gave neither a state nor an error".into()),
        };
        self.promoted_well(0, &[Move::Create], &BTreeSet::new())
    }

    /// The plan of an update; `None` if it was refused with an error.
    pub fn plan(&mut self) -> Result<Option<Planned>, Violation> {
        let Some(kept) = &self.kept else {
            return Ok(None);
        };
        let mut diags = Diagnostics::default();
        let config = self.config.state();
        let proposal = self.config.proposed(&kept.state);
        let (prior, prior_private) = (copy(&kept.state), kept.private.clone());
        let context = self.context();
        let planned = plan::update(
            &mut diags,
            &prior,
            proposal,
            &config,
            prior_private.clone(),
            &context,
        );
        let texts: Vec<String> = diags
            .warnings
            .iter()
            .map(|warning| format!("{warning:?}"))
            .collect();
        match planned {
            Some((planned, private, replaced)) if replaced.is_empty() => Ok(Some(Planned {
                prior,
                prior_private,
                planned,
                private,
                warnings: texts.join("\n"),
            })),
            Some(_) => Err("a replacement was planned".into()),
            None if diags.errors.is_empty() => {
                Err("a plan gave neither a state nor an error".into())
            }
            None => {
                let refused = format!("  update refused: {:?}", diags.errors);
                self.diary.push(refused);
                Ok(None)
            }
        }
    }

    pub async fn update(&mut self, late: u32) -> Result<(), Violation> {
        let Some(first) = self.plan()? else {
            self.diary.push("  update refused".into());
            return Ok(());
        };
        self.now += i64::from(late);
        if std::mem::take(&mut self.between) {
            let end = std::mem::take(&mut self.end);
            self.rotate_now().await?;
            self.end = end;
        }
        if tree(&first.prior) == tree(&first.planned) {
            return match first.private.decision {
                None => Ok(()),
                Some(decision) => Err(format!("{decision:?} does not show in the plan")),
            };
        }
        let Some(second) = self.plan()? else {
            return Err("the second plan of an apply was refused".into());
        };
        if let Some(broken) =
            broken_promise(&tree(&first.planned), &tree(&second.planned), "second plan")
        {
            return Err(broken);
        }
        if first.private.decision != second.private.decision {
            return Err(format!("{:?} became {:?}", first.private, second.private));
        }
        let moves = second
            .private
            .decision
            .clone()
            .map_or(Vec::new(), |decision| decision.moves);
        self.diary.push(format!("  takes {moves:?}"));
        let is_emergency = second
            .private
            .decision
            .as_ref()
            .is_some_and(|it| it.is_emergency);
        let declared = self.config.emergency.as_ref();
        if let Some((id, ..)) = declared.filter(|(id, ..)| is_emergency && self.over.contains(id)) {
            let is_open = |incident: &Incident| incident.contained_at.is_none();
            if !second.private.incidents.iter().any(is_open) {
                return Err(format!("{id} was over and is handled again"));
            }
        }
        self.doom(&first, &moves)?;
        self.rotates_once(&first)?;
        let excused = first.excused(self.now);
        let closed = self.gate_is_closed(&first).filter(|_| !is_emergency);
        let generation = second.prior.generation.as_option().unwrap_or_default();
        let promised = tree(&second.planned);
        let mut diags = Diagnostics::default();
        let context = self.context();
        let told_before = second.prior.notified_at.clone();
        let update = async {
            let (prior, planned) = (second.prior, second.planned);
            let mut applied =
                apply::update(&mut diags, prior, planned, second.private, &context).await;
            let state = applied.as_mut().map(|(state, _)| state);
            telling::send(&mut diags, state, told_before, &context).await;
            applied
        };
        let Some(applied) = self.mortal(true, update).await else {
            return Ok(());
        };
        let failed = !diags.errors.is_empty();
        if failed {
            self.diary
                .push(format!("  failed: {:?}", summaries(&diags)));
        }
        match applied {
            Some((state, private)) => {
                if !failed {
                    self.kept_promise(&promised, &state)?;
                }
                self.kept = Some(Kept {
                    state,
                    private,
                    tainted: false,
                });
            }
            // Terraform keeps what it had.
            None if failed => {
                self.kept = Some(Kept {
                    state: first.prior,
                    private: first.prior_private,
                    tainted: false,
                })
            }
            None => return Err("an update gave neither a state nor an error".into()),
        }
        let has_rotated = self.generation() > generation && moves.contains(&Move::Promote);
        if let Some(why) = closed.filter(|_| has_rotated) {
            return Err(format!("a key was promoted before its turn: {why}"));
        }
        self.promoted_well(generation, &moves, &excused)
    }

    /// A key is rotated once for an owner who has left, however often the list names him.
    fn rotates_once(&mut self, plan: &Planned) -> Result<(), Violation> {
        let id = plan.prior.id.as_deref_option().unwrap_or_default();
        let generation = plan.prior.generation.as_option().unwrap_or_default();
        for owner in OWNERS.into_iter().flatten() {
            if !plan.warnings.contains(&makes_due(owner)) {
                continue;
            }
            let rotation = (id.to_owned(), owner.to_owned());
            let first = *self.rotated_for.entry(rotation).or_insert(generation);
            if generation > first {
                return Err(format!(
                    "the key is rotated for {owner} at generation {first} and at {generation}"
                ));
            }
        }
        Ok(())
    }

    /// Why a key that works is not to be promoted yet. Nobody is served by holding up another one.
    fn gate_is_closed(&self, plan: &Planned) -> Option<String> {
        let managed = plan.prior.managed(&plan.prior_private).ok()?;
        let since = managed.slots?.last_rotated_at().unix();
        let facts = &plan.private.facts;
        let works = facts.primary == Seen::Present && facts.primary_copy != Copy::Lost;
        let (at, is_well) = self.before.filter(|_| self.config.is_ordered && works)?;
        let is_open = is_well && at > since && self.now >= at + SOAK;
        (!is_open).then(|| {
            format!(
                "{:?} at {}, promoted itself at {since}",
                self.before, self.now
            )
        })
    }

    pub fn kept_promise(&self, promised: &ValueAny, state: &ManagedState) -> Result<(), Violation> {
        broken_promise(promised, &tree(state), "apply").map_or(Ok(()), Err)
    }

    /// Which keys the plan says will die.
    pub fn doom(&mut self, plan: &Planned, moves: &[Move]) -> Result<(), Violation> {
        let managed = plan
            .prior
            .managed(&plan.prior_private)
            .map_err(|error| error.to_string())?;
        let slots = managed.slots.as_ref();
        let is_gone = plan.private.facts.primary == Seen::Gone;
        let mut doomed = slots.map_or(Vec::new(), |slots| ended(slots, moves, is_gone));
        if moves.contains(&Move::RevokePending) {
            doomed.extend(managed.pending_revocations);
        }
        // The emergency of a key that is gone, if the list is right.
        let primary = slots.and_then(|slots| slots.primary.key_id.clone());
        let is_unseen = |id: &String| plan.warnings.contains(&format!("{id} counts as gone"));
        doomed.extend(primary.filter(is_unseen));
        if let Some(silent) = doomed
            .iter()
            .find(|id| !plan.warnings.contains(id.as_str()))
        {
            return Err(format!(
                "the plan does not say that {silent} is revoked: {}",
                plan.warnings
            ));
        }
        self.begin(&doomed);
        let mut world = self.world.state();
        let is_emergency = plan
            .private
            .decision
            .as_ref()
            .is_some_and(|it| it.is_emergency);
        let order = self.config.emergency.as_ref().map(|(_, order, _)| *order);
        world.accepts_an_outage = is_emergency && order == Some("revoke_first");
        world.contains_first = moves.contains(&Move::RevokePrimary);
        world.replaces_first = is_emergency && !world.contains_first;
        if is_emergency {
            world.excused = plan.failing();
        }
        drop(world);
        // Where the primary is unusable, the key that replaces it in the same apply is the successor. At the end of
        // max_grace_period no place is waited for any longer.
        let policy = read::policy(&plan.prior);
        let held_until = slots.zip(policy.as_ref());
        let held_until = held_until.and_then(|(slots, policy)| slots.hold_ends_at(policy));
        let is_held = held_until.is_none_or(|at| Instant::from_unix(self.now) < at);
        let is_replaced = moves.contains(&Move::Replace) || is_emergency;
        if moves.contains(&Move::Revoke) && !is_replaced && is_held {
            let successor = slots.and_then(|slots| slots.primary.key_id.clone());
            self.world.state().successor = successor;
        }
        if !is_held {
            self.world.state().excused = self.wanted();
        }
        Ok(())
    }

    pub fn begin(&mut self, doomed: &[String]) {
        let wanted = self.wanted();
        let kept = self.kept.as_ref();
        let managed = kept.and_then(|kept| kept.state.managed(&kept.private).ok());
        let pending = managed.map(|managed| managed.pending_revocations);
        let stores = |kept: &Kept| kept.state.stores_secrets();
        let stored = self.config.stored || self.kept.as_ref().is_some_and(stores);
        let mut state = self.world.state();
        state.doomed = doomed.iter().cloned().collect();
        state.pending = pending.into_iter().flatten().collect();
        state.stored = stored || wanted.is_empty();
        let is_empty = |place: &&String| kept.is_none() && !state.places.contains_key(*place);
        state.unread = wanted.iter().filter(is_empty).cloned().collect();
        state.wanted = wanted;
        state.successor = None;
        state.excused.clear();
        (state.contains_first, state.replaces_first) = (false, false);
        state.accepts_an_outage = false;
        state.fresh.clear();
    }

    /// A primary that is new was proved, and was in every store before it counted.
    pub fn promoted_well(
        &self,
        before: i64,
        moves: &[Move],
        excused: &BTreeSet<String>,
    ) -> Result<(), Violation> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        if kept.state.generation.as_option().unwrap_or_default() <= before {
            return Ok(());
        }
        let managed = kept
            .state
            .managed(&kept.private)
            .map_err(|error| error.to_string())?;
        let Some(id) = managed.slots.and_then(|slots| slots.primary.key_id) else {
            return Ok(());
        };
        let wanted = self.wanted();
        let state = self.world.state();
        let Some(issued) = state.issued.get(&id) else {
            return Err(format!("{id} was promoted and never minted"));
        };
        if !issued.proved {
            return Err(format!("{id} was promoted without a proof"));
        }
        // A first key, or one that replaces an unusable one, may lack a store; the status says so.
        let at_once = moves
            .iter()
            .any(|next| matches!(next, Move::Create | Move::Replace));
        let mut lacking = wanted.difference(&issued.was_in);
        match lacking.find(|place| !excused.contains(*place)) {
            Some(place) if !at_once => Err(format!("{id} was promoted and never was in {place}")),
            _ => Ok(()),
        }
    }

    /// The action, which writes no state.
    pub async fn rotate_now(&mut self) -> Result<(), Violation> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        let (state, context) = (copy(&kept.state), self.context());
        self.begin(&[]);
        let rotate = async move { rotate_now::rotate(state, &context, &|_| {}).await };
        let rotated = self.mortal(false, rotate).await;
        let told = rotated.map(|done| done.map(|rotated| rotated.primary));
        self.diary
            .push(format!("  rotated by the action: {told:?}"));
        self.shaken = true;
        Ok(())
    }

    pub async fn destroy(&mut self) -> Result<(), Violation> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        let (state, private) = (copy(&kept.state), kept.private.clone());
        // It takes along what an apply that was killed has left.
        let id = state.id.as_deref_option().unwrap_or_default();
        let memory = self.ledger.recall(id).await.unwrap_or_default();
        let left = memory.keys.into_iter().filter_map(|it| it.key.key_id);
        let mut all: Vec<String> = left.chain(self.known_ids()).collect();
        all.extend(self.never_delivered());
        self.begin(&all);
        self.world.state().wanted.clear();
        let context = self.context();
        let destroy = async move {
            let destroyed = destroy::destroy(state, private, &context).await;
            let mut diags = Diagnostics::default();
            telling::send(&mut diags, None, Value::Null, &context).await;
            destroyed
        };
        match self.mortal(true, destroy).await {
            None => {}
            Some(Ok(_)) => self.kept = None,
            Some(Err(error)) => self.diary.push(format!("  destroy failed: {error}")),
        }
        Ok(())
    }
}

/// How a plan says that a rotation is for an owner who has left. It is shown with its quotes escaped.
fn makes_due(owner: &str) -> String {
    format!("owner {owner:?} is offboarded, which makes a rotation due now").replace('"', "\\\"")
}

impl Player {
    /// Keys of the provider that no document ever had, for a create was killed, say: a destroy takes them along.
    fn never_delivered(&self) -> Vec<String> {
        let state = self.world.state();
        let minted = state.issued.iter().filter(|(id, _)| id.starts_with("id"));
        let nowhere = minted.filter(|(_, issued)| issued.was_in.is_empty());
        nowhere.map(|(id, _)| id.clone()).collect()
    }
}

/// The keys that end by these moves, by id.
fn ended(slots: &Slots, moves: &[Move], is_gone: bool) -> Vec<String> {
    let mut primary = slots.primary.key_id.clone();
    let mut secondary = slots.secondary_key().and_then(|key| key.key_id.clone());
    let (mut is_gone, mut ended) = (is_gone, Vec::new());
    for next in moves {
        match next {
            Move::RevokePrimary => {
                ended.extend(primary.clone());
                is_gone = true;
            }
            Move::Revoke | Move::Discard | Move::Contain => ended.extend(secondary.take()),
            Move::Promote => {
                let old = std::mem::replace(&mut primary, secondary.take());
                secondary = old.filter(|_| !is_gone);
                is_gone = false;
            }
            Move::Replace => {
                let old = primary.take();
                secondary = if is_gone { secondary } else { old };
                is_gone = false;
            }
            _ => {}
        }
    }
    ended
}
