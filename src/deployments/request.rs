//! Any HTTP API: one request that starts consumers anew, and one that is repeated until it says that they are.
//!
//! What a server answers may repeat the credentials that it was sent. So of an answer only what the configuration names is
//! looked at, and nothing of it is shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderName, HeaderValue, Method};
use reqwest::{Request, Url};
use serde_json::Value;

use super::filling::{Values, filled_headers, filled_url};
use super::{Occasion, Progress, Target};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::http::{
    Answer, Body, Call, ErrorBody, Escape, Http, Repeat, Template, Used, Vendor, configured,
};
use crate::secret::Secret;
use crate::settings::Settings;

/// What stands for something in a request.
const PLACEHOLDERS: &[&str] = &["name", "generation", "fingerprint", "requested_at"];

/// The same where the request was answered.
const OF_A_POLL: &[&str] = &["name", "generation", "fingerprint", "requested_at", "id"];

const METHODS: &[&str] = &["POST", "PUT", "PATCH", "GET"];

/// One API. Exists only if its settings are sound.
pub(super) struct HttpTarget {
    http: Arc<Http>,
    method: Method,
    url: Template,
    headers: Vec<(HeaderName, Template)>,
    body: Option<Template>,
    /// Where the answer has the id of what was started.
    id: Option<String>,
    poll: Option<Poll>,
}

struct Poll {
    url: Template,
    /// By JSON pointer.
    until: BTreeMap<String, String>,
    fails_if: BTreeMap<String, String>,
}

impl HttpTarget {
    /// Reads the settings of the request, and of the one that follows it.
    pub fn read(request: &Settings, poll: Option<&Settings>, context: &Context) -> Result<Self> {
        let body = request.string("body");
        let body = body.map(|text| configured::template(request, "body", text, PLACEHOLDERS));
        let method = match request.string("method") {
            None => Method::POST,
            Some(_) => configured::method(request, METHODS, true)?,
        };
        let id = request.string("id");
        let target = Self {
            http: context.http(),
            method,
            url: url(request, PLACEHOLDERS)?,
            headers: configured::headers(request, PLACEHOLDERS)?,
            body: body.transpose()?,
            id: id.map(|text| pointer(request, "id", text)).transpose()?,
            poll: poll.map(Poll::read).transpose()?,
        };
        match (&target.id, poll) {
            (None, Some(poll)) if target.polls_an_id() => Err(poll.wrong(
                "url",
                "url is not valid",
                "It holds {{id}}, and request does not say where its answer has one. Set id in request, such as \"/id\".",
            )),
            _ => Ok(target),
        }
    }

    fn polls_an_id(&self) -> bool {
        self.poll.as_ref().is_some_and(|poll| poll.url.holds("id"))
    }

    async fn send(&self, asked: &Asked<'_>, occasion: &Occasion) -> Result<Value> {
        let values = Values::of(occasion);
        let vendor = Server {
            url: filled_url(asked.url, &values)?,
            headers: filled_headers(&self.headers, &values)?,
        };
        let body = asked.body.map_or_else(Body::default, |body| {
            let text = body.fill(&values.pairs(), configured::escape(&self.headers));
            Body::new("application/json", text)
        });
        let call = Call {
            body,
            ..Call::new(asked.what, asked.method.clone(), "", asked.repeat)
        };
        let answer = self.http.call(&vendor, &call).await;
        // Neither path nor query is shown: people put credentials there.
        let answer = answer.map_err(|refusal| {
            refusal.explain(format!(
                "{} to {} did not succeed",
                asked.what,
                vendor.name()
            ))
        })?;
        // Whoever starts something may have nothing to say about it.
        Ok(serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }
}

/// One request on its way.
struct Asked<'a> {
    what: &'a str,
    method: &'a Method,
    url: &'a Template,
    body: Option<&'a Template>,
    repeat: Repeat,
}

