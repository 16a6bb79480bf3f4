//! Between the block `emergency` of a key or a policy, or an alert about a key, and what is remembered of it.

use tf_provider::Diagnostics;
use tf_provider::value::Value;

use crate::context::Context;
use crate::domain::announce::enumerated;
use crate::domain::emergency::{self, Declared, Emergency, Incident};
use crate::domain::situation::Seen;
use crate::domain::slots::Slots;
use crate::domain::status::Status;
use crate::engine::journal::mark;
use crate::engine::managed::Managed;
use crate::engine::precondition::behind;
use crate::error::{Error, Kind, Path, Result};
use crate::instant::Instant;
use crate::ledger::Noted;
use crate::resources::managed::amnesia;
use crate::resources::managed::connect;
use crate::resources::managed::inventory_entry;
use crate::resources::managed::leaks;
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::managed::telling;
use crate::resources::rotation_policy::EmergencyState;

/// Whether all of it is known.
pub fn is_known(block: &Value<EmergencyState>) -> bool {
    match block {
        Value::Unknown => false,
        Value::Null => true,
        Value::Value(block) => block.wholly_known(),
    }
}

/// The emergencies that a configuration or a state declares of a key, and those that alerts do. What is not sound is refused
/// elsewhere.
fn declared(state: &ManagedState, known: &[Incident], slots: Option<&Slots>) -> Vec<Declared> {
    let leaks = leaks::declared(state, known, slots);
    in_blocks(state).into_iter().chain(leaks).collect()
}

fn in_blocks(state: &ManagedState) -> Vec<Declared> {
    let read = |block: &Value<EmergencyState>| {
        let block = block.as_ref_option().filter(|block| block.wholly_known())?;
        block.declared(&Path::default()).ok()
    };
    let policy = state.policy.as_ref_option();
    emergency::declared(
        read(&state.emergency),
        policy.and_then(|policy| read(&policy.emergency)),
    )
}

/// What is remembered, with what this configuration declares anew.
pub fn noted(state: &ManagedState, managed: &Managed, known: &[Incident]) -> Vec<Incident> {
    let slots = readable(managed);
    let slots = slots.as_ref();
    emergency::noted(&declared(state, known, slots), known, slots)
}

/// The keys that a thief could read. One that leads only once a person approves it stands nowhere yet: it is what takes the
/// place of a compromised key, and none of them.
fn readable(managed: &Managed) -> Option<Slots> {
    let mut slots = managed.slots.clone()?;
    if managed.successor().is_some() {
        slots.secondary = None;
    }
    Some(slots)
}

/// A state that was lost looks like a key that never was, and the compromised one lives on.
pub fn warn_of_no_key(diags: &mut Diagnostics, planned: &ManagedState) {
    let Some(block) = planned.emergency.as_ref_option() else {
        return;
    };
    let (name, id) = (planned.label(), block.id.as_deref_option());
    diags.root_warning(
        format!("{name}: EMERGENCY {} revokes nothing", id.unwrap_or("(id not known yet)")),
        "This resource has no key yet: one is made, and no other is touched. If its state was lost, the compromised key lives on. \
         Import it before anything else, or revoke it at its issuer; terraform-provider-apikey inventory --alive tells what the \
         ledger knows. Without the block this warning is gone.",
    );
}

/// What is to be done now.
pub fn open(managed: &Managed, private: &Private) -> Option<Emergency> {
    let (slots, pending) = (managed.slots.as_ref(), &managed.pending_revocations);
    emergency::open(&private.incidents, slots, pending)
}

/// What a configuration gives up, at an instant.
fn call_off(
    state: &ManagedState,
    managed: &Managed,
    private: &mut Private,
    at: Instant,
) -> Vec<Incident> {
    // Half of what is done about it may be done already.
    if private.is_unsure {
        return Vec::new();
    }
    let slots = managed.slots.as_ref();
    let declared = declared(state, &private.incidents, slots);
    let primary = &private.facts.primary;
    let given_up = emergency::called_off(&mut private.incidents, &declared, slots, primary);
    let given_up = given_up.map(|incident| {
        incident.called_off_at = Some(at);
        incident.clone()
    });
    given_up.collect()
}

