//! One service as one call reaches it: where it is, who signs, and how it says no.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::AUTHORIZATION;
use reqwest::{Request, Url};

use super::client::AwsClient;
use super::credentials::Held;
use super::endpoint::Service;
use super::error_body::error_body;
use super::refusal;
use super::wire::put_signature;
use crate::error::{Error, Kind, Result};
use crate::http::{Answer, Asked, Call, ErrorBody, Meaning, Used, Vendor};
use crate::secret::Secret;

/// Who signs a call.
#[derive(Clone, Copy)]
pub(super) enum Signer<'a> {
    /// The credentials of the provider.
    Provider,
    /// These credentials.
    Held(&'a Held),
    /// Nobody: the call carries a token, that of this.
    Nobody(&'a str),
}

/// One service as one call reaches it.
pub(super) struct Side<'a> {
    client: &'a AwsClient,
    service: Service,
    region: Option<&'a str>,
    signer: Signer<'a>,
    /// What signed last.
    held: Mutex<Option<Arc<Held>>>,
}

impl<'a> Side<'a> {
    /// A service in a region, or in that of the provider.
    pub fn new(
        client: &'a AwsClient,
        service: Service,
        region: Option<&'a str>,
        signer: Signer<'a>,
    ) -> Self {
        Self {
            client,
            service,
            region,
            signer,
            held: Mutex::default(),
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Arc<Held>>> {
        // It is replaced as a whole, so a panic elsewhere leaves nothing half done.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Vendor for Side<'_> {
    fn name(&self) -> &str {
        "AWS"
    }

    fn side(&self) -> &str {
        self.service.id()
    }

    fn retries(&self) -> usize {
        self.client.retries()
    }

    async fn base(&self) -> Result<Url> {
        let located = self.client.locate(self.service, self.region).await?;
        Ok(located.0)
    }

    async fn authorize(&self, request: &mut Request, body: &[u8]) -> Result<Used> {
        let found = match self.signer {
            Signer::Provider => Some(self.client.credentials().await?),
            _ => None,
        };
        self.held().clone_from(&found);
        let signer = match (self.signer, found.as_deref()) {
            (Signer::Held(held), _) | (_, Some(held)) => held,
            (Signer::Nobody(who), None) => {
                return Ok(Used {
                    who: who.to_owned(),
                    hidden: Vec::new(),
                });
            }
            (Signer::Provider, None) => return Ok(Used::default()),
        };
        let (_, region) = self.client.locate(self.service, self.region).await?;
        put_signature(request, body, self.service, &signer.credentials, &region)
            .map_err(|problem| unsigned(&problem))?;
        let hidden = signer.hidden().map(Secret::duplicate);
        Ok(Used {
            who: signer.who.clone(),
            hidden: hidden.chain(signature(request)).collect(),
        })
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        error_body(answer)
    }

    fn meaning(&self, error: &ErrorBody, status: u16) -> Meaning {
        refusal::meaning(error, status)
    }

    fn is_code(&self, code: &str) -> bool {
        refusal::is_code(code)
    }

    fn permission(&self, call: &Call<'_>) -> String {
        format!("{}:{}", self.service.name(), call.operation)
    }

    fn advice(&self, meaning: Meaning, asked: &Asked<'_>, wait: Option<Duration>) -> String {
        refusal::advice(meaning, asked, wait)
    }

    async fn renew(&self) -> bool {
        let held = self.held().take();
        let Some(held) = held.filter(|held| held.is_temporary()) else {
            return false;
        };
        self.client.forget(&held).await;
        true
    }

    fn note_clock(&self, ahead: i64) {
        self.client.note_clock(ahead);
    }
}

/// What signs the request: whoever reads it could send the same again for some minutes.
pub(super) fn signature(request: &Request) -> Option<Secret> {
    let authorization = request.headers().get(AUTHORIZATION)?;
    let (_, signature) = authorization.to_str().ok()?.rsplit_once("Signature=")?;
    Some(Secret::new(signature.to_owned()))
}

fn unsigned(problem: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "A call could not be signed",
        format!(
            "{problem}. Check that the access key and the session token are whole and on one line."
        ),
    )
}
