//! The documents in which Google's own tools keep credentials.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::federation::External;
use super::settings::is_domain;
use crate::error::{Error, Kind, Result};
use crate::http::is_encrypted_or_local;
use crate::secret::Secret;
use reqwest::Url;

/// Where tokens come from, unless the document says otherwise.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// Credentials, wherever they come from.
#[derive(Debug)]
pub(super) enum Credentials {
    /// A token that is used as it is.
    Token(Secret),
    /// A service account that signs with a key of its own.
    ServiceAccount(ServiceAccount),
    /// A person who signed in with gcloud.
    AuthorizedUser(AuthorizedUser),
    /// Somebody whom another identity provider vouches for.
    External(External),
    /// A service account that others may act as.
    Impersonated {
        email: String,
        delegates: Vec<String>,
        source: Box<Credentials>,
    },
    /// The service account of the machine.
    Machine,
}

/// The key of a service account, as a credentials file holds it.
#[derive(Debug)]
pub struct ServiceAccount {
    /// Its e-mail address.
    pub email: String,
    /// The id of the key.
    pub key_id: String,
    /// Its project.
    pub project: Option<String>,
    pub(super) private_key: Secret,
    pub(super) token_uri: Url,
    pub(super) universe: Option<String>,
}

/// A person who signed in with gcloud.
#[derive(Debug)]
pub(super) struct AuthorizedUser {
    pub client_id: String,
    pub client_secret: Secret,
    pub refresh_token: Secret,
    pub token_uri: Url,
}

#[derive(Deserialize)]
struct WrittenAccount {
    client_email: String,
    private_key_id: String,
    project_id: Option<String>,
    #[serde(deserialize_with = "as_secret")]
    private_key: Secret,
    token_uri: Option<String>,
    universe_domain: Option<String>,
}

#[derive(Deserialize)]
struct WrittenUser {
    client_id: String,
    #[serde(deserialize_with = "as_secret")]
    client_secret: Secret,
    #[serde(deserialize_with = "as_secret")]
    refresh_token: Secret,
    token_uri: Option<String>,
}

#[derive(Deserialize)]
struct WrittenImpersonation {
    service_account_impersonation_url: String,
    #[serde(default)]
    delegates: Vec<String>,
    source_credentials: Value,
}

impl Credentials {
    /// Reads a document; `place` is where it stands. What stands in it is never shown.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let document =
            serde_json::from_str(text).map_err(|_| no_credentials(place, "is no JSON"))?;
        Self::of_document(document, place)
    }

    fn of_document(document: Value, place: &str) -> Result<Self> {
        let kind = document["type"].as_str().unwrap_or_default().to_owned();
        match kind.as_str() {
            "service_account" => {
                ServiceAccount::of_document(document, place).map(Self::ServiceAccount)
            }
            "authorized_user" => {
                let user: WrittenUser = read(document, place, &kind)?;
                Ok(Self::AuthorizedUser(AuthorizedUser {
                    token_uri: token_uri(user.token_uri.as_deref(), place)?,
                    client_id: user.client_id,
                    client_secret: user.client_secret,
                    refresh_token: user.refresh_token,
                }))
            }
            "external_account" => {
                External::of_document(read(document, place, &kind)?, place).map(Self::External)
            }
            "impersonated_service_account" => {
                let written: WrittenImpersonation = read(document, place, &kind)?;
                let url = &written.service_account_impersonation_url;
                Ok(Self::Impersonated {
                    email: impersonated(url).ok_or_else(|| {
                        no_credentials(place, "names no service account to act as")
                    })?,
                    delegates: written.delegates,
                    source: Box::new(Self::of_document(written.source_credentials, place)?),
                })
            }
            _ => Err(no_credentials(
                place,
                "has another type than service_account, authorized_user, external_account or \
                 impersonated_service_account",
            )),
        }
    }

    /// The project of the credentials, where they tell one.
    pub fn project(&self) -> Option<&str> {
        match self {
            Self::ServiceAccount(account) => account.project.as_deref(),
            _ => None,
        }
    }
}

