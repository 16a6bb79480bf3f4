//! Carries out moves, effect by effect, and says what is true afterwards, whatever went wrong.
//!
//! The order of the effects is not decided here: it is the table in [`crate::domain::steps`]. Every effect goes through
//! the [journal](crate::engine::journal).

mod approval;
mod containing;
mod delivering;
mod deploying;
mod leaving;
mod minting;
mod places;
mod revoking;
pub mod stale;
mod verifying;
mod witness;

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::emergency::Emergency;
use crate::domain::moves::Move;
use crate::domain::policy::Policy;
use crate::domain::situation::{Copy, Facts, Seen};
use crate::domain::slots::Key;
use crate::domain::steps::{Step, steps};
use crate::engine::connections::{Connections, at_issuer, stale};
use crate::engine::crowd;
use crate::engine::journal::Journal;
use crate::engine::managed::Managed;
use crate::engine::secret_cache::SecretCache;
use crate::error::{Error, Result};
use crate::http::in_a_hurry;
use crate::ledger::KeyMark;
use crate::ledger::guard::Guard;
use crate::secret::Secret;
use crate::stores::{Document, Observation};

/// One apply of one managed key.
pub struct Run<'a> {
    /// The name of the resource, for messages.
    pub name: &'a str,
    /// The issuer and the deliveries that are wanted.
    pub connections: &'a Connections,
    /// The policy in force.
    pub policy: &'a Policy,
    /// Where "now" comes from.
    pub clock: Clock,
    /// Ends waits early.
    pub stop: &'a CancellationToken,
    /// What exists; the effects change it as they happen.
    pub managed: Managed,
    /// The secrets that are known.
    pub secrets: SecretCache,
    /// What is known of the world: what the plan knew, and what the moves so far have made of it.
    pub facts: Facts,
    /// What a person should know although the apply went on.
    pub warnings: Vec<Error>,
    /// The key that was minted in this apply and is in no slot yet.
    pub minted: Option<Key>,
    /// The secret of a key that exists already, to be taken over; and whether a person asked for that in this very
    /// apply, so that it must be of use.
    pub brought: Option<(Secret, bool)>,
    /// What stands beside a key that is taken over before the first of the resource.
    pub beside: Option<minting::Beside>,
    /// What stands at each place, by the name of its delivery: as last looked at, or written by this apply.
    pub observed: BTreeMap<String, Result<Observation>>,
    /// Keys that an apply which did not finish left behind.
    pub left_behind: &'a [KeyMark],
    /// Where every effect is written down before and after.
    pub journal: &'a Journal<'a>,
    /// The word of the move that is being taken.
    pub acting: &'static str,
    /// A key is compromised: what failed before this apply keeps nothing from happening that is done about it.
    pub emergency: Option<Emergency>,
    /// Is told of every step before it is taken.
    pub watcher: Option<&'a Watcher>,
    /// How far it got.
    pub progress: Progress,
    /// What did not work so far, although the apply goes on.
    pub trouble: Trouble,
}

/// How far a run got.
#[derive(Debug, Default)]
pub struct Progress {
    /// The moves that were taken to their end.
    pub done: Vec<Move>,
    /// A staged key that is not promoted is taken back by whoever asked for the run.
    takes_back: bool,
    /// Keys that were to be taken back and may still be in a document.
    pub left: Vec<String>,
    /// Where the new key was written in front of all others, or may have been.
    led: BTreeSet<String>,
    /// What stood at each place before the first write of a run without a key of its own: an undo puts it back.
    overwritten: BTreeMap<String, Option<Document>>,
    /// A promotion follows the move that is being taken.
    promotes_next: bool,
    /// Revoked keys that were tried and refused.
    proved: Vec<KeyMark>,
    /// The staged key was verified a moment ago.
    verified: bool,
}

impl Progress {
    /// Of a run after which whoever asked for it takes a staged key back that was not promoted.
    pub fn that_takes_back() -> Self {
        Self {
            takes_back: true,
            ..Self::default()
        }
    }
}

/// What did not work so far in an apply that goes on.
#[derive(Debug, Default)]
pub struct Trouble {
    /// Deliveries that failed and are left alone for the rest of the apply.
    failed: BTreeSet<String>,
    /// Those of them that were in order before it.
    began_to_fail: BTreeSet<String>,
    /// Places whose last write failed, so that nobody knows what stands there: the next one looks again.
    unsure: BTreeSet<String>,
    /// What the places said that could not be copied from.
    unread: Vec<Error>,
    /// Required deployments that began to fail.
    unshown: BTreeSet<String>,
    /// Fails the apply once everything else is done.
    late: Option<Error>,
}

/// Somebody who wants to know what is being done.
pub type Watcher = dyn Fn(Step) + Send + Sync;

