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
    /// Changes wait for a person.
    pub is_gated: bool,
    /// Change requests, oldest first.
    pub requests: Vec<ChangeRequest>,
    /// The token may look at change requests.
    pub shows_requests: bool,
    /// A policy takes no change from a token, and says so.
    pub is_forbidden: bool,
    pub writes: usize,
    /// The workplace of the token.
    pub workplace: String,
    /// The token may not see the config.
    pub is_out_of_sight: bool,
    /// What somebody else writes right before the next change.
    pub rival: Option<(String, String)>,
}

/// A change that a person has to approve.
pub struct ChangeRequest {
    /// `open`, `applied` or `canceled`.
    pub status: &'static str,
    changes: Vec<Value>,
}

impl State {
    /// A person approves a request, by its number.
    pub fn approve(&mut self, number: usize) {
        let request = &mut self.requests[number];
        request.status = "applied";
        let changes = request.changes.clone();
        self.make(&changes);
    }

    /// A person closes a request, by its number.
    pub fn reject(&mut self, number: usize) {
        self.requests[number].status = "canceled";
    }

    /// The numbers of those that are open.
    pub fn open(&self) -> Vec<usize> {
        let requests = self.requests.iter().enumerate();
        let open = requests.filter(|(_, request)| request.status == "open");
        open.map(|(number, _)| number).collect()
    }

    fn list(&self, status: Option<&str>) -> Answer {
        let requests = self.requests.iter().enumerate().rev();
        let listed = requests.filter(|(_, request)| {
            let is_open = request.status == "open";
            status.is_none_or(|status| (status == "open") == is_open)
        });
        let listed: Vec<Value> = listed
            .map(|(number, request)| request.tell(number, false))
            .collect();
        answer_json(200, &Value::Array(listed))
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
        shows_requests: true,
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
    if let Some(answer) = change_requests(state, request) {
        return answer;
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
    if state.is_forbidden {
        return refuse(
            403,
            "You must create a change request to modify this config",
        );
    }
    match state.is_gated {
        true => state.requests.push(ChangeRequest {
            status: "open",
            changes,
        }),
        false => state.make(&changes),
    }
    state.show(None)
}

fn change_requests(state: &State, request: &Asked) -> Option<Answer> {
    let path = request.path.strip_prefix("/v3/workplace/change_requests")?;
    if !state.shows_requests {
        return Some(refuse(403, "This token may not look at them"));
    }
    let Some(id) = path.strip_prefix("/change_request/cr-") else {
        return Some(state.list(request.query("status")));
    };
    let number: usize = id.parse().unwrap();
    let told = state.requests[number].tell(number, request.query("reveal") == Some("true"));
    Some(answer_json(200, &json!({ "changeRequest": told })))
}

impl ChangeRequest {
    fn tell(&self, number: usize, reveals: bool) -> Value {
        let update = |change: &Value| {
            let value = reveals.then_some(&change["value"]);
            json!({ "name": change["name"], "value": value, "shouldDelete": change["shouldDelete"] == true })
        };
        let updates: Vec<Value> = self.changes.iter().map(update).collect();
        let target = json!({
            "project": { "slug": PROJECT, "name": PROJECT }, "config": { "slug": "made-up", "name": CONFIG },
        });
        let status = if self.status == "open" {
            "open"
        } else {
            "closed"
        };
        json!({
            "id": format!("cr-{number}"), "title": "", "status": status,
            "units": [{ "id": "made-up-unit", "status": self.status, "target": target, "updates": updates }],
        })
    }
}

fn refuse(status: u16, message: &str) -> Answer {
    answer_json(status, &json!({ "messages": [message], "success": false }))
}
