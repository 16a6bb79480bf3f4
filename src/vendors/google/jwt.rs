//! What the key of a service account signs to prove itself.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::credentials::{ServiceAccount, no_credentials};
use crate::error::Result;
use crate::instant::Instant;
use crate::secret::Secret;

/// As long as Google takes one for.
const LIFE: i64 = 3600;

/// An assertion that a token server exchanges for a token.
pub fn assertion(account: &ServiceAccount, scope: &str, now: Instant) -> Result<Secret> {
    let claims = json!({
        "iss": account.email,
        "scope": scope,
        "aud": account.token_uri.as_str(),
        "iat": now.unix(),
        "exp": now.unix() + LIFE,
    });
    signed(account, &claims)
}

/// A token that needs no exchange: what clouds of their own want.
pub fn access_token(account: &ServiceAccount, scope: &str, now: Instant) -> Result<Secret> {
    let claims = json!({
        "iss": account.email,
        "sub": account.email,
        "scope": scope,
        "iat": now.unix(),
        "exp": now.unix() + LIFE,
    });
    signed(account, &claims)
}

fn signed(account: &ServiceAccount, claims: &Value) -> Result<Secret> {
    let unusable = || {
        let place = format!("the credentials of {}", account.email);
        no_credentials(&place, "holds a private_key that is no RSA key in PEM")
    };
    let pair = key_pair(account.private_key.expose()).ok_or_else(unusable)?;
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": account.key_id });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(claims));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .map_err(|_| unusable())?;
    Ok(Secret::new(format!(
        "{message}.{}",
        URL_SAFE_NO_PAD.encode(signature)
    )))
}

fn key_pair(pem: &str) -> Option<RsaKeyPair> {
    let lines: Zeroizing<String> = Zeroizing::new(
        pem.lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("-----"))
            .collect(),
    );
    let der = Zeroizing::new(STANDARD.decode(lines.as_bytes()).ok()?);
    RsaKeyPair::from_pkcs8(&der)
        .or_else(|_| RsaKeyPair::from_der(&der))
        .ok()
}
