//! What Stripe answers in live mode: a secret that only the key pair of one mint opens.
//!
//! It is a JSON Web Encryption of RFC 7516 in its compact form, of which Stripe uses one sort of key and one cipher. A
//! library for all of it would be larger than the rest of this issuer.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rsa::pkcs8::{EncodePublicKey, LineEnding};
use rsa::rand_core::OsRng;
use rsa::{Oaep, RsaPrivateKey};
use serde::Deserialize;
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// The least that Stripe takes.
const BITS: usize = 2048;

/// A key pair for one answer.
pub(super) struct Recipient {
    private: RsaPrivateKey,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
}

impl Recipient {
    /// Makes one. That takes a moment of pure computing, so it is done aside.
    pub async fn make() -> Result<Self> {
        let made = tokio::task::spawn_blocking(|| RsaPrivateKey::new(&mut OsRng, BITS)).await;
        let private = made.ok().and_then(std::result::Result::ok);
        private
            .map(|private| Self { private })
            .ok_or_else(|| failed("made"))
    }

    /// The public part, as Stripe wants it.
    pub fn public_key(&self) -> Result<String> {
        let public = self.private.to_public_key();
        public
            .to_public_key_pem(LineEnding::LF)
            .map_err(|_| failed("written"))
    }

    /// Opens an answer; `None` if it is not for this key pair, or no text.
    pub fn open(&self, sealed: &str) -> Option<Secret> {
        let parts: [&str; 5] = sealed.split('.').collect::<Vec<_>>().try_into().ok()?;
        let [protected, ..] = parts;
        let [header, key, nonce, text, tag] = parts.map(|part| BASE64_URL_SAFE_NO_PAD.decode(part));
        let header: Header = serde_json::from_slice(&header.ok()?).ok()?;
        if header.enc != "A256GCM" {
            return None;
        }
        let key = Zeroizing::new(self.unwrap(&header.alg, &key.ok()?)?);
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).ok()?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce.ok()?).ok()?;
        let mut text = Zeroizing::new([text.ok()?, tag.ok()?].concat());
        let opened = key.open_in_place(nonce, Aad::from(protected), &mut text);
        let text = std::str::from_utf8(opened.ok()?).ok()?;
        Some(Secret::new(text.to_owned()))
    }

    fn unwrap(&self, algorithm: &str, wrapped: &[u8]) -> Option<Vec<u8>> {
        let padding = match algorithm {
            "RSA-OAEP" => Oaep::new::<Sha1>(),
            "RSA-OAEP-256" => Oaep::new::<Sha256>(),
            _ => return None,
        };
        // Blinded: an attacker who measures the time learns nothing.
        self.private
            .decrypt_blinded(&mut OsRng, padding, wrapped)
            .ok()
    }
}

fn failed(what: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("No key pair could be {what} for the answer of Stripe"),
        "The random numbers of this machine failed. Nothing was minted. Run the command again.",
    )
}

#[cfg(test)]
mod tests {
    use rsa::BigUint;

    use super::*;

    /// The key of the example in RFC 7516, appendix A.1: modulus and private exponent.
    const N: &str = "oahUIoWw0K0usKNuOR6H4wkf4oBUXHTxRvgb48E-BVvxkeDNjbC4he8rUWcJoZmds2h7M70imEVhRU5djINXtqllXI4DFqcI1DgjT9LewND8MW2Krf3Spsk_ZkoFnilakGygTwpZ3uesH-PFABNIUYpOiN15dsQRkgr0vEhxN92i2asbOenSZeyaxziK72UwxrrKoExv6kc5twXTq4h-QChLOln0_mtUZwfsRaMStPs6mS6XrgxnxbWhojf663tuEQueGC-FCMfra36C9knDFGzKsNa7LZK2djYgyD3JR_MB_4NUJW_TqOQtwHYbxevoJArm-L5StowjzGy-_bq6Gw";
    const D: &str = "kLdtIj6GbDks_ApCSTYQtelcNttlKiOyPzMrXHeI-yk1F7-kpDxY4-WY5NWV5KntaEeXS1j82E375xxhWMHXyvjYecPT9fpwR_M9gV8n9Hrh2anTpTD93Dt62ypW3yDsJzBnTnrYu1iwWRgBKrEYY46qAZIrA2xAwnm2X7uGR1hghkqDp0Vqj3kbSCz1XyfCs6_LehBwtxHIyh8Ripy40p24moOAbgxVw3rxT_vlt3UVe4WO3JkJOzlpUf-KTVI2Ptgm-dARxTEtE-id-4OJr0h-K-VFs3VSndVTIznSxfyrj8ILL6MG_Uv8YAu7VILSB3lOW085-4qE3DzgrTjgyQ";
    /// Its result.
    const SEALED: &str = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je81860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iGdXKHzg.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ";

    fn recipient() -> Recipient {
        let number = |text| BigUint::from_bytes_be(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap());
        let e = BigUint::from(65_537_u32);
        let private = RsaPrivateKey::from_components(number(N), e, number(D), Vec::new());
        Recipient {
            private: private.unwrap(),
        }
    }

    #[test]
    fn the_example_of_the_standard_is_opened() {
        let opened = recipient().open(SEALED).unwrap();
        assert!(opened.expose().starts_with("The true sign"));
    }

    #[test]
    fn what_was_changed_on_the_way_or_is_of_another_sort_is_not_opened() {
        let recipient = recipient();
        let (head, body) = SEALED.split_once('.').unwrap();
        let other = |header: &str| format!("{}.{body}", BASE64_URL_SAFE_NO_PAD.encode(header));
        for wrong in [
            String::new(),
            head.to_owned(),
            SEALED.replace("5eym8", "5eym9"),
            SEALED.replace("OKOaw", "OKOax"),
            format!("{SEALED}.{head}"),
            other(r#"{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF"}"#),
            other(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#),
            other(r#"{"alg":"dir","enc":"A256GCM"}"#),
            other(r#"{"alg":"RSA-OAEP","enc":"A128GCM"}"#),
        ] {
            assert!(recipient.open(&wrong).is_none(), "{wrong}");
        }
    }
}
