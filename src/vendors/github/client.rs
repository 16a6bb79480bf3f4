//! Calls to GitHub.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Method, Request, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::app;
use super::refusal;
use super::settings::{App, Config, Credentials};
use crate::clock::Clock;
use crate::error::Result;
use crate::http::{
    Answer, Asked, Call, ErrorBody, Http, Meaning, Refusal, Repeat, Used, Vendor, advice, auth,
    json,
};
use crate::instant::Instant;
use crate::secret::Secret;

/// The version of the API that this speaks.
const API: &str = "2022-11-28";

/// A token is replaced so long before it ends.
const MARGIN: i64 = 300;

/// The client. Nothing is sent before the first call.
pub struct Client {
    config: Config,
    http: Arc<Http>,
    session: Mutex<Option<Session>>,
}

/// A token for an installation of an app.
struct Session {
    token: Secret,
    until: Instant,
}

#[derive(Deserialize)]
struct Issued {
    token: String,
    expires_at: String,
}

impl Client {
    pub(super) fn new(config: Config, http: Arc<Http>) -> Self {
        Self {
            config,
            http,
            session: Mutex::default(),
        }
    }

    /// Whose a repository is that is named without an owner.
    pub fn owner(&self) -> Option<&str> {
        self.config.owner.as_deref()
    }

    /// Which GitHub it is: another port is another one.
    pub fn host(&self) -> &str {
        self.config.base.authority()
    }

    /// Makes a call.
    pub async fn send(&self, mut call: Call<'_>) -> Result<Answer, Refusal> {
        call.headers = headers();
        self.http.call(self, &call).await
    }

    /// Makes a call and reads what comes back.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        operation: &str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Refusal> {
        let call = Call {
            query,
            ..Call::get(operation, path)
        };
        let answer = self.send(call).await?;
        json(&answer, self, &Call::get(operation, path))
    }

    /// A token of the installation that lasts for a while.
    async fn token(&self, app: &App) -> Result<Secret> {
        let mut session = self.session.lock().await;
        let now = Clock::system().now();
        if let Some(there) = session
            .as_ref()
            .filter(|it| it.until.unix() > now.unix() + MARGIN)
        {
            return Ok(there.token.duplicate());
        }
        let side = AppSide {
            base: &self.config.base,
            statement: app::statement(app, now)?,
            who: format!("app {}", app.id),
        };
        let path = format!("/app/installations/{}/access_tokens", app.installation);
        let call = Call {
            headers: headers(),
            ..Call::new(
                "POST /app/installations/{id}/access_tokens",
                Method::POST,
                &path,
                Repeat::Freely,
            )
        };
        let got = self.http.call(&side, &call).await;
        let issued = got
            .and_then(|answer| json::<Issued>(&answer, &side, &call))
            .map_err(|refusal| {
                refusal.explain(format!(
                    "No token could be obtained for installation {} of GitHub app {}",
                    app.installation, app.id
                ))
            })?;
        let token = Secret::new(issued.token);
        *session = Some(Session {
            token: token.duplicate(),
            // One that does not say is asked for again next time.
            until: Instant::parse(&issued.expires_at).unwrap_or(now),
        });
        Ok(token)
    }
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (
            ACCEPT,
            HeaderValue::from_static("application/vnd.github+json"),
        ),
        (
            reqwest::header::HeaderName::from_static("x-github-api-version"),
            HeaderValue::from_static(API),
        ),
    ])
}

#[async_trait]
impl Vendor for Client {
    fn name(&self) -> &str {
        "GitHub"
    }

    async fn base(&self) -> Result<Url> {
        self.config.settled()?;
        Ok(self.config.base.clone())
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        match &self.config.credentials {
            Credentials::Missing => Err(refusal::nobody()),
            Credentials::Token(token) => auth::bearer(request.headers_mut(), token, "the token"),
            Credentials::App(app) => {
                let token = self.token(app).await?;
                let who = format!("installation {} of app {}", app.installation, app.id);
                auth::bearer(request.headers_mut(), &token, &who)
            }
        }
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

    fn permission(&self, call: &Call<'_>) -> String {
        refusal::permission(call.operation)
    }

    fn advice(&self, meaning: Meaning, asked: &Asked<'_>, wait: Option<Duration>) -> String {
        match meaning {
            Meaning::Missing => format!(
                "GitHub answers so as well where {} may not see what is there. Check the name, and give it {}.",
                asked.credentials, asked.permission
            ),
            Meaning::Wrong => format!(
                "If it was renamed or moved, write its new name. The call was {}, with {}.",
                asked.operation, asked.credentials
            ),
            _ => advice(self.name(), meaning, asked, wait),
        }
    }
}

/// The app itself, which may ask for tokens and nothing else.
struct AppSide<'a> {
    base: &'a Url,
    statement: Secret,
    who: String,
}

#[async_trait]
impl Vendor for AppSide<'_> {
    fn name(&self) -> &str {
        "GitHub"
    }

    async fn base(&self) -> Result<Url> {
        Ok(self.base.clone())
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        auth::bearer(request.headers_mut(), &self.statement, &self.who)
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
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
