//! Infisical, as far as the secrets of a folder go: a session of a machine identity, and changes of several at once, which
//! may have to be approved.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::service::{Answer, Asked, Service, json as answer_json};

/// The machine identity of the tests.
pub const CLIENT_ID: &str = "made-up-client-id";
pub const CLIENT_SECRET: &str = "made-up-client-secret";
pub const PROJECT: &str = "00000000-0000-0000-0000-000000000000";

#[derive(Default)]
pub struct State {
    pub secrets: BTreeMap<String, String>,
    /// Their values are withheld.
    pub hides: bool,
    /// The machine identity may not see the folder.
    pub is_out_of_sight: bool,
    /// What waits for a person; `None` where changes are made at once.
    pub waiting: Option<Vec<Value>>,
    pub logins: usize,
    pub writes: usize,
}

impl State {
    /// A person approves everything that waits.
    pub fn approve(&mut self) {
        for body in self.waiting.take().unwrap_or_default() {
            self.make(&body);
        }
    }

    fn make(&mut self, body: &Value) {
        for secret in body["secrets"].as_array().unwrap() {
            let name = secret["secretKey"].as_str().unwrap().to_owned();
            match secret["secretValue"].as_str() {
                Some(value) => drop(self.secrets.insert(name, value.to_owned())),
                None => drop(self.secrets.remove(&name)),
            }
        }
    }

    fn show(&self) -> Answer {
        let secrets: Vec<Value> = self
            .secrets
            .iter()
            .map(|(name, value)| {
                let value = if self.hides { "<hidden-by-infisical>" } else { value };
                json!({ "id": name, "secretKey": name, "secretValue": value, "version": 1, "secretValueHidden": self.hides })
            })
            .collect();
        answer_json(200, &json!({ "secrets": secrets, "imports": [] }))
    }
}

/// A server with one folder.
pub fn start() -> Service<State> {
    let state = State {
        secrets: [("STRIPE".to_owned(), "made-up-other".to_owned())].into(),
        ..State::default()
    };
    Service::start(state, answer)
}

fn answer(state: &mut State, request: &Asked) -> Answer {
    let body = request.json();
    if request.path == "/api/v1/auth/universal-auth/login" {
        if body["clientId"] != CLIENT_ID || body["clientSecret"] != CLIENT_SECRET {
            return refuse(401, "UnauthorizedError", "Invalid credentials");
        }
        state.logins += 1;
        let token = format!("made-up-session-{}", state.logins);
        let session = json!({
            "accessToken": token, "expiresIn": 7200, "accessTokenMaxTTL": 7200, "tokenType": "Bearer",
        });
        return answer_json(200, &session);
    }
    let session = format!("made-up-session-{}", state.logins);
    if state.logins == 0 || request.bearer() != Some(&session) {
        return refuse(401, "UnauthorizedError", "Token is not valid");
    }
    let of = |name: &str| match request.method.as_str() {
        "GET" => request.query(name).map(str::to_owned),
        _ => body[name].as_str().map(str::to_owned),
    };
    let asked = (of("projectId"), of("environment"), of("secretPath"));
    if state.is_out_of_sight
        || asked != (Some(PROJECT.into()), Some("prod".into()), Some("/".into()))
    {
        return refuse(404, "NotFound", "Folder with path does not exist");
    }
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/api/v4/secrets") => state.show(),
        ("PATCH" | "DELETE", "/api/v4/secrets/batch") => {
            state.writes += 1;
            if request.method == "PATCH" && body["mode"] != "upsert" {
                return refuse(404, "NotFound", "Secret does not exist");
            }
            if let Some(waiting) = &mut state.waiting {
                waiting.push(body);
                return answer_json(200, &json!({ "approval": { "id": "made-up-approval" } }));
            }
            state.make(&body);
            answer_json(200, &json!({ "secrets": [] }))
        }
        _ => refuse(404, "NotFound", "No such route"),
    }
}

fn refuse(status: u16, error: &str, message: &str) -> Answer {
    answer_json(
        status,
        &json!({ "statusCode": status, "error": error, "message": message }),
    )
}
