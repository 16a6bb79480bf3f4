//! The outbox in memory. What was sent is kept for ever: a test wants to see all of it.

use async_trait::async_trait;

use super::{InMemory, Tables};
use crate::domain::notices::{Audience, Event, Occurrence, Telling};
use crate::error::Result;
use crate::instant::Instant;
use crate::ledger::outbox::{Claim, Ended, Message, Outbox, Untold};
use crate::ledger::{ResourceRef, news};

/// One message, and what became of it so far.
#[derive(Clone, Debug)]
pub struct Letter {
    /// What is sent, to whom.
    pub message: Message,
    /// What it is called among those of its event.
    pub subject: String,
    /// When the other side took it.
    pub sent_at: Option<Instant>,
    given_up: Option<(Instant, String)>,
    next_at: Instant,
    claimed_until: Option<Instant>,
}

impl Letter {
    /// Whether it tells this of a resource.
    pub fn is_about(&self, resource_id: &str, event: Event, subject: &str) -> bool {
        let message = &self.message;
        let is_alike = message.told.event == event && self.subject == subject;
        is_alike && message.resource_id == resource_id
    }

    fn is_free(&self, now: Instant) -> bool {
        let is_open = self.sent_at.is_none() && self.given_up.is_none();
        is_open && self.next_at <= now && self.claimed_until.is_none_or(|until| until <= now)
    }

    fn shown(&self) -> (String, String) {
        let event = self.message.told.event.to_string();
        (event, self.message.channel.clone())
    }
}

impl Tables {
    pub(super) fn tell(
        &mut self,
        audience: &Audience,
        whose: (&ResourceRef, &str),
        what: &Occurrence,
        at: Instant,
    ) {
        let resource_id = &whose.0.id;
        for route in audience.of(what.event) {
            let Some((id, subject, condition)) = self.named(resource_id, what, &route.to) else {
                continue;
            };
            if self.letters.iter().any(|letter| letter.message.id == id) {
                continue;
            }
            let told = news::told(what, whose, (audience, route), condition, at);
            self.letters.push(Letter {
                message: Message {
                    id,
                    resource_id: resource_id.clone(),
                    channel: route.to.clone(),
                    told,
                    attempts: 0,
                },
                subject,
                sent_at: None,
                given_up: None,
                next_at: at,
                claimed_until: None,
            });
        }
    }

    fn named(
        &self,
        resource_id: &str,
        what: &Occurrence,
        to: &str,
    ) -> Option<(String, String, String)> {
        let is_alike = |letter: &&Letter| {
            let message = &letter.message;
            message.resource_id == resource_id
                && message.told.event == what.event
                && message.channel == to
        };
        let former = self.letters.iter().filter(is_alike);
        let former: Vec<String> = former.map(|letter| letter.subject.clone()).collect();
        let (subject, condition) = news::subject(what, &former)?;
        let id = news::message_id(resource_id, what.event, &subject, to);
        Some((id, subject, condition))
    }

    fn unnoticed(&self, resource_id: &str, telling: &Telling) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for what in &telling.conditions {
            for route in telling.audience.of(what.event) {
                let named = self.named(resource_id, what, &route.to);
                let is_known = |(id, ..): &(String, _, _)| {
                    self.letters.iter().any(|letter| letter.message.id == *id)
                };
                if named.is_some_and(|named| !is_known(&named)) {
                    found.push((what.event.to_string(), route.to.clone()));
                }
            }
        }
        found
    }
}

impl InMemory {
    /// Everything that was ever to be told, oldest first, however lost the ledger is.
    pub fn letters(&self) -> Vec<Letter> {
        self.tables().letters.clone()
    }
}

#[async_trait]
impl Outbox for InMemory {
    async fn untold(&self, resource: &str, telling: &Telling, now: Instant) -> Result<Untold> {
        let tables = self.open()?;
        let mut waiting = tables.unnoticed(resource, telling);
        let mut letters = tables.letters.clone();
        letters.retain(|letter| letter.message.resource_id == resource);
        let free = letters.iter().filter(|letter| letter.is_free(now));
        waiting.extend(free.map(Letter::shown));
        let reached_since = |channel: &str, at: Instant| {
            let mut letters = tables.letters.iter();
            letters.any(|it| it.message.channel == channel && it.sent_at > Some(at))
        };
        let given_up = letters.iter().filter_map(|letter| {
            let (at, why) = letter.given_up.as_ref()?;
            let (event, channel) = letter.shown();
            (!reached_since(&channel, *at)).then(|| format!("{event} to {channel} ({why})"))
        });
        Ok(Untold {
            waiting,
            given_up: given_up.collect(),
        })
    }

    async fn notice(
        &self,
        resource: &ResourceRef,
        issuer: &str,
        telling: &Telling,
        at: Instant,
    ) -> Result<()> {
        let mut tables = self.open()?;
        for what in &telling.conditions {
            tables.tell(&telling.audience, (resource, issuer), what, at);
        }
        Ok(())
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<Message>> {
        let mut tables = self.open()?;
        let letters = tables.letters.iter_mut();
        let free =
            letters.filter(|it| it.message.channel == claim.channel && it.is_free(claim.now));
        let taken = free.take(claim.most as usize).map(|letter| {
            letter.claimed_until = Some(claim.until);
            letter.message.attempts += 1;
            letter.message.clone()
        });
        Ok(taken.collect())
    }

    async fn conclude(&self, message: &str, ended: &Ended) -> Result<()> {
        let mut tables = self.open()?;
        let mut letters = tables.letters.iter_mut();
        let letter = letters.find(|it| it.message.id == message && it.sent_at.is_none());
        let Some(letter) = letter else { return Ok(()) };
        letter.claimed_until = None;
        match ended {
            Ended::Sent(at) => (letter.sent_at, letter.given_up) = (Some(*at), None),
            Ended::Later(at, _) => letter.next_at = *at,
            Ended::GivenUp(at, why) => letter.given_up = Some((*at, why.clone())),
            Ended::Untried => letter.message.attempts -= 1,
        }
        Ok(())
    }
}
