//! Mutual TLS with throw-away certificates: ours is made at start, the client's was given to us in the
//! environment, and no other is accepted.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{self, CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};

use super::p521;

/// A server's side of TLS.
pub(super) struct Identity {
    /// For the acceptor.
    pub(super) config: Arc<ServerConfig>,
    /// Our certificate, which the handshake line tells the client to expect.
    pub(super) certificate: Vec<u8>,
}

/// Makes a certificate, and settings that accept the client in `client_pem` and nobody else.
pub(super) fn identity(client_pem: &str) -> Result<Identity, String> {
    let client = CertificateDer::from_pem_slice(client_pem.as_bytes())
        .map_err(|error| format!("PLUGIN_CLIENT_CERT does not hold a certificate: {error}"))?;
    let (certificate, key) = self_signed().map_err(|error| error.to_string())?;
    let provider = Arc::new(crypto::ring::default_provider());
    let verifier = OnlyClient {
        client,
        ring: provider.signature_verification_algorithms,
    };
    let mut config = tls13(provider)
        .map(|config| config.with_client_cert_verifier(Arc::new(verifier)))
        .and_then(|config| config.with_single_cert(vec![certificate.clone().into()], key))
        .map_err(|error| error.to_string())?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Identity {
        config: Arc::new(config),
        certificate,
    })
}

fn tls13(
    provider: Arc<CryptoProvider>,
) -> Result<rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier>, Error> {
    ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13])
}

fn self_signed() -> Result<(Vec<u8>, PrivateKeyDer<'static>), rcgen::Error> {
    let mut parameters = CertificateParams::new(["localhost".to_owned()])?;
    // Fixed dates: one taken from the clock would be refused by a client whose clock is behind.
    parameters.not_before = date_time_ymd(2024, 1, 1);
    parameters.not_after = date_time_ymd(2124, 1, 1);
    parameters
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
    ];
    parameters.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let certificate = parameters.self_signed(&key)?.der().to_vec();
    Ok((
        certificate,
        PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
    ))
}

/// Accepts one certificate, and its owner's signature over the handshake.
#[derive(Debug)]
struct OnlyClient {
    client: CertificateDer<'static>,
    ring: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for OnlyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // Being this very certificate says all there is to say: no issuer, no name, no date.
        if certificate.as_ref() == self.client.as_ref() {
            return Ok(ClientCertVerified::assertion());
        }
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls12_signature(message, certificate, signature, &self.ring)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = match signature.scheme {
            SignatureScheme::ECDSA_NISTP521_SHA512 => &p521::ALGORITHMS,
            _ => &self.ring,
        };
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.ring.supported_schemes();
        schemes.push(SignatureScheme::ECDSA_NISTP521_SHA512);
        schemes
    }
}
