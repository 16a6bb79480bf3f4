//! Google Cloud: the provider block `google` and one authenticated client for all issuers and stores there.
//!
//! `schema` and `settings` are the block. `sources` finds credentials where the block, the environment, gcloud and the machine
//! keep them; `credentials` reads their documents, `jwt` signs with the key of a service account, `federation` shows the token
//! of another identity provider, `metadata` asks the machine; `token` makes of all of them what is sent. `client` and `side`
//! make calls, `refusal` understands errors. What the calls are for is not known here.

mod client;
mod credentials;
mod federation;
mod jwt;
mod metadata;
mod refusal;
mod schema;
mod service;
mod settings;
mod side;
mod sources;
mod token;

use std::sync::Arc;

use crate::context::Context;
use crate::error::Result;

pub use client::GoogleClient;
pub use credentials::ServiceAccount;
pub use schema::attributes;
pub use service::Service;
pub use settings::is_project;

use settings::Config;

/// The client that every Google resource of this provider shares.
pub fn client(context: &Context) -> Result<Arc<GoogleClient>> {
    let http = context.http();
    context.shared(|| {
        let config = Config::read(context.vendor("google").as_ref())?;
        Ok(GoogleClient::new(config, http))
    })
}
