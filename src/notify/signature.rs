//! Signatures of Standard Webhooks: HMAC-SHA256 over id, time and body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use zeroize::Zeroizing;

/// What is signed with.
pub struct SigningSecret(Zeroizing<Vec<u8>>);

impl SigningSecret {
    /// `whsec_` and 24 to 64 bytes in base64.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text.strip_prefix("whsec_")?).ok()?);
        (24..=64).contains(&bytes.len()).then_some(Self(bytes))
    }

    fn sign(&self, signed: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let tag = hmac::sign(&key, signed.as_bytes());
        format!("v1,{}", STANDARD.encode(tag))
    }
}

/// The signatures with every secret. Whoever rotates one has two for a while, and a receiver that knows either is content.
pub fn sign(secrets: &[SigningSecret], id: &str, at: i64, body: &str) -> String {
    let signed = format!("{id}.{at}.{body}");
    let signatures = secrets.iter().map(|secret| secret.sign(&signed));
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made up: the bytes 0 to 31.
    fn secret() -> String {
        format!("whsec_{}", STANDARD.encode((0..32).collect::<Vec<u8>>()))
    }

    #[test]
    fn every_secret_signs_what_is_sent() {
        let secrets = [
            SigningSecret::parse(&secret()).unwrap(),
            SigningSecret::parse(&secret()).unwrap(),
        ];
        let both = sign(&secrets, "msg_1", 1_614_265_330, "{}");
        let (one, two) = both.split_once(' ').unwrap();
        assert_eq!(one, two);
        assert!(one.starts_with("v1,"));
        assert_ne!(one, sign(&secrets[..1], "msg_1", 1_614_265_331, "{}"));
        assert_ne!(one, sign(&secrets[..1], "msg_2", 1_614_265_330, "{}"));
    }

    #[test]
    fn a_secret_of_another_form_is_none() {
        let short = format!("whsec_{}", STANDARD.encode([7; 23]));
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        for text in [
            "",
            "whsec_",
            "whsec_not base64",
            &short,
            &long,
            &secret()[6..],
        ] {
            assert!(SigningSecret::parse(text).is_none(), "{text}");
        }
    }
}
