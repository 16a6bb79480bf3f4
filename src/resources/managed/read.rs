//! A refresh: looks, reports, changes nothing outside, and settles: a second look changes nothing either.

use tf_provider::value::Value;

use crate::context::Context;
use crate::domain::emergency;
use crate::domain::expected::Uses;
use crate::domain::planner;
use crate::domain::policy::Policy;
use crate::domain::situation::{Facts, Seen, Situation};
use crate::domain::slots::{Key, Slots};
use crate::domain::status;
use crate::engine::connections::Connections;
use crate::engine::crowd;
use crate::engine::journal::mark;
use crate::engine::managed::{DeliveryRecord, Managed};
use crate::engine::observe::{Copies, Observed, observe};
use crate::error::{Error, Path, Result};
use crate::instant::Instant;
use crate::ledger::{KeyMark, Noted};
use crate::resources::managed::amnesia;
use crate::resources::managed::brought;
use crate::resources::managed::changes::{any_in_order, must_verify, repairs};
use crate::resources::managed::connect;
use crate::resources::managed::deploying;
use crate::resources::managed::emergencies;
use crate::resources::managed::expected;
use crate::resources::managed::gates;
use crate::resources::managed::inventory_entry;
use crate::resources::managed::leftovers::{self, Left};
use crate::resources::managed::model::{KeyState, ManagedState, Private};
use crate::resources::managed::owners;
use crate::resources::managed::telling;

/// What a refresh gives.
pub struct Refreshed {
    /// The state as it is now.
    pub state: ManagedState,
    /// What the next plan may rely on.
    pub private: Private,
    /// What a person should know.
    pub warnings: Vec<Error>,
}

/// The state as it is now, or `None` if nothing of the resource is left anywhere.
pub async fn read(
    mut state: ManagedState,
    mut private: Private,
    context: &Context,
) -> Result<Option<Refreshed>> {
    let policy = policy(&state);
    amnesia::recall(&state, &mut private, context).await;
    let managed = state.managed(&private)?;
    let now = context.clock.now();
    let mut connections = connect::for_a_look(&state, context)?.with_places_of(&managed);
    connections.former = connect::former(&managed.former, context);
    let look = async {
        let account = connections.account(managed.account.as_deref()).await?;
        let observe = async |managed: &Managed| {
            observe(managed, &connections, secrets_in(&state, managed), now).await
        };
        let observed = observe(&managed).await?;
        let left = leftovers::of(&state, &managed, &observed, &connections, &account, context);
        let left = left.await?;
        let observed = match left.managed.slots == managed.slots {
            true => observed,
            false => observe(&left.managed).await?,
        };
        let (owned, ledger) = (left.managed.owned_ids(), context.ledger.as_ref());
        let who = inventory_entry::resource(&state, context);
        let crowd = crowd::look(&who, &owned, &account, &connections, ledger).await?;
        Ok((observed, crowd, left, account))
    };
    let look = Box::pin(look).await;
    let (observed, crowd, mut left, account) = look.map_err(|error| named(&state, error))?;
    if left.is_busy {
        emergencies::remembered(&mut private.incidents, &left.incidents);
        emergencies::note_while_another_works(&mut state, &private.incidents);
        private.is_unsure = true;
        return Ok(Some(Refreshed {
            state,
            private,
            warnings: left.warnings,
        }));
    }
    let told = observed.unreadable.iter().chain(&observed.outdated);
    left.warnings
        .extend(told.map(|error| named(&state, error.clone())));
    emergencies::remembered(&mut private.incidents, &left.incidents);
    let is_open = emergencies::open(&left.managed, &private).is_some();
    // An emergency has revoked the key, and another one has yet to take its place.
    let is_over = observed.vanished && !is_open;
    // A key that only the ledger knows would be forgotten with the resource.
    if is_over && left.is_certain && left.found.is_empty() && left.behind.is_none() {
        left.give_up();
        left.record(&state, &private, &Uses::new(), context).await;
        return Ok(None);
    }
    let known = std::mem::take(&mut private.facts.orphans);
    let is_bound = connections.capabilities.is_bound_to_its_account();
    private.account = is_bound.then_some(account);
    // An issuer knows no last use of a key that it no longer knows, and an emergency waits for none.
    let holds = observed.facts.secondary != Seen::Gone && !is_open;
    let policy_of_a_hold = policy.as_ref().filter(|_| holds);
    let used = expected::look(&state, &left, &connections, policy_of_a_hold, &private, now);
    let used = Box::pin(used).await;
    let told = used.warnings.into_iter();
    left.warnings.extend(told.map(|error| named(&state, error)));
    private.facts = Facts {
        uses: used.uses,
        hold: used.hold,
        primary: primary_seen(&private, &observed, &managed, &left, &connections),
        ..observed.facts.clone()
    };
    let slots = left.managed.slots.as_ref();
    let is_revoked = |key: &Key| left.revoked.iter().any(|dead| dead.is(&mark(key)));
    let facts = &mut private.facts;
    for (key, seen) in [
        (slots.map(|slots| &slots.primary), &mut facts.primary),
        (slots.and_then(Slots::secondary_key), &mut facts.secondary),
    ] {
        if key.is_some_and(is_revoked) {
            *seen = Seen::Gone;
        }
    }
    private.is_unsure = !left.is_certain;
    private.facts.orphans = left.orphans(known);
    private.facts.behind = left.behind.clone();
    private.facts.full = crowd.map(|crowd| crowd.full());
    private.facts.peers = gates::peers(&state, context).await;
    note_incidents(&mut state, &mut private, &mut left, &connections, context).await;
    if let Some(slots) = &left.managed.slots {
        private.requested_at = slots.requested_at;
    }
    let managed = std::mem::take(&mut left.managed);
    note_deliveries(&mut state, managed, observed, policy.as_ref(), now);
    if let Some(policy) = &policy {
        note_status(&mut state, &mut private, policy, context)?;
    }
    left.record(&state, &private, &private.facts.uses, context)
        .await;
    private.untold = telling::untold(&state, context).await;
    Ok(Some(Refreshed {
        state,
        private,
        warnings: left.warnings,
    }))
}

