//! Calls to Vault. Nothing is read or sent before the first.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::cluster::Cluster;
use super::settings::Config;
use super::side::{Bearer, Remains, Side};
use super::token::Wallet;
use super::trust;
use crate::error::Result;
use crate::http::{Answer, Body, Call, Http, Refusal, Repeat, json};
use crate::secret::Secret;
use crate::vendors::aws::AwsClient;

/// One server, or one cluster of them.
pub struct VaultClient {
    config: Config,
    http: Arc<Http>,
    aws: Option<Arc<AwsClient>>,
    /// The HTTP client with the certificates that are set for Vault.
    wire: OnceLock<Http>,
    wallet: Wallet,
    cluster: OnceCell<Cluster>,
    /// By how many seconds the clock of the server is ahead of the machine's.
    ahead: AtomicI64,
}

/// What stands at a path that was read.
pub enum Looked<T> {
    /// This.
    There(T),
    /// A version of a secret that was deleted or destroyed.
    Gone(Remains),
    /// Nothing.
    Nothing,
}

/// A call with a body in JSON, at a path without `/v1`.
pub fn call<'a>(
    operation: &'a str,
    method: Method,
    path: &'a str,
    body: &impl Serialize,
    repeat: Repeat,
) -> Result<Call<'a>> {
    Ok(Call {
        body: Body::json(body)?,
        ..Call::new(operation, method, path, repeat)
    })
}

impl VaultClient {
    /// A client with the settings of the provider block.
    pub fn new(config: Config, http: Arc<Http>, aws: Option<Arc<AwsClient>>) -> Self {
        Self {
            config,
            http,
            aws,
            wire: OnceLock::new(),
            wallet: Wallet::default(),
            cluster: OnceCell::new(),
            ahead: AtomicI64::new(0),
        }
    }

    /// By how many seconds the clock of the server was ahead of the machine's when it answered last.
    pub fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// The namespace that is meant where `own` is set or not; empty for the root.
    pub fn namespace(&self, own: Option<&str>) -> String {
        own.map_or_else(|| self.config.namespace(), str::to_owned)
    }

    /// Makes a call in a namespace and reads the answer.
    pub async fn json<T: DeserializeOwned>(
        &self,
        namespace: Option<&str>,
        call: &Call<'_>,
    ) -> Result<T, Refusal> {
        let side = Side::new(self, self.namespace(namespace), Bearer::Provider);
        json(&self.send(&side, call).await?, &side, call)
    }

    /// Makes a call whose answer may be empty. A proxy's page says of nothing that it was done.
    pub async fn json_or_nothing<T: DeserializeOwned>(
        &self,
        namespace: Option<&str>,
        call: &Call<'_>,
    ) -> Result<Option<T>, Refusal> {
        let side = Side::new(self, self.namespace(namespace), Bearer::Provider);
        let answer = self.send(&side, call).await?;
        match answer.body.is_empty() {
            true => Ok(None),
            false => json::<Answered>(&answer, &side, call)
                .and_then(|_| json(&answer, &side, call))
                .map(Some),
        }
    }

    /// Makes a call whose answer says nothing.
    pub async fn done(&self, namespace: Option<&str>, call: &Call<'_>) -> Result<(), Refusal> {
        let answer = self.json_or_nothing::<Answered>(namespace, call).await;
        answer.map(drop)
    }

    /// Makes a call that ends the very token that it is made with.
    pub async fn end_session(
        &self,
        token: &Secret,
        namespace: Option<&str>,
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        let side = Side::new(self, self.namespace(namespace), Bearer::Token(token));
        self.send(&side, call).await.map(drop)
    }

    /// Makes a call with a token that is to be tried.
    pub async fn as_token<T: DeserializeOwned>(
        &self,
        token: &Secret,
        namespace: Option<&str>,
        call: &Call<'_>,
    ) -> Result<T, Refusal> {
        let side = Side::new(self, self.namespace(namespace), Bearer::Token(token));
        json(&self.send(&side, call).await?, &side, call)
    }

    /// Makes a call that carries credentials of its own, those of `who`.
    pub async fn logged_in_as<T: DeserializeOwned>(
        &self,
        who: &str,
        namespace: Option<&str>,
        call: &Call<'_>,
    ) -> Result<T, Refusal> {
        let side = Side::new(self, self.namespace(namespace), Bearer::Nobody(who));
        json(&self.send(&side, call).await?, &side, call)
    }

    /// Reads what may not be there, or not any more.
    pub async fn look<T: DeserializeOwned>(
        &self,
        namespace: Option<&str>,
        call: &Call<'_>,
    ) -> Result<Looked<T>, Refusal> {
        let side = Side::new(self, self.namespace(namespace), Bearer::Provider);
        match self.send(&side, call).await {
            Ok(answer) => json(&answer, &side, call).map(Looked::There),
            Err(refusal) => match side.remains() {
                Some(remains) => Ok(Looked::Gone(remains)),
                None if side.says_nothing_is_there() => Ok(Looked::Nothing),
                None => Err(refusal),
            },
        }
    }

    async fn send(&self, side: &Side<'_>, call: &Call<'_>) -> Result<Answer, Refusal> {
        self.wire()?.call(side, call).await
    }

    /// Which cluster it is. Whoever has no token is told so first: nothing can be done with the answer.
    pub async fn cluster_id(&self) -> Result<&str> {
        self.token().await?;
        let found = self.cluster.get_or_try_init(|| Cluster::find(self)).await;
        found.map(|cluster| cluster.id.as_str())
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn aws(&self) -> Option<&AwsClient> {
        self.aws.as_deref()
    }

    pub(super) fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// A side of the server for calls that nobody's token is sent with.
    pub(super) fn anonymous<'a>(&'a self, who: &'a str) -> Side<'a> {
        Side::new(self, self.namespace(None), Bearer::Nobody(who))
    }

    /// The same in no namespace.
    pub(super) fn anonymous_at_root<'a>(&'a self, who: &'a str) -> Side<'a> {
        Side::new(self, String::new(), Bearer::Nobody(who))
    }

    /// The HTTP client as Vault is reached with it.
    pub(super) fn wire(&self) -> Result<&Http> {
        if let Some(wire) = self.wire.get() {
            return Ok(wire);
        }
        let wire = trust::http(&self.http, &self.config)?;
        Ok(self.wire.get_or_init(|| wire))
    }

    pub(super) fn note_clock(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::Relaxed);
    }
}

/// Any answer of the API.
#[derive(serde::Deserialize)]
struct Answered {
    #[serde(rename = "request_id")]
    _request_id: String,
}

impl fmt::Debug for VaultClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultClient").finish_non_exhaustive()
    }
}
