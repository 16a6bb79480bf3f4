//! Plays Terraform's part: refreshes, plans, plans again while it applies, applies, and compares what was
//! planned with what came of it.

use std::collections::{BTreeMap, BTreeSet};

use apikey::clock::Clock;
use apikey::context::Context;
use apikey::domain::rules::Move;
use apikey::instant::Instant;
use apikey::resources::managed::model::{Fields, ManagedState, Private};
use apikey::resources::managed::{apply, plan, read};
use apikey::resources::rotation_policy::PolicyState;
use tf_provider::Diagnostics;
use tf_provider::value::{Value, ValueAny};
use tokio_util::sync::CancellationToken;

use super::events::{Edit, Event, Tamper};
use crate::support::world::World;

/// What must not happen, in words.
type Crime = String;

const PLACES: [&str; 3] = ["/p0", "/p1", "/p2"];

/// Sets of deliveries: name and place. The third swaps the places of the second, the last has none.
const DELIVERIES: [&[(&str, usize)]; 6] = [
    &[("a", 0)],
    &[("a", 0), ("b", 1)],
    &[("a", 1), ("b", 0)],
    &[("a", 0), ("b", 1), ("c", 2)],
    &[("z", 0)],
    &[],
];

/// `rotation_interval`, `stage_before`, `propagation_delay`, `grace_period`.
const POLICIES: [[&str; 4]; 4] = [
    ["100s", "20s", "5s", "30s"],
    ["100s", "20s", "0s", "30s"],
    ["60s", "30s", "10s", "30s"],
    ["400s", "40s", "40s", "100s"],
];

const ON_DRIFT: [&str; 3] = ["warn", "rotate", "error"];

/// What Terraform keeps of the key.
struct Kept {
    state: ManagedState,
    private: Private,
    tainted: bool,
}

struct Planned {
    prior: ManagedState,
    prior_private: Private,
    planned: ManagedState,
    private: Private,
    warnings: String,
}

pub struct Player {
    world: World,
    now: i64,
    config: Config,
    kept: Option<Kept>,
    diary: Vec<String>,
}

struct Config {
    name: String,
    policy: usize,
    paused: bool,
    on_drift: usize,
    trigger: u64,
    deliveries: usize,
    stored: bool,
    hold: bool,
}

impl Config {
    fn state(&self) -> ManagedState {
        let text = |text: &str| Value::Value(text.to_owned());
        let [interval, stage, delay, grace] = POLICIES[self.policy];
        let policy = PolicyState {
            name: text("p"),
            rotation_interval: text(interval),
            stage_before: text(stage),
            propagation_delay: text(delay),
            grace_period: text(grace),
            revoke_only_if_unused_for: if self.hold { text("50s") } else { Value::Null },
            paused: Value::Value(self.paused),
            on_drift: text(ON_DRIFT[self.on_drift]),
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
            policy: Value::Value(policy),
            issuer: Value::Value(BTreeMap::from([(
                "aws_iam".into(),
                field("user_name", "u"),
            )])),
            deliveries: Value::Value(deliveries.collect()),
            store_secret_in_state: if self.stored {
                Value::Value(true)
            } else {
                Value::Null
            },
            rotation_trigger: Value::Value(self.trigger.to_string()),
            ..ManagedState::default()
        }
    }

    fn places(&self) -> BTreeSet<String> {
        let set = DELIVERIES[self.deliveries].iter();
        set.map(|(_, place)| PLACES[*place].to_owned()).collect()
    }
}

fn copy(state: &ManagedState) -> ManagedState {
    rmp_serde::from_slice(&rmp_serde::to_vec_named(state).unwrap()).unwrap()
}

fn tree(state: &ManagedState) -> ValueAny {
    rmp_serde::from_slice(&rmp_serde::to_vec_named(state).unwrap()).unwrap()
}

fn summaries(diags: &Diagnostics) -> Vec<&str> {
    let errors = diags.errors.iter();
    errors.map(|error| error.summary.as_ref()).collect()
}

