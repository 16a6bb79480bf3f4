//! A key that is delivered to two places, and what can happen to it.

use std::cell::Cell;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::keys::Keys;
use crate::aws_life::cloud::Cloud;
use crate::aws_life::world::KEY;
use crate::monitoring::ask;
use crate::support::keys::Config;
use crate::support::outcome::Outcome;
use crate::support::service::{Answer, Asked, Service, json as answer, nothing};
use crate::support::state::Key;
use crate::support::workspace::Workspace;

/// The shortest that there is; the lock of a provider that was killed outlives it by this much.
pub const LEASE: Duration = Duration::from_millis(2_200);

pub const PROVIDER: &str = r#"provider "apikey" { ledger = { lock_lease = "2s" } }"#;

pub struct Scene {
    pub keys: Keys,
    /// How often a rotation was asked for.
    asked: Cell<u32>,
    consumers: Option<Service<Consumers>>,
}

/// Whoever reads the key: the mark of the one that each run was to read.
type Consumers = Vec<String>;

fn consumers() -> Service<Consumers> {
    Service::start(Vec::new(), |shown, asked: &Asked| -> Answer {
        match (asked.method.as_str(), asked.parts().as_slice()) {
            ("POST", ["runs"]) => {
                shown.push(asked.body.clone());
                answer(201, &json!({ "id": shown.len() }))
            }
            ("GET", ["runs", _]) => answer(200, &json!({ "status": "completed" })),
            _ => nothing(404),
        }
    })
}

fn deployment(url: &str) -> String {
    format!(
        r#"deployments = {{
    web = {{
      request = {{ url = "{url}/runs", body = "{{{{fingerprint}}}}", id = "/id" }}
      poll    = {{ url = "{url}/runs/{{{{id}}}}", until = {{ "/status" = "completed" }} }}
    }}
  }}"#
    )
}

impl Scene {
    /// A configuration with one more setting in its policy; nothing is created yet.
    pub fn new(policy: &str) -> Self {
        let scene = Self {
            keys: Keys::iam(),
            asked: Cell::new(0),
            consumers: None,
        };
        scene.write(scene.config().and_policy(policy));
        scene
    }

    /// One of keys that only the documents know.
    pub fn generated() -> Self {
        let scene = Self {
            keys: Keys::generated(),
            asked: Cell::new(0),
            consumers: None,
        };
        scene.write(scene.config());
        scene
    }

    /// One whose key is shown to its consumers.
    pub fn that_deploys() -> Self {
        let scene = Self {
            consumers: Some(consumers()),
            ..Self::new("")
        };
        scene.write(scene.config());
        scene
    }

    fn write(&self, config: Config) {
        self.ws().write(&config.beside(PROVIDER).text());
    }

    fn config(&self) -> Config {
        let asked = format!("rotation_trigger = {:?}", self.asked.get().to_string());
        let config = self.keys.config().with(&asked);
        match &self.consumers {
            Some(consumers) => config.with(&deployment(&consumers.url())),
            None => config,
        }
    }

    /// The same with a new emergency in its key.
    pub fn declare(&self, id: &str, order: &str) {
        let block = crate::emergency::block(id, order, "primary");
        self.write(self.config().with(&block));
    }

    /// Somebody asks for a rotation.
    pub fn ask_for_a_rotation(&self) {
        self.asked.set(self.asked.get() + 1);
        self.write(self.config());
    }

    /// The file is wanted no more.
    pub fn deliver_to_the_secret_alone(&self) {
        self.write(self.keys.world().config());
    }

    /// One delivery is wanted elsewhere.
    pub fn move_a_delivery(&self) {
        self.keys.move_the_second();
        self.write(self.config());
    }

    /// A new emergency whose apply is killed at a point, under a lease that outlasts two more commands on a machine that is
    /// busy.
    pub fn cut_off(&self, point: &str, id: &str, order: &str) {
        let block = crate::emergency::block(id, order, "primary");
        let config = self.config().with(&block);
        let config = config.beside(&PROVIDER.replace("2s", "50s"));
        self.ws().write(&config.text());
        self.ws().env("APIKEY_KILL", point);
        self.ws().apply().failed();
        self.ws().env("APIKEY_KILL", "");
    }

    /// Kills the apply of an emergency at a point; the next one leaves another key, and the compromised one is refused.
    pub fn kill_emergency(&self, point: &str, id: &str, order: &str) -> Result<(), String> {
        let old = self.documents()[0]["primary"].clone();
        let generation = self.key().generation();
        self.declare(id, order);
        self.killed_at(point, || self.ws().apply())?;
        if order == "replace_first" {
            self.serves_a_key()?;
        }
        let again = self.ws().apply();
        if again.code != 0 {
            return Err(format!("the next apply failed: {again}"));
        }
        if self.keys.accepts(&old) {
            let old = self.keys.told(&old);
            return Err(format!("compromised key {old} still works"));
        }
        self.is_in_order(&[])?;
        self.settle("single");
        self.is_in_order(&[])?;
        match self.key().generation() - generation {
            1 => Ok(()),
            times => Err(format!("the key was replaced {times} times")),
        }
    }

    /// Whoever reads a delivery gets in.
    fn serves_a_key(&self) -> Result<(), String> {
        for document in self.documents() {
            if !self.keys.accepts(&document["primary"]) {
                return Err(format!(
                    "the delivered primary {} is refused after the kill",
                    self.keys.told(&document["primary"])
                ));
            }
        }
        Ok(())
    }

