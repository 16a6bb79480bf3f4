//! A request of a declaration with the values of one call in their places.

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::request::{Payload, Request};
use crate::error::Result;
use crate::http::{Body, Call, Escape, Repeat, Template, Values, auth, unfit};
use crate::secret::Secret;

/// A request with everything in its place.
pub(super) struct Filled<'a> {
    what: &'a str,
    method: Method,
    /// What is added to the address of the API.
    pub path: String,
    /// What is asked for; paging adds to it.
    pub query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Body,
}

impl Request {
    /// Puts the values in their places.
    pub fn fill(&self, values: &Values) -> Result<Filled<'_>> {
        let fill_pairs = |pairs: &[(String, Template)]| -> Vec<(String, String)> {
            let fill = |template: &Template| template.fill(values, Escape::None).to_string();
            pairs
                .iter()
                .map(|(name, template)| (name.clone(), fill(template)))
                .collect()
        };
        Ok(Filled {
            what: &self.what,
            method: self.method.clone(),
            path: self.path.fill_address(values, &self.what)?.to_string(),
            query: fill_pairs(&self.query),
            headers: self.filled_headers(values)?,
            body: match &self.payload {
                Payload::None => Body::default(),
                Payload::Json(template) => self.filled_json(template, values)?,
                Payload::Form(pairs) => {
                    let filled: Vec<_> = pairs
                        .iter()
                        .map(|(name, template)| (name, template.fill(values, Escape::None)))
                        .collect();
                    Body::form(
                        filled
                            .iter()
                            .map(|(name, value)| (name.as_str(), value.as_str())),
                    )
                }
            },
        })
    }

    fn filled_headers(&self, values: &Values) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let filled = template.fill(values, Escape::None);
            let mut value = HeaderValue::from_str(&filled).map_err(|_| {
                let what = template.names().next().unwrap_or_default();
                unfit(
                    what,
                    &self.what,
                    "it holds a character that a header may not have",
                )
            })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }

    fn filled_json(&self, template: &Template, values: &Values) -> Result<Body> {
        for name in template.outside_json_strings() {
            let value = values.iter().find(|(known, _)| *known == name);
            let is_number = value.is_some_and(|(_, value)| is_whole_number(value));
            if !is_number {
                return Err(unfit(
                    name,
                    &self.what,
                    "it stands outside of quotes in json, where only a whole number keeps its meaning",
                ));
            }
        }
        Ok(Body::new(
            "application/json",
            template.fill(values, Escape::Json),
        ))
    }
}

impl Filled<'_> {
    /// Adds `Authorization: Basic …`.
    pub fn authorize_basic(&mut self, user: &str, password: &Secret, who: &str) -> Result<()> {
        auth::basic(&mut self.headers, user, password, who).map(drop)
    }

    /// Adds a header that is the same for all.
    pub fn insert(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }

    /// As a call. The query is asked for anew, since paging changes it.
    pub fn call<'c>(
        &'c self,
        query: &'c [(&'c str, &'c str)],
        repeat: Repeat,
        secrets: &'c [&'c Secret],
    ) -> Call<'c> {
        Call {
            query,
            headers: self.headers.clone(),
            body: self.body.clone(),
            secrets,
            ..Call::new(self.what, self.method.clone(), &self.path, repeat)
        }
    }

    /// Where it goes below an address.
    pub fn address(&self, base: &reqwest::Url) -> reqwest::Url {
        let mut url = base.clone();
        url.set_path(&format!(
            "{}{}",
            base.path().trim_end_matches('/'),
            self.path
        ));
        url
    }

    /// The query as a call takes it.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        let pairs = self.query.iter();
        pairs
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }
}

fn is_whole_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leads_with_zero = digits.len() > 1 && digits.starts_with('0');
    !digits.is_empty() && !leads_with_zero && digits.bytes().all(|byte| byte.is_ascii_digit())
}
