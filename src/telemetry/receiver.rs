//! Hands metrics over: to the group of a Pushgateway, to what takes OTLP, to Datadog. A secret comes from the environment or a
//! file, never from an argument.

use async_trait::async_trait;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::http::{
    Answer, Body, Call, ErrorBody, Http, Refusal, Repeat, Used, Vendor, auth, is_encrypted_or_local,
};
use crate::ledger::sql::percent_decoded;
use crate::secret::Secret;

/// A pipeline waits for it.
const RETRIES: usize = 3;

/// The key of Datadog.
const DATADOG_KEY: &str = "DD_API_KEY";

/// Headers for whatever takes OTLP, in the words of OpenTelemetry.
const OTLP_HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// Who takes metrics.
pub struct Receiver {
    name: &'static str,
    method: Method,
    url: Url,
    content_type: &'static str,
    credentials: Credentials,
}

enum Credentials {
    None,
    Login(String, Secret),
    Headers(&'static str, Vec<(HeaderName, Secret)>),
}

impl Receiver {
    /// Whether an address is one, before anything is known of keys.
    pub fn check(url: &str, is_gateway: bool) -> Result<()> {
        let url = address(url)?;
        match is_gateway && !names_a_group(&url) {
            true => Err(no_group()),
            false => Ok(()),
        }
    }

    /// A group of a Pushgateway, with a login of the form `user:password` if there is one.
    pub fn gateway(url: &str, login: Option<&Secret>, content_type: &'static str) -> Result<Self> {
        let url = address(url)?;
        if !names_a_group(&url) {
            return Err(no_group());
        }
        let credentials = login.map_or(Credentials::None, |login| {
            let (user, password) = login
                .expose()
                .split_once(':')
                .unwrap_or((login.expose(), ""));
            Credentials::Login(user.to_owned(), Secret::new(password.to_owned()))
        });
        Self {
            name: "The Pushgateway",
            method: Method::PUT,
            url,
            content_type,
            credentials,
        }
        .sound()
    }

    /// Whatever takes OTLP, with the headers that the environment says.
    pub fn otlp(url: &str, content_type: &'static str, path: &str) -> Result<Self> {
        let text = variable(OTLP_HEADERS);
        let headers = text.as_ref().map(headers).transpose()?;
        Self {
            name: "The receiver of OTLP",
            method: Method::POST,
            url: with_a_path(address(url)?, path),
            content_type,
            credentials: headers.map_or(Credentials::None, |all| {
                Credentials::Headers(OTLP_HEADERS, all)
            }),
        }
        .sound()
    }

    /// Datadog, with the key that the environment says.
    pub fn datadog(url: &str, content_type: &'static str, path: &str) -> Result<Self> {
        let key = variable(DATADOG_KEY).ok_or_else(|| {
            Error::new(
                Kind::Invalid,
                "There is no key of Datadog",
                format!("Set {DATADOG_KEY} in the environment. A key in an argument could be read by every process of this machine."),
            )
        })?;
        let header = HeaderName::from_static("dd-api-key");
        Self {
            name: "Datadog",
            method: Method::POST,
            url: with_a_path(address(url)?, path),
            content_type,
            credentials: Credentials::Headers(DATADOG_KEY, vec![(header, key)]),
        }
        .sound()
    }

    fn sound(self) -> Result<Self> {
        let has_secret = !matches!(self.credentials, Credentials::None);
        match has_secret && !is_encrypted_or_local(&self.url) {
            true => Err(wrong("It would send the login unencrypted. Use https://.")),
            false => Ok(self),
        }
    }

    /// Hands one body over.
    pub async fn take(&self, text: String) -> Result<()> {
        let http = Http::new(CancellationToken::new());
        let call = Call {
            body: Body::new(self.content_type, Zeroizing::new(text)),
            may_be_quoted: true,
            ..Call::new("the metrics", self.method.clone(), "", Repeat::Freely)
        };
        let refused = |refusal: Refusal| refusal.explain("The metrics were not taken");
        let answer = http.call(self, &call).await.map_err(refused)?;
        self.took_all(&answer)
    }

