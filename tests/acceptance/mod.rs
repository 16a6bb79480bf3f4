//! The real binary under the real CLI: keys of the issuer `generated` in the store `file`, at virtual instants.

mod abandoned;
mod clock;
mod deliveries;
mod documents;
mod edits;
mod ephemeral;
mod existing;
mod failures;
mod functions;
mod lifecycle;
mod memory;
pub mod mocks;
mod moves;
mod nulls;
mod refresh_only;
mod removals;
mod replacement;
mod required;
mod restored;
pub mod secrecy;
mod verification;
