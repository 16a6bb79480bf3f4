//! The one client of everything on AWS: finds region, endpoint and credentials, signs, sends, repeats.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::chain::Chain;
use super::credentials::{Held, Wallet};
use super::endpoint::{Service, is_region, no_region, wrong_region};
use super::refusal::{self, Asked, Refusal};
use super::role;
use super::settings::{Config, parse_endpoint};
use super::wire::{form, put_signature};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;
use crate::vendors::http::{Answer, Ask, Failure, Http, Repeat};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/x-amz-json-1.1";

/// Signed calls to AWS with the settings of one provider block. Nothing is read or sent before the first.
pub struct AwsClient {
    config: Config,
    http: Arc<Http>,
    chain: OnceCell<Chain>,
    wallet: Wallet,
    /// By how many seconds the clock of AWS is ahead of the machine's.
    ahead: AtomicI64,
}

/// One call of the query protocol: a form goes out, XML comes back.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The service.
    pub service: Service,
    /// The operation, such as `CreateAccessKey`.
    pub operation: &'a str,
    /// Its parameters.
    pub parameters: &'a [(&'a str, &'a str)],
    /// Whether it may be sent again.
    pub repeat: Repeat,
}

/// One call of the JSON protocol.
pub struct Json<'a, Input> {
    /// The service.
    pub service: Service,
    /// The region, in place of the provider's.
    pub region: Option<&'a str>,
    /// The operation, such as `PutSecretValue`.
    pub operation: &'a str,
    /// Its input.
    pub input: &'a Input,
    /// What it carries that must not come back in a message.
    pub secrets: &'a [&'a Secret],
}

struct Call<'a> {
    service: Service,
    region: Option<&'a str>,
    operation: &'a str,
    headers: HeaderMap,
    body: Zeroizing<String>,
    repeat: Repeat,
    secrets: &'a [&'a Secret],
    signer: Option<&'a Held>,
}

impl AwsClient {
    /// A client with the settings of the provider block.
    pub fn new(config: Config, http: Arc<Http>) -> Self {
        Self {
            config,
            http,
            chain: OnceCell::new(),
            wallet: Wallet::default(),
            ahead: AtomicI64::new(0),
        }
    }

    /// By how many seconds the clock of AWS was ahead of the machine's when it answered last.
    pub fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// The HTTP client, for waits that end when a person asks to stop.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Makes a call of the query protocol with the provider's credentials.
    pub async fn query<Output: DeserializeOwned>(
        &self,
        query: Query<'_>,
    ) -> Result<Output, Refusal> {
        self.query_as(None, query).await
    }

    /// The same call with a key that is to be tried.
    pub async fn query_with<Output: DeserializeOwned>(
        &self,
        key_id: &str,
        secret: &Secret,
        query: Query<'_>,
    ) -> Result<Output, Refusal> {
        let key = Credentials::new(key_id, secret.expose(), None, None, "apikey");
        self.query_as(Some(&Held::new(key, "this resource")), query)
            .await
    }

