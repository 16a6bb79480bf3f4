//! Hands metrics to a Pushgateway: one PUT of everything, so that a key that is gone is gone there.

use async_trait::async_trait;
use reqwest::{Method, Request, Url};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::http::{
    Answer, Body, Call, ErrorBody, Http, Refusal, Repeat, Used, Vendor, auth, is_encrypted_or_local,
};
use crate::secret::Secret;

/// A pipeline waits for it.
const RETRIES: usize = 3;

/// Puts a text to a URL, with a login of the form `user:password` if there is one.
pub async fn push(
    url: &str,
    login: Option<&Secret>,
    content_type: &'static str,
    text: String,
) -> Result<()> {
    let gateway = Gateway::at(url, login)?;
    let http = Http::new(CancellationToken::new());
    let call = Call {
        body: Body::new(content_type, Zeroizing::new(text)),
        may_be_quoted: true,
        ..Call::new("PUT of the metrics", Method::PUT, "", Repeat::Freely)
    };
    let pushed = http.call(&gateway, &call).await;
    let refused = |refusal: Refusal| refusal.explain("The metrics were not taken");
    pushed.map(|_| ()).map_err(refused)
}

struct Gateway {
    url: Url,
    login: Option<(String, Secret)>,
}

impl Gateway {
    fn at(text: &str, login: Option<&Secret>) -> Result<Self> {
        let wrong = |detail: &str| Error::new(Kind::Invalid, "--push is not valid", detail);
        let url = Url::parse(text).map_err(|_| {
            wrong("It is no URL. Write the group of the Pushgateway, such as http://localhost:9091/metrics/job/apikey.")
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("It begins with neither http:// nor https://."));
        }
        if url.password().is_some() {
            return Err(wrong(
                "It holds a password, which every process of this machine can read there. Write user:password into a file, \
                 and name that with --login.",
            ));
        }
        if !url.path().contains("/job/") {
            return Err(wrong(
                "It names no group of metrics. Add the path, such as /metrics/job/apikey, with one group for each ledger: \
                 what is put there replaces everything in the group.",
            ));
        }
        if login.is_some() && !is_encrypted_or_local(&url) {
            return Err(wrong("It would send the login unencrypted. Use https://."));
        }
        let pair = login.map(|login| {
            login
                .expose()
                .split_once(':')
                .unwrap_or((login.expose(), ""))
        });
        Ok(Self {
            url,
            login: pair.map(|(user, password)| (user.to_owned(), Secret::new(password.to_owned()))),
        })
    }
}

#[async_trait]
impl Vendor for Gateway {
    fn name(&self) -> &str {
        "The Pushgateway"
    }

    fn retries(&self) -> usize {
        RETRIES
    }

    async fn base(&self) -> Result<Url> {
        Ok(self.url.clone())
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        match &self.login {
            None => Ok(Used {
                who: "a call without a login".into(),
                ..Used::default()
            }),
            Some((user, password)) => auth::basic(
                request.headers_mut(),
                user,
                password,
                "the login of --login",
            ),
        }
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        ErrorBody {
            message: String::from_utf8_lossy(&answer.body).trim().to_owned(),
            ..ErrorBody::default()
        }
    }
}
