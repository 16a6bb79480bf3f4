//! Assumes roles: with other credentials, or by showing the token of an identity provider.
//!
//! The calls go through our own client, so that they have the same endpoint, proxy, retries and errors as every other.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::calls::Query;
use super::client::AwsClient;
use super::credentials::Held;
use super::document::moment;
use super::endpoint::Service;
use super::environment::expanded;
use super::settings::Role;
use super::side::Signer;
use crate::error::{Error, Kind, Result};
use crate::http::{Meaning, Repeat};
use crate::secret::Secret;

const BY_CREDENTIALS: &str = "AssumeRole";
const BY_TOKEN: &str = "AssumeRoleWithWebIdentity";

/// The token of an identity provider.
pub enum Token {
    /// It stands in this file, and is read each time: whoever runs there keeps it fresh.
    File(String),
    /// The token itself.
    Text(Secret),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    #[serde(alias = "AssumeRoleWithWebIdentityResult")]
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
    secret_access_key: Zeroizing<String>,
    session_token: Zeroizing<String>,
    expiration: String,
}

/// The credentials of a session of `role`, which `base` asks for.
pub async fn assume(client: &AwsClient, base: &Held, role: &Role) -> Result<Held> {
    ask(client, Signer::Held(base), BY_CREDENTIALS, role, None).await
}

/// The credentials of a session of `role`, for whoever shows this token.
pub async fn assume_by_token(client: &AwsClient, role: &Role, token: &Token) -> Result<Held> {
    let text = token.text(role)?;
    let token = ("WebIdentityToken".to_owned(), text.as_str());
    ask(
        client,
        Signer::Nobody(&format!("the token for role {}", role.arn)),
        BY_TOKEN,
        role,
        Some(token),
    )
    .await
}

async fn ask(
    client: &AwsClient,
    signer: Signer<'_>,
    operation: &str,
    role: &Role,
    token: Option<(String, &str)>,
) -> Result<Held> {
    let parameters = parameters(role);
    let parameters: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain(token.as_ref().map(|(name, value)| (name.as_str(), *value)))
        .collect();
    let query = Query {
        service: Service::Sts,
        operation,
        parameters: &parameters,
        repeat: Repeat::Freely,
    };
    let answer = Box::pin(client.query_as(signer, query)).await;
    let Response { assume_role_result } = answer.map_err(|refusal| {
        refusal.explain(format!("The role {} could not be assumed", role.arn))
    })?;
    let session = assume_role_result.credentials;
    let credentials = Credentials::new(
        session.access_key_id,
        session.secret_access_key.as_str(),
        Some(session.session_token.as_str().to_owned()),
        Some(expiry(&session.expiration, role)?),
        "apikey",
    );
    Ok(Held::new(credentials, &format!("role {}", role.arn)))
}

/// What to do about a role that was not handed out. Two sides have to allow it, and AWS does not tell which of them did not, nor
/// whether there is such a role.
pub fn advice(meaning: Meaning, operation: &str, credentials: &str) -> Option<String> {
    match (operation, meaning) {
        (BY_CREDENTIALS, Meaning::Forbidden) => Some(format!(
            "Either there is no such role, or one of two policies does not allow it: a policy of {credentials} has to allow \
             sts:AssumeRole on the role, and the trust policy of the role has to name that identity, with every condition \
             in it fulfilled (such as external_id)."
        )),
        (BY_TOKEN, Meaning::Forbidden) => Some(
            "Either there is no such role, or its trust policy does not fit the token: its Principal is the OpenID Connect \
             provider in the account of the role (Federated), its Action sts:AssumeRoleWithWebIdentity, and its conditions \
             on aud and sub have to be what the token says."
                .into(),
        ),
        (BY_TOKEN, Meaning::Unknown) => Some(
            "The account of the role does not accept the token. Check that it has an OpenID Connect provider with exactly the \
             issuer of the token, and that the audience (aud) of the token is among its client IDs."
                .into(),
        ),
        (BY_TOKEN, Meaning::Expired) => Some(
            "The token has ended. Have a new one written or passed in, then run the command again.".into(),
        ),
        _ => None,
    }
}

impl Token {
    fn text(&self, role: &Role) -> Result<Zeroizing<String>> {
        let file = match self {
            Self::Text(secret) => return Ok(Zeroizing::new(secret.expose().to_owned())),
            Self::File(file) => file,
        };
        let wrong = |problem: &str| {
            Error::new(
                Kind::Invalid,
                format!("The role {} could not be assumed", role.arn),
                format!("The file {file:?}, which is to hold the web identity token, {problem}."),
            )
        };
        let text = std::fs::read_to_string(expanded(file)).map(Zeroizing::new);
        let text = text.map_err(|problem| wrong(&format!("cannot be read: {problem}")))?;
        match text.trim() {
            "" => Err(wrong("is empty")),
            token => Ok(Zeroizing::new(token.to_owned())),
        }
    }

    /// The same token once more.
    pub fn duplicate(&self) -> Self {
        match self {
            Self::File(file) => Self::File(file.clone()),
            Self::Text(secret) => Self::Text(secret.duplicate()),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
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
    let transitive = role
        .transitive_tag_keys
        .iter()
        .zip(1..)
        .map(|(key, index)| (format!("TransitiveTagKeys.member.{index}"), key.clone()));
    plain
        .chain(policies)
        .chain(tags)
        .chain(transitive)
        .collect()
}

fn expiry(text: &str, role: &Role) -> Result<SystemTime> {
    moment(text).ok_or_else(|| {
        Error::new(
            Kind::Other,
            format!("The session of role {} has no readable end", role.arn),
            "Check that the endpoint of STS is that of AWS.",
        )
    })
}
