//! From configuration and state to the one next step. Pure but for the clock that it is given.

use tf_provider::value::Value;
use tf_provider::{AttributePath, Diagnostics};

use crate::context::Context;
use crate::domain::announce;
use crate::domain::planner::{self, Decision};
use crate::domain::policy::{OnDrift, Policy};
use crate::domain::rules::Move;
use crate::domain::situation::{Copy, Repair, Seen, Situation, Why};
use crate::error::{Error, Kind, Path};
use crate::instant::Instant;
use crate::resources::diagnostics;
use crate::resources::managed::connect;
use crate::resources::managed::model::{KeyState, ManagedState, Private};
use crate::resources::managed::validate;
use crate::settings::known;

/// The plan of a new key.
pub fn create(
    diags: &mut Diagnostics,
    mut planned: ManagedState,
    config: &ManagedState,
    context: &Context,
) -> Option<(ManagedState, Private)> {
    sound(diags, config, context)?;
    settle_defaults(&mut planned, config);
    planned.id = Value::Unknown;
    planned.withhold_everything();
    planned.generation = Value::Value(1);
    planned.last_action = Value::Value(Move::Create.word().into());
    Some((planned, Private::default()))
}

/// The plan of a key that exists: its next step, if one is due, and what was edited.
pub fn update(
    diags: &mut Diagnostics,
    prior: &ManagedState,
    mut planned: ManagedState,
    config: &ManagedState,
    mut private: Private,
    context: &Context,
) -> Option<(ManagedState, Private, Vec<AttributePath>)> {
    sound(diags, config, context)?;
    settle_defaults(&mut planned, config);
    private.decision = None;
    if !planned.inputs_known() {
        warn_undecided(diags, &planned, prior);
        planned.withhold_everything();
        return Some((planned, private, Vec::new()));
    }
    let replaced = replacements(prior, &planned);
    if !replaced.is_empty() {
        destroy(diags, prior, &private);
        return Some((planned, private, replaced));
    }

    let policy = the_policy(diags, &planned)?;
    let managed = report(diags, prior.managed(&private))?;
    let repairs = repairs(prior, &planned);
    let situation = Situation {
        name: planned.label(),
        policy: &policy,
        slots: managed.slots.as_ref(),
        facts: &private.facts,
        repairs: &repairs,
        rotation_requested: trigger_changed(prior, &planned),
        pending_revocations: &managed.pending_revocations,
        must_verify: must_verify(&planned),
        now: as_of(&private, managed.slots.as_ref().map(|slots| slots.latest())),
    };
    refuse_drift(diags, &situation)?;
    let edited = edited(prior, &planned);
    let decision = if edited {
        planner::decide_at(&situation, situation.now)
    } else {
        planner::first_due(&situation, context.clock.now())
    };
    match announce::announcement(&situation, &decision) {
        Some(text) => diags.root_warning(summary(&decision), text),
        None => warn_status(diags, prior),
    }
    let slots = managed.slots.clone();
    let asked = situation.rotation_requested;
    if edited {
        planned.schedule(slots.as_ref(), Some(&policy));
    }
    if asked {
        planned.rotation_due_at = Value::Unknown;
        planned.next_stage_at = Value::Unknown;
    }
    planned.withhold(&decision, edited && !only_labels_edited(prior, &planned));
    private.decision = Some(decision).filter(|decision| !decision.moves.is_empty());
    Some((planned, private, Vec::new()))
}

