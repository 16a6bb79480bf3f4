//! Tokens that the machine hands out: of Compute Engine, Cloud Run, GKE.
//!
//! What is on the machine or on its own link is never asked through a proxy; the client knows that.

use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};

use super::token::{Token, TokenAnswer};
use crate::error::{Error, Kind, Result};
use crate::http::{Answer, Http, is_near};
use crate::vendors::environment::variable;

/// Away from Google Cloud nobody is there to answer.
const LIMIT: Duration = Duration::from_secs(3);

/// Only a metadata server knows this header, and only it may be asked for a token.
const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");
const GOOGLE: HeaderValue = HeaderValue::from_static("Google");

const TOKEN: &str = "instance/service-accounts/default/token";
const PROJECT: &str = "project/project-id";

/// Whether there is a metadata server. The environment can say that there is none.
pub async fn answers(http: &Http) -> Result<bool> {
    Ok(ask(http, "").await?.is_some())
}

/// A token of the machine's service account.
pub async fn token(http: &Http) -> Result<Token> {
    let answer = ask(http, TOKEN).await?.ok_or_else(silent)?;
    if !answer.status.is_success() {
        return Err(refused(&answer));
    }
    let read = serde_json::from_slice::<TokenAnswer>(&answer.body);
    let token = read.map_err(|_| refused(&answer))?;
    Ok(token.token("the service account of this machine".to_owned()))
}

/// The project of the machine.
pub async fn project(http: &Http) -> Result<Option<String>> {
    let answer = ask(http, PROJECT).await?;
    let answer = answer.filter(|answer| answer.status.is_success());
    Ok(answer.and_then(|answer| String::from_utf8(answer.body.to_vec()).ok()))
}

/// What it answers; none where nobody does.
async fn ask(http: &Http, path: &str) -> Result<Option<Answer>> {
    if variable("NO_GCE_CHECK").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let mut request = Request::new(Method::GET, address(path)?);
    request.headers_mut().insert(FLAVOR, GOOGLE);
    match http.send(request, LIMIT).await {
        Ok(answer) => Ok(Some(answer).filter(|it| it.headers.get(FLAVOR) == Some(&GOOGLE))),
        Err(failure) if !failure.answered => Ok(None),
        Err(failure) => Err(failure.error),
    }
}

fn address(path: &str) -> Result<Url> {
    let host = variable("GCE_METADATA_HOST");
    let host = host.as_deref().unwrap_or("169.254.169.254");
    let url = Url::parse(&format!("http://{host}/computeMetadata/v1/{path}"));
    url.ok().filter(is_near).ok_or_else(|| {
        Error::new(
            Kind::Invalid,
            "The address of the metadata server is not valid",
            format!(
                "GCE_METADATA_HOST is {host:?}. It is metadata.google.internal, or an address on this machine or its own link. Unset \
                 it for the usual one."
            ),
        )
    })
}

fn silent() -> Error {
    Error::new(
        Kind::Unavailable,
        "The metadata server does not answer any more",
        "It did a moment ago. Run the command again.",
    )
}

fn refused(answer: &Answer) -> Error {
    Error::new(
        Kind::Unavailable,
        "The metadata server gave no token",
        format!(
            "It answered HTTP {}. Check that this machine has a service account, with the scope cloud-platform.",
            answer.status.as_u16()
        ),
    )
}