    /// What takes OTLP says with 200 that it left something out.
    fn took_all(&self, answer: &Answer) -> Result<()> {
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let partial = &said["partialSuccess"];
        let count = &partial["rejectedDataPoints"];
        let rejected = count
            .as_i64()
            .or(count.as_str().and_then(|count| count.parse().ok()));
        match rejected {
            None | Some(0) => Ok(()),
            Some(many) => Err(Error::new(
                Kind::Other,
                "The metrics were taken in part",
                format!(
                    "{} left out {many} of them: {}",
                    self.name,
                    partial["errorMessage"]
                        .as_str()
                        .unwrap_or("it does not say why")
                ),
            )),
        }
    }
}

fn variable(name: &str) -> Option<Secret> {
    let value = std::env::var(name).ok()?;
    (!value.is_empty()).then(|| Secret::new(value))
}

fn address(text: &str) -> Result<Url> {
    let url = Url::parse(text).map_err(|_| {
        wrong("It is no URL. Write one such as http://localhost:9091/metrics/job/apikey, http://localhost:4318 or https://api.datadoghq.com.")
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("It begins with neither http:// nor https://."));
    }
    if url.password().is_some() || !url.username().is_empty() {
        return Err(wrong(
            "It holds a login, which every process of this machine can read there. Write user:password into a file, \
             and name that with --login of the command metrics.",
        ));
    }
    Ok(url)
}

fn names_a_group(url: &Url) -> bool {
    url.path().contains("/job/")
}

fn no_group() -> Error {
    wrong(
        "It names no group of metrics. Add the path, such as /metrics/job/apikey, with one group for each ledger: \
         what is put there replaces everything in the group.",
    )
}

fn with_a_path(mut url: Url, path: &str) -> Url {
    if url.path() == "/" {
        url.set_path(path);
    }
    url
}

/// `name=value,name=value`, with escapes as in URLs.
fn headers(text: &Secret) -> Result<Vec<(HeaderName, Secret)>> {
    let wrong = || {
        Error::new(
            Kind::Invalid,
            "The headers for OTLP are not valid",
            format!(
                "{OTLP_HEADERS} is a list such as name=value,name=value, with %2C for a comma in a value."
            ),
        )
    };
    let pairs = text
        .expose()
        .split(',')
        .filter(|pair| !pair.trim().is_empty());
    let pairs = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        let name = HeaderName::try_from(name.trim()).map_err(|_| wrong())?;
        let plain = percent_decoded(value.trim()).ok_or_else(wrong)?;
        HeaderValue::from_str(&plain).map_err(|_| wrong())?;
        Ok((name, Secret::new(plain)))
    });
    pairs.collect()
}

fn wrong(detail: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "The address for the metrics is not valid",
        detail,
    )
}

#[async_trait]
impl Vendor for Receiver {
    fn name(&self) -> &str {
        self.name
    }

    fn retries(&self) -> usize {
        RETRIES
    }

    async fn base(&self) -> Result<Url> {
        Ok(self.url.clone())
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        match &self.credentials {
            Credentials::None => Ok(Used {
                who: "a call without a login".into(),
                ..Used::default()
            }),
            Credentials::Login(user, password) => auth::basic(
                request.headers_mut(),
                user,
                password,
                "the login of --login",
            ),
            Credentials::Headers(origin, all) => {
                let mut used = Used {
                    who: format!("{origin} of the environment"),
                    ..Used::default()
                };
                for (name, secret) in all {
                    let more = auth::header(request.headers_mut(), name.clone(), secret, origin)?;
                    used.hidden.extend(more.hidden);
                    // An answer may repeat a token without the word before it.
                    let words = secret.expose().split_whitespace();
                    used.hidden
                        .extend(words.map(|word| Secret::new(word.to_owned())));
                }
                Ok(used)
            }
        }
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        ErrorBody {
            message: String::from_utf8_lossy(&answer.body).trim().to_owned(),
            ..ErrorBody::default()
        }
    }
}
