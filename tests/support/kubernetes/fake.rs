//! Namespaces and Secrets as an API server keeps them: versions, field managers, server-side apply, dry runs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{ADMIN, DEPLOYER};
use crate::support::service::{Answer, Asked, Service};

pub struct Fake(Service<State>);

#[derive(Default)]
pub struct State {
    namespaces: BTreeSet<String>,
    secrets: BTreeMap<(String, String), Object>,
    count: u64,
    /// What somebody else writes right before the next change.
    meddling: Option<Value>,
    /// Nobody may read a namespace.
    reserved: bool,
    /// How often the cluster was built anew.
    built: u64,
}

#[derive(Clone, Default)]
struct Object {
    uid: String,
    version: u64,
    labels: Value,
    r#type: String,
    immutable: bool,
    data: Map<String, Value>,
    /// The data keys of each manager and operation.
    owners: BTreeMap<(String, String), BTreeSet<String>>,
}

type Refused = (u16, Value);

impl Fake {
    pub fn start() -> Self {
        Self(Service::start(State::default(), answer))
    }

    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Whether namespaces may be read.
    pub fn reserve(&self, reserved: bool) {
        self.0.state().reserved = reserved;
    }

    /// Another cluster answers at the same URL.
    pub fn build_anew(&self) {
        self.0.state().built += 1;
    }

    /// Somebody else writes this data right before the next change of a Secret.
    pub fn meddle(&self, data: Value) {
        self.0.state().meddling = Some(data);
    }
}

fn answer(state: &mut State, asked: &Asked) -> Answer {
    let token = asked.header("authorization").trim_start_matches("Bearer ");
    let outcome = match [ADMIN, DEPLOYER].contains(&token) {
        false => Err(status(401, "Unauthorized", "Unauthorized", Value::Null)),
        true => route(state, asked),
    };
    let (status, body) = outcome.unwrap_or_else(|refused| refused);
    (
        status,
        vec!["Content-Type: application/json".to_owned()],
        body.to_string(),
    )
}

fn route(state: &mut State, asked: &Asked) -> Result<Refused, Refused> {
    let parts = asked.parts();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["api", "v1", "namespaces", _]) if state.reserved => Err(status(
            403,
            "Forbidden",
            "namespaces is forbidden",
            Value::Null,
        )),
        ("GET", ["api", "v1", "namespaces", name]) => Ok((
            200,
            json!({ "metadata": { "name": name, "uid": format!("uid-{}-of-{name}", state.built) } }),
        )),
        ("POST", ["api", "v1", "namespaces"]) => {
            let name = asked.json()["metadata"]["name"]
                .as_str()
                .unwrap()
                .to_owned();
            state.namespaces.insert(name);
            Ok((201, json!({})))
        }
        ("POST", ["api", "v1", "namespaces", namespace, "secrets"]) => {
            create(state, asked, namespace)
        }
        (method, ["api", "v1", "namespaces", namespace, "secrets", name]) => {
            let place = ((*namespace).to_owned(), (*name).to_owned());
            if method != "GET" {
                meddle(state, &place);
            }
            let Some(there) = state.secrets.get(&place).cloned() else {
                return Err(missing("secrets", name));
            };
            match method {
                "GET" => Ok((200, there.shown(name))),
                "DELETE" => delete(state, asked, &place, &there),
                _ => patch(state, asked, &place, there),
            }
        }
        _ => Err(status(
            404,
            "NotFound",
            "the server could not find the requested resource",
            Value::Null,
        )),
    }
}

fn meddle(state: &mut State, place: &(String, String)) {
    if let (Some(data), Some(there)) = (state.meddling.take(), state.secrets.get_mut(place)) {
        state.count += 1;
        there.version = state.count;
        there
            .data
            .extend(data.as_object().cloned().unwrap_or_default());
    }
}

fn create(state: &mut State, asked: &Asked, namespace: &str) -> Result<Refused, Refused> {
    let body = asked.json();
    let name = body["metadata"]["name"].as_str().unwrap_or_default();
    if !state.namespaces.contains(namespace) {
        return Err(missing("namespaces", namespace));
    }
    let place = (namespace.to_owned(), name.to_owned());
    if state.secrets.contains_key(&place) {
        return Err(status(
            409,
            "AlreadyExists",
            &format!("secrets {name:?} already exists"),
            Value::Null,
        ));
    }
    state.count += 1;
    let data = body["data"].as_object().cloned().unwrap_or_default();
    let object = Object {
        uid: format!("uid-{}", state.count),
        version: state.count,
        labels: body["metadata"]["labels"].clone(),
        r#type: body["type"].as_str().unwrap_or("Opaque").to_owned(),
        immutable: body["immutable"] == true,
        owners: BTreeMap::from([(manager(asked, "Update"), data.keys().cloned().collect())]),
        data,
    };
    let shown = object.shown(name);
    if asked.query("dryRun").is_none() {
        state.secrets.insert(place, object);
    }
    Ok((201, shown))
}

