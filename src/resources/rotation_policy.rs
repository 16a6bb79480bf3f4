//! `apikey_rotation_policy`: how often keys are rotated and how gently. Lives in the state alone.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tf_provider::schema::{AttributeType, Block, Description, Schema};
use tf_provider::value::{Value, ValueEmpty};
use tf_provider::{AttributePath, Diagnostics, Resource};

use crate::domain::policy::{self, Draft, OnDestroy, OnDrift, Policy};
use crate::duration::Duration;
use crate::error::{Error, Path};
use crate::resources::diagnostics;
use crate::schema::{Attributes, attributes, computed, defaulted, optional, required};
use crate::settings::choice;

/// The version of the schema.
pub const VERSION: i64 = 0;

/// The resource type.
pub struct RotationPolicy;

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
    pub on_destroy: Value<String>,
}

type Defaults = [(&'static str, &'static str); 12];

/// Every attribute but `id` and `name`, with its description. `paused` is the only one that is no string.
const SETTINGS: Defaults = [
    (
        "tier",
        "Class of the keys: `high_privilege` (30d, at most 60d), `standard` (90d, at most 90d) or `low_risk` (180d, at most 180d). Sets `rotation_interval` where that is not given, and limits it where it is.",
    ),
    (
        "rotation_interval",
        "How long a key is primary before it is rotated, such as `90d`, `36h`, `1h30m` or `20s`. Required unless `tier` is set.",
    ),
    (
        "stage_before",
        "How long before the due date the new key is minted and delivered as secondary. Default: 7d, or a tenth of the interval if that is shorter. Together with `grace_period` it must fit into `rotation_interval`.",
    ),
    (
        "propagation_delay",
        "How long a staged key must have been delivered before it is promoted; `0s` stages and promotes in one apply when rotation is due. At most `stage_before`. Default: 1h, or `stage_before` if that is shorter.",
    ),
    (
        "grace_period",
        "How long the old key stays valid after the swap. Default: 24h, or a quarter of the interval if that is shorter.",
    ),
    (
        "revoke_only_if_unused_for",
        "Holds the revocation of the old key while its issuer reports a use within this time. Default: `0s`, which is off. Only issuers that report uses can hold.",
    ),
    (
        "max_grace_period",
        "The end of any hold, counted from the swap. Default: 7 times `grace_period`.",
    ),
    (
        "notice_period",
        "How long before the due date plans begin to warn. Default: `0s`, which is off.",
    ),
    (
        "alert_after",
        "How long after the due date `status` turns to `overdue`. Default: 30d.",
    ),
    (
        "paused",
        "Nothing is staged or promoted. `due` and `overdue` still show, and keys in their grace period are still revoked. Default: `false`.",
    ),
    (
        "on_drift",
        "What to do when the primary key vanished or was switched off at its issuer, or no delivery holds its secret any more: `warn` on every plan, `rotate` to a new key, or fail with an `error`. Default: `warn`.",
    ),
    (
        "on_destroy",
        "What happens to the keys when a managed key is destroyed: `revoke` them and take them out of the stores, or `retain` everything. Read from the state, so a change must be applied before the destroy. Default: `revoke`.",
    ),
];

/// The attributes of the resource: what is not given is filled in and shown.
pub fn resource_attributes() -> Attributes {
    let own = attributes([
        ("id", computed(AttributeType::String, "The name.")),
        (
            "name",
            required(
                AttributeType::String,
                "Name of the policy, shown in plans and errors.",
            ),
        ),
    ]);
    own.into_iter().chain(settings(defaulted)).collect()
}

/// The attributes of `policy` in `apikey_managed`: the same, none of them filled in.
pub fn nested_attributes() -> Attributes {
    let own = attributes([
        (
            "id",
            optional(
                AttributeType::String,
                "Ignored; there so that a whole `apikey_rotation_policy` fits.",
            ),
        ),
        (
            "name",
            required(
                AttributeType::String,
                "Name of the policy, shown in plans and errors.",
            ),
        ),
    ]);
    own.into_iter().chain(settings(optional)).collect()
}

fn settings(
    make: fn(AttributeType, &str) -> tf_provider::schema::Attribute,
) -> impl Iterator<Item = (String, tf_provider::schema::Attribute)> {
    SETTINGS.into_iter().map(move |(name, text)| {
        let kind = match name {
            "paused" => AttributeType::Bool,
            _ => AttributeType::String,
        };
        (name.to_owned(), make(kind, text))
    })
}

impl PolicyState {
    /// Whether every value is known.
    pub fn wholly_known(&self) -> bool {
        !self.paused.is_unknown() && self.texts().iter().all(|(_, value)| !value.is_unknown())
    }

