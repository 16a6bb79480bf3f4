//! What people are told of a key, whom, and how often: each occurrence once to each destination. Says nothing about how it gets
//! there, and holds no secret.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray, VariantNames};

use crate::instant::Instant;
use crate::printable::printable_line;

/// How the subject of a notice ends that tells of a rotation that did not come.
const OVERDUE: &str = " overdue";

/// What can be told.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Event {
    /// A rotation comes up: `notice_period` has begun. Or it has not come: it is overdue. Or a person is to revoke a key.
    Notice,
    /// A new key waits in the secondary slot.
    Staged,
    /// A new key became primary.
    Promoted,
    /// A key was revoked that was in a slot.
    Revoked,
    /// An apply failed.
    Failed,
    /// The next step cannot be taken.
    Blocked,
    /// A key is compromised.
    Emergency,
}

impl Event {
    /// It lasts until something ends it, and may begin anew after that.
    pub fn lasts(self) -> bool {
        matches!(self, Self::Failed | Self::Blocked)
    }
}

/// One destination that a policy names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Its name in the provider block.
    pub to: String,
    /// What it is told.
    pub events: Vec<Event>,
    /// Where whoever reads it finds out what to do.
    pub guide_url: Option<String>,
}

/// What is said of a key in everything that is told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the words of the resource")]
pub struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
}

/// Who is told of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// The destinations.
    pub routes: Vec<Route>,
    /// What is said of the key each time.
    pub about: About,
}

impl Audience {
    /// Nobody is told anything.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The destinations that want to hear of an event.
    pub fn of(&self, event: Event) -> impl Iterator<Item = &Route> {
        let wants = move |route: &&Route| route.events.contains(&event);
        self.routes.iter().filter(wants)
    }
}

/// Something that happened, as often as somebody looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// What.
    pub event: Event,
    /// Tells it from others of its sort: the generation, the key, the incident.
    pub subject: String,
    /// The key that it is about.
    pub key: Option<String>,
    /// Why, in a sentence without secrets.
    pub reason: Option<String>,
    /// It is the end of what was told before.
    pub is_over: bool,
}

impl Occurrence {
    /// One that is about a key.
    pub fn of_key(event: Event, key: &str) -> Self {
        Self {
            event,
            subject: key.to_owned(),
            key: Some(key.to_owned()),
            reason: None,
            is_over: false,
        }
    }

    /// One that is about a generation or an incident.
    pub fn new(event: Event, subject: impl Into<String>) -> Self {
        Self {
            event,
            subject: subject.into(),
            key: None,
            reason: None,
            is_over: false,
        }
    }

    /// The end of what lasted, whatever it was.
    pub fn end_of(event: Event) -> Self {
        Self::new(event, "").over()
    }

    /// A rotation that did not come.
    pub fn overdue(generation: &str) -> Self {
        Self::new(Event::Notice, format!("{generation}{OVERDUE}"))
    }

    /// With a reason.
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self {
            reason: Some(reason.into()),
            ..self
        }
    }

    /// The end of it.
    pub fn over(self) -> Self {
        Self {
            is_over: true,
            ..self
        }
    }
}

/// What is told: everything that a message may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the words of the resource")]
pub struct Told {
    pub event: Event,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_over: bool,
    pub at: Instant,
    pub name: String,
    pub workspace: String,
    pub issuer: String,
    #[serde(flatten)]
    pub about: About,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guide_url: Option<String>,
    /// What the beginning and the end of the same have in common.
    pub condition: String,
}

impl Told {
    /// In one line, for people: what comes from outside moves nothing on a screen.
    pub fn headline(&self) -> String {
        printable_line(&self.line()).into_owned()
    }

    fn line(&self) -> String {
        let name = &self.name;
        let place = match &self.about.environment {
            Some(environment) => format!("{name} ({environment})"),
            None => name.clone(),
        };
        let key = self.key.as_deref().unwrap_or("the key");
        match (self.event, self.is_over) {
            (Event::Notice, _) if self.key.is_some() => {
                format!("{place}: key {key} is to be revoked by a person")
            }
            (Event::Notice, _) if self.condition.ends_with(OVERDUE) => {
                format!("{place}: the rotation is overdue")
            }
            (Event::Notice, _) => format!("{place}: a rotation comes up"),
            (Event::Staged, _) => format!("{place}: new key {key} is staged"),
            (Event::Promoted, _) => format!("{place}: key {key} is primary now"),
            (Event::Revoked, _) => format!("{place}: key {key} is revoked"),
            (Event::Failed, false) => format!("{place}: an apply failed"),
            (Event::Failed, true) => format!("{place}: applies succeed again"),
            (Event::Blocked, false) => format!("{place}: the rotation is blocked"),
            (Event::Blocked, true) => format!("{place}: the rotation is not blocked any more"),
            (Event::Emergency, false) => format!("{place}: EMERGENCY, key {key} is compromised"),
            (Event::Emergency, true) => format!("{place}: the emergency is over"),
        }
    }

    /// What else there is to say, each with its name.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let generation = self.about.generation.map(|number| number.to_string());
        let all = [
            ("reason", self.reason.clone()),
            ("what to do", self.guide_url.clone()),
            ("owner", self.about.owner.clone()),
            ("policy", self.about.policy.clone()),
            ("generation", generation),
            ("issuer", Some(self.issuer.clone())),
            ("workspace", Some(self.workspace.clone())),
            ("at", Some(self.at.to_string())),
        ];
        let given = |(name, value): (_, Option<String>)| {
            value.map(|value| (name, printable_line(&value).into_owned()))
        };
        all.into_iter().filter_map(given).collect()
    }
}

/// What a state says of a key that people want to be told, beside what happens to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// Whom.
    pub audience: Audience,
    /// What is the case now.
    pub conditions: Vec<Occurrence>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_for_an_event_hears_of_it() {
        let route = |to: &str, events: &[Event]| Route {
            to: to.into(),
            events: events.to_vec(),
            guide_url: None,
        };
        let audience = Audience {
            routes: vec![
                route("all", <Event as VariantArray>::VARIANTS),
                route("pager", &[Event::Failed]),
            ],
            about: About::default(),
        };
        let told = |event| -> Vec<&str> { audience.of(event).map(|it| it.to.as_str()).collect() };
        assert_eq!(told(Event::Failed), ["all", "pager"]);
        assert_eq!(told(Event::Staged), ["all"]);
    }
}
