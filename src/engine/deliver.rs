//! Writes documents to deliveries and takes them away again.

use sha2::{Digest, Sha256};

use crate::domain::slots::Key;
use crate::engine::connections::{Delivery, in_delivery};
use crate::engine::managed::{DeliveryRecord, DeliveryState};
use crate::engine::vault::Vault;
use crate::error::{Error, Result};
use crate::instant::Instant;
use crate::stores::{Document, DocumentKey, Found, Receipt, Version};

/// The document of two keys; `None` if the secret of the primary is not in the vault.
/// A secondary whose secret is gone is left out: consumers that still hold it are not disturbed.
pub fn document(
    vault: &Vault,
    primary: &Key,
    secondary: Option<&Key>,
    generation: u64,
    rotated_at: Instant,
) -> Option<Document> {
    let entry = |key: &Key| {
        Some(DocumentKey {
            key_id: key.key_id.clone(),
            secret: vault.secret_of(key)?.duplicate(),
        })
    };
    Some(Document {
        primary: entry(primary)?,
        secondary: secondary.and_then(entry),
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

/// Writes one document to one delivery, over what `former` tells of and in place of the `expected` content.
pub async fn write(
    resource: &str,
    name: &str,
    delivery: &Delivery,
    former: Option<&DeliveryRecord>,
    document: &Document,
    expected: &Version,
) -> Result<Receipt> {
    let token = token(resource, name, former, document);
    let written = delivery.store.write(document, &token, expected);
    let receipt = in_delivery(name, written.await)?;
    tracing::info!(delivery = %name, place = %delivery.store.place(), "delivered");
    Ok(receipt)
}

/// Takes a document away if it still holds one of our keys; a document of somebody else stays.
pub async fn withdraw(name: &str, delivery: &Delivery, ours: &[&Key]) -> Result<()> {
    let seen = in_delivery(name, delivery.store.observe().await)?;
    match seen.found {
        Found::Document(document) if holds_any(&document, ours) => {}
        _ if delivery.readable => return Ok(()),
        _ => {}
    }
    in_delivery(name, delivery.store.remove(&seen.version).await)?;
    tracing::info!(delivery = %name, place = %delivery.store.place(), "withdrawn");
    Ok(())
}

/// Whether the document that stands there has this key in front of all others.
pub async fn is_led_by(name: &str, delivery: &Delivery, key: &Key) -> Result<bool> {
    let seen = in_delivery(name, delivery.store.observe().await)?;
    Ok(match seen.found {
        Found::Document(document) => holds_any(&document, &[key]),
        Found::Nothing | Found::Foreign(_) => false,
    })
}

fn holds_any(document: &Document, keys: &[&Key]) -> bool {
    let mark = document.primary.secret.fingerprint();
    keys.iter()
        .any(|key| key.fingerprint.as_ref() == Some(&mark))
}

/// The record of a write that went well or did not.
pub fn record(
    written: &std::result::Result<Option<String>, Error>,
    former: Option<&DeliveryRecord>,
    document: &Document,
    now: Instant,
) -> DeliveryRecord {
    match written {
        Ok(version) => DeliveryRecord {
            version: version.clone(),
            fingerprint: Some(document.primary.secret.fingerprint()),
            delivered_at: Some(now),
            state: DeliveryState::Delivered,
        },
        Err(_) => DeliveryRecord {
            state: DeliveryState::Failed,
            ..former.cloned().unwrap_or_default()
        },
    }
}