/// The configuration over the prior state, as Terraform proposes it.
fn proposed(prior: &ManagedState, config: &Config) -> ManagedState {
    let config = config.state();
    let mut proposed = copy(prior);
    if !config.store_secret_in_state.is_null() {
        proposed.store_secret_in_state = config.store_secret_in_state;
    }
    proposed.name = config.name;
    proposed.policy = config.policy;
    proposed.issuer = config.issuer;
    proposed.deliveries = config.deliveries;
    proposed.rotation_trigger = config.rotation_trigger;
    proposed
}

/// Where a value does not keep what the plan promised; what was unknown may become anything.
fn broken_promise(planned: &ValueAny, actual: &ValueAny, path: &str) -> Option<String> {
    match (planned, actual) {
        (ValueAny::Unknown, _) => None,
        (ValueAny::Map(planned), ValueAny::Map(actual)) => {
            let names: BTreeSet<_> = planned.keys().chain(actual.keys()).collect();
            let null = ValueAny::Null;
            names.into_iter().find_map(|name| {
                let (planned, actual) = (planned.get(name), actual.get(name));
                let (planned, actual) = (planned.unwrap_or(&null), actual.unwrap_or(&null));
                broken_promise(planned, actual, &format!("{path}.{name}"))
            })
        }
        _ if planned == actual => None,
        _ => Some(format!(
            "{path} was planned as {planned:?} and became {actual:?}"
        )),
    }
}

impl Player {
    pub fn new() -> Self {
        Self {
            world: World::default(),
            now: 1_000_000,
            config: Config {
                name: "k0".into(),
                policy: 0,
                paused: false,
                on_drift: 0,
                trigger: 0,
                deliveries: 1,
                stored: false,
                hold: false,
            },
            kept: None,
            diary: Vec::new(),
        }
    }

    /// What happened, for a failed test.
    pub fn diary(&self) -> String {
        self.diary.join("\n")
    }

    pub async fn live(&mut self, event: &Event) -> Result<(), Crime> {
        self.diary.push(format!("at {}: {event:?}", self.now));
        match event {
            Event::Wait(seconds) => self.now += i64::from(*seconds),
            Event::Edit(edit) => self.edit(edit),
            Event::Tamper(tamper) => self.tamper(tamper),
            Event::Refresh { faults } => {
                self.set_faults(*faults, false);
                // A refresh that fails changes nothing.
                let _ = self.refresh().await?;
            }
            Event::Apply {
                refresh,
                late,
                faults,
                refuse_probes,
            } => {
                self.set_faults(*faults, *refuse_probes);
                self.apply(*refresh, *late).await?;
            }
            Event::Destroy { faults } => {
                self.set_faults(*faults, false);
                self.destroy().await?;
            }
        }
        self.set_faults(0, false);
        self.no_crime()
    }

    /// With everything in order again, a few applies bring the key into order too.
    pub async fn recover(&mut self) -> Result<(), Crime> {
        self.diary.push("recovery".into());
        self.config.paused = false;
        self.config.on_drift = 1;
        self.config.hold = false;
        self.config.policy = 0;
        for wait in [0, 0, 40, 40, 40, 40, 40, 40, 40, 40, 40, 0, 0, 0, 0] {
            self.now += wait;
            self.apply(true, 0).await?;
            self.no_crime()?;
        }
        let kept = self.kept.as_ref().ok_or("there is no key in the end")?;
        let managed = kept
            .state
            .managed(&kept.private)
            .map_err(|error| error.to_string())?;
        let slots = managed.slots.ok_or("there is no primary in the end")?;
        let state = self.world.state();
        for place in self.config.places() {
            let holds = state
                .places
                .get(&place)
                .and_then(|written| written.primary.0.clone());
            if holds != slots.primary.key_id {
                return Err(format!("{place} holds {holds:?} in the end"));
            }
        }
        let status = kept.state.status.as_deref_option().unwrap_or_default();
        let reason = kept
            .state
            .status_reason
            .as_deref_option()
            .unwrap_or_default();
        match (status, managed.pending_revocations.is_empty()) {
            ("ok", true) => Ok(()),
            _ => Err(format!("{status} in the end: {reason}")),
        }
    }

