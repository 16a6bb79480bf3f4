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
    /// Changes wait for a person.
    pub is_gated: bool,
    /// Approval requests, oldest first.
    pub requests: Vec<ApprovalRequest>,
    /// A machine identity may look at approval requests.
    pub shows_requests: bool,
    pub logins: usize,
    pub writes: usize,
}

/// A change that a person has to approve.
pub struct ApprovalRequest {
    /// It waits for a person.
    pub is_open: bool,
    has_merged: bool,
    deletes: bool,
    body: Value,
}

impl State {
    /// A person approves a request, by its number.
    pub fn approve(&mut self, number: usize) {
        let request = &mut self.requests[number];
        (request.is_open, request.has_merged) = (false, true);
        let body = request.body.clone();
        self.make(&body);
    }

    /// A person closes a request, by its number.
    pub fn reject(&mut self, number: usize) {
        self.requests[number].is_open = false;
    }

    /// The numbers of those that are open.
    pub fn open(&self) -> Vec<usize> {
        let requests = self.requests.iter().enumerate();
        let open = requests.filter(|(_, request)| request.is_open);
        open.map(|(number, _)| number).collect()
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
        shows_requests: true,
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
    if let Some(answer) = approval_requests(state, request) {
        return answer;
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
            if state.is_gated {
                state.requests.push(ApprovalRequest {
                    is_open: true,
                    has_merged: false,
                    deletes: request.method == "DELETE",
                    body,
                });
                let number = state.requests.len() - 1;
                let approval = state.requests[number].tell(number);
                return answer_json(200, &json!({ "approval": approval }));
            }
            state.make(&body);
            answer_json(200, &json!({ "secrets": [] }))
        }
        _ => refuse(404, "NotFound", "No such route"),
    }
}

fn approval_requests(state: &State, request: &Asked) -> Option<Answer> {
    let path = request
        .path
        .strip_prefix("/api/v1/secret-approval-requests")?;
    if !state.shows_requests {
        let message = "You are not allowed to access this resource";
        return Some(refuse(403, "ForbiddenError", message));
    }
    let Some(id) = path.strip_prefix("/ar-") else {
        assert_eq!(request.query("projectId"), Some(PROJECT));
        let requests = state.requests.iter().enumerate().rev();
        let listed: Vec<Value> = requests
            .map(|(number, request)| request.tell(number))
            .collect();
        return Some(answer_json(
            200,
            &json!({ "approvals": listed, "totalCount": listed.len() }),
        ));
    };
    let number: usize = id.parse().unwrap();
    let request = &state.requests[number];
    let secrets = request.body["secrets"].as_array().unwrap();
    let op = if request.deletes { "delete" } else { "update" };
    let commits: Vec<Value> = secrets
        .iter()
        .map(|secret| {
            json!({
                "op": op, "secretKey": secret["secretKey"], "secretValue": secret["secretValue"],
                "secretValueHidden": false,
            })
        })
        .collect();
    let mut told = request.tell(number);
    told["secretPath"] = json!("/");
    told["commits"] = Value::Array(commits);
    Some(answer_json(200, &json!({ "approval": told })))
}

impl ApprovalRequest {
    fn tell(&self, number: usize) -> Value {
        let status = if self.is_open { "open" } else { "closed" };
        json!({
            "id": format!("ar-{number}"), "slug": format!("made-up-{number}"), "status": status, "hasMerged": self.has_merged,
            "environment": "prod", "reviewers": [],
        })
    }
}

fn refuse(status: u16, error: &str, message: &str) -> Answer {
    answer_json(
        status,
        &json!({ "statusCode": status, "error": error, "message": message }),
    )
}
