//! One fake for each entry of the tables: a server that goes through a script, and one that keeps what it is told.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use apikey::clock::Clock;
use apikey::context::Context;
use apikey::stores::document::Layout;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

use super::trouble::CANARY;
use super::{hub, issuers, stores};
use crate::aws;
use crate::support::fake::Reply;
use crate::support::google;
use crate::support::moto::Moto;

pub type Fields = BTreeMap<String, ValueAny>;

/// The blocks of the provider that lead to a server.
pub type Block = fn(&str) -> BTreeMap<String, Fields>;

/// The key that the scripts are about.
pub const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

/// A call, and what the server answers to each of its requests.
pub type Scripted<Op> = (Op, fn() -> Vec<Reply>);

/// A server that goes through a script.
pub struct Server<Op: 'static> {
    pub block: Block,
    /// The calls, with what the server answers if all goes well.
    pub calls: &'static [Scripted<Op>],
    /// How the vendor says no, repeating what it was sent.
    pub refusal: fn(u16) -> String,
}

/// Where a key or a place is kept for real.
pub struct World {
    pub context: Context,
    pub settings: Fields,
    /// What has to live as long.
    pub _kept: Box<dyn std::any::Any + Send>,
}

pub type Live = fn() -> Pin<Box<dyn Future<Output = World> + Send>>;

pub struct IssuerFake {
    pub name: &'static str,
    /// `None` for an issuer that asks nobody.
    pub server: Option<Server<issuers::Op>>,
    pub live: Live,
}

pub struct StoreFake {
    pub name: &'static str,
    /// `None` for a store that asks nobody.
    pub server: Option<Server<stores::Op>>,
    pub live: Live,
}

static ISSUERS: &[IssuerFake] = &[
    IssuerFake {
        name: "aws_iam",
        server: Some(Server {
            block: aws_block,
            calls: &[
                (issuers::Op::Mint, || vec![minted()]),
                (issuers::Op::List, || vec![listed()]),
                (issuers::Op::LastUsed, || vec![used()]),
                (issuers::Op::Calls, || vec![no_calls()]),
                (issuers::Op::Probe, || vec![identified()]),
                (issuers::Op::Revoke, || {
                    vec![done("UpdateAccessKey"), done("DeleteAccessKey")]
                }),
            ],
            refusal: aws_refusal,
        }),
        live: || Box::pin(a_user()),
    },
    IssuerFake {
        name: "google_api_key",
        server: Some(Server {
            block: google_block,
            calls: &[
                (issuers::Op::Mint, || vec![operation(), key_string()]),
                (issuers::Op::List, || vec![Reply::of(200, "{}")]),
                (issuers::Op::Revoke, || vec![operation()]),
            ],
            refusal: google_refusal,
        }),
        live: || Box::pin(async { on_google([("project", text(google::PROJECT))]) }),
    },
    IssuerFake {
        name: "google_service_account_key",
        server: Some(Server {
            block: google_block,
            calls: &[
                (issuers::Op::Mint, || vec![account_key()]),
                (issuers::Op::List, || vec![Reply::of(200, "{}")]),
                (issuers::Op::Revoke, || vec![made(), made()]),
            ],
            refusal: google_refusal,
        }),
        live: || Box::pin(async { on_google([("service_account_id", text(google::PAYMENTS))]) }),
    },
    IssuerFake {
        name: "generated",
        server: None,
        live: || Box::pin(async { offline([("prefix", text("acme_test"))], ()) }),
    },
    IssuerFake {
        name: "http",
        server: Some(Server {
            block: hub::block,
            calls: &[
                (issuers::Op::Mint, || vec![hub::minted()]),
                (issuers::Op::List, || vec![hub::listed()]),
                (issuers::Op::LastUsed, || vec![hub::listed()]),
                (issuers::Op::Probe, || vec![Reply::of(200, "{}")]),
                (issuers::Op::Revoke, || vec![Reply::of(204, "")]),
            ],
            refusal: hub::refusal,
        }),
        live: || Box::pin(hub::live()),
    },
    IssuerFake {
        name: "manual",
        server: None,
        live: || Box::pin(async { offline([("secret_wo", text("made-up-vendor-key"))], ()) }),
    },
    super::saas::STRIPE,
    super::saas::TWILIO_API_KEY,
    #[cfg(unix)]
    super::vault::APPROLE,
    #[cfg(unix)]
    super::vault::TOKEN,
    #[cfg(unix)]
    super::shape::ISSUER_FAKE,
];

