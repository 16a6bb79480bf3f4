use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::fakes::{Server, StoreFake, World, text};
use super::stores::Op;
use super::trouble::CANARY;
use crate::support::fake::Reply;
use crate::support::github::Github;

pub const STORE_FAKE: StoreFake = StoreFake {
    name: "github_actions_secret",
    server: Some(Server {
        block: |url| {
            let block = [
                ("base_url".to_owned(), text(url)),
                ("token".to_owned(), text(&format!("{CANARY}-of-the-admin"))),
            ];
            BTreeMap::from([("github".to_owned(), block.into())])
        },
        calls: &[
            (Op::Check, || vec![listed(&[]), recipient()]),
            (Op::Observe, || vec![listed(&["PRIMARY", "GENERATION"])]),
            (Op::Write, || {
                let done = || Reply::of(201, "{}");
                vec![
                    listed(&[]),
                    recipient(),
                    done(),
                    done(),
                    done(),
                    done(),
                    done(),
                    listed(&[
                        "PRIMARY",
                        "SECONDARY",
                        "PRIMARY_ID",
                        "SECONDARY_ID",
                        "GENERATION",
                    ]),
                ]
            }),
        ],
        refusal: |status| {
            json!({ "message": format!("You sent {CANARY}-of-the-admin and {CANARY}."), "status": status }).to_string()
        },
    }),
    live: || {
        Box::pin(async {
            let github = Github::start();
            World {
                context: github.context(),
                settings: [("repository".to_owned(), text("acme/payments"))].into(),
                _kept: Box::new(github),
            }
        })
    },
};

fn listed(names: &[&str]) -> Reply {
    let at = "2026-01-01T00:00:00Z";
    let secrets: Vec<_> = names
        .iter()
        .map(
            |name| json!({ "name": format!("API_KEY_{name}"), "created_at": at, "updated_at": at }),
        )
        .collect();
    Reply::of(
        200,
        json!({ "total_count": names.len(), "secrets": secrets }).to_string(),
    )
}

fn recipient() -> Reply {
    let key = crypto_box::SecretKey::from([7; 32]).public_key();
    let key = STANDARD.encode(key.as_bytes());
    Reply::of(200, json!({ "key_id": "1", "key": key }).to_string())
}
