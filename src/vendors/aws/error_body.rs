//! Reads the errors of both protocols, XML and JSON.

use serde::Deserialize;

use crate::http::{Answer, ErrorBody};

/// An error as one of both protocols writes it. Some emulators answer JSON calls in XML, so the body decides.
pub fn error_body(answer: &Answer) -> ErrorBody {
    let text = String::from_utf8_lossy(&answer.body);
    let text = text.trim();
    let read = if text.starts_with('<') {
        in_xml(text)
    } else {
        in_json(text, answer)
    };
    read.unwrap_or_else(|| ErrorBody {
        code: format!("HTTP {}", answer.status.as_u16()),
        message: text.chars().take(200).collect(),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct XmlErrors {
    error: XmlError,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct XmlError {
    code: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct XmlResponse {
    errors: XmlErrors,
}

fn in_xml(text: &str) -> Option<ErrorBody> {
    let usual = quick_xml::de::from_str::<XmlErrors>(text).map(|response| response.error);
    let error = usual
        .or_else(|_| {
            quick_xml::de::from_str::<XmlResponse>(text).map(|response| response.errors.error)
        })
        .ok()?;
    Some(ErrorBody {
        code: error.code,
        message: error.message,
    })
}

#[derive(Deserialize)]
struct JsonError {
    #[serde(rename = "__type")]
    kind: Option<String>,
    message: Option<String>,
    /// Services write one of both, and emulators both.
    #[serde(rename = "Message")]
    capital_message: Option<String>,
}

fn in_json(text: &str, answer: &Answer) -> Option<ErrorBody> {
    let error: JsonError = serde_json::from_str(text).ok()?;
    let header = answer.headers.get("x-amzn-errortype");
    let kind = error
        .kind
        .as_deref()
        .or_else(|| header.and_then(|value| value.to_str().ok()))?;
    // `com.amazonaws.secretsmanager#Name` in the body, `Name:http://…` in the header.
    let code = kind.rsplit('#').next()?.split(':').next()?;
    Some(ErrorBody {
        code: code.to_owned(),
        message: error.message.or(error.capital_message).unwrap_or_default(),
    })
}
