//! Doppler, as far as the secrets of a config go: changes of several at once, each over the value that is expected.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::service::{Answer, Asked, Service, json as answer_json};

/// The token of the tests.
pub const TOKEN: &str = "made-up-doppler-token";

const PROJECT: &str = "payments";
const CONFIG: &str = "prd";

#[derive(Default)]
pub struct State {
    pub secrets: BTreeMap<String, String>,
    /// Secrets whose values are withheld.
    pub restricted: Vec<String>,
    /// What waits for a person; `None` where changes are made at once.
    pub waiting: Option<Vec<Vec<Value>>>,
    pub writes: usize,
    /// The workplace of the token.
    pub workplace: String,
    /// The token may not see the config.
    pub is_out_of_sight: bool,
    /// What somebody else writes right before the next change.
    pub rival: Option<(String, String)>,
}

impl State {
    /// A person approves everything that waits.
    pub fn approve(&mut self) {
        for changes in self.waiting.take().unwrap_or_default() {
            self.make(&changes);
        }
    }

    fn make(&mut self, changes: &[Value]) {
        for change in changes {
            let name = change["name"].as_str().unwrap().to_owned();
            match (change["shouldDelete"] == true, change["value"].as_str()) {
                (true, _) => drop(self.secrets.remove(&name)),
                (false, value) => drop(self.secrets.insert(name, value.unwrap().to_owned())),
            }
        }
    }

    fn holds(&self, change: &Value) -> bool {
        match change["originalName"].as_str() {
            None => !self.secrets.contains_key(change["name"].as_str().unwrap()),
            Some(name) => {
                self.secrets.get(name).map(String::as_str) == change["originalValue"].as_str()
            }
        }
    }

    fn show(&self, names: Option<&str>) -> Answer {
        let asked: Vec<&str> = names
            .map(|names| names.split(',').collect())
            .unwrap_or_default();
        let is_asked = |name: &str| names.is_none() || asked.contains(&name);
        let mut secrets = serde_json::Map::new();
        for (name, value) in self.secrets.iter().filter(|(name, _)| is_asked(name)) {
            let is_restricted = self.restricted.contains(name);
            let visibility = if is_restricted {
                "restricted"
            } else {
                "masked"
            };
            let value = (!is_restricted).then_some(value);
            let shown = json!({
                "raw": value, "computed": value, "note": "", "rawVisibility": visibility, "computedVisibility": visibility,
            });
            secrets.insert(name.clone(), shown);
        }
        for name in asked
            .iter()
            .filter(|name| !self.secrets.contains_key(**name))
        {
            secrets.insert(
                (*name).to_owned(),
                json!({ "raw": null, "computed": null, "note": "" }),
            );
        }
        answer_json(200, &json!({ "secrets": secrets }))
    }
}

/// A server with one config.
pub fn start() -> Service<State> {
    let state = State {
        secrets: [("STRIPE".to_owned(), "made-up-other".to_owned())].into(),
        workplace: "made-up-workplace".to_owned(),
        ..State::default()
    };
    Service::start(state, answer)
}

fn answer(state: &mut State, request: &Asked) -> Answer {
    if request.bearer() != Some(TOKEN) {
        return refuse(401, "Invalid Auth token");
    }
    if request.path == "/v3/me" {
        let workplace = json!({ "slug": state.workplace, "name": "Made up" });
        return answer_json(200, &json!({ "type": "service", "workplace": workplace }));
    }
    if request.path != "/v3/configs/config/secrets" {
        return refuse(404, "Not found");
    }
    let body = request.json();
    let of = |name: &str| match request.method.as_str() {
        "GET" => request.query(name).map(str::to_owned),
        _ => body[name].as_str().map(str::to_owned),
    };
    let asked = (of("project"), of("config"));
    if state.is_out_of_sight || asked != (Some(PROJECT.into()), Some(CONFIG.into())) {
        return refuse(404, "Could not find requested config");
    }
    if request.method == "GET" {
        return state.show(request.query("secrets"));
    }
    let changes = body["change_requests"].as_array().unwrap().clone();
    state.writes += 1;
    if let Some((name, value)) = state.rival.take() {
        state.secrets.insert(name, value);
    }
    if !changes.iter().all(|change| state.holds(change)) {
        return refuse(400, "A secret does not have the expected value");
    }
    match &mut state.waiting {
        Some(waiting) => waiting.push(changes),
        None => state.make(&changes),
    }
    state.show(None)
}

fn refuse(status: u16, message: &str) -> Answer {
    answer_json(status, &json!({ "messages": [message], "success": false }))
}
