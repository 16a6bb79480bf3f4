//! The ledger: one contract for every sort of it, and what only a database can show.

mod anomalies;
mod contract;
mod emergencies;
mod faults;
mod holding;
mod leaks;
mod lookups;
mod outbox;
mod questions;
mod rights;
pub mod samples;
mod schema;
mod servers;
mod source;
pub mod sql;
mod trail;