#[async_trait]
impl Target for HttpTarget {
    fn place(&self) -> String {
        let sample = Values::default();
        let url = self.url.fill(&sample.pairs(), Escape::Form);
        let host = Url::parse(&url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        format!("request to {}", host.unwrap_or_default())
    }

    async fn start(&self, occasion: &Occasion) -> Result<Option<String>> {
        let asked = Asked {
            what: "the request",
            method: &self.method,
            url: &self.url,
            body: self.body.as_ref(),
            repeat: match self.method {
                Method::POST | Method::PATCH => Repeat::IfUntouched,
                _ => Repeat::Freely,
            },
        };
        let answer = self.send(&asked, occasion).await?;
        let Some(pointer) = &self.id else {
            return Ok(None);
        };
        match answer.pointer(pointer).and_then(configured::text) {
            Some(id) => Ok(Some(id)),
            None => Err(Error::new(
                Kind::Other,
                "The answer to the request has no id",
                format!("There is nothing at {pointer:?} in it. Check id in request."),
            )),
        }
    }

    async fn look(&self, occasion: &Occasion) -> Result<Progress> {
        let Some(poll) = &self.poll else {
            return Ok(Progress::Done);
        };
        let asked = Asked {
            what: "the poll",
            method: &Method::GET,
            url: &poll.url,
            body: None,
            repeat: Repeat::Freely,
        };
        let answer = self.send(&asked, occasion).await?;
        Ok(poll.judge(&answer))
    }
}

impl Poll {
    fn read(settings: &Settings) -> Result<Self> {
        let poll = Self {
            url: url(settings, OF_A_POLL)?,
            until: expected(settings, "until")?,
            fails_if: expected(settings, "fails_if")?,
        };
        match poll.until.is_empty() {
            false => Ok(poll),
            true => Err(settings.wrong(
                "until",
                "until is empty",
                "Nothing would ever be done, or everything at once. Say what the answer holds when it is done, such as \
                 { \"/status\" = \"completed\" }; without a way to know, leave poll out.",
            )),
        }
    }

    fn judge(&self, answer: &Value) -> Progress {
        let says = |(pointer, wanted): &(&String, &String)| {
            let there = answer.pointer(pointer).and_then(configured::text);
            there.as_ref() == Some(*wanted)
        };
        let Some((pointer, value)) = self.until.iter().find(|expected| !says(expected)) else {
            return Progress::Done;
        };
        match self.fails_if.iter().find(says) {
            Some((pointer, value)) => Progress::Failed(format!("{pointer} is {value:?}")),
            None => Progress::Running(format!("{pointer} is not {value:?} yet")),
        }
    }
}

/// Where a request goes, and whose it is.
struct Server {
    url: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[async_trait]
impl Vendor for Server {
    fn name(&self) -> &str {
        self.url.host_str().unwrap_or("the server")
    }

    async fn base(&self) -> Result<Url> {
        Ok(self.url.clone())
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        let values = self.headers.iter();
        let hidden =
            values.filter_map(|(_, value)| Some(Secret::new(value.to_str().ok()?.to_owned())));
        for (name, value) in &self.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        Ok(Used {
            who: "the headers of the request".to_owned(),
            hidden: hidden.collect(),
        })
    }

    fn error_body(&self, _: &Answer) -> ErrorBody {
        ErrorBody::default()
    }
}

/// An address may hold placeholders, for none of them is a secret.
fn url(settings: &Settings, placeholders: &[&str]) -> Result<Template> {
    let text = settings.required_string("url")?;
    let template = configured::template(settings, "url", text, placeholders)?;
    let sample = template.fill(&Values::default().pairs(), Escape::Form);
    configured::url(settings, "url", &sample)?;
    Ok(template)
}

fn expected(settings: &Settings, name: &str) -> Result<BTreeMap<String, String>> {
    let pairs = settings.string_map(name).into_iter();
    pairs
        .map(|(text, value)| Ok((pointer(settings, name, text)?, value.to_owned())))
        .collect()
}

fn pointer(settings: &Settings, name: &str, text: &str) -> Result<String> {
    match text.starts_with('/') {
        true => Ok(text.to_owned()),
        false => Err(settings.wrong(
            name,
            format!("{name} is not valid"),
            format!(
                "{text:?} is no JSON pointer. Write the way to the value with a slash before each step, such as \"/status\" or \
                 \"/runs/0/status\"."
            ),
        )),
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
