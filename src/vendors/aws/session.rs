//! With whose credentials, and in which region, one issuer or store calls AWS.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{AwsClient, Caller, Json, Service};
use crate::context::Context;
use crate::error::Result;
use crate::http::Refusal;
use crate::secret::Secret;

/// One way into AWS.
pub struct Session {
    client: Arc<AwsClient>,
    caller: Arc<Caller>,
    region: Option<String>,
}

impl Session {
    /// With the credentials of the provider, in this region or in that of the provider.
    pub fn new(region: Option<String>, context: &Context) -> Result<Self> {
        Ok(Self {
            client: super::client(context)?,
            caller: super::caller(context)?,
            region,
        })
    }

    /// Makes a call of the JSON protocol. `secrets` are what it carries that must not come back in a message.
    pub async fn call<Input: Serialize, Output: DeserializeOwned>(
        &self,
        service: Service,
        operation: &str,
        input: &Input,
        secrets: &[&Secret],
    ) -> Result<Output, Refusal> {
        let json = Json {
            service,
            region: self.region.as_deref(),
            operation,
            input,
            secrets,
        };
        self.client.json(json).await
    }

    /// The region that its calls to a service go to.
    pub async fn region_of(&self, service: Service) -> Result<String> {
        let wanted = self.region.as_deref();
        self.client.region_of(service, wanted).await
    }

    /// The id of the account that its credentials belong to.
    pub async fn account_id(&self) -> Result<&str> {
        self.caller.account_id().await
    }

    /// Waits before a call is made again; an error if a person asks to stop meanwhile.
    pub async fn wait(&self, delay: Duration) -> Result<()> {
        self.client.http().wait(delay).await
    }
}
