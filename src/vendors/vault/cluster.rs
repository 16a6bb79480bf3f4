//! Which cluster answers: the same under every address, and another one under the same address after a rebuild.

use serde::Deserialize;

use super::client::VaultClient;
use crate::error::{Error, Kind, Result};
use crate::http::{Call, json};

/// A cluster, as it names itself.
pub struct Cluster {
    /// The id that it was given when it was set up.
    pub id: String,
}

#[derive(Deserialize)]
struct Health {
    cluster_id: Option<String>,
}

impl Cluster {
    /// Asks the server. Anybody may, in no namespace; a standby answers as well as the active node.
    pub async fn find(client: &VaultClient) -> Result<Self> {
        let side = client.anonymous_at_root("nobody");
        let call = Call {
            query: &[("standbyok", "true"), ("perfstandbyok", "true")],
            may_be_quoted: true,
            ..Call::get("GET sys/health", "/sys/health")
        };
        let answer = client.wire()?.call(&side, &call).await;
        let health: Result<Health, _> = answer.and_then(|answer| json(&answer, &side, &call));
        let health = health
            .map_err(|refusal| refusal.explain("Vault could not be asked which cluster it is"))?;
        match health.cluster_id.filter(|id| !id.is_empty()) {
            Some(id) => Ok(Self { id }),
            None => Err(Error::new(
                Kind::Other,
                "Vault does not say which cluster it is",
                "sys/health answered without a cluster_id. Check that the address is that of Vault or OpenBao, and that \
                 nothing on the way shortens its answers.",
            )),
        }
    }
}
