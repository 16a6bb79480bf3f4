//! An issuer and stores in memory: they fail when told to, remember every effect in order, and judge the effects
//! that must never happen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use apikey::clock::Clock;
use apikey::context::{Connector, Context};
use apikey::error::{Error, Kind, Result};
use apikey::instant::Instant;
use apikey::issuers::{Issuer, IssuerKind, Listed, Minted, Probe, Standing};
use apikey::secret::Secret;
use apikey::settings::Settings;
use apikey::stores::{
    Document, DocumentKey, Found, Observation, Receipt, Store, StoreKind, Version,
};
use async_trait::async_trait;
use tokio::sync::Notify;

/// One key at the issuer.
#[derive(Clone, Debug)]
pub struct Issued {
    pub secret: String,
    pub live: bool,
    pub proved: bool,
    /// Every place that ever held it.
    pub was_in: BTreeSet<String>,
    pub created_at: Instant,
}

/// What stands at a place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    pub primary: (Option<String>, String),
    pub secondary: Option<(Option<String>, String)>,
    pub generation: u64,
}

#[derive(Default)]
pub struct State {
    pub issued: BTreeMap<String, Issued>,
    pub places: BTreeMap<String, Written>,
    pub last_used: BTreeMap<String, Instant>,
    /// Which of the next calls fail, the first in the lowest bit.
    pub faults: u64,
    /// Calls that fail by name, such as `write /p1`, however often they are made.
    pub broken: BTreeSet<String>,
    /// The id that the next mint answers with in place of a new one.
    pub repeats: Option<String>,
    /// No key is accepted.
    pub refuse_probes: bool,
    /// Effects in order.
    pub log: Vec<String>,
    /// What must never happen, and did.
    pub crimes: Vec<String>,
    /// Keys whose end the current plan showed.
    pub doomed: BTreeSet<String>,
    /// The key that must be primary everywhere before another is revoked.
    pub successor: Option<String>,
    /// Places that somebody emptied, and that the provider has not looked at since.
    pub emptied: BTreeSet<String>,
    /// The places that are wanted now.
    pub wanted: BTreeSet<String>,
    /// After how many more breaths the process is killed.
    pub kill_in: Option<u32>,
    /// Of which of the next effects the answer is lost, the first in the lowest bit.
    pub lost: u64,
    died: Arc<Notify>,
    minted: u64,
}

#[derive(Clone, Default)]
pub struct World(Arc<Mutex<State>>);

