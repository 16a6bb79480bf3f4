//! Credentials that the machine hands out: of the container, or of the instance.
//!
//! Never through a proxy, which would hand out credentials of its own machine, or read ours.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};

use super::credentials::Held;
use super::document;
use super::environment::{expanded, truth, variable};
use crate::error::{Error, Kind, Result};
use crate::http::{Answer, Http};

/// As long as the vendor's command line waits: away from EC2 nobody is there to answer.
const INSTANCE_LIMIT: Duration = Duration::from_secs(1);
const CONTAINER_LIMIT: Duration = Duration::from_secs(5);

const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const TOKEN_TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// The credentials of the container; none where the environment names no container.
pub async fn of_container(http: &Http) -> Result<Option<Held>> {
    let relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    let url = match (relative, full) {
        (Some(path), _) => format!("http://169.254.170.2{path}"),
        (None, Some(url)) => url,
        (None, None) => return Ok(None),
    };
    let url = Url::parse(&url).ok().filter(may_be_container);
    let mut request = Request::new(Method::GET, url.ok_or_else(wrong_container)?);
    if let Some(token) = container_token()? {
        request.headers_mut().insert(AUTHORIZATION, token);
    }
    let sent = http.send_directly(request, CONTAINER_LIMIT).await;
    let answer = sent.map_err(|failure| failure.error)?;
    succeeded(&answer, "the container")?;
    document::read(&answer.body, "the container").map(Some)
}

/// Whatever is named here gets the token, so it is this machine, its link, or encrypted.
fn may_be_container(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let is_known = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"].contains(&host);
    let is_loopback = address.is_ok_and(|address| address.is_loopback()) || host == "localhost";
    url.scheme() == "https" || (url.scheme() == "http" && (is_known || is_loopback))
}

fn container_token() -> Result<Option<HeaderValue>> {
    let text = match variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        None => variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        Some(file) => {
            let text = std::fs::read_to_string(expanded(&file)).map_err(|problem| {
                Error::new(
                    Kind::Invalid,
                    "The AWS credentials could not be obtained",
                    format!("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names {file:?}, which cannot be read: {problem}."),
                )
            })?;
            Some(text.trim_end().to_owned())
        }
    };
    let Some(text) = text else { return Ok(None) };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        Error::new(
            Kind::Invalid,
            "The AWS credentials could not be obtained",
            "The token of AWS_CONTAINER_AUTHORIZATION_TOKEN or AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is not one line of \
             plain characters.",
        )
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn wrong_container() -> Error {
    Error::new(
        Kind::Invalid,
        "The address of the container's credentials is not valid",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI is an https URL, or an http URL of this machine, of 169.254.170.2, of \
         169.254.170.23 or of fd00:ec2::23; AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is a path that begins with /.",
    )
}

/// The credentials of the instance's role. None where there is no instance, or it has no role.
pub async fn of_instance(http: &Http) -> Result<Option<Held>> {
    let Some(role) = ask_instance(http, ROLES).await? else {
        return Ok(None);
    };
    let role = String::from_utf8_lossy(&role.body);
    let Some(role) = role.lines().next().filter(|role| !role.is_empty()) else {
        return Ok(None);
    };
    match ask_instance(http, &format!("{ROLES}{role}")).await? {
        Some(answer) => document::read(&answer.body, "the instance metadata").map(Some),
        None => Ok(None),
    }
}

/// The region of the instance, if there is one.
pub async fn region_of_instance(http: &Http) -> Option<String> {
    let path = "/latest/meta-data/placement/region";
    let answer = ask_instance(http, path).await.ok().flatten()?;
    String::from_utf8(answer.body.to_vec()).ok()
}

/// Version 2 of the service: a token first, which a request that was led astray cannot get.
async fn ask_instance(http: &Http, path: &str) -> Result<Option<Answer>> {
    let disabled = "AWS_EC2_METADATA_DISABLED";
    let is_disabled = variable(disabled).map(|text| truth(&text, disabled));
    if is_disabled.transpose()? == Some(true) {
        return Ok(None);
    }
    let mut token = Request::new(Method::PUT, instance_url("/latest/api/token")?);
    let lasting = HeaderValue::from_static("21600");
    token.headers_mut().insert(TOKEN_TTL, lasting);
    // Nobody there is no error: away from EC2 that is what there is.
    let Ok(answer) = http.send_directly(token, INSTANCE_LIMIT).await else {
        return Ok(None);
    };
    succeeded(&answer, "the instance metadata")?;
    let Ok(mut token) = HeaderValue::from_bytes(&answer.body) else {
        return Ok(None);
    };
    token.set_sensitive(true);
    let mut request = Request::new(Method::GET, instance_url(path)?);
    request.headers_mut().insert(TOKEN, token);
    let sent = http.send_directly(request, INSTANCE_LIMIT).await;
    let answer = sent.map_err(|failure| failure.error)?;
    if answer.status.as_u16() == 404 {
        return Ok(None);
    }
    succeeded(&answer, "the instance metadata")?;
    Ok(Some(answer))
}

fn instance_url(path: &str) -> Result<Url> {
    let named = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let mode = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    let usual = match mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6")) {
        true => "http://[fd00:ec2::254]",
        false => "http://169.254.169.254",
    };
    let base = named.as_deref().unwrap_or(usual).trim_end_matches('/');
    Url::parse(&format!("{base}{path}")).map_err(|_| {
        Error::new(
            Kind::Invalid,
            "The address of the instance metadata is not valid",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT is a URL, such as \"http://169.254.169.254\".",
        )
    })
}

fn succeeded(answer: &Answer, origin: &str) -> Result<()> {
    let status = answer.status;
    if status.is_success() {
        return Ok(());
    }
    let kind = match status.is_server_error() || status.as_u16() == 429 {
        true => Kind::Unavailable,
        false => Kind::Denied,
    };
    Err(Error::new(
        kind,
        "The AWS credentials could not be obtained",
        format!(
            "Asked for them, {origin} answered with status {}. Check what it needs (a role, a token, the number of hops), then run the \
             command again.",
            status.as_u16()
        ),
    ))
}
