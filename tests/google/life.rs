use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::monitoring::ask;
use crate::support::google::{Google, Key, PAYMENTS, PROJECT};
use crate::support::workspace::Workspace;
use crate::support::zip;

const TRACE: &str = "trace.log";

/// A key of an issuer that is delivered to a place, with the clouds that both are in.
struct World {
    google: Google,
    ws: Workspace,
}

impl World {
    fn new(issuer: &str, delivery: &str) -> Self {
        let world = Self {
            google: Google::start(),
            ws: Workspace::new(),
        };
        let endpoints = world.google.endpoints().into_iter();
        let endpoints: String = endpoints
            .map(|(name, url)| format!("    {name} = {url:?}\n"))
            .collect();
        world.ws.write(&format!(
            r#"
provider "apikey" {{
  google = {{
    project = "{PROJECT}"
{endpoints}  }}
}}

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
  issuer     = {{ {issuer} }}
  deliveries = {{ app = {{ {delivery} }} }}
}}
"#
        ));
        world
    }

    /// The credentials are in the environment, as pipelines have them.
    fn deploying(self) -> Self {
        self.ws
            .env("GOOGLE_CREDENTIALS", &self.google.credentials());
        self
    }

    fn document(&self) -> Value {
        self.google.document("payments")
    }

    fn ids(&self) -> [Option<String>; 2] {
        let document = self.document();
        ["primary", "secondary"].map(|slot| document[slot]["key_id"].as_str().map(str::to_owned))
    }
}

const SECRET: &str = r#"google_secret_manager = { secret_id = "payments" }"#;

