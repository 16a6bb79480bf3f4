//! What people are told: each event once, whatever fails on the way, and nothing secret.

mod killed;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::monitoring::exporters::read_by;
use crate::support::fake::{Fake, Reply};
use crate::support::keys::Config;
use crate::support::postgres::Postgres;
use crate::support::receiver::{Answer, Arrived, Receiver};
use crate::support::workspace::Workspace;
use crate::support::zip;

/// Made up; it stands in no file of a workspace.
const CANARY: &str = "canary-of-the-address";

/// What is signed with: made up.
fn signing_secret() -> String {
    format!("whsec_{}", STANDARD.encode([7; 32]))
}

/// Variables that no plan and no state holds.
const VARIABLES: &str = r#"
variable "url" {
  type      = string
  ephemeral = true
}

variable "signing_secret" {
  type      = string
  ephemeral = true
}
"#;

/// A provider block with the destination `hook`, and whatever else it is to have.
pub fn provider(more: &str) -> String {
    format!(
        r#"{VARIABLES}
provider "apikey" {{
  notifications = {{
    hook = {{ webhook = {{ url = var.url, signing_secrets = [var.signing_secret] }} }}
  }}
  {more}
}}
"#
    )
}

/// A key whose policy tells `hook` of these events; all of them without any.
pub fn telling(events: &[&str]) -> Config {
    let events = match events {
        [] => String::new(),
        _ => format!("events = {events:?}"),
    };
    Config::new()
        .and_policy(r#"notice_period = "30s""#)
        .and_policy(&format!("notifications = {{ hook = {{ {events} }} }}"))
}

/// Where the configuration reaches a receiver.
pub fn reaching(config: &Config, receiver: &Receiver) -> Workspace {
    let ws = Workspace::with(&config.text());
    ws.env("TF_VAR_url", &format!("{}/{CANARY}", receiver.url()))
        .env("TF_VAR_signing_secret", &signing_secret())
        .env("SSL_CERT_FILE", &receiver.authority().display().to_string());
    ws
}

fn body(arrived: &Arrived) -> Value {
    serde_json::from_str(&arrived.body).unwrap()
}

/// The events that arrived, in order.
pub fn events(receiver: &Receiver) -> Vec<String> {
    let arrived = receiver.arrived();
    let events = arrived.iter().map(|arrived| {
        let body = body(arrived);
        let event = body["data"]["event"].as_str().unwrap().to_owned();
        match body["data"]["is_over"] == json!(true) {
            true => format!("{event} over"),
            false => event,
        }
    });
    events.collect()
}

/// As a receiver of Standard Webhooks checks it.
fn is_signed(arrived: &Arrived) -> bool {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[7; 32]);
    let signed = format!("{}.{}.{}", arrived.id, arrived.timestamp, arrived.body);
    let signature = arrived.signature.strip_prefix("v1,").unwrap();
    let signature = STANDARD.decode(signature).unwrap();
    ring::hmac::verify(&key, signed.as_bytes(), &signature).is_ok()
}

/// The events of a life at an instant, each with the apply that tells of it.
fn lives(ws: &Workspace, receiver: &Receiver) {
    ws.apply().ok();
    assert!(events(receiver).is_empty(), "a key that is new is no news");
    ws.plan().ok().code(0);

    ws.advance("75s");
    let planned = ws.plan().ok().code(2);
    planned
        .warns(&["payments: somebody is told", "notice to hook"])
        .warns(&["rotation is due at"]);
    assert!(events(receiver).is_empty(), "a plan tells nobody anything");
    ws.apply_plan().ok();
    assert_eq!(events(receiver), ["notice"]);
    assert_eq!(ws.key("k").status(), "notice");
    assert_eq!(ws.key("k").text("notified_at"), ws.in_a("0s"));
    ws.plan().ok().code(0);
    ws.apply().ok();

    for (wait, event) in [("5s", "staged"), ("20s", "promoted"), ("30s", "revoked")] {
        ws.advance(wait).apply().ok();
        assert_eq!(events(receiver).last().unwrap(), event);
        ws.plan().ok().code(0);
        ws.apply().ok();
    }
    ws.destroy().ok();
    let all = ["notice", "staged", "promoted", "revoked", "revoked"];
    assert_eq!(events(receiver), all);
}