/// A destroy says which keys die.
pub fn destroy(diags: &mut Diagnostics, prior: &ManagedState, private: &Private) {
    let Ok(managed) = prior.managed(private) else {
        return;
    };
    let Some(slots) = managed.slots else { return };
    let retain = the_policy(&mut Diagnostics::default(), prior)
        .is_some_and(|policy| policy.on_destroy == crate::domain::policy::OnDestroy::Retain);
    let keys: Vec<&str> = [Some(&slots.primary), slots.secondary_key()]
        .into_iter()
        .flatten()
        .map(|key| key.label())
        .collect();
    let (name, keys) = (prior.label(), keys.join(" and "));
    if retain {
        diags.root_warning(
            "Keys are left behind",
            format!("{name}: on_destroy is retain, so {keys} stay valid and delivered, and nothing rotates them any more."),
        );
    } else {
        diags.root_warning(
            "Keys are revoked",
            format!("{name}: this destroys the resource, so {keys} are revoked at once and taken out of their deliveries. Whatever still uses them stops working."),
        );
    }
}

fn sound(diags: &mut Diagnostics, config: &ManagedState, context: &Context) -> Option<()> {
    let faults = validate::faults(config, context);
    let sound = faults.is_empty();
    faults
        .into_iter()
        .for_each(|fault| diagnostics::report(diags, fault));
    sound.then_some(())
}

fn the_policy(diags: &mut Diagnostics, state: &ManagedState) -> Option<Policy> {
    let values = state.policy.as_ref_option()?;
    diagnostics::collect(diags, values.policy(&Path::root("policy")))
}

fn report<T>(diags: &mut Diagnostics, result: crate::error::Result<T>) -> Option<T> {
    diagnostics::collect(diags, result.map_err(|error| vec![error]))
}

fn settle_defaults(planned: &mut ManagedState, config: &ManagedState) {
    if config.group.is_null() {
        planned.group = planned.name.clone();
    }
    if config.store_secret_in_state.is_null() {
        planned.store_secret_in_state = match &planned.deliveries {
            Value::Unknown => Value::Unknown,
            Value::Null => Value::Value(true),
            Value::Value(entries) => Value::Value(entries.is_empty()),
        };
    }
}

/// When a plan decides: when the last refresh first saw a step due, or else the latest instant that the
/// state knows. Never "now", see [`planner`].
fn as_of(private: &Private, latest: Option<Instant>) -> Instant {
    private
        .noticed_at
        .or(latest)
        .unwrap_or(Instant::from_unix(0))
}

/// Whether a new key can be proved before it becomes primary.
pub fn must_verify(state: &ManagedState) -> bool {
    let by_issuer = connect::issuer(&state.issuer).is_ok_and(|(kind, _)| kind.abilities().probe);
    by_issuer || state.verification.is_value()
}

/// Set to another value; neither added nor removed.
pub fn trigger_changed(prior: &ManagedState, planned: &ManagedState) -> bool {
    match (&prior.rotation_trigger, &planned.rotation_trigger) {
        (Value::Value(old), Value::Value(new)) => old != new,
        _ => false,
    }
}

/// Deliveries that the next apply has to write or to take away.
pub fn repairs(prior: &ManagedState, planned: &ManagedState) -> Vec<Repair> {
    let mut repairs = Vec::new();
    let mut repair = |name: &str, why| {
        repairs.push(Repair {
            name: name.to_owned(),
            why,
        });
    };
    let old: std::collections::BTreeMap<_, _> = connect::entries(&prior.deliveries).collect();
    let records = prior.delivery_status.as_ref_option();
    for (name, fields) in connect::entries(&planned.deliveries) {
        let status = records
            .and_then(|records| records.get(name))
            .and_then(|status| status.as_ref_option()?.state.as_deref_option());
        match (old.get(name), status) {
            (None, _) => repair(name, Why::Added),
            (Some(former), _) if !same_place(former, fields) => repair(name, Why::Moved),
            (_, Some("delivered")) => {}
            (_, Some("missing")) => repair(name, Why::Missing),
            (_, Some("altered")) => repair(name, Why::Altered),
            _ => repair(name, Why::Failed),
        }
    }
    let new: std::collections::BTreeMap<_, _> = connect::entries(&planned.deliveries).collect();
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        repair(name, Why::Removed);
    }
    let was_kept = prior.stores_secrets();
    let known_secret = prior
        .primary
        .as_ref_option()
        .is_some_and(|key| key.fingerprint.is_value());
    if planned.stores_secrets() && !was_kept && known_secret {
        repair("the state", Why::Added);
    }
    repairs
}

