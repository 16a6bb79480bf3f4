//! One destination of the provider block, and how a message gets there. Where it is, and what is signed with, are secrets.

use std::time::Duration as Time;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Request, StatusCode, Url};
use serde_json::Value;

use super::signature::{self, SigningSecret};
use super::{Trouble, body};
use crate::context::Context;
use crate::error::{Error, Path, Result};
use crate::http::{Answer, is_encrypted_or_local};
use crate::ledger::outbox::Message;
use crate::secret::Secret;
use crate::settings::{Settings, choice};

/// The sorts of destinations.
const KINDS: [&str; 5] = ["datadog", "pagerduty", "slack", "teams", "webhook"];

/// Where Datadog takes events, in its first region.
const DATADOG: &str = "https://api.datadoghq.com";

/// Where PagerDuty takes events, outside of its European region.
const PAGERDUTY: &str = "https://events.pagerduty.com";

/// Somebody who is told.
pub enum Destination {
    /// An incoming webhook of Slack.
    Slack(Secret),
    /// A workflow of Microsoft Teams.
    Teams(Secret),
    /// The events of a Datadog organization: its site and an API key.
    Datadog(Secret, Secret),
    /// An integration of PagerDuty: its region and its routing key.
    PagerDuty(Secret, Secret),
    /// Anybody who reads Standard Webhooks, and what is signed with.
    Webhook(Secret, Vec<SigningSecret>),
}

impl Destination {
    /// As it stands in the provider block.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        let given = KINDS.into_iter().filter_map(|kind| settings.object(kind));
        let [inner] = &given.collect::<Vec<_>>()[..] else {
            return Err(Error::invalid(
                settings.path().clone(),
                "A destination is of one sort",
                format!(
                    "Set exactly one of {} in {}.",
                    choice(&KINDS),
                    settings.path()
                ),
            ));
        };
        let kind = KINDS
            .into_iter()
            .find(|kind| *inner.path() == settings.path_of(kind));
        match kind {
            Some("slack") => Ok(Self::Slack(url(inner, "url")?)),
            Some("teams") => Ok(Self::Teams(url(inner, "url")?)),
            Some("datadog") => Ok(Self::Datadog(
                endpoint(inner, DATADOG)?,
                key(inner, "api_key")?,
            )),
            Some("pagerduty") => Ok(Self::PagerDuty(
                endpoint(inner, PAGERDUTY)?,
                key(inner, "routing_key")?,
            )),
            _ => Ok(Self::Webhook(url(inner, "url")?, signing_secrets(inner)?)),
        }
    }

    /// Sends a message once.
    pub async fn send(
        &self,
        message: &Message,
        limit: Time,
        context: &Context,
    ) -> Result<(), Trouble> {
        let request = self
            .request(message, context.clock.wall().unix())
            .ok_or_else(|| Trouble {
                why: "the message could not be written".into(),
                is_final: true,
                wait: None,
            })?;
        let sent = context.http().send(request, limit).await;
        let answer = sent.map_err(|failure| Trouble::passing(failure.error.summary))?;
        let status = answer.status.as_u16();
        match answer.status.is_success() {
            true if self.is_taken(&answer) => Ok(()),
            true => Err(Trouble::passing(format!(
                "what answered {status} is not who was to be told: a proxy, or a page to sign in"
            ))),
            false => Err(Trouble {
                // Of the answer nothing is shown: it may repeat what was sent.
                why: format!("the other side answered {status}"),
                is_final: is_final(answer.status),
                wait: answer.retry_after(),
            }),
        }
    }

    /// Whether an answer of success is that of the vendor, in its words. Of a webhook no more is agreed than the status.
    fn is_taken(&self, answer: &Answer) -> bool {
        let says = |word: &str| {
            let said = serde_json::from_slice::<Value>(&answer.body);
            said.is_ok_and(|said| said["status"] == word)
        };
        match self {
            Self::Slack(_) => answer.body.trim_ascii() == b"ok",
            Self::PagerDuty(..) => says("success"),
            Self::Datadog(..) => says("ok"),
            Self::Teams(_) => !answer.body.trim_ascii_start().starts_with(b"<"),
            Self::Webhook(..) => true,
        }
    }

    fn request(&self, message: &Message, now: i64) -> Option<Request> {
        let told = &message.told;
        let (url, text) = match self {
            Self::Slack(url) => (url.expose().to_owned(), body::slack(told)),
            Self::Teams(url) => (url.expose().to_owned(), body::teams(told)),
            Self::Webhook(url, _) => (url.expose().to_owned(), body::webhook(told)),
            Self::Datadog(endpoint, _) => {
                let endpoint = endpoint.expose().trim_end_matches('/');
                (
                    format!("{endpoint}/api/v1/events"),
                    body::datadog(told, &message.resource_id),
                )
            }
            Self::PagerDuty(endpoint, key) => {
                let (path, text) = body::pagerduty(told, &message.resource_id, key.expose());
                let endpoint = endpoint.expose().trim_end_matches('/');
                (format!("{endpoint}{path}"), text)
            }
        };
        let text = text.to_string();
        let mut request = Request::new(Method::POST, Url::parse(&url).ok()?);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Self::Datadog(_, key) = self {
            let mut key = HeaderValue::from_str(key.expose()).ok()?;
            key.set_sensitive(true);
            headers.insert(HeaderName::from_static("dd-api-key"), key);
        }
        if let Self::Webhook(_, secrets) = self {
            let signature = signature::sign(secrets, &message.id, now, &text);
            for (name, value) in [
                ("webhook-id", message.id.clone()),
                ("webhook-timestamp", now.to_string()),
                ("webhook-signature", signature),
            ] {
                headers.insert(
                    HeaderName::from_static(name),
                    HeaderValue::from_str(&value).ok()?,
                );
            }
        }
        *request.body_mut() = Some(text.into());
        Some(request)
    }
}

