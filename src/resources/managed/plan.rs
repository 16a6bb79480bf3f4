//! From configuration and state to the one next step. Pure but for the clock that it is given.

use std::collections::{BTreeMap, BTreeSet};

use tf_provider::value::Value;
use tf_provider::{AttributePath, Diagnostics};

use crate::context::Context;
use crate::domain::announce;
use crate::domain::moves::Move;
use crate::domain::planner::{self, Decision};
use crate::domain::policy::{OnDrift, Policy};
use crate::domain::situation::{Copy, Seen, Situation};
use crate::domain::word;
use crate::engine::managed::Managed;
use crate::engine::precondition::way_on;
use crate::error::{Error, Kind, Path};
use crate::instant::Instant;
use crate::protocol;
use crate::resources::diagnostics;
use crate::resources::managed::amnesia;
use crate::resources::managed::brought;
use crate::resources::managed::changes::{
    any_in_order, edited, left, must_verify, repairs, replacements, settings_edited, takes_over,
    trigger_changed,
};
use crate::resources::managed::crossing::refuse_crossing;
use crate::resources::managed::deploying;
use crate::resources::managed::elsewhere;
use crate::resources::managed::emergencies;
use crate::resources::managed::existing::{
    as_if_known, refuse_existing_key_without_id, refuse_secret_of_another,
};
use crate::resources::managed::expected;
use crate::resources::managed::gates;
use crate::resources::managed::leaks;
use crate::resources::managed::leftovers;
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::managed::newcomers;
use crate::resources::managed::owners;
use crate::resources::managed::read::named;
use crate::resources::managed::room;
use crate::resources::managed::telling;
use crate::resources::managed::unknowns::Outlook;
use crate::resources::managed::validate;
use crate::resources::managed::warnings;

/// The plan of a new key.
pub async fn create(
    diags: &mut Diagnostics,
    mut planned: ManagedState,
    config: &ManagedState,
    context: &Context,
) -> Option<(ManagedState, Private)> {
    sound(diags, config, context)?;
    diagnostics::collect(diags, refuse_existing_key_without_id(config, context))?;
    diagnostics::collect(diags, brought::of_a_create(config, context))?;
    settle_defaults(&mut planned, config);
    planned.id = Value::Unknown;
    planned.withhold_everything();
    planned.notified_at = Value::Null;
    planned.pending_removals = Value::Value(Vec::new());
    if config.existing_secret_wo.is_null() {
        planned.generation = Value::Value(1);
    }
    gates::warn_of_a_contradiction(diags, &planned);
    leaks::warn_of_not_looking(diags, &planned);
    telling::warn_without_ledger(diags, &planned, context);
    expected::warn_of_no_hold(diags, &planned, context);
    warnings::maybe_replaced(diags, &planned, context);
    emergencies::warn_of_no_key(diags, &planned);
    let mut private = Private::default();
    let mut moves = vec![Move::Create];
    if planned.inputs_known() && !context.awaits_settings() {
        let call = protocol::call();
        if !call.repeats_a_plan() {
            private.seen = places(diags, &planned, config, context).await?;
        }
        let mut left = leftovers::of_a_create(&planned, context).await;
        let warnings = std::mem::take(&mut left.warnings).into_iter();
        warnings.for_each(|warning| diagnostics::warn(diags, warning));
        if !left.orphans.is_empty() {
            let orphans = left.orphans.iter();
            let texts: Vec<String> = orphans.map(|id| announce::orphan(id)).collect();
            let summary = format!("{}: an apply did not finish", planned.label());
            diags.root_warning(summary, texts.join(" "));
            moves.insert(usize::from(left.has_room), Move::RevokePending);
            private.facts.orphans = left.orphans;
        }
        private.former = left.former;
        if let Some(first) = call.planned_private::<Private>() {
            private.seen = first.seen;
            private.former = first.former;
        } else if !call.repeats_a_plan() {
            let orphans = &private.facts.orphans;
            let full = room::before_create(diags, &planned, orphans, context).await;
            diagnostics::collect(diags, full.map_err(|error| named(&planned, error)))?;
        }
    }
    note_former(diags, &mut planned, &private, context)?;
    private.incidents = emergencies::noted(&planned, &Managed::default(), &[]);
    private.rotated_for = owners::of_a_create(&planned);
    let decision = Decision::new(moves, context.clock.now());
    planned.last_action = Value::Value(decision.word());
    private.decision = Some(decision);
    Some((planned, private))
}

