//! Signatures on the curve P-521, which Terraform's client certificate uses and *ring* does not know.

use p521::ecdsa::signature::Verifier;
use p521::ecdsa::{Signature, VerifyingKey};
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};

/// P-521 with SHA-512 and nothing else.
pub(super) static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[&P521Sha512],
    mapping: &[(
        SignatureScheme::ECDSA_NISTP521_SHA512,
        &[&P521Sha512 as &dyn SignatureVerificationAlgorithm],
    )],
};

#[derive(Debug)]
struct P521Sha512;

impl SignatureVerificationAlgorithm for P521Sha512 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = VerifyingKey::from_sec1_bytes(public_key).map_err(|_| InvalidSignature)?;
        let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        key.verify(message, &signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P521
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA512
    }
}

#[cfg(test)]
mod tests {
    use p521::ecdsa::SigningKey;
    use p521::ecdsa::signature::Signer;

    use super::*;

    #[test]
    fn only_the_owner_of_the_key_passes() {
        let key = SigningKey::from_slice(&[7; 66].map(|byte: u8| byte & 0x01)).unwrap();
        let signature: Signature = key.sign(b"handshake");
        let public = VerifyingKey::from(&key);
        let public = public.to_encoded_point(false);
        let verify = |message: &[u8], signature: &[u8]| {
            P521Sha512.verify_signature(public.as_bytes(), message, signature)
        };

        let der = signature.to_der();
        assert!(verify(b"handshake", der.as_bytes()).is_ok());
        assert!(verify(b"handshakf", der.as_bytes()).is_err());
        assert!(verify(b"handshake", &der.as_bytes()[1..]).is_err());
        assert!(verify(b"handshake", &[]).is_err());
    }
}
