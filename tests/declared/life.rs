use std::thread::sleep;
use std::time::Duration;

use apikey::ledger::Inventory;
use apikey::ledger::inventory::Query;
use apikey::ledger::sql::{Database, Target};
use serde_json::json;
use tokio::runtime::Runtime;

use super::{configuration, delivered, workspace};
use crate::contract::hub;
use crate::ledger::sql::{self, Place};
use crate::monitoring::ask;
use crate::support::keyring::{Answer, Keyring, Request, World};
use crate::support::workspace::Workspace;

fn declaration(url: &str) -> String {
    let list = "list = { path = \"/users/{{user}}/tokens\", items = \"/api_tokens\", id = \"/id\", name = \"/note\", created_at = \"/created\" }";
    let verify =
        "verify = { path = \"/user\", headers = { Authorization = \"Bearer {{secret}}\" } }";
    format!(
        r#"
      base_url    = "{url}/api"
      headers     = {{ Authorization = "Bearer made-up-canary-of-the-admin" }}
      parameters  = ["user"]
      time_format = "seconds"
      create = {{
        path       = "/users/{{{{user}}}}/tokens"
        json       = jsonencode({{ note = "apikey {{{{token}}}}" }})
        id         = "/id"
        secret     = "/token"
        created_at = "/created"
      }}
      {list}
      revoke = {{ path = "/users/{{{{user}}}}/tokens/{{{{key_id}}}}" }}
      {verify}
"#
    )
}

fn start() -> (Keyring, Workspace) {
    let keyring = Keyring::start(hub::speak);
    let ws = workspace(&declaration(&keyring.url()));
    (keyring, ws)
}

/// Everything that holds after a step: the documents, and the keys at the API.
#[track_caller]
fn stands(keyring: &Keyring, ws: &Workspace, expected: &[usize]) {
    let expected: Vec<String> = expected
        .iter()
        .map(|number| format!("made-up-secret-{number}"))
        .collect();
    assert_eq!(delivered(ws), expected);
    let mut live = expected;
    live.sort();
    assert_eq!(keyring.secrets(), live);
    let state = ws.key("k").0.to_string();
    assert!(!state.contains("made-up"), "a secret is in the state");
}

#[test]
fn a_key_of_a_declared_api_lives_its_whole_life() {
    let (keyring, ws) = start();
    ws.apply().ok();
    stands(&keyring, &ws, &[1]);
    let key = keyring.world().keys[0].clone();
    assert_eq!(
        ws.key("k").0["primary"]["key_id"],
        key.id,
        "every digit of the id"
    );
    assert!(
        key.name.starts_with("apikey ") && key.name.len() > 30,
        "{}",
        key.name
    );
    ws.advance("80s").apply().ok();
    stands(&keyring, &ws, &[1, 2]);
    ws.advance("20s").apply().ok();
    stands(&keyring, &ws, &[2, 1]);
    ws.advance("30s").apply().ok();
    stands(&keyring, &ws, &[2]);
    ws.plan().ok().code(0);
    ws.destroy().ok();
    assert!(keyring.secrets().is_empty());
    assert!(ws.delivered("k.json").is_null());
}

/// As a person does whose state and ledger are lost.
#[test]
fn a_key_of_a_declared_api_is_imported_with_its_account_and_lives_on() {
    let (keyring, ws) = start();
    ws.apply().ok();
    let id = keyring.world().keys[0].id.clone();
    for lost in ["terraform.tfstate", ".terraform/apikey/ledger.db"] {
        std::fs::remove_file(ws.path(lost)).unwrap();
    }
    let import = format!("http:hub/{id}?user=svc");
    ws.apply().failed().complains(&["import it as", &import]);
    for (wrong, told) in [
        (
            "http:hub".to_owned(),
            "<api>/<id of the key>?<parameter>=<value>",
        ),
        (format!("http:other/{id}?user=svc"), "is not declared"),
        (format!("http:hub/{id}"), "is missing"),
        ("http:hub/77?user=svc".to_owned(), "has no key \"77\""),
    ] {
        let text = ws.import("apikey_managed.k", &wrong).failed().text();
        assert!(text.contains(told), "{wrong}: {text}");
    }
    ws.import("apikey_managed.k", &import).ok();
    ws.plan().ok().code(2);
    ws.apply_plan().ok();
    stands(&keyring, &ws, &[1]);
    ws.plan().ok().code(0);
    ws.destroy().ok();
    assert!(keyring.secrets().is_empty());
}