    async fn query_as<Output: DeserializeOwned>(
        &self,
        signer: Option<&Held>,
        query: Query<'_>,
    ) -> Result<Output, Refusal> {
        let fixed = [
            ("Action", query.operation),
            ("Version", version(query.service)),
        ];
        let body = form(fixed.into_iter().chain(query.parameters.iter().copied()));
        let call = Call {
            service: query.service,
            region: None,
            operation: query.operation,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(FORM))]),
            body,
            repeat: query.repeat,
            secrets: &[],
            signer,
        };
        let answer = self.call(&call).await?;
        let text = std::str::from_utf8(&answer.body).ok();
        text.and_then(|text| quick_xml::de::from_str(text).ok())
            .ok_or_else(|| not_understood(&call))
    }

    /// Makes a call of the JSON protocol. Every one that this provider makes may be repeated.
    pub async fn json<Input: Serialize, Output: DeserializeOwned>(
        &self,
        json: Json<'_, Input>,
    ) -> Result<Output, Refusal> {
        let body = serde_json::to_string(json.input)
            .map_err(|_| odd_request(json.operation))?
            .into();
        let target = format!("{}.{}", json.service.name(), json.operation);
        let target = HeaderValue::try_from(target).map_err(|_| odd_request(json.operation))?;
        let call = Call {
            service: json.service,
            region: json.region,
            operation: json.operation,
            headers: HeaderMap::from_iter([
                (CONTENT_TYPE, HeaderValue::from_static(JSON)),
                (HeaderName::from_static("x-amz-target"), target),
            ]),
            body,
            repeat: Repeat::Freely,
            secrets: json.secrets,
            signer: None,
        };
        let answer = self.call(&call).await?;
        serde_json::from_slice(&answer.body).map_err(|_| not_understood(&call))
    }

    async fn call(&self, call: &Call<'_>) -> Result<Answer, Refusal> {
        let retries = self.config.max_retries;
        let ask = Ask {
            whom: call.service.id(),
            what: call.operation,
            repeat: call.repeat,
        };
        let attempt = |limit| self.attempt(call, limit);
        let answer = self.http.retry(ask, retries, attempt).await;
        answer.map_err(Refusal::from)
    }

    async fn attempt(&self, call: &Call<'_>, limit: Duration) -> Result<Answer, Failure<Refusal>> {
        let ready = self.prepare(call).await;
        let (request, held) = ready.map_err(|error| Failure::settled(Refusal::from(error)))?;
        let signer = held.as_deref().or(call.signer);
        let signature = sensitive(&request);
        let sent = self.http.send(request, limit).await;
        let answer = sent.map_err(|failure| failure.map(Refusal::from))?;
        if let Some(theirs) = answer.served_at() {
            let ours = Clock::system().now();
            let ahead = theirs.unix().saturating_sub(ours.unix());
            self.ahead.store(ahead, Ordering::Relaxed);
        }
        if answer.status.is_success() {
            return Ok(answer);
        }
        let hidden = signer.into_iter().flat_map(Held::hidden);
        let carried = call.secrets.iter().copied().chain(&signature);
        let secrets: Vec<&Secret> = hidden.chain(carried).collect();
        let asked = Asked {
            operation: call.operation,
            permission: &format!("{}:{}", call.service.name(), call.operation),
            credentials: signer.map_or("", |held| &held.who),
        };
        let mut failure = refusal::read(&answer, &asked, &secrets);
        if let Some(held) = held.filter(|held| failure.error.is_expired() && held.is_temporary()) {
            self.wallet.forget(&held).await;
            failure.transient = true;
        }
        Err(failure)
    }

    async fn prepare(&self, call: &Call<'_>) -> Result<(Request, Option<Arc<Held>>)> {
        let held = match call.signer {
            Some(_) => None,
            None => Some(self.credentials().await?),
        };
        let (url, region) = self.locate(call.service, call.region).await?;
        let mut request = Request::new(Method::POST, url);
        *request.headers_mut() = call.headers.clone();
        *request.body_mut() = Some(call.body.as_bytes().to_vec().into());
        if let Some(held) = held.as_deref().or(call.signer) {
            put_signature(
                &mut request,
                &call.body,
                call.service,
                &held.credentials,
                &region,
            )
            .map_err(|problem| unsigned(call, &problem))?;
        }
        Ok((request, held))
    }

    async fn chain(&self) -> &Chain {
        self.chain.get_or_init(|| Chain::load(&self.config)).await
    }

    async fn credentials(&self) -> Result<Arc<Held>> {
        self.config.settled()?;
        self.wallet.get(self.find_credentials()).await
    }

    async fn find_credentials(&self) -> Result<Held> {
        let base = match &self.config.key {
            Some(key) => {
                let token = key.token.as_ref().map(|token| token.expose().to_owned());
                let key = Credentials::new(&key.id, key.secret.expose(), token, None, "apikey");
                Held::new(key, "the provider block")
            }
            None => {
                let (credentials, origin) = self.chain().await.credentials().await?;
                Held::new(credentials, &origin)
            }
        };
        match &self.config.role {
            None => Ok(base),
            // Boxed, because assuming a role is itself a call of this client.
            Some(role) => Box::pin(role::assume(self, &base, role)).await,
        }
    }

    /// A call signed by `base` while the credentials themselves are being found.
    pub(super) async fn query_for_role<Output: DeserializeOwned>(
        &self,
        base: &Held,
        query: Query<'_>,
    ) -> Result<Output, Refusal> {
        self.query_as(Some(base), query).await
    }

    async fn locate(&self, service: Service, wanted: Option<&str>) -> Result<(Url, String)> {
        let region = self.region(service, wanted).await?;
        let (url, signing_region) = service.locate(region);
        let url = match self.config.endpoint(service) {
            Some(url) => url.to_owned(),
            None => self.chain().await.endpoint(service).unwrap_or(url),
        };
        let url = parse_endpoint(&url).map_err(|problem| {
            Error::new(
                Kind::Invalid,
                format!("The endpoint of {} is not valid", service.id()),
                format!(
                    "{problem} It comes from AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_… or the profile."
                ),
            )
        })?;
        Ok((url, signing_region))
    }

    /// The region that a call to a service goes to.
    pub async fn region_of(&self, service: Service, wanted: Option<&str>) -> Result<String> {
        let region = self.region(service, wanted).await?;
        Ok(service.locate(region).1)
    }

    async fn region<'a>(
        &'a self,
        service: Service,
        wanted: Option<&'a str>,
    ) -> Result<Option<&'a str>> {
        self.config.settled()?;
        let chain = self.chain().await;
        let mut region = wanted.or_else(|| chain.region());
        if region.is_none() && !service.works_without_region() {
            region = chain.instance_region().await;
        }
        match region {
            Some(region) if !is_region(region) => Err(wrong_region(region)),
            None if !service.works_without_region() => Err(no_region(service)),
            region => Ok(region),
        }
    }
}

impl fmt::Debug for AwsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsClient").finish_non_exhaustive()
    }
}

/// What signs the request: whoever reads it could send the same again for some minutes.
fn sensitive(request: &Request) -> Vec<Secret> {
    let authorization = request.headers().get(AUTHORIZATION);
    let text = authorization.and_then(|value| value.to_str().ok());
    let signature = text.and_then(|text| text.rsplit_once("Signature="));
    signature
        .map(|(_, signature)| Secret::new(signature.to_owned()))
        .into_iter()
        .collect()
}

fn version(service: Service) -> &'static str {
    match service {
        Service::Iam => "2010-05-08",
        Service::Sts => "2011-06-15",
        Service::SecretsManager => "2017-10-17",
    }
}

fn unsigned(call: &Call<'_>, problem: &str) -> Error {
    Error::new(
        Kind::Invalid,
        format!("The call {} could not be signed", call.operation),
        format!(
            "{problem}. Check that the access key and the session token are whole and on one line."
        ),
    )
}

fn odd_request(operation: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("The call {operation} could not be written"),
        "Report this as a bug of the provider.",
    )
}

fn not_understood(call: &Call<'_>) -> Refusal {
    let error = Error::new(
        Kind::Other,
        format!("The answer to {} was not understood", call.operation),
        format!(
            "The call succeeded, but what came back is not an answer of {}. Check that the \
             endpoint is that of AWS.",
            call.service.id()
        ),
    );
    Failure::broken(Refusal::from(error)).into()
}
