//! An apply: does what the plan decided, and writes down what is true afterwards, whatever went wrong.

use std::collections::BTreeMap;

use tf_provider::Diagnostics;
use tf_provider::value::Value;

use crate::context::Context;
use crate::domain::deployments::Record;
use crate::domain::emergency::{self, Incident, Moment};
use crate::domain::moves::Move;
use crate::domain::planner::Decision;
use crate::domain::policy::Policy;
use crate::domain::situation::{Facts, Seen};
use crate::engine::adopt::{adopt, let_go};
use crate::engine::collision::check_collisions;
use crate::engine::connections::Connections;
use crate::engine::former::Former;
use crate::engine::journal::{Journal, mark};
use crate::engine::managed::Managed;
use crate::engine::run::stale::check_not_stale;
use crate::engine::secret_cache::SecretCache;
use crate::error::{Error, Kind, Path, Result};
use crate::http::in_a_hurry;
use crate::ledger::KeyMark;
use crate::ledger::guard::Guard;
use crate::ledger::outbox::Untold;
use crate::resources::diagnostics;
use crate::resources::managed::amnesia;
use crate::resources::managed::brought;
use crate::resources::managed::changes::{left, version_changed};
use crate::resources::managed::connect;
use crate::resources::managed::copied;
use crate::resources::managed::crossing::refuse_crossing;
use crate::resources::managed::deploying;
use crate::resources::managed::elsewhere;
use crate::resources::managed::emergencies;
use crate::resources::managed::gates;
use crate::resources::managed::glass::Glass;
use crate::resources::managed::inventory_entry;
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::managed::read::{named, note_status};
use crate::resources::managed::records::Records;
use crate::secret::Fingerprint;

/// Creates the first key. `None` if nothing was left behind.
pub async fn create(
    diags: &mut Diagnostics,
    mut planned: ManagedState,
    mut private: Private,
    context: &Context,
) -> Option<(ManagedState, Private)> {
    planned.id = Value::Value(fresh_id(diags)?);
    let mut prior = ManagedState::default();
    let decision = private
        .decision
        .take()
        .unwrap_or_else(|| Decision::new(vec![Move::Create], context.clock.now()));
    let carried = carry_out(
        diags,
        &mut prior,
        &mut planned,
        private,
        &decision,
        context,
        None,
    );
    let (outcome, records) = Box::pin(carried).await?;
    let left_nothing = outcome.failed && outcome.run_left_nothing();
    let failed = outcome.failed;
    let (state, private) = outcome.finish(planned, context);
    let written = records.write(&state, &private, context).await;
    may_be_answered(diags, written, failed, &state)?;
    (!left_nothing).then_some((state, private))
}

/// Takes the step that the plan decided, and what was edited.
pub async fn update(
    diags: &mut Diagnostics,
    mut prior: ManagedState,
    mut planned: ManagedState,
    mut private: Private,
    context: &Context,
) -> Option<(ManagedState, Private)> {
    let decision = private
        .decision
        .take()
        .unwrap_or_else(|| Decision::new(Vec::new(), context.clock.now()));
    let handed_in = brought::mark(&planned);
    let glass = Glass::of(&prior, &planned, &private, &decision, context);
    let glass = glass.as_ref();
    let context = glass.map_or(context, Glass::context);
    let carried = carry_out(
        diags,
        &mut prior,
        &mut planned,
        private,
        &decision,
        context,
        glass,
    );
    let (outcome, records) = Box::pin(carried).await?;
    if outcome.failed && !outcome.copied {
        // An edit that was not carried out is still an edit to the next plan. One of the deliveries is: their records
        // say what is written, and what they have left is remembered.
        planned.store_secret_in_state = prior.store_secret_in_state;
        planned.existing_secret_wo_version = prior.existing_secret_wo_version;
    }
    let failed = outcome.failed;
    if failed && !outcome.holds(handed_in.as_ref()) {
        brought::put_version_back(&prior, &mut planned);
    }
    if failed {
        planned.last_action = prior.last_action;
    }
    let (state, private) = outcome.finish(planned, context);
    let written = records.write(&state, &private, context).await;
    emergencies::tell_what_was_called_off(&state, &private, context).await;
    if let Some(broken) = glass.and_then(Glass::was_broken) {
        diagnostics::warn(diags, named(&state, broken));
    }
    may_be_answered(diags, written, failed, &state)?;
    Some((state, private))
}