#[test]
fn a_key_that_vanished_at_the_api_is_noticed() {
    let (keyring, ws) = start();
    ws.apply().ok();
    keyring.world().keys.clear();
    ws.plan().ok().warns(&["no longer exists at the issuer"]);
}

#[test]
fn a_mint_whose_answer_was_lost_is_found_by_its_name_and_revoked() {
    let (keyring, ws) = start();
    keyring.world().mint(&json!("somebody else's"), "svc");
    let before = keyring.secrets();
    ws.plan().ok().code(2);
    // The lists before the mint are answered, and the answer to the mint is lost.
    let lists = keyring.world().requests.len();
    ws.apply_plan().ok();
    ws.destroy().ok();
    assert_eq!(keyring.secrets(), before);
    let made = keyring
        .world()
        .requests
        .iter()
        .skip(lists)
        .position(|it| it.method == "POST")
        .unwrap();

    ws.plan().ok().code(2);
    let answered = (0..made).map(|_| Some(list_of(&keyring)));
    keyring.world().troubles = answered.chain([None]).collect();
    let refused = ws.apply_plan().failed();
    refused.complains(&["revoked again"]);
    assert_eq!(keyring.secrets(), before, "nobody else's key was touched");
    assert!(ws.delivered("k.json").is_null());
    ws.apply().ok();
    assert_eq!(keyring.secrets().len(), 2);
}

/// Answers the second request for a key with the first key.
fn speak_again(world: &mut World, request: &Request) -> Option<Answer> {
    let mints = world.requests.iter().filter(|it| it.method == "POST");
    match (request.method.as_str(), mints.count()) {
        ("POST", 2) => {
            let first = &world.keys[0];
            let made = json!({ "id": first.id, "token": first.secret, "created": first.created });
            Some((201, made))
        }
        _ => hub::speak(world, request),
    }
}

#[test]
fn a_mint_that_answers_with_a_key_that_existed_before_changes_nothing() {
    let keyring = Keyring::start(speak_again);
    let ws = workspace(&declaration(&keyring.url()));
    ws.apply().ok();
    let primary = ws.key("k").primary();
    let refused = ws.advance("80s").apply().failed();
    refused.reads("key-that-existed-before");
    stands(&keyring, &ws, &[1]);
    assert_eq!(ws.key("k").primary(), primary);
    assert_eq!(ws.key("k").at("pending_revocations"), &json!([]));
    // Nothing of that attempt is made up for at the cost of the first key.
    ws.apply().ok();
    stands(&keyring, &ws, &[1, 2]);
}

/// Says that a key is deleted, lists it no more, and goes on accepting it.
fn speak_falsely(world: &mut World, request: &Request) -> Option<Answer> {
    let id = request.steps.last().cloned().unwrap_or_default();
    match world.keys.iter_mut().find(|key| key.id == id) {
        Some(key) if request.method == "DELETE" => {
            key.owner = "nobody".to_owned();
            Some((204, json!(null)))
        }
        _ => hub::speak(world, request),
    }
}

/// One apply after the other says so, and the key keeps its slot and its place, until it is refused.
fn is_believed_dead_only_when_refused(declared: impl Fn(&str) -> String) {
    let keyring = Keyring::start(speak_falsely);
    let ws = workspace(&declared(&keyring.url()));
    ws.apply().ok();
    ws.advance("80s").apply().ok();
    ws.advance("20s").apply().ok();
    ws.advance("30s");
    for _ in 0..2 {
        let revoked = ws.apply().failed();
        revoked
            .complains(&[
                "is not revoked",
                "still accepts",
                "keeps the secondary slot",
            ])
            .reads("http-key-that-outlives-its-revocation");
        assert_eq!(delivered(&ws), ["made-up-secret-2", "made-up-secret-1"]);
        ws.plan().ok().code(2);
    }
    let forget = |key: &crate::support::keyring::Key| key.secret != "made-up-secret-1";
    keyring.world().keys.retain(forget);
    ws.apply().ok();
    assert_eq!(delivered(&ws), ["made-up-secret-2"]);
    ws.plan().ok().code(0);
}