impl World {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// A moment at which the process may be killed: then it never gets any further.
    pub async fn breathe(&self) {
        let dies = {
            let mut state = self.state();
            match &mut state.kill_in {
                Some(0) => Some(Arc::clone(&state.died)),
                Some(left) => {
                    *left -= 1;
                    None
                }
                None => None,
            }
        };
        if let Some(died) = dies {
            died.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// Resolves when the process was killed.
    pub async fn death(&self) {
        let died = Arc::clone(&self.state().died);
        died.notified().await;
    }

    /// The answer to an effect that has happened, unless it is lost on the way.
    fn answer<T>(&self, what: &str, kind: Kind, answer: T) -> Result<T> {
        let mut state = self.state();
        let lost = state.lost & 1 == 1;
        state.lost >>= 1;
        if !lost {
            return Ok(answer);
        }
        state.log.push(format!("{what} unanswered"));
        Err(Error::new(kind, format!("{what}: no answer"), "Try again."))
    }

    pub fn live(&self) -> BTreeSet<String> {
        let state = self.state();
        let live = state.issued.iter().filter(|(_, issued)| issued.live);
        live.map(|(id, _)| id.clone()).collect()
    }
}

impl State {
    /// Whether this call is one of those that fail.
    fn call(&mut self, what: &str) -> Result<()> {
        let fails = self.faults & 1 == 1 || self.broken.contains(what);
        self.faults >>= 1;
        if !fails {
            return Ok(());
        }
        self.log.push(format!("{what} failed"));
        Err(Error::new(
            Kind::Unavailable,
            format!("{what} timed out"),
            "Try again.",
        ))
    }

    fn live(&self) -> usize {
        self.issued.values().filter(|issued| issued.live).count()
    }

    fn accuse(&mut self, crime: String) {
        self.crimes.push(crime);
    }

    fn mint(&mut self) -> Result<Minted> {
        self.call("mint")?;
        if self.live() >= 2 {
            self.accuse("a third key was minted".into());
        }
        if let Some(id) = self.repeats.take() {
            self.log.push(format!("mint {id} again"));
            return Ok(Minted {
                key_id: Some(id),
                secret: Secret::new("secret-again".into()),
            });
        }
        self.minted += 1;
        let id = format!("id{}", self.minted);
        let secret = format!("secret-{}", self.minted);
        self.log.push(format!("mint {id}"));
        // A key that never got anywhere may be taken back without a word in the plan.
        self.doomed.insert(id.clone());
        self.issued.insert(
            id.clone(),
            Issued {
                secret: secret.clone(),
                live: true,
                proved: false,
                was_in: BTreeSet::new(),
                created_at: Clock::system().wall(),
            },
        );
        Ok(Minted {
            key_id: Some(id),
            secret: Secret::new(secret),
        })
    }

    fn revoke(&mut self, id: &str) -> Result<()> {
        if !self.issued.contains_key(id) {
            self.accuse(format!("{id} was revoked, which is not ours"));
            return Ok(());
        }
        if !self.doomed.contains(id) {
            self.accuse(format!("{id} was revoked, which no plan showed"));
        }
        let deserted = self.wanted.iter().find(|place| {
            let written = self.places.get(*place).map(|written| &written.primary.0);
            // Nobody reads any key where somebody else emptied the place.
            self.successor.is_some()
                && written != Some(&self.successor)
                && !self.emptied.contains(*place)
        });
        if let Some(place) = deserted {
            let crime = format!("{id} was revoked before its successor was in {place}");
            self.crimes.push(crime);
        }
        self.call(&format!("revoke {id}"))?;
        self.log.push(format!("revoke {id}"));
        if let Some(issued) = self.issued.get_mut(id) {
            issued.live = false;
        }
        Ok(())
    }

    fn write(&mut self, place: &str, document: &Document) -> Result<()> {
        self.call(&format!("write {place}"))?;
        let copy = |key: &DocumentKey| (key.key_id.clone(), key.secret.expose().to_owned());
        let written = Written {
            primary: copy(&document.primary),
            secondary: document.secondary.as_ref().map(copy),
            generation: document.generation.unwrap_or_default(),
        };
        let ids = [Some(&written.primary), written.secondary.as_ref()];
        for id in ids.into_iter().flatten().filter_map(|(id, _)| id.as_ref()) {
            if let Some(issued) = self.issued.get_mut(id) {
                issued.was_in.insert(place.to_owned());
            }
        }
        self.log.push(format!("write {place} {ids:?}"));
        self.places.insert(place.to_owned(), written);
        self.emptied.remove(place);
        Ok(())
    }
}

impl Connector for World {
    fn issuer(&self, _: &dyn IssuerKind, _: &Settings, _: &Context) -> Result<Box<dyn Issuer>> {
        Ok(Box::new(self.clone()))
    }

    fn store(&self, _: &dyn StoreKind, settings: &Settings, _: &Context) -> Result<Box<dyn Store>> {
        Ok(Box::new(Place {
            world: self.clone(),
            name: settings.required_string("path")?.to_owned(),
        }))
    }
}

#[async_trait]
impl Issuer for World {
    fn account(&self) -> String {
        "the account".into()
    }

    async fn check(&self, _: &[String]) -> Result<()> {
        let mut state = self.state();
        state.call("check issuer")?;
        match state.live() {
            0 | 1 => Ok(()),
            _ => Err(Error::new(
                Kind::Limit,
                "The account is full",
                "Delete a key.",
            )),
        }
    }

    async fn mint(&self, _: &str) -> Result<Minted> {
        self.breathe().await;
        let minted = self.state().mint()?;
        self.breathe().await;
        self.answer("mint", Kind::Uncertain, minted)
    }

    async fn list(&self) -> Result<Option<Vec<Listed>>> {
        let mut state = self.state();
        state.call("list")?;
        let live = state.issued.iter().filter(|(_, issued)| issued.live);
        let listed = live.map(|(id, issued)| Listed {
            key_id: id.clone(),
            created_at: issued.created_at,
        });
        Ok(Some(listed.collect()))
    }

    async fn inspect(&self, ids: &[String]) -> Result<Vec<Option<Standing>>> {
        let mut state = self.state();
        state.call("inspect")?;
        let standing = |id: &String| match state.issued.get(id) {
            Some(issued) if issued.live => Some(Standing::Active),
            _ => Some(Standing::Missing),
        };
        Ok(ids.iter().map(standing).collect())
    }

    async fn last_used(&self, id: &str) -> Result<Option<Instant>> {
        let mut state = self.state();
        state.call("last used")?;
        Ok(state.last_used.get(id).copied())
    }

    async fn probe(&self, id: Option<&str>, secret: &Secret) -> Result<Probe> {
        let mut state = self.state();
        state.call("probe")?;
        if state.refuse_probes {
            return Ok(Probe::Refused("not now".into()));
        }
        match id.and_then(|id| state.issued.get_mut(id)) {
            Some(issued) if issued.live && issued.secret == secret.expose() => {
                issued.proved = true;
                Ok(Probe::Accepted)
            }
            _ => Ok(Probe::Refused("no such key".into())),
        }
    }

    async fn revoke(&self, id: Option<&str>) -> Result<()> {
        self.breathe().await;
        self.state().revoke(id.unwrap_or_default())?;
        self.breathe().await;
        self.answer("revoke", Kind::Unavailable, ())
    }
}

struct Place {
    world: World,
    name: String,
}

#[async_trait]
impl Store for Place {
    fn place(&self) -> String {
        self.name.clone()
    }

    async fn check(&self) -> Result<()> {
        self.world.state().call(&format!("check {}", self.name))
    }

    async fn observe(&self) -> Result<Observation> {
        let mut state = self.world.state();
        state.call(&format!("read {}", self.name))?;
        state.emptied.remove(&self.name);
        let Some(written) = state.places.get(&self.name).cloned() else {
            return Ok(Observation::nothing());
        };
        let version = version(Some(&written));
        let key = |(key_id, secret): (Option<String>, String)| DocumentKey {
            key_id,
            secret: Secret::new(secret),
        };
        let document = Document {
            primary: key(written.primary),
            secondary: written.secondary.map(key),
            generation: Some(written.generation),
            rotated_at: None,
        };
        Ok(Observation {
            found: Found::Document(document),
            version,
        })
    }

    async fn write(&self, document: &Document, _: &str, expected: &Version) -> Result<Receipt> {
        self.world.breathe().await;
        self.refuse_another(expected)?;
        self.world.state().write(&self.name, document)?;
        self.world.breathe().await;
        let receipt = Receipt {
            content: version(self.world.state().places.get(&self.name)),
            version: None,
        };
        self.world.answer("write", Kind::Unavailable, receipt)
    }

    async fn remove(&self, expected: &Version) -> Result<()> {
        self.world.breathe().await;
        self.refuse_another(expected)?;
        {
            let mut state = self.world.state();
            state.call(&format!("remove {}", self.name))?;
            state.log.push(format!("remove {}", self.name));
            state.places.remove(&self.name);
        }
        self.world.breathe().await;
        self.world.answer("remove", Kind::Unavailable, ())
    }
}

impl Place {
    fn refuse_another(&self, expected: &Version) -> Result<()> {
        let state = self.world.state();
        let stands = version(state.places.get(&self.name));
        if stands == *expected {
            return Ok(());
        }
        let changed = format!("{} was changed in the meantime", self.name);
        Err(Error::new(Kind::Stale, changed, "Plan again."))
    }
}

fn version(written: Option<&Written>) -> Version {
    written.map_or(Version::Absent, |written| {
        Version::of_bytes(format!("{written:?}").as_bytes())
    })
}
