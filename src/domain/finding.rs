//! What a rule finds: how grave it is, why, and the move that follows. Status, reason and warnings are made from it.

use strum::{EnumString, IntoStaticStr, VariantNames};

use crate::domain::moves::Move;
use crate::instant::Instant;

/// How a managed key is doing, mildest first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// Nothing to do.
    Ok,
    /// Rotation comes up within `notice_period`.
    Notice,
    /// A step is due: the next apply takes it, or the reason says what it waits for.
    Due,
    /// Something is unfinished: a delivery, or a revocation that failed.
    Pending,
    /// The next step cannot be taken; the reason says why.
    Blocked,
    /// Rotation is past due by `alert_after`.
    Overdue,
    /// Somebody declared an emergency, and a compromised key still works.
    Compromised,
}

impl Status {
    /// The word in the state.
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub severity: Status,
    /// What was found: a clause that begins in lower case and has no full stop.
    pub reason: String,
    /// The move that follows; `None` if nothing can be done about it now.
    pub next: Option<Move>,
    /// The date of the rotation that it is about.
    pub due_at: Option<Instant>,
}

impl Finding {
    /// Something that was found, with nothing to be done about it.
    pub fn new(severity: Status, reason: impl Into<String>) -> Self {
        Self {
            severity,
            reason: reason.into(),
            next: None,
            due_at: None,
        }
    }

    /// The same with the move that follows, if one does.
    pub fn then(self, next: impl Into<Option<Move>>) -> Self {
        Self {
            next: next.into(),
            ..self
        }
    }
}