#[test]
fn a_key_that_is_said_to_be_deleted_is_believed_dead_only_when_it_is_refused() {
    is_believed_dead_only_when_refused(declaration);
}

#[test]
fn without_a_list_too_a_deleted_key_is_believed_dead_only_when_it_is_refused() {
    is_believed_dead_only_when_refused(unlisted);
}

/// The same without a list, and who says "not found" of a key says that it is gone.
fn unlisted(url: &str) -> String {
    let lines = declaration(url);
    let unlisted: Vec<&str> = lines.lines().filter(|it| !it.contains("list = ")).collect();
    let path = "path = \"/users/{{user}}/tokens/{{key_id}}\"";
    let unlisted = unlisted.join("\n");
    unlisted.replace(path, &format!("{path}, gone = [404]"))
}

#[test]
fn a_mint_that_was_cut_off_where_nobody_can_list_is_told_of_until_a_person_has_looked() {
    let keyring = Keyring::start(hub::speak);
    let short = configuration(&unlisted(&keyring.url()));
    let short = short.replacen('{', "{\n  ledger = { lock_lease = \"2s\" }", 1);
    let ws = Workspace::with(&short);
    let cut_off = |moment: &str| {
        ws.env("APIKEY_KILL", moment).apply().failed();
        ws.env("APIKEY_KILL", "");
        sleep(Duration::from_millis(2_200));
        let told = ["payments", "a key may live that nothing holds"];
        let plan = ws.plan().ok().warns(&told);
        let warnings = plan.warnings();
        let mut named = warnings.iter();
        let named = named.find_map(|it| it.detail.split("ledger settle ").nth(1));
        named.unwrap().to_owned()
    };
    let first = cut_off("create:mint:done#1");
    ask(&ws, &["ledger", "settle", &first]).code(0);
    ws.apply().ok().does_not_warn("may live");
    ws.advance("80s");
    let mint = cut_off("stage:mint:done#1");
    ask(&ws, &["ledger", "settle", "0123"])
        .code(1)
        .says(&["neither a mint 0123"]);
    ask(&ws, &["ledger", "settle", &mint])
        .code(0)
        .says(&["payments"]);
    ws.apply().ok().does_not_warn("may live");
    stands_beside_two_lost_ones(&keyring, &ws);
    ask(&ws, &["ledger", "settle", &mint]).code(1);
    let said = "SELECT detail FROM events WHERE event = 'settled' AND effect = 'mint'";
    let ledger = ws.path(".terraform/apikey/ledger.db");
    let events = sql::run(Place::File(&ledger), said);
    let events = Runtime::new().unwrap().block_on(events).unwrap();
    assert!(events[0].contains("looked for at the issuer"), "{events:?}");
    ask(&ws, &["audit", "verify"]).code(0);
}

/// The keys of the mints that were cut off live on until a person deletes them.
#[track_caller]
fn stands_beside_two_lost_ones(keyring: &Keyring, ws: &Workspace) {
    assert_eq!(delivered(ws), ["made-up-secret-2", "made-up-secret-4"]);
    assert_eq!(keyring.secrets().len(), 4);
}

#[test]
fn a_declaration_that_leads_to_another_server_neither_mints_there_nor_believes_what_it_says() {
    let (home, other) = (Keyring::start(hub::speak), Keyring::start(hub::speak));
    let ws = workspace(&unlisted(&home.url()));
    ws.apply().ok();
    ws.write(&configuration(&unlisted(&other.url())));
    for seconds in ["1s", "80s"] {
        let refused = ws.advance(seconds).apply().failed();
        refused.complains(&[&home.url(), &other.url()]);
    }
    ws.destroy().failed().complains(&[&home.url()]);
    assert_eq!((home.secrets().len(), other.secrets().len()), (1, 0));
    ws.write(&configuration(&unlisted(&home.url())));
    ws.apply().ok();
    stands(&home, &ws, &[1, 2]);
}

