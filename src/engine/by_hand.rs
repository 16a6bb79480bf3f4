//! A key that a person revokes: nobody tells when that was done, so a retiring one is tried.

use crate::domain::slots::{Key, Slots};
use crate::engine::connections::Connections;
use crate::engine::secret_cache::SecretCache;
use crate::engine::verification::Verification;
use crate::issuers::{Probe, Supply};

/// A server that hears of a revocation late may refuse once and accept again.
const TRIES: usize = 3;

/// Whether the retiring key is refused by whoever accepts its successor, which tells that it was revoked. Whoever refuses
/// both, or cannot be asked, says nothing.
pub async fn is_refused(slots: &Slots, connections: &Connections) -> bool {
    let (Some(request), Some(retiring)) = (&connections.verification, slots.retiring()) else {
        return false;
    };
    if connections.capabilities.supply != Supply::Brought {
        return false;
    }
    let mut secrets = SecretCache::default();
    secrets.fetch(slots, connections).await;
    let accepts = async |key: &Key| tried(request, key, &secrets).await;
    for _ in 0..TRIES {
        if accepts(retiring).await != Some(false) {
            return false;
        }
    }
    accepts(&slots.primary).await == Some(true)
}

/// `None` if nobody can tell now.
async fn tried(request: &Verification, key: &Key, secrets: &SecretCache) -> Option<bool> {
    let secret = secrets.secret_of(key)?;
    let answer = request.attempt(key.key_id.as_deref(), secret).await;
    Some(answer.ok()? == Probe::Accepted)
}
