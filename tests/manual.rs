//! Keys that a person makes, hands in, and revokes, through the real command line.

use std::fs;

use crate::acceptance::secrecy::Watch;
use crate::support::gate::Gate;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const CONSOLE: &str = "https://vendor.example.com/keys";
const ONE: &str = "made-up-vendor-key-number-one";
const TWO: &str = "made-up-vendor-key-number-two";
const THREE: &str = "made-up-vendor-key-number-three";

/// A workspace, and what a person writes into it.
struct Person {
    ws: Workspace,
    config: Config,
    revoked: String,
    version: u32,
}

impl Person {
    /// The first key is made and handed in.
    fn begins(config: Config) -> Self {
        let config =
            config.beside("variable \"key\" {\n  type      = string\n  ephemeral = true\n}");
        let mut person = Self {
            ws: Workspace::with(""),
            config,
            revoked: String::new(),
            version: 0,
        };
        person.hands_in(ONE);
        person.ws.apply().ok();
        person
    }

    fn hands_in(&mut self, key: &str) {
        self.version += 1;
        self.ws.env("TF_VAR_key", key);
        self.writes("var.key");
    }

    fn confirms(&mut self, key: &str) {
        self.revoked = format!("{key:?}");
        self.writes("var.key");
    }

    fn writes(&self, secret: &str) {
        let issuer = format!(
            "{{ manual = {{ secret_wo = {secret}, secret_wo_version = {}, console_url = {CONSOLE:?}, revoked = [{}] }} }}",
            self.version, self.revoked
        );
        self.ws.write(&self.config.clone().issuer(&issuer).text());
    }

    /// The secrets in the slots, the primary first.
    fn delivered(&self) -> [String; 2] {
        ["primary", "secondary"].map(|slot| self.ws.secret("k.json", slot))
    }

    fn state(&self, path: &str) -> String {
        self.ws.key("k").text(path)
    }

    /// Nothing is done, and the plan says what a person is to do.
    #[track_caller]
    fn is_asked(&self, phrases: &[&str]) {
        let before = self.delivered();
        self.ws.plan().ok().code(0).warns(phrases);
        self.ws.apply().ok().warns(phrases);
        self.ws.plan().ok().code(0);
        assert_eq!(self.delivered(), before);
    }
}

fn both(one: &str, two: &str) -> [String; 2] {
    [one.to_owned(), two.to_owned()]
}

#[test]
fn a_key_that_is_brought_lives_its_whole_life_and_is_revoked_when_a_person_says_so() {
    let mut person = Person::begins(Config::new());
    person.ws.env("TF_LOG_PROVIDER", "TRACE");
    let log = person.ws.path("trace.log");
    person.ws.env("TF_LOG_PATH", log.to_str().unwrap());
    let first = person.state("primary.key_id");
    assert_eq!(first, person.state("primary.fingerprint"));
    assert_eq!(person.delivered(), both(ONE, ""));
    person.ws.plan().ok().code(0);

    person.ws.advance("80s");
    person.is_asked(&[
        "rotation is due at",
        "make a key at https://vendor.example.com/keys",
        "secret_wo_version",
    ]);
    assert_eq!(person.state("status"), "due");

    person.hands_in(TWO);
    person
        .ws
        .plan()
        .ok()
        .warns(&["takes the new key that was handed in"]);
    person.ws.apply().ok();
    assert_eq!(person.delivered(), both(ONE, TWO));
    assert_eq!(person.state("phase"), "staged");
    person.ws.plan().ok().code(0);

    person.ws.advance("20s").apply().ok();
    assert_eq!(person.delivered(), both(TWO, ONE));
    assert_eq!(person.state("generation"), "2");
    person.ws.plan().ok().code(0);

    person.ws.advance("30s");
    person.is_asked(&[
        "a person is to revoke it at https://vendor.example.com/keys",
        &first,
        "issuer.manual.revoked",
    ]);
    assert_eq!(person.state("status"), "pending");
    assert_eq!(
        person.delivered(),
        both(TWO, ONE),
        "nobody says that it was revoked"
    );

    person.confirms(&first);
    person.ws.plan().ok().warns(&["out of the deliveries"]);
    person.ws.apply().ok();
    assert_eq!(person.delivered(), both(TWO, ""));
    assert_eq!(
        (person.state("phase"), person.state("status")),
        ("single".into(), "ok".into())
    );

    let mut watch = Watch::over(&person.ws).knowing(ONE).knowing(TWO);
    watch
        .saw(person.ws.plan())
        .saw(person.ws.run(&["show", "-json", "saved.tfplan"]))
        .saw(person.ws.run(&["show", "-json"]))
        .nothing_leaked();
    assert!(fs::read_to_string(&log).unwrap().contains("taken over"));

    person.ws.destroy().ok().warns(&[
        "is revoked by a person",
        "Revoke it at https://vendor.example.com/keys",
    ]);
    assert!(!person.ws.path("k.json").exists());
}

