//! Secrets and their versions.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{Answer, Request, State, missing, no, now};

const MOST_BYTES: usize = 65_536;

#[derive(Default)]
pub struct Secret {
    pub labels: BTreeMap<String, String>,
    pub aliases: BTreeMap<String, String>,
    pub versions: Vec<Version>,
    /// As it was created.
    pub document: Value,
    etag: u64,
}

pub struct Version {
    pub data: Vec<u8>,
    pub state: &'static str,
    created: String,
}

impl Secret {
    pub fn add(&mut self, data: &[u8]) {
        self.versions.push(Version {
            data: data.to_vec(),
            state: "ENABLED",
            created: now(),
        });
    }

    /// Somebody changes the secret itself.
    pub fn touch(&mut self) {
        self.etag += 1;
    }

    fn document(&self, name: &str) -> Value {
        let mut document = self.document.clone();
        document["name"] = name.into();
        document["labels"] = json!(self.labels);
        document["versionAliases"] = json!(self.aliases);
        document["etag"] = format!("\"{}\"", self.etag).into();
        document
    }
}

fn version(name: &str, number: usize, version: &Version) -> Value {
    json!({
        "name": format!("{name}/versions/{number}"),
        "createTime": version.created,
        "state": version.state,
        "etag": format!("\"{}\"", version.state),
    })
}

/// CRC-32C, bit by bit.
fn crc32c(data: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in data {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = sum & 1;
            sum >>= 1;
            sum ^= carry * 0x82F6_3B78;
        }
    }
    !sum
}

pub fn answer(state: &mut State, request: &Request, path: &str) -> Answer {
    let method = request.method.as_str();
    if let Some(parent) = path.strip_suffix("/secrets")
        && method == "POST"
    {
        return create(state, request, parent);
    }
    let Some((parent, rest)) = path.split_once("/secrets/") else {
        return missing(path);
    };
    let end = rest.find(['/', ':']).unwrap_or(rest.len());
    let (id, rest) = rest.split_at(end);
    let name = format!("{parent}/secrets/{id}");
    let permission = match (method, rest) {
        ("GET", "") => "secretmanager.secrets.get",
        ("PATCH", "") => "secretmanager.secrets.update",
        ("DELETE", "") => "secretmanager.secrets.delete",
        ("GET", "/versions") => "secretmanager.versions.list",
        (_, ":addVersion") => "secretmanager.versions.add",
        (_, rest) if rest.ends_with(":access") => "secretmanager.versions.access",
        (_, rest) if rest.ends_with(":disable") => "secretmanager.versions.disable",
        _ => "",
    };
    if let Some(refused) = state.permits(permission) {
        return refused;
    }
    if rest == ":testIamPermissions" {
        let asked = request.json()["permissions"].clone();
        let asked = asked.as_array().cloned().unwrap_or_default().into_iter();
        let has = asked.filter(|it| !state.denied.contains(it.as_str().unwrap_or_default()));
        return Answer(200, json!({ "permissions": has.collect::<Vec<_>>() }));
    }
    let Some(secret) = state.secrets.get_mut(&name) else {
        return missing(&format!("Secret [{name}]"));
    };
    let etag = format!("\"{}\"", secret.etag);
    match (method, rest) {
        ("GET", "") => Answer(200, secret.document(&name)),
        ("PATCH", "") => {
            let body = request.json();
            if body["etag"] != etag {
                return no(
                    400,
                    "FAILED_PRECONDITION",
                    "The etag provided does not match.",
                );
            }
            secret.aliases = serde_json::from_value(body["versionAliases"].clone()).unwrap();
            secret.etag += 1;
            Answer(200, secret.document(&name))
        }
        ("DELETE", "") if request.query.get("etag").is_some_and(|it| *it != etag) => no(
            400,
            "FAILED_PRECONDITION",
            "The etag provided does not match.",
        ),
        ("DELETE", "") => {
            state.secrets.remove(&name);
            Answer(200, json!({}))
        }
        ("POST", ":addVersion") => add(secret, &name, &request.json()["payload"]),
        ("GET", "/versions") => list(secret, &name, request),
        (_, rest) => one(secret, &name, rest.trim_start_matches("/versions/")),
    }
}

fn create(state: &mut State, request: &Request, parent: &str) -> Answer {
    if let Some(refused) = state.permits("secretmanager.secrets.create") {
        return refused;
    }
    let name = format!("{parent}/secrets/{}", request.query["secretId"]);
    if state.secrets.contains_key(&name) {
        return no(
            409,
            "ALREADY_EXISTS",
            &format!("Secret [{name}] already exists."),
        );
    }
    let document = request.json();
    if document["replication"].is_null() && !parent.contains("/locations/") {
        return no(
            400,
            "INVALID_ARGUMENT",
            "Secret.replication must be provided.",
        );
    }
    let secret = Secret {
        labels: serde_json::from_value(document["labels"].clone()).unwrap_or_default(),
        document,
        ..Secret::default()
    };
    let answer = Answer(200, secret.document(&name));
    state.secrets.insert(name, secret);
    answer
}

fn add(secret: &mut Secret, name: &str, payload: &Value) -> Answer {
    let data = payload["data"].as_str().unwrap_or_default();
    let data = BASE64_STANDARD.decode(data).unwrap();
    if data.len() > MOST_BYTES {
        return no(400, "INVALID_ARGUMENT", "The payload is too large.");
    }
    if payload["dataCrc32c"].as_str() != Some(&crc32c(&data).to_string()) {
        return no(
            400,
            "INVALID_ARGUMENT",
            "The checksum does not match the payload.",
        );
    }
    secret.add(&data);
    let number = secret.versions.len();
    Answer(200, version(name, number, &secret.versions[number - 1]))
}

fn list(secret: &Secret, name: &str, request: &Request) -> Answer {
    let wanted = request
        .query
        .get("filter")
        .and_then(|it| it.strip_prefix("state:"));
    let size = request.query.get("pageSize").and_then(|it| it.parse().ok());
    let all = secret.versions.iter().enumerate().rev();
    let versions = all
        .filter(|(_, version)| wanted.is_none_or(|state| version.state == state))
        .map(|(index, it)| version(name, index + 1, it))
        .take(size.unwrap_or(100));
    Answer(200, json!({ "versions": versions.collect::<Vec<_>>() }))
}

fn one(secret: &mut Secret, name: &str, rest: &str) -> Answer {
    let Some((which, verb)) = rest.split_once(':') else {
        return missing(rest);
    };
    let number = match which {
        "latest" => secret.versions.len(),
        alias if secret.aliases.contains_key(alias) => secret.aliases[alias].parse().unwrap(),
        number => number.parse().unwrap_or(0),
    };
    let Some(there) = number
        .checked_sub(1)
        .and_then(|it| secret.versions.get_mut(it))
    else {
        return missing(&format!("Secret Version [{name}/versions/{which}]"));
    };
    match verb {
        "access" if there.state != "ENABLED" => {
            let message = format!(
                "Secret Version [{name}/versions/{number}] is in {} state.",
                there.state
            );
            no(400, "FAILED_PRECONDITION", &message)
        }
        "access" => Answer(
            200,
            json!({
                "name": format!("{name}/versions/{number}"),
                "payload": {
                    "data": BASE64_STANDARD.encode(&there.data),
                    "dataCrc32c": crc32c(&there.data).to_string(),
                },
            }),
        ),
        "disable" => {
            there.state = "DISABLED";
            Answer(200, version(name, number, there))
        }
        _ => missing(rest),
    }
}