fn is_in_order(receiver: &Receiver) {
    let arrived = receiver.arrived();
    let mut ids: Vec<&str> = arrived.iter().map(|arrived| arrived.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), arrived.len(), "each has an id of its own");
    for arrived in &arrived {
        assert!(is_signed(arrived), "{arrived:?}");
        let body = body(arrived);
        assert!(body["type"].as_str().unwrap().starts_with("key."));
        assert_eq!(body["data"]["name"], "payments");
        assert_eq!(body["data"]["policy"], "fast");
    }
}

#[test]
fn each_event_is_told_once_over_a_whole_life() {
    let receiver = Receiver::start();
    let ws = reaching(&telling(&[]).beside(&provider("")), &receiver);
    lives(&ws, &receiver);
    is_in_order(&receiver);
}

#[test]
fn each_event_is_told_once_with_a_ledger_on_a_server() {
    let (url, schema) = (Postgres::shared().url(), Postgres::schema());
    let ledger = format!("ledger = {{ url = \"{url}\", schema = \"{schema}\" }}");
    let receiver = Receiver::start();
    let ws = reaching(&telling(&[]).beside(&provider(&ledger)), &receiver);
    lives(&ws, &receiver);
    is_in_order(&receiver);
}

#[test]
fn a_destination_hears_of_what_it_asked_for_and_where_to_find_out_more() {
    let receiver = Receiver::start();
    let route = r#"notifications = { hook = { events = ["promoted"], guide_url = "https://example.com/move" } }"#;
    let config = Config::new().and_policy(route).beside(&provider(""));
    let ws = reaching(&config, &receiver);
    ws.apply().ok();
    for wait in ["80s", "20s", "30s"] {
        ws.advance(wait).apply().ok();
    }
    assert_eq!(events(&receiver), ["promoted"]);
    let told = body(&receiver.arrived()[0]);
    assert_eq!(told["data"]["guide_url"], "https://example.com/move");
    assert_eq!(told["data"]["generation"], 2);
}

#[test]
fn an_emergency_is_told_from_its_beginning_to_its_end() {
    let receiver = Receiver::start();
    let config = telling(&[]).beside(&provider(""));
    let ws = reaching(&config, &receiver);
    ws.apply().ok();
    let emergency = r#"emergency = { id = "INC-42", reason = "a laptop was stolen" }"#;
    ws.write(&config.with(emergency).text());
    ws.apply().ok();
    let mut told = events(&receiver);
    assert_eq!(told[0], "emergency", "{told:?}");
    told.sort();
    assert_eq!(told, ["emergency", "emergency over", "promoted", "revoked"]);
    let reason = body(&receiver.arrived()[0])["data"]["reason"].clone();
    assert_eq!(reason, "INC-42: a laptop was stolen");
    ws.plan().ok().code(0);
}

#[test]
fn what_a_receiver_does_not_take_holds_nothing_up_and_comes_with_the_next_run() {
    let receiver = Receiver::start();
    let ws = reaching(&telling(&["staged"]).beside(&provider("")), &receiver);
    ws.apply().ok();
    for answer in [Answer::Status(503), Answer::Lost] {
        receiver.answers(&[answer]);
        let before = receiver.arrived().len();
        ws.advance("80s");
        let applied = ws.apply().ok();
        applied.warns(&["payments: hook was not told (staged)", "tries again"]);
        assert_eq!(ws.key("k").phase(), "staged", "{answer:?}");
        assert_eq!(receiver.arrived().len(), before + 1);
        // It is not asked again at once, neither by a plan nor by an apply.
        ws.plan().ok().code(0);

        ws.advance("61s");
        let planned = ws.plan().ok().code(2);
        let planned = planned.warns(&["payments: somebody is told", "staged to hook"]);
        // The next key is due at another instant.
        if before == 0 {
            planned.reads_warnings("notification-that-waits");
        }
        ws.apply_plan().ok();
        let arrived = receiver.arrived();
        assert_eq!(arrived.len(), before + 2);
        assert_eq!(arrived[before].id, arrived[before + 1].id, "{answer:?}");
        // The next key.
        ws.advance("30s").apply().ok();
        ws.advance("30s").apply().ok();
    }
}

