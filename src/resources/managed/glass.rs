//! An emergency whose ledger fails.

use std::sync::Arc;

use crate::context::Context;
use crate::domain::planner::Decision;
use crate::error::{Error, Kind, Path};
use crate::ledger::break_glass::{BreakGlass, OutOfReach};
use crate::resources::managed::emergencies;
use crate::resources::managed::model::{ManagedState, Private};

/// The context of one apply of an emergency. It goes on without its ledger where a person insists on that.
pub struct Glass {
    context: Context,
    ledger: Arc<BreakGlass>,
    block: Path,
}

impl Glass {
    /// `None` where no emergency is handled.
    pub fn of(
        prior: &ManagedState,
        planned: &ManagedState,
        private: &Private,
        decision: &Decision,
        context: &Context,
    ) -> Option<Self> {
        let managed = prior.managed(private).ok()?;
        let open = emergencies::open(&managed, private);
        let open = open.filter(|_| decision.is_emergency)?;
        let insists = emergencies::breaks_glass(planned, &open);
        // There is always one, for it is made of nothing.
        let for_all = context.shared(|| Ok(OutOfReach::default())).ok()?;
        let ledger = BreakGlass::new(Arc::clone(&context.ledger), insists, for_all);
        let ledger = Arc::new(ledger);
        Some(Self {
            context: context.clone().with_ledger(ledger.clone()),
            ledger,
            block: emergencies::path(planned),
        })
    }

    /// The context to work in.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// What is said if it went on without the ledger.
    pub fn was_broken(&self) -> Option<Error> {
        let why = self.ledger.failure().filter(|_| self.ledger.insists())?;
        Some(Error::new(
            Kind::Unavailable,
            "THE GLASS WAS BROKEN: this apply went on without its ledger",
            format!(
                "{}: {} Nothing kept another apply from working on the same account at the same time, and the ledger has \
                 not heard of what was done. The next refresh that reaches it makes up for that. Until then look at the \
                 issuer for a key that nobody knows of, if this apply did not come to its end.",
                why.summary, why.detail
            ),
        ))
    }

    /// An error, and how the emergency goes on without the ledger if it was the ledger that failed.
    pub fn way_on(&self, error: Error) -> Error {
        match self.ledger.failure().filter(|_| !self.ledger.insists()) {
            None => error,
            Some(_) => Error {
                detail: format!(
                    "{} This is an emergency, and it is not over. To go on without the ledger, set break_glass = true in the \
                     block emergency.",
                    error.detail
                ),
                ..error
            }
            .at(self.block.clone()),
        }
    }
}
