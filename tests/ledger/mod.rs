//! The ledger: one contract for every sort of it, and what only a database can show.

mod contract;
mod samples;
