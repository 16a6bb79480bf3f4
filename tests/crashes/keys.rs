//! Whose keys a scene plays with: where they are delivered, and which of them work.

use std::cell::Cell;
use std::collections::BTreeSet;

use apikey::secret::Secret;
use serde_json::Value;

use crate::aws_life::world::World;
use crate::support::keys::Config;
use crate::support::state::Key;
use crate::support::workspace::Workspace;

/// What is kept of one issuer while its keys are played with.
pub enum Keys {
    /// Of an IAM user, who has a list of them: delivered to a secret and to `k.json`.
    Iam(World),
    /// A key is accepted where a document holds it, and nowhere else: in `a.json`, and in a file that moves.
    Generated(Workspace, Cell<usize>),
}

const SECOND: [&str; 2] = ["b.json", "c.json"];

impl Keys {
    pub fn iam() -> Self {
        Self::Iam(World::new())
    }

    pub fn generated() -> Self {
        Self::Generated(Workspace::new(), Cell::new(0))
    }

    pub fn ws(&self) -> &Workspace {
        match self {
            Self::Iam(world) => &world.ws,
            Self::Generated(ws, _) => ws,
        }
    }

    pub fn world(&self) -> &World {
        match self {
            Self::Iam(world) => world,
            Self::Generated(..) => panic!("nobody has such keys"),
        }
    }

    pub fn config(&self) -> Config {
        match self {
            Self::Iam(world) => world.config_with_a_file(),
            Self::Generated(_, second) => {
                let second = SECOND[second.get()];
                Config::new().deliveries(&format!(
                    r#"{{ a = {{ file = {{ path = "a.json" }} }}, b = {{ file = {{ path = "{second}" }} }} }}"#
                ))
            }
        }
    }

    /// From now on the second delivery is wanted elsewhere.
    pub fn move_the_second(&self) {
        if let Self::Generated(_, second) = self {
            second.set(1 - second.get());
        }
    }

    /// What stands where the keys are wanted; null where nothing does.
    pub fn documents(&self) -> [Value; 2] {
        match self {
            Self::Iam(world) => [world.document(), world.ws.delivered("k.json")],
            Self::Generated(ws, second) => {
                ["a.json", SECOND[second.get()]].map(|file| ws.delivered(file))
            }
        }
    }

    /// Everything that stands anywhere.
    pub fn everywhere(&self) -> Vec<Value> {
        let mut all = self.documents().to_vec();
        if let Self::Generated(ws, second) = self {
            all.push(ws.delivered(SECOND[1 - second.get()]));
        }
        all.retain(|document| !document.is_null());
        all
    }

    /// What tells a key that a document holds; empty where there is none.
    pub fn told(&self, served: &Value) -> String {
        let text = |name: &str| served[name].as_str().unwrap_or_default().to_owned();
        match self {
            Self::Iam(_) => text("key_id"),
            Self::Generated(..) if served.is_null() => String::new(),
            Self::Generated(..) => Secret::new(text("secret")).fingerprint().to_string(),
        }
    }

    /// The same of a key that the state holds.
    pub fn told_by(&self, key: &Key, slot: &str) -> String {
        match self {
            Self::Iam(_) => key.text(&format!("{slot}.key_id")),
            Self::Generated(..) => key.text(&format!("{slot}.fingerprint")),
        }
    }

    /// The keys that there are.
    pub fn there(&self) -> BTreeSet<String> {
        match self {
            Self::Iam(world) => world.ids().into_iter().collect(),
            Self::Generated(..) => {
                let documents = self.everywhere();
                let keys = documents
                    .iter()
                    .flat_map(|it| [&it["primary"], &it["secondary"]]);
                let keys = keys.filter(|served| !served.is_null());
                keys.map(|served| self.told(served)).collect()
            }
        }
    }

    /// Whether a key works that a document holds, or held.
    pub fn accepts(&self, served: &Value) -> bool {
        match self {
            Self::Iam(world) => {
                let secret = served["secret"].as_str().unwrap_or_default();
                world.cloud.accepts(&self.told(served), secret)
            }
            Self::Generated(..) => self.there().contains(&self.told(served)),
        }
    }
}
