//! HashiCorp Vault and OpenBao: the provider block `vault` and one client for all issuers and stores there.
//!
//! `schema` and `settings` are the block; what it leaves out comes from where the command lines `vault` and `bao` look.
//! `trust` reads certificates, `token` finds the token or logs in with a `method`, `client` and `side` make calls, `cluster`
//! knows which server it is, `refusal` understands what it says, and `names` are the paths of everything. What the calls are
//! for is not known here.

mod client;
mod cluster;
mod method;
mod names;
mod refusal;
mod schema;
mod settings;
mod side;
mod token;
mod trust;

use std::sync::Arc;

use crate::context::Context;
use crate::error::Result;
use crate::vendors::aws;

pub use client::{Looked, VaultClient, call};
pub use names::{mount, namespace, namespace_attribute, path};
pub use schema::attributes;
pub use settings::Config;
pub use side::Remains;

/// The client that everything of Vault in this provider shares.
pub fn client(context: &Context) -> Result<Arc<VaultClient>> {
    let config = Config::read(context.vendor("vault").as_ref())?;
    // Found before, for whoever builds one thing that is shared may not ask for another.
    let aws = match config.logs_in_with_aws() {
        true => Some(aws::client(context)?),
        false => None,
    };
    let http = context.http();
    context.shared(|| Ok(VaultClient::new(config, http, aws)))
}
