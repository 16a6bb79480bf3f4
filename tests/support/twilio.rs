//! Twilio, as far as keys and auth tokens go: two sorts of keys in two products, pages of two styles, tokens that are
//! promoted.

use std::collections::BTreeMap;

use apikey::clock::Clock;
use serde_json::{Value, json};

use crate::support::service::{Answer, Asked, Service, json as answer_json, nothing};

/// The account of the tests, and the auth token that it begins with.
pub const TOKEN: &str = "made-up-first-auth-token";

/// What no Standard key may do.
const KEYS: &str = "Keys";

pub struct State {
    /// The auth token in use.
    pub primary: String,
    /// The one beside it.
    pub secondary: Option<String>,
    /// By sid.
    pub keys: BTreeMap<String, Key>,
    /// The address that absolute URLs of pages begin with.
    pub announced: String,
    /// The API of 2010 names pages by URLs as well. Its specification asks for that, although its examples show paths.
    pub absolute: bool,
    /// The most that a page holds.
    pub page: usize,
    pub lists: usize,
    /// So many mints are done and not answered.
    pub mints_to_lose: usize,
    /// The keys are those of an account that the caller may not see.
    pub is_hidden: bool,
    /// So many requests are too many.
    pub throttles: usize,
    minted: u64,
    /// Every secret that was ever given out.
    pub secrets: Vec<String>,
}

pub struct Key {
    pub name: String,
    pub secret: String,
    pub policy: Option<Value>,
    created: String,
}

/// A server with one account.
pub fn start() -> Service<State> {
    let state = State {
        primary: TOKEN.to_owned(),
        secondary: None,
        keys: BTreeMap::new(),
        announced: String::new(),
        absolute: false,
        page: 1000,
        lists: 0,
        mints_to_lose: 0,
        is_hidden: false,
        throttles: 0,
        minted: 0,
        secrets: vec![TOKEN.to_owned()],
    };
    let site = Service::start(state, answer);
    site.state().announced = site.url();
    site
}

/// The account.
pub fn account() -> String {
    format!("AC{}", "a".repeat(32))
}

impl State {
    /// A key that somebody else made.
    pub fn create(&mut self, name: &str, policy: Option<Value>) -> String {
        self.minted += 1;
        let secret = format!("made-up-secret-of-key-{}", self.minted);
        self.secrets.push(secret.clone());
        let sid = format!("SK{:032x}", self.minted);
        let key = Key {
            name: name.to_owned(),
            secret,
            policy,
            created: now().to_rfc2822(),
        };
        self.keys.insert(sid.clone(), key);
        sid
    }

    /// Who calls; `None` for somebody whom nobody knows.
    fn caller(&self, request: &Asked) -> Option<Caller> {
        let (user, password) = request.basic()?;
        if user == account() {
            let is_token = password == self.primary || self.secondary.as_ref() == Some(&password);
            return is_token.then_some(Caller::Account);
        }
        let key = self.keys.get(&user).filter(|key| key.secret == password)?;
        Some(match key.policy {
            None => Caller::Standard,
            Some(_) => Caller::Restricted,
        })
    }

    fn page(&mut self, request: &Asked, restricted: bool) -> Answer {
        self.lists += 1;
        let number = |name: &str| {
            request
                .query(name)
                .and_then(|text| text.parse::<usize>().ok())
        };
        let size = number("PageSize").unwrap_or(50).min(self.page);
        let page = number("Page").unwrap_or_default();
        let all: Vec<(&String, &Key)> = self
            .keys
            .iter()
            .filter(|(_, key)| restricted || key.policy.is_none())
            .collect();
        let shown = all.iter().skip(page * size).take(size);
        let keys: Vec<Value> = shown
            .map(|(sid, key)| {
                let mut shown = describe(sid, key);
                if restricted {
                    shown["flags"] = json!(["rest_api", "signing"]);
                }
                shown
            })
            .collect();
        let more = all.len() > (page + 1) * size;
        let at = |page: usize| {
            let account = account();
            let token = match page {
                0 => String::new(),
                page => format!("&PageToken=PK{page}"),
            };
            match restricted {
                true => format!(
                    "{}/v1/Keys?AccountSid={account}&PageSize={size}&Page={page}{token}",
                    self.announced
                ),
                false => format!(
                    "{}/2010-04-01/Accounts/{account}/Keys.json?PageSize={size}&Page={page}{token}",
                    if self.absolute { &self.announced } else { "" }
                ),
            }
        };
        let next = more.then(|| at(page + 1));
        let body = match restricted {
            true => json!({ "keys": keys, "meta": {
                "page": page, "page_size": size, "key": "keys", "first_page_url": at(0), "url": at(page),
                "previous_page_url": null, "next_page_url": next,
            }}),
            false => json!({
                "keys": keys, "page": page, "page_size": size, "start": page * size, "end": (page + 1) * size,
                "first_page_uri": at(0), "uri": at(page), "previous_page_uri": null, "next_page_uri": next,
            }),
        };
        answer_json(200, &body)
    }

