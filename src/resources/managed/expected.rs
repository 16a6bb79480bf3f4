//! `expected_usage`: how a key is expected to be used, and what is known of its use.

use tf_provider::Diagnostics;
use tf_provider::schema::AttributeType;
use tf_provider::value::{Value, ValueAny};

use crate::context::Context;
use crate::domain::expected::{Expected, Uses, Watched, odd};
use crate::domain::policy::Policy;
use crate::domain::situation::Situation;
use crate::domain::usage::Use;
use crate::engine::connections::Connections;
use crate::engine::usage::{Answer, Question};
use crate::error::{Error, Path, Result};
use crate::instant::Instant;
use crate::ledger::KeyRecord;
use crate::resources::managed::connect;
use crate::resources::managed::leftovers::Left;
use crate::resources::managed::model::{Fields, ManagedState, Private};
use crate::resources::managed::read::policy;
use crate::schema::{Attributes, attributes, list_of, optional};
use crate::settings::{LONGEST_NAME, Settings, too_long};

const NAME: &str = "expected_usage";

/// What it holds.
pub fn nested() -> Attributes {
    let names = || list_of(AttributeType::String);
    attributes([
        (
            "services",
            optional(
                names(),
                "The services that the key is used with, in the words of its issuer, such as `s3`. Default: any.",
            ),
        ),
        (
            "regions",
            optional(
                names(),
                "The regions that the key is used in, such as `eu-central-1`. Default: any.",
            ),
        ),
        (
            "max_idle",
            optional(
                AttributeType::String,
                "How long the primary may be without use, such as `7d`. Counts from its promotion, or from its last use after that, and \
                 the issuer has the time on top by which it is known to be late. Default: any time.",
            ),
        ),
    ])
}

/// What a state or a plan expects.
pub fn of(state: &ManagedState) -> Option<Expected> {
    parsed(state.expected_usage.as_ref_option()?).ok()
}

fn parsed(fields: &Fields) -> Result<Expected> {
    let settings = Settings::new(Path::root(NAME), fields);
    let names = |name: &str| {
        let is_given = matches!(settings.value(name), Some(ValueAny::List(_)));
        let names = settings.strings(name).into_iter().map(str::to_owned);
        is_given.then(|| names.collect())
    };
    Ok(Expected {
        services: names("services"),
        regions: names("regions"),
        max_idle: settings.duration("max_idle")?,
    })
}

/// What is wrong with it: nothing is expected of what its issuer does not tell.
pub fn faults(config: &ManagedState, context: &Context) -> Vec<Error> {
    let Value::Value(fields) = &config.expected_usage else {
        return Vec::new();
    };
    let settings = Settings::new(Path::root(NAME), fields);
    if !settings.wholly_known() {
        return Vec::new();
    }
    let expected = match parsed(fields) {
        Ok(expected) => expected,
        Err(error) => return vec![error],
    };
    let (services, regions) = (&expected.services, &expected.regions);
    let names = [("services", services), ("regions", regions)];
    let names = names.into_iter().flat_map(|(name, names)| {
        let names = names.iter().flatten();
        names.filter_map(move |it| {
            let path = Path::root(NAME).attribute(name);
            too_long(path, "The name", it, LONGEST_NAME)
        })
    });
    names.chain(untold(config, &expected, context)).collect()
}

fn untold(config: &ManagedState, expected: &Expected, context: &Context) -> Option<Error> {
    let (kind, settings) = connect::issuer(&config.issuer).ok()?;
    if !settings.wholly_known() {
        return None;
    }
    let able = connect::capabilities(&config.issuer, context)?.last_use;
    let asks_where = expected.services.is_some() || expected.regions.is_some();
    let lacks = match able {
        None => "does not tell when a key was last used. Remove expected_usage",
        Some(able) if asks_where && !able.tells_where => {
            "tells when a key was last used, and neither with which service nor where. Keep max_idle alone"
        }
        Some(_) => return None,
    };
    Some(Error::invalid(
        Path::root(NAME),
        "Nobody can tell whether the key is used as expected",
        format!("The issuer {} {lacks}.", kind.name()),
    ))
}

/// How the keys are used, compared with what the state expects. Asks nobody where neither that nor a hold wants to know.
pub async fn look(
    state: &ManagedState,
    left: &Left,
    connections: &Connections,
    policy: Option<&Policy>,
    private: &Private,
    now: Instant,
) -> Answer {
    let Some(slots) = &left.managed.slots else {
        return Answer::default();
    };
    let mut known = left.noticed.clone();
    for (key, watched) in &private.facts.uses {
        let in_ledger = known.remove(key).unwrap_or_default();
        known.insert(key.clone(), watched.clone().and(in_ledger));
    }
    let expected = of(state);
    let question = Question {
        expected: expected.as_ref(),
        policy,
        known: &known,
        now,
    };
    question.put(slots, connections).await
}

/// What the ledger knows of the use of keys.
pub fn noticed(keys: &[KeyRecord]) -> Uses {
    let told =
        |it: &&KeyRecord| it.last_used_at.is_some() || it.noticed.iter().any(|all| !all.is_empty());
    let noticed = keys.iter().filter(told).map(|record| {
        let watched = Watched {
            last: record.last_used_at.map(Use::at),
            oddities: record.noticed.clone().unwrap_or_default(),
        };
        (record.key.label().to_owned(), watched)
    });
    noticed.collect()
}

/// What the ledger is to know of the use of keys from now on.
pub fn note(keys: &mut [KeyRecord], state: &ManagedState, uses: &Uses) {
    let is_asked = of(state).is_some();
    for record in keys {
        let watched = uses.get(record.key.label());
        let last = watched.and_then(|it| it.last.as_ref());
        record.last_used_at = record.last_used_at.max(last.map(|last| last.at));
        record.noticed = match is_asked {
            true => watched.map(|it| it.oddities.clone()),
            false => Some(Vec::new()),
        };
    }
}

/// A plan that does something else says so as well.
pub fn warn(diags: &mut Diagnostics, situation: &Situation) {
    let odd = situation.slots.map(|slots| odd(situation, slots));
    let odd = odd.unwrap_or_default();
    if !odd.is_empty() {
        let name = situation.name;
        diags.root_warning(
            format!("{name}: a key is not used as expected"),
            format!("{name}: {}.", odd.join("; ")),
        );
    }
}

/// A policy may be one of many keys, so one that cannot be kept for this key is no error.
pub fn warn_of_no_hold(diags: &mut Diagnostics, planned: &ManagedState, context: &Context) {
    let holds = |policy: Policy| !policy.revoke_only_if_unused_for.is_zero();
    let Ok((kind, settings)) = connect::issuer(&planned.issuer) else {
        return;
    };
    if !policy(planned).is_some_and(holds) || !settings.wholly_known() {
        return;
    }
    let able = connect::capabilities(&planned.issuer, context);
    if able.is_some_and(|able| able.last_use.is_none()) {
        let name = planned.label();
        diags.root_warning(
            format!("{name}: an old key is revoked whether or not it is still used"),
            format!(
                "The issuer {} does not tell when a key was last used, so revoke_only_if_unused_for holds no revocation of \
                 {name}: grace_period alone counts. Make it long enough, or declare where the use is told, if the API \
                 tells it.",
                kind.name()
            ),
        );
    }
}
