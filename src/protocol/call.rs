//! What the client said about itself in the call that is being answered. It is there for the task that answers,
//! not for tasks that it starts.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use serde::de::DeserializeOwned;

use super::private;
use super::unpack::unpack;
use super::wire::tfplugin6::{ClientCapabilities, Deferred, deferred};

tokio::task_local! {
    static CALL: Call;
}

/// The call that is being answered. Outside of one, a client that can do nothing.
pub fn call() -> Call {
    CALL.try_with(Clone::clone).unwrap_or_default()
}

/// What the client of a call can do.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// It takes "not now" for an answer: see [`Call::defer`].
    pub deferral_allowed: bool,
    /// It keeps write-only attributes out of plans and states.
    pub write_only_attributes_allowed: bool,
    /// It brings what the first plan of a change decided along to the second: see [`Call::planned_private`].
    pub store_planned_private: bool,
    planned: Option<Arc<[u8]>>,
    deferred: Arc<AtomicI32>,
}

/// Why something cannot be answered in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferral {
    /// Settings of the object are not known yet.
    ResourceConfigUnknown,
    /// Settings of the provider are not known yet.
    ProviderConfigUnknown,
    /// Something that it needs does not exist yet.
    AbsentPrerequisite,
}

impl Call {
    pub(super) fn of(capabilities: Option<ClientCapabilities>) -> Self {
        let can = capabilities.unwrap_or_default();
        Self {
            deferral_allowed: can.deferral_allowed,
            write_only_attributes_allowed: can.write_only_attributes_allowed,
            store_planned_private: can.store_planned_private,
            ..Self::default()
        }
    }

    /// With the planned private data of the first plan, if this is the second.
    pub(super) fn after_plan(self, planned_private: &[u8]) -> Self {
        let planned = (!planned_private.is_empty()).then(|| planned_private.into());
        Self { planned, ..self }
    }

    /// Answers `work` within this call.
    pub(super) async fn scope<T>(&self, work: impl Future<Output = T>) -> T {
        CALL.scope(self.clone(), work).await
    }

    /// In the second plan of a change, the private data that the first plan gave; the answer must be the same.
    /// `None` in a first plan, and from clients without [`store_planned_private`](Self::store_planned_private).
    pub fn planned_private<T: DeserializeOwned>(&self) -> Option<T> {
        let (planned, _) = private::split(self.planned.as_deref()?);
        unpack(planned).ok()
    }

    /// Asks the client to come back in a later run. False if it does not understand that; then report an error.
    pub fn defer(&self, reason: Deferral) -> bool {
        if self.deferral_allowed {
            let reason = deferred::Reason::from(reason);
            self.deferred.store(reason.into(), Ordering::Relaxed);
        }
        self.deferral_allowed
    }

    pub(super) fn deferred(&self) -> Option<Deferred> {
        let reason = self.deferred.load(Ordering::Relaxed);
        (reason != 0).then_some(Deferred { reason })
    }
}

impl From<Deferral> for deferred::Reason {
    fn from(reason: Deferral) -> Self {
        match reason {
            Deferral::ResourceConfigUnknown => Self::ResourceConfigUnknown,
            Deferral::ProviderConfigUnknown => Self::ProviderConfigUnknown,
            Deferral::AbsentPrerequisite => Self::AbsentPrereq,
        }
    }
}
