//! Service accounts and their keys.

use std::collections::BTreeMap;

use apikey::clock::Clock;
use apikey::instant::Instant;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::tokens::Pair;
use super::{Answer, PROJECT, Request, State, missing, no};

/// Keys that users manage; those of Google itself do not count.
const MOST_KEYS: usize = 10;

#[derive(Default)]
pub struct Account {
    pub keys: BTreeMap<String, Key>,
}

pub struct Key {
    /// RSAPublicKey, as ring checks with it.
    pub public: Vec<u8>,
    pub disabled: bool,
    created: Instant,
    ends: Option<Instant>,
    origin: &'static str,
    certificate: String,
}

impl Key {
    pub fn of(public: Vec<u8>, origin: &'static str) -> Self {
        Self {
            public,
            disabled: false,
            created: Clock::system().now(),
            ends: None,
            origin,
            certificate: String::new(),
        }
    }

    fn document(&self, email: &str, id: &str) -> Value {
        json!({
            "name": format!("projects/{PROJECT}/serviceAccounts/{email}/keys/{id}"),
            "keyAlgorithm": "KEY_ALG_RSA_2048",
            "keyType": "USER_MANAGED",
            "keyOrigin": self.origin,
            "validAfterTime": self.created.to_string(),
            "validBeforeTime": self.ends.map_or("9999-12-31T23:59:59Z".to_owned(), |ends| ends.to_string()),
            "disabled": self.disabled,
        })
    }
}

impl State {
    /// Makes as many keys as there is room for; nobody can use them.
    pub fn fill_account(&mut self) {
        let keys = &mut self.accounts.get_mut(super::PAYMENTS).unwrap().keys;
        for number in keys.len()..MOST_KEYS {
            let key = Key::of(Vec::new(), "GOOGLE_PROVIDED");
            keys.insert(format!("f{number:039x}"), key);
        }
    }
}

pub fn answer(state: &mut State, request: &Request, path: &str) -> Answer {
    let Some((email, rest)) = path
        .strip_prefix("projects/-/serviceAccounts/")
        .and_then(|path| path.split_once("/keys"))
    else {
        return missing(path);
    };
    if !state.accounts.contains_key(email) {
        return missing(&format!("Service account {email}"));
    }
    match (request.method.as_str(), rest) {
        ("GET", "") => list(state, email, request),
        ("POST", "") => create(state, email),
        ("POST", ":upload") => upload(state, email, &request.json()),
        (method, rest) => one(state, email, method, rest.trim_start_matches('/')),
    }
}

fn list(state: &State, email: &str, request: &Request) -> Answer {
    if let Some(refused) = state.permits("iam.serviceAccountKeys.list") {
        return refused;
    }
    let keys = state.accounts[email].keys.iter();
    let mut keys: Vec<Value> = keys.map(|(id, key)| key.document(email, id)).collect();
    if request.query.get("keyTypes").map(String::as_str) != Some("USER_MANAGED") {
        let mut own = Key::of(Vec::new(), "GOOGLE_PROVIDED").document(email, "5y5t3m");
        own["keyType"] = "SYSTEM_MANAGED".into();
        keys.push(own);
    }
    Answer(200, json!({ "keys": keys }))
}

/// Why no key can be made.
fn refusal(state: &State, email: &str) -> Option<Answer> {
    if let Some(refused) = state.permits("iam.serviceAccountKeys.create") {
        return Some(refused);
    }
    if state.forbids_keys {
        let message = "Key creation is not allowed on this service account.";
        return Some(no(400, "FAILED_PRECONDITION", message));
    }
    let is_full = state.accounts[email].keys.len() >= MOST_KEYS;
    is_full.then(|| {
        no(
            429,
            "RESOURCE_EXHAUSTED",
            "Maximum number of keys on account reached.",
        )
    })
}

fn create(state: &mut State, email: &str) -> Answer {
    if let Some(refused) = refusal(state, email) {
        return refused;
    }
    let pair = Pair::make();
    let id = format!("{:040x}", state.next());
    let mut file = serde_json::to_string_pretty(&state.file(email, &id, &pair.private)).unwrap();
    file.push('\n');
    let mut key = Key::of(pair.public, "GOOGLE_PROVIDED");
    key.ends = state.key_life.map(|life| key.created + life);
    let mut document = key.document(email, &id);
    document["privateKeyType"] = "TYPE_GOOGLE_CREDENTIALS_FILE".into();
    document["privateKeyData"] = BASE64_STANDARD.encode(file).into();
    state.accounts.get_mut(email).unwrap().keys.insert(id, key);
    Answer(200, document)
}

fn upload(state: &mut State, email: &str, body: &Value) -> Answer {
    if let Some(refused) = refusal(state, email) {
        return refused;
    }
    let data = body["publicKeyData"].as_str().unwrap_or_default();
    let certificate = String::from_utf8(BASE64_STANDARD.decode(data).unwrap()).unwrap();
    let Some(public) = public_part(&certificate) else {
        return no(400, "INVALID_ARGUMENT", "Invalid public key data.");
    };
    let id = format!("{:040x}", state.next());
    let key = Key {
        certificate,
        ..Key::of(public, "USER_PROVIDED")
    };
    let document = key.document(email, &id);
    state.accounts.get_mut(email).unwrap().keys.insert(id, key);
    Answer(200, document)
}

fn one(state: &mut State, email: &str, method: &str, rest: &str) -> Answer {
    let (id, verb) = rest.split_once(':').unwrap_or((rest, ""));
    let permission = match (method, verb) {
        ("POST", "disable") => "iam.serviceAccountKeys.disable",
        ("DELETE", "") => "iam.serviceAccountKeys.delete",
        _ => "iam.serviceAccountKeys.get",
    };
    if let Some(refused) = state.permits(permission) {
        return refused;
    }
    let keys = &mut state.accounts.get_mut(email).unwrap().keys;
    let Some(key) = keys.get_mut(id) else {
        return missing(&format!("Service account key {id}"));
    };
    match (method, verb) {
        ("GET", "") => {
            let mut document = key.document(email, id);
            document["publicKeyData"] = BASE64_STANDARD.encode(&key.certificate).into();
            Answer(200, document)
        }
        ("POST", "disable") => {
            key.disabled = true;
            Answer(200, json!({}))
        }
        ("DELETE", "") => {
            keys.remove(id);
            Answer(200, json!({}))
        }
        _ => missing(rest),
    }
}

/// RSAPublicKey of an X.509 certificate in PEM: what follows the name of the algorithm.
fn public_part(certificate: &str) -> Option<Vec<u8>> {
    const RSA: &[u8] = &[
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82,
    ];
    let lines: String = certificate
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let der = BASE64_STANDARD.decode(lines).ok()?;
    let at = der.windows(RSA.len()).position(|window| window == RSA)? + RSA.len();
    let length = usize::from(der[at]) << 8 | usize::from(der[at + 1]);
    // One byte says that no bits are left over.
    der.get(at + 3..at + 2 + length).map(<[u8]>::to_vec)
}
