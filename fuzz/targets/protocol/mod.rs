//! The decoders of the protocol, for the hunt for bad input: each takes bytes as a client or a state would bring
//! them, against the schemas of the real provider.

mod calls;
mod inert;
mod samples;

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tf_provider::{AttributePath, AttributePathStep, Diagnostics};
use tokio_util::sync::CancellationToken;

use super::codec::{decode, decode_private, encode, incoming, outgoing};
use super::handshake::Environment;
use super::normalise::{normalise, withhold};
use super::registry::Registry;
use super::wire::tfplugin6::DynamicValue;
use super::{diagnostics, p521, private, tls};
use crate::resources::managed::model::{ManagedState, Private};
use hunt::Target;

/// All of them.
pub(crate) fn targets() -> Vec<Target> {
    let registry = Arc::new(inert::inert(crate::provider::registry(
        CancellationToken::new(),
    )));
    let mut targets = vec![
        envelope(),
        paths(),
        environment(),
        certificate(),
        signature(),
    ];
    targets.extend(values(&registry));
    targets.extend(calls::targets(&registry));
    targets
}

/// Values of every schema, in MessagePack and in JSON.
fn values(registry: &Arc<Registry>) -> Vec<Target> {
    let mut diags = Diagnostics::default();
    let provider = registry.provider_schema(&mut diags);
    let resources = registry.resources.iter();
    let resources = resources.map(|(name, entry)| {
        (
            name.as_str(),
            entry.prepared(name, &mut Diagnostics::default()),
        )
    });
    let all: Vec<_> = [("provider", provider)]
        .into_iter()
        .chain(resources)
        .collect();
    let mut targets = Vec::new();
    for (name, schema) in all {
        let Some(schema) = schema else { continue };
        let shape = schema.shape.clone();
        let packed = samples::values(name, &shape);
        let in_json: Vec<_> = samples::in_json(name, &shape);
        let of = shape.clone();
        targets.push(Target::new(
            format!("MessagePack of {name}"),
            packed,
            move |bytes| {
                let value = outgoing(bytes.to_vec());
                let mut diags = Diagnostics::default();
                if let Some(value) = incoming(Some(value), &of, &mut diags) {
                    // What was made digestible stays so, and so does what hides its write-only values.
                    assert!(normalise(&value, &of).is_ok_and(|again| *again == *value));
                    let hidden = withhold(&value, &of);
                    assert!(
                        hidden.is_ok_and(|it| withhold(&it, &of).is_ok_and(|again| again == it))
                    );
                    as_state(&value);
                }
            },
        ));
        targets.push(Target::new(
            format!("JSON of {name}"),
            in_json,
            move |bytes| {
                let json = bytes.to_vec();
                let msgpack = Vec::new();
                let value = DynamicValue { msgpack, json };
                if let Some(value) = incoming(Some(value), &shape, &mut Diagnostics::default()) {
                    as_state(&value);
                }
            },
        ));
    }
    targets
}

/// A value that decodes as a state is written and read again.
fn as_state(value: &[u8]) {
    let mut diags = Diagnostics::default();
    if let Some(state) = decode::<ManagedState>(value, "state", &mut diags) {
        let written = encode(&state, &mut diags).unwrap_or_default();
        assert!(decode::<ManagedState>(&written, "state", &mut diags).is_some());
        let _ = state.managed(&Private::default());
    }
}

fn envelope() -> Target {
    let stored = encode(&Private::default(), &mut Diagnostics::default()).unwrap_or_default();
    let seeds = vec![
        private::join(&stored, &stored),
        private::join(b"", &stored),
        stored,
    ];
    Target::new("private data", seeds, |bytes| {
        let (planned, prior) = private::split(bytes);
        assert_eq!(
            private::split(&private::join(planned, prior)),
            (planned, prior)
        );
        let mut diags = Diagnostics::default();
        let _: Option<Option<Private>> = decode_private(planned, &mut diags);
        let _: Option<Option<Private>> = decode_private(prior, &mut diags);
    })
}

/// Paths are only ever sent, but keys of maps are anybody's words.
fn paths() -> Target {
    Target::new(
        "a path",
        vec![b"deliveries.app[1].\xff\x00".to_vec()],
        |bytes| {
            let steps = bytes.split(|byte| *byte == b'.').map(|step| {
                let text = String::from_utf8_lossy(step).into_owned();
                match step.first() {
                    Some(b'a'..=b'm') => AttributePathStep::Attribute(text.into()),
                    Some(b'0'..=b'9') => AttributePathStep::Index(step.len() as i64),
                    _ => AttributePathStep::Key(text.into()),
                }
            });
            let mut diags = Diagnostics::default();
            let steps = steps.collect();
            diags.error("e", "d", AttributePath { steps });
            assert_eq!(diagnostics::to_wire(diags).len(), 1);
        },
    )
}

fn environment() -> Target {
    let seed = b"d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2\n5,6\n10000\n10100\nx\n/tmp";
    let names = [
        "TF_PLUGIN_MAGIC_COOKIE",
        "PLUGIN_PROTOCOL_VERSIONS",
        "PLUGIN_MIN_PORT",
        "PLUGIN_MAX_PORT",
        "PLUGIN_CLIENT_CERT",
        "PLUGIN_UNIX_SOCKET_DIR",
    ];
    Target::new("the environment", vec![seed.to_vec()], move |bytes| {
        let values: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        let _ = Environment::read(|name| {
            let position = names.iter().position(|known| *known == name)?;
            let value = values.get(position)?;
            Some(String::from_utf8_lossy(value).into_owned())
        });
    })
}

fn certificate() -> Target {
    let pem = rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .map(|made| made.cert.pem())
        .unwrap_or_default();
    Target::new(
        "the certificate of the client",
        vec![pem.into_bytes()],
        |bytes| {
            let text = String::from_utf8_lossy(bytes);
            // Only what cannot be read goes the whole way: for the rest, a key would be made each time.
            if CertificateDer::from_pem_slice(text.as_bytes()).is_err() {
                assert!(tls::identity(&text).is_err());
            }
        },
    )
}

/// What proves that the client has the key to its certificate, on the curve that is verified here.
fn signature() -> Target {
    use ::p521::ecdsa::{SigningKey, VerifyingKey};
    // The numbers 1 and 1, as DER.
    let signature = [0x30, 6, 2, 1, 1, 2, 1, 1];
    let mut seeds = Vec::new();
    if let Ok(key) = SigningKey::from_slice(&[1; 66]) {
        let public = VerifyingKey::from(&key).to_encoded_point(false);
        seeds.push([public.as_bytes(), &signature].concat());
    }
    Target::new("a signature", seeds, |bytes| {
        let (public, signature) = bytes.split_at(bytes.len().min(133));
        for algorithm in p521::ALGORITHMS.all {
            let _ = algorithm.verify_signature(public, b"another message", signature);
        }
    })
}