/// Whoever accepts keys tells that one was revoked, as long as it does not refuse its successor as well.
#[test]
fn a_key_counts_as_revoked_once_it_is_refused_where_its_successor_is_accepted() {
    let gate = Gate::open();
    let mut person = Person::begins(Config::new().with(&gate.setting()));
    person.hands_in(TWO);
    person.ws.advance("80s").apply().ok();
    person.ws.advance("20s").apply().ok();
    person.ws.advance("30s");
    person.is_asked(&["a person is to revoke it"]);

    gate.accept(false);
    person.is_asked(&["a person is to revoke it"]);
    gate.accept(true);
    gate.revoke(ONE);
    person.ws.plan().ok().code(2);
    person.ws.apply_plan().ok();
    assert_eq!(person.delivered(), both(TWO, ""));
    assert_eq!(person.state("status"), "ok");
    person.ws.plan().ok().code(0);
}

#[test]
fn a_key_that_fails_its_verification_is_never_promoted_and_the_next_one_takes_its_place() {
    let gate = Gate::open();
    let config = Config::new().with(&gate.setting());
    let mut person = Person::begins(config.clone().with("rotation_trigger = \"one\""));
    gate.revoke(TWO);
    person.hands_in(TWO);
    person
        .ws
        .advance("80s")
        .apply()
        .ok()
        .warns(&["failed its verification"]);
    person.ws.advance("20s").apply();
    assert_eq!(person.delivered(), both(ONE, TWO));

    person.hands_in(THREE);
    person.ws.plan().failed().complains(&[
        "cannot be taken now",
        "a third key is never taken",
        "rotation_trigger",
    ]);
    person.config = Config::new()
        .with(&gate.setting())
        .with("rotation_trigger = \"two\"")
        .beside("variable \"key\" {\n  type      = string\n  ephemeral = true\n}");
    person.writes("var.key");
    person.ws.apply().ok().warns(&["is revoked by a person"]);
    let [_, staged] = person.delivered();
    assert_eq!(staged, THREE);
    person.ws.advance("5s").apply().ok();
    assert_eq!(person.delivered(), both(THREE, ONE));
}

#[test]
fn a_key_that_is_brought_early_is_staged_and_waits() {
    let mut person = Person::begins(Config::new());
    person.hands_in(TWO);
    person
        .ws
        .advance("10s")
        .plan()
        .ok()
        .warns(&["a new key was handed in, and rotation is due at"]);
    person.ws.apply_plan().ok();
    assert_eq!(person.delivered(), both(ONE, TWO));
    person.ws.advance("50s").plan().ok().code(0);

    // A third one has no place; the one that waits keeps it.
    person.hands_in(THREE);
    person
        .ws
        .plan()
        .failed()
        .complains(&["cannot be taken now", "a third key is never taken"]);
    person.ws.apply().failed();
    assert_eq!(person.delivered(), both(ONE, TWO));
    person.version -= 1;
    person.writes("null");
    person.ws.plan().ok().code(0);
    person.ws.advance("40s").apply().ok();
    assert_eq!(person.delivered(), both(TWO, ONE));

    person.hands_in(THREE);
    person
        .ws
        .plan()
        .failed()
        .complains(&["The secondary slot holds", "keep the new key"]);
    assert_eq!(person.delivered(), both(TWO, ONE));
}

