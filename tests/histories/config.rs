//! The configuration of the key: small sets of choices for everything that an edit can change.

use std::collections::{BTreeMap, BTreeSet};

use apikey::resources::managed::model::{Fields, ManagedState};
use apikey::resources::rotation_policy::{EmergencyState, PolicyState, RouteState};
use tf_provider::value::{Value, ValueAny};

use super::events::Edit;
use super::news::TEAM;
use super::values::copy;

/// The last two are other names of the first two.
pub const PLACES: [&str; 5] = ["/p0", "/p1", "/p2", "/link/p0", "/link/p1"];

/// Sets of deliveries: name and place. The third swaps the places of the second, the sixth has none, the eighth and
/// ninth call places by their other names, and the last delivers to one place twice, which is refused.
pub const DELIVERIES: [&[(&str, usize)]; 10] = [
    &[("a", 0)],
    &[("a", 0), ("b", 1)],
    &[("a", 1), ("b", 0)],
    &[("a", 0), ("b", 1), ("c", 2)],
    &[("z", 0)],
    &[],
    &[("a", 2)],
    &[("a", 3), ("b", 1)],
    &[("z", 4), ("y", 0)],
    &[("a", 0), ("b", 3)],
];

/// `rotation_interval`, `stage_before`, `propagation_delay`, `grace_period`.
pub const POLICIES: [[&str; 4]; 4] = [
    ["100s", "20s", "5s", "30s"],
    ["100s", "20s", "0s", "30s"],
    ["60s", "30s", "10s", "30s"],
    ["400s", "40s", "40s", "100s"],
];

pub const OWNERS: [Option<&str>; 3] = [None, Some("bob"), Some("eve")];

/// Lists of owners who have left; `None` where nobody keeps one.
pub const OFFBOARDED: [Option<&[&str]>; 3] = [None, Some(&[]), Some(&["bob"])];

/// How long a key soaks in the environment before.
pub const SOAK: i64 = 30;

pub const ON_DRIFT: [&str; 3] = ["warn", "rotate", "error"];

pub struct Config {
    pub name: String,
    pub policy: usize,
    pub paused: bool,
    pub on_drift: usize,
    pub trigger: u64,
    pub deliveries: usize,
    pub stored: bool,
    /// Whether there is a deployment, and whether it is required.
    pub deployment: Option<bool>,
    pub hold: bool,
    /// How many there were.
    emergencies: u32,
    /// The one that is declared: its id, its order and its scope.
    pub emergency: Option<(String, &'static str, &'static str)>,
    pub break_glass: bool,
    pub owner: usize,
    pub offboarded: usize,
    /// It is of `prod`, and `dev` comes first.
    pub is_ordered: bool,
    pub is_expected: bool,
    pub is_announced: bool,
}

impl Config {
    pub fn new() -> Self {
        Self {
            name: "k0".into(),
            policy: 0,
            paused: false,
            on_drift: 0,
            trigger: 0,
            deliveries: 1,
            stored: false,
            deployment: None,
            hold: false,
            emergencies: 0,
            emergency: None,
            break_glass: false,
            owner: 1,
            offboarded: 0,
            is_ordered: false,
            is_expected: false,
            is_announced: false,
        }
    }

