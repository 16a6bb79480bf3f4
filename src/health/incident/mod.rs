//! What became of one emergency, projected from sealed events alone: whose keys, when they were last used, each step, each
//! failure, and how far the end is proved. What no event says is told as a gap, never guessed.

mod facts;
mod story;

use std::collections::BTreeMap;

use crate::domain::emergency::{Incident, Known, Moment, Sighting, Standing};
use crate::domain::keys::KeyMark;
use crate::issuers;

pub use facts::{Case, Compromised, Delivered, Record, Step, Told};

/// What the events say of the emergency of an id; `None` if they say nothing. They are those of every resource that has it,
/// in their order.
pub fn record(id: &str, told: &[Told]) -> Option<Record> {
    let mut of: BTreeMap<&str, Vec<&Told>> = BTreeMap::new();
    for event in told {
        of.entry(&event.resource.id).or_default().push(event);
    }
    let mut events: Vec<&Told> = Vec::new();
    let mut cases = Vec::new();
    for all in of.into_values() {
        let Some(span) = span(id, &all) else { continue };
        cases.push(case(id, span));
        events.extend(span);
    }
    events.sort_by_key(|event| event.seq);
    let last = events.last()?;
    let seal = format!("{}:{}", last.seq, last.hash);
    cases.sort_by(|one, two| {
        (one.opened_at, &one.resource_id).cmp(&(two.opened_at, &two.resource_id))
    });
    let incident = events.iter().rev().find_map(|event| incident(id, event))?;
    let steps: Vec<Step> = events
        .iter()
        .filter_map(|event| story::step(event, &events))
        .collect();
    let is_over = cases.iter().all(Case::is_over);
    let contained_at = cases.iter().filter_map(|case| case.contained_at).max();
    let called_off_at = cases.iter().filter_map(|case| case.called_off_at).max();
    Some(Record {
        id: id.to_owned(),
        reason: incident.reason,
        order: incident.order.to_string(),
        opened_at: cases.iter().filter_map(|case| case.opened_at).min(),
        contained_at: contained_at.filter(|_| is_over),
        called_off_at: called_off_at.filter(|_| is_over),
        failures: steps.iter().filter(|step| step.failed).count(),
        cases,
        steps,
        seal,
    })
}

/// The events of a resource from the one that opens the emergency to the end of the apply that contained it; all that follow
/// if none did, or those up to the one that called it off.
fn span<'a, 'e>(id: &str, all: &'a [&'e Told]) -> Option<&'a [&'e Told]> {
    let first = all.iter().position(|event| incident(id, event).is_some())?;
    let is_end = |event: &&Told| incident(id, event).is_some_and(|it| it.contained_at.is_some());
    let Some(contained) = all.iter().position(is_end) else {
        let last = all.iter().rposition(|event| incident(id, event).is_some());
        let last = last.filter(|last| is_called_off(id, all[*last]));
        return Some(last.map_or(&all[first..], |last| &all[first..=last]));
    };
    let closes = |event: &&Told| event.effect.as_deref() == Some("apply") && event.event != "begun";
    let later = &all[contained + 1..];
    let last = match later.iter().position(closes) {
        // What a refresh wrote down belongs to no apply.
        Some(closed)
            if later[..=closed]
                .iter()
                .any(|event| sighting(id, event).is_some()) =>
        {
            contained + 1 + closed
        }
        _ => contained,
    };
    Some(&all[first..=last])
}

fn incident(id: &str, event: &Told) -> Option<Incident> {
    let is_it = event.action.as_deref() == Some("emergency")
        && ["opened", "contained", "called_off"].contains(&event.event.as_str());
    let detail = event.detail.as_deref().filter(|_| is_it)?;
    serde_json::from_str(detail)
        .ok()
        .filter(|incident: &Incident| incident.id == id)
}

fn is_called_off(id: &str, event: &Told) -> bool {
    incident(id, event).is_some_and(|it| it.called_off_at.is_some())
}

fn sighting(id: &str, event: &Told) -> Option<(Moment, Sighting)> {
    let is_it = event.action.as_deref() == Some("emergency") && event.intent.as_deref() == Some(id);
    let moment = event.event.parse().ok().filter(|_| is_it)?;
    Some((moment, serde_json::from_str(event.detail.as_deref()?).ok()?))
}

