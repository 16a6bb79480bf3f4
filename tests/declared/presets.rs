use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::json;

use super::vendors::{self, ADMIN};
use crate::support::keyring::{Answer, Keyring, Request, Speak, World};
use crate::support::workspace::Workspace;

/// Every declaration, and how its API speaks.
pub const PRESETS: &[(&str, Speak)] = &[
    ("cloudflare", vendors::cloudflare),
    ("confluent", vendors::confluent),
    ("datadog", vendors::datadog),
    ("datadog_application", vendors::datadog),
    ("digitalocean", vendors::digitalocean),
    ("doppler", vendors::doppler),
    ("entra", vendors::entra),
    ("gitlab_group", vendors::gitlab),
    ("gitlab_project", vendors::gitlab),
    ("grafana", vendors::grafana),
    ("hcp", vendors::hcp),
    ("infisical", vendors::infisical),
    ("jupyterhub", vendors::jupyterhub),
    ("launchdarkly", vendors::launchdarkly),
    ("openai", vendors::openai),
    ("sendgrid", vendors::sendgrid),
    ("snowflake", vendors::snowflake),
];

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/issuers/http")
}

/// The declaration with every address led to a server of the test.
pub fn led_to(name: &str, url: &str) -> String {
    let text = fs::read_to_string(folder().join(format!("{name}.tf"))).unwrap();
    let lines = text.lines().map(|line| {
        let is_address = line.contains("base_url ") || line.contains("token_url ");
        match line.split_once("\"https://").filter(|_| is_address) {
            Some((before, address)) => {
                let path = address.find(['/', '"']).unwrap();
                format!("{before}\"{url}{}\n", &address[path..])
            }
            None => format!("{line}\n"),
        }
    });
    lines.collect()
}

/// A workspace with a declaration, and its credentials.
pub fn workspace(name: &str, url: &str) -> Workspace {
    let ws = Workspace::new();
    let text = led_to(name, url);
    for line in text
        .lines()
        .filter_map(|line| line.strip_prefix("variable \""))
    {
        let variable = line.split('"').next().unwrap();
        ws.env(&format!("TF_VAR_{variable}"), ADMIN);
    }
    fs::write(ws.path("main.tf"), text).unwrap();
    ws
}

#[test]
fn no_preset_is_forgotten_and_each_names_what_it_follows() {
    let files = fs::read_dir(folder()).unwrap();
    let found: BTreeSet<String> = files
        .map(|file| {
            file.unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let known = PRESETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, known);
    for name in found {
        let text = fs::read_to_string(folder().join(format!("{name}.tf"))).unwrap();
        assert!(
            text.lines().nth(2).unwrap().starts_with("# After https://"),
            "{name}"
        );
    }
}

#[test]
fn every_preset_leads_a_key_through_its_life() {
    let next = Mutex::new(PRESETS.iter());
    let work = || {
        loop {
            let Some((name, speak)) = next.lock().unwrap().next() else {
                break;
            };
            lives(name, *speak);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
}

/// The first token is refused, as one that has just run out.
fn entra_with_a_stale_token(world: &mut World, request: &Request) -> Option<Answer> {
    let asked = world
        .requests
        .iter()
        .filter(|it| it.steps.last().is_some_and(|step| step == "token"));
    let is_first = asked.count() == 1;
    match request.steps.last().is_some_and(|step| step == "token") && is_first {
        true => Some((
            200,
            json!({ "access_token": "made-up-stale", "expires_in": 3600 }),
        )),
        false => vendors::entra(world, request),
    }
}

#[test]
fn a_token_that_ran_out_is_fetched_anew() {
    let keyring = Keyring::start(entra_with_a_stale_token);
    let ws = workspace("entra", &keyring.url());
    ws.apply().ok();
    assert_eq!(keyring.secrets(), ["made-up-secret-1"]);
}

fn lives(name: &str, speak: Speak) {
    let keyring = Keyring::start(speak);
    let ws = workspace(name, &keyring.url());
    let stands = |step: &str, expected: &[usize]| {
        let expected: Vec<String> = expected
            .iter()
            .map(|number| format!("made-up-secret-{number}"))
            .collect();
        let file = fs::read_dir(ws.path("secrets"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let document: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let slots = ["primary", "secondary"]
            .map(|slot| document[slot]["secret"].as_str().map(str::to_owned));
        let there: Vec<String> = slots.into_iter().flatten().collect();
        assert_eq!(there, expected, "{name}, {step}");
        let mut live = expected;
        live.sort();
        assert_eq!(keyring.secrets(), live, "{name}, {step}");
    };
    ws.run(&["fmt", "-check", "-diff", "main.tf"]).ok();
    ws.apply().ok();
    stands("create", &[1]);
    ws.advance("84d").apply().ok();
    stands("stage", &[1, 2]);
    ws.advance("7d").apply().ok();
    stands("promote", &[2, 1]);
    ws.advance("2d").apply().ok();
    stands("revoke", &[2]);
    ws.plan().ok().code(0);
    ws.destroy().ok();
    assert!(keyring.secrets().is_empty(), "{name}");
    let heads: String = keyring
        .world()
        .requests
        .iter()
        .map(|it| it.head.lines().next().unwrap().to_owned() + "\n")
        .collect();
    assert!(
        !heads.contains("made-up"),
        "{name}: a secret stands in an address: {heads}"
    );
}