fn list_of(keyring: &Keyring) -> (u16, serde_json::Value) {
    let word = |key: &crate::support::keyring::Key| json!({ "id": key.id, "note": key.name, "created": key.created });
    let keys = keyring.world().list("svc", word);
    (200, json!({ "api_tokens": keys }))
}

#[test]
fn a_list_that_is_not_found_any_more_makes_no_key_one_that_is_gone() {
    let (keyring, ws) = start();
    ws.apply().ok();
    let before = ws.state();
    let list = "list = { path = \"/users/{{user}}/tokens\"";
    let moved = list.replace("/users", "/v1/users");
    let changed = declaration(&keyring.url()).replace(list, &moved);
    ws.write(&configuration(&changed));
    let refused = ws.plan().failed();
    refused
        .complains(&["could not be listed", "GET /v1/users"])
        .reads("http-list-that-is-not-found");
    ws.apply().failed();
    ws.advance("80s").apply_with(&["-refresh=false"]).failed();
    ws.destroy().failed();
    assert_eq!(ws.state(), before);
    stands(&keyring, &ws, &[1]);
    ws.write(&configuration(&declaration(&keyring.url())));
    ws.apply().ok();
    stands(&keyring, &ws, &[1, 2]);
}

#[test]
fn a_key_that_a_list_leaves_out_is_not_gone_while_it_is_accepted() {
    let (keyring, ws) = start();
    ws.apply().ok();
    let before = ws.state();
    let partial = declaration(&keyring.url()).replace(
        "items = \"/api_tokens\"",
        "items = \"/api_tokens\", where = { \"/note\" = \"nothing\" }",
    );
    let rotating = configuration(&partial).replace(
        "grace_period      = \"30s\"",
        "grace_period      = \"30s\"\n  on_drift          = \"rotate\"",
    );
    for text in [configuration(&partial), rotating] {
        ws.write(&text);
        let refused = ws.plan().failed();
        refused
            .complains(&["lacks key", "which is accepted"])
            .reads("http-list-that-leaves-a-key-out");
        ws.apply().failed();
        ws.apply_with(&["-refresh-only"]).failed();
        assert_eq!(ws.state(), before);
        stands(&keyring, &ws, &[1]);
    }
    ws.write(&configuration(&declaration(&keyring.url())));
    ws.plan().ok().code(0);
}

#[test]
fn a_revocation_that_nobody_could_contradict_is_not_believed_because_its_address_is_not_found() {
    let keyring = Keyring::start(hub::speak);
    let whole = declaration(&keyring.url());
    let lines = whole
        .lines()
        .filter(|line| !line.trim().starts_with("list ="));
    let unseen = lines.collect::<Vec<_>>().join("\n");
    let revoke = "revoke = { path = \"/users/{{user}}/tokens/{{key_id}}\"";
    let misspelt = unseen.replace(revoke, &revoke.replace("/tokens", "/token"));
    let ws = workspace(&misspelt);
    ws.apply().ok();
    let refused = ws.destroy().failed();
    refused
        .complains(&["could not be revoked", "/token/"])
        .reads("http-revocation-that-is-not-found");
    assert_eq!(keyring.secrets(), ["made-up-secret-1"]);
    assert!(ws.find_key("k").is_some());
    ws.write(&configuration(&unseen));
    ws.destroy().ok();
    assert!(keyring.secrets().is_empty());
}

/// An API that says that keys end, and goes on to accept and to list them.
fn speak_idly(world: &mut World, request: &Request) -> Option<Answer> {
    match request.method.as_str() {
        "DELETE" => Some((200, json!({}))),
        _ => hub::speak(world, request),
    }
}

