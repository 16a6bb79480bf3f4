//! Nothing is written over a key that may be in use and that the state does not know: it may be the only copy.
//!
//! A document can be newer than the state: an older state was restored or copied, or another apply went on with the
//! key. Its generation tells, and so do keys in it that are none of ours.

use crate::domain::slots::Key;
use crate::engine::connections::{Connections, Delivery, at_issuer, in_delivery};
use crate::engine::managed::Managed;
use crate::error::{Error, Kind, Result};
use crate::issuers::KeyStatus;
use crate::ledger::{KeyMark, KeyRecord, Ledger, ResourceRef, Status};
use crate::stores::{Document, DocumentKey, Found, Observation, Version};

/// The keys that an apply may write over.
pub struct Ours<'a> {
    /// What the state says.
    pub managed: &'a Managed,
    /// The key that this apply minted, while it is in no slot yet.
    pub minted: Option<&'a Key>,
    /// Keys that an apply which did not finish left behind.
    pub left_behind: &'a [KeyMark],
}

impl Ours<'_> {
    fn has(&self, there: &DocumentKey) -> bool {
        let slots = self.managed.slots.iter();
        let keys = slots.flat_map(|slots| [Some(&slots.primary), slots.secondary_key()]);
        let mut keys = keys.chain([self.minted]).flatten();
        let pending = &self.managed.pending_revocations;
        // Another secret under the id of our key is a copy that somebody changed, not another key.
        keys.any(|key| is(key, there) || (key.key_id.is_some() && key.key_id == there.key_id))
            || there.key_id.as_ref().is_some_and(|id| pending.contains(id))
            || self.left_behind.iter().any(|key| key.is(&mark_of(there)))
    }

    fn generation(&self) -> u64 {
        let slots = self.managed.slots.as_ref();
        slots.map_or(0, |slots| slots.generation)
    }
}

/// What the ledger knows a key by.
pub fn mark_of(key: &DocumentKey) -> KeyMark {
    KeyMark::new(key.key_id.clone(), Some(&key.secret.fingerprint()))
}

/// Whether a document holds this key. An imported key is known by its id alone.
pub fn is(key: &Key, there: &DocumentKey) -> bool {
    match &key.fingerprint {
        Some(fingerprint) => *fingerprint == there.secret.fingerprint(),
        None => key.key_id.is_some() && key.key_id == there.key_id,
    }
}

/// What speaks against writing over a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// What people call the key.
    pub label: String,
    /// It stands first in the document.
    pub leads: bool,
    /// The generation of the document, where it tells.
    pub generation: Option<u64>,
    /// The document is of a later generation than the state.
    pub is_newer: bool,
    /// A key of ours stands beside it.
    pub is_beside_ours: bool,
    /// Whose key it is by the ledger.
    pub owner: Option<ResourceRef>,
}

/// A key in the document that is none of ours and may be in use; `None` if the document may be replaced.
///
/// A first key without an id that nobody knows, in a document that is not newer than the state, is a copy that somebody
/// changed. A key with an id is somebody's.
pub async fn stranger(
    document: &Document,
    ours: &Ours<'_>,
    connections: &Connections,
    ledger: &dyn Ledger,
) -> Result<Option<Stranger>> {
    let is_newer = document
        .generation
        .is_some_and(|generation| generation > ours.generation());
    let slots = [
        (true, Some(&document.primary)),
        (false, document.secondary.as_ref()),
    ];
    let mut keys = slots.iter().filter_map(|(_, there)| *there);
    let is_beside_ours = keys.any(|there| ours.has(there));
    for (leads, there) in slots {
        let Some(there) = there.filter(|there| !ours.has(there)) else {
            continue;
        };
        let known = ledger.find_keys(&[mark_of(there)]).await?;
        let is_of_this_account = is_beside_ours
            || known.iter().any(|(owner, _)| owner.id == ours.managed.id)
            || (!known.is_empty() && is_of_this_account(there, connections, ledger).await?);
        let lives = match exists(there, connections).await? {
            Some(true) => true,
            Some(false) if is_of_this_account => false,
            _ if known.is_empty() => there.key_id.is_some() || is_newer || !leads,
            _ => known.iter().any(|(_, record)| is_alive(record)),
        };
        if lives {
            let owner = known.into_iter().find(|(_, record)| is_alive(record));
            return Ok(Some(Stranger {
                label: label(there),
                leads,
                generation: document.generation,
                is_newer,
                is_beside_ours,
                owner: owner.map(|(resource, _)| resource),
            }));
        }
    }
    Ok(None)
}

/// Refuses a place that cannot be read back and does not hold what the state wrote there last, unless the ledger knows of a
/// write since.
pub async fn refuse_unread(
    name: &str,
    delivery: &Delivery,
    seen: &Observation,
    managed: &Managed,
    ledger: &dyn Ledger,
) -> Result<()> {
    let place = delivery.store.place();
    match is_unexplained(name, delivery, seen, managed, ledger).await? {
        true => in_delivery(
            name,
            Err(Error::new(
                Kind::Stale,
                format!("{place} holds what this state did not write"),
                format!("{}. {WAY_ON_UNREAD}", capitalised(&unread(&place))),
            )),
        ),
        false => Ok(()),
    }
}

