//! What an apply that never ended left behind: one look at the ledger, the state and the issuer, one verdict for
//! every open intent and for every key that no state holds.
//!
//! A secret is shown only once, so nothing is rolled forward on a guess: a key that nobody holds is revoked by the next
//! apply, where the plan shows it; one that may be somebody else's is reported and left alone. Whoever may write into the
//! ledger can put in a row that says anything, so a key is revoked only where the sealed audit trail says that it was
//! minted here, or that it was about to be.

use crate::domain::effects::{Effect, Intent, Memory, Outcome};
use crate::domain::keys::{KeyMark, KeyRecord, Status};
use crate::domain::listed::Listed;
use crate::duration::Duration;
use crate::instant::Instant;

/// Everything that a verdict may depend on.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The keys that the state holds: in its slots, and pending their revocation.
    pub held: &'a [KeyMark],
    /// What the ledger remembers of the resource.
    pub memory: &'a Memory,
    /// What the issuer lists in the account now; `None` if it cannot.
    pub listed: Option<&'a [Listed]>,
    /// A key that was not delivered exists nowhere.
    pub local: bool,
    /// A person makes the keys, and has them whatever becomes of an apply.
    pub brought: bool,
    /// By how many seconds the clock of the issuer is ahead of the machine's.
    pub ahead: i64,
    /// All keys in the account that the ledger knows, whosever they are.
    pub known: &'a [KeyRecord],
    /// Another create has taken the place of those that were cut off, and what they wrote is nowhere any more.
    pub repeated: bool,
    /// The machine's time.
    pub now: Instant,
}

/// What is to be made of a key that the ledger knows and the state does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untracked {
    /// An apply that never ended minted it, and it belongs to no resource: the next apply revokes it.
    Orphan(KeyMark),
    /// Its apply ended, but no state ever heard of it: the documents decide whether the state follows, see
    /// [`crate::engine::recover`]. Otherwise it is an orphan.
    Unacknowledged(KeyRecord),
    /// A person brought it to an apply that never ended. Nothing came into being, and it can be brought again.
    Untaken(KeyMark),
    /// The ledger says that it lives, the issuer that it is gone.
    Gone(KeyMark),
    /// A state held it once and holds it no more, yet it lives. Nobody knows why, so it is reported only.
    Forgotten(KeyMark),
    /// The ledger has a row of it, and its audit trail nothing of its mint: reported only.
    Unattested(KeyMark),
}

/// What is to be made of an intent without an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is understood and can be closed, for this reason.
    Settled(&'static str),
    /// It is too early to tell, or something is still to be done about it, so it stays open.
    Undecided,
    /// Keys that nobody holds came of it, or were to be revoked by it.
    Orphans(Vec<KeyMark>),
    /// One of these keys may have come of it, but they may be somebody else's. None of them: the issuer cannot tell
    /// whether one came of it.
    Unclear(Vec<String>),
}

/// How long before and after its intent a key may have been created by it: clocks differ by more than was measured, and a
/// request may be slow.
/// Short, because a key that somebody else makes by hand within this time is taken for ours.
const BEFORE: Duration = Duration::from_secs(60);
const AFTER: Duration = Duration::from_secs(120);

/// By how much a clock may have been wrong when the intent was written. A key of that time may have come of it.
const DOUBT: Duration = Duration::from_secs(15 * 60);

/// Whether a verdict needs what the issuer lists, and what else the ledger knows of the account.
pub fn needs_list(memory: &Memory, held: &[KeyMark]) -> bool {
    memory.open.iter().any(concerns_keys) || untracked(memory, held).next().is_some()
}

/// Whether a key at the issuer may hang on it.
fn concerns_keys(intent: &Intent) -> bool {
    match intent.effect {
        Effect::Mint | Effect::Revoke => true,
        Effect::Apply => !intent.known.is_empty(),
        Effect::Deliver | Effect::Withdraw | Effect::Verify | Effect::Deploy => false,
    }
}

