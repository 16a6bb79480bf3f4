//! What has to hold of a scene after a kill, and after the apply that follows it.

use std::collections::BTreeSet;

use tokio::runtime::Runtime;

use super::scenes::Scene;
use crate::ledger::sql::{Place, run};

impl Scene {
    /// The ids of the keys that have to live on: the primary, and the other one unless it is to be revoked.
    pub fn living_ids(&self) -> Vec<String> {
        let there = self.keys.there();
        let Some(key) = self.ws().find_key("k") else {
            return Vec::new();
        };
        let mut slots = vec!["primary"];
        if key.phase() == "staged" {
            slots.push("secondary");
        }
        let ids = slots.into_iter().map(|slot| self.keys.told_by(&key, slot));
        ids.filter(|id| there.contains(id)).collect()
    }

    /// Those keys live on; the issuer has the keys of the state and no others; every delivery serves the primary, and
    /// it works.
    pub fn is_in_order(&self, before: &[String]) -> Result<(), String> {
        let there = self.keys.there();
        if let Some(dead) = before.iter().find(|id| !there.contains(*id)) {
            return Err(format!("{dead} was revoked early"));
        }
        let key = self.ws().find_key("k").ok_or("there is no state")?;
        let known: BTreeSet<String> = ["primary", "secondary"]
            .into_iter()
            .filter(|slot| !key.0[*slot].is_null())
            .map(|slot| self.keys.told_by(&key, slot))
            .collect();
        if there != known {
            return Err(format!("the issuer has {there:?}, the state {known:?}"));
        }
        let primary = self.keys.told_by(&key, "primary");
        for document in self.documents() {
            let served = &document["primary"];
            let id = self.keys.told(served);
            if id != primary {
                return Err(format!("{id} is delivered, the primary is {primary}"));
            }
            if !self.keys.accepts(served) {
                return Err(format!("the delivered primary {id} is refused"));
            }
        }
        self.the_ledger_tells_the_truth()
    }

    /// As long as a key works that the state knows, every document has it and leads with one of those; as many do as did.
    pub fn serves_what_is_known(&self, before: &[String], leads: usize) -> Result<(), String> {
        let Some(primary) = before.first() else {
            return Ok(());
        };
        let documents = self.keys.everywhere();
        for document in &documents {
            let served = ["primary", "secondary"].map(|slot| self.keys.told(&document[slot]));
            if !before.contains(&served[0]) {
                return Err(format!("{} leads, and nobody knows it", served[0]));
            }
            if !served.contains(primary) {
                return Err(format!("a document lost {primary}"));
            }
        }
        match documents.len() >= leads {
            true => Ok(()),
            false => Err("a document is gone".into()),
        }
    }

    /// Asks the ledger.
    pub fn ledger(&self, question: &str) -> Result<Vec<String>, String> {
        let ledger = self.ws().path(".terraform/apikey/ledger.db");
        let answer = run(Place::File(&ledger), question);
        Runtime::new().unwrap().block_on(answer)
    }

    /// It lists as alive what the state holds, in its slots, and nothing else.
    pub fn the_ledger_tells_the_truth(&self) -> Result<(), String> {
        let alive = "SELECT COALESCE(key_id, mark), slot, status FROM keys WHERE status <> 'revoked' ORDER BY slot";
        let listed = self.ledger(alive)?;
        let mut held: Vec<(String, String)> = Vec::new();
        if let Some(key) = self.ws().find_key("k") {
            held.push((self.keys.told_by(&key, "primary"), "primary|live".into()));
            let second = self.keys.told_by(&key, "secondary");
            held.push((second, format!("{}|live", key.phase())));
            held.retain(|(id, _)| !id.is_empty());
        }
        let is_told = |(id, how): &(String, String)| {
            let mut rows = listed.iter().filter_map(|row| row.split_once('|'));
            // It knows the mark of a key by fewer digits.
            rows.any(|(mark, said)| id.starts_with(mark) && said == how)
        };
        match held.len() == listed.len() && held.iter().all(is_told) {
            true => Ok(()),
            false => Err(format!(
                "the ledger lists {listed:?}, the state has {held:?}"
            )),
        }
    }
}
