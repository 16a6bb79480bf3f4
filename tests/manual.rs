//! Keys that a person makes, hands in, and revokes, through the real command line.

use std::fs;

use apikey::secret::Secret;

use crate::acceptance::secrecy::Watch;
use crate::monitoring::ask;
use crate::support::gate::Gate;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const CONSOLE: &str = "https://vendor.example.com/keys";
const ONE: &str = "made-up-vendor-key-number-one";
const TWO: &str = "made-up-vendor-key-number-two";
const VARIABLE: &str = "variable \"key\" {\n  type      = string\n  ephemeral = true\n}";
const THREE: &str = "made-up-vendor-key-number-three";

/// A workspace, and what a person writes into it.
struct Person {
    ws: Workspace,
    config: Config,
    revoked: String,
    version: u32,
}

impl Person {
    fn writing(config: Config) -> Self {
        Self {
            ws: Workspace::with(""),
            config: config.beside(VARIABLE),
            revoked: String::new(),
            version: 0,
        }
    }

    /// The first key is made and handed in.
    fn begins(config: Config) -> Self {
        let mut person = Self::writing(config);
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
        "lives on",
        "nothing asks for its end any more: revoke it at https://vendor.example.com/keys",
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

    // A word against what can be tried: it is not believed, and everybody keeps their key.
    let first = person.state("secondary.key_id");
    person.confirms(&first);
    let doubted = [
        "issuer.manual.revoked names key",
        &first,
        "is accepted where it is tried: it is NOT revoked",
    ];
    person.ws.apply().ok().warns(&doubted);
    assert_eq!(person.delivered(), both(TWO, ONE));
    assert_eq!(person.state("status"), "pending");
    person.is_asked(&doubted);

    // A person revoked the wrong one.
    person.revoked.clear();
    person.writes("var.key");
    person.ws.apply().ok();
    gate.revoke(TWO);
    person.is_asked(&["is REFUSED where it is tried", "do not revoke it before"]);
    assert_eq!(person.state("status"), "blocked");
    gate.forgive();
    person.is_asked(&["a person is to revoke it"]);
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
        .beside(VARIABLE);
    person.writes("var.key");
    person.ws.apply().ok().warns(&["is revoked by a person"]);
    let [_, staged] = person.delivered();
    assert_eq!(staged, THREE);
    person.ws.advance("5s").apply().ok();
    assert_eq!(person.delivered(), both(THREE, ONE));

    // What was given up is not taken again.
    gate.forgive();
    person.hands_in(TWO);
    person.ws.plan().failed().complains(&[
        "was given up",
        "pending_revocations",
        "issuer.manual.revoked",
    ]);
    assert_eq!(person.delivered(), both(THREE, ONE));
}

#[test]
fn a_create_that_failed_is_repeated_with_the_same_key_and_a_key_in_use_is_not_taken_twice() {
    let gate = Gate::open();
    let mut person = Person::writing(Config::new().with(&gate.setting()));
    gate.accept(false);
    person.hands_in(ONE);
    person.ws.apply().failed().complains(&[
        "failed its verification",
        "Existing key",
        "is left as it was",
    ]);
    assert!(!person.ws.path("k.json").exists());
    gate.accept(true);
    person.ws.apply().ok();
    assert_eq!(person.delivered(), both(ONE, ""));

    // A replacement would empty the document before it finds out.
    let replaced = person.ws.run(&[
        "apply",
        "-json",
        "-auto-approve",
        "-input=false",
        "-replace=apikey_managed.k",
    ]);
    replaced.failed().complains(&[
        "what was handed in is no new key",
        "belongs to",
        "change rotation_trigger",
        "write a moved block",
    ]);
    assert_eq!(person.delivered(), both(ONE, ""));
    person.ws.plan().ok().code(0);

    // What is said of the primary alone ends no key, and the key that is brought is not revoked.
    let second = Secret::new(TWO.to_owned()).fingerprint();
    person.confirms(second.as_str());
    person.hands_in(TWO);
    person
        .ws
        .plan()
        .failed()
        .complains(&["issuer.manual.revoked says that key", "take its id out"]);
    assert_eq!(person.delivered(), both(ONE, ""));
}

/// The key that is in its grace is the only one that is both old and good.
#[test]
fn an_emergency_takes_nothing_away_before_a_new_key_is_here_and_ends_when_the_old_one_is_refused() {
    let gate = Gate::open();
    let config = Config::new().with(&gate.setting());
    let mut person = Person::begins(config.clone());
    person.hands_in(TWO);
    person.ws.advance("80s").apply().ok();
    person.ws.advance("20s").apply().ok();
    let second = person.state("primary.key_id");
    person.config = config
        .with(r#"emergency = { id = "INC-1", reason = "made-up leak" }"#)
        .beside(VARIABLE);
    person.writes("var.key");
    let asked = ["EMERGENCY", "make a key at", "a person is to revoke it"];
    person.ws.apply().ok().warns(&asked);
    assert_eq!(person.delivered(), both(TWO, ONE));
    person.is_asked(&asked);

    person.hands_in(THREE);
    person.ws.apply().ok().warns(&["is replaced at once"]);
    assert_eq!(person.delivered(), both(THREE, TWO));
    assert_eq!(person.state("status"), "compromised");
    person.confirms(&second);
    person.ws.apply().ok().warns(&["it is NOT revoked"]);
    assert_eq!(person.delivered(), both(THREE, TWO));
    assert_eq!(person.state("status"), "compromised");

    gate.revoke(TWO);
    person.ws.plan().ok().code(2);
    person.ws.apply_plan().ok();
    assert_eq!(person.delivered(), both(THREE, ""));
    assert_eq!(person.state("status"), "pending");
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
    let first = person.state("primary.key_id");
    person.confirms(&first);
    person.ws.apply().ok().warns(&[
        "issuer.manual.revoked names key",
        "which is the primary and which nobody can try",
    ]);
    assert_eq!(person.delivered(), both(ONE, ""));
    person.revoked.clear();
    person.writes("var.key");
    person.ws.apply().ok();
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
    let report = ask(&person.ws, &["report", "incident", "INC-1"]);
    report.says(&["the word of a person; nobody tried it"]);
    let second = person.state("primary.key_id");
    person.revoked = format!("{first:?}, {second:?}");
    person.writes("var.key");
    person.ws.apply_with(&["-refresh=false"]).ok();
    person
        .ws
        .destroy()
        .ok()
        .warns(&["is revoked is the word of a person"]);
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