fn account_key() -> String {
    format!(r#"google_service_account_key = {{ service_account_id = "{PAYMENTS}" }}"#)
}

#[test]
fn a_generated_key_lives_in_secret_manager_from_create_to_destroy() {
    let world = World::new(r#"generated = { prefix = "acme" }"#, SECRET).deploying();
    let ws = &world.ws;
    ws.apply().ok();
    let first = world.document()["primary"]["secret"].clone();
    assert_eq!(ws.key("k").text("delivery_status.app.version"), "1");
    ws.plan().ok().code(0);
    ws.advance("80s").apply().ok();
    assert_eq!(world.document()["primary"]["secret"], first);
    assert!(world.document()["secondary"].is_object());
    ws.advance("20s").apply().ok();
    assert_eq!(world.document()["secondary"]["secret"], first);
    assert_eq!(world.google.version_states("payments"), ["ENABLED"; 3]);
    ws.plan().ok().code(0);
    ws.advance("30s").apply().ok();
    assert!(world.document()["secondary"].is_null());
    let expected = ["DISABLED", "DISABLED", "DISABLED", "ENABLED"];
    assert_eq!(world.google.version_states("payments"), expected);
    ws.plan().ok().code(0);
    // The document is the key: as long as it stands there, nobody calls the key revoked.
    let delete = "secretmanager.secrets.delete";
    world.google.state().denied.insert(delete);
    ws.destroy().failed().complains(&["was not emptied"]);
    let rows = ask(ws, &["inventory", "--format", "json"]).code(0).json();
    let mut rows = rows.as_array().unwrap().iter();
    assert!(rows.any(|row| row["status"] == "live"), "{rows:?}");
    world.google.state().denied.remove(delete);
    ws.destroy().ok();
    assert!(world.google.state().secrets.is_empty());
}

/// Google says of an account that somebody may not see that it is not there.
#[test]
fn the_keys_of_an_account_that_is_out_of_sight_are_not_taken_for_gone() {
    let world = World::new(&account_key(), SECRET).deploying();
    let ws = &world.ws;
    ws.apply().ok();
    let before = ws.state();
    let hidden = world.google.state().accounts.remove(PAYMENTS).unwrap();
    for refused in [ws.plan(), ws.destroy()] {
        refused.failed().complains(&[
            "could not be listed",
            "Nothing follows from it about its keys",
        ]);
    }
    assert_eq!(ws.state(), before);
    let shown = (PAYMENTS.to_owned(), hidden);
    world.google.state().accounts.extend([shown]);
    ws.destroy().ok();
    assert!(world.google.key_ids().is_empty());
}

/// A generated key is accepted wherever somebody reads it, and a version that stays enabled is read.
#[test]
fn an_emergency_is_not_over_while_a_former_version_that_holds_the_key_can_be_read() {
    let world = World::new(r#"generated = { prefix = "acme" }"#, SECRET).deploying();
    let ws = &world.ws;
    ws.apply().ok();
    let state = |path: &str| ws.key("k").text(path);
    let deny = |denied: bool| {
        let permission = "secretmanager.versions.disable";
        let mut state = world.google.state();
        match denied {
            true => state.denied.insert(permission),
            false => state.denied.remove(permission),
        };
    };
    deny(true);
    let calm = fs::read_to_string(ws.path("main.tf")).unwrap();
    let urgent = calm.replace(
        "  name       = \"payments\"\n",
        "  name       = \"payments\"\n  emergency  = { id = \"INC-1\", reason = \"made up\" }\n",
    );
    fs::write(ws.path("main.tf"), urgent).unwrap();
    ws.apply()
        .failed()
        .complains(&["NOT revoked", "may still give it out", "former versions of"]);
    assert_eq!(state("status"), "compromised");
    assert_eq!(state("delivery_status.app.state"), "lingering");
    ws.apply().failed().complains(&["NOT revoked"]);
    deny(false);
    ws.apply().ok();
    assert_eq!(state("delivery_status.app.state"), "delivered");
    let states = world.google.version_states("payments");
    let (newest, former) = states.split_last().unwrap();
    assert_eq!(*newest, "ENABLED");
    assert!(
        former.iter().all(|state| *state == "DISABLED"),
        "{states:?}"
    );
    ws.plan().ok().code(0);

    // At the end of a grace nothing is held up, but it stays in sight until it is done.
    ws.advance("80s").apply().ok();
    ws.advance("20s").apply().ok();
    deny(true);
    let applied = ws.advance("30s").apply().ok();
    applied.warns(&["former versions of", "could not be disabled"]);
    assert!(world.document()["secondary"].is_null());
    ws.plan()
        .ok()
        .code(2)
        .warns(&["what it held before can still be read"]);
    deny(false);
    ws.apply().ok();
    assert_eq!(state("delivery_status.app.state"), "delivered");
    ws.plan().ok().code(0);
}

/// Google shows a private key once, so that a lost answer leaves a key that nobody has.
#[test]
fn a_key_that_a_person_makes_after_an_orphan_was_revoked_is_not_taken_for_another() {
    let world = World::new(&account_key(), SECRET).deploying();
    let ws = &world.ws;
    ws.apply().ok();
    world.google.state().lost = Some("POST /iam/v1");
    ws.advance("80s").apply().failed();
    assert_eq!(world.google.key_ids().len(), 2);
    ws.apply().ok();
    assert_eq!(
        world.google.key_ids().len(),
        2,
        "the orphan is gone, its successor is staged"
    );
    let mut own = world.google.key_ids();
    let by_hand = Key::of(Vec::new(), "GOOGLE_PROVIDED");
    {
        let mut state = world.google.state();
        let account = state.accounts.get_mut(PAYMENTS).unwrap();
        account.keys.insert("made-by-a-person".to_owned(), by_hand);
    }
    own.insert("made-by-a-person".to_owned());
    ws.plan().ok().code(0);
    ws.apply().ok();
    assert_eq!(world.google.key_ids(), own);
}

#[test]
fn a_key_of_a_service_account_lives_in_secret_manager_and_nowhere_else() {
    let world = World::new(&account_key(), SECRET).deploying();
    let ws = &world.ws;
    ws.env("TF_LOG", "TRACE")
        .env("TF_LOG_PATH", &ws.path(TRACE).display().to_string());
    let mut said = String::new();
    let mut secrets = vec![private_part(&world.google.credentials())];
    let mut step = |after: &str, keys: usize| {
        ws.advance(after);
        for outcome in [ws.plan().ok().code(2), ws.apply_plan().ok()] {
            said.push_str(&format!("{}{}", outcome.stdout, outcome.stderr));
        }
        assert_eq!(world.google.key_ids().len(), keys, "after {after}");
        let document = world.document();
        for slot in ["primary", "secondary"] {
            let file = document[slot]["secret"].as_str();
            secrets.extend(file.map(private_part));
        }
        let again = ws.plan().ok().code(0);
        said.push_str(&again.stdout);
        world.ids()
    };
    let [first, _] = step("0s", 1);
    let [_, second] = step("80s", 2);
    assert_eq!(step("20s", 2), [second.clone(), first]);
    assert_eq!(step("30s", 1), [second.clone(), None]);
    let key_ids = world.google.key_ids();
    assert_eq!(key_ids.into_iter().next(), second);

    let mut found = vec![("output".to_owned(), said.into_bytes())];
    read_all(&ws.path(""), &mut found);
    found.extend(zip::entries(&ws.plan_file()));
    for (place, bytes) in found {
        let text = String::from_utf8_lossy(&bytes);
        for secret in &secrets {
            assert!(
                !text.contains(secret.as_str()),
                "a private key is in {place}"
            );
        }
    }
    ws.destroy().ok();
    assert!(world.google.key_ids().is_empty());
    assert!(world.google.state().secrets.is_empty());
}

/// A piece of a private key that no escape changes.
fn private_part(file: &str) -> String {
    let file: Value = serde_json::from_str(file).unwrap();
    let key = file["private_key"].as_str().unwrap();
    let pieces = key.split(|c: char| !c.is_ascii_alphanumeric());
    // The same algorithm stands at the beginning of every key, and a zero may be long.
    let pieces = pieces.filter(|piece| !piece.starts_with("MII"));
    pieces.max_by_key(|piece| piece.len()).unwrap().to_owned()
}

fn read_all(directory: &Path, all: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => read_all(&path, all),
            false => all.push((path.display().to_string(), fs::read(&path).unwrap())),
        }
    }
}

#[test]
fn an_api_key_lives_in_a_file_from_create_to_destroy() {
    let issuer =
        format!(r#"google_api_key = {{ project = "{PROJECT}", allowed_ips = ["192.0.2.0/24"] }}"#);
    let world = World::new(&issuer, r#"file = { path = "key.json" }"#).deploying();
    let ws = &world.ws;
    let alive = || {
        let state = world.google.state();
        let keys = state.api_keys.values().filter(|key| !key.deleted);
        keys.map(|key| key.text.clone()).collect::<Vec<_>>()
    };
    ws.apply().ok();
    let first = ws.secret("key.json", "primary");
    assert_eq!(alive(), std::slice::from_ref(&first));
    ws.plan().ok().code(0);
    ws.advance("80s").apply().ok();
    ws.advance("20s").apply().ok();
    assert_eq!(ws.secret("key.json", "secondary"), first);
    assert_eq!(alive().len(), 2);
    ws.advance("30s").apply().ok();
    assert_eq!(alive(), [ws.secret("key.json", "primary")]);
    ws.plan().ok().code(0);
    ws.destroy().ok();
    assert!(alive().is_empty());
}

#[test]
fn a_machine_on_google_cloud_needs_no_credentials() {
    let world = World::new(r#"generated = { prefix = "acme" }"#, SECRET);
    let host = world.google.url().replace("http://", "");
    // A proxy that nobody listens at: the metadata server is never asked through one.
    world
        .ws
        .env("GCE_METADATA_HOST", &host)
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("GOOGLE_CREDENTIALS", "");
    world.ws.apply().ok();
    assert!(world.document()["primary"].is_object());
    let state = world.google.state();
    assert!(state.tokens.values().all(|owner| owner == "a machine"));
}

#[test]
fn a_full_account_is_told_in_the_plan_and_nothing_is_minted() {
    let world = World::new(&account_key(), SECRET).deploying();
    world.google.state().fill_account();
    world.ws.plan().ok().warns(&["10 keys at most", PAYMENTS]);
    world.ws.apply_plan().failed().reads("google-full-account");
    assert_eq!(world.google.key_ids().len(), 10);
    assert!(world.google.state().secrets.is_empty());
}

#[test]
fn a_secret_of_somebody_else_is_refused_before_a_key_is_minted() {
    let world = World::new(&account_key(), SECRET).deploying();
    let name = crate::support::google::secret_name("payments");
    let mut state = world.google.state();
    state.secrets.entry(name).or_default().add(b"DB=x");
    drop(state);
    world
        .ws
        .plan()
        .failed()
        .reads("google-secret-of-somebody-else");
    assert!(world.google.key_ids().is_empty());
}

#[test]
fn an_organisation_that_forbids_keys_is_named() {
    let world = World::new(&account_key(), SECRET).deploying();
    world.google.state().forbids_keys = true;
    world.ws.apply().failed().reads("google-keys-forbidden");
    assert!(world.google.key_ids().is_empty());
    assert!(world.google.state().secrets.is_empty());
}

#[test]
fn a_service_account_that_may_not_do_it_is_told_what_it_lacks() {
    let world = World::new(&account_key(), SECRET).deploying();
    world
        .google
        .state()
        .denied
        .insert("iam.serviceAccountKeys.list");
    world.ws.apply().failed().reads("google-permission-missing");
    assert!(world.google.key_ids().is_empty());
    assert!(world.google.state().secrets.is_empty());
}

#[test]
fn a_key_that_google_ends_before_its_successor_leads_is_refused_by_the_plan() {
    let issuer = account_key().replace(" }", r#", ttl = "149s" }"#);
    let world = World::new(&issuer, SECRET).deploying();
    world
        .ws
        .plan()
        .failed()
        .reads("google-key-that-ends-too-soon");
    assert!(world.google.state().requests.is_empty());
}
