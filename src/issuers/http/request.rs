//! One request of a declaration: read once, filled for each call. What cannot work, or would give a secret away, is refused
//! when it is read.

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};

use super::values::SECRET;
use crate::error::{Error, Path, Result};
use crate::http::{DOTS, Escape, Template};
use crate::settings::Settings;

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];

/// What a request means that does not say so.
pub(super) struct Usual {
    pub method: &'static str,
    /// See [`Request::gone`].
    pub gone: &'static [u16],
}

/// An address without a key in it is misspelt, or no longer served, where it is not found: no key is gone by that.
pub(super) const LIST: Usual = Usual {
    method: "GET",
    gone: &[],
};
pub(super) const CREATE: Usual = Usual {
    method: "POST",
    gone: &[],
};
pub(super) const DISABLE: Usual = Usual {
    method: "POST",
    gone: GONE,
};
pub(super) const REVOKE: Usual = Usual {
    method: "DELETE",
    gone: GONE,
};
/// Without a list that could contradict, an address that is not found is no proof that a key is gone.
pub(super) const REVOKE_UNSEEN: Usual = Usual {
    method: "DELETE",
    gone: &[],
};
pub(super) const LOOK: Usual = Usual {
    method: "GET",
    gone: GONE,
};

const GONE: &[u16] = &[404, 410];

/// A request with placeholders. Exists only if it is sound.
#[derive(Clone)]
pub(super) struct Request {
    /// What it is called in messages: method and path, with the placeholders.
    pub what: String,
    pub method: Method,
    pub path: Template,
    pub query: Vec<(String, Template)>,
    pub headers: Vec<(HeaderName, Template)>,
    pub payload: Payload,
    success: Vec<u16>,
    /// Status codes that say that there is no such thing.
    pub gone: Vec<u16>,
}

/// What is sent.
#[derive(Clone)]
pub(super) enum Payload {
    None,
    Json(Template),
    Form(Vec<(String, Template)>),
}

impl Request {
    /// Reads a request that may hold placeholders of these names.
    pub fn read(settings: &Settings, usual: &Usual, names: &[&str]) -> Result<Self> {
        let method = settings.one_of("method", METHODS)?.unwrap_or(usual.method);
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
                none if none.is_empty() => usual.gone.to_vec(),
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
}

/// A text with placeholders at a place of the configuration.
pub(super) fn template(path: Path, what: &str, text: &str, names: &[&str]) -> Result<Template> {
    Template::parse(text, names)
        .map_err(|problem| Error::invalid(path, format!("{what} is not valid"), problem))
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
