//! How the APIs of the presets speak, as far as keys go: paths, statuses and bodies as their vendors publish them.

use apikey::instant::Instant;
use serde_json::{Value, json};

use crate::support::keyring::{Answer, Key, Request, World};

/// What a provider shows that may make keys.
pub const ADMIN: &str = "made-up-admin";

const NOTHING: Value = Value::Null;

fn at(seconds: i64) -> String {
    Instant::from_unix(seconds).to_string()
}

fn used(key: &Key) -> Option<String> {
    key.used.map(at)
}

/// Only whoever shows this in a header may go on.
fn admits(request: &Request, header: &str, value: &str) -> bool {
    request.header(header) == value
}

fn bearer(request: &Request) -> bool {
    request.bearer() == ADMIN
}

fn ended(world: &mut World, id: &str, done: Answer) -> Answer {
    match world.end(id) {
        true => done,
        false => (404, json!({ "message": "There is no such key." })),
    }
}

fn tried(world: &mut World, secret: &str, refused: u16, accepted: Value) -> Answer {
    match world.accepts(secret) {
        true => (200, accepted),
        false => (refused, json!({ "message": "Who are you?" })),
    }
}

/// One page of a list whose pages have numbers.
fn page(keys: &[Value], number: usize, size: usize) -> Vec<Value> {
    keys.iter()
        .skip(number * size)
        .take(size)
        .cloned()
        .collect()
}

fn number(request: &Request, name: &str) -> usize {
    request.query[name].as_str().unwrap().parse().unwrap()
}

pub fn jupyterhub(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| json!({ "id": key.id, "note": key.name, "created": at(key.created), "last_activity": used(key) });
    let token = request
        .header("authorization")
        .strip_prefix("token ")
        .unwrap_or_default()
        .to_owned();
    let (method, path) = request.route();
    Some(match (method, path.as_slice()) {
        ("GET", ["hub", "api", "user"]) => tried(world, &token, 403, json!({ "name": "payments" })),
        _ if token != ADMIN => (403, json!({ "message": "Missing or invalid credentials." })),
        ("POST", ["hub", "api", "users", user, "tokens"]) => {
            assert_eq!(request.body["expires_in"], 180 * 86_400);
            let key = world.mint(&request.body["note"], user);
            let mut made = word(&key);
            made["token"] = key.secret.into();
            (201, made)
        }
        ("GET", ["hub", "api", "users", user, "tokens"]) => {
            (200, json!({ "api_tokens": world.list(user, word) }))
        }
        ("DELETE", ["hub", "api", "users", _, "tokens", id]) => ended(world, id, (204, NOTHING)),
        _ => return None,
    })
}

pub fn grafana(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| {
        let id: u64 = key.id.parse().unwrap();
        json!({ "id": id, "name": key.name, "created": at(key.created), "lastUsedAt": used(key) })
    };
    let (method, path) = request.route();
    Some(match (method, path.as_slice()) {
        ("GET", ["api", "org"]) => tried(world, &request.bearer(), 401, json!({ "id": 1 })),
        _ if !bearer(request) => (401, json!({ "message": "Unauthorized" })),
        ("POST", ["api", "serviceaccounts", account, "tokens"]) => {
            let name = request.text("/name");
            if world.keys.iter().any(|key| key.name == name) {
                return Some((
                    409,
                    json!({ "message": "service account token with given name already exists" }),
                ));
            }
            let key = world.mint(&request.body["name"], account);
            let id: u64 = key.id.parse().unwrap();
            (
                200,
                json!({ "id": id, "name": key.name, "key": key.secret }),
            )
        }
        ("GET", ["api", "serviceaccounts", account, "tokens"]) => {
            (200, world.list(account, word).into())
        }
        ("DELETE", ["api", "serviceaccounts", _, "tokens", id]) => {
            ended(world, id, (200, json!({ "message": "API key deleted" })))
        }
        _ => return None,
    })
}

pub fn gitlab(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| {
        let id: u64 = key.id.parse().unwrap();
        json!({ "id": id, "name": key.name, "created_at": at(key.created), "last_used_at": used(key), "active": true })
    };
    let token = request.header("private-token");
    let (method, path) = request.route();
    Some(match (method, path.as_slice()) {
        ("GET", ["api", "v4", "personal_access_tokens", "self"]) => {
            tried(world, &token, 401, json!({ "active": true }))
        }
        _ if token != ADMIN => (401, json!({ "message": "401 Unauthorized" })),
        ("POST", ["api", "v4", _, owner, "access_tokens"]) => {
            assert_eq!(request.text("/expires_at").len(), "2026-01-01".len());
            let key = world.mint(&request.body["name"], owner);
            let mut made = word(&key);
            made["token"] = key.secret.into();
            (201, made)
        }
        ("GET", ["api", "v4", _, owner, "access_tokens"]) => (200, world.list(owner, word).into()),
        ("DELETE", ["api", "v4", _, _, "access_tokens", id]) => ended(world, id, (204, NOTHING)),
        _ => return None,
    })
}