    fn no_crime(&self) -> Result<(), Crime> {
        let known = self.known_ids();
        if let Some(lost) = self.world.live().difference(&known).next() {
            return Err(format!("{lost} is live and nobody knows of it"));
        }
        match self.world.state().crimes.first() {
            Some(crime) => Err(crime.clone()),
            None => Ok(()),
        }
    }

    fn known_ids(&self) -> BTreeSet<String> {
        let kept = self.kept.as_ref();
        let managed = kept.and_then(|kept| kept.state.managed(&kept.private).ok());
        managed
            .map(|managed| managed.owned_ids().into_iter().collect())
            .unwrap_or_default()
    }

    fn context(&self) -> Context {
        let clock = Clock::fixed(Instant::from_unix(self.now));
        Context::new(clock, CancellationToken::new(), BTreeMap::new())
            .with_connector(self.world.clone())
    }

    fn set_faults(&mut self, faults: u64, refuse_probes: bool) {
        let mut state = self.world.state();
        state.faults = faults;
        state.refuse_probes = refuse_probes;
        let log = std::mem::take(&mut state.log);
        drop(state);
        self.diary
            .extend(log.into_iter().map(|line| format!("    {line}")));
    }

    fn edit(&mut self, edit: &Edit) {
        let config = &mut self.config;
        match edit {
            Edit::Rename => config.name.push('x'),
            Edit::Policy(index) => config.policy = *index,
            Edit::Paused(paused) => config.paused = *paused,
            Edit::OnDrift(index) => config.on_drift = *index,
            Edit::Trigger => config.trigger += 1,
            Edit::Deliveries(index) => config.deliveries = *index,
            Edit::StoreInState(stored) => config.stored = *stored,
            Edit::HoldWhileUsed(hold) => config.hold = *hold,
        }
    }

    fn tamper(&mut self, tamper: &Tamper) {
        let kept = self.kept.as_ref();
        let managed = kept.and_then(|kept| kept.state.managed(&kept.private).ok());
        let slots = managed.and_then(|managed| managed.slots);
        let primary = slots
            .as_ref()
            .and_then(|slots| slots.primary.key_id.clone());
        let secondary = slots
            .as_ref()
            .and_then(|slots| slots.secondary_key()?.key_id.clone());
        let now = Instant::from_unix(self.now);
        let mut state = self.world.state();
        match tamper {
            Tamper::Alter(index) => {
                if let Some(written) = state.places.get_mut(PLACES[*index]) {
                    written.primary.1 = "made-up".into();
                }
            }
            Tamper::Erase(index) => drop(state.places.remove(PLACES[*index])),
            Tamper::DropSecondary(index) => {
                if let Some(written) = state.places.get_mut(PLACES[*index]) {
                    written.secondary = None;
                }
            }
            Tamper::KillPrimary | Tamper::KillSecondary => {
                let victim = if matches!(tamper, Tamper::KillPrimary) {
                    primary
                } else {
                    secondary
                };
                if let Some(issued) = victim.and_then(|id| state.issued.get_mut(&id)) {
                    issued.live = false;
                }
            }
            Tamper::UseSecondary => {
                if let Some(id) = secondary {
                    state.last_used.insert(id, now);
                }
            }
        }
    }

    /// Whether it worked.
    async fn refresh(&mut self) -> Result<bool, Crime> {
        let Some(kept) = &self.kept else {
            return Ok(true);
        };
        let context = self.context();
        let Ok(seen) = read::read(copy(&kept.state), kept.private.clone(), &context).await else {
            return Ok(false);
        };
        let Some((state, private)) = seen else {
            self.kept = None;
            return Ok(true);
        };
        let faults = std::mem::take(&mut self.world.state().faults);
        let again = read::read(copy(&state), private.clone(), &context).await;
        self.world.state().faults = faults;
        match again {
            Ok(Some((second, second_private))) => {
                if let Some(change) =
                    broken_promise(&tree(&state), &tree(&second), "second refresh")
                {
                    return Err(change);
                }
                if private != second_private {
                    return Err(format!(
                        "second refresh: {private:?} became {second_private:?}"
                    ));
                }
            }
            other => {
                return Err(format!(
                    "a second refresh gave {:?}",
                    other.map(|seen| seen.is_some())
                ));
            }
        }
        let tainted = kept.tainted;
        self.kept = Some(Kept {
            state,
            private,
            tainted,
        });
        Ok(true)
    }

