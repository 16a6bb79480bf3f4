//! Ephemeral resources: read in a run, never stored. One file each.

pub mod secret;