#[test]
fn a_destroy_ends_only_when_the_key_is_refused_and_keeps_its_document_until_then() {
    let keyring = Keyring::start(speak_idly);
    let whole = declaration(&keyring.url());
    let without = |name: &str| {
        let mut lines: Vec<&str> = whole.lines().collect();
        lines.retain(|line| !line.trim().starts_with(name));
        lines.join("\n")
    };
    for (declaration, golden) in [
        (without("list ="), "http-revoked-and-accepted"),
        (without("verify ="), "http-revoked-and-listed"),
    ] {
        let ws = workspace(&declaration);
        ws.apply().ok();
        let before = delivered(&ws);
        ws.destroy().failed().reads(golden);
        assert_eq!(delivered(&ws), before);
        assert!(ws.find_key("k").is_some());
        assert_eq!(status_in_the_ledger(&ws), apikey::ledger::Status::Live);
    }
}

/// How the ledger has the only key.
fn status_in_the_ledger(ws: &Workspace) -> apikey::ledger::Status {
    let file = ws.path(".terraform/apikey/ledger.db");
    let ledger = Database::for_reading(Target::file(file));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let all = Query::all(ws.now(), 10);
    let page = runtime.block_on(ledger.list(&all)).unwrap();
    let [listed] = &page.keys[..] else {
        panic!("{page:?}");
    };
    listed.key.status
}

#[test]
fn a_list_that_is_null_is_no_empty_list_unless_it_may_be_absent() {
    let (keyring, ws) = start();
    ws.apply().ok();
    keyring.world().troubles = vec![Some((200, json!({ "api_tokens": null }))); 20];
    ws.plan().failed().complains(&["could not be listed"]);
}

#[test]
fn a_secret_that_is_the_same_for_every_key_is_none() {
    let keyring = Keyring::start(|world: &mut World, request: &Request| {
        let (status, mut body) = hub::speak(world, request)?;
        if request.method == "POST" && body["token"].is_string() {
            body["token"] = json!("made-up-****");
        }
        Some((status, body))
    });
    let ws = workspace(
        &declaration(&keyring.url())
            .lines()
            .filter(|line| !line.trim().starts_with("verify ="))
            .collect::<Vec<_>>()
            .join("\n"),
    );
    ws.apply().ok();
    let refused = ws.advance("80s").apply().failed();
    refused
        .complains(&["has the secret of key", "masked"])
        .reads("http-secret-that-is-masked");
    assert_eq!(ws.key("k").phase(), "single");
    assert_eq!(keyring.secrets(), ["made-up-secret-1"]);
}

#[test]
fn an_answer_without_the_array_is_no_empty_list() {
    let (keyring, ws) = start();
    ws.apply().ok();
    keyring.world().troubles = vec![Some((200, json!({ "error": "maintenance" }))); 20];
    let refused = ws.plan().failed();
    refused.complains(&["could not be listed"]);
}

#[test]
fn a_provider_block_that_is_known_late_leaves_the_key_alone() {
    let (keyring, ws) = start();
    ws.apply().ok();
    let late = declaration(&keyring.url()).replace(
        "\"Bearer made-up-canary-of-the-admin\"",
        "\"Bearer ${terraform_data.late.output}\"",
    );
    let text = format!(
        "resource \"terraform_data\" \"late\" {{\n  input = \"made-up-canary-of-the-admin\"\n}}\nprovider \"apikey\" {{\n  http = {{\n    hub = {{\n{late}\n    }}\n  }}\n}}\n{}",
        super::KEY
    );
    ws.write(&text);
    ws.apply().ok();
    stands(&keyring, &ws, &[1]);
    ws.advance("80s").apply().ok();
    stands(&keyring, &ws, &[1, 2]);
}

#[test]
fn a_key_that_the_api_ends_before_its_successor_leads_is_refused_by_the_plan() {
    let keyring = Keyring::start(hub::speak);
    let living = |length: &str| {
        format!(
            "{}      expires_in = \"{length}\"\n",
            declaration(&keyring.url())
        )
    };
    let ws = workspace(&living("149s"));
    ws.plan().failed().reads("http-key-that-ends-too-soon");
    assert!(keyring.world().requests.is_empty());
    ws.write(&configuration(&living("150s")));
    ws.apply().ok();
    assert_eq!(keyring.secrets().len(), 1);
}
