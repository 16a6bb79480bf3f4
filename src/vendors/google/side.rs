//! One service as one call reaches it: where it is, who calls, and how it says no.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Request, Url};

use super::client::GoogleClient;
use super::refusal;
use super::service::Service;
use super::token::Token;
use crate::error::{Error, Kind, Result};
use crate::http::{Answer, Asked, Call, ErrorBody, Meaning, Used, Vendor, auth};

const QUOTA_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");

/// Who calls.
pub(super) enum Signer<'a> {
    /// The provider.
    Provider,
    /// Whoever has this token.
    Token(&'a Token),
}

/// One service as one call reaches it.
pub(super) struct Side<'a> {
    client: &'a GoogleClient,
    service: Service,
    location: Option<&'a str>,
    signer: Signer<'a>,
}

impl<'a> Side<'a> {
    pub fn new(
        client: &'a GoogleClient,
        service: Service,
        location: Option<&'a str>,
        signer: Signer<'a>,
    ) -> Self {
        Self {
            client,
            service,
            location,
            signer,
        }
    }
}

#[async_trait]
impl Vendor for Side<'_> {
    fn name(&self) -> &str {
        "Google"
    }

    fn side(&self) -> &str {
        self.service.name()
    }

    async fn base(&self) -> Result<Url> {
        self.client.locate(self.service, self.location).await
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        if let Some(project) = self.client.quota_project().await? {
            let value = HeaderValue::from_str(&project).map_err(|_| wrong_quota(&project))?;
            request.headers_mut().insert(QUOTA_PROJECT, value);
        }
        match self.signer {
            Signer::Token(token) => auth::bearer(request.headers_mut(), &token.secret, &token.who),
            Signer::Provider => {
                let token = self.client.token().await?;
                auth::bearer(request.headers_mut(), &token.secret, &token.who)
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
        refusal::permission(call.operation).to_owned()
    }

    fn advice(&self, meaning: Meaning, asked: &Asked<'_>, wait: Option<Duration>) -> String {
        refusal::advice(self.service, meaning, asked, wait)
    }

    fn note_clock(&self, ahead: i64) {
        self.client.note_clock(ahead);
    }
}

fn wrong_quota(project: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "The project for the quota is not valid",
        format!(
            "{project:?} cannot be sent. Check billing_project, or quota_project_id of the credentials."
        ),
    )
}
