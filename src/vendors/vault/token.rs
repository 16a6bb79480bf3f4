//! The token in use: given, found, or that of a login, which is made again before it runs out.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::client::VaultClient;
use super::method::Method;
use super::settings::of_environment;
use crate::clock::Clock;
use crate::error::{Error, Kind, Path, Result};
use crate::http::{Body, Call, Repeat, json};
use crate::secret::Secret;
use crate::vendors::environment::expanded;
use crate::vendors::wallet::{self, Lasting};

/// Where the command lines keep the token of their last login.
const TOKEN_FILE: &str = "~/.vault-token";

/// A session counts as ended when a tenth of it is left, and two minutes at the most.
const MARGIN: u64 = 120;

/// A token and how to call it in a message.
#[derive(Debug)]
pub struct Held {
    /// The token.
    pub token: Secret,
    /// `the token in VAULT_TOKEN`: public, for people.
    pub who: String,
    /// Until when a login lasts; `None` for a token that was not made here.
    until: Option<SystemTime>,
    /// Whether it came of a login, so that there can be another.
    pub is_session: bool,
}

/// Holds the token of the client.
pub type Wallet = wallet::Wallet<Held>;

#[derive(Deserialize)]
struct Answer {
    auth: Session,
}

#[derive(Deserialize)]
struct Session {
    client_token: Zeroizing<String>,
    #[serde(default)]
    lease_duration: u64,
}

impl Lasting for Held {
    fn lasts(&self) -> bool {
        self.until.is_none_or(|until| until > now())
    }
}

impl VaultClient {
    /// The token of the provider.
    pub(super) async fn token(&self) -> Result<std::sync::Arc<Held>> {
        self.config().settled()?;
        // Boxed, because a login is a call of this very client.
        let find = Box::pin(self.find());
        self.wallet().get(find).await
    }

    async fn find(&self) -> Result<Held> {
        if let Some(method) = &self.config().method {
            return self.log_in(method).await;
        }
        match &self.config().token {
            Some(token) => Ok(given(token.duplicate(), "the token of the vault block")),
            None => found(),
        }
    }

    async fn log_in(&self, method: &Method) -> Result<Held> {
        let who = method.who();
        let login = method.login(self.aws()).await?;
        let secrets: Vec<&Secret> = login.secrets.iter().collect();
        let operation = format!("POST {}", login.path.trim_start_matches('/'));
        let call = Call {
            body: Body::json(&login.body)?,
            secrets: &secrets,
            ..Call::new(
                &operation,
                reqwest::Method::POST,
                &login.path,
                Repeat::Freely,
            )
        };
        let side = self.anonymous(&who);
        let answer = self.wire()?.call(&side, &call).await;
        let answer: Result<Answer, _> = answer.and_then(|answer| json(&answer, &side, &call));
        let session = answer
            .map_err(|refusal| refusal.explain("The login to Vault failed"))?
            .auth;
        let length = session.lease_duration;
        let margin = MARGIN.min(length / 10);
        Ok(Held {
            token: Secret::new(session.client_token.as_str().to_owned()),
            who: format!("the session of {who}"),
            // A session without an end says that it has none left.
            until: (length > 0).then(|| now() + Duration::from_secs(length - margin)),
            is_session: true,
        })
    }
}

/// The token of the environment, or that of the command lines.
fn found() -> Result<Held> {
    if let Some((token, name)) = of_environment("TOKEN") {
        return Ok(given(Secret::new(token), &format!("the token in {name}")));
    }
    let text = std::fs::read_to_string(expanded(TOKEN_FILE)).map(Zeroizing::new);
    match text.as_deref().map(|text| text.trim()) {
        Ok(token) if !token.is_empty() => Ok(given(
            Secret::new(token.to_owned()),
            &format!("the token in {TOKEN_FILE}"),
        )),
        _ => Err(nothing_found()),
    }
}

fn given(token: Secret, who: &str) -> Held {
    Held {
        token,
        who: who.to_owned(),
        until: None,
        is_session: false,
    }
}

fn nothing_found() -> Error {
    Error::new(
        Kind::Invalid,
        "There is no token for Vault",
        format!(
            "Neither token nor auth is set in the block vault of the provider, BAO_TOKEN and VAULT_TOKEN are not set, and \
             {TOKEN_FILE} holds none. Set one of them, or log in (vault login, bao login)."
        ),
    )
    .at(Path::root("vault"))
}

/// The server counts real time, so an overridden clock has no say here.
fn now() -> SystemTime {
    let seconds = u64::try_from(Clock::system().now().unix()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}
