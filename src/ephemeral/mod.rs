//! Ephemeral resources: read in a run, never stored.

pub mod secret;
mod secret_schema;
