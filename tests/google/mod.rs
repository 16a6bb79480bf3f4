//! Google Cloud, against a server that keeps what it is told, checks what is signed, and misbehaves as told.

/// API keys of a project.
mod api_keys;
/// Whose token a call carries, and where the credentials for it come from.
mod credentials;
/// Keys of service accounts.
mod keys;
/// The whole life of keys, driven through the real CLI.
#[cfg(unix)]
mod life;
/// Documents in Secret Manager.
mod secrets;

use std::collections::BTreeMap;

use apikey::clock::Clock;
use apikey::context::Context;
use apikey::error::{Path, Result};
use apikey::issuers::{self, Issuer};
use apikey::settings::Settings;
use apikey::stores::{self, Store};
use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

use crate::support::google::{Google, PROJECT, endpoints};

pub type Fields = BTreeMap<String, ValueAny>;

pub fn text(value: &str) -> ValueAny {
    ValueAny::String(value.into())
}

fn fields(entries: &[(&str, ValueAny)]) -> Fields {
    let pairs = entries.iter().cloned();
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A provider block that reaches one server with a token.
pub fn block(url: &str, token: &str) -> Fields {
    let endpoints = endpoints(url).into_iter();
    let mut block: Fields = endpoints
        .map(|(name, url)| (name.to_owned(), text(&url)))
        .collect();
    block.insert("access_token".to_owned(), text(token));
    block.insert("project".to_owned(), text(PROJECT));
    block
}

/// The same with credentials.
fn block_with(google: &Google, credentials: &str) -> Fields {
    let mut block = block(&google.url(), "");
    block.insert("credentials".to_owned(), text(credentials));
    block
}

pub fn context(google: Fields) -> Context {
    let vendors = BTreeMap::from([("google".to_owned(), google)]);
    Context::new(Clock::system(), CancellationToken::new(), vendors)
}

/// A context that runs as the service account for deployments.
pub fn deploying(google: &Google) -> Context {
    context(block_with(google, &google.credentials()))
}

fn try_issuer(
    context: &Context,
    name: &str,
    settings: &[(&str, ValueAny)],
) -> Result<Box<dyn Issuer>> {
    let fields = fields(settings);
    let path = Path::root("issuer").attribute(name);
    let kind = issuers::find(name).unwrap();
    kind.connect(&Settings::new(path, &fields), context)
}

fn issuer(context: &Context, name: &str, settings: &[(&str, ValueAny)]) -> Box<dyn Issuer> {
    try_issuer(context, name, settings).unwrap()
}

fn secret(context: &Context, settings: &[(&str, ValueAny)]) -> Box<dyn Store> {
    let fields = fields(settings);
    let name = "google_secret_manager";
    let path = Path::root("store").attribute(name);
    let kind = stores::find(name).unwrap();
    kind.connect(&Settings::new(path, &fields), context)
        .unwrap()
}
