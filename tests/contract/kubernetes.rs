use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, json};

use super::fakes::{Server, StoreFake, World, text};
use super::stores::{self, Op};
use super::trouble::CANARY;
use crate::support::fake::Reply;
use crate::support::kubernetes::{ADMIN, Cluster};

pub const STORE_FAKE: StoreFake = StoreFake {
    name: "kubernetes_secret",
    server: Some(Server {
        block: |url| {
            let block = [
                ("host".to_owned(), text(url)),
                ("token".to_owned(), text(&format!("{CANARY}-of-the-admin"))),
            ];
            BTreeMap::from([("kubernetes".to_owned(), block.into())])
        },
        calls: &[
            (Op::Check, || vec![missing(), there()]),
            (Op::Observe, || vec![there()]),
            (Op::Write, || vec![missing(), there()]),
        ],
        refusal,
    }),
    live: || {
        Box::pin(async {
            let cluster = Cluster::fake();
            let namespace = cluster.namespace("contract");
            World {
                context: cluster.context(ADMIN),
                settings: [
                    ("namespace".to_owned(), text(&namespace)),
                    ("name".to_owned(), text("key")),
                ]
                .into(),
                _kept: Box::new(cluster),
            }
        })
    },
};

fn missing() -> Reply {
    Reply::of(404, refusal(404))
}

/// What the write of a script leaves there.
fn there() -> Reply {
    let document = stores::document(CANARY, 1);
    let second = document.secondary.unwrap();
    let values = [
        ("PRIMARY", document.primary.secret.expose()),
        ("SECONDARY", second.secret.expose()),
        ("PRIMARY_ID", "one"),
        ("SECONDARY_ID", "two"),
        ("GENERATION", "1"),
    ];
    let data =
        values.map(|(name, value)| (format!("API_KEY_{name}"), STANDARD.encode(value).into()));
    let data: Map<String, serde_json::Value> = data.into_iter().collect();
    let object = json!({ "metadata": { "uid": "u", "resourceVersion": "1" }, "type": "Opaque", "data": data });
    Reply::of(200, object.to_string())
}

fn refusal(status: u16) -> String {
    let reason = match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        429 => "TooManyRequests",
        500 => "InternalError",
        _ => "Invalid",
    };
    json!({ "kind": "Status", "reason": reason, "message": format!("You sent {CANARY}-of-the-admin and {CANARY}.") }).to_string()
}
