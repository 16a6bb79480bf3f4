//! The credentials of the provider at an API.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::request::unfit_header;
use crate::error::{Error, Result};
use crate::http::{
    Answer, Body, Call, ErrorBody, Http, Refusal, Repeat, Used, Vendor, auth, error_in_json, json,
};
use crate::secret::Secret;
use crate::settings::Settings;

/// A token is fetched anew so long before it runs out.
const EARLY: Duration = Duration::from_secs(30);

/// How long a token is used whose server does not say how long it lives.
const UNSAID: u64 = 300;

/// Who the provider is.
pub(super) struct Login {
    headers: Vec<(HeaderName, Secret)>,
    scheme: Scheme,
}

enum Scheme {
    /// What the headers say.
    Headers,
    Basic {
        username: String,
        password: Secret,
    },
    OAuth2(Box<OAuth2>),
}

impl Login {
    pub fn read(settings: &Settings) -> Result<Self> {
        let basic = settings.object("basic");
        let oauth2 = settings.object("oauth2");
        let scheme = match (basic, oauth2) {
            (Some(_), Some(_)) => {
                return Err(settings.wrong(
                    "oauth2",
                    "basic and oauth2 exclude each other",
                    "Keep the one that the API asks for.",
                ));
            }
            (Some(basic), None) => Scheme::Basic {
                username: basic.required_string("username")?.to_owned(),
                password: secret(&basic, "password")?,
            },
            (None, Some(oauth2)) => Scheme::OAuth2(Box::new(OAuth2::read(&oauth2)?)),
            (None, None) => Scheme::Headers,
        };
        let headers = headers(settings)?;
        Ok(Self { headers, scheme })
    }

    /// Puts them into a request. A header that is there already stays.
    pub async fn authorize(&self, request: &mut Request, http: &Http, who: &str) -> Result<Used> {
        let mut used = match &self.scheme {
            Scheme::Headers => Used::default(),
            Scheme::Basic { username, password } => {
                auth::basic(request.headers_mut(), username, password, who)?
            }
            Scheme::OAuth2(oauth2) => {
                let token = oauth2
                    .token(http)
                    .await
                    .map_err(|refusal| refusal.explain(format!("No token was given for {who}")))?;
                auth::bearer(request.headers_mut(), &token, who)?
            }
        };
        used.who = who.to_owned();
        for (name, value) in &self.headers {
            used.hidden.extend(pieces(value));
            if !request.headers().contains_key(name) {
                request.headers_mut().insert(name, sensitive(value)?);
            }
        }
        Ok(used)
    }

    /// Forgets a token that is not accepted any more. Whether another may be.
    pub async fn renew(&self) -> bool {
        match &self.scheme {
            Scheme::OAuth2(oauth2) => oauth2.token.lock().await.take().is_some(),
            _ => false,
        }
    }

    /// Whether credentials that are refused may only have run out.
    pub fn may_run_out(&self) -> bool {
        matches!(self.scheme, Scheme::OAuth2(_))
    }
}

/// A value of a header, and what follows the name of its scheme.
fn pieces(value: &Secret) -> impl Iterator<Item = Secret> {
    let whole = value.expose();
    let credentials = whole.split_once(' ').map(|(_, rest)| rest);
    [Some(whole), credentials]
        .into_iter()
        .flatten()
        .map(|text| Secret::new(text.to_owned()))
        .collect::<Vec<_>>()
        .into_iter()
}

fn sensitive(value: &Secret) -> Result<HeaderValue> {
    let fault = || unfit_header(Default::default(), "of the provider");
    let mut value = HeaderValue::from_str(value.expose()).map_err(|_| fault())?;
    value.set_sensitive(true);
    Ok(value)
}

fn headers(settings: &Settings) -> Result<Vec<(HeaderName, Secret)>> {
    let read = |(name, value): (&str, &str)| {
        let fault = || unfit_header(settings.path_of("headers").key(name), name);
        if value.contains("{{") {
            return Err(Error::invalid(
                settings.path_of("headers").key(name),
                format!("The header {name:?} is not valid"),
                "It holds a placeholder, and the headers of an API are the same for all requests. Put it into the headers of \
                 the request.",
            ));
        }
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| fault())?;
        HeaderValue::from_str(value).map_err(|_| fault())?;
        Ok((header, Secret::new(value.to_owned())))
    };
    settings
        .string_map("headers")
        .into_iter()
        .map(read)
        .collect()
}

fn secret(settings: &Settings, name: &str) -> Result<Secret> {
    let text = settings.required_string(name)?;
    Ok(Secret::new(text.to_owned()))
}

/// Client credentials (RFC 6749, section 4.4).
struct OAuth2 {
    url: Url,
    client_id: String,
    client_secret: Secret,
    scope: Option<String>,
    audience: Option<String>,
    in_body: bool,
    /// The token that is in use, and until when.
    token: Mutex<Option<(Arc<Secret>, Instant)>>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl OAuth2 {
    fn read(settings: &Settings) -> Result<Self> {
        let owned = |name: &str| settings.string(name).map(str::to_owned);
        Ok(Self {
            url: super::api::address(settings, "token_url")?,
            client_id: settings.required_string("client_id")?.to_owned(),
            client_secret: secret(settings, "client_secret")?,
            scope: owned("scope"),
            audience: owned("audience"),
            in_body: settings.one_of("client_in", &["header", "body"])? == Some("body"),
            token: Mutex::default(),
        })
    }

    /// The token in use, fetched if there is none. Whoever asks meanwhile waits for the same one.
    async fn token(&self, http: &Http) -> Result<Arc<Secret>, Refusal> {
        let mut held = self.token.lock().await;
        if let Some((token, until)) = held.as_ref()
            && Instant::now() < *until
        {
            return Ok(Arc::clone(token));
        }
        let granted = self.fetch(http).await?;
        let lifetime = Duration::from_secs(granted.expires_in.unwrap_or(UNSAID));
        let token = Arc::new(Secret::new(granted.access_token));
        let until = Instant::now() + lifetime.saturating_sub(EARLY);
        *held = Some((Arc::clone(&token), until));
        Ok(token)
    }

    async fn fetch(&self, http: &Http) -> Result<Granted, Refusal> {
        let optional = [("scope", &self.scope), ("audience", &self.audience)];
        let optional = optional
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let client = [
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.expose()),
        ];
        let client = client.into_iter().filter(|_| self.in_body);
        let grant = [("grant_type", "client_credentials")].into_iter();
        let secrets = [&self.client_secret];
        let call = Call {
            body: Body::form(grant.chain(optional).chain(client)),
            secrets: &secrets,
            ..Call::new("POST token_url", Method::POST, "", Repeat::Freely)
        };
        json(&http.call(self, &call).await?, self, &call)
    }
}

#[async_trait]
impl Vendor for OAuth2 {
    fn name(&self) -> &str {
        "The token server"
    }

    async fn base(&self) -> Result<Url> {
        Ok(self.url.clone())
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        let who = "the client of oauth2";
        match self.in_body {
            true => Ok(Used {
                who: who.to_owned(),
                hidden: Vec::new(),
            }),
            false => auth::basic(
                request.headers_mut(),
                &self.client_id,
                &self.client_secret,
                who,
            ),
        }
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        error_in_json(answer, "/error", "/error_description")
    }
}
