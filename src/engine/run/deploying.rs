//! Deployments: consumers are made to read what was delivered, and waited for.
//!
//! One that does not come about is written down and told, and the apply goes on; what a required one holds up, the rules
//! know (see [`crate::domain::deployments`]), and of what begins to fail in this very apply, [`Run::refuse_unshown`].

use std::time::Duration as StdDuration;

use tokio::time::{Instant as Moment, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::deployments::{Occasion, Progress, Target, Wanted};
use crate::domain::announce::capitalised;
use crate::domain::deployments::{Asked, Shown};
use crate::domain::moves::Move;
use crate::domain::situation::Seen;
use crate::domain::slots::Key;
use crate::duration::Duration;
use crate::engine::journal::{Deed, mark};
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};
use crate::ledger::Effect;
use crate::ledger::guard::{self, Guard};
use crate::secret::Fingerprint;

/// The pauses between two looks.
const FIRST_PAUSE: StdDuration = StdDuration::from_secs(1);
const LONGEST_PAUSE: StdDuration = StdDuration::from_secs(15);

/// What the last look may take beyond the time that a deployment has.
const LAST_LOOK: StdDuration = StdDuration::from_secs(10);

impl Run<'_> {
    /// Asks for every deployment that is owed, one after the other, and waits for each.
    pub(super) async fn deploy(&mut self) -> Result<()> {
        let connections = self.connections;
        for (name, wanted) in &connections.deployments {
            let Some(slots) = &self.managed.slots else {
                return Ok(());
            };
            let record = self.managed.deployments.get(name);
            if !record.is_some_and(|record| record.owes(slots)) {
                continue;
            }
            let shown = Shown::by(slots);
            let key = slots.staged().unwrap_or(&slots.primary).clone();
            match self.show(name, wanted, &shown, &key).await {
                Ok(()) => {
                    let record = self.managed.deployments.entry(name.clone()).or_default();
                    record.confirm(shown);
                }
                Err(error) if self.must_end(&error) => return Err(error),
                Err(error) => self.note_unshown(name, wanted, &key, error),
            }
        }
        Ok(())
    }

    /// A person asked to stop, or another apply has the lock.
    fn must_end(&self, error: &Error) -> bool {
        error.kind == Kind::Interrupted || self.journal.guard().is_some_and(Guard::is_lost)
    }

    async fn show(&mut self, name: &str, wanted: &Wanted, shown: &Shown, key: &Key) -> Result<()> {
        let deed = Deed {
            key: Some(mark(key)),
            place: Some(format!("{name}: {}", wanted.target.place())),
            ..Deed::default()
        };
        let mark = key.fingerprint.as_ref().map(Fingerprint::to_string);
        let asking = Asking {
            wanted,
            shown,
            occasion: Occasion {
                name: self.name.to_owned(),
                generation: self.generation().unwrap_or_default(),
                fingerprint: mark.unwrap_or_default(),
                requested_at: self.clock.now(),
                id: None,
            },
            clock: self.clock,
            stop: self.stop,
        };
        let record = self.managed.deployments.entry(name.to_owned()).or_default();
        let asked = &mut record.asked;
        let work = |_| asking.carry_through(asked);
        let done = self
            .journal
            .effect(Effect::Deploy, self.acting, deed, work, |()| None);
        done.await
    }

    fn note_unshown(&mut self, name: &str, wanted: &Wanted, key: &Key, error: Error) {
        let now = self.fails_from();
        let record = self.managed.deployments.entry(name.to_owned()).or_default();
        if record.failing_since.is_none() && wanted.required {
            self.trouble.unshown.insert(name.to_owned());
        }
        record.failing_since.get_or_insert(now);
        record.reason = Some(error.summary.clone());
        let key = key.label();
        self.warnings.push(Error {
            summary: format!("deployment {name:?} of key {key} is not confirmed"),
            detail: format!(
                "{}. {} Those who read the key may not have read {key} yet. The next apply looks how far it is, and asks for \
                 it again if it is not done.",
                capitalised(&error.summary),
                error.detail
            ),
            ..error
        });
    }

    /// A required deployment that failed in this apply, which no plan could know, holds up what the plan built on it.
    pub(super) fn refuse_unshown(&self, next: Move) -> Result<()> {
        let Some(name) = self.trouble.unshown.first() else {
            return Ok(());
        };
        let way = "The next apply tries again. To go on without this deployment, set required = false in it.";
        let (what, detail) = match next {
            Move::Promote if self.facts.primary_is_usable() => (
                "the staged key is not promoted".to_owned(),
                "The old primary stays in use.",
            ),
            Move::Revoke if self.facts.secondary != Seen::Gone => (
                "the retiring key is not revoked".to_owned(),
                "It stays valid, until the end of max_grace_period at the latest.",
            ),
            _ => return Ok(()),
        };
        match self.answers_an_emergency() {
            true => Ok(()),
            false => Err(Error::new(
                Kind::Other,
                format!("{}: {what}", self.name),
                format!("Deployment {name:?} is required and is not confirmed. {detail} {way}"),
            )),
        }
    }
}

