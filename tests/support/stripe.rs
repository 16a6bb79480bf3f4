//! Stripe, as far as keys go: an app that manages those of one account, in test mode or in live mode.

use std::collections::BTreeMap;

use apikey::clock::Clock;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rsa::pkcs8::DecodePublicKey;
use rsa::rand_core::OsRng;
use rsa::{Oaep, RsaPublicKey};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::service::{Answer, Asked, Service, json as answer_json, nothing};

pub const ACCOUNT: &str = "acct_1032D82eZvKYlo2C";

/// The keys of the app, one in each mode.
pub const TEST: &str = "sk_test_made_up_app";
pub const LIVE: &str = "sk_live_made_up_app";

pub struct State {
    /// The account has not installed the app, or Stripe has not approved it.
    pub is_closed: bool,
    /// By id, of both modes.
    pub keys: BTreeMap<String, Key>,
    /// The most that a page holds.
    pub page: usize,
    pub lists: usize,
    /// So many mints are done and not answered.
    pub mints_to_lose: usize,
    /// So many uses of an expired key are accepted still.
    pub grace: usize,
    /// So many secrets are answered that nobody can open.
    pub spoilt: usize,
    minted: u64,
    /// Every secret that was ever given out.
    pub secrets: Vec<String>,
}

pub struct Key {
    pub name: String,
    pub secret: String,
    pub permissions: Value,
    pub is_live: bool,
    pub is_expired: bool,
    pub last_used: Option<String>,
    created: String,
}

pub fn start() -> Service<State> {
    let state = State {
        is_closed: false,
        keys: BTreeMap::new(),
        page: 100,
        lists: 0,
        mints_to_lose: 0,
        grace: 0,
        spoilt: 0,
        minted: 0,
        secrets: Vec::new(),
    };
    Service::start(state, answer)
}

impl State {
    /// A key that somebody else made.
    pub fn create(&mut self, name: &str, is_live: bool) -> String {
        self.minted += 1;
        let mode = if is_live { "live" } else { "test" };
        let secret = format!("rk_{mode}_made_up_{}", self.minted);
        self.secrets.push(secret.clone());
        let key = Key {
            name: name.to_owned(),
            secret,
            permissions: json!(["charge_read"]),
            is_live,
            is_expired: false,
            last_used: None,
            created: now(),
        };
        let id = format!("mk_{}", self.minted);
        self.keys.insert(id.clone(), key);
        id
    }

    /// The ids of the keys that work.
    pub fn alive(&self) -> Vec<String> {
        let alive = self.keys.iter().filter(|(_, key)| !key.is_expired);
        alive.map(|(id, _)| id.clone()).collect()
    }

    fn mint(&mut self, asked: &Asked, is_live: bool) -> Answer {
        let body = asked.json();
        let id = self.create(body["name"].as_str().unwrap_or_default(), is_live);
        let key = self.keys.get_mut(&id).unwrap();
        key.permissions = body["permissions"].clone();
        let key = &self.keys[&id];
        let mut made = described(&id, key);
        if is_live {
            let Some(pem) = body["public_key"]["pem_key"]["data"].as_str() else {
                self.keys.remove(&id);
                return refuse(400, "public_key_required");
            };
            let mut sealed = sealed(pem, &key.secret);
            if self.spoilt > 0 {
                self.spoilt -= 1;
                sealed.pop();
            }
            made["secret_key"] =
                json!({ "encrypted_secret": { "ciphertext": sealed, "format": "jwe_compact" } });
        }
        if self.mints_to_lose > 0 {
            self.mints_to_lose -= 1;
            return nothing(0);
        }
        answer_json(200, &made)
    }

