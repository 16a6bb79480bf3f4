//! One apply as the ledger sees it: its lock, its journal, and what the inventory says afterwards.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::domain::emergency::Incident;
use crate::domain::moves::Move;
use crate::domain::notices::Audience;
use crate::domain::planner::Decision;
use crate::domain::policy::Policy;
use crate::domain::situation::{Facts, Seen};
use crate::domain::slots::Slots;
use crate::engine::account_lock::AccountLock;
use crate::engine::connections::Connections;
use crate::engine::former::Former;
use crate::engine::journal::{Bracket, Journal};
use crate::engine::managed::Managed;
use crate::engine::run::{Progress, Run, Trouble};
use crate::engine::secret_cache::SecretCache;
use crate::error::{Error, Result};
use crate::ledger::{KeyMark, Slot};
use crate::resources::managed::leftovers::LeftBehind;
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::managed::{amnesia, inventory_entry, leftovers, telling};

/// What is open while an apply works.
pub struct Records<'a> {
    /// The issuer and the deliveries.
    pub connections: Connections,
    /// Where every effect is written down.
    pub journal: Journal<'a>,
    /// Why the apply failed, if it did.
    pub failure: Option<Error>,
    /// The primary that this apply has found dead and replaced.
    pub gone: Option<KeyMark>,
    /// Places that this apply writes to and that no state knows yet.
    pub ahead: Vec<Former>,
    /// A person said of a former place that it is gone for good.
    pub lets_go: bool,
    /// What applies which did not finish left behind.
    left_behind: LeftBehind,
    /// Creates that were cut off may be over with this apply.
    closes: bool,
    lock: Option<AccountLock>,
}

impl<'a> Records<'a> {
    /// Takes the lock and opens the journal; neither if there is nothing to do. Nothing was done if this
    /// fails.
    pub async fn open(
        planned: &ManagedState,
        managed: &Managed,
        connections: Connections,
        decision: &Decision,
        calls_off: bool,
        context: &'a Context,
    ) -> Result<Self> {
        if decision.moves.is_empty() {
            let lock = match calls_off {
                // What was done about it meanwhile is not given up.
                true => {
                    let known = managed.account.as_deref();
                    let lock =
                        AccountLock::take(context, &connections, known, &managed.lock()).await?;
                    leftovers::refuse_unseen(planned, managed, &connections, context).await?;
                    Some(lock)
                }
                false => None,
            };
            return Ok(Self {
                connections,
                journal: Journal::idle(context.clock),
                failure: None,
                gone: None,
                ahead: Vec::new(),
                lets_go: false,
                left_behind: LeftBehind::default(),
                closes: false,
                lock,
            });
        }
        let known = managed.account.as_deref();
        let part = match managed.slots {
            Some(_) => managed.lock(),
            // The next attempt to create it takes this lock over.
            None => format!("create {:?} in {:?}", planned.label(), context.workspace),
        };
        let lock = AccountLock::take(context, &connections, known, &part).await?;
        let left_behind = leftovers::refuse_unseen(planned, managed, &connections, context).await?;
        if managed.slots.is_none() {
            let shown: Vec<&String> = managed.former.iter().map(|it| &it.place).collect();
            left_behind.refuse_unseen_places(&shown)?;
        }
        let ends = |next: &Move| matches!(next, Move::Deliver | Move::RevokePending);
        let closes =
            left_behind.repeats || managed.slots.is_some() && decision.moves.iter().any(ends);
        let word = decision.word();
        let records = Self::begin(
            planned,
            managed,
            connections,
            lock,
            left_behind,
            word,
            context,
        );
        Ok(Self {
            closes,
            ..records.await?
        })
    }

    /// Opens the journal of a lock that was taken.
    pub async fn begin(
        state: &ManagedState,
        managed: &Managed,
        connections: Connections,
        lock: AccountLock,
        left_behind: LeftBehind,
        word: String,
        context: &'a Context,
    ) -> Result<Self> {
        let bracket = Bracket {
            resource: inventory_entry::resource(state, context),
            issuer: connections.kind,
            account: lock.account.clone(),
            action: word,
            promised: managed.pending_revocations.clone(),
            origins: left_behind.origins.clone(),
            private_data: match managed.slots {
                Some(_) => None,
                None => amnesia::kept_of_a_create(state, &connections).await,
            },
            guard: Some(lock.guard()),
            audience: match managed.slots {
                Some(_) => telling::audience(state),
                // Each attempt to create a key is a resource of its own, which nobody could be told the end of.
                None => Audience::default(),
            },
        };
        Ok(Self {
            journal: Journal::open(context.ledger.as_ref(), context.clock, bracket).await?,
            connections,
            failure: None,
            gone: None,
            ahead: Vec::new(),
            lets_go: false,
            left_behind,
            closes: false,
            lock: Some(lock),
        })
    }

    /// Places that an apply may have written to of which the state has not heard are looked after as the plan showed them, or are
    /// those that are wanted.
    pub fn refuse_unseen_places(&self, planned: &[Former], now: &[Former]) -> Result<()> {
        let wanted = self.connections.deliveries.values();
        let wanted: Vec<String> = wanted
            .flat_map(|delivery| [Some(delivery.store.place()), delivery.lost_place.clone()])
            .flatten()
            .collect();
        let known = planned.iter().chain(now).map(|it| &it.place);
        let known: Vec<&String> = known.chain(&wanted).collect();
        self.left_behind.refuse_unseen_places(&known)
    }

