//! Calls to one cluster.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Request, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, OnceCell};

use super::access::{Access, Credentials, read};
use super::exec::Issued;
use super::reach::{network, server};
use super::refusal;
use super::settings::Config;
use crate::clock::Clock;
use crate::error::Result;
use crate::http::{
    Answer, Asked, Call, ErrorBody, Http, Meaning, Refusal, Used, Vendor, advice, auth, json,
};
use crate::secret::Secret;

/// Handed out credentials are replaced so long before they end.
const MARGIN: i64 = 60;

/// The client of a cluster. Nothing is read or sent before the first call.
pub struct Client {
    config: Config,
    http: Arc<Http>,
    wire: Mutex<Option<Arc<Wire>>>,
    identity: OnceCell<String>,
}

/// The way to the cluster with the credentials that are in use now.
struct Wire {
    http: Http,
    base: Url,
    access: Access,
    /// What the exec plugin handed out.
    issued: Option<Issued>,
}

#[derive(Deserialize)]
struct Namespace {
    metadata: NamespaceMetadata,
}

#[derive(Deserialize)]
struct NamespaceMetadata {
    uid: String,
}

impl Client {
    pub(super) fn new(config: Config, http: Arc<Http>) -> Self {
        Self {
            config,
            http,
            wire: Mutex::default(),
            identity: OnceCell::new(),
        }
    }

    /// Makes a call and reads what comes back.
    pub async fn call<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Refusal> {
        let wire = self.wire().await?;
        match wire.http.call(&*wire, call).await {
            Ok(answer) => json(&answer, &*wire, call),
            // Credentials of an exec plugin may have been ended before their time.
            Err(refusal) if refusal.meaning == Meaning::Unknown && wire.issued.is_some() => {
                self.forget(&wire).await;
                let wire = self.wire().await?;
                let answer = wire.http.call(&*wire, call).await?;
                json(&answer, &*wire, call)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Which cluster it is: by the uid of a namespace that every cluster has, or by the URL of the server where that may
    /// not be read.
    pub async fn identity(&self) -> Result<&str> {
        let find = || async {
            let call = Call {
                may_be_quoted: true,
                ..Call::get("get namespaces", "/api/v1/namespaces/kube-system")
            };
            match self.call::<Namespace>(&call).await {
                Ok(namespace) => Ok(namespace.metadata.uid),
                Err(refusal)
                    if matches!(refusal.meaning, Meaning::Forbidden | Meaning::Missing) =>
                {
                    self.url().await
                }
                Err(refusal) => {
                    Err(refusal.explain("The Kubernetes cluster could not be identified"))
                }
            }
        };
        self.identity
            .get_or_try_init(find)
            .await
            .map(String::as_str)
    }

    /// Where its server is.
    pub async fn url(&self) -> Result<String> {
        let base = self.wire().await?.base.to_string();
        Ok(base.trim_end_matches('/').to_owned())
    }

    async fn wire(&self) -> Result<Arc<Wire>> {
        let mut slot = self.wire.lock().await;
        if let Some(wire) = slot.as_ref().filter(|wire| wire.is_good()) {
            return Ok(Arc::clone(wire));
        }
        let wire = Arc::new(Wire::find(&self.config, &self.http).await?);
        *slot = Some(Arc::clone(&wire));
        Ok(wire)
    }

    async fn forget(&self, wire: &Arc<Wire>) {
        let mut slot = self.wire.lock().await;
        if slot.as_ref().is_some_and(|there| Arc::ptr_eq(there, wire)) {
            *slot = None;
        }
    }
}

impl Wire {
    async fn find(config: &Config, http: &Http) -> Result<Self> {
        let mut access = Access::find(config)?;
        let issued = match &access.credentials {
            Credentials::Exec(exec) => Some(exec.run(&access.cluster()).await?),
            _ => None,
        };
        if let Some(Issued {
            certificate: Some((certificate, key)),
            ..
        }) = &issued
        {
            access.certificate = Some((certificate.clone(), key.duplicate()));
        }
        let mut base = server(&access.server)?;
        let network = network(&access, &mut base)?;
        Ok(Self {
            http: http.through(network),
            base,
            access,
            issued,
        })
    }

    /// Whether its credentials last for a while. The cluster means the real time.
    fn is_good(&self) -> bool {
        let until = self.issued.as_ref().and_then(|issued| issued.until);
        until.is_none_or(|until| until.unix() > Clock::system().now().unix() + MARGIN)
    }
}

#[async_trait]
impl Vendor for Wire {
    fn name(&self) -> &str {
        "Kubernetes"
    }

    async fn base(&self) -> Result<Url> {
        Ok(self.base.clone())
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        let who = &self.access.who;
        match &self.access.credentials {
            Credentials::Token(token) => auth::bearer(request.headers_mut(), token, who),
            Credentials::TokenFile(path) => {
                let token = Secret::new(
                    read(path, "The token of the service account")?
                        .trim()
                        .to_owned(),
                );
                auth::bearer(request.headers_mut(), &token, who)
            }
            Credentials::Basic(user, password) => {
                auth::basic(request.headers_mut(), user, password, who)
            }
            Credentials::Exec(_) => match self.issued.as_ref().and_then(|it| it.token.as_ref()) {
                Some(token) => auth::bearer(request.headers_mut(), token, who),
                None => Ok(nothing(who)),
            },
            Credentials::Nothing => Ok(nothing(who)),
        }
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        refusal::error_body(answer)
    }

    fn is_code(&self, code: &str) -> bool {
        refusal::is_code(code)
    }

    fn permission(&self, call: &Call<'_>) -> String {
        refusal::permission(call.operation)
    }

    fn advice(&self, meaning: Meaning, asked: &Asked<'_>, wait: Option<Duration>) -> String {
        let usual = advice(self.name(), meaning, asked, wait);
        match meaning {
            Meaning::Forbidden => {
                format!("{usual} A quota or an admission rule may refuse it as well.")
            }
            _ => usual,
        }
    }
}

fn nothing(who: &str) -> Used {
    Used {
        who: who.to_owned(),
        hidden: Vec::new(),
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
