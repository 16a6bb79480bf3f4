//! The whole life of keys on AWS: the real CLI, the real binary, and a server that checks signatures and policies.

/// The key in one account, the secret in another.
mod accounts;
/// The server, and what its administrator does there by hand.
pub mod cloud;
/// Administrators who are refused, and a server that is down.
mod credentials;
mod deployments;
/// A door before the server.
pub mod door;
/// What others do to keys and deliveries.
mod drift;
/// Keys that existed before, with their secret.
mod existing;
/// Settings of the provider that only the apply knows.
mod fed;
/// Secrets Manager refuses everything for months.
mod forbidden;
/// Rows that somebody wrote into the ledger.
mod forged;
/// A secret that a delivery has left, or that cannot be read.
mod former;
/// What the guide for AWS tells people to copy.
mod guide;
/// Keys that existed before.
mod import;
/// From create to revoke.
mod life;
/// Two keys a user, and permissions that are missing.
mod limits;
/// Keys in Parameter Store.
mod parameters;
/// One secret under several names.
mod places;
/// A state that is older than the world, and other states that are wrong.
mod restored;
/// Revocations that are refused, held or retained.
mod revocation;
/// Secrets that a server repeats.
mod secrecy;
/// What else a secret has and does: copies, keys of KMS, a rotation of its own, a recovery window.
mod secrets;
/// Clocks, and what takes time.
mod time;
/// Keys that reached no store.
mod undo;
/// One managed key and everything around it.
pub mod world;

pub use cloud::{Cloud, EVERYTHING, HandMade};
