use std::collections::BTreeMap;

use apikey::clock::Clock;
use apikey::context::Context;
use serde_json::json;
use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

use super::fakes::{Fields, IssuerFake, KEY, Server, StoreFake, World, text};
use super::trouble::CANARY;
use super::{issuers, stores};
use crate::support::fake::Reply;
use crate::support::prism::Prism;
use crate::support::{doppler, infisical, stripe, twilio};

pub const TWILIO_API_KEY: IssuerFake = IssuerFake {
    name: "twilio_api_key",
    server: Some(Server {
        block: |url| twilio_block(url, &format!("{CANARY}-of-the-admin")),
        calls: &[
            (issuers::Op::Mint, || vec![twilio_key()]),
            (issuers::Op::List, || vec![Reply::of(200, r#"{"keys":[]}"#)]),
            (issuers::Op::Probe, || {
                vec![Reply::of(200, r#"{"incoming_phone_numbers":[]}"#)]
            }),
            (issuers::Op::Revoke, || vec![Reply::of(204, "")]),
        ],
        refusal: twilio_refusal,
    }),
    live: || Box::pin(async { twilio_world(twilio::start(), None) }),
};

/// The block of the provider that leads to a server.
pub fn twilio_block(url: &str, token: &str) -> BTreeMap<String, Fields> {
    let block = [
        ("account_sid", twilio::account()),
        ("auth_token", token.to_owned()),
        ("endpoint", url.to_owned()),
    ];
    let block = block.map(|(name, value)| (name.to_owned(), text(&value)));
    BTreeMap::from([("twilio".to_owned(), block.into())])
}

/// What the API of 2010 answers to a mint.
fn twilio_key() -> Reply {
    let created = "Mon, 13 Jun 2016 22:50:08 +0000";
    let key =
        json!({ "sid": KEY, "friendly_name": "x", "date_created": created, "secret": CANARY });
    Reply::of(201, key.to_string())
}

fn twilio_refusal(status: u16) -> String {
    let code = match status {
        401 => 20003,
        429 => 20429,
        status => 20000 + u32::from(status),
    };
    let message = format!("You sent {CANARY}-of-the-admin and {CANARY}.");
    json!({ "code": code, "message": message, "more_info": CANARY, "status": status }).to_string()
}

/// Reaches the fake, through Prism where one stands in front of it.
fn twilio_world(
    site: crate::support::service::Service<twilio::State>,
    prism: Option<Prism>,
) -> World {
    let url = prism.as_ref().map_or_else(|| site.url(), Prism::url);
    site.state().announced.clone_from(&url);
    site.state().absolute = prism.is_some();
    let blocks = twilio_block(&url, twilio::TOKEN);
    World {
        context: Context::new(Clock::system(), CancellationToken::new(), blocks),
        settings: [("account_sid".to_owned(), text(&twilio::account()))].into(),
        _kept: Box::new((site, prism)),
    }
}

pub const STRIPE: IssuerFake = IssuerFake {
    name: "stripe",
    server: Some(Server {
        block: |url| stripe_block(url, &format!("sk_test_{ADMIN}")),
        calls: &[
            (issuers::Op::Mint, || vec![stripe_key()]),
            (issuers::Op::List, || vec![Reply::of(200, r#"{"data":[]}"#)]),
            (issuers::Op::LastUsed, || vec![stripe_key()]),
            (issuers::Op::Probe, || vec![Reply::of(200, "{}")]),
            (issuers::Op::Revoke, || vec![stripe_key()]),
        ],
        refusal: |status| {
            let code = if status == 404 {
                "not_found"
            } else {
                "made_up"
            };
            json!({ "error": { "code": code, "message": said() } }).to_string()
        },
    }),
    live: || Box::pin(async { stripe_world(stripe::start(), None) }),
};

fn stripe_block(url: &str, key: &str) -> BTreeMap<String, Fields> {
    block("stripe", &[("api_key", key), ("endpoint", url)])
}

fn stripe_key() -> Reply {
    let key = json!({
        "id": KEY, "object": "v2.iam.api_key", "type": "secret_key", "status": "active", "ip_allowlist": [],
        "created": "2026-11-22T20:00:00.000Z", "livemode": false, "secret_key": { "token": CANARY },
    });
    Reply::of(200, key.to_string())
}

/// Reaches the fake, through Prism where one stands in front of it.
fn stripe_world(
    site: crate::support::service::Service<stripe::State>,
    prism: Option<Prism>,
) -> World {
    let url = prism.as_ref().map_or_else(|| site.url(), Prism::url);
    World {
        context: Context::new(
            Clock::system(),
            CancellationToken::new(),
            stripe_block(&url, stripe::TEST),
        ),
        settings: apikey::issuers::find("stripe").unwrap().example(),
        _kept: Box::new((site, prism)),
    }
}

/// The fakes keep to what the vendor publishes, and so do we.
#[tokio::test]
async fn stripe_keys_keep_to_the_specification() {
    let site = stripe::start();
    if let Some(prism) = Prism::before(&site.url(), "stripe_v2_iam_min.json") {
        // Keys are tried at an API of its own.
        issuers::live_in("stripe", stripe_world(site, Some(prism)), false).await;
    }
}

#[tokio::test]
async fn twilio_api_keys_keep_to_the_specifications() {
    let site = twilio::start();
    if let Some(prism) = Prism::before(&site.url(), "twilio_api_v2010.json") {
        issuers::live_in("twilio_api_key", twilio_world(site, Some(prism)), true).await;
    }
    let site = twilio::start();
    if let Some(prism) = Prism::before(&site.url(), "twilio_iam_v1.json") {
        let mut world = twilio_world(site, Some(prism));
        let permissions = vec![text("/twilio/messaging/messages/read")];
        world
            .settings
            .insert("permissions".to_owned(), ValueAny::List(permissions));
        // Keys are tried at another product.
        issuers::live_in("twilio_api_key", world, false).await;
    }
}

pub const DOPPLER: StoreFake = StoreFake {
    name: "doppler",
    server: Some(Server {
        block: |url| block("doppler", &[("token", ADMIN), ("api_host", url)]),
        calls: &[
            (stores::Op::Check, || vec![doppler_config(false)]),
            (stores::Op::Observe, || vec![doppler_config(false)]),
            (stores::Op::Write, || {
                vec![
                    doppler_config(false),
                    doppler_config(true),
                    doppler_config(true),
                ]
            }),
        ],
        refusal: |_| json!({ "messages": [said()], "success": false }).to_string(),
    }),
    live: || {
        Box::pin(async {
            let site = doppler::start();
            let settings = [("project", "payments"), ("config", "prd")];
            let block = block(
                "doppler",
                &[("token", doppler::TOKEN), ("api_host", &site.url())],
            );
            world(block, &settings, site)
        })
    },
};

pub const INFISICAL: StoreFake = StoreFake {
    name: "infisical",
    server: Some(Server {
        block: |url| block("infisical", &[("token", ADMIN), ("host", url)]),
        calls: &[
            (stores::Op::Check, || vec![infisical_folder(false)]),
            (stores::Op::Observe, || vec![infisical_folder(false)]),
            (stores::Op::Write, || {
                let made = Reply::of(200, r#"{"secrets":[]}"#);
                vec![infisical_folder(false), made, infisical_folder(true)]
            }),
        ],
        refusal: |status| {
            json!({ "statusCode": status, "error": "made-up", "message": said() }).to_string()
        },
    }),
    live: || {
        Box::pin(async {
            let site = infisical::start();
            let settings = [("project_id", infisical::PROJECT), ("environment", "prod")];
            let block = block(
                "infisical",
                &[
                    ("client_id", infisical::CLIENT_ID),
                    ("client_secret", infisical::CLIENT_SECRET),
                    ("host", &site.url()),
                ],
            );
            world(block, &settings, site)
        })
    },
};

const ADMIN: &str = "made-up-canary-of-the-admin";

fn said() -> String {
    format!("You sent {ADMIN} and {CANARY}.")
}

fn block(vendor: &str, settings: &[(&str, &str)]) -> BTreeMap<String, Fields> {
    let fields = settings.iter();
    let fields = fields.map(|(name, value)| ((*name).to_owned(), text(value)));
    BTreeMap::from([(vendor.to_owned(), fields.collect())])
}

fn world(
    blocks: BTreeMap<String, Fields>,
    settings: &[(&str, &str)],
    kept: impl Send + 'static,
) -> World {
    let fields = settings.iter();
    World {
        context: Context::new(Clock::system(), CancellationToken::new(), blocks),
        settings: fields
            .map(|(name, value)| ((*name).to_owned(), text(value)))
            .collect(),
        _kept: Box::new(kept),
    }
}

/// The variables of the document that the write of a script leaves there.
fn variables() -> Vec<(String, String)> {
    let values = apikey::stores::variables::values(&stores::document(CANARY, 1));
    let names = apikey::stores::variables::SUFFIXES;
    let pairs = names.iter().zip(values);
    pairs
        .map(|(suffix, value)| (format!("API_KEY{suffix}"), value.unwrap().to_string()))
        .collect()
}

fn doppler_config(is_written: bool) -> Reply {
    let there = variables().into_iter().filter(|_| is_written);
    let secrets: serde_json::Map<_, _> = there
        .map(|(name, value)| (name, json!({ "raw": value, "rawVisibility": "masked" })))
        .collect();
    Reply::of(200, json!({ "secrets": secrets }).to_string())
}

fn infisical_folder(is_written: bool) -> Reply {
    let there = variables().into_iter().filter(|_| is_written);
    let secrets: Vec<_> = there
        .map(|(name, value)| json!({ "secretKey": name, "secretValue": value }))
        .collect();
    Reply::of(200, json!({ "secrets": secrets }).to_string())
}