    pub fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Rename => self.name.push('x'),
            Edit::Policy(index) => self.policy = *index,
            Edit::Paused(paused) => self.paused = *paused,
            Edit::OnDrift(index) => self.on_drift = *index,
            Edit::Trigger => self.trigger += 1,
            Edit::Deliveries(index) => self.deliveries = *index,
            Edit::StoreInState(stored) => self.stored = *stored,
            Edit::Deployment(required) => self.deployment = *required,
            Edit::HoldWhileUsed(hold) => self.hold = *hold,
            Edit::Emergency {
                revoke_first,
                all,
                break_glass,
            } => {
                self.emergencies += 1;
                self.break_glass = *break_glass;
                let order = if *revoke_first {
                    "revoke_first"
                } else {
                    "replace_first"
                };
                let scope = if *all { "all" } else { "primary" };
                self.emergency = Some((format!("INC-{}", self.emergencies), order, scope));
            }
            Edit::NoEmergency => self.emergency = None,
            Edit::Owner(index) => self.owner = *index,
            Edit::Offboarded(index) => self.offboarded = *index,
            Edit::Ordered(ordered) => self.is_ordered = *ordered,
            Edit::Expected(expected) => self.is_expected = *expected,
            Edit::Announced(announced) => self.is_announced = *announced,
        }
    }

    pub fn state(&self) -> ManagedState {
        let text = |text: &str| Value::Value(text.to_owned());
        let list = |names: &[&str]| names.iter().map(|name| text(name)).collect::<Vec<_>>();
        let [interval, stage, delay, grace] = POLICIES[self.policy];
        let everything = Value::Value(RouteState::default());
        let policy = PolicyState {
            name: text("p"),
            rotation_interval: text(interval),
            stage_before: text(stage),
            propagation_delay: text(delay),
            grace_period: text(grace),
            revoke_only_if_unused_for: if self.hold { text("50s") } else { Value::Null },
            paused: Value::Value(self.paused),
            on_drift: text(ON_DRIFT[self.on_drift]),
            offboarded_owners: OFFBOARDED[self.offboarded].map(list).into(),
            environment_order: self.is_ordered.then(|| list(&["dev", "prod"])).into(),
            soak_time: text(&format!("{SOAK}s")),
            notice_period: if self.is_announced {
                text("15s")
            } else {
                Value::Null
            },
            notifications: Value::Value(BTreeMap::from([(TEAM.to_owned(), everything)])),
            ..PolicyState::default()
        };
        let field = |name: &str, value: &str| {
            let fields = BTreeMap::from([(name.to_owned(), ValueAny::String(value.into()))]);
            ValueAny::Map(fields)
        };
        let delivery = |(name, place): &(&str, usize)| {
            let fields: Fields = BTreeMap::from([("file".into(), field("path", PLACES[*place]))]);
            ((*name).to_owned(), Value::Value(fields))
        };
        let deliveries = DELIVERIES[self.deliveries].iter().map(delivery);
        ManagedState {
            name: text(&self.name),
            owner: OWNERS[self.owner].map(str::to_owned).into(),
            environment: self.is_ordered.then(|| "prod".to_owned()).into(),
            policy: Value::Value(policy),
            issuer: Value::Value(BTreeMap::from([(
                "aws_iam".into(),
                field("user_name", "u"),
            )])),
            deliveries: Value::Value(deliveries.collect()),
            deployments: self.deployments().into(),
            store_secret_in_state: if self.stored {
                Value::Value(true)
            } else {
                Value::Null
            },
            rotation_trigger: Value::Value(self.trigger.to_string()),
            expected_usage: self.expected().into(),
            emergency: self.declared(),
            ..ManagedState::default()
        }
    }

    fn expected(&self) -> Option<Fields> {
        let max_idle = ValueAny::String("50s".into());
        let fields = Fields::from([("max_idle".to_owned(), max_idle)]);
        self.is_expected.then_some(fields)
    }

    fn deployments(&self) -> Option<BTreeMap<String, Value<Fields>>> {
        let required = ValueAny::Bool(self.deployment?);
        let fields = BTreeMap::from([("required".to_owned(), required)]);
        Some(BTreeMap::from([("web".to_owned(), Value::Value(fields))]))
    }

    fn declared(&self) -> Value<EmergencyState> {
        let text = |text: &str| Value::Value(text.to_owned());
        let declared = self.emergency.as_ref();
        let block = declared.map(|(id, order, scope)| EmergencyState {
            id: text(id),
            reason: text("stolen"),
            order: text(order),
            scope: text(scope),
            break_glass: Value::Value(self.break_glass),
        });
        block.into()
    }

    pub fn places(&self) -> BTreeSet<String> {
        let set = DELIVERIES[self.deliveries].iter();
        set.map(|(_, place)| PLACES[*place].to_owned()).collect()
    }

    /// The configuration over the prior state, as Terraform proposes it.
    pub fn proposed(&self, prior: &ManagedState) -> ManagedState {
        let config = self.state();
        let mut proposed = copy(prior);
        if !config.store_secret_in_state.is_null() {
            proposed.store_secret_in_state = config.store_secret_in_state;
        }
        proposed.name = config.name;
        proposed.owner = config.owner;
        proposed.environment = config.environment;
        proposed.policy = config.policy;
        proposed.issuer = config.issuer;
        proposed.deliveries = config.deliveries;
        proposed.deployments = config.deployments;
        proposed.rotation_trigger = config.rotation_trigger;
        proposed.expected_usage = config.expected_usage;
        proposed.emergency = config.emergency;
        proposed
    }
}
