//! Keys that a person brings: what is handed in with a plan, and what of it the apply takes.

use tf_provider::value::{Value, ValueAny};

use crate::context::Context;
use crate::domain::planner::Decision;
use crate::domain::situation::{self, Situation};
use crate::domain::slots::{Key, Slots};
use crate::domain::status::status;
use crate::engine::observe::{key_statuses, seen};
use crate::error::{Error, Path, Result};
use crate::issuers::{ByHand, Supply};
use crate::resources::managed::connect;
use crate::resources::managed::model::{ManagedState, Private};
use crate::secret::{Fingerprint, Secret};
use crate::settings::Settings;

const SECRET: &str = "secret_wo";
const VERSION: &str = "secret_wo_version";
const REVOKED: &str = "revoked";

/// What a person says of keys, and whether a new one is at hand.
pub struct Hand {
    said: ByHand,
    is_here: bool,
}

/// Of a state, or of a plan that hands in nothing; `None` where an issuer mints.
pub fn standing(state: &ManagedState, context: &Context) -> Option<Hand> {
    let (_, issuer) = connect::connected(&state.issuer, context).ok()?;
    Some(Hand {
        said: issuer.by_hand()?,
        is_here: false,
    })
}

/// The first key has to be at hand.
pub fn of_a_create(config: &ManagedState, context: &Context) -> Result<()> {
    match standing(config, context) {
        Some(hand) if handed_in(config).is_none() => Err(Error::invalid(
            path_of(config, SECRET),
            format!("{}: the first key is missing", config.label()),
            format!("To begin, {}.", hand.said.bring),
        )),
        _ => Ok(()),
    }
}

/// What an edit of the configuration hands in. A value that is not known yet counts as a new key.
pub fn of_an_update(
    prior: &ManagedState,
    planned: &ManagedState,
    config: &ManagedState,
    slots: Option<&Slots>,
    context: &Context,
) -> Result<Option<Hand>> {
    let Some(mut hand) = standing(planned, context) else {
        return Ok(None);
    };
    if version(prior) == version(planned) {
        return Ok(Some(hand));
    }
    let Some(value) = handed_in(config) else {
        return Err(Error::invalid(
            path_of(planned, SECRET),
            format!("{}: {VERSION} changed without a new key", planned.label()),
            format!(
                "{SECRET} is null. To hand in a key, {}. Otherwise put {VERSION} back.",
                hand.said.bring
            ),
        ));
    };
    let known = match value {
        ValueAny::String(text) => Some(Secret::new(text.clone()).fingerprint()),
        _ => None,
    };
    let taken = match (known, slots) {
        (Some(mark), Some(slots)) => is_taken(prior, planned, slots, &mark, &hand.said)?,
        _ => false,
    };
    hand.is_here = !taken;
    Ok(Some(hand))
}

/// What a person says anew is compared with what trying the keys tells, as soon as a plan reads it.
pub async fn listen(
    prior: &ManagedState,
    planned: &ManagedState,
    private: &mut Private,
    context: &Context,
) -> Result<()> {
    let is_settled = planned.inputs_known() && !context.awaits_settings();
    if !is_settled || revoked(prior) == revoked(planned) {
        return Ok(());
    }
    let Some(slots) = prior.managed(private)?.slots else {
        return Ok(());
    };
    let connections = connect::for_a_look(planned, context)?;
    if connections.capabilities.supply != Supply::Brought {
        return Ok(());
    }
    let heard = key_statuses(&slots, &connections).await?;
    let facts = &mut private.facts;
    facts.primary = seen(heard.primary);
    facts.secondary = seen(heard.secondary.flatten());
    facts.doubted = heard.doubted;
    facts.primary_refused = heard.primary_refused;
    Ok(())
}

/// Nothing is handed in anew.
pub fn is_same_version(prior: &ManagedState, config: &ManagedState) -> bool {
    version(prior) == version(config)
}

