//! Carries out moves, effect by effect, and says what is true afterwards, whatever went wrong.
//!
//! The order of the effects is not decided here: it is the table in [`crate::domain::steps`].

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::policy::Policy;
use crate::domain::rules::Move;
use crate::domain::situation::{Copy, Facts, Seen};
use crate::domain::slots::{Key, Role, Secondary, Slots};
use crate::domain::steps::{Content, Step, Subject, steps};
use crate::engine::connections::{Connections, Delivery, stale};
use crate::engine::deliver;
use crate::engine::gather::{retiring_in_use, seen, standings};
use crate::engine::managed::{DeliveryState, Managed};
use crate::engine::vault::Vault;
use crate::error::{Error, Kind, Path, Result};
use crate::issuers::{Minted, Probe};
use crate::secret::Secret;
use crate::stores::Document;

/// One apply of one managed key.
pub struct Run<'a> {
    /// The name of the resource, for messages.
    pub name: &'a str,
    /// The issuer and the deliveries that are wanted.
    pub connections: &'a Connections,
    /// Deliveries that ended or moved: copied from if need be, then withdrawn.
    pub former: &'a BTreeMap<String, Delivery>,
    /// The policy in force.
    pub policy: &'a Policy,
    /// Where "now" comes from.
    pub clock: Clock,
    /// Ends waits early.
    pub stop: &'a CancellationToken,
    /// What exists; the effects change it as they happen.
    pub managed: Managed,
    /// The secrets that are known.
    pub vault: Vault,
    /// What the plan knew of the world.
    pub facts: &'a Facts,
    /// What a person should know although the apply went on.
    pub warnings: Vec<Error>,
    /// The key that was minted in this apply and is in no slot yet.
    pub minted: Option<Key>,
    /// The secret of a key that exists already, to be taken over instead of a new one minted.
    pub brought: Option<Secret>,
}

