//! What must never happen to the keys of a life, seen from outside: at the issuer and in the documents alone.

use std::collections::{BTreeMap, BTreeSet};

use apikey::duration::Duration;
use apikey::instant::Instant;

use super::life::Life;
use super::site::{Delivered, Outside, Site, delivered};

/// The `grace_period` of every life.
const GRACE: &str = "30s";

/// Looks at the outside after every apply, and compares it with what stood there before.
pub struct Judge<'a> {
    site: &'a Site,
    last: Outside,
    /// Keys that were primary, and when they stopped to be.
    retired: BTreeMap<String, Instant>,
    /// Keys that were revoked before.
    dead: BTreeSet<String>,
    /// Another resource takes over, whose generations count from the start.
    anew: bool,
}

impl<'a> Judge<'a> {
    /// At a moment of a life, before anything is done.
    pub fn at(life: &'a Life, moment: usize) -> Self {
        let now = &life.moments[moment];
        let held = now.outside.delivered();
        let gone = life.keys_until(moment).into_iter();
        let gone = gone.filter(|key| !held.contains(key));
        let secondaries = now.outside.in_slot("secondary").into_iter().flatten();
        let retiring = secondaries.filter(|_| now.retires);
        Self {
            site: &life.site,
            last: now.outside.clone(),
            retired: retiring.map(|key| (key.label, now.now)).collect(),
            dead: gone.map(|key| key.label).collect(),
            anew: false,
        }
    }

    /// From now on another resource has the keys, whose generations count from the start.
    pub fn starts_anew(&mut self) {
        self.anew = true;
    }

    /// Nothing has changed since the last look.
    pub fn nothing_changed(&self) -> Result<(), String> {
        let now = self.site.outside();
        match now == self.last {
            true => Ok(()),
            false => Err(format!(
                "it was refused and yet changed something: {} became {}",
                told(&self.last),
                told(&now)
            )),
        }
    }

    /// Nothing has happened since the last look that must never happen.
    pub fn look(&mut self) -> Result<(), String> {
        let now = self.site.outside();
        let at = self.site.ws().now();
        let judged = self.judge(&now, at);
        let judged =
            judged.map_err(|why| format!("{why}: {} became {}", told(&self.last), told(&now)));
        self.note_retired(&now, at);
        self.last = now;
        judged
    }

    /// Every document leads with the one key that the state calls primary, and there is no other key anywhere.
    pub fn is_at_rest(&self, primary: &str) -> Result<(), String> {
        let outside = &self.last;
        let keys: BTreeSet<_> = outside
            .delivered()
            .into_iter()
            .map(|key| key.label)
            .collect();
        let live = outside.live.clone().unwrap_or_else(|| keys.clone());
        let only = BTreeSet::from([primary.to_owned()]);
        match keys == only && live == only {
            true => Ok(()),
            false => Err(format!(
                "the state holds {primary}, outside is {}",
                told(outside)
            )),
        }
    }

    fn judge(&self, now: &Outside, at: Instant) -> Result<(), String> {
        if now.live.as_ref().is_some_and(|live| live.len() > 2) {
            return Err("there is a third key".into());
        }
        let copies = now.delivered();
        let is_lost = |place: &str, document: &serde_json::Value| {
            let keys = ["primary", "secondary"].map(|slot| delivered(document, slot));
            let mut keys = keys.into_iter().flatten();
            !now.documents.contains_key(place) && keys.any(|key| !copies.contains(&key))
        };
        let mut documents = self.last.documents.iter();
        if let Some((place, _)) = documents.find(|(place, there)| is_lost(place, there)) {
            return Err(format!(
                "the document at {place} is gone, and a key with it"
            ));
        }
        let kept = self.last.documents.iter();
        for (place, document) in kept.filter(|(place, _)| now.documents.contains_key(*place)) {
            let generation = |document: &serde_json::Value| document["generation"].as_u64();
            if !self.anew && generation(&now.documents[place]) < generation(document) {
                return Err(format!(
                    "the document at {place} went back to an older generation"
                ));
            }
        }
        for key in now.in_slot("primary") {
            let key = key.ok_or("a document without a primary")?;
            if self.dead.contains(&key.label) || self.site.accepts(&key) == Some(false) {
                return Err(format!(
                    "a document leads with {}, which is revoked",
                    key.label
                ));
            }
        }
        let held = now.delivered();
        let served = |key: &Delivered| held.contains(key) && now.is_live(key);
        for key in self.last.in_slot("primary").into_iter().flatten() {
            if !served(&key) {
                return Err(format!("primary key {} is lost", key.label));
            }
        }
        for key in self.last.in_slot("secondary").into_iter().flatten() {
            match self.retired.get(&key.label) {
                Some(since) if at < *since + grace() && !served(&key) => {
                    return Err(format!("retiring key {} lost its grace", key.label));
                }
                None if !held.contains(&key) && now.is_live(&key) => {
                    return Err(format!("staged key {} lost its last copy", key.label));
                }
                _ if !held.contains(&key) && now.live.is_some() && now.is_live(&key) => {
                    return Err(format!("{} lives and has no copy", key.label));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn note_retired(&mut self, now: &Outside, at: Instant) {
        let primaries = self.last.in_slot("primary").into_iter().flatten();
        let leads = now.in_slot("primary");
        for key in primaries {
            if !leads.contains(&Some(key.clone())) {
                self.retired.entry(key.label).or_insert(at);
            }
        }
    }
}

fn grace() -> Duration {
    Duration::parse(GRACE).unwrap()
}

/// The keys, without their secrets.
fn told(outside: &Outside) -> String {
    let label = |key: Option<Delivered>| key.map_or("-".to_owned(), |key| key.label);
    let documents = outside.documents.iter().map(|(place, document)| {
        let slot = |slot: &str| label(super::site::delivered(document, slot));
        let (primary, secondary) = (slot("primary"), slot("secondary"));
        format!(
            "{place}: {primary} {secondary} ({})",
            document["generation"]
        )
    });
    let documents: Vec<_> = documents.collect();
    format!("[live {:?}; {}]", outside.live, documents.join(", "))
}