    fn texts(&self) -> [(&'static str, &Value<String>); 13] {
        [
            ("id", &self.id),
            ("name", &self.name),
            ("tier", &self.tier),
            ("rotation_interval", &self.rotation_interval),
            ("stage_before", &self.stage_before),
            ("propagation_delay", &self.propagation_delay),
            ("grace_period", &self.grace_period),
            ("revoke_only_if_unused_for", &self.revoke_only_if_unused_for),
            ("max_grace_period", &self.max_grace_period),
            ("notice_period", &self.notice_period),
            ("alert_after", &self.alert_after),
            ("on_drift", &self.on_drift),
            ("on_destroy", &self.on_destroy),
        ]
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
        let draft = Draft {
            name: self.name.as_deref_option().unwrap_or_default().to_owned(),
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
            paused: self.paused.as_option(),
            on_drift: word(
                "on_drift",
                &self.on_drift,
                &OnDrift::WORDS,
                path,
                &mut errors,
            ),
            on_destroy: word(
                "on_destroy",
                &self.on_destroy,
                &OnDestroy::WORDS,
                path,
                &mut errors,
            ),
        };
        if errors.is_empty() {
            return Policy::new(draft, path);
        }
        // What a duration that cannot be read fits together with is judged once it can be.
        let others = policy::faults_beside_durations(&draft, path);
        Err(others.into_iter().chain(errors).collect())
    }

    /// Fills in what was not given.
    fn complete(&mut self, policy: &Policy) {
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
        self.paused = Value::Value(policy.paused);
        if self.tier.is_unknown() {
            self.tier = Value::Null;
        }
        let name_of = |words: &[(&'static str, OnDrift)]| {
            words
                .iter()
                .find(|(_, value)| *value == policy.on_drift)
                .map(|(name, _)| (*name).to_owned())
        };
        self.on_drift = name_of(&OnDrift::WORDS).into();
        let destroy = OnDestroy::WORDS
            .iter()
            .find(|(_, value)| *value == policy.on_destroy);
        self.on_destroy = destroy.map(|(name, _)| (*name).to_owned()).into();
    }

    /// Values that the provider fills in, unknown until the inputs are known.
    fn withhold(&mut self) {
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
            on_destroy,
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
            on_drift,
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

fn word<T: Copy>(
    name: &str,
    value: &Value<String>,
    words: &[(&'static str, T)],
    path: &Path,
    errors: &mut Vec<Error>,
) -> Option<T> {
    let text = value.as_deref_option()?;
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        errors.push(Error::invalid(
            path.attribute(name),
            format!("{name} is not valid"),
            format!("{text:?} is not known here. Write {}.", choice(&list)),
        ));
    }
    found.map(|(_, value)| *value)
}

/// What is given in the configuration stays; the rest follows from it.
fn plan(diags: &mut Diagnostics, mut config: PolicyState) -> Option<PolicyState> {
    if !config.wholly_known() {
        config.withhold();
        return Some(config);
    }
    let policy = diagnostics::collect(diags, config.policy(&Path::default()))?;
    config.complete(&policy);
    Some(config)
}

#[async_trait]
impl Resource for RotationPolicy {
    type State<'a> = PolicyState;
    type PrivateState<'a> = ValueEmpty;
    type ProviderMetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(Schema {
            version: VERSION,
            block: Block {
                attributes: resource_attributes(),
                description: Description::markdown(
                    "How often keys are rotated and how gently. A policy lives in the state alone; hand the whole \
                     resource to `policy` of `apikey_managed`, so that an edit reaches its keys in the same plan.",
                ),
                ..Block::default()
            },
        })
    }

    async fn validate<'a>(&self, diags: &mut Diagnostics, config: PolicyState) -> Option<()> {
        if config.wholly_known() {
            diagnostics::collect(diags, config.policy(&Path::default()))?;
        }
        Some(())
    }

    async fn read<'a>(
        &self,
        _: &mut Diagnostics,
        state: PolicyState,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<(PolicyState, ValueEmpty)> {
        Some((state, private))
    }

    async fn plan_create<'a>(
        &self,
        diags: &mut Diagnostics,
        _: PolicyState,
        config: PolicyState,
        _: ValueEmpty,
    ) -> Option<(PolicyState, ValueEmpty)> {
        Some((plan(diags, config)?, Value::Null))
    }

    async fn plan_update<'a>(
        &self,
        diags: &mut Diagnostics,
        _: PolicyState,
        _: PolicyState,
        config: PolicyState,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<(PolicyState, ValueEmpty, Vec<AttributePath>)> {
        Some((plan(diags, config)?, private, Vec::new()))
    }

    async fn plan_destroy<'a>(
        &self,
        _: &mut Diagnostics,
        _: PolicyState,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<ValueEmpty> {
        Some(private)
    }

    async fn create<'a>(
        &self,
        _: &mut Diagnostics,
        planned: PolicyState,
        _: PolicyState,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<(PolicyState, ValueEmpty)> {
        Some((planned, private))
    }

    async fn update<'a>(
        &self,
        _: &mut Diagnostics,
        _: PolicyState,
        planned: PolicyState,
        _: PolicyState,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<(PolicyState, ValueEmpty)> {
        Some((planned, private))
    }

    async fn destroy<'a>(
        &self,
        _: &mut Diagnostics,
        _: PolicyState,
        _: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<()> {
        Some(())
    }

    /// A policy exists in the state alone, so all there is to import is its name.
    async fn import<'a>(
        &self,
        _: &mut Diagnostics,
        id: String,
    ) -> Option<(PolicyState, ValueEmpty)> {
        let policy = PolicyState {
            id: Value::Value(id.clone()),
            name: Value::Value(id),
            ..PolicyState::default()
        };
        Some((policy, Value::Null))
    }
}