#[test]
fn a_receiver_that_is_not_there_is_told_once_it_is() {
    let receiver = Receiver::start();
    let config = telling(&["staged"]).beside(&provider(""));
    let ws = reaching(&config, &receiver);
    let nowhere = "https://localhost:1/canary-of-the-address";
    ws.env("TF_VAR_url", nowhere);
    ws.apply().ok();
    ws.advance("80s")
        .apply()
        .ok()
        .warns(&["hook was not told"])
        .reads_warnings("notification-that-does-not-arrive");
    assert_eq!(ws.key("k").phase(), "staged");
    ws.env("TF_VAR_url", &format!("{}/{CANARY}", receiver.url()));
    ws.advance("61s").apply().ok();
    assert_eq!(events(&receiver), ["staged"]);
}

/// Two who take a message and never answer would use up all the time there is.
#[test]
fn nobody_waits_for_somebody_else_who_does_not_answer() {
    let receiver = Receiver::start();
    let silent = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let [one, two] = silent.each_ref().map(|it| it.local_addr().unwrap().port());
    let hook = |port| {
        format!(
            "{{ webhook = {{ url = \"http://127.0.0.1:{port}/x\", signing_secrets = [var.signing_secret] }} }}"
        )
    };
    let block = provider("").replace(
        "    hook = ",
        &format!("    a = {}\n    b = {}\n    hook = ", hook(one), hook(two)),
    );
    let config = Config::new()
        .and_policy("notifications = { a = {}, b = {}, hook = {} }")
        .beside(&block);
    let ws = reaching(&config, &receiver);
    ws.apply().ok();
    let applied = ws.advance("80s").apply().ok();
    applied
        .warns(&["a was not told"])
        .warns(&["b was not told"]);
    assert_eq!(events(&receiver), ["staged"]);
}

#[test]
fn what_is_refused_for_good_is_given_up_and_said_until_something_arrives() {
    let receiver = Receiver::start();
    let config = telling(&["staged", "promoted"]).beside(&provider(""));
    let ws = reaching(&config, &receiver);
    ws.apply().ok();
    receiver.answers(&[Answer::Status(410)]);
    let applied = ws.advance("80s").apply().ok();
    applied
        .warns(&["payments: hook will not be told (staged)", "answered 410"])
        .reads_warnings("notification-that-is-given-up");
    let planned = ws.advance("5s").plan().ok().code(0);
    planned
        .warns(&["payments: somebody was not told", "staged to hook"])
        .reads_warnings("notification-that-was-given-up");
    ws.advance("15s").apply().ok();
    assert_eq!(events(&receiver), ["staged", "promoted"]);
    let planned = ws.advance("1s").plan().ok();
    planned.does_not_warn("was not told");
}

#[test]
fn two_processes_that_share_a_ledger_tell_everything_once() {
    let receiver = Receiver::start();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ledger.db").display().to_string();
    let ledger = format!("ledger = {{ url = \"sqlite://{file}\" }}");
    let names = ["one", "two"];
    thread::scope(|scope| {
        for name in names {
            let (receiver, ledger) = (&receiver, &ledger);
            scope.spawn(move || {
                let config = telling(&[]).name(name).beside(&provider(ledger));
                let ws = reaching(&config, receiver);
                ws.apply().ok();
                for wait in ["75s", "5s", "20s", "30s"] {
                    ws.advance(wait).apply().ok();
                }
            });
        }
    });
    let arrived = receiver.arrived();
    for name in names {
        let of_it = arrived.iter().map(body);
        let of_it = of_it.filter(|body| body["data"]["name"] == name);
        let mut told: Vec<String> = of_it
            .map(|body| body["data"]["event"].as_str().unwrap().to_owned())
            .collect();
        told.sort();
        assert_eq!(told, ["notice", "promoted", "revoked", "staged"], "{name}");
    }
}

