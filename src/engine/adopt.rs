//! Takes over the secret of a key that somebody else minted: nothing is created, nothing is revoked.

use crate::domain::slots::Key;
use crate::engine::account::Account;
use crate::engine::managed::DeliveryRecord;
use crate::engine::run::Run;
use crate::error::{Error, Kind, Path, Result};
use crate::issuers::Probe;
use crate::secret::Secret;

/// The attribute that brings the secret.
const ATTRIBUTE: &str = "existing_secret_wo";

/// Takes over the secret that the configuration brings, if it does. Before the first key it is left for the step that
/// would mint; for an imported key it is tried at the issuer; of a key whose secret is known it is one more copy.
pub async fn adopt(run: &mut Run<'_>) -> Result<()> {
    let Some(slots) = &mut run.managed.slots else {
        return Ok(());
    };
    let Some((secret, is_asked)) = run.brought.take() else {
        return Ok(());
    };
    let mark = secret.fingerprint();
    if slots.primary.fingerprint.is_none() {
        if run.connections.capabilities.probe {
            try_out(run.name, &slots.primary, &secret, &run.connections.issuer).await?;
            slots.primary.verified_at = Some(run.clock.now());
        }
        tracing::info!(key = %run.name, adopted = %slots.primary.label(), "the secret was taken over");
        slots.primary.fingerprint = Some(mark);
        run.secrets.keep(secret);
        return Ok(());
    }
    let mut keys = [Some(&slots.primary), slots.secondary_key()].into_iter();
    if keys.any(|key| key.is_some_and(|key| key.fingerprint.as_ref() == Some(&mark))) {
        run.secrets.keep(secret);
        return Ok(());
    }
    match is_asked {
        // Rotations went on since it was taken over.
        false => Ok(()),
        true => Err(not_of_this_key(run.name, &slots.primary, mark.as_str())),
    }
}

/// After a failure: a secret that was taken over and reached no store is not ours, so the next apply takes it over
/// again.
pub fn let_go(run: &mut Run<'_>) {
    let Some(slots) = &mut run.managed.slots else {
        return;
    };
    let mark = &slots.primary.fingerprint;
    let mut records = run.managed.deliveries.values();
    let arrived = |record: &DeliveryRecord| record.is_in_order() && record.fingerprint == *mark;
    if !records.any(arrived) {
        slots.primary.fingerprint = None;
        slots.primary.verified_at = None;
    }
}

/// A wrong secret would be delivered to everybody.
async fn try_out(name: &str, key: &Key, secret: &Secret, issuer: &Account) -> Result<()> {
    match issuer.probe(key.key_id.as_deref(), secret).await? {
        Probe::Accepted => Ok(()),
        Probe::Refused(reason) => Err(Error::new(
            Kind::Invalid,
            format!("{name}: {ATTRIBUTE} is not the secret of {}", key.label()),
            format!(
                "{} refused the two together: {reason}. Nothing was delivered. Set {ATTRIBUTE} to the secret of {}, or \
                 remove it; then the next rotation replaces the key.",
                issuer.account(),
                key.label()
            ),
        )
        .at(Path::root(ATTRIBUTE))),
    }
}

/// A secret that belongs to none of the keys.
pub fn not_of_this_key(name: &str, primary: &Key, mark: &str) -> Error {
    Error::new(
        Kind::Invalid,
        format!("{name}: {ATTRIBUTE} is the secret of another key"),
        format!(
            "Its fingerprint is {mark}; the primary key is {}. A secret is taken over once, for a key that exists \
             already, and rotations mint what follows. Put existing_secret_wo_version back, or hand in the secret of the \
             primary. For a new key change rotation_trigger.",
            primary.label()
        ),
    )
    .at(Path::root(ATTRIBUTE))
}
