//! Brackets every effect with its intent and its outcome, so that an apply that dies in the middle is understood by
//! the next one.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::{Clock, Moment};
use crate::domain::emergency::{self, Incident, Sighting};
use crate::domain::notices::Audience;
use crate::domain::slots::Key;
use crate::engine::fault;
use crate::engine::recover::Origins;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::disabled::Disabled;
use crate::ledger::guard::Guard;
use crate::ledger::{Effect, Intent, KeyMark, Ledger, Noted, Outcome, ResourceRef, Sighted};

/// The journal of one apply of one resource.
pub struct Journal<'a> {
    ledger: &'a dyn Ledger,
    clock: Clock,
    guard: Option<Guard>,
    origins: Origins,
    /// The bracket around the apply; its effects are written after its pattern.
    apply: Intent,
    /// An effect was begun.
    has_acted: AtomicBool,
}

/// What an apply is, before it begins. By default it belongs to no resource.
#[derive(Default)]
pub struct Bracket {
    /// Whose key.
    pub resource: ResourceRef,
    /// The issuer, such as `aws_iam`.
    pub issuer: &'static str,
    /// The account at the issuer, under the name that it is locked by.
    pub account: String,
    /// The word of the move, such as `stage`.
    pub action: String,
    /// The ids of the keys that nobody holds and that it is to revoke.
    pub promised: Vec<String>,
    /// The mints that some of them came of. Who revokes such a key has settled its mint.
    pub origins: Origins,
    /// For a create: where it is going to write.
    pub private_data: Option<String>,
    /// The lock under which it is done.
    pub guard: Option<Guard>,
    /// Who is told of it.
    pub audience: Audience,
}

impl Bracket {
    fn intent(self, id: String, at: Instant) -> Intent {
        Intent {
            id: id.clone(),
            apply: id,
            resource: self.resource,
            issuer: self.issuer.to_owned(),
            account: self.account,
            effect: Effect::Apply,
            action: self.action,
            key: None,
            audience: self.audience,
            place: None,
            known: self.promised,
            private_data: self.private_data,
            at,
            fence: self.guard.map(|guard| guard.fence().clone()),
        }
    }
}

/// What is about to be done, to which key, where.
#[derive(Default)]
pub struct Deed {
    /// The key that it is done to.
    pub key: Option<KeyMark>,
    /// The delivery and its place.
    pub place: Option<String>,
    /// For a mint: what the account held before.
    pub known: Vec<String>,
    /// It takes back what went wrong, so it is done even if it cannot be written down any more.
    pub takes_back: bool,
}

impl<'a> Journal<'a> {
    /// Opens the bracket around an apply. Nothing was done if this fails.
    pub async fn open(ledger: &'a dyn Ledger, clock: Clock, bracket: Bracket) -> Result<Self> {
        let (guard, origins) = (bracket.guard.clone(), bracket.origins.clone());
        let apply = bracket.intent(token()?, clock.wall());
        let journal = Self {
            ledger,
            clock,
            guard,
            origins,
            apply,
            has_acted: AtomicBool::new(false),
        };
        fault::point(&journal.apply, "before");
        journal.begin(&journal.apply).await?;
        fault::point(&journal.apply, "begun");
        Ok(journal)
    }

    /// The journal of an apply that has nothing to do.
    pub fn idle(clock: Clock) -> Self {
        static NOTHING: Disabled = Disabled;
        Self {
            ledger: &NOTHING,
            clock,
            guard: None,
            origins: Origins::default(),
            apply: Bracket::default().intent(String::new(), clock.wall()),
            has_acted: AtomicBool::new(false),
        }
    }

    /// Notes an emergency of this resource, or its end.
    pub async fn note(&self, incident: &Incident) -> Result<()> {
        let noted = Noted {
            resource: self.apply.resource.clone(),
            issuer: self.apply.issuer.clone(),
            account: self.apply.account.clone(),
            incident: incident.clone(),
            at: self.clock.now(),
            audience: self.apply.audience.clone(),
        };
        self.ledger.note_incident(&noted).await
    }

    /// Notes what was seen of emergencies of this resource. Nothing waits for it, and nothing fails by it.
    pub async fn sight(&self, ids: &[String], moment: emergency::Moment, sighting: &Sighting) {
        for id in ids {
            let sighted = Sighted {
                resource: self.apply.resource.clone(),
                issuer: self.apply.issuer.clone(),
                account: self.apply.account.clone(),
                id: id.clone(),
                moment,
                sighting: sighting.clone(),
                at: self.clock.now(),
            };
            if let Err(error) = self.ledger.note_sighting(&sighted).await {
                tracing::warn!(%error, "what was seen of an emergency is not in the ledger");
            }
        }
    }

    /// The ledger that it is written to.
    pub fn ledger(&self) -> &dyn Ledger {
        self.ledger
    }

    /// The account that is worked on.
    pub fn account(&self) -> &str {
        &self.apply.account
    }

    /// Whose key it is about.
    pub fn resource(&self) -> &ResourceRef {
        &self.apply.resource
    }

