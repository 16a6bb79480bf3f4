//! Amazon Web Services: the provider block `aws` and one signed client for all issuers and stores there.
//!
//! `schema` and `settings` are the block, `chain`, `credentials` and `role` find what it leaves out, `caller` is asked for,
//! `endpoint` knows the hosts, `client` and `wire` sign, `refusal` and `error_body` understand errors.
//! What the calls are for is not known here.

mod caller;
mod chain;
mod client;
mod credentials;
mod endpoint;
mod error_body;
mod refusal;
mod role;
mod schema;
mod session;
mod settings;
mod wire;

use std::sync::Arc;

use crate::context::Context;
use crate::error::Result;

pub use caller::Caller;
pub use client::{AwsClient, Json, Query};
pub use endpoint::Service;
pub use schema::{attributes, role_attributes};
pub use session::{Access, Session, access_attributes};
pub use settings::{Config, Role, region, roles};

/// The client that every AWS resource of this provider shares.
pub fn client(context: &Context) -> Result<Arc<AwsClient>> {
    let http = context.http();
    context.shared(|| {
        let config = Config::read(context.vendor("aws").as_ref())?;
        Ok(AwsClient::new(config, http))
    })
}

/// Who that client runs as.
pub fn caller(context: &Context) -> Result<Arc<Caller>> {
    let client = client(context)?;
    context.shared(|| Ok(Caller::new(client)))
}