    fn list(&mut self, asked: &Asked, is_live: bool) -> Answer {
        self.lists += 1;
        let start: usize = asked
            .query("page")
            .map_or(0, |page| page.parse().unwrap_or_default());
        let all: Vec<Value> = self
            .keys
            .iter()
            .filter(|(_, key)| key.is_live == is_live && !key.is_expired)
            .map(|(id, key)| described(id, key))
            .collect();
        let next = (start + self.page < all.len())
            .then(|| format!("/v2/iam/api_keys?limit=100&page={}", start + self.page));
        let data: Vec<&Value> = all.iter().skip(start).take(self.page).collect();
        answer_json(
            200,
            &json!({ "data": data, "next_page_url": next, "previous_page_url": null }),
        )
    }

    /// The balance, for which every key of ours lacks the permission.
    fn balance(&mut self, secret: &str) -> Answer {
        let key = self.keys.values().find(|key| key.secret == secret);
        let Some(key) = key else {
            return refuse(401, "");
        };
        if key.is_expired && self.grace == 0 {
            return refuse(401, "api_key_expired");
        }
        if key.is_expired {
            self.grace -= 1;
        }
        refuse(403, "more_permissions_required")
    }
}

fn answer(state: &mut State, asked: &Asked) -> Answer {
    let bearer = asked.bearer().unwrap_or_default().to_owned();
    let parts = asked.parts();
    if parts == ["v1", "balance"] {
        return state.balance(&bearer);
    }
    let is_live = bearer == LIVE;
    if !is_live && bearer != TEST {
        return refuse(401, "");
    }
    let is_of_preview = asked.header("stripe-version").ends_with(".preview");
    if state.is_closed || asked.header("stripe-context") != ACCOUNT || !is_of_preview {
        return refuse(404, "");
    }
    match (asked.method.as_str(), parts.as_slice()) {
        ("POST", ["v2", "iam", "api_keys"]) => state.mint(asked, is_live),
        ("GET", ["v2", "iam", "api_keys"]) => state.list(asked, is_live),
        (method, ["v2", "iam", "api_keys", id, rest @ ..]) => {
            let Some(key) = state.keys.get_mut(*id).filter(|key| key.is_live == is_live) else {
                return refuse(404, "not_found");
            };
            match (method, rest) {
                ("GET", []) => {}
                ("POST", ["expire"]) => key.is_expired = true,
                _ => return refuse(404, ""),
            }
            answer_json(200, &described(id, key))
        }
        _ => refuse(404, ""),
    }
}

fn described(id: &str, key: &Key) -> Value {
    let mut described = json!({
        "id": id, "object": "v2.iam.api_key", "type": "secret_key", "name": key.name, "livemode": key.is_live,
        "created": key.created, "ip_allowlist": [], "permissions": key.permissions,
        "status": if key.is_expired { "expired" } else { "active" },
        "secret_key": { "secret_token_redacted": "rk_...x" },
    });
    // Seen at Stripe: in test mode every description holds the whole secret.
    if !key.is_live {
        described["secret_key"]["token"] = json!(key.secret);
    }
    if let Some(at) = &key.last_used {
        described["last_used"] = json!(at);
    }
    described
}

/// In the compact form of RFC 7516.
fn sealed(public: &str, text: &str) -> String {
    let public = RsaPublicKey::from_public_key_pem(public).unwrap();
    let (key, nonce) = ([7; 32], [9; 12]);
    let wrapped = public
        .encrypt(&mut OsRng, Oaep::new::<Sha256>(), &key)
        .unwrap();
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let header = encode(br#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#);
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
    let mut hidden = text.as_bytes().to_vec();
    let tag = cipher
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(header.as_bytes()),
            &mut hidden,
        )
        .unwrap();
    let parts = [&wrapped, nonce.as_slice(), &hidden, tag.as_ref()].map(encode);
    format!("{header}.{}", parts.join("."))
}

pub fn refuse(status: u16, code: &str) -> Answer {
    let message = "made-up words";
    let error = match code {
        "" => json!({ "type": "invalid_request_error", "message": message }),
        code => json!({ "type": "invalid_request_error", "code": code, "message": message }),
    };
    answer_json(status, &json!({ "error": error }))
}

fn now() -> String {
    let now = Clock::system().now().unix();
    let now = chrono::DateTime::from_timestamp(now, 0).unwrap();
    now.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}