    async fn apply(&mut self, refresh: bool, late: u32) -> Result<(), Crime> {
        if refresh && !self.refresh().await? {
            return Ok(());
        }
        if self.kept.as_ref().is_some_and(|kept| kept.tainted) {
            self.destroy().await?;
        }
        match self.kept.is_some() {
            true => self.update(late).await,
            false => self.create(late).await,
        }
    }

    async fn create(&mut self, late: u32) -> Result<(), Crime> {
        let mut diags = Diagnostics::default();
        let blank = ManagedState::default();
        let config = self.config.state();
        let proposal = proposed(&blank, &self.config);
        let planned = plan::create(&mut diags, proposal, &config, &self.context());
        let (planned, _) = planned.ok_or_else(|| format!("{:?}", diags.errors))?;
        self.now += i64::from(late);
        self.begin(&[]);
        let promised = tree(&planned);
        let created = apply::create(&mut diags, planned, &self.context()).await;
        let failed = !diags.errors.is_empty();
        self.diary
            .push(format!("  create failed: {failed} {:?}", summaries(&diags)));
        self.kept = match created {
            Some((state, private)) => {
                if !failed {
                    self.kept_promise(&promised, &state)?;
                }
                Some(Kept {
                    state,
                    private,
                    tainted: failed,
                })
            }
            None if failed => None,
            None => return Err("a create gave neither a state nor an error".into()),
        };
        self.promoted_well(0, &[Move::Create])
    }

    /// The plan of an update; `None` if it was refused with an error.
    fn plan(&self) -> Result<Option<Planned>, Crime> {
        let Some(kept) = &self.kept else {
            return Ok(None);
        };
        let mut diags = Diagnostics::default();
        let config = self.config.state();
        let proposal = proposed(&kept.state, &self.config);
        let (prior, prior_private) = (copy(&kept.state), kept.private.clone());
        let context = self.context();
        let planned = plan::update(
            &mut diags,
            &prior,
            proposal,
            &config,
            prior_private.clone(),
            &context,
        );
        let texts: Vec<String> = diags
            .warnings
            .iter()
            .map(|warning| format!("{warning:?}"))
            .collect();
        match planned {
            Some((planned, private, replaced)) if replaced.is_empty() => Ok(Some(Planned {
                prior,
                prior_private,
                planned,
                private,
                warnings: texts.join("\n"),
            })),
            Some(_) => Err("a replacement was planned".into()),
            None if diags.errors.is_empty() => {
                Err("a plan gave neither a state nor an error".into())
            }
            None => Ok(None),
        }
    }

    async fn update(&mut self, late: u32) -> Result<(), Crime> {
        let Some(first) = self.plan()? else {
            return Ok(());
        };
        self.now += i64::from(late);
        if tree(&first.prior) == tree(&first.planned) {
            return match first.private.decision {
                None => Ok(()),
                Some(decision) => Err(format!("{decision:?} does not show in the plan")),
            };
        }
        let Some(second) = self.plan()? else {
            return Err("the second plan of an apply was refused".into());
        };
        if let Some(broken) =
            broken_promise(&tree(&first.planned), &tree(&second.planned), "second plan")
        {
            return Err(broken);
        }
        if first.private.decision != second.private.decision {
            return Err(format!("{:?} became {:?}", first.private, second.private));
        }
        let moves = second
            .private
            .decision
            .clone()
            .map_or(Vec::new(), |decision| decision.moves);
        self.diary.push(format!("  takes {moves:?}"));
        self.doom(&first, &moves)?;
        let generation = second.prior.generation.as_option().unwrap_or_default();
        let promised = tree(&second.planned);
        let mut diags = Diagnostics::default();
        let context = self.context();
        let applied = apply::update(
            &mut diags,
            second.prior,
            second.planned,
            second.private,
            &context,
        )
        .await;
        let failed = !diags.errors.is_empty();
        if failed {
            self.diary
                .push(format!("  failed: {:?}", summaries(&diags)));
        }
        match applied {
            Some((state, private)) => {
                if !failed {
                    self.kept_promise(&promised, &state)?;
                }
                self.kept = Some(Kept {
                    state,
                    private,
                    tainted: false,
                });
            }
            // Terraform keeps what it had.
            None if failed => {
                self.kept = Some(Kept {
                    state: first.prior,
                    private: first.prior_private,
                    tainted: false,
                })
            }
            None => return Err("an update gave neither a state nor an error".into()),
        }
        self.promoted_well(generation, &moves)
    }

