//! Workload identity federation: the token of another identity provider, shown to Google for one of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use serde::Deserialize;
use serde_json::Value;

use super::client::GoogleClient;
use super::credentials::{impersonated, no_credentials, token_uri};
use super::token::{Exchange, SCOPE, Token, impersonate};
use crate::error::{Error, Kind, Result};
use crate::http::{is_encrypted_or_local, is_near};
use crate::secret::Secret;
use crate::vendors::environment::expanded;

/// Whoever vouches for a workload answers at once.
const LIMIT: Duration = Duration::from_secs(10);

const FAILED: &str = "The token for workload identity federation could not be obtained";

/// What a configuration of workload identity federation says.
#[derive(Debug)]
pub(super) struct External {
    audience: String,
    token_type: String,
    token_url: Url,
    /// The service account to act as in the end.
    email: Option<String>,
    origin: Origin,
    /// The field of the token, where it lies in a JSON document.
    field: Option<String>,
}

/// Where the token of the other identity provider is.
#[derive(Debug)]
enum Origin {
    File(String),
    Url(Url, BTreeMap<String, String>),
}

#[derive(Deserialize)]
pub(super) struct Written {
    audience: String,
    subject_token_type: String,
    token_url: Option<String>,
    service_account_impersonation_url: Option<String>,
    credential_source: WrittenSource,
}

#[derive(Deserialize)]
struct WrittenSource {
    file: Option<String>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    format: Option<WrittenFormat>,
}

#[derive(Deserialize)]
struct WrittenFormat {
    r#type: String,
    subject_token_field_name: Option<String>,
}

impl External {
    pub fn of_document(written: Written, place: &str) -> Result<Self> {
        let source = written.credential_source;
        let origin = match (source.file, source.url) {
            (Some(file), _) => Origin::File(file),
            (None, Some(url)) => {
                let url = Url::parse(&url).ok();
                let url = url.filter(|url| is_encrypted_or_local(url) || is_near(url));
                let why = "takes its token from an address that is neither https nor on this machine or its link";
                Origin::Url(
                    url.ok_or_else(|| no_credentials(place, why))?,
                    source.headers,
                )
            }
            (None, None) => {
                let why = "takes its token neither from a file nor from a URL; the sources \"executable\" and AWS are not \
                           understood here";
                return Err(no_credentials(place, why));
            }
        };
        let email = match written.service_account_impersonation_url {
            None => None,
            Some(url) => Some(
                impersonated(&url)
                    .ok_or_else(|| no_credentials(place, "names no service account to act as"))?,
            ),
        };
        let usual = "https://sts.googleapis.com/v1/token";
        Ok(Self {
            token_url: token_uri(Some(written.token_url.as_deref().unwrap_or(usual)), place)?,
            audience: written.audience,
            token_type: written.subject_token_type,
            email,
            origin,
            field: match source.format {
                Some(format) if format.r#type == "json" => Some(
                    format
                        .subject_token_field_name
                        .unwrap_or_else(|| "access_token".to_owned()),
                ),
                _ => None,
            },
        })
    }

    /// A token of Google, and of the service account to act as where there is one.
    pub async fn token(&self, client: &GoogleClient, origin: &str) -> Result<Token> {
        let shown = self.shown(client).await?;
        let form = [
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            ("audience", self.audience.as_str()),
            ("scope", SCOPE),
            (
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
            ("subject_token_type", self.token_type.as_str()),
            ("subject_token", shown.expose()),
        ];
        let exchange = Exchange {
            url: &self.token_url,
            who: format!("the workload identity (from {origin})"),
            mend: "Check the audience, the attribute mapping and the conditions of the provider in the workload identity pool, and \
                   that the token has not run out.",
        };
        let token = exchange.token(client, &form, &[&shown]).await;
        let token = token.map_err(|refusal| refusal.explain("Google gave no token"))?;
        match &self.email {
            Some(email) => impersonate(client, &token, email, &[]).await,
            None => Ok(token),
        }
    }

    /// The token of the other identity provider. It is read again each time, for it is renewed behind our back.
    async fn shown(&self, client: &GoogleClient) -> Result<Secret> {
        let (text, place) = match &self.origin {
            Origin::File(file) => {
                let text = std::fs::read_to_string(expanded(file));
                let text = text.map_err(|problem| {
                    failed(Kind::Invalid, format!("The file {file:?} cannot be read: {problem}. It holds the token of the identity provider."))
                })?;
                (text, format!("the file {file:?}"))
            }
            Origin::Url(url, headers) => {
                let host = url.host_str().unwrap_or_default();
                (ask(client, url, headers).await?, host.to_owned())
            }
        };
        let text = Secret::new(text);
        let token = match &self.field {
            None => Some(text.expose().trim().to_owned()),
            Some(field) => serde_json::from_str::<Value>(text.expose())
                .ok()
                .and_then(|document| document[field].as_str().map(str::to_owned)),
        };
        let token = token.filter(|token| !token.is_empty());
        token.map(Secret::new).ok_or_else(|| {
            failed(
                Kind::Invalid,
                format!("What {place} gave holds no token where the configuration of the federation says it is."),
            )
        })
    }
}

async fn ask(
    client: &GoogleClient,
    url: &Url,
    headers: &BTreeMap<String, String>,
) -> Result<String> {
    let host = url.host_str().unwrap_or_default();
    let mut request = Request::new(Method::GET, url.clone());
    for (name, value) in headers {
        let pair = (name.parse::<HeaderName>(), HeaderValue::from_str(value));
        let (Ok(name), Ok(mut value)) = pair else {
            let detail = "A header of its credential_source is no header. Check the configuration of the federation.";
            return Err(failed(Kind::Invalid, detail.to_owned()));
        };
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
    }
    let sent = client.http().send(request, LIMIT).await;
    let answer = sent.map_err(|failure| failure.error)?;
    if !answer.status.is_success() {
        return Err(failed(
            Kind::Unavailable,
            format!(
                "{host} answered HTTP {}. Check the address and the headers of its credential_source, and run the command again.",
                answer.status.as_u16()
            ),
        ));
    }
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

fn failed(kind: Kind, detail: String) -> Error {
    Error::new(kind, FAILED, detail)
}
