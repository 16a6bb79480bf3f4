//! The proof of the shape: a toy issuer and a toy store, in one file each and one line in a table, get their schema, their
//! validation, their page, the contract suites and the life of a key under the real command line.

/// What the toys talk to.
mod server;
mod toy_issuer;
mod toy_store;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use apikey::issuers::{self, IssuerKind};
use apikey::provider;
use apikey::stores::{self, StoreKind};

use self::server::Server;
use super::fakes::{self, IssuerFake, StoreFake, offline, text};
use super::trouble::CANARY;
use crate::support::fake::Reply;
use crate::support::workspace::Workspace;

/// The line of the toy issuer.
static ISSUERS: &[&dyn IssuerKind] = &[&toy_issuer::Toy];

/// The line of the toy store.
static STORES: &[&dyn StoreKind] = &[&toy_store::Toy];

fn add_toys() {
    issuers::add(ISSUERS);
    stores::add(STORES);
}

pub const ISSUER_FAKE: IssuerFake = IssuerFake {
    name: "toy",
    server: Some(fakes::Server {
        block: |url| {
            set_url(url);
            Default::default()
        },
        calls: &[
            (super::issuers::Op::Mint, || vec![key()]),
            (super::issuers::Op::List, || vec![Reply::of(200, "[]")]),
            (super::issuers::Op::Probe, || vec![Reply::of(200, "{}")]),
            (super::issuers::Op::Revoke, || vec![Reply::of(204, "")]),
        ],
        refusal,
    }),
    live: || {
        Box::pin(async {
            let server = Server::start();
            offline([("url", text(&server.url()))], server)
        })
    },
};

pub const STORE_FAKE: StoreFake = StoreFake {
    name: "toy",
    server: Some(fakes::Server {
        block: |url| {
            set_url(url);
            Default::default()
        },
        calls: &[
            (super::stores::Op::Check, || vec![there()]),
            (super::stores::Op::Observe, || vec![there()]),
            (super::stores::Op::Write, || vec![there()]),
        ],
        refusal,
    }),
    live: || {
        Box::pin(async {
            let server = Server::start();
            let url = format!("{}/places/payments", server.url());
            offline([("url", text(&url))], server)
        })
    },
};

/// The examples of the toys lead there.
fn set_url(url: &str) {
    *URL.lock().unwrap() = Some(url.to_owned());
}

/// Where the toys of this process are, if not where nobody is.
static URL: std::sync::Mutex<Option<String>> = std::sync::Mutex::new(None);

fn url() -> String {
    let url = URL.lock().unwrap().clone();
    url.unwrap_or_else(|| "https://toy.example.com/v1".to_owned())
}

