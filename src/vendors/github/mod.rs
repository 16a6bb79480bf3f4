//! GitHub: the provider block `github` and one client for everything there.
//!
//! `settings` is the block, `app` gets tokens for an installation of an app, `client` makes calls, and `refusal` understands
//! what is refused. `alerts` are those of secret scanning, `names` what things are called.

pub mod alerts;
mod app;
mod client;
pub mod names;
mod refusal;
mod settings;

use std::sync::Arc;

use crate::context::Context;
use crate::error::Result;

pub use client::Client;
pub use settings::attributes;

use settings::Config;

/// The name of the provider block.
pub const NAME: &str = "github";

/// The client that everything of this provider at GitHub shares.
pub fn client(context: &Context) -> Result<Arc<Client>> {
    let http = context.http();
    context.shared(|| {
        let awaited = context.needs(NAME).err();
        let config = Config::read(context.vendor(NAME).as_ref(), awaited)?;
        Ok(Client::new(config, http))
    })
}
