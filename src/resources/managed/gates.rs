//! What the ledger says of the same group in other environments, and a last look before a promotion.

use tf_provider::Diagnostics;

use crate::context::Context;
use crate::domain::announce::capitalised;
use crate::domain::gates::{self, Gate, Peers, Place, gate};
use crate::domain::moves::Move;
use crate::domain::situation::Situation;
use crate::engine::connections::stale;
use crate::engine::run::Run;
use crate::error::{Error, Path, Result};
use crate::resources::managed::model::ManagedState;

/// The keys of the group in other environments. Asked only of a key that has an environment.
pub async fn peers(state: &ManagedState, context: &Context) -> Peers {
    let has_environment = state.environment.as_deref_option().is_some();
    if !has_environment {
        return Peers::NotAsked;
    }
    if !context.ledger.remembers() {
        return Peers::NoLedger;
    }
    let id = state.id.as_deref_option().unwrap_or_default();
    match context.ledger.peers(group(state), id).await {
        Ok(peers) => Peers::Seen(peers),
        Err(error) => {
            tracing::info!(%error, "other environments could not be looked at");
            Peers::Unreachable
        }
    }
}

/// Where the key stands among the environments.
pub fn place(state: &ManagedState) -> Place<'_> {
    Place {
        group: group(state),
        environment: state.environment.as_deref_option(),
    }
}

fn group(state: &ManagedState) -> &str {
    let group = state.group.as_deref_option();
    group.unwrap_or_else(|| state.label())
}

/// A gate that closed since the plan keeps the key from being promoted, unless its primary is of no use to anybody or is
/// compromised.
pub async fn confirm(
    state: &ManagedState,
    run: &Run<'_>,
    moves: &[Move],
    context: &Context,
) -> Result<()> {
    let policy = run.policy;
    let promotes = moves.contains(&Move::Promote) && policy.environment_order.is_some();
    let waits = promotes && run.facts.primary_is_usable() && !run.answers_an_emergency();
    let Some(slots) = run.managed.slots.as_ref().filter(|_| waits) else {
        return Ok(());
    };
    let peers = peers(state, context).await;
    let since = slots.last_rotated_at();
    match gate(policy, place(state), &peers, since, context.clock.now()) {
        Gate::Closed { by, .. } => Err(stale(format!(
            "{}: another environment comes first: {by}",
            state.label()
        ))),
        Gate::Open | Gate::Blind(_) => Ok(()),
    }
}

/// A promotion that nothing holds up because nobody can see the other environments. A ledger that was lost, or is another one
/// than before, looks like a group that has no key there.
pub fn warn_of_a_blind_promotion(diags: &mut Diagnostics, situation: &Situation, moves: &[Move]) {
    let Some(why) = gates::blind(situation).filter(|_| moves.contains(&Move::Promote)) else {
        return;
    };
    let way = match (&situation.facts.peers, situation.environment) {
        (_, None) => "give this key its environment",
        (Peers::NoLedger, _) => "give both a ledger that they share",
        _ => {
            "run terraform apply -refresh-only where that key lives, so that the ledger knows it again"
        }
    };
    diags.root_warning(
        format!("{}: promoted without a look at every environment before it", situation.name),
        format!(
            "{}. If the group has a key in an environment before this one, do not apply: {way}, and plan anew.",
            capitalised(&why)
        ),
    );
}

/// An environment that its policy does not know would pass every gate.
pub fn unknown_environment(config: &ManagedState) -> Option<Error> {
    let order = config
        .policy
        .as_ref_option()?
        .environment_order
        .as_ref_option()?;
    let names: Vec<&str> = order
        .iter()
        .map(|name| name.as_deref_option())
        .collect::<Option<_>>()?;
    let environment = config.environment.as_deref_option()?;
    let is_unknown = !names.is_empty() && !names.contains(&environment);
    is_unknown.then(|| {
        Error::invalid(
            Path::root("environment"),
            "Unknown environment",
            format!(
                "environment is {environment:?}, and environment_order of the policy has {}. Write one of these, or add it \
                 there in its place.",
                names.join(", ")
            ),
        )
    })
}

/// What environments are called, the same ones together.
const ALIKE: [&[&str]; 3] = [
    &["dev", "develop", "development"],
    &["staging", "stage", "stg"],
    &["prod", "production", "prd", "live"],
];

/// A key whose name says that it is of another environment may be another key than somebody thinks.
pub fn warn_of_a_contradiction(diags: &mut Diagnostics, planned: &ManagedState) {
    let (Some(name), Some(environment)) = (
        planned.name.as_deref_option(),
        planned.environment.as_deref_option(),
    ) else {
        return;
    };
    let order = planned.policy.as_ref_option();
    let order = order.and_then(|policy| policy.environment_order.as_ref_option());
    let known: Vec<&str> = order
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_deref_option())
        .collect();
    if let Some(word) = contradiction(name, environment, &known) {
        diags.root_warning(
            format!("{name}: its name says {word}, its environment is {environment}"),
            "Whoever reads the name takes it for a key of another environment. Rename the key or mend its environment; the \
             gates of environment_order go by environment alone.",
        );
    }
}

fn contradiction<'a>(name: &'a str, environment: &str, known: &[&str]) -> Option<&'a str> {
    let lower = |text: &str| text.to_lowercase();
    let kind = |word: &str| {
        ALIKE
            .iter()
            .position(|alike| alike.contains(&lower(word).as_str()))
    };
    let mut words = name.split(|c: char| !c.is_alphanumeric());
    words.find(|word| {
        let is_environment =
            kind(word).is_some() || known.iter().any(|name| lower(name) == lower(word));
        let is_same = lower(word) == lower(environment)
            || (kind(word).is_some() && kind(word) == kind(environment));
        is_environment && !is_same
    })
}

#[cfg(test)]
mod tests {
    use super::contradiction;

    #[test]
    fn a_name_that_says_another_environment_is_told_of() {
        let order = ["dev", "qa", "prod"];
        for (name, environment, word) in [
            ("stripe_prod_key", "staging", Some("prod")),
            ("stripe-PROD", "dev", Some("PROD")),
            ("stripe_qa", "prod", Some("qa")),
            ("stripe_production", "prod", None),
            ("stripe_prod", "production", None),
            ("product_key", "dev", None),
            ("stripe", "prod", None),
        ] {
            assert_eq!(contradiction(name, environment, &order), word, "{name}");
        }
    }
}
