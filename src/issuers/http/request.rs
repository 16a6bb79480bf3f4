//! One request of a declaration: read once, filled for each call. What cannot work, or would give a secret away, is refused
//! when it is read.

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::values::{KEY_ID, SECRET};
use crate::error::{Error, Kind, Path, Result};
use crate::http::{Body, Call, Escape, Repeat, Template, Values};
use crate::secret::Secret;
use crate::settings::Settings;

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];

/// What a path may lead to if it is filled by what means something in one.
const DOTS: [&str; 2] = [".", ".."];

/// A request with placeholders. Exists only if it is sound.
#[derive(Clone)]
pub(super) struct Request {
    /// What it is called in messages: method and path, with the placeholders.
    pub what: String,
    method: Method,
    path: Template,
    query: Vec<(String, Template)>,
    headers: Vec<(HeaderName, Template)>,
    payload: Payload,
    success: Vec<u16>,
    /// Status codes that say that there is no such thing.
    pub gone: Vec<u16>,
}

#[derive(Clone)]
enum Payload {
    None,
    Json(Template),
    Form(Vec<(String, Template)>),
}

/// A request with everything in its place.
pub(super) struct Filled<'a> {
    what: &'a str,
    method: Method,
    path: String,
    /// What is asked for; paging adds to it.
    pub query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Body,
}

impl Request {
    /// Reads a request that may hold placeholders of these names.
    pub fn read(settings: &Settings, method: &'static str, names: &[&str]) -> Result<Self> {
        let method = settings.one_of("method", METHODS)?.unwrap_or(method);
        let path = path(settings, names)?;
        let request = Self {
            what: format!("{method} {}", settings.required_string("path")?),
            // Every listed word is a method.
            method: Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET),
            path,
            query: pairs(settings, "query", names)?,
            headers: headers(settings, names)?,
            payload: payload(settings, names)?,
            success: statuses(settings, "success", 200..=299)?,
            gone: match statuses(settings, "gone", 300..=499)? {
                none if none.is_empty() => vec![404, 410],
                gone => gone,
            },
        };
        request.refuse_secret_in_address(settings)?;
        Ok(request)
    }

    /// An address ends up in the logs of servers and proxies.
    fn refuse_secret_in_address(&self, settings: &Settings) -> Result<()> {
        let query = self
            .query
            .iter()
            .find(|(_, template)| template.holds(SECRET));
        let place = match (self.path.holds(SECRET), query) {
            (true, _) => settings.path_of("path"),
            (false, Some((name, _))) => settings.path_of("query").key(name),
            (false, None) => return Ok(()),
        };
        Err(Error::invalid(
            place,
            "The secret would stand in an address",
            "Addresses end up in the logs of servers and proxies. Send {{secret}} in headers, json or form.",
        ))
    }

    /// Whether a placeholder stands anywhere in it.
    pub fn holds(&self, name: &str) -> bool {
        self.templates().any(|template| template.holds(name))
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let (json, form) = match &self.payload {
            Payload::None => (None, [].as_slice()),
            Payload::Json(template) => (Some(template), [].as_slice()),
            Payload::Form(pairs) => (None, pairs.as_slice()),
        };
        let pairs = self.query.iter().chain(form).map(|(_, template)| template);
        let headers = self.headers.iter().map(|(_, template)| template);
        pairs.chain(headers).chain(json).chain([&self.path])
    }

    /// Whether a status is a success.
    pub fn is_success(&self, status: u16) -> bool {
        self.success.is_empty() || self.success.contains(&status)
    }

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
            path: self.filled_path(values)?,
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

    fn filled_path(&self, values: &Values) -> Result<String> {
        for name in self.path.names() {
            let value = values.iter().find(|(known, _)| *known == name);
            let value = value.map_or("", |(_, value)| value);
            if value.is_empty() || DOTS.contains(&value) {
                return Err(self.unfit(
                    name,
                    "an empty text, \".\" or \"..\" would lead to another address",
                ));
            }
        }
        Ok(self.path.fill(values, Escape::Form).to_string())
    }

    fn filled_headers(&self, values: &Values) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let filled = template.fill(values, Escape::None);
            let mut value = HeaderValue::from_str(&filled).map_err(|_| {
                let what = template.names().next().unwrap_or_default();
                self.unfit(what, "it holds a character that a header may not have")
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
                return Err(self.unfit(
                    name,
                    "it stands outside of quotes in json, where only a whole number keeps its meaning",
                ));
            }
        }
        Ok(Body::new(
            "application/json",
            template.fill(values, Escape::Json),
        ))
    }

    fn unfit(&self, name: &str, why: &str) -> Error {
        Error::new(
            Kind::Invalid,
            format!("The value of {{{{{name}}}}} does not fit in {}", self.what),
            format!(
                "Nothing was sent: {why}. Give it another value, or put the placeholder elsewhere."
            ),
        )
    }
}

