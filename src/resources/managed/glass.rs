//! An emergency that does not wait for its ledger.

use std::sync::Arc;

use crate::context::Context;
use crate::domain::planner::Decision;
use crate::error::{Error, Kind, Path};
use crate::ledger::break_glass::BreakGlass;
use crate::resources::managed::emergencies;
use crate::resources::managed::model::{ManagedState, Private};

/// The context of one apply that goes on without its ledger where that cannot be reached.
pub struct Glass {
    context: Context,
    ledger: Arc<BreakGlass>,
}

impl Glass {
    /// `None` where no open emergency asks for it.
    pub fn of(
        prior: &ManagedState,
        planned: &ManagedState,
        private: &Private,
        context: &Context,
    ) -> Option<Self> {
        let managed = prior.managed(private).ok()?;
        emergencies::breaks_glass(planned, &managed, private).then(|| {
            let ledger = Arc::new(BreakGlass::new(Arc::clone(&context.ledger)));
            Self {
                context: context.with_another_ledger(ledger.clone()),
                ledger,
            }
        })
    }

    /// The context to work in.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// What is said if the ledger could not be reached.
    pub fn broken(&self) -> Option<Error> {
        let why = self.ledger.broken()?;
        Some(Error::new(
            Kind::Unavailable,
            "THE GLASS WAS BROKEN: this emergency was handled without its ledger",
            format!(
                "{}: {} Nothing kept another apply from working on the same account at the same time, and the ledger has \
                 not heard of what was done. The next refresh that reaches it makes up for that. Until then look at the \
                 issuer for a key that nobody knows of, if this apply did not come to its end.",
                why.summary, why.detail
            ),
        ))
    }
}

/// A refusal because of the ledger tells how an emergency goes on without it.
pub fn with_the_glass(error: Error, decision: &Decision) -> Error {
    match decision.is_emergency && error.kind == Kind::Unavailable {
        true => Error {
            detail: format!(
                "{} This is an emergency, and nothing was done about it. To go on without the ledger, set break_glass = \
                 true in the block emergency.",
                error.detail
            ),
            ..error
        }
        .at(Path::root("emergency")),
        false => error,
    }
}
