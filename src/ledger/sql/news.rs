//! What of everything that is written down is news: an outcome, an emergency, what a state says of a resource and its keys.

use super::journal::parts;
use super::transaction::Transaction;
use crate::domain::emergency::Incident;
use crate::domain::notices::{Event, Occurrence};
use crate::instant::Instant;
use crate::issuers;
use crate::ledger::{Effect, Holding, Intent, KeyMark, KeyRecord, Noted, Outcome, Slot, Status};

/// The words of a status under which nothing is blocked.
const WELL: [&str; 4] = ["ok", "notice", "due", "pending"];

impl Transaction<'_> {
    /// What people hear of an outcome: that an apply failed, that applies succeed again, that a key is revoked that was in a
    /// slot. Of one that never was, nobody has heard.
    pub async fn tell_of_outcome(
        &mut self,
        intent: &Intent,
        outcome: &Outcome,
        at: Instant,
    ) -> Result<(), sqlx::Error> {
        let audience = &intent.audience;
        if audience.is_empty() {
            return Ok(());
        }
        let whose = (&intent.resource, intent.issuer.as_str());
        match (intent.effect, outcome) {
            (Effect::Apply, Outcome::Failed(reason)) => {
                let generation = audience.about.generation.unwrap_or_default();
                let subject = format!("{generation} {}", intent.action);
                let what = Occurrence::new(Event::Failed, subject).because(reason);
                self.tell(audience, whose, &what, at).await
            }
            (Effect::Apply, Outcome::Done(_)) => {
                self.tell_the_end(audience, whose, Event::Failed, at).await
            }
            (Effect::Revoke, Outcome::Done(_)) if self.was_in_a_slot(intent).await? => {
                let key = intent.key.as_ref().map_or("", KeyMark::label);
                let what = Occurrence::of_key(Event::Revoked, key);
                self.tell(audience, whose, &what, at).await
            }
            _ => Ok(()),
        }
    }

    async fn was_in_a_slot(&mut self, intent: &Intent) -> Result<bool, sqlx::Error> {
        let (key_id, mark) = parts(intent.key.as_ref());
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT id FROM keys WHERE resource_id = $1 AND slot <> $2 AND (key_id = $3 OR mark = $4) LIMIT 1",
        )
        .bind(&intent.resource.id)
        .bind(Slot::None)
        .bind(key_id)
        .bind(mark)
        .fetch_optional(&mut *self.connection)
        .await?;
        Ok(found.is_some())
    }

    /// That a key is compromised, and that it is over.
    pub async fn tell_of_incident(&mut self, noted: &Noted) -> Result<(), sqlx::Error> {
        let whose = (&noted.resource, noted.issuer.as_str());
        let what = occurrence(&noted.incident, &noted.issuer);
        self.tell(&noted.audience, whose, &what, noted.at).await
    }

    /// That the key of a resource was promoted since the generation before, what is the case, and what is not any more.
    pub async fn tell_of_resource(
        &mut self,
        holding: &Holding,
        before: Option<u64>,
        at: Instant,
    ) -> Result<(), sqlx::Error> {
        let audience = &holding.telling.audience;
        let whose = (&holding.resource, holding.issuer.as_str());
        if before.is_some_and(|before| before < holding.generation) {
            let mut keys = holding.keys.iter();
            let primary = keys.find(|record| record.slot == Slot::Primary);
            let promoted = Occurrence {
                key: primary.map(|record| record.key.label().to_owned()),
                ..Occurrence::new(Event::Promoted, holding.generation.to_string())
            };
            self.tell(audience, whose, &promoted, at).await?;
        }
        self.notice(&holding.resource, &holding.issuer, &holding.telling, at)
            .await?;
        if WELL.contains(&holding.status.as_str()) {
            self.tell_the_end(audience, whose, Event::Blocked, at)
                .await?;
        }
        Ok(())
    }

    /// That a key is staged, and that it was found to be revoked.
    pub async fn tell_of_key(
        &mut self,
        holding: &Holding,
        before: Option<&KeyRecord>,
        now: &KeyRecord,
        at: Instant,
    ) -> Result<(), sqlx::Error> {
        let slot = before.map_or(Slot::None, |before| before.slot);
        let was_live = before.is_some_and(|before| before.status == Status::Live);
        let ends = was_live && slot != Slot::None && now.status == Status::Revoked;
        let event = match now.slot {
            Slot::Staged if slot != Slot::Staged => Event::Staged,
            Slot::None if ends => Event::Revoked,
            _ => return Ok(()),
        };
        let what = Occurrence::of_key(event, now.key.label());
        let whose = (&holding.resource, holding.issuer.as_str());
        self.tell(&holding.telling.audience, whose, &what, at).await
    }
}

fn occurrence(incident: &Incident, issuer: &str) -> Occurrence {
    let what = Occurrence::new(Event::Emergency, &incident.id);
    let is_by_hand = issuers::find(issuer).is_some_and(|kind| kind.is_by_hand());
    let word = match incident.has_ended() && is_by_hand {
        true => " (that the key is revoked is the word of a person: look whether it was tried)",
        false => "",
    };
    let what = Occurrence {
        key: incident.keys.first().map(|key| key.label().to_owned()),
        ..what.because(format!("{}: {}{word}", incident.id, incident.reason))
    };
    match incident.has_ended() {
        false => what,
        true => what.over(),
    }
}