pub fn cloudflare(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| json!({ "id": key.id, "name": key.name, "status": "active", "issued_on": at(key.created), "last_used_on": used(key) });
    let whole =
        |result: Value| json!({ "success": true, "errors": [], "messages": [], "result": result });
    let (method, path) = request.route();
    Some(match (method, path.as_slice()) {
        ("GET", ["client", "v4", "accounts", _, "tokens", "verify"]) => tried(
            world,
            &request.bearer(),
            401,
            whole(json!({ "status": "active" })),
        ),
        _ if !bearer(request) => (
            403,
            json!({ "success": false, "errors": [{ "code": 9109, "message": "Unauthorized" }] }),
        ),
        ("POST", ["client", "v4", "accounts", account, "tokens"]) => {
            let scope = format!("com.cloudflare.api.account.{account}");
            assert_eq!(request.body["policies"][0]["resources"][scope], "*");
            let key = world.mint(&request.body["name"], account);
            let mut made = word(&key);
            made["value"] = key.secret.into();
            (200, whole(made))
        }
        ("GET", ["client", "v4", "accounts", account, "tokens"]) => {
            let keys = world.list(account, word);
            (
                200,
                whole(page(&keys, number(request, "page") - 1, 50).into()),
            )
        }
        ("DELETE", ["client", "v4", "accounts", _, "tokens", id]) => {
            ended(world, id, (200, whole(json!({ "id": id }))))
        }
        _ => return None,
    })
}

pub fn datadog(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| {
        let attributes =
            json!({ "name": key.name, "created_at": at(key.created), "date_last_used": used(key) });
        json!({ "id": key.id, "attributes": attributes })
    };
    let is_admin = ["dd-api-key", "dd-application-key"]
        .iter()
        .all(|header| admits(request, header, ADMIN));
    let (method, path) = request.route();
    let owner = "organisation";
    Some(match (method, path.as_slice()) {
        ("GET", ["api", "v1", "validate"]) => {
            // Were the provider to show who it is, a dead key would seem alive.
            assert_eq!(request.header("dd-application-key"), "");
            tried(
                world,
                &request.header("dd-api-key"),
                403,
                json!({ "valid": true }),
            )
        }
        _ if !is_admin => (403, json!({ "errors": ["Forbidden"] })),
        ("POST", ["api", "v2", .., "api_keys" | "application_keys"]) => {
            let key = world.mint(&request.body["data"]["attributes"]["name"], owner);
            let mut made = word(&key);
            made["attributes"]["key"] = key.secret.into();
            (201, json!({ "data": made }))
        }
        ("GET", ["api", "v2", .., "api_keys" | "application_keys"]) => {
            let keys = world.list(owner, word);
            (
                200,
                json!({ "data": page(&keys, number(request, "page[number]"), 100) }),
            )
        }
        ("DELETE", ["api", "v2", .., "api_keys" | "application_keys", id]) => {
            ended(world, id, (204, NOTHING))
        }
        _ => return None,
    })
}

pub fn sendgrid(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| json!({ "api_key_id": key.id, "name": key.name });
    let (method, path) = request.route();
    Some(match (method, path.as_slice()) {
        ("GET", ["v3", "scopes"]) => tried(
            world,
            &request.bearer(),
            401,
            json!({ "scopes": ["mail.send"] }),
        ),
        _ if !bearer(request) => (
            403,
            json!({ "errors": [{ "message": "access forbidden" }] }),
        ),
        ("POST", ["v3", "api_keys"]) => {
            assert_eq!(
                request.body["scopes"],
                json!(["mail.send"]),
                "without scopes a key may do everything"
            );
            let key = world.mint(&request.body["name"], "");
            (
                201,
                json!({ "api_key_id": key.id, "api_key": key.secret, "name": key.name }),
            )
        }
        ("GET", ["v3", "api_keys"]) => (200, json!({ "result": world.list("", word) })),
        ("DELETE", ["v3", "api_keys", id]) => ended(world, id, (204, NOTHING)),
        _ => return None,
    })
}