#[test]
fn no_secret_is_told_and_no_address_is_kept() {
    let receiver = Receiver::start();
    let ws = reaching(&telling(&[]).beside(&provider("")), &receiver);
    let mut secrets = Vec::new();
    ws.apply().ok();
    receiver.answers(&[Answer::Status(500)]);
    let mut said = String::new();
    for wait in ["75s", "5s", "20s", "30s"] {
        secrets.push(ws.secret("k.json", "primary"));
        ws.advance(wait).plan().ok();
        for (name, content) in zip::entries(&ws.plan_file()) {
            let text = String::from_utf8_lossy(&content);
            assert!(!text.contains(CANARY), "{name} of a saved plan");
            assert!(!text.contains(&signing_secret()), "{name} of a saved plan");
        }
        said += &ws.apply_plan().ok().text();
    }
    assert!(!receiver.arrived().is_empty());
    for secret in &secrets {
        let told = receiver.arrived();
        assert!(told.iter().all(|it| !it.body.contains(secret.as_str())));
    }
    assert!(said.contains("was not told"), "{said}");
    assert!(!said.contains(CANARY) && !said.contains(&signing_secret()));
    let (address, signing) = (CANARY.as_bytes(), signing_secret().into_bytes());
    for file in files(ws.home().to_owned()) {
        let bytes = fs::read(&file).unwrap_or_default();
        let holds = |canary: &[u8]| bytes.windows(canary.len()).any(|part| part == canary);
        assert!(!holds(address) && !holds(&signing), "{}", file.display());
    }
}

/// Every file of a workspace but the programs.
fn files(folder: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let paths = entries.map(|entry| entry.path());
    let visited = paths.filter(|path| !path.is_symlink() && !path.ends_with("providers"));
    visited
        .flat_map(|path| match path.is_dir() {
            true => files(path),
            false => vec![path],
        })
        .collect()
}

#[test]
fn without_a_ledger_nothing_is_told_and_every_plan_says_so() {
    let receiver = Receiver::start();
    let config = telling(&[]).beside(&provider("ledger = { disabled = true }"));
    let ws = reaching(&config, &receiver);
    let nobody = ["payments: nobody is told anything", "disabled = true"];
    ws.plan()
        .ok()
        .warns(&nobody)
        .reads_warnings("notifications-without-a-ledger");
    ws.apply_plan().ok();
    ws.advance("80s").plan().ok().warns(&nobody);
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "staged");
    assert!(receiver.arrived().is_empty());
}

/// A gateway that accepts every key, and one that refuses every key.
fn gateways() -> [Fake; 2] {
    [200, 401].map(|status| Fake::start([Reply::of(status, "{}")]))
}

/// New keys are proved there.
fn proved_by(config: &Config, gateway: &Fake) -> Config {
    let headers = r#"{ Authorization = "Bearer {{secret}}" }"#;
    let url = gateway.url();
    config.clone().with(&format!(
        "verification = {{ url = {url:?}, headers = {headers}, consecutive = 1, timeout = \"1s\" }}"
    ))
}

#[test]
fn a_pager_is_called_for_what_is_blocked_and_told_when_it_is_over() {
    let pager = Fake::start([Reply::of(202, r#"{"status":"success"}"#)]);
    let [accepts, refuses] = gateways();
    let provider = format!(
        r#"provider "apikey" {{
  notifications = {{ pager = {{ pagerduty = {{ routing_key = "made-up", endpoint = {:?} }} }} }}
}}"#,
        pager.url()
    );
    let config = Config::new()
        .and_policy("notifications = { pager = {} }")
        .beside(&provider);
    let ws = Workspace::with(&proved_by(&config, &accepts).text());
    ws.apply().ok();
    ws.write(&proved_by(&config, &refuses).text());
    for wait in ["80s", "1s"] {
        // An apply that does nothing but verify fails with it.
        drop(ws.advance(wait).apply());
        assert_eq!(ws.key("k").status(), "blocked");
        let paged = bodies(&pager);
        let blocked = alerts(&paged, "the rotation is blocked");
        assert_eq!(blocked.len(), 1, "{paged:?}");
        assert_eq!(blocked[0]["event_action"], "trigger");
    }
    ws.write(&proved_by(&config, &accepts).text());
    ws.advance("1s").apply().ok();
    let paged = bodies(&pager);
    let begun = alerts(&paged, "the rotation is blocked");
    let over = alerts(&paged, "not blocked any more");
    assert_eq!(over.len(), 1, "{paged:?}");
    assert_eq!(over[0]["event_action"], "resolve");
    assert_eq!(over[0]["dedup_key"], begun[0]["dedup_key"]);
    let requests = pager.requests();
    let changes = requests
        .iter()
        .filter(|request| request.starts_with("POST /v2/change/enqueue"));
    assert_eq!(
        changes.count(),
        1,
        "a staged key is a change and pages nobody"
    );
}

#[test]
fn an_apply_that_fails_is_told_once_until_one_succeeds() {
    let receiver = Receiver::start();
    let [accepts, refuses] = gateways();
    let config = telling(&["failed"]).beside(&provider(""));
    let ws = reaching(&proved_by(&config, &accepts), &receiver);
    ws.apply().ok();
    let emergency = |id: &str| {
        config.clone().with(&format!(
            "emergency = {{ id = {id:?}, reason = \"a laptop was stolen\" }}"
        ))
    };
    let mut told = Vec::new();
    for id in ["INC-1", "INC-2"] {
        ws.write(&proved_by(&emergency(id), &refuses).text());
        told.push("failed");
        for _ in 0..2 {
            ws.advance("1s").apply().failed();
            assert_eq!(events(&receiver), told);
        }
        ws.write(&proved_by(&emergency(id), &accepts).text());
        ws.advance("1s").apply().ok();
        told.push("failed over");
        assert_eq!(events(&receiver), told);
    }
}

#[test]
fn a_key_that_cannot_even_be_created_is_told_to_whoever_creates_it() {
    let receiver = Receiver::start();
    let [_, refuses] = gateways();
    let config = telling(&[]).beside(&provider(""));
    let ws = reaching(&proved_by(&config, &refuses), &receiver);
    ws.apply().failed();
    ws.apply().failed();
    assert!(events(&receiver).is_empty());
}

fn bodies(fake: &Fake) -> Vec<Value> {
    let requests = fake.requests();
    let bodies = requests.iter().map(|request| {
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    });
    bodies.collect()
}

fn alerts<'a>(bodies: &'a [Value], about: &str) -> Vec<&'a Value> {
    let summary = |body: &&Value| {
        let summary = body["payload"]["summary"].as_str().unwrap_or_default();
        summary.contains(about)
    };
    bodies.iter().filter(summary).collect()
}

