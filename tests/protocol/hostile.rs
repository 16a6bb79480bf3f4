//! Clients that mean harm, or are broken. Whatever they send ends their own call or connection and nothing else.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::ClientConfig;
use rustls::crypto::ring::default_provider;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tonic::Code;
use tonic::codegen::{Service, http};
use tonic::transport::Channel;

use super::client::tfplugin6::get_metadata;
use super::client::tfplugin6::provider_client::ProviderClient;
use super::client::{
    Identity, Plugin, connect, connect_with, json, launch, secured, trusting, value,
};
use super::demo::thing;

/// How long a server may take to say no, before a test counts it as hanging.
const BOUND: Duration = Duration::from_secs(60);

async fn answers(channel: Channel) -> bool {
    let mut client = ProviderClient::new(channel);
    client.get_metadata(get_metadata::Request {}).await.is_ok()
}

fn params() -> CertificateParams {
    CertificateParams::new(["localhost".to_owned()]).unwrap()
}

fn identity(of: impl FnOnce(&KeyPair) -> rcgen::Certificate) -> Identity {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let certificate = of(&key);
    Identity { certificate, key }
}

#[tokio::test]
async fn nobody_but_the_announced_client_gets_in() {
    let announced = Identity::new();
    let (_child, line, _sockets) = launch(&announced, &[]).await;
    let stranger = Identity::new();
    let expired = identity(|key| {
        let mut params = params();
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        params.self_signed(key).unwrap()
    });
    // Signed by somebody else, or even by the announced client.
    let foreign = identity(|key| {
        params()
            .signed_by(key, &stranger.certificate, &stranger.key)
            .unwrap()
    });
    let issued = identity(|key| {
        params()
            .signed_by(key, &announced.certificate, &announced.key)
            .unwrap()
    });
    let strangers = [
        ("nothing", None),
        ("another certificate", Some(&stranger)),
        ("an expired certificate", Some(&expired)),
        ("a certificate of another authority", Some(&foreign)),
        (
            "a certificate that the announced client issued",
            Some(&issued),
        ),
    ];
    for (shown, stranger) in strangers {
        if let Ok(channel) = connect(&line, stranger).await {
            assert!(!answers(channel).await, "let in with {shown}");
        }
    }
    // The certificate is no secret. The key is.
    let copied = announced.shown(&stranger.key);
    let copied = trusting(&line).with_client_cert_resolver(Arc::new(copied));
    if let Ok(channel) = connect_with(&line, copied).await {
        assert!(
            !answers(channel).await,
            "let in with the announced certificate without its key"
        );
    }
    assert!(answers(connect(&line, Some(&announced)).await.unwrap()).await);
}

