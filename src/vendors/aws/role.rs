//! Assumes roles of the configuration.
//!
//! The call goes through our own client rather than the one inside `aws-config`, so that it has the same
//! endpoint, proxy, retries and errors as every other call.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use serde::Deserialize;

use super::client::{AwsClient, Query};
use super::credentials::Held;
use super::endpoint::Service;
use super::settings::Role;
use crate::error::{Error, Kind, Result};
use crate::http::Repeat;
use crate::instant::Instant;
use crate::secret::Secret;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleResponse {
    assume_role_result: AssumeRoleResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleResult {
    credentials: Session,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Session {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

/// The credentials of a session of `role`, which `base` asks for.
pub async fn assume(client: &AwsClient, base: &Held, role: &Role) -> Result<Held> {
    let parameters = parameters(role);
    let parameters: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let query = Query {
        service: Service::Sts,
        operation: "AssumeRole",
        parameters: &parameters,
        repeat: Repeat::Freely,
    };
    let answer = client.query_as(Some(base), query).await;
    let AssumeRoleResponse { assume_role_result } = answer.map_err(|refusal| {
        refusal.explain(format!("The role {} could not be assumed", role.arn))
    })?;
    let session = assume_role_result.credentials;
    let secret = Secret::new(session.secret_access_key);
    let token = Secret::new(session.session_token);
    let credentials = Credentials::new(
        session.access_key_id,
        secret.expose(),
        Some(token.expose().to_owned()),
        Some(expiry(&session.expiration, role)?),
        "apikey",
    );
    Ok(Held::new(credentials, &format!("role {}", role.arn)))
}

fn parameters(role: &Role) -> Vec<(String, String)> {
    let given = [
        ("RoleArn", Some(role.arn.clone())),
        ("RoleSessionName", Some(role.session_name.clone())),
        ("ExternalId", role.external_id.clone()),
        (
            "DurationSeconds",
            role.duration.map(|duration| duration.as_secs().to_string()),
        ),
        ("Policy", role.policy.clone()),
        ("SourceIdentity", role.source_identity.clone()),
    ];
    let plain = given
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let policies = role
        .policy_arns
        .iter()
        .zip(1..)
        .map(|(arn, index)| (format!("PolicyArns.member.{index}.arn"), arn.clone()));
    let tags = role.tags.iter().zip(1..).flat_map(|((key, value), index)| {
        [
            (format!("Tags.member.{index}.Key"), key.clone()),
            (format!("Tags.member.{index}.Value"), value.clone()),
        ]
    });
    plain.chain(policies).chain(tags).collect()
}

fn expiry(text: &str, role: &Role) -> Result<SystemTime> {
    let instant = Instant::parse(text).ok_or_else(|| {
        Error::new(
            Kind::Other,
            format!("The session of role {} has no readable end", role.arn),
            "Check that the endpoint of STS is that of AWS.",
        )
    })?;
    let seconds = u64::try_from(instant.unix()).unwrap_or_default();
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}
