//! GitHub: alerts of secret scanning, and secrets of Actions as it keeps them. It has the private key that values are sealed for, so that it knows what
//! was written; its clock ticks with every request.

use std::collections::{BTreeMap, BTreeSet};

use apikey::clock::Clock;
use apikey::context::Context;
use apikey::instant::Instant;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto_box::SecretKey;
use crypto_box::aead::OsRng;
use serde_json::{Value, json};
use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

use crate::support::github_alerts::Alerts;
use crate::support::service::{Answer, Asked, Service};

pub const TOKEN: &str = "made-up-token-of-the-admin";

/// What an installation is given.
pub const INSTALLED: &str = "made-up-token-of-the-installation";

/// In the order in which they are named: `repos/acme/payments/actions` and so on.
const HOLDERS: [&str; 3] = [
    "repos/acme/payments/actions",
    "repos/acme/payments/environments/prod%2Feu",
    "orgs/acme/actions",
];

const KEY_ID: &str = "568250167242549743";

pub struct Github(Service<State>);

pub struct State {
    key: SecretKey,
    secrets: BTreeMap<String, BTreeMap<String, Kept>>,
    clock: i64,
    /// Answers that come before any other.
    pub first: Vec<Answer>,
    /// What readers find after every write, by name.
    pub seen: Vec<BTreeMap<String, String>>,
    /// The bodies of writes.
    pub bodies: Vec<Value>,
    /// Statements of apps.
    pub statements: Vec<String>,
    pub asked: Vec<String>,
    /// Holders that the token may read and not write.
    pub read_only: BTreeSet<String>,
    /// What secret scanning has found.
    pub alerts: Alerts,
    /// Names that cannot be written, and whose removal is answered as if they were not there.
    pub frozen: BTreeSet<String>,
}

struct Kept {
    value: String,
    created: i64,
    updated: i64,
}

impl Github {
    pub fn start() -> Self {
        let state = State {
            key: SecretKey::generate(&mut OsRng),
            secrets: HOLDERS
                .iter()
                .map(|holder| ((*holder).to_owned(), BTreeMap::new()))
                .collect(),
            clock: 1_800_000_000,
            first: Vec::new(),
            seen: Vec::new(),
            bodies: Vec::new(),
            statements: Vec::new(),
            asked: Vec::new(),
            read_only: BTreeSet::new(),
            alerts: Alerts::default(),
            frozen: BTreeSet::new(),
        };
        Self(Service::start(state, answer))
    }

    pub fn url(&self) -> String {
        self.0.url()
    }

    pub fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state()
    }

    pub fn block(&self) -> BTreeMap<String, ValueAny> {
        let text = |text: &str| ValueAny::String(text.into());
        BTreeMap::from([
            ("base_url".to_owned(), text(&self.url())),
            ("token".to_owned(), text(TOKEN)),
        ])
    }

    pub fn context(&self) -> Context {
        let blocks = BTreeMap::from([("github".to_owned(), self.block())]);
        Context::new(Clock::system(), CancellationToken::new(), blocks)
    }

    /// The opened values of a holder.
    pub fn values(&self, holder: &str) -> BTreeMap<String, String> {
        let state = self.state();
        let kept = state.secrets[holder].iter();
        kept.map(|(name, kept)| (name.clone(), kept.value.clone()))
            .collect()
    }

    /// Another person deletes every secret by hand.
    pub fn forget(&self, holder: &str) {
        self.state().secrets.get_mut(holder).unwrap().clear();
    }

    /// Another person deletes a secret by hand.
    pub fn take(&self, holder: &str, name: &str) {
        self.state().secrets.get_mut(holder).unwrap().remove(name);
    }

    /// Another person writes a secret by hand.
    pub fn put(&self, holder: &str, name: &str, value: &str) {
        self.state().put(holder, name, value.to_owned());
    }
}

impl State {
    fn put(&mut self, holder: &str, name: &str, value: String) -> bool {
        self.clock += 1;
        let now = self.clock;
        let holder = self.secrets.get_mut(holder).unwrap();
        let created = holder.get(name).map_or(now, |kept| kept.created);
        let is_new = holder
            .insert(
                name.to_owned(),
                Kept {
                    value,
                    created,
                    updated: now,
                },
            )
            .is_none();
        let seen = holder
            .iter()
            .map(|(name, kept)| (name.clone(), kept.value.clone()));
        self.seen.push(seen.collect());
        is_new
    }

