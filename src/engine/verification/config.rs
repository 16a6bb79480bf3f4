//! Reads `verification` from the configuration, whose fields stand in `schema`. What cannot work, or would give the key away, is refused here.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method};
use reqwest::Url;

use super::request::Verification;
use super::{CONSECUTIVE, INTERVAL, TIMEOUT};
use crate::duration::Duration;
use crate::error::{Error, Result};
use crate::http::{Escape, Http, Template, is_encrypted_or_local};
use crate::settings::{DROPPED, Settings};

const PLACEHOLDERS: &[&str] = &["key_id", "secret"];

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS"];

/// How long one answer may take, unless the configuration says otherwise.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

const MOST_CONSECUTIVE: u32 = 100;

impl Verification {
    /// Reads the settings. Errors carry the attribute path.
    pub fn from_settings(settings: &Settings, http: Arc<Http>) -> Result<Self> {
        let body = either(settings, "body", "body_wo")?;
        let verification = Self {
            http,
            url: url(settings)?,
            method: method(settings, body.is_some())?,
            headers: headers(settings)?,
            basic_auth: basic_auth(settings)?,
            body,
            expected: expected_status(settings)?,
            timeout: length(settings, "timeout", TIMEOUT)?,
            request_timeout: length(settings, "request_timeout", REQUEST_TIMEOUT)?,
            interval: length(settings, "interval", INTERVAL)?,
            consecutive: consecutive(settings)?,
        };
        refuse_two_authorizations(settings, &verification)?;
        refuse_in_the_clear(settings, &verification.url)?;
        refuse_too_little_time(settings, &verification)?;
        refuse_request_without_key(settings, &verification)?;
        Ok(verification)
    }
}

fn template(settings: &Settings, name: &str, text: &str) -> Result<Template> {
    Template::parse(text, PLACEHOLDERS)
        .map_err(|problem| settings.wrong(name, format!("{name} is not valid"), problem))
}

fn url(settings: &Settings) -> Result<Url> {
    let text = settings.required_string("url")?;
    let wrong = |detail: String| settings.wrong("url", "url is not valid", detail);
    if text.contains("{{") {
        return Err(wrong(
            "It holds a placeholder, and addresses end up in the logs of servers and proxies. Send the key in headers, \
             basic_auth or body."
                .into(),
        ));
    }
    let url = Url::parse(text).map_err(|error| wrong(format!("It cannot be read: {error}.")))?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err(wrong("It begins with neither https:// nor http://.".into()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "It holds a user name or password, which would be shown in messages. Use basic_auth."
                .into(),
        ));
    }
    Ok(url)
}

fn method(settings: &Settings, has_body: bool) -> Result<Method> {
    match settings.one_of("method", METHODS)? {
        // Every listed word is a method.
        Some(word) => Ok(Method::from_bytes(word.as_bytes()).unwrap_or(Method::GET)),
        None if has_body => Err(settings.wrong(
            "method",
            "method is missing",
            "There is a body, and the default GET is rarely meant with one. Set method, such as \"POST\".",
        )),
        None => Ok(Method::GET),
    }
}

/// A template that may be given in the open or write-only.
fn either(settings: &Settings, name: &str, secretly: &str) -> Result<Option<Template>> {
    let read = |name| {
        let text = settings.string(name);
        text.map(|text| template(settings, name, text)).transpose()
    };
    match (read(name)?, read(secretly)?) {
        (Some(_), Some(_)) => Err(settings.wrong(
            secretly,
            format!("{name} and {secretly} exclude each other"),
            format!("Both are set. Keep {secretly} if no plan or state may hold the value."),
        )),
        (open, secret) => Ok(open.or(secret)),
    }
}

fn headers(settings: &Settings) -> Result<Vec<(HeaderName, Template)>> {
    let mut headers = headers_of(settings, "headers")?;
    for (name, value) in headers_of(settings, "headers_wo")? {
        if headers.iter().any(|(other, _)| *other == name) {
            return Err(Error::invalid(
                settings.path_of("headers_wo").key(name.as_str()),
                format!("The header {name} is given twice"),
                "It is in headers and in headers_wo. Keep one of them.",
            ));
        }
        headers.push((name, value));
    }
    Ok(headers)
}

fn headers_of(settings: &Settings, map: &str) -> Result<Vec<(HeaderName, Template)>> {
    let read = |(name, value): (&str, &str)| {
        let path = settings.path_of(map).key(name);
        let wrong = |detail: String| {
            Error::invalid(
                path.clone(),
                format!("The header {name} is not valid"),
                detail,
            )
        };
        let template = Template::parse(value, PLACEHOLDERS).map_err(&wrong)?;
        let sample = template.fill(&[("key_id", "id"), ("secret", "secret")], Escape::None);
        HeaderValue::from_str(&sample).map_err(|_| {
            wrong("Its value holds a character that HTTP does not allow there.".into())
        })?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
            wrong("Its name holds a character that HTTP does not allow there.".into())
        })?;
        Ok((name, template))
    };
    settings.string_map(map).into_iter().map(read).collect()
}

