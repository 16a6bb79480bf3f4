//! The calls to IAM and STS that this issuer makes, and their answers.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Kind, Result};
use crate::http::{Refusal, Repeat, pages};
use crate::instant::Instant;
use crate::issuers::{KeyStatus, Use};
use crate::secret::Secret;
use crate::vendors::aws::{AwsClient, Query, Service};

/// What IAM says where there is nothing to tell.
const NOT_AVAILABLE: &str = "N/A";

pub(super) struct Api {
    client: Arc<AwsClient>,
}

pub(super) struct CreatedKey {
    pub id: String,
    pub created_at: Option<Instant>,
    pub secret: Secret,
}

/// A key as the list tells of it.
#[derive(Clone)]
pub(super) struct ListedKey {
    pub id: String,
    pub status: String,
    pub created_at: Instant,
}

pub(super) struct Used {
    pub user: Option<String>,
    /// `None` where the answer tells neither a use nor that there was none.
    last: Option<Option<Use>>,
}

impl Used {
    /// An answer that tells nothing would make the key one that nobody uses.
    pub fn last_of(self, key_id: &str) -> Result<Option<Use>> {
        self.last.ok_or_else(|| {
            Error::new(
                Kind::Other,
                format!("The last use of access key {key_id} could not be read"),
                "IAM answered without a LastUsedDate that is an instant with its time zone, and without the service \"N/A\", \
                 which alone says that the key was never used. Look whether something between here and AWS changes its \
                 answers.",
            )
        })
    }
}

impl ListedKey {
    /// Whatever else IAM may come to call it, a key that is not `Active` does not work.
    pub fn status(&self) -> KeyStatus {
        if self.status == "Active" {
            KeyStatus::Active
        } else {
            KeyStatus::Inactive
        }
    }
}

impl Api {
    pub fn new(client: Arc<AwsClient>) -> Self {
        Self { client }
    }

    /// By how many seconds the clock of AWS was ahead of the machine's when it answered last.
    pub fn ahead(&self) -> i64 {
        self.client.ahead()
    }

    pub async fn create(&self, user: &str) -> Result<CreatedKey, Refusal> {
        let parameters = [("UserName", user)];
        let query = Query {
            repeat: Repeat::IfUntouched,
            ..iam("CreateAccessKey", &parameters)
        };
        let answer: CreateAccessKeyResponse = self.client.query(query).await?;
        let key = answer.create_access_key_result.access_key;
        Ok(CreatedKey {
            id: key.access_key_id,
            created_at: key.create_date.and_then(|date| Instant::parse(&date)),
            secret: Secret::new(key.secret_access_key),
        })
    }

    pub async fn list(&self, user: &str) -> Result<Vec<ListedKey>, Refusal> {
        let what = format!("The list of the access keys of user {user}");
        pages(&what, |marker| self.page(user, marker)).await
    }

    async fn page(
        &self,
        user: &str,
        marker: Option<String>,
    ) -> Result<(Vec<ListedKey>, Option<String>), Refusal> {
        let mut parameters = vec![("UserName", user)];
        parameters.extend(marker.as_deref().map(|marker| ("Marker", marker)));
        let query = iam("ListAccessKeys", &parameters);
        let answer: ListAccessKeysResponse = self.client.query(query).await?;
        let page = answer.list_access_keys_result;
        let keys = page.access_key_metadata.member.into_iter();
        let next = page
            .marker
            .filter(|mark| page.is_truncated && !mark.is_empty());
        Ok((keys.map(ListedKey::from).collect(), next))
    }

    /// One page of the names of all users whose path begins with a prefix, and the mark of the next page.
    pub async fn users(
        &self,
        path_prefix: Option<&str>,
        marker: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), Refusal> {
        let mut parameters = Vec::new();
        parameters.extend(path_prefix.map(|prefix| ("PathPrefix", prefix)));
        parameters.extend(marker.map(|marker| ("Marker", marker)));
        let answer: ListUsersResponse = self.client.query(iam("ListUsers", &parameters)).await?;
        let page = answer.list_users_result;
        let names = page.users.member.into_iter().map(|user| user.user_name);
        Ok((names.collect(), page.marker.filter(|_| page.is_truncated)))
    }

    pub async fn deactivate(&self, user: &str, key_id: &str) -> Result<(), Refusal> {
        let parameters = [
            ("UserName", user),
            ("AccessKeyId", key_id),
            ("Status", "Inactive"),
        ];
        self.client
            .query::<Done>(iam("UpdateAccessKey", &parameters))
            .await?;
        Ok(())
    }

    pub async fn delete(&self, user: &str, key_id: &str) -> Result<(), Refusal> {
        let parameters = [("UserName", user), ("AccessKeyId", key_id)];
        self.client
            .query::<Done>(iam("DeleteAccessKey", &parameters))
            .await?;
        Ok(())
    }

