//! Amazon Web Services, against moto and against servers that misbehave.

/// Services that are deployed anew.
mod deployments;
/// Faults that moto does not have: throttling, outages, lost answers, pages.
mod faults;
/// Access keys of IAM users.
mod iam;
/// Documents in Parameter Store.
mod parameters;
/// What a secret is under each of its names, and who may write over what.
mod places;
/// Keys of a whole account.
mod search;
/// Documents in Secrets Manager.
mod secrets;
/// Credentials that are asked for and kept.
mod sessions;

pub use iam::guarded;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use apikey::clock::Clock;
use apikey::context::Context;
use apikey::engine::account::Account;
use apikey::error::{Path, Result};
use apikey::http::{Refusal, Repeat};
use apikey::issuers::{self, Imported};
use apikey::settings::Settings;
use apikey::stores::{self, Store};
use apikey::vendors::aws::{self, Query, Service};
use serde::Deserialize;
use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

pub(super) type Fields = BTreeMap<String, ValueAny>;

fn text(value: &str) -> ValueAny {
    ValueAny::String(value.into())
}

fn fields(entries: &[(&str, ValueAny)]) -> Fields {
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

fn endpoints(url: &str) -> ValueAny {
    ValueAny::Map(fields(&[
        ("iam", text(url)),
        ("sts", text(url)),
        ("secretsmanager", text(url)),
        ("ssm", text(url)),
        ("ecs", text(url)),
        ("cloudtrail", text(url)),
    ]))
}

/// A provider block that reaches one server with one key.
pub fn block(url: &str, key_id: &str, secret: &str) -> Fields {
    fields(&[
        ("region", text("eu-central-1")),
        ("access_key", text(key_id)),
        ("secret_key", text(secret)),
        ("endpoints", endpoints(url)),
    ])
}

pub(super) fn context(aws: Fields) -> Context {
    let vendors = BTreeMap::from([("aws".to_owned(), aws)]);
    Context::new(Clock::system(), CancellationToken::new(), vendors)
}

/// A context for a server that checks nothing.
pub fn open(url: &str) -> Context {
    context(block(url, "AKIATEST", "made-up-admin-canary"))
}

fn issuer(context: &Context, settings: &[(&str, ValueAny)]) -> Account {
    let fields = fields(settings);
    let settings = Settings::new(Path::root("issuer").attribute("aws_iam"), &fields);
    let kind = issuers::find("aws_iam").unwrap();
    Account::new(kind.connect(&settings, context).unwrap(), context).unwrap()
}

fn keys_of(context: &Context, user: &str) -> Account {
    issuer(context, &[("user_name", text(user))])
}

async fn import(context: &Context, key_id: &str) -> Result<Imported> {
    let kind = issuers::find("aws_iam").unwrap();
    kind.import(key_id, context).await
}

fn try_store(context: &Context, settings: &[(&str, ValueAny)]) -> Result<Box<dyn Store>> {
    connect("aws_secrets_manager", context, settings)
}

fn connect(kind: &str, context: &Context, settings: &[(&str, ValueAny)]) -> Result<Box<dyn Store>> {
    let fields = fields(settings);
    let settings = Settings::new(Path::root("store"), &fields);
    stores::find(kind).unwrap().connect(&settings, context)
}

fn store(context: &Context, settings: &[(&str, ValueAny)]) -> Box<dyn Store> {
    try_store(context, settings).unwrap()
}

#[derive(Deserialize)]
struct Done {}

/// A call of the administrator that a test needs beforehand.
pub(super) async fn administer(
    context: &Context,
    operation: &str,
    parameters: &[(&str, &str)],
) -> Result<(), Refusal> {
    let query = Query {
        service: Service::Iam,
        operation,
        parameters,
        repeat: Repeat::Freely,
    };
    let done: Result<Done, _> = aws::client(context).unwrap().query(query).await;
    done.map(drop)
}

pub async fn create_user(context: &Context, name: &str) {
    let parameters = [("UserName", name)];
    administer(context, "CreateUser", &parameters)
        .await
        .unwrap();
}
