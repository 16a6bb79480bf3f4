//! What the client said about itself in the call that is being answered. It is there for the task that answers,
//! not for tasks that it starts.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::de::DeserializeOwned;

use super::normalise::holds_unknown;
use super::private;
use super::unpack::unpack;
use super::wire::tfplugin6::{ClientCapabilities, Deferred, DynamicValue, deferred};

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
    /// It takes "not now" for an answer to this call: see [`Call::defer`].
    pub deferral_allowed: bool,
    /// It keeps write-only attributes out of plans and states.
    pub write_only_attributes_allowed: bool,
    /// It brings what the first plan of a change decided along to the second: see [`Call::planned_private`].
    pub store_planned_private: bool,
    client_can_wait: bool,
    applies: bool,
    planned: Option<Arc<[u8]>>,
    deferred: Arc<AtomicBool>,
}

impl Call {
    pub(super) fn of(capabilities: Option<ClientCapabilities>) -> Self {
        let can = capabilities.unwrap_or_default();
        Self {
            client_can_wait: can.deferral_allowed,
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

    /// Of a provider that has been asked to apply something.
    pub(super) fn in_an_apply(self, applies: bool) -> Self {
        Self { applies, ..self }
    }

    /// With the configuration that is planned. Only for a value that is not known yet there is something to wait for: in
    /// the second plan of a change, during the apply, everything is known, and Terraform takes no deferral any more. (It
    /// says in every apply that it does, and in no plan unless it was asked to.)
    pub(super) fn may_wait_for(self, config: Option<&DynamicValue>) -> Self {
        let first = self.planned.is_none();
        let open = || config.is_some_and(|config| holds_unknown(&config.msgpack));
        Self {
            deferral_allowed: self.client_can_wait && first && open(),
            ..self
        }
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

    /// Whether this is a plan that Terraform makes again right before the apply, as far as anybody can tell: clients before
    /// Terraform 1.16 do not say so, and the first plans of an apply look like those of a plan. What such a plan would ask of
    /// others, the apply asks a moment later, under its lock.
    pub fn repeats_a_plan(&self) -> bool {
        self.applies || self.planned.is_some()
    }

    /// Asks the client to plan this again in a later run, once it is wholly known. False if that is no answer here: then
    /// plan what can be planned, or report an error.
    pub fn defer(&self) -> bool {
        if self.deferral_allowed {
            self.deferred.store(true, Ordering::Relaxed);
        }
        self.deferral_allowed
    }

    pub(super) fn deferred(&self) -> Option<Deferred> {
        let reason = deferred::Reason::ResourceConfigUnknown.into();
        let deferred = self.deferred.load(Ordering::Relaxed);
        deferred.then_some(Deferred { reason })
    }
}
