//! What is sent with each call: a token, got with whatever credentials were found.

use async_trait::async_trait;
use reqwest::{Method, Request, Url};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

use super::client::GoogleClient;
use super::credentials::{AuthorizedUser, Credentials, ServiceAccount, as_secret};
use super::service::Service;
use super::side::{Side, Signer};
use super::{jwt, metadata, refusal};
use crate::clock::Clock;
use crate::error::Result;
use crate::http::{
    Answer, Asked, Body, Call, ErrorBody, Meaning, Refusal, Repeat, Used, Vendor, advice, json,
};
use crate::instant::Instant;
use crate::secret::Secret;
use crate::vendors::wallet::Lasting;

/// What a token may be used for. What its owner may do is decided by roles.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Renewed this many seconds before the end, so that no call is sent with what expires on its way.
const MARGIN: i64 = 120;

/// A token and how to call its owner in a message.
#[derive(Debug)]
pub(super) struct Token {
    pub secret: Secret,
    /// `service account ci@… (from GOOGLE_CREDENTIALS)`
    pub who: String,
    expires: Option<Instant>,
}

impl Lasting for Token {
    fn lasts(&self) -> bool {
        let last = self.expires.map(|expires| expires.unix() - MARGIN);
        last.is_none_or(|last| now().unix() < last)
    }
}

/// What every server of tokens answers.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    #[serde(deserialize_with = "as_secret")]
    access_token: Secret,
    #[serde(default = "an_hour")]
    expires_in: i64,
}

fn an_hour() -> i64 {
    3600
}

impl TokenAnswer {
    pub fn token(self, who: String) -> Token {
        Token {
            secret: self.access_token,
            who,
            expires: Some(Instant::from_unix(now().unix() + self.expires_in)),
        }
    }
}

/// The time for signatures and expiry. Google compares it with its own, so an overridden clock has no say here.
fn now() -> Instant {
    Clock::system().wall()
}

/// A token for these credentials.
pub(super) async fn obtain(
    client: &GoogleClient,
    credentials: &Credentials,
    origin: &str,
) -> Result<Token> {
    match credentials {
        Credentials::Token(token) => Ok(Token {
            secret: token.duplicate(),
            who: format!("the access token of {origin}"),
            expires: None,
        }),
        Credentials::ServiceAccount(account) => of_account(client, account, origin).await,
        Credentials::AuthorizedUser(user) => of_user(client, user, origin).await,
        Credentials::External(external) => external.token(client, origin).await,
        Credentials::Machine => metadata::token(client.http()).await,
        Credentials::Impersonated {
            email,
            delegates,
            source,
        } => {
            let base = Box::pin(obtain(client, source, origin)).await?;
            impersonate(client, &base, email, delegates).await
        }
    }
}

async fn of_account(
    client: &GoogleClient,
    account: &ServiceAccount,
    origin: &str,
) -> Result<Token> {
    let who = format!("service account {} (from {origin})", account.email);
    if account
        .universe
        .as_deref()
        .is_some_and(|it| it != super::client::UNIVERSE)
    {
        return Ok(Token {
            secret: jwt::access_token(account, SCOPE, now())?,
            who,
            expires: Some(Instant::from_unix(now().unix() + an_hour())),
        });
    }
    let token = sign_in(client, account, who).await;
    token.map_err(|refusal| refusal.explain("Google gave no token"))
}

/// Shows the key of a service account to the server of tokens.
pub(super) async fn sign_in(
    client: &GoogleClient,
    account: &ServiceAccount,
    who: String,
) -> Result<Token, Refusal> {
    let assertion = jwt::assertion(account, SCOPE, now())?;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", assertion.expose()),
    ];
    let exchange = Exchange {
        url: &account.token_uri,
        who,
        mend: "Check that the service account and its key exist and are enabled.",
    };
    exchange.token(client, &form, &[&assertion]).await
}

