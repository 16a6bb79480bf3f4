//! Settings that a block of the provider gives or, where it leaves them out, a variable of the environment.

use reqwest::Url;

use super::environment::variable;
use crate::error::{Error, Kind, Result};
use crate::http::is_encrypted_or_local;
use crate::settings::Settings;

/// A setting, and where it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    /// The value. It may be a secret.
    pub text: String,
    /// `auth_token in the twilio block` or `TWILIO_AUTH_TOKEN`.
    pub from: String,
}

/// What a block says, unless it is blank.
pub fn in_block(block: Option<&Settings>, name: &str) -> Option<Given> {
    let block = block?;
    let text = block.string(name)?.trim();
    (!text.is_empty()).then(|| Given {
        text: text.to_owned(),
        from: format!("{name} in the {} block", block.path()),
    })
}

/// What the first of these variables says that is set.
pub fn in_environment(names: &[&str]) -> Option<Given> {
    names.iter().find_map(|name| {
        Some(Given {
            text: variable(name)?,
            from: (*name).to_owned(),
        })
    })
}

/// The block goes before the environment.
pub fn given(block: Option<&Settings>, name: &str, variables: &[&str]) -> Option<Given> {
    in_block(block, name).or_else(|| in_environment(variables))
}

/// The error for a setting that is there and cannot be right. The value is not repeated: it may be a secret in the wrong
/// place.
pub fn wrong(block: Option<&Settings>, name: &str, from: &str, problem: &str) -> Error {
    let error = Error::new(
        Kind::Invalid,
        format!("{from} is not valid"),
        problem.to_owned(),
    );
    match block.filter(|block| block.string(name).is_some()) {
        Some(block) => error.at(block.path_of(name)),
        None => error,
    }
}

/// An address in place of the vendor's own.
pub fn endpoint(
    block: Option<&Settings>,
    name: &str,
    variables: &[&str],
    example: &str,
) -> Result<Option<Url>> {
    let Some(given) = given(block, name, variables) else {
        return Ok(None);
    };
    let parsed = parse(&given.text, example);
    parsed
        .map(Some)
        .map_err(|problem| wrong(block, name, &given.from, &problem))
}

fn parse(text: &str, example: &str) -> Result<Url, String> {
    let plain = |url: &Url| {
        let is_bare = url.username().is_empty() && url.password().is_none();
        is_bare && url.query().is_none() && url.fragment().is_none() && url.has_host()
    };
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && plain(url));
    let Some(url) = url else {
        return Err(format!(
            "It is to be an http or https URL without credentials and query, such as {example:?}."
        ));
    };
    match is_encrypted_or_local(&url) {
        true => Ok(url),
        false => Err(format!(
            "{} would be reached over plain http, and everyone on the way could read keys and secrets. Use https; http is \
             allowed to this machine (localhost, 127.0.0.1, ::1).",
            url.host_str().unwrap_or_default()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_encrypted_or_on_this_machine_and_holds_no_credentials() {
        let example = "https://api.example.com";
        for good in ["https://api.example.com/v1", "http://127.0.0.1:4010"] {
            assert!(parse(good, example).is_ok(), "{good}");
        }
        for bad in [
            "api.example.com",
            "http://api.example.com",
            "https://user:made-up@api.example.com",
            "https://api.example.com/?token=made-up",
            "file:///etc/passwd",
        ] {
            let problem = parse(bad, example).unwrap_err();
            assert!(!problem.contains("made-up"), "{problem}");
        }
    }
}