static STORES: &[StoreFake] = &[
    StoreFake {
        name: "aws_secrets_manager",
        server: Some(Server {
            block: aws_block,
            calls: &[
                (stores::Op::Check, || vec![described(), current()]),
                (stores::Op::Observe, || vec![current()]),
                (stores::Op::Write, || vec![made(), described()]),
            ],
            refusal: aws_refusal,
        }),
        live: || Box::pin(a_secret()),
    },
    StoreFake {
        name: "aws_ssm_parameter",
        server: Some(Server {
            block: aws_block,
            calls: &[
                (stores::Op::Check, || vec![parameter()]),
                (stores::Op::Observe, || vec![parameter()]),
                (stores::Op::Write, || {
                    let missing = Reply::of(400, aws_refusal(404));
                    vec![missing, Reply::of(200, r#"{"Version":1}"#), parameter()]
                }),
            ],
            refusal: aws_refusal,
        }),
        live: || Box::pin(a_parameter()),
    },
    StoreFake {
        name: "file",
        server: None,
        live: || {
            Box::pin(async {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("k.json").display().to_string();
                offline([("path", text(&path))], folder)
            })
        },
    },
    super::saas::DOPPLER,
    super::github::STORE_FAKE,
    super::saas::INFISICAL,
    #[cfg(unix)]
    super::kubernetes::STORE_FAKE,
    StoreFake {
        name: "google_secret_manager",
        server: Some(Server {
            block: google_block,
            calls: &[
                (stores::Op::Check, || {
                    let has = r#"{"permissions":["secretmanager.versions.add","secretmanager.versions.access",
                        "secretmanager.secrets.update"]}"#;
                    vec![secret(), Reply::of(200, has), version()]
                }),
                (stores::Op::Observe, || vec![secret(), version()]),
                (stores::Op::Write, || {
                    let missing = Reply::of(404, google_refusal(404));
                    let added = Reply::of(200, r#"{"name":"projects/1/secrets/x/versions/1"}"#);
                    vec![missing, made(), added, version(), secret()]
                }),
            ],
            refusal: google_refusal,
        }),
        live: || Box::pin(async { on_google([("secret_id", text("contract"))]) }),
    },
    #[cfg(unix)]
    super::vault::KV,
    #[cfg(unix)]
    super::shape::STORE_FAKE,
];

pub fn issuer(name: &str) -> Option<&'static IssuerFake> {
    ISSUERS.iter().find(|fake| fake.name == name)
}

pub fn store(name: &str) -> Option<&'static StoreFake> {
    STORES.iter().find(|fake| fake.name == name)
}

impl IssuerFake {
    /// Settings for the scripts.
    pub fn settings(&self) -> Fields {
        let kind = apikey::issuers::find(self.name).unwrap();
        kind.example()
    }
}

impl StoreFake {
    /// Settings for the scripts.
    pub fn settings(&self) -> Fields {
        let kind = apikey::stores::find(self.name).unwrap();
        kind.example()
    }
}

pub fn text(value: &str) -> ValueAny {
    ValueAny::String(value.into())
}

pub fn offline<const N: usize>(
    settings: [(&str, ValueAny); N],
    kept: impl Send + 'static,
) -> World {
    World {
        context: Context::new(Clock::system(), CancellationToken::new(), BTreeMap::new()),
        settings: settings
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        _kept: Box::new(kept),
    }
}