pub fn openai(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| {
        let owner = json!({ "type": "service_account", "service_account": { "id": key.owner } });
        json!({ "id": key.id, "name": key.name, "created_at": key.created, "last_used_at": key.used, "owner": owner })
    };
    let (method, path) = request.route();
    Some(match (method, path.as_slice()) {
        ("GET", ["v1", "models"]) => tried(world, &request.bearer(), 401, json!({ "data": [] })),
        _ if !bearer(request) => (
            401,
            json!({ "error": { "message": "Incorrect API key", "code": "invalid_api_key" } }),
        ),
        (
            "POST",
            [
                "v1",
                "organization",
                "projects",
                _,
                "service_accounts",
                account,
                "api_keys",
            ],
        ) => {
            let key = world.mint(&request.body["name"], account);
            (
                200,
                json!({ "id": key.id, "name": key.name, "created_at": key.created, "value": key.secret }),
            )
        }
        // One key a page, those of others among them.
        ("GET", ["v1", "organization", "projects", _, "api_keys"]) => {
            let after = request.query.get("after").and_then(Value::as_str);
            let first = after.map_or(0, |after| {
                1 + world.keys.iter().position(|key| key.id == after).unwrap()
            });
            let keys: Vec<Value> = world.keys.iter().skip(first).take(1).map(word).collect();
            let last = keys.last().map(|key| key["id"].clone());
            (
                200,
                json!({ "data": keys, "last_id": last, "has_more": first + 1 < world.keys.len() }),
            )
        }
        ("DELETE", ["v1", "organization", "projects", _, "api_keys", id]) => {
            ended(world, id, (200, json!({ "deleted": true })))
        }
        _ => return None,
    })
}

pub fn launchdarkly(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| json!({ "_id": key.id, "name": key.name, "creationDate": key.created * 1000, "lastUsed": key.used.map(|used| used * 1000) });
    let token = request.header("authorization");
    let (method, path) = request.route();
    Some(match (method, path.as_slice()) {
        ("GET", ["api", "v2", "caller-identity"]) => {
            tried(world, &token, 401, json!({ "tokenId": "x" }))
        }
        _ if token != ADMIN => (
            401,
            json!({ "code": "unauthorized", "message": "invalid access token" }),
        ),
        ("POST", ["api", "v2", "tokens"]) => {
            let key = world.mint(&request.body["name"], "");
            let mut made = word(&key);
            made["token"] = key.secret.into();
            (201, made)
        }
        ("GET", ["api", "v2", "tokens"]) => {
            let keys = world.list("", word);
            let rest = keys
                .iter()
                .skip(number(request, "offset"))
                .take(25)
                .cloned();
            (
                200,
                json!({ "items": rest.collect::<Vec<_>>(), "totalCount": keys.len() }),
            )
        }
        ("DELETE", ["api", "v2", "tokens", id]) => ended(world, id, (204, NOTHING)),
        _ => return None,
    })
}

/// What `Authorization: Basic …` holds.
fn basic(request: &Request) -> String {
    use base64::Engine;
    let header = request.header("authorization");
    let encoded = header.strip_prefix("Basic ").unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .unwrap_or_default();
    String::from_utf8(bytes).unwrap()
}

pub fn confluent(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| json!({ "id": key.id, "spec": { "display_name": key.name }, "metadata": { "created_at": at(key.created) } });
    let (method, path) = request.route();
    let pair = basic(request);
    Some(match (method, path.as_slice()) {
        ("GET", ["kafka", "v3", "clusters", _]) => {
            let (id, secret) = pair.split_once(':').unwrap();
            let is_pair = world
                .keys
                .iter()
                .any(|key| key.id == id && key.secret == secret);
            tried(
                world,
                if is_pair { secret } else { "" },
                401,
                json!({ "kind": "KafkaCluster" }),
            )
        }
        _ if pair != format!("{ADMIN}:{ADMIN}") => (
            401,
            json!({ "errors": [{ "status": "401", "detail": "invalid API key" }] }),
        ),
        ("POST", ["iam", "v2", "api-keys"]) => {
            let key = world.mint(
                &request.body["spec"]["display_name"],
                request.text("/spec/owner/id"),
            );
            let mut made = word(&key);
            made["spec"]["secret"] = key.secret.into();
            (202, made)
        }
        // One key a page; the next one by its whole address.
        ("GET", ["iam", "v2", "api-keys"]) => {
            let owner = request.query["spec.owner"].as_str().unwrap();
            let keys = world.list(owner, word);
            let first: usize = request
                .query
                .get("page_token")
                .map_or(0, |token| token.as_str().unwrap().parse().unwrap());
            let next = (first + 1 < keys.len()).then(|| {
                format!(
                    "{}/iam/v2/api-keys?spec.owner={owner}&page_token={}",
                    world.url(),
                    first + 1
                )
            });
            (
                200,
                json!({ "data": page(&keys, first, 1), "metadata": { "next": next } }),
            )
        }
        ("DELETE", ["iam", "v2", "api-keys", id]) => ended(world, id, (204, NOTHING)),
        _ => return None,
    })
}