impl ServiceAccount {
    /// Reads the credentials file of a service account; `place` is where it stands. What stands in it is never shown.
    pub fn parse(text: &Secret, place: &str) -> Result<Self> {
        let document: Value =
            serde_json::from_str(text.expose()).map_err(|_| no_credentials(place, "is no JSON"))?;
        match document["type"].as_str() {
            Some("service_account") => Self::of_document(document, place),
            _ => Err(no_credentials(place, "is not that of a service account")),
        }
    }

    fn of_document(document: Value, place: &str) -> Result<Self> {
        let account: WrittenAccount = read(document, place, "service_account")?;
        let universe = account.universe_domain.filter(|domain| !domain.is_empty());
        if universe.as_deref().is_some_and(|domain| !is_domain(domain)) {
            return Err(no_credentials(
                place,
                "has a universe_domain that is no domain",
            ));
        }
        Ok(Self {
            token_uri: token_uri(account.token_uri.as_deref(), place)?,
            email: account.client_email,
            key_id: account.private_key_id,
            project: account.project_id,
            private_key: account.private_key,
            universe,
        })
    }
}

/// `…/serviceAccounts/{email}:generateAccessToken`
pub(super) fn impersonated(url: &str) -> Option<String> {
    let (_, rest) = url.rsplit_once("/serviceAccounts/")?;
    let email = rest.strip_suffix(":generateAccessToken")?;
    (email.contains('@') && !email.contains('/')).then(|| email.to_owned())
}

/// Whatever is named here gets what proves an identity.
pub(super) fn token_uri(given: Option<&str>, place: &str) -> Result<Url> {
    let url = Url::parse(given.unwrap_or(TOKEN_URI)).ok();
    url.filter(is_encrypted_or_local).ok_or_else(|| {
        no_credentials(
            place,
            "asks for tokens at an address that is neither https nor on this machine",
        )
    })
}

fn read<T: serde::de::DeserializeOwned>(document: Value, place: &str, kind: &str) -> Result<T> {
    // The words of the parser could repeat a value.
    serde_json::from_value(document)
        .map_err(|_| no_credentials(place, &format!("is no whole document of type {kind}")))
}

pub(super) fn no_credentials(place: &str, why: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "The Google credentials cannot be used",
        format!(
            "What stands in {place} {why}. Put the JSON there that Google Cloud gave you (the key of a service account, a \
             configuration of workload identity federation, the file of gcloud auth application-default login), whole and \
             unchanged."
        ),
    )
}

pub(super) fn as_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_the_tools_of_google_write_is_read() {
        let user =
            r#"{"type":"authorized_user","client_id":"a","client_secret":"b","refresh_token":"c"}"#;
        let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/ci@p.example:generateAccessToken";
        let impersonated = format!(
            r#"{{"type":"impersonated_service_account","service_account_impersonation_url":"{url}","source_credentials":{user}}}"#
        );
        let account = r#"{"type":"service_account","client_email":"a@b","private_key_id":"1","private_key":"made-up"}"#;
        let read = |text: &str| Credentials::parse(text, "a test").unwrap();
        assert!(matches!(read(user), Credentials::AuthorizedUser(_)));
        assert!(matches!(read(account), Credentials::ServiceAccount(_)));
        let Credentials::Impersonated { email, .. } = read(&impersonated) else {
            panic!("{impersonated}");
        };
        assert_eq!(email, "ci@p.example");
    }

    #[test]
    fn what_is_wrong_is_told_without_what_stands_there() {
        for text in [
            "made-up-canary",
            r#"{"type":"made-up-canary"}"#,
            r#"{"type":"service_account","client_email":"a@b","private_key_id":"1","private_key":["made-up-canary"]}"#,
            r#"{"type":"service_account","client_email":"a@b","private_key_id":"1","private_key":"made-up-canary","token_uri":"http://example.com/"}"#,
        ] {
            let error = Credentials::parse(text, "GOOGLE_CREDENTIALS").unwrap_err();
            assert!(error.detail.contains("GOOGLE_CREDENTIALS"), "{error}");
            assert!(!format!("{error:?}").contains("made-up-canary"), "{error}");
        }
    }
}
