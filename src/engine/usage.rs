//! When keys were last used, as their issuer tells. Each answer is a request of its own, so only what somebody wants to know
//! is asked for.

use crate::domain::expected::{Expected, Oddity, Uses, Watched};
use crate::domain::policy::Policy;
use crate::domain::slots::{Key, Slots};
use crate::domain::usage::Use;
use crate::engine::connections::Connections;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;

/// The last use of the retiring key, if its revocation depends on that: `Some(None)` if there was none. Asked only once its
/// grace is over, so that a key in its grace costs no request.
pub async fn before_the_revocation(
    slots: &Slots,
    connections: &Connections,
    policy: &Policy,
    now: Instant,
) -> Result<Option<Option<Use>>> {
    let asks = !policy.revoke_only_if_unused_for.is_zero()
        && connections.capabilities.last_use.is_some()
        && slots.revoke_after(policy).is_some_and(|at| now >= at);
    let key_id = slots.retiring().and_then(|key| key.key_id.as_ref());
    match key_id.filter(|_| asks) {
        Some(key_id) => connections.issuer.last_use(key_id).await.map(Some),
        None => Ok(None),
    }
}

/// Whether a key that was last used then is still in use.
pub fn is_in_use(last: Option<&Use>, policy: &Policy, now: Instant) -> bool {
    last.is_some_and(|last| now < last.at + policy.revoke_only_if_unused_for)
}

/// Adds what the list of the keys says, where it says when they were used.
pub async fn listed(uses: &mut Uses, slots: &Slots, connections: &Connections) {
    if !connections
        .capabilities
        .last_use
        .is_some_and(|able| able.in_list)
    {
        return;
    }
    let keys = [Some(&slots.primary), slots.retiring()];
    for key in keys.into_iter().flatten() {
        let id = key.key_id.as_deref().unwrap_or_default();
        if let Some(last) = connections.issuer.listed_use(id).await {
            let watched = uses.entry(key.label().to_owned()).or_default();
            watched.last = last.map(Use::at);
        }
    }
}

/// Compares the use of the keys with what is expected of it. `uses` is what was asked already and becomes all that is known,
/// `known` what was odd before. Gives why somebody could not be asked: then what was known stands.
pub async fn watch(
    uses: &mut Uses,
    expected: &Expected,
    slots: &Slots,
    connections: &Connections,
    known: impl Fn(&str) -> Watched,
    now: Instant,
) -> Vec<Error> {
    let Some(able) = connections.capabilities.last_use else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    let keys = [Some(&slots.primary), slots.retiring()];
    for key in keys.into_iter().flatten() {
        let before = known(key.label());
        let watched = match told(key, uses, connections).await {
            Ok(Some(last)) => Watched {
                oddities: expected.judge(slots, key, last.as_ref(), &before.oddities, able, now),
                last,
            },
            Ok(None) => before,
            Err(error) => {
                warnings.push(unseen(key, error));
                before
            }
        };
        uses.insert(key.label().to_owned(), watched);
    }
    warnings
}

/// `None` of a key that its issuer does not know.
async fn told(key: &Key, uses: &Uses, connections: &Connections) -> Result<Option<Option<Use>>> {
    if let Some(watched) = uses.get(key.label()) {
        return Ok(Some(watched.last.clone()));
    }
    let Some(key_id) = &key.key_id else {
        return Ok(None);
    };
    match connections.issuer.last_use(key_id).await {
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        told => told.map(Some),
    }
}

fn unseen(key: &Key, error: Error) -> Error {
    Error {
        summary: format!(
            "Nobody can tell how key {} is used: {}",
            key.label(),
            error.summary
        ),
        detail: format!(
            "{} What was seen of it before stands; remove expected_usage if it is not to be compared.",
            error.detail
        ),
        ..error
    }
}

/// What was odd of a key, by two memories of it.
pub fn together(one: &[Oddity], other: &[Oddity]) -> Vec<Oddity> {
    let mut all = one.to_vec();
    let new = other
        .iter()
        .filter(|it| !one.iter().any(|known| known.is(it)));
    all.extend(new.cloned());
    all
}