impl Run<'_> {
    /// Takes the moves in order and stops at the first that fails. `self.managed` is true either way.
    pub async fn take(&mut self, moves: &[Move]) -> Result<()> {
        for next in moves {
            for step in steps(*next) {
                tracing::debug!(key = %self.name, step = ?step, "step");
                self.step(*step).await?;
            }
        }
        Ok(())
    }

    /// How often a key was promoted; `None` before the first.
    pub fn generation(&self) -> Option<u64> {
        self.managed.slots.as_ref().map(|slots| slots.generation)
    }

    /// The old primary is gone at the issuer, so it is not kept as a retiring key.
    fn primary_is_dead(&self) -> bool {
        self.facts.primary == Seen::Gone
    }

    async fn step(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Check => self.check().await,
            Step::Fetch => self.fetch().await,
            Step::Mint => self.mint().await,
            Step::Deliver(content) => self.deliver(content).await,
            Step::Withdraw => self.withdraw().await,
            Step::Verify(subject) => self.verify(subject).await,
            Step::SwapIn => self.swap_in(),
            Step::RevokeSecondary => self.revoke_secondary().await,
            Step::RevokePending => self.revoke_pending().await,
        }
    }

    /// No copy of the primary secret is left, and the plan knew.
    fn primary_is_lost(&self) -> bool {
        self.facts.primary_copy == Copy::Lost
    }

    async fn check_deliveries(&self) -> Result<()> {
        for (name, delivery) in &self.connections.deliveries {
            crate::engine::connections::in_delivery(name, delivery.store.check().await)?;
        }
        Ok(())
    }

    async fn check(&mut self) -> Result<()> {
        self.check_deliveries().await?;
        let checked = self
            .connections
            .issuer
            .check(&self.managed.owned_ids())
            .await;
        checked.map_err(|error| Error {
            path: Path::root("issuer"),
            ..error
        })
    }

    /// Every secret that the next document needs must be at hand before anything is minted.
    async fn fetch(&mut self) -> Result<()> {
        let Some(slots) = &self.managed.slots else {
            return Ok(());
        };
        self.vault.fetch(slots, &self.connections.deliveries).await;
        self.vault.fetch(slots, self.former).await;
        let expected = slots.primary.fingerprint.is_some()
            && !self.primary_is_dead()
            && self.facts.primary_copy == Copy::Available;
        if expected && self.vault.secret_of(&slots.primary).is_none() {
            let key = slots.primary.label();
            return Err(stale(format!(
                "{}: no delivery holds the secret of primary key {key} any more",
                self.name
            )));
        }
        Ok(())
    }

    async fn mint(&mut self) -> Result<()> {
        if self.stop.is_cancelled() {
            return Err(Error::new(
                Kind::Other,
                format!("{}: interrupted before a key was minted", self.name),
                "Nothing was minted. Run apply again when you are ready.",
            ));
        }
        let minted = match &self.brought {
            Some(secret) => Minted {
                key_id: None,
                secret: secret.duplicate(),
            },
            None => self.connections.issuer.mint().await?,
        };
        let key = Key {
            key_id: minted.key_id,
            fingerprint: Some(minted.secret.fingerprint()),
            created_at: self.clock.now(),
            delivered_at: None,
            verified_at: None,
            promoted_at: None,
            retired_at: None,
        };
        tracing::info!(key = %self.name, minted = %key.label(), "minted");
        self.vault.keep(minted.secret);
        self.minted = Some(key);
        Ok(())
    }

    async fn deliver(&mut self, content: Content) -> Result<()> {
        if self.connections.deliveries.is_empty() {
            return self.settle(content, 0, Vec::new()).await;
        }
        let Some(document) = self.document(content) else {
            if content == Content::Current {
                // Nothing to copy: an imported key has no secret yet, and taking deliveries away needs none.
                return Ok(());
            }
            if content == Content::PrimaryAlone && self.primary_is_lost() {
                // The plan knew. The key that replaces the primary in this apply takes the place of both, so the
                // places that it needs are looked at before anything is revoked.
                return self.check_deliveries().await;
            }
            // Whatever follows relies on this delivery, so nothing may follow.
            let cause = stale(format!(
                "{}: no delivery holds a secret that this step needs",
                self.name
            ));
            return Err(self.undo(cause).await);
        };
        let mut failures = Vec::new();
        for (name, delivery) in &self.connections.deliveries {
            let former = self.managed.deliveries.get(name);
            let written = deliver::write(&self.managed.id, name, delivery, former, &document).await;
            let record = deliver::record(&written, former, &document, self.clock.now());
            self.managed.deliveries.insert(name.clone(), record);
            failures.extend(written.err());
        }
        let written = self.connections.deliveries.len() - failures.len();
        self.settle(content, written, failures).await
    }

    /// What follows from how many deliveries were written.
    async fn settle(
        &mut self,
        content: Content,
        written: usize,
        failures: Vec<Error>,
    ) -> Result<()> {
        let none_written = written == 0 && !failures.is_empty();
        let all_written = failures.is_empty();
        let now = self.clock.now();
        match content {
            Content::NewFirst | Content::NewSecond if none_written => {
                let cause = first(failures);
                return Err(self.undo(cause).await);
            }
            Content::Swapped | Content::Current if none_written => return Err(first(failures)),
            Content::PrimaryAlone if !all_written => return Err(first(failures)),
            Content::Swapped if !all_written && !self.staged_is_everywhere() => {
                return Err(first(failures));
            }
            _ => self.warnings.extend(failures),
        }
        let delivered_at = all_written.then_some(now);
        if let Some(minted) = &mut self.minted {
            minted.delivered_at = delivered_at;
        }
        if let Some(slots) = &mut self.managed.slots
            && content == Content::Current
        {
            slots.primary.delivered_at = slots.primary.delivered_at.or(delivered_at);
            if let Some(secondary) = &mut slots.secondary {
                let written = self.vault.secret_of(&secondary.key).is_some();
                secondary.key.delivered_at = delivered_at.filter(|_| written);
            }
        }
        if content == Content::NewSecond {
            self.stage();
        }
        Ok(())
    }

    /// Every store has had the staged key since it was staged, so a failed swap leaves no store without it.
    fn staged_is_everywhere(&self) -> bool {
        let slots = self.managed.slots.as_ref();
        slots
            .and_then(Slots::staged)
            .is_some_and(|staged| staged.delivered_at.is_some())
    }

    fn stage(&mut self) {
        if let (Some(slots), Some(key)) = (&mut self.managed.slots, self.minted.take()) {
            slots.secondary = Some(Secondary {
                role: Role::Staged,
                key,
            });
        }
    }

    fn document(&self, content: Content) -> Option<Document> {
        let slots = self.managed.slots.as_ref();
        let now = self.clock.now();
        let (generation, rotated_at) = match (slots, content) {
            (None, _) => (1, now),
            (Some(slots), Content::NewFirst | Content::Swapped) => (slots.generation + 1, now),
            (Some(slots), _) => (slots.generation, slots.last_rotated_at()),
        };
        let primary = slots.map(|slots| &slots.primary);
        let secondary = slots.and_then(Slots::secondary_key);
        let (first, second) = match content {
            Content::Current => (primary?, secondary),
            Content::PrimaryAlone => (primary?, None),
            Content::NewSecond => (primary?, self.minted.as_ref()),
            Content::Swapped => (secondary?, primary.filter(|_| !self.primary_is_dead())),
            Content::NewFirst => (
                self.minted.as_ref()?,
                if self.primary_is_dead() {
                    secondary
                } else {
                    primary
                },
            ),
        };
        deliver::document(&self.vault, first, second, generation, rotated_at)
    }

    /// A key that reached no store, or does not work, is taken back: afterwards nothing has changed.
    /// Where keys existed before, the documents stay: they also hold a key that may still be in use.
    async fn undo(&mut self, cause: Error) -> Error {
        let Some(key) = self.minted.take() else {
            return cause;
        };
        if self.managed.slots.is_none() {
            for (name, delivery) in &self.connections.deliveries {
                if let Err(error) = deliver::withdraw(name, delivery, &[&key]).await {
                    self.warnings.push(error);
                }
            }
        }
        let label = key.label().to_owned();
        if self.brought.is_some() {
            let detail = format!("{} Existing key {label} is left as it was.", cause.detail);
            return Error { detail, ..cause };
        }
        let undone = match self.connections.issuer.revoke(key.key_id.as_deref()).await {
            Ok(()) => format!("New key {label} was revoked again; nothing else has changed."),
            Err(error) => {
                self.managed.pending_revocations.extend(key.key_id);
                format!(
                    "New key {label} could not be revoked ({}); it is kept in pending_revocations \
                     and the next apply tries again.",
                    error.summary
                )
            }
        };
        Error {
            detail: format!("{} {undone}", cause.detail),
            ..cause
        }
    }

    async fn withdraw(&mut self) -> Result<()> {
        let Some(slots) = &self.managed.slots else {
            return Ok(());
        };
        let ours: Vec<&Key> = [Some(&slots.primary), slots.secondary_key()]
            .into_iter()
            .flatten()
            .collect();
        for (name, delivery) in self.former {
            if !self.is_still_written(delivery)
                && let Err(error) = deliver::withdraw(name, delivery, &ours).await
            {
                self.warnings.push(error);
                continue;
            }
            if !self.connections.deliveries.contains_key(name) {
                self.managed.deliveries.remove(name);
            }
        }
        Ok(())
    }

    /// A delivery that got another name, layout or mark still writes to its place.
    fn is_still_written(&self, former: &Delivery) -> bool {
        let place = former.store.place();
        let mut wanted = self.connections.deliveries.values();
        wanted.any(|delivery| delivery.store.place() == place)
    }

    async fn verify(&mut self, subject: Subject) -> Result<()> {
        if !self.connections.must_verify() {
            return Ok(());
        }
        let slots = self.managed.slots.as_ref();
        let key = match subject {
            Subject::New => self.minted.clone(),
            Subject::NewlyStaged | Subject::Staged => slots.and_then(|s| s.staged().cloned()),
        };
        let Some(key) = key else { return Ok(()) };
        let Some(secret) = self.vault.secret_of(&key) else {
            return Err(stale(format!(
                "{}: no delivery holds the secret of staged key {} any more",
                self.name,
                key.label()
            )));
        };
        match self.connections.prove(&key, secret, self.stop).await {
            Ok(()) => {
                self.mark_verified(subject, Some(self.clock.now()));
                Ok(())
            }
            Err(error) => {
                self.mark_verified(subject, None);
                self.refused(subject, &key, error).await
            }
        }
    }

    fn mark_verified(&mut self, subject: Subject, at: Option<crate::instant::Instant>) {
        let slots = self.managed.slots.as_mut();
        let key = match subject {
            Subject::New => self.minted.as_mut(),
            _ => slots.and_then(|s| s.secondary.as_mut()).map(|s| &mut s.key),
        };
        if let Some(key) = key {
            key.verified_at = at;
        }
    }

    async fn refused(&mut self, subject: Subject, key: &Key, error: Error) -> Result<()> {
        let label = key.label();
        let summary = format!("{}: key {label} failed its verification", self.name);
        match subject {
            Subject::New => {
                let cause = Error::new(error.kind, summary, error.to_string());
                Err(self.undo(cause).await)
            }
            Subject::Staged => Err(Error::new(
                error.kind,
                summary,
                format!(
                    "{error}. It stays staged and is not promoted; the old primary stays in use. The next \
                     apply tries again."
                ),
            )),
            Subject::NewlyStaged => {
                let detail = format!(
                    "{error}. It stays staged and will not be promoted before it passes; the primary \
                     stays in use."
                );
                self.warnings.push(Error::new(error.kind, summary, detail));
                Ok(())
            }
        }
    }

    fn swap_in(&mut self) -> Result<()> {
        let now = self.clock.now();
        let old_lives = !self.primary_is_dead();
        match (&mut self.managed.slots, self.minted.take()) {
            (None, Some(mut key)) => {
                key.promoted_at = Some(now);
                self.managed.slots = Some(Slots::first(key));
            }
            (Some(slots), Some(key)) => slots.swap_in(key, now, old_lives),
            (Some(slots), None) => slots.promote_staged(now, old_lives),
            (None, None) => {}
        }
        if let Some(slots) = &self.managed.slots {
            tracing::info!(key = %self.name, primary = %slots.primary.label(), "promoted");
        }
        Ok(())
    }

    /// Its successor is in every store by now, or it was never in use itself. A failure leaves the key on the
    /// list of revocations to retry.
    async fn revoke_secondary(&mut self) -> Result<()> {
        let delivered = self
            .managed
            .deliveries
            .values()
            .all(|record| record.state == DeliveryState::Delivered);
        let in_order = delivered || self.primary_is_lost();
        let Some(slots) = &mut self.managed.slots else {
            return Ok(());
        };
        if slots.retiring().is_some() && !in_order {
            return Err(stale(format!("{}: a delivery is not in order", self.name)));
        }
        let Some(secondary) = slots.secondary.take() else {
            return Ok(());
        };
        let key = secondary.key;
        match self.connections.issuer.revoke(key.key_id.as_deref()).await {
            Ok(()) => {
                tracing::info!(key = %self.name, revoked = %key.label(), "revoked");
                self.prove_dead(&key).await;
            }
            Err(error) => {
                self.warn_pending(key.label().to_owned(), error);
                self.managed.pending_revocations.extend(key.key_id);
            }
        }
        Ok(())
    }

    async fn revoke_pending(&mut self) -> Result<()> {
        for id in std::mem::take(&mut self.managed.pending_revocations) {
            if let Err(error) = self.connections.issuer.revoke(Some(&id)).await {
                self.warn_pending(id.clone(), error);
                self.managed.pending_revocations.push(id);
            }
        }
        Ok(())
    }

    fn warn_pending(&mut self, label: String, error: Error) {
        self.warnings.push(Error {
            summary: format!("{}: key {label} could not be revoked", self.name),
            detail: format!(
                "{error} The key is kept in pending_revocations and the next apply tries again."
            ),
            ..error
        });
    }

    /// "Deleted" is the issuer's word; whether the key still opens the door is a fact.
    async fn prove_dead(&mut self, key: &Key) {
        if !self.connections.abilities.probe {
            return;
        }
        let Some(secret) = self.vault.secret_of(key) else {
            return;
        };
        let issuer = &self.connections.issuer;
        if let Ok(Probe::Accepted) = issuer.probe(key.key_id.as_deref(), secret).await {
            self.warnings.push(Error::new(
                Kind::Other,
                format!("{}: revoked key {} is still accepted", self.name, key.label()),
                "The issuer reports it as deleted, but still accepted it right after. This is normal for some \
                 seconds; check again if it matters.",
            ));
        }
    }
}