/// Where the issuer cannot say how the primary stands, it is gone if an apply revoked it.
fn primary_seen(
    private: &Private,
    observed: &Observed,
    managed: &Managed,
    left: &Left,
    connections: &Connections,
) -> Seen {
    let primary = |managed: &Managed| managed.slots.as_ref().map(|slots| mark(&slots.primary));
    let is_the_same = primary(managed) == primary(&left.managed);
    match connections.capabilities.inspects() || !is_the_same {
        true => observed.facts.primary.clone(),
        false => private.facts.primary.clone(),
    }
}

/// What the ledger knows of emergencies, and what it has not heard of.
async fn note_incidents(
    state: &mut ManagedState,
    private: &mut Private,
    left: &mut Left,
    connections: &Connections,
    context: &Context,
) {
    let known = std::mem::take(&mut left.incidents);
    emergencies::remembered(&mut private.incidents, &known);
    let (slots, pending) = (
        left.managed.slots.as_ref(),
        &left.managed.pending_revocations,
    );
    emergency::contained(&mut private.incidents, slots, pending, context.clock.now());
    if !left.is_certain || left.behind.is_some() {
        return;
    }
    for incident in &private.incidents {
        if known.contains(incident) {
            continue;
        }
        let noted = Noted {
            resource: inventory_entry::resource(state, context),
            issuer: connections.kind.to_owned(),
            account: private.account.clone().unwrap_or_default(),
            incident: incident.clone(),
            at: context.clock.now(),
            audience: telling::audience(state),
        };
        if let Err(error) = context.ledger.note_incident(&noted).await {
            tracing::warn!(%error, "an emergency is told to the ledger by the next refresh");
        }
    }
}

