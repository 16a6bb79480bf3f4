//! The outbox: what people are to be told. A row is written with what it tells of, and sent afterwards by whoever applies next.

use async_trait::async_trait;

use crate::domain::keys::ResourceRef;
use crate::domain::notices::{Telling, Told};
use crate::error::Result;
use crate::instant::Instant;

/// Hands out what is to be sent, to one at a time, and remembers what became of it.
///
/// By default there is none: nothing was ever told, and nothing is to be.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// What of a resource is still to be told, or was given up.
    async fn untold(&self, _resource: &str, _telling: &Telling, _now: Instant) -> Result<Untold> {
        Ok(Untold::default())
    }

    /// Writes down what is the case now of a key of this issuer, for whoever was not told yet: a plan may not have been allowed to.
    async fn notice(&self, _: &ResourceRef, _: &str, _: &Telling, _: Instant) -> Result<()> {
        Ok(())
    }

    /// Takes what may be sent now to a destination, emergencies first, then the oldest, so that nobody else sends it until `until`.
    async fn claim(&self, _claim: &Claim) -> Result<Vec<Message>> {
        Ok(Vec::new())
    }

    /// Writes down what became of a message that was taken.
    async fn conclude(&self, _message: &str, _ended: &Ended) -> Result<()> {
        Ok(())
    }
}

/// Who takes what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Something random.
    pub by: String,
    /// To whom it is sent.
    pub channel: String,
    /// How many at most.
    pub most: u32,
    /// When.
    pub now: Instant,
    /// From when on somebody else may take it.
    pub until: Instant,
}

/// One message to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The same however often it is sent.
    pub id: String,
    /// Whose key it is about.
    pub resource_id: String,
    /// The name of the destination.
    pub channel: String,
    /// What is told.
    pub told: Told,
    /// How often it was taken, this time included.
    pub attempts: u32,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The other side took it.
    Sent(Instant),
    /// It is tried again from then on, for this reason.
    Later(Instant, String),
    /// It is not tried again, for this reason.
    GivenUp(Instant, String),
    /// There was no time to try.
    Untried,
}

/// What of a resource people have not heard yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Untold {
    /// What the next apply sends: the event, and the destination.
    pub waiting: Vec<(String, String)>,
    /// What was given up, and why, as long as nothing else has reached the same destination since.
    pub given_up: Vec<String>,
}
