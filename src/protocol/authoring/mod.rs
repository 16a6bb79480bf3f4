//! What authors implement beside the traits of `tf_provider`, for the parts of the protocol that are newer than
//! that crate.
//!
//! They follow its manner. Values are associated types that serde reads and writes; a method reports through
//! `diags` and gives `None` when it failed (with `None` and no error, an error is made up). Every trait stands
//! beside its form without associated types, in which the registry holds it.

pub mod action;
pub mod ephemeral;
pub mod identity;
pub mod list;
pub mod moves;

pub use action::{Action, Progress};
pub use ephemeral::{EphemeralResource, Opened, Renewed};
pub use identity::{Identity, IdentityAttribute, IdentitySchema};
pub use list::{Item, ListResource, Listing};
pub use moves::{MoveState, Origin, Source};