fn patch(
    state: &mut State,
    asked: &Asked,
    place: &(String, String),
    mut there: Object,
) -> Result<Refused, Refused> {
    let body = asked.json();
    let expected = body["metadata"]["resourceVersion"].as_str();
    if expected.is_some_and(|expected| expected != there.version.to_string()) {
        return Err(conflict(&place.1));
    }
    let before = there.data.clone();
    match asked.header("content-type") {
        "application/apply-patch+yaml" => apply(&mut there, asked, &body)?,
        _ => merge(&mut there, asked, &body),
    }
    if there.immutable && there.data != before {
        let why = "data: Forbidden: field is immutable when `immutable` is set";
        return Err(status(422, "Invalid", why, Value::Null));
    }
    if let Some(immutable) = body["immutable"].as_bool() {
        there.immutable = immutable;
    }
    if asked.query("dryRun").is_none() {
        state.count += 1;
        there.version = state.count;
        state.secrets.insert(place.clone(), there.clone());
    }
    Ok((200, there.shown(&place.1)))
}

/// What others own and would change is a conflict; what the manager owned and applies no more goes.
fn apply(there: &mut Object, asked: &Asked, body: &Value) -> Result<(), Refused> {
    let me = manager(asked, "Apply");
    let wanted = body["data"].as_object().cloned().unwrap_or_default();
    let changed: BTreeSet<String> = wanted
        .iter()
        .filter(|(key, value)| there.data.get(*key) != Some(*value))
        .map(|(key, _)| key.clone())
        .collect();
    let others = there.owners.iter().filter(|(owner, _)| **owner != me);
    let causes: Vec<Value> = others
        .flat_map(|(owner, keys)| keys.intersection(&changed).map(move |key| (owner, key)))
        .map(|((owner, _), key)| {
            json!({ "reason": "FieldManagerConflict", "message": format!("conflict with {owner:?}"), "field": format!(".data.{key}") })
        })
        .collect();
    if !causes.is_empty() && asked.query("force") != Some("true") {
        return Err(status(
            409,
            "Conflict",
            "Apply failed with conflicts",
            json!({ "causes": causes }),
        ));
    }
    let former = there.owners.remove(&me).unwrap_or_default();
    there.disown(&changed);
    let is_owned =
        |there: &Object, key: &String| there.owners.values().any(|keys| keys.contains(key));
    for key in former.iter().filter(|key| !wanted.contains_key(*key)) {
        if !is_owned(there, key) {
            there.data.remove(key);
        }
    }
    there.owners.insert(me, wanted.keys().cloned().collect());
    there.data.extend(wanted);
    Ok(())
}

fn merge(there: &mut Object, asked: &Asked, body: &Value) {
    let me = manager(asked, "Update");
    let mut changed = BTreeSet::new();
    for (key, value) in body["data"].as_object().into_iter().flatten() {
        let is_new = match value {
            Value::Null => there.data.remove(key).is_some(),
            value => there.data.insert(key.clone(), value.clone()).as_ref() != Some(value),
        };
        if is_new {
            changed.insert(key.clone());
        }
    }
    there.disown(&changed);
    changed.retain(|key| there.data.contains_key(key));
    there.owners.entry(me).or_default().extend(changed);
}

fn delete(
    state: &mut State,
    asked: &Asked,
    place: &(String, String),
    there: &Object,
) -> Result<Refused, Refused> {
    let wanted = &asked.json()["preconditions"];
    let differs = |field: &str, is: &str| wanted[field].as_str().is_some_and(|wanted| wanted != is);
    if differs("uid", &there.uid) || differs("resourceVersion", &there.version.to_string()) {
        return Err(conflict(&place.1));
    }
    state.secrets.remove(place);
    Ok((200, json!({ "kind": "Status", "status": "Success" })))
}

impl Object {
    fn disown(&mut self, keys: &BTreeSet<String>) {
        for owned in self.owners.values_mut() {
            owned.retain(|key| !keys.contains(key));
        }
    }

    fn shown(&self, name: &str) -> Value {
        let field = |key: &String| (format!("f:{key}"), json!({}));
        let managed = self.owners.iter().map(|((manager, operation), keys)| {
            let data: Map<String, Value> = keys.iter().map(field).collect();
            json!({ "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": { "f:data": data } })
        });
        let mut metadata = json!({
            "name": name,
            "uid": self.uid,
            "resourceVersion": self.version.to_string(),
            "managedFields": managed.collect::<Vec<_>>(),
        });
        if !self.labels.is_null() {
            metadata["labels"] = self.labels.clone();
        }
        let mut object = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": self.r#type });
        if self.immutable {
            object["immutable"] = true.into();
        }
        if !self.data.is_empty() {
            object["data"] = self.data.clone().into();
        }
        object
    }
}

fn manager(asked: &Asked, operation: &str) -> (String, String) {
    let name = asked.query("fieldManager").unwrap_or("unknown");
    (name.to_owned(), operation.to_owned())
}

fn missing(what: &str, name: &str) -> Refused {
    status(
        404,
        "NotFound",
        &format!("{what} {name:?} not found"),
        Value::Null,
    )
}

fn conflict(name: &str) -> Refused {
    let why =
        format!("Operation cannot be fulfilled on secrets {name:?}: the object has been modified");
    status(409, "Conflict", &why, Value::Null)
}

fn status(code: u16, reason: &str, message: &str, details: Value) -> Refused {
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "details": details,
        "code": code,
    });
    (code, status)
}
