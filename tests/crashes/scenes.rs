//! A key of an IAM user, delivered to a secret and to a file, and what can happen to it.

use std::collections::BTreeSet;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::aws_life::cloud::Cloud;
use crate::aws_life::world::{KEY, World};
use crate::ledger::sql::{Place, run};
use crate::monitoring::ask;
use crate::support::keys::Config;
use crate::support::outcome::Outcome;
use crate::support::service::{Answer, Asked, Service, json as answer, nothing};
use crate::support::workspace::Workspace;

/// The shortest that there is; the lock of a provider that was killed outlives it by this much.
pub const LEASE: Duration = Duration::from_millis(2_200);

pub const PROVIDER: &str = r#"provider "apikey" { ledger = { lock_lease = "2s" } }"#;

pub struct Scene {
    world: World,
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
        let world = World::new();
        let config = world.config_with_a_file().and_policy(policy);
        world.write(&config.beside(PROVIDER));
        Self {
            world,
            consumers: None,
        }
    }

    /// One whose key is shown to its consumers.
    pub fn that_deploys() -> Self {
        let scene = Self {
            consumers: Some(consumers()),
            ..Self::new("")
        };
        scene.world.write(&scene.config().beside(PROVIDER));
        scene
    }

    fn config(&self) -> Config {
        let config = self.world.config_with_a_file();
        match &self.consumers {
            Some(consumers) => config.with(&deployment(&consumers.url())),
            None => config,
        }
    }

    /// The same with a new emergency in its key.
    pub fn declare(&self, id: &str, order: &str) {
        let block = crate::emergency::block(id, order, "primary");
        let config = self.config().with(&block);
        self.world.write(&config.beside(PROVIDER));
    }

    /// A new emergency whose apply is killed at a point, under a lease that outlasts two more commands on a machine that is
    /// busy.
    pub fn cut_off(&self, point: &str, id: &str, order: &str) {
        let block = crate::emergency::block(id, order, "primary");
        let config = self.config().with(&block);
        self.world
            .write(&config.beside(&PROVIDER.replace("2s", "50s")));
        self.ws().env("APIKEY_KILL", point);
        self.ws().apply().failed();
        self.ws().env("APIKEY_KILL", "");
    }

    /// Kills the apply of an emergency at a point; the next one leaves another key, and the compromised one is refused.
    pub fn kill_emergency(&self, point: &str, id: &str, order: &str) -> Result<(), String> {
        let (old, secret) = self.world.delivered("primary");
        let generation = self.world.key().generation();
        self.declare(id, order);
        self.killed_at(point, || self.ws().apply())?;
        if order == "replace_first" {
            self.serves_a_key()?;
        }
        let again = self.ws().apply();
        if again.code != 0 {
            return Err(format!("the next apply failed: {again}"));
        }
        if self.world.cloud.accepts(&old, &secret) {
            return Err(format!("compromised key {old} still works"));
        }
        self.is_in_order(&[])?;
        self.settle("single");
        self.is_in_order(&[])?;
        match self.world.key().generation() - generation {
            1 => Ok(()),
            times => Err(format!("the key was replaced {times} times")),
        }
    }

    /// Whoever reads a delivery gets in.
    fn serves_a_key(&self) -> Result<(), String> {
        for document in self.documents() {
            let served = &document["primary"];
            let (id, secret) = (text(&served["key_id"]), text(&served["secret"]));
            if !self.world.cloud.accepts(&id, &secret) {
                return Err(format!(
                    "the delivered primary {id} is refused after the kill"
                ));
            }
        }
        Ok(())
    }

    pub fn cloud(&self) -> &Cloud {
        self.world.cloud
    }

    /// The keys at the issuer.
    pub fn ids(&self) -> Vec<String> {
        self.world.ids()
    }

    pub fn ws(&self) -> &Workspace {
        &self.world.ws
    }

    /// Moves the clock to a while after the last rotation.
    pub fn at_rotation(&self, after: &str) {
        let rotated = self.world.key().text("last_rotated_at");
        self.ws().at(&rotated).advance(after);
    }

    /// Applies until the key is in this phase and there is nothing more to do.
    pub fn settle(&self, phase: &str) {
        let mut last = String::new();
        for _ in 0..4 {
            last = self.ws().apply().ok().to_string();
            if self.ws().plan().ok().code == 0 && self.world.key().phase() == phase {
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
        let key = self.world.key();
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
        self.killed_at(point, || self.ws().apply())?;
        let again = self.ws().apply();
        if again.code != 0 {
            return Err(format!("the next apply failed: {again}"));
        }
        self.is_in_order(&before)?;
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
        let ledger = self.ws().path(".terraform/apikey/ledger.db");
        let whose = "SELECT resource_id FROM keys WHERE status = 'live'";
        let whose = Runtime::new()
            .unwrap()
            .block_on(run(Place::File(&ledger), whose))?;
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
        let left = self.world.ids();
        match left.is_empty() && !self.ws().path("k.json").exists() {
            true => Ok(()),
            false => Err(format!("left behind: {left:?} or k.json")),
        }
    }

    /// The delivered documents.
    pub fn documents(&self) -> [Value; 2] {
        [self.world.document(), self.ws().delivered("k.json")]
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

    /// The ids of the keys that have to live on: the primary, and the other one unless it is to be revoked.
    pub fn living_ids(&self) -> Vec<String> {
        let there: BTreeSet<String> = self.world.ids().into_iter().collect();
        let Some(key) = self.ws().find_key("k") else {
            return Vec::new();
        };
        let mut slots = vec!["primary"];
        if key.phase() == "staged" {
            slots.push("secondary");
        }
        let ids = slots
            .into_iter()
            .map(|slot| key.text(&format!("{slot}.key_id")));
        ids.filter(|id| there.contains(id)).collect()
    }

    /// Those keys live on; the issuer has the keys of the state and no others; every delivery serves the primary, and
    /// it works.
    pub fn is_in_order(&self, before: &[String]) -> Result<(), String> {
        let there: BTreeSet<String> = self.world.ids().into_iter().collect();
        if let Some(dead) = before.iter().find(|id| !there.contains(*id)) {
            return Err(format!("{dead} was revoked early"));
        }
        let key = self.ws().find_key("k").ok_or("there is no state")?;
        let known: BTreeSet<String> = ["primary", "secondary"]
            .into_iter()
            .filter(|slot| !key.0[*slot].is_null())
            .map(|slot| key.text(&format!("{slot}.key_id")))
            .collect();
        if there != known {
            return Err(format!("the issuer has {there:?}, the state {known:?}"));
        }
        let primary = key.text("primary.key_id");
        for document in [self.world.document(), self.ws().delivered("k.json")] {
            let served = &document["primary"];
            let (id, secret) = (text(&served["key_id"]), text(&served["secret"]));
            if id != primary {
                return Err(format!("{id} is delivered, the primary is {primary}"));
            }
            if !self.world.cloud.accepts(&id, &secret) {
                return Err(format!("the delivered primary {id} is refused"));
            }
        }
        Ok(())
    }

    /// One delivery is gone.
    pub fn lose_the_file(&self) {
        fs::remove_file(self.ws().path("k.json")).unwrap();
    }

    /// Somebody deleted the primary at the issuer.
    pub fn lose_the_primary(&self) {
        let primary = self.world.key().text("primary.key_id");
        self.world.cloud.delete_key(&self.world.user, &primary);
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

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