/// One deployment that is asked for.
struct Asking<'a> {
    wanted: &'a Wanted,
    shown: &'a Shown,
    occasion: Occasion,
    clock: Clock,
    stop: &'a CancellationToken,
}

impl Asking<'_> {
    /// What an earlier apply asked for may be done by now, or still be on its way; otherwise it is asked for.
    async fn carry_through(mut self, asked: &mut Option<Asked>) -> Result<()> {
        let target = self.wanted.target.as_ref();
        if let Some(before) = asked.as_ref().filter(|asked| asked.shown == *self.shown) {
            let occasion = self.occasion.of(before);
            let left = (before.at + self.wanted.timeout).since(self.clock.now());
            match target.look(&occasion).await {
                Ok(Progress::Done) => return Ok(()),
                Ok(Progress::Running(_)) if !left.is_zero() => {
                    return self.wait(&occasion, left).await;
                }
                Err(error) if error.kind == Kind::Unavailable => return Err(error),
                // Whatever became of it, what is asked for anew replaces it.
                Ok(Progress::Running(_) | Progress::Failed(_)) | Err(_) => {}
            }
        }
        *asked = None;
        let id = target.start(&self.occasion).await.map_err(settled)?;
        self.occasion.id.clone_from(&id);
        *asked = Some(Asked {
            shown: self.shown.clone(),
            at: self.occasion.requested_at,
            id,
        });
        self.wait(&self.occasion, self.wanted.timeout).await
    }

    async fn wait(&self, occasion: &Occasion, bound: Duration) -> Result<()> {
        let deadline = Moment::now() + StdDuration::from_secs(bound.as_secs());
        let waited = wait_until_done(self.wanted.target.as_ref(), occasion, deadline);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(interrupted()),
            missing = waited => match missing? {
                None => Ok(()),
                Some(missing) => Err(Error::new(
                    Kind::Unavailable,
                    format!("it was not done within {}: {missing}", self.wanted.timeout),
                    "Look at it where it runs. If it needs longer, raise timeout.",
                )),
            },
        }
    }
}

/// `None` once it is done, or what is missing when the time is up.
async fn wait_until_done(
    target: &dyn Target,
    occasion: &Occasion,
    deadline: Moment,
) -> Result<Option<String>> {
    let mut pause = FIRST_PAUSE;
    loop {
        guard::confirm().await?;
        let missing = match timeout_at(deadline + LAST_LOOK, target.look(occasion)).await {
            Ok(Ok(Progress::Done)) => return Ok(None),
            Ok(Ok(Progress::Running(missing))) => missing,
            Ok(Ok(Progress::Failed(why))) => return Err(failed(&why)),
            // It may not be there yet, or not be reached for the moment.
            Ok(Err(error)) if matches!(error.kind, Kind::Unavailable | Kind::NotFound) => {
                error.summary
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => "it did not answer when it was looked at last".to_owned(),
        };
        if Moment::now() >= deadline {
            return Ok(Some(missing));
        }
        sleep_until(deadline.min(Moment::now() + pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn failed(why: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("it failed: {why}"),
        "Look at it where it runs.",
    )
}

impl Occasion {
    /// The same as it was when it was asked for before.
    fn of(&self, asked: &Asked) -> Self {
        Self {
            requested_at: asked.at,
            id: asked.id.clone(),
            ..self.clone()
        }
    }
}

/// A request that was perhaps made is made again by the next apply, which is harmless.
fn settled(error: Error) -> Error {
    match error.kind {
        Kind::Uncertain => Error {
            kind: Kind::Unavailable,
            ..error
        },
        _ => error,
    }
}

fn interrupted() -> Error {
    Error::new(
        Kind::Interrupted,
        "the deployment was not waited for, because a person asked to stop",
        "It goes on where it runs. The next apply looks how far it is.",
    )
}