fn key() -> Reply {
    let key = format!(r#"{{"id":"toy1","created_at":"2026-01-01T00:00:00Z","secret":"{CANARY}"}}"#);
    Reply::of(201, key)
}

fn there() -> Reply {
    let document = r#"{"primary":"a","secondary":"","generation":1}"#;
    Reply::Answer(200, vec!["ETag: v1".to_owned()], document.to_owned())
}

fn refusal(status: u16) -> String {
    format!(r#"{{"error":{{"code":"{CANARY}","message":"You sent {CANARY}-of-the-admin and {CANARY}."}}}}"#)
        .replace("STATUS", &status.to_string())
}

/// Nothing of the suites had to be touched for them.
#[test]
fn two_toys_keep_the_contract() {
    let this = std::env::current_exe().unwrap();
    let mut run = Command::new(this);
    run.args([
        "--exact",
        "contract::shape::with_toys",
        "--ignored",
        "--nocapture",
    ]);
    let output = run.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}

#[tokio::test]
#[ignore = "not a test by itself: the tables of its process hold the toys"]
async fn with_toys() {
    add_toys();
    super::tables::are_whole();
    super::issuers::survive_every_trouble_of("toy").await;
    super::issuers::live_of("toy").await;
    super::stores::survive_every_trouble_of("toy").await;
    super::stores::live_of("toy").await;
}

/// Serves the provider with the toys on the socket that it announces on file descriptor 3.
#[test]
#[ignore = "not a test: a plugin process that the CLI starts"]
fn the_provider_with_toys() {
    let announcement = fs::OpenOptions::new().write(true).open("/dev/fd/3");
    let Ok(announcement) = announcement else {
        return;
    };
    add_toys();
    apikey::protocol::run_with(announcement, provider::registry);
    std::process::exit(0);
}

fn workspace() -> Workspace {
    let ws = Workspace::new();
    let folder = ws.path("toys");
    fs::create_dir(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\nexec '{}' --exact contract::shape::the_provider_with_toys --ignored --nocapture 3>&1 1>/dev/null\n",
        std::env::current_exe().unwrap().display()
    );
    let plugin = folder.join("terraform-provider-apikey");
    fs::write(&plugin, script).unwrap();
    fs::set_permissions(&plugin, PermissionsExt::from_mode(0o755)).unwrap();
    let settings = format!(
        "provider_installation {{\n  dev_overrides {{\n    \"apikey-dev/apikey\" = {folder:?}\n  }}\n  direct {{}}\n}}\n"
    );
    fs::write(ws.path("cli.tfrc"), settings).unwrap();
    ws
}

fn config(url: &str, place: &str) -> String {
    format!(
        r#"
resource "apikey_rotation_policy" "p" {{
  name              = "fast"
  rotation_interval = "100s"
  stage_before      = "20s"
  propagation_delay = "5s"
  grace_period      = "30s"
}}

resource "apikey_managed" "k" {{
  name       = "payments"
  policy     = apikey_rotation_policy.p
  issuer     = {{ toy = {{ url = "{url}", shape = "many" }} }}
  deliveries = {{ app = {{ toy = {{ url = "{place}" }} }} }}
}}
"#
    )
}

/// Whatever an issuer can do, a key goes through its whole life.
#[test]
fn a_key_of_every_shape_lives_its_whole_life() {
    for shape in toy_issuer::SHAPES {
        let server = Server::start();
        let ws = workspace();
        let place = format!("{}/places/payments", server.url());
        ws.write(&config(&server.url(), &place).replace("many", shape));
        let stands = |step: &str, expected: &[&str]| {
            let document = server.document("/places/payments");
            let there: Vec<_> = ["primary", "secondary"]
                .iter()
                .filter_map(|slot| document[slot]["secret"].as_str())
                .collect();
            assert_eq!(there, expected, "{shape}, {step}");
            let mut live: Vec<String> = server.state().keys.values().cloned().collect();
            live.sort();
            let mut expected = expected.to_vec();
            expected.sort();
            assert_eq!(live, expected, "{shape}, {step}");
        };
        ws.apply().ok();
        stands("create", &["made-up-1"]);
        ws.advance("80s").apply().ok();
        stands("stage", &["made-up-1", "made-up-2"]);
        ws.advance("20s").apply().ok();
        stands("promote", &["made-up-2", "made-up-1"]);
        ws.advance("30s").apply().ok();
        stands("revoke", &["made-up-2"]);
        ws.plan().ok().code(0);
        ws.destroy().ok();
        assert!(server.state().keys.is_empty(), "{shape}");
        assert!(server.state().places.is_empty(), "{shape}");
    }
}

#[test]
fn settings_of_the_toys_are_validated_with_their_path() {
    let ws = workspace();
    ws.write(&config("no url", "http://127.0.0.1:1/places/x"));
    let refused = ws.plan().failed();
    refused.complains(&["url is not valid"]);
}

#[test]
fn five_creates_on_one_account_list_its_keys_once_each_way() {
    let server = Server::start();
    let ws = workspace();
    let mut text = config(
        &server.url(),
        &format!("{}/places/k${{count.index}}", server.url()),
    );
    text = text.replace(
        "name       = \"payments\"",
        "count      = 2\n  name       = \"k-${count.index}\"",
    );
    ws.write(&text);
    ws.plan().ok().code(2);
    server.state().lists = 0;
    ws.apply_plan().ok();
    let lists = server.state().lists;
    assert!(lists <= 3, "{lists}");
    assert_eq!(server.state().keys.len(), 2);
}
