//! Reads `verification` from the configuration, whose fields stand in `schema`. What cannot work, or would give the key away, is refused here.

use std::sync::Arc;

use reqwest::Url;

use super::request::Verification;
use super::{CONSECUTIVE, INTERVAL, TIMEOUT};
use crate::duration::Duration;
use crate::error::{Error, Result};
use crate::http::{Http, Template, configured};
use crate::settings::{DROPPED, Settings};

const PLACEHOLDERS: &[&str] = &["key_id", "secret"];

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS"];

/// How long one answer may take, unless the configuration says otherwise.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

const MOST_CONSECUTIVE: u32 = 100;

impl Verification {
    /// Reads the settings. Errors carry the attribute path.
    pub fn from_settings(settings: &Settings, http: Arc<Http>) -> Result<Self> {
        let body = configured::either(settings, "body", "body_wo", PLACEHOLDERS)?;
        let verification = Self {
            http,
            url: url(settings)?,
            method: configured::method(settings, METHODS, body.is_some())?,
            headers: configured::headers(settings, PLACEHOLDERS)?,
            basic_auth: basic_auth(settings)?,
            body,
            expected: expected_status(settings)?,
            timeout: length(settings, "timeout", TIMEOUT)?,
            request_timeout: length(settings, "request_timeout", REQUEST_TIMEOUT)?,
            interval: length(settings, "interval", INTERVAL)?,
            consecutive: consecutive(settings)?,
        };
        refuse_two_authorizations(settings, &verification)?;
        refuse_too_little_time(settings, &verification)?;
        refuse_request_without_key(settings, &verification)?;
        Ok(verification)
    }
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
    configured::url(settings, "url", text)
}

fn basic_auth(settings: &Settings) -> Result<Option<(Template, Template)>> {
    let Some(fields) = settings.object("basic_auth") else {
        return Ok(None);
    };
    let username = fields.string("username").unwrap_or_default();
    let password = configured::either(&fields, "password", "password_wo", PLACEHOLDERS)?
        .ok_or_else(|| {
            fields.wrong(
                "password",
                "password is missing",
                format!(
                    "Set password or password_wo in {}. {DROPPED}",
                    fields.path()
                ),
            )
        })?;
    let username = configured::template(&fields, "username", username, PLACEHOLDERS)?;
    Ok(Some((username, password)))
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