/// Of which keys the state has the secret. Those in the slots may have changed places since it was written.
fn secrets_in(state: &ManagedState, managed: &Managed) -> Copies {
    let slots = [&state.primary, &state.secondary].into_iter();
    let slots = slots.filter_map(Value::as_ref_option);
    let stored: Vec<KeyMark> = slots
        .filter(|key| key.secret.is_value())
        .map(KeyState::mark)
        .collect();
    let is_stored = |key: &Key| stored.iter().any(|stored| stored.is(&mark(key)));
    let slots = managed.slots.as_ref();
    Copies {
        primary: slots.is_some_and(|slots| is_stored(&slots.primary)),
        secondary: slots.and_then(Slots::secondary_key).is_some_and(is_stored),
    }
}

/// The policy of the last apply; `None` right after an import.
pub fn policy(state: &ManagedState) -> Option<Policy> {
    state
        .policy
        .as_ref_option()?
        .policy(&Path::root("policy"))
        .ok()
}

/// Every error names the key it is about: in an apply of hundreds the address alone is not enough.
pub fn named(state: &ManagedState, error: Error) -> Error {
    let name = state.label();
    if error.summary.contains(name) {
        return error;
    }
    Error {
        summary: format!("{name}: {}", error.summary),
        ..error
    }
}

fn note_deliveries(
    state: &mut ManagedState,
    mut managed: Managed,
    observed: Observed,
    policy: Option<&Policy>,
    now: Instant,
) {
    managed.deliveries = observed.deliveries;
    note_late_arrival(&mut managed, now);
    if let (Some(mark), Some(slots)) = (observed.learned, managed.slots.as_mut()) {
        slots.primary.fingerprint = Some(mark);
    }
    let mut secrets = crate::engine::secret_cache::SecretCache::default();
    state.take_secrets(&mut secrets);
    state.record(&managed, policy, Some(&secrets));
}

/// A write whose answer was lost may have arrived all the same: then the keys are delivered since it was noticed.
fn note_late_arrival(managed: &mut Managed, now: Instant) {
    let mut records = managed.deliveries.values();
    if managed.deliveries.is_empty() || !records.all(DeliveryRecord::is_in_order) {
        return;
    }
    if let Some(slots) = &mut managed.slots {
        let secondary = slots.secondary.as_mut().map(|secondary| &mut secondary.key);
        for key in [Some(&mut slots.primary), secondary].into_iter().flatten() {
            key.delivered_at.get_or_insert(now);
        }
    }
}

/// Moves the status on, and notes since when a step is due. Both change at edges only.
pub fn note_status(
    state: &mut ManagedState,
    private: &mut Private,
    policy: &Policy,
    context: &Context,
) -> Result<()> {
    let now = context.clock.now();
    let managed = state.managed(private)?;
    let emergency = emergencies::open(&managed, private);
    let offboarded = owners::left(state, state, policy, private);
    let repairs = repairs(state, state);
    let deployments = deploying::of(state, private, managed.slots.as_ref());
    let removals = managed.pending_removals();
    let hand = brought::standing(state, context);
    let expected = expected::of(state);
    let situation = Situation {
        name: state.label(),
        group: gates::place(state).group,
        environment: gates::place(state).environment,
        policy,
        slots: managed.slots.as_ref(),
        facts: &private.facts,
        repairs: &repairs,
        deployments: &deployments,
        any_in_order: any_in_order(state, &repairs),
        pending_removals: &removals,
        delivered: false,
        rolled_back: false,
        rotation_requested: false,
        offboarded: offboarded.as_ref(),
        expected: expected.as_ref(),
        emergency: emergency.as_ref(),
        pending_revocations: &managed.pending_revocations,
        must_verify: must_verify(state, context),
        by_hand: hand.as_ref().map(brought::Hand::for_rules),
        now,
    };
    let moves = planner::decide_at(&situation, now).moves;
    private.noticed_at = private
        .noticed_at
        .and_then(|at| planner::believable(at, now));
    let noticed = private
        .noticed_at
        .map(|at| planner::decide_at(&situation, at).moves);
    let noticed_at = match noticed {
        _ if moves.is_empty() => None,
        Some(before) if before == moves => private.noticed_at,
        _ => Some(now),
    };
    let (status, reason) = status::status(&situation);
    private.noticed_at = noticed_at;
    state.status = Value::Value(status.word().into());
    state.status_reason = Value::Value(reason);
    Ok(())
}
