//! Vault: what it answers in a script, and a real OpenBao where keys and places are kept.

use std::collections::BTreeMap;

use apikey::stores::document::Layout;
use serde_json::{Value, json};

use super::fakes::{Fields, IssuerFake, Server, StoreFake, World, another, text};
use super::trouble::CANARY;
use super::{issuers, stores};
use crate::support::fake::Reply;
use crate::support::openbao::{OpenBao, ROOT};
use crate::vault;

pub const APPROLE: IssuerFake = IssuerFake {
    name: "vault_approle",
    server: Some(Server {
        block,
        calls: &[
            (issuers::Op::Mint, || {
                vec![data(
                    json!({ "secret_id": CANARY, "secret_id_accessor": "one" }),
                )]
            }),
            (issuers::Op::List, || {
                vec![
                    data(json!({ "keys": ["one"] })),
                    data(json!({ "creation_time": "2026-11-22T20:41:12.5Z", "metadata": {} })),
                ]
            }),
            (issuers::Op::Probe, || {
                let session = json!({ "auth": { "client_token": CANARY } });
                vec![
                    data(json!({ "role_id": "made-up" })),
                    Reply::of(200, session.to_string()),
                    Reply::of(204, ""),
                ]
            }),
            (issuers::Op::Revoke, || vec![Reply::of(204, "")]),
        ],
        refusal: |status| match status {
            404 => errors(&format!(
                "role \"payments\" does not exist, and you sent {CANARY}"
            )),
            _ => refusal(status),
        },
    }),
    live: || Box::pin(async { a_role() }),
};

pub const TOKEN: IssuerFake = IssuerFake {
    name: "vault_token",
    server: Some(Server {
        block,
        calls: &[
            (issuers::Op::Mint, || {
                let token = json!({
                    "client_token": CANARY, "accessor": "one", "orphan": true, "lease_duration": 120 * 86_400
                });
                vec![Reply::of(200, json!({ "auth": token }).to_string())]
            }),
            (issuers::Op::Probe, || vec![data(json!({}))]),
            (issuers::Op::Revoke, || vec![Reply::of(204, "")]),
        ],
        refusal: |status| match status {
            404 => errors(&format!("unknown role payments, and you sent {CANARY}")),
            // As of a token that is none, for a probe shows what becomes of the one that is tried.
            401 | 403 => errors(&format!(
                "2 errors occurred:\n\t* permission denied\n\t* invalid token, {CANARY}\n\n"
            )),
            _ => refusal(status),
        },
    }),
    live: || Box::pin(async { tokens() }),
};

pub const KV: StoreFake = StoreFake {
    name: "vault_kv",
    server: Some(Server {
        block,
        calls: &[
            (stores::Op::Check, || vec![mount(), able(), document()]),
            (stores::Op::Observe, || vec![document()]),
            (stores::Op::Write, || vec![mount(), written()]),
        ],
        refusal: |status| match status {
            404 => r#"{"errors":[]}"#.to_owned(),
            _ => refusal(status),
        },
    }),
    live: || Box::pin(async { a_secret() }),
};

fn block(url: &str) -> BTreeMap<String, Fields> {
    BTreeMap::from([(
        "vault".to_owned(),
        vault::block(url, &format!("{CANARY}-of-the-admin")),
    )])
}

fn errors(message: &str) -> String {
    json!({ "errors": [message] }).to_string()
}

fn refusal(status: u16) -> String {
    let sent = format!("you sent {CANARY}-of-the-admin and {CANARY}");
    match status {
        401 | 403 => errors(&format!(
            "1 error occurred:\n\t* permission denied, {sent}\n\n"
        )),
        _ => errors(&sent),
    }
}

fn data(data: Value) -> Reply {
    Reply::of(
        200,
        json!({ "request_id": "made-up", "data": data }).to_string(),
    )
}

fn mount() -> Reply {
    data(json!({ "type": "kv", "path": "secret/", "options": { "version": "2" } }))
}

fn able() -> Reply {
    data(json!({ "secret/data/prod/payments": ["create", "read", "update"] }))
}

fn about() -> Value {
    json!({ "version": 1, "created_time": "2026-11-22T20:41:12.5Z", "deletion_time": "" })
}

fn document() -> Reply {
    let fields = Layout::Slots.render(&stores::document(CANARY, 1));
    let fields: Value = serde_json::from_str(&fields).unwrap();
    data(json!({ "data": fields, "metadata": about() }))
}

fn written() -> Reply {
    data(about())
}

fn world(
    settings: impl IntoIterator<Item = (&'static str, tf_provider::value::ValueAny)>,
) -> World {
    let bao = OpenBao::shared();
    World {
        context: vault::context(vault::block(&bao.url(), ROOT)),
        settings: settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        _kept: Box::new(()),
    }
}

fn a_role() -> World {
    let role = another("contract");
    OpenBao::shared().role(&role, json!({}));
    world([("role", text(&role)), ("ttl", text("1h"))])
}

fn tokens() -> World {
    let policies = tf_provider::value::ValueAny::List(vec![text("default")]);
    world([("policies", policies), ("ttl", text("1h"))])
}

fn a_secret() -> World {
    let path = another("contract");
    world([("mount", text("secret")), ("path", text(&path))])
}
