//! API keys, which are created and deleted by operations that take a while.

use serde_json::{Value, json};

use super::{Answer, Request, State, missing, no, now};

pub struct ApiKey {
    pub text: String,
    pub deleted: bool,
    /// As it was created.
    pub document: Value,
    created: String,
}

impl ApiKey {
    fn document(&self, name: &str) -> Value {
        let mut document = self.document.clone();
        document["name"] = name.into();
        document["createTime"] = self.created.as_str().into();
        if self.deleted {
            document["deleteTime"] = now().into();
        }
        document
    }
}

impl State {
    /// Something begins that is done after some looks.
    fn begin(&mut self) -> Answer {
        let name = format!("operations/akmf.p7-{}", self.next());
        self.operations.insert(name.clone(), self.looks);
        self.look(&name)
    }

    fn look(&mut self, name: &str) -> Answer {
        let Some(left) = self.operations.get_mut(name) else {
            return missing(name);
        };
        let done = *left == 0;
        *left = left.saturating_sub(1);
        Answer(200, json!({ "name": name, "done": done }))
    }
}

pub fn answer(state: &mut State, request: &Request, path: &str) -> Answer {
    if path.starts_with("operations/") {
        return state.look(path);
    }
    let Some((parent, rest)) = path.split_once("/locations/global/keys") else {
        return missing(path);
    };
    let rest = rest.trim_start_matches('/');
    let permission = match (request.method.as_str(), rest) {
        ("POST", "") => "apikeys.keys.create",
        ("GET", "") => "apikeys.keys.list",
        ("GET", rest) if rest.ends_with("/keyString") => "apikeys.keys.getKeyString",
        ("DELETE", _) => "apikeys.keys.delete",
        _ => "apikeys.keys.get",
    };
    if let Some(refused) = state.permits(permission) {
        return refused;
    }
    let name = |id: &str| format!("{parent}/locations/global/keys/{id}");
    match (request.method.as_str(), rest) {
        ("POST", "") => create(state, request),
        ("GET", "") => {
            let there = state.api_keys.iter().filter(|(_, key)| !key.deleted);
            let keys: Vec<Value> = there.map(|(id, key)| key.document(&name(id))).collect();
            Answer(200, json!({ "keys": keys }))
        }
        ("GET", rest) => {
            let (id, part) = rest.split_once('/').unwrap_or((rest, ""));
            match (state.api_keys.get(id), part) {
                (None, _) => missing(id),
                (Some(key), "") => Answer(200, key.document(&name(id))),
                (Some(key), _) => Answer(200, json!({ "keyString": key.text })),
            }
        }
        ("DELETE", id) => match state.api_keys.get_mut(id) {
            None => missing(id),
            Some(key) if key.deleted => no(400, "FAILED_PRECONDITION", "The key is deleted."),
            Some(key) => {
                key.deleted = true;
                state.begin()
            }
        },
        _ => missing(rest),
    }
}

fn create(state: &mut State, request: &Request) -> Answer {
    let id = request.query["keyId"].clone();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_id =
        id.len() <= 63 && id.chars().all(fits) && id.starts_with(|c: char| c.is_ascii_lowercase());
    if !is_id {
        return no(400, "INVALID_ARGUMENT", "The key id is not valid.");
    }
    if state.api_keys.contains_key(&id) {
        return no(409, "ALREADY_EXISTS", "The key exists already.");
    }
    let key = ApiKey {
        text: format!("made-up-api-key-{}", state.next()),
        deleted: false,
        document: request.json(),
        created: now(),
    };
    state.api_keys.insert(id, key);
    state.begin()
}
