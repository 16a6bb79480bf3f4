//! What people are told of a key: whom its policy names, what is the case, and what an apply sends.

use tf_provider::Diagnostics;
use tf_provider::value::Value;

use crate::context::Context;
use crate::domain::finding::Status;
use crate::domain::notices::{About, Audience, Event, Occurrence, Telling};
use crate::domain::planner::Decision;
use crate::error::{Error, Path};
use crate::instant::Instant;
use crate::ledger::outbox::Untold;
use crate::notify;
use crate::resources::diagnostics;
use crate::resources::managed::connect;
use crate::resources::managed::gates;
use crate::resources::managed::inventory_entry;
use crate::resources::managed::model::ManagedState;
use crate::resources::managed::read::policy;

/// Whom the policy of a key names, and what is said of the key each time.
pub fn audience(state: &ManagedState) -> Audience {
    let Some(policy) = policy(state).filter(|policy| !policy.notifications.is_empty()) else {
        return Audience::default();
    };
    let text = |value: &Value<String>| value.as_deref_option().map(str::to_owned);
    let generation = state.generation.as_option();
    Audience {
        routes: policy.notifications,
        about: About {
            group: Some(gates::place(state).group.to_owned()),
            environment: text(&state.environment),
            owner: text(&state.owner),
            policy: Some(policy.name),
            generation: generation.and_then(|number| u64::try_from(number).ok()),
        },
    }
}

/// The same with what is the case at an instant: a rotation that comes up, is blocked or is overdue, and a key that only a person
/// can revoke.
pub fn telling(state: &ManagedState, now: Instant) -> Telling {
    let audience = audience(state);
    if audience.is_empty() {
        return Telling::default();
    }
    let generation = audience.about.generation.unwrap_or_default().to_string();
    let is_blocked = state.status.as_deref_option() == Some(Status::Blocked.word());
    let reason = state.status_reason.as_deref_option().unwrap_or_default();
    let blocked = Occurrence::new(Event::Blocked, &generation).because(reason);
    let comes_up = comes_up(state, now).map(|due_at| {
        let reason = format!("rotation is due at {due_at}");
        Occurrence::new(Event::Notice, &generation).because(reason)
    });
    let is_overdue = state.status.as_deref_option() == Some(Status::Overdue.word());
    let overdue = Occurrence::overdue(&generation).because(reason);
    let conditions = is_blocked
        .then_some(blocked)
        .into_iter()
        .chain(is_overdue.then_some(overdue))
        .chain(comes_up)
        .chain(left_to_a_person(state, now));
    Telling {
        conditions: conditions.collect(),
        audience,
    }
}

/// A key that has had its grace, where a person is the one to revoke it.
fn left_to_a_person(state: &ManagedState, now: Instant) -> Option<Occurrence> {
    let (kind, _) = connect::issuer(&state.issuer).ok()?;
    let second = state
        .secondary
        .as_ref_option()
        .filter(|_| kind.is_by_hand())?;
    let ends = Instant::parse(second.revoke_after.as_deref_option()?)?;
    let key = second.key_id.as_deref_option().filter(|_| now >= ends)?;
    let what = Occurrence::of_key(Event::Notice, key);
    Some(what.because(format!(
        "its grace is over since {ends}, and its issuer is a person"
    )))
}

/// When the rotation is due whose `notice_period` has begun.
fn comes_up(state: &ManagedState, now: Instant) -> Option<Instant> {
    let notice_period = policy(state)?.notice_period;
    let due_at = Instant::parse(state.rotation_due_at.as_deref_option()?)?;
    let is_near = now < due_at && now >= due_at - notice_period;
    (is_near && !notice_period.is_zero()).then_some(due_at)
}

/// What of a key is still to be told, as far as the ledger can say.
pub async fn untold(state: &ManagedState, context: &Context) -> Untold {
    let telling = telling(state, context.clock.now());
    if telling.audience.is_empty() {
        return Untold::default();
    }
    let id = state.id.as_deref_option().unwrap_or_default();
    let asked = context.ledger.untold(id, &telling, context.clock.now());
    let mut untold = asked.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "what is still to be told shows in the next plan");
        Untold::default()
    });
    // What nobody here can reach waits for somebody who can.
    let reached = notify::destinations(context);
    untold.waiting.retain(|(_, to)| reached.contains_key(to));
    untold
}