impl Filled<'_> {
    /// Adds `Authorization: Basic …`, unless a header says otherwise.
    pub fn authorize_basic(&mut self, user: &str, password: &Secret, who: &str) -> Result<()> {
        // A request is the vessel at hand; only its headers are used.
        let url = reqwest::Url::parse("https://localhost/").map_err(|_| unwritable())?;
        let mut request = reqwest::Request::new(Method::GET, url);
        crate::http::auth::basic(&mut request, user, password, who)?;
        self.headers.extend(std::mem::take(request.headers_mut()));
        Ok(())
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

fn unwritable() -> Error {
    Error::new(
        Kind::Other,
        "The credentials could not be written into a header",
        "Report this as a bug of the provider.",
    )
}

fn is_whole_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leads_with_zero = digits.len() > 1 && digits.starts_with('0');
    !digits.is_empty() && !leads_with_zero && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A text with placeholders at a place of the configuration.
pub(super) fn template(path: Path, what: &str, text: &str, names: &[&str]) -> Result<Template> {
    Template::parse(text, names).map_err(|problem| {
        let problem = match text.contains(&format!("{{{{{KEY_ID}}}}}")) && !names.contains(&KEY_ID)
        {
            true => {
                format!("{problem} A key has an id where create says where it stands: create.id.")
            }
            false => problem,
        };
        Error::invalid(path, format!("{what} is not valid"), problem)
    })
}

fn path(settings: &Settings, names: &[&str]) -> Result<Template> {
    let text = settings.required_string("path")?;
    let wrong = |detail: &str| settings.wrong("path", "path is not valid", detail);
    if !text.starts_with('/') {
        return Err(wrong(
            "It does not begin with a slash, as what is added to base_url does.",
        ));
    }
    if text.contains(['?', '#']) {
        return Err(wrong(
            "It holds a question mark or a number sign. What follows them in an address belongs into query.",
        ));
    }
    let steps: Vec<&str> = text.split('/').collect();
    if steps.iter().any(|step| DOTS.contains(step)) {
        return Err(wrong(
            "It holds a step of dots alone, which leads to another address.",
        ));
    }
    template(settings.path_of("path"), "path", text, names)
}

/// The templates of a map of texts.
pub(super) fn pairs(
    settings: &Settings,
    map: &str,
    names: &[&str],
) -> Result<Vec<(String, Template)>> {
    let read = |(name, text): (&str, &str)| {
        let path = settings.path_of(map).key(name);
        Ok((name.to_owned(), template(path, name, text, names)?))
    };
    settings.string_map(map).into_iter().map(read).collect()
}

fn headers(settings: &Settings, names: &[&str]) -> Result<Vec<(HeaderName, Template)>> {
    let read = |(name, template): (String, Template)| {
        let path = settings.path_of("headers").key(&name);
        let samples: Vec<(&str, &str)> = names.iter().map(|name| (*name, "0")).collect();
        let sample = template.fill(&samples, Escape::None);
        let header = HeaderName::from_bytes(name.as_bytes()).ok();
        match (header, HeaderValue::from_str(&sample)) {
            (Some(header), Ok(_)) => Ok((header, template)),
            _ => Err(unfit_header(path, &name)),
        }
    };
    pairs(settings, "headers", names)?
        .into_iter()
        .map(read)
        .collect()
}

pub(super) fn unfit_header(path: Path, name: &str) -> Error {
    Error::invalid(
        path,
        format!("The header {name:?} is not valid"),
        "Its name or its value holds a character that HTTP does not allow there, such as a line break.",
    )
}

fn payload(settings: &Settings, names: &[&str]) -> Result<Payload> {
    let form = pairs(settings, "form", names)?;
    let Some(text) = settings.string("json") else {
        return Ok(match form.is_empty() {
            true => Payload::None,
            false => Payload::Form(form),
        });
    };
    if !form.is_empty() {
        return Err(settings.wrong(
            "form",
            "json and form exclude each other",
            "A request has one body. Keep one of them.",
        ));
    }
    let template = template(settings.path_of("json"), "json", text, names)?;
    // Stands for a text as for a number.
    let samples: Vec<(&str, &str)> = names.iter().map(|name| (*name, "0")).collect();
    let sample = template.fill(&samples, Escape::Json);
    match serde_json::from_str::<serde::de::IgnoredAny>(&sample) {
        Ok(_) => Ok(Payload::Json(template)),
        Err(error) => Err(settings.wrong(
            "json",
            "json is not valid",
            format!("It is no JSON: {error}. Write it with jsonencode({{ … }}); placeholders stand inside of its texts."),
        )),
    }
}

/// A list of status codes; empty where it is not set.
pub(super) fn statuses(
    settings: &Settings,
    name: &str,
    range: std::ops::RangeInclusive<u16>,
) -> Result<Vec<u16>> {
    let read = |number: i64| {
        let status = u16::try_from(number)
            .ok()
            .filter(|status| range.contains(status));
        status.ok_or_else(|| {
            settings.wrong(
                name,
                format!("{name} is not valid"),
                format!(
                    "{number} is no status code that may stand here. Write numbers from {} to {}.",
                    range.start(),
                    range.end()
                ),
            )
        })
    };
    settings.integers(name).into_iter().map(read).collect()
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
