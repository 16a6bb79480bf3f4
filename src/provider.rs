//! The provider: its schema, its configuration, and the tables of what it serves.

use async_trait::async_trait;
use tf_provider::schema::{Block, Description, Schema};
use tf_provider::value::ValueEmpty;
use tf_provider::{Diagnostics, Provider};
use tokio_util::sync::CancellationToken;

use crate::protocol::Registry;

/// Everything that the binary serves. `stop` is cancelled when a person asked to stop.
pub fn registry(stop: CancellationToken) -> Registry {
    let _ = stop;
    Registry::new(ApiKey)
}

struct ApiKey;

#[async_trait]
impl Provider for ApiKey {
    type Config<'a> = ValueEmpty;
    type MetaState<'a> = ValueEmpty;

    fn schema(&self, _diags: &mut Diagnostics) -> Option<Schema> {
        let block = Block {
            description: Description::plain("Owns the whole life of API keys."),
            ..Default::default()
        };
        Some(Schema { version: 0, block })
    }
}
