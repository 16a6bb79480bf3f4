//! Emergencies: events of the audit trail, one when one was opened, one when its last key was revoked or when it was called off,
//! and what each apply saw before and after. No table holds them, so that nobody can write one in that never was, or out that is.

use std::collections::BTreeSet;

use sqlx::AnyConnection;

use super::attest;
use super::chain::Event;
use super::rows::AT_ONCE;
use super::transaction::Transaction;
use super::trouble::Trouble;
use crate::domain::emergency::Incident;
use crate::domain::status::Status;
use crate::health::incident::Told;
use crate::instant::Instant;
use crate::ledger::{KeyMark, Noted, Sighted};

/// What the events are about, in the column of the move.
const ACTION: &str = "emergency";
const OPENED: &str = "opened";
const CONTAINED: &str = "contained";
const CALLED_OFF: &str = "called_off";

impl Transaction<'_> {
    /// Adds the event, unless the last one of the incident says the same or says that it is over.
    pub async fn note_incident(&mut self, noted: &Noted) -> Result<(), Trouble> {
        let event = event(noted);
        let last: Option<(String, Option<String>)> = sqlx::query_as(
            "SELECT event, detail FROM events WHERE resource_id = $1 AND action = 'emergency' \
             AND event IN ('opened', 'contained', 'called_off') AND intent = $2 ORDER BY seq DESC LIMIT 1",
        )
        .bind(&noted.resource.id)
        .bind(&noted.incident.id)
        .fetch_optional(&mut *self.connection)
        .await?;
        let is_told = last.is_some_and(|(word, detail)| {
            word == CONTAINED || (word == event.event && detail == event.detail)
        });
        if !is_told {
            self.head.append(event);
            self.tell_of_incident(noted).await?;
        }
        if !noted.incident.has_ended() {
            // The apply may end before it says how the resource is doing.
            sqlx::query(
                "UPDATE resources SET status = $1, status_reason = NULL WHERE resource_id = $2",
            )
            .bind(Status::Compromised.word())
            .bind(&noted.resource.id)
            .execute(&mut *self.connection)
            .await?;
        }
        Ok(())
    }

    /// Adds what an apply saw.
    pub fn note_sighting(&mut self, sighted: &Sighted) {
        self.head.append(Event {
            at: sighted.at.to_string(),
            event: sighted.moment.to_string(),
            effect: None,
            action: Some(ACTION.into()),
            resource: sighted.resource.clone(),
            issuer: sighted.issuer.clone(),
            account: sighted.account.clone(),
            key: KeyMark::default(),
            place: None,
            intent: Some(sighted.id.clone()),
            detail: serde_json::to_string(&sighted.sighting).ok(),
        });
    }
}

fn event(noted: &Noted) -> Event {
    let incident = &noted.incident;
    let word = match (incident.contained_at, incident.called_off_at) {
        (Some(_), _) => CONTAINED,
        (None, Some(_)) => CALLED_OFF,
        (None, None) => OPENED,
    };
    Event {
        at: noted.at.to_string(),
        event: word.into(),
        effect: None,
        action: Some(ACTION.into()),
        resource: noted.resource.clone(),
        issuer: noted.issuer.clone(),
        account: noted.account.clone(),
        key: incident.keys.first().cloned().unwrap_or_default(),
        place: None,
        intent: Some(incident.id.clone()),
        detail: serde_json::to_string(incident).ok(),
    }
}

/// The emergencies of a resource as sealed events tell of them, oldest first.
pub async fn of(
    connection: &mut AnyConnection,
    resource_id: &str,
) -> Result<Vec<Incident>, sqlx::Error> {
    const TOLD: &str = "e.action = 'emergency' AND e.event IN ('opened', 'contained', 'called_off') AND e.resource_id";
    let events = attest::named(connection, TOLD, vec![resource_id.to_owned()]).await?;
    let mut incidents: Vec<Incident> = Vec::new();
    for event in events {
        let told = event
            .detail
            .as_deref()
            .map(serde_json::from_str::<Incident>);
        let Some(Ok(told)) = told else { continue };
        match incidents.iter_mut().find(|known| known.id == told.id) {
            Some(known) => *known = told,
            None => incidents.push(told),
        }
    }
    Ok(incidents)
}

/// The sealed events of every resource that had the emergency of an id, from the first that tells of it on.
pub async fn told(connection: &mut AnyConnection, id: &str) -> Result<Vec<Told>, sqlx::Error> {
    let own = "e.action = 'emergency' AND e.intent";
    let own = attest::numbered(connection, own, vec![id.to_owned()]).await?;
    let first = own.first().map_or(0, |told| told.seq);
    let resources: BTreeSet<String> = own.into_iter().map(|told| told.resource.id).collect();
    let resources: Vec<String> = resources.into_iter().collect();
    let since = format!("e.seq >= {first} AND e.resource_id");
    let mut told = Vec::new();
    for resources in resources.chunks(AT_ONCE) {
        told.extend(attest::numbered(connection, &since, resources.to_vec()).await?);
    }
    told.sort_by_key(|told| told.seq);
    Ok(told)
}

impl Told {
    /// An event with its number and its hash.
    pub(super) fn of(seq: i64, hash: String, event: Event) -> Self {
        Self {
            seq,
            hash,
            at: Instant::parse(&event.at),
            event: event.event,
            effect: event.effect,
            action: event.action,
            resource: event.resource,
            issuer: event.issuer,
            account: event.account,
            key: event.key,
            place: event.place,
            intent: event.intent,
            detail: event.detail,
        }
    }
}
