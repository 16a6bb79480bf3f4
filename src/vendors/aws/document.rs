//! The JSON in which processes, containers and instances hand out credentials.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::credentials::Held;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    access_key_id: Zeroizing<String>,
    secret_access_key: Zeroizing<String>,
    #[serde(alias = "SessionToken")]
    token: Option<Zeroizing<String>>,
    expiration: Option<String>,
}

/// Reads what came from `origin`. Nothing of it is ever shown.
pub fn read(bytes: &[u8], origin: &str) -> Result<Held> {
    let document: Document = serde_json::from_slice(bytes).map_err(|_| not_understood(origin))?;
    let expiry = match document.expiration.as_deref() {
        None | Some("") => None,
        Some(text) => Some(moment(text).ok_or_else(|| not_understood(origin))?),
    };
    let token = document.token.filter(|token| !token.is_empty());
    let credentials = Credentials::new(
        document.access_key_id.as_str(),
        document.secret_access_key.as_str(),
        token.map(|token| token.as_str().to_owned()),
        expiry,
        "apikey",
    );
    Ok(Held::new(credentials, origin))
}

/// An instant, as credentials tell their end.
pub fn moment(text: &str) -> Option<SystemTime> {
    let seconds = u64::try_from(Instant::parse(text)?.unix()).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn not_understood(origin: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "The AWS credentials could not be read",
        format!(
            "What came from {origin} is not the JSON that Amazon's tools expect: AccessKeyId, SecretAccessKey and, for \
             temporary ones, a token and Expiration in RFC 3339. It may hold a secret and is not shown."
        ),
    )
}
