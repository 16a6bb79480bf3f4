//! A new key whose deliveries all await the approval of a person: it is neither delivered nor lost.

use crate::domain::situation::Seen;
use crate::domain::steps::Content;
use crate::engine::managed::DeliveryRecord;
use crate::engine::run::Run;
use crate::error::{Error, Kind};

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

    pub(super) fn wait_as_staged(&mut self, cause: Error) -> Error {
        let minted = self.minted.as_ref().map(|key| key.label().to_owned());
        self.stage();
        let detail = format!(
            "{} New key {} is staged meanwhile, and takes the place of the primary once that was approved.",
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
