//! What stays known of what was found. Pure.
//!
//! A reading judges the newest calls alone, and what goes on for longer is no news to it. So a finding that is found no more is not
//! over: it ends when somebody allows for it, with its key, or a while after its last call.

use super::{Allow, Anomaly, Habits, Kind};
use crate::duration::Duration;
use crate::instant::Instant;

/// So long after the last of its calls, a finding is told.
pub const LASTS: Duration = Duration::from_days(30);
/// How exactly it is written down that something goes on.
const DAILY: Duration = Duration::from_days(1);

/// A finding that stays known. Of where calls come from it has a network, never an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The reason.
    pub kind: Kind,
    /// The service, the region, the network or the hour.
    pub name: Option<String>,
    /// The key.
    pub key_id: String,
    /// The first of the calls.
    pub first_at: Instant,
    /// The last of them that was read of.
    pub last_at: Instant,
    /// When somebody last allowed for it, to the day.
    pub allowed_at: Option<Instant>,
}

/// What one reading of the calls of an account has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The account.
    pub account: String,
    /// What is unusual.
    pub found: Vec<Anomaly>,
    /// What was read of.
    pub habits: Habits,
    /// What is never a finding.
    pub allow: Allow,
}

/// What a survey makes of a finding, and what an audit wants to know of that.
pub type Change = (Finding, Option<&'static str>);

impl Finding {
    /// Whether it is told: nobody allowed for it, and it is not long ago.
    pub fn is_open(&self, now: Instant) -> bool {
        self.allowed_at.is_none() && now < self.last_at + LASTS
    }

    fn is_of(&self, anomaly: &Anomaly) -> bool {
        (self.kind, &self.name, &self.key_id) == (anomaly.kind, &anomaly.name, &anomaly.key_id)
    }

    /// With what was found of it now. Two configurations may disagree about what is allowed: what one of them allows for stays
    /// allowed as long as it says so now and then.
    fn and(&self, anomaly: &Anomaly, now: Instant) -> Option<Change> {
        let is_before = |at: Instant| anomaly.first_at < at + LASTS;
        if self.allowed_at.is_some_and(is_before) {
            return None;
        }
        if !self.is_open(now) {
            // What has expired is still read, and is no news.
            let is_new = anomaly.last_at > self.last_at;
            let again = Self::from(anomaly);
            return (is_new && again.is_open(now)).then_some((again, Some(NOTICED)));
        }
        let seen = Self {
            first_at: self.first_at.min(anomaly.first_at),
            last_at: self.last_at.max(anomaly.last_at),
            ..self.clone()
        };
        (seen != *self).then_some((seen, None))
    }

    /// What somebody does day after day is soon a part of what the newest calls are compared with, and is no less unexpected.
    fn goes_on(&self, habits: &Habits) -> Option<Change> {
        let habit = (self.kind, self.name.clone()?, self.key_id.clone());
        let last_at = *habits.get(&habit)?;
        let goes_on = Self {
            last_at,
            ..self.clone()
        };
        (last_at >= self.last_at + DAILY).then_some((goes_on, None))
    }
}

/// The words of events.
const NOTICED: &str = "noticed";
const ALLOWED: &str = "allowed";

impl From<&Anomaly> for Finding {
    fn from(anomaly: &Anomaly) -> Self {
        Self {
            kind: anomaly.kind,
            name: anomaly.name.clone(),
            key_id: anomaly.key_id.clone(),
            first_at: anomaly.first_at,
            last_at: anomaly.last_at,
            allowed_at: None,
        }
    }
}

impl Survey {
    /// What changes of what is `known` of the account.
    pub fn changes(&self, known: &[Finding], now: Instant) -> Vec<Change> {
        let found = self.found.iter().filter_map(|anomaly| {
            match known.iter().find(|it| it.is_of(anomaly)) {
                Some(known) => known.and(anomaly, now),
                None => Some((anomaly.into(), Some(NOTICED))),
            }
        });
        let is_found = |it: &&Finding| self.found.iter().any(|anomaly| it.is_of(anomaly));
        let others = known.iter().filter(|it| !is_found(it));
        let others = others.filter_map(|it| self.not_found(it, now));
        found.chain(others).collect()
    }

    /// What becomes of what is known and was not found.
    fn not_found(&self, known: &Finding, now: Instant) -> Option<Change> {
        let is_covered = self.allow.covers(known.kind, known.name.as_deref());
        let allowed = Finding {
            allowed_at: Some(now),
            ..known.clone()
        };
        match known.allowed_at {
            None if !known.is_open(now) => None,
            None if is_covered => Some((allowed, Some(ALLOWED))),
            None => known.goes_on(&self.habits),
            Some(at) => (is_covered && now >= at + DAILY).then_some((allowed, None)),
        }
    }
}

impl Allow {
    /// A network as a whole: that one of its addresses is expected says nothing of the others.
    fn covers(&self, kind: Kind, name: Option<&str>) -> bool {
        let Some(name) = name else {
            return false;
        };
        match kind {
            Kind::NewService => self.services.iter().any(|it| it == name),
            Kind::NewRegion => self.regions.iter().any(|it| it == name),
            Kind::NewNetwork => self.networks.iter().any(|it| it.covers(name)),
            _ => false,
        }
    }
}

/// What was seen of a key, as the end of a sentence that begins with it.
impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.name.as_deref().unwrap_or_default();
        match self.first_at == self.last_at {
            true => write!(f, "was used at {} ", self.last_at)?,
            false => write!(f, "was used from {} to {} ", self.first_at, self.last_at)?,
        }
        match self.kind {
            Kind::NewService => write!(f, "with service {name}, which was not called before"),
            Kind::NewRegion => write!(f, "in region {name}, where nothing was called before"),
            Kind::NewNetwork => write!(f, "from {name}, whence nothing was called before"),
            Kind::UnusualHour => {
                write!(f, "between {name} UTC, when nothing was called before")
            }
            Kind::UnusualVolume => write!(f, "far more often in a day than before"),
            Kind::RetiredKey => write!(f, "after another key took its place"),
            Kind::DeniedBurst => write!(f, "for many calls that were denied"),
        }
    }
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;