/// Every key that the ledger knows as alive and the state does not hold.
fn untracked<'a>(memory: &'a Memory, held: &[KeyMark]) -> impl Iterator<Item = &'a KeyRecord> {
    memory.keys.iter().filter(|record| {
        record.status == Status::Live && record.revoked_at.is_none() && !is_held(held, &record.key)
    })
}

fn is_held(held: &[KeyMark], key: &KeyMark) -> bool {
    held.iter().any(|held| held.is(key))
}

impl Evidence<'_> {
    /// The verdict on every untracked key.
    pub fn judge_untracked(&self) -> Vec<Untracked> {
        untracked(self.memory, self.held)
            .map(|record| self.judge_key(record))
            .collect()
    }

    fn judge_key(&self, record: &KeyRecord) -> Untracked {
        let key = record.key.clone();
        let unacknowledged = record.confirmed_at.is_none() && self.is_finished(record);
        // A key without an id lives in the documents alone: there is nothing to revoke. But a state that held it may be
        // newer than this one.
        if key.key_id.is_none() && !unacknowledged && record.confirmed_at.is_none() {
            return Untracked::Gone(key);
        }
        if self.is_listed(&key) == Some(false) {
            return Untracked::Gone(key);
        }
        // A key without an id cannot be revoked, and the state follows it only as the documents say.
        let attested = record.minted || key.key_id.is_none();
        match record.confirmed_at {
            Some(_) => Untracked::Forgotten(key),
            None if !attested => Untracked::Unattested(key),
            None if unacknowledged => Untracked::Unacknowledged(record.clone()),
            None if self.brought => Untracked::Untaken(key),
            None => Untracked::Orphan(key),
        }
    }

    /// The verdict on one open intent.
    pub fn judge(&self, intent: &Intent) -> Verdict {
        if concerns_keys(intent) && !self.memory.sealed.contains(&intent.id) {
            return Verdict::Settled("no event of the audit trail says that it was begun");
        }
        match intent.effect {
            Effect::Mint => self.judge_mint(intent),
            Effect::Revoke => self.judge_revoke(intent),
            Effect::Deliver | Effect::Withdraw => Verdict::Settled("the documents were read again"),
            Effect::Verify => Verdict::Settled("a key is proved again before it is promoted"),
            Effect::Deploy => Verdict::Settled("a deployment is owed until it is seen to be done"),
            Effect::Apply => self.judge_apply(intent),
        }
    }

    fn judge_mint(&self, intent: &Intent) -> Verdict {
        let Some(listed) = self.listed else {
            return match self.local {
                true => Verdict::Settled("a key that was not delivered exists nowhere"),
                // It may live, and nobody can ever tell by looking.
                false => Verdict::Unclear(Vec::new()),
            };
        };
        if self.lost_its_key(intent) {
            return Verdict::Settled("the key that came of it is gone");
        }
        let new: Vec<&Listed> = listed
            .iter()
            .filter(|key| !intent.known.contains(&key.key_id))
            .filter(|key| self.record_of(&key.key_id).is_none())
            .filter(|key| !self.holds(&named(&key.key_id)))
            .filter(|key| self.may_have_come_of(key, intent))
            .collect();
        // A label leaves no doubt, whatever the clocks say.
        let labelled = new
            .iter()
            .filter(|key| key.came_of(&intent.id) == Some(true));
        let labelled: Vec<_> = labelled.map(|key| named(&key.key_id)).collect();
        if !labelled.is_empty() {
            return Verdict::Orphans(labelled);
        }
        let in_time: Vec<&Listed> = new
            .iter()
            .copied()
            .filter(|key| key.created_at.is_some_and(|at| self.came_of(at, intent.at)))
            .collect();
        match (&in_time[..], &new[..]) {
            // A slow request may still arrive.
            (_, []) if self.now <= intent.at + AFTER => Verdict::Undecided,
            (_, []) => Verdict::Settled("no key came of it that is not known"),
            ([only], _) => Verdict::Orphans(vec![named(&only.key_id)]),
            // A clock that was set since may hide the time at which it came, so one of about that time is told of.
            _ => Verdict::Unclear(new.iter().map(|key| key.key_id.clone()).collect()),
        }
    }

    /// A revocation of its key was begun, and may have been cut off before it could say that it was done.
    fn lost_its_key(&self, mint: &Intent) -> bool {
        let mut open = self.memory.open.iter();
        open.any(|begun| {
            let key = begun.key.as_ref();
            begun.effect == Effect::Revoke
                && begun.known.contains(&mint.id)
                && self.memory.sealed.contains(&begun.id)
                && key.is_some_and(|key| self.is_listed(key) == Some(false))
        })
    }

    fn may_have_come_of(&self, key: &Listed, intent: &Intent) -> bool {
        match (key.came_of(&intent.id), key.created_at) {
            (Some(is_ours), _) => is_ours,
            (None, None) => true,
            (None, Some(at)) => is_near(at, intent.at) || self.came_of(at, intent.at),
        }
    }

    fn came_of(&self, created_at: Instant, intended_at: Instant) -> bool {
        let created_at = Instant::from_unix(created_at.unix().saturating_sub(self.ahead));
        created_at >= intended_at - BEFORE && created_at <= intended_at + AFTER
    }

    /// It had promised to revoke keys that nobody held, and may not have got there.
    fn judge_apply(&self, intent: &Intent) -> Verdict {
        let promised: Vec<KeyMark> = intent
            .known
            .iter()
            .filter(|id| !self.is_somebodys(id))
            .map(|id| named(id))
            .filter(|key| !self.holds(key) && self.is_listed(key) == Some(true))
            .collect();
        match promised.is_empty() {
            false => Verdict::Orphans(promised),
            // No state tells where it wrote.
            true if intent.creates() && self.held.is_empty() => match self.repeated {
                true => Verdict::Settled(Outcome::REPEATED),
                false => Verdict::Undecided,
            },
            true => Verdict::Settled("every effect of it was looked at"),
        }
    }

    /// Whether a state holds the key or held it once.
    fn is_somebodys(&self, key_id: &str) -> bool {
        let record = self.record_of(key_id);
        record.is_some_and(|record| record.confirmed_at.is_some())
    }

    fn record_of(&self, key_id: &str) -> Option<&KeyRecord> {
        let mut known = self.known.iter();
        known.find(|record| record.key.key_id.as_deref() == Some(key_id))
    }

    fn judge_revoke(&self, intent: &Intent) -> Verdict {
        let Some(key) = &intent.key else {
            return Verdict::Settled("it named no key");
        };
        if self.holds(key) {
            return Verdict::Settled("the state holds the key, and the next step decides");
        }
        if key
            .key_id
            .as_deref()
            .is_some_and(|id| self.is_somebodys(id))
        {
            return Verdict::Settled("the key is in a state, and whoever holds it decides");
        }
        match self.is_listed(key) {
            Some(true) => Verdict::Orphans(vec![key.clone()]),
            Some(false) => Verdict::Settled("the key is gone"),
            None => Verdict::Settled("the issuer keeps no list of its keys"),
        }
    }

    fn holds(&self, key: &KeyMark) -> bool {
        is_held(self.held, key)
    }

    /// Whether the apply that minted it came to its end.
    fn is_finished(&self, record: &KeyRecord) -> bool {
        let by = record.minted_by.as_deref();
        !self
            .memory
            .open
            .iter()
            .any(|open| Some(open.apply.as_str()) == by)
    }

    fn is_listed(&self, key: &KeyMark) -> Option<bool> {
        let id = key.key_id.as_ref()?;
        Some(self.listed?.iter().any(|listed| listed.key_id == *id))
    }
}

fn is_near(created_at: Instant, intended_at: Instant) -> bool {
    created_at >= intended_at - DOUBT && created_at <= intended_at + DOUBT
}

fn named(key_id: &str) -> KeyMark {
    KeyMark::new(Some(key_id.to_owned()), None)
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