/// Whether that is so.
pub async fn is_unexplained(
    name: &str,
    delivery: &Delivery,
    seen: &Observation,
    managed: &Managed,
    ledger: &dyn Ledger,
) -> Result<bool> {
    let (Found::Opaque, Version::Of(now)) = (&seen.found, &seen.version) else {
        return Ok(false);
    };
    let record = managed.deliveries.get(name);
    let is_known = record.is_none_or(|record| record.is_of_last_write(&seen.version));
    if is_known
        || delivery.overwrite
        || delivery.recorded.is_none()
        || delivery.recorded == delivery.lost_place
    {
        return Ok(false);
    }
    let place = delivery.place(name);
    Ok(!ledger.explains(&managed.id, &place, now).await?)
}

/// What was found there, as a part of a sentence.
pub fn unread(place: &str) -> String {
    format!(
        "what stands in {place} was written or changed since this state wrote there, by nothing that the ledger knows, and \
         {UNREADABLE}"
    )
}

const UNREADABLE: &str = "nobody can read it back";

/// How to go on from what was [`found`], or could not be read back.
pub fn way_on(found: &str) -> &'static str {
    match found.ends_with(UNREADABLE) {
        true => WAY_ON_UNREAD,
        false => WAY_ON,
    }
}

/// The state may hold the only copy that anybody can read, so that it is not the state that is given up.
const WAY_ON_UNREAD: &str = "An older state was restored or copied, another apply went on with the key, or somebody changed it \
    there. Nothing is written over it, because it may be a key in use. Restore the newest state. If this is the newest, set \
    overwrite = true in the delivery, or delete what stands there by hand: the next apply writes the keys of this state \
    there. Do not remove the resource from the state: it may hold the only copy of its keys that can be read.";

/// Whether the ledger has nothing that says that the key is dead.
pub fn is_alive(record: &KeyRecord) -> bool {
    record.status != Status::Revoked
}

/// Whether a key exists in the account of these connections; `None` if its issuer cannot tell. A key that is missing there
/// is dead only if it was of that account: another user has keys of its own.
pub async fn exists(there: &DocumentKey, connections: &Connections) -> Result<Option<bool>> {
    let Some(id) = there
        .key_id
        .as_ref()
        .filter(|_| connections.capabilities.inspects())
    else {
        return Ok(None);
    };
    let key_statuses = at_issuer(connections.issuer.inspect(std::slice::from_ref(id)).await)?;
    let status = key_statuses.first().copied().flatten();
    Ok(status.map(|status| status != KeyStatus::Missing))
}

/// Whether a key is of the account of these connections, whosever it is by the ledger.
pub async fn is_of_this_account(
    there: &DocumentKey,
    connections: &Connections,
    ledger: &dyn Ledger,
) -> Result<bool> {
    // An account that does not tell its name may be another one.
    let Ok(account) = connections.issuer.lock().await else {
        return Ok(false);
    };
    let known = ledger.keys_in(&account).await?;
    Ok(known.iter().any(|record| record.key.is(&mark_of(there))))
}

/// The refusal to write for the resource `id`, whose state has a generation, in words that say how to go on.
pub fn refused(place: &str, stranger: &Stranger, id: &str, state: u64) -> Error {
    let found = capitalised(&found(place, stranger, state));
    match &stranger.owner {
        Some(owner) if owner.id != id => Error::new(
            Kind::Stale,
            format!("{place} holds a key of another resource"),
            format!(
                "{found}. To overwrite it could destroy the only copy. Choose another place for one of the two."
            ),
        ),
        _ => Error::new(
            Kind::Stale,
            format!("{place} holds a key that this state does not know"),
            format!("{found}: {CATCH_UP} If it is refused: {WAY_ON}"),
        ),
    }
}

/// What was found, as a part of a sentence.
pub fn found(place: &str, stranger: &Stranger, state: u64) -> String {
    let role = match stranger.leads {
        true => "primary",
        false => "secondary",
    };
    let generation = stranger.generation.map_or_else(String::new, |there| {
        format!(" is of generation {there} (this state has {state}) and")
    });
    let owner = stranger.owner.as_ref().map_or_else(String::new, |owner| {
        format!(", by the ledger a key of {:?},", owner.name)
    });
    format!(
        "the document in {place}{generation} holds {}{owner} as {role}, which this state does not know",
        stranger.label
    )
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// The refusal of an apply that knows less than the ledger or the documents: a refresh may make it up.
pub fn behind(found: impl Into<String>) -> Error {
    Error::new(
        Kind::Stale,
        found,
        format!("The state is older than what is there: {CATCH_UP} Nothing was done."),
    )
}

/// How a state catches up.
const CATCH_UP: &str = "an apply or the action apikey_rotate_now ended without it, or an older state was restored. Run \
    terraform apply -refresh-only (a plan writes no state): where ledger, issuer and documents agree, the state follows.";

/// How to go on from a state that a refresh could not bring up to date.
const WAY_ON: &str = "An older state was restored or copied, another apply went on with the key, or another \
    configuration delivers to the same place. Nothing is written over it, because it may be the only copy of a key in use. Restore the newest state. If that is lost, remove \
    the resource from the state (terraform state rm) and take over the key that is there: import it, or, for an issuer \
    without import, create the resource with existing_secret_wo.";

fn label(key: &DocumentKey) -> String {
    let mark = key.secret.fingerprint();
    match &key.key_id {
        Some(id) => format!("key {id}"),
        None => format!("key {mark}"),
    }
}
