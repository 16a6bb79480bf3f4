//! A Terraform and OpenTofu provider that owns the whole life of an API key: mint, deliver, verify, rotate, revoke.
//!
//! # Layout
//!
//! ```text
//!  Terraform ── protocol ── resources ──┬── domain     what is due, and in which steps: pure
//!               the wire    values and  │
//!                           diagnostics └── engine ──┬── issuers ──┐
//!                                           effects  └── stores ───┴── vendors
//! ```
//!
//! * [`protocol`] serves plugin protocol 6 and knows nothing of keys.
//! * [`provider`] is the table of contents: the provider block and everything that is served.
//! * [`resources`] turns Terraform's values into the domain's and back; [`data_sources`] can be asked, [`ephemeral`]
//!   reads without storing, [`actions`] do one thing on request, [`functions`] calculate.
//! * [`domain`] decides: policy, slots, rules, steps. No I/O, no clock, no Terraform types.
//! * [`ledger`] remembers what a state cannot: the journal of effects, the inventory, the audit trail, the locks.
//! * [`engine`] looks at the world and carries out the steps, in their order, whatever goes wrong.
//! * [`health`] is how every key is doing, out of the ledger alone; [`lint`] finds names that no attribute has, and [`scan`] keys where
//!   none should be; [`cli`] is what a person may ask for without Terraform, and [`telemetry`] hands metrics over.
//! * [`notify`] tells people what the ledger has in its outbox.
//! * [`issuers`] mint and revoke, [`stores`] hold what is delivered; one file and one line in a table for each.
//! * [`deployments`] makes consumers read what was delivered.
//! * [`http`] is the one API client; [`vendors`] is what the issuers and stores of one vendor add to it: credentials,
//!   signing, how it says no.
//! * [`context`] is what a resource may reach; [`clock`] alone asks for the time; [`secret`] alone holds secrets;
//!   whatever is printed goes through [`printable`].
//!
//! An apply flows through [`resources::managed::apply`] → [`engine::run`] → issuers and stores → state. A refresh
//! flows through [`resources::managed::read`] → [`engine::gather`] → state. A plan is pure:
//! [`resources::managed::plan`] → [`domain::planner`].

#![deny(missing_docs)]

pub mod actions;
pub mod cli;
pub mod clock;
pub mod context;
pub mod data_sources;
pub mod deployments;
pub mod domain;
pub mod duration;
pub mod engine;
pub mod ephemeral;
pub mod error;
pub mod functions;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
#[path = "../fuzz/targets/mod.rs"]
pub mod fuzz;
pub mod health;
pub mod http;
pub mod instant;
pub mod issuers;
pub mod ledger;
pub mod lint;
pub mod notify;
pub mod printable;
pub mod protocol;
pub mod provider;
pub mod resources;
pub mod scan;
pub mod schema;
pub mod secret;
pub mod settings;
pub mod stores;
pub mod telemetry;
pub mod vendors;