#[test]
fn another_version_without_a_new_key_is_told() {
    let mut person = Person::begins(Config::new());
    person.version += 1;
    person.writes("null");
    person.ws.plan().failed().complains(&[
        "secret_wo_version changed without a new key",
        "make a key at",
    ]);

    person.writes("var.key");
    let no_new_key = ["is the secret of", "which is the primary", "make a key at"];
    person.ws.plan().failed().complains(&no_new_key);
    person.version -= 1;
    person.writes("var.key");
    person.ws.plan().ok().code(0);
    person.ws.advance("80s");
    person.is_asked(&["make a key at"]);

    // Where the plan does not know the value, the apply finds out.
    let unknown =
        "resource \"terraform_data\" \"key\" {\n  input = \"made-up-vendor-key-number-one\"\n}";
    person.config = person.config.beside(unknown);
    person.version += 1;
    person.writes("terraform_data.key.output");
    person.ws.apply().failed().complains(&no_new_key);
    assert_eq!(person.delivered(), both(ONE, ""));
    assert_eq!(person.state("phase"), "single");
    person.hands_in(TWO);
    person.ws.apply().ok();
    assert_eq!(person.delivered(), both(ONE, TWO));
}

#[test]
fn an_older_state_knows_the_key_that_was_brought_since() {
    let mut person = Person::begins(Config::new());
    let older = person.ws.state();
    person.hands_in(TWO);
    person.ws.advance("80s").apply().ok();
    person.ws.put_back(&older);
    person.ws.apply().ok();
    assert_eq!(person.delivered(), both(ONE, TWO));
    assert_eq!(person.state("phase"), "staged");
    person.ws.plan().ok().code(0);

    person.ws.advance("20s").apply().ok();
    person.ws.put_back(&older);
    person.ws.plan().failed().complains(&[
        "which is the primary",
        "an older state was put back since, set secret_wo_version to 1",
    ]);
    person.version = 1;
    person.writes("var.key");
    person.ws.apply().ok();
    assert_eq!(person.delivered(), both(TWO, ONE));
    assert_eq!(person.state("phase"), "retiring");
    person.ws.plan().ok().code(0);
}

#[test]
fn an_emergency_waits_for_a_new_key_and_for_the_word_that_the_old_one_is_revoked() {
    let mut person = Person::begins(Config::new());
    let first = person.state("primary.key_id");
    let emergency = r#"emergency = { id = "INC-1", reason = "made-up leak" }"#;
    person.config = person.config.clone().with(emergency);
    person.writes("var.key");
    let asked = [
        "EMERGENCY",
        "make a key at",
        "a person is to revoke it at",
        &first,
    ];
    person.ws.apply().ok().warns(&asked);
    assert_eq!(person.delivered(), both(ONE, ""));
    assert_eq!(person.state("status"), "compromised");

    person.hands_in(TWO);
    person
        .ws
        .apply()
        .failed()
        .complains(&[&first, "is revoked by a person"]);
    assert_eq!(person.delivered(), both(TWO, ""));
    assert_eq!(person.state("status"), "compromised");
    person.is_asked(&["EMERGENCY", "a person is to revoke it at"]);

    person.confirms(&first);
    person.ws.apply().ok();
    assert_eq!(person.state("status"), "ok");
    assert_eq!(person.delivered(), both(TWO, ""));
    person.ws.plan().ok().code(0);
}

#[test]
fn the_first_key_has_to_be_there() {
    let ws = Workspace::with(&Config::new().issuer("{ manual = {} }").text());
    ws.plan()
        .failed()
        .complains(&["the first key is missing", "make a key at the vendor"]);
    let existing = Config::new()
        .issuer("{ manual = { secret_wo = \"made-up-vendor-key\" } }")
        .with("existing_secret_wo = \"made-up-vendor-key\"");
    ws.write(&existing.text());
    ws.plan().failed().complains(&["issuer.manual.secret_wo"]);
}