/// Everything but `source`, which only says where to copy from.
fn same_place(
    old: &crate::resources::managed::model::Fields,
    new: &crate::resources::managed::model::Fields,
) -> bool {
    let relevant = |fields: &crate::resources::managed::model::Fields| {
        let mut fields = fields.clone();
        fields.remove("source");
        fields
    };
    relevant(old) == relevant(new)
}

fn refuse_drift(diags: &mut Diagnostics, situation: &Situation) -> Option<()> {
    let facts = situation.facts;
    let slots = situation.slots?;
    let drifted = facts.primary != Seen::Present || facts.primary_copy == Copy::Lost;
    if !drifted || situation.policy.on_drift != OnDrift::Error {
        return Some(());
    }
    let (_, reason) = crate::domain::status::status(situation);
    diagnostics::report(
        diags,
        Error::new(
            Kind::Other,
            format!(
                "{}: primary key {} has drifted",
                situation.name,
                slots.primary.label()
            ),
            format!(
                "{reason}. The policy says on_drift = \"error\". Restore the key, or set on_drift = \"rotate\" in \
                 the policy to let an apply replace it."
            ),
        ),
    );
    None
}

fn warn_status(diags: &mut Diagnostics, prior: &ManagedState) {
    let status = prior.status.as_deref_option().unwrap_or_default();
    if matches!(status, "notice" | "due" | "overdue" | "blocked" | "pending") {
        let reason = prior.status_reason.as_deref_option().unwrap_or_default();
        diags.root_warning(
            format!("Key is {status}"),
            format!("{}: {reason}.", prior.label()),
        );
    }
}

fn warn_undecided(diags: &mut Diagnostics, planned: &ManagedState, prior: &ManagedState) {
    let reason = prior.status_reason.as_deref_option().unwrap_or_default();
    diags.root_warning(
        "The next step is not known yet",
        format!(
            "{}: a setting is known only after apply, so this plan cannot tell whether the apply also takes a step \
             in the life of the key. As of now: {reason}. Apply what it depends on first (-target) to see the step.",
            planned.label()
        ),
    );
}

fn summary(decision: &Decision) -> String {
    let word = decision.word();
    format!(
        "This apply will {}",
        word.replace('_', " ").replace('+', " and ")
    )
}

/// Settings of the issuer that say whose keys these are cannot change under a key.
fn replacements(prior: &ManagedState, planned: &ManagedState) -> Vec<AttributePath> {
    let (Ok((old, old_settings)), Ok((new, new_settings))) = (
        connect::issuer(&prior.issuer),
        connect::issuer(&planned.issuer),
    ) else {
        return Vec::new();
    };
    if old.name() != new.name() {
        return vec![AttributePath::new("issuer")];
    }
    new.identity()
        .iter()
        .filter(|field| old_settings.value(field) != new_settings.value(field))
        .map(|field| {
            AttributePath::new("issuer")
                .attribute(new.name())
                .attribute(*field)
        })
        .collect()
}

fn edited(prior: &ManagedState, planned: &ManagedState) -> bool {
    only_labels_edited(prior, planned) || settings_edited(prior, planned)
}

fn settings_edited(prior: &ManagedState, planned: &ManagedState) -> bool {
    prior.policy != planned.policy
        || prior.issuer != planned.issuer
        || prior.deliveries != planned.deliveries
        || prior.verification != planned.verification
        || prior.store_secret_in_state != planned.store_secret_in_state
        || prior.rotation_trigger != planned.rotation_trigger
}

