//! What can be wrong with a policy, and how it is told. What a sound one is made of stands in [`super::policy`].

use super::policy::{Draft, Policy, TIERS, Tier};
use crate::duration::Duration;
use crate::error::{Error, Path};
use crate::settings::{DROPPED, choice};

/// All faults found so far, in a policy that stands at `path`.
pub(super) struct Faults<'a> {
    path: &'a Path,
    pub(super) errors: Vec<Error>,
}

impl<'a> Faults<'a> {
    pub(super) fn new(path: &'a Path) -> Self {
        Self {
            path,
            errors: Vec::new(),
        }
    }

    fn add(&mut self, attribute: &str, summary: &str, detail: String) {
        let path = self.path.attribute(attribute);
        self.errors.push(Error::invalid(path, summary, detail));
    }

    pub(super) fn name(&mut self, draft: &Draft) {
        if draft.name.trim().is_empty() {
            let detail = "name is empty. Plans and errors call the policy by it, so give it one.";
            self.add("name", "A policy needs a name", detail.into());
        }
    }

    pub(super) fn tier(&mut self, draft: &Draft) -> Option<Tier> {
        let name = draft.tier.as_deref()?;
        let tier = TIERS.into_iter().find(|tier| tier.name == name);
        if tier.is_none() {
            let words: Vec<&str> = TIERS.iter().map(|tier| tier.name).collect();
            let detail = format!("There is no tier {name:?}. Write {}.", choice(&words));
            self.add("tier", "Unknown tier", detail);
        }
        tier
    }

    /// An environment that stands in two places would have to wait for itself.
    pub(super) fn order(&mut self, draft: &Draft) {
        let order = draft.environment_order.as_deref().unwrap_or_default();
        let twice = order
            .iter()
            .enumerate()
            .find(|(index, name)| order[..*index].contains(name));
        if let Some((_, name)) = twice {
            let detail = format!(
                "environment_order names {name:?} twice, so that it would have to wait for itself. Name each environment \
                 once, the first to be rotated first."
            );
            self.add(
                "environment_order",
                "An environment that waits for itself",
                detail,
            );
        }
    }

    pub(super) fn interval(&mut self, tier: Option<Tier>, draft: &Draft) -> Option<Duration> {
        let given = draft.rotation_interval;
        let Some(interval) = given.or(tier.map(|tier| tier.rotation_interval)) else {
            // An unknown tier is told of already, and would have set the interval.
            if draft.tier.is_none() {
                let detail = "Set rotation_interval (such as \"90d\"), or a tier that sets it.";
                let detail = match self.path.0.is_empty() {
                    true => detail.to_owned(),
                    false => format!("{detail} {DROPPED}"),
                };
                self.add("rotation_interval", "No rotation interval", detail);
            }
            return None;
        };
        if interval.is_zero() {
            let detail = "rotation_interval is 0s. Set how long a key is in use, such as \"90d\".";
            self.add("rotation_interval", "No time to rotate in", detail.into());
            return None;
        }
        if let Some(tier) = tier.filter(|tier| interval > tier.limit) {
            let detail = format!(
                "rotation_interval is {interval}, but tier {} allows at most {}. Shorten \
                 rotation_interval or choose another tier.",
                tier.name, tier.limit
            );
            self.add(
                "rotation_interval",
                "Interval above the limit of the tier",
                detail,
            );
        }
        Some(interval)
    }

    pub(super) fn inequalities(&mut self, policy: &Policy) {
        let Policy {
            rotation_interval,
            stage_before,
            propagation_delay,
            grace_period,
            max_grace_period,
            notice_period,
            ..
        } = policy;
        if stage_before.plus(*grace_period) > *rotation_interval {
            let detail = format!(
                "stage_before ({stage_before}) and grace_period ({grace_period}) together are \
                 longer than rotation_interval ({rotation_interval}): the old key would still be in \
                 its grace period when the next one needs its slot. Shorten one of the two or \
                 lengthen rotation_interval."
            );
            self.add(
                "grace_period",
                "Grace and staging do not fit into the interval",
                detail,
            );
        }
        if propagation_delay > stage_before {
            let detail = format!(
                "propagation_delay ({propagation_delay}) is longer than stage_before \
                 ({stage_before}): a key staged in time could never be promoted in time. Set \
                 stage_before to at least {propagation_delay} or shorten propagation_delay."
            );
            self.add(
                "propagation_delay",
                "Staging starts too late for the delay",
                detail,
            );
        }
        if max_grace_period < grace_period {
            let detail = format!(
                "max_grace_period ({max_grace_period}) is shorter than grace_period \
                 ({grace_period}). Lengthen it, or leave it out for 7 times grace_period."
            );
            self.add(
                "max_grace_period",
                "The longest grace is shorter than the grace",
                detail,
            );
        }
        if notice_period >= rotation_interval {
            let detail = format!(
                "notice_period ({notice_period}) is not shorter than rotation_interval \
                 ({rotation_interval}): the notice would never end. Shorten notice_period."
            );
            self.add("notice_period", "Notice longer than the interval", detail);
        }
    }
}
