//! What makes consumers read what was delivered: a [`Target`] that can be asked to start them anew, and that tells when
//! that is done.
//!
//! [`schema`] and [`connect`] are the settings of one entry of `deployments`; `request` is any HTTP API, `aws_ecs` a
//! service of Amazon ECS, and `kubernetes` a workload of the cluster of the provider block. No target is ever given a
//! secret of a key: consumers read it where it was delivered. When a target is asked is for
//! [`crate::domain::deployments`] to say, and how long it is waited for, for [`crate::engine::run`].

mod aws_ecs;
mod filling;
mod kubernetes;
mod request;
mod schema;

use async_trait::async_trait;

use crate::context::Context;
use crate::duration::Duration;
use crate::error::{Error, Result};
use crate::instant::Instant;
use crate::settings::{DROPPED, Settings};

pub use schema::attributes;

/// How long a deployment is waited for, unless the configuration says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// What consumers are started anew for.
#[derive(Clone, Debug)]
pub struct Occasion {
    /// The name of the managed key.
    pub name: String,
    /// Its generation.
    pub generation: u64,
    /// The mark of the key that consumers are to read; empty if its secret was never seen.
    pub fingerprint: String,
    /// When the target was asked.
    pub requested_at: Instant,
    /// What the target called that, where it gave it an id.
    pub id: Option<String>,
}

/// How far a deployment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Every consumer has read what is delivered.
    Done,
    /// Not yet: what is missing, as a clause.
    Running(String),
    /// It will not be: why, as a clause.
    Failed(String),
}

/// What can be asked to start consumers anew.
#[async_trait]
pub trait Target: Send + Sync {
    /// What it is, for messages and the ledger: `aws_ecs prod/web`.
    fn place(&self) -> String;

    /// Asks for it, and gives back the id by which that is found again, if there is one. To ask twice is harmless: consumers
    /// start once more and read the same.
    async fn start(&self, occasion: &Occasion) -> Result<Option<String>>;

    /// How far that is.
    async fn look(&self, occasion: &Occasion) -> Result<Progress>;
}

/// One entry of `deployments`, ready to be asked.
pub struct Wanted {
    /// Whom to ask.
    pub target: Box<dyn Target>,
    /// Whether promotions and revocations wait for it.
    pub required: bool,
    /// How long it is waited for.
    pub timeout: Duration,
}

/// Reads one entry. Nothing is sent.
pub fn connect(settings: &Settings, context: &Context) -> Result<Wanted> {
    Ok(Wanted {
        target: target(settings, context)?,
        required: is_required(settings),
        timeout: timeout(settings)?,
    })
}

/// Whether promotions and revocations wait for it.
pub fn is_required(settings: &Settings) -> bool {
    settings.boolean("required").unwrap_or(true)
}

fn target(settings: &Settings, context: &Context) -> Result<Box<dyn Target>> {
    let sorts = ["request", schema::AWS_ECS, schema::KUBERNETES];
    let set: Vec<(&str, Settings)> = sorts
        .iter()
        .filter_map(|sort| Some((*sort, settings.object(sort)?)))
        .collect();
    let wrong = |summary: &str, detail: String| {
        Err(Error::invalid(settings.path().clone(), summary, detail))
    };
    match set.as_slice() {
        [("request", request)] => {
            let poll = settings.object("poll");
            let target = request::HttpTarget::read(request, poll.as_ref(), context)?;
            Ok(Box::new(target))
        }
        [(sort, _)] if settings.object("poll").is_some() => wrong(
            "There is nothing to poll",
            format!(
                "{sort} is asked by itself how far it is. Remove poll, or set request in its place."
            ),
        ),
        [(schema::AWS_ECS, fields)] => Ok(Box::new(aws_ecs::Service::read(fields, context)?)),
        [(_, fields)] => Ok(Box::new(kubernetes::Workload::read(fields, context)?)),
        [] => wrong(
            "No deployment",
            format!("Set request, aws_ecs or kubernetes in it. {DROPPED}"),
        ),
        [(first, _), (second, _), ..] => wrong(
            "More than one deployment",
            format!(
                "It sets both {first} and {second}. Keep one of them, and give the other an entry of its own."
            ),
        ),
    }
}

fn timeout(settings: &Settings) -> Result<Duration> {
    match settings.duration("timeout")?.unwrap_or(TIMEOUT) {
        length if length.is_zero() => Err(settings.wrong(
            "timeout",
            "timeout is not valid",
            "It is zero. Write at least \"1s\".",
        )),
        length => Ok(length),
    }
}