/// Places of creates that were cut off are left like those of deliveries.
fn note_former(
    diags: &mut Diagnostics,
    planned: &mut ManagedState,
    private: &Private,
    context: &Context,
) -> Option<()> {
    if private.former.is_empty() {
        return Some(());
    }
    let crossing = refuse_crossing(&ManagedState::default(), planned, &private.former, context);
    diagnostics::collect(diags, crossing.map_err(|error| named(planned, error)))?;
    let places: BTreeSet<&String> = private.former.iter().map(|former| &former.place).collect();
    let texts: Vec<String> = places
        .into_iter()
        .map(|place| leftovers::left_by_a_create(place))
        .collect();
    let summary = format!("{}: an apply did not finish", planned.label());
    diags.root_warning(summary, texts.join(" "));
    planned.pending_removals = Value::Unknown;
    Some(())
}

/// What stands where a new key is to go.
async fn places(
    diags: &mut Diagnostics,
    planned: &ManagedState,
    config: &ManagedState,
    context: &Context,
) -> Option<BTreeMap<String, Option<String>>> {
    let looked = newcomers::of_a_create(planned, context).await;
    let looked = diagnostics::collect(diags, looked.map_err(|error| named(planned, error)))?;
    let brought = brought::mark(config).map(|mark| mark.to_string());
    // What an apply that was cut off has written already is no other key.
    let is_here = brought.is_some() && looked.seen.values().all(|mark| *mark == brought);
    for warning in looked.warnings.into_iter().filter(|_| !is_here) {
        diagnostics::warn(diags, named(planned, warning));
    }
    Some(looked.seen)
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
    let call = protocol::call();
    if !planned.inputs_known() {
        // A client that can wait plans again once the settings are known, and then shows the step.
        if !call.defer() {
            warn_undecided(diags, &planned, prior);
        }
        planned.withhold_everything();
        return Some((planned, private, Vec::new()));
    }
    amnesia::note_loss(prior, &mut private);
    warnings::note_in_state(prior, &private, context);
    let replaced = replacements(prior, &planned);
    if !replaced.is_empty() {
        warnings::destroyed(diags, prior, &private);
        return Some((planned, private, replaced));
    }

    let policy = the_policy(diags, &planned)?;
    let mut managed = diagnostics::collect(diags, prior.managed(&private))?;
    let mut repairs = repairs(prior, &planned);
    let deployments = deploying::of(&planned, &private, managed.slots.as_ref());
    let gone = elsewhere::let_go(&planned, &mut managed.former);
    let lets_go = managed.former != private.former;
    let removals = managed.pending_removals();
    let emptied = elsewhere::unwanted(&planned, &managed.former);
    if lets_go {
        let places = removals.iter().cloned().map(Value::Value);
        planned.pending_removals = Value::Value(places.collect());
    }
    let hand = brought::of_an_update(prior, &planned, config, managed.slots.as_ref(), context);
    let hand = diagnostics::collect(diags, hand)?;
    elsewhere::believe_what_is_lost(&planned, &managed, !gone.is_empty(), &mut private.facts);
    let mut facts = private.facts.clone();
    let takes_over = takes_over(prior, &planned, config, &facts);
    diagnostics::collect(
        diags,
        refuse_secret_of_another(prior, &planned, config, &managed),
    )?;
    if takes_over {
        as_if_known(&mut managed, &mut facts, &mut repairs);
    }
    private.incidents = emergencies::noted(&planned, &managed, &private.incidents);
    let clock = context.clock.now();
    let gives_up = emergencies::note_edits(diags, prior, &planned, &managed, &mut private, clock);
    private.calls_off = gives_up;
    let emergency = emergencies::open(&managed, &private);
    if let (Some(old), Some(new)) = (prior.policy.as_ref_option(), planned.policy.as_ref_option()) {
        match owners::vanished(old, new, &Path::root("policy")) {
            // Whoever has left does not come back by it, and a compromised key waits for no directory of people.
            Some(error) if emergency.is_some() => diagnostics::warn(diags, error),
            vanished => diagnostics::collect(diags, vanished.map_or(Ok(()), Err))?,
        }
    }
    let offboarded = owners::left(prior, &planned, &policy, &private);
    let expected = expected::of(&planned);
    let has_left = offboarded.as_ref().is_some_and(|left| left.is_new);
    let situation = Situation {
        name: planned.label(),
        group: gates::place(&planned).group,
        environment: gates::place(&planned).environment,
        policy: &policy,
        slots: managed.slots.as_ref(),
        facts: &facts,
        repairs: &repairs,
        deployments: &deployments,
        any_in_order: any_in_order(&planned, &repairs),
        pending_removals: &emptied,
        delivered: false,
        rolled_back: false,
        rotation_requested: trigger_changed(prior, &planned) || has_left,
        offboarded: offboarded.as_ref(),
        expected: expected.as_ref(),
        emergency: emergency.as_ref(),
        pending_revocations: &managed.pending_revocations,
        must_verify: must_verify(&planned, context),
        by_hand: hand.as_ref().map(brought::Hand::for_rules),
        now: as_of(
            &private,
            managed.slots.as_ref().map(|slots| slots.latest()),
            context.clock.now(),
        ),
    };
    refuse_behind(diags, &situation)?;
    warn_ahead(diags, &situation, context.clock.now());
    refuse_drift(diags, &situation)?;
    room::warn(diags, &planned, &private, context);
    let edited = edited(prior, &planned);
    // What is planned without a step is planned again by the apply, and a step may have become due by then.
    let tells = telling::tells(&planned, &private.untold);
    let changes_without_a_step = edited || lets_go || gives_up || tells || !removals.is_empty();
    let decision = match call.planned_private::<Private>() {
        // The second plan of a change decides as of the instant at which the first one did.
        Some(first) => {
            let at = first.decision.map_or(situation.now, |decision| decision.at);
            planner::decide_at(&situation, at)
        }
        None if changes_without_a_step && !call.store_planned_private => {
            planner::decide_at(&situation, situation.now)
        }
        None => planner::first_due(&situation, context.clock.now()),
    };
    let led = elsewhere::refuse(prior, &planned, &managed, &decision);
    diagnostics::collect(diags, led.map_err(|error| named(&planned, error)))?;
    if let Some(hand) = &hand {
        let taken = hand.refuse_unused(&planned, &situation, &decision);
        diagnostics::collect(diags, taken)?;
    }
    let clock = context.clock.now();
    let told = announce::announcement(&situation, &decision, clock).or_else(|| {
        let mut told = announce::standing(&situation, clock)?;
        if changes_without_a_step && !planner::first_due(&situation, clock).moves.is_empty() {
            told.detail = format!("{} {}", told.detail, warnings::SHOWS_LATER);
        }
        Some(told)
    });
    if let Some(told) = told {
        diags.root_warning(told.summary, told.detail);
    }
    // A plan that does something else tells what it does.
    for doubt in word::doubts(&situation) {
        if !decision.moves.is_empty() {
            let summary = format!("{}: a key is not revoked", situation.name);
            diags.root_warning(summary, format!("{doubt}."));
        }
    }
    if let Some(left) = offboarded.as_ref().filter(|_| !decision.moves.is_empty()) {
        owners::ask(diags, planned.label(), left, &policy);
    }
    if !decision.moves.is_empty() {
        expected::warn(diags, &situation);
        expected::warn_of_no_hold(diags, &planned, context);
    }
    leaks::warn(diags, &planned, &managed, emergency.as_ref());
    leaks::warn_of_not_looking(diags, &planned);
    gates::warn_of_a_contradiction(diags, &planned);
    gates::warn_of_a_blind_promotion(diags, &situation, &decision.moves);
    owners::warn_of_an_alike(diags, &planned, &policy);
    owners::ask_in_an_emergency(diags, &planned);
    if decision.is_emergency {
        elsewhere::warn_in_an_emergency(diags, prior, &planned, &managed, &gone);
    }
    telling::warn_without_ledger(diags, &planned, context);
    warnings::new_owner(diags, prior, &planned, &private, &situation);
    warnings::first_trigger(diags, prior, &planned);
    let slots = managed.slots.clone();
    let asked = situation.rotation_requested;
    telling::plan(diags, &mut planned, &private.untold, &decision);
    if edited {
        planned.schedule(slots.as_ref(), Some(&policy));
    }
    if asked {
        planned.rotation_due_at = Value::Unknown;
        planned.next_stage_at = Value::Unknown;
    }
    planned.withhold(&Outlook {
        decision: &decision,
        // An apply has to write down that an emergency is given up, even if nothing else changes.
        settings_edited: gives_up || settings_edited(prior, &planned),
        must_verify: must_verify(&planned, context),
        primary_is_dead: private.facts.primary == Seen::Gone
            || decision.moves.contains(&Move::RevokePrimary),
        deliveries_edited: prior.deliveries != planned.deliveries,
        leaves_places: !removals.is_empty() || !left(prior, &planned).is_empty(),
        takes_over,
    });
    private.is_asked = asked;
    private.rotated_for = owners::rotated_for(offboarded.as_ref(), &policy, private.rotated_for);
    private.decision = Some(decision).filter(|decision| !decision.moves.is_empty());
    Some((planned, private, Vec::new()))
}

