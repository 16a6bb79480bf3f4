//! Secrets of GitHub Actions, against a fake that opens what is sealed.

/// Credentials, limits, and what is refused.
mod access;
/// Alerts of secret scanning about keys.
mod leaks;
/// The life of a key under the real command line.
mod life;
/// What a delivery does with secrets.
mod secrets;

use std::collections::BTreeMap;

use apikey::context::Context;
use apikey::error::Path;
use apikey::instant::Instant;
use apikey::secret::Secret;
use apikey::settings::Settings;
use apikey::stores::{self, Document, DocumentKey, Store};
use tf_provider::value::ValueAny;

const REPOSITORY: &str = "repos/acme/payments/actions";

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

/// Another one for each write.
fn token(number: u64) -> String {
    format!("{number:064x}")
}

fn connect(context: &Context, settings: &[(&str, ValueAny)]) -> Box<dyn Store> {
    let fields: BTreeMap<String, ValueAny> = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let kind = stores::find("github_actions_secret").unwrap();
    kind.connect(&Settings::new(Path::root("store"), &fields), context)
        .unwrap()
}

fn payments(context: &Context) -> Box<dyn Store> {
    connect(context, &[("repository", text("acme/payments"))])
}