/// Whoever reads why a plan ended with an error must know that nothing is done about a key that somebody else may have.
pub fn warning(
    prior: &ManagedState,
    proposed: &ManagedState,
    private: &Private,
    at: Instant,
) -> Option<Error> {
    let mut private = private.clone();
    amnesia::note_loss(prior, &mut private);
    let managed = prior.managed(&private).ok()?;
    private.incidents = noted(proposed, &managed, &private.incidents);
    call_off(proposed, &managed, &mut private, at);
    let open = open(&managed, &private)?;
    let slots = managed.slots.as_ref();
    let dead = slots.filter(|_| private.facts.primary == Seen::Gone);
    let dead = dead.map(|slots| slots.primary.label());
    let labels = open.labels.iter().map(String::as_str);
    let labels: Vec<&str> = labels.filter(|label| Some(*label) != dead).collect();
    if labels.is_empty() {
        return None;
    }
    let is = match labels[..] {
        [_] => "is",
        _ => "are",
    };
    Some(
        Error::new(
            Kind::Other,
            format!(
                "{}: EMERGENCY {} is not over, and nothing is done about it",
                proposed.label(),
                open.ids.join(", ")
            ),
            format!(
                "{} {is} compromised and NOT revoked. Mend what the other error says and apply again. Where that takes time, \
                 {}.",
                enumerated(&labels),
                match open.has_local_keys() {
                    true => "have whoever accepts it refuse it, or take it out of every place",
                    false => "revoke by hand at the issuer",
                }
            ),
        )
        .at(path(proposed)),
    )
}

/// What somebody may take for more than it is: a configuration that gives an emergency up, which is noted, and an edit under an id
/// that was handled. Gives back whether one was given up.
pub fn note_edits(
    diags: &mut Diagnostics,
    prior: &ManagedState,
    planned: &ManagedState,
    managed: &Managed,
    private: &mut Private,
    at: Instant,
) -> bool {
    let name = planned.label();
    let given_up = call_off(planned, managed, private, at);
    for incident in &given_up {
        let keys = enumerated(&incident.labels());
        let (why, way_back) = match incident.is_of_an_alert() {
            true => ("on_leak is \"warn\" now", "set it to \"rotate\" again"),
            false => (
                "No block emergency declares it any more",
                "put the block back under the same id",
            ),
        };
        diags.root_warning(
            format!("{name}: EMERGENCY {} is called off: {keys} is NOT revoked", incident.id),
            format!(
                "{why}, and nothing was done about it yet: {keys} stays valid and in use, with whoever else has it. Right if it \
                 did not leak after all. Otherwise {way_back}."
            ),
        );
    }
    let (before, now) = (in_blocks(prior), in_blocks(planned));
    for (incident, at) in emergency::handled_before(&private.incidents, &before, &now) {
        let keys = match incident.labels() {
            none if none.is_empty() => "It".to_owned(),
            keys => format!("Key {}", enumerated(&keys)),
        };
        diags.root_warning(
            format!("{name}: EMERGENCY {} was handled before, and nothing is done", incident.id),
            format!(
                "{keys} was dealt with by {at} under this id, and an id is handled once, whatever the rest of the block says. \
                 If the key of today is compromised as well, give the block a new id."
            ),
        );
    }
    !given_up.is_empty()
}

/// Whether a person insists on what is to be done even if the ledger cannot be used.
pub fn breaks_glass(state: &ManagedState, open: &Emergency) -> bool {
    let declared = in_blocks(state);
    let mut insisting = declared.iter().filter(|block| block.break_glass);
    insisting.any(|block| open.ids.contains(&block.id))
}

/// Where the block stands: in the key, or else in its policy.
pub fn path(state: &ManagedState) -> Path {
    match state.emergency.is_value() {
        true => Path::root("emergency"),
        false => Path::root("policy"),
    }
}

