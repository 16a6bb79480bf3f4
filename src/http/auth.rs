//! Ways to say who one is that many vendors share.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::call::Used;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// `Authorization: Bearer …`
pub fn bearer(headers: &mut HeaderMap, token: &Secret, who: &str) -> Result<Used> {
    let text = Zeroizing::new(format!("Bearer {}", token.expose()));
    put(headers, AUTHORIZATION, &text, who)?;
    Ok(used(who, &[token]))
}

/// `Authorization: Basic …`
pub fn basic(headers: &mut HeaderMap, user: &str, password: &Secret, who: &str) -> Result<Used> {
    let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    let text = Zeroizing::new(format!("Basic {}", *encoded));
    put(headers, AUTHORIZATION, &text, who)?;
    let mut used = used(who, &[password]);
    used.hidden.push(Secret::new(encoded.as_str().to_owned()));
    Ok(used)
}

/// A header of the vendor's own, such as `PRIVATE-TOKEN`.
pub fn header(
    headers: &mut HeaderMap,
    name: HeaderName,
    token: &Secret,
    who: &str,
) -> Result<Used> {
    put(headers, name, token.expose(), who)?;
    Ok(used(who, &[token]))
}

fn put(headers: &mut HeaderMap, name: HeaderName, text: &str, who: &str) -> Result<()> {
    let mut value = HeaderValue::from_str(text).map_err(|_| unfit(who))?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

fn used(who: &str, hidden: &[&Secret]) -> Used {
    Used {
        who: who.to_owned(),
        hidden: hidden.iter().map(|secret| secret.duplicate()).collect(),
    }
}

fn unfit(who: &str) -> Error {
    Error::new(
        Kind::Invalid,
        format!("{who} cannot be sent"),
        "It holds a line break or another character that a header may not have. Check that it is whole and on one line.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_form_that_is_sent() {
        let secret = Secret::new("made-up".into());
        let mut headers = HeaderMap::new();
        let used = basic(&mut headers, "me", &secret, "the key").unwrap();
        let sent = &headers[AUTHORIZATION];
        assert_eq!(sent, "Basic bWU6bWFkZS11cA==");
        assert!(sent.is_sensitive());
        let hidden: Vec<&str> = used.hidden.iter().map(Secret::expose).collect();
        assert_eq!(hidden, ["made-up", "bWU6bWFkZS11cA=="]);
    }

    #[test]
    fn a_secret_that_does_not_fit_is_not_named() {
        let secret = Secret::new("made-up\n".into());
        let error = bearer(&mut HeaderMap::new(), &secret, "the key of Acme").unwrap_err();
        assert!(!error.to_string().contains("made-up"), "{error}");
    }
}
