//! The ledger: the provider's own memory, beside Terraform's state and across every workspace.
//!
//! It remembers what was about to be done (the journal), which keys there are (the inventory), what happened (the
//! audit trail) and who works on an account (the locks). It never holds a secret. The state stays the truth for live
//! keys: the ledger explains what a state cannot know, such as a key that was minted by an apply that was killed.

pub mod break_glass;
pub mod config;
pub mod disabled;
pub mod guard;
pub mod hold;
pub mod inventory;
pub mod journal;
pub mod leaks;
pub mod locks;
pub mod memory;
pub mod news;
pub mod outbox;
pub mod pipeline;
pub mod sql;
pub mod workspace;

pub use crate::domain::effects::{Effect, Fence, Intent, MOST_OPEN, Memory, Noted, Outcome};
pub use crate::domain::emergency::Sighted;
pub use crate::domain::keys::{Holding, KeyMark, KeyRecord, ResourceRef, Slot, Status};
pub use inventory::Inventory;
pub use journal::Journal;
pub use locks::{Lease, Locks};
pub use outbox::Outbox;

/// A ledger that can be reached. [`Kind::Unavailable`](crate::error::Kind::Unavailable) means that it cannot be, and
/// that nothing was written; every other error names what is wrong with it.
pub trait Ledger: Journal + Inventory + Locks + Outbox {
    /// Where it lies, without a password. Names it in messages.
    fn place(&self) -> String;

    /// Whether it remembers anything at all.
    fn remembers(&self) -> bool {
        true
    }
}