    pub fn cloud(&self) -> &Cloud {
        self.keys.world().cloud
    }

    /// The keys at the issuer.
    pub fn ids(&self) -> Vec<String> {
        self.keys.world().ids()
    }

    pub fn ws(&self) -> &Workspace {
        self.keys.ws()
    }

    fn key(&self) -> Key {
        self.ws().key("k")
    }

    /// Moves the clock to a while after the last rotation.
    pub fn at_rotation(&self, after: &str) {
        let rotated = self.key().text("last_rotated_at");
        self.ws().at(&rotated).advance(after);
    }

    /// Applies until the key is in this phase and there is nothing more to do.
    pub fn settle(&self, phase: &str) {
        let mut last = String::new();
        for _ in 0..4 {
            last = self.ws().apply().ok().to_string();
            if self.ws().plan().ok().code == 0 && self.key().phase() == phase {
                self.shows_the_newest();
                return;
            }
            // A key that was delivered again takes its time to be seen.
            self.ws().advance("5s");
        }
        let plan = self.ws().plan();
        panic!("no end of changes: {last}{plan}{}", self.ws().change(KEY).0);
    }

    /// The consumers were last made to read the key that came last.
    fn shows_the_newest(&self) {
        let key = self.key();
        let newest = match key.phase().as_str() {
            "staged" => key.text("secondary.fingerprint"),
            _ => key.text("primary.fingerprint"),
        };
        let shown = self.consumers.as_ref();
        if let Some(last) = shown.and_then(|it| it.state().last().cloned()) {
            assert_eq!(last, newest, "the consumers read another key");
        }
    }

    /// The points that an apply passes.
    pub fn passes(&self) -> Vec<String> {
        self.passed_by(|| drop(self.ws().apply().ok()))
    }

    /// The points that a destroy passes.
    pub fn passes_to_destroy(&self) -> Vec<String> {
        self.passed_by(|| drop(self.ws().destroy().ok()))
    }

    fn passed_by(&self, run: impl FnOnce()) -> Vec<String> {
        let log = self.ws().path("points.log");
        let _ = fs::remove_file(&log);
        self.ws().env("APIKEY_KILL_LOG", &log.display().to_string());
        run();
        self.ws().env("APIKEY_KILL_LOG", "/dev/null");
        let text = fs::read_to_string(&log).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Kills an apply at a point, applies once more, and says what is wrong then.
    pub fn kill(&self, point: &str, phase: &str) -> Result<(), String> {
        let before = self.living_ids();
        let leads = self.keys.everywhere().len();
        self.killed_at(point, || self.ws().apply())?;
        self.serves_what_is_known(&before, leads)
            .map_err(|why| format!("after the kill {why}"))?;
        let again = self.ws().apply();
        if again.code != 0 {
            return Err(format!("the next apply failed: {again}"));
        }
        self.is_in_order(&before)?;
        self.serves_what_is_known(&before, leads)?;
        self.settle(phase);
        self.is_in_order(&[])
    }

    /// Kills a create that is over: its key is in a state for all that the ledger knows, until a person says that it is in none.
    pub fn kill_unheard(&self, point: &str) -> Result<(), String> {
        self.killed_at(point, || self.ws().apply())?;
        let ids = self.ids();
        let refused = self.ws().apply();
        if !refused.text().contains("neither destroyed nor forgotten") || self.ids() != ids {
            return Err(format!("the next apply took its place: {refused}"));
        }
        let whose = self.ledger("SELECT resource_id FROM keys WHERE status = 'live'")?;
        ask(self.ws(), &["ledger", "forget", &whose[0]]).code(0);
        self.ws().import(KEY, &format!("aws_iam:{}", ids[0])).ok();
        self.settle("single");
        self.is_in_order(&ids)
    }

    /// Kills a destroy at a point and destroys once more.
    pub fn kill_destroy(&self, point: &str) -> Result<(), String> {
        self.killed_at(point, || self.ws().destroy())?;
        let again = self.ws().destroy();
        if again.code != 0 {
            return Err(format!("the next destroy failed: {again}"));
        }
        let left = self.keys.there();
        match left.is_empty() && self.keys.everywhere().is_empty() {
            true => self.the_ledger_tells_the_truth(),
            false => Err(format!("left behind: {left:?} or a document")),
        }
    }

    /// The delivered documents.
    pub fn documents(&self) -> [Value; 2] {
        self.keys.documents()
    }

    fn killed_at(&self, point: &str, run: impl FnOnce() -> Outcome) -> Result<(), String> {
        self.ws().env("APIKEY_KILL", point);
        let killed = run();
        self.ws().env("APIKEY_KILL", "");
        sleep(LEASE);
        match killed.code {
            0 => Err("was not killed".into()),
            _ => Ok(()),
        }
    }

    /// One delivery is gone.
    pub fn lose_the_file(&self) {
        fs::remove_file(self.ws().path("k.json")).unwrap();
    }

    /// Somebody deleted the primary at the issuer.
    pub fn lose_the_primary(&self) {
        let primary = self.key().text("primary.key_id");
        let world = self.keys.world();
        world.cloud.delete_key(&world.user, &primary);
    }

    /// An apply was killed right after it minted a key.
    pub fn leave_an_orphan(&self) {
        self.at_rotation("80s");
        self.killed_at("stage:mint:done#1", || self.ws().apply())
            .unwrap();
        // The next rotation is far away again, so that only the orphan is to be dealt with.
        self.at_rotation("1s");
    }
}
