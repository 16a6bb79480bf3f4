//! A client that starts a plugin process as the command line does, and calls it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hyper_util::rt::TokioIo;
use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, SignatureScheme};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

#[allow(clippy::all, dead_code)]
pub mod tfplugin6 {
    include!(concat!(env!("OUT_DIR"), "/clients/tfplugin6.rs"));
}
#[allow(clippy::all, dead_code)]
pub mod plugin {
    include!(concat!(env!("OUT_DIR"), "/clients/plugin.rs"));
}
#[allow(clippy::all, dead_code)]
pub mod health {
    include!(concat!(env!("OUT_DIR"), "/clients/grpc.health.v1.rs"));
}

use plugin::grpc_controller_client::GrpcControllerClient;
use tfplugin6::DynamicValue;
use tfplugin6::provider_client::ProviderClient;

pub const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
const LARGEST_MESSAGE: usize = 256 << 20;
/// What takes longer hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A certificate with its key, as either side makes one for a single run.
pub struct Identity {
    pub certificate: rcgen::Certificate,
    pub key: rcgen::KeyPair,
}

impl Identity {
    pub fn new() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Self { certificate, key }
    }

    /// What a client shows that says to be this, and holds `key`.
    pub fn shown(&self, key: &rcgen::KeyPair) -> SingleCertAndKey {
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let key = default_provider().key_provider.load_private_key(key.into());
        let chain = vec![self.certificate.der().clone()];
        CertifiedKey::new(chain, key.unwrap()).into()
    }
}

/// A running plugin.
pub struct Plugin {
    child: Child,
    pub line: Vec<String>,
    pub channel: Channel,
    pub provider: ProviderClient<Channel>,
    _sockets: TempDir,
}

impl Plugin {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub async fn start_with(environment: &[(&str, &str)]) -> Self {
        Self::of(demo(), environment).await
    }

    /// The provider that was built for this test run, in this directory.
    pub async fn real(directory: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"));
        command.current_dir(directory);
        Self::of(command, environment).await
    }

    async fn of(command: Command, environment: &[(&str, &str)]) -> Self {
        let identity = Identity::new();
        let (child, line, sockets) = launch_command(command, &identity, environment).await;
        let channel = connect(&line, Some(&identity)).await.unwrap();
        let provider = ProviderClient::new(channel.clone())
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        Self {
            child,
            line,
            channel,
            provider,
            _sockets: sockets,
        }
    }

    pub fn socket(&self) -> PathBuf {
        PathBuf::from(&self.line[3])
    }

    /// Goes without a word, as a command line that is killed. Gives whether the plugin ended well by itself.
    pub async fn abandon(self) -> bool {
        let Self {
            mut child,
            channel,
            provider,
            ..
        } = self;
        drop((channel, provider, child.stderr.take()));
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        ended.expect("it ends by itself").unwrap().success()
    }

    /// Kills the plugin, which leaves its socket behind.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Shuts it down as the command line does. Gives whether it ended well, and its stderr.
    pub async fn end(self) -> (bool, String) {
        let Self {
            mut child,
            channel,
            provider,
            ..
        } = self;
        let _ = GrpcControllerClient::new(channel)
            .shutdown(plugin::Empty {})
            .await;
        drop(provider);
        let mut log = String::new();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_to_string(&mut log).await.unwrap();
        (child.wait().await.unwrap().success(), log)
    }
}

/// Starts the demo plugin and reads the handshake line.
pub async fn launch(
    identity: &Identity,
    environment: &[(&str, &str)],
) -> (Child, Vec<String>, TempDir) {
    launch_command(demo(), identity, environment).await
}

/// This test binary, serving the demo provider.
fn demo() -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"exec "$0" "$@" 3>&1 1>/dev/null"#])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "protocol::the_demo_plugin",
            "--ignored",
            "--nocapture",
        ]);
    command
}

async fn launch_command(
    mut command: Command,
    identity: &Identity,
    environment: &[(&str, &str)],
) -> (Child, Vec<String>, TempDir) {
    let sockets = tempfile::tempdir().unwrap();
    command
        .env("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
        .env("PLUGIN_PROTOCOL_VERSIONS", "5,6")
        .env("PLUGIN_CLIENT_CERT", identity.certificate.pem())
        .env("PLUGIN_UNIX_SOCKET_DIR", sockets.path())
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().expect("a handshake line");
    (child, line.split('|').map(str::to_owned).collect(), sockets)
}

/// Connects to the address of a handshake line, showing `identity` if there is one.
pub async fn connect(line: &[String], identity: Option<&Identity>) -> Result<Channel, String> {
    let config = match identity {
        None => trusting(line).with_no_client_auth(),
        Some(identity) => {
            let shown = identity.shown(&identity.key);
            trusting(line).with_client_cert_resolver(Arc::new(shown))
        }
    };
    connect_with(line, config).await
}

/// Connects to the address of a handshake line with these settings.
pub async fn connect_with(line: &[String], config: ClientConfig) -> Result<Channel, String> {
    let (line, config) = (line.to_vec(), Arc::new(config));
    let service = tower::service_fn(move |_| {
        let (line, config) = (line.clone(), config.clone());
        async move { secured(&line, config).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost")
        .connect_with_connector(service)
        .await
        .map_err(|error| format!("{error:?}"))
}

/// A connection with TLS and nothing on it yet.
pub async fn secured(
    line: &[String],
    mut config: Arc<ClientConfig>,
) -> std::io::Result<TlsStream<UnixStream>> {
    Arc::make_mut(&mut config).alpn_protocols = vec![b"h2".to_vec()];
    let stream = UnixStream::connect(&line[3]).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(config).connect(name, stream).await?;
    // With TLS 1.3 a refusal of the client's certificate arrives after the handshake.
    tokio::io::AsyncWriteExt::flush(&mut stream).await?;
    Ok(stream)
}

/// Settings that accept the server of a handshake line and no other.
pub fn trusting(line: &[String]) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let server = STANDARD_NO_PAD.decode(&line[5]).unwrap();
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OnlyServer(server)))
}

/// Accepts the certificate of the handshake line and no other.
#[derive(Debug)]
struct OnlyServer(Vec<u8>);

impl ServerCertVerifier for OnlyServer {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        assert_eq!(certificate.as_ref(), self.0, "another server answers");
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = default_provider().signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// A value as the command line writes it.
pub fn value(json: serde_json::Value) -> Option<DynamicValue> {
    Some(DynamicValue {
        msgpack: rmp_serde::to_vec_named(&json).unwrap(),
        json: Vec::new(),
    })
}

/// A value as the plugin wrote it.
pub fn json(value: &Option<DynamicValue>) -> serde_json::Value {
    rmp_serde::from_slice(&value.as_ref().unwrap().msgpack).unwrap()
}
