//! Deliveries: what is written where, and what follows if a store fails.

use crate::domain::slots::{Key, Slots};
use crate::domain::steps::Content;
use crate::engine::connections::{Delivery, stale};
use crate::engine::deliver;
use crate::engine::journal::Deed;
use crate::engine::managed::DeliveryRecord;
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};
use crate::ledger::{Effect, KeyMark};
use crate::stores::Document;

impl Run<'_> {
    pub(super) async fn deliver(&mut self, content: Content) -> Result<()> {
        if self.connections.deliveries.is_empty() {
            return self.settle(content, 0, Vec::new()).await;
        }
        let Some(document) = self.document(content) else {
            if content == Content::Current {
                // Nothing to copy: an imported key has no secret yet, and taking deliveries away needs none.
                self.note_unfilled();
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
        let (connections, journal, acting) = (self.connections, self.journal, self.acting);
        for (name, delivery) in &connections.deliveries {
            if content == Content::NewFirst {
                self.progress.led.insert(name.clone());
            }
            let deed = Deed {
                key: Some(KeyMark::new(
                    document.primary.key_id.clone(),
                    Some(&document.primary.secret.fingerprint()),
                )),
                place: Some(delivery.place(name)),
                ..Deed::default()
            };
            let (run, document) = (&mut *self, &document);
            let written = journal.effect(
                Effect::Deliver,
                acting,
                deed,
                move |_| run.write(name, delivery, document),
                |_| None,
            );
            let written = written.await;
            let former = self.managed.deliveries.get(name);
            let record = deliver::record(&written, former, document, self.clock.now());
            self.managed.deliveries.insert(name.clone(), record);
            failures.extend(written.err());
        }
        let written = self.connections.deliveries.len() - failures.len();
        self.settle(content, written, failures).await
    }

    /// A delivery that was to be filled and is not is a failed one, until a copy can be read again.
    fn note_unfilled(&mut self) {
        for name in self.connections.deliveries.keys() {
            if self.managed.deliveries.contains_key(name) {
                continue;
            }
            self.managed
                .deliveries
                .insert(name.clone(), DeliveryRecord::default());
            self.warnings.push(Error::new(
                Kind::Unavailable,
                format!("delivery {name:?} was not filled"),
                "No copy of the secret could be read to fill it with. The next apply tries again.",
            ));
        }
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
            slots.stage(key);
        }
    }

    pub(super) fn document(&self, content: Content) -> Option<Document> {
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

    pub(super) async fn withdraw(&mut self) -> Result<()> {
        let Some(slots) = &self.managed.slots else {
            return Ok(());
        };
        let ours: Vec<&Key> = [Some(&slots.primary), slots.secondary_key()]
            .into_iter()
            .flatten()
            .collect();
        for (name, delivery) in self.former {
            if !self.is_still_written(delivery)
                && let Err(error) = self
                    .journal
                    .effect(
                        Effect::Withdraw,
                        self.acting,
                        Deed::at(delivery.place(name)),
                        |_| deliver::withdraw(name, delivery, &ours),
                        |()| None,
                    )
                    .await
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
