//! What all requests have in common that a configuration writes: address, method, headers and templates, and what is
//! refused of them.

use http::{HeaderName, HeaderValue, Method};
use reqwest::Url;
use serde_json::Value;

use super::template::{Escape, Template};
use super::transport::is_encrypted_or_local;
use crate::error::{Error, Result};
use crate::settings::Settings;

/// Reads the template of an attribute.
pub fn template(
    settings: &Settings,
    name: &str,
    text: &str,
    placeholders: &[&str],
) -> Result<Template> {
    Template::parse(text, placeholders)
        .map_err(|problem| settings.wrong(name, format!("{name} is not valid"), problem))
}

/// A template that may be given in the open or write-only.
pub fn either(
    settings: &Settings,
    name: &str,
    secretly: &str,
    placeholders: &[&str],
) -> Result<Option<Template>> {
    let read = |name| {
        let text = settings.string(name);
        text.map(|text| template(settings, name, text, placeholders))
            .transpose()
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

/// An address without placeholders, over a way that may carry credentials. Only this machine may see a request that travels
/// unencrypted: whoever stands on the way could answer it as he likes.
pub fn url(settings: &Settings, name: &str, text: &str) -> Result<Url> {
    let wrong = |detail: String| settings.wrong(name, format!("{name} is not valid"), detail);
    let url = Url::parse(text).map_err(|error| wrong(format!("It cannot be read: {error}.")))?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err(wrong("It begins with neither https:// nor http://.".into()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "It holds a user name or password, which would be shown in messages. Send them in a header."
                .into(),
        ));
    }
    match is_encrypted_or_local(&url) {
        true => Ok(url),
        false => Err(settings.wrong(
            name,
            "The request would travel unencrypted",
            format!(
                "It goes over plain http to {}, and everyone on the way could read and answer it. Use https; http is allowed \
                 to this machine (localhost, 127.0.0.1, ::1).",
                url.host_str().unwrap_or_default()
            ),
        )),
    }
}

/// One of these methods; without a word, GET.
pub fn method(settings: &Settings, methods: &[&'static str], has_body: bool) -> Result<Method> {
    match settings.one_of("method", methods)? {
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

/// The headers of `headers` and `headers_wo`.
pub fn headers(settings: &Settings, placeholders: &[&str]) -> Result<Vec<(HeaderName, Template)>> {
    let mut headers = headers_of(settings, "headers", placeholders)?;
    for (name, value) in headers_of(settings, "headers_wo", placeholders)? {
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

fn headers_of(
    settings: &Settings,
    map: &str,
    placeholders: &[&str],
) -> Result<Vec<(HeaderName, Template)>> {
    let sample: Vec<(&str, &str)> = placeholders.iter().map(|name| (*name, "value")).collect();
    let read = |(name, value): (&str, &str)| {
        let path = settings.path_of(map).key(name);
        let wrong = |detail: String| {
            Error::invalid(
                path.clone(),
                format!("The header {name} is not valid"),
                detail,
            )
        };
        let template = Template::parse(value, placeholders).map_err(&wrong)?;
        let sample = template.fill(&sample, Escape::None);
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

/// How a body is escaped that has these headers.
pub fn escape(headers: &[(HeaderName, Template)]) -> Escape {
    let content_type = headers
        .iter()
        .find(|(name, _)| *name == http::header::CONTENT_TYPE);
    content_type.map_or(Escape::None, |(_, template)| {
        Escape::for_content_type(&template.fill(&[], Escape::None))
    })
}

/// What stands in an answer, as the text that it is: of a number every digit counts, so one that was rounded is none.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}