#[test]
fn slack_teams_and_datadog_get_what_they_show() {
    let chat = Fake::start([Reply::of(202, "ok")]);
    let site = Fake::start([Reply::of(202, r#"{"status":"ok"}"#)]);
    let (url, endpoint) = (chat.url(), site.url());
    let provider = format!(
        r#"provider "apikey" {{
  notifications = {{
    slack   = {{ slack = {{ url = "{url}/slack" }} }}
    teams   = {{ teams = {{ url = "{url}/teams" }} }}
    datadog = {{ datadog = {{ api_key = "{CANARY}", endpoint = "{endpoint}" }} }}
  }}
}}"#
    );
    let config = Config::new()
        .and_policy("notifications = { slack = {}, teams = {}, datadog = {} }")
        .beside(&provider);
    let ws = Workspace::with(&config.text());
    ws.apply().ok();
    ws.advance("80s").apply().ok();
    let asked = |path: &str| {
        let begins = |request: &String| request.starts_with(&format!("POST {path} "));
        let mut requests = chat.requests().into_iter().chain(site.requests());
        let found = requests.find(begins).unwrap();
        let (head, body) = found.split_once("\r\n\r\n").unwrap();
        (
            head.to_owned(),
            serde_json::from_str::<Value>(body).unwrap(),
        )
    };
    let of = |path: &str| asked(path).1;
    let slack = of("/slack");
    let text = slack["text"].as_str().unwrap();
    assert!(text.starts_with("payments: new key sha256:"), "{text}");
    let card = of("/teams")["attachments"][0]["content"].clone();
    assert_eq!(card["type"], "AdaptiveCard");
    assert_eq!(card["body"][0]["text"], text);
    let (head, event) = asked("/api/v1/events");
    assert!(head.contains(&format!("dd-api-key: {CANARY}")), "{head}");
    assert_eq!(event["title"], text);
    let tags = event["tags"].as_array().unwrap();
    assert!(
        tags.contains(&json!("name:payments")) && tags.contains(&json!("event:staged")),
        "{tags:?}"
    );
    read_by(DATADOG, "datadog_api_client", &event.to_string());
    assert_eq!((chat.requests().len(), site.requests().len()), (2, 1));
}

/// The model of Datadog's own client takes nothing that its API does not.
const DATADOG: &str = r"
import json, sys
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v1.model.event_create_request import EventCreateRequest
from datadog_api_client import Configuration
sent = json.load(sys.stdin)
event = validate_and_convert_types(sent, (EventCreateRequest,), ['body'], True, True, Configuration())
assert not event._unparsed and set(sent) <= set(EventCreateRequest.openapi_types), sent
";
