use std::sync::Arc;
use std::time::Duration;

use apikey::clock::Clock;
use apikey::context::Context;
use apikey::http::{Http, Patience};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_util::sync::CancellationToken;

use super::fakes::Block;
use crate::support::fake::Reply;

/// What no message may hold.
pub const CANARY: &str = "made-up-canary";

/// What becomes of a call when its server behaves like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not done, and the credentials are to blame.
    Denied,
    /// What was asked for is not there.
    NotFound,
    /// It was not done.
    Refused,
    /// It is tried again and ends well.
    Repeated,
    /// Whether it was done nobody can tell. Reading is tried again.
    Unknown,
    /// The same, and no other attempt would tell more.
    Broken,
}

/// Every trouble, with what has to become of a call in it. `body` is how the vendor says no.
pub fn all(body: fn(u16) -> String) -> Vec<(&'static str, Reply, Outcome)> {
    let status = |status: u16| Reply::of(status, body(status));
    let busy = Reply::Answer(429, vec!["Retry-After: 1".into()], body(429));
    let page = "<!DOCTYPE html><html><body>Sign in</body></html>";
    vec![
        ("401", status(401), Outcome::Denied),
        ("403", status(403), Outcome::Denied),
        ("404", status(404), Outcome::NotFound),
        ("409", status(409), Outcome::Refused),
        ("429 with Retry-After", busy, Outcome::Repeated),
        ("500", status(500), Outcome::Unknown),
        (
            "no answer",
            Reply::Silence(Duration::from_secs(60)),
            Outcome::Unknown,
        ),
        ("a connection that is lost", Reply::Reset, Outcome::Unknown),
        (
            "half an answer",
            Reply::of(200, "{\"data\":"),
            Outcome::Broken,
        ),
        ("a page of a proxy", Reply::of(200, page), Outcome::Broken),
        (
            "a body without an end",
            Reply::Endless(vec![b' '; 1 << 20], Duration::ZERO),
            Outcome::Broken,
        ),
        ("what was sent, again", Reply::Echo(400), Outcome::Refused),
    ]
}

/// A context that reaches a server through the block of its vendor, and waits no longer than a second for it.
pub fn context(block: Block, url: &str) -> Context {
    let patience = Patience {
        attempt: Duration::from_secs(1),
        silent: Duration::from_secs(3),
        ..Patience::default()
    };
    let http = Http::with_patience(CancellationToken::new(), patience);
    let blocks = block(url).into_iter().collect();
    Context::new(Clock::system(), CancellationToken::new(), blocks).with_http(http)
}

/// A server with a certificate that nobody has signed.
pub async fn with_a_wrong_certificate() -> String {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(issued.key_pair.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(acceptor.accept(stream).await);
        }
    });
    format!("https://localhost:{port}")
}