pub fn snowflake(world: &mut World, request: &Request) -> Option<Answer> {
    let kind = request.header("x-snowflake-authorization-token-type");
    assert_eq!(kind, "PROGRAMMATIC_ACCESS_TOKEN");
    let (method, path) = request.route();
    let ("POST", ["api", "v2", "statements"]) = (method, path.as_slice()) else {
        return None;
    };
    let statement = request.text("/statement").to_owned();
    let quoted = statement.split('"').nth(1).unwrap_or_default().to_owned();
    if statement == "SELECT 1" {
        return Some(tried(
            world,
            &request.bearer(),
            401,
            json!({ "data": [["1"]] }),
        ));
    }
    if !bearer(request) {
        return Some((
            401,
            json!({ "code": "390318", "message": "OAuth access token expired." }),
        ));
    }
    let rows: Vec<Value> = if statement.contains(" ADD ") {
        let key = world.mint(&json!(quoted), "LOADER");
        // Its name is its id.
        let made = world.keys.last_mut().unwrap();
        made.id = quoted;
        vec![json!([made.id, key.secret])]
    } else if statement.contains(" REMOVE ") {
        if !world.end(&quoted) {
            return Some((
                422,
                json!({ "code": "002003", "message": "does not exist" }),
            ));
        }
        vec![json!(["Statement executed successfully."])]
    } else {
        world.list("LOADER", |key| json!([key.id, "LOADER"]))
    };
    Some((200, json!({ "code": "090001", "data": rows })))
}

pub fn digitalocean(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| {
        let grants = json!([{ "bucket": key.owner, "permission": "readwrite" }]);
        json!({ "access_key": key.id, "name": key.name, "grants": grants, "created_at": at(key.created) })
    };
    let (method, path) = request.route();
    Some(match (method, path.as_slice()) {
        _ if !bearer(request) => (
            401,
            json!({ "id": "unauthorized", "message": "Unable to authenticate you" }),
        ),
        ("POST", ["v2", "spaces", "keys"]) => {
            let key = world.mint(&request.body["name"], request.text("/grants/0/bucket"));
            let mut made = word(&key);
            made["secret_key"] = key.secret.into();
            (201, json!({ "key": made }))
        }
        ("GET", ["v2", "spaces", "keys"]) => {
            let keys: Vec<Value> = world.keys.iter().map(word).collect();
            (
                200,
                json!({ "keys": keys, "links": {}, "meta": { "total": keys.len() } }),
            )
        }
        ("DELETE", ["v2", "spaces", "keys", id]) => ended(world, id, (204, NOTHING)),
        _ => return None,
    })
}

/// A token server: of the provider itself, and of whoever shows a key.
fn granted(world: &mut World, request: &Request, admin: &str, refused: u16) -> Answer {
    assert_eq!(request.text("/grant_type"), "client_credentials");
    let secret = request.text("/client_secret").to_owned();
    let is_admin = request.text("/client_id") == admin && secret == ADMIN;
    match is_admin || world.accepts(&secret) {
        true => (
            200,
            json!({ "access_token": if is_admin { ADMIN } else { "made-up" }, "expires_in": 3600 }),
        ),
        false => (refused, json!({ "error": "invalid_client" })),
    }
}

