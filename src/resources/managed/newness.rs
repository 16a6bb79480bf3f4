//! A key that is brought is looked at in the plan: one that is in use or that came to its end is refused before anything is
//! destroyed for it.

use tf_provider::value::Value;

use crate::context::Context;
use crate::domain::newness::Known;
use crate::domain::slots::Slots;
use crate::engine::by_hand::{self, Brought};
use crate::error::{Error, Path, Result};
use crate::issuers::ByHand;
use crate::ledger::KeyMark;
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::managed::{brought, connect};
use crate::secret::Fingerprint;
use crate::stores::WriteScope;

/// The first key of a resource. A replacement (`-replace`, another address) is planned as one, too.
pub async fn of_a_create(config: &ManagedState, context: &Context) -> Result<()> {
    let known = Known {
        resource: "",
        slots: None,
        pending: &[],
        revoked: &[],
        recorded: &[],
    };
    look(config, known, context).await
}

/// The next key of a resource.
pub async fn of_an_update(
    prior: &ManagedState,
    config: &ManagedState,
    private: &Private,
    context: &Context,
) -> Result<()> {
    if brought::is_same_version(prior, config) {
        return Ok(());
    }
    let managed = prior.managed(private)?;
    let slots = managed.slots.as_ref();
    let mark = brought::mark(config);
    let is_ours = |slots: &Slots| {
        let mut keys = [Some(&slots.primary), slots.secondary_key()]
            .into_iter()
            .flatten();
        keys.any(|key| key.fingerprint == mark)
    };
    // Whether that is right depends on its slot, and on what the plan says of it.
    if slots.is_some_and(is_ours) {
        return Ok(());
    }
    let known = Known {
        resource: &managed.id,
        slots,
        pending: &managed.pending_revocations,
        revoked: &[],
        recorded: &[],
    };
    look(config, known, context).await
}

async fn look(config: &ManagedState, known: Known<'_>, context: &Context) -> Result<()> {
    let Some((hand, key, mark)) = at_hand(config, context) else {
        return Ok(());
    };
    let name = config.label();
    let scope = WriteScope::whole(format!("brought key {key}"));
    if let Some(other) = context.configured.take(scope, name) {
        return Err(brought_twice(name, &other));
    }
    let marks = [KeyMark::new(Some(key.clone()), None)];
    // Without its ledger a plan goes on, and the apply looks again.
    let recorded = context.ledger.find_keys(&marks).await.unwrap_or_default();
    let known = Known {
        recorded: &recorded,
        ..known
    };
    let brought = Brought {
        name,
        id: &key,
        mark: &mark,
    };
    by_hand::refuse_old(&brought, known, &hand)
}

/// What a person brings, if it is known already.
fn at_hand(config: &ManagedState, context: &Context) -> Option<(ByHand, String, Fingerprint)> {
    let Value::Value(_) = &config.issuer else {
        return None;
    };
    let (_, issuer) = connect::connected(&config.issuer, context).ok()?;
    let hand = issuer.by_hand()?;
    let key = hand.brings.clone()?;
    Some((hand, key, brought::mark(config)?))
}

fn brought_twice(name: &str, other: &str) -> Error {
    Error::invalid(
        Path::root("issuer"),
        format!("{name}: two resources bring one key"),
        format!(
            "{other} brings it too, and its end in one would be its end in both. Make a key for each of them."
        ),
    )
}