/// What people call the key changed, and nothing that its life depends on.
fn only_labels_edited(prior: &ManagedState, planned: &ManagedState) -> bool {
    let labels = prior.name != planned.name
        || prior.group != planned.group
        || prior.environment != planned.environment
        || prior.owner != planned.owner
        || prior.description != planned.description
        || prior.labels != planned.labels;
    labels && !settings_edited(prior, planned)
}

impl ManagedState {
    fn inputs_known(&self) -> bool {
        let policy = self.policy.as_ref_option();
        let fields = |value: &Value<crate::resources::managed::model::Fields>| match value {
            Value::Unknown => false,
            Value::Null => true,
            Value::Value(fields) => fields.values().all(known),
        };
        let deliveries = match &self.deliveries {
            Value::Unknown => false,
            Value::Null => true,
            Value::Value(entries) => entries.values().all(&fields),
        };
        policy.is_some_and(|policy| policy.wholly_known())
            && fields(&self.issuer)
            && fields(&self.verification)
            && deliveries
            && !self.rotation_trigger.is_unknown()
            && !self.store_secret_in_state.is_unknown()
    }

    /// Nothing that the life of the key determines is known yet.
    fn withhold_everything(&mut self) {
        self.primary = Value::Unknown;
        self.secondary = Value::Unknown;
        self.phase = Value::Unknown;
        self.generation = Value::Unknown;
        self.last_action = Value::Unknown;
        self.last_rotated_at = Value::Unknown;
        self.next_stage_at = Value::Unknown;
        self.rotation_due_at = Value::Unknown;
        self.pending_revocations = Value::Unknown;
        self.delivery_status = Value::Unknown;
        self.withhold_status();
    }

    fn withhold_status(&mut self) {
        self.status = Value::Unknown;
        self.status_reason = Value::Unknown;
    }

    /// What the moves will set is unknown; everything else stays as it is.
    fn withhold(&mut self, decision: &Decision, settings_edited: bool) {
        if settings_edited || !decision.moves.is_empty() {
            self.withhold_status();
        }
        if !self.stores_secrets() {
            self.forget_secrets();
        }
        if decision.moves.is_empty() {
            return;
        }
        self.last_action = Value::Value(decision.word());
        self.delivery_status = Value::Unknown;
        for next in &decision.moves {
            match next {
                Move::Create => self.withhold_everything(),
                Move::Deliver => {
                    let stored = self.stores_secrets();
                    for slot in [&mut self.primary, &mut self.secondary] {
                        if let Value::Value(key) = slot {
                            key.withhold_delivery(stored);
                        }
                    }
                }
                Move::Stage => {
                    self.secondary = Value::Unknown;
                    self.phase = Value::Value("staged".into());
                    self.pending_revocations = Value::Unknown;
                }
                Move::Revoke | Move::Discard => {
                    self.secondary = Value::Null;
                    self.phase = Value::Value("single".into());
                    self.pending_revocations = Value::Unknown;
                }
                Move::RevokePending => self.pending_revocations = Value::Unknown,
                Move::Promote | Move::Replace => {
                    self.primary = Value::Unknown;
                    self.secondary = Value::Unknown;
                    self.phase = Value::Unknown;
                    self.generation = match self.generation {
                        Value::Value(count) => Value::Value(count + 1),
                        _ => Value::Unknown,
                    };
                    self.last_rotated_at = Value::Unknown;
                    self.next_stage_at = Value::Unknown;
                    self.rotation_due_at = Value::Unknown;
                    self.pending_revocations = Value::Unknown;
                }
            }
        }
    }

    fn forget_secrets(&mut self) {
        for slot in [&mut self.primary, &mut self.secondary] {
            if let Value::Value(key) = slot {
                key.secret = Value::Null;
            }
        }
    }
}

impl KeyState {
    fn withhold_delivery(&mut self, stored: bool) {
        self.delivered_at = Value::Unknown;
        if stored && !self.secret.is_value() {
            self.secret = Value::Unknown;
        }
    }
}
