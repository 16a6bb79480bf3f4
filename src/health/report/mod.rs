//! What happened in a month, and what an audit of every key finds. Markdown, for people; the same rows, period and instant give
//! the same bytes.

mod audit;
mod month;

use super::incident::Told;
use super::markdown::{line, table};
use super::period::Period;
use super::{Health, Status};
use crate::instant::Instant;
use crate::ledger::inventory::Listed;

pub use audit::audit;
pub use month::month;

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// Of which time.
    pub period: &'a Period,
    /// How every key is doing now.
    pub health: &'a Health,
    /// Every key, live or dead.
    pub keys: &'a [Listed],
    /// The events of the period.
    pub told: &'a [Told],
    /// What the walk along the audit trail said.
    pub trail: &'a str,
}

impl<'a> Material<'a> {
    /// The keys that took the place of another in the period. The first key of a resource takes the place of none.
    fn rotated(&self) -> Vec<&'a Listed> {
        let keys = self.keys;
        let takes_a_place = |it: &&Listed| {
            let mut others = keys.iter();
            others.any(|other| {
                other.resource.id == it.resource.id
                    && (other.key.created_at < it.key.created_at
                        || other
                            .key
                            .promoted_at
                            .is_some_and(|at| Some(at) < it.key.promoted_at))
            })
        };
        let promoted = keys.iter();
        let promoted = promoted.filter(|it| self.period.has(it.key.promoted_at));
        let mut rotated: Vec<&Listed> = promoted.filter(takes_a_place).collect();
        rotated.sort_by_key(|it| (it.key.promoted_at, &it.resource.id));
        rotated
    }
}

/// When each key was promoted that took the place of another, where, and by which run as far as its apply said so.
fn rotations(text: &mut String, material: &Material) {
    let told = material.told;
    line(text, format_args!("## Rotations\n"));
    let columns = [
        "Promoted",
        "Managed key",
        "Environment",
        "Owner",
        "Key",
        "By",
    ];
    table(
        text,
        &columns,
        material.rotated().into_iter().map(|it| {
            let workspace = format!("workspace {}", it.resource.workspace);
            vec![
                when(it.key.promoted_at),
                name(it),
                or_none(&it.environment),
                or_none(&it.owner),
                it.key.key.label().to_owned(),
                run_of(it, told).map_or(workspace.clone(), |run| format!("{workspace}, {run}")),
            ]
        }),
    );
}

/// The run of the apply that promoted a key: the first to end after it.
fn run_of<'t>(key: &Listed, told: &'t [Told]) -> Option<&'t str> {
    let ended = |event: &&Told| event.effect.as_deref() == Some("apply") && event.event == "done";
    let mut applies = told
        .iter()
        .filter(ended)
        .filter(|event| event.resource.id == key.resource.id);
    applies
        .find(|event| event.at >= key.key.promoted_at)?
        .detail
        .as_deref()
}

/// What is late now, whatever the period.
fn late(text: &mut String, health: &Health) {
    let now = health.now;
    line(text, format_args!("## Late or held up at {now}\n"));
    let late = health
        .keys
        .iter()
        .filter(|key| key.status(now) >= Status::Due);
    let columns = [
        "Managed key",
        "Workspace",
        "Environment",
        "Owner",
        "Status",
        "Due",
        "Days late",
    ];
    table(
        text,
        &columns,
        late.map(|key| {
            vec![
                key.resource.name.clone(),
                key.resource.workspace.clone(),
                or_none(&key.environment),
                or_none(&key.owner),
                key.status(now).word().to_owned(),
                when(key.due_at),
                key.due_at.map_or("-".into(), |due| days(due, now)),
            ]
        }),
    );
}

fn end(text: &mut String, material: &Material) {
    let now = material.health.now;
    line(text, format_args!("## Evidence\n\n* {}", material.trail));
    if now < material.period.until {
        line(
            text,
            format_args!("* The period is not over: more may follow."),
        );
    }
    line(
        text,
        format_args!(
            "* Written at {now} by apikey {}.",
            env!("CARGO_PKG_VERSION")
        ),
    );
}

fn name(listed: &Listed) -> String {
    format!(
        "{} (workspace {})",
        listed.resource.name, listed.resource.workspace
    )
}

fn when(at: Option<Instant>) -> String {
    at.map_or("-".into(), |at| at.to_string())
}

fn or_none(text: &Option<String>) -> String {
    text.clone().unwrap_or_else(|| "-".into())
}

fn days(from: Instant, now: Instant) -> String {
    (now.since(from).as_secs() / 86_400).to_string()
}
