//! A key pair that is made here: its public part in a certificate, its private part as a credentials file.

use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, date_time_ymd,
};
use ring::signature::{KeyPair as _, RsaKeyPair};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::rand_core::OsRng;
use serde_json::json;
use zeroize::Zeroizing;

use super::api::Key;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// What Google makes itself.
const BITS: usize = 2048;

pub(super) struct Pair {
    /// The public part, in the certificate that Google wants it in.
    pub certificate: String,
    /// The public part by itself.
    pub public: Vec<u8>,
    private: Zeroizing<String>,
}

/// Where a key is used.
pub(super) struct Cloud {
    pub token_uri: String,
    pub universe: String,
}

impl Pair {
    /// Makes one. That takes a moment of pure computing, so it is done aside.
    pub async fn make(email: &str) -> Result<Self> {
        let email = email.to_owned();
        let made = tokio::task::spawn_blocking(move || Self::compute(&email)).await;
        made.ok().flatten().ok_or_else(|| {
            Error::new(
                Kind::Other,
                "No key pair could be made",
                "The random numbers of this machine failed. Nothing was minted. Run the command again.",
            )
        })
    }

    fn compute(email: &str) -> Option<Self> {
        let key = RsaPrivateKey::new(&mut OsRng, BITS).ok()?;
        let der = key.to_pkcs8_der().ok()?;
        let signer = RsaKeyPair::from_pkcs8(der.as_bytes()).ok()?;
        Some(Self {
            certificate: certificate(email, der.as_bytes())?,
            public: signer.public_key().as_ref().to_vec(),
            private: key.to_pkcs8_pem(LineEnding::LF).ok()?,
        })
    }

    /// The credentials file of the key that the pair became.
    pub fn credentials(&self, email: &str, key: &Key, cloud: &Cloud) -> Secret {
        let file = json!({
            "type": "service_account",
            "project_id": key.project(),
            "private_key_id": key.id(),
            "private_key": *self.private,
            "client_email": email,
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": cloud.token_uri,
            "universe_domain": cloud.universe,
        });
        Secret::new(file.to_string())
    }
}

/// Google takes the end of the certificate for the end of the key; the rotation decides about that.
fn certificate(email: &str, der: &[u8]) -> Option<String> {
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der.into(), &PKCS_RSA_SHA256).ok()?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, email.get(..64).unwrap_or(email));
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = name;
    parameters.not_before = date_time_ymd(1970, 1, 1);
    parameters.not_after = date_time_ymd(9999, 12, 31);
    let certificate = parameters.self_signed(&pair).ok()?;
    Some(certificate.pem())
}
