//! What of everything that is written down is news: an outcome, an emergency, what a state says of a resource and its keys. And
//! what a message about it is called, so that what is seen twice is told once. Every ledger goes by this.

use sha2::{Digest, Sha256};

use crate::domain::notices::{Audience, Event, Occurrence, Route, Told};
use crate::instant::Instant;
use crate::issuers;
use crate::ledger::{
    Effect, Holding, Intent, KeyMark, KeyRecord, Noted, Outcome, ResourceRef, Slot, Status,
};

/// The words of a status under which nothing is blocked.
const WELL: [&str; 4] = ["ok", "notice", "due", "pending"];

/// How the subject of what is over begins, of something that lasts.
const OVER: &str = "over #";

/// That an apply failed, that applies succeed again, that a key is revoked that was in a slot. Of one that never was, nobody has
/// heard.
pub fn of_outcome(intent: &Intent, outcome: &Outcome, was_in_a_slot: bool) -> Option<Occurrence> {
    match (intent.effect, outcome) {
        (Effect::Apply, Outcome::Failed(reason)) => {
            let generation = intent.audience.about.generation.unwrap_or_default();
            let subject = format!("{generation} {}", intent.action);
            Some(Occurrence::new(Event::Failed, subject).because(reason))
        }
        (Effect::Apply, Outcome::Done(_)) => Some(Occurrence::end_of(Event::Failed)),
        (Effect::Revoke, Outcome::Done(_)) if was_in_a_slot => {
            let key = intent.key.as_ref().map_or("", KeyMark::label);
            Some(Occurrence::of_key(Event::Revoked, key))
        }
        _ => None,
    }
}

/// That a key is compromised, and that it is over.
pub fn of_incident(noted: &Noted) -> Occurrence {
    let incident = &noted.incident;
    let is_by_hand = issuers::find(&noted.issuer).is_some_and(|kind| kind.is_by_hand());
    let word = match incident.has_ended() && is_by_hand {
        true => " (that the key is revoked is the word of a person: look whether it was tried)",
        false => "",
    };
    let what = Occurrence::new(Event::Emergency, &incident.id);
    let what = Occurrence {
        key: incident.keys.first().map(|key| key.label().to_owned()),
        ..what.because(format!("{}: {}{word}", incident.id, incident.reason))
    };
    match incident.has_ended() {
        false => what,
        true => what.over(),
    }
}

/// That the key of a resource was promoted since the generation before, what is the case, and what is not any more.
pub fn of_resource(holding: &Holding, before: Option<u64>) -> Vec<Occurrence> {
    let is_promoted = before.is_some_and(|before| before < holding.generation);
    let mut keys = holding.keys.iter();
    let primary = keys.find(|record| record.slot == Slot::Primary);
    let promoted = Occurrence {
        key: primary.map(|record| record.key.label().to_owned()),
        ..Occurrence::new(Event::Promoted, holding.generation.to_string())
    };
    let is_well = WELL.contains(&holding.status.as_str());
    let promoted = is_promoted.then_some(promoted).into_iter();
    let news = promoted.chain(holding.telling.conditions.iter().cloned());
    news.chain(is_well.then(|| Occurrence::end_of(Event::Blocked)))
        .collect()
}

/// That a key is staged, and that it was found to be revoked.
pub fn of_key(before: Option<&KeyRecord>, now: &KeyRecord) -> Option<Occurrence> {
    let slot = before.map_or(Slot::None, |before| before.slot);
    let was_live = before.is_some_and(|before| before.status == Status::Live);
    let ends = was_live && slot != Slot::None && now.status == Status::Revoked;
    let event = match now.slot {
        Slot::Staged if slot != Slot::Staged => Event::Staged,
        Slot::None if ends => Event::Revoked,
        _ => return None,
    };
    Some(Occurrence::of_key(event, now.key.label()))
}

/// The subject of a message, and what its beginning and its end have in common. `None` where there is nothing that could end.
/// `former` are the subjects of the same event that this destination was told before, oldest first.
///
/// What lasts is told once until it is over; after that it counts anew.
pub fn subject(what: &Occurrence, former: &[String]) -> Option<(String, String)> {
    if !what.event.lasts() {
        let word = if what.is_over { "over " } else { "" };
        let condition = format!("{} {}", what.event, what.subject);
        return Some((format!("{word}{}", what.subject), condition));
    }
    let mut ends = former.iter().rev();
    let last = ends.find_map(|subject| subject.strip_prefix(OVER)?.parse::<u64>().ok());
    let round = last.map_or(0, |number| number + 1);
    let condition = format!("{} #{round}", what.event);
    if !what.is_over {
        return Some((format!("{} #{round}", what.subject), condition));
    }
    let of_this_round = format!(" #{round}");
    let has_begun = former.iter().any(|it| it.ends_with(&of_this_round));
    has_begun.then(|| (format!("{OVER}{round}"), condition))
}

/// The same for the same occurrence and destination, however often it is sent.
pub fn message_id(resource_id: &str, event: Event, subject: &str, channel: &str) -> String {
    let mut hash = Sha256::new();
    for part in [resource_id, event.into(), subject, channel] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("msg_{}", &hex::encode(hash.finalize())[..32])
}

/// What is told to one destination.
pub fn told(
    what: &Occurrence,
    (resource, issuer): (&ResourceRef, &str),
    (audience, route): (&Audience, &Route),
    condition: String,
    at: Instant,
) -> Told {
    Told {
        event: what.event,
        is_over: what.is_over,
        at,
        name: resource.name.clone(),
        workspace: resource.workspace.clone(),
        issuer: issuer.to_owned(),
        about: audience.about.clone(),
        key: what.key.clone(),
        reason: what.reason.clone(),
        guide_url: route.guide_url.clone(),
        condition,
    }
}