    fn mint(&mut self, request: &Asked, policy: Option<Value>) -> Answer {
        let name = request.form("FriendlyName").unwrap_or_default();
        if name.len() > 64 {
            return refuse(400, 20001, "FriendlyName is too long");
        }
        let sid = self.create(&name, policy);
        if self.mints_to_lose > 0 {
            self.mints_to_lose -= 1;
            return nothing(0);
        }
        let key = &self.keys[&sid];
        let mut made = describe(&sid, key);
        made["secret"] = json!(key.secret);
        if let Some(policy) = &key.policy {
            made["policy"] = policy.clone();
        }
        answer_json(201, &made)
    }

    fn one(&mut self, method: &str, sid: &str) -> Answer {
        if !self.keys.contains_key(sid) {
            return refuse(404, 20404, "The requested resource was not found");
        }
        match method {
            "DELETE" => {
                self.keys.remove(sid);
                nothing(204)
            }
            _ => answer_json(200, &describe(sid, &self.keys[sid])),
        }
    }

    fn tokens(&mut self, method: &str, what: &str) -> Answer {
        let about = |name: &str, token: &str| {
            let at = "2026-01-01T00:00:00Z";
            let url = format!("https://accounts.twilio.com/v1/AuthTokens/{what}");
            json!({ "account_sid": account(), "date_created": at, "date_updated": at, name: token, "url": url })
        };
        match (method, what, self.secondary.clone()) {
            ("POST", "Secondary", Some(_)) => refuse(409, 20409, "A secondary token exists"),
            ("POST", "Secondary", None) => {
                self.minted += 1;
                let token = format!("made-up-auth-token-number-{}", self.minted);
                self.secrets.push(token.clone());
                self.secondary = Some(token.clone());
                if self.mints_to_lose > 0 {
                    self.mints_to_lose -= 1;
                    return nothing(0);
                }
                answer_json(201, &about("secondary_auth_token", &token))
            }
            ("DELETE", "Secondary", Some(_)) => {
                self.secondary = None;
                nothing(204)
            }
            ("POST", "Promote", Some(token)) => {
                self.primary.clone_from(&token);
                self.secondary = None;
                answer_json(200, &about("auth_token", &token))
            }
            _ => refuse(404, 20404, "The requested resource was not found"),
        }
    }
}

enum Caller {
    Account,
    Standard,
    Restricted,
}

fn answer(state: &mut State, request: &Asked) -> Answer {
    if state.throttles > 0 {
        state.throttles -= 1;
        let mut busy = refuse(429, 20429, "Too Many Requests");
        busy.1.push("Retry-After: 1".to_owned());
        return busy;
    }
    let Some(caller) = state.caller(request) else {
        return refuse(401, 20003, "Authenticate");
    };
    let (method, path) = (request.method.as_str(), request.path.as_str());
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if !matches!(caller, Caller::Account) && parts.iter().any(|part| part.contains(KEYS)) {
        return refuse(401, 20003, "Authenticate");
    }
    if state.is_hidden && parts.iter().any(|part| part.contains(KEYS)) {
        return refuse(404, 20404, "The requested resource was not found");
    }
    let here = account();
    match (method, parts.as_slice()) {
        ("GET", ["2010-04-01", "Accounts", sid, "IncomingPhoneNumbers.json"]) if *sid == here => {
            match caller {
                Caller::Restricted => refuse(403, 20403, "Forbidden"),
                _ => answer_json(200, &json!({ "incoming_phone_numbers": [] })),
            }
        }
        ("POST", ["2010-04-01", "Accounts", sid, "Keys.json"]) if *sid == here => {
            state.mint(request, None)
        }
        ("GET", ["2010-04-01", "Accounts", sid, "Keys.json"]) if *sid == here => {
            state.page(request, false)
        }
        ("GET" | "DELETE", ["2010-04-01", "Accounts", sid, "Keys", key]) if *sid == here => {
            state.one(method, key.trim_end_matches(".json"))
        }
        ("POST", ["v1", "Keys"]) if request.form("AccountSid").as_ref() == Some(&here) => {
            let policy = request.form("Policy");
            state.mint(
                request,
                policy.map(|text| serde_json::from_str(&text).unwrap()),
            )
        }
        ("GET", ["v1", "Keys"]) if request.query("AccountSid") == Some(&here) => {
            state.page(request, true)
        }
        ("GET" | "DELETE", ["v1", "Keys", key]) => state.one(method, key),
        (_, ["v1", "AuthTokens", what]) => state.tokens(method, what),
        _ => refuse(404, 20404, "The requested resource was not found"),
    }
}

fn describe(sid: &str, key: &Key) -> Value {
    json!({
        "sid": sid, "friendly_name": key.name, "date_created": key.created, "date_updated": key.created,
    })
}

pub fn refuse(status: u16, code: u32, message: &str) -> Answer {
    let more = format!("https://www.twilio.com/docs/errors/{code}");
    let body = json!({ "code": code, "message": message, "more_info": more, "status": status });
    answer_json(status, &body)
}

fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(Clock::system().now().unix(), 0).unwrap()
}
