//! Who answers for a key, and what follows if nobody does.

use tf_provider::Diagnostics;
use tf_provider::value::Value;

use crate::domain::offboarding::{Offboarded, offboarded};
use crate::domain::policy::Policy;
use crate::error::{Error, Path};
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::rotation_policy::{PolicyState, are_known};

/// Whether the owner of a key has left: the one that it has, or the one that it had before this plan.
pub fn left(
    prior: &ManagedState,
    planned: &ManagedState,
    policy: &Policy,
    private: &Private,
) -> Option<Offboarded> {
    let owners = [planned, prior].map(|state| state.owner.as_deref_option());
    let list = policy.offboarded_owners.as_deref();
    offboarded(owners, list, private.rotated_for.as_deref())
}

/// The owner for whom the key counts as rotated from now on. One who is back may leave again.
pub fn rotated_for(
    offboarded: Option<&Offboarded>,
    policy: &Policy,
    known: Option<String>,
) -> Option<String> {
    let is_back = |owner: &String| {
        let list = policy.offboarded_owners.as_ref();
        list.is_some_and(|list| !list.is_empty() && !list.contains(owner))
    };
    match offboarded {
        Some(left) => Some(left.owner.clone()),
        None => known.filter(|owner| !is_back(owner)),
    }
}

/// A key that is made for an owner who has left is new: it asks for another owner, and is not rotated for that.
pub fn of_a_create(planned: &ManagedState) -> Option<String> {
    let list = planned
        .policy
        .as_ref_option()?
        .offboarded_owners
        .as_ref_option()?;
    let owner = planned.owner.as_deref_option()?;
    let mut names = list.iter().filter_map(|name| name.as_deref_option());
    names.any(|name| name == owner).then(|| owner.to_owned())
}

/// An emergency waits for no owner, but the policy asks for one all the same.
pub fn ask_in_an_emergency(diags: &mut Diagnostics, planned: &ManagedState) {
    let Some(policy) = planned.policy.as_ref_option() else {
        return;
    };
    let owner = planned.owner.as_deref_option().unwrap_or_default();
    let suspends = planned.emergency.is_value() || policy.emergency.is_value();
    let is_asked = policy.require_owner.as_option().unwrap_or_default();
    if is_asked && suspends && owner.trim().is_empty() {
        diags.root_warning(
            format!("{}: it has no owner", planned.label()),
            format!(
                "Policy {} says require_owner = true. An emergency does not wait for that; give the key an owner before its \
                 block goes.",
                policy.name.as_deref_option().unwrap_or_default()
            ),
        );
    }
}

/// The plan asks for a new owner, whatever else it does.
pub fn ask(diags: &mut Diagnostics, name: &str, offboarded: &Offboarded, policy: &Policy) {
    if offboarded.stays {
        diags.root_warning(
            format!("{name}: its owner has left"),
            format!("{name}: {}.", offboarded.asks(&policy.name)),
        );
    }
}

/// Names are compared letter by letter: what differs from an offboarded owner in nothing but case is probably the same person.
pub fn warn_of_an_alike(diags: &mut Diagnostics, planned: &ManagedState, policy: &Policy) {
    let (Some(owner), Some(list)) = (
        planned.owner.as_deref_option(),
        policy.offboarded_owners.as_ref(),
    ) else {
        return;
    };
    let plain = |name: &str| name.trim().to_lowercase();
    let alike = list.iter().find(|name| plain(name) == plain(owner));
    if let Some(name) = alike.filter(|_| !list.iter().any(|name| name == owner)) {
        diags.root_warning(
            format!("{}: its owner may have left under another spelling", planned.label()),
            format!(
                "The owner is {owner:?}, and offboarded_owners of policy {} has {name:?}. Names are compared letter by letter, \
                 so the key is not rotated. Spell both alike.",
                policy.name
            ),
        );
    }
}

/// A policy that demands an owner. A compromised key is replaced without one.
pub fn missing(config: &ManagedState) -> Option<Error> {
    let policy = config.policy.as_ref_option()?;
    if config.emergency.is_value() || policy.emergency.is_value() {
        return None;
    }
    let required = policy.require_owner.as_option().unwrap_or_default();
    let owner = match &config.owner {
        Value::Unknown => return None,
        owner => owner.as_deref_option().unwrap_or_default(),
    };
    (required && owner.trim().is_empty()).then(|| {
        Error::invalid(
            Path::root("owner"),
            "The policy asks for an owner",
            format!(
                "Policy {} says require_owner = true, and this key has no owner. Set owner to who answers for it.",
                policy.name.as_deref_option().unwrap_or_default()
            ),
        )
    })
}

/// A list that only the apply will know may come from a source that fails.
pub fn not_known(policy: &PolicyState, path: &Path) -> Option<Error> {
    (!are_known(&policy.offboarded_owners)).then(|| {
        Error::invalid(
            path.attribute("offboarded_owners"),
            "The list of offboarded owners is not known yet",
            "Nobody can tell whose keys are due, and that must not look as if nobody had left. Apply what the list comes from \
             first (-target), or read it from something that a plan can read; in an emergency write down the last known list in its place.",
        )
    })
}

/// A list of owners that has become null, in a policy of the same name.
pub fn vanished(prior: &PolicyState, planned: &PolicyState, path: &Path) -> Option<Error> {
    let had = prior.offboarded_owners.as_ref_option();
    let had = had.is_some_and(|list| !list.is_empty()) && prior.name == planned.name;
    (had && planned.offboarded_owners.is_null()).then(|| {
        Error::invalid(
            path.attribute("offboarded_owners"),
            "The list of offboarded owners is gone",
            "offboarded_owners named somebody until now and is null in this configuration: its source may have failed, and \
             that must not look as if everybody were back. Mend the source; in an emergency write down the last known list in its place. To end offboarding, set it to [] and apply, then \
             leave it out.",
        )
    })
}