/// Compares what the plan relied on with what the issuer says now.
pub async fn check_not_stale(run: &Run<'_>, moves: &[Move]) -> Result<()> {
    let Some(slots) = &run.managed.slots else {
        return Ok(());
    };
    let name = run.name;
    let (primary, secondary) = standings(slots, run.connections).await?;
    if seen(primary) != run.facts.primary {
        let (key, now) = (slots.primary.label(), turned_out(&seen(primary)));
        return Err(stale(format!("{name}: primary key {key} {now}")));
    }
    let secondary = seen(secondary.flatten());
    if let Some(staged) = slots.staged().filter(|_| secondary != run.facts.secondary) {
        let (key, now) = (staged.label(), turned_out(&secondary));
        return Err(stale(format!("{name}: staged key {key} {now}")));
    }
    if moves.contains(&Move::Revoke) && secondary != Seen::Gone {
        let now = run.clock.now();
        let ended = slots.hold_ends_at(run.policy).is_some_and(|at| now >= at);
        let in_use = retiring_in_use(slots, run.connections, Some(run.policy), now);
        if !ended && in_use.await? {
            let key = slots.retiring().map_or("", Key::label);
            return Err(stale(format!("{name}: retiring key {key} is in use again")));
        }
    }
    Ok(())
}

fn turned_out(now: &Seen) -> &'static str {
    match now {
        Seen::Gone => "is gone",
        Seen::Inactive => "was switched off",
        Seen::Present => "works again",
    }
}

/// Several deliveries may fail for one reason; the first stands for all.
fn first(failures: Vec<Error>) -> Error {
    let count = failures.len();
    let mut failures = failures.into_iter();
    let fallback = || Error::new(Kind::Other, "No delivery was written", "Try again.");
    let mut error = failures.next().unwrap_or_else(fallback);
    for other in failures.take(count) {
        error.detail = format!("{} Also: {other}", error.detail);
    }
    error
}
