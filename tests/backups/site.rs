//! Where a key lives: its issuer and the places that it is delivered to.

use std::collections::{BTreeMap, BTreeSet};

use apikey::secret::Secret;
use serde_json::Value;

use crate::aws_life::Cloud;
use crate::aws_life::world::World;
use crate::support::keys::Config;
use crate::support::moto::Recording;
use crate::support::workspace::Workspace;

/// Files that a delivery is added to and moved to.
pub const ADDED: &str = "more.json";
pub const MOVED: &str = "moved.json";

pub enum Site {
    Files(Workspace),
    Cloud(Box<World>),
}

/// What stands outside of Terraform at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outside {
    /// The ids of the keys that the issuer lists; `None` if it cannot.
    pub live: Option<BTreeSet<String>>,
    /// The documents, by where they lie.
    pub documents: BTreeMap<String, Value>,
}

/// A key in a slot of a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivered {
    /// What people call it: its id, or the mark of its secret.
    pub label: String,
    pub secret: String,
}

impl Site {
    /// Keys of the built-in issuer in files.
    pub fn files() -> Self {
        Self::Files(Workspace::new())
    }

    /// Keys of an IAM user in Secrets Manager, on a server of their own.
    pub fn cloud() -> Self {
        Self::Cloud(Box::new(World::on(Cloud::recorded())))
    }

    pub fn ws(&self) -> &Workspace {
        match self {
            Self::Files(ws) => ws,
            Self::Cloud(world) => &world.ws,
        }
    }

    /// One key that is delivered as `app`, and also to this file if there is one.
    pub fn config(&self, more: Option<&str>) -> Config {
        let (config, app) = match self {
            Self::Files(_) => (
                Config::new(),
                r#"{ file = { path = "k.json" } }"#.to_owned(),
            ),
            Self::Cloud(world) => (world.config(), world.delivery()),
        };
        let more = more.map(|path| format!(r#", more = {{ file = {{ path = "{path}" }} }}"#));
        config.deliveries(&format!("{{ app = {app}{} }}", more.unwrap_or_default()))
    }

    pub fn recording(&self) -> Option<Recording> {
        match self {
            Self::Files(_) => None,
            Self::Cloud(world) => Some(world.cloud.recording()),
        }
    }

    pub fn replay(&self, recording: Option<&Recording>) {
        if let (Self::Cloud(world), Some(recording)) = (self, recording) {
            world.cloud.replay(recording);
        }
    }

    pub fn outside(&self) -> Outside {
        let (live, app) = match self {
            Self::Files(ws) => (None, ws.delivered("k.json")),
            Self::Cloud(world) => (Some(world.ids().into_iter().collect()), world.document()),
        };
        let files = [ADDED, MOVED].map(|file| (file, self.ws().delivered(file)));
        let documents = [("app", app)].into_iter().chain(files);
        Outside {
            live,
            documents: documents
                .filter(|(_, document)| !document.is_null())
                .map(|(place, document)| (place.to_owned(), document))
                .collect(),
        }
    }

    /// Whether the issuer lets somebody in with this key; `None` if it cannot be asked.
    pub fn accepts(&self, key: &Delivered) -> Option<bool> {
        match self {
            Self::Files(_) => None,
            Self::Cloud(world) => Some(world.cloud.accepts(&key.label, &key.secret)),
        }
    }
}

impl Outside {
    /// What this slot holds, in each document.
    pub fn in_slot(&self, slot: &str) -> Vec<Option<Delivered>> {
        let documents = self.documents.values();
        documents
            .map(|document| delivered(document, slot))
            .collect()
    }

    /// Every key that stands in a document.
    pub fn delivered(&self) -> BTreeSet<Delivered> {
        let slots = ["primary", "secondary"].map(|slot| self.in_slot(slot));
        slots.into_iter().flatten().flatten().collect()
    }

    /// The key that leads in the first document.
    pub fn primary(&self) -> Option<Delivered> {
        self.in_slot("primary").into_iter().next()?
    }

    /// Whether the issuer knows the key; one that lists nothing is believed.
    pub fn is_live(&self, key: &Delivered) -> bool {
        let live = self.live.as_ref();
        live.is_none_or(|live| live.contains(&key.label))
    }
}

pub fn delivered(document: &Value, slot: &str) -> Option<Delivered> {
    let secret = document[slot]["secret"].as_str()?.to_owned();
    let id = document[slot]["key_id"].as_str().map(str::to_owned);
    let mark = || Secret::new(secret.clone()).fingerprint().to_string();
    Some(Delivered {
        label: id.unwrap_or_else(mark),
        secret,
    })
}