fn sound(diags: &mut Diagnostics, config: &ManagedState, context: &Context) -> Option<()> {
    let mut faults = validate::faults(config, context);
    let policy = config.policy.as_ref_option();
    faults.extend(policy.and_then(|policy| owners::not_known(policy, &Path::root("policy"))));
    let sound = faults.is_empty();
    faults
        .into_iter()
        .for_each(|fault| diagnostics::report(diags, fault));
    sound.then_some(())
}

fn the_policy(diags: &mut Diagnostics, state: &ManagedState) -> Option<Policy> {
    let path = Path::root("policy");
    let policy = match state.policy.as_ref_option() {
        Some(values) => values.policy(&path),
        None => Err(vec![Error::invalid(path, "No policy", "Set policy.")]),
    };
    diagnostics::collect(diags, policy)
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
///
/// An instant that has not come yet is none to decide at: a state that somebody edited, or a clock that was wrong, would
/// bring everything forward.
fn as_of(private: &Private, latest: Option<Instant>, clock: Instant) -> Instant {
    let told = private.noticed_at.or(latest);
    let told = told.unwrap_or(Instant::from_unix(0));
    planner::believable(told, clock).unwrap_or(clock)
}

fn warn_ahead(diags: &mut Diagnostics, situation: &Situation, clock: Instant) {
    let latest = situation.slots.map(|slots| slots.latest());
    if let Some(latest) = latest.filter(|at| planner::believable(*at, clock).is_none()) {
        diags.root_warning(
            format!("{}: the state is newer than the clock", situation.name),
            format!(
                "The state tells of {latest}, and the clock of this machine shows {clock}. What depends on that instant waits \
                 for it. Set the clock if it is wrong; otherwise somebody edited the state: restore an earlier one."
            ),
        );
    }
}

/// Nothing is planned from a state that is older than the world: every step could destroy what it does not know.
fn refuse_behind(diags: &mut Diagnostics, situation: &Situation) -> Option<()> {
    let Some(found) = &situation.facts.behind else {
        return Some(());
    };
    let error = Error::new(
        Kind::Stale,
        format!("{}: the state is older than what is there", situation.name),
        format!("As a refresh saw it, {found}. {}", way_on(found)),
    );
    diagnostics::report(diags, error);
    None
}

fn refuse_drift(diags: &mut Diagnostics, situation: &Situation) -> Option<()> {
    let facts = situation.facts;
    let Some(slots) = situation.slots.filter(|_| situation.emergency.is_none()) else {
        return Some(());
    };
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

fn warn_undecided(diags: &mut Diagnostics, planned: &ManagedState, prior: &ManagedState) {
    let reason = prior.status_reason.as_deref_option().unwrap_or_default();
    diags.root_warning(
        format!("{}: the next step is not known yet", planned.label()),
        format!(
            "A setting is known only after apply, so this plan cannot tell whether the apply also takes a step \
             in the life of the key. As of now: {reason}. Apply what it depends on first (-target) to see the step."
        ),
    );
}