    fn kept_promise(&self, promised: &ValueAny, state: &ManagedState) -> Result<(), Crime> {
        broken_promise(promised, &tree(state), "apply").map_or(Ok(()), Err)
    }

    /// Which keys the plan says will die.
    fn doom(&mut self, plan: &Planned, moves: &[Move]) -> Result<(), Crime> {
        let managed = plan
            .prior
            .managed(&plan.prior_private)
            .map_err(|error| error.to_string())?;
        let slots = managed.slots.as_ref();
        let mut doomed = Vec::new();
        if moves
            .iter()
            .any(|next| matches!(next, Move::Revoke | Move::Discard))
        {
            doomed.extend(slots.and_then(|slots| slots.secondary_key()?.key_id.clone()));
        }
        if moves.contains(&Move::RevokePending) {
            doomed.extend(managed.pending_revocations);
        }
        if let Some(silent) = doomed
            .iter()
            .find(|id| !plan.warnings.contains(id.as_str()))
        {
            return Err(format!(
                "the plan does not say that {silent} is revoked: {}",
                plan.warnings
            ));
        }
        self.begin(&doomed);
        // Where the primary is unusable, the key that replaces it in the same apply is the successor.
        if moves.contains(&Move::Revoke) && !moves.contains(&Move::Replace) {
            let successor = slots.and_then(|slots| slots.primary.key_id.clone());
            self.world.state().successor = successor;
        }
        Ok(())
    }

    fn begin(&mut self, doomed: &[String]) {
        let mut state = self.world.state();
        state.doomed = doomed.iter().cloned().collect();
        state.wanted = self.config.places();
        state.successor = None;
    }

    /// A primary that is new was proved, and was in every store before it counted.
    fn promoted_well(&self, before: i64, moves: &[Move]) -> Result<(), Crime> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        if kept.state.generation.as_option().unwrap_or_default() <= before {
            return Ok(());
        }
        let managed = kept
            .state
            .managed(&kept.private)
            .map_err(|error| error.to_string())?;
        let Some(id) = managed.slots.and_then(|slots| slots.primary.key_id) else {
            return Ok(());
        };
        let state = self.world.state();
        let Some(issued) = state.issued.get(&id) else {
            return Err(format!("{id} was promoted and never minted"));
        };
        if !issued.proved {
            return Err(format!("{id} was promoted without a proof"));
        }
        // A first key, or one that replaces an unusable one, may lack a store; the status says so.
        let at_once = moves
            .iter()
            .any(|next| matches!(next, Move::Create | Move::Replace));
        match self.config.places().difference(&issued.was_in).next() {
            Some(place) if !at_once => Err(format!("{id} was promoted and never was in {place}")),
            _ => Ok(()),
        }
    }

    async fn destroy(&mut self) -> Result<(), Crime> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        let all: Vec<String> = self.known_ids().into_iter().collect();
        let (state, private) = (copy(&kept.state), kept.private.clone());
        self.begin(&all);
        self.world.state().wanted.clear();
        if apply::destroy(state, private, &self.context())
            .await
            .is_ok()
        {
            self.kept = None;
        }
        Ok(())
    }
}