/// What no other attempt would change: the message is refused as it is, or whoever was there is gone for good.
fn is_final(status: StatusCode) -> bool {
    [
        StatusCode::BAD_REQUEST,
        StatusCode::GONE,
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::UNPROCESSABLE_ENTITY,
    ]
    .contains(&status)
}

fn endpoint(settings: &Settings, usual: &str) -> Result<Secret> {
    match settings.string("endpoint") {
        Some(_) => url(settings, "endpoint"),
        None => Ok(Secret::new(usual.to_owned())),
    }
}

fn key(settings: &Settings, name: &str) -> Result<Secret> {
    Ok(Secret::new(settings.required_string(name)?.to_owned()))
}

/// An address that nobody on the way reads along with. It is a secret, so no message repeats it.
fn url(settings: &Settings, name: &str) -> Result<Secret> {
    let text = settings.required_string(name)?;
    let parsed = Url::parse(text).ok().filter(|url| url.has_host());
    let Some(parsed) = parsed else {
        return Err(settings.wrong(
            name,
            format!("{name} is not a URL"),
            format!("Write {} as https://…", settings.path_of(name)),
        ));
    };
    if !matches!(parsed.scheme(), "http" | "https") || !is_encrypted_or_local(&parsed) {
        return Err(settings.wrong(
            name,
            format!("{name} is not encrypted"),
            "Whoever is on the way could read the address, which is a secret, and what is told. Use https; http is taken on \
             this machine only.",
        ));
    }
    Ok(Secret::new(text.to_owned()))
}

fn signing_secrets(settings: &Settings) -> Result<Vec<SigningSecret>> {
    const NAME: &str = "signing_secrets";
    let texts = settings.strings(NAME);
    if texts.is_empty() {
        return Err(settings.wrong(
            NAME,
            "A webhook is signed",
            format!(
                "Set {} to one secret, or to two while it is being rotated: whsec_ and 24 to 64 random bytes in base64.",
                settings.path_of(NAME)
            ),
        ));
    }
    let read = |(index, text): (usize, &str)| {
        let path: Path = settings.path_of(NAME).index(index);
        SigningSecret::parse(text).ok_or_else(|| {
            Error::invalid(
                path,
                "This is no secret to sign with",
                "It is whsec_ and 24 to 64 random bytes in base64, such as printf 'whsec_'; openssl rand -base64 32 makes.",
            )
        })
    };
    texts.into_iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_to_sign_in_is_no_answer_of_a_vendor() {
        let secret = || Secret::new("made up".into());
        let page = "<!DOCTYPE html><title>Sign in</title>";
        let vendors = [
            (Destination::Slack(secret()), "ok"),
            (Destination::Teams(secret()), ""),
            (
                Destination::Datadog(secret(), secret()),
                r#"{"event":{},"status":"ok"}"#,
            ),
            (
                Destination::PagerDuty(secret(), secret()),
                r#"{"status":"success","message":"Event processed"}"#,
            ),
        ];
        for (vendor, its_own) in vendors {
            for (body, expected) in [(its_own, true), (page, false)] {
                let answer = Answer {
                    status: StatusCode::ACCEPTED,
                    headers: Default::default(),
                    body: body.as_bytes().to_vec().into(),
                };
                assert_eq!(vendor.is_taken(&answer), expected, "{body}");
            }
        }
    }
}
