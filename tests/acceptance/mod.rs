//! The real binary under the real CLI: keys of the issuer `generated` in the store `file`, at virtual instants.

mod clock;
mod deliveries;
mod edits;
mod ephemeral;
mod existing;
mod failures;
mod functions;
mod lifecycle;
mod memory;
mod moves;
mod refresh_only;
mod replacement;
pub mod secrecy;
mod verification;
