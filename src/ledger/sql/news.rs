//! Tells what is news of everything that is written down.

use super::journal::parts;
use super::transaction::Transaction;
use crate::instant::Instant;
use crate::ledger::{Effect, Holding, Intent, KeyRecord, Noted, Outcome, Slot, news};

impl Transaction<'_> {
    /// What people hear of an outcome.
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
        let is_revocation = intent.effect == Effect::Revoke;
        let was_in_a_slot = is_revocation && self.was_in_a_slot(intent).await?;
        let Some(what) = news::of_outcome(intent, outcome, was_in_a_slot) else {
            return Ok(());
        };
        let whose = (&intent.resource, intent.issuer.as_str());
        self.tell(audience, whose, &what, at).await
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
        let what = news::of_incident(noted);
        self.tell(&noted.audience, whose, &what, noted.at).await
    }

    /// What people hear of a resource.
    pub async fn tell_of_resource(
        &mut self,
        holding: &Holding,
        before: Option<u64>,
        at: Instant,
    ) -> Result<(), sqlx::Error> {
        let whose = (&holding.resource, holding.issuer.as_str());
        for what in news::of_resource(holding, before) {
            self.tell(&holding.telling.audience, whose, &what, at)
                .await?;
        }
        Ok(())
    }

    /// What people hear of one of its keys.
    pub async fn tell_of_key(
        &mut self,
        holding: &Holding,
        before: Option<&KeyRecord>,
        now: &KeyRecord,
        at: Instant,
    ) -> Result<(), sqlx::Error> {
        let Some(what) = news::of_key(before, now) else {
            return Ok(());
        };
        let whose = (&holding.resource, holding.issuer.as_str());
        self.tell(&holding.telling.audience, whose, &what, at).await
    }
}
