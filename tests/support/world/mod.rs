//! An issuer and stores in memory: they fail when told to, remember every effect in order, and judge the effects
//! that must never happen.

mod hearing;
mod outside;
mod processes;
mod violations;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use apikey::clock::Clock;
use apikey::domain::notices::Told;
use apikey::error::{Error, Kind, Result};
use apikey::instant::Instant;
use apikey::issuers::Minted;
use apikey::secret::Secret;
use apikey::stores::{Document, DocumentKey};
use tokio::sync::Notify;

/// One key at the issuer.
#[derive(Clone, Debug)]
pub struct Issued {
    pub secret: String,
    pub live: bool,
    /// The provider revoked it.
    pub revoked: bool,
    pub proved: bool,
    /// Every place that ever held it.
    pub was_in: BTreeSet<String>,
    pub created_at: Instant,
    /// Where the environment pointed to when it was minted.
    pub born: Region,
}

/// Where the environment points to: names mean other places there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Region {
    #[default]
    Home,
    Elsewhere,
}

/// What stands at a place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    pub primary: (Option<String>, String),
    pub secondary: Option<(Option<String>, String)>,
    pub generation: u64,
}

impl Written {
    /// The ids in it, the primary first.
    pub fn ids(&self) -> Vec<String> {
        let keys = [Some(&self.primary), self.secondary.as_ref()];
        keys.into_iter()
            .flatten()
            .filter_map(|(id, _)| id.clone())
            .collect()
    }
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
    /// Keys that the list leaves out although they live.
    pub unlisted: BTreeSet<String>,
    /// Many may work on the account at once.
    pub shared: bool,
    /// No key is accepted.
    pub refuse_probes: bool,
    /// Which of the next messages do not arrive, and which are not answered: two bits each, the first in the lowest.
    pub deaf: u64,
    /// What people heard, and the id of each message.
    pub heard: Vec<(String, Told)>,
    /// The messages that the ledger knows as sent.
    pub concluded: BTreeSet<String>,
    /// Effects in order.
    pub log: Vec<String>,
    /// What must never happen, and did.
    pub violations: Vec<String>,
    /// Keys whose end the current plan showed.
    pub doomed: BTreeSet<String>,
    /// Keys that await their revocation, so that they need no copy.
    pub pending: BTreeSet<String>,
    /// The key that must be primary everywhere before another is revoked.
    pub successor: Option<String>,
    /// A person asked for a revocation before anything takes the place of the key.
    pub contains_first: bool,
    /// A compromised key is replaced before it is revoked: nobody is to be without a key.
    pub replaces_first: bool,
    /// Keys that were minted since the plan: whoever reads one of them may lose it again.
    pub fresh: BTreeSet<String>,
    /// A person asked for an outage: the compromised key ends before another is delivered.
    pub accepts_an_outage: bool,
    /// Places that the plan said cannot be written, so that their readers lose a compromised key.
    pub excused: BTreeSet<String>,
    /// Places that somebody emptied, and that the provider has not written since: nobody gets a key there.
    pub emptied: BTreeSet<String>,
    /// The places that are wanted now.
    pub wanted: BTreeSet<String>,
    /// Those of them that were empty before a create: nobody reads a key there that is taken back.
    pub unread: BTreeSet<String>,
    /// Where the environment points to now.
    pub region: Region,
    /// Places that can be neither read nor written until further notice.
    pub failing: BTreeSet<String>,
    /// The mark of the key that the deployment has shown last.
    pub shown: Option<String>,
    /// The state holds the secrets, so that a document is not the only copy.
    pub stored: bool,
    /// After how many more looks into the ledger the process is suspended.
    pub suspend_in: Option<u32>,
    /// Processes that slept while another one took their lock.
    pub late: BTreeSet<u32>,
    asleep: Option<u32>,
    slept: Arc<Notify>,
    woken: Arc<Notify>,
    /// After how many more breaths the process is killed.
    pub kill_in: Option<u32>,
    /// Of which of the next effects the answer is lost, the first in the lowest bit.
    pub lost: u64,
    died: Arc<Notify>,
    minted: u64,
}

/// Ends the identity of a place that is not at home.
const ELSEWHERE: &str = " elsewhere";

/// The world as one process sees it.
#[derive(Clone, Default)]
pub struct World {
    shared: Arc<Mutex<State>>,
    process: u32,
}

impl World {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap()
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

