//! The values of a policy: read into a sound [`Policy`], and filled in from one.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::VariantNames;
use tf_provider::value::Value;

use crate::domain::emergency::Declared;
use crate::domain::policy::{self, Draft, Policy};
use crate::duration::Duration;
use crate::error::{Error, Path};
use crate::resources::rotation_policy::EmergencyState;
use crate::resources::rotation_policy::notifications::{Routes, routes, routes_are_known};
use crate::settings::{LONGEST_NAME, choice, too_long};

/// The values of a policy, in the resource and inside `apikey_managed`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct PolicyState {
    pub id: Value<String>,
    pub name: Value<String>,
    pub tier: Value<String>,
    pub rotation_interval: Value<String>,
    pub stage_before: Value<String>,
    pub propagation_delay: Value<String>,
    pub grace_period: Value<String>,
    pub revoke_only_if_unused_for: Value<String>,
    pub max_grace_period: Value<String>,
    pub notice_period: Value<String>,
    pub alert_after: Value<String>,
    pub paused: Value<bool>,
    pub on_drift: Value<String>,
    pub on_leak: Value<String>,
    pub on_destroy: Value<String>,
    pub emergency: Value<EmergencyState>,
    pub offboarded_owners: Value<Vec<Value<String>>>,
    pub require_owner: Value<bool>,
    pub environment_order: Value<Vec<Value<String>>>,
    pub soak_time: Value<String>,
    pub notifications: Routes,
}

impl PolicyState {
    /// Whether every value is known.
    pub fn wholly_known(&self) -> bool {
        let texts = [
            &self.id,
            &self.name,
            &self.tier,
            &self.rotation_interval,
            &self.stage_before,
            &self.propagation_delay,
            &self.grace_period,
            &self.revoke_only_if_unused_for,
            &self.max_grace_period,
            &self.notice_period,
            &self.alert_after,
            &self.soak_time,
            &self.on_drift,
            &self.on_leak,
            &self.on_destroy,
        ];
        let emergency = match &self.emergency {
            Value::Unknown => false,
            Value::Null => true,
            Value::Value(block) => block.wholly_known(),
        };
        emergency
            && are_known(&self.offboarded_owners)
            && are_known(&self.environment_order)
            && routes_are_known(&self.notifications)
            && !self.require_owner.is_unknown()
            && !self.paused.is_unknown()
            && texts.iter().all(|value| !value.is_unknown())
    }

    /// The sound policy behind the values, or every fault with its path below `path`.
    pub fn policy(&self, path: &Path) -> Result<Policy, Vec<Error>> {
        let mut errors = Vec::new();
        let mut duration = |name: &str, value: &Value<String>| {
            let text = value.as_deref_option()?;
            Duration::parse(text)
                .map_err(|problem| {
                    let summary = format!("{name} is not a duration");
                    errors.push(Error::invalid(path.attribute(name), summary, problem));
                })
                .ok()
        };
        let name = self.name.as_deref_option().unwrap_or_default();
        let draft = Draft {
            name: name.to_owned(),
            tier: self.tier.as_deref_option().map(str::to_owned),
            rotation_interval: duration("rotation_interval", &self.rotation_interval),
            stage_before: duration("stage_before", &self.stage_before),
            propagation_delay: duration("propagation_delay", &self.propagation_delay),
            grace_period: duration("grace_period", &self.grace_period),
            revoke_only_if_unused_for: duration(
                "revoke_only_if_unused_for",
                &self.revoke_only_if_unused_for,
            ),
            max_grace_period: duration("max_grace_period", &self.max_grace_period),
            notice_period: duration("notice_period", &self.notice_period),
            alert_after: duration("alert_after", &self.alert_after),
            soak_time: duration("soak_time", &self.soak_time),
            paused: self.paused.as_option(),
            on_drift: word("on_drift", &self.on_drift, path, &mut errors),
            on_leak: word("on_leak", &self.on_leak, path, &mut errors),
            on_destroy: word("on_destroy", &self.on_destroy, path, &mut errors),
            emergency: emergency(&self.emergency, path, &mut errors),
            environment_order: names(
                "environment_order",
                &self.environment_order,
                path,
                &mut errors,
            ),
            notifications: routes(&self.notifications, path, &mut errors),
            offboarded_owners: names(
                "offboarded_owners",
                &self.offboarded_owners,
                path,
                &mut errors,
            ),
        };
        errors.extend(too_long(path.attribute("name"), "name", name, LONGEST_NAME));
        if errors.is_empty() {
            return Policy::new(draft, path);
        }
        // What a duration that cannot be read fits together with is judged once it can be.
        let others = policy::faults_beside_durations(&draft, path);
        Err(others.into_iter().chain(errors).collect())
    }