/// Without a memory of them: what a state declares was dealt with by the apply that wrote it, unless its status says otherwise.
/// The key of today took the place of the compromised one, and is none.
pub fn note_what_is_over(state: &ManagedState, known: &mut Vec<Incident>) {
    let is_open = state.status.as_deref_option() == Some(Status::Compromised.word());
    let managed = state.managed(&Private::default()).ok();
    let slots = managed.and_then(|managed| managed.slots);
    let Some(slots) = slots.filter(|_| !is_open) else {
        return;
    };
    for declared in in_blocks(state) {
        known.push(Incident {
            contained_at: Some(slots.last_rotated_at()),
            ..declared.incident(None)
        });
    }
}

/// What the ledger knows beside what the state remembers: an apply may have been cut off, or an older state restored.
pub fn remembered(known: &mut Vec<Incident>, ledger: &[Incident]) {
    for incident in ledger {
        match known.iter_mut().find(|own| own.id == incident.id) {
            // That it was called off, the ledger may not have heard.
            Some(own) if !own.has_ended() => *own = incident.clone(),
            Some(_) => {}
            None => known.push(incident.clone()),
        }
    }
}

/// A plan that has forgotten an emergency declares it of the key of today, which took the place of the compromised one.
pub fn refuse_declared_anew(
    planned: &[Incident],
    ledger: &[Incident],
    slots: Option<&Slots>,
) -> Result<()> {
    let Some(primary) = slots.map(|slots| mark(&slots.primary)) else {
        return Ok(());
    };
    let names_it = |incident: &Incident| incident.keys.iter().any(|key| key.is(&primary));
    let open = planned.iter().filter(|incident| !incident.has_ended());
    for incident in open.filter(|incident| names_it(incident)) {
        let known = ledger.iter().find(|known| known.id == incident.id);
        if let Some(known) = known.filter(|known| !names_it(known)) {
            return Err(behind(format!(
                "EMERGENCY {} was declared of key {}, as the ledger knows, and this plan declares it of key {}",
                incident.id,
                enumerated(&known.labels()),
                enumerated(&incident.labels()),
            )));
        }
    }
    Ok(())
}

/// While another apply works on the key, or its lease has not run out, nothing that is seen can be judged. But what the
/// ledger calls compromised is no less so.
pub fn note_while_another_works(state: &mut ManagedState, incidents: &[Incident]) {
    let open = incidents.iter().filter(|incident| !incident.has_ended());
    let reasons: Vec<String> = open
        .map(|incident| {
            let keys = enumerated(&incident.labels());
            format!(
                "EMERGENCY {} ({}): key {keys} is compromised",
                incident.id, incident.reason
            )
        })
        .collect();
    if !reasons.is_empty() {
        state.status = Value::Value(Status::Compromised.word().into());
        state.status_reason = Value::Value(format!(
            "{}; another apply is at work on this key or was cut off a moment ago, so that nothing is known of it yet: plan \
             again when it is over",
            reasons.join("; ")
        ));
    }
}

/// The ledger hears that emergencies were called off: nothing else is done about them that would tell it. Where it cannot,
/// the next refresh tells it.
pub async fn tell_what_was_called_off(state: &ManagedState, private: &Private, context: &Context) {
    let called_off = private.incidents.iter();
    let called_off = called_off.filter(|incident| incident.called_off_at.is_some());
    for incident in called_off {
        let issuer = connect::issuer(&state.issuer);
        let noted = Noted {
            resource: inventory_entry::resource(state, context),
            issuer: issuer.map_or_else(|_| String::new(), |(kind, _)| kind.name().to_owned()),
            account: private.account.clone().unwrap_or_default(),
            incident: incident.clone(),
            at: context.clock.now(),
            audience: telling::audience(state),
        };
        if let Err(error) = context.ledger.note_incident(&noted).await {
            tracing::warn!(%error, "that an emergency was called off is told to the ledger by the next refresh");
        }
    }
}