#[tokio::test]
async fn an_older_tls_is_refused() {
    let announced = Identity::new();
    let (_child, line, _sockets) = launch(&announced, &[]).await;
    let tls12 = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_client_cert_resolver(Arc::new(announced.shown(&announced.key)));
    assert!(secured(&line, Arc::new(tls12)).await.is_err());
    assert!(answers(connect(&line, Some(&announced)).await.unwrap()).await);
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The header block of a call.
fn headers(method: &str) -> Vec<u8> {
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let path = format!("/tfplugin6.Provider/{method}");
    [
        &[0x83, 0x86, 0x04][..],
        &text(&path),
        &[0x0f, 0x10],
        &text("application/grpc"),
        &[0x00],
        &text("te"),
        &text("trailers"),
    ]
    .concat()
}

/// A good start of a connection, and then this.
fn after_settings(frames: &[Vec<u8>]) -> Vec<u8> {
    [PREFACE, &frame(4, 0, 0, &[]), &frames.concat()].concat()
}

const LAST_OF_HEADERS: u8 = 4;

fn broken_connections() -> Vec<(&'static str, Vec<u8>)> {
    let call = frame(1, LAST_OF_HEADERS, 1, &headers("GetMetadata"));
    let huge = [
        &[0xff, 0xff, 0xff, 0, 0][..],
        &1u32.to_be_bytes(),
        &[0; 4096],
    ]
    .concat();
    let noise: Vec<u8> = (0..100_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    vec![
        ("nothing at all", Vec::new()),
        ("noise", noise),
        (
            "another protocol",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        ),
        ("half a preface", PREFACE[..9].to_vec()),
        (
            "a frame longer than allowed",
            after_settings(&[call.clone(), huge]),
        ),
        (
            "settings on a stream",
            after_settings(&[frame(4, 0, 3, &[])]),
        ),
        ("data of no stream", after_settings(&[frame(0, 0, 5, b"x")])),
        (
            "a window of nothing",
            after_settings(&[frame(8, 0, 0, &[0; 4])]),
        ),
        (
            "a broken header block",
            after_settings(&[frame(1, LAST_OF_HEADERS, 1, &[0xff; 64])]),
        ),
        (
            "headers without an end",
            after_settings(&[frame(1, 0, 1, &headers("GetMetadata"))]),
        ),
        (
            "half a message and then silence",
            after_settings(&[call.clone(), frame(0, 0, 1, &[0, 0, 0])]),
        ),
        (
            "a call that is taken back",
            after_settings(&[call, frame(3, 0, 1, &8u32.to_be_bytes())]),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_ends_alone() {
    let announced = Identity::new();
    let (_child, line, _sockets) = launch(&announced, &[]).await;
    let before = connect(&line, Some(&announced)).await.unwrap();
    for (sent, bytes) in broken_connections() {
        // Once in the open, where the server waits for TLS, and once within.
        let mut plain = UnixStream::connect(&line[3]).await.unwrap();
        let _ = plain.write_all(&bytes).await;
        let config =
            trusting(&line).with_client_cert_resolver(Arc::new(announced.shown(&announced.key)));
        let mut secure = secured(&line, Arc::new(config)).await.unwrap();
        let _ = secure.write_all(&bytes).await;
        let _ = secure.flush().await;
        let _ = secure.shutdown().await;
        // The server lets go of it, and does not wait for more.
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(BOUND, secure.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{sent}: it stays open");
        assert!(
            answers(before.clone()).await,
            "{sent}: the other connection is gone"
        );
        drop(plain);
    }
    assert!(answers(connect(&line, Some(&announced)).await.unwrap()).await);
}

/// Sends this as the body of a call.
async fn call(channel: &mut Channel, method: &str, body: Vec<u8>) -> Code {
    let request = http::Request::post(format!("http://localhost/tfplugin6.Provider/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(tonic::body::boxed(reqwest::Body::from(body)))
        .unwrap();
    std::future::poll_fn(|context| channel.poll_ready(context))
        .await
        .unwrap();
    let answer = tokio::time::timeout(BOUND, channel.call(request)).await;
    let answer = answer
        .expect("an answer")
        .expect("an answer on this connection");
    let status = answer.headers().get("grpc-status");
    status.map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()))
}

/// A message as gRPC frames it.
fn framed(flag: u8, length: u32, message: &[u8]) -> Vec<u8> {
    [&[flag], &length.to_be_bytes()[..], message].concat()
}

#[tokio::test]
async fn a_broken_message_ends_its_call_and_the_connection_goes_on() {
    let plugin = Plugin::start().await;
    let mut channel = plugin.channel.clone();
    for (sent, body) in [
        ("no message", Vec::new()),
        ("a cut header", vec![0, 0, 0]),
        ("a message that ends early", framed(0, 100, &[1; 10])),
        ("a length beyond every limit", framed(0, u32::MAX, &[1; 10])),
        (
            "a length just beyond the limit",
            framed(0, (256 << 20) + 1, &[1; 10]),
        ),
        (
            "a length within the limit that is not kept",
            framed(0, 256 << 20, &[1; 10]),
        ),
        ("compression that nobody agreed on", framed(1, 4, &[1; 4])),
        ("a flag that means nothing", framed(7, 4, &[1; 4])),
        ("noise", framed(0, 32, &[0xff; 32])),
        (
            "a field that is longer than its message",
            framed(0, 3, &[0x0a, 0x7f, b'x']),
        ),
        (
            "a name that is not UTF-8",
            framed(0, 4, &[0x0a, 2, 0xff, 0xfe]),
        ),
    ] {
        let code = call(&mut channel, "PlanResourceChange", body).await;
        assert_ne!(code, Code::Ok, "{sent}");
        assert!(answers(channel.clone()).await, "after {sent}");
    }
    let code = call(&mut channel, "NoSuchCall", framed(0, 0, &[])).await;
    assert_eq!(code, Code::Unimplemented);
    let (ended_well, _) = plugin.end().await;
    assert!(ended_well);
}

#[tokio::test]
async fn a_call_that_is_given_up_ends_alone() {
    let mut plugin = Plugin::start().await;
    for _ in 0..20 {
        let mut other = plugin.provider.clone();
        let request = super::client::tfplugin6::apply_resource_change::Request {
            type_name: "demo_thing".into(),
            prior_state: value(serde_json::json!(null)),
            planned_state: value(thing("until_stopped")),
            config: value(thing("until_stopped")),
            ..Default::default()
        };
        let given_up = tokio::spawn(async move { other.apply_resource_change(request).await });
        assert!(answers(plugin.channel.clone()).await);
        given_up.abort();
    }
    let request = super::client::tfplugin6::read_resource::Request {
        type_name: "demo_thing".into(),
        current_state: value(thing("")),
        ..Default::default()
    };
    let answer = plugin
        .provider
        .read_resource(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(json(&answer.new_state), thing(""));
}