/// An apply whose lock was lost ends as if it had been killed: the state stays as it was. Where it failed, that is said
/// already.
fn may_be_answered(
    diags: &mut Diagnostics,
    written: Result<()>,
    failed: bool,
    state: &ManagedState,
) -> Option<()> {
    match written {
        Err(_) if failed => None,
        written => diagnostics::collect(diags, written.map_err(|error| named(state, error))),
    }
}

/// What is true after the moves.
struct Outcome {
    managed: Managed,
    secrets: SecretCache,
    private: Private,
    policy: Policy,
    failed: bool,
    /// The keys were copied to what was edited, whatever failed later.
    copied: bool,
    word: Option<String>,
}

async fn carry_out<'a>(
    diags: &mut Diagnostics,
    prior: &mut ManagedState,
    planned: &mut ManagedState,
    mut private: Private,
    decision: &Decision,
    context: &'a Context,
    glass: Option<&Glass>,
) -> Option<(Outcome, Records<'a>)> {
    let brought = planned.existing_secret_wo.take();
    let planned = &*planned;
    let prepared = prepare(prior, planned, &private, context);
    let (connections, policy, mut managed, secrets) =
        diagnostics::collect(diags, prepared.map_err(|error| named(planned, error)))?;
    let calls_off = private.calls_off;
    let opened = Records::open(planned, &managed, connections, decision, calls_off, context).await;
    let with_the_glass = |error| match glass {
        Some(glass) => glass.way_on(error),
        None => error,
    };
    let opened = opened.map_err(with_the_glass);
    let mut records = diagnostics::collect(diags, opened.map_err(|error| named(planned, error)))?;
    managed.account = records.account().or(managed.account);
    let facts = private.facts.clone();
    let mut run = records.run(planned.label(), &policy, managed, facts, context);
    run.secrets = secrets;
    run.emergency = emergencies::open(&run.managed, &private).filter(|_| decision.is_emergency);
    if let Value::Value(secret) = brought {
        run.brought = Some((secret, version_changed(prior, planned)));
    }
    if private.is_asked {
        private.requested_at = Some(context.clock.now());
    }
    let who = inventory_entry::resource(planned, context);
    let mut ahead = Vec::new();
    let fresh = async {
        adopt(&mut run).await?;
        if decision.moves.is_empty() {
            return Ok(());
        }
        if !run.connections.former.is_empty() && !decision.is_emergency {
            copied::refuse_to_leave(prior, context).await?;
        }
        check_not_stale(&run, &decision.moves).await?;
        if prior.primary.is_value() {
            records.refuse_unseen_places(&private.former, &run.managed.former)?;
        }
        in_a_hurry(decision.is_emergency, run.observe_places()).await;
        elsewhere::look(&mut run, decision.is_emergency).await?;
        check_collisions(&mut run, &who, &private.seen, &context.delivered).await?;
        run.refuse_newer().await?;
        run.refuse_rollback(&decision.moves)?;
        gates::confirm(planned, &run, &decision.moves, context).await?;
        // No ledger has a row yet of what is created: its journal tells it.
        if prior.primary.is_value() {
            ahead = amnesia::ahead(prior, planned, run.connections).await;
        }
        if let Some(kept) = amnesia::kept_with(&private, &ahead).filter(|_| !ahead.is_empty()) {
            context.ledger.keep(&run.managed.id, &kept).await?;
        }
        let slots = run.managed.slots.as_ref();
        emergencies::refuse_declared_anew(&private.incidents, records.incidents(), slots)?;
        note_incidents(&private.incidents, run.journal).await
    };
    let fresh = fresh.await;
    if let Err(error) = fresh.map_err(with_the_glass) {
        drop(run);
        diagnostics::report(diags, named(planned, error.clone()));
        records.abandon(&error).await;
        return None;
    }
    if private.is_asked
        && let Some(slots) = &mut run.managed.slots
    {
        // Until a promotion fulfils it.
        slots.requested_at = private.requested_at;
    }
    let primary_before = primary(&run.managed);
    let seen_before = run.facts.primary.clone();
    let ids = run.emergency.as_ref().map(|open| open.ids.clone());
    let ids = ids.unwrap_or_default();
    if !ids.is_empty() {
        let seen = run.seen_before().await;
        run.journal.sight(&ids, Moment::Handling, &seen).await;
    }
    let result = run.take(&decision.moves).await;
    let seen = run.seen_after();
    for warning in std::mem::take(&mut run.warnings) {
        diagnostics::warn(diags, named(planned, warning));
    }
    let failed = result.is_err();
    if failed && takes_over_first(prior) {
        let_go(&mut run);
    }
    let copied = run.progress.done.contains(&Move::Deliver);
    let contained = run.progress.done.contains(&Move::RevokePrimary);
    let revoked_primary = contained.then(|| run.facts.primary.clone());
    let left = run.progress.left;
    let (managed, secrets) = (run.managed, run.secrets);
    let private = Private {
        facts: Facts {
            full: run.facts.full,
            ..private.facts
        },
        ..private
    };
    if let Err(error) = result {
        let error = with_the_glass(error);
        diagnostics::report(diags, named(planned, error.clone()));
        records.failure = Some(error);
    }
    records.ahead = ahead;
    records.lets_go = private.former != managed.former;
    let mut private = after(private, &managed, left, failed, decision, context);
    let is_another = primary(&managed) != primary_before;
    records.gone = primary_before.filter(|_| is_another && seen_before == Seen::Gone);
    if failed && is_another {
        // What was seen of the old one tells nothing of the one that leads now.
        private.facts.forget_primary();
    } else if let Some(revoked) = revoked_primary.filter(|_| failed) {
        // An issuer that cannot say will not tell the next plan.
        private.facts.primary = revoked;
    } else if !failed && !is_another {
        // A key that was of no use before is none the better for what was done about another.
        private.facts.primary = seen_before;
    }
    if !records.journal.guard().is_some_and(Guard::is_lost) {
        if let Err(error) = note_incidents(&private.incidents, &records.journal).await {
            tracing::warn!(%error, "the end of an emergency is noted by the next refresh");
        }
        records.journal.sight(&ids, Moment::Handled, &seen).await;
    }
    let outcome = Outcome {
        private,
        managed,
        secrets,
        policy,
        failed,
        copied,
        word: (!failed && !decision.moves.is_empty()).then(|| decision.word()),
    };
    Some((outcome, records))
}

