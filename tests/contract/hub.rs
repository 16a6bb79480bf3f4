//! A declared API, in the words of JupyterHub.

use std::collections::BTreeMap;

use apikey::clock::Clock;
use apikey::context::Context;
use serde_json::{Value, json};
use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

use super::fakes::{Fields, KEY, World};
use super::trouble::CANARY;
use crate::support::fake::Reply;
use crate::support::keyring::{self, CREATED, Key, Keyring};

/// The block that declares it.
pub fn block(url: &str) -> BTreeMap<String, Fields> {
    let declaration = json!({
        "base_url": format!("{url}/api"),
        "headers": { "Authorization": format!("Bearer {CANARY}-of-the-admin") },
        "parameters": ["user"],
        "time_format": "seconds",
        "create": {
            "path": "/users/{{user}}/tokens",
            "json": r#"{"note":"apikey {{token}}"}"#,
            "id": "/id",
            "secret": "/token",
            "created_at": "/created",
            "gone": [404],
        },
        "list": {
            "path": "/users/{{user}}/tokens",
            "gone": [404],
            "items": "/api_tokens",
            "id": "/id",
            "name": "/note",
            "created_at": "/created",
            "last_used": "/last_activity",
        },
        "disable": { "path": "/users/{{user}}/tokens/{{key_id}}/disable" },
        "revoke": { "path": "/users/{{user}}/tokens/{{key_id}}" },
        "verify": {
            "path": "/user",
            "headers": { "Authorization": "Bearer {{secret}}" },
        },
    });
    BTreeMap::from([(
        "http".to_owned(),
        BTreeMap::from([("hub".to_owned(), value(&declaration))]),
    )])
}

/// JSON as Terraform hands it over.
pub fn value(json: &Value) -> ValueAny {
    match json {
        Value::Null => ValueAny::Null,
        Value::Bool(truth) => ValueAny::Bool(*truth),
        Value::Number(number) => ValueAny::Number(number.as_i64().unwrap()),
        Value::String(text) => ValueAny::String(text.clone()),
        Value::Array(items) => ValueAny::List(items.iter().map(value).collect()),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, field)| (name.clone(), value(field)));
            ValueAny::Map(fields.collect())
        }
    }
}

pub fn refusal(_: u16) -> String {
    json!({ "message": format!("You sent {CANARY}-of-the-admin and {CANARY}.") }).to_string()
}

pub fn minted() -> Reply {
    let key = json!({ "id": "a1", "token": CANARY, "created": CREATED });
    Reply::of(201, key.to_string())
}

pub fn listed() -> Reply {
    let key = json!({ "id": KEY, "note": "apikey", "created": CREATED, "last_activity": CREATED });
    Reply::of(200, json!({ "api_tokens": [key] }).to_string())
}

pub async fn live() -> World {
    let keyring = Keyring::start(speak);
    let context = Context::new(
        Clock::system(),
        CancellationToken::new(),
        block(&keyring.url()),
    );
    let kind = apikey::issuers::find("http").unwrap();
    World {
        context,
        settings: kind.example(),
        _kept: Box::new(keyring),
    }
}

/// How the API answers.
pub fn speak(world: &mut keyring::World, request: &keyring::Request) -> Option<keyring::Answer> {
    let is_admin = request.bearer() == format!("{CANARY}-of-the-admin");
    let missing = (404, json!({ "message": "No such token" }));
    let refused = (403, json!({ "message": "Missing or invalid credentials." }));
    let (method, path) = request.route();
    Some(match (method, path.as_slice()) {
        ("GET", ["api", "user"]) => match world.accepts(&request.bearer()) {
            true => (200, json!({ "name": "payments" })),
            false => refused,
        },
        _ if !is_admin => refused,
        ("POST", ["api", "users", user, "tokens"]) => {
            let key = world.mint(&request.body["note"], user);
            let mut made = word(&key);
            made["token"] = key.secret.into();
            (201, made)
        }
        ("GET", ["api", "users", user, "tokens"]) => {
            (200, json!({ "api_tokens": world.list(user, word) }))
        }
        ("DELETE", ["api", "users", _, "tokens", id]) => match world.end(id) {
            true => (204, Value::Null),
            false => missing,
        },
        ("POST", ["api", "users", _, "tokens", id, "disable"]) => {
            match world.keys.iter().any(|key| key.id == *id) {
                true => (204, Value::Null),
                false => missing,
            }
        }
        _ => return None,
    })
}

fn word(key: &Key) -> Value {
    json!({ "id": key.id, "note": key.name, "created": key.created, "last_activity": key.used })
}