async fn of_user(client: &GoogleClient, user: &AuthorizedUser, origin: &str) -> Result<Token> {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", user.client_id.as_str()),
        ("client_secret", user.client_secret.expose()),
        ("refresh_token", user.refresh_token.expose()),
    ];
    let exchange = Exchange {
        url: &user.token_uri,
        who: format!("whoever signed in with gcloud (from {origin})"),
        mend: "Sign in again: gcloud auth application-default login.",
    };
    let secrets = [&user.client_secret, &user.refresh_token];
    let token = exchange.token(client, &form, &secrets).await;
    token.map_err(|refusal| refusal.explain("Google gave no token"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeneratedToken {
    #[serde(deserialize_with = "as_secret")]
    access_token: Secret,
    expire_time: Instant,
}

/// A token of a service account, for whoever may act as it.
pub(super) async fn impersonate(
    client: &GoogleClient,
    base: &Token,
    email: &str,
    delegates: &[String],
) -> Result<Token> {
    let full = |email: &String| match email.contains('/') {
        true => email.clone(),
        false => format!("projects/-/serviceAccounts/{email}"),
    };
    let delegates: Vec<String> = delegates.iter().map(full).collect();
    let path = format!("/projects/-/serviceAccounts/{email}:generateAccessToken");
    let call = Call {
        body: Body::json(
            &json!({ "scope": [SCOPE], "delegates": delegates, "lifetime": "3600s" }),
        )?,
        ..Call::new("GenerateAccessToken", Method::POST, &path, Repeat::Freely)
    };
    let side = Side::new(client, Service::IamCredentials, None, Signer::Token(base));
    let generated = async {
        let answer = client.http().call(&side, &call).await?;
        json::<GeneratedToken>(&answer, &side, &call)
    };
    let generated = generated.await.map_err(|refusal| {
        refusal.explain(format!("Google gave no token of service account {email}"))
    })?;
    Ok(Token {
        secret: generated.access_token,
        who: format!("service account {email} (as which {} acts)", base.who),
        expires: Some(generated.expire_time),
    })
}

/// A server that gives a token for whatever is shown to it.
pub(super) struct Exchange<'a> {
    pub url: &'a Url,
    /// Whose credentials are shown.
    pub who: String,
    /// What to do if they are not accepted.
    pub mend: &'static str,
}

impl Exchange<'_> {
    pub async fn token(
        &self,
        client: &GoogleClient,
        form: &[(&str, &str)],
        secrets: &[&Secret],
    ) -> Result<Token, Refusal> {
        let call = Call {
            body: Body::form(form.iter().copied()),
            secrets,
            ..Call::new("the request for a token", Method::POST, "", Repeat::Freely)
        };
        let answer = client.http().call(self, &call).await?;
        let token: TokenAnswer = json(&answer, self, &call)?;
        Ok(token.token(self.who.clone()))
    }
}

#[async_trait]
impl Vendor for Exchange<'_> {
    fn name(&self) -> &str {
        "Google"
    }

    fn side(&self) -> &str {
        "Google's server of tokens"
    }

    async fn base(&self) -> Result<Url> {
        Ok(self.url.clone())
    }

    async fn authorize(&self, _: &mut Request, _: &[u8]) -> Result<Used> {
        Ok(Used {
            who: self.who.clone(),
            hidden: Vec::new(),
        })
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        refusal::error_body(answer)
    }

    fn meaning(&self, error: &ErrorBody, status: u16) -> Meaning {
        refusal::meaning(error, status)
    }

    fn is_code(&self, code: &str) -> bool {
        refusal::is_code(code)
    }

    fn advice(&self, meaning: Meaning, asked: &Asked<'_>, wait: Option<Duration>) -> String {
        match meaning {
            Meaning::Unknown | Meaning::Forbidden => {
                format!("It does not accept {}. {}", self.who, self.mend)
            }
            _ => advice("Google", meaning, asked, wait),
        }
    }
}