/// Whoever reads a key that was just created has no other to go on from.
fn records_after(managed: &Managed) -> BTreeMap<String, Record> {
    let records = managed.deployments.clone().into_iter();
    let slots = managed.slots.as_ref();
    records
        .map(|(name, record)| (name, record.over(slots)))
        .collect()
}

fn primary(managed: &Managed) -> Option<KeyMark> {
    managed.slots.as_ref().map(|slots| mark(&slots.primary))
}

/// The ledger remembers an emergency before anything is done about it, and once it is over.
async fn note_incidents(incidents: &[Incident], journal: &Journal<'_>) -> Result<()> {
    for incident in incidents {
        journal.note(incident).await?;
    }
    Ok(())
}

/// Whether nobody knew the secret of the primary before this apply.
fn takes_over_first(prior: &ManagedState) -> bool {
    let primary = prior.primary.as_ref_option();
    primary.is_some_and(|key| key.fingerprint.is_null())
}

type Prepared = (Connections, Policy, Managed, SecretCache);

/// Everything that the moves need; nothing has happened yet.
fn prepare(
    prior: &mut ManagedState,
    planned: &ManagedState,
    private: &Private,
    context: &Context,
) -> Result<Prepared> {
    let mut connections = connect::connections(planned, context)?;
    let values = planned.policy.as_ref_option();
    let policy = values
        .map(|values| values.policy(&Path::root("policy")))
        .transpose()
        .map_err(|mut errors| errors.remove(0))?
        .ok_or_else(|| Error::invalid(Path::root("policy"), "No policy", "Set policy."))?;
    let mut secrets = SecretCache::default();
    let mut managed = prior.managed(private)?;
    managed.deployments = deploying::records(planned, private, managed.slots.as_ref());
    if managed.slots.is_none() {
        managed.pending_revocations = private.facts.orphans.clone();
    }
    refuse_crossing(prior, planned, &managed.former, context)?;
    note_what_is_left(&mut managed, prior, planned, &connections, context);
    connections = connections.with_places_of(&managed);
    connections.former = connect::former(&managed.former, context);
    managed.id = planned.id.as_deref_option().unwrap_or_default().to_owned();
    prior.take_secrets(&mut secrets);
    Ok((connections, policy, managed, secrets))
}

