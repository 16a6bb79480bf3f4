//! Who the provider itself runs as. Asked once, however many keys there are.

use tokio::sync::OnceCell;

use super::api::Api;
use crate::error::{Error, Kind, Result};

/// The identity behind the credentials of the provider.
#[derive(Default)]
pub(super) struct Caller(OnceCell<String>);

impl Caller {
    /// The id of the AWS account, twelve digits.
    pub async fn account_id(&self, api: &Api) -> Result<&str> {
        let arn = self.arn(api).await?;
        match arn.split(':').nth(4) {
            Some(id) if !id.is_empty() => Ok(id),
            _ => Err(Error::new(
                Kind::Other,
                "The AWS account of the provider could not be found out",
                format!("STS answered {arn:?}, which names no account. Check endpoints.sts."),
            )),
        }
    }

    /// The name of the IAM user.
    pub async fn user_name(&self, api: &Api) -> Result<&str> {
        let arn = self.arn(api).await?;
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

    async fn arn(&self, api: &Api) -> Result<&str> {
        let found = self.0.get_or_try_init(|| api.identify(None)).await;
        found
            .map(String::as_str)
            .map_err(|refusal| refusal.explain("AWS could not be asked who the provider runs as"))
    }
}
