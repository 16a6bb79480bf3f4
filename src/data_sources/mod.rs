//! Data sources: what a configuration can ask for. One file each.

pub mod incident;
pub mod inventory;
pub mod leaks;
