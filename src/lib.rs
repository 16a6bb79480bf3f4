//! A Terraform and OpenTofu provider that owns the whole life of an API key.

#![deny(missing_docs)]

pub mod clock;
pub mod context;
pub mod docs;
pub mod domain;
pub mod duration;
pub mod engine;
pub mod error;
pub mod functions;
pub mod instant;
pub mod issuers;
pub mod protocol;
pub mod provider;
pub mod resources;
pub mod schema;
pub mod secret;
pub mod settings;
pub mod stores;
pub mod vendors;