    /// What a name of a place means now: links lead to what they point to, and elsewhere everything is another place.
    pub fn identity_of(&self, name: &str) -> String {
        let bare = name.strip_prefix("/link").unwrap_or(name);
        match self.state().region {
            Region::Home => bare.to_owned(),
            Region::Elsewhere => format!("{bare}{ELSEWHERE}"),
        }
    }

    pub fn live(&self) -> BTreeSet<String> {
        let state = self.state();
        let live = state.issued.iter().filter(|(_, issued)| issued.live);
        live.map(|(id, _)| id.clone()).collect()
    }
}

impl State {
    /// How many calls have failed so far.
    pub fn failures(&self) -> usize {
        let lines = self.log.iter();
        lines.filter(|line| line.ends_with(" failed")).count()
    }

    /// Whether this call is one of those that fail.
    pub(super) fn call(&mut self, what: &str) -> Result<()> {
        let place = what.split_once(' ').map_or("", |(_, place)| place);
        let fails =
            self.faults & 1 == 1 || self.broken.contains(what) || self.failing.contains(place);
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

    pub(super) fn deploy(&mut self, mark: &str) -> Result<()> {
        self.call("deploy web")?;
        self.log.push("deploy web".into());
        self.shown = Some(mark.to_owned());
        Ok(())
    }

    pub(super) fn live_count(&self) -> usize {
        self.issued.values().filter(|issued| issued.live).count()
    }

    pub(super) fn mint(&mut self) -> Result<Minted> {
        self.call("mint")?;
        if self.live_count() >= 2 {
            self.accuse("a third key was minted".into());
        }
        if let Some(id) = self.repeats.take() {
            self.log.push(format!("mint {id} again"));
            return Ok(Minted {
                key_id: Some(id),
                secret: Secret::new("secret-again".into()),
                created_at: None,
            });
        }
        self.minted += 1;
        let id = format!("id{}", self.minted);
        let secret = format!("secret-{}", self.minted);
        self.log.push(format!("mint {id}"));
        // A key that never got anywhere may be taken back without a word in the plan.
        self.doomed.insert(id.clone());
        self.fresh.insert(id.clone());
        self.issued.insert(
            id.clone(),
            Issued {
                secret: secret.clone(),
                live: true,
                revoked: false,
                proved: false,
                was_in: BTreeSet::new(),
                created_at: Clock::system().wall(),
                born: self.region,
            },
        );
        Ok(Minted {
            key_id: Some(id),
            secret: Secret::new(secret),
            created_at: None,
        })
    }

    pub(super) fn revoke(&mut self, id: &str) -> Result<()> {
        if !self.issued.contains_key(id) {
            self.accuse(format!("{id} was revoked, which is not ours"));
            return Ok(());
        }
        self.judge_revocation(id);
        self.call(&format!("revoke {id}"))?;
        self.log.push(format!("revoke {id}"));
        let was_served = self.is_served();
        if let Some(issued) = self.issued.get_mut(id) {
            issued.live = false;
            issued.revoked = true;
        }
        self.judge_service(was_served);
        Ok(())
    }

    pub(super) fn write(&mut self, place: &str, document: &Document) -> Result<()> {
        self.call(&format!("write {place}"))?;
        let copy = |key: &DocumentKey| (key.key_id.clone(), key.secret.expose().to_owned());
        let written = Written {
            primary: copy(&document.primary),
            secondary: document.secondary.as_ref().map(copy),
            generation: document.generation.unwrap_or_default(),
        };
        self.judge_write(place, &written);
        let ids = [Some(&written.primary), written.secondary.as_ref()];
        for id in ids.into_iter().flatten().filter_map(|(id, _)| id.as_ref()) {
            if let Some(issued) = self.issued.get_mut(id) {
                issued.was_in.insert(place.to_owned());
            }
        }
        self.log.push(format!("write {place} {ids:?}"));
        let was_served = self.is_served();
        self.places.insert(place.to_owned(), written);
        self.emptied.remove(place);
        self.judge_service(was_served);
        Ok(())
    }

    pub(super) fn remove(&mut self, place: &str) -> Result<()> {
        self.call(&format!("remove {place}"))?;
        self.judge_removal(place, &[]);
        self.log.push(format!("remove {place}"));
        let was_served = self.is_served();
        self.places.remove(place);
        self.judge_service(was_served);
        Ok(())
    }
}