fn case(id: &str, span: &[&Told]) -> Case {
    let first = span[0];
    let sightings: Vec<(Moment, Sighting)> =
        span.iter().filter_map(|it| sighting(id, it)).collect();
    let incidents: Vec<Incident> = span.iter().filter_map(|it| incident(id, it)).collect();
    // The span begins with one.
    let keys = incidents
        .last()
        .map_or(Vec::new(), |incident| incident.keys.clone());
    let called_off_at = incidents.last().and_then(|incident| incident.called_off_at);
    let minted = span.iter().filter(|it| is(it, "mint", "done"));
    let mut runs: Vec<String> = sightings
        .iter()
        .filter_map(|(_, seen)| seen.run.clone())
        .collect();
    runs.dedup();
    Case {
        resource_id: first.resource.id.clone(),
        name: first.resource.name.clone(),
        workspace: first.resource.workspace.clone(),
        issuer: first.issuer.clone(),
        account: first.account.clone(),
        opened_at: first.at,
        // A refresh may have written it down later.
        contained_at: incidents.iter().find_map(|incident| incident.contained_at),
        called_off_at,
        keys: keys
            .iter()
            .map(|key| compromised(key, span, &sightings, called_off_at.is_some()))
            .collect(),
        minted: minted.map(|event| event.key.label().to_owned()).collect(),
        runs,
        deliveries: deliveries(&sightings),
        is_witnessed: !sightings.is_empty(),
    }
}

fn is(event: &Told, effect: &str, outcome: &str) -> bool {
    event.effect.as_deref() == Some(effect) && event.event == outcome
}

fn compromised(
    key: &KeyMark,
    span: &[&Told],
    sightings: &[(Moment, Sighting)],
    is_called_off: bool,
) -> Compromised {
    let known = |wanted: Moment| {
        let seen = sightings
            .iter()
            .filter(move |(moment, _)| *moment == wanted);
        let keys = seen
            .flat_map(|(_, seen)| &seen.keys)
            .filter(|seen| seen.key.is(key));
        keys.map(|seen| &seen.known)
    };
    // A later apply cannot ask any more, so what an earlier one was told stands.
    let used = known(Moment::Handling).filter_map(|known| match known {
        Known::UsedAt(last) => Some(last),
        _ => None,
    });
    let last = used.max_by_key(|last| last.at);
    let last_use = match (last, known(Moment::Handling).next()) {
        (Some(last), _) => last.to_string(),
        (None, Some(Known::NeverUsed)) => "never, says its issuer".into(),
        (None, Some(Known::UseUnknown(why))) => format!("not known: {why}"),
        (None, _) if is_called_off => "not known: nobody asked".into(),
        (None, _) => "not known: nobody asked before it was revoked".into(),
    };
    let mut revoked = span
        .iter()
        .filter(|it| is(it, "revoke", "done") && it.key.is(key));
    let revoked_at = revoked.next().and_then(|event| event.at);
    let is_proved = known(Moment::Handled).any(|known| *known == Known::Refused);
    let word = match span.iter().any(|event| is_by_hand(&event.issuer)) {
        true => "the word of a person; nobody tried it",
        false => "the word of its issuer; nobody tried it",
    };
    let proof = match known(Moment::Handled).next_back() {
        _ if is_called_off => "none: it was not revoked, since the emergency was called off",
        _ if is_proved => "tried after its end, and refused each time",
        Some(Known::Lives) => "none: it was not revoked",
        Some(_) => word,
        None if revoked_at.is_some() => word,
        None => "none",
    };
    Compromised {
        key: key.label().to_owned(),
        last_used_at: last.map(|last| last.at),
        last_used_service: last.and_then(|last| last.service.clone()),
        last_used_region: last.and_then(|last| last.region.clone()),
        last_use,
        revoked_at,
        proof: proof.to_owned(),
        is_proved,
    }
}

fn is_by_hand(issuer: &str) -> bool {
    issuers::find(issuer).is_some_and(|kind| kind.is_by_hand())
}

fn deliveries(sightings: &[(Moment, Sighting)]) -> Vec<Delivered> {
    let at = |wanted: Moment| {
        sightings
            .iter()
            .filter(move |(moment, _)| *moment == wanted)
    };
    let before = at(Moment::Handling).next().map(|(_, seen)| &seen.places);
    let after = at(Moment::Handled)
        .next_back()
        .map(|(_, seen)| &seen.places);
    let mut names: Vec<&String> = before
        .into_iter()
        .chain(after)
        .flat_map(BTreeMap::keys)
        .collect();
    names.sort();
    names.dedup();
    let rows = names.into_iter().map(|name| {
        let (before, after) = (
            before.and_then(|all| all.get(name)),
            after.and_then(|all| all.get(name)),
        );
        Delivered {
            name: name.clone(),
            place: after.or(before).and_then(|standing| standing.place.clone()),
            before: standing(before),
            after: standing(after),
        }
    });
    rows.collect()
}

fn standing(standing: Option<&Standing>) -> String {
    match standing {
        None => "not known".into(),
        Some(Standing { state, leads, .. }) => match leads {
            Some(leads) => format!("{state}, leads with {leads}"),
            None => state.clone(),
        },
    }
}

#[cfg(test)]
mod tests;
