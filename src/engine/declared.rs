//! What a declared issuer says of its keys is compared with what else it says: a person who declared it may have been wrong. A
//! key that the list lacks, or that was revoked by its word, and that is accepted all the same, is not gone.

use tokio_util::sync::CancellationToken;

use crate::domain::slots::{Key, Slots};
use crate::engine::connections::{Connections, at_issuer};
use crate::error::{Error, Kind, Path, Result};
use crate::issuers::{KeyStatus, Probe};
use crate::secret::Secret;
use crate::stores::Found;

/// Tries what seems to be missing. Nothing is known of a key that cannot be tried now.
pub async fn refuse_partial_list(
    slots: &Slots,
    primary: Option<KeyStatus>,
    secondary: Option<KeyStatus>,
    connections: &Connections,
) -> Result<()> {
    let keys = [
        (Some(&slots.primary), primary),
        (slots.secondary_key(), secondary),
    ];
    let missing = keys
        .into_iter()
        .filter(|(_, status)| *status == Some(KeyStatus::Missing));
    for key in missing.filter_map(|(key, _)| key) {
        let Some(secret) = to_try(key, connections).await else {
            continue;
        };
        let tried = connections.issuer.probe(key.key_id.as_deref(), &secret);
        if at_issuer(tried.await)? == Probe::Accepted {
            return Err(partial(key, &connections.issuer.account()));
        }
    }
    Ok(())
}

/// Makes sure that a key which was just revoked is refused, while its secret can still be read.
pub async fn refuse_living(
    key: &Key,
    connections: &Connections,
    stop: &CancellationToken,
) -> Result<()> {
    match to_try(key, connections).await {
        Some(secret) => {
            let refused = connections.verify_revoked(key, &secret, stop).await;
            refused.map_err(|error| Error {
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
    for delivery in connections.deliveries.values().filter(|it| it.readable) {
        let Ok(seen) = delivery.store.observe().await else {
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
