//! Writes documents to deliveries and takes them away again.

use sha2::{Digest, Sha256};

use crate::domain::approval::Asked;
use crate::domain::slots::Key;
use crate::engine::approvals;
use crate::engine::connections::{Delivery, in_delivery};
use crate::engine::managed::{DeliveryRecord, DeliveryState, Managed};
use crate::engine::secret_cache::SecretCache;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::{KeyMark, Ledger};
use crate::secret::Fingerprint;
use crate::stores::{Document, DocumentKey, Foreign, Found, Receipt, Version};

/// The document of two keys; `None` if a secret is not in the cache. Whoever leaves out a key that exists must know
/// that its secret is lost: what merely could not be read is not dropped.
pub fn document(
    secrets: &SecretCache,
    primary: &Key,
    secondary: Option<&Key>,
    generation: u64,
    rotated_at: Instant,
) -> Option<Document> {
    let entry = |key: &Key| {
        Some(DocumentKey {
            key_id: key.key_id.clone(),
            secret: secrets.secret_of(key)?.duplicate(),
        })
    };
    let secondary = match secondary {
        Some(key) => Some(entry(key)?),
        None => None,
    };
    Some(Document {
        primary: entry(primary)?,
        secondary,
        generation: Some(generation),
        rotated_at: Some(rotated_at),
    })
}

/// The token of one write: the same for the same document after the same version, told from public marks only.
/// A document that comes back after another one is a write of its own.
pub fn token(
    resource: &str,
    delivery: &str,
    former: Option<&DeliveryRecord>,
    document: &Document,
) -> String {
    let version = former.and_then(|record| record.version.clone());
    let mut parts = vec![
        resource.to_owned(),
        delivery.to_owned(),
        version.unwrap_or_default(),
    ];
    for key in [Some(&document.primary), document.secondary.as_ref()] {
        parts.push(key.map_or_else(String::new, |key| {
            format!("{}/{:?}", key.secret.fingerprint(), key.key_id)
        }));
    }
    parts.push(format!(
        "{:?}/{:?}",
        document.generation, document.rotated_at
    ));
    hex::encode(Sha256::digest(parts.join("\n")))
}

/// Writes one document to one delivery, over what `former` tells of and in place of the `expected` content. Tells as well why
/// what stood there before can still be read, if it can and should not.
pub async fn write(
    resource: &str,
    name: &str,
    delivery: &Delivery,
    former: Option<&DeliveryRecord>,
    document: &Document,
    expected: &Version,
) -> Result<(Receipt, Option<Error>)> {
    let token = token(resource, name, former, document);
    let written = delivery.store.write(document, &token, expected).await;
    let written = in_delivery(name, written)?;
    let lingers = written.lingers().map(Err::<(), Error>);
    let lingers = lingers.and_then(|error| in_delivery(name, error).err());
    let place = delivery.store.place();
    let receipt = in_delivery(name, written.completed(&place))?;
    tracing::info!(delivery = %name, %place, "delivered");
    Ok((receipt, lingers))
}

/// What stands at a place if it is ours to take away; `None` if nothing of ours is there. A key of ours in something that
/// this provider did not write is for a person to take out.
pub async fn ours(
    name: &str,
    delivery: &Delivery,
    is_ours: impl Fn(&Fingerprint) -> bool,
) -> Result<Option<Version>> {
    let seen = delivery.look(name).await?;
    Ok(match seen.found {
        Found::Document(document) if is_ours(&document.primary.secret.fingerprint()) => {
            Some(seen.version)
        }
        Found::Foreign(foreign) if foreign.holds(&is_ours) => {
            return in_delivery(name, Err(still_there(delivery, &foreign)));
        }
        _ if delivery.readable => None,
        _ => Some(seen.version),
    })
}

fn still_there(delivery: &Delivery, foreign: &Foreign) -> Error {
    Error::new(
        Kind::Invalid,
        format!("{} still holds a key", delivery.store.place()),
        format!(
            "A key of this resource stands in it, and {foreign}. Nothing was changed there. Take the key out by hand, or \
             delete what stands there."
        ),
    )
}

/// Every key that the ledger knows of a resource, and of the creates that it repeats. A dead one in a document is ours to take
/// away like a live one.
pub struct Past(Vec<KeyMark>);

impl Past {
    /// As the ledger has it now.
    pub async fn of(managed: &Managed, ledger: &dyn Ledger) -> Result<Self> {
        let attempts = managed.former.iter().filter_map(|it| it.attempt.as_ref());
        let mut keys = Vec::new();
        for resource in [&managed.id].into_iter().chain(attempts) {
            let memory = ledger.recall(resource).await?;
            keys.extend(memory.keys.into_iter().map(|record| record.key));
        }
        Ok(Self(keys))
    }

    /// Whether this is the mark of one of them.
    pub fn has(&self, mark: &Fingerprint) -> bool {
        let mark = KeyMark::new(None, Some(mark));
        self.0.iter().any(|key| key.is(&mark))
    }
}

/// Takes a document away if it leads with one of these keys; a document of somebody else stays.
pub async fn withdraw(name: &str, delivery: &Delivery, keys: &[&Key]) -> Result<()> {
    let leads = |mark: &Fingerprint| {
        keys.iter()
            .any(|key| key.fingerprint.as_ref() == Some(mark))
    };
    match ours(name, delivery, leads).await? {
        Some(version) => remove(name, delivery, &version).await,
        None => Ok(()),
    }
}

/// Takes away what was seen. Whoever has to approve that is not asked twice.
pub async fn remove(name: &str, delivery: &Delivery, seen: &Version) -> Result<()> {
    if approvals::is_asked_for(delivery, None, &Asked::default()).await {
        let place = delivery.store.place();
        return in_delivery(name, Err(approvals::still_awaited(&place, None)));
    }
    in_delivery(name, delivery.store.remove(seen).await)?;
    tracing::info!(delivery = %name, place = %delivery.store.place(), "withdrawn");
    Ok(())
}

/// Whether the document that stands there has this key in front of all others.
pub async fn is_led_by(name: &str, delivery: &Delivery, key: &Key) -> Result<bool> {
    let seen = delivery.look(name).await?;
    Ok(match seen.found {
        Found::Document(document) => {
            key.fingerprint.as_ref() == Some(&document.primary.secret.fingerprint())
        }
        Found::Nothing | Found::Deleted(_) | Found::Foreign(_) | Found::Opaque => false,
    })
}

/// What a write that went well tells of its place.
pub struct Written {
    /// The store's version of it, where it has versions.
    pub version: Option<String>,
    /// What the place is, whatever name the settings give it.
    pub place: Option<String>,
    /// Why what stood there before can still be read, although it should not.
    pub lingers: Option<String>,
}

/// The record of a write that went well.
pub fn record(written: Written, document: &Document, now: Instant) -> DeliveryRecord {
    DeliveryRecord {
        version: written.version,
        place: written.place,
        fingerprint: Some(document.primary.secret.fingerprint()),
        delivered_at: Some(now),
        state: match written.lingers {
            Some(_) => DeliveryState::Lingering,
            None => DeliveryState::Delivered,
        },
        reason: written.lingers,
        failing_since: None,
        asked: Vec::new(),
    }
}