/// The destinations that the policy of a key names and the provider has not.
pub fn unknown_destinations(config: &ManagedState, context: &Context) -> Vec<Error> {
    let routes = config
        .policy
        .as_ref_option()
        .and_then(|policy| policy.notifications.as_ref_option());
    let path = Path::root("policy").attribute("notifications");
    let names = routes.into_iter().flat_map(|routes| routes.keys());
    names
        .filter_map(|name| notify::unknown(name, &path, context))
        .collect()
}

/// A plan whose apply cannot tell anybody says so.
pub fn warn_without_ledger(diags: &mut Diagnostics, planned: &ManagedState, context: &Context) {
    if context.awaits_settings() || context.ledger.remembers() || audience(planned).is_empty() {
        return;
    }
    diags.root_warning(
        format!("{}: nobody is told anything", planned.label()),
        "The policy has notifications, and the provider has no ledger (disabled = true). Each event is told once, and only a \
         ledger knows what was told already, so without one nothing is sent. Remove disabled = true, or take notifications out \
         of the policy.",
    );
}

/// Whether an apply has something to tell, whatever else it does.
pub fn tells(planned: &ManagedState, untold: &Untold) -> bool {
    !audience(planned).is_empty() && !untold.waiting.is_empty()
}

/// An apply that has something to tell is one, even if there is nothing else to do.
pub fn plan(
    diags: &mut Diagnostics,
    planned: &mut ManagedState,
    untold: &Untold,
    decision: &Decision,
) {
    if audience(planned).is_empty() {
        return;
    }
    let name = planned.label().to_owned();
    if !untold.given_up.is_empty() {
        diags.root_warning(
            format!("{name}: somebody was not told"),
            format!(
                "These notifications were given up: {}. Mend the destination in the block notifications of the provider. This \
                 is said until something else reaches it.",
                untold.given_up.join("; ")
            ),
        );
    }
    if !untold.waiting.is_empty() {
        let waiting = untold.waiting.iter();
        let told: Vec<String> = waiting
            .map(|(event, to)| format!("{event} to {to}"))
            .collect();
        diags.root_warning(
            format!("{name}: somebody is told"),
            format!(
                "This apply sends what is not told yet: {}. The key stays as it is unless the plan says otherwise.",
                told.join(", ")
            ),
        );
    }
    if tells(planned, untold) || !decision.moves.is_empty() {
        planned.notified_at = Value::Unknown;
    }
}

/// Sends what waits once an apply has done its part. When something of this key was told stands in its state.
pub async fn send(
    diags: &mut Diagnostics,
    state: Option<&mut ManagedState>,
    before: Value<String>,
    context: &Context,
) {
    if let Some(state) = &state {
        notice(state, context).await;
    }
    let sent = notify::send(context).await;
    for warning in sent.warnings {
        diagnostics::warn(diags, warning);
    }
    let Some(state) = state.filter(|state| state.notified_at.is_unknown()) else {
        return;
    };
    let is_told = |id: &str| sent.resources.contains(id);
    state.notified_at = match state.id.as_deref_option().is_some_and(is_told) {
        true => Value::Value(context.clock.now().to_string()),
        false => before,
    };
}

/// Writes down what is the case and nobody was told of: a plan that may only read the ledger could not.
async fn notice(state: &ManagedState, context: &Context) {
    let now = context.clock.now();
    let telling = telling(state, now);
    let Ok((kind, _)) = connect::issuer(&state.issuer) else {
        return;
    };
    if telling.conditions.is_empty() {
        return;
    }
    let resource = inventory_entry::resource(state, context);
    let noticed = context.ledger.notice(&resource, kind.name(), &telling, now);
    if let Err(error) = noticed.await {
        tracing::warn!(%error, "what is the case is told after the next plan");
    }
}
