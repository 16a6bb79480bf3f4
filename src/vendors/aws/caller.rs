//! Who the provider itself runs as. Asked once, however many keys there are.

use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::OnceCell;

use super::side::Signer;
use super::{AwsClient, Query, Service};
use crate::error::{Error, Kind, Result};
use crate::http::{Refusal, Repeat};

/// The identity behind the credentials of the provider.
pub struct Caller {
    client: Arc<AwsClient>,
    arn: OnceCell<String>,
}

impl Caller {
    /// Asks with this client.
    pub fn new(client: Arc<AwsClient>) -> Self {
        Self {
            client,
            arn: OnceCell::new(),
        }
    }

    /// The id of the AWS account, twelve digits.
    pub async fn account_id(&self) -> Result<&str> {
        account_in(self.arn().await?)
    }

    /// The name of the IAM user.
    pub async fn user_name(&self) -> Result<&str> {
        let arn = self.arn().await?;
        // arn:aws:iam::123456789012:user/path/name
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        match resource.strip_prefix("user/") {
            Some(path) => Ok(path.rsplit('/').next().unwrap_or(path)),
            None => Err(Error::new(
                Kind::Invalid,
                "The provider does not run as an IAM user",
                format!(
                    "It runs as {arn}. Roles, sessions and the root user have no access keys to \
                     rotate. Name the user in user_name instead of caller = true."
                ),
            )),
        }
    }

    async fn arn(&self) -> Result<&str> {
        let found = self.arn.get_or_try_init(async || {
            let held = self.client.credentials().await?;
            match &held.arn {
                Some(known) => Ok(known.clone()),
                None => arn(&self.client, Signer::Provider).await,
            }
        });
        found.await.map(String::as_str)
    }
}

/// Asks who `signer` is, or else who the client runs as.
pub(super) async fn arn(client: &AwsClient, signer: Signer<'_>) -> Result<String> {
    let query = Query {
        service: Service::Sts,
        operation: "GetCallerIdentity",
        parameters: &[],
        repeat: Repeat::Freely,
    };
    let answer: Result<Response, Refusal> = client.query_as(signer, query).await;
    answer
        .map(|answer| answer.get_caller_identity_result.arn)
        .map_err(|refusal| refusal.explain("AWS could not be asked who the provider runs as"))
}

/// The account in an ARN.
pub(super) fn account_in(arn: &str) -> Result<&str> {
    match arn.split(':').nth(4) {
        Some(id) if !id.is_empty() => Ok(id),
        _ => Err(Error::new(
            Kind::Other,
            "The AWS account of the provider could not be found out",
            format!("STS answered {arn:?}, which names no account. Check endpoints.sts."),
        )),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    get_caller_identity_result: Identity,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    arn: String,
}