/// A key that is staged is no new one, and none to complain of: an older state may have been put back. Any other key of the
/// resource is refused, whether the value is known in this plan or in the next.
fn is_taken(
    prior: &ManagedState,
    planned: &ManagedState,
    slots: &Slots,
    mark: &Fingerprint,
    said: &ByHand,
) -> Result<bool> {
    let is = |key: &&Key| key.fingerprint.as_ref() == Some(mark);
    let primary = Some(&slots.primary).filter(is);
    let role = match (primary, slots.retiring().filter(is)) {
        (Some(key), _) => format!("{}, which is the primary", key.label()),
        (None, Some(key)) => format!("retiring key {}", key.label()),
        (None, None) => return Ok(slots.staged().is_some_and(|key| is(&key))),
    };
    let former = match version(prior) {
        Some(ValueAny::Number(number)) => number.to_string(),
        _ => "what it was".to_owned(),
    };
    Err(Error::invalid(
        path_of(planned, SECRET),
        format!("{}: {SECRET} is the secret of {role}", planned.label()),
        format!(
            "It is no new key. To hand in one, {}. If it was taken before, and an older state was put back since, set \
             {VERSION} to {former}.",
            said.bring
        ),
    ))
}

impl Hand {
    /// For the rules.
    pub fn for_rules(&self) -> situation::ByHand<'_> {
        situation::ByHand {
            bring: &self.said.bring,
            revoke: &self.said.revoke,
            confirm: &self.said.confirm,
            revoked: &self.said.revoked,
            is_here: self.is_here,
        }
    }

    /// Whether a person says so.
    pub fn is_revoked(&self, key: &Key) -> bool {
        let id = key.key_id.as_ref();
        id.is_some_and(|id| self.said.revoked.contains(id))
    }

    /// What is handed in stands in no state: a key that this apply does not take would be lost.
    pub fn refuse_unused(
        &self,
        planned: &ManagedState,
        situation: &Situation,
        decision: &Decision,
    ) -> Result<()> {
        if !self.is_here || decision.moves.iter().any(|next| next.mints()) {
            return Ok(());
        }
        let second = situation.slots.and_then(Slots::secondary_key);
        let why = match second {
            Some(key) => format!(
                "The secondary slot holds key {}, and a third key is never taken",
                key.label()
            ),
            None => "This plan takes no new key".to_owned(),
        };
        let (_, reason) = status(situation);
        Err(Error::invalid(
            path_of(planned, VERSION),
            format!("{}: the new key cannot be taken now", planned.label()),
            format!(
                "{why}: {reason}. Put {VERSION} back, keep the new key, and hand it in again later. A staged key that is not \
                 wanted gives way if rotation_trigger is changed as well."
            ),
        ))
    }
}

/// After an apply that failed before it took the key, the next plan is to find it handed in again.
pub fn put_version_back(prior: &ManagedState, state: &mut ManagedState) {
    let former = version(prior);
    let Some((name, _)) = chosen(state) else {
        return;
    };
    if let Value::Value(fields) = &mut state.issuer
        && let Some(ValueAny::Map(inner)) = fields.get_mut(name)
        && inner.contains_key(VERSION)
    {
        inner.insert(VERSION.to_owned(), former.unwrap_or(ValueAny::Null));
    }
}

/// The mark of the key that an apply has at hand.
pub fn mark(state: &ManagedState) -> Option<Fingerprint> {
    match handed_in(state)? {
        ValueAny::String(text) => Some(Secret::new(text.clone()).fingerprint()),
        _ => None,
    }
}

fn handed_in(config: &ManagedState) -> Option<&ValueAny> {
    let (_, settings) = chosen(config)?;
    settings
        .value(SECRET)
        .filter(|value| **value != ValueAny::Null)
}

fn version(state: &ManagedState) -> Option<ValueAny> {
    let (_, settings) = chosen(state)?;
    settings
        .value(VERSION)
        .filter(|value| **value != ValueAny::Null)
        .cloned()
}

fn revoked(state: &ManagedState) -> Option<ValueAny> {
    let (_, settings) = chosen(state)?;
    settings.value(REVOKED).cloned()
}

fn chosen(state: &ManagedState) -> Option<(&'static str, Settings<'_>)> {
    let (kind, settings) = connect::issuer(&state.issuer).ok()?;
    Some((kind.name(), settings))
}

fn path_of(state: &ManagedState, name: &str) -> Path {
    match chosen(state) {
        Some((_, settings)) => settings.path_of(name),
        None => Path::root("issuer"),
    }
}
