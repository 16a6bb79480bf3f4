//! Events as sentences.

use super::{Step, Told};
use crate::domain::emergency::{Incident, Moment, Sighting};

/// What an event says; `None` of one that another says better.
pub fn step(event: &Told, all: &[&Told]) -> Option<Step> {
    let (what, failed) = match event.action.as_deref() {
        Some("emergency") if event.effect.is_none() => (emergency(event)?, false),
        _ => match event.effect.as_deref() {
            Some(effect) => (done(effect, event, all)?, event.event == "failed"),
            None => (seen(event)?, false),
        },
    };
    Some(Step {
        seq: event.seq,
        at: event.at,
        name: event.resource.name.clone(),
        what,
        failed,
    })
}

/// What was noted of the emergency itself.
fn emergency(event: &Told) -> Option<String> {
    let detail = event.detail.as_deref()?;
    let incident = serde_json::from_str::<Incident>(detail);
    Some(match (event.event.as_str(), incident) {
        ("opened", Ok(incident)) => {
            let labels: Vec<&str> = incident.keys.iter().map(|key| key.label()).collect();
            format!(
                "Noted as compromised: {} ({}), {}",
                labels.join(", "),
                incident.reason,
                incident.order
            )
        }
        ("called_off", Ok(incident)) => format!(
            "Called off before anything was done: {} is not revoked",
            incident.labels().join(", ")
        ),
        ("contained", Ok(incident)) => {
            match incident.contained_at.filter(|at| Some(*at) != event.at) {
                Some(since) => format!("Every compromised key is revoked, since {since}"),
                None => "Every compromised key is revoked".into(),
            }
        }
        (word, _) => {
            let sighting: Sighting = serde_json::from_str(detail).ok()?;
            let workspace = &event.resource.workspace;
            match word.parse().ok()? {
                Moment::Handling => match sighting.run {
                    Some(run) => format!("An apply began in workspace {workspace}: {run}"),
                    None => format!("An apply began in workspace {workspace}"),
                },
                Moment::Handled => "The apply wrote down how everything stood".into(),
            }
        }
    })
}

/// How an effect ended.
fn done(effect: &str, event: &Told, all: &[&Told]) -> Option<String> {
    let key = event.key.label();
    let place = event.place.as_deref().unwrap_or("a delivery");
    let why = event.detail.as_deref().unwrap_or("no reason was given");
    let (done, not_done) = match effect {
        "mint" => (
            format!("Key {key} was minted"),
            "No key was minted".to_owned(),
        ),
        "deliver" => (format!("Written: {place}"), format!("Not written: {place}")),
        "withdraw" => (
            format!("Taken away: {place}"),
            format!("Not taken away: {place}"),
        ),
        "verify" => (
            format!("Key {key} was proved to work"),
            format!("Key {key} was not proved to work"),
        ),
        "deploy" => (
            format!("Deployed: {place}"),
            format!("Not deployed: {place}"),
        ),
        "revoke" => (
            format!("Key {key} was revoked"),
            format!("Key {key} was not revoked"),
        ),
        "apply" => ("The apply ended".to_owned(), "The apply failed".to_owned()),
        _ => return None,
    };
    match event.event.as_str() {
        "done" => Some(done),
        "failed" => Some(format!("{not_done}: {why}")),
        "settled" => Some(format!(
            "The outcome of an unfinished effect ({effect}) was found out: {why}"
        )),
        // Its end says more, if it has one.
        "begun" if has_end(event, all) => None,
        "begun" => Some(format!("Begun, and no end is known: {effect}")),
        _ => None,
    }
}

fn has_end(event: &Told, all: &[&Told]) -> bool {
    all.iter()
        .any(|other| other.intent == event.intent && other.seq > event.seq)
}

/// What a state was seen to say.
fn seen(event: &Told) -> Option<String> {
    let (key, detail) = (
        event.key.label(),
        event.detail.as_deref().unwrap_or_default(),
    );
    match event.event.as_str() {
        "found" => Some(format!("The ledger first heard of key {key}")),
        "changed" if event.key == Default::default() => Some(format!("Changed: {detail}")),
        "changed" => Some(format!("Key {key}: {detail}")),
        "noticed" => Some(format!("Key {key} {detail}")),
        "allowed" => Some(format!("Key {key} {detail}, and somebody allowed for that")),
        "forgotten" => Some(format!("Key {key} was forgotten {detail}")),
        _ => None,
    }
}