fn basic_auth(settings: &Settings) -> Result<Option<(Template, Template)>> {
    let Some(fields) = settings.object("basic_auth") else {
        return Ok(None);
    };
    let username = fields.string("username").unwrap_or_default();
    let password = either(&fields, "password", "password_wo")?.ok_or_else(|| {
        fields.wrong(
            "password",
            "password is missing",
            format!(
                "Set password or password_wo in {}. {DROPPED}",
                fields.path()
            ),
        )
    })?;
    Ok(Some((template(&fields, "username", username)?, password)))
}

fn expected_status(settings: &Settings) -> Result<Vec<u16>> {
    let read = |number: i64| {
        let status = u16::try_from(number)
            .ok()
            .filter(|status| (200..=599).contains(status));
        status.ok_or_else(|| {
            settings.wrong(
                "expected_status",
                "expected_status is not valid",
                format!(
                    "{number} is not a status that ends a request. Write numbers from 200 to 599."
                ),
            )
        })
    };
    settings
        .integers("expected_status")
        .into_iter()
        .map(read)
        .collect()
}

fn length(settings: &Settings, name: &str, default: Duration) -> Result<Duration> {
    let length = settings.duration(name)?.unwrap_or(default);
    match length.is_zero() {
        false => Ok(length),
        true => Err(settings.wrong(
            name,
            format!("{name} is not valid"),
            "It is zero. Write at least \"1s\".",
        )),
    }
}

fn consecutive(settings: &Settings) -> Result<u32> {
    let Some(number) = settings.integer("consecutive") else {
        return Ok(CONSECUTIVE);
    };
    let known = u32::try_from(number)
        .ok()
        .filter(|count| (1..=MOST_CONSECUTIVE).contains(count));
    known.ok_or_else(|| {
        settings.wrong(
            "consecutive",
            "consecutive is not valid",
            format!("{number} is not between 1 and {MOST_CONSECUTIVE}."),
        )
    })
}

fn refuse_two_authorizations(settings: &Settings, verification: &Verification) -> Result<()> {
    let header = verification
        .headers
        .iter()
        .any(|(name, _)| *name == http::header::AUTHORIZATION);
    match header && verification.basic_auth.is_some() {
        false => Ok(()),
        true => Err(settings.wrong(
            "basic_auth",
            "The request has two authorizations",
            "Both basic_auth and the header Authorization are set. Remove one of them.",
        )),
    }
}

/// Every key would pass it, or none.
fn refuse_request_without_key(settings: &Settings, verification: &Verification) -> Result<()> {
    let with_key = |it: &Template| it.holds("secret") || it.holds("key_id");
    if verification.templates().any(with_key) {
        return Ok(());
    }
    Err(Error::invalid(
        settings.path().clone(),
        "The verification does not use the key",
        format!(
            "Neither {{{{secret}}}} nor {{{{key_id}}}} stands in headers, basic_auth or body, so the answer would say \
             nothing of the key. Add one, such as headers = {{ Authorization = \"Bearer {{{{secret}}}}\" }}. {DROPPED}"
        ),
    ))
}

/// Only this machine may see a request that travels unencrypted. One without the secret may still carry other
/// credentials, and whoever stands on the way could answer it as he likes.
fn refuse_in_the_clear(settings: &Settings, url: &Url) -> Result<()> {
    if is_encrypted_or_local(url) {
        return Ok(());
    }
    Err(settings.wrong(
        "url",
        "The request would travel unencrypted",
        format!(
            "It goes over plain http to {}, and everyone on the way could read and answer it. Use https; http is allowed \
             to this machine (localhost, 127.0.0.1, ::1).",
            url.host_str().unwrap_or_default()
        ),
    ))
}

fn refuse_too_little_time(settings: &Settings, verification: &Verification) -> Result<()> {
    let pauses = verification
        .interval
        .times(u64::from(verification.consecutive) - 1);
    match pauses < verification.timeout {
        true => Ok(()),
        false => Err(settings.wrong(
            "timeout",
            "timeout is too short",
            format!(
                "{} successes (consecutive) with {} between them (interval) take longer than {}. Make timeout longer than \
                 {pauses}, or lower one of the others.",
                verification.consecutive, verification.interval, verification.timeout
            ),
        )),
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
