//! Amazon Web Services: the provider block `aws` and one signed client for all issuers and stores there.
//!
//! `schema` and `settings` are the block. What it leaves out is in the `environment` and in the `shared` files: regions,
//! endpoints, the `network`; and `sources` finds credentials, in a `profile`, from a `process`, for a `role`, by a `sign_in`,
//! in the `metadata` of the machine. `credentials` holds them and `caller` knows whose they are. `endpoint` and `partition`
//! know the hosts, `client`, `calls`, `side` and `wire` make signed calls, `identification` signs one that others send, `refusal` and `error_body` understand errors.
//! What the calls are for is not known here.

mod caller;
mod calls;
mod client;
mod credentials;
mod document;
mod endpoint;
mod environment;
mod error_body;
mod identification;
mod library;
mod metadata;
mod network;
mod partition;
mod process;
mod profile;
mod refusal;
mod role;
mod schema;
mod session;
mod settings;
mod shared;
mod side;
mod sign_in;
mod sources;
mod wire;

use std::sync::Arc;

use crate::context::Context;
use crate::error::Result;

pub use caller::Caller;
pub use calls::{Json, Query};
pub use client::AwsClient;
pub use endpoint::{Service, Variant, is_region};
pub use identification::Identification;
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
