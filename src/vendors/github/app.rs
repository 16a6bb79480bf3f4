//! Tokens for an installation of an app: asked for with a signed statement of who the app is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use super::settings::App;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::secret::Secret;

/// GitHub takes statements of ten minutes at most, and its clock may be behind.
const VALID: i64 = 540;
const BEHIND: i64 = 60;

/// The statement, signed with the key of the app.
pub fn statement(app: &App, now: Instant) -> Result<Secret> {
    let encoded = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = encoded(json!({ "alg": "RS256", "typ": "JWT" }));
    let claims = encoded(json!({
        "iat": now.unix() - BEHIND,
        "exp": now.unix() + VALID,
        "iss": app.id,
    }));
    let text = format!("{header}.{claims}");
    let signature = signed(&app.pem, text.as_bytes()).ok_or_else(unfit)?;
    Ok(Secret::new(format!(
        "{text}.{}",
        URL_SAFE_NO_PAD.encode(signature)
    )))
}

fn signed(pem: &Secret, text: &[u8]) -> Option<Vec<u8>> {
    let key = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).ok()?;
    let key = any_supported_type(&key).ok()?;
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?;
    signer.sign(text).ok()
}

fn unfit() -> Error {
    Error::new(
        Kind::Invalid,
        "The private key of the GitHub app cannot be used",
        "app_auth.pem_file (GITHUB_APP_PEM_FILE) holds what GitHub gave as a PEM file: an RSA key of 2048 bits or more. It is \
         the content of the file, not its path: pem_file = file(\"app.pem\").",
    )
}
