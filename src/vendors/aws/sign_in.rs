//! IAM Identity Center: the token that `aws sso login` left in its cache, renewed where that can be done without a
//! browser, and the credentials of a role for it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::client::AwsClient;
use super::credentials::{Held, now};
use super::document::moment;
use super::endpoint::Service;
use super::environment::expanded;
use super::profile::SignIn;
use crate::error::{Error, Kind, Result};
use crate::http::{Body, Call, Meaning, Refusal, Repeat};
use crate::instant::Instant;
use crate::secret::Secret;

const ROLE_CREDENTIALS: &str = "GetRoleCredentials";

/// A token is renewed this long before its end.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// What the vendor's command line keeps of a sign-in; other fields are kept as they are.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cached {
    access_token: Zeroizing<String>,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_expires_at: Option<String>,
    #[serde(flatten)]
    others: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Renewal<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    grant_type: &'a str,
    refresh_token: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Renewed {
    access_token: Zeroizing<String>,
    expires_in: u64,
    refresh_token: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Portal {
    role_credentials: RoleCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoleCredentials {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Zeroizing<String>,
    /// In milliseconds.
    expiration: u64,
}

/// The credentials of the role that the profile names.
pub async fn credentials(client: &AwsClient, sign_in: &SignIn, origin: &str) -> Result<Held> {
    let token = token(client, sign_in).await?;
    let mut value = HeaderValue::from_str(token.expose()).map_err(|_| ended(sign_in))?;
    value.set_sensitive(true);
    let name = HeaderName::from_static("x-amz-sso_bearer_token");
    let call = Call {
        headers: HeaderMap::from_iter([(name, value)]),
        query: &[
            ("account_id", &sign_in.account),
            ("role_name", &sign_in.role),
        ],
        secrets: &[&token],
        ..Call::get(ROLE_CREDENTIALS, "/federation/credentials")
    };
    let asked = client.unsigned(Service::Sso, &sign_in.region, &call).await;
    let Portal {
        role_credentials: given,
    } = asked.map_err(|refusal| match refusal.meaning {
        Meaning::Unknown | Meaning::Expired => ended(sign_in),
        _ => refusal.explain(format!(
            "The role {} of account {}, which the profile {:?} names, was not handed out by IAM Identity Center",
            sign_in.role, sign_in.account, sign_in.profile
        )),
    })?;
    let credentials = Credentials::new(
        given.access_key_id,
        given.secret_access_key.as_str(),
        Some(given.session_token.as_str().to_owned()),
        Some(SystemTime::UNIX_EPOCH + Duration::from_millis(given.expiration)),
        "apikey",
    );
    Ok(Held::new(credentials, origin))
}

/// What to do about a role that was not handed out. No policy decides about that, but an assignment.
pub fn advice(meaning: Meaning, operation: &str) -> Option<String> {
    let is_refused = matches!(meaning, Meaning::Forbidden | Meaning::Missing);
    (operation == ROLE_CREDENTIALS && is_refused).then(|| {
        "Either sso_account_id or sso_role_name of the profile is wrong, or whoever signed in has no assignment of that \
         permission set in that account. `aws sso login` does not change that: correct the profile, or have an administrator \
         of IAM Identity Center assign it."
            .into()
    })
}

/// The token of the sign-in; if it ends soon, another one.
async fn token(client: &AwsClient, sign_in: &SignIn) -> Result<Secret> {
    let path = cache(sign_in);
    let cached = read(&path).ok_or_else(|| ended(sign_in))?;
    let end = end_of(&cached.expires_at);
    if end.is_some_and(|end| end > now() + MARGIN) {
        return Ok(Secret::new(cached.access_token.as_str().to_owned()));
    }
    match renew(client, sign_in, &cached).await {
        Ok(Some(renewed)) => {
            let token = Secret::new(renewed.access_token.as_str().to_owned());
            keep(&path, &with(cached, renewed));
            Ok(token)
        }
        // What still holds for some minutes may be enough.
        _ if end.is_some_and(|end| end > now()) => {
            Ok(Secret::new(cached.access_token.as_str().to_owned()))
        }
        Err(refusal) if refusal.kind == Kind::Unavailable => {
            Err(refusal.explain("The sign-in to IAM Identity Center could not be renewed"))
        }
        _ => Err(ended(sign_in)),
    }
}

/// Another token without a browser, if the sign-in allows it.
async fn renew(
    client: &AwsClient,
    sign_in: &SignIn,
    cached: &Cached,
) -> Result<Option<Renewed>, Refusal> {
    let (Some(client_id), Some(client_secret), Some(refresh_token), Some(_)) = (
        &cached.client_id,
        &cached.client_secret,
        &cached.refresh_token,
        &sign_in.session,
    ) else {
        return Ok(None);
    };
    let registered = cached.registration_expires_at.as_deref().and_then(end_of);
    if registered.is_some_and(|end| end <= now()) {
        return Ok(None);
    }
    let renewal = Renewal {
        client_id,
        client_secret,
        grant_type: "refresh_token",
        refresh_token,
    };
    let hidden = [client_secret, refresh_token].map(|text| Secret::new(text.as_str().to_owned()));
    let call = Call {
        body: Body::json(&renewal)?,
        secrets: &[&hidden[0], &hidden[1]],
        ..Call::new("CreateToken", Method::POST, "/token", Repeat::IfUntouched)
    };
    let renewed = client
        .unsigned(Service::SsoOidc, &sign_in.region, &call)
        .await?;
    Ok(Some(renewed))
}

fn with(cached: Cached, renewed: Renewed) -> Cached {
    let end = Instant::from_unix(seconds(now()))
        + crate::duration::Duration::from_secs(renewed.expires_in);
    Cached {
        access_token: renewed.access_token,
        expires_at: end.to_string(),
        refresh_token: renewed.refresh_token.or(cached.refresh_token),
        ..cached
    }
}

/// Where the vendor's command line keeps the token.
fn cache(sign_in: &SignIn) -> PathBuf {
    let key = sign_in.session.as_ref().unwrap_or(&sign_in.start_url);
    let name = hex::encode(Sha1::digest(key.as_bytes()));
    expanded(&format!("~/.aws/sso/cache/{name}.json"))
}

fn read(path: &Path) -> Option<Cached> {
    let bytes = Zeroizing::new(std::fs::read(path).ok()?);
    serde_json::from_slice(&bytes).ok()
}

/// For the vendor's tools and for the next run: the old refresh token may not be taken again. Without it people sign in
/// once more, so a failure is no error.
fn keep(path: &Path, cached: &Cached) {
    let write = || {
        let directory = path.parent()?;
        let text = Zeroizing::new(serde_json::to_vec(cached).ok()?);
        // Readable by its owner alone, and there as a whole or not at all.
        let file = tempfile::NamedTempFile::new_in(directory).ok()?;
        std::fs::write(file.path(), &text).ok()?;
        file.persist(path).ok()
    };
    if write().is_none() {
        tracing::warn!("the renewed sign-in could not be kept");
    }
}

/// RFC 3339; older versions of the command line wrote `UTC` in place of `Z`.
fn end_of(text: &str) -> Option<SystemTime> {
    moment(&text.replace("UTC", "Z"))
}

fn seconds(time: SystemTime) -> i64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn ended(sign_in: &SignIn) -> Error {
    let profile = &sign_in.profile;
    Error::new(
        Kind::Denied,
        "The sign-in to IAM Identity Center has ended",
        format!(
            "There is no token for the profile {profile:?} that still holds and none could be had without a browser. Run \
             `aws sso login --profile {profile}`, then run the command again."
        ),
    )
}
