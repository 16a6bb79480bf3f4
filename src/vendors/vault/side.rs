//! The server as one call reaches it: where it is, with which token, in which namespace, and how it says no.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Request, Url};
use serde::Deserialize;

use super::client::VaultClient;
use super::refusal::{self, Trouble};
use super::token::Held;
use crate::error::{Error, Kind, Result};
use crate::http::{Answer, Asked, Call, ErrorBody, Meaning, Used, Vendor, auth};
use crate::secret::Secret;

const TOKEN: &str = "x-vault-token";
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// An agent in between may ask for it.
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");

/// Whose token a call carries.
#[derive(Clone, Copy)]
pub(super) enum Bearer<'a> {
    /// That of the provider.
    Provider,
    /// This one, which is to be tried.
    Token(&'a Secret),
    /// None: the call carries credentials of its own, those of this.
    Nobody(&'a str),
}

/// What is left of a version that was deleted.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Remains {
    /// The number of the version.
    pub version: u64,
    /// Whether nobody can bring it back.
    pub destroyed: bool,
}

/// One call.
pub(super) struct Side<'a> {
    client: &'a VaultClient,
    namespace: String,
    bearer: Bearer<'a>,
    held: Mutex<Option<Arc<Held>>>,
    renewed: AtomicBool,
    /// What was wrong last.
    trouble: Mutex<Option<Trouble>>,
    remains: Mutex<Option<Remains>>,
}

impl<'a> Side<'a> {
    pub fn new(client: &'a VaultClient, namespace: String, bearer: Bearer<'a>) -> Self {
        Self {
            client,
            namespace,
            bearer,
            held: Mutex::default(),
            renewed: AtomicBool::new(false),
            trouble: Mutex::default(),
            remains: Mutex::default(),
        }
    }

    /// What is left of the version that was asked for.
    pub fn remains(&self) -> Option<Remains> {
        locked(&self.remains).clone()
    }

    /// Whether the last answer was that of a path that exists, and at which nothing stands.
    pub fn says_nothing_is_there(&self) -> bool {
        *locked(&self.trouble) == Some(Trouble::NothingThere)
    }
}

/// What is locked is replaced as a whole, so a panic elsewhere leaves nothing half done.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Vendor for Side<'_> {
    fn name(&self) -> &str {
        "Vault"
    }

    async fn base(&self) -> Result<Url> {
        let mut url = self.client.config().address()?;
        let path = format!("{}/v1", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(url)
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        let headers = request.headers_mut();
        headers.insert(REQUEST, HeaderValue::from_static("true"));
        if !self.namespace.is_empty() {
            let value = HeaderValue::from_str(&self.namespace);
            headers.insert(
                NAMESPACE,
                value.map_err(|_| odd_namespace(&self.namespace))?,
            );
        }
        match self.bearer {
            Bearer::Nobody(who) => Ok(Used {
                who: who.to_owned(),
                hidden: Vec::new(),
            }),
            Bearer::Token(token) => auth::header(
                headers,
                HeaderName::from_static(TOKEN),
                token,
                "the token of this resource",
            ),
            Bearer::Provider => {
                let held = self.client.token().await?;
                *locked(&self.held) = Some(Arc::clone(&held));
                auth::header(
                    headers,
                    HeaderName::from_static(TOKEN),
                    &held.token,
                    &held.who,
                )
            }
        }
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        let told = refusal::told(answer);
        *locked(&self.remains) = told.remains;
        *locked(&self.trouble) = Some(told.trouble);
        told.error
    }

    fn meaning(&self, _: &ErrorBody, status: u16) -> Meaning {
        let trouble = *locked(&self.trouble);
        let may_renew =
            matches!(self.bearer, Bearer::Provider) && !self.renewed.load(Ordering::Relaxed);
        let is_session = locked(&self.held)
            .as_ref()
            .is_some_and(|held| held.is_session);
        match trouble {
            // A token that was revoked or has run out is told by the same words as one that never was.
            Some(Trouble::BadToken) if may_renew && is_session => Meaning::Expired,
            Some(trouble) => trouble.meaning(status),
            None => Meaning::of_status(status),
        }
    }

    fn is_code(&self, code: &str) -> bool {
        refusal::is_code(code)
    }

    fn permission(&self, call: &Call<'_>) -> String {
        refusal::permission(call)
    }

    fn advice(&self, meaning: Meaning, asked: &Asked<'_>, wait: Option<Duration>) -> String {
        let trouble = *locked(&self.trouble);
        refusal::advice(trouble, meaning, asked, &self.namespace, wait)
    }

    async fn renew(&self) -> bool {
        let held = locked(&self.held).take();
        let Some(held) = held.filter(|held| held.is_session) else {
            return false;
        };
        self.renewed.store(true, Ordering::Relaxed);
        self.client.wallet().forget(&held).await;
        true
    }

    fn note_clock(&self, ahead: i64) {
        self.client.note_clock(ahead);
    }
}

fn odd_namespace(namespace: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "The namespace cannot be sent",
        format!(
            "{namespace:?} holds a character that a header may not have. Check namespace, BAO_NAMESPACE and VAULT_NAMESPACE."
        ),
    )
}
