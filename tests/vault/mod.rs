//! Vault, against a real OpenBao and against servers that misbehave.

/// Logins.
mod auth;
/// Secret ids and tokens.
mod issuers;
/// Documents in a key/value engine.
mod kv;
/// The whole life of keys, with the real CLI.
mod life;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use apikey::clock::Clock;
use apikey::context::Context;
use apikey::engine::account::Account;
use apikey::error::{Path, Result};
use apikey::issuers as table;
use apikey::settings::Settings;
use apikey::stores::{self, Store};
use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

use crate::support::openbao::{OpenBao, ROOT};

pub type Fields = BTreeMap<String, ValueAny>;

pub fn text(value: &str) -> ValueAny {
    ValueAny::String(value.into())
}

pub fn fields(entries: &[(&str, ValueAny)]) -> Fields {
    let pairs = entries.iter().cloned();
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A name that no other test uses.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A provider block that reaches a server with a token.
pub fn block(url: &str, token: &str) -> Fields {
    fields(&[("address", text(url)), ("token", text(token))])
}

pub fn context(vault: Fields) -> Context {
    let vendors = BTreeMap::from([("vault".to_owned(), vault)]);
    Context::new(Clock::system(), CancellationToken::new(), vendors)
}

/// The administrator of the server that tests share.
fn admin() -> Context {
    context(block(&OpenBao::shared().url(), ROOT))
}

fn store(context: &Context, entries: &[(&str, ValueAny)]) -> Result<Box<dyn Store>> {
    let kind = stores::find("vault_kv").unwrap();
    let settings = fields(entries);
    kind.connect(&Settings::new(Path::root("store"), &settings), context)
}

fn issuer(context: &Context, name: &str, entries: &[(&str, ValueAny)]) -> Result<Account> {
    let kind = table::find(name).unwrap();
    let settings = fields(entries);
    let issuer = kind.connect(&Settings::new(Path::root(name), &settings), context)?;
    Account::new(issuer, context)
}
