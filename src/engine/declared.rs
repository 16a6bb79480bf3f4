//! What a declared issuer says of its keys is compared with what else it says: a person who declared it may have been wrong. A
//! key that the list lacks, or that was revoked by its word, and that is accepted all the same, is not gone.

use tokio_util::sync::CancellationToken;

use crate::domain::slots::{Key, Slots};
use crate::engine::connections::{Connections, at_issuer};
use crate::error::{Error, Kind, Path, Result};
use crate::issuers::{KeyRef, KeyStatus, Probe};
use crate::secret::Secret;
use crate::stores::Found;

/// Tries what seems to be missing, and says what the status of the secondary counts as. Nothing is known of a key that cannot
/// be tried now. A retiring key that was deleted and is accepted all the same still has to be revoked.
pub async fn refuse_partial_list(
    slots: &Slots,
    primary: Option<KeyStatus>,
    secondary: Option<KeyStatus>,
    connections: &Connections,
) -> Result<Option<KeyStatus>> {
    let is_missing = |status| status == Some(KeyStatus::Missing);
    let account = || connections.issuer.account();
    if is_missing(primary) && is_accepted(&slots.primary, connections).await? {
        return Err(partial(&slots.primary, &account()));
    }
    let Some(key) = slots.secondary_key().filter(|_| is_missing(secondary)) else {
        return Ok(secondary);
    };
    match is_accepted(key, connections).await? {
        false => Ok(secondary),
        true if slots.retiring().is_some() => Ok(Some(KeyStatus::Active)),
        true => Err(partial(key, &account())),
    }
}

async fn is_accepted(key: &Key, connections: &Connections) -> Result<bool> {
    let Some(secret) = to_try(key, connections).await else {
        return Ok(false);
    };
    let tried = connections.issuer.probe(key.key_id.as_deref(), &secret);
    Ok(at_issuer(tried.await)? == Probe::Accepted)
}

/// Makes sure that a key which was just revoked is refused, while its secret can still be read.
pub async fn refuse_living(
    key: &Key,
    connections: &Connections,
    stop: &CancellationToken,
) -> Result<()> {
    match to_try(key, connections).await {
        Some(secret) => {
            let revoked = KeyRef {
                key_id: key.key_id.as_deref(),
                secret: Some(&secret),
            };
            let doubt = connections.verify_revoked(revoked, stop).await;
            doubt.and_then(|doubt| doubt.map_or(Ok(()), Err)).map_err(|error| Error {
                summary: format!("Key {} was revoked: {}", key.label(), error.summary),
                detail: format!(
                    "{} It stays in its deliveries and in the state. Check revoke in the declaration of the API, and what \
                     verify asks, then destroy again.",
                    error.detail
                ),
                ..error
            })
        }
        None => Ok(()),
    }
}

/// The secret of a key, from a place that can be read, where trying it tells something.
async fn to_try(key: &Key, connections: &Connections) -> Option<Secret> {
    let able = connections.capabilities;
    if !able.is_declared || !able.probe {
        return None;
    }
    for (name, delivery) in connections.deliveries.iter().filter(|(_, it)| it.readable) {
        let Ok(seen) = delivery.look(name).await else {
            continue;
        };
        let Found::Document(document) = seen.found else {
            continue;
        };
        let mut there = [Some(document.primary), document.secondary]
            .into_iter()
            .flatten();
        let copy = there.find(|it| Some(it.secret.fingerprint()) == key.fingerprint);
        if let Some(copy) = copy {
            return Some(copy.secret);
        }
    }
    None
}

fn partial(key: &Key, account: &str) -> Error {
    Error::new(
        Kind::Other,
        format!(
            "The list of {account} lacks key {}, which is accepted",
            key.label()
        ),
        "A key that works is not gone: the list leaves it out, or whoever accepts it accepts any. Nothing was changed. In the \
         declaration of the API, check paging, where and items of list, and what verify asks.",
    )
    .at(Path::root("issuer"))
}
