//! Tells people what happened: takes messages out of the outbox of the ledger and sends each to its destination.
//!
//! Only what applies sends, never a plan. Nothing that goes wrong here fails anything else or holds it up for long: what could
//! not be sent stays in the outbox, and the next apply tries again.

mod body;
mod destination;
mod schema;
mod signature;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration as Time;

use tokio::time::{Instant as Moment, timeout};

pub use destination::Destination;
pub use schema::{DESCRIPTION, destination as attributes};

use crate::context::Context;
use crate::duration::Duration;
use crate::engine::fault;
use crate::error::{Error, Kind, Path, Result};
use crate::ledger::outbox::{Claim, Ended, Message};
use crate::settings::Settings;

/// The name of the provider block.
pub const NAME: &str = "notifications";

/// The longest that one apply of one key is held up.
const PATIENCE: Time = Time::from_secs(10);
/// The longest that one answer is waited for.
const ATTEMPT: Time = Time::from_secs(5);
/// How many messages are taken at once.
const TOGETHER: u32 = 10;
/// From when on a message may be taken by somebody else: whoever has it is dead by then.
const CLAIMED: Duration = Duration::from_secs(60);
/// How often a message is tried.
const MOST_ATTEMPTS: u32 = 8;
/// The first pause between two attempts, and the longest.
const FIRST_PAUSE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_days(1);

/// What came of it.
#[derive(Default)]
pub struct Sent {
    /// The resources of which something was told.
    pub resources: BTreeSet<String>,
    /// What a person should know.
    pub warnings: Vec<Error>,
}

/// Why a message did not get there.
pub struct Trouble {
    why: String,
    /// Another attempt would end the same.
    is_final: bool,
    wait: Option<Time>,
}

/// The destinations that failed in this process: nobody waits for them again.
#[derive(Default)]
struct Silent(Mutex<BTreeSet<String>>);

/// Every destination of the provider block by its name, or what is wrong with it.
pub fn destinations(context: &Context) -> BTreeMap<String, Result<Destination>> {
    let block = context.vendor(NAME);
    let entries = block.iter().flat_map(Settings::entries);
    entries
        .map(|(name, settings)| (name.to_owned(), Destination::from_settings(&settings)))
        .collect()
}

/// What is wrong with the provider block.
pub fn faults(context: &Context) -> Vec<Error> {
    destinations(context)
        .into_values()
        .filter_map(Result::err)
        .collect()
}

/// The error for a destination that a policy names and the provider block has not.
pub fn unknown(name: &str, path: &Path, context: &Context) -> Option<Error> {
    let known = destinations(context);
    if !context.knows(NAME) || known.contains_key(name) {
        return None;
    }
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    let there = match names[..] {
        [] => "The block has none".to_owned(),
        _ => format!("It has {}", names.join(", ")),
    };
    Some(Error::invalid(
        path.key(name),
        format!("There is no destination {name:?}"),
        format!(
            "A policy names the destinations that the block {NAME} of the provider declares. {there}. Declare {name} there, or \
             take it out of the policy."
        ),
    ))
}

/// Sends what waits, in a bounded time.
pub async fn send(context: &Context) -> Sent {
    let mut sent = Sent::default();
    let found = destinations(context).into_iter();
    let found: BTreeMap<String, Destination> = found
        .filter_map(|(name, destination)| Some((name, destination.ok()?)))
        .collect();
    if found.is_empty() || context.stop.is_cancelled() {
        return sent;
    }
    let Ok(silent) = context.shared(|| Ok(Silent::default())) else {
        return sent;
    };
    let end = Moment::now() + PATIENCE;
    // Side by side: nobody waits for somebody else who does not answer.
    let all = found
        .iter()
        .map(|(name, destination)| send_to(name, destination, &silent, end, context));
    for of_one in futures::future::join_all(all).await {
        sent.resources.extend(of_one.resources);
        sent.warnings.extend(of_one.warnings);
    }
    sent
}

/// Sends what waits for one destination, until it does not answer.
async fn send_to(
    name: &str,
    destination: &Destination,
    silent: &Silent,
    end: Moment,
    context: &Context,
) -> Sent {
    let mut sent = Sent::default();
    while Moment::now() < end
        && !silent.has(name)
        && let Some(messages) = take(name, context).await
    {
        for message in messages {
            let ended = send_one(&message, destination, silent, end, context).await;
            sent.note(&message, &ended);
            if let Err(error) = context.ledger.conclude(&message.id, &ended).await {
                tracing::warn!(%error, "what became of a notification is not in the ledger, so it may be sent again");
            }
        }
    }
    sent
}