async fn a_user() -> World {
    let (moto, context) = aws::guarded("contract-admin", r#""iam:*","sts:*""#).await;
    aws::create_user(&context, "contract").await;
    World {
        context,
        settings: [("user_name".to_owned(), text("contract"))].into(),
        _kept: Box::new(moto),
    }
}

/// A name that nothing else here has.
pub fn another(name: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

async fn a_parameter() -> World {
    World {
        context: aws::open(&Moto::shared().url()),
        settings: [("name".to_owned(), text(&another("/contract/key")))].into(),
        _kept: Box::new(()),
    }
}

async fn a_secret() -> World {
    let name = another("contract");
    let moto = Moto::shared();
    World {
        context: aws::open(&moto.url()),
        settings: [
            ("secret_id".to_owned(), text(&name)),
            ("recovery_window".to_owned(), text("0s")),
        ]
        .into(),
        _kept: Box::new(()),
    }
}

/// A cloud of its own, with settings that lead there.
fn on_google<const N: usize>(settings: [(&str, ValueAny); N]) -> World {
    let google = google::Google::start();
    World {
        context: crate::google::deploying(&google),
        ..offline(settings, google)
    }
}

fn google_block(url: &str) -> BTreeMap<String, Fields> {
    let block = crate::google::block(url, &format!("{CANARY}-of-the-admin"));
    BTreeMap::from([("google".to_owned(), block)])
}

fn google_refusal(status: u16) -> String {
    let code = match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ALREADY_EXISTS",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    let message = format!("You sent {CANARY}-of-the-admin and {CANARY}.");
    google::error_text(status, code, &message)
}

fn operation() -> Reply {
    Reply::of(200, r#"{"name":"operations/akmf.p7-1","done":true}"#)
}

fn key_string() -> Reply {
    Reply::of(200, json!({ "keyString": CANARY }).to_string())
}

fn account_key() -> Reply {
    let file = json!({ "type": "service_account", "private_key": CANARY }).to_string();
    let name = format!("projects/p/serviceAccounts/x/keys/{KEY}");
    let key = json!({ "name": name, "privateKeyData": BASE64_STANDARD.encode(file) });
    Reply::of(200, key.to_string())
}

fn secret() -> Reply {
    Reply::of(
        200,
        r#"{"name":"projects/1/secrets/x","versionAliases":{"primary":"1"},"etag":"e"}"#,
    )
}

/// What the write of a script leaves there.
fn version() -> Reply {
    let document = Layout::Slots.render(&stores::document(CANARY, 1));
    let payload = json!({ "data": BASE64_STANDARD.encode(document.as_bytes()) });
    let version = json!({ "name": "projects/1/secrets/x/versions/1", "payload": payload });
    Reply::of(200, version.to_string())
}

fn aws_block(url: &str) -> BTreeMap<String, Fields> {
    let block = aws::block(url, "AKIATEST", &format!("{CANARY}-of-the-admin"));
    BTreeMap::from([("aws".to_owned(), block)])
}

fn aws_refusal(status: u16) -> String {
    let code = match status {
        401 => "InvalidClientTokenId",
        403 => "AccessDenied",
        404 => "NoSuchEntity",
        409 => "EntityAlreadyExists",
        429 => "Throttling",
        500 => "ServiceFailure",
        _ => "ValidationError",
    };
    format!(
        "<ErrorResponse><Error><Code>{code}</Code><Message>You sent {CANARY}-of-the-admin and {CANARY}.</Message></Error>\
         </ErrorResponse>"
    )
}

fn minted() -> Reply {
    Reply::of(
        200,
        format!(
            "<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><AccessKeyId>{KEY}</AccessKeyId>\
             <SecretAccessKey>{CANARY}</SecretAccessKey></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>"
        ),
    )
}

fn listed() -> Reply {
    Reply::of(
        200,
        format!(
            "<ListAccessKeysResponse><ListAccessKeysResult><AccessKeyMetadata><member><AccessKeyId>{KEY}</AccessKeyId>\
             <Status>Active</Status><CreateDate>2026-11-22T20:41:12Z</CreateDate></member></AccessKeyMetadata>\
             </ListAccessKeysResult></ListAccessKeysResponse>"
        ),
    )
}

fn used() -> Reply {
    Reply::of(
        200,
        "<GetAccessKeyLastUsedResponse><GetAccessKeyLastUsedResult><UserName>payments</UserName>\
         <AccessKeyLastUsed><ServiceName>N/A</ServiceName><Region>N/A</Region></AccessKeyLastUsed>\
         </GetAccessKeyLastUsedResult></GetAccessKeyLastUsedResponse>",
    )
}

fn no_calls() -> Reply {
    Reply::of(200, r#"{"Events":[]}"#)
}

fn identified() -> Reply {
    Reply::of(
        200,
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/payments</Arn>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>",
    )
}

fn done(operation: &str) -> Reply {
    Reply::of(200, format!("<{operation}Response/>"))
}

fn described() -> Reply {
    let token = "a".repeat(64);
    let body = format!(
        r#"{{"ARN":"arn","Name":"prod/payments","VersionIdsToStages":{{"{token}":["AWSCURRENT"]}}}}"#
    );
    Reply::of(200, body)
}

fn current() -> Reply {
    let document = r#"{\"primary\":\"a\",\"secondary\":\"\",\"generation\":1}"#;
    let body = format!(
        r#"{{"ARN":"arn","Name":"prod/payments","VersionId":"v1","SecretString":"{document}"}}"#
    );
    Reply::of(200, body)
}

/// What the write of a script leaves there.
fn parameter() -> Reply {
    let document = stores::document(CANARY, 1);
    let value = Layout::Slots.render(&document);
    let parameter = json!({ "ARN": "arn", "Type": "SecureString", "Value": *value, "Version": 1 });
    Reply::of(200, json!({ "Parameter": parameter }).to_string())
}

fn made() -> Reply {
    Reply::of(200, "{}")
}
