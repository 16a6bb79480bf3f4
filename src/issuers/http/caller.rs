//! Sends one request of a declaration, and understands what comes back.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Url;
use serde_json::Value;

use super::api::Api;
use super::filling::Filled;
use super::request::Request;
use crate::error::Result;
use crate::http::{
    Answer, Asked, ErrorBody, Http, Meaning, Refusal, Repeat, Used, Vendor, advice, error_in_json,
    json,
};
use crate::secret::Secret;

/// Where APIs put what went wrong, the likeliest first.
const MESSAGES: &[&str] = &[
    "/error/message",
    "/message",
    "/errors/0/message",
    "/errors/0/detail",
    "/detail",
    "/error_description",
    "/error",
    "/errors/0",
    "/messages/0",
    "/title",
];

/// One request on its way.
pub(super) struct Caller<'a> {
    pub api: &'a Api,
    pub http: &'a Http,
    pub request: &'a Request,
    /// Where it goes, if not where the API is.
    pub base: Option<Url>,
    /// By how many seconds the clock of the other side was ahead.
    pub ahead: &'a AtomicI64,
    /// What of the status codes has a meaning of its own.
    pub reads: Reads<'a>,
    /// The token of the provider was fetched anew for this request already.
    pub renewed: AtomicBool,
}

/// Status codes that mean something for a request.
#[derive(Clone, Copy)]
pub(super) enum Reads<'a> {
    /// Nothing beside what they mean for all.
    Usual,
    /// These say that there is no room.
    Full(&'a [u16]),
    /// The request carries a key, and these refuse it.
    Refused(&'a [u16]),
}

/// What a request answered, where, and in which words.
pub(super) struct Answered {
    pub answer: Answer,
    /// Null where nothing was said.
    pub body: Value,
}

impl Answered {
    /// What was said; `None` where nothing was, which is no null.
    pub fn said(&self) -> Option<&Value> {
        let is_silent = self.answer.body.iter().all(u8::is_ascii_whitespace);
        (!is_silent).then_some(&self.body)
    }
}

impl Caller<'_> {
    /// Sends it. Only a success is an answer, and only JSON or nothing: anything else comes from some other server, such as
    /// the page of a proxy.
    pub async fn send(
        &self,
        filled: &Filled<'_>,
        query: &[(&str, &str)],
        repeat: Repeat,
        secrets: &[&Secret],
    ) -> Result<Answered, Refusal> {
        let mut call = filled.call(query, repeat, secrets);
        if self.base.is_some() && matches!(self.reads, Reads::Usual) {
            // The address of a next page is whole.
            call.path = "";
            call.query = &[];
        }
        call.may_be_quoted = matches!(self.reads, Reads::Usual) && secrets.is_empty();
        let answer = self.http.call(self, &call).await?;
        let is_success = self.request.is_success(answer.status.as_u16());
        let body = match answer.body.iter().all(u8::is_ascii_whitespace) {
            true => Value::Null,
            false => json(&answer, self, &call)?,
        };
        match is_success {
            true => Ok(Answered { answer, body }),
            false => Err(self.not_understood()),
        }
    }

    /// The call succeeded, and what came back is no answer to it.
    pub fn not_understood(&self) -> Refusal {
        Refusal::not_understood(self.name(), self.name(), &self.request.what)
    }

    fn carries_a_key(&self) -> bool {
        matches!(self.reads, Reads::Refused(_))
    }
}

#[async_trait]
impl Vendor for Caller<'_> {
    fn name(&self) -> &str {
        &self.api.name
    }

    async fn base(&self) -> Result<Url> {
        Ok(self.base.clone().unwrap_or_else(|| self.api.base.clone()))
    }

    async fn authorize(&self, request: &mut reqwest::Request, _: &[u8]) -> Result<Used> {
        let own = request
            .headers()
            .values()
            .filter_map(|value| value.to_str().ok());
        let own: Vec<Secret> = own.map(|value| Secret::new(value.to_owned())).collect();
        let who = format!("the credentials of http[{:?}]", self.api.name);
        let mut used = match self.carries_a_key() {
            // The credentials of the provider would be accepted in its place.
            true => Used {
                who: "the key".to_owned(),
                hidden: Vec::new(),
            },
            false => self.api.login.authorize(request, self.http, &who).await?,
        };
        used.hidden.extend(own);
        Ok(used)
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        let read = MESSAGES
            .iter()
            .map(|message| error_in_json(answer, "/", message));
        read.into_iter()
            .find(|read| !read.message.is_empty())
            .map(|read| ErrorBody {
                code: String::new(),
                message: read.message,
            })
            .unwrap_or_default()
    }

    fn meaning(&self, _: &ErrorBody, status: u16) -> Meaning {
        match self.reads {
            Reads::Full(full) if full.contains(&status) => return Meaning::Full,
            Reads::Refused(refused) if refused.contains(&status) => return Meaning::Unknown,
            _ => {}
        }
        if self.api.retry.contains(&status) {
            return Meaning::Throttled;
        }
        if self.request.gone.contains(&status) {
            return Meaning::Missing;
        }
        match Meaning::of_status(status) {
            Meaning::Missing => Meaning::Wrong,
            // Of a key, only what is declared to refuse it does.
            Meaning::Unknown | Meaning::Forbidden if self.carries_a_key() => Meaning::Wrong,
            Meaning::Unknown if self.api.login.may_run_out() => Meaning::Expired,
            meaning => meaning,
        }
    }

    fn advice(&self, meaning: Meaning, asked: &Asked<'_>, wait: Option<Duration>) -> String {
        let usual = advice(self.name(), meaning, asked, wait);
        match meaning {
            Meaning::Wrong => format!(
                "{usual} No key counts as gone by that. Check base_url and this request in the declaration of the API, and gone \
                 in it if the API answers so where there is no key."
            ),
            _ => usual,
        }
    }

    async fn renew(&self) -> bool {
        !self.renewed.swap(true, Ordering::Relaxed) && self.api.login.renew().await
    }

    fn note_clock(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::Relaxed);
    }
}