/// The next messages to a destination; `None` if there are none.
async fn take(name: &str, context: &Context) -> Option<Vec<Message>> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).ok()?;
    let now = context.clock.now();
    let claim = Claim {
        by: hex::encode(bytes),
        channel: name.to_owned(),
        most: TOGETHER,
        now,
        until: now + CLAIMED,
    };
    let taken = timeout(PATIENCE, context.ledger.claim(&claim)).await.ok()?;
    let taken = taken.inspect_err(|error| {
        tracing::warn!(%error, "notifications are sent by the next apply");
    });
    taken.ok().filter(|messages| !messages.is_empty())
}

async fn send_one(
    message: &Message,
    destination: &Destination,
    silent: &Silent,
    end: Moment,
    context: &Context,
) -> Ended {
    let rest = end.saturating_duration_since(Moment::now());
    if silent.has(&message.channel) || rest.is_zero() {
        return Ended::Untried;
    }
    let limit = ATTEMPT.min(rest);
    fault::pass("notify:send:before");
    let sent = context
        .connector()
        .tell(destination, message, limit, context);
    let answered = timeout(limit, sent).await;
    fault::pass("notify:send:done");
    let now = context.clock.now();
    let trouble = match answered {
        Ok(Ok(())) => return Ended::Sent(now),
        Ok(Err(trouble)) => trouble,
        Err(_) => Trouble {
            why: "there was no answer in time".into(),
            is_final: false,
            wait: None,
        },
    };
    if trouble.is_final || message.attempts >= MOST_ATTEMPTS {
        return Ended::GivenUp(now, trouble.why);
    }
    silent.add(&message.channel);
    Ended::Later(now + pause(message.attempts, trouble.wait), trouble.why)
}

/// Four times as long each time, and at least as long as the other side asks.
fn pause(attempts: u32, wait: Option<Time>) -> Duration {
    let factor = 4_u64.saturating_pow(attempts.saturating_sub(1));
    let asked = Duration::from_secs(wait.unwrap_or_default().as_secs());
    let pause = Duration::from_secs(FIRST_PAUSE.as_secs().saturating_mul(factor));
    pause.max(asked).min(LONGEST_PAUSE)
}

impl Silent {
    fn has(&self, name: &str) -> bool {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.contains(name)
    }

    fn add(&self, name: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_owned());
    }
}

impl Sent {
    fn note(&mut self, message: &Message, ended: &Ended) {
        let Message { channel, told, .. } = message;
        let event = told.event;
        match ended {
            Ended::Sent(_) => {
                self.resources.insert(message.resource_id.clone());
            }
            Ended::Later(at, why) => self.warnings.push(Error::new(
                Kind::Unavailable,
                format!("{}: {channel} was not told ({event})", told.name),
                format!(
                    "notifications[{channel:?}]: {why}. Nothing else is held up by that. The first apply from {at} on tries \
                     again, and the plan before it says so."
                ),
            )),
            Ended::GivenUp(_, why) => self.warnings.push(Error::new(
                Kind::Other,
                format!("{}: {channel} will not be told ({event})", told.name),
                format!(
                    "notifications[{channel:?}]: {why}. It was tried {} times and is not tried again. What was to be told: {}. \
                     Mend the destination in the provider block; plans go on saying this until something reaches it.",
                    message.attempts,
                    told.headline()
                ),
            )),
            Ended::Untried => {}
        }
    }
}

impl Trouble {
    /// Another attempt may get there.
    pub fn passing(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            is_final: false,
            wait: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_day_and_respect_what_the_other_side_asks() {
        let minutes = |attempts| pause(attempts, None).as_secs() / 60;
        assert_eq!([1, 2, 3, 8].map(minutes), [1, 4, 16, 1440]);
        assert_eq!(pause(1, Some(Time::from_secs(600))).as_secs(), 600);
        let far = pause(1, Some(Time::from_secs(1_000_000)));
        assert_eq!(far, LONGEST_PAUSE, "nobody is silenced for a week");
    }
}
