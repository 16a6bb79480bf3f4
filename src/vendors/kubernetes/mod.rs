//! Kubernetes: the provider block `kubernetes` and one client for all deliveries to its cluster.
//!
//! `schema` and `settings` are the block. What it leaves out comes from the environment; where the cluster is and who calls
//! is worked out by `access`, from the settings, a `kubeconfig` or the `pod` this runs in, and an `exec` plugin may hand out
//! the credentials. `reach` is the way there, `client` makes calls, and `refusal` understands what is refused.

mod access;
mod client;
mod exec;
mod kubeconfig;
mod pod;
mod reach;
mod refusal;
mod schema;
mod settings;

use std::sync::Arc;

use crate::context::Context;
use crate::error::Result;

pub use client::Client;
pub use schema::attributes;

use settings::Config;

/// The name of the provider block.
pub const NAME: &str = "kubernetes";

/// The client that everything of this provider in a cluster shares.
pub fn client(context: &Context) -> Result<Arc<Client>> {
    let http = context.http();
    context.shared(|| {
        let awaited = context.needs(NAME).err();
        let config = Config::read(context.vendor(NAME).as_ref(), awaited)?;
        Ok(Client::new(config, http))
    })
}
