//! The plan of a key that exists already and whose secret the configuration brings, in `existing_secret_wo`. The value may
//! be unknown in a plan, and another in the next one, so nothing is decided by it.

use crate::context::Context;
use crate::domain::situation::{Copy, Facts, Repair};
use crate::domain::slots::Key;
use crate::engine::adopt::not_of_this_key;
use crate::engine::managed::Managed;
use crate::error::{Error, Path, Result};
use crate::issuers::Supply;
use crate::resources::managed::changes::{the_state, version_changed};
use crate::resources::managed::connect;
use crate::resources::managed::model::ManagedState;
use crate::secret::Fingerprint;

/// The apply takes the secret over before it does anything else, so the plan decides as if it were known already.
pub fn as_if_known(managed: &mut Managed, facts: &mut Facts, repairs: &mut Vec<Repair>) {
    if let Some(slots) = &mut managed.slots {
        let mark = || Fingerprint::recorded("(existing_secret_wo)");
        slots.primary.fingerprint.get_or_insert_with(mark);
    }
    facts.primary_copy = Copy::Available;
    if repairs.is_empty() {
        repairs.push(the_state());
    }
}

/// A key with an id at its issuer cannot be named by its secret alone.
pub fn refuse_existing_key_without_id(config: &ManagedState, context: &Context) -> Result<()> {
    let (kind, _) = connect::issuer(&config.issuer)?;
    let able = connect::capabilities(&config.issuer, context);
    if config.existing_secret_wo.is_null() || !able.is_some_and(|able| able.key_ids) {
        return Ok(());
    }
    let (name, issuer) = (config.label(), kind.name());
    let form = kind.import_id().unwrap_or("<id of the key>");
    if able.is_some_and(|able| able.supply == Supply::Brought) {
        return Err(Error::invalid(
            Path::root("existing_secret_wo"),
            format!("{name}: this is no place for the first key"),
            format!(
                "Keys of {issuer} are handed in by issuer.{issuer}.secret_wo, the first one as well."
            ),
        ));
    }
    Err(Error::invalid(
        Path::root("existing_secret_wo"),
        format!("{name}: it is not known whose secret this is"),
        format!(
            "Keys of {issuer} have an id, and this resource is yet to be created. Import the key first, with an import \
             block of the id \"{issuer}:{form}\"; existing_secret_wo then gives it its secret in the same apply."
        ),
    ))
}

/// The same check is made by the apply; here it comes early where the secret is known.
pub fn refuse_secret_of_another(
    prior: &ManagedState,
    planned: &ManagedState,
    config: &ManagedState,
    managed: &Managed,
) -> Result<()> {
    let (Some(secret), Some(slots)) = (config.existing_secret_wo.as_ref_option(), &managed.slots)
    else {
        return Ok(());
    };
    let mark = secret.fingerprint();
    let ours = [Some(&slots.primary), slots.secondary_key()];
    let is_ours = |key: Option<&Key>| {
        key.is_some_and(|key| key.fingerprint.as_ref().is_none_or(|own| *own == mark))
    };
    if !version_changed(prior, planned) || ours.into_iter().any(is_ours) {
        return Ok(());
    }
    Err(not_of_this_key(
        planned.label(),
        &slots.primary,
        mark.as_str(),
    ))
}
