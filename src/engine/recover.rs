//! Understands what applies that never ended, or whose answer was never heard, left behind. Looks, and closes what it
//! understood in the ledger; changes nothing at an issuer or in a store.
//!
//! The verdicts are those of [`crate::domain::recovery`].

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::recovery::{Evidence, Untracked, Verdict, needs_list};
use crate::engine::connections::Connections;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::issuers::Supply;
use crate::ledger::{Effect, Intent, KeyMark, KeyRecord, Ledger, MOST_OPEN, Memory};

/// The open mints that a key came of, by the id of the key.
pub type Origins = BTreeMap<String, Vec<String>>;

/// What was found out.
#[derive(Default)]
pub struct Recovered {
    /// Keys that belong to no resource, by id: the next apply revokes them.
    pub orphans: Vec<String>,
    /// Which mints some of them came of, by intent.
    pub origins: Origins,
    /// Keys of applies that ended but were never heard of.
    pub unacknowledged: Vec<KeyRecord>,
    /// Keys that the ledger holds for alive and the issuer does not know.
    pub gone: Vec<KeyMark>,
    /// Keys that a person can bring again. What holds them may be written over.
    pub untaken: Vec<KeyMark>,
    /// Keys that a state held once and this one does not.
    pub forgotten: Vec<KeyMark>,
    /// What a person should know.
    pub warnings: Vec<Error>,
    /// Intents that are understood, and why. Closed by [`Recovered::settle`].
    settled: Vec<(String, &'static str)>,
}

/// What the ledger says.
pub struct Remembered {
    /// What it remembers of the resource.
    pub memory: Memory,
    /// All keys in the account that it knows, where a verdict needs them.
    pub known: Vec<KeyRecord>,
    /// Another create has taken the place of those that it tells of.
    pub repeated: bool,
}

impl Remembered {
    /// Of a ledger that cannot be asked.
    pub fn nothing() -> Self {
        Self {
            memory: Memory::default(),
            known: Vec::new(),
            repeated: false,
        }
    }

    /// Asks the ledger for the rest that a verdict needs.
    pub async fn complete(
        memory: Memory,
        held: &[KeyMark],
        account: &str,
        ledger: &dyn Ledger,
    ) -> Result<Self> {
        let known = match needs_list(&memory, held) {
            true => ledger.keys_in(account).await?,
            false => Vec::new(),
        };
        Ok(Self {
            memory,
            known,
            repeated: false,
        })
    }
}

/// Judges everything that is open. `held` are the keys of the state, `now` is the machine's time.
pub async fn recover(
    name: &str,
    remembered: &Remembered,
    held: &[KeyMark],
    connections: &Connections,
    now: Instant,
) -> Result<Recovered> {
    let memory = &remembered.memory;
    let listed = match needs_list(memory, held) {
        true => connections.issuer.list().await?,
        false => None,
    };
    let evidence = Evidence {
        held,
        memory,
        listed: listed.as_deref().map(Vec::as_slice),
        local: connections.capabilities.local,
        brought: connections.capabilities.supply == Supply::Brought,
        ahead: connections.issuer.ahead(),
        known: &remembered.known,
        repeated: remembered.repeated,
        now,
    };
    let mut recovered = Recovered::default();
    let mut unsettled = recovered.judge_untracked(name, &evidence);
    for intent in &memory.open {
        match evidence.judge(intent) {
            Verdict::Settled(why) => recovered.settled.push((intent.id.clone(), why)),
            Verdict::Undecided => unsettled.push(intent.apply.clone()),
            Verdict::Orphans(keys) => {
                let ids = keys.into_iter().filter_map(|key| key.key_id);
                for id in ids {
                    if intent.effect == Effect::Mint {
                        let origins = recovered.origins.entry(id.clone());
                        origins.or_default().push(intent.id.clone());
                    }
                    recovered.orphans.push(id);
                }
                unsettled.push(intent.apply.clone());
            }
            Verdict::Unclear(candidates) => {
                recovered
                    .warnings
                    .push(unclear(name, &candidates, intent, held));
                unsettled.push(intent.apply.clone());
            }
        }
    }
    recovered.orphans.sort();
    recovered.orphans.dedup();
    // While one effect of an apply is not settled, the apply counts as unfinished, and so do all its intents.
    let unsettled: BTreeSet<String> = unsettled.into_iter().collect();
    let unfinished = memory.open.iter();
    let unfinished: BTreeSet<&str> = unfinished
        .filter(|intent| unsettled.contains(&intent.apply))
        .map(|intent| intent.id.as_str())
        .collect();
    recovered
        .settled
        .retain(|(id, _)| !unfinished.contains(id.as_str()));
    if memory.more {
        recovered.warnings.push(too_many(name));
    }
    Ok(recovered)
}

impl Recovered {
    /// Gives back the applies that are not settled.
    fn judge_untracked(&mut self, name: &str, evidence: &Evidence) -> Vec<String> {
        let mut unsettled = Vec::new();
        for untracked in evidence.judge_untracked() {
            match untracked {
                Untracked::Orphan(key) => {
                    let minted = evidence.memory.keys.iter().find(|record| record.key == key);
                    unsettled.extend(minted.and_then(|record| record.minted_by.clone()));
                    self.orphans.extend(key.key_id);
                }
                Untracked::Unacknowledged(record) => self.unacknowledged.push(record),
                Untracked::Untaken(key) => self.untaken.push(key),
                Untracked::Gone(key) => self.gone.push(key),
                Untracked::Forgotten(key) => self.forgotten.push(key),
                Untracked::Unattested(key) => self.warnings.push(unattested(name, &key)),
            }
        }
        unsettled
    }