    /// The lock under which it is done.
    pub fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }

    /// Fails if the lock is not held any more. What the apply did is then as if it had been killed.
    pub async fn is_still_ours(&self) -> Result<()> {
        match &self.guard {
            Some(guard) => guard.confirm().await,
            None => Ok(()),
        }
    }

    /// Closes the bracket: what the apply did is in the answer that follows. It fails, and stays open, if the lock was lost.
    pub async fn close(self, failure: Option<&Error>) -> Result<()> {
        fault::point(&self.apply, "done");
        let has_acted = self.has_acted.load(Ordering::Relaxed);
        let outcome = match failure {
            None => Outcome::Done(None),
            // Something has changed since the plan, and the next one takes it in.
            Some(error) if error.kind == Kind::Stale && !has_acted => {
                Outcome::Settled(format!("nothing was done: {}", error.summary))
            }
            Some(error) => Outcome::Failed(error.summary.clone()),
        };
        self.finish(&self.apply, outcome).await?;
        fault::point(&self.apply, "after");
        Ok(())
    }

    /// Writes an intent down, which renews the lock too.
    async fn begin(&self, intent: &Intent) -> Result<()> {
        let asked = Moment::now();
        let begun = self.ledger.begin(intent).await;
        if let Some(guard) = &self.guard {
            match &begun {
                Ok(()) => guard.confirmed_at(asked),
                Err(error) if error.kind == Kind::Stale => guard.lose(),
                Err(_) => {}
            }
        }
        begun
    }

    /// Does one effect between its intent and its outcome. `work` gets the idempotency token.
    ///
    /// An effect that was perhaps done ([`Kind::Uncertain`]) stays open, for a later look to settle.
    pub async fn effect<T, F: Future<Output = Result<T>>>(
        &self,
        effect: Effect,
        action: &str,
        deed: Deed,
        work: impl FnOnce(String) -> F,
        made: impl FnOnce(&T) -> Option<KeyMark>,
    ) -> Result<T> {
        let told = |value: &T| Outcome::Done(made(value));
        self.told(effect, action, deed, work, told).await
    }

    /// The same, with whatever the outcome is to tell.
    pub async fn told<T, F: Future<Output = Result<T>>>(
        &self,
        effect: Effect,
        action: &str,
        deed: Deed,
        work: impl FnOnce(String) -> F,
        told: impl FnOnce(&T) -> Outcome,
    ) -> Result<T> {
        let intent = Intent {
            id: token()?,
            effect,
            action: action.to_owned(),
            known: match effect {
                Effect::Revoke => self.origins_of(deed.key.as_ref()),
                _ => deed.known,
            },
            key: deed.key,
            place: deed.place,
            private_data: None,
            at: self.clock.wall(),
            ..self.apply.clone()
        };
        fault::point(&intent, "before");
        match self.begin(&intent).await {
            Err(error) if deed.takes_back && error.kind != Kind::Stale => {
                tracing::warn!(%error, "a step that takes back another is not in the ledger");
            }
            begun => begun?,
        }
        self.has_acted.store(true, Ordering::Relaxed);
        fault::point(&intent, "begun");
        let result = Guard::protect(self.guard(), work(intent.id.clone())).await;
        fault::point(&intent, "done");
        match &result {
            Ok(value) => self.finish(&intent, told(value)).await?,
            Err(error) if error.kind == Kind::Uncertain => {}
            Err(error) => {
                let outcome = Outcome::Failed(error.to_string());
                self.finish(&intent, outcome).await?;
            }
        }
        fault::point(&intent, "after");
        result
    }

    fn origins_of(&self, key: Option<&KeyMark>) -> Vec<String> {
        let id = key.and_then(|key| key.key_id.as_ref());
        let origins = id.and_then(|id| self.origins.get(id));
        origins.cloned().unwrap_or_default()
    }

    /// The effect has happened, so a ledger that is gone by now fails nothing: the intent stays open, and the next
    /// refresh finds out. Once the lock is lost only what is known to be done is still written down, and of a whole apply
    /// not even that.
    async fn finish(&self, intent: &Intent, outcome: Outcome) -> Result<()> {
        let is_done = matches!(outcome, Outcome::Done(_) | Outcome::Written(_))
            && intent.effect != Effect::Apply;
        if let Some(guard) = self.guard().filter(|guard| guard.is_lost() && !is_done) {
            return match intent.effect {
                Effect::Apply => guard.confirm().await,
                _ => Ok(()),
            };
        }
        let now = self.clock.now();
        match self.ledger.finish(&intent.id, &outcome, now).await {
            Err(error) if error.kind == Kind::Stale => Err(error),
            Err(error) => {
                tracing::warn!(%error, effect = ?intent.effect, "an outcome is not in the ledger");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

impl Deed {
    /// To a key.
    pub fn to(key: KeyMark) -> Self {
        Self {
            key: Some(key),
            ..Self::default()
        }
    }

    /// At a place.
    pub fn at(place: String) -> Self {
        Self {
            place: Some(place),
            ..Self::default()
        }
    }
}

/// The mark of a key.
pub fn mark(key: &Key) -> KeyMark {
    KeyMark::new(key.key_id.clone(), key.fingerprint.as_ref())
}

fn token() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(
            Kind::Other,
            "The operating system gives no random numbers",
            format!("{error}. Nothing was done."),
        )
    })?;
    Ok(hex::encode(bytes))
}
