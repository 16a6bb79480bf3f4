//! A new key whose deliveries all await the approval of a person: it is neither delivered nor lost.

use crate::domain::announce::capitalised;
use crate::domain::situation::Seen;
use crate::domain::slots::Key;
use crate::domain::steps::Content;
use crate::engine::approvals;
use crate::engine::connections::{Delivery, in_delivery};
use crate::engine::managed::DeliveryRecord;
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};
use crate::stores::Document;

impl Run<'_> {
    /// A new key that takes no key's place yet: to take it back would leave a change for approval that delivers a dead key.
    pub(super) fn is_kept_for_approval(&self, content: Content) -> bool {
        let replaces_none = match content {
            Content::NewFirst => self.managed.slots.is_none(),
            Content::NewSecond => true,
            _ => false,
        };
        let mut records = self.managed.deliveries.values();
        replaces_none && records.any(DeliveryRecord::awaits_approval)
    }

    /// A key that was to replace another at once may become primary later: whoever approves what was written makes it lead,
    /// and the next plan follows. Until then the primary stays what it is.
    pub(super) fn can_wait_as_staged(&self) -> bool {
        let Some(slots) = &self.managed.slots else {
            return false;
        };
        let has_room = slots.secondary.is_none() || self.facts.secondary == Seen::Gone;
        let mut records = self.managed.deliveries.values();
        has_room && !self.progress.takes_back && records.any(DeliveryRecord::awaits_approval)
    }

    /// Nobody is asked twice for one change, unless it is there by now and only has to be noted.
    pub(super) async fn refuse_to_ask_again(
        &self,
        name: &str,
        delivery: &Delivery,
        document: &Document,
    ) -> Result<()> {
        let asked = document.asked();
        let is_there = match self.observed.get(name) {
            Some(Ok(seen)) => approvals::stands(&seen.found, &asked),
            _ => false,
        };
        // Where nobody may look, whoever asks again says that it was rejected.
        let record = self.managed.deliveries.get(name);
        let record = record.filter(|_| !self.asks_again());
        match !is_there && approvals::is_asked_for(delivery, record, &asked).await {
            true => {
                let place = delivery.store.place();
                in_delivery(name, Err(approvals::still_awaited(&place, record)))
            }
            false => Ok(()),
        }
    }

    /// A person has asked for a rotation in this very apply.
    fn asks_again(&self) -> bool {
        let slots = self.managed.slots.as_ref();
        slots.is_some_and(|slots| slots.requested_at == Some(self.clock.now()))
    }

    /// The keys that readers are to find beside another: not one that is compromised where each change of a document has to
    /// be approved, for that would take a second approval to be rid of it.
    pub(super) fn may_stand_beside(&self, key: &Key) -> bool {
        let mut deliveries = self.connections.deliveries.values();
        !self.is_compromised(key) || !deliveries.any(|it| it.store.capabilities().approval)
    }

    /// Why a retiring key that the documents are to lose stays: a required one loses it only once a person approves that.
    pub(super) fn keeps_the_retiring_key(&self) -> Option<Error> {
        let slots = self.managed.slots.as_ref()?;
        let retiring = slots.retiring().filter(|_| !self.hold_has_ended())?;
        let mut required = self
            .connections
            .deliveries
            .iter()
            .filter(|(_, delivery)| delivery.required);
        let awaited = required.find_map(|(name, _)| {
            let record = self.managed.deliveries.get(name)?;
            let keeps = record.awaits_approval() && self.stands_in(name, retiring);
            keeps.then(|| record.reason.clone().unwrap_or_default())
        });
        Some(Error::new(
            Kind::Awaiting,
            format!(
                "{}: retiring key {} is not revoked yet: the change that takes it out of the deliveries awaits approval",
                self.name,
                retiring.label()
            ),
            format!(
                "{}. Approve it, then apply again; it is not asked for twice. At the end of max_grace_period the key is \
                 revoked all the same.",
                capitalised(&awaited?)
            ),
        ))
    }

    pub(super) fn wait_as_staged(&mut self, cause: Error) -> Error {
        let minted = self.minted.as_ref().map(|key| key.label().to_owned());
        self.stage();
        let mut records = self.managed.deliveries.values();
        let earlier = match records.any(|record| record.asked.len() > 1) {
            true => {
                " Reject what was asked for before it: approved, that would deliver a key that is given up or compromised."
            }
            false => "",
        };
        let detail = format!(
            "{} New key {} is staged meanwhile, and takes the place of the primary once that was approved.{earlier}",
            cause.detail,
            minted.unwrap_or_default()
        );
        Error { detail, ..cause }
    }
}

/// What is said of a key that was taken back although somebody may still approve its delivery.
pub(super) fn to_be_rejected(undone: Error) -> Error {
    if undone.kind != Kind::Awaiting {
        return undone;
    }
    let detail = format!(
        "{} Reject the change that awaits approval, for it would deliver a dead key.",
        undone.detail
    );
    Error { detail, ..undone }
}
