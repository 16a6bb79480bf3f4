//! How often a key is rotated and how gently. A [`Policy`] exists only if it is sound.

use strum::{Display, EnumString, VariantNames};

use super::policy_faults::Faults;
use crate::domain::emergency::Declared;
use crate::domain::notices::Route;
use crate::duration::Duration;
use crate::error::{Error, Path};

/// A named class of keys with a rotation interval and a limit for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The word in a configuration.
    pub name: &'static str,
    /// The interval that the tier sets.
    pub rotation_interval: Duration,
    /// The longest interval that the tier allows.
    pub limit: Duration,
}

/// The tiers, strictest first.
pub const TIERS: [Tier; 3] = [
    Tier {
        name: "high_privilege",
        rotation_interval: Duration::from_days(30),
        limit: Duration::from_days(60),
    },
    Tier {
        name: "standard",
        rotation_interval: Duration::from_days(90),
        limit: Duration::from_days(90),
    },
    Tier {
        name: "low_risk",
        rotation_interval: Duration::from_days(180),
        limit: Duration::from_days(180),
    },
];

/// What to do when the primary key vanished or no longer works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, EnumString, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum OnDrift {
    /// Say so on every plan and change nothing.
    #[default]
    Warn,
    /// Replace the key.
    Rotate,
    /// Fail every plan.
    Error,
}

/// What to do about a key that a scanner of secrets has found where it should not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, EnumString, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum OnLeak {
    /// Say so on every plan and change nothing.
    #[default]
    Warn,
    /// Replace and revoke it at once.
    Rotate,
}

/// What happens to the keys when the resource is destroyed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, EnumString, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum OnDestroy {
    /// They are revoked and taken out of the stores.
    #[default]
    Revoke,
    /// They are left as they are.
    Retain,
}

/// A policy as somebody wrote it: what is `None` was not given.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Required.
    pub name: String,
    /// One of [`TIERS`] by name.
    pub tier: Option<String>,
    /// From the tier where it is not given.
    pub rotation_interval: Option<Duration>,
    /// How long before the due date the secondary slot is filled.
    pub stage_before: Option<Duration>,
    /// How long a staged key is delivered before it may be promoted.
    pub propagation_delay: Option<Duration>,
    /// How long a retiring key stays valid.
    pub grace_period: Option<Duration>,
    /// Holds a revocation while the key is in use; zero switches it off.
    pub revoke_only_if_unused_for: Option<Duration>,
    /// The end of any hold, counted from the promotion.
    pub max_grace_period: Option<Duration>,
    /// How long before the due date people are told; zero switches it off.
    pub notice_period: Option<Duration>,
    /// How long after the due date a key counts as overdue.
    pub alert_after: Option<Duration>,
    /// Nothing is staged or promoted.
    pub paused: Option<bool>,
    /// See [`OnDrift`].
    pub on_drift: Option<OnDrift>,
    /// See [`OnLeak`].
    pub on_leak: Option<OnLeak>,
    /// See [`OnDestroy`].
    pub on_destroy: Option<OnDestroy>,
    /// An emergency of every key under the policy.
    pub emergency: Option<Declared>,
    /// Owners who have left; `None` where nobody keeps such a list.
    pub offboarded_owners: Option<Vec<String>>,
    /// The environments, in the order in which their keys are promoted; `None` where there is none.
    pub environment_order: Option<Vec<String>>,
    /// How long a key is primary in one environment before the next one follows.
    pub soak_time: Option<Duration>,
    /// Who is told of what.
    pub notifications: Vec<Route>,
}

/// A sound policy with every value decided.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field is described on Draft")]
pub struct Policy {
    pub name: String,
    pub tier: Option<Tier>,
    pub rotation_interval: Duration,
    pub stage_before: Duration,
    pub propagation_delay: Duration,
    pub grace_period: Duration,
    pub revoke_only_if_unused_for: Duration,
    pub max_grace_period: Duration,
    pub notice_period: Duration,
    pub alert_after: Duration,
    pub paused: bool,
    pub on_drift: OnDrift,
    pub on_leak: OnLeak,
    pub on_destroy: OnDestroy,
    pub emergency: Option<Declared>,
    pub offboarded_owners: Option<Vec<String>>,
    pub environment_order: Option<Vec<String>>,
    pub soak_time: Duration,
    pub notifications: Vec<Route>,
}

impl Policy {
    /// Fills in the defaults and checks every inequality; all faults are reported at once.
    /// `path` is where the policy stands: empty for the policy resource, `policy` for a key.
    pub fn new(draft: Draft, path: &Path) -> Result<Self, Vec<Error>> {
        let mut faults = Faults::new(path);
        faults.name(&draft);
        let tier = faults.tier(&draft);
        faults.order(&draft);
        let Some(rotation_interval) = faults.interval(tier, &draft) else {
            return Err(faults.errors);
        };

        let stage_before = draft
            .stage_before
            .unwrap_or(Duration::from_days(7).min(rotation_interval.divided_by(10)));
        let grace_period = draft
            .grace_period
            .unwrap_or(Duration::from_hours(24).min(rotation_interval.divided_by(4)));
        let policy = Self {
            name: draft.name,
            tier,
            rotation_interval,
            stage_before,
            propagation_delay: draft
                .propagation_delay
                .unwrap_or(Duration::from_hours(1).min(stage_before)),
            grace_period,
            revoke_only_if_unused_for: draft.revoke_only_if_unused_for.unwrap_or_default(),
            max_grace_period: draft.max_grace_period.unwrap_or(grace_period.times(7)),
            notice_period: draft.notice_period.unwrap_or_default(),
            alert_after: draft.alert_after.unwrap_or(Duration::from_days(30)),
            paused: draft.paused.unwrap_or_default(),
            on_drift: draft.on_drift.unwrap_or_default(),
            on_leak: draft.on_leak.unwrap_or_default(),
            on_destroy: draft.on_destroy.unwrap_or_default(),
            emergency: draft.emergency,
            offboarded_owners: draft.offboarded_owners,
            environment_order: draft.environment_order,
            soak_time: draft.soak_time.unwrap_or(Duration::from_hours(24)),
            notifications: draft.notifications,
        };
        faults.inequalities(&policy);
        if faults.errors.is_empty() {
            Ok(policy)
        } else {
            Err(faults.errors)
        }
    }
}

impl Policy {
    /// How much before its date a step of the schedule counts as due, so that a run that starts some seconds earlier
    /// than the one before does not miss it: a hundredth of the interval in whole minutes, an hour at most. Below an
    /// interval of 100 minutes it is nothing. It never shortens `propagation_delay` or `grace_period`.
    pub fn tolerance(&self) -> Duration {
        let share = self.rotation_interval.divided_by(100);
        let minutes = share.as_secs() / 60;
        Duration::from_mins(minutes).min(Duration::from_hours(1))
    }
}

/// The faults that can be told of a policy some of whose durations could not even be read.
pub fn faults_beside_durations(draft: &Draft, path: &Path) -> Vec<Error> {
    let mut faults = Faults::new(path);
    faults.name(draft);
    faults.tier(draft);
    faults.order(draft);
    faults.errors
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
