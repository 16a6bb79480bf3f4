//! How often a key is rotated and how gently. A [`Policy`] exists only if it is sound.

use crate::duration::Duration;
use crate::error::{Error, Path};
use crate::settings::{DROPPED, choice};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDrift {
    /// Say so on every plan and change nothing.
    #[default]
    Warn,
    /// Replace the key.
    Rotate,
    /// Fail every plan.
    Error,
}

/// What happens to the keys when the resource is destroyed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDestroy {
    /// They are revoked and taken out of the stores.
    #[default]
    Revoke,
    /// They are left as they are.
    Retain,
}

impl OnDrift {
    /// The words for it in a configuration.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("warn", Self::Warn),
        ("rotate", Self::Rotate),
        ("error", Self::Error),
    ];
}

impl OnDestroy {
    /// The words for it in a configuration.
    pub const WORDS: [(&'static str, Self); 2] =
        [("revoke", Self::Revoke), ("retain", Self::Retain)];
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
    /// See [`OnDestroy`].
    pub on_destroy: Option<OnDestroy>,
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
    pub on_destroy: OnDestroy,
}

impl Policy {
    /// Fills in the defaults and checks every inequality; all faults are reported at once.
    /// `path` is where the policy stands: empty for the policy resource, `policy` for a key.
    pub fn new(draft: Draft, path: &Path) -> Result<Self, Vec<Error>> {
        let mut faults = Faults::new(path);
        faults.name(&draft);
        let tier = faults.tier(&draft);
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
            on_destroy: draft.on_destroy.unwrap_or_default(),
        };
        faults.inequalities(&policy);
        if faults.errors.is_empty() {
            Ok(policy)
        } else {
            Err(faults.errors)
        }
    }
}

/// The faults that can be told of a policy some of whose durations could not even be read.
pub fn faults_beside_durations(draft: &Draft, path: &Path) -> Vec<Error> {
    let mut faults = Faults::new(path);
    faults.name(draft);
    faults.tier(draft);
    faults.errors
}

struct Faults<'a> {
    path: &'a Path,
    errors: Vec<Error>,
}

impl<'a> Faults<'a> {
    fn new(path: &'a Path) -> Self {
        Self {
            path,
            errors: Vec::new(),
        }
    }

    fn add(&mut self, attribute: &str, summary: &str, detail: String) {
        let path = self.path.attribute(attribute);
        self.errors.push(Error::invalid(path, summary, detail));
    }

    fn name(&mut self, draft: &Draft) {
        if draft.name.trim().is_empty() {
            let detail = "name is empty. Plans and errors call the policy by it, so give it one.";
            self.add("name", "A policy needs a name", detail.into());
        }
    }

    fn tier(&mut self, draft: &Draft) -> Option<Tier> {
        let name = draft.tier.as_deref()?;
        let tier = TIERS.into_iter().find(|tier| tier.name == name);
        if tier.is_none() {
            let words: Vec<&str> = TIERS.iter().map(|tier| tier.name).collect();
            let detail = format!("There is no tier {name:?}. Write {}.", choice(&words));
            self.add("tier", "Unknown tier", detail);
        }
        tier
    }

    fn interval(&mut self, tier: Option<Tier>, draft: &Draft) -> Option<Duration> {
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

    fn inequalities(&mut self, policy: &Policy) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(interval: &str) -> Draft {
        Draft {
            name: "p".into(),
            rotation_interval: Some(Duration::parse(interval).unwrap()),
            ..Draft::default()
        }
    }

    fn faults(draft: Draft) -> Vec<String> {
        let errors = Policy::new(draft, &Path::default()).unwrap_err();
        errors.iter().map(|error| error.path.to_string()).collect()
    }

    #[test]
    fn defaults_follow_from_the_interval() {
        let policy = Policy::new(draft("90d"), &Path::default()).unwrap();
        assert_eq!(policy.stage_before, Duration::from_days(7));
        assert_eq!(policy.propagation_delay, Duration::from_hours(1));
        assert_eq!(policy.grace_period, Duration::from_hours(24));
        assert_eq!(policy.max_grace_period, Duration::from_days(7));
        assert_eq!(policy.alert_after, Duration::from_days(30));

        let short = Policy::new(draft("20s"), &Path::default()).unwrap();
        assert_eq!(short.stage_before, Duration::from_secs(2));
        assert_eq!(short.propagation_delay, Duration::from_secs(2));
        assert_eq!(short.grace_period, Duration::from_secs(5));
    }

    #[test]
    fn a_tier_sets_the_interval_and_limits_an_explicit_one() {
        let tier = |interval: Option<&str>| Draft {
            name: "p".into(),
            tier: Some("high_privilege".into()),
            rotation_interval: interval.map(|text| Duration::parse(text).unwrap()),
            ..Draft::default()
        };
        let policy = Policy::new(tier(None), &Path::default()).unwrap();
        assert_eq!(policy.rotation_interval, Duration::from_days(30));
        assert!(Policy::new(tier(Some("60d")), &Path::default()).is_ok());
        let errors = Policy::new(tier(Some("61d")), &Path::default()).unwrap_err();
        assert!(errors[0].detail.contains("61d") && errors[0].detail.contains("60d"));
    }

    #[test]
    fn an_unsound_policy_names_the_attribute() {
        let secs = |seconds| Some(Duration::from_secs(seconds));
        for (broken, attribute) in [
            (
                Draft {
                    name: " ".into(),
                    ..draft("1d")
                },
                "name",
            ),
            (
                Draft {
                    tier: Some("high".into()),
                    ..draft("1d")
                },
                "tier",
            ),
            (
                Draft {
                    name: "p".into(),
                    ..Draft::default()
                },
                "rotation_interval",
            ),
            (draft("0s"), "rotation_interval"),
            (
                Draft {
                    grace_period: secs(10),
                    stage_before: secs(11),
                    ..draft("20s")
                },
                "grace_period",
            ),
            (
                Draft {
                    propagation_delay: secs(9),
                    ..draft("20s")
                },
                "propagation_delay",
            ),
            (
                Draft {
                    max_grace_period: secs(1),
                    ..draft("20s")
                },
                "max_grace_period",
            ),
            (
                Draft {
                    notice_period: secs(20),
                    ..draft("20s")
                },
                "notice_period",
            ),
        ] {
            assert_eq!(faults(broken), [attribute]);
        }
    }

    #[test]
    fn grace_and_staging_may_fill_the_interval_exactly() {
        let exact = Draft {
            grace_period: Some(Duration::from_secs(10)),
            stage_before: Some(Duration::from_secs(10)),
            ..draft("20s")
        };
        assert!(Policy::new(exact, &Path::default()).is_ok());
    }
}