pub fn entra(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| json!({ "keyId": key.id, "displayName": key.name, "startDateTime": at(key.created), "hint": "mad", "secretText": null });
    let (method, path) = request.route();
    Some(match (method, path.as_slice()) {
        ("POST", [_, "oauth2", "v2.0", "token"]) => {
            granted(world, request, "66666666-7777-8888-9999-000000000000", 401)
        }
        _ if !bearer(request) => (
            401,
            json!({ "error": { "code": "InvalidAuthenticationToken", "message": "Access token is empty." } }),
        ),
        ("POST", ["v1.0", "applications", application, "addPassword"]) => {
            let credential = &request.body["passwordCredential"];
            assert!(Instant::parse(credential["endDateTime"].as_str().unwrap()).is_some());
            let key = world.mint(&credential["displayName"], application);
            let mut made = word(&key);
            made["secretText"] = key.secret.into();
            (200, made)
        }
        ("GET", ["v1.0", "applications", application]) => {
            assert_eq!(request.query["$select"], "passwordCredentials");
            (
                200,
                json!({ "passwordCredentials": world.list(application, word) }),
            )
        }
        ("POST", ["v1.0", "applications", _, "removePassword"]) => {
            ended(world, request.text("/keyId"), (204, NOTHING))
        }
        _ => return None,
    })
}

pub fn hcp(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| json!({ "client_id": key.id, "created_at": at(key.created), "state": "ACTIVE" });
    let (method, path) = request.route();
    Some(match (method, path.as_slice()) {
        ("POST", ["oauth2", "token"]) => {
            assert_eq!(request.text("/audience"), "https://api.hashicorp.cloud");
            granted(world, request, "acme-terraform", 401)
        }
        _ if !bearer(request) => (401, json!({ "code": 16, "message": "unauthorized" })),
        ("POST", ["iam", _, "organizations", _, "service-principal-keys"]) => {
            if world.keys.len() >= 2 {
                return Some((400, json!({ "code": 9, "message": "too many keys" })));
            }
            let key = world.mint(&NOTHING, request.text("/principal_id"));
            (
                200,
                json!({ "client_secret": key.secret, "key": word(&key) }),
            )
        }
        (
            "GET",
            [
                "iam",
                _,
                "organizations",
                _,
                "service-principals",
                principal,
            ],
        ) => {
            let keys = world.list(principal, word);
            let mut found = json!({ "service_principal": { "id": principal } });
            if !keys.is_empty() {
                found["keys"] = keys.into();
            }
            (200, found)
        }
        ("DELETE", ["iam", _, "organizations", _, "service-principal-keys", id]) => {
            ended(world, id, (200, json!({})))
        }
        _ => return None,
    })
}

pub fn doppler(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| json!({ "slug": key.id, "name": key.name, "created_at": at(key.created), "expires_at": null });
    let (method, path) = request.route();
    Some(match (method, path.as_slice()) {
        ("GET", ["v3", "me"]) => tried(
            world,
            &request.bearer(),
            401,
            json!({ "type": "service_token" }),
        ),
        _ if !bearer(request) => (
            401,
            json!({ "messages": ["Invalid Auth token"], "success": false }),
        ),
        ("POST", ["v3", "configs", "config", "tokens"]) => {
            let key = world.mint(&request.body["name"], request.text("/config"));
            let mut made = word(&key);
            made["key"] = key.secret.into();
            (200, json!({ "token": made }))
        }
        ("GET", ["v3", "configs", "config", "tokens"]) => {
            let config = request.query["config"].as_str().unwrap();
            (200, json!({ "tokens": world.list(config, word) }))
        }
        ("DELETE", ["v3", "configs", "config", "tokens", "token"]) => ended(
            world,
            request.text("/slug"),
            (200, json!({ "success": true })),
        ),
        _ => return None,
    })
}

pub fn infisical(world: &mut World, request: &Request) -> Option<Answer> {
    let word = |key: &Key| json!({ "id": key.id, "description": key.name, "createdAt": at(key.created), "isClientSecretRevoked": false });
    let (method, path) = request.route();
    let ["api", "v1", "auth", "universal-auth", rest @ ..] = path.as_slice() else {
        return None;
    };
    Some(match (method, rest) {
        ("POST", ["login"]) => tried(
            world,
            request.text("/clientSecret"),
            401,
            json!({ "accessToken": "made-up" }),
        ),
        _ if !bearer(request) => (401, json!({ "message": "Token missing" })),
        ("POST", ["identities", identity, "client-secrets"]) => {
            let key = world.mint(&request.body["description"], identity);
            (
                200,
                json!({ "clientSecret": key.secret, "clientSecretData": word(&key) }),
            )
        }
        ("GET", ["identities", identity, "client-secrets"]) => (
            200,
            json!({ "clientSecretData": world.list(identity, word) }),
        ),
        ("POST", ["identities", _, "client-secrets", id, "revoke"]) => ended(
            world,
            id,
            (200, json!({ "clientSecretData": { "id": id } })),
        ),
        _ => return None,
    })
}