    /// What a document may hold of applies that did not finish, and that may be written over.
    pub fn left_behind(&self) -> Vec<KeyMark> {
        let orphans = self.orphans.iter();
        let orphans = orphans.map(|id| KeyMark::new(Some(id.clone()), None));
        let others = self.gone.iter().chain(&self.untaken).cloned();
        orphans.chain(others).collect()
    }

    /// Closes what is understood. A ledger that is gone by now is asked again next time.
    pub async fn settle(&self, ledger: &dyn Ledger, now: Instant) {
        if let Err(error) = ledger.settle(&self.settled, now).await {
            tracing::warn!(%error, "settled intents could not be closed");
        }
    }
}

fn unclear(name: &str, candidates: &[String], mint: &Intent, held: &[KeyMark]) -> Error {
    let once = format!(
        "Once that is done, say so: terraform-provider-apikey ledger settle {}",
        mint.id
    );
    // The newest of them may be as unused, and as old, as what is looked for.
    let held: Vec<&str> = held.iter().map(KeyMark::label).collect();
    let but = match held.is_empty() {
        true => String::new(),
        false => format!(" Not {}, which this resource holds.", held.join(" or ")),
    };
    if candidates.is_empty() {
        return Error::new(
            Kind::Other,
            format!("{name}: a key may live that nothing holds"),
            format!(
                "An apply was cut off at {} while it minted a key, and the issuer cannot list its keys, so nobody can tell \
                 whether one was made. Look at the issuer and delete a key of that time that nobody uses.{but} {once}",
                mint.at
            ),
        );
    }
    Error::new(
        Kind::Other,
        format!("{name}: it is not clear which key an apply left behind"),
        format!(
            "An apply was cut off while it minted a key, and {} appeared at the issuer since. A key of that apply may be \
             among them, which nothing holds. They are left alone: find out which of them is in use, and delete by hand \
             what is not. {once}",
            candidates.join(" and ")
        ),
    )
}

fn too_many(name: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("{name}: the ledger holds more than {MOST_OPEN} effects without an outcome"),
        "The oldest were looked at, and those that are understood are closed. Plan again until this is gone; an apply mints \
         nothing before. Killed applies leave a handful each, so find out what else writes into the ledger.",
    )
}

fn unattested(name: &str, key: &KeyMark) -> Error {
    Error::new(
        Kind::Other,
        format!(
            "{name}: the ledger lists key {}, but its audit trail does not know where it comes from",
            key.label()
        ),
        "A row of the table keys says that an apply minted it, and no sealed event says so: something else than the \
         provider wrote that row. Nothing is done to the key. Find out who may write into the ledger, check it with \
         `terraform-provider-apikey audit verify`, and revoke the key by hand if nobody uses it.",
    )
}

/// The warning for a key that the ledger knows and the state does not.
pub fn forgotten(name: &str, key: &KeyMark) -> Error {
    Error::new(
        Kind::Other,
        format!(
            "{name}: the ledger knows key {}, the state does not",
            key.label()
        ),
        "A state held this key once, and it still exists at the issuer. Nothing is done to it: if nothing uses it any more, \
         revoke it by hand, or with the action apikey_revoke.",
    )
}
