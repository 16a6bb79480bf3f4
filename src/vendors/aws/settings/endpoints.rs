//! Endpoints in place of the usual ones.

use std::collections::BTreeMap;

use super::filled;
use crate::error::Result;
use crate::http::is_encrypted_or_local;
use crate::settings::Settings;
use crate::vendors::aws::endpoint::Service;

/// The endpoints that the block sets.
pub fn endpoints(settings: &Settings<'_>) -> Result<BTreeMap<&'static str, String>> {
    let mut endpoints = BTreeMap::new();
    for service in Service::ALL {
        let name = service.name();
        let Some(url) = filled(settings, name) else {
            continue;
        };
        if let Err(problem) = parse_endpoint(&url) {
            return Err(settings.wrong(name, format!("{name} is not valid"), problem));
        }
        endpoints.insert(name, url);
    }
    Ok(endpoints)
}

/// Reads an endpoint; the error says what is wrong with it.
pub fn parse_endpoint(text: &str) -> Result<reqwest::Url, String> {
    let url = reqwest::Url::parse(text)
        .map_err(|problem| format!("The endpoint is not a URL: {problem}."))?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain {
        return match is_encrypted_or_local(&url) {
            true => Ok(url),
            false => Err(format!(
                "{} would be reached over plain http, and everyone on the way could read keys and secrets. Use https; \
                 http is allowed to this machine (localhost, 127.0.0.1, ::1).",
                url.host_str().unwrap_or_default()
            )),
        };
    }
    Err(
        "An endpoint is an http or https URL without credentials and query, such as \
         \"https://vpce-0abc.secretsmanager.eu-central-1.vpce.amazonaws.com\"."
            .to_owned(),
    )
}
