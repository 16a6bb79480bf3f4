//! Everything on AWS: finds region, endpoint and credentials, and signs. Sending is left to [`crate::http`].

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use quick_xml::events::Event;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::caller;
use super::chain::Chain;
use super::credentials::{Held, Wallet};
use super::endpoint::{Service, is_region, no_region, wrong_region};
use super::error_body::error_body;
use super::refusal;
use super::role;
use super::settings::{Config, parse_endpoint};
use super::wire::put_signature;
use crate::error::{Error, Kind, Result};
use crate::http::{
    Answer, Asked, Body, Call, ErrorBody, Http, Meaning, Refusal, Repeat, Used, Vendor, json,
};
use crate::secret::Secret;

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

/// One service as one call reaches it.
struct Side<'a> {
    client: &'a AwsClient,
    service: Service,
    region: Option<&'a str>,
    /// Signs in place of the credentials of the provider.
    signer: Option<&'a Held>,
    /// What signed last.
    held: Mutex<Option<Arc<Held>>>,
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

    /// The same call, signed by `signer` if one is given: while the credentials themselves are being found.
    pub(super) async fn query_as<Output: DeserializeOwned>(
        &self,
        signer: Option<&Held>,
        query: Query<'_>,
    ) -> Result<Output, Refusal> {
        let side = self.side(query.service, None, signer);
        let fixed = [
            ("Action", query.operation),
            ("Version", version(query.service)),
        ];
        let call = Call {
            body: Body::form(fixed.into_iter().chain(query.parameters.iter().copied())),
            ..call(query.operation, query.repeat)
        };
        let answer = self.http.call(&side, &call).await?;
        let text = std::str::from_utf8(&answer.body).ok();
        text.filter(|text| is_answer_to(query.operation, text))
            .and_then(|text| quick_xml::de::from_str(text).ok())
            .ok_or_else(|| Refusal::not_understood(side.side(), side.name(), query.operation))
    }

    /// Makes a call of the JSON protocol. Every one that this provider makes may be repeated.
    pub async fn json<Input: Serialize, Output: DeserializeOwned>(
        &self,
        input: Json<'_, Input>,
    ) -> Result<Output, Refusal> {
        let side = self.side(input.service, input.region, None);
        let text = serde_json::to_string(input.input).map_err(|_| odd_request(input.operation))?;
        let target = format!("{}.{}", input.service.target(), input.operation);
        let target = HeaderValue::try_from(target).map_err(|_| odd_request(input.operation))?;
        let call = Call {
            headers: HeaderMap::from_iter([(HeaderName::from_static("x-amz-target"), target)]),
            body: Body::new(JSON, text.into()),
            secrets: input.secrets,
            ..call(input.operation, Repeat::Freely)
        };
        let answer = self.http.call(&side, &call).await?;
        json(&answer, &side, &call)
    }

    fn side<'a>(
        &'a self,
        service: Service,
        region: Option<&'a str>,
        signer: Option<&'a Held>,
    ) -> Side<'a> {
        Side {
            client: self,
            service,
            region,
            signer,
            held: Mutex::default(),
        }
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
        let mut held = base;
        for role in &self.config.roles {
            // Boxed, because assuming a role is itself a call of this client.
            held = Box::pin(role::assume(self, &held, role)).await?;
        }
        self.check_account(&held).await?;
        Ok(held)
    }

    /// Before anything is done with credentials, they are asked whose they are, if that matters.
    async fn check_account(&self, held: &Held) -> Result<()> {
        let accounts = &self.config.accounts;
        if accounts.all_are_allowed() {
            return Ok(());
        }
        let arn = Box::pin(caller::arn(self, Some(held))).await?;
        accounts.check(caller::account_in(&arn)?, &held.who)
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

fn call(operation: &str, repeat: Repeat) -> Call<'_> {
    Call {
        may_be_quoted: refusal::may_be_quoted(operation),
        ..Call::new(operation, Method::POST, "", repeat)
    }
}

/// Whether a document is the answer to an operation: the page of a proxy says of nothing that it was done.
fn is_answer_to(operation: &str, text: &str) -> bool {
    let mut reader = quick_xml::Reader::from_str(text);
    let name = format!("{operation}Response");
    loop {
        return match reader.read_event() {
            Ok(Event::Start(root) | Event::Empty(root)) => {
                root.local_name().as_ref() == name.as_str()
            }
            Ok(Event::Eof) | Err(_) => false,
            Ok(_) => continue,
        };
    }
}

impl Side<'_> {
    fn held(&self) -> std::sync::MutexGuard<'_, Option<Arc<Held>>> {
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
        self.client.config.max_retries
    }

    async fn base(&self) -> Result<Url> {
        let located = self.client.locate(self.service, self.region).await?;
        Ok(located.0)
    }

    async fn authorize(&self, request: &mut Request, body: &[u8]) -> Result<Used> {
        let held = match self.signer {
            Some(_) => None,
            None => Some(self.client.credentials().await?),
        };
        self.held().clone_from(&held);
        let (_, region) = self.client.locate(self.service, self.region).await?;
        let Some(signer) = held.as_deref().or(self.signer) else {
            return Ok(Used::default());
        };
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
        self.client.wallet.forget(&held).await;
        true
    }

    fn note_clock(&self, ahead: i64) {
        self.client.ahead.store(ahead, Ordering::Relaxed);
    }
}

/// What signs the request: whoever reads it could send the same again for some minutes.
fn signature(request: &Request) -> Option<Secret> {
    let authorization = request.headers().get(AUTHORIZATION)?;
    let (_, signature) = authorization.to_str().ok()?.rsplit_once("Signature=")?;
    Some(Secret::new(signature.to_owned()))
}

fn version(service: Service) -> &'static str {
    match service {
        Service::Iam => "2010-05-08",
        Service::Sts => "2011-06-15",
        Service::SecretsManager => "2017-10-17",
        Service::Ssm => "2014-11-06",
    }
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

fn odd_request(operation: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("The call {operation} could not be written"),
        "Report this as a bug of the provider.",
    )
}