    fn open(&self, sealed: &Value) -> Option<String> {
        let bytes = STANDARD.decode(sealed.as_str()?).ok()?;
        String::from_utf8(self.key.unseal(&bytes).ok()?).ok()
    }
}

fn answer(state: &mut State, asked: &Asked) -> Answer {
    state.asked.push(format!("{} {}", asked.method, asked.path));
    if !state.first.is_empty() {
        return state.first.remove(0);
    }
    let path = asked
        .path
        .trim_start_matches("/api/v3")
        .trim_start_matches('/')
        .to_owned();
    let token = asked
        .header("authorization")
        .trim_start_matches("Bearer ")
        .to_owned();
    if path == "app/installations/2/access_tokens" {
        state.statements.push(token);
        let expires = Instant::from_unix(Clock::system().now().unix() + 3600).to_string();
        return plain(201, json!({ "token": INSTALLED, "expires_at": expires }));
    }
    if ![TOKEN, INSTALLED].contains(&token.as_str()) {
        return plain(401, json!({ "message": "Bad credentials" }));
    }
    if let Some(answer) = state.alerts.answer(asked, &path) {
        return answer;
    }
    let Some(holder) = HOLDERS.iter().find(|holder| path.starts_with(*holder)) else {
        return plain(404, json!({ "message": "Not Found" }));
    };
    let rest = path[holder.len()..]
        .trim_start_matches("/secrets")
        .trim_start_matches('/')
        .to_owned();
    if asked.method != "GET" && state.read_only.contains(*holder) {
        return plain(
            403,
            json!({ "message": "Resource not accessible by personal access token" }),
        );
    }
    if asked.method != "GET" && state.frozen.contains(&rest) {
        return plain(404, json!({ "message": "Not Found" }));
    }
    match (asked.method.as_str(), rest.as_str()) {
        ("GET", "") => list(state, asked, holder),
        ("GET", "public-key") => {
            let key = STANDARD.encode(state.key.public_key().as_bytes());
            plain(200, json!({ "key_id": KEY_ID, "key": key }))
        }
        ("PUT", name) => put(state, asked, holder, name),
        ("DELETE", name) => match state.secrets.get_mut(*holder).unwrap().remove(name) {
            Some(_) => {
                let seen = state.secrets[*holder]
                    .iter()
                    .map(|(name, kept)| (name.clone(), kept.value.clone()))
                    .collect();
                state.seen.push(seen);
                plain(204, Value::Null)
            }
            None => plain(404, json!({ "message": "Not Found" })),
        },
        _ => plain(404, json!({ "message": "Not Found" })),
    }
}

fn list(state: &State, asked: &Asked, holder: &str) -> Answer {
    let number = |name: &str, default: usize| {
        asked
            .query(name)
            .map_or(default, |text| text.parse().unwrap())
    };
    let (size, page) = (number("per_page", 30), number("page", 1));
    let at = |seconds: i64| Instant::from_unix(seconds).to_string();
    let all = state.secrets[holder].iter();
    let listed: Vec<Value> = all
        .skip(size * (page - 1))
        .take(size)
        .map(|(name, kept)| json!({ "name": name, "created_at": at(kept.created), "updated_at": at(kept.updated) }))
        .collect();
    plain(
        200,
        json!({ "total_count": state.secrets[holder].len(), "secrets": listed }),
    )
}

fn put(state: &mut State, asked: &Asked, holder: &str, name: &str) -> Answer {
    let body = asked.json();
    state.bodies.push(body.clone());
    if body["key_id"] != KEY_ID || (holder.starts_with("orgs/") && body["visibility"].is_null()) {
        return plain(422, json!({ "message": "Validation Failed" }));
    }
    let Some(value) = state.open(&body["encrypted_value"]) else {
        return plain(
            422,
            json!({ "message": "Bad request - the value is not a sealed box" }),
        );
    };
    match state.put(holder, name, value) {
        true => plain(201, json!({})),
        false => plain(204, Value::Null),
    }
}

fn plain(status: u16, body: Value) -> Answer {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    (
        status,
        vec!["Content-Type: application/json".to_owned()],
        body,
    )
}