impl Run<'_> {
    /// Takes the moves in order and stops at the first that fails. `self.managed` is true either way.
    ///
    /// Whatever it asks of the outside, it asks only while the lock is held.
    pub async fn take(&mut self, moves: &[Move]) -> Result<()> {
        let journal = self.journal;
        let taken = Guard::protect(journal.guard(), self.take_each(moves)).await;
        taken.map_err(|error| self.with_what_still_works(self.after_what_was_revoked(error)))
    }

    async fn take_each(&mut self, moves: &[Move]) -> Result<()> {
        for (index, next) in moves.iter().enumerate() {
            self.refuse_unshown(*next)?;
            self.acting = next.word();
            self.progress.promotes_next = moves[index + 1..].contains(&Move::Promote);
            for step in steps(*next, self.connections.proof()) {
                if matches!(step, Step::Verify(_)) && !self.connections.must_verify() {
                    continue;
                }
                tracing::debug!(key = %self.name, step = ?step, "step");
                if let Some(tell) = self.watcher {
                    tell(*step);
                }
                if let Err(error) = self.step(*step).await {
                    self.warnings.extend(self.trouble.late.take());
                    return Err(error);
                }
            }
            self.facts = self.facts.after(*next, self.policy);
            if self.trouble.late.is_none() {
                self.progress.done.push(*next);
            }
        }
        self.trouble.late.take().map_or(Ok(()), Err)
    }

    /// How often a key was promoted; `None` before the first.
    pub fn generation(&self) -> Option<u64> {
        self.managed.slots.as_ref().map(|slots| slots.generation)
    }

    /// The old primary is gone at the issuer, so it is not kept as a retiring key.
    fn primary_is_dead(&self) -> bool {
        self.facts.primary == Seen::Gone
    }

    /// The large ones are boxed: a step lies at the end of a deep call, and a stack is 2 MiB.
    async fn step(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Check => self.check().await,
            Step::Fetch => self.fetch().await,
            Step::Mint => Box::pin(self.mint()).await,
            Step::Deliver(content) => Box::pin(self.deliver(content)).await,
            Step::Withdraw => Box::pin(self.withdraw()).await,
            Step::Verify(subject) => Box::pin(self.verify(subject)).await,
            Step::Deploy => Box::pin(self.deploy()).await,
            Step::SwapIn => {
                let unseen = self.compromised_and_unseen();
                self.swap_in()?;
                match unseen {
                    Some(key) => Box::pin(self.end_unseen(&key)).await,
                    None => Ok(()),
                }
            }
            Step::RevokeSecondary => Box::pin(self.revoke_secondary()).await,
            Step::RevokePending => Box::pin(self.revoke_pending()).await,
            Step::RevokePrimary => Box::pin(self.revoke_primary()).await,
        }
    }

    /// No copy of the primary secret is left, and the plan knew.
    fn primary_is_lost(&self) -> bool {
        self.facts.primary_copy == Copy::Lost
    }

    async fn check(&mut self) -> Result<()> {
        in_a_hurry(self.emergency.is_some(), self.check_deliveries()).await?;
        let owned = self.managed.owned_ids();
        let checked = at_issuer(self.connections.issuer.check(&owned).await);
        let journal = self.journal;
        let crowd = crowd::look(
            journal.resource(),
            &owned,
            journal.account(),
            self.connections,
            journal.ledger(),
        );
        if self.managed.slots.is_none() && checked.is_ok() {
            // Of a key that exists, its refresh has said so.
            self.facts.full = crowd.await.ok().flatten().map(|crowd| crowd.full());
            return Ok(());
        }
        crowd::explained(checked, crowd).await
    }

    /// Reads the secrets that exist. Those that the next document needs must be at hand before anything is minted.
    async fn fetch(&mut self) -> Result<()> {
        let Some(slots) = &self.managed.slots else {
            return Ok(());
        };
        let look = self.secrets.fetch(slots, self.connections);
        self.trouble.unread = in_a_hurry(self.emergency.is_some(), look).await;
        let mints = [Move::Stage, Move::Replace]
            .map(Move::word)
            .contains(&self.acting);
        let keys = [Some(&slots.primary), slots.secondary_key()];
        let mut missing = keys
            .into_iter()
            .flatten()
            .filter(|key| self.is_missing(key));
        match missing.next() {
            Some(key) if mints => Err(self.unread(key)),
            _ => Ok(()),
        }
    }

    /// Its secret exists as far as is known, and is not at hand.
    fn is_missing(&self, key: &Key) -> bool {
        let Some(slots) = &self.managed.slots else {
            return false;
        };
        let is_gone = match *key == slots.primary {
            true => self.primary_is_dead() || self.primary_is_lost(),
            false => self.facts.secondary == Seen::Gone || self.facts.secondary_copy == Copy::Lost,
        };
        // Nobody is to read a compromised key once its successor is there.
        !(self.answers_an_emergency() || self.is_compromised(key))
            && key.fingerprint.is_some()
            && !is_gone
            && self.secrets.secret_of(key).is_none()
    }

    /// Why the secret of a key is not at hand.
    fn unread(&self, key: &Key) -> Error {
        let (name, key) = (self.name, key.label());
        match self.trouble.unread.first() {
            None => stale(format!(
                "{name}: no delivery holds the secret of key {key} any more"
            )),
            Some(error) => Error {
                summary: format!(
                    "{name}: the secret of key {key} cannot be read: {}",
                    error.summary
                ),
                ..error.clone()
            },
        }
    }
}