/// From here on the records are those of the wanted deliveries, and the places that they have left are remembered,
/// whatever becomes of the apply.
fn note_what_is_left(
    managed: &mut Managed,
    prior: &ManagedState,
    planned: &ManagedState,
    connections: &Connections,
    context: &Context,
) {
    let is_wanted = |place: &String| {
        let mut wanted = connections.deliveries.values();
        wanted.any(|delivery| delivery.store.place() == *place)
    };
    // One that nobody can reach by itself any more is looked after again with the delivery that came back.
    managed
        .former
        .retain(|former| !(former.is_lost() && is_wanted(&former.place)));
    let mut records = std::mem::take(&mut managed.deliveries);
    for (name, settings) in left(prior, planned) {
        let record = records.remove(&name).unwrap_or_default();
        let place =
            connect::delivery(&name, &settings, context).map(|delivery| delivery.store.place());
        if place.as_ref().is_ok_and(is_wanted) {
            continue;
        }
        let place = place.unwrap_or_else(|_| format!("former delivery {name}"));
        let former = &mut managed.former;
        former.retain(|known| known.place != place || known.identity != record.place);
        former.push(Former {
            mark: record.fingerprint.map(|mark| mark.to_string()),
            identity: record.place,
            ..Former::at(name, place, settings)
        });
    }
    elsewhere::let_go(planned, &mut managed.former);
    let wanted = connections.deliveries.keys();
    managed.deliveries = wanted
        .map(|name| (name.clone(), records.remove(name).unwrap_or_default()))
        .collect();
}

/// What the next plan may rely on.
fn after(
    private: Private,
    managed: &Managed,
    left: Vec<String>,
    failed: bool,
    decision: &Decision,
    context: &Context,
) -> Private {
    let mut incidents = private.incidents;
    let (slots, pending) = (managed.slots.as_ref(), &managed.pending_revocations);
    emergency::contained(&mut incidents, slots, pending, context.clock.now());
    let changed = !decision.moves.is_empty() && !failed;
    let mut facts = match changed {
        true => Facts {
            full: private.facts.full,
            peers: private.facts.peers,
            uses: private.facts.uses,
            ..Facts::default()
        },
        false => private.facts,
    };
    facts.orphans.extend(left);
    Private {
        facts,
        noticed_at: if changed { None } else { private.noticed_at },
        is_lost: private.is_lost,
        requested_at: managed.slots.as_ref().and_then(|slots| slots.requested_at),
        account: managed.account.clone(),
        former: managed.former.clone(),
        deployments: records_after(managed),
        seen: BTreeMap::new(),
        incidents,
        rotated_for: private.rotated_for,
        // Only a refresh judges what other applies did.
        is_unsure: private.is_unsure,
        calls_off: false,
        untold: Untold::default(),
        is_asked: false,
        decision: None,
    }
}

impl Outcome {
    /// A key in one of the slots has this mark.
    fn holds(&self, mark: Option<&Fingerprint>) -> bool {
        let slots = self.managed.slots.iter();
        let mut keys = slots
            .flat_map(|slots| [Some(&slots.primary), slots.secondary_key()])
            .flatten();
        mark.is_some() && keys.any(|key| key.fingerprint.as_ref() == mark)
    }

    fn run_left_nothing(&self) -> bool {
        self.managed.slots.is_none() && self.managed.pending_revocations.is_empty()
    }

    /// The new state: what the plan knew stays as planned, what it left open is filled in.
    fn finish(mut self, mut planned: ManagedState, context: &Context) -> (ManagedState, Private) {
        let secrets = planned.stores_secrets().then_some(&self.secrets);
        let keep = (
            planned.status.take(),
            planned.status_reason.take(),
            planned.last_action.take(),
        );
        planned.record(&self.managed, Some(&self.policy), secrets);
        planned.last_action = match self.word {
            Some(word) => Value::Value(word),
            None if keep.2.is_unknown() => Value::Null,
            None => keep.2,
        };
        // The records were read from this very state, so they parse.
        let noted = note_status(&mut planned, &mut self.private, &self.policy, context);
        if noted.is_ok() && keep.0.is_value() && !self.failed {
            planned.status = keep.0;
            planned.status_reason = keep.1;
        }
        (planned, self.private)
    }
}

fn fresh_id(diags: &mut Diagnostics) -> Option<String> {
    let mut bytes = [0u8; 10];
    let filled = getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(
            Kind::Other,
            "The operating system gives no random numbers",
            format!("{error}. Nothing was created."),
        )
    });
    diagnostics::collect(diags, filled)?;
    Some(format!("key_{}", hex::encode(bytes)))
}