    /// What carries out the moves, under this lock and with this journal.
    pub fn run<'r>(
        &'r self,
        name: &'r str,
        policy: &'r Policy,
        managed: Managed,
        facts: Facts,
        context: &'r Context,
    ) -> Run<'r> {
        Run {
            name,
            connections: &self.connections,
            policy,
            clock: context.clock,
            stop: &context.stop,
            managed,
            secrets: SecretCache::default(),
            facts,
            warnings: Vec::new(),
            minted: None,
            brought: None,
            beside: None,
            observed: BTreeMap::new(),
            left_behind: &self.left_behind.keys,
            journal: &self.journal,
            acting: "",
            emergency: None,
            watcher: None,
            progress: Progress::default(),
            trouble: Trouble::default(),
        }
    }

    /// What the ledger knows of emergencies, as it was before this apply.
    pub fn incidents(&self) -> &[Incident] {
        &self.left_behind.incidents
    }

    /// The account that is worked on, at an issuer whose keys are nowhere else.
    pub fn account(&self) -> Option<String> {
        let lock = self
            .lock
            .as_ref()
            .filter(|_| self.connections.capabilities.is_bound_to_its_account());
        lock.map(|lock| lock.account.clone())
    }

    /// Nothing was done after all.
    pub async fn abandon(mut self, error: &Error) {
        self.failure = Some(error.clone());
        if let Err(error) = self.close().await {
            tracing::warn!(%error, "an apply that did nothing is not closed in the ledger");
        }
    }

    /// Closes the journal and gives the lock back. Fails if the lock was lost.
    pub async fn close(self) -> Result<()> {
        self.journal.close(self.failure.as_ref()).await?;
        if let Some(lock) = self.lock {
            lock.give_back().await;
        }
        Ok(())
    }

    /// Brings the inventory up to the new state, and closes the journal: what was done is in the answer that follows.
    ///
    /// Fails if the lock was lost. Nothing is to be answered then as if it had happened: the apply ends as if it had been
    /// killed, and the next one understands what it left.
    pub async fn write(
        self,
        state: &ManagedState,
        private: &Private,
        context: &Context,
    ) -> Result<()> {
        self.journal.is_still_ours().await?;
        let account = match (&self.lock, &private.account) {
            (Some(lock), _) => lock.account.clone(),
            (None, _) if !context.ledger.remembers() => return Ok(()),
            // Nothing was done, and yet an owner or a policy may be another one from now on.
            (None, Some(account)) => account.clone(),
            (None, None) => match self.connections.issuer.lock().await {
                Ok(account) => account,
                Err(error) => {
                    tracing::info!(%error, "the inventory is brought up to date by the next refresh");
                    return Ok(());
                }
            },
        };
        // The state was just made from these slots, so it parses.
        if let Ok(managed) = state.managed(private)
            && let Some(slots) = &managed.slots
            && let Some(workspace) = self.workspace(&managed.id, slots, context).await
        {
            let mut holding = inventory_entry::holding(
                state,
                &managed,
                &self.connections,
                account.clone(),
                context,
                None,
            );
            if let Some(gone) = &self.gone
                && let Ok(memory) = context.ledger.recall(&managed.id).await
            {
                let gone = std::slice::from_ref(gone);
                holding = leftovers::with_the_gone(holding, &memory, gone, context.clock.now());
            }
            let is_own = workspace == context.workspace;
            holding.resource.workspace = workspace;
            // Without a lock nobody has looked at what the ledger knows more.
            let is_heard = self.lock.is_some() || self.lets_go;
            let kept = amnesia::kept_with(private, &self.ahead);
            holding.private_data = kept.filter(|_| is_own && is_heard);
            if private.facts.primary == Seen::Gone {
                // It keeps its slot until another takes its place.
                let primary = holding.keys.iter_mut().find(|it| it.slot == Slot::Primary);
                primary
                    .into_iter()
                    .for_each(|it| it.end(context.clock.now()));
            }
            if let Err(error) = context.ledger.record(&holding, context.clock.now()).await {
                tracing::warn!(%error, "the inventory is brought up to date by the next refresh");
            }
            if self.closes {
                self.close_repeated(state, &managed, &account, context)
                    .await;
            }
        }
        self.close().await
    }

    async fn close_repeated(
        &self,
        state: &ManagedState,
        managed: &Managed,
        account: &str,
        context: &Context,
    ) {
        let (connections, name) = (&self.connections, state.label());
        let closed = leftovers::close_repeated(state, managed, connections, account, context);
        if let Err(error) = closed.await {
            tracing::info!(key = %name, %error, "nobody could tell whether creates that were cut off are over");
        }
    }

    /// Whose the keys are: of the workspace that has worked on them. Where nothing was done, no lock was taken and nothing
    /// compared with the ledger: a copy of a state takes nothing over then, and what an action did since the plan is not
    /// written over (`None`). The next refresh follows it.
    async fn workspace(&self, id: &str, slots: &Slots, context: &Context) -> Option<String> {
        let own = context.workspace.clone();
        if self.lock.is_some() {
            return Some(own);
        }
        match context.ledger.recall(id).await {
            Ok(memory) if memory.generation > Some(slots.generation) => None,
            Ok(memory) => Some(memory.workspace.unwrap_or(own)),
            Err(error) => {
                tracing::warn!(%error, "the inventory is brought up to date by the next refresh");
                None
            }
        }
    }
}