    pub async fn last_used(&self, key_id: &str) -> Result<Used, Refusal> {
        let parameters = [("AccessKeyId", key_id)];
        let query = iam("GetAccessKeyLastUsed", &parameters);
        let answer: GetAccessKeyLastUsedResponse = self.client.query(query).await?;
        let result = answer.get_access_key_last_used_result;
        Ok(Used {
            user: result.user_name.filter(|name| !name.is_empty()),
            last: result
                .access_key_last_used
                .and_then(AccessKeyLastUsed::last),
        })
    }

    /// The ARN behind a key.
    pub async fn identify(&self, key_id: &str, secret: &Secret) -> Result<String, Refusal> {
        let query = Query {
            service: Service::Sts,
            ..iam("GetCallerIdentity", &[])
        };
        let answer: GetCallerIdentityResponse =
            self.client.query_with(key_id, secret, query).await?;
        Ok(answer.get_caller_identity_result.arn)
    }
}

fn iam<'a>(operation: &'a str, parameters: &'a [(&'a str, &'a str)]) -> Query<'a> {
    Query {
        service: Service::Iam,
        operation,
        parameters,
        repeat: Repeat::Freely,
    }
}

/// An answer that tells nothing but success.
#[derive(Deserialize)]
struct Done {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateAccessKeyResponse {
    create_access_key_result: CreateAccessKeyResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateAccessKeyResult {
    access_key: AccessKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKey {
    access_key_id: String,
    create_date: Option<String>,
    secret_access_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAccessKeysResponse {
    list_access_keys_result: ListAccessKeysResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAccessKeysResult {
    #[serde(default)]
    access_key_metadata: Members<AccessKeyMetadata>,
    #[serde(default)]
    is_truncated: bool,
    marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListUsersResponse {
    list_users_result: ListUsersResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListUsersResult {
    #[serde(default)]
    users: Members<ListedUser>,
    #[serde(default)]
    is_truncated: bool,
    marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedUser {
    user_name: String,
}

#[derive(Deserialize)]
#[serde(bound = "Member: DeserializeOwned")]
struct Members<Member> {
    #[serde(default = "Vec::new")]
    member: Vec<Member>,
}

impl<Member> Default for Members<Member> {
    fn default() -> Self {
        Self { member: Vec::new() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKeyMetadata {
    access_key_id: String,
    status: String,
    create_date: Instant,
}

impl From<AccessKeyMetadata> for ListedKey {
    fn from(key: AccessKeyMetadata) -> Self {
        Self {
            id: key.access_key_id,
            status: key.status,
            created_at: key.create_date,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetAccessKeyLastUsedResponse {
    get_access_key_last_used_result: GetAccessKeyLastUsedResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetAccessKeyLastUsedResult {
    user_name: Option<String>,
    access_key_last_used: Option<AccessKeyLastUsed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKeyLastUsed {
    last_used_date: Option<String>,
    service_name: Option<String>,
    region: Option<String>,
}

impl AccessKeyLastUsed {
    /// Of a key that was never used there is no date, and the service is `N/A`. Anything else without a date is no answer.
    fn last(self) -> Option<Option<Use>> {
        let is_told = |text: &String| !text.is_empty() && text != NOT_AVAILABLE;
        match self.last_used_date.filter(is_told) {
            Some(date) => Some(Some(Use {
                at: Instant::parse(&date)?,
                service: self.service_name.filter(is_told),
                region: self.region.filter(is_told),
            })),
            None => (self.service_name.as_deref() == Some(NOT_AVAILABLE)).then_some(None),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetCallerIdentityResponse {
    get_caller_identity_result: GetCallerIdentityResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetCallerIdentityResult {
    arn: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fields: &str) -> Result<Option<Use>> {
        let text = format!("<AccessKeyLastUsed>{fields}</AccessKeyLastUsed>");
        let answer: AccessKeyLastUsed = quick_xml::de::from_str(&text).unwrap();
        let used = Used {
            user: None,
            last: answer.last(),
        };
        used.last_of("AKIA")
    }

    #[test]
    fn only_a_service_that_is_not_available_says_that_a_key_was_never_used() {
        let used = "<LastUsedDate>2026-01-01T00:00:00Z</LastUsedDate><ServiceName>s3</ServiceName><Region>N/A</Region>";
        let last = told(used).unwrap().unwrap();
        assert_eq!(last.to_string(), "2026-01-01T00:00:00Z (s3)");
        let never = "<ServiceName>N/A</ServiceName><Region>N/A</Region>";
        assert_eq!(told(never).unwrap(), None);
        assert_eq!(told(&format!("<LastUsedDate/>{never}")).unwrap(), None);
        for nothing in [
            "",
            "<LastUsedDate/>",
            "<ServiceName>s3</ServiceName>",
            "<LastUsedDate/><ServiceName>s3</ServiceName>",
            "<LastUsedDate>yesterday</LastUsedDate><ServiceName>N/A</ServiceName>",
            "<LastUsedDate>2026-01-01T00:00:00</LastUsedDate><ServiceName>s3</ServiceName>",
            "<LastUsedDate>2026-01-01</LastUsedDate><ServiceName>s3</ServiceName>",
        ] {
            assert!(told(nothing).is_err(), "{nothing}");
        }
    }
}