    /// Fills in what was not given.
    pub(super) fn complete(&mut self, policy: &Policy) {
        let fill = |value: &mut Value<String>, duration: Duration| {
            if !value.is_value() {
                *value = Value::Value(duration.to_string());
            }
        };
        self.id = Value::Value(policy.name.clone());
        fill(&mut self.rotation_interval, policy.rotation_interval);
        fill(&mut self.stage_before, policy.stage_before);
        fill(&mut self.propagation_delay, policy.propagation_delay);
        fill(&mut self.grace_period, policy.grace_period);
        fill(
            &mut self.revoke_only_if_unused_for,
            policy.revoke_only_if_unused_for,
        );
        fill(&mut self.max_grace_period, policy.max_grace_period);
        fill(&mut self.notice_period, policy.notice_period);
        fill(&mut self.alert_after, policy.alert_after);
        fill(&mut self.soak_time, policy.soak_time);
        self.paused = Value::Value(policy.paused);
        if self.tier.is_unknown() {
            self.tier = Value::Null;
        }
        self.on_drift = Value::Value(policy.on_drift.to_string());
        self.on_leak = Value::Value(policy.on_leak.to_string());
        self.on_destroy = Value::Value(policy.on_destroy.to_string());
    }

    /// Values that the provider fills in, unknown until the inputs are known.
    pub(super) fn withhold(&mut self) {
        let Self {
            id,
            name: _,
            tier,
            rotation_interval,
            stage_before,
            propagation_delay,
            grace_period,
            revoke_only_if_unused_for,
            max_grace_period,
            notice_period,
            alert_after,
            paused,
            on_drift,
            on_leak,
            on_destroy,
            emergency: _,
            offboarded_owners: _,
            require_owner: _,
            environment_order: _,
            notifications: _,
            soak_time,
        } = self;
        for value in [
            id,
            tier,
            rotation_interval,
            stage_before,
            propagation_delay,
            grace_period,
            revoke_only_if_unused_for,
            max_grace_period,
            notice_period,
            alert_after,
            soak_time,
            on_drift,
            on_leak,
            on_destroy,
        ] {
            if value.is_null() {
                *value = Value::Unknown;
            }
        }
        if paused.is_null() {
            *paused = Value::Unknown;
        }
    }
}

/// Whether every name in a list is known.
pub fn are_known(list: &Value<Vec<Value<String>>>) -> bool {
    match list {
        Value::Unknown => false,
        Value::Null => true,
        Value::Value(names) => names.iter().all(|name| !name.is_unknown()),
    }
}

/// A list of names; `None` where there is none.
fn names(
    name: &str,
    list: &Value<Vec<Value<String>>>,
    path: &Path,
    errors: &mut Vec<Error>,
) -> Option<Vec<String>> {
    let names: Vec<String> = list
        .as_ref_option()?
        .iter()
        .map(|name| name.as_deref_option().unwrap_or_default().to_owned())
        .collect();
    if names.iter().any(|name| name.trim().is_empty()) {
        errors.push(Error::invalid(
            path.attribute(name),
            format!("{name} holds an empty name"),
            format!(
                "An element of {name} is null or empty, so that nobody can tell who is missing. Mend what the list comes \
                 from."
            ),
        ));
    }
    Some(names)
}

fn emergency(
    block: &Value<EmergencyState>,
    path: &Path,
    errors: &mut Vec<Error>,
) -> Option<Declared> {
    let declared = block
        .as_ref_option()?
        .declared(&path.attribute("emergency"));
    declared.map_err(|faults| errors.extend(faults)).ok()
}

/// What a word of the configuration stands for.
pub(super) fn word<T: FromStr + VariantNames>(
    name: &str,
    value: &Value<String>,
    path: &Path,
    errors: &mut Vec<Error>,
) -> Option<T> {
    let text = value.as_deref_option()?;
    let found = text.parse().ok();
    if found.is_none() {
        errors.push(Error::invalid(
            path.attribute(name),
            format!("{name} is not valid"),
            format!("{text:?} is not known here. Write {}.", choice(T::VARIANTS)),
        ));
    }
    found
}
