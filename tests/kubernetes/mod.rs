//! Secrets in Kubernetes: every test runs against a small fake, and against a real API server where one was built.

/// Credentials and ways to a cluster.
mod access;
/// The life of a key under the real command line.
mod life;
/// The least that roles have to give, in a real cluster.
mod roles;
/// What a delivery does with a Secret.
mod secrets;
/// Workloads that are restarted.
mod workloads;

use std::collections::BTreeMap;

use apikey::context::Context;
use apikey::error::{Path, Result};
use apikey::instant::Instant;
use apikey::secret::Secret;
use apikey::settings::Settings;
use apikey::stores::{self, Document, DocumentKey, Store};
use tf_provider::value::ValueAny;

fn text(text: &str) -> ValueAny {
    ValueAny::String(text.into())
}

fn document(primary: &str, secondary: Option<&str>, generation: u64) -> Document {
    let key = |name: &str| DocumentKey {
        key_id: Some(name.into()),
        secret: Secret::new(format!("made-up-canary-{name}")),
    };
    Document {
        primary: key(primary),
        secondary: secondary.map(key),
        generation: Some(generation),
        rotated_at: Instant::parse("2026-11-22T12:00:00Z"),
    }
}

fn token() -> String {
    "a".repeat(64)
}

fn connect(context: &Context, settings: &[(&str, ValueAny)]) -> Result<Box<dyn Store>> {
    let fields: BTreeMap<String, ValueAny> = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let kind = stores::find("kubernetes_secret").unwrap();
    kind.connect(&Settings::new(Path::root("store"), &fields), context)
}
